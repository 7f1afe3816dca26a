package dsl

import (
	"fmt"
	"slices"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"smtplay/dsl/lua51"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

func testVerbs() []*verb {
	return inChapter(chapterTests, globals(
		&verb{name: "test", doc: "Declares a test. The top level of the file runs afresh for each; each starts with no connection.",
			args:    []param{{name: "name", kind: textKind}, {name: "body", kind: functionKind}},
			options: []param{optTags, optOnce},
			example: `test{ "relaying is refused", tags = "smoke", function() … end }`, run: runTest},
		matrixVerb(),
		&verb{name: "step", doc: "Puts a heading into the transcript.", args: []param{{name: "heading", kind: textKind}}, run: func(c *call) int {
			c.s.record(transcript.Step, c.text(0))
			return 0
		}},
		&verb{name: "note", doc: "Puts prose into the transcript.", args: []param{{name: "prose", kind: textKind}}, run: func(c *call) int {
			c.s.record(transcript.Note, c.text(0))
			return 0
		}},
		&verb{name: "skip", doc: "Ends the test as skipped, and says why.", args: []param{{name: "why", kind: textKind}}, run: func(c *call) int {
			c.skip(c.text(0))
			return 0
		}},
		&verb{name: "fail", doc: "Ends the test as failed, and says why.", args: []param{{name: "why", kind: textKind}}, run: func(c *call) int {
			c.s.fail(c.LState, failureOf(c.text(0)))
			return 0
		}},
		&verb{name: "assert", whole: true, many: true, doc: "Lua's assert: fails the test unless the value holds. Counts as an expectation inside a test.",
			args: []param{{name: "value"}, {name: "message", kind: anyValue, optional: true}}, run: runAssert},
		&verb{name: "requires", doc: "Skips the test where the server or the run lacks something.",
			options: []param{{name: "capability", kind: textKind, doc: `of the last EHLO: "STARTTLS", "AUTH PLAIN"`}, {name: "target", kind: textKind, doc: "a name that must lead somewhere"}},
			example: `requires{ target = "local" }`, run: runRequires},
		&verb{name: "after", doc: "Runs the function at the end of the test, whatever its outcome; the last registered first. All of them have 5 s; what they expect does not count as the test's own.",
			args: []param{{name: "function", kind: functionKind}}, run: func(c *call) int {
				c.s.cleanup = append(c.s.cleanup, c.function(0))
				return 0
			}},
		&verb{name: "eventually", doc: "Tries the function again until it holds. Each try starts without a connection. Gives the test as much more time, and returns what the function returns.",
			args:    []param{{name: "function", kind: functionKind}},
			options: []param{{name: "within", kind: durationKind, doc: "how long to try; default 1m"}, {name: "every", kind: durationKind, doc: "from try to try; default 1s"}},
			example: `eventually{ within = "2m", every = "10s", function() … end }`, run: runEventually},
		&verb{name: "attempt", doc: "Runs the function and returns true and its results, or false and the failure: message, file, line, expected, got. A connection that could not be made is held too; what is wrong with the script is not, nor a skip.",
			args: []param{{name: "function", kind: functionKind}}, run: runAttempt},
		&verb{name: "sleep", doc: "Waits.", args: []param{{name: "duration", kind: durationKind}}, run: func(c *call) int {
			d := c.duration(c.arg(0), "duration")
			if d == 0 {
				c.wrong("sleep needs a duration")
			}
			c.s.sleep(c.LState, d)
			return 0
		}},
	)...)
}

func globals(vs ...*verb) []*verb {
	for _, v := range vs {
		v.global = true
	}
	return vs
}

func runTest(c *call) int {
	name, body := c.text(0), c.function(1)
	c.declares()
	if strings.TrimSpace(name) == "" {
		c.wrong("a test needs a name")
	}
	d := declared{body: body}
	d.Name, d.Once, d.Tags, d.At = name, c.once(), c.tags(), c.pos
	c.declare(d)
	return 0
}

// declares: tests are declared by the file itself.
func (c *call) declares() {
	switch c.s.phase {
	case phaseAlone:
		c.wrong("%s stands in the file itself, not in a module", c.v.name)
	case phaseTesting:
		c.wrong("%s has no place inside a test", c.v.name)
	case phaseFixture:
		c.wrong("%s has no place in suite.lua: it is no test, and declares none", c.v.name)
	}
}

// declare adds a test to those of the file.
func (c *call) declare(d declared) {
	if c.s.named == nil {
		c.s.named = map[string]transcript.Pos{}
	}
	if other, used := c.s.named[d.Name]; used {
		c.wrong("the name %q is used twice: the other test is at %v", d.Name, other)
	}
	c.s.named[d.Name] = d.At
	c.s.tests = append(c.s.tests, d)
}

// once says whether what is declared is run once a run.
func (c *call) once() bool {
	once := c.optBool("once")
	return once != nil && *once
}

// tags are those of what is declared.
func (c *call) tags() []string {
	if c.option("tags") == lua.LNil {
		return nil
	}
	tags, err := suite.SplitTags(strings.Join(c.optList("tags"), ","))
	if err != nil {
		c.wrong("tags: %v", err)
	}
	return tags
}

func (c *call) skip(why string) {
	at, _ := c.s.place(c.LState)
	raise(c.LState, &stop{verdict: suite.Verdict{Outcome: suite.Skipped, Reason: why, Pos: at}})
}

// runAssert is Lua's assert, which keeps any object as the error and adds no
// position to it; the place is remembered for the verdict.
func runAssert(c *call) int {
	if c.GetTop() == 0 {
		c.wrong("assert needs a value")
	}
	if lua.LVAsBool(c.Get(1)) {
		c.s.expected++
		return c.GetTop()
	}
	var object lua.LValue = lua.LString("assertion failed!")
	if c.GetTop() > 1 {
		object = c.Get(2)
	}
	c.s.asserted = object
	c.s.at, c.s.via = c.s.place(c.LState)
	c.s.atColumn = c.s.column(c.LState, c.s.at, spot{})
	c.Error(object, 0)
	return 0
}

func runRequires(c *call) int {
	if c.opts == nil || isEmpty(c.opts) {
		c.wrong("requires needs capability or target")
	}
	if c.option("target") != lua.LNil {
		name := c.optText("target")
		if name == "" {
			c.wrong("requires{ target = \"\" } names no target")
		}
		if _, _, err := c.s.env.Targets.Resolve(name); err != nil {
			c.skip(fmt.Sprintf("no target %q is given (--target %s=ADDRESS)", name, name))
		}
	}
	if c.option("capability") != lua.LNil {
		want := c.optText("capability")
		keyword, parameter, _ := strings.Cut(want, " ")
		c.checkKeyword(keyword, parameter)
		if !c.capabilities().Offers(keyword, parameter) {
			c.skip("the server does not offer " + want)
		}
	}
	return 0
}

// try runs a function without a connection, and returns the failure that it
// came to; what is no failed expectation goes on its way.
func (c *call) try(fn *lua.LFunction) (*stop, []lua.LValue) {
	s := c.s
	before, current, dialled := slices.Clone(s.convs), s.current, s.dialled
	if c.v.name == "eventually" {
		s.current, s.dialled = nil, false
	}
	values, err := s.m.state.ProtectedCall(c.LState, fn)
	if err == nil {
		if c.v.name == "eventually" && !s.dialled {
			s.current, s.dialled = current, dialled // it began none: that from before goes on
		}
		return nil, values
	}
	st := s.outlived(c.LState, err)
	if c.v.name == "eventually" {
		s.forget(before)
		s.current, s.dialled = current, dialled
	}
	return st, nil
}

// forget ends the conversations that this half began since there were those, and
// judges them no more.
func (s *session) forget(before []*conversation) {
	mine := func(c *conversation) bool { return c.of == s.half && !slices.Contains(before, c) }
	for _, c := range slices.Clone(s.convs) {
		if mine(c) {
			c.Finish(s.ctx)
		}
	}
	s.convs = slices.DeleteFunc(s.convs, mine)
}

// outlived is the stop that eventually and attempt may outlive; any other
// error is raised again.
func (s *session) outlived(l *lua.LState, err *lua51.Error) *stop {
	if ud, ok := err.Object.(*lua.LUserData); ok {
		if st, ok := ud.Value.(*stop); ok && st.retry && s.ctx.Err() == nil {
			return st
		}
	}
	if s.asserted != nil && err.Object == s.asserted && s.ctx.Err() == nil {
		f := &suite.Failure{Pos: s.at, Via: s.via, What: said(err), Source: s.line(s.at), Column: s.atColumn}
		return &stop{verdict: suite.Verdict{Outcome: suite.Failed, Failure: f}, retry: true}
	}
	s.m.state.Rethrow(l, err)
	return nil
}

func runEventually(c *call) int {
	if c.s.phase != phaseAlone && c.s.phase != phaseTesting {
		c.wrong("eventually belongs into a test")
	}
	within, every := c.duration(c.option("within"), "within"), c.duration(c.option("every"), "every")
	if within == 0 {
		within = time.Minute
	}
	if every == 0 {
		every = time.Second
	}
	if c.s.run.Extend != nil {
		c.s.run.Extend(within)
	}
	fn, end := c.function(0), time.Now().Add(within)
	for tries := 1; ; tries++ {
		st, values := c.try(fn)
		if st == nil {
			for _, v := range values {
				c.Push(v)
			}
			return len(values)
		}
		next := time.Now().Add(every)
		if next.After(end) {
			f := *st.verdict.Failure
			f.What = fmt.Sprintf("%s (the last of %d tries in %v)", f.What, tries, within)
			raise(c.LState, &stop{verdict: suite.Verdict{Outcome: st.verdict.Outcome, Failure: &f}, retry: true})
		}
		c.s.record(transcript.Note, fmt.Sprintf("try %d did not hold: %s", tries, st.verdict.Failure.What))
		c.s.sleep(c.LState, time.Until(next))
	}
}

func runAttempt(c *call) int {
	st, values := c.try(c.function(0))
	if st == nil {
		c.Push(lua.LTrue)
		for _, v := range values {
			c.Push(v)
		}
		return 1 + len(values)
	}
	f := st.verdict.Failure
	hide := c.s.log.Redactor.String
	c.Push(lua.LFalse)
	c.Push(c.s.m.record("failure", []member{
		{"message", lua.LString(hide(f.What))}, {"file", lua.LString(f.Pos.File)}, {"line", lua.LNumber(f.Pos.Line)},
		{"expected", textOrNil(hide(f.Want))}, {"got", textOrNil(hide(f.Got))},
	}))
	return 2
}

// sleep waits, or ends the test where it is stopped.
func (s *session) sleep(l *lua.LState, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	over := s.ctx.Done()
	back := s.waiting()
	select {
	case <-timer.C:
	case <-over:
	}
	back()
	if s.ctx.Err() != nil {
		f := &suite.Failure{}
		outcome := s.interruption(f)
		s.locate(l, f, spot{})
		raise(l, &stop{verdict: suite.Verdict{Outcome: outcome, Failure: f}})
	}
}
