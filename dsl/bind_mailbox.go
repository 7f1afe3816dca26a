package dsl

import (
	"errors"
	"slices"
	"time"

	lua "github.com/yuin/gopher-lua"

	"smtplay/engine/mailbox"
	"smtplay/engine/suite"
)

// patience is how long what the script waits for may take where it does not say.
const patience = 30 * time.Second

// heldBox is a mailbox as a script holds it.
type heldBox struct {
	mailbox.Box
	path  string // of the file or folder; "" where it is none
	shown string // in the transcript, which is the same each time
	busy  *half  // which looks into it now, where one at a time can
}

// heldMessage is a message as a script holds it.
type heldMessage struct {
	*mailbox.Message
	box *heldBox // where it lies; nil where it lies nowhere, as one that a listener took
	s   *session
}

func mailboxVerbs() []*verb {
	return inChapter(chapterArrivals, globals(
		&verb{name: "maildir", returns: "mailbox", doc: "A Maildir in which messages arrive. One outside the script's folder is read only with --allow read=PATH.",
			args: []param{{name: "path", kind: textKind}}, example: `maildir(var "inbox"):expect{ subject = id }`, run: func(c *call) int {
				path := c.readable(c.text(0))
				box, err := mailbox.OpenMaildir(path)
				return c.opened(box, path, "maildir "+c.text(0), err)
			}},
		&verb{name: "mbox", returns: "mailbox", doc: "An mbox file to which messages are added. One outside the script's folder is read only with --allow read=PATH.",
			args: []param{{name: "path", kind: textKind}}, example: `mbox("/var/mail/james"):expect{ subject = id }`, run: func(c *call) int {
				path := c.readable(c.text(0))
				box, err := mailbox.OpenMbox(path)
				return c.opened(box, path, "mbox "+c.text(0), err)
			}},
		imapVerb(),
	)...)
}

func mailboxObject() *object {
	return &object{name: "mailbox", doc: "Where messages arrive: what maildir, mbox and imap return. Only messages that arrived since the test began count.",
		methods: []*verb{
			{name: "expect", chapter: chapterArrivals, returns: "message", doc: "Awaits a message that is as demanded, and returns it. Fails where none came in time, and shows how the nearest one differs.",
				options: append(slices.Clone(messageDemands), optWithin),
				example: `maildir(path):expect{ subject = "x", header = { ["X-Spam"] = false }, within = "30s" }`, run: runExpectMessage},
			{name: "close", chapter: chapterArrivals, doc: "Lets go of it; the end of the test does so too.", run: func(c *call) int {
				c.self.(*heldBox).Close()
				return 0
			}},
		}}
}

// optWithin is how long to wait for what may take its time.
var optWithin = param{name: "within", kind: durationKind, doc: "how long to wait (default 30s)"}

func messageObject() *object {
	get := func(f func(m *machine, h *heldMessage) lua.LValue) func(*machine, any) lua.LValue {
		return func(m *machine, self any) lua.LValue { return f(m, self.(*heldMessage)) }
	}
	return &object{name: "message", doc: "A message that arrived.", fields: []objectField{
		{"from", "string", "the sender of its envelope, nil where nothing tells of it", get(func(_ *machine, h *heldMessage) lua.LValue {
			if from, ok := h.From(); ok {
				return lua.LString(from)
			}
			return lua.LNil
		})},
		{"to", "list", "the recipients of its envelope, as far as anything tells of them", get(func(m *machine, h *heldMessage) lua.LValue { return stringList(m.L, h.To()) })},
		{"subject", "string", "decoded; nil for none", get(func(_ *machine, h *heldMessage) lua.LValue {
			for _, s := range h.Header("Subject") {
				return lua.LString(s)
			}
			return lua.LNil
		})},
		{"body", "string", "the text of its body, decoded", get(func(_ *machine, h *heldMessage) lua.LValue { return lua.LString(h.Body()) })},
		{"raw", "string", "all of it, as it lies there", get(func(_ *machine, h *heldMessage) lua.LValue { return lua.LString(h.Raw) })},
		{"size", "number", "its length in bytes", get(func(_ *machine, h *heldMessage) lua.LValue { return lua.LNumber(max(h.Size, int64(len(h.Raw)))) })},
		{"where", "string", "where it lies", get(func(_ *machine, h *heldMessage) lua.LValue { return textOrNil(h.Where) })},
		{"received", "list", "its trace, the latest hop first; each has from, by, via, with, id, recipient, date and raw", get(func(m *machine, h *heldMessage) lua.LValue { return m.trace(h.Received()) })},
		{"report", "table", "the fields of a delivery report: those of the message, and recipients, a list; nil where it is none", get(func(m *machine, h *heldMessage) lua.LValue { return m.report(h.Report()) })},
	}, methods: []*verb{
		{name: "header", chapter: chapterArrivals, doc: "All values of the fields of that name, unfolded and decoded.",
			args: []param{{name: "name", kind: textKind}}, example: `m:header("Received")[1]`, run: func(c *call) int {
				c.Push(stringList(c.LState, c.self.(*heldMessage).Header(c.text(0))))
				return 1
			}},
		{name: "expect", chapter: chapterArrivals, doc: "Fails unless the message is as demanded; all that differs is shown.",
			options: slices.Clone(messageDemands), run: func(c *call) int {
				c.demandMessage(c.self.(*heldMessage).Message)
				return 0
			}},
		{name: "remove", chapter: chapterArrivals, doc: "Removes the message from where it was found; in a Maildir and an mbox only with --allow remove=PATH.", run: runRemove},
	}}
}

