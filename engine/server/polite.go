package server

import (
	"crypto/tls"
	"strconv"
	"strings"
)

// Polite is a small correct SMTP server, any reply of which can be replaced.
// The zero value accepts every mail, in clear, for anybody. It is not changed
// by its sessions, so many can share it.
type Polite struct {
	// Domain is the name it gives itself; "" means "server.example.com".
	Domain string

	// Capabilities are the keywords that EHLO lists, with their parameters;
	// CapabilitiesTLS those after a handshake. Nil means what the session can
	// do; an empty list is said as it is. What is not listed still works.
	Capabilities, CapabilitiesTLS []string

	// TLS makes STARTTLS work; with ImplicitTLS the session begins with the
	// handshake.
	TLS         *tls.Config
	ImplicitTLS bool

	// Injectable keeps what came in clear after STARTTLS and obeys it as if
	// it had come encrypted: the fault of CVE-2011-0411.
	Injectable bool

	// Users are the passwords (or tokens) by user name, for AUTH; nil means no
	// AUTH. With AuthNeedsTLS it is refused in clear, and not listed. Mechanisms
	// are those that it has, in the order in which EHLO lists them; nil means
	// PLAIN and LOGIN. It knows also CRAM-MD5, DIGEST-MD5, SCRAM-SHA-1 and
	// SCRAM-SHA-256, both with -PLUS, XOAUTH2, OAUTHBEARER, EXTERNAL and ANONYMOUS.
	Users        map[string]string
	AuthNeedsTLS bool
	Mechanisms   []string

	// LMTP makes it speak RFC 2033: LHLO, and after the dot a reply for each
	// accepted recipient.
	LMTP bool

	// On replaces replies.
	On Answers

	// Answer, where it is set, decides each reply when it is due; not ok leaves
	// it to On.
	Answer func(Question) (answer Answer, ok bool)

	// Took, where it is set, is told of each message that was accepted when Play has
	// answered it; the visit tells only when it is over. In LMTP its recipients are those
	// for whom it was accepted. It may keep the message.
	Took func(*Message)
}

// politeSession is the state of one session.
type politeSession struct {
	Polite
	s      *Session
	visit  *Visit
	kept   bool           // somebody wants all of the visit
	text   int            // bytes that the visit holds
	named  int            // bytes of this transaction's RCPT commands
	seen   map[string]int // how often each key was answered
	line   string         // the command that is obeyed
	mail   Message        // identity, and the transaction under way
	opened bool           // MAIL was accepted
	closed bool           // refused at the greeting
	queued int
}

// Serve plays a session; it is a Handler.
func (p Polite) Serve(s *Session) {
	p.play(s, false)
	if gone(s.err) {
		s.err = ErrOver // a client that leaves is no fault of the session
	}
}

// Play plays a session to its end, closes it and tells all of it. What a client does wrong
// is data of the visit. It holds at most 50,000 replies, 10,000 transactions and
// 128 MiB of message text: a client that goes on beyond gets a 421.
func (p Polite) Play(s *Session) *Visit {
	defer s.Close()
	return p.play(s, true)
}

func (p Polite) play(s *Session, kept bool) *Visit {
	if p.Domain == "" {
		p.Domain = "server.example.com"
	}
	c := &politeSession{Polite: p, s: s, kept: kept, seen: make(map[string]int), visit: &Visit{Session: s.Index(), Peer: s.Peer()}}
	c.mail.Session, c.mail.Peer = c.visit.Session, c.visit.Peer
	if kept || p.Answer != nil {
		s.given = make([]byte, 0, 128)
		defer func() { s.given = nil }()
	}
	if !p.ImplicitTLS || s.StartTLS(p.TLS) == nil {
		c.obey()
	}
	c.forget()
	c.identify()
	c.visit.end(s)
	return c.visit
}

// obey obeys one command after the other.
func (c *politeSession) obey() {
	if c.ImplicitTLS {
		c.encrypted()
	}
	c.greet()
	for c.s.err == nil {
		line, err := c.s.ReadLine()
		if err != nil {
			return
		}
		if c.kept && c.visit.full(c.text) {
			c.s.Reply("421 4.7.0 Too much for one session")
			c.s.Close()
			return
		}
		c.line = line
		c.command(line)
	}
}

