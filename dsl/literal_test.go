package dsl

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"smtplay/dsl/lua51"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/parse"
)

// literalRows seed the fuzzer too. An empty want is "as it was".
var literalRows = []struct{ src, want, why string }{
	{`send "rcpt to:<x>"; expect 554`, `send "rcpt to:<x>"; expect(554)`, "a number"},
	{`expect 4xx`, `expect("4xx")`, "a pattern, at the end of the file"},
	{`expect 4xx; send "x"`, `expect("4xx"); send "x"`, "a separator right after"},
	{`local r = expect 5xx`, `local r = expect("5xx")`, "as an expression"},
	{`if expect 4xx then end`, `if expect("4xx") then end`, "as a condition"},
	{`expect 25x expect 354`, `expect("25x") expect(354)`, "two statements on a line"},
	{`expect 2x5 expect 3x4`, `expect("2x5") expect("3x4")`, "x in the middle"},
	{`expect 4xx -- as postscreen does`, `expect("4xx") -- as postscreen does`, "a comment after"},
	{`expect 250--c`, `expect(250)--c`, "a comment without a blank"},
	{"expect 4xx\r\nexpect 250\r\n", "expect(\"4xx\")\r\nexpect(250)\r\n", "CRLF"},
	{"expect 250\n\rexpect 5xx\r", "expect(250)\n\rexpect(\"5xx\")\r", "the other two line ends"},
	{"expect\t \t45x", "expect\t (\"45x\")", "blanks and tabs: the last one becomes the parenthesis"},
	{`{expect 250, expect 5xx}`, `{expect(250), expect("5xx")}`, "in a table"},
	{`f(expect 45x)`, `f(expect("45x"))`, "a bracket right after"},
	{`return expect 250`, `return expect(250)`, "after return"},
	{`x = expect 250 .. "s"`, `x = expect(250) .. "s"`, "the call binds tighter"},
	{`x = expect 4xx.."s"`, `x = expect("4xx").."s"`, "no number, so that .. may touch it"},
	{`x = expect 250 or y ^ 2`, `x = expect(250) or y ^ 2`, "operators after"},
	{`a.expect 250 a:expect 5xx`, `a.expect(250) a:expect("5xx")`, "fields and methods"},
	{`expect 0x1A expect 1.5 expect 1e3 expect 008 expect 5.`, `expect(0x1A) expect(1.5) expect(1e3) expect(008) expect(5.)`, "all of Lua's numbers"},
	{`goto a expect 250 ::a::`, `goto a expect(250) ::a::`, "the name after goto is not the one before the number"},

	{`expect "250" expect{250} expect(250) expect "4xx"`, "", "Lua already"},
	{`-- expect 250`, "", "a comment"},
	{"--[==[ expect 250\nexpect 4xx ]==] x = 1", "", "a long comment"},
	{`s = "expect 250" t = 'expect 4xx'`, "", "strings"},
	{"s = 'a\\\nexpect 250'", "", "a string over two lines"},
	{"s = [[\nexpect 250]]", "", "a long string"},
	{`x = 2y = 3`, "", "no name before the number, which gopher-lua accepts so"},
	{"x = y\n250", "", "on the next line"},
	{`expect --[[c]] 250`, "", "more than blanks between"},
	{`expect250 x4xx`, "", "a name"},
	{`return 250`, "", "a keyword before"},
	{`x = a and 250 or not 5`, "", "keywords before"},
	{`local x 5`, "", "a declaration"},
	{`local function f 5`, "", "a declaration"},
	{`goto n 5`, "", "a jump"},
	{`for i 5 do end`, "", "a loop"},
	{`expect -1`, "", "Lua's minus"},
	{`expect .5`, "", "no digit first"},
	{`expect 250 251`, "", "two numbers"},
	{`expect 250 4xx`, "", "a number and a pattern"},
	{`expect 4xx 5xx`, "", "two patterns"},
	{`expect 4xx "s"`, "", "a string would be an argument of the result"},
	{`expect 250 {}`, "", "so would a table"},
	{`expect 250 (x)`, "", "so would this"},
	{`expect 554 .code`, "", "an index of the result"},
	{`expect 4xx:close()`, "", "a method of the result"},
	{`expect 4xxy`, "", "runs on"},
	{`expect 4xx_`, "", "runs on"},
	{`expect 4xx5`, "", "runs on"},
	{`expect 4x`, "", "two places"},
	{`expect 4XX`, "", "only the small x"},
	{`expect 6xx`, "", "no reply begins so"},
	{`expect 1x0`, "", "no reply begins so"},
	{`expect 250y`, "", "runs on"},
	{`expect 250..x`, "", "Lua reads 250. there"},
	{`expect 5.7.1`, "", "no number"},
	{`expect 250 "`, "", "what cannot be read as a whole stays as it is"},
	{"expect 0E", "", "the scanner takes the end of the file for the exponent"},
	{"expect 5e\nexpect 250", "", "the scanner takes the line end into the number, up to the next name"},
	{"expect 5e+x", "", "the scanner takes the x into the number"},
}

func TestExpandLiterals(t *testing.T) {
	for _, row := range literalRows {
		want := row.want
		if want == "" {
			want = row.src
		}
		got, cols := expandLiterals(row.src)
		if got != want {
			t.Errorf("%s: %q is %q, want %q", row.why, row.src, got, want)
		}
		checkColumns(t, row.src, got, cols)
	}
}

