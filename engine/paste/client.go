package paste

import (
	"bytes"
	"fmt"
	"strconv"

	"smtplay/engine/transcript"
)

// command places a command line.
func (c *conversation) command(said []byte) verdict {
	verb := commandForm(said)
	if isLogin(said) {
		verb = "AUTH" // whatever follows it
	}
	if c.closed != "" || isHello(verb) && c.isOver() {
		return another
	}
	c.settleMaybe()
	if c.open != 0 {
		c.mend()
	}
	c.finishChunk()
	c.settleTLS()
	if c.wantsEHLO {
		if c.wantsEHLO = false; !mayBeFirst[verb] {
			c.assumeEHLO(len(c.entries))
		}
	}
	spans := c.authSpans(verb, said)
	c.put(transcript.Client, said, spans...)
	c.said++
	if verb == "" {
		verb = "?"
	}
	c.owe(verb)
	switch verb {
	case "EHLO", "HELO":
		c.lmtp = false
	case "BDAT":
		c.beginChunk(said)
	case "MAIL", "RCPT", "AUTH", "QUIT", "DATA", "VRFY", "EXPN":
		c.busy = true
	}
	return taken
}

// pending is a command that has no reply yet.
type pending struct {
	verb string
	at   int // which entry it is
}

// owe: what was put last owes a reply.
func (c *conversation) owe(verb string) {
	c.owed = append(c.owed, pending{verb, len(c.entries) - 1})
}

// firstOwed and lastOwed are the verbs of the command that is to be answered
// next, and of the last that was said; "" for none.
func (c *conversation) firstOwed() string {
	if len(c.owed) == 0 {
		return ""
	}
	return c.owed[0].verb
}

func (c *conversation) lastOwed() string {
	if len(c.owed) == 0 {
		return ""
	}
	return c.owed[len(c.owed)-1].verb
}

func isHello(verb string) bool { return verb == "EHLO" || verb == "HELO" || verb == "LHLO" }

// isOver says whether an EHLO begins another conversation: this one was ended, or
// it was about more than a greeting and something stands between.
func (c *conversation) isOver() bool {
	between := c.gap || c.apart || c.maybe != nil && len(c.maybe.text) > 0
	switch {
	case c.over:
		return true
	case c.said == 0 || c.tlsDue:
		return false
	case c.replies == 0:
		return between
	}
	return between && c.busy && !c.marked
}

// waitsForData says whether a DATA has no reply yet: what the client says now
// is message text or a command, as that reply will have it.
func (c *conversation) waitsForData() bool {
	return c.lastOwed() == "DATA"
}

// hold keeps a line until the reply to DATA is known.
func (c *conversation) hold(l line) verdict {
	if c.earlyDot && !l.marked && len(l.text) > 0 && commandForm(l.text) == "" {
		if c.replies == 0 {
			return another // a list of what to type, and then the text goes on
		}
		c.unplaced(l.no, l.text, "it is no part of the conversation")
		return taken
	}
	l.text = bytes.Clone(l.text)
	c.earlyDot = c.earlyDot || string(l.text) == "."
	c.early = append(c.early, l)
	c.cost += len(l.text) + lineCost
	return taken
}

// release reads what was held back.
func (c *conversation) release() {
	early, no := c.early, c.no
	c.early, c.earlyDot = nil, false
	for _, l := range early {
		c.no = l.no
		switch {
		case c.text:
			c.message(l.text)
		case l.marked:
			c.clientLine(l.text, bytes.TrimLeft(l.text, " \t"))
		case len(l.text) == 0:
		default:
			c.unmarkedLine(l.text, c.indent)
		}
	}
	c.no = no
}

// message places a line of message text.
func (c *conversation) message(text []byte) {
	c.put(transcript.Client, text)
	c.textSize++
	if string(text) == "." {
		c.endText()
	}
}

// endText: the lone dot owes one reply, or in LMTP one for each accepted recipient
// (RFC 2033 4.2).
func (c *conversation) endText() {
	c.text = false
	n := 1
	if c.lmtp && c.rcpts > 0 {
		n = c.rcpts
	}
	for range n {
		c.owe(".")
	}
	c.rcpts = 0
}

// hidesText says whether a line stands for all of the message: swaks says
// "11 lines sent", Exim "writing message and terminating", others show the lone
// dot.
func (c *conversation) hidesText(said []byte) bool {
	if c.textSize > 0 {
		return false
	}
	n, isCount := bytes.CutSuffix(said, []byte(" lines sent"))
	return string(said) == "." || isCount && allDigits(n) || c.tool == exim && bytes.HasPrefix(said, []byte("writing message"))
}

// standIn puts a message in the place of one that the tool does not show.
func (c *conversation) standIn() {
	c.insert(len(c.entries), transcript.Note, []byte("the text of the message is not shown here: this stands for it"), 0)
	for _, text := range []string{"", "This stands for a message whose text was not kept.", "."} {
		c.insert(len(c.entries), transcript.Client, []byte(text), 0)
	}
	c.textSize++
	c.endText()
}

// maxChunk is how much is made up for a BDAT chunk that a tool does not show.
const maxChunk = 64 << 10

// beginChunk: the bytes of a chunk follow its command (RFC 3030 section 2).
func (c *conversation) beginChunk(said []byte) {
	n, err := strconv.ParseUint(string(bytes.Fields(said)[1]), 10, 31)
	if err != nil {
		return
	}
	c.chunk, c.chunkSize = int(n), int(n)
	if c.tool == exim || c.tool == postfix {
		c.finishChunk()
	}
}

// chunkLine takes a line for part of a chunk.
func (c *conversation) chunkLine(text []byte) {
	c.chunk = max(c.chunk-len(text)-2, 0)
	c.put(transcript.Client, text)
}

// inChunk says that part of a chunk was read, and not all of it.
func (c *conversation) inChunk() bool { return c.chunk > 0 && c.chunk < c.chunkSize }

// finishChunk makes up what is not shown of a chunk. Of a large one, it makes up
// less, and says so in the command.
func (c *conversation) finishChunk() {
	n := c.chunk
	if c.chunk = 0; n == 0 {
		return
	}
	if n > maxChunk {
		size, less := strconv.Itoa(c.chunkSize), strconv.Itoa(c.chunkSize-n+maxChunk)
		for i := len(c.entries) - 1; i >= 0; i-- {
			if d := c.entries[i].Data; commandForm(bytes.TrimSpace(d)) == "BDAT" {
				c.entries[i].Data = bytes.Replace(d, []byte(size), []byte(less), 1)
				break
			}
		}
		n = maxChunk
	}
	c.insert(len(c.entries), transcript.Note, fmt.Appendf(nil, "%d bytes of the message are not shown here: these stand for them", n), 0)
	for lines := (n + 77) / 78; lines > 0; lines-- {
		size := n / lines
		n -= size
		c.insert(len(c.entries), transcript.Client, bytes.Repeat([]byte("x"), max(size-2, 0)), 0)
		if e := &c.entries[len(c.entries)-1]; size < 2 {
			e.Data = append(e.Data[:0], 'x')
		}
	}
}
