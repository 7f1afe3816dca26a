package dsl

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"smtplay/engine/mailbox"
	"smtplay/engine/server"
	"smtplay/engine/suite"
)

// heldVisit is a session of a listener's as a script holds it: one that is over,
// or, in a function that decides what to answer, one that goes on.
type heldVisit struct {
	s *session
	*server.Visit
	now   *server.Message // of a visit that goes on: who the client is, and the transaction under way
	begun bool            // there is one under way
}

// message is the transaction that the visit speaks of by itself: that under way,
// or the only one; nil for none.
func (h *heldVisit) message() *server.Message {
	switch {
	case h.now != nil && h.begun:
		return h.now
	case h.now != nil:
		return nil
	case len(h.Messages) > 0:
		return &h.Messages[0]
	}
	return nil
}

// visitDemands are what take's result can be asked for.
var visitDemands = slices.Concat(messageDemands, []param{
	{name: "tls", kind: anyValue, doc: `true or false: encrypted; "1.3": by that version`},
	{name: "helo", kind: demandKind, doc: "the name that the client gave"},
	{name: "user", kind: demandKind, doc: "who had logged in"},
	{name: "rejected", kind: demandsKind, doc: `recipients that were refused, with the reply: { ["b@example.com"] = { text = "451" } }`},
	{name: "handshake", kind: demandKind, doc: `why TLS came to nothing: the client's alert, as in { text = "certificate" }; false: it did not`},
	{name: "ended", kind: demandKind, doc: "how the session ended: quit, client (went away without), server, handshake"},
})

func visitObject() *object {
	get := func(f func(m *machine, h *heldVisit) lua.LValue) func(*machine, any) lua.LValue {
		return func(m *machine, self any) lua.LValue { return f(m, self.(*heldVisit)) }
	}
	of := func(f func(m *machine, msg *server.Message) lua.LValue) func(*machine, any) lua.LValue {
		return get(func(m *machine, h *heldVisit) lua.LValue {
			if msg := h.message(); msg != nil {
				return f(m, msg)
			}
			return lua.LNil
		})
	}
	return &object{name: "visit", doc: "What came in one session of a listener: what take returns. from, to and the like are of its first transaction.", fields: []objectField{
		{"from", "string", `the sender; "" is <>, nil where no MAIL was accepted`, of(func(_ *machine, msg *server.Message) lua.LValue { return lua.LString(msg.From) })},
		{"to", "list", "the recipients that were accepted", of(func(m *machine, msg *server.Message) lua.LValue { return stringList(m.L, msg.To) })},
		{"rejected", "table", "from the recipients that were not, to the replies", of(func(m *machine, msg *server.Message) lua.LValue {
			t := m.L.CreateTable(0, 0)
			for _, r := range msg.Recipients {
				if !r.Accepted {
					t.RawSetString(r.Address, lua.LString(r.Reply))
				}
			}
			return t
		})},
		{"parameters", "table", "those of MAIL, by their names in capitals", of(func(m *machine, msg *server.Message) lua.LValue { return parameterTable(m, msg.Parameters) })},
		{"recipient_parameters", "table", "those of each RCPT, by the recipient", of(func(m *machine, msg *server.Message) lua.LValue {
			t := m.L.CreateTable(0, 0)
			for _, r := range msg.Recipients {
				t.RawSetString(r.Address, parameterTable(m, r.Parameters))
			}
			return t
		})},
		{"message", "message", "what came after DATA; nil where none came whole", get(func(m *machine, h *heldVisit) lua.LValue {
			if msg := h.message(); msg != nil && msg.Complete {
				return m.object(objectNamed["message"], &heldMessage{Message: messageOf(msg), s: h.s})
			}
			return lua.LNil
		})},
		{"messages", "list", "the messages of all its transactions that came whole", get(func(m *machine, h *heldVisit) lua.LValue {
			t := m.L.CreateTable(0, 0)
			for i := range h.Messages {
				if h.Messages[i].Complete {
					t.Append(m.object(objectNamed["message"], &heldMessage{Message: messageOf(&h.Messages[i]), s: h.s}))
				}
			}
			return t
		})},
		{"transactions", "number", "how many there were, whole or not", get(func(_ *machine, h *heldVisit) lua.LValue { return lua.LNumber(len(h.Messages)) })},
		{"peer", "string", "the client's address", get(func(_ *machine, h *heldVisit) lua.LValue { return textOrNil(h.Peer) })},
		{"helo", "string", "the name that it gave", get(func(_ *machine, h *heldVisit) lua.LValue { return textOrNil(h.helo()) })},
		{"user", "string", "who logged in", get(func(_ *machine, h *heldVisit) lua.LValue { return textOrNil(h.user()) })},
		{"tls", "table", "version, cipher and name (what it asked for) of the encryption; nil in clear", get(func(m *machine, h *heldVisit) lua.LValue { return peerTLS(m, h.tls()) })},
		{"handshake", "string", "why TLS came to nothing, nil where it did not", get(func(_ *machine, h *heldVisit) lua.LValue { return textOrNil(h.handshake()) })},
		{"replies", "list", "all that it was answered", get(func(m *machine, h *heldVisit) lua.LValue {
			t := m.L.CreateTable(len(h.Replies), 0)
			for i, r := range h.Replies {
				t.RawSetInt(i+1, lua.LString(r.Reply))
			}
			return t
		})},
		{"ended", "string", "quit, client (it went away without), server, handshake; nil while it goes on", get(func(_ *machine, h *heldVisit) lua.LValue {
			if h.Ended == server.Underway {
				return lua.LNil
			}
			return lua.LString(h.Ended.String())
		})},
	}, methods: []*verb{
		{name: "expect", chapter: chapterPeers, doc: "Fails unless the session was as demanded; all that differs is shown. What is asked of the message is asked of its only transaction.",
			options: visitDemands, example: `got:expect{ from = "a@example.org", to = "b@example.com", tls = true, header = { Subject = "x" } }`, run: runExpectVisit},
		{name: "header", chapter: chapterPeers, doc: "All values of the message's fields of that name, unfolded and decoded.",
			args: []param{{name: "name", kind: textKind}}, run: func(c *call) int {
				var values []string
				if m := c.self.(*heldVisit).message(); m != nil {
					values = messageOf(m).Header(c.text(0))
				}
				c.Push(stringList(c.LState, values))
				return 1
			}},
	}}
}

