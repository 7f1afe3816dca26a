package replay

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"smtplay/engine"
	"smtplay/engine/transcript"
	"smtplay/engine/wire"
)

// kind is what a step does.
type kind uint8

const (
	connect   kind = iota + 1 // open the conversation, with TLS from the first byte where handshake is set
	say                       // send lines
	hear                      // read a reply
	handshake                 // TLS from here on
	silence                   // nothing comes for a while
	unheard                   // no reply comes for a while, and one is owed
	leave                     // close the connection
	left                      // the server closes it
)

// step is one thing that the client did, or waited for.
type step struct {
	kind kind
	conn int
	line int // of the transcript

	target     string        // connect: the name of the target, "" for an address
	greeted    bool          // connect: the transcript holds the greeting
	bare       bool          // connect: the transcript does not hold the connect
	tls        bool          // connect: from the first byte
	proxy      *engine.Proxy // connect: the header that goes before all, nil for none
	unverified bool          // connect, handshake: the client went on though the certificate did not hold
	wait       time.Duration // silence, unheard, left

	lines     []transcript.Event // say
	form      form               // say
	mechanism string             // say: of the AUTH exchange that these lines belong to, "" for none
	answer    bool               // say: answers a 334; else an AUTH command where mechanism is set
	replies   int                // say: how many replies came before more was said
	more      bool               // say: more was said later

	code int // hear: of the reply

	// Steps that hang on an answer: all of a block are left out where the reply
	// before the first of them has another code than needs.
	block, needs int
}

// form is how lines are sent.
type form uint8

const (
	commands form = iota // each owes a reply, and all before have been read
	text                 // of a message
	raw                  // bytes as they are
)

// compiler makes steps of events.
type compiler struct {
	events []transcript.Event
	at     int
	steps  []*step
	talks  map[int]*state
	blocks int
	sides  transcript.Sides
}

// state is how far a conversation has come in the transcript.
type state struct {
	begun     *step // the connect
	last      *step // the last say, nil before the first
	heard     bool  // a reply was read
	owed      int   // replies that had not been read
	message   bool  // a 354 was read and its message is not ended
	open      bool  // the last reply was a 334
	mechanism string
	block     int // the block that steps belong to, 0 for none
	needs     int
}

// waitNotes are the notes of the engine's that say what a client waited for.
var waitNotes = sync.OnceValue(func() []waitNote {
	return []waitNote{
		{silence, regexp.MustCompile(`^silence for (\S+)$`)},
		{unheard, regexp.MustCompile(`^(?:no reply|the reply was not complete) within (\S+)$`)},
		{left, regexp.MustCompile(`^still open after (\S+)$`)},
	}
})

type waitNote struct {
	kind kind
	form *regexp.Regexp
}

// failedHandshake begins the note of a handshake that came to nothing.
const failedHandshake = "the TLS handshake failed: "

// compile makes the steps of a transcript, one line of which is one event.
// Conversations that smtplay accepted are left out.
func compile(events []transcript.Event) []*step {
	c := &compiler{events: events, talks: map[int]*state{}}
	for c.at < len(events) {
		c.next()
	}
	for _, s := range c.steps {
		if s.kind == say && s.more && s.replies < len(s.lines) && s.form == commands {
			s.form = raw // whatever this was, not each line was answered
		}
	}
	return c.steps
}

// add adds a step that begins with the current line.
func (c *compiler) add(t *state, s *step) *step {
	s.conn, s.line = c.events[c.at].Conn, c.at+2 // the first line is the header
	s.block, s.needs = t.block, t.needs
	c.steps = append(c.steps, s)
	return s
}

// open begins a conversation.
func (c *compiler) open(target string) *state {
	t := &state{owed: 1}
	t.begun = c.add(t, &step{kind: connect, target: target})
	c.talks[c.events[c.at].Conn] = t
	return t
}

// next makes a step of the lines from the current one on that belong together.
func (c *compiler) next() {
	e := c.events[c.at]
	if c.sides.Serves(e) { // smtplay was the server there
		c.at++
		return
	}
	t := c.talks[e.Conn]
	words := string(e.Data)
	n := 1
	switch {
	case e.Kind == transcript.Step, t == nil && (e.Kind == transcript.Note || e.Kind == transcript.Close):
		c.at++
		return
	case t == nil && e.Kind != transcript.Connect:
		t = c.open("") // a transcript that begins in the middle
		t.begun.bare = true
	}
	switch e.Kind {
	case transcript.Connect:
		target, _, named := strings.Cut(words, " ")
		if strings.Contains(target, ":") || !named && strings.ContainsAny(target, "./") {
			target = "" // an address alone, or a command, which no transcript may choose
		}
		c.open(target)
	case transcript.TLS:
		c.secure(t, strings.Contains(words, " unverified: "))
	case transcript.Client:
		n = c.together(e)
		c.say(t, c.events[c.at:c.at+n])
	case transcript.Server:
		n = c.together(e)
		c.hear(t, c.events[c.at:c.at+n])
	case transcript.Note:
		c.note(t, words)
	case transcript.Close:
		t.block = 0
		if words == "client" {
			c.add(t, &step{kind: leave})
		} else {
			c.add(t, &step{kind: left})
		}
		delete(c.talks, e.Conn)
	}
	c.at += n
}

