package dsl

import (
	"slices"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"smtplay/engine"
	"smtplay/engine/transcript"
)

func dataVerb() *verb {
	v := helper("data", "DATA, which must get 354; then the message with CRLF line ends, dots doubled, and the final dot; reads 2xx. expect and timeout are for the reply to the message; after LHLO, and after mail{ prdr = true }, expect may be a table from recipient to pattern, in which a recipient that it does not name gets 2xx, and after PRDR \".\" is the message.",
		[]param{{name: "message", kind: stringKind, doc: "a string: what message makes, a file, or the text itself"}},
		param{name: "stuff", kind: booleanKind, doc: "false: dots at the beginning of a line are not doubled, and the server takes them away"})
	v.example, v.run = `data(message{ from = "a@example.org", to = "b@example.com" })`, runData
	return v
}

func bdatVerb() *verb {
	v := helper("bdat", "BDAT and a chunk of a message, its bytes as they are (RFC 3030); reads 2xx. The last chunk gets the reply to the message, after LHLO one for each recipient. Where CHUNKING is not offered it fails, and nothing is sent.",
		[]param{{name: "chunk", kind: stringKind, doc: "bytes; of a message they have CRLF line ends, as those of message have"}, {name: "last", kind: booleanKind, optional: true, doc: "true: the message ends with this chunk"}},
		param{name: "split", kind: numberKind, between: &[2]int64{1, maxFile}, doc: "send a whole message in chunks of so many bytes; the last of them ends it, and gets expect"})
	v.example, v.run = `bdat("Subject: one\r\n"); bdat("\r\ntwo\r\n", true)`, runBdat
	return v
}

func runData(c *call) int {
	message := c.text(0)
	stuff := c.optBool("stuff")
	send := (*engine.Conn).Message
	if stuff != nil && !*stuff {
		send = (*engine.Conn).Unstuffed
		if slices.Contains(strings.FieldsFunc(message, isLineEnd), ".") {
			c.wrong("a line of the message is a lone dot: with stuff = false it would end the message there (raw sends what is to follow)")
		}
	}
	o := c.outcome(c.live().Conn)
	c.greet()
	c.send("DATA")
	c.read(only354, 0)
	if err := send(c.conv.Conn, c.s.ctx, c.pos, []byte(message)); err != nil {
		c.s.failed(c.LState, c.conv, err)
	}
	return c.answer(c.judgeMessage(o))
}

func isLineEnd(r rune) bool { return r == '\r' || r == '\n' }

func runBdat(c *call) int {
	chunk, last := c.text(0), false
	if v, ok := c.arg(1).(lua.LBool); ok {
		last = bool(v)
	} else if c.arg(1) != lua.LNil {
		c.wrong("last of bdat is true or false, not %s", article(c.arg(1)))
	}
	size := len(chunk)
	if c.option("split") != lua.LNil {
		if c.arg(1) != lua.LNil && !last {
			c.wrong("bdat with split sends a whole message: its last chunk ends it")
		}
		split, _ := c.v.option("split")
		size, last = int(c.whole(&split)), true
	}
	c.conversation()
	c.greet()
	if caps := c.capabilities(); !caps.Offers("CHUNKING", "") {
		c.offered(caps, "CHUNKING is not offered: nothing was sent", "CHUNKING")
	}
	o := c.outcome(c.conv.Conn)
	if o.each != nil && !last {
		c.wrong("bdat expects a reply for each recipient, and only the last chunk gets them")
	}
	var marks []transcript.Span
	if len(chunk) > size {
		var err error
		if marks, err = c.conv.Marks([]byte(chunk)); err != nil {
			c.s.failed(c.LState, c.conv, err)
		}
	}
	at := 0
	for ; len(chunk)-at > size; at += size {
		var hide []transcript.Span
		hide, marks = cut(marks, at, at+size)
		c.chunk(chunk[at:at+size], false, hide)
		c.read(anySuccess, o.within)
	}
	hide, _ := cut(marks, at, len(chunk))
	c.chunk(chunk[at:], last, hide)
	return c.answer(c.judgeMessage(o))
}

