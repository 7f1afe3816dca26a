package suite_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// says writes its test's name into the transcript and passes.
func says(_ context.Context, test string, run *suite.Run) suite.Verdict {
	run.Log.Record(transcript.Event{Conn: 1, Kind: transcript.Note, Data: []byte(test)})
	return passed()
}

func TestRecordPaths(t *testing.T) {
	long := strings.Repeat("x", 300)
	for _, tt := range []struct {
		script, test string
		want         string
		why          string
	}{
		{"scripts/relay.lua", "scripts/relay.lua", "scripts/relay/relay.smtp", "the one test of a file"},
		{"scripts/relay.lua", "refused: x@y", "scripts/relay/refused%3a x@y.smtp", "a test of several"},
		{"./a.lua", "t", "a/t.smtp", "a dot is no folder"},
		{"../../etc/a.lua", "t", "%2e%2e/%2e%2e/etc/a/t.smtp", "nothing lies outside"},
		{"/etc/a.lua", "../../x", "etc/a/%2e.%2f..%2fx.smtp", "nor by a test's name"},
		{"a.lua", "..", "a/%2e%2e.smtp", "the folder above"},
		{"a.lua", ".hidden", "a/%2ehidden.smtp", "no hidden file"},
		{"a.lua", "100%", "a/100%25.smtp", "the sign that escapes"},
		{"a.lua", "x~2", "a/x%7e2.smtp", "the sign of repeats"},
		{"a.lua", "a\nb\x00\xff\u202e", "a/a%0ab%00%ff%e2%80%ae.smtp", "what is not printable"},
		{"a.lua", "Grüße", "a/Grüße.smtp", "what is"},
		{"a.lua", "con", "a/%63on.smtp", "a device of Windows"},
		{"a.lua", "LPT1.x", "a/%4cPT1.x.smtp", "with a dot"},
		{"a.lua", "console", "a/console.smtp", "no device"},
		{"a.lua", "ends. ", "a/ends.%20.smtp", "a blank that Windows loses"},
		{"a.lua", "", "a/%.smtp", "no name"},
		{"a.lua", `\:*?"<>|`, "a/%5c%3a%2a%3f%22%3c%3e%7c.smtp", "what some file systems refuse"},
		{"a.lua", "\ufffd", "a/%ef%bf%bd.smtp", "the replacement character"},
		{"a.lua", long, "a/" + long[:130] + "~", "a long name"},
		{"a.lua", strings.Repeat("ä", 100), "a/" + strings.Repeat("ä", 65) + "~", "cut between characters"},
		{"a.lua", "xx" + strings.Repeat("€", 100), "a/xx" + strings.Repeat("€", 42) + "~", "of three bytes too"},
	} {
		dir := t.TempDir()
		s := of(says, tt.test)
		s.name = tt.script
		res := run(t, context.Background(), &suite.Runner{Record: dir}, s)[0]
		got, err := filepath.Rel(dir, res.Record)
		if err != nil || res.Outcome != suite.Passed || got != tt.want && !(strings.HasSuffix(tt.want, "~") && strings.HasPrefix(got, tt.want) && len(filepath.Base(got)) == 155) {
			t.Errorf("%q of %q: got %q, %v, want %q (%s)", tt.test, tt.script, got, res.Outcome, tt.want, tt.why)
		}
		if file, err := os.ReadFile(res.Record); err != nil || !strings.HasPrefix(string(file), transcript.Header) {
			t.Errorf("%q of %q: %q, %v (%s)", tt.test, tt.script, file, err, tt.why)
		}
	}
}

