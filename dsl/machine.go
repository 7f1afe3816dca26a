package dsl

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	lua "github.com/yuin/gopher-lua"

	"smtplay/dsl/lua51"
	"smtplay/engine"
	"smtplay/engine/suite"
	"smtplay/engine/wire"
)

// watchdog ends scripts that fill the memory. There is one heap, so there is
// one of it.
var watchdog lua51.Watchdog

// machine is a Lua state with the verbs in it. A worker keeps one from test to
// test; s is the test that runs.
type machine struct {
	state     *lua51.State
	L         *lua.LState
	s         *session
	replyMeta *lua.LTable
	spare     *call // one that is over, for the next
	latest    call  // the first spare: beside what else a verb looks at

	greeting    *expectation
	convMeta    *lua.LTable
	objectMetas map[*object]*lua.LTable     // made when a script gets one
	patterns    map[lua.LValue]*expectation // the strings read so far
	alone       func() bool                 // no strand but the script's own course goes on; made once
}

func newMachine() *machine {
	m := &machine{greeting: only220, patterns: map[lua.LValue]*expectation{}}
	m.state = lua51.New(lua51.Options{Fatal: isFatal, Watchdog: &watchdog, Global: m.lookup, Keep: true})
	m.L = m.state.LState()
	m.spare = &m.latest
	m.alone = func() bool { return m.state.Strands() == 0 }
	methods := map[string]lua.LValue{} // made when a script asks for one; few do
	m.convMeta = m.meta("conversation", func(l *lua.LState, self *lua.LUserData, name string) lua.LValue {
		if fn, ok := methods[name]; ok {
			return fn
		}
		if v := verbNamed[name]; v != nil && !v.global {
			methods[name] = m.state.Function(m.method(v))
			return methods[name]
		}
		m.unknownField(l, "a conversation", name, methodNames())
		return lua.LNil
	})
	m.replyMeta = m.meta("reply", func(l *lua.LState, self *lua.LUserData, name string) lua.LValue {
		if v, ok := self.Value.(*replyValue).field(l, name); ok {
			return v
		}
		m.unknownField(l, "a reply", name, replyFields)
		return lua.LNil
	})
	return m
}

// verbsAt are the verbs of a global: the one of that name, or those in a table,
// by their fields.
var verbsAt = sync.OnceValue(func() map[string]map[string]*verb {
	at := map[string]map[string]*verb{}
	for _, v := range verbs {
		name, field, _ := strings.Cut(v.name, ".")
		if at[name] == nil {
			at[name] = map[string]*verb{}
		}
		at[name][field] = v
	}
	return at
})

// lookup makes a verb, or a table of them, when a script first names it.
func (m *machine) lookup(_ *lua.LState, name string) lua.LValue {
	fields := verbsAt()[name]
	if v := fields[""]; v != nil {
		return m.state.Function(m.global(v))
	}
	if len(fields) == 0 {
		return nil
	}
	t := m.L.CreateTable(0, len(fields))
	for field, v := range fields {
		t.RawSetString(field, m.state.Function(m.global(v)))
	}
	return t
}

func methodNames() []string {
	var names []string
	for _, v := range verbs {
		if !v.global {
			names = append(names, v.name)
		}
	}
	return names
}

func (m *machine) unknownField(l *lua.LState, of, name string, known []string) {
	if near := nearest(name, known); near != "" {
		m.s.wrong(l, "%s has no %q: did you mean %q?", of, name, near)
	}
	m.s.wrong(l, "%s has no %q: it has %s", of, name, strings.Join(known, ", "))
}

// meta is the metatable of a userdata with computed fields.
func (m *machine) meta(kind string, index func(*lua.LState, *lua.LUserData, string) lua.LValue) *lua.LTable {
	t := m.L.CreateTable(0, 3)
	t.RawSetString("__index", m.state.Function(func(l *lua.LState) int {
		self, _ := l.Get(1).(*lua.LUserData)
		name, ok := l.Get(2).(lua.LString)
		if self == nil || !ok {
			m.s.wrong(l, "a %s has fields by name", kind)
		}
		l.Push(index(l, self, string(name)))
		return 1
	}))
	t.RawSetString("__newindex", m.state.Function(func(l *lua.LState) int {
		m.s.wrong(l, "a %s cannot be changed", kind)
		return 0
	}))
	t.RawSetString("__metatable", lua.LFalse)
	return t
}

