package paste

import (
	"bytes"
)

// unstamp leaves out the time before a line, and the number of the process, where
// a mark shows what they are.
func (c *conversation) unstamp(said []byte, indent int) ([]byte, int) {
	if !isDigit(said[0]) && said[0] != '[' {
		return said, indent
	}
	if _, _, isReply := replyForm(said); isReply && !c.stamped && !bytes.Contains(said, []byte(" SMTP")) {
		return said, indent // nearly always
	}
	rest, timed := behindStamp(said)
	if rest == nil {
		return said, indent
	}
	m, _ := unmark(rest)
	switch {
	case m.family == eximMarks:
		c.stamped = true
	case timed && (m.side != 0 || bytes.IndexByte([]byte("*{}"), rest[0]) >= 0):
	case c.tool == exim && c.stamped:
	default:
		return said, indent
	}
	return rest, len(said) - len(rest) - len(bytes.TrimRight(said[:len(said)-len(rest)], " "))
}

// speaks says whether a line without a mark can only be a reply or a command.
func speaks(said []byte) bool {
	_, _, isReply := replyForm(said)
	return isReply || commandForm(said) != ""
}

// debugLine reads a line of Exim's debug output without an SMTP mark. The lines
// of a reply after the first have none. All else is about other things, or said
// twice, until another conversation begins.
func (c *conversation) debugLine(said []byte, indent int) verdict {
	code, more, isReply := replyForm(said)
	switch {
	case isReply && c.open == code && indent > 0:
		return c.reply(code, more, said)
	case c.gap && (c.over || c.closed != "") && (code == 220 || isHello(commandForm(said))):
		return another
	}
	return taken
}

// markedLine reads a line that a mark was taken off.
func (c *conversation) markedLine(m mark, rest []byte, indent int) verdict {
	said := bytes.TrimLeft(rest, " \t")
	c.byMark = true
	defer func() { c.byMark = false }()
	switch c.speaker(m, said) {
	case client:
		c.marked = true
		return c.clientLine(rest, said)
	case server:
		c.marked = true
		return c.serverLine(said)
	case either:
		if len(said) == 0 && !c.text {
			c.blank()
			return taken
		}
		return c.unmarkedLine(said, indent)
	}
	c.unplaced(c.no, said, "it is not clear who says this")
	return taken
}

// speaker says who a mark stands for. The first line of a mark decides that is
// a reply or a command by its form; the other mark of the two is the other side.
// One mark before both only quotes.
func (c *conversation) speaker(m mark, said []byte) role {
	known := &c.roles[m.family]
	form := nobody
	if _, _, ok := replyForm(said); ok {
		form = server
	} else if commandForm(said) != "" {
		form = client
	}
	if r := known[m.side]; r != nobody {
		if form != nobody && form != r && r != either && !c.text && !c.challenged && c.onlySide(m) && m.family < eximMarks {
			known[m.side], c.marked, c.quoted = either, false, true
			return either
		}
		return r
	}
	for side, r := range known {
		if r == client || r == server {
			if uint8(side) != m.side && m.family != letters || form == nobody || form != r {
				known[m.side] = client + server - r
				return known[m.side]
			}
		}
	}
	known[m.side] = form
	return form
}

// knows says whether a mark of that family has shown whose it is.
func (c *conversation) knows(f family) bool {
	for _, r := range c.roles[f] {
		if r == client || r == server {
			return true
		}
	}
	return false
}

// onlySide says that no other mark of the family was seen.
func (c *conversation) onlySide(m mark) bool {
	for side, r := range c.roles[m.family] {
		if uint8(side) != m.side && r != nobody {
			return false
		}
	}
	return true
}

// unmarkedLine reads a line without a mark: who speaks is seen by what is said.
func (c *conversation) unmarkedLine(said []byte, indent int) verdict {
	code, more, isReply := replyForm(said)
	switch {
	case c.text && (c.tool == swaks || c.tool == curl):
		c.unplaced(c.no, said, "it is no part of the conversation")
	case c.text: // by marks, but this line of the text has none
		for ; c.blanks > 0; c.blanks-- {
			c.message(nil)
		}
		c.message(said)
	case c.chunk > 0 && !isReply:
		c.chunkLine(said)
	case isReply:
		c.indent = indent
		return c.reply(code, more, said)
	case c.waitsForData():
		return c.hold(line{c.no, said, false})
	case c.challenged || c.answersAhead(said):
		c.indent = indent
		c.answer(said)
	case commandForm(said) != "":
		c.indent = indent
		return c.command(said)
	default:
		c.settleMaybe()
		c.maybe = &line{c.no, bytes.Clone(said), false}
	}
	return taken
}

// clientLine reads a line that is the client's by its mark.
func (c *conversation) clientLine(rest, said []byte) verdict {
	switch {
	case c.text && c.hidesText(said):
		c.standIn()
	case c.text:
		c.blanks = 0
		c.message(rest)
	case c.chunk > 0:
		c.chunkLine(rest)
	case c.waitsForData():
		return c.hold(line{c.no, rest, true})
	case c.tlsDue && isStageDirection(said):
		// "C: <starts TLS negotiation>", as the RFCs have it
	case c.challenged || c.answersAhead(said):
		c.answer(said)
	default:
		return c.command(said)
	}
	return taken
}

func isStageDirection(said []byte) bool {
	return len(said) > 2 && said[0] == '<' && said[len(said)-1] == '>' && bytes.IndexByte(said, ' ') > 0
}

// serverLine reads a line that is the server's by its mark.
func (c *conversation) serverLine(said []byte) verdict {
	code, more, ok := replyForm(said)
	switch {
	case ok:
		return c.reply(code, more, said)
	case c.tlsDue && isStageDirection(said):
	case len(said) > 0:
		c.unplaced(c.no, said, "the server says what is no reply")
	}
	return taken
}

// blank is an empty line: it separates, or is an empty command, which the reply
// to it shows.
func (c *conversation) blank() {
	switch {
	case c.text:
		c.blanks++ // message text, if the next line is
		return
	case c.waitsForData() && !c.earlyDot:
		c.hold(line{c.no, nil, false})
		return
	case c.maybe == nil && !c.marked:
		c.maybe = &line{no: c.no}
	}
	c.gap = true
}

// settleMaybe: nothing shows that a line which is no known command was sent.
func (c *conversation) settleMaybe() {
	if c.maybe != nil && len(c.maybe.text) > 0 {
		c.unplaced(c.maybe.no, c.maybe.text, "it is no part of the conversation")
	}
	c.maybe = nil
}
