package engine

import (
	"net"
	"strings"

	"smtplay/engine/wire"
)

// standing is what a conversation showed of who the server takes its client for.
// Command lines are kept as they are: hardly anybody asks.
type standing struct {
	sender   string // the MAIL that was accepted last
	accepted [4]taken
	count    int
	login    bool // somebody logged in
	posed    bool // XCLIENT made the client another one
	refused  bool // a recipient was refused to the client itself, for it may not relay
}

// taken is a recipient that was accepted.
type taken struct {
	mail, rcpt string
	login      bool
}

func (s *standing) accept(line string) {
	if s.count < len(s.accepted) {
		s.accepted[s.count] = taken{mail: s.sender, rcpt: line, login: s.login}
		s.count++
	}
}

// pose notes what an XCLIENT made of the client.
func (s *standing) pose(line string) {
	line = strings.ToUpper(line)
	s.posed = s.posed || strings.Contains(line, " ADDR=")
	s.login = s.login || strings.Contains(line, " LOGIN=")
}

// refusal notes that the server does not relay for this client: what it took
// later, after a login, was not for the client's address.
func (s *standing) refusal(cmd *Command, r *wire.Reply) {
	if s.login || s.posed || cmd.word() != "RCPT" {
		return
	}
	// Codes do not tell: 5.7.1 and 4.7.1 stand for any policy, greylisting too.
	text := strings.ToLower(r.Text())
	s.refused = s.refused || strings.Contains(text, "relay") || strings.Contains(text, "rcpthosts")
}

// FromHere says whether the server sees the client on its own machine: over
// loopback, a UNIX socket, a pipe, or from the very address that it has itself.
// Servers commonly trust that (Postfix: mynetworks). What a PROXY header or
// XCLIENT has made of the client counts instead.
func (c *Conn) FromHere() bool {
	if c.client != nil {
		return c.client.IsLoopback()
	}
	if c.loopback || c.standing.posed {
		return !c.standing.posed
	}
	ours, okOurs := c.sock.LocalAddr().(*net.TCPAddr)
	theirs, okTheirs := c.sock.RemoteAddr().(*net.TCPAddr)
	return okOurs && okTheirs && ours.IP.Equal(theirs.IP)
}

// RelayRefused says whether this conversation saw that the server does not
// relay for its client: a recipient was refused so, before any login.
func (c *Conn) RelayRefused() bool { return c.standing.refused }

// LoggedIn says whether somebody logged in, or XCLIENT made the client one who had.
func (c *Conn) LoggedIn() bool { return c.standing.login }

// Relayed is the first recipient that was accepted and whose domain is not that
// of the sender, "" for none; login says whether somebody had logged in.
func (c *Conn) Relayed() (recipient string, login bool) {
	for _, t := range c.standing.accepted[:c.standing.count] {
		from, to := domain(t.mail), domain(t.rcpt)
		if from != "" && to != "" && !strings.EqualFold(from, to) {
			return address(t.rcpt), t.login
		}
	}
	return "", false
}

// address is that of a MAIL or RCPT command.
func address(line string) string {
	path := recipient(line)
	if path, _, found := strings.Cut(path, ">"); found {
		return path
	}
	path, _, _ = strings.Cut(path, " ")
	return path
}

func domain(line string) string {
	a := address(line)
	return a[strings.LastIndexByte(a, '@')+1:]
}