// together is the number of lines from the current one on that are of the same
// kind and conversation: all that the client sent at once, one reply.
func (c *compiler) together(e transcript.Event) int {
	n := 0
	for _, l := range c.events[c.at:] {
		if l.Kind != e.Kind || l.Conn != e.Conn {
			break
		}
		n++
		if e.Kind == transcript.Server && (len(l.Data) < 4 || l.Data[3] != '-') {
			break
		}
	}
	return n
}

// secure adds a handshake, or makes the connect one with TLS.
func (c *compiler) secure(t *state, unverified bool) {
	if t.last == nil && !t.heard {
		t.begun.tls, t.begun.unverified = true, unverified
		return
	}
	c.add(t, &step{kind: handshake, unverified: unverified})
}

// note adds what a remark tells that the client did.
func (c *compiler) note(t *state, words string) {
	for _, n := range waitNotes() {
		if m := n.form.FindStringSubmatch(words); m != nil {
			if d, err := time.ParseDuration(m[1]); err == nil {
				c.add(t, &step{kind: n.kind, wait: d})
			}
		}
	}
	if strings.HasPrefix(words, failedHandshake) {
		c.secure(t, false)
	}
	if m := proxyNote().FindStringSubmatch(words); m != nil && t.last == nil && !t.heard {
		version, _ := strconv.Atoi(m[1])
		if p, err := engine.ParseProxy(m[2], "", version); err == nil {
			t.begun.proxy = &p
		}
	}
}

// proxyNote is the engine's on the PROXY header. To what the client connected is
// another server now.
var proxyNote = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^PROXY protocol, version ([12]): the client is (\S+), which connected to \S+$`)
})

// say adds lines that the client sent at once: message text up to the lone dot,
// and commands.
func (c *compiler) say(t *state, lines []transcript.Event) {
	end := len(lines)
	if t.message {
		if dot := slices.IndexFunc(lines, func(l transcript.Event) bool { return string(l.Data) == ".\r\n" }); dot >= 0 && dot+1 < end {
			end = dot + 1
		}
	}
	s := &step{kind: say, lines: lines[:end], form: c.formOf(t, lines[:end])}
	switch {
	case t.message:
		c.hang(t, 354)
		if string(lines[end-1].Data) == ".\r\n" {
			t.message = false
			t.owed++
		}
	case t.open:
		c.hang(t, 334)
		s.mechanism, s.answer = t.mechanism, true
		t.open = false
		t.owed += end
	default:
		t.block = 0
		t.owed += end
		fields := strings.Fields(string(lines[0].Data))
		if len(fields) > 1 && strings.EqualFold(fields[0], "AUTH") {
			t.mechanism = strings.ToUpper(fields[1])
			s.mechanism = t.mechanism
		}
	}
	if t.last != nil {
		t.last.more = true
	}
	t.last = c.add(t, s)
	if end < len(lines) {
		c.at += end
		c.say(t, lines[end:])
		c.at -= end
	}
}

// hang makes this step and those after it hang on the last reply.
func (c *compiler) hang(t *state, needs int) {
	if needs == 354 && t.block > 0 && t.needs == 354 {
		return // more text of the same message
	}
	c.blocks++
	t.block, t.needs = c.blocks, needs
}

// formOf says how lines have to be sent.
func (c *compiler) formOf(t *state, lines []transcript.Event) form {
	if t.owed > 0 {
		return raw // nobody had waited for what came before
	}
	for i, l := range lines {
		body, whole := bytes.CutSuffix(l.Data, []byte("\r\n"))
		switch verb := wire.Verb(string(body)); {
		case !whole, bytes.ContainsAny(body, "\r\n"), verb == "BDAT" && !t.message && !t.open:
			return raw
		case verb == "DATA" && !t.message && i < len(lines)-1:
			return raw // with its text, before anybody said 354
		}
	}
	if t.message {
		return text
	}
	return commands
}

// hear adds a reply.
func (c *compiler) hear(t *state, lines []transcript.Event) {
	s := c.add(t, &step{kind: hear})
	if r, err := wire.ParseReply(joined(lines)); err == nil {
		s.code = r.Code
	}
	if !t.heard {
		// What a client reads first of all is the greeting, unless it is none.
		t.heard, t.begun.greeted = true, t.last == nil || s.code == 220 || s.code >= 400
	}
	if t.last != nil {
		t.last.replies++
	}
	t.owed = max(0, t.owed-1)
	t.message, t.open = s.code == 354, s.code == 334
}

func joined(lines []transcript.Event) []byte {
	var all []byte
	for _, l := range lines {
		all = append(all, l.Data...)
	}
	return all
}
