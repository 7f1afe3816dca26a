package scripts_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"smtplay/engine/lab"
	"smtplay/engine/lab/labtest"
	"smtplay/engine/replay"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// TestUnchanged: runs against a Postfix that nobody changed differ in nothing,
// again and again, nor do replays of them, whatever its queue ids look like.
func TestUnchanged(t *testing.T) {
	t.Parallel()
	p := labtest.Private(t, lab.Options{})
	s := postfixSite(t, p)
	before := t.TempDir()
	s.record = before
	wantSound(t, s.run(t, names(t), "send=yes"), absent...)

	s.record, s.against = "", &suite.Baseline{Dir: before}
	for range 2 {
		wantSound(t, s.run(t, names(t), "send=yes"), absent...)
	}
	// What has a token, a queue id, a login, TLS: a hundred times.
	s.repeat = 100
	wantSound(t, s.run(t, []string{"relay-from-localhost.lua", "known-recipient-accepted.lua", "auth-refused-in-clear.lua"}, "send=yes"))
	s.only, s.repeat = "scripts/auth-login.lua: the message is queued", 100
	wantSound(t, s.run(t, []string{"auth-login.lua"}, "send=yes"))

	err := p.Reconfigure(t.Context(), func(o *lab.Options) { o.MainCF["enable_long_queue_ids"] = "yes" })
	if err != nil {
		t.Fatal(err)
	}
	s.only, s.repeat = "", 1
	wantSound(t, s.run(t, names(t), "send=yes"), absent...)
	replayAll(t, s, before)
}

// replayAll replays the transcripts below a folder, each of which must be as it
// was.
func replayAll(t *testing.T, s site, folder string) {
	t.Helper()
	var all []string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			all = append(all, path)
		}
		return err
	})
	if err != nil || len(all) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	for _, path := range all {
		script, err := replay.Load(path, transcript.UsualMasks())
		if err != nil {
			t.Fatal(err)
		}
		env := s.environment()
		if err := script.Ready(env); err != nil {
			t.Error(err)
			continue
		}
		log := &transcript.Log{Redactor: &transcript.Redactor{Parent: env.Redact}}
		v := script.Run(ctx, env, &suite.Run{Log: log})
		if v.Outcome == suite.Passed || v.Outcome == suite.Skipped && skippedAtOnce(t, path) {
			continue
		}
		var changes []byte
		if v.Difference != nil {
			for _, c := range v.Difference.Changes {
				changes = c.AppendUnified(changes)
			}
		}
		t.Errorf("%s: %v %v\n%s", strings.TrimPrefix(path, folder), v.Outcome, v.Failure, changes)
	}
}

// TestOneChange: a setting that changes one reply changes that one, and no other.
func TestOneChange(t *testing.T) {
	t.Parallel()
	p := labtest.Private(t, lab.Options{})
	s := postfixSite(t, p)
	before := t.TempDir()
	s.record = before
	// The runbook of this very setting says what it was told: that changes too.
	others := slices.DeleteFunc(names(t), func(name string) bool { return name == "size-limit.lua" })
	s.run(t, others)
	if err := p.Reconfigure(t.Context(), func(o *lab.Options) { o.MainCF["message_size_limit"] = "10240000" }); err != nil {
		t.Fatal(err)
	}
	s.record, s.against = "", &suite.Baseline{Dir: before}
	want := []string{"-S: 250-SIZE 30720000", "+S: 250-SIZE 10240000"}
	found := 0
	for _, r := range s.run(t, others) {
		if r.Difference == nil {
			continue
		}
		for _, c := range r.Difference.Changes {
			found++
			if got := append(marked("-", c.Before), marked("+", c.After)...); !slices.Equal(got, want) {
				t.Errorf("%v, %s: %q, want %q", r.Test, c.Command, got, want)
			}
		}
	}
	if found == 0 {
		t.Error("the change was not seen")
	}
}

func marked(sign string, lines []string) []string {
	var all []string
	for _, l := range lines {
		_, text, _ := strings.Cut(l, ": ") // of whichever conversation
		all = append(all, sign+"S: "+text)
	}
	return all
}

// skippedAtOnce says that there is nothing in a transcript to replay: the test
// was skipped before it connected.
func skippedAtOnce(t *testing.T, path string) bool {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return !strings.Contains(string(text), "* connect ")
}
