package suite_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// talks is a script whose test says line, and comes to what its name says.
func talks(lines ...string) *script {
	return of(func(ctx context.Context, test string, run *suite.Run) suite.Verdict {
		for _, line := range lines {
			run.Log.Record(transcript.Event{Conn: 1, Kind: transcript.Server, Data: []byte(line + "\r\n")})
		}
		return byName(ctx, test, run)
	}, "pass")
}

func TestAgainst(t *testing.T) {
	dir := t.TempDir()
	run(t, t.Context(), &suite.Runner{Record: dir}, talks("220 a", "250 2.0.0 Ok: queued as 217083C8C1"))
	same := []string{"220 a", "250 2.0.0 Ok: queued as 4C8A51C8C22"}
	other := []string{"220 a", "250 2.0.0 Ok: kept"}
	for _, tt := range []struct {
		name    string
		test    string
		lines   []string
		runner  suite.Runner
		outcome suite.Outcome
		what    string // of the failure
		extra   int
		changes int
		why     string
	}{
		{"same", "pass", same, suite.Runner{}, suite.Passed, "", 0, 0, "a queue id is masked"},
		{"changed", "pass", other, suite.Runner{}, suite.Failed, "one thing changed since the baseline", 0, 1, "though every expectation held"},
		{"two", "pass", []string{"220 b", "250 x"}, suite.Runner{}, suite.Failed, "one thing changed since", 0, 1, "one exchange is one thing"},
		{"skipped", "skip", nil, suite.Runner{}, suite.Failed, "one thing changed since", 0, 1, "it had a baseline"},
		{"no skip", "skip", nil, suite.Runner{NoSkip: true}, suite.Failed, "no test may be", 1, 1, "a failure stands"},
		{"failed", "fail", other, suite.Runner{}, suite.Failed, "fail", 1, 1, "so does any other, and the change is told as well"},
		{"failed as before", "fail", same, suite.Runner{}, suite.Failed, "fail", 0, 0, "what changed is another question"},
		{"error", "error", other, suite.Runner{}, suite.Errored, "error", 0, 0, "no verdict: nothing is compared"},
		{"repeats", "pass", same, suite.Runner{Repeat: 3}, suite.Passed, "", 0, 0, "each with the one that there is"},
		{"recorded anew", "pass", other, suite.Runner{Record: t.TempDir()}, suite.Failed, "one thing changed", 0, 1, "into another folder"},
	} {
		s := talks(tt.lines...)
		s.tests[0].Name = tt.test
		base := filepath.Join(t.TempDir(), "before")
		if err := os.CopyFS(base, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(base, "a", "pass.smtp"), filepath.Join(base, "a", tt.test+".smtp")); err != nil {
			t.Fatal(err)
		}
		tt.runner.Against = &suite.Baseline{Dir: base}
		r := run(t, t.Context(), &tt.runner, s)[0]
		if r.Outcome != tt.outcome || tt.what != "" && !strings.Contains(r.Failure.What, tt.what) || len(r.Extra) != tt.extra {
			t.Errorf("%s: %v, %v, %v, want %v, %q (%s)", tt.name, r.Outcome, r.Failure, r.Extra, tt.outcome, tt.what, tt.why)
		}
		if n := 0; r.Difference != nil {
			if n = len(r.Difference.Changes); n != tt.changes || r.Difference.Alone != (tt.extra == 0) {
				t.Errorf("%s: %+v, want %d changes (%s)", tt.name, r.Difference, tt.changes, tt.why)
			}
		} else if tt.changes > 0 {
			t.Errorf("%s: no difference (%s)", tt.name, tt.why)
		}
		if file, err := os.ReadFile(filepath.Join(base, "a", tt.test+".smtp")); err != nil || !strings.Contains(string(file), "217083C8C1") {
			t.Errorf("%s: the baseline is now %q, %v", tt.name, file, err)
		}
	}
}

