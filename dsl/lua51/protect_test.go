package lua51

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
)

func TestPcall(t *testing.T) {
	checkRows(t, []row{
		{`local n = 0 local function inc() n = n + 1 end inc() pcall(error, "x") inc() return n`, "2", "variables of the caller stay shared", false},
		{`local n = 0 local function inc() n = n + 1 end pcall(function() inc() error("x") end) inc() return n`, "2", "changed inside, and after", false},
		{`local f pcall(function() local x = 1 f = function() x = x + 1 return x end error("x") end) local a, b, c = 7, 8, 9 return f(), f()`, "2 3", "a closure made in the failed function", false},
		{`local f xpcall(function() local x = 1 f = function() return x end error("x") end, function() end) local a, b, c = 7, 8, 9 return f()`, "1", "the same under xpcall", false},
		{`local n = 0 for i = 1, 100 do pcall(function() n = n + i if i % 2 == 0 then error(i) end end) end return n`, "5050", "many, half of them failing", false},
		{`local log = {} for i = 1, 3 do local v = i log[i] = function() return v end pcall(error) end return log[1](), log[2](), log[3]()`, "1 2 3", "loop variables", false},
		{`local n = 0 local function f(d) n = n + 1 if d > 0 then pcall(f, d - 1) error("up") end end pcall(f, 10) return n`, "11", "nested", false},
		{`return pcall(function(...) return select("#", ...), ... end, 1, nil, 3)`, "true 3 1 nil 3", "arguments and results pass", false},
		{`return select("#", pcall(function() end)), select("#", pcall(function() return nil end))`, "1 2", "no result is not nil", false},
		{`return pcall(error), select("#", pcall(error))`, "false 2", "error without object is nil", false},
		{`return select(2, pcall(error, "m")), select(2, pcall(error, "m", 2)), select(2, pcall(error, "m", 0))`, "m t.lua:1: m m", "levels: pcall is one", false},
		{`local function f() error("m", 2) end` + "\n" + `local function g()` + "\n" + `f() end return select(2, pcall(g))`, "t.lua:3: m", "level 2 is the caller", false},
		{`local function f() error("m", 3) end` + "\n" + `local function g() f() end` + "\n" + `local function h()` + "\n" + `g() end return select(2, pcall(h))`, "t.lua:4: m", "level 3 is its caller", false},
		{`local function f() error("m", 4) end local function g() f() end` + "\n" + `return select(2, pcall(g))`, "t.lua:2: m", "through a pcall", false},
		{`local function f() error("m", 2) end local function g() return f() end` + "\n" + `return select(2, pcall(g))`, "m", "a tail call leaves no caller", false},
		{`error("m", 99)`, "error: m", "a level that is not there", false},
		{`local t = {} return select(2, pcall(error, t)) == t, select(2, pcall(function() error(t, 2) end)) == t`, "true true", "objects pass unchanged", false},
		{`error(42)`, "error: t.lua:1: 42", "a number is a message", false},
		{`return pcall(nil)`, "false attempt to call a nil value", "not callable", false},
		{`return pcall(setmetatable({}, {__call = function(self, x) return x end}), 5)`, "true 5", "callable", false},
		{`pcall()`, "error: t.lua:1: bad argument #1 to 'pcall' (value expected)", "an argument is needed", false},
		{`return pcall(string.rep)`, "false bad argument #1 to 'rep' (string expected, got no value)", "no Lua caller, no position", false},
		{`return select(2, pcall(function() local x = nil + 1 end))`, "t.lua:1: cannot perform add operation between nil and number", "the machine's own errors", true},
		{`return xpcall(function() error("x", 0) end, function(e) return e .. "!", 2 end)`, "false x!", "one result of the handler", false},
		{`return xpcall(function() error("x") end, function(e) error("y") end)`, "false error in error handling", "the handler fails", false},
		{`return xpcall(function() return 1, 2 end, error)`, "true 1 2", "nothing to handle", false},
		{`local ok, e = pcall(function() local t = setmetatable({}, {__index = function() error("deep", 0) end}) return t.x end) return e`, "deep", "out of a metamethod", false},
		{`local ok, e = pcall(string.gsub, "x", "x", function() error({1}) end) return type(e)`, "table", "out of a callback", false},
		{`return pcall(pcall)`, "false bad argument #1 to 'pcall' (value expected)", "pcall of pcall", false},
		{`return pcall(pcall, error, "x")`, "true false x", "nested pcall", false},
		{`return assert(1, 2, 3)`, "1 2 3", "assert passes its arguments", false},
		{`local t = {} return select(2, pcall(assert, false, t)) == t`, "true", "assert keeps an object; 5.1 does not", true},
		{`assert(false)`, "error: assertion failed!", "no position", true},
		{`assert(pcall(error, "m"))`, "error: m", "assert hands on a caught message", true},
		{`assert(nil, nil)`, "error: (error object is a nil value)", "nil is an object too", true},
		{`assert()`, "error: t.lua:1: bad argument #1 to 'assert' (value expected)", "an argument is needed", false},
	})
}

