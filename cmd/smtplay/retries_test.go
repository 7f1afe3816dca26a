package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"smtplay/engine/server"
)

// flakyServer refuses NOOP in its first conversation.
func flakyServer(t *testing.T) string {
	t.Helper()
	bad := server.Polite{Domain: "mail.example.com", On: server.Answers{"noop": server.Say("450 4.3.0 not now")}}.Serve
	return server.Start(t, server.Each(bad, server.Polite{Domain: "mail.example.com"}.Serve)).Addr()
}

func TestFlaky(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, map[string]string{"tests/a.lua": "ehlo()\nnoop()", "tests/b.lua": "ehlo()", "tests/c.lua": "ehlo()\nexpect_capability 'NOTHING'"})
	for _, tt := range []struct {
		reason string
		args   []string
		status int
		shows  []string // regular expressions, in order
		never  string
	}{
		{"a pass that came late is seen to be one", []string{"--retries", "2", "tests/a.lua", "tests/b.lua"}, exitPassed, []string{
			`^flaky tests/a\.lua +2 attempts, `, `^  tests/a\.lua:2: passed when tried again; attempt 1: .*450 4\.3\.0 not now`, `S: 450 4\.3\.0 not now`,
			`^ok    tests/b\.lua`, `^flaky: 1 test passed only when tried again$`, `^  tests/a\.lua$`, `^2 passed, 0 failed, 0 skipped, 0 errors in [0-9.]+ s$`}, "FAIL"},
		{"without attempts it fails", []string{"tests/a.lua", "tests/b.lua"}, exitFailed, []string{`^FAIL  tests/a\.lua`, `^1 passed, 1 failed, `}, "flaky"},
		{"no flaky test may pass", []string{"--retries", "2", "--no-flaky", "tests/a.lua"}, exitFailed, []string{
			`^FAIL  tests/a\.lua +2 attempts, `, `tests/a\.lua:2: passed at attempt 2 only, and no test may be flaky`, `also tests/a\.lua:2: .*450 4\.3\.0`, `^0 passed, 1 failed, `}, "flaky:"},
		{"what fails each time fails", []string{"--retries", "2", "tests/c.lua"}, exitFailed, []string{`^FAIL  tests/c\.lua +3 attempts, `, `^0 passed, 1 failed, `}, "flaky"},
		{"a failure with attempts left ends no run", []string{"--retries", "1", "--fail-fast", "tests/a.lua", "tests/b.lua"}, exitPassed, []string{`^flaky tests/a`, `^ok    tests/b`, `^2 passed, `}, "FAIL"},
		{"who watches sees the attempts apart", []string{"--retries", "1", "-v", "tests/a.lua"}, exitPassed, []string{`C: NOOP`, `S: 450 `, `\* note attempt 2$`, `S: 250 `, `^1 passed, `}, "FAIL"},
	} {
		e := child{dir: dir}.run(t, append([]string{"run", "--jobs", "1", "--server", flakyServer(t)}, tt.args...)...)
		rest := e.stdout
		for _, want := range tt.shows {
			at := regexp.MustCompile("(?m)" + want).FindStringIndex(rest)
			if at == nil {
				t.Errorf("%s: no %s in\n%s%s", tt.reason, want, e.stdout, e.stderr)
				break
			}
			rest = rest[at[0]:]
			rest = rest[strings.IndexByte(rest, '\n')+1:]
		}
		if e.status != tt.status || strings.Contains(e.stdout, tt.never) {
			t.Errorf("%s: status %d, want %d, and no %q in\n%s%s", tt.reason, e.status, tt.status, tt.never, e.stdout, e.stderr)
		}
	}
}

// In GitHub Actions no name of a test is taken for a command, and a pass that
// came late is a warning beside its script.
func TestFlakyInActions(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, map[string]string{"a.lua": "test('##[error]x', function() ehlo() noop() end)"})
	run := child{dir: dir, env: []string{"GITHUB_ACTIONS=true"}}.run(t, "run", "--server", flakyServer(t), "--retries", "1", "--report", "json=r.json", "a.lua")
	again := child{dir: dir, env: []string{"GITHUB_ACTIONS=true"}}.run(t, "report", "r.json")
	for _, e := range []ended{run, again} {
		_, token, _ := strings.Cut(e.stdout, "::stop-commands::")
		token, _, _ = strings.Cut(token, "\n")
		shown, after, ended := strings.Cut(e.stdout, "::"+token+"::\n")
		if token == "" || !ended || !strings.Contains(shown, "\nflaky: 1 test passed only when tried again\n  a.lua: ##[error]x\n") || e.status != exitPassed {
			t.Errorf("status %d\n%s", e.status, e.stdout)
		}
		if warning, _, _ := strings.Cut(after, "\n"); !strings.HasPrefix(warning, "::warning file=a.lua,title=a.lua%3A ##[error]x::passed only when tried again; attempt 1: a.lua:1: ") {
			t.Errorf("beside the script stands %s", warning)
		}
	}
}

// The attempt that counts has the name of the test, and is what a later run is
// compared with.
func TestFlakyRecorded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, map[string]string{"a.lua": "ehlo()\nnoop()"})
	c := child{dir: dir}
	if e := c.run(t, "run", "--server", flakyServer(t), "--retries", "1", "--record", "out", "a.lua"); e.status != exitPassed {
		t.Fatal(e.stdout, e.stderr)
	}
	for name, want := range map[string]string{"a.smtp": "S: 250 ", "a~failed1.smtp": "S: 450 4.3.0 not now"} {
		text, err := os.ReadFile(filepath.Join(dir, "out", "a", name))
		if err != nil || !strings.Contains(string(text), "C: NOOP\n"+want) {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
	sound := server.Start(t, server.Polite{Domain: "mail.example.com"}.Serve).Addr()
	if e := c.run(t, "run", "--server", sound, "--against", "out", "a.lua"); e.status != exitPassed {
		t.Errorf("differs from the attempt that counted:\n%s", e.stdout)
	}
	if e := c.run(t, "run", "--server", flakyServer(t), "--against", "out", "--retries", "1", "a.lua"); e.status != exitPassed || !strings.Contains(e.stdout, "flaky: 1 test") {
		t.Errorf("a change that went away is flaky:\n%s", e.stdout)
	}
}

func TestRetriesMisused(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--no-flaky"}, {"--retries", "-1"}, {"--retries", "x"}} {
		if e := (child{dir: t.TempDir()}).run(t, append([]string{"run", "--demo"}, args...)...); e.status != exitUsage || e.stdout != "" {
			t.Errorf("%q: %+v", args, e)
		}
	}
}
