package dsl

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"smtplay/engine"
	"smtplay/engine/wire"
)

// scribe writes the body of one test.
type scribe struct {
	inputs *inputs
	text   bool
	turns  []turn
	at     int // the turn under way
	indent string
	out    bytes.Buffer
	talks  map[int]*talk
	judged bool // something is expected
	over   bool // the test can go no further
}

// talk is one conversation of the test, as far as it is written.
type talk struct {
	name       string // of the variable that holds it, "" where there is but one
	declared   bool
	begun      bool
	dead       bool // nothing more can be said in it
	ahead      int  // replies that are still to come
	shutOut    bool // the server is going to close it
	owed       int  // replies to what was sent
	quit       bool
	verbs      []string // of the commands that a reply is owed to
	caps       wire.Capabilities
	lmtp       bool
	rcpts      int // LMTP: recipients accepted in this transaction
	mechanism  string
	challenged bool // a 334 was read
	answers    int  // SASL messages sent
}

var (
	ordinals          = strings.Fields("first second third fourth fifth sixth seventh eighth ninth")
	conversationNames = words(strings.Join(ordinals, " "))
)

// test writes the whole test.
func (s *scribe) test() {
	s.talks = map[int]*talk{}
	for _, t := range s.turns {
		if t.kind != noteTurn { // which may be about one that is left out
			s.talks[t.conn] = &talk{}
		}
	}
	if len(s.talks) > 1 {
		for i, conn := range slices.Sorted(maps.Keys(s.talks)) {
			s.talks[conn].name = fmt.Sprintf("conversation%d", i+1)
			if i < len(ordinals) {
				s.talks[conn].name = ordinals[i]
			}
		}
	}
	for ; s.at < len(s.turns) && !s.over; s.at++ {
		s.turn(&s.turns[s.at])
	}
	if !s.judged && !s.over {
		s.line(`skip "the server said nothing when this was taken down"`)
	}
}

func (s *scribe) turn(t *turn) {
	c := s.talks[t.conn]
	switch t.kind {
	case noteTurn:
		s.comment(string(t.bytes))
		return
	case stepTurn:
		s.line("step " + quote(oneLine(string(t.bytes))))
		return
	case connectTurn:
		s.connect(c, string(t.bytes))
		return
	}
	if !c.begun {
		s.connect(c, "")
	}
	if c.dead {
		s.lost(t)
		return
	}
	switch t.kind {
	case tlsTurn:
		s.line(c.verb("handshake") + "()" + verdictOf(t.bytes))
		c.forget()
	case commandTurn:
		s.commands(c, t.lines)
	case messageTurn:
		s.message(c, t.bytes)
	case rawTurn:
		s.raw(c, t.bytes)
	case replyTurn:
		s.say(s.expect(c, t.reply))
	case oddTurn:
		c.dead = true
		s.comment(fmt.Sprintf("The server said what is no reply: %q", t.bytes))
	case closeTurn:
		s.close(c, string(t.bytes))
	}
}

func (c *talk) verb(name string) string {
	if c.name != "" {
		return c.name + ":" + name
	}
	return name
}

// commands writes command lines that were sent together, with the replies that
// came next.
func (s *scribe) commands(c *talk, lines []sentLine) {
	n := c.answered(lines)
	s.send(c, lines[:n])
	for _, l := range lines[n:] {
		s.comment("send " + quote(l.text) + ": no reply to it was seen")
	}
}

// answered is how many of the lines can be sent again: those that got a reply.
// A QUIT need not wait for one, and nothing need where the server hung up.
func (c *talk) answered(lines []sentLine) int {
	n := min(max(c.ahead-c.owed, 0), len(lines))
	if c.shutOut || n == len(lines)-1 && wire.Verb(lines[n].text) == "QUIT" {
		return len(lines)
	}
	return n
}

func (s *scribe) send(c *talk, lines []sentLine) {
	if len(lines) == 0 {
		return
	}
	if len(lines) == 1 && c.owed == 0 && (s.startTLS(c, lines[0]) || s.login(c)) {
		return
	}
	args := make([]expr, len(lines))
	for i, l := range lines {
		e, ok := s.command(c, l)
		if !ok {
			why := "and smtplay does not have the mechanism"
			if _, known := engine.MechanismNamed(c.mechanism); known {
				why = "and auth would not do the same"
			}
			s.line("skip " + quote("the password of this "+c.mechanism+" was not taken down, "+why))
			s.over = true
			return
		}
		args[i] = e
	}
	switch {
	case c.owed > 0:
		var all expr
		for _, a := range args {
			all.parts = append(all.parts, a.parts...)
			all.literal("\r\n")
		}
		s.say(append([]string{c.verb("raw") + all.argument()}, s.replies(c, lines)...)...)
	case len(args) == 1:
		s.say(append([]string{c.verb("send") + args[0].argument()}, s.replies(c, lines)...)...)
	default:
		s.pipeline(c, args)
		s.say(s.replies(c, lines)...)
	}
}

