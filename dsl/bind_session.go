package dsl

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"smtplay/engine/mailbox"
	"smtplay/engine/server"
	"smtplay/engine/suite"
)

// heldSession is a session that the script plays by hand.
type heldSession struct {
	*server.Session
	l       *listener
	timeout time.Duration // for each command
	busy    *half         // which waits on it now
}

// held is a session as the script plays it.
func (c *call) held(l *listener, s *server.Session, timeout time.Duration) *heldSession {
	h := &heldSession{Session: s, l: l, timeout: timeout}
	h.SetTimeout(timeLimit)
	h.Waiting = func() func() {
		h.busy = l.s.half
		back := l.s.waiting()
		return func() {
			back()
			h.busy = nil
		}
	}
	return h
}

func sessionObject() *object {
	get := func(f func(m *machine, h *heldSession) lua.LValue) func(*machine, any) lua.LValue {
		return func(m *machine, self any) lua.LValue { return f(m, self.(*heldSession)) }
	}
	method := func(name, doc string, run func(*call, *heldSession) int) *verb {
		return &verb{name: name, chapter: chapterPeers, doc: doc, run: func(c *call) int {
			h := c.self.(*heldSession)
			if other := h.busy; other != nil {
				c.wrong("%s uses this session just now, at %v: one half at a time can", other, other.stands)
			}
			return run(c, h)
		}}
	}
	reply := method("reply", "Says a reply, all its lines in one segment. What is to be malformed is raw.", runSayReply)
	reply.args, reply.whole = []param{{name: "lines", kind: listKind}}, true
	reply.example = `s:reply{ "250-mx.example.net", "250 STARTTLS" }`
	expect := method("expect_command", "Reads the next command, which must begin with these words, ignoring case, and returns it.", runExpectCommand)
	expect.args, expect.whole, expect.many = []param{{name: "command", kind: commandKind, doc: `"ehlo"; { match = [[^MAIL FROM:<.*> SIZE=]] }, a regular expression (RE2); a list of them`}}, true, true
	expect.options = []param{{name: "match", kind: textKind, doc: "what the command matches (RE2)"}, optWithin}
	expect.example = `s:expect_command "mail from:<a@example.org>"`
	command := method("command", "Reads and returns the next command, unjudged.", func(c *call, h *heldSession) int {
		c.Push(lua.LString(c.hear(h, "a command", 0)))
		return 1
	})
	command.options = []param{optWithin}
	message := method("message", "Reads message text up to its lone dot (after a 354), and returns it as a message. It says nothing: a reply is owed.", runHearMessage)
	message.returns, message.options = "message", []param{optWithin}
	read := method("read", "Reads just so many octets, as BDAT announces them.", runReadOctets)
	read.args, read.options = []param{{name: "octets", kind: numberKind, between: &[2]int64{0, 64 << 20}}}, []param{optWithin}
	start := method("starttls", "Does the handshake, as the server. It says nothing before: s:reply \"220 Ready\" does. With refused the client must refuse the certificate, and why must contain that.", runServerHandshake)
	start.options = []param{{name: "refused", kind: anyValue, doc: `true, or a text that the client's alert contains: "certificate"`}, optWithin}
	raw := method("raw", "Says these very bytes.", func(c *call, h *heldSession) int {
		d := c.bounded(h)
		c.said(h, h.Raw(c.text(0)), d)
		return 0
	})
	raw.args = []param{{name: "bytes", kind: stringKind}}
	ended := method("expect_close", "The client ends the connection, with no byte before that.", runClientCloses)
	ended.options = []param{optWithin}
	return &object{name: "session", doc: "A session that the script plays by hand: what accept returns, and what serve gives to its function.", fields: []objectField{
		{"peer", "string", "the client's address", get(func(_ *machine, h *heldSession) lua.LValue { return textOrNil(h.Peer()) })},
		{"tls", "table", "version, cipher and name (what the client asked for) of the encryption; nil in clear", get(func(m *machine, h *heldSession) lua.LValue {
			if state, ok := h.TLS(); ok {
				return peerTLS(m, &state)
			}
			return lua.LNil
		})},
	}, methods: []*verb{reply, expect, command, message, read, start, raw, ended,
		method("close", "Ends the session in an orderly way.", func(c *call, h *heldSession) int {
			c.leave(h, h.Close())
			return 0
		}),
		method("reset", "Ends it by a TCP reset.", func(c *call, h *heldSession) int {
			c.leave(h, h.Reset())
			return 0
		}),
		method("drop", "Ends it without TLS's farewell.", func(c *call, h *heldSession) int {
			c.leave(h, h.Drop())
			return 0
		}),
	}}
}

func runAccept(c *call) int {
	l := c.self.(*listener)
	timeout := cmp.Or(c.duration(c.option("timeout"), "timeout"), c.s.patient())
	h := c.held(l, c.next(l, c.within()), timeout)
	c.s.accepted = append(c.s.accepted, h)
	c.Push(c.s.m.object(objectNamed["session"], h))
	return 1
}