// encrypted takes down what the handshake agreed on.
func (c *politeSession) encrypted() {
	c.mail.TLS = true
	if state, ok := c.s.TLS(); ok {
		c.mail.State = &state
	}
	c.identify()
}

// identify keeps the visit in step with who the client is.
func (c *politeSession) identify() {
	v, m := c.visit, &c.mail
	v.Verb, v.Helo, v.User, v.XClient, v.TLS = m.Verb, m.Helo, m.User, m.XClient, m.State
}

// answer gives the reply of that key, the usual one unless it was replaced, and
// returns its first byte. argument is what is answered, an address where there
// is one.
func (c *politeSession) answer(key, argument string, usual ...string) byte {
	n := c.count(key)
	a, replaced := c.replacement(key, argument, n, usual)
	if c.s.given != nil {
		c.s.given = c.s.given[:0]
	}
	if !replaced {
		a = Answer{Lines: usual}
	}
	code := a.play(c.s)
	if c.s.given != nil {
		if len(c.visit.Replies) < mostGiven && c.text <= mostText {
			key, argument = shownOf(key, argument)
			g := Given{key, n, argument, c.given()}
			c.visit.Replies = append(c.visit.Replies, g)
			c.text += len(g.Argument) + len(g.Reply)
		}
	}
	return code
}

// shownOf is what of a command a visit keeps: no answer of a login, wherever a
// client puts it.
func shownOf(key, argument string) (string, string) {
	const longestVerb = 8 // STARTTLS
	notLetter := func(r rune) bool { return r < 'a' || r > 'z' }
	switch {
	case key == ".":
	case key == "auth":
		argument, _, _ = strings.Cut(argument, " ")
	case key == "response":
		argument = ""
	case len(key) > longestVerb || key == "" || strings.ContainsFunc(key, notLetter):
		return "?", ""
	}
	return key, argument
}

// given is the reply that was written last, "" for none, and where nobody asks.
func (c *politeSession) given() string {
	return strings.TrimSuffix(strings.TrimSuffix(string(c.s.given), "\n"), "\r")
}

// count counts what is answered, of verbs without end only some.
func (c *politeSession) count(key string) int {
	if n, known := c.seen[key]; known || len(c.seen) < mostKeys {
		c.seen[key] = n + 1
		return n + 1
	}
	return 1
}

// replacement is the answer in the place of the usual one: that of the function,
// or else of On for this time, for this address, for every time.
func (c *politeSession) replacement(key, argument string, n int, usual []string) (a Answer, ok bool) {
	if c.Answer != nil {
		q := Question{Key: key, Ordinal: n, Argument: argument, Line: c.line, Usual: usual, Visit: c.visit, Begun: c.opened, Message: &c.mail}
		if a, ok = c.Answer(q); ok {
			return a, true
		}
	}
	if len(c.On) == 0 {
		return a, false
	}
	if a, ok = c.On[key+" "+strconv.Itoa(n)]; ok {
		return a, true
	}
	if a, ok = c.On.to(key, argument); ok {
		return a, true
	}
	a, ok = c.On[key]
	return a, ok
}

func (c *politeSession) greet() {
	protocol := "ESMTP"
	if c.LMTP {
		protocol = "LMTP"
	}
	// RFC 5321 section 3.1: after a refusal the server waits for QUIT.
	c.closed = c.answer("greeting", "", "220 "+c.Domain+" "+protocol) == '5'
}

// command obeys one line.
func (c *politeSession) command(line string) {
	word, arg, _ := strings.Cut(line, " ")
	verb, arg := verbOf(word), strings.TrimSpace(arg)
	if c.closed && verb != "quit" {
		c.answer(verb, arg, "503 5.5.1 No service here")
		return
	}
	switch verb {
	case "ehlo", "helo", "lhlo":
		c.hello(verb, arg)
	case "mail":
		c.from(arg)
	case "rcpt":
		c.to(arg)
	case "data":
		c.data(arg)
	case "bdat":
		c.bdat(arg)
	case "rset":
		if c.answer(verb, arg, "250 2.0.0 Ok") == '2' {
			c.forget()
		}
	case "noop":
		c.answer(verb, arg, "250 2.0.0 Ok")
	case "vrfy":
		c.answer(verb, arg, "252 2.0.0 Cannot verify, will try")
	case "starttls":
		c.starttls(arg)
	case "auth":
		c.auth(arg)
	case "xclient":
		c.xclient(arg)
	case "quit":
		c.visit.Quit = true
		c.answer(verb, arg, "221 2.0.0 Bye")
		c.s.Close()
	default:
		c.answer(verb, arg, "500 5.5.2 Command not recognized")
	}
}

