package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"smtplay/dsl"
	"smtplay/engine/paste"
	"smtplay/engine/suite"
)

// TestImportedSamples: whatever is imported makes a script without problems,
// and one that shows no password.
func TestImportedSamples(t *testing.T) {
	files, err := filepath.Glob("../../engine/paste/testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		for _, f := range []*importFlags{{}, {text: true}} {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			p := &process{stderr: &bytes.Buffer{}}
			var script bytes.Buffer
			n, err := f.write(t.Context(), p, &script, filepath.Base(file), paste.Sessions(bytes.NewReader(text)))
			if err != nil || n == 0 {
				t.Errorf("%s: %d sessions, %v", file, n, err)
			}
			if _, problems := dsl.Compile(filepath.Join(t.TempDir(), "t.lua"), script.Bytes()); len(problems) > 0 {
				t.Errorf("%s: %v\n%s", file, problems, script.String())
			}
			if strings.Contains(script.String(), "yourpassword") || strings.Contains(p.stderr.(*bytes.Buffer).String(), "yourpassword") {
				t.Errorf("%s: the password is shown:\n%s", file, script.String())
			}
		}
	}
}

// TestImportInterrupted: whoever types a session ends it with an interrupt, and
// no file is left behind.
func TestImportInterrupted(t *testing.T) {
	dir := t.TempDir()
	typing, typed := io.Pipe()
	defer typed.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	p := &process{stdin: typing, stdout: &sink{w: io.Discard}, stderr: io.Discard}
	go func() {
		io.WriteString(typed, "220 mail.example.com\n")
		cancel(suite.ErrInterrupted)
	}()
	err := (&importFlags{output: filepath.Join(dir, "out.lua")}).run(ctx, p, nil)
	var f *fault
	if !errors.As(err, &f) || f.status != exitInterrupted {
		t.Errorf("%v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestImportOver: a file that is replaced keeps its permissions, a link leads
// where it did.
func TestImportOver(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "secret.lua"), filepath.Join(dir, "link.lua")
	if err := errors.Join(os.WriteFile(file, []byte("old"), 0o600), os.Symlink(file, link)); err != nil {
		t.Fatal(err)
	}
	p := &process{stdin: strings.NewReader("220 mail.example.com\nquit\n221 bye\n"), stdout: &sink{w: io.Discard}, stderr: io.Discard}
	if err := (&importFlags{output: link}).run(t.Context(), p, nil); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil || !strings.HasPrefix(string(text), "--- Imported from standard input\n") {
		t.Errorf("%q, %v", text, err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if to, err := os.Readlink(link); to != file {
		t.Errorf("%s, %v", to, err)
	}
}
