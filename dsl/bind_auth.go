package dsl

import (
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"smtplay/engine"
)

func runAuth(c *call) int {
	creds := engine.Credentials{User: c.credential(1, "user"), Password: c.credential(2, "password"), Identity: c.optText("identity")}
	insecure := c.optBool("insecure")
	want := c.expectation(c.option("expect"), only235)
	within := c.duration(c.option("timeout"), "timeout")
	if want.within > 0 {
		within = want.within
	}
	if creds.Password == "" {
		c.wrong("auth needs a password")
	}
	// Whoever gives a password to auth has said that it is one.
	c.s.log.Redactor.Add("password", creds.Password)
	conv := c.conversation()
	c.greet()
	r, err := conv.Auth(c.s.ctx, c.pos, c.mechanism().Client(creds), insecure != nil && *insecure, within)
	if err != nil {
		c.unread(conv, want, err)
	}
	c.judge(conv, r, want)
	return c.answer(r)
}

// noMechanism names the mechanisms there are.
func noMechanism(name string) error {
	var known []string
	for _, m := range engine.Mechanisms {
		known = append(known, m.Name)
	}
	return fmt.Errorf("smtplay has no mechanism %q; it has %s", name, strings.Join(known, ", "))
}

// credential is given by place or by name.
func (c *call) credential(i int, name string) string {
	placed, named := c.arg(i), c.option(name)
	switch {
	case placed != lua.LNil && named != lua.LNil:
		c.wrong("auth is given a %s twice", name)
	case named != lua.LNil:
		return c.asText(named, name)
	case placed == lua.LNil:
		c.wrong("auth needs a %s", name)
	}
	return c.text(i)
}

// mechanism is the one named, or else the strongest that is offered; either
// must be offered.
func (c *call) mechanism() engine.Mechanism {
	caps := c.capabilities()
	if name := c.text(0); name != "" {
		m, ok := engine.MechanismNamed(name)
		if !ok {
			c.wrong("%v", noMechanism(name))
		}
		if !caps.Offers("AUTH", m.Name) {
			c.offered(caps, "AUTH "+m.Name+" is not offered: nothing was sent", "AUTH "+m.Name)
		}
		return m
	}
	for _, m := range engine.Mechanisms {
		if caps.Offers("AUTH", m.Name) {
			c.conv.Note("auth takes %s, the strongest offered that smtplay has", m.Name)
			return m
		}
	}
	c.offered(caps, "no AUTH mechanism is offered that smtplay has: nothing was sent", "AUTH")
	return engine.Mechanism{}
}
