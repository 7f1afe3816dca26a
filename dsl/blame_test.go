package dsl

import (
	"strings"
	"testing"

	"smtplay/engine/server"
	"smtplay/engine/suite"
)

// The word that is blamed stands between « and », which are taken out before
// the script runs; without them none may be blamed.
func TestBlamedWord(t *testing.T) {
	for _, tt := range []struct{ reason, script string }{
		{"a code", `expect «221»`},
		{"a code with an x", `expect «5xx»`},
		{"a string", `expect "220"; send "noop"; expect «"500 5.5.2"»`},
		{"several on a line, one behind the other", `expect 220; send "noop"; expect 250; send "noop"; expect «251»; send "noop"; expect 250`},
		{"a table", "\texpect{ «250», 251 }"},
		{"a table over several lines: the verb", "«expect»{\n  250,\n  251 }"},
		{"brackets", `expect( «"221"», { because = "so" })`},
		{"a value that is computed", `expect(«tostring»(221))`},
		{"a method", `local c = connect(); c:expect «221»`},
		{"a method called with a dot", `local c = connect(); c.«expect»(c, 221)`},
		{"a call that goes on in the next line: nothing says which", "connect():expect(220); connect()\n:expect(221)"},
		{"and where the one on the line is another's", "local function f() expect(250) end connect()\n:expect(221)"},
		{"the pattern of a verb", `ehlo(); mail{ "a@example.org", expect = «251» }`},
		{"the pattern of a verb in brackets", `ehlo(); mail("a@example.org", { expect = «"251 no"» })`},
		{"the greeting, which that pattern does not speak of", `«ehlo»{ expect = 251 } -- greeting`},
		{"a pattern that stands elsewhere: the verb", `local o = { expect = 251 }; ehlo(); «mail»("a@example.org", o)`},
		{"no pattern: the verb", `ehlo(); «mail» "refused@example.org"`},
		{"a capability", `ehlo(); expect_capability(«"GSSAPI"»)`},
		{"assert", `expect 220; «assert»(1 == 2)`},
		{"fail", `expect 220; «fail» "so"`},
		{"another name of a verb", `local e = expect; expect 220; send "noop"; e(«251»)`},
		{"another name, while the verb's own stands on the line", `local e = expect; e(«251») expect(250)`},
		{"called by pcall: nothing says which", `expect 220; send "noop"; print(pcall(expect, 251)); expect(250)`},
		{"in a function that pcall calls", `pcall(function() expect(«251») end)`},
		{"in a coroutine", `coroutine.wrap(function() expect(«251») end)()`},
		{"in a tail call", `local function f() return expect(«251») end f()`},
		{"in two functions on one line: nothing says which", `local function f() expect(251) end; local function g() expect(250) end; f()`},
		{"several in a function on one line", `(function() expect 220; send "noop"; expect «251» end)()`},
		{"the last of them in a call", `pcall(function() expect(220); send "noop"; expect(«251»); expect(250) end)`},
		{"within each other: nothing says which", `expect(expect(251) and 250)`},
		{"in another order than they stand: nothing says which", `expect 220; pipeline{ "noop", "noop" }; return expect(250).code > expect(251).code`},
		{"in another file", "require 'm'.f()"},
		{"what Lua says of nil", `local x; expect 220; print(x.«y»)`},
		{"and where that word stands twice", `local x; expect 220; print(x.y, ("").y)`},
		{"what the script may not ask for", `expect 220; «connect»{ "smtp", refused = "close" }`},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			script, column := strings.ReplaceAll(tt.script, "»", ""), 0
			line := script[strings.LastIndex(script[:max(0, strings.Index(script, "«"))], "\n")+1:]
			column = strings.Index(line, "«") + 1
			script = strings.ReplaceAll(script, "«", "")
			on := server.Answers{"mail": server.Say("250 2.1.0 Ok")}
			switch {
			case strings.Contains(script, "-- greeting"):
				on["greeting"] = server.Say("554 no")
			case strings.Contains(script, "refused@"):
				on["mail"] = server.Say("550 5.7.1 no")
			}
			r := newBench(t, polite(on)).tryBeside(t, script, map[string][]byte{"m.lua": []byte("return { f = function()\n  expect 220; send 'noop'; expect 251 end }")})[0]
			if r.Failure == nil || r.Outcome != suite.Failed && r.Outcome != suite.Errored {
				t.Fatalf("%v", r.Outcome)
			}
			if strings.HasPrefix(tt.script, "require") {
				column = strings.Index(r.Failure.Source, "251") + 1
			}
			if r.Failure.Column != column {
				t.Errorf("column %d, want %d\n%s\n%s", r.Failure.Column, column, r.Failure.Source, r.Failure.What)
			}
		})
	}
}

// A line in which a secret is hidden keeps its mark at the word.
func TestBlamedWordBesideSecret(t *testing.T) {
	b := newBench(t, polite(nil))
	b.env.Redact.Add("long", "squeamish")
	r := b.try(t, `local squeamish = 1; expect 221`)[0]
	if want := strings.Index(r.Failure.Source, "221") + 1; r.Failure.Column != want || strings.Contains(r.Failure.Source, "squeamish") {
		t.Errorf("column %d, want %d: %s", r.Failure.Column, want, r.Failure.Source)
	}
}
