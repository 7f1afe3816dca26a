package dsl

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"smtplay/engine/lab/labtest"
)

// pluginDriver prints what the plugin makes of each of sources: the text with the
// diffs applied as the server applies them, in hex.
const pluginDriver = `
local function hex(s) return (s:gsub(".", function(c) return ("%02x"):format(c:byte()) end)) end
for _, src in ipairs(sources) do
  local text, at = "", 1
  for _, d in ipairs(OnSetText("file:///a.lua", src) or {}) do
    assert(d.start >= at and d.finish >= d.start - 1 and d.finish <= #src, "diffs in order, inside the text")
    assert(d.finish < d.start or src:sub(d.start, d.finish):find "^[ \t]$", "nothing but a blank is replaced")
    text, at = text .. src:sub(at, d.start - 1) .. d.text, d.finish + 1
  end
  emit(hex(text .. src:sub(at)) .. "\n")
end
`

// luaStrings is a table of strings, in Lua that any version reads.
func luaStrings(all []string) string {
	var b strings.Builder
	b.WriteString("sources = {\n")
	for _, s := range all {
		b.WriteByte('"')
		for i := range len(s) {
			fmt.Fprintf(&b, `\%03d`, s[i])
		}
		b.WriteString("\",\n")
	}
	return b.String() + "}\n"
}

// pluginSources are the rows of the literals, and what is like them.
func pluginSources() []string {
	var all []string
	for _, row := range literalRows {
		all = append(all, row.src)
	}
	all = append(all, "#!/usr/bin/smtplay\nexpect 250", "#!expect 250\r\nexpect 4xx", "", " ", "\fexpect 250", "expect 0x")
	draw := rand.New(rand.NewPCG(1, 2))
	alphabet := []string{"expect", " ", "\t", "4xx", "250", "5", ".", "e", "-", "\n", "\r", "\"", "'", "\\", "[[", "]]", "[=[", "--", "local ", "a", ":", "(", "0x", "x", "~=", "::", "{", "\x00", "é"}
	for range 4000 {
		src := literalRows[draw.IntN(len(literalRows))].src
		for range 1 + draw.IntN(3) {
			at := draw.IntN(len(src) + 1)
			end := min(at+draw.IntN(3), len(src))
			src = src[:at] + alphabet[draw.IntN(len(alphabet))] + src[end:]
		}
		all = append(all, src)
	}
	return all
}

// The plugin reads reply literals as smtplay does, byte for byte.
func TestEditorPlugin(t *testing.T) {
	sources := pluginSources()
	var want strings.Builder
	for _, src := range sources {
		out, _ := expandLiterals(commentShebang(src))
		if strings.HasPrefix(src, "#!") {
			out = src[:3] + out[3:] // the server reads a first line of that kind itself
		}
		fmt.Fprintf(&want, "%x\n", out)
	}
	check := func(t *testing.T, got string) {
		lines, wants := strings.Split(got, "\n"), strings.Split(want.String(), "\n")
		for i, src := range sources {
			if i >= len(lines) || lines[i] != wants[i] {
				t.Fatalf("%q: %s\nwant %s", src, lines[min(i, len(lines)-1)], wants[i])
			}
		}
	}
	program := EditorPlugin + luaStrings(sources) + pluginDriver
	t.Run("here", func(t *testing.T) {
		l := lua.NewState()
		defer l.Close()
		var got strings.Builder
		l.SetGlobal("emit", l.NewFunction(func(l *lua.LState) int {
			got.WriteString(l.CheckString(1))
			return 0
		}))
		if err := l.DoString(program); err != nil {
			t.Fatal(err)
		}
		check(t, got.String())
	})
	// The language server runs plugins in Lua 5.4; the plugin is Lua 5.1 too.
	for _, version := range []string{"lua5.1", "lua5.4"} {
		t.Run(version, func(t *testing.T) { check(t, runPlugin(t, version, sources)) })
	}
}

// runPlugin is what the plugin makes of each of sources, a line of hex each, in a
// Lua of that name.
func runPlugin(t *testing.T, version string, sources []string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "plugin.lua")
	program := "function emit(line) io.write(line) end\n" + EditorPlugin + luaStrings(sources) + pluginDriver
	if err := os.WriteFile(path, []byte(program), 0o644); err != nil {
		t.Fatal(err)
	}
	return runLua51(t, version, path)
}

// What the language server gets to read of the scripts that we have is Lua 5.1, each line
// where it was: else it would mark what is right.
func TestEditorPluginMakesLua(t *testing.T) {
	labtest.Program(t, "luac5.1")
	var names, sources []string
	for _, pattern := range []string{"../scripts/*.lua", "../scripts/lib/*.lua", "../scripts/lib/*/*.lua", "../testdata/monday/*.lua", "../testdata/monday/*/*.lua",
		"../cmd/smtplay/suite/*.lua", "testdata/write/*.lua"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(found), err)
		}
		for _, name := range found {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			names, sources = append(names, name), append(sources, string(text))
		}
	}
	dir, changed := t.TempDir(), 0
	for i, line := range strings.Split(strings.TrimSpace(runPlugin(t, "lua5.4", sources)), "\n") {
		made, err := hex.DecodeString(line)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := strings.Count(string(made), "\n"), strings.Count(sources[i], "\n"); got != want {
			t.Errorf("%s: %d lines, of %d", names[i], got, want)
		}
		if out, err := luac(t, dir, made); err != nil {
			t.Errorf("%s: %v\n%s", names[i], err, out)
		}
		if string(made) == sources[i] {
			continue
		}
		changed++
		if _, err := luac(t, dir, []byte(sources[i])); err == nil {
			t.Errorf("%s is Lua, and was changed", names[i])
		}
	}
	if changed == 0 {
		t.Error("none of them has a reply literal")
	}
}

// luac is what Lua's own compiler says of a text.
func luac(t *testing.T, dir string, text []byte) ([]byte, error) {
	t.Helper()
	path := filepath.Join(dir, "script.lua")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return exec.Command("luac5.1", "-p", path).CombinedOutput()
}

// runLua51 is what a program of Lua 5.1's prints; the test is skipped where there is none.
func runLua51(t *testing.T, name string, args ...string) string {
	t.Helper()
	path := labtest.Program(t, name)
	out, err := exec.Command(path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

// The settings are JSON, and name every global.
func TestEditorSettings(t *testing.T) {
	var settings map[string]any
	if err := json.Unmarshal([]byte(EditorSettings(".smtplay")), &settings); err != nil {
		t.Fatal(err)
	}
	if settings["runtime.version"] != "Lua 5.1" || settings["runtime.plugin"] != ".smtplay/plugin.lua" {
		t.Errorf("%v", settings)
	}
	globals := settings["diagnostics.globals"].([]any)
	for name := range verbsAt() {
		if !slices.Contains(globals, any(name)) {
			t.Errorf("%s is no global there", name)
		}
	}
	for name := range settings["runtime.builtin"].(map[string]any) {
		if _, out := leftOut[name]; !out {
			t.Errorf("%s is not left out of the language", name)
		}
	}
}
