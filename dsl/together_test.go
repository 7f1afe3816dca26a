package dsl

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"smtplay/engine/server"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// Several tests of one file, run by one worker in one Lua state: what each came to.
var togetherCases = []struct{ reason, script, want string }{
	{"the top level runs afresh, with a connection of nobody", `
local c
test("a", function() c = connect(); c:expect 220 end)
test("b", function() assert(c == nil); expect 220 end)`, "a passed, b passed"},
	{"what is put into a library does not last", `
test("a", function() string.kept, base64.kept = connect(), 1; getmetatable("").__index = nil; expect 220 end)
test("b", function() assert(string.kept == nil and base64.kept == nil and ("x"):upper() == "X"); expect 220 end)`, "a passed, b passed"},
	{"nor a verb that is replaced", `
test("a", function() expect 220; expect = print; assert = print end)
test("b", function() expect 250 end)`, "a passed, b failed"},
	{"nor a coroutine that was left", `
test("a", function() expect 220; local f = coroutine.wrap(function() coroutine.yield() end); f() end)
test("b", function() expect 220 end)`, "a passed, b passed"},
	{"what the top level asserts is no expectation of a test", `
assert(1 == 1)
test("a", function() note "nothing" end)
test("b", function() expect 220 end)`, "a error, b passed"},
	{"a verb outside the tests, by a helper", `
local function greet() expect 220 end
attempt(greet)
test("a", greet)`, "not listed"},
}

