package dsl

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"

	lua "github.com/yuin/gopher-lua"

	"smtplay/engine/maillog"
	"smtplay/engine/suite"
)

func logVerbs() []*verb {
	return inChapter(chapterArrivals, globals(
		&verb{name: "log", returns: "log", doc: "The log of Postfix. One outside the script's folder is read only with --allow read=PATH.",
			args:    []param{{name: "path", kind: textKind, optional: true}},
			options: []param{{name: "file", kind: textKind, doc: "the same, by name"}},
			example: `log{ file = "/var/log/mail.log" }:expect{ queue_id = r.queue_id, status = "sent" }`, run: runLog},
	)...)
}

func logObject() *object {
	return &object{name: "log", doc: "The log of Postfix: what log returns. Only lines that were written since the test began count.", methods: []*verb{
		{name: "expect", chapter: chapterArrivals, returns: "entry", doc: "Awaits a line that is as demanded, and returns it. Fails where none came in time, and shows how the nearest one differs.",
			options: []param{
				{name: "queue_id", kind: textKind, doc: "of the message, as the reply's queue_id has it"},
				{name: "status", kind: textKind, doc: "sent, deferred, bounced, …"},
				{name: "dsn", kind: textKind, doc: `the enhanced status code, or a pattern: "4.7.x"`},
				{name: "to", kind: textKind, doc: "the recipient, or the one that it was before aliases"},
				{name: "from", kind: textKind, doc: `the sender; "<>" is the null sender`},
				{name: "relay", kind: textKind, doc: "where it went: all of it, its host or its address, with the port or without"},
				{name: "service", kind: textKind, doc: `who wrote it: "smtp", "submission/smtpd"`},
				{name: "text", kind: textKind, doc: "what the reason contains, case ignored"},
				{name: "match", kind: textKind, doc: "a regular expression (RE2) that all behind the service matches"},
				optWithin,
			}, example: `log(path):expect{ queue_id = id, status = "deferred", dsn = "4.7.1", within = "10s" }`, run: runExpectEntry},
	}}
}

func entryObject() *object {
	text := func(name, doc string, f func(*maillog.Entry) string) objectField {
		return objectField{name, "string", doc, func(_ *machine, self any) lua.LValue { return textOrNil(f(self.(*maillog.Entry))) }}
	}
	return &object{name: "entry", doc: "A line of the log.", fields: []objectField{
		text("line", "all of it", func(e *maillog.Entry) string { return e.Line }),
		text("service", "who wrote it", func(e *maillog.Entry) string { return e.Service }),
		text("queue_id", "of the message", func(e *maillog.Entry) string { return e.QueueID }),
		text("to", "the recipient", func(e *maillog.Entry) string { return e.To }),
		text("orig_to", "the recipient before aliases", func(e *maillog.Entry) string { return e.OrigTo }),
		text("from", "the sender", func(e *maillog.Entry) string { return e.From }),
		text("relay", "where it went", func(e *maillog.Entry) string { return e.Relay }),
		text("dsn", "the enhanced status code", func(e *maillog.Entry) string { return e.DSN }),
		text("status", "sent, deferred, bounced, …", func(e *maillog.Entry) string { return e.Status }),
		text("text", "the reason", func(e *maillog.Entry) string { return e.Text }),
		{"time", "number", "when it was written, in seconds since 1970", func(_ *machine, self any) lua.LValue { return lua.LNumber(self.(*maillog.Entry).Time.Unix()) }},
		{"delay", "number", "seconds since the message came; nil where the line says none", func(_ *machine, self any) lua.LValue {
			if d := self.(*maillog.Entry).Delay; d >= 0 {
				return lua.LNumber(d.Seconds())
			}
			return lua.LNil
		}},
	}}
}

func runLog(c *call) int {
	path := cmp.Or(c.text(0), c.optText("file"))
	if c.text(0) != "" && c.option("file") != lua.LNil {
		c.wrong("log has its path twice")
	}
	c.readable(path)
	log, err := maillog.From(path, func() (maillog.File, error) {
		f, err := c.s.env.Allow.Open(c.home().dir, path)
		if err != nil {
			return nil, err // not f: a nil *os.File would be a File
		}
		return f, nil
	})
	if err != nil {
		c.wrong("log: %v", err)
	}
	c.s.closers = append(c.s.closers, func() { log.Close() })
	c.Push(c.s.m.object(objectNamed["log"], log))
	return 1
}

func runExpectEntry(c *call) int {
	log := c.self.(*maillog.Log)
	d := maillog.Demand{QueueID: c.optText("queue_id"), Status: c.optText("status"), DSN: c.optText("dsn"), To: c.optText("to"), From: c.optText("from"),
		Relay: c.optText("relay"), Service: c.optText("service"), Text: c.optText("text")}
	if match := c.optText("match"); match != "" {
		var err error
		if d.Match, err = regexp.Compile(match); err != nil {
			c.wrong("match of log:expect is no regular expression (RE2): %v", err)
		}
	}
	for _, o := range c.v.options {
		if v, ok := c.option(o.name).(lua.LString); ok && v == "" {
			c.wrong("%s of log:expect is empty: it would hold for every line", o.name)
		}
	}
	if err := d.Check(); err != nil {
		c.wrong("log:expect: %v", err)
	}
	within, ctx, began := c.within(), c.s.ctx, c.s.began
	back := c.s.waiting()
	entry, err := log.Await(ctx, began, d, within)
	back()
	if err != nil {
		c.notLogged(err)
	}
	c.s.expected++
	c.s.remark("logged: %s", loggedAs(entry))
	c.Push(c.s.m.object(objectNamed["entry"], entry))
	return 1
}

// loggedAs is a line of the log as the transcript has it: what is the same each time.
func loggedAs(e *maillog.Entry) string {
	text := e.Service
	for _, field := range []struct{ name, value string }{{"from", e.From}, {"to", e.To}, {"dsn", e.DSN}, {"status", e.Status}} {
		if field.value != "" {
			text += fmt.Sprintf(" %s=%s", field.name, field.value)
		}
	}
	return text
}

// notLogged fails for a line that did not come. A log that could not be read is
// no verdict on any server.
func (c *call) notLogged(err error) {
	var missing *maillog.NotFound
	switch {
	case c.s.ctx.Err() != nil:
		c.interrupted()
	case !errors.As(err, &missing):
		c.wrong("%v", err)
	}
	f := &suite.Failure{What: missing.Error(), Hint: missing.Hint(), Together: true}
	for i, d := range missing.Differences() {
		if i > 0 {
			f.Want, f.Got = f.Want+"\n", f.Got+"\n"
		}
		f.Want += d.Field + ": " + d.Want
		f.Got += d.Field + ": " + d.Got
	}
	c.s.fail(c.LState, f)
}
