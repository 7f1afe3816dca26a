package dsl

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"smtplay/engine/server"
	"smtplay/engine/suite"
)

// inFolders compiles the last of files, around which the suite.lua among them
// are, outermost first. Names are below a folder of the test's own.
func inFolders(t *testing.T, files ...[2]string) (*Script, Problems) {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	var around []*Fixture
	var all Problems
	for i, f := range files {
		if err := os.MkdirAll(filepath.Dir(f[0]), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(f[0], []byte(f[1]), 0o644); err != nil {
			t.Fatal(err)
		}
		switch {
		case filepath.Base(f[0]) == FixtureName:
			fixture, problems := CompileFixture(f[0], []byte(f[1]), around...)
			all = append(all, problems...)
			if fixture == nil {
				return nil, all
			}
			around = append(around, fixture)
		case i == len(files)-1:
			s, problems := Compile(f[0], []byte(f[1]), around...)
			return s, append(all, problems...)
		}
	}
	t.Fatal("there is no script")
	return nil, nil
}

func (b *bench) runs(t *testing.T, s *Script) []suite.Result {
	t.Helper()
	if p := s.Ready(b.env); p.Err() != nil {
		t.Fatalf("is not ready: %v", p)
	}
	var results []suite.Result
	runner := &suite.Runner{TestTimeout: 20 * time.Second}
	tests, err := runner.Plan(context.Background(), b.env, []suite.Script{s})
	if err != nil {
		t.Fatalf("plan: %v", err)
	}
	runner.Run(context.Background(), b.env, tests, func(r suite.Result) { results = append(results, r) })
	return results
}

// Functions run around each test, in order, in its own state, whatever it comes to.
func TestAroundEachTest(t *testing.T) {
	outer := `user = "james"
local who = require "lib/who"
before_each(function() note("outer before " .. who.name) end)
after_each(function() note("outer after 1") end)
after_each(function() note("outer after 2") end)`
	inner := `before_each(function() note("inner before " .. user); trail = (trail or 0) + 1; connect() end)
after_each(function() note("inner after " .. trail) end)`
	script := `test("one", function() after(function() note "own after" end); expect 220; note("test " .. user .. trail); trail = 7 end)
test("two", function() expect 554 end)`
	s, problems := inFolders(t, [2]string{"lib/who.lua", `return { name = "who" }`}, [2]string{"suite.lua", outer}, [2]string{"a/suite.lua", inner}, [2]string{"a/t.lua", script})
	if s == nil {
		t.Fatal(problems)
	}
	results := newBench(t, polite(nil)).runs(t, s)
	if len(results) != 2 || results[0].Outcome != suite.Passed || results[1].Outcome != suite.Failed {
		t.Fatalf("%+v", results)
	}
	want := []string{"outer before who", "inner before james", "test james1", "own after", "inner after 7", "outer after 2", "outer after 1"}
	if got := notesOf(results[0]); !slices.Equal(got, want) {
		t.Errorf("notes %q, want %q", got, want)
	}
	want = []string{"outer before who", "inner before james", "inner after 1", "outer after 2", "outer after 1"}
	if got := notesOf(results[1]); !slices.Equal(got, want) {
		t.Errorf("of a test that failed: notes %q, want %q", got, want)
	}
}

func notesOf(r suite.Result) []string {
	var notes []string
	for line := range strings.Lines(transcriptOf(r)) {
		if said, ok := strings.CutPrefix(line, "* note "); ok {
			notes = append(notes, strings.TrimSpace(said))
		}
	}
	return notes
}

// What goes wrong in suite.lua is its own fault, and never a pass.
func TestFixtureVerdicts(t *testing.T) {
	const sound = "expect 220"
	for _, tt := range []struct {
		fixture, script, outcome, at, what, why string
	}{
		{"before_each(function() ehlo() end)", "noop()", "passed", "", "", "what it connected the test finds"},
		{"before_each(function() ehlo() end)", "local x = 1", "error", "t.lua:1", "nothing was expected", "what it expected proves nothing of the test"},
		{"after_each(function() noop() end)", "local x = 1", "error", "t.lua:1", "nothing was expected", "nor does what comes after"},
		{"\nbefore_each(function()\nexpect 554 end)", sound, "failed", "suite.lua:3", "expected 554", "before"},
		{"\nafter_each(function()\nsend 'noop'; expect 554 end)", sound, "failed", "suite.lua:3", "expected 554", "after"},
		{"before_each(function() skip 'not here' end)", sound, "skipped", "suite.lua:1", "not here", "a skip skips the test"},
		{"skip 'not at all'", sound, "skipped", "suite.lua:1", "not at all", "outside too"},
		{"after_each(function() skip 'late' end)", sound, "error", "suite.lua:1", "no place in an after", "but not afterwards"},
		{"ehlo()", sound, "error", "suite.lua:1", "ehlo belongs into before_each or after_each", "no conversation outside"},
		{"connect()", sound, "error", "suite.lua:1", "connect belongs into before_each or after_each", "none at all"},
		{"before_each(function() before_each(function() end) end)", sound, "error", "suite.lua:1", "outside of functions", "none within another"},
		{"error 'broken'", sound, "error", "suite.lua:1", "broken", "an error of its own"},
	} {
		for _, form := range []string{tt.script, "test('x', function() " + tt.script + " end)"} {
			s, problems := inFolders(t, [2]string{"suite.lua", tt.fixture}, [2]string{"t.lua", form})
			if s == nil {
				t.Fatal(problems)
			}
			b := newBench(t, polite(nil))
			tests, err := s.Tests(context.Background(), b.env)
			if err != nil {
				if tt.outcome != "error" || !strings.Contains(err.Error(), tt.what) || !strings.Contains(err.Error(), tt.at) {
					t.Errorf("listing: %v (%s)", err, tt.why)
				}
				continue
			}
			if len(tests) != 1 {
				t.Fatalf("%d tests (%s)", len(tests), tt.why)
			}
			r := b.runs(t, s)[0]
			what, at := r.Reason, r.Pos
			if r.Failure != nil {
				what, at = r.Failure.What, r.Failure.Pos
			}
			place := at.String()
			if r.Outcome.String() != tt.outcome || place != tt.at || !strings.Contains(what, tt.what) {
				t.Errorf("%v at %s: %s; want %s at %s: %s (%s)", r.Outcome, place, what, tt.outcome, tt.at, tt.what, tt.why)
			}
			if r.Failure != nil && r.Failure.Source == "" {
				t.Errorf("the line is not shown (%s)", tt.why)
			}
		}
	}
}

func TestFixtureStatics(t *testing.T) {
	for _, tt := range []struct{ outer, inner, script, want, why string }{
		{"user = 1", "", "print(user); expect 220", "", "what suite.lua assigns is known"},
		{"before_each(function() user = 1 end)", "print(user)", "expect 220", "", "below too"},
		{"", "", "print(user); expect 220", `t.lua:1:7: unknown name "user"`, "what nobody assigns is not"},
		{"print(user)", "user = 1", "expect 220", `suite.lua:1:7: unknown name "user"`, "nor above what is below"},
		{"before_each(function() sned 'x' end)", "", "expect 220", `suite.lua:1:24: unknown name "sned"`, "its own slips"},
		{"before_each(function() expect 654 end)", "", "expect 220", "suite.lua:1:", "and patterns"},
		{"test('x', function() end)", "", "expect 220", "suite.lua:1:1: test has no place in suite.lua", "no test there"},
		{"matrix{ a = {1}, function() end }", "", "expect 220", "suite.lua:1:1: matrix has no place", "and no grid"},
		{"", "", "before_each(function() end); expect 220", "t.lua:1:1: before_each stands in suite.lua", "no fixture in a script"},
		{"before_each()", "", "expect 220", "suite.lua:1:1: before_each needs function", "nothing to run"},
	} {
		_, problems := inFolders(t, [2]string{"suite.lua", tt.outer}, [2]string{"a/suite.lua", tt.inner}, [2]string{"a/t.lua", tt.script})
		got := ""
		if len(problems) > 0 {
			got = problems[0].String()
		}
		if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("got %q, want %q (%s)", got, tt.want, tt.why)
		}
	}
}