// opened is a mailbox that was opened, or why it was not: an error, for nothing
// is known of the server then.
func (c *call) opened(box mailbox.Box, path, shown string, err error) int {
	if err != nil {
		c.wrong("%v", err)
	}
	held := &heldBox{Box: box, path: path, shown: shown}
	c.s.closers = append(c.s.closers, func() { held.Close() })
	c.Push(c.s.m.object(objectNamed["mailbox"], held))
	return 1
}

func runExpectMessage(c *call) int {
	held, demand, within := c.self.(*heldBox), c.readDemand(), c.within()
	if err := demand.Check(); err != nil {
		c.wrong("%s: %v", c.v.fullName(), err)
	}
	ctx, began := c.s.ctx, c.s.began
	done := held.looked(c)
	found, err := mailbox.Await(ctx, held.Box, began, demand, within)
	done()
	if err != nil {
		c.notArrived(err)
	}
	c.s.expected++
	c.s.remark("arrived in %s: %s", held.shown, subjectOf(found))
	c.Push(c.s.m.object(objectNamed["message"], &heldMessage{found, held, c.s}))
	return 1
}

// looked lets others run while the box is looked into. A connection of IMAP is for
// one at a time.
func (b *heldBox) looked(c *call) (done func()) {
	if b.path != "" || b.Box == nil {
		return c.s.waiting()
	}
	if _, ok := b.Box.(*inbox); ok {
		return c.s.waiting()
	}
	if b.busy != nil {
		c.wrong("%s uses this mailbox just now, at %v: one half at a time can; another may open it once more", b.busy, b.busy.stands)
	}
	b.busy = c.s.half
	back := c.s.waiting()
	return func() {
		back()
		b.busy = nil
	}
}

// subjectOf names a message in the transcript; where it lies differs each time.
func subjectOf(m *mailbox.Message) string {
	for _, subject := range m.Header("Subject") {
		return "Subject: " + subject
	}
	return "without a subject"
}

// notArrived fails for a message that did not come. A box that could not be read
// is no verdict on any server.
func (c *call) notArrived(err error) {
	var missing *mailbox.NotFound
	switch {
	case c.s.ctx.Err() != nil:
		c.interrupted()
	case !errors.As(err, &missing):
		c.wrong("%v", err)
	}
	f := &suite.Failure{What: missing.Error()}
	if missing.Nearest != nil {
		f.Want, f.Got = sides(missing.Differs)
	} else {
		f.Hint = "the log of the server says what became of the message (Postfix: to=, relay=, status=), mailq what still waits; within= gives it longer"
	}
	f.Together = true
	c.s.fail(c.LState, f)
}

// sides are what was demanded and what there was, a line each.
func sides(differs []mailbox.Difference) (want, got string) {
	for i, d := range differs {
		if i > 0 {
			want, got = want+"\n", got+"\n"
		}
		want += d.What + ": " + d.Want
		if d.Err != nil {
			got += d.What + ": could not be judged: " + d.Err.Error()
		} else {
			got += d.What + ": " + d.Got
		}
	}
	return want, got
}

// demandMessage fails where a message is not as demanded.
func (c *call) demandMessage(m *mailbox.Message) {
	demand := c.readDemand()
	if err := demand.Check(); err != nil {
		c.wrong("%s: %v", c.v.fullName(), err)
	}
	if why := c.differences(demand, m); len(why) > 0 {
		f := &suite.Failure{What: "the message is not as demanded", Together: true}
		for _, d := range why {
			f.What += "; " + d.String()
		}
		f.Want, f.Got = sides(why)
		c.s.fail(c.LState, f)
	}
	c.s.expected++
}

// interrupted ends the test where its context has ended.
func (c *call) interrupted() {
	f := &suite.Failure{}
	outcome := c.s.interruption(f)
	c.s.locate(c.LState, f, spot{})
	raise(c.LState, &stop{verdict: suite.Verdict{Outcome: outcome, Failure: f}})
}

func runRemove(c *call) int {
	h := c.self.(*heldMessage)
	if h.box == nil {
		c.wrong("remove: this message lies nowhere")
	}
	c.removable(h.box)
	ctx := c.s.ctx
	done := h.box.looked(c)
	err := h.box.Remove(ctx, h.Message)
	done()
	switch {
	case err != nil && c.s.ctx.Err() != nil:
		c.interrupted()
	case err != nil:
		c.wrong("remove: %v", err)
	}
	return 0
}

// trace is the Received fields of a message as the script sees them.
func (m *machine) trace(hops []mailbox.Received) lua.LValue {
	list := m.L.CreateTable(len(hops), 0)
	for i, hop := range hops {
		date := lua.LValue(lua.LNil)
		if !hop.Date.IsZero() {
			date = lua.LNumber(hop.Date.Unix())
		}
		list.RawSetInt(i+1, m.record("hop", []member{{"from", textOrNil(hop.From)}, {"by", textOrNil(hop.By)}, {"via", textOrNil(hop.Via)},
			{"with", textOrNil(hop.With)}, {"id", textOrNil(hop.ID)}, {"recipient", textOrNil(hop.For)}, {"date", date}, {"raw", lua.LString(hop.Raw)}}))
	}
	return list
}

// report is a delivery report as the script sees it.
func (m *machine) report(r *mailbox.Report) lua.LValue {
	if r == nil {
		return lua.LNil
	}
	group := func(fields mailbox.Group) *lua.LTable {
		t := m.L.CreateTable(0, len(fields))
		for _, f := range fields {
			t.RawSetString(f.Name, lua.LString(f.Value))
		}
		return t
	}
	t := group(r.Message)
	recipients := m.L.CreateTable(len(r.Recipients), 0)
	for i, each := range r.Recipients {
		recipients.RawSetInt(i+1, group(each))
	}
	t.RawSetString("recipients", recipients)
	return t
}