// cut are the parts of spans, which are in order and apart, that lie between two
// places, counted from the first; and the spans that go on behind the second.
func cut(spans []transcript.Span, from, to int) (parts, rest []transcript.Span) {
	for i, s := range spans {
		if s.Start < to {
			parts = append(parts, transcript.Span{Start: max(s.Start, from) - from, End: min(s.End, to) - from, Mask: s.Mask})
		}
		if s.End > to {
			return parts, spans[i:]
		}
	}
	return parts, nil
}

func (c *call) chunk(bytes string, last bool, hide []transcript.Span) {
	if err := c.conv.Chunk(c.s.ctx, c.pos, []byte(bytes), last, hide...); err != nil {
		c.s.failed(c.LState, c.conv, err)
	}
}

// messageOutcome is what must come of a message.
type messageOutcome struct {
	recipients []string                // who may get a reply of their own
	each       map[string]*expectation // theirs, and "." for the message's own after PRDR; nil where expect is a pattern
	otherwise  *expectation
	within     time.Duration
}

// outcome reads expect and timeout before anything is sent.
func (c *call) outcome(conn *engine.Conn) messageOutcome {
	o := messageOutcome{recipients: conn.Recipients(), otherwise: anySuccess, within: c.duration(c.option("timeout"), "timeout")}
	if o.each = c.perRecipient(o.recipients, conn.PRDR()); o.each == nil {
		o.otherwise = c.expectation(c.option("expect"), anySuccess)
	}
	return o
}

// judgeMessage reads and judges all replies to a message, and returns the last.
func (c *call) judgeMessage(o messageOutcome) *engine.Reply {
	var last *engine.Reply
	for cmd, owes := c.conv.Owes(); owes; cmd, owes = c.conv.Owes() {
		if last = c.take(o, cmd); cmd.Each && last.Code == 353 {
			c.conv.last = last
			continue
		}
		for _, e := range o.of(cmd) {
			c.judge(c.conv, last, e)
		}
	}
	if last == nil {
		c.s.fail(c.LState, failureOf("the server took DATA though it had accepted no recipient (RFC 2033 4.2): nobody can tell what became of the message"))
	}
	return last
}

// take reads the next reply to a message.
func (c *call) take(o messageOutcome, cmd *engine.Command) *engine.Reply {
	e := o.of(cmd)[0]
	within := o.within
	if e.within > 0 {
		within = e.within
	}
	r, err := c.conv.ReadReply(c.s.ctx, within)
	if err != nil {
		c.unread(c.conv, e, err)
	}
	return r
}

// of are the expectations of one reply. One that stands for all recipients, since
// no 353 came to a message with PRDR, must be what each of them was to get.
func (o *messageOutcome) of(cmd *engine.Command) []*expectation {
	names := []string{cmd.For}
	if cmd.For == "" {
		names[0] = "."
	}
	if _, own := o.each["."]; cmd.Each && o.each != nil {
		if names = slices.Clone(o.recipients); own {
			names = append(names, ".")
		}
	}
	var all []*expectation
	for _, name := range names {
		if e, ok := o.each[name]; ok {
			all = append(all, e)
		} else {
			all = append(all, o.otherwise)
		}
	}
	return all
}

// perRecipient reads expect where it is a table from recipient to pattern; nil
// where it is a pattern.
func (c *call) perRecipient(recipients []string, prdr bool) map[string]*expectation {
	t, ok := c.option("expect").(*lua.LTable)
	if !ok {
		return nil
	}
	each, addressed := map[string]*expectation{}, false
	t.ForEach(func(k, _ lua.LValue) {
		key, ok := k.(lua.LString)
		addressed = addressed || ok && (strings.Contains(string(key), "@") || slices.Contains(recipients, string(key)) || prdr && key == ".")
	})
	if !addressed {
		return nil
	}
	t.ForEach(func(k, v lua.LValue) {
		key, ok := k.(lua.LString)
		if known := ok && (slices.Contains(recipients, string(key)) || prdr && key == "."); !known {
			c.wrong("%s expects a reply for %v, which is no accepted recipient: those are %s", c.v.name, k, strings.Join(recipients, ", "))
		}
		each[k.String()] = c.expectation(v, anySuccess)
	})
	return each
}