func TestTogether(t *testing.T) {
	for _, c := range togetherCases {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, polite(nil))
			script, problems := CompileFS(fstest.MapFS{"t.lua": {Data: []byte(c.script)}}, "t.lua", "t.lua")
			if script == nil {
				t.Fatal(problems)
			}
			got := "not listed"
			if tests, err := (&suite.Runner{}).Plan(context.Background(), b.env, []suite.Script{script}); err == nil {
				var each []string
				(&suite.Runner{}).Run(context.Background(), b.env, tests, func(r suite.Result) {
					each = append(each, r.Name+" "+r.Outcome.String())
				})
				got = strings.Join(each, ", ")
			}
			if got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// A script is shared by all workers. The detector of races is what judges here.
func TestManyWorkers(t *testing.T) {
	b := newBench(t, polite(nil))
	files := fstest.MapFS{
		"t.lua": {Data: []byte(`
			local name = "lib/" .. "late"
			for i = 1, 20 do test("test " .. i, function()
				local who, late = require "lib/who", require(name)
				who.greet(); late.greet()
				assert(not attempt(function() expect(599) end))
			end) end`)},
		"lib/who.lua":  {Data: []byte(`return { greet = function() expect 220; send "noop"; expect{ 250, text = "ok" } end }`)},
		"lib/late.lua": {Data: []byte(`return { greet = function() rset(); send "noop" end }`)},
	}
	script, problems := CompileFS(files, "t.lua", "t.lua")
	if script == nil {
		t.Fatal(problems)
	}
	runner := &suite.Runner{Jobs: 8, Repeat: 3}
	tests, err := runner.Plan(context.Background(), b.env, []suite.Script{script})
	if err != nil {
		t.Fatal(err)
	}
	runner.Run(context.Background(), b.env, tests, func(r suite.Result) {
		if r.Outcome != suite.Passed || r.Bad > 0 {
			t.Errorf("%v: %v %v", r.Test, r.Outcome, r.Failure)
		}
	})
}

// A module that is loaded by a name that the script computes sees the globals of
// the script, and its lines are shown.
func TestLateModule(t *testing.T) {
	b := newBench(t, polite(nil))
	files := fstest.MapFS{
		"t.lua":        {Data: []byte("code = 250\nlocal name = 'lib/late'\nrequire(name)()")},
		"lib/late.lua": {Data: []byte("return function()\n  expect(code)\nend")},
	}
	script, problems := CompileFS(files, "t.lua", "t.lua")
	if script == nil {
		t.Fatal(problems)
	}
	v := script.Run(t.Context(), b.env, &suite.Run{Log: &transcript.Log{Redactor: &transcript.Redactor{}}})
	f := v.Failure
	if v.Outcome != suite.Failed || f.Pos != (transcript.Pos{File: "lib/late.lua", Line: 2}) || f.Source != "  expect(code)" || len(f.Via) != 1 || f.Via[0].Line != 3 {
		t.Errorf("%v: %+v", v.Outcome, f)
	}
}

// A module may speak of test for those scripts that have several.
func TestModuleWithTests(t *testing.T) {
	files := fstest.MapFS{
		"alone.lua":   {Data: []byte(`require("lib/each").greet()`)},
		"several.lua": {Data: []byte(`require("lib/each").all{ "a", "b" }`)},
		"lib/each.lua": {Data: []byte(`local each = {}
			function each.greet() expect 220 end
			function each.all(names) for _, n in ipairs(names) do test(n, each.greet) end end
			return each`)},
	}
	b := newBench(t, polite(nil))
	for name, want := range map[string]int{"alone.lua": 1, "several.lua": 2} {
		script, problems := CompileFS(files, name, name)
		if script == nil {
			t.Fatal(problems)
		}
		tests, err := (&suite.Runner{}).Plan(t.Context(), b.env, []suite.Script{script})
		if err != nil || len(tests) != want {
			t.Errorf("%s: %d tests, want %d: %v", name, len(tests), want, err)
		}
		(&suite.Runner{}).Run(t.Context(), b.env, tests, func(r suite.Result) {
			if r.Outcome != suite.Passed {
				t.Errorf("%v: %v %v", r.Test, r.Outcome, r.Failure)
			}
		})
	}
}

// Names of tests are shown everywhere, and computed.
func TestSecretInName(t *testing.T) {
	b, _ := secured(t, nil, server.CertificateOptions{})
	for _, r := range b.try(t, `test("with " .. secret "password", function() expect 220 end); test("as " .. unique(), function() expect 220 end)`) {
		if r.Name != "with [secret:password]" && r.Name != "as [unique]" {
			t.Errorf("the name is %q", r.Name)
		}
	}
}

// The end of a test is bounded, and what keeps it waiting is blamed.
func TestSlowEnd(t *testing.T) {
	b := newBench(t, polite(server.Answers{"noop": {Ending: server.Silence}}))
	script, _ := CompileFS(fstest.MapFS{"t.lua": {Data: []byte("after(function()\nnoop()\nend); ehlo()")}}, "t.lua", "t.lua")
	var v suite.Verdict
	newMachine().play(&session{script: script, env: b.env, run: &suite.Run{}, ctx: t.Context(), closing: 50 * time.Millisecond,
		log: &transcript.Log{Redactor: &transcript.Redactor{}}}, &v)
	if v.Outcome != suite.Failed || v.Failure.Pos.Line != 2 || !strings.Contains(v.Failure.What, "took longer than") {
		t.Errorf("%v: %+v", v.Outcome, v.Failure)
	}
}

// Modules that need each other cannot both be there before the other.
func TestModulesInACircle(t *testing.T) {
	b := newBench(t, polite(nil))
	files := fstest.MapFS{
		"t.lua":     {Data: []byte("expect(220)\nrequire('lib/a')")},
		"lib/a.lua": {Data: []byte("return require('lib/b')")},
		"lib/b.lua": {Data: []byte("\nreturn require('lib/a')")},
	}
	script, problems := CompileFS(files, "t.lua", "t.lua")
	if script == nil {
		t.Fatal(problems)
	}
	v := script.Run(t.Context(), b.env, &suite.Run{Log: &transcript.Log{Redactor: &transcript.Redactor{}}})
	if f := v.Failure; v.Outcome != suite.Errored || f.Pos != (transcript.Pos{File: "lib/b.lua", Line: 2}) || !strings.Contains(f.What, "lead back to it") {
		t.Errorf("%v: %+v", v.Outcome, f)
	}
}