// fatalState has die, which raises what only the host may catch, and boom, which panics.
func fatalState() *State {
	s := New(Options{Fatal: func(v lua.LValue) bool {
		u, ok := v.(*lua.LUserData)
		return ok && u.Value == "fatal"
	}})
	s.Globals().RawSetString("die", s.Function(func(l *lua.LState) int {
		u := l.NewUserData()
		u.Value = "fatal"
		l.Error(u, 1)
		return 0
	}))
	s.Globals().RawSetString("boom", s.Function(func(*lua.LState) int { panic("boom") }))
	return s
}

// catchers are the ways in which a script might catch what F raises.
var catchers = []string{
	`F()`, `pcall(F)`, `xpcall(F, print)`, `xpcall(error, function() F() end)`, `pcall(pcall, F)`, `coroutine.resume(coroutine.create(F))`,
	`pcall(coroutine.wrap(F))`, `pcall(string.gsub, "x", "x", F)`, `pcall(table.sort, {1, 2}, F)`,
	`pcall(function() return setmetatable({}, {__index = function() F() end}).x end)`,
	`coroutine.wrap(function() pcall(function() coroutine.wrap(function() pcall(F) end)() end) end)()`,
	`for x in F do end`, `return F()`, `tostring(setmetatable({}, {__tostring = F}))`,
}

func TestFatalObjectsPassEverything(t *testing.T) {
	for _, catcher := range catchers {
		s := fatalState()
		_, err := s.Run(context.Background(), compile(t, strings.ReplaceAll(catcher, "F", "die")))
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", catcher, err)
			continue
		}
		u, ok := e.Object.(*lua.LUserData)
		if !ok || u.Value != "fatal" {
			t.Errorf("%s: object %v", catcher, e.Object)
		}
		if file, line := e.Position(); file != "t.lua" || line != 1 {
			t.Errorf("%s: at %s:%d, trace %v", catcher, file, line, e.Traceback)
		}
		if got := run(t, s, "return 1 + 1"); got != "2" {
			t.Errorf("%s: afterwards: %s", catcher, got)
		}
	}
}

func TestGoPanicsReachTheHost(t *testing.T) {
	for _, catcher := range catchers {
		s := fatalState()
		_, err := s.Run(context.Background(), compile(t, strings.ReplaceAll(catcher, "F", "boom")))
		var p *Panic
		if !errors.As(err, &p) || p.Value != "boom" {
			t.Errorf("%s: %v", catcher, err)
			continue
		}
		if !strings.Contains(string(p.Stack), "fatalState") {
			t.Errorf("%s: the stack does not show the builtin: %s", catcher, p.Stack)
		}
		if s.Sound() || !errors.Is(s.Reset(), ErrUnsound) {
			t.Errorf("%s: the state may be used again", catcher)
		}
	}
}

