package dsl

import (
	"fmt"
	"time"

	lua "github.com/yuin/gopher-lua"

	"smtplay/dsl/lua51"
	"smtplay/engine"
	"smtplay/engine/transcript"
	"smtplay/engine/wire"
)

// call is one call of a verb: positional values first, options by name last, or
// both in one table.
type call struct {
	*lua.LState
	s     *session
	v     *verb
	conv  *conversation // whose method was called; nil for the current one
	self  any           // the object whose method was called; nil for none
	base  int           // the stack index of the first argument
	count int           // positional values
	table *lua.LTable   // holds the positional values, when the call is written as one table
	opts  *lua.LTable   // nil for none
	pos   transcript.Pos

	asked *expectation // the last that the script gave; nil for none
}

// bind sorts out the arguments.
func (c *call) bind() {
	c.pos = here(c.LState)
	top := c.GetTop()
	for top >= c.base && c.Get(top) == lua.LNil {
		top-- // f(x, nil) is f(x): options are often passed on, given or not
	}
	if c.count = top - c.base + 1; c.count <= 0 {
		c.count = 0
		return
	}
	last, ok := c.Get(top).(*lua.LTable)
	switch {
	case !ok || c.v.whole:
	case c.count == 1:
		c.table, c.opts, c.count = last, last, last.Len()
	case c.count > len(c.v.args) || c.v.args[c.count-1].kind != anyValue && c.v.args[c.count-1].kind != listKind:
		c.opts = last
		c.count--
		if last.Len() > 0 {
			c.wrong("the options of %s are given by name", c.v.name)
		}
	}
	if c.count > len(c.v.args) && !c.v.many {
		c.wrong("%s", tooMany(c.v, c.count))
	}
	if c.opts == nil {
		return
	}
	if c.opts.Metatable != lua.LNil {
		// What its metatable adds would not be seen, and so not be demanded.
		c.wrong("the options of %s are a plain table, not one with a metatable", c.v.name)
	}
	if !c.v.open {
		c.checkOptions()
	}
}

func (c *call) checkOptions() {
	for k, _ := c.opts.Next(lua.LNil); k != lua.LNil; k, _ = c.opts.Next(k) {
		switch key := k.(type) {
		case lua.LString:
			if _, ok := c.v.option(string(key)); !ok {
				c.wrong("%v", unknownOption(c.v.name, string(key), c.v.optionNames()))
			}
		case lua.LNumber:
			if c.table == nil || key < 1 || int(key) > c.count {
				c.wrong("%s cannot read the value at [%v]", c.v.name, key)
			}
		default:
			c.wrong("%s has options by name, not by %s", c.v.name, k.Type())
		}
	}
}

// wrong ends the test: the script is at fault.
func (c *call) wrong(format string, args ...any) { c.s.wrong(c.LState, format, args...) }

// arg is positional value i, from 0; nil where it is not given.
func (c *call) arg(i int) lua.LValue {
	switch {
	case i >= c.count:
		return lua.LNil
	case c.table != nil:
		return c.table.RawGetInt(i + 1)
	}
	return c.Get(c.base + i)
}

// option is an option's value, nil where it is not given.
func (c *call) option(name string) lua.LValue {
	if c.opts == nil {
		return lua.LNil
	}
	return c.opts.RawGetString(name)
}

// text is positional value i as a string.
func (c *call) text(i int) string {
	v := c.arg(i)
	if v == lua.LNil && i < len(c.v.args) && c.v.args[i].optional {
		return ""
	}
	if n, ok := v.(lua.LNumber); ok && c.v.args[i].kind == stringKind {
		c.wrong("%s", noNumber(c.v, n.String()))
	}
	return c.asText(v, c.v.args[i].name)
}

// noNumber says that a verb got a number where it sends a string.
func noNumber(v *verb, n string) string {
	if _, ok := v.option("expect"); ok {
		return fmt.Sprintf("%s sends a string, not the number %s; to expect a code: %s{ …, expect = %s }", v.name, n, v.name, n)
	}
	return fmt.Sprintf("%s sends a string, not the number %s", v.name, n)
}

func (c *call) asText(v lua.LValue, what string) string {
	switch v := v.(type) {
	case lua.LString:
		return string(v)
	case lua.LNumber:
		return lua51.FormatNumber(v)
	case *lua.LNilType:
		c.wrong("%s needs %s, a string, and got nothing", c.v.name, what)
	default:
		c.wrong("%s of %s is a string, not %s", what, c.v.name, article(v))
	}
	return ""
}

// optText is the option name as a string, "" where it is not given.
func (c *call) optText(name string) string {
	if v := c.option(name); v != lua.LNil {
		return c.asText(v, name)
	}
	return ""
}

// optList is the option name as a list of strings; one string is a list of one.
func (c *call) optList(name string) []string {
	switch v := c.option(name).(type) {
	case *lua.LNilType:
		return nil
	case *lua.LTable:
		out := make([]string, 0, v.Len())
		for i := range v.Len() {
			out = append(out, c.asText(v.RawGetInt(i+1), name))
		}
		c.checkList(v, len(out), name)
		return out
	default:
		return []string{c.asText(v, name)}
	}
}

