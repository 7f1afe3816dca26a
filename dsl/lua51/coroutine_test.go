package lua51

import "testing"

func TestCoroutines(t *testing.T) {
	checkRows(t, []row{
		{`local co = coroutine.create(function(a, b) local c = coroutine.yield(a + b) return c * 2 end) return select(2, coroutine.resume(co, 1, 2)), select(2, coroutine.resume(co, 10)), coroutine.status(co)`, "3 20 dead", "values pass both ways", false},
		{`local co = coroutine.create(function() coroutine.yield() coroutine.yield(nil) end) return select("#", coroutine.resume(co)), select("#", coroutine.resume(co)), select("#", coroutine.resume(co))`, "1 2 1", "no value is not nil", false},
		{`local t = {} for v in coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) do t[#t+1] = v end return table.concat(t)`, "123", "wrap as an iterator", false},
		{`local co = coroutine.create(function() error({}) end) local ok, e = coroutine.resume(co) return ok, type(e), coroutine.status(co)`, "false table dead", "an error object", false},
		{`local co = coroutine.create(function() end) coroutine.resume(co) return coroutine.resume(co)`, "false cannot resume dead coroutine", "dead", false},
		{`local co co = coroutine.create(function() return coroutine.resume(co) end) return coroutine.resume(co)`, "true false cannot resume running coroutine", "itself", false},
		{`local a a = coroutine.create(function() return coroutine.wrap(function() return coroutine.resume(a) end)() end) return coroutine.resume(a)`, "true false cannot resume normal coroutine", "the one that resumed it", false},
		{`local a, s a = coroutine.create(function() s = coroutine.status(a) coroutine.wrap(function() s = s .. coroutine.status(a) end)() pcall(function() s = s .. coroutine.status(a) end) end) local before = coroutine.status(a) coroutine.resume(a) return before, s, coroutine.status(a)`, "suspended runningnormalrunning dead", "status, also inside a pcall", false},
		{`return coroutine.running(), coroutine.wrap(function() local co = coroutine.running() return type(co), select(2, pcall(coroutine.running)) == co end)()`, "nil thread true", "running, also inside a pcall", false},
		{`local t = {} return select(2, pcall(coroutine.wrap(function() error(t) end))) == t`, "true", "wrap hands on an object", false},
		{`return pcall(coroutine.wrap(function() error("m", 0) end))`, "false m", "wrap hands on a message; 5.1 adds a position", true},
		{`coroutine.yield()`, "error: t.lua:1: attempt to yield across metamethod/C-call boundary", "not in a coroutine; 5.1 gives no position", true},
		{`return coroutine.resume(coroutine.create(function() pcall(coroutine.yield) return "done" end))`, "true done", "not across a pcall", false},
		{`return coroutine.resume(coroutine.create(function() local t = setmetatable({}, {__index = function() coroutine.yield(1) end}) return pcall(function() return t.x end) end))`, "true false t.lua:1: attempt to yield across metamethod/C-call boundary", "not across a metamethod in a pcall", true},
		{`return coroutine.resume(coroutine.create(function() local t = setmetatable({}, {__index = function() coroutine.yield(1) end}) return t.x end))`, "false t.lua:1: attempt to yield across metamethod/C-call boundary", "not across a metamethod", true},
		{`return coroutine.resume(coroutine.create(function() for x in function() return coroutine.yield(1) end do end end))`, "false t.lua:1: attempt to yield across metamethod/C-call boundary", "not across an iterator", true},
		{`return coroutine.resume(coroutine.create(function() table.sort({1, 2}, function() coroutine.yield() end) end))`, "false t.lua:1: attempt to yield across metamethod/C-call boundary", "not across a sort", true},
		{`local co = coroutine.wrap(function() local function f(n) if n == 0 then return coroutine.yield("deep") end return f(n - 1) + 1 end return f(20) end) return co(), co(5)`, "deep 25", "out of Lua calls", false},
		{`local co = coroutine.wrap(function() return coroutine.yield(1) end) return co(), co(2)`, "1 2", "yield in the tail", false},
		{`local n = 0 local co = coroutine.wrap(function() n = n + 1 coroutine.yield() n = n + 1 end) co() n = n + 10 co() return n`, "12", "variables are shared", false},
		{`local f coroutine.resume(coroutine.create(function() local x = 5 f = function() return x end error("x") end)) return f()`, "5", "a closure outlives a failed coroutine", false},
		{`coroutine.create()`, "error: t.lua:1: bad argument #1 to 'create' (function expected, got no value)", "argument checks; 5.1 says Lua function expected", true},
		{`return coroutine.wrap(string.upper)("x")`, "X", "Go functions can be started; C functions cannot", true},
		{`coroutine.resume(1)`, "error: t.lua:1: bad argument #1 to 'resume' (coroutine expected)", "argument checks", false},
		{`local function gen(n) return coroutine.wrap(function() for i = 1, n do coroutine.yield(i) end end) end local s = 0 for i in gen(3) do for j in gen(i) do s = s + j end end return s`, "10", "generators nest", false},
		{`local co = coroutine.create(function() coroutine.yield() end) return pcall(coroutine.resume, co), coroutine.status(co), coroutine.resume(co)`, "true suspended true", "resumed through a pcall", false},
	})
}

func TestUnfinishedCoroutineEndsTheState(t *testing.T) {
	s := New(Options{})
	run(t, s, `coroutine.create(function() end) local co = coroutine.wrap(function() return 1 end) co()`)
	if !s.Sound() {
		t.Error("coroutines that never ran, or ended, do no harm")
	}
	run(t, s, `coroutine.wrap(function() coroutine.yield() end)()`)
	if s.Sound() {
		t.Error("one is suspended")
	}
}