// verbOf is a verb in lower case.
func verbOf(word string) string {
	for _, verb := range [...]string{"mail", "rcpt", "data", "bdat", "rset", "quit", "ehlo"} {
		if strings.EqualFold(word, verb) {
			return verb // without making another string of it
		}
	}
	return strings.ToLower(word)
}

// hello obeys EHLO, HELO and LHLO (RFC 5321 section 4.1.1.1, RFC 2033
// section 4.1), each of which drops a transaction under way.
func (c *politeSession) hello(verb, name string) {
	switch {
	case c.LMTP != (verb == "lhlo"):
		c.answer(verb, name, "500 5.5.1 Not the greeting of this protocol")
		return
	case name == "":
		c.answer(verb, name, "501 5.5.4 Say your name")
		return
	}
	lines := []string{"250 " + c.Domain}
	if verb != "helo" {
		lines = append([]string{c.Domain}, c.capabilities()...)
		for i := range lines {
			mark := "-"
			if i == len(lines)-1 {
				mark = " "
			}
			lines[i] = "250" + mark + lines[i]
		}
	}
	if c.answer(verb, name, lines...) == '2' {
		c.forget()
		c.mail.Verb, c.mail.Helo = strings.ToUpper(verb), name
		c.identify()
	}
}

// capabilities lists what EHLO says after the domain.
func (c *politeSession) capabilities() []string {
	if c.mail.TLS && c.CapabilitiesTLS != nil {
		return c.CapabilitiesTLS
	}
	if !c.mail.TLS && c.Capabilities != nil {
		return c.Capabilities
	}
	list := []string{"PIPELINING", "SIZE 30720000", "VRFY"}
	if c.TLS != nil && !c.mail.TLS {
		list = append(list, "STARTTLS")
	}
	if c.Users != nil && (c.mail.TLS || !c.AuthNeedsTLS) {
		list = append(list, "AUTH "+strings.Join(c.mechanisms(), " "))
	}
	return append(list, "XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT",
		"ENHANCEDSTATUSCODES", "8BITMIME", "CHUNKING")
}

// starttls obeys STARTTLS (RFC 3207): everything said before is forgotten.
func (c *politeSession) starttls(arg string) {
	usual := "220 2.0.0 Ready to start TLS"
	switch {
	case arg != "":
		usual = "501 5.5.4 No parameters"
	case c.mail.TLS:
		usual = "503 5.5.1 TLS already active"
	case c.TLS == nil:
		usual = "502 5.5.1 TLS not available"
	}
	code := c.answer("starttls", arg, usual)
	_, encrypted := c.s.TLS()
	if code != '2' || c.s.err != nil || c.mail.TLS {
		return
	}
	if !encrypted {
		if c.TLS == nil {
			return // a 220 that was played, with nothing behind it
		}
		clear := c.s.Buffered()
		if c.s.StartTLS(c.TLS) != nil {
			return
		}
		if c.Injectable {
			c.s.Unread(clear)
		}
	}
	c.forget()
	c.mail.Verb, c.mail.Helo, c.mail.User = "", "", ""
	c.encrypted()
}

// forget drops the transaction under way, which the visit keeps, and keeps who
// the client is.
func (c *politeSession) forget() {
	if c.opened && c.kept {
		c.visit.Messages = append(c.visit.Messages, c.mail)
		c.text += len(c.mail.Data)
		if c.Took != nil && c.mail.Complete && c.mail.Accepted {
			m := c.mail
			if c.LMTP {
				m.To = m.reached()
			}
			c.Took(&m)
		}
	}
	c.opened, c.named = false, 0
	m := &c.mail
	m.From, m.Parameters, m.To, m.Recipients, m.Data = "", Parameters{}, nil, nil, ""
	m.Complete, m.Accepted, m.Reply = false, false, ""
}