// A test that has no baseline is a change; one that was skipped then and is
// skipped now is none.
func TestAgainstNothing(t *testing.T) {
	r := run(t, t.Context(), &suite.Runner{Against: &suite.Baseline{Dir: t.TempDir()}}, talks("220 a"))[0]
	if r.Outcome != suite.Failed || !strings.Contains(r.Failure.What, "there is no baseline for this test: ") || !r.Difference.Alone {
		t.Errorf("%v, %v", r.Outcome, r.Failure)
	}
	dir := t.TempDir()
	s := of(byName, "skip")
	run(t, t.Context(), &suite.Runner{Record: dir}, s)
	if r := run(t, t.Context(), &suite.Runner{Against: &suite.Baseline{Dir: dir}}, s)[0]; r.Outcome != suite.Skipped {
		t.Errorf("skipped again: %v, %v", r.Outcome, r.Failure)
	}
	s.run = func(context.Context, string, *suite.Run) suite.Verdict { return passed() }
	if r := run(t, t.Context(), &suite.Runner{Against: &suite.Baseline{Dir: dir}}, s)[0]; r.Outcome != suite.Failed {
		t.Errorf("not skipped any more: %v", r.Outcome)
	}
}

// Repeats that were recorded are compared each with its own.
func TestAgainstRepeats(t *testing.T) {
	dir := t.TempDir()
	turn := 0
	s := of(func(_ context.Context, _ string, run *suite.Run) suite.Verdict {
		turn++
		run.Log.Record(transcript.Event{Conn: 1, Kind: transcript.Server, Data: []byte{'2', '5', '0' + byte(turn%2), '\r', '\n'}})
		return passed()
	}, "t")
	run(t, t.Context(), &suite.Runner{Record: dir, Repeat: 2}, s)
	for _, tt := range []struct{ repeat, bad int }{{2, 0}, {1, 0}, {4, 1}} {
		turn = 0
		// The fourth run is like the second, and is compared with the first.
		if r := run(t, t.Context(), &suite.Runner{Against: &suite.Baseline{Dir: dir}, Repeat: tt.repeat}, s)[0]; r.Bad != tt.bad {
			t.Errorf("%d runs: %d bad, want %d", tt.repeat, r.Bad, tt.bad)
		}
	}
}

func TestAgainstOwnMasks(t *testing.T) {
	dir := t.TempDir()
	run(t, t.Context(), &suite.Runner{Record: dir}, talks("220 a session 12"))
	b := &suite.Baseline{Dir: dir, Masks: func(suite.Test) transcript.Masks {
		return transcript.Masks{{Name: "session", Pattern: regexp.MustCompile("session ([0-9]+)$")}}
	}}
	if r := run(t, t.Context(), &suite.Runner{Against: b}, talks("220 a session 13"))[0]; r.Outcome != suite.Passed {
		t.Errorf("%v: %v", r.Outcome, r.Failure)
	}
}

// What cannot be read is found before anything is sent.
func TestCheckTranscripts(t *testing.T) {
	dir := t.TempDir()
	s := of(byName, "good", "cut", "none", "empty")
	for name, text := range map[string]string{"good": transcript.Header + "\nS: 220 a\n", "cut": transcript.Header + "\nS: 220", "empty": ""} {
		if err := os.MkdirAll(filepath.Join(dir, "a"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "a", name+".smtp"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := &suite.Env{}
	for _, tt := range []struct {
		r    suite.Runner
		want []string
		why  string
	}{
		{suite.Runner{}, nil, "nothing is compared"},
		{suite.Runner{Against: &suite.Baseline{Dir: dir}, Repeat: 5}, []string{"cut.smtp:2: ", "empty.smtp:1: "}, "each once"},
		{suite.Runner{Record: dir}, []string{"cut.smtp:2: "}, "an empty file has nothing to lose"},
		{suite.Runner{Record: dir, Filter: regexp.MustCompile("good")}, nil, "only what would be overwritten"},
	} {
		tests, err := tt.r.Plan(t.Context(), env, []suite.Script{s})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		if err := tt.r.Check(tests, env); err != nil {
			got = strings.Split(err.Error(), "\n")
		}
		if len(got) != len(tt.want) {
			t.Errorf("got %q, want %q (%s)", got, tt.want, tt.why)
			continue
		}
		for i, want := range tt.want {
			if !strings.Contains(got[i], want) {
				t.Errorf("got %q, want %q (%s)", got, tt.want, tt.why)
			}
		}
	}
}
