package lua51

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// strandHost gives scripts what a host would: start(f, ...), which returns a handle; wait(handle), which returns what
// f returned or raises what ended it; channels by name, send(name) and receive(name), which block; and asked(), which
// keeps the baton until another strand has asked for it.
type strandHost struct {
	*State
	meta  *lua.LTable
	lines map[string]chan bool
}

func newStrandHost(options Options) *strandHost {
	options.Fatal = func(object lua.LValue) bool { return object == lua.LString("fatal") }
	h := &strandHost{State: New(options), lines: map[string]chan bool{}}
	h.meta = h.LState().CreateTable(0, 0)
	for name, fn := range map[string]lua.LGFunction{
		"start": h.start, "wait": h.wait,
		"send":    func(l *lua.LState) int { h.block(l, h.line(l), nil); return 0 },
		"receive": func(l *lua.LState) int { h.block(l, nil, h.line(l)); return 0 },
		"pass":    func(*lua.LState) int { h.Release()(); return 0 },
		"asked":   func(*lua.LState) int { h.asked(); return 0 },
		"alive":   func(l *lua.LState) int { l.Push(lua.LNumber(h.Strands())); return 1 },
		"panics":  func(*lua.LState) int { panic("a fault") },
		"breaks":  func(*lua.LState) int { defer h.Release()(); panic("a fault while away") },
		"raises": func(l *lua.LState) int {
			defer h.Release()()
			l.RaiseError("raised while away")
			return 0
		},
		"gone": func(*lua.LState) int { runtime.Goexit(); return 0 },
	} {
		h.Globals().RawSetString(name, h.Function(fn))
	}
	return h
}

func (h *strandHost) asked() {
	for waiting := 0; waiting == 0; runtime.Gosched() {
		h.baton.Lock()
		waiting = len(h.queue)
		h.baton.Unlock()
	}
}

func (h *strandHost) line(l *lua.LState) chan bool {
	name := l.CheckString(1)
	if h.lines[name] == nil {
		h.lines[name] = make(chan bool)
	}
	return h.lines[name]
}

