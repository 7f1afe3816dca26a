package server

import (
	"crypto/tls"
	"fmt"
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
}

// politeSession is the state of one session.
type politeSession struct {
	Polite
	s      *Session
	seen   map[string]int // how often each key was answered
	mail   Message        // identity, and the transaction under way
	opened bool           // MAIL was accepted
	closed bool           // refused at the greeting
	queued int
}

// Serve plays a session; it is a Handler.
func (p Polite) Serve(s *Session) {
	if p.Domain == "" {
		p.Domain = "server.example.com"
	}
	c := &politeSession{Polite: p, s: s, seen: make(map[string]int)}
	c.mail.Session = s.Index()
	defer func() {
		if gone(s.err) {
			s.err = ErrOver // a client that leaves is no fault of the session
		}
	}()
	if p.ImplicitTLS && s.StartTLS(p.TLS) != nil {
		return
	}
	c.mail.TLS = p.ImplicitTLS
	c.greet()
	for s.err == nil {
		line, err := s.ReadLine()
		if err != nil {
			return
		}
		c.command(line)
	}
}

// answer gives the reply of that key, the usual one unless it was replaced, and
// returns its first byte.
func (c *politeSession) answer(key string, usual ...string) byte {
	c.seen[key]++
	if a, ok := c.On[fmt.Sprintf("%s %d", key, c.seen[key])]; ok {
		return a.play(c.s)
	}
	if a, ok := c.On[key]; ok {
		return a.play(c.s)
	}
	return Say(usual...).play(c.s)
}

func (c *politeSession) greet() {
	protocol := "ESMTP"
	if c.LMTP {
		protocol = "LMTP"
	}
	// RFC 5321 section 3.1: after a refusal the server waits for QUIT.
	c.closed = c.answer("greeting", "220 "+c.Domain+" "+protocol) == '5'
}

// command obeys one line.
func (c *politeSession) command(line string) {
	verb, arg, _ := strings.Cut(line, " ")
	verb, arg = strings.ToLower(verb), strings.TrimSpace(arg)
	if c.closed && verb != "quit" {
		c.answer(verb, "503 5.5.1 No service here")
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
		if c.answer(verb, "250 2.0.0 Ok") == '2' {
			c.forget()
		}
	case "noop":
		c.answer(verb, "250 2.0.0 Ok")
	case "vrfy":
		c.answer(verb, "252 2.0.0 Cannot verify, will try")
	case "starttls":
		c.starttls(arg)
	case "auth":
		c.auth(arg)
	case "xclient":
		c.xclient(arg)
	case "quit":
		c.answer(verb, "221 2.0.0 Bye")
		c.s.Close()
	default:
		c.answer(verb, "500 5.5.2 Command not recognized")
	}
}

// hello obeys EHLO, HELO and LHLO (RFC 5321 section 4.1.1.1, RFC 2033
// section 4.1), each of which drops a transaction under way.
func (c *politeSession) hello(verb, name string) {
	switch {
	case c.LMTP != (verb == "lhlo"):
		c.answer(verb, "500 5.5.1 Not the greeting of this protocol")
		return
	case name == "":
		c.answer(verb, "501 5.5.4 Say your name")
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
	if c.answer(verb, lines...) == '2' {
		c.forget()
		c.mail.Helo = name
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
	code := c.answer("starttls", usual)
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
	c.mail.TLS, c.mail.Helo, c.mail.User = true, "", ""
}

// forget drops the transaction under way and keeps who the client is.
func (c *politeSession) forget() {
	c.opened = false
	c.mail.From, c.mail.To, c.mail.Data = "", nil, ""
}
