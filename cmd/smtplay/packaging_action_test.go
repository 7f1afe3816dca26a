package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"smtplay/engine/lab/labtest"
)

// The action's scripts, run by bash: the status is that of smtplay run, and the
// reports are there whatever it is.
func TestActionRuns(t *testing.T) {
	labtest.Program(t, "bash")
	const good, bad = "expect 220\n", "expect 554\n"
	for _, c := range []struct {
		reason string
		inputs map[string]string
		status int
		files  string // of the artifact
		said   string
	}{
		{"what passes", map[string]string{"paths": "good.lua"}, 0, "junit.xml report.html results.json transcripts", "1 passed, 0 failed"},
		{"what fails is kept with its reports", map[string]string{"paths": "bad.lua"}, 1, "junit.xml report.html results.json transcripts", "0 passed, 1 failed"},
		{"one of several fails", map[string]string{"paths": "good.lua bad.lua"}, 1, "junit.xml report.html results.json transcripts", "1 passed, 1 failed"},
		{"a failure is an annotation", map[string]string{"paths": "bad.lua"}, 1, "junit.xml report.html results.json transcripts", "::error file=bad.lua,line=1"},
		{"without a path those that the folder's settings name", nil, 1, "junit.xml report.html results.json transcripts", "1 passed, 1 failed"},
		{"a server, of which there is none", map[string]string{"paths": "good.lua", "server": "127.0.0.1:1"}, 3, "junit.xml report.html results.json transcripts", "127.0.0.1:1"},
		{"a server is one word", map[string]string{"paths": "good.lua", "server": "127.0.0.1:1 --list"}, 2, "transcripts", `"1 --list" is no port`},
		{"more flags", map[string]string{"paths": "good.lua bad.lua", "args": "--filter good  --no-skip"}, 0, "junit.xml report.html results.json transcripts", "1 passed, 0 failed"},
		{"other reports", map[string]string{"paths": "good.lua", "reports": "tap markdown"}, 0, "report.md report.tap transcripts", "1 passed"},
		{"no reports", map[string]string{"paths": "good.lua", "reports": ""}, 0, "transcripts", "1 passed"},
		{"a format that does not exist", map[string]string{"paths": "good.lua", "reports": "json pdf"}, 2, "", `"pdf"`},
		{"a flag that does not exist", map[string]string{"paths": "good.lua", "args": "--frob"}, 2, "", "--frob"},
		{"a pattern", map[string]string{"paths": "g*.lua"}, 2, "transcripts", "g*.lua"},
		{"no script", map[string]string{"paths": "none.lua"}, 2, "transcripts", "none.lua"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			j := job{dir: t.TempDir(), inputs: c.inputs}
			write(t, j.dir, map[string]string{"good.lua": good, "bad.lua": bad, ".smtplay.toml": "scripts = ['.']\n"})
			j.do(t)
			if j.status != c.status || !strings.Contains(j.said, c.said) {
				t.Errorf("exit status %d, want %d and %q\n%s", j.status, c.status, c.said, j.said)
			}
			kept := j.used["actions/upload-artifact@v4"]
			if kept["name"] != "smtplay" || kept["path"] == "" || kept["path"] != j.outputs["folder"] {
				t.Fatalf("kept is %v, and put out %v", kept, j.outputs)
			}
			if got := strings.Join(entries(t, kept["path"]), " "); got != c.files {
				t.Errorf("the artifact holds %q, want %q", got, c.files)
			}
			if want := []string{"Set up Go", "Build smtplay"}; !slices.Equal(j.skipped, want) {
				t.Errorf("skipped %v, want %v", j.skipped, want)
			}
		})
	}
}

// A server that the settings name is not passed over for the one inside smtplay,
// at which all would be well.
func TestActionTakesTheSettingsServer(t *testing.T) {
	labtest.Program(t, "bash")
	for _, settings := range []string{"server = '127.0.0.1:1'\n", "server='127.0.0.1:1'\n", "[targets]\nsmtp = '127.0.0.1:1'\n", "targets.smtp = '127.0.0.1:1'\n"} {
		j := job{dir: t.TempDir(), inputs: map[string]string{"paths": "good.lua"}}
		write(t, j.dir, map[string]string{"good.lua": "expect 220\n", ".smtplay.toml": settings})
		j.do(t)
		if j.status != 3 || !strings.Contains(j.said, "no connection to 127.0.0.1:1") {
			t.Errorf("%q: exit status %d\n%s", settings, j.status, j.said)
		}
	}
}

