package paste

import (
	"bytes"
	"fmt"

	"smtplay/engine/transcript"
)

// reply reads a line of a reply.
func (c *conversation) reply(code int, more bool, said []byte) verdict {
	if c.closed != "" && c.open == 0 {
		return another
	}
	if c.open != 0 {
		if code == c.open {
			c.replyLine(code, more, said)
			return taken
		}
		c.mend()
	}
	if !c.greeted {
		if v, done := c.greet(code, more, said); done {
			return v
		}
	}
	if code == 220 && !c.owes220() {
		return another
	}
	c.finishChunk()
	if c.text && c.textSize == 0 {
		c.standIn()
	}
	if c.challenged {
		c.missingAnswer()
	}
	if len(c.owed) == 0 && !c.explained(code) {
		c.settleMaybe()
		c.unplaced(c.no, said, "no command stands before this reply")
		return taken
	}
	c.settleMaybe()
	c.settleTLS()
	c.replyLine(code, more, said)
	return taken
}

// owes220 says whether a 220 may answer the next command; else it greets.
func (c *conversation) owes220() bool {
	return c.firstOwed() == "STARTTLS" || c.firstOwed() == "XCLIENT"
}

// explained says whether a reply that nothing asked for has its reason: the line
// before it was a command of which the verb is not known, the server spoke in the
// middle of a message, or hangs up.
func (c *conversation) explained(code int) bool {
	if m := c.maybe; m != nil && m.no+1 == c.no && maybeCommand(m.text, code) {
		c.maybe = nil
		no := c.no
		c.no = m.no
		c.command(m.text)
		c.no = no
		return true
	}
	return c.text || code == 421 || c.byMark && code >= 400
}

// maybeCommand says whether a line may be the command that a reply of that code
// refuses: people mistype, and press Enter on an empty line.
func maybeCommand(text []byte, code int) bool {
	if len(text) == 0 {
		return code/100 == 5
	}
	word, _, _ := bytes.Cut(text, []byte(" "))
	return code/100 == 5 || len(word) == len(text) || bytes.Equal(word, bytes.ToUpper(word))
}

// replyLine places a line of a reply.
func (c *conversation) replyLine(code int, more bool, said []byte) {
	if len(said) == 3 {
		said = append(bytes.Clone(said), ' ') // a blank at the end is lost where text is copied
	}
	if c.open == 0 {
		c.answerAt = c.place()
	}
	c.insert(c.answerAt, transcript.Server, said, c.no, c.proofSpans(said)...)
	c.answerAt++
	if c.open = 0; more {
		c.open = code
		return
	}
	c.replied(code)
}

// maxAhead is how much may be typed ahead and still be put into its order.
const maxAhead = 100

// place is where a reply goes: the greeting before what was typed ahead of it, and
// in a dialogue without marks a reply behind its own command, whatever was typed
// since. What has marks is in the order in which it was sent.
func (c *conversation) place() int {
	end := len(c.entries)
	if c.greeting && end-c.head <= maxAhead {
		return c.head
	}
	if c.marked || len(c.owed) < 2 || len(c.owed) > maxAhead {
		return end
	}
	for _, next := range c.owed[1:] {
		if next.at > c.owed[0].at {
			return next.at
		}
	}
	return end
}

// mend ends a reply of which the last line is missing.
func (c *conversation) mend() {
	code := c.open
	c.open = 0
	c.entries[c.answerAt-1].Data[3] = ' '
	c.insert(c.answerAt, transcript.Note, fmt.Appendf(nil, "the last line of this reply %d is missing", code), 0)
	c.replied(code)
}

// replied keeps what a reply changes.
func (c *conversation) replied(code int) {
	c.replies++
	if c.greeting {
		c.greeting, c.greeted = false, true
		return
	}
	verb := c.firstOwed()
	if verb != "" {
		c.owed = c.owed[1:]
	}
	if c.text && verb == "" {
		c.text = false // the server did not wait for the dot
	}
	switch {
	case code == 354:
		c.text, c.textFrom, c.textSize = true, c.no, 0
	case code == 334:
		c.challenged = true
	case code/100 == 2:
		c.succeeded(verb)
	}
	if verb == "DATA" {
		c.release()
	}
}

func (c *conversation) succeeded(verb string) {
	switch verb {
	case "STARTTLS":
		c.tlsDue = !c.encrypted
	case "QUIT":
		c.over = true
	case "LHLO":
		c.lmtp = true
	case "RCPT":
		c.rcpts++
	case "MAIL", "RSET":
		c.rcpts = 0
	}
}

