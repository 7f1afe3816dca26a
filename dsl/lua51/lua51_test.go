package lua51

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/parse"
)

func compile(t testing.TB, source string) *lua.FunctionProto {
	t.Helper()
	chunk, err := parse.Parse(strings.NewReader(source), "t.lua")
	if err != nil {
		t.Fatalf("parse %q: %v", source, err)
	}
	proto, err := Compile(chunk, "t.lua")
	if err != nil {
		t.Fatalf("compile %q: %v", source, err)
	}
	return proto
}

// run runs source and returns what it returns, as tostring writes it, joined by blanks, or "error: " and the text.
func run(t testing.TB, s *State, source string) string {
	t.Helper()
	values, err := s.Run(context.Background(), compile(t, source))
	if err != nil {
		return "error: " + err.Error()
	}
	return join(values)
}

func join(values []lua.LValue) string {
	texts := make([]string, len(values))
	for i, v := range values {
		text, ok := toString(v)
		if !ok {
			text = v.String()
		}
		texts[i] = text
	}
	return strings.Join(texts, " ")
}

// row is one piece of Lua and what it returns. Rows of which Lua 5.1 itself says the same are run through it too, where
// it is installed; own tells that it says something else, and why we do.
type row struct {
	source string
	want   string
	why    string
	own    bool
}

func checkRows(t *testing.T, rows []row) {
	t.Helper()
	s := New(Options{})
	var same []row
	for _, r := range rows {
		if got := run(t, s, r.source); got != r.want {
			t.Errorf("%s\n got %q\nwant %q (%s)", r.source, got, r.want, r.why)
		}
		if !s.Sound() {
			s = New(Options{})
		}
		if !r.own {
			same = append(same, r)
		}
	}
	compareWithLua(t, same)
}

// compareWithLua runs the rows through Lua 5.1 itself, as a check of the tables.
func compareWithLua(t *testing.T, rows []row) {
	t.Helper()
	path, err := exec.LookPath("lua5.1")
	if err != nil {
		return
	}
	var script strings.Builder
	script.WriteString(`local function show(ok, ...)
		local t = {...}
		for i = 1, select("#", ...) do t[i] = tostring(t[i]) end
		io.write(ok and "" or "error: ", table.concat(t, " "), "\1")
	end
	`)
	for _, r := range rows {
		fmt.Fprintf(&script, "show(pcall(assert(loadstring(%s, '=t.lua'))))\n", quote(r.source))
	}
	command := exec.Command(path, "-")
	command.Stdin = strings.NewReader(script.String())
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	answers := strings.Split(string(out), "\x01")
	for i, r := range rows {
		if i < len(answers) && normal(answers[i]) != normal(r.want) {
			t.Errorf("Lua 5.1 differs: %s\nit says %q\n we want %q", r.source, answers[i], r.want)
		}
	}
}

var unknownName = regexp.MustCompile(`to '[?a-z]+'`)

// normal drops what may differ: the name of a function that Lua 5.1 does not know, and the sign of nan.
func normal(s string) string {
	return strings.ReplaceAll(unknownName.ReplaceAllString(s, "to '?'"), "-nan", "nan")
}

func TestSandboxHoldsNothingThatReachesOut(t *testing.T) {
	s := New(Options{})
	for _, name := range []string{
		"io", "debug", "package", "channel", "dofile", "loadfile", "load", "loadstring", "module", "require", "print",
		"setfenv", "getfenv", "newproxy", "_printregs", "os.execute", "os.exit", "os.getenv", "os.remove", "os.rename",
		"os.setlocale", "os.tmpname", "string.dump", "_GOPHER_LUA_VERSION",
	} {
		if got := run(t, s, "return "+name); got != "nil" {
			t.Errorf("%s is %s", name, got)
		}
	}
}
