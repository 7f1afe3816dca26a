package paste

import (
	"bytes"
	"fmt"

	"smtplay/engine/transcript"
)

// verdict is what became of a line.
type verdict uint8

const (
	taken   verdict = iota // it is in the conversation, or known not to be, or remarked upon
	another                // it begins another conversation: nothing was done with it
	ended                  // it is the last of this one
)

// role is who speaks in the lines of a mark.
type role uint8

const (
	nobody role = iota
	client
	server
	either // the mark only quotes: who speaks is seen by what is said
)

// conversation is one while its lines are read.
type conversation struct {
	names *secretNames
	no    int // of the line under way
	began int // the line of the first that was said
	cost  int

	entries []entry
	aside   []run // what could not be placed, in order
	apart   bool  // nothing was said since the last of aside: a further line joins it

	// how it is written down
	roles   [families][4]role
	marked  bool // who speaks is known by marks
	byMark  bool // in the line under way
	stamped bool // the number of a process stands before all of it
	quoted  bool // a mark stands before all of it, as in a mail
	tool    tool
	indent  int // of what was said last

	// where it leads
	host, port   string
	reached      bool   // a tool said that it connects
	certificate  bool   // within a certificate that s_client shows
	renegotiates bool   // within what it shows when it does that
	closed       string // by whom, "" while nobody has

	// how far it has come
	greeted  bool
	head     int  // where the greeting goes: before what was typed ahead of it
	greeting bool // the reply under way is the greeting
	answerAt int  // where the next line of the reply under way goes
	open     int  // the code of a reply whose last line has not come
	owed     []pending
	said     int // commands
	replies  int
	lmtp     bool
	rcpts    int  // LMTP: recipients accepted in this transaction
	busy     bool // more was said than a greeting
	over     bool // QUIT was answered
	gap      bool // an empty line followed what was said last

	text      bool // a 354 was read: what the client says is message text
	textFrom  int  // the line of that 354
	textSize  int  // lines of text so far
	blanks    int  // empty lines without a mark among it
	chunk     int  // bytes of a BDAT chunk that are still to come
	chunkSize int  // of all of it
	maybe     *line
	early     []line // what stands behind DATA, before its reply
	earlyDot  bool   // the lone dot among it

	tls       tlsFacts
	tlsDue    bool // a handshake comes before what is said next
	encrypted bool
	wantsEHLO bool // s_client said EHLO before TLS; the one after it may be missing

	challenged bool // a 334 was read
	mechanism  string
	answers    int
	secrets    []secret
}

// entry is an event, and the line that it comes from; 0 where it stands for
// what is missing.
type entry struct {
	transcript.Event
	line int
}

// line is one that waits for what follows it.
type line struct {
	no     int
	text   []byte
	marked bool
}

// take reads a line that names no process.
func (c *conversation) take(no int, b []byte) verdict {
	c.no = no
	if (c.text || c.inChunk()) && !c.marked && c.tool != exim {
		c.plainText(b)
		return taken
	}
	b = bytes.ReplaceAll(b, []byte("\u00a0"), []byte(" ")) // as web pages have it
	said := bytes.TrimLeft(b, " \t")
	indent := len(b) - len(said)
	if len(said) == 0 {
		c.blank()
		return taken
	}
	said, indent = c.unstamp(said, indent)
	m, rest := unmark(said)
	if m.family == arrows && c.knows(letters) { // what a report points at
		if inner, behind := unmark(bytes.TrimLeft(rest, " ")); inner.family == letters {
			m, rest = inner, behind
		}
	}
	if (m.side == 0 || m.family == eximMarks || said[0] == '>') && !speaks(said) {
		if v, ok := c.toolSays(said); ok {
			return v
		}
	}
	switch {
	case c.tool == exim && m.family != eximMarks:
		return c.debugLine(said, indent)
	case m.side == 0:
		return c.unmarkedLine(said, indent)
	}
	return c.markedLine(m, rest, indent)
}

// plainText reads a line of a dialogue without marks where only the client
// speaks: it is text whatever it looks like, but for the last words of a tool.
func (c *conversation) plainText(b []byte) {
	if c.quoted {
		m, rest := unmark(bytes.TrimLeft(b, " \t"))
		if c.roles[m.family][m.side] != either {
			if len(bytes.TrimSpace(b)) > 0 {
				c.unplaced(c.no, b, "it is not quoted, as the conversation around it is")
			}
			return
		}
		b = rest
	}
	by, hangsUp := c.hangsUp(b)
	switch {
	case hangsUp:
		c.hangUp(by)
	case c.tool == sclient && c.inTheWay(b), bytes.HasPrefix(b, []byte("telnet> ")):
	case c.text:
		c.message(withoutIndent(b, c.indent))
	default:
		c.chunkLine(withoutIndent(b, c.indent))
	}
}

// withoutIndent takes up to n blanks off the start of a line.
func withoutIndent(b []byte, n int) []byte {
	for n > 0 && len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b, n = b[1:], n-1
	}
	return b
}

// put adds what was said, with CRLF.
func (c *conversation) put(kind transcript.Kind, said []byte, spans ...transcript.Span) {
	c.insert(len(c.entries), kind, said, c.no, spans...)
}

func (c *conversation) insert(at int, kind transcript.Kind, said []byte, no int, spans ...transcript.Span) {
	if c.began == 0 {
		c.began = no
	}
	data := make([]byte, 0, len(said)+2)
	data = append(data, said...)
	if kind == transcript.Server || kind == transcript.Client {
		data = append(data, '\r', '\n')
		if no > 0 {
			c.gap, c.apart = false, false
		}
	}
	e := entry{transcript.Event{Conn: 1, Kind: kind, Data: data, Spans: spans}, no}
	c.entries = append(c.entries, e)
	if at < len(c.entries)-1 {
		copy(c.entries[at+1:], c.entries[at:])
		c.entries[at] = e
		for i := range c.aside {
			if c.aside[i].at > at {
				c.aside[i].at++
			}
		}
		for i := range c.owed {
			if c.owed[i].at >= at {
				c.owed[i].at++
			}
		}
	}
	c.cost += len(data) + lineCost
}

// note puts a remark of our own into the transcript.
func (c *conversation) note(format string, args ...any) {
	c.insert(len(c.entries), transcript.Note, fmt.Appendf(nil, format, args...), c.no)
}

// unplaced keeps a line that is in no conversation.
func (c *conversation) unplaced(no int, text []byte, why string) {
	c.cost += c.keepRun(no, text, why)
}

// hangUp is the end of the connection.
func (c *conversation) hangUp(by string) {
	c.text = false
	c.closed = by
}

// cut ends a conversation before its end.
func (c *conversation) cut(no int) {
	c.unplaced(no, nil, "the conversation is too long, and was cut here")
}

// end is the end of the conversation as far as it was written down.
func (c *conversation) end() {
	c.settleMaybe()
	for _, l := range c.early {
		if len(l.text) > 0 {
			c.unplaced(l.no, l.text, noServer)
		}
	}
	c.early = nil
	if c.open != 0 {
		c.mend()
	}
	if c.text && c.textSize > 0 && c.closed == "" {
		c.unplaced(c.textFrom, nil, "the message that begins here has no end: all that follows was taken for its text")
	}
	c.finishChunk()
}