func (s *scribe) pipeline(c *talk, args []expr) {
	texts := make([]string, len(args))
	for i := range args {
		texts[i] = args[i].String()
	}
	if line := c.verb("pipeline") + "{ " + strings.Join(texts, ", ") + " }"; len(s.indent)+len(line) <= widest {
		s.line(line)
		return
	}
	s.line(c.verb("pipeline") + "{")
	for _, t := range texts {
		s.line("  " + t + ",")
	}
	s.line("}")
}

// replies are the expectations of all replies that come next.
func (s *scribe) replies(c *talk, sent []sentLine) []string {
	for _, l := range sent {
		verb := wire.Verb(l.text)
		c.quit = c.quit || verb == "QUIT"
		c.verbs = append(c.verbs, verb)
	}
	c.owed += len(sent)
	conn := s.turns[s.at].conn
	var expects []string
	for s.at+1 < len(s.turns) && s.turns[s.at+1].kind == replyTurn && s.turns[s.at+1].conn == conn {
		s.at++
		expects = append(expects, s.expect(c, s.turns[s.at].reply))
	}
	return expects
}

// heard keeps what a reply changes.
func (c *talk) heard(r *wire.Reply) {
	verb := ""
	if len(c.verbs) > 0 && c.owed <= len(c.verbs) {
		verb, c.verbs = c.verbs[0], c.verbs[1:]
	}
	c.owed, c.ahead = max(c.owed-1, 0), c.ahead-1
	c.challenged = r.Code == 334
	if r.Code/100 != 2 {
		return
	}
	switch verb {
	case "EHLO", "LHLO":
		c.caps, c.lmtp, c.rcpts = wire.ParseCapabilities(r), verb == "LHLO", 0
	case "HELO":
		c.lmtp = false
	case "MAIL", "RSET":
		c.rcpts = 0
	case "RCPT":
		c.rcpts++
	}
}

// message writes message text as it went out, its dots doubled.
func (s *scribe) message(c *talk, text []byte) {
	ended := bytes.HasSuffix(text, []byte("\r\n.\r\n")) || string(text) == ".\r\n"
	if ended && c.ahead == 0 && !c.shutOut {
		s.comment("A message followed. No reply to it was seen.")
		return
	}
	if lua, ok := messageText(text); !ok {
		s.line(c.verb("raw") + s.rawArgument(text))
	} else {
		s.line(c.verb("send") + " " + lua)
	}
	if ended {
		c.owed++
		if c.lmtp {
			c.owed += c.rcpts - 1
		}
		c.verbs, c.rcpts = nil, 0
	}
	s.say(s.replies(c, nil)...)
}

// raw writes bytes that are no lines. They owe no reply as far as the engine
// goes, but replies to them come.
func (s *scribe) raw(c *talk, b []byte) {
	line := c.verb("raw") + s.rawArgument(b)
	c.verbs = nil
	if wire.Verb(string(b)) == "BDAT" {
		c.owed++
	} else {
		c.owed += bytes.Count(b, []byte("\n"))
	}
	s.say(append([]string{line}, s.replies(c, nil)...)...)
}

// maxPieces bounds how many lines a string is written on: a chain of .. is deep.
const maxPieces = 200

// rawArgument writes bytes as raw takes them, long ones with each of their lines
// on a line of its own.
func (s *scribe) rawArgument(b []byte) string {
	lua := quote(string(b))
	if len(s.indent)+len(lua) <= widest || bytes.Count(b, []byte("\n")) > maxPieces {
		return " " + lua
	}
	var pieces []string
	for line := range bytes.Lines(b) {
		pieces = append(pieces, quote(string(line)))
	}
	return "(" + strings.Join(pieces, "\n"+s.indent+"  .. ") + ")"
}

// lost tells what cannot be said again, since the conversation is over.
func (s *scribe) lost(t *turn) {
	for _, l := range t.lines {
		s.comment("send " + quote(l.text))
	}
	switch {
	case t.kind == oddTurn || t.kind == rawTurn || t.kind == messageTurn:
		s.comment(fmt.Sprintf("%q", t.bytes))
	case t.kind == replyTurn:
		s.comment(fmt.Sprintf("%q", t.reply.Raw))
	}
}

// widest is how long a line may get before its statements are taken apart.
const widest = 110

// say writes statements, on one line where they fit.
func (s *scribe) say(statements ...string) {
	if len(statements) == 0 {
		return
	}
	line := strings.Join(statements, "; ")
	if len(s.indent)+len(line) <= widest {
		s.line(line)
		return
	}
	for _, st := range statements {
		s.line(st)
	}
}

func (s *scribe) line(text string) {
	s.out.WriteString(s.indent)
	s.out.WriteString(text)
	s.out.WriteByte('\n')
}

func (s *scribe) comment(text string) {
	const longest = 500
	for line := range strings.Lines(text) {
		if line = oneLine(line); len(line) > longest {
			line = strings.ToValidUTF8(line[:longest], "") + "…"
		}
		if line != "" {
			s.line("-- " + line)
		}
	}
}
