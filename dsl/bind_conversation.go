package dsl

import (
	"slices"
	"time"

	lua "github.com/yuin/gopher-lua"

	"smtplay/engine/suite"
)

func failureOf(what string) *suite.Failure { return &suite.Failure{What: what} }

// connectOptions are what connect takes by name; they stand over the run's.
type connectOptions struct {
	tls      *bool
	helo     string
	timeout  time.Duration
	source   string
	reach    reach
	security securityOptions
}

func conversationVerbs() []*verb {
	return []*verb{
		{name: "connect", global: true, doc: "Opens a connection, makes it the current one and returns it. The greeting is owed: an expect or the first helper reads it.",
			args: []param{{name: "target", kind: textKind, optional: true, doc: `"host:port", "unix:/path", with --allow exec "exec:command", or a name: smtp (the default), submission, submissions, lmtp, or one given with --target`}},
			options: slices.Concat([]param{
				{name: "tls", kind: booleanKind, doc: "TLS from the first byte"},
				{name: "helo", kind: textKind, doc: "the client name of helo, ehlo and lhlo"},
				{name: "timeout", kind: durationKind, doc: "how long each reply may take"},
				{name: "source", kind: textKind, doc: "the local address to connect from"},
				optRefused,
			}, reachParams, securityParams),
			example: `connect "submission"`, run: runConnect},
		{name: "send", doc: "Sends one line and CRLF; its reply is owed. After a 354 it sends message text, any number of lines, until the lone dot.",
			args: []param{{name: "line", kind: stringKind}}, example: `send "rcpt to:<x@example.com>"; expect 554`, run: runSend},
		{name: "expect", whole: true, many: true, doc: "Reads the next reply, all its lines; it must match the pattern, or the test fails here. Returns the reply. expect(250, { within = \"5s\" }) is expect{ 250, within = \"5s\" }.",
			args: []param{{name: "pattern", kind: patternKind}}, example: `expect "554 5.7.1 relay access denied"`, run: runExpect},
		{name: "reply", doc: "Reads and returns the next well-formed reply, unjudged.", run: func(c *call) int {
			r, err := c.conversation().ReadReply(c.s.ctx, 0)
			if err != nil {
				c.s.failed(c.LState, c.conv, err)
			}
			c.conv.last = r
			return c.answer(r)
		}},
		{name: "expect_close", doc: "The server ends the connection, with no byte before that. A reset counts.",
			options: []param{optTimeout}, run: func(c *call) int {
				if err := c.conversation().ExpectClose(c.s.ctx, c.duration(c.option("timeout"), "timeout")); err != nil {
					c.s.failed(c.LState, c.conv, err)
				}
				c.s.expected++
				return 0
			}},
		{name: "expect_silence", doc: "No byte comes for that long, nor the end of the connection.",
			args: []param{{name: "duration", kind: durationKind}}, example: `expect_silence "2s"`, run: func(c *call) int {
				d := c.duration(c.arg(0), "duration")
				if d == 0 {
					c.wrong("expect_silence needs a duration")
				}
				if err := c.conversation().ExpectSilence(c.s.ctx, d); err != nil {
					c.s.failed(c.LState, c.conv, err)
				}
				c.s.expected++
				return 0
			}},
		{name: "pipeline", whole: true, doc: "Sends several commands in one segment (RFC 2920). As many expects follow, in order. After a 354 the first is the text of the message, up to and with its lone dot.",
			args: []param{{name: "lines", kind: listKind}}, example: `pipeline{ "mail from:<a@example.org>", "rcpt to:<b@example.com>", "data" }`, run: runPipeline},
		{name: "raw", doc: "Writes bytes as they are. They owe no reply, and until the next expect bytes that nothing asked for are no fault.",
			args: []param{{name: "bytes", kind: stringKind}}, example: `raw "noop\r\n"`, run: func(c *call) int {
				if err := c.conversation().Raw(c.s.ctx, c.pos, []byte(c.text(0))); err != nil {
					c.s.failed(c.LState, c.conv, err)
				}
				return 0
			}},
		{name: "close", doc: "Closes the connection without QUIT. No reply may be owed, and it must be open.", run: func(c *call) int {
			if cmd, owes := c.live().Owes(); owes {
				c.s.fail(c.LState, failureOf("close: the reply to "+cmd.String()+" has not been read"))
			}
			c.conv.Close()
			return 0
		}},
	}
}

func runConnect(c *call) int {
	c.inTest()
	o := connectOptions{tls: c.optBool("tls"), helo: c.optText("helo"), timeout: c.duration(c.option("timeout"), "timeout"),
		source: c.optText("source"), reach: c.reach(), security: c.security()}
	refused := c.refusal()
	c.s.current = nil
	conn, err := c.s.open(c.pos, c.text(0), o)
	if refused != nil {
		// Without TLS from the first byte there is no handshake to refuse.
		if conn != nil && conn.TLS() == nil {
			c.wrong("refused speaks of a handshake, and this connect does none: give it to starttls")
		}
		c.judgeRefusal(conn, err, refused)
		return 0
	}
	if err != nil {
		c.s.failed(c.LState, nil, err)
	}
	c.Push(c.s.m.conversation(conn))
	return 1
}

func runSend(c *call) int {
	line, conv := c.text(0), c.conversation()
	if err := conv.Send(c.s.ctx, c.pos, line); err != nil {
		c.s.failed(c.LState, conv, err)
	}
	return 0
}

func runExpect(c *call) int {
	if c.arg(0) == lua.LNil {
		c.wrong("expect needs a pattern: a code (250), a string (\"554 5.7.1\") or a table of them; reply() reads a reply without judging it")
	}
	e := c.wanted()
	conv := c.conversation()
	r, err := conv.ReadReply(c.s.ctx, e.within)
	if err != nil {
		c.unread(conv, e, err)
	}
	captures := c.judge(conv, r, e)
	c.Push(c.s.m.reply(r, captures))
	return 1
}

// wanted is what expect is told: a pattern, or a pattern and its options.
func (c *call) wanted() *expectation {
	if c.count == 1 {
		return c.expectation(c.arg(0), nil)
	}
	return c.wantedWith()
}

func (c *call) wantedWith() *expectation {
	n := node{kind: tableNode, list: []node{nodeOf(c.arg(0), 0)}}
	options := nodeOf(c.arg(1), 0)
	if t, ok := c.arg(1).(*lua.LTable); ok && t.Metatable != lua.LNil {
		c.wrong("the options of expect are a plain table, not one with a metatable")
	}
	if c.count > 2 || options.kind != tableNode || len(options.list) > 0 {
		c.wrong("expect takes one pattern, and its options by name: of several patterns one must match in expect{ 250, 251 }")
	}
	n.named = options.named
	e, err := readExpectation(n)
	if err != nil {
		c.wrong("%v", err)
	}
	return e
}

func runPipeline(c *call) int {
	var lines []string
	if t, ok := c.arg(0).(*lua.LTable); ok {
		for i := range t.Len() {
			lines = append(lines, c.asText(t.RawGetInt(i+1), "a line"))
		}
		c.checkList(t, len(lines), "the lines")
	} else {
		lines = []string{c.text(0)}
	}
	var err error
	if c.conversation().AwaitsText() {
		err = c.conv.PipelineText(c.s.ctx, c.pos, lines[0], lines[1:])
	} else {
		err = c.conv.Pipeline(c.s.ctx, c.pos, lines)
	}
	if err != nil {
		c.s.failed(c.LState, c.conv, err)
	}
	return 0
}
