package server

import (
	"bytes"
	"cmp"
	"strings"
	"time"

	"smtplay/engine/transcript"
	"smtplay/engine/wire"
)

// conversation is one connection of a transcript, as steps to play. But for
// played it is not changed.
type conversation struct {
	file   string
	line   int    // where it begins
	target string // the name or the address that it was led to
	steps  []step // the last one is an end
	played int    // how often; Recording.mu guards it
}

// stepKind is what a step of a conversation is about.
type stepKind uint8

const (
	stepSay  stepKind = iota + 1 // the server speaks
	stepHear                     // a line of the client's, or a piece of one
	stepText                     // message text
	stepTLS                      // a handshake
	stepEnd                      // the connection ends
)

// step is one step of a conversation.
type step struct {
	kind  stepKind
	piece               // what is said or heard; of other steps the line
	pause time.Duration // silence before it is said
	chunk []piece       // what follows a BDAT (RFC 3030), line by line
	text  []piece       // the lines of message text, the lone dot included
	shown tlsShown      // what came of a handshake
	close Ending        // Close, Reset, or Silence where the client ends
}

// piece is what one side wrote, in one go as a rule, and where it stands.
type piece struct {
	data  []byte
	spans []transcript.Span
	line  int // in the file
}

// String is the piece as its transcript shows it.
func (p piece) String() string { return shown(p.data, p.spans) }

// shown is a line on the wire as a transcript shows it, without its mark.
func shown(data []byte, spans []transcript.Span) string {
	line := transcript.AppendEvent(nil, transcript.Event{Conn: 1, Kind: transcript.Client, Data: data, Spans: spans})
	return cmp.Or(strings.TrimPrefix(strings.TrimSuffix(string(line), "\n"), "C: "), "an empty line")
}

// beginsTLS says whether a handshake comes before the greeting.
func (c *conversation) beginsTLS() bool { return c.steps[0].kind == stepTLS }

// answer is the first byte of what the server says next, after the step at i;
// 0 where it says nothing before the client goes on.
func (c *conversation) answer(i int) byte {
	if next := c.steps[min(i+1, len(c.steps)-1)]; next.kind == stepSay {
		return next.data[0]
	}
	return 0
}

// owes is what a client that leaves before the step at i leaves out: the first
// thing other than QUIT. ok is false where nothing else is left.
func (c *conversation) owes(i int) (owed *step, ok bool) {
	for ; i < len(c.steps); i++ {
		switch st := &c.steps[i]; st.kind {
		case stepHear:
			if wire.Verb(string(st.data)) != "QUIT" {
				return st, true
			}
		case stepText:
			return st, true
		case stepTLS:
			return st, !st.shown.failed
		}
	}
	return nil, false
}

// loneDot ends a message (RFC 5321 section 4.1.1.4).
const loneDot = ".\r\n"

// ends says whether message text ends as it should.
func (st *step) ends() bool {
	n := len(st.text)
	return string(st.text[n-1].data) == loneDot && (n == 1 || bytes.HasSuffix(st.text[n-2].data, []byte("\r\n")))
}