func parameterTable(m *machine, p server.Parameters) *lua.LTable {
	t := m.L.CreateTable(0, len(p.Values))
	for name, value := range p.Values {
		t.RawSetString(name, lua.LString(value))
	}
	return t
}

// helo, user and tls are those of the transaction under way, or of the visit.
func (h *heldVisit) helo() string {
	if h.now != nil {
		return h.now.Helo
	}
	return h.Helo
}

func (h *heldVisit) user() string {
	if h.now != nil {
		return h.now.User
	}
	return h.User
}

func (h *heldVisit) tls() *tls.ConnectionState {
	if h.now != nil {
		return h.now.State
	}
	return h.TLS
}

// handshake is why TLS came to nothing: the alert where the client sent one.
func (h *heldVisit) handshake() string {
	switch e := h.Handshake; {
	case e == nil:
		return ""
	case e.Alert != "":
		return e.Alert
	default:
		return e.Error()
	}
}

// peerTLS is the encryption as the script sees it.
func peerTLS(m *machine, state *tls.ConnectionState) lua.LValue {
	if state == nil {
		return lua.LNil
	}
	return m.record("tls", []member{{"version", lua.LString(tlsVersion(state))}, {"cipher", lua.LString(tls.CipherSuiteName(state.CipherSuite))},
		{"name", textOrNil(state.ServerName)}})
}

func tlsVersion(state *tls.ConnectionState) string {
	return strings.TrimPrefix(tls.VersionName(state.Version), "TLS ")
}

func runExpectVisit(c *call) int {
	h := c.self.(*heldVisit)
	if c.opts == nil || isEmpty(c.opts) {
		c.wrong("%s demands nothing: give it from, to, tls, header or the like", c.v.fullName())
	}
	why := c.differsSession(h)
	demand := c.readDemand()
	if err := demand.Check(); err == nil {
		why = append(why, c.differsMessage(h, demand)...)
	} else if c.asksMessage() {
		c.wrong("%s: %v", c.v.fullName(), err)
	}
	if len(why) > 0 {
		f := &suite.Failure{What: "what came is not as demanded: " + why[0].String(), Together: true}
		for _, d := range why[1:] {
			f.What += "; " + d.String()
		}
		f.Want, f.Got = sides(why)
		c.s.fail(c.LState, f)
	}
	c.s.expected++
	return 0
}

// asksMessage says whether anything is asked of the message.
func (c *call) asksMessage() bool {
	return slices.ContainsFunc(messageDemands, func(p param) bool { return c.option(p.name) != lua.LNil })
}