// checkList: a list of n values has no other keys, and is not empty.
func (c *call) checkList(t *lua.LTable, n int, what string) {
	for k, _ := t.Next(lua.LNil); k != lua.LNil; k, _ = t.Next(k) {
		if i, ok := k.(lua.LNumber); !ok || i < 1 || int(i) > n {
			c.wrong("%s of %s is a list, and cannot hold a value at [%v]", what, c.v.name, k)
		}
	}
	if n == 0 {
		c.wrong("%s of %s is empty", what, c.v.name)
	}
}

// optBool is the option name as a boolean, nil where it is not given.
func (c *call) optBool(name string) *bool {
	switch v := c.option(name).(type) {
	case *lua.LNilType:
		return nil
	case lua.LBool:
		b := bool(v)
		return &b
	default:
		c.wrong("%s of %s is true or false, not %s", name, c.v.name, article(v))
		return nil
	}
}

// optInt is the option name as a whole number, nil where it is not given.
func (c *call) optInt(name string) *int {
	v := c.option(name)
	if v == lua.LNil {
		return nil
	}
	n, ok := v.(lua.LNumber)
	if !ok || float64(n) != float64(int(n)) {
		c.wrong("%s of %s is a whole number, not %s", name, c.v.name, article(v))
	}
	i := int(n)
	return &i
}

// duration reads a duration, 0 for nil.
func (c *call) duration(v lua.LValue, what string) time.Duration {
	if v == lua.LNil {
		return 0
	}
	d, err := readDuration(nodeOf(v, 0))
	if err != nil {
		c.wrong("%s of %s: %v", what, c.v.name, err)
	}
	return d
}

// function is positional value i as a function.
func (c *call) function(i int) *lua.LFunction {
	fn, ok := c.arg(i).(*lua.LFunction)
	if !ok {
		c.wrong("%s needs %s, a function, and got %s", c.v.name, c.v.args[i].name, article(c.arg(i)))
	}
	return fn
}

// expectation reads a pattern; otherwise stands where none is given.
func (c *call) expectation(v lua.LValue, otherwise *expectation) *expectation {
	if v == lua.LNil {
		return otherwise
	}
	e, err := c.s.m.expectation(v)
	if err != nil {
		c.wrong("%v", err)
	}
	c.asked = e
	return e
}

// conversation is the one that the verb acts on. The first verb of a test
// begins one with the default target; after that none begins by itself.
func (c *call) conversation() *conversation {
	c.inTest()
	if c.conv == nil {
		if c.conv = c.s.current; c.conv == nil {
			if c.s.dialled {
				c.s.fail(c.LState, failureOf("there is no conversation: the connect before made none"))
			}
			conn, err := c.s.open(c.pos, "", connectOptions{})
			if err != nil {
				c.s.failed(c.LState, nil, err)
			}
			c.conv = conn
		}
	}
	if h := c.conv.busy; h != nil {
		c.wrong("%s uses this conversation just now, at %v: one half at a time can", h, h.stands)
	}
	c.conv.lastPos = c.pos
	return c.conv
}

// live is the conversation for a verb that looks and sends nothing: what was
// learnt on one that is over says nothing of the server any more.
func (c *call) live() *conversation {
	conv := c.conversation()
	if !conv.Open() {
		f := failureOf(c.v.name + ": this conversation is over")
		c.s.placeConn(f, conv)
		c.s.fail(c.LState, f)
	}
	return conv
}

// send sends a helper's command, which is one even where message text is due.
func (c *call) send(line string) {
	conv := c.conversation()
	if err := conv.Pipeline(c.s.ctx, c.pos, []string{line}); err != nil {
		c.s.failed(c.LState, conv, err)
	}
}

// read reads a reply and judges it.
func (c *call) read(e *expectation, within time.Duration) *engine.Reply {
	conv := c.conversation()
	if e.within > 0 {
		within = e.within
	}
	r, err := conv.ReadReply(c.s.ctx, within)
	if err != nil {
		c.unread(conv, e, err)
	}
	c.judge(conv, r, e)
	return r
}

// unread fails for a reply that did not come, and says which was awaited.
func (c *call) unread(conv *conversation, e *expectation, err error) {
	if ee, ok := err.(*engine.Error); ok && ee.Want == "" {
		ee.Want = e.String()
	}
	c.s.failed(c.LState, conv, err)
}

// greet reads the greeting where nobody has: a helper may begin a conversation.
func (c *call) greet() {
	if cmd, owes := c.conversation().Owes(); owes && cmd.Greeting {
		c.read(c.s.m.greeting, 0)
	}
}

// command is a helper: it sends one command and reads the reply to it.
func (c *call) command(line string, otherwise *expectation) *engine.Reply {
	e := c.expectation(c.option("expect"), otherwise)
	within := c.duration(c.option("timeout"), "timeout")
	c.greet()
	c.send(line)
	return c.read(e, within)
}

// answer pushes a reply as the verb's result.
func (c *call) answer(r *engine.Reply) int {
	c.Push(c.s.m.reply(r, wire.Captures{}))
	return 1
}

func article(v lua.LValue) string {
	if v == lua.LNil {
		return "nothing"
	}
	return fmt.Sprintf("a %s", v.Type())
}
