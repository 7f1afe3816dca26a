package engine

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"smtplay/engine/wire"
)

// AuthLimit keeps a run from getting its client banned. It counts the failed
// logins of all connections that share it, by server, and when there were Max of
// them no AUTH is sent to that server any more. One that raw writes in pieces is
// counted, but not kept back. The zero value allows any number.
// Its fields may not change once a connection has it.
type AuthLimit struct {
	Max      int  // failed logins that a server may see; 0 is any number
	Loopback bool // also on loopback, where hardly a server bans its own machine

	mu      sync.Mutex
	servers map[string]*logins
}

// logins are those that a server has seen.
type logins struct {
	failed  int
	open    int           // sent, their outcome not known
	changed chan struct{} // closed and renewed when an outcome gets known
}

// at are the logins at a server. The lock is held.
func (l *AuthLimit) at(server string) *logins {
	if l.servers == nil {
		l.servers = map[string]*logins{}
	}
	if l.servers[server] == nil {
		l.servers[server] = &logins{changed: make(chan struct{})}
	}
	return l.servers[server]
}

// begin takes leave for n logins. Where all that are open could fail, and then
// be too many, it waits for what becomes of them, so that a run of several
// workers stops where one of a single worker does. ok is false where too many
// have failed, or nothing became of the others in time.
func (l *AuthLimit) begin(ctx context.Context, server string, n int, within time.Duration) (failed int, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		l.mu.Lock()
		s := l.at(server)
		failed, ok = s.failed, s.failed+s.open+n <= l.Max
		if ok {
			s.open += n
		}
		hopeless, changed := s.failed+n > l.Max, s.changed
		l.mu.Unlock()
		if ok || hopeless {
			return failed, ok
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return failed, false
		}
	}
}

// end notes what became of logins: open ones that are over, and failures.
func (l *AuthLimit) end(server string, over, failed int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.at(server)
	s.open -= over
	s.failed += failed
	close(s.changed)
	s.changed = make(chan struct{})
}

// countsLogins says whether the logins of this connection count.
func (c *Conn) countsLogins() bool {
	l := c.opts.Logins
	return l != nil && l.Max > 0 && (l.Loopback || !c.loopback)
}

// server is whom the logins are counted for: the address without its port, as
// what bans a client does so on all ports.
func (c *Conn) server() string {
	if a, ok := c.sock.RemoteAddr().(*net.TCPAddr); ok {
		return a.IP.String()
	}
	return strings.ToLower(c.host) // behind an SSH host, which alone knows its address
}

// mayLogIn takes leave to send n AUTH commands.
func (c *Conn) mayLogIn(ctx context.Context, n int) error {
	if n == 0 || !c.countsLogins() {
		return nil
	}
	var failed int
	var ok bool
	c.wait(func() {
		failed, ok = c.opts.Logins.begin(ctx, c.server(), n, orDefault(c.opts.Timeout, DefaultTimeout))
	})
	switch {
	case ok:
		c.logins += n
		return nil
	case ctx.Err() != nil:
		return interrupted(ctx, "auth")
	}
	what := fmt.Sprintf("%d failed at %s in this run", failed, c.server())
	if failed+n <= c.opts.Logins.Max {
		what += ", others are under way"
	}
	return &Error{Op: "auth", Addr: c.addr, Kind: Withheld, Msg: fmt.Sprintf("no AUTH was sent, lest the server ban this client: of logins %s, and the limit is %d", what, c.opts.Logins.Max)}
}

// loginEnded notes the last reply of an AUTH exchange. What answers raw bytes
// may answer anything in them, so that only a verdict on a login counts there.
func (c *Conn) loginEnded(cmd *Command, r *wire.Reply) {
	if !c.countsLogins() {
		return
	}
	failed := 0
	if r.Code == 535 || r.Code == 435 { // RFC 4954 section 6; Postfix says 435 with soft_bounce
		failed = 1
	}
	over := min(c.logins, 1)
	if cmd == nil && failed == 0 && r.Code != 235 {
		over = 0
	}
	c.logins -= over
	if over+failed > 0 {
		c.opts.Logins.end(c.server(), over, failed)
	}
}

// forgetLogins: nobody will know any more what became of them.
func (c *Conn) forgetLogins() {
	if c.logins > 0 {
		c.opts.Logins.end(c.server(), c.logins, 0)
		c.logins = 0
	}
}

// beginsLogin says whether a line is an AUTH command.
func beginsLogin(line string) bool {
	word, _, _ := strings.Cut(strings.TrimLeft(line, " \t"), " ")
	return strings.EqualFold(strings.TrimRight(word, "\t\r\n"), "AUTH")
}

// rawLogins are the AUTH commands in raw bytes.
func (c *Conn) rawLogins(b []byte) (n int) {
	if c.message || !c.countsLogins() {
		return 0
	}
	for line := range bytes.Lines(b) {
		if beginsLogin(string(line)) {
			n++
		}
	}
	return n
}