// greet reads the first reply of all, and says whether it is done with: what
// is the greeting, or belongs to what is missing before it.
func (c *conversation) greet(code int, more bool, said []byte) (v verdict, done bool) {
	first := len(c.owed) == 0 && c.said == 0
	switch {
	case c.tool == sclient && code == 250 && !more && !bytes.Contains(said, []byte(".")):
		c.prelude(said) // the last line of the reply to its own EHLO
		return taken, true
	case code == 220 && !c.owes220():
		if c.scattered() {
			return another, true
		}
		c.settleMaybe()
		c.greetedBy(code, more, said)
	case first && code >= 400 && c.mayRefuse(code):
		c.greetedBy(code, more, said)
	case c.tool == sclient: // which said STARTTLS, or there would have been a greeting
		c.prelude([]byte("250"))
		return taken, false
	case first && !c.marked:
		c.settleMaybe()
		c.unplaced(c.no, said, "no command stands before this reply")
	default:
		c.assumeGreeting()
		return taken, false
	}
	return taken, true
}

// mayRefuse says whether a reply that comes first, of a code that refuses, may be
// the greeting. In prose, replies stand alone.
func (c *conversation) mayRefuse(code int) bool {
	prose := c.apart || c.maybe != nil && len(c.maybe.text) > 0
	return c.marked || !prose && (c.reached || code == 421 || code == 554)
}

// scattered says that the commands so far are no beginning of a conversation:
// there is prose between them and the greeting, or a whole message.
func (c *conversation) scattered() bool {
	return c.said > 0 && (c.apart || c.earlyDot && c.gap || c.maybe != nil && len(c.maybe.text) > 0)
}

func (c *conversation) greetedBy(code int, more bool, said []byte) {
	if c.tool == sclient {
		c.tlsDue = true
	}
	if c.tlsDue {
		c.shake(c.head)
		c.head++
	}
	c.greeting = true
	if c.said > 0 {
		c.insert(c.head, transcript.Note, fmt.Appendf(nil, "line %d was typed before this greeting came", c.entries[c.head].line), 0)
		c.head++
	}
	c.replyLine(code, more, said)
}

// assumeGreeting puts a greeting where none was copied: no server talks
// without one.
func (c *conversation) assumeGreeting() {
	if c.tlsDue && !c.encrypted && c.firstOwed() != "STARTTLS" {
		c.shake(c.head)
		c.head++
	}
	c.insert(c.head, transcript.Note, []byte("the greeting is missing here: 220 is assumed"), 0)
	c.insert(c.head+1, transcript.Server, []byte("220 "), 0)
	c.head += 2
	c.greeted = true
}

// prelude puts what s_client -starttls smtp says by itself before all the rest.
// It shows nothing of it but, by accident, the last line of the reply to its EHLO.
func (c *conversation) prelude(last []byte) {
	for _, e := range []struct {
		kind transcript.Kind
		said string
	}{
		{transcript.Note, "s_client said this by itself, and does not show it: the codes of its replies are assumed"},
		{transcript.Server, "220 "},
		{transcript.Client, assumedEHLO},
		{transcript.Server, string(last)},
		{transcript.Client, "STARTTLS"},
		{transcript.Server, "220 "},
	} {
		if len(e.said) == 3 {
			e.said += " "
		}
		c.insert(c.head, e.kind, []byte(e.said), 0)
		c.head++
	}
	if c.began == 0 {
		c.began = c.no
	}
	c.shake(c.head)
	c.head++
	c.greeted, c.wantsEHLO = true, c.said == 0
	c.replies++
	if c.said > 0 && !c.entries[c.head].helloes() {
		c.assumeEHLO(c.head)
	}
}

// helloes says that an entry is a command which may come first after TLS.
func (e *entry) helloes() bool { return mayBeFirst[commandForm(bytes.TrimSpace(e.Data))] }

var mayBeFirst = map[string]bool{"EHLO": true, "HELO": true, "LHLO": true, "QUIT": true, "NOOP": true, "RSET": true, "HELP": true}

// assumedEHLO is what openssl s_client says, unless it is told another name.
const assumedEHLO = "EHLO mail.example.com"

// assumeEHLO puts an EHLO where none was copied: after STARTTLS a server has
// forgotten the one before (RFC 3207 4.2), and takes no AUTH or MAIL without.
func (c *conversation) assumeEHLO(at int) {
	c.insert(at, transcript.Note, []byte("the EHLO after STARTTLS is missing here: it and its 250 are assumed"), 0)
	c.insert(at+1, transcript.Client, []byte(assumedEHLO), 0)
	c.insert(at+2, transcript.Server, []byte("250 "), 0)
	c.wantsEHLO = false
}

// settleTLS puts the handshake before what is said next.
func (c *conversation) settleTLS() {
	if c.tlsDue && c.greeted {
		c.shake(len(c.entries))
	}
}

// shake puts a handshake.
func (c *conversation) shake(at int) {
	c.tlsDue, c.encrypted = false, true
	c.insert(at, transcript.TLS, []byte(c.tls.String()), 0)
	c.tls = tlsFacts{}
}