// global is a verb that acts on the current conversation; method is the same
// verb of the conversation before the colon.
func (m *machine) global(v *verb) lua.LGFunction {
	return func(l *lua.LState) int { return m.call(l, v, nil, nil, 1) }
}

func (m *machine) method(v *verb) lua.LGFunction {
	return func(l *lua.LState) int {
		ud, _ := l.Get(1).(*lua.LUserData)
		if ud != nil {
			if conv, ok := ud.Value.(*conversation); ok {
				return m.call(l, v, conv, nil, 2)
			}
		}
		m.s.wrong(l, "%s is called as c:%s(…), on a conversation", v.name, v.name)
		return 0
	}
}

func (m *machine) call(l *lua.LState, v *verb, conv *conversation, self any, base int) int {
	if v.waits() {
		defer m.state.Wait()()
	}
	c := m.spare
	if m.spare = nil; c == nil { // a verb that calls back is still at work
		c = &call{}
	}
	*c = call{LState: l, s: m.s, v: v, conv: conv, self: self, base: base}
	c.bind()
	m.s.half.stands = c.pos
	if m.s.run.Pause != nil && v.sends() {
		c.pause()
	}
	n := v.run(c)
	m.spare = c
	return n
}

// waits: what may block counts as waiting, not as filling the memory; what
// calls back into the script does not.
func (v *verb) waits() bool {
	return !v.calls && v.chapter != chapterTests && v.chapter != chapterInputs || v.name == "sleep"
}

// conversation is a conversation as the script holds it.
func (m *machine) conversation(c *conversation) lua.LValue {
	if c.value == nil {
		c.value = m.L.NewUserData()
		c.value.Value, c.value.Metatable = c, m.convMeta
	}
	return c.value
}

// member is a named value of a record.
type member struct {
	name  string
	value lua.LValue
}

// record is a table of named values in which an unknown name is an error, and a
// known one may be nil.
func (m *machine) record(kind string, fields []member) *lua.LTable {
	t := m.L.CreateTable(0, len(fields))
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
		t.RawSetString(f.name, f.value)
	}
	meta := m.L.CreateTable(0, 2)
	meta.RawSetString("__index", m.state.Function(func(l *lua.LState) int {
		name := l.Get(2).String()
		for _, n := range names {
			if n == name {
				l.Push(lua.LNil)
				return 1
			}
		}
		m.unknownField(l, "a "+kind, name, names)
		return 0
	}))
	if kind == "failure" {
		meta.RawSetString("__tostring", m.state.Function(func(l *lua.LState) int {
			l.Push(fields[0].value)
			return 1
		}))
	}
	t.Metatable = meta
	return t
}

// expectation reads a pattern of the running script; what stands as a number or
// a string is read once, and a number for all scripts.
func (m *machine) expectation(v lua.LValue) (*expectation, error) {
	if t, ok := v.(*lua.LTable); ok {
		if t.Metatable != lua.LNil {
			return nil, errors.New("a pattern is a plain table, not one with a metatable")
		}
		return readExpectation(nodeOf(v, 0))
	}
	if n, ok := v.(lua.LNumber); ok {
		return ofNumber(n)
	}
	if e, ok := m.patterns[v]; ok {
		return e, nil
	}
	e, err := readExpectation(nodeOf(v, 0))
	if err == nil && len(m.patterns) < 1000 {
		m.patterns[v] = e
	}
	return e, err
}

