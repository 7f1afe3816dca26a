package lua51

import (
	"context"
	"errors"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"
)

var errLate = errors.New("the test's time is over")

// Loops that only the context ends.
func TestContextEndsEveryLoop(t *testing.T) {
	for _, source := range []string{
		`while true do end`,
		`while true do pcall(function() while true do end end) end`,
		`while true do xpcall(function() while true do end end, function() while true do end end) end`,
		`while true do coroutine.wrap(function() while true do end end)() end`,
		`while true do coroutine.resume(coroutine.create(function() while true do end end)) end`,
		`local co = coroutine.wrap(function() while true do coroutine.yield() end end) while true do co() end`,
		`local t = {} for i = 1, 1000 do t[i] = i end while true do pcall(table.sort, t, function(a, b) while true do end end) end`,
		`local t = {} for i = 1, 1e5 do t[i] = "x" end while true do table.sort(t) end`,
		`while true do collectgarbage() end`,
		`while true do pcall(string.gsub, "x", ".", function() while true do end end) end`,
		`local function f() return f() end f()`,
		`local function f() pcall(f) pcall(f) end f()`,
		`local t = setmetatable({}, {__index = function(t, k) while true do end end}) while true do pcall(function() return t.x end) end`,
		`repeat until pcall(error)`,
		`while true do pcall(pcall, pcall, error) end`,
	} {
		s := New(Options{})
		ctx, cancel := context.WithTimeoutCause(context.Background(), 60*time.Millisecond, errLate)
		began := time.Now()
		_, err := s.Run(ctx, compile(t, source))
		cancel()
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%s: took %v", source, took)
		}
		if !errors.Is(err, errLate) || !strings.HasPrefix(err.Error(), "t.lua:1: ") {
			t.Errorf("%s: %v", source, err)
		}
	}
}

// Each of these would kill the process, or fill its memory, in a stock machine.
func TestBombsEndByThemselves(t *testing.T) {
	s := New(Options{})
	for _, c := range []struct{ source, want string }{
		{`return ("x"):rep(1e11)`, "resulting string too large"},
		{`local s = ("x"):rep(2^26) return table.concat({s, s})`, "resulting string too large"},
		{`local s = ("x"):rep(2^25) return ("xxx"):gsub("", s)`, "resulting string too large"},
		{`local s = ("x"):rep(2^26) return ("%s%s"):format(s, s)`, "resulting string too large"},
		{`local function f() return f() + 1 end f()`, "stack overflow"},
		{`local function f() local t = setmetatable({}, {__index = function() return f() end}) return t.x end f()`, "stack overflow"},
		{`local function f() return (("x"):gsub("x", f)) end f()`, "stack overflow"},
		{`local function f() return tostring(setmetatable({}, {__tostring = f})) end f()`, "stack overflow"},
		{`local function f() coroutine.wrap(f)() end f()`, "stack overflow"},
		{`local function f() assert(coroutine.resume(coroutine.create(f))) end f()`, "stack overflow"},
		{`local function f() assert(pcall(f)) end f()`, "stack overflow"},
		{`local function f() return (("x"):gsub("x", function() return coroutine.wrap(f)() end)) end f()`, "stack overflow"},
		{`local t = {} t[67108863] = 1 table.insert(t, 5e7, 1) return #t`, "0"},
		{`local t = setmetatable({}, {}) getmetatable(t).__index = t return t.x`, "too many recursions"},
		{`local t = {} for i = 1, 70000 do t[i] = i end return select("#", unpack(t))`, "too many results"},
	} {
		if got := run(t, s, c.source); !strings.Contains(got, c.want) || strings.Contains(c.want, " ") && !strings.HasPrefix(got, "error: t.lua:1: ") {
			t.Errorf("%s: %.200s", c.source, got)
		}
		if !s.Sound() {
			s = New(Options{})
		}
	}
}

func TestDeepestGoStack(t *testing.T) {
	// Every level of every coroutine goes through Go, for as long as the machine lets it.
	defer debug.SetMaxStack(debug.SetMaxStack(256 << 20))
	s := New(Options{})
	got := run(t, s, `local function f(n)
		if n > 100 then return coroutine.wrap(function() return f(0) end)() end
		return (("x"):gsub("x", function() return f(n + 1) end))
	end f(0)`)
	if !strings.Contains(got, "stack overflow") {
		t.Error(got)
	}
}

func TestWatchdogEndsWhatFillsTheMemory(t *testing.T) {
	for _, source := range []string{
		`local s = "x" while true do s = s .. s end`,
		`local t = {} while true do t[#t + 1] = {} end`,
		`local t = {} while true do pcall(function() t[#t + 1] = ("x"):rep(1e6) end) end`,
		`local t = {} for i = 1, 1e9 do t[i .. ""] = i end`,
		`local t = {} while true do local u = {} u[4000000] = 1 t[#t + 1] = u end`,
		`local t = {} while true do t[#t + 1] = coroutine.create(error) end`,
		`local t = {} coroutine.wrap(function() while true do t[#t + 1] = ("x"):rep(1e5) .. #t end end)()`,
	} {
		runtime.GC()
		w := &Watchdog{Limit: 32 << 20}
		s := New(Options{Watchdog: w})
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		peak := make(chan uint64)
		go func() {
			most := uint64(0)
			for ctx.Err() == nil {
				most = max(most, heapBytes())
				runtime.Gosched()
				time.Sleep(time.Millisecond)
			}
			peak <- most
		}()
		_, err := s.Run(ctx, compile(t, source))
		cancel()
		most := <-peak
		t.Logf("%s: %v, peak %d MiB", source, err, most>>20)
		var full *MemoryError
		if !errors.As(err, &full) || full.Ended != 1 || !strings.Contains(err.Error(), "t.lua:1: out of memory: the heap holds") {
			t.Errorf("%s: %v", source, err)
		}
		if most > 512<<20 {
			t.Errorf("%s: peak of %d MiB", source, most>>20)
		}
	}
}

func TestWatchdogLeavesTheOthersAlone(t *testing.T) {
	runtime.GC()
	w := &Watchdog{Limit: 32 << 20}
	waiting, started, finish := New(Options{Watchdog: w}), make(chan bool), make(chan bool)
	waiting.Globals().RawSetString("wait", waiting.Function(func(*lua.LState) int {
		defer waiting.Wait()()
		started <- true
		<-finish
		return 0
	}))
	ended := make(chan error)
	proto := compile(t, `wait() local t = {} for i = 1, 1000 do t[i] = i end`)
	go func() {
		_, err := waiting.Run(context.Background(), proto)
		ended <- err
	}()
	<-started
	bomb := New(Options{Watchdog: w})
	var full *MemoryError
	if _, err := bomb.Run(context.Background(), compile(t, `local t = {} while true do t[#t + 1] = {1} end`)); !errors.As(err, &full) {
		t.Errorf("the bomb: %v", err)
	} else if full.Running != 2 || full.Ended != 1 || !strings.Contains(full.Error(), "for 2 scripts (1 of them were ended)") {
		t.Errorf("%v", full)
	}
	close(finish)
	if err := <-ended; err != nil {
		t.Errorf("the one that waited: %v", err)
	}
}

func TestWatchdogTakesGarbageForGarbage(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // so that garbage alone fills the heap
	runtime.GC()
	s := New(Options{Watchdog: &Watchdog{Limit: 128 << 20}})
	if got := run(t, s, `for i = 1, 4000 do local s = ("x"):rep(1e5) .. i end return 1`); got != "1" {
		t.Error(got)
	}
}
