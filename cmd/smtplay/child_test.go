package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// child is smtplay as a process of its own.
type child struct {
	program string // its path; "" is this test binary, with the race detector where that has it
	dir     string
	env     []string // beside PATH and the like, "NAME=value"
}

// ended is how a child ended, and what it left on its standard streams.
type ended struct {
	status         int // of the exit, -1 where a signal ended it
	stdout, stderr string
	took           time.Duration
	peak           int64 // of its resident memory, bytes, where it was measured
}

// command is a child that was not started yet. None outlives its test, nor a minute and a half.
func (c child) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	program := c.program
	if program == "" {
		program = "smtplay" // TestMain has put this binary into the PATH under that name
	}
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = c.dir
	// What the environment of the tests holds for smtplay is not meant for it. The
	// race detector sleeps for a second before every exit.
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "SMTPLAY_") }), "GORACE=atexit_sleep_ms=1")
	cmd.Env = append(cmd.Env, c.env...)
	return cmd
}

// peakFile names the file in which a process that starts another one, and does
// nothing else, leaves what that took. Linux counts for a process what the one
// that started it held at that moment: these tests themselves, some 200 MB.
const peakFile = "SMTPLAY_TEST_MEASURE"

func init() {
	file := os.Getenv(peakFile)
	if file == "" {
		return
	}
	os.Unsetenv(peakFile)
	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	if cmd.ProcessState == nil {
		panic(err)
	}
	if err := os.WriteFile(file, []byte(strconv.FormatInt(peakOf(cmd.ProcessState), 10)), 0o644); err != nil {
		panic(err)
	}
	os.Exit(cmd.ProcessState.ExitCode())
}

// measured runs the program to its end and measures its memory.
func (c child) measured(t *testing.T, args ...string) ended {
	t.Helper()
	file := filepath.Join(t.TempDir(), "peak")
	program := c.program
	c.program, c.env = os.Args[0], append(slices.Clone(c.env), peakFile+"="+file)
	e := c.run(t, append([]string{program}, args...)...)
	text, err := os.ReadFile(file)
	if err == nil {
		e.peak, err = strconv.ParseInt(string(text), 10, 64)
	}
	if err != nil {
		t.Fatalf("%v\n%s%s", err, e.stdout, e.stderr)
	}
	return e
}

// run runs the program to its end.
func (c child) run(t *testing.T, args ...string) ended {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := c.command(t, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	began := time.Now()
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("smtplay %s: %v", strings.Join(args, " "), err)
	}
	return ended{status: cmd.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String(), took: time.Since(began)}
}

// plainBinary builds the program as the Makefile and the releases do: static, and without
// the race detector, which takes several times the memory that is to be measured.
func plainBinary(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "smtplay")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// write makes files below dir, and the folders that they lie in.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
