package lua51

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

func TestConcat(t *testing.T) {
	checkRows(t, []row{
		{`return "a" .. "b" .. "c"`, "abc", "from constants", false},
		{`local s = "x" s = s .. 1 .. 2.5 return s`, "x12.5", "numbers", false},
		{`return (0.1 + 0.2) .. " " .. 1e15 .. " " .. 2^53`, "0.3 1e+15 9.007199254741e+15", "numbers as 5.1 writes them", false},
		{`local function f(s) s = s .. s return s end return f("ab")`, "abab", "the last parameter as its own operand", false},
		{`local function f(a, b) b = a .. b .. a return a .. b end return f("x", "y")`, "xxyx", "the last of two parameters", false},
		{`local function f() return "a", "b" end return f() .. f()`, "aa", "one value of each call", false},
		{`local function f(...) return "x" .. ... end return f("a", "b")`, "xa", "the first of the arguments", false},
		{`local function f() return "a", "b" end return "<" .. (f() .. f()) .. ">", 1`, "<aa> 1", "a chain in brackets", false},
		{`local t = {} t[#t + 1] = "a" .. #t t["k" .. 1] = "v" .. 2 return t[1] .. t.k1`, "a0v2", "keys and values", false},
		{`local t = { "a" .. 1, ["b" .. 2] = "c" .. 3 } return t[1] .. t.b2`, "a1c3", "in a table", false},
		{`local s = "" for i = 1, 3 do s = s .. i end while #s < 5 do s = s .. "-" end repeat s = s .. "+" until #s .. "" == "7" return s`, "123--++", "in loops", false},
		{`if "a" .. "b" == "ab" and not ("a" .. "b" ~= "ab") then return -("1" .. "2") + #("a" .. "b") end`, "-10", "in operators", false},
		{`for k, v in pairs{ ["a" .. "b"] = "c" .. "d" } do return k .. v end`, "abcd", "in an iterator", false},
		{`return ("a" .. "b"):rep(2) .. ("x"):rep(2)`, "ababxx", "as a receiver", false},
		{`local m = setmetatable({}, { __concat = function(a, b) return (type(a) == "table" and "T" or a) .. (type(b) == "table" and "T" or b) end })
		  return "a" .. "b" .. m .. 1 .. 2, m .. "x", 1 .. m, m .. m`, "abT12 Tx 1T TT", "metamethods, from the right", false},
		{`local o = "" local function f(x) o = o .. x return x end local r = f("a") .. f("b") .. f("c") return o, r`, "abc abc", "operands from the left", false},
		{`string.rep = nil local n = 0 for k in pairs(string) do if k == ".." then n = 1 end end return "a" .. n, string.format == nil`, "a0 false", "not among the strings' functions", true},
		{`local x return "a" .. x`, `error: t.lua:1: attempt to concatenate a nil value`, "what is no text", true},
		{"local x = {}\nlocal y = 1\nreturn x .. 'a'", `error: t.lua:3: attempt to concatenate a table value`, "and its line", true},
		{"return pcall(function() return 'a' .. nil end)", `false t.lua:1: attempt to concatenate a nil value`, "caught", true},
		{`getmetatable("").__index = function() return 1 end string.rep = nil return "a" .. ("b").x`, "a1", "whatever becomes of the strings' functions", true},
		{`local s = "x" while true do s = s .. s end`, "error: t.lua:1: resulting string too large", "a bound", true},
		{`local s = ("x"):rep(2^25) return s .. s .. s`, "error: t.lua:1: resulting string too large", "for a whole chain", true},
	})
}