// Inputs are words and nothing else, whatever they hold: nothing runs, and no
// pattern is followed. In smtplay's place stands what writes down its arguments.
func TestActionTakesInputsAsWords(t *testing.T) {
	labtest.Program(t, "bash")
	for _, odd := range []string{
		"; touch made", "$(touch made)", "`touch made`", "| touch made", "& touch made", "\ntouch made\n", "> made", "<good.lua",
		`"; touch made; "`, `'; touch made; '`, "$((made=1))", "*", "?ood.lua", "{good,bad}.lua", "~", "!!", "#", "a b \t c", "-", "--", "-n", "\\", "$PATH",
		"${{ github.token }}", "../made", "a=b", "é\x01",
	} {
		t.Run(odd, func(t *testing.T) {
			t.Parallel()
			bin := t.TempDir()
			writeIn(t, bin, "smtplay", "#!/bin/sh\nprintf '%s\\0' \"$@\" >\"$0.words\"\n")
			j := job{dir: t.TempDir(), path: bin + string(os.PathListSeparator) + os.Getenv("PATH"),
				inputs: map[string]string{"server": odd, "paths": odd, "args": odd, "reports": odd}}
			write(t, j.dir, map[string]string{"good.lua": "", "bad.lua": ""})
			j.do(t)
			folder := j.outputs["folder"]
			want := []string{"run", "--server", odd}
			for _, format := range strings.Fields(odd) {
				want = append(want, "--report", format+"="+folder+"/report."+format)
			}
			want = append(want, "--record", folder+"/transcripts")
			want = append(append(append(want, strings.Fields(odd)...), "--"), strings.Fields(odd)...)
			text, err := os.ReadFile(filepath.Join(bin, "smtplay.words"))
			if got := strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00"); err != nil || j.failed || !slices.Equal(got, want) {
				t.Errorf("%v: smtplay got\n%q, want\n%q\n%s", err, got, want, j.said)
			}
			if got := strings.Join(entries(t, j.dir), " "); got != "bad.lua good.lua" {
				t.Errorf("the workspace holds %q", got)
			}
			if got := entries(t, filepath.Dir(folder)); !slices.Equal(got, []string{filepath.Base(folder)}) {
				t.Errorf("beside the artifact's folder: %q", got)
			}
		})
	}
}

// Without an artifact's name nothing is kept, and what was built is found by the
// steps after it.
func TestActionBuilds(t *testing.T) {
	labtest.Program(t, "bash")
	j := job{dir: t.TempDir(), inputs: map[string]string{"paths": "good.lua", "artifact": ""}}
	write(t, j.dir, map[string]string{"good.lua": "expect 220\n"})
	var without []string
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if _, err := os.Stat(filepath.Join(dir, "smtplay")); err != nil {
			without = append(without, dir)
		}
	}
	j.path = strings.Join(without, string(os.PathListSeparator))
	j.do(t)
	if j.failed || !strings.Contains(j.said, "1 passed") || len(j.added) != 1 {
		t.Errorf("added to PATH: %v\n%s", j.added, j.said)
	}
	if want := []string{"Keep the reports and the transcripts"}; !slices.Equal(j.skipped, want) || j.used["actions/setup-go@v5"]["go-version"] != "stable" {
		t.Errorf("skipped %v, used %v", j.skipped, j.used)
	}

	// Where it cannot be built, nothing passes, and there is nothing to keep.
	j = job{dir: j.dir, path: filepath.Join(t.TempDir(), "none")}
	for _, program := range []string{"bash", "mkdir", "mktemp"} {
		path, err := exec.LookPath(program)
		if err == nil {
			err = os.MkdirAll(j.path, 0o755)
		}
		if err == nil {
			err = os.Symlink(path, filepath.Join(j.path, program))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	j.do(t)
	if !j.failed || j.status == 0 || len(j.used["actions/upload-artifact@v4"]) > 0 {
		t.Errorf("exit status %d, used %v\n%s", j.status, j.used, j.said)
	}
}
