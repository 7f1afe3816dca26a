package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"smtplay/engine/report"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// A report whose folder went away while the run lasted is named, the others are
// written, and nothing is left beside them.
func TestReportsUnwritten(t *testing.T) {
	dir := t.TempDir()
	gone, kept := filepath.Join(dir, "gone", "a.html"), filepath.Join(dir, "b.json")
	if err := os.Mkdir(filepath.Dir(gone), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(kept, []byte("of an earlier run"), 0o600); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	p := &process{stderr: &said}
	r, err := (&reportFlags{asked: []string{"html=" + gone, "json=" + kept}}).reports(p, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.probe(p), r.begin(p, report.Run{Version: "x"}, &transcript.Redactor{}, 0)); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(kept); err != nil || string(text) != "of an earlier run" {
		t.Errorf("the file is now %q, %v", text, err)
	}
	if err := os.Remove(filepath.Dir(gone)); err != nil {
		t.Fatal(err)
	}
	if n := r.write(p); n != 1 || !strings.HasPrefix(said.String(), "smtplay: error: the report "+gone+" could not be written: no such file") {
		t.Errorf("%d unwritten: %s", n, said.String())
	}
	info, err := os.Stat(kept)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if names := filesBelow(t, dir); len(names) != 1 {
		t.Errorf("left behind: %q", names)
	}
}

// A verdict stands whatever becomes of the reports; a pass does not.
func TestConclusion(t *testing.T) {
	for _, tt := range []struct {
		run       report.Run
		counts    suite.Counts
		unwritten int
		status    int
		reason    string
	}{
		{report.Run{}, suite.Counts{Passed: 1}, 0, exitPassed, "all is well"},
		{report.Run{}, suite.Counts{Passed: 1}, 1, exitNoVerdict, "a pass of which nobody can read"},
		{report.Run{NotRun: 1}, suite.Counts{Passed: 1}, 0, exitNoVerdict, "a pass of which a part is missing"},
		{report.Run{NotRun: 1}, suite.Counts{Failed: 1}, 0, exitFailed, "stopped after a failure"},
		{report.Run{}, suite.Counts{Failed: 1}, 1, exitFailed, "a failure"},
		{report.Run{}, suite.Counts{Errored: 1}, 1, exitNoVerdict, "no verdict"},
		{report.Run{Interrupted: true, NotRun: 1}, suite.Counts{Failed: 1}, 1, exitInterrupted, "interrupted, whatever it came to"},
	} {
		status := exitPassed
		if f := (*fault)(nil); errors.As(conclusion(&process{stdout: &sink{}, stderr: &bytes.Buffer{}}, &tt.run, tt.counts, tt.unwritten), &f) {
			status = f.status
		}
		if status != tt.status {
			t.Errorf("%s: status %d, want %d", tt.reason, status, tt.status)
		}
	}
}

// Without reports nothing is kept of a run.
func TestNoReportsKeepNothing(t *testing.T) {
	for _, tt := range []struct {
		asked           []string
		results, events int
		reason          string
	}{
		{nil, 0, 0, "nobody asks"},
		{[]string{"json=x"}, 1, 1, "all of it is written"},
		{[]string{"events=-"}, 1, 0, "they were written already; the verdicts are counted at the end"},
	} {
		p := &process{stdout: &sink{w: &bytes.Buffer{}}}
		r, err := (&reportFlags{asked: tt.asked}).reports(p, false)
		if err == nil {
			err = r.begin(p, report.Run{}, nil, 1)
		}
		if err != nil {
			t.Fatal(err)
		}
		r.add(suite.Result{Test: suite.Test{Script: stub("a.lua"), Name: "a.lua"}, Events: make([]transcript.Event, 1)})
		events := 0
		for _, result := range r.run.Results {
			events += len(result.Events)
		}
		if len(r.run.Results) != tt.results || events != tt.events {
			t.Errorf("%d results and %d events are kept, want %d and %d (%s)", len(r.run.Results), events, tt.results, tt.events, tt.reason)
		}
	}
}

// stub is a script by its name only.
type stub string

func (s stub) Name() string { return string(s) }

func (stub) Tests(context.Context, *suite.Env) ([]suite.Declared, error) { return nil, nil }

func (stub) Run(context.Context, *suite.Env, *suite.Run) suite.Verdict { return suite.Verdict{} }