// nodeOf is a Lua value as patterns are read from it.
func nodeOf(v lua.LValue, depth int) node {
	switch v := v.(type) {
	case lua.LNumber:
		return node{kind: numberNode, num: float64(v)}
	case lua.LString:
		return node{kind: stringNode, str: string(v)}
	case lua.LBool:
		return node{kind: boolNode, truth: bool(v)}
	case *lua.LFunction:
		return node{kind: functionNode, fn: v}
	case *lua.LTable:
		n := node{kind: tableNode}
		if depth > 8 {
			return n
		}
		for i := range v.Len() {
			n.list = append(n.list, nodeOf(v.RawGetInt(i+1), depth+1))
		}
		v.ForEach(func(k, value lua.LValue) {
			switch key := k.(type) {
			case lua.LString:
				n.named = append(n.named, namedNode{string(key), nodeOf(value, depth+1)})
			case lua.LNumber:
				if key < 1 || int(key) > v.Len() {
					n.named = append(n.named, namedNode{"[" + key.String() + "]", node{kind: nilNode}})
				}
			default:
				n.named = append(n.named, namedNode{"[" + k.String() + "]", node{kind: nilNode}})
			}
		})
		return n
	}
	return node{kind: nilNode}
}

// reply is a reply as the script holds it.
func (m *machine) reply(r *engine.Reply, captures wire.Captures) lua.LValue {
	v := &struct {
		data  lua.LUserData
		reply replyValue
	}{reply: replyValue{r, captures}}
	v.data = lua.LUserData{Value: &v.reply, Env: m.L.Env, Metatable: m.replyMeta}
	return &v.data
}

// protect runs a function of the script after its end, under a context of its own.
func (m *machine) protect(ctx context.Context, fn *lua.LFunction) error {
	_, err := m.state.Call(ctx, fn)
	return err
}

// play runs one test of a script. It and what it calls keep little on the
// stack, for there may be thousands of them waiting.
func (m *machine) play(s *session, v *suite.Verdict) {
	m.s, s.m, s.half, s.began = s, m, &half{}, time.Now()
	s.own = s.half
	if err := m.state.Reset(); err != nil {
		v.Outcome, v.Failure = suite.Errored, failureOf(err.Error())
		return
	}
	m.state.Own(s.ctx, s.run.Stop)
	m.state.Seed(s.env.Seed)
	s.verdict(m.perform(s), v)
}

// perform runs the script, and the test that was chosen.
func (m *machine) perform(s *session) error {
	if err := s.surround(); err != nil {
		return err
	}
	if s.phase == phaseAlone && s.service == nil { // who is served is no test
		if err := s.beforeEach(); err != nil {
			return err
		}
	}
	if _, err := m.state.Call(s.ctx, m.state.Load(s.script.main.proto)); err != nil || s.phase != phaseChoosing {
		return err
	}
	return s.playChosen()
}

// playChosen runs the test that was chosen, once the top level has declared it.
func (s *session) playChosen() error {
	if s.chosen = s.choose(); s.chosen == nil {
		return errNotDeclared
	}
	s.phase, s.expected = phaseTesting, 0 // the top level judged nothing of a server
	if err := s.beforeEach(); err != nil {
		return err
	}
	_, err := s.m.state.Call(s.ctx, s.chosen.body, s.chosen.args...)
	return err
}

// listed: that is the test that this run is about.
func (s *session) listed(d *declared) bool {
	return s.run.Name == "" || d.Name == s.run.Name || s.log.Redactor.String(d.Name) == s.run.Name
}

// choose finds the test that was listed, by its place and, where what the file
// asks, such as the DNS, has answered in another order since, by its name: else
// one test would be run twice, and another never.
func (s *session) choose() *declared {
	if i := s.run.Index; i < len(s.tests) && s.listed(&s.tests[i]) {
		return &s.tests[i]
	}
	for i := range s.tests {
		if s.tests[i].body != nil && s.listed(&s.tests[i]) {
			return &s.tests[i]
		}
	}
	for _, matrix := range s.unmade {
		for i := range matrix.total {
			if d := matrix.make(i); s.listed(&d) {
				return &d
			}
		}
	}
	return nil
}