func (h *strandHost) block(l *lua.LState, out chan<- bool, in <-chan bool) {
	ctx := l.Context()
	acquire := h.Release()
	var err error
	select {
	case out <- true:
	case <-in:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	acquire()
	if err != nil {
		l.RaiseError("%v", err)
	}
}

func (h *strandHost) start(l *lua.LState) int {
	var args []lua.LValue
	for i := 2; i <= l.GetTop(); i++ {
		args = append(args, l.Get(i))
	}
	ud := l.NewUserData()
	ud.Value = h.Start(l.Context(), l.CheckFunction(1), args...)
	l.Push(ud)
	return 1
}

func (h *strandHost) wait(l *lua.LState) int {
	st := l.CheckUserData(1).Value.(*Strand)
	ctx := l.Context()
	acquire := h.Release()
	select {
	case <-st.Done():
	case <-ctx.Done():
	}
	acquire()
	values, err := st.Result()
	var failed *Error
	if errors.As(err, &failed) {
		h.Rethrow(l, failed)
	}
	for _, v := range values {
		l.Push(v)
	}
	return len(values)
}

// settle waits for strands that go on after the run, which is none of a script's business.
func (h *strandHost) settle(t *testing.T) {
	t.Helper()
	h.baton.Lock()
	var all []*Strand
	for _, st := range h.strands {
		all = append(all, st)
	}
	h.baton.Unlock()
	for _, st := range all {
		await(t, st)
	}
}

func await(t *testing.T, st *Strand) {
	t.Helper()
	select {
	case <-st.Done():
	case <-time.After(20 * time.Second):
		t.Fatal("a strand does not end")
	}
}

func TestStrands(t *testing.T) {
	for _, c := range []struct{ source, want, why string }{
		{`return wait(start(function(a, b) return b, a end, 1, 2))`, "2 1", "values go in and out"},
		{`local t, n = {}, 0 local a = start(function() receive "x" n = n + 1 t[#t + 1] = "a" end) local b = start(function() n = n + 10 t[#t + 1] = "b" send "x" end) wait(a) wait(b) return n, table.concat(t)`, "11 ba", "tables and variables are shared"},
		{`local t = {} for i = 1, 3 do start(function() t[#t + 1] = i end) end t[#t + 1] = "main" pass() return table.concat(t, " ")`, "main 1 2 3", "the baton goes on only when it is given, in the order of asking"},
		{`local t = {} local function f(name) for i = 1, 3 do t[#t + 1] = name asked() pass() end end local a, b = start(f, "a"), start(f, "b") wait(a) wait(b) return table.concat(t)`, "ababab", "in turns, where the other has asked by the time the baton is given"},
		{`local a = start(function() local b = start(function() return wait(start(function() return "deep" end)) end) return wait(b) end) return wait(a)`, "deep", "one starts another"},
		{`local s = start(function() error("x") end) return pcall(wait, s)`, "false t.lua:1: x", "an error is the strand's"},
		{`local o = {} local s = start(function() error(o) end) return select(2, pcall(wait, s)) == o`, "true", "an object stays itself"},
		{`local s = start(function() return pcall(function() receive "x" error("inner") end) end) send "x" return wait(s)`, "false t.lua:1: inner", "a pcall in which the baton went around"},
		{`local s = start(function() return pcall(function() receive "x" error("inner") end) end) local r = {pcall(function() send "x" error("outer") end)} local q = {wait(s)} return r[2], q[2]`, "t.lua:1: outer t.lua:1: inner", "errors under way do not mix"},
		{`local s = start(function() return xpcall(function() send "x" local y = nil; return y.z end, function(e) receive "y" return "handled " .. e end) end) receive "x" send "y" return wait(s)`, "false handled t.lua:1: attempt to index a non-table object(nil) with key 'z'", "a handler that waits"},
		{`local s = start(pcall, raises) return wait(s)`, "false raised while away", "a builtin that raises without the baton gets it"},
		{`local co = coroutine.wrap(function() send "x" coroutine.yield(1) send "x" return 2 end) local s = start(function() return co(), co() end) receive "x" receive "x" return wait(s)`, "1 2", "a coroutine that waits"},
		{`local co = coroutine.create(function(v) while true do v = coroutine.yield(v + 1) end end) local _, a = coroutine.resume(co, 1) local b = wait(start(function() return select(2, coroutine.resume(co, 10)) end)) return a, b, select(2, coroutine.resume(co, 20)), coroutine.status(co)`, "2 11 21 suspended", "a coroutine goes on in another strand"},
		{`local co = coroutine.create(function() receive "x" return "done" end) local s = start(function() return coroutine.resume(co) end) pass() local status, ok, e = coroutine.status(co), coroutine.resume(co) send "x" local a, b = wait(s) return status, ok, e, a, b, coroutine.status(co)`, "normal false cannot resume normal coroutine true done dead", "but not while it runs there"},
		{`return wait(start(function() return coroutine.running() end)), wait(start(function() return pcall(coroutine.yield) end))`, "nil false attempt to yield across metamethod/C-call boundary", "a strand is no coroutine"},
		{`local function f() return f() + 1 end local s = start(f) return pcall(wait, s)`, "false t.lua:1: stack overflow", "the depth of calls"},
		{`local function f() return pcall(f) end local s = start(f) return type(wait(s))`, "boolean", "the depth of pcalls"},
		{`local s = start(function() return ("x"):rep(1e5):find(("x*"):rep(50) .. "y") end) local ok, e = pcall(wait, s) return ok, (e:gsub(":[^:]*$", ""))`, "false t.lua:1: pattern too complex", "the budget of patterns"},
		{`local f do local x = 1 f = function() x = x + 1 return x end end local s = start(f) f() return wait(s), f()`, "3 4", "a closed variable"},
		{`local g local s = start(function() local x = 5 g = function() return x end receive "x" x = 6 error("e") end) pass() local before = g() send "x" pcall(wait, s) return before, g()`, "5 6", "a variable of another strand, also when that has failed"},
		{`local s = start(receive, "x") pass() send "x" wait(s) return alive()`, "0", "a Go function is started, and over"},
		{`local s = {} for i = 1, 50 do s[i] = start(function() pass() return i end) end local n = 0 for i = 1, 50 do n = n + wait(s[i]) end return n, alive()`, "1275 0", "many"},
		{`table.sort({3, 1, 2, 5, 4}, function(a, b) pass() return a < b end) local s = start(function() local t = {3, 1, 2} table.sort(t, function(a, b) pass() return a < b end) return table.concat(t) end) local u = ("abc"):gsub(".", function(c) pass() return c:upper() end) return u, wait(s)`, "ABC 123", "callbacks of builtins that wait"},
	} {
		h := newStrandHost(Options{Watchdog: &Watchdog{}})
		if got := run(t, h.State, c.source); got != c.want {
			t.Errorf("%s\n got %q\nwant %q (%s)", c.source, got, c.want, c.why)
		}
		h.settle(t)
		if suspended := strings.Contains(c.source, "suspended") || strings.Contains(c.source, "while true"); h.Sound() == suspended {
			t.Errorf("%s: sound is %v", c.source, h.Sound())
		}
	}
}

func TestErrorsOfStrands(t *testing.T) {
	for _, c := range []struct{ source, text, calls, why string }{
		{"local function g() error('x') end\nlocal function f() g() end\ns = start(f)", "t.lua:1: x", "[Go]: in error, t.lua:1: in g <t.lua:1>, t.lua:2: in <t.lua:2>", "with the calls of the strand alone"},
		{"s = start(function()\n local co = coroutine.wrap(function()\n  receive 'never' end)\n co() end)", "t.lua:3: stopped", "[Go]: in receive, t.lua:3: in <t.lua:2>, [Go]: in co, t.lua:4: in <t.lua:1>", "through coroutines, when it is stopped"},
		{"s = start(function()\npcall(receive, 'never') end)", "t.lua:2: stopped", "", "no pcall catches the end"},
		{"s = start(function()\npcall(error, 'fatal') end)", "fatal", "[Go]: in f, [Go]: in pcall, t.lua:2: in <t.lua:1>", "what the host calls fatal"},
	} {
		h := newStrandHost(Options{})
		if got := run(t, h.State, c.source+"\npass()"); got != "" {
			t.Errorf("the script: %s", got)
		}
		st := h.env.RawGetString("s").(*lua.LUserData).Value.(*Strand)
		if strings.HasSuffix(c.text, "stopped") {
			if h.Sound() || !errors.Is(h.Reset(), ErrUnsound) {
				t.Errorf("%s: a strand goes on, and the state is sound", c.source)
			}
			st.Stop(errors.New("stopped"))
		}
		await(t, st)
		_, err := st.Result()
		var failed *Error
		if !errors.As(err, &failed) || err.Error() != c.text {
			t.Errorf("%s: %v, want %s (%s)", c.source, err, c.text, c.why)
			continue
		}
		var calls []string
		for _, f := range failed.Traceback {
			calls = append(calls, f.String())
		}
		if got := strings.Join(calls, ", "); c.calls != "" && got != c.calls {
			t.Errorf("%s\n got %s\nwant %s (%s)", c.source, got, c.calls, c.why)
		}
		if !h.Sound() {
			t.Errorf("%s: all have ended, and the state is not sound", c.source)
		}
	}
}

func TestPanicsInStrandsReachTheHost(t *testing.T) {
	for _, c := range []struct{ call, want, why string }{
		{"panics", "a fault", "in a builtin"},
		{"breaks", "a fault while away", "in one that had given the baton away"},
		{"function() pcall(panics) end", "a fault", "no pcall catches it"},
		{"gone", "runtime.Goexit", "a goroutine that is ended"},
	} {
		h := newStrandHost(Options{})
		got := run(t, h.State, `local other = start(function() receive "x" return "goes on" end) local s = start(`+c.call+`) failed = s
			return pcall(wait, s)`)
		if !strings.Contains(got, "internal error: panic: "+c.want) {
			t.Errorf("%s: %s (%s)", c.call, got, c.why)
		}
		if h.Sound() {
			t.Errorf("%s: still sound", c.call)
		}
		st := h.env.RawGetString("failed").(*lua.LUserData).Value.(*Strand)
		var p *Panic
		if _, err := st.Result(); !errors.As(err, &p) || p.Value != c.want {
			t.Errorf("%s: %v (%s)", c.call, err, c.why)
		}
		close(h.lines["x"])
		h.settle(t)
	}
}

// The end of a context reaches those that block, that wait for the baton, and that have not begun.
func TestContextEndsStrands(t *testing.T) {
	h := newStrandHost(Options{})
	ctx, cancel := context.WithCancelCause(context.Background())
	h.Globals().RawSetString("cancel", h.Function(func(*lua.LState) int { cancel(errors.New("over")); return 0 }))
	_, err := h.Run(ctx, compile(t, "all = {}\nlocal ready = 0\nfor i = 1, 20 do all[i] = start(function() ready = ready + 1\nreceive 'never' end) end\n"+
		"while ready < 20 do pass() end\nfor i = 21, 40 do all[i] = start(function() ready = 1 end) end\ncancel()\nreceive 'never'"))
	if err == nil || err.Error() != "t.lua:8: over" && err.Error() != "t.lua:7: over" {
		t.Errorf("the script: %v", err)
	}
	h.settle(t)
	all := h.env.RawGetString("all").(*lua.LTable)
	for i := 1; i <= 40; i++ {
		st := all.RawGetInt(i).(*lua.LUserData).Value.(*Strand)
		want := "t.lua:4: over"
		if i > 20 {
			want = "t.lua:6: over"
		}
		if _, err := st.Result(); err == nil || err.Error() != want {
			t.Errorf("strand %d: %v, want %s", i, err, want)
		}
	}
	if !h.Sound() {
		t.Error("all have ended")
	}
	if got := run(t, h.State, `return wait(start(function() return 1 end))`); got != "1" {
		t.Errorf("the next script: %s", got)
	}
}

// One that never waits keeps the others from running, until its own context ends.
func TestStrandThatNeverWaits(t *testing.T) {
	h := newStrandHost(Options{})
	begun := make(chan bool)
	h.Globals().RawSetString("begin", h.Function(func(*lua.LState) int { close(begun); return 0 }))
	run(t, h.State, `a = start(function() begin() while not ran do end return "a" end) b = start(function() ran = true return "b" end)`)
	a, b := h.env.RawGetString("a").(*lua.LUserData).Value.(*Strand), h.env.RawGetString("b").(*lua.LUserData).Value.(*Strand)
	<-begun
	for _, st := range []*Strand{a, b} {
		if _, err := st.Result(); !errors.Is(err, ErrUnfinished) {
			t.Errorf("%v", err)
		}
	}
	a.Stop(errors.New("enough"))
	await(t, a)
	await(t, b)
	if _, err := a.Result(); err == nil || err.Error() != "t.lua:1: enough" {
		t.Errorf("the loop: %v", err)
	}
	if values, err := b.Result(); err != nil || join(values) != "b" {
		t.Errorf("the other: %v %v", values, err)
	}
}

// A later Call of the same script goes in turns with strands of the first.
func TestCallsBesideStrands(t *testing.T) {
	for _, options := range []Options{{}, {Watchdog: &Watchdog{}}} {
		h := newStrandHost(options)
		values, err := h.Run(context.Background(), compile(t, `log = {}
			local s = start(function() for i = 1, 3 do receive "x" log[#log + 1] = "strand" send "y" end return "end" end)
			return function() log[#log + 1] = "call" send "x" receive "y" return table.concat(log, " ") end, function() return wait(s) end`))
		if err != nil {
			t.Fatal(err)
		}
		next, end := values[0].(*lua.LFunction), values[1].(*lua.LFunction)
		for _, want := range []string{"call strand", "call strand call strand", "call strand call strand call strand"} {
			ctx, cancel := context.WithCancel(context.Background())
			if values, err := h.Call(ctx, next); err != nil || join(values) != want {
				t.Errorf("%v %v, want %s", values, err, want)
			}
			cancel()
		}
		if values, err := h.Call(context.Background(), end); err != nil || join(values) != "end" {
			t.Errorf("%v %v", values, err)
		}
		if !h.Sound() || h.Strands() != 0 {
			t.Error("all have ended")
		}
		if w := options.Watchdog; w != nil && len(w.running) != 0 {
			t.Errorf("the watchdog watches %d", len(w.running))
		}
	}
}

func TestStrandShowsWhereItStands(t *testing.T) {
	h := newStrandHost(Options{})
	h.Globals().RawSetString("where", h.Function(func(l *lua.LState) int {
		l.Push(lua.LString(fmt.Sprint(l.CheckUserData(1).Value.(*Strand).Traceback())))
		return 1
	}))
	got := run(t, h.State, "local s = start(function()\npcall(receive, 'x') end)\nlocal a = where(s)\npass()\nlocal b = where(s) send 'x' wait(s)\nreturn a .. b .. where(s)")
	if want := "[][[Go]: in f [Go]: in pcall t.lua:2: in <t.lua:1>][]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestStrandsAreBounded(t *testing.T) {
	h := newStrandHost(Options{})
	got := run(t, h.State, `local ok, e = pcall(function() while true do start(function() end) end end) local n = alive() pass() return e, n, alive()`)
	if got != "t.lua:1: too many functions run at once (4096) 4096 0" {
		t.Error(got)
	}
}

func TestWatchdogEndsStrands(t *testing.T) {
	for _, source := range []string{
		`local s = start(function() local t = {} while true do t[#t + 1] = ("x"):rep(1e4) .. #t end end) wait(s)`,
		`local t = {} start(function() while true do t[#t + 1] = ("x"):rep(1e5) .. #t pass() end end) receive "never"`,
		`local t = {} for i = 1, 3 do start(function() receive "never" end) end start(function() while true do t[#t + 1] = ("x"):rep(1e4) .. #t end end)`,
		`local function deep(n) if n == 0 then return receive "never" end return (pcall(deep, n - 1)) end for i = 1, 4000 do start(deep, 150) end receive "never"`,
	} {
		runtime.GC()
		h := newStrandHost(Options{Watchdog: &Watchdog{Limit: 32 << 20}})
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		_, err := h.Run(ctx, compile(t, source))
		var full *MemoryError
		if err != nil && !errors.As(err, &full) {
			t.Errorf("%s: %v", source, err)
		}
		h.settle(t)
		if ctx.Err() != nil {
			t.Errorf("%s: nobody ended it", source)
		}
		cancel()
		if w := h.options.Watchdog; len(w.running) != 0 || w.ended != 0 {
			t.Errorf("%s: the watchdog watches %d, %d of them ended", source, len(w.running), w.ended)
		}
	}
}

// Strands that wait are no suspects, and neither is who waits while they do.
func TestWaitingStrandsAreNotBusy(t *testing.T) {
	var w watched
	for i, step := range []struct {
		do   func()
		busy bool
	}{{w.resume, true}, {w.pause, false}, {w.pause, false}, {w.resume, true}, {w.resume, true}, {w.pause, false}} {
		before := w.spell.Load()
		step.do()
		if after := w.spell.Load(); after == before || (after%2 == 0) != step.busy {
			t.Errorf("step %d: %d after %d", i, after, before)
		}
	}
}

func TestManyStrandsTakeLittle(t *testing.T) {
	h := newStrandHost(Options{})
	const count = 1000
	taken := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc + m.StackInuse
	}
	before := taken()
	ctx, cancel := context.WithCancel(context.Background())
	var each uint64
	h.Globals().RawSetString("measure", h.Function(func(*lua.LState) int { each = (taken() - before) / count; return 0 }))
	_, err := h.Run(ctx, compile(t, fmt.Sprintf(`local ready = 0 for i = 1, %d do start(function() ready = ready + 1 pcall(receive, "never") end) end
		while ready < %d do pass() end measure()`, count, count)))
	cancel()
	if err != nil {
		t.Fatal(err)
	}
	h.settle(t)
	if t.Logf("%d bytes each", each); each > 64<<10 {
		t.Errorf("a strand takes %d bytes", each)
	}
}

func TestReleaseCostsNothingAlone(t *testing.T) {
	s := New(Options{})
	if n := testing.AllocsPerRun(100, func() { s.Release()() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkRelease(b *testing.B) {
	b.Run("alone", func(b *testing.B) {
		s := New(Options{})
		for b.Loop() {
			s.Release()()
		}
	})
	b.Run("handed over", func(b *testing.B) {
		h := newStrandHost(Options{})
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		proto := compile(b, `start(function() while true do pass() end end) return function() pass() end`)
		values, err := h.Run(ctx, proto)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := h.Call(ctx, values[0].(*lua.LFunction)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
