package dsl

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/yuin/gopher-lua/ast"
)

// parsed is the chunk of a source that has no faults.
func parsed(t *testing.T, src string) []ast.Stmt {
	t.Helper()
	s, problems := parseSource("t.lua", []byte(src))
	if problems != nil {
		t.Fatalf("%q: %v", src, problems)
	}
	return s.chunk
}

func TestWalkNames(t *testing.T) {
	for _, row := range []struct{ src, reads, writes, why string }{
		{"x = y", "y", "x", "the two sides of an assignment"},
		{"local x = x", "x", "", "the right side is still the outer x"},
		{"local x = y; x = x", "y", "", "a local is neither read nor written"},
		{"local x, y = y, z", "y z", "", "several"},
		{"x, y.z = 1, 2", "y", "x", "a field of a target reads its table"},
		{"x[y] = 1", "x y", "", "and so does an index"},
		{"local t; t.x = y", "y", "", "a field of a local"},
		{"_G.x = 1; _G['y'] = 2", "_G _G", "x y", "the table of the globals"},
		{"local _G = {}; _G.x = 1", "", "", "a table of that name"},
		{"_G.a.x = 1", "_G", "", "a field of a global"},
		{"function f(a, ...) return a, b, ... end", "b", "f", "parameters; a function is an assignment"},
		{"local f; function f() end", "", "", "to a local too"},
		{"function a.b.c() return self end", "a self", "", "a field, without self"},
		{"function a.b:c(d) return self, d end", "a", "", "a method has self"},
		{"function a:b() end x = self", "a self", "x", "and only there"},
		{"local function f() return f() end", "", "", "a local function sees itself"},
		{"local f = function() return f() end", "", "", "as gopher-lua has it, this one does too"},
		{"local f, g = function() return f() end", "f", "", "but not this one"},
		{"local f = g(function() return f() end)", "g f", "", "nor this one"},
		{"for i = i, n, s do x(i) end y = i", "i n s x i", "y", "the bounds and what follows are outside"},
		{"for k, v in k, v do x(k, v) end y = v", "k v x v", "y", "so it is here"},
		{"repeat local x = y until x", "y", "", "until sees the locals of the body"},
		{"repeat local x until y; z = x", "y x", "z", "which end there"},
		{"while x do local x = y end z = x", "x y x", "z", "a block ends its locals"},
		{"do local x end x = 1", "", "x", "so does do"},
		{"if a then local x = b elseif x then y = c else z = d end", "a b x c d", "y z", "branches do not see each other's locals"},
		{"if x then local y end return y", "x y", "", "nor does what follows"},
		{"goto a; ::a:: do break_ = 1 end", "", "break_", "a label is no variable"},
		{"return {a, b = c, [d] = e, f = function(g) return g, h end}", "a c d e h", "", "a table's names are no variables"},
		{"x = a.b.c[d]", "a d", "x", "nor are fields"},
		{"x = -a + #b .. c == (not d and e or f) ^ g < h", "a b c d e f g h", "x", "operators"},
		{"expect 250; a:b(c, 'd', {e})", "expect a c e", "", "calls"},
		{"local x = function() x = 1; local y; return function() y = x end end", "", "", "a variable of an outer function"},
		{"f = function() g = 1 end", "", "f g", "an assignment within a function"},
	} {
		f := walk(parsed(t, row.src))
		var reads []string
		for _, r := range f.reads {
			reads = append(reads, r.name)
		}
		if got := strings.Join(reads, " "); got != row.reads {
			t.Errorf("%s: %q reads %s, want %s", row.why, row.src, got, row.reads)
		}
		if got := strings.Join(slices.Sorted(maps.Keys(f.writes)), " "); got != row.writes {
			t.Errorf("%s: %q writes %s, want %s", row.why, row.src, got, row.writes)
		}
	}
}

func TestWalkLines(t *testing.T) {
	f := walk(parsed(t, "x =\n  y\nfunction z()\n x = 1\nend\nfoo.bar\n  :baz(\n q)"))
	if want := []ref{{"y", 2}, {"foo", 6}, {"q", 8}}; !slices.Equal(f.reads, want) {
		t.Errorf("reads %v, want %v", f.reads, want)
	}
	if want := map[string]int{"x": 1, "z": 3}; !maps.Equal(f.writes, want) {
		t.Errorf("writes %v, want %v: the first of each", f.writes, want)
	}
	if len(f.calls) != 1 || f.calls[0].line != 6 {
		t.Errorf("calls %v, want one on line 6, where it begins", f.calls)
	}
}