func TestRecordsApart(t *testing.T) {
	long := strings.Repeat("y", 200)
	scripts := []suite.Script{}
	for _, name := range []string{"a.lua", "./a.lua", "A.lua", "a", "/a.lua", "a.lua"} {
		s := of(says, "t", "T", "t+2", "t~2", "x/y", "x%2fy", "x\\y", "a", "ſ", "S", "s", long+"1", long+"2", "")
		s.name = name
		scripts = append(scripts, s)
	}
	dir := t.TempDir()
	var paths []string
	for _, r := range run(t, context.Background(), &suite.Runner{Record: dir, Jobs: 4, Repeat: 3}, scripts...) {
		if r.Outcome != suite.Passed {
			t.Errorf("%v: %v", r.Test, r.Failure)
		}
		base := strings.TrimSuffix(r.Record, ".smtp")
		base = strings.TrimSuffix(strings.TrimSuffix(base, "~2"), "~3")
		for _, path := range []string{base + ".smtp", base + "~2.smtp", base + "~3.smtp"} {
			paths = append(paths, strings.ToLower(strings.ToUpper(path)))
			file, err := os.ReadFile(path)
			events, fault := transcript.Decode(file)
			if err != nil || fault != nil || len(events) != 1 || string(events[0].Data) != r.Name {
				t.Errorf("%s: %v, %v, %q", path, err, fault, file)
			}
		}
	}
	slices.Sort(paths)
	if n := len(slices.Compact(slices.Clone(paths))); n != 6*14*3 {
		t.Errorf("%d tests share %d files", 6*14*3, n)
	}
}

func TestUnrecorded(t *testing.T) {
	for _, tt := range []struct {
		test, want, what string
		extra            int
		prepare          func(dir string) error
		why              string
	}{
		{"pass", "pass error 1/1", "could not be written", 0, occupied, "a file where the folder should be"},
		{"fail", "fail error 1/1", "could not be written", 0, occupied, "nothing was run"},
		{"pass", "pass error 1/1", "could not be written", 0, full, "the disk is full: no pass"},
		{"skip", "skip error 1/1", "could not be written", 0, full, "nor a skip"},
		{"fail", "fail failed 1/1", "fail", 1, full, "a failure stands"},
		{"error", "error error 1/1", "error", 1, full, "so does an error"},
	} {
		dir := t.TempDir()
		if err := tt.prepare(dir); err != nil {
			t.Skip(err)
		}
		s := of(func(ctx context.Context, test string, run *suite.Run) suite.Verdict {
			says(ctx, test, run)
			return byName(ctx, test, run)
		}, tt.test)
		res := run(t, context.Background(), &suite.Runner{Record: dir}, s)
		if got := told(res); got != tt.want || !strings.Contains(res[0].Failure.What, tt.what) || len(res[0].Extra) != tt.extra {
			t.Errorf("got %s, %v, %v, want %s, %q (%s)", got, res[0].Failure, res[0].Extra, tt.want, tt.what, tt.why)
		}
	}
}

// occupied leaves no room for the folder of a.lua.
func occupied(dir string) error { return os.WriteFile(filepath.Join(dir, "a"), nil, 0o600) }

// full lets every test of a.lua write to a disk without room.
func full(dir string) error {
	const device = "/dev/full"
	if _, err := os.Stat(device); err != nil {
		return fmt.Errorf("no disk is full here: %w", err)
	}
	if err := os.Mkdir(filepath.Join(dir, "a"), 0o700); err != nil {
		return err
	}
	for _, test := range []string{"pass", "skip", "fail", "error"} {
		if err := os.Symlink(device, filepath.Join(dir, "a", test+".smtp")); err != nil {
			return err
		}
	}
	return nil
}

func TestRecordsAsItHappens(t *testing.T) {
	dir := t.TempDir()
	s := of(func(_ context.Context, test string, run *suite.Run) suite.Verdict {
		says(context.Background(), test, run)
		file, err := os.ReadFile(filepath.Join(dir, "a", test+".smtp"))
		if want := transcript.Header + "\n* note t\n"; string(file) != want || err != nil {
			t.Errorf("while it runs: %q, %v", file, err)
		}
		return passed()
	}, "t")
	run(t, context.Background(), &suite.Runner{Record: dir}, s)
}