// What suite.lua needs the scripts around which it runs need.
func TestFixtureNeeds(t *testing.T) {
	for _, tt := range []struct {
		fixture, script string
		vars, targets   int
		server          bool
		why             string
	}{
		{"user = var 'user'", "expect 220", 1, 0, true, "a var, and a test that connects by itself"},
		{"user = var('user', 'x')", "print(var 'user'); expect 220", 1, 0, true, "a default given there holds everywhere"},
		{"before_each(function() connect 'local' end)", "expect 220", 0, 1, false, "it says where the test speaks"},
		{"x = 1", "connect 'local'; expect 220", 0, 1, false, "a suite.lua that speaks with nobody"},
		{"before_each(function() requires{ target = 'local' } end)", "connect 'local'; expect 220", 0, 1, false, "a target that it makes optional"},
	} {
		s, problems := inFolders(t, [2]string{"suite.lua", tt.fixture}, [2]string{"t.lua", tt.script})
		if s == nil {
			t.Fatal(problems)
		}
		n := s.Needs()
		if len(n.Vars) != tt.vars || len(n.Targets) != tt.targets || n.Default != tt.server {
			t.Errorf("%+v (%s)", n, tt.why)
		}
		if strings.Contains(tt.fixture, "requires") && !n.Targets[0].Optional {
			t.Errorf("%+v (%s)", n, tt.why)
		}
		if strings.Contains(tt.fixture, "'x'") && n.Vars[0].Needed {
			t.Errorf("%+v (%s)", n, tt.why)
		}
	}
}

// A password that suite.lua holds is shown nowhere, not even in a script's line.
func TestFixtureHides(t *testing.T) {
	s, problems := inFolders(t, [2]string{"suite.lua", "before_each(function() ehlo(); auth('PLAIN', 'james', 'hunter22') end)"}, [2]string{"t.lua", "fail 'is it hunter22?'"})
	if s == nil {
		t.Fatal(problems)
	}
	srv := server.Polite{Domain: "mail.example.com", Users: map[string]string{"james": "hunter22"}}
	r := newBench(t, srv.Serve).runs(t, s)[0]
	if text := transcriptOf(r) + r.Failure.What + r.Failure.Source; strings.Contains(text, "hunter22") || r.Failure.Pos.File != "t.lua" {
		t.Error(text)
	}
}

// Modules and files of suite.lua lie beside it, those of a script beside the script.
func TestFixtureFiles(t *testing.T) {
	s, problems := inFolders(t, [2]string{"who.lua", "return 'outer'"}, [2]string{"a/who.lua", "return 'inner'"}, [2]string{"mail.txt", "up"}, [2]string{"a/mail.txt", "down"},
		[2]string{"suite.lua", "local w = require 'who'\nbefore_each(function() note(w .. file 'mail.txt') end)"},
		[2]string{"a/t.lua", "local w = require 'who'\nexpect 220\nnote(w .. file 'mail.txt')"})
	if s == nil {
		t.Fatal(problems)
	}
	r := newBench(t, polite(nil)).runs(t, s)[0]
	if got := notesOf(r); !slices.Equal(got, []string{"outerup", "innerdown"}) {
		t.Errorf("%q, %v", got, r.Failure)
	}
}