func TestWalkCalls(t *testing.T) {
	for _, row := range []struct{ src, want, why string }{
		{"send 'x'", "send/1 global", "a statement"},
		{"x = expect 250", "expect/1 global", "an expression"},
		{"f(g(1), h(2, 3))", "f/2 global, g/1 global, h/2 global", "arguments"},
		{"a.f(); a.b.f(1)", "a.f/0 global, a.b.f/1 global", "fields"},
		{"c:send(); a.c:send()", "c:send/0 global, a.c:send/0 global", "methods"},
		{"local c = connect(); c:send(); c.f()", "connect/0 global, c:send/0, c.f/0", "of a local"},
		{"local send = f; send()", "send/0", "a local of that name"},
		{"connect():ehlo():send()", "connect/0 global, :ehlo/0, :send/0", "of what is returned, in the order of the text"},
		{"('x'):rep(3)", ":rep/1", "of a string"},
		{"f()(); (g or h)(); t[1](); f().x()", "f/0 global, f/0 global", "what has no name is left out, not what is within"},
		{"a['b']()", "a.b/0 global", "a field by another way"},
		{"test('n', function() send 'x' end); send 'y'", "test/2 global, send/1 global in function, send/1 global", "within a function"},
		{"function f() return g() end", "g/0 global in function", "a tail call"},
		{"for i = f(), g() do h() end", "f/0 global, g/0 global, h/0 global", "in the head of a loop"},
		{"repeat local send = f until send()", "send/0", "in the condition"},
		{"t = {f(), [g()] = h(), i = j()}", "f/0 global, g/0 global, h/0 global, j/0 global", "in a table"},
		{"if f() then g() elseif h() then i() else j() end", "f/0 global, g/0 global, h/0 global, i/0 global, j/0 global", "in conditions"},
	} {
		var got []string
		for _, c := range walk(parsed(t, row.src)).calls {
			s := fmt.Sprintf("%s/%d", c.name, len(c.args))
			if c.method {
				s = c.recv + ":" + s
			} else if c.recv != "" {
				s = c.recv + "." + s
			}
			if c.global {
				s += " global"
			}
			if c.inFunction {
				s += " in function"
			}
			got = append(got, s)
		}
		if s := strings.Join(got, ", "); s != row.want {
			t.Errorf("%s: %q calls %s, want %s", row.why, row.src, s, row.want)
		}
	}
}

func TestLiteral(t *testing.T) {
	for _, row := range []struct {
		src  string
		want any
		ok   bool
		why  string
	}{
		{"'x'", "x", true, "a string"},
		{"[[\nx]]", "x", true, "a long string"},
		{"('x')", "x", true, "in parentheses"},
		{"250", 250.0, true, "a number"},
		{"0x1F", 31.0, true, "hexadecimal"},
		{"1.5e3", 1500.0, true, "a fraction"},
		{"008", 8.0, true, "no octal number"},
		{"0010", 8.0, true, "but gopher-lua has this one"},
		{"- 5", -5.0, true, "negative"},
		{"true", true, true, "true"},
		{"false", false, true, "false"},
		{"nil", nil, true, "nil, which is a value"},
		{"x", nil, false, "a variable"},
		{"1 + 1", nil, false, "a sum"},
		{"-x", nil, false, "the negative of a variable"},
		{"-'5'", nil, false, "the negative of a string"},
		{"not true", nil, false, "an operation"},
		{"f()", nil, false, "a call"},
		{"...", nil, false, "what the caller gave"},
		{"{[x] = 1}", nil, false, "a key that is not written out"},
		{"{[1] = 'x'}", nil, false, "a number as a key"},
	} {
		got, ok := literal(parsed(t, "return "+row.src)[0].(*ast.ReturnStmt).Exprs[0])
		if got != row.want || ok != row.ok {
			t.Errorf("%s: %s is %v %v, want %v %v", row.why, row.src, got, ok, row.want, row.ok)
		}
	}
}

func TestLiteralTable(t *testing.T) {
	got, ok := literal(parsed(t, "return {250, within = '5s',\n f(); ['a b'] = x, '4xx'}")[0].(*ast.ReturnStmt).Exprs[0])
	table, isTable := got.(literalTable)
	if !ok || !isTable {
		t.Fatalf("%v %v", got, ok)
	}
	var positional []any
	for _, e := range table.positional {
		v, ok := literal(e)
		positional = append(positional, v, ok)
	}
	if want := []any{250.0, true, nil, false, "4xx", true}; !reflect.DeepEqual(positional, want) {
		t.Errorf("positional %v, want %v", positional, want)
	}
	var named []string
	for _, f := range table.named {
		named = append(named, fmt.Sprintf("%s:%d", f.key, f.line))
	}
	if want := []string{"within:1", "a b:2"}; !slices.Equal(named, want) {
		t.Errorf("named %v, want %v", named, want)
	}
}
