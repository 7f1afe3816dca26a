package lua51

import (
	"context"
	"errors"
	"testing"

	lua "github.com/yuin/gopher-lua"
)

func TestRunsDoNotSeeEachOther(t *testing.T) {
	s := New(Options{})
	hosts := s.LState().CreateTable(0, 1)
	hosts.RawSetString("encode", s.Function(func(*lua.LState) int { return 0 }))
	s.Globals().RawSetString("base64", hosts)
	for _, c := range []struct{ change, look, want, why string }{
		{`x = 1`, `return x`, "nil", "a global"},
		{`_G.x = 1`, `return x`, "nil", "through _G"},
		{`print = 1 string = nil type = nil`, `return type(string)`, "table", "a hidden builtin"},
		{`function string.trim(s) return "t" end assert(("x"):trim() == "t")`, `return string.trim`, "nil", "a new function, which its own run has"},
		{`string.rep = nil`, `return ("x"):rep(2)`, "xx", "a removed function"},
		{`table.sort, math.pi = 1, 3 coroutine.wrap = nil os.time = nil`, `return type(table.sort), math.pi > 3, type(coroutine.wrap), type(os.time)`, "function true function function", "changed functions"},
		{`string[1] = "x" table[4000] = 1`, `return string[1], #string, table[4000]`, "nil 0 nil", "numeric keys"},
		{`getmetatable("").__index = function() return 5 end assert(("x").y == 5)`, `return ("x").y, ("x"):upper()`, "nil X", "the metatable of strings"},
		{`getmetatable("").__mod = function(a, b) return a .. b end assert("a" % "b" == "ab")`, `return pcall(function() return "a" % "b" end)`, "false t.lua:1: attempt to perform arithmetic on a string value", "an operator of strings"},
		{`setmetatable(string, {__index = function() return 1 end}) assert(string.x == 1)`, `return string.x`, "nil", "a metatable of a library"},
		{`base64.encode = 1 base64.more = 2`, `return type(base64.encode), base64.more`, "function nil", "a table of the host's"},
		{`error("x")`, `return 1`, "1", "an error"},
		{`local function f() return f() + 1 end f()`, `return 1`, "1", "a stack overflow"},
		{`pcall(error) xpcall(error, error) coroutine.wrap(function() end)()`, `return 1`, "1", "threads"},
	} {
		run(t, s, c.change)
		if got := run(t, s, c.look); got != c.want {
			t.Errorf("%s; %s: %q, want %q (%s)", c.change, c.look, got, c.want, c.why)
		}
	}
	if got := run(t, s, `return pcall(setmetatable, _G, {})`); got != "false cannot change a protected metatable" {
		t.Errorf("the metatable of _G: %s", got)
	}
}

func TestLibraryFilledWithNamesEndsTheState(t *testing.T) {
	s := New(Options{})
	run(t, s, `for i = 1, 1000 do string["k" .. i] = i end`)
	if err := s.Reset(); !errors.Is(err, ErrUnsound) || s.Sound() {
		t.Errorf("%v", err)
	}
}

func TestCallsShareTheirScript(t *testing.T) {
	s := New(Options{})
	values, err := s.Run(context.Background(), compile(t, `n = 1 return function(x) n = n + x return n end`))
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New("too late"))
	if _, err := s.Call(ended, values[0].(*lua.LFunction), lua.LNumber(1)); err == nil || err.Error() != "t.lua:1: too late" {
		t.Errorf("under an ended context: %v", err)
	}
	values, err = s.Call(context.Background(), values[0].(*lua.LFunction), lua.LNumber(5))
	if err != nil || join(values) != "6" {
		t.Errorf("%v %v", values, err)
	}
}

func TestMissingGlobal(t *testing.T) {
	s := New(Options{Global: func(l *lua.LState, name string) lua.LValue {
		switch name {
		case "lazy":
			return lua.LNumber(7)
		case "type":
			return lua.LString("the host's")
		}
		return nil
	}})
	for _, c := range []struct{ source, want string }{
		{`return lazy`, "7"},
		{`return type, tostring(1), expct`, "the host's 1 nil"},
		{`lazy = 8 return lazy`, "8"},
		{`return lazy`, "7"},
	} {
		if got := run(t, s, c.source); got != c.want {
			t.Errorf("%s: %q, want %q", c.source, got, c.want)
		}
	}
}

func TestRandomIsTheHosts(t *testing.T) {
	s := New(Options{})
	draw := func(seed int64) string {
		s.Seed(seed)
		return run(t, s, `return math.random(1e9), math.random(1e9)`)
	}
	first, second := draw(1), draw(2)
	if first == second || first != draw(1) {
		t.Errorf("%s, %s, %s", first, second, draw(1))
	}
	if !s.RandomUsed() {
		t.Error("random numbers were drawn")
	}
	run(t, s, `return 1`)
	if s.RandomUsed() {
		t.Error("none were drawn")
	}
}

func BenchmarkRun(b *testing.B) {
	for _, c := range []struct{ name, source string }{
		{"empty", ""},
		{"pcall", "pcall(type, 1)"},
		{"failing pcall", "pcall(error, 1)"},
		{"coroutine", "coroutine.wrap(type)(1)"},
	} {
		for _, watchdog := range []*Watchdog{nil, {}} {
			name := c.name
			if watchdog != nil {
				name += " watched"
			}
			b.Run(name, func(b *testing.B) {
				s := New(Options{Watchdog: watchdog})
				proto := compile(b, c.source)
				b.ReportAllocs()
				for b.Loop() {
					if _, err := s.Run(context.Background(), proto); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		New(Options{})
	}
}