func TestProtectedCall(t *testing.T) {
	s := fatalState()
	var caught []*Error
	s.Globals().RawSetString("attempt", s.Function(func(l *lua.LState) int {
		values, err := s.ProtectedCall(l, l.CheckFunction(1), lua.LNumber(1), lua.LNumber(2))
		if err != nil {
			caught = append(caught, err)
			l.Push(lua.LFalse)
			return 1
		}
		l.Push(lua.LString(join(values)))
		return 1
	}))
	s.Globals().RawSetString("rethrow", s.Function(func(l *lua.LState) int {
		_, err := s.ProtectedCall(l, l.CheckFunction(1))
		s.Rethrow(l, err)
		return 0
	}))
	for _, c := range []struct{ source, want, why string }{
		{`return attempt(function(a, b) return b, a end)`, "2 1", "arguments and results"},
		{`return attempt(function() die() end)`, "false", "a fatal error comes to the builtin"},
		{`return attempt(function() pcall(die) end)`, "false", "through a pcall"},
		{`local n = 0 local function inc() n = n + 1 end attempt(function() inc() die() end) inc() return n`, "2", "variables stay shared"},
		{`return attempt(function() coroutine.yield() end)`, "false", "no yield across it"},
		{`return coroutine.wrap(function() return attempt(function() return coroutine.running() ~= nil end) end)()`, "true", "in a coroutine"},
	} {
		if got := run(t, s, c.source); got != c.want {
			t.Errorf("%s: got %q, want %q (%s)", c.source, got, c.want, c.why)
		}
	}
	if file, line := caught[0].Position(); file != "t.lua" || line != 1 {
		t.Errorf("position %s:%d", file, line)
	}
	_, err := s.Run(context.Background(), compile(t, "local function inner()\nerror('m')\nend\nrethrow(function()\ninner()\nend)"))
	var e *Error
	if !errors.As(err, &e) || err.Error() != "t.lua:2: m" || len(e.Traceback) < 3 || e.Traceback[1].Line != 2 {
		t.Errorf("rethrown: %v %v", err, e.Traceback)
	}
}

func TestAssertedIsTold(t *testing.T) {
	var told []string
	s := New(Options{Asserted: func(l *lua.LState, object lua.LValue) {
		file, line := Position(l)
		told = append(told, fmt.Sprintf("%s:%d %s", file, line, object))
	}})
	run(t, s, "assert(1)\npcall(assert, false, 'a')\nassert(nil, 'b')")
	if got := strings.Join(told, "; "); got != "t.lua:2 a; t.lua:3 b" {
		t.Error(got)
	}
}

func TestTraceback(t *testing.T) {
	s := New(Options{})
	var got []Frame
	s.Globals().RawSetString("here", s.Function(func(l *lua.LState) int {
		got = Traceback(l)
		return 0
	}))
	for _, c := range []struct{ source, want, why string }{
		{"local function f()\nhere()\nend\nf()", "[Go] 2 4", "calls"},
		{"local function f()\nhere()\nend\npcall(f)", "[Go] 2 [Go] 4", "through a pcall"},
		{"local co = coroutine.wrap(function()\nhere()\nend)\n\nco()", "[Go] 2 [Go] 5", "through a coroutine"},
		{"local function f(n)\nif n > 0 then return f(n - 1) end\nhere()\nend\nlocal function g()\nf(100000)\nend\ng()", "[Go] 3 6 8", "past many tail calls"},
		{"return here()", "[Go] 1", "a Go function called in the tail"},
	} {
		got = nil
		run(t, s, c.source)
		var lines []string
		for _, f := range got {
			if f.File == "" {
				lines = append(lines, "[Go]")
			} else {
				lines = append(lines, fmt.Sprint(f.Line))
			}
		}
		if strings.Join(lines, " ") != c.want {
			t.Errorf("%s: %v, want %s (%s)", c.source, got, c.want, c.why)
		}
	}
	if got := run(t, s, "local function f(n)\nif n == 0 then here() else f(n - 1) end\nend\nf(150)"); got != "" {
		t.Error(got)
	}
	if len(got) != maxFrames {
		t.Errorf("%d frames", len(got))
	}
}