// TestAssignedCalls: what the machine's compiler alone gets wrong.
func TestAssignedCalls(t *testing.T) {
	checkRows(t, []row{
		{`local function f(s) s = (s:gsub("a", "b")) return s end return f("aaa")`, "bbb", "one value of a call that takes the last parameter", false},
		{`local function f(s) s = (tostring(s)) return s end return f(12)`, "12", "of a function", false},
		{`local function f(s) local x s, x = tostring(s), 1 return s .. x end return f(12)`, "121", "a call that is not the last value", false},
		{`local function f(s) local x s, x = (tostring(s)) return s, x end return f(12)`, "12 nil", "one value for two names", false},
		{`local function f(s) local x, y s, x, y = (s), (s:gsub("a", "b")) return s, x, y end return f("a")`, "a b nil", "the same, not in the first place", false},
		{`local function f(a, s) a, s = s .. a, a .. s return a, s end return f("x", "y")`, "yx xy", "chains", false},
		{`local function f(s) s = s .. (s:gsub("a", "b")) .. s return s end return f("a")`, "aba", "a call in a chain", false},
		{`local t = {} t.x, t.y = (("a"):gsub("a", "b")), ("c"):rep(2) return t.x, t.y`, "b cc", "into a table", false},
		{`local function f() return "y", "z" end local t = { "a", x = f() } return #t, t[2], t.x`, "1 nil y", "a call as the last value that has a name", false},
		{`local function f(...) local t = { "a", "b", x = ... } return #t, t.x end return f("y", "z")`, "2 y", "the arguments as that", false},
		{`local function f() return "y", "z" end local t = { "a", x = f(), f() } return #t, t[2], t[3], t.x`, "3 y z y", "and not the last", false},
		{`local n = 0 local function g() n = n + 1 return nil, n end local function f(s) local x x, s = g(), g() return x, s, n end return f()`, "nil nil 2", "no value, called once", false},
	})
}

// TestConstructors: tables of as many values as the machine's compiler puts in at once, and what follows them.
func TestConstructors(t *testing.T) {
	counted := func(from, to int) string {
		var b strings.Builder
		for i := from; i <= to; i++ {
			fmt.Fprintf(&b, "%d, ", i)
		}
		return b.String()
	}
	var rows []row
	for _, n := range []int{49, 50, 51, 99, 100, 150} {
		for _, r := range []struct{ fields, want string }{
			{`x = 1`, "n nil nil nil 1 nil"},
			{`x = v(1), y = v(2), z = v(3)`, "n nil nil nil 1 2"},
			{`[v("x")] = v(1), v("a")`, "n a nil nil 1 nil"},
			{`x = two()`, "n nil nil nil a nil"},
			{`x = two(), y = two()`, "n nil nil nil a a"},
			{`two()`, "n a b nil nil nil"},
			{`(two())`, "n a nil nil nil nil"},
			{`v(two()), two()`, "n a a b nil nil"},
			{`...`, "n r s t nil nil"},
			{`x = v(1), ...`, "n r s t 1 nil"},
			{`x = v(1), "q", y = v(2), two()`, "n q a b 1 2"},
		} {
			source := `local function v(x) return x end local function two() return "a", "b" end
			local t = (function(...) return { ` + counted(1, n) + r.fields + ` } end)("r", "s", "t")
			for i = 1, N do if t[i] ~= i then return i, t[i] end end return t[N], t[N + 1], t[N + 2], t[N + 3], t.x, t.y`
			number := strconv.Itoa(n)
			rows = append(rows, row{strings.ReplaceAll(source, "N", number), strings.Replace(r.want, "n", number, 1), r.fields, false})
		}
		rows = append(rows, row{"local t = { y = (\"q\"):rep(2), " + counted(1, n) + "x = (\"p\"):rep(2) } return #t, t[1], t.x, t.y", strconv.Itoa(n) + " 1 pp qq", "a name before and behind", false})
	}
	order := `local o = "" local function f(x) o = o .. x return x end local t = { ` + counted(1, 49) + `f("a"), x = f("b"), f("c"), y = f("d"), f("e") } return o, t[50], t[51], t[52]`
	if !testing.Short() { // each value of a constructor is compared with all before it
		rows = append(rows, row{"local t = { " + counted(1, 25601) + "x = 1 } return #t, t[1], t[25550], t[25551], t[25601], t.x", "25601 1 25550 25551 25601 1", "more than all groups hold", false})
	}
	checkRows(t, append(rows, row{order, "abcde a c e", "made from the left", false}))
}

// TestConstructorsBuiltin: what puts the end of a table in may be called by name, too.
func TestConstructorsBuiltin(t *testing.T) {
	checkRows(t, []row{
		{`return pcall(_G["{}"], "x", 1, 2)`, "false bad argument #1 to '{}' (table expected, got string)", "no table", true},
		{`return pcall(_G["{}"], {}, "x", 2)`, "false bad argument #2 to '{}' (number expected, got string)", "no number", true},
		{`return #_G["{}"]({}, 0, 1, 2)`, "2", "a table", true},
	})
}
