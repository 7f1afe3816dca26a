package dsl

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"smtplay/dsl/lua51"
	"smtplay/engine/server"
	"smtplay/engine/suite"
)

// polite is how a listener plays a session.
func (c *call) polite(l *listener) server.Polite {
	p := server.Polite{Domain: l.domain, LMTP: l.lmtp, TLS: l.tlsConfig(), ImplicitTLS: l.implicit,
		Capabilities: c.optList("capabilities"), Mechanisms: c.optList("mechanisms"), AuthNeedsTLS: true}
	for _, capability := range p.Capabilities {
		if capability == "" || strings.ContainsAny(capability, "\r\n") {
			c.wrong("%q of capabilities is no line of EHLO; ehlo says any reply", capability)
		}
	}
	if p.Capabilities != nil {
		p.CapabilitiesTLS = slices.DeleteFunc(slices.Clone(p.Capabilities), func(capability string) bool {
			return strings.EqualFold(capability, "STARTTLS") // RFC 3207 4.2: not again
		})
	}
	if clear := c.optBool("auth_in_clear"); clear != nil {
		p.AuthNeedsTLS = !*clear
	}
	users, ok := c.option("users").(*lua.LTable)
	if !ok {
		if c.option("users") != lua.LNil {
			c.wrong(`users of %s is a table from names to passwords, as in { james = secret "password" }`, c.v.fullName())
		}
		return p
	}
	p.Users = map[string]string{}
	users.ForEach(func(k, v lua.LValue) {
		p.Users[c.asText(k, "the name of a user")] = c.asText(v, "the password of a user")
	})
	for _, password := range p.Users {
		c.s.log.Redactor.AddSeen("password", password)
	}
	return p
}

// play plays one session to its end. What the script's functions raised comes
// back as failed.
func (c *call) play(l *listener, s *server.Session, p server.Polite, answers map[string]*answer, timeout time.Duration, on *lua.LState) (visit *server.Visit, failed *lua51.Error) {
	h := &host{s: c.s, l: on, pos: c.pos, answers: answers}
	if len(answers) > 0 {
		p.Answer = h.answer
	}
	s.SetTimeout(timeout)
	visit = p.Play(s)
	s.Close()
	l.over(s)
	if h.seen != nil {
		h.seen.now = nil
	}
	if h.hung && visit.Ended == server.EndedByTimeout {
		visit.Ended = server.EndedByServer // as it was told
	}
	return visit, h.failed
}

func runTake(c *call) int {
	l := c.self.(*listener)
	p, answers := c.polite(l), c.answers()
	timeout := cmp.Or(c.duration(c.option("timeout"), "timeout"), sessionTime)
	s := c.next(l, c.within())
	visit, failed := c.play(l, s, p, answers, timeout, c.LState)
	switch {
	case failed != nil:
		c.s.m.state.Rethrow(c.LState, failed)
	case c.s.ctx.Err() != nil:
		c.interrupted()
	}
	c.endedWell(l, visit, timeout)
	c.Push(c.s.m.object(objectNamed["visit"], &heldVisit{s: c.s, Visit: visit}))
	return 1
}

// endedWell fails for a session that was cut off: what came of it is not all.
func (c *call) endedWell(l *listener, v *server.Visit, timeout time.Duration) {
	f := &suite.Failure{Together: true}
	switch v.Ended {
	case server.EndedByTimeout:
		f.What = fmt.Sprintf("the client did not end its session in %v", timeout)
		f.Hint = "the session ends when the client says QUIT or goes away; timeout of take gives it longer"
	case server.EndedByFault:
		f.What = fmt.Sprintf("the session broke off: %v", v.Err)
	case server.EndedByClose:
		f.What = "the session was cut off: the listener was closed"
	default:
		return
	}
	f.Target = strings.TrimSpace(l.name + " " + l.address())
	c.s.fail(c.LState, f)
}

func runServe(c *call) int {
	l := c.self.(*listener)
	c.inTest()
	c.notOver()
	if l.serving != nil {
		c.wrong("serve: this listener serves already, since %v", l.serving.begun)
	}
	p, answers := c.polite(l), c.answers()
	timeout := cmp.Or(c.duration(c.option("timeout"), "timeout"), sessionTime)
	var handler *lua.LFunction
	if c.arg(0) != lua.LNil {
		if handler = c.function(0); len(answers) > 0 {
			c.wrong("serve takes a function that plays each session, or what to answer, not both")
		}
	}
	l.inbox = &inbox{name: "what was served" + spaced(l.name), most: keptInbox}
	if c.s.service != nil {
		l.inbox.most = keptServed
	}
	l.serving = &half{name: strings.TrimSpace("serve " + l.name), begun: c.pos, stands: c.pos, served: true}
	l.byHand = handler != nil
	at := *c // the call is used again when this returns
	c.s.begin(l.serving, func(on *lua.LState) ([]lua.LValue, *lua51.Error) {
		for {
			ctx := at.s.ctx // which the end of the test changes
			back := at.s.waiting()
			s, err := l.Accept(ctx)
			back()
			if err != nil {
				return nil, nil // closed, or the test is over
			}
			n := l.begin(s)
			client := &half{name: fmt.Sprintf("session %d of %s", n, l.serving.name), begun: at.pos, stands: at.pos, served: true, byHand: handler != nil, secrets: s.Secrets}
			at.s.begin(client, func(on *lua.LState) ([]lua.LValue, *lua51.Error) {
				if handler != nil {
					return at.byHand(l, s, handler, on)
				}
				return at.serveOne(l, s, p, answers, timeout, on)
			})
			at.s.prune()
		}
	})
	return 0
}

// serveOne plays a session that serve accepted, and keeps the messages it brought.
func (c *call) serveOne(l *listener, s *server.Session, p server.Polite, answers map[string]*answer, timeout time.Duration, on *lua.LState) ([]lua.LValue, *lua51.Error) {
	p.Took = func(m *server.Message) { l.inbox.add(messageOf(m)) }
	visit, failed := c.play(l, s, p, answers, timeout, on)
	if c.s.service != nil {
		c.s.service.Visited(visit, s.Secrets)
	}
	return nil, failed
}

// byHand lets a function of the script's play a session that serve accepted.
func (c *call) byHand(l *listener, s *server.Session, handler *lua.LFunction, on *lua.LState) ([]lua.LValue, *lua51.Error) {
	held := c.held(l, s, c.s.patient())
	value := c.s.m.object(objectNamed["session"], held)
	_, err := c.s.m.state.ProtectedCall(on, handler, value)
	if err != nil && c.s.service == nil {
		c.s.broken(c.s.half, c.s.judge(err)) // before the client can see the end, and fails for it
		err = nil
	}
	s.Close()
	l.over(s)
	if c.s.service != nil {
		c.s.service.Visited(s.Visit(), s.Secrets)
	}
	return nil, err
}

// prune forgets the halves of sessions that are over.
func (s *session) prune() {
	s.halves = slices.DeleteFunc(s.halves, func(h *half) bool { return h.served && !h.runs() })
}