// timeLimit bounds a session that a script plays by hand, whose every wait is
// bounded by itself.
const timeLimit = 24 * time.Hour

func runSayReply(c *call, h *heldSession) int {
	lines, err := replyLines(nodeOf(c.arg(0), 0))
	if err != nil {
		c.wrong("reply: %v", err)
	}
	d := c.bounded(h)
	c.said(h, h.Reply(lines...), d)
	return 0
}

// said fails where something could not be said to the client.
func (c *call) said(h *heldSession, err error, within time.Duration) {
	if errors.Is(err, server.ErrTimeout) {
		err = fmt.Errorf("the client did not read it in %v", within)
	}
	if err != nil {
		c.strayed(h, err, "")
	}
	h.SetTimeout(timeLimit)
}

// leave ends a session for good.
func (c *call) leave(h *heldSession, err error) {
	h.l.over(h.Session)
	if err != nil && !errors.Is(err, server.ErrOver) {
		c.strayed(h, err, "")
	}
}

// bounded gives the session the time that the verb has for what it waits for.
func (c *call) bounded(h *heldSession) time.Duration {
	d := cmp.Or(c.duration(c.option("within"), "within"), h.timeout)
	h.SetTimeout(d)
	return d
}

// hear reads the client's next line.
func (c *call) hear(h *heldSession, want string, within time.Duration) string {
	d := c.bounded(h)
	if within > 0 {
		d = within
		h.SetTimeout(d)
	}
	line, err := h.ReadLine()
	if err != nil {
		c.unheard(h, err, want, d)
	}
	h.SetTimeout(timeLimit)
	return line
}

// unheard fails for what did not come.
func (c *call) unheard(h *heldSession, err error, want string, within time.Duration) {
	if errors.Is(err, server.ErrTimeout) {
		err = fmt.Errorf("the client sent nothing more in %v", within)
	}
	c.strayed(h, err, want)
}

// strayed fails for what the client did, or no longer does.
func (c *call) strayed(h *heldSession, err error, want string) {
	if c.s.ctx.Err() != nil {
		c.interrupted()
	}
	f := &suite.Failure{What: fmt.Sprintf("%s: %v", c.v.name, err), Want: want, Together: true, Target: strings.TrimSpace(h.l.name + " from " + h.Peer())}
	switch {
	case errors.Is(err, server.ErrOver):
		f.What = c.v.name + ": this session is over"
	case errors.Is(err, server.ErrClosed):
		f.What = c.v.name + ": this session is over: its listener was closed"
	case server.Gone(err):
		f.What, f.Got = c.v.name+": the client ended the connection", "the end of the connection"
	}
	c.s.fail(c.LState, f)
}

// commandWant is what a command must be.
type commandWant struct {
	words string
	match *regexp.Regexp
	any   []commandWant
}

func (w commandWant) String() string {
	switch {
	case w.any != nil:
		words := make([]string, len(w.any))
		for i, a := range w.any {
			words[i] = a.String()
		}
		return strings.Join(words, " or ")
	case w.match != nil:
		return fmt.Sprintf("a command that matches /%v/", w.match)
	}
	return fmt.Sprintf("the command %q", w.words)
}

// holds: a command begins with the words, and does not go on within the last.
func (w commandWant) holds(line string) bool {
	switch {
	case w.any != nil:
		for _, a := range w.any {
			if a.holds(line) {
				return true
			}
		}
		return false
	case w.match != nil:
		return w.match.MatchString(line)
	}
	n := len(w.words)
	if len(line) < n || !strings.EqualFold(line[:n], w.words) {
		return false
	}
	return len(line) == n || strings.ContainsRune(" :>", rune(w.words[n-1])) || strings.IndexByte(" \t:", line[n]) >= 0
}

// commandOptions are those of expect_command.
var commandOptions = []string{"match", "within"}

// readCommand reads what a command must be, and how long it may take, 0 where that
// is not said.
func readCommand(n node) (w commandWant, within time.Duration, err error) {
	if n.kind != tableNode {
		w, err = readCommandWant(n)
		return w, 0, err
	}
	rest := node{kind: tableNode, list: n.list}
	for _, o := range n.named {
		switch {
		case !slices.Contains(commandOptions, o.name):
			return w, 0, unknownOption("expect_command", o.name, commandOptions)
		case o.name == "match":
			rest.named = append(rest.named, o)
		default:
			if within, err = readDuration(o.value); err != nil {
				return w, 0, fmt.Errorf("within: %w", err)
			}
		}
	}
	if len(rest.list) == 1 && len(rest.named) == 0 {
		rest = rest.list[0]
	}
	w, err = readCommandWant(rest)
	return w, within, err
}

