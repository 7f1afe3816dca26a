package lua51

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestProgramsAsLua runs programs put together at random, of all that a compiler keeps in registers (assignments of
// several values, parameters, operators, calls), and compares what comes out with Lua 5.1 itself.
func TestProgramsAsLua(t *testing.T) {
	const programs = 2000
	s := New(Options{})
	var rows []row
	for seed := range uint64(programs) {
		g := generator{rand.New(rand.NewPCG(seed, 1))}
		source := g.program()
		rows = append(rows, row{source: source, want: run(t, s, source), why: fmt.Sprint("program ", seed)})
		if !s.Sound() {
			s = New(Options{})
		}
	}
	compareWithLua(t, rows)
}

type generator struct{ *rand.Rand }

func (g generator) pick(of ...string) string { return of[g.IntN(len(of))] }

// prelude makes whatever a program does a number, so that no program ends in an error, of which the texts differ.
const prelude = `local u = 5
local t = setmetatable({ x = 1, y = 2, 3, 4 }, { __index = function() return 9 end, __newindex = function(t, k, v) rawset(t, tostring(k), v) end })
local function two(a, b) return (b or 7) % 1000, (a or 8) % 1000 end
local function show(...) local o = {} for i = 1, select('#', ...) do o[i] = tostring(select(i, ...)) end return table.concat(o, ' ') end
`

// program defines a function with parameters and locals, calls it, and returns all of them as text.
func (g generator) program() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%slocal function f(%s)\n", prelude, g.pick("a", "a, b", "a, b, c", "a, b, ..."))
	b.WriteString("local p, q, b, c = 3, 6, b or 10, c or 11\n")
	for range 2 + g.IntN(5) {
		b.WriteString(g.statement(2) + "\n")
	}
	b.WriteString("return show(a, b, c, p, q, u, t.x, t.y, t[1], t[2])\nend\nreturn f(1, 2, 4)")
	return b.String()
}

func (g generator) statement(depth int) string {
	names := 1 + g.IntN(3)
	switch n := g.IntN(10); {
	case n < 5:
		return g.list(names, g.place) + " = " + g.values(names)
	case n < 6:
		return "local " + g.list(names, func() string { return g.pick("a", "b", "p", "q") }) + " = " + g.values(names)
	case n < 7 && depth > 0:
		return "if " + g.condition(1) + " then " + g.statement(depth-1) + " else " + g.statement(depth-1) + " end"
	case n < 8 && depth > 0:
		return "for i = 1, 2 do " + g.statement(depth-1) + " end"
	case n < 9 && depth > 0:
		return "do local p = " + g.value(1) + " local function h() " + g.statement(depth-1) + " return p end q = h() end"
	}
	return "two(" + g.values(1) + ")"
}

// values are enough for that many names, or more.
func (g generator) values(names int) string {
	return g.list(names+g.IntN(2), func() string { return g.value(2) })
}

func (g generator) list(n int, one func() string) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = one()
	}
	return strings.Join(parts, ", ")
}

func (g generator) place() string {
	return g.pick("a", "b", "c", "p", "q", "u", "a", "p", "t.x", "t.y", "t[1]", "t[p]", "t[a]")
}

func (g generator) value(depth int) string {
	if depth == 0 {
		return g.pick("a", "b", "c", "p", "q", "u", "t.x", "t[1]", "1", "2.5", "t.y", "t[p]")
	}
	v := func() string { return g.value(depth - 1) }
	switch g.IntN(12) {
	case 0:
		return "#(" + v() + " .. " + v() + ")"
	case 1:
		return "(" + v() + " " + g.pick("+", "-", "*") + " " + v() + ") % 1000"
	case 2:
		return "(" + g.condition(depth-1) + " and " + v() + " or " + v() + ")"
	case 3:
		return "(" + v() + " or " + v() + ")"
	case 4:
		return "(" + v() + " and " + v() + ")"
	case 5:
		return "two(" + v() + ", " + v() + ")"
	case 6:
		return "(two(" + v() + ", " + v() + "))"
	case 7:
		return "#(tostring(" + v() + "):gsub('1', 'ii'))"
	case 8:
		return "-(" + v() + ")"
	case 9:
		return "({ " + v() + ", " + v() + ", k = " + v() + " })[" + g.pick("1", "2", "'k'") + "]"
	case 10:
		return "(function(...) local x, y = ... " + g.pick("x, y = y, x", "x = two(x, y)", "y, x = (two(x)), y") + " return x, y end)(" + v() + ", " + v() + ")"
	}
	return v()
}

func (g generator) condition(depth int) string {
	if depth <= 0 {
		return g.value(0) + " " + g.pick("==", "~=", "<", ">=") + " " + g.value(0)
	}
	switch g.IntN(4) {
	case 0:
		return "not (" + g.condition(depth-1) + ")"
	case 1:
		return "(" + g.condition(depth-1) + " " + g.pick("and", "or") + " " + g.condition(depth-1) + ")"
	}
	return g.value(depth) + " " + g.pick("==", "~=", "<", ">=") + " " + g.value(depth)
}