// differsMessage is what the visit's only transaction is not.
func (c *call) differsMessage(h *heldVisit, d mailbox.Demand) []mailbox.Difference {
	m := h.message()
	switch {
	case m == nil && h.now != nil:
		return []mailbox.Difference{{What: "a transaction", Want: "one", Got: "none yet: no MAIL was accepted"}}
	case m == nil:
		got := "none: no MAIL was accepted; the session ended by " + h.Ended.String()
		if why := h.handshake(); why != "" {
			got += ", TLS: " + why
		}
		return []mailbox.Difference{{What: "a transaction", Want: "one", Got: got}}
	case h.now == nil && len(h.Messages) > 1:
		c.wrong("this session had %d transactions: say which, as in got.messages[1]:expect{ … }", len(h.Messages))
	}
	envelope, content := mailbox.Demand{From: d.From, To: d.To}, d
	content.From, content.To = mailbox.Want{}, mailbox.Want{}
	if m.Complete || content.Check() != nil {
		return c.differences(d, messageOf(m))
	}
	var why []mailbox.Difference
	if envelope.Check() == nil {
		why = c.differences(envelope, messageOf(m))
	}
	return append(why, mailbox.Difference{What: "message", Want: "one that came whole", Got: "none"}) // even a field that may not be there proves nothing
}

// differences is what a message is not, and lets others run meanwhile: keys may be looked up.
func (c *call) differences(d mailbox.Demand, m *mailbox.Message) []mailbox.Difference {
	mine, ctx := *m, c.s.ctx // what is learnt of it is kept in it, and others may have it too
	back := c.s.waiting()
	_, why := d.Judge(ctx, &mine)
	back()
	if c.s.ctx.Err() != nil {
		c.interrupted()
	}
	return why
}

// differsSession is what the session itself was not.
func (c *call) differsSession(h *heldVisit) (why []mailbox.Difference) {
	one := func(name, what, value string) {
		w := c.want(name)
		if w.IsZero() {
			return
		}
		values := []string{value}
		if value == "" {
			values = nil
		}
		if !w.Holds(values...) {
			why = append(why, mailbox.Difference{What: what, Want: w.String(), Got: orNone(value)})
		}
	}
	one("helo", "client name", h.helo())
	one("user", "user", h.user())
	one("handshake", "failed handshake", h.handshake())
	if h.now == nil {
		one("ended", "end of the session", h.Ended.String())
	} else if c.option("ended") != lua.LNil {
		c.wrong("ended of %s: this session goes on", c.v.fullName())
	}
	why = append(why, c.differsTLS(h)...)
	rejected := c.wants("rejected")
	messages := h.Messages
	if h.now != nil {
		messages = append(slices.Clone(messages), *h.now)
	}
	for _, address := range sortedKeys(rejected) {
		var replies []string
		for _, m := range messages {
			for _, r := range m.Recipients {
				if !r.Accepted && strings.EqualFold(r.Address, address) {
					replies = append(replies, r.Reply)
				}
			}
		}
		if w := rejected[address]; !w.Holds(replies...) {
			why = append(why, mailbox.Difference{What: "refusal of " + address, Want: w.String(), Got: orNone(strings.Join(replies, ", "))})
		}
	}
	return why
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return fmt.Sprintf("%q", s)
}

func (c *call) differsTLS(h *heldVisit) []mailbox.Difference {
	version, state := "", h.tls()
	if state != nil {
		version = tlsVersion(state)
	}
	d := mailbox.Difference{What: "TLS", Got: orNone(version)}
	switch want := c.option("tls").(type) {
	case *lua.LNilType:
		return nil
	case lua.LBool:
		if bool(want) == (state != nil) {
			return nil
		}
		if d.Want = "none"; want {
			d.Want = "any version"
		}
		if why := h.handshake(); why != "" {
			d.Got = "none: " + why
		}
	case lua.LString, lua.LNumber:
		if d.Want = want.String(); d.Want == version {
			return nil
		}
	default:
		c.wrong("tls of %s is true, false or a version such as \"1.3\", not %s", c.v.fullName(), article(want))
	}
	return []mailbox.Difference{d}
}

func runExpectServed(c *call) int {
	l := c.self.(*listener)
	if l.serving == nil {
		c.wrong("expect of a listener looks at what serve took: it does not serve; take returns what one session brought")
	}
	c.self = &heldBox{Box: l.inbox, shown: l.inbox.name}
	return runExpectMessage(c)
}