// checkColumns says that columns lead back in order, and every byte to itself
// unless it is one of those that an expansion puts in.
func checkColumns(t *testing.T, src, out string, cols columnMap) {
	t.Helper()
	was, is := splitLines(src), splitLines(out)
	if len(was) != len(is) {
		t.Fatalf("%q has %d lines, %q has %d", src, len(was), out, len(is))
	}
	for n := range is {
		before := 0
		for i := range len(is[n]) {
			column := cols.original(n+1, i+1)
			if column < before || column < 1 || column > len(was[n]) {
				t.Fatalf("%q line %d: column %d leads to %d, after %d", out, n+1, i+1, column, before)
			}
			before = column
			if c := is[n][i]; c != was[n][column-1] && !strings.ContainsRune(`()"`, rune(c)) {
				t.Fatalf("%q line %d: column %d leads to another byte of %q", out, n+1, i+1, src)
			}
		}
		if end := cols.original(n+1, len(is[n])+1); len(cols[n+1]) > 0 && end != len(was[n])+1 {
			t.Fatalf("%q line %d: its end leads to %d of %q", out, n+1, end, src)
		}
	}
}

func TestOriginalColumns(t *testing.T) {
	//      expect 4xx; expect 250; f()
	//      expect("4xx"); expect(250); f()
	_, cols := expandLiterals("x = 1\nexpect 4xx; expect 250; f()")
	for _, row := range []struct {
		line, column, want int
		why                string
	}{
		{1, 5, 5, "a line without literals"},
		{2, 1, 1, "before the first"},
		{2, 7, 8, "the parenthesis belongs to the literal"},
		{2, 8, 8, "so does the quote"},
		{2, 9, 8, "its first byte"},
		{2, 11, 10, "its last byte"},
		{2, 12, 10, "the closing quote"},
		{2, 13, 10, "the closing parenthesis"},
		{2, 14, 11, "what follows"},
		{2, 22, 20, "the second's parenthesis"},
		{2, 23, 20, "the second"},
		{2, 29, 25, "behind both"},
	} {
		if got := cols.original(row.line, row.column); got != row.want {
			t.Errorf("%s: column %d is %d, want %d", row.why, row.column, got, row.want)
		}
	}
}

// TestValidLuaIsUnchanged compiles gopher-lua's own test files with and
// without the extension.
func TestValidLuaIsUnchanged(t *testing.T) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/yuin/gopher-lua").Output()
	if err != nil {
		t.Skip("no go command here:", err)
	}
	var files []string
	for _, pattern := range []string{"_glua-tests/*.lua", "_lua5.1-tests/*.lua"} {
		found, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	compiled := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		plain := commentShebang(string(text))
		chunk, err := parse.Parse(strings.NewReader(plain), file)
		if err != nil {
			continue // Lua to PUC only
		}
		want, err := lua51.Compile(chunk, file)
		if err != nil {
			continue
		}
		if out, _ := expandLiterals(plain); out != plain {
			t.Errorf("%s: changed", file)
		}
		s, problems := parseSource(file, text)
		if problems != nil {
			t.Errorf("%s: %v", file, problems)
			continue
		}
		got, problems := s.compile()
		if problems != nil {
			t.Errorf("%s: %v", file, problems)
			continue
		}
		if dumpProto(got) != dumpProto(want) {
			t.Errorf("%s: other code", file)
		}
		compiled++
	}
	if compiled < 30 {
		t.Errorf("only %d of %d files could be compared", compiled, len(files))
	}
}

// dumpProto has all that a function's code does and says of its lines.
func dumpProto(p *lua.FunctionProto) string {
	var b strings.Builder
	fmt.Fprintln(&b, p.SourceName, p.LineDefined, p.LastLineDefined, p.NumUpvalues, p.NumParameters, p.IsVarArg, p.NumUsedRegisters)
	fmt.Fprintln(&b, p.Code)
	for _, c := range p.Constants {
		fmt.Fprintf(&b, "%v %q\n", c.Type(), c.String())
	}
	fmt.Fprintln(&b, p.DbgSourcePositions, p.DbgUpvalues, p.DbgCalls)
	for _, l := range p.DbgLocals {
		fmt.Fprintln(&b, *l)
	}
	for _, f := range p.FunctionPrototypes {
		b.WriteString(dumpProto(f))
	}
	return b.String()
}

// FuzzReplyLiterals holds the promise that Lua stays Lua.
func FuzzReplyLiterals(f *testing.F) {
	for _, row := range literalRows {
		f.Add(row.src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		if len(src) > 4096 {
			return // the parser takes long for what is long
		}
		out, cols := expandLiterals(src)
		checkColumns(t, src, out, cols)
		if _, err := parse.Parse(strings.NewReader(src), "t"); err == nil && out != src {
			t.Errorf("%q is Lua, and became %q", src, out)
		}
		if again, _ := expandLiterals(out); again != out {
			t.Errorf("%q became %q, and that %q", src, out, again)
		}
	})
}

func TestLexEndsLinesAsTheParserDoes(t *testing.T) {
	toks, bad := lex("a\nb\rc\r\nd\n\re\r\r[[\n\r]]\nf")
	if bad != nil {
		t.Fatal(bad)
	}
	var lines []int
	for _, tok := range toks {
		lines = append(lines, tok.line)
	}
	if want := []int{1, 2, 3, 4, 5, 7, 9}; !slices.Equal(lines, want) {
		t.Errorf("lines %v, want %v", lines, want)
	}
}