func readCommandWant(n node) (commandWant, error) {
	switch {
	case n.kind == unknownNode:
		return commandWant{}, nil
	case n.kind == stringNode && strings.TrimSpace(n.str) != "":
		if strings.ContainsAny(n.str, "\r\n") {
			return commandWant{}, fmt.Errorf("%q is more than a line", n.str)
		}
		return commandWant{words: n.str}, nil
	case n.kind == tableNode && len(n.list) > 0 && len(n.named) == 0:
		var w commandWant
		for _, item := range n.list {
			a, err := readCommandWant(item)
			if err != nil {
				return w, err
			}
			w.any = append(w.any, a)
		}
		return w, nil
	case n.kind == tableNode && len(n.list) == 0 && len(n.named) == 1 && n.named[0].name == "match":
		switch match := n.named[0].value; {
		case match.kind == unknownNode:
			return commandWant{}, nil
		case match.kind == stringNode && match.str != "":
			re, err := regexp.Compile(match.str)
			if err != nil {
				return commandWant{}, fmt.Errorf("match is no regular expression (RE2): %w", err)
			}
			return commandWant{match: re}, nil
		}
	}
	return commandWant{}, fmt.Errorf(`%v is no command: write how it begins ("mail from:"), { match = [[…]] }, or a list of them`, n)
}

func runExpectCommand(c *call, h *heldSession) int {
	want, within, err := readCommand(nodeOf(c.arg(0), 0))
	if err != nil {
		c.wrong("expect_command: %v", err)
	}
	if c.count > 1 {
		options := nodeOf(c.arg(1), 0)
		if c.count > 2 || options.kind != tableNode || len(options.list) > 0 {
			c.wrong(`expect_command takes one command, and its options by name: one of several is expect_command{ "helo", "ehlo" }`)
		}
		for _, o := range options.named {
			if o.name != "within" {
				c.wrong("%v", unknownOption("expect_command", o.name, []string{"within"}))
			}
			if within, err = readDuration(o.value); err != nil {
				c.wrong("within of expect_command: %v", err)
			}
		}
	}
	line := c.hear(h, want.String(), within)
	if !want.holds(line) {
		f := &suite.Failure{What: fmt.Sprintf("expected %s, got %q", want, line), Want: want.String(), Got: line, Together: true,
			Target: strings.TrimSpace(h.l.name + " from " + h.Peer())}
		c.s.fail(c.LState, f)
	}
	c.s.expected++
	c.Push(lua.LString(line))
	return 1
}

func runHearMessage(c *call, h *heldSession) int {
	d := c.bounded(h)
	text, err := h.ReadData()
	if err != nil {
		c.unheard(h, err, "a message, up to its lone dot", d)
	}
	h.SetTimeout(timeLimit)
	c.Push(c.s.m.object(objectNamed["message"], &heldMessage{Message: &mailbox.Message{Raw: []byte(text), At: time.Now()}, s: c.s}))
	return 1
}

func runReadOctets(c *call, h *heldSession) int {
	n := int(nodeOf(c.arg(0), 0).num)
	if n < 0 || n > 64<<20 || lua.LNumber(n) != c.arg(0) {
		c.wrong("read needs how many octets, a whole number up to 64 MiB, not %v", nodeOf(c.arg(0), 0))
	}
	d := c.bounded(h)
	text, err := h.ReadBytes(n)
	if err != nil {
		c.unheard(h, err, fmt.Sprintf("%d octets", n), d)
	}
	h.SetTimeout(timeLimit)
	c.Push(lua.LString(text))
	return 1
}

func runServerHandshake(c *call, h *heldSession) int {
	config := h.l.tlsConfig()
	if config == nil {
		c.wrong("starttls: this listener has no certificate: listen said tls = false")
	}
	refused := c.option("refused")
	d := c.bounded(h)
	err := h.StartTLS(config)
	alert := "" // what came to nothing for another reason, as with time, is no refusal
	if e := (*server.HandshakeError)(nil); errors.As(err, &e) && (e.Alert != "" || server.Gone(err)) {
		alert = cmp.Or(e.Alert, e.Error())
	}
	if refused == lua.LNil || refused == lua.LFalse {
		if err != nil {
			c.unheard(h, err, "a handshake", d)
		}
		h.SetTimeout(timeLimit)
		return 0
	}
	want := "the client to refuse the certificate"
	if text, ok := refused.(lua.LString); ok {
		want += fmt.Sprintf(" with %q", string(text))
	}
	switch text, _ := refused.(lua.LString); {
	case err == nil:
		c.s.fail(c.LState, &suite.Failure{What: "starttls: the client took the certificate", Want: want, Got: "a handshake that was finished", Together: true,
			Target: strings.TrimSpace(h.l.name + " from " + h.Peer())})
	case alert == "" || !strings.Contains(strings.ToLower(alert), strings.ToLower(string(text))):
		c.unheard(h, err, want, d)
	}
	c.leave(h, h.Close())
	c.s.expected++
	return 0
}

func runClientCloses(c *call, h *heldSession) int {
	d := c.bounded(h)
	line, err := h.ReadLine()
	switch {
	case err == nil:
		f := &suite.Failure{What: fmt.Sprintf("expected the client to close, got %q", line), Want: "the end of the connection", Got: line, Together: true}
		c.s.fail(c.LState, f)
	case !server.Gone(err):
		c.unheard(h, err, "the end of the connection", d)
	}
	c.leave(h, h.Close())
	c.s.expected++
	return 0
}
