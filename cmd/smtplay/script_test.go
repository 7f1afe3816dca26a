package main

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite what the scripts compare with")

// TestMain makes the test binary answer to the name smtplay.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) != "smtplay" {
		os.Unsetenv("GITHUB_ACTIONS") // where the tests themselves are a step of it
	}
	testscript.Main(m, map[string]func(){"smtplay": main})
}

// TestScripts runs testdata/script: the command line as people use it.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           filepath.Join("testdata", "script"),
		UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			// The race detector sleeps for a second before every exit.
			env.Setenv("GORACE", "atexit_sleep_ms=1")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":      exits,
			"interrupts": interrupts,
			"stops":      stops,
			"untimed":    untimed,
		},
	})
}

// exits STATUS COMMAND…: run the command, which must end with that status.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND [ARGUMENT…]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	status := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		status = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if status != want {
		ts.Fatalf("exit status %d, want %d", status, want)
	}
}

// untimed FILE NEW: write FILE to NEW with its durations and ports made alike.
func untimed(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	text = durations.ReplaceAllString(text, "T")
	text = ports.ReplaceAllString(text, "127.0.0.1:PORT")
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o644))
}

// interrupts MARK COMMAND…: run the command, interrupt it once MARK stands on
// its standard output, and leave both outputs in the files stdout.txt and
// stderr.txt. It must end with status 130.
func interrupts(ts *testscript.TestScript, neg bool, args []string) {
	stops(ts, neg, append([]string{strconv.Itoa(exitInterrupted), "INT"}, args...))
}

// stops STATUS SIGNAL MARK COMMAND…: the same with another signal, INT or TERM,
// and another status.
func stops(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	sent := map[string]os.Signal{"INT": os.Interrupt, "TERM": syscall.SIGTERM}[args[1]]
	args = args[2:]
	path := ""
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if p := filepath.Join(dir, args[1]); path == "" && isFile(p) {
			path = p
		}
	}
	cmd := exec.Command(path, args[2:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "SMTPLAY_") }), "PATH="+ts.Getenv("PATH"))
	out, complaints := &watched{mark: args[0], seen: make(chan struct{})}, &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = out, complaints
	ts.Check(cmd.Start())
	select {
	case <-out.seen:
	case <-time.After(30 * time.Second):
	}
	ts.Check(cmd.Process.Signal(sent))
	err = cmd.Wait()
	ts.Logf("[stdout]\n%s[stderr]\n%s", out.String(), complaints)
	if cmd.ProcessState.ExitCode() != want {
		ts.Fatalf("ended with %v, want status %d", err, want)
	}
	ts.Check(os.WriteFile(ts.MkAbs("stdout.txt"), []byte(out.String()), 0o644))
	ts.Check(os.WriteFile(ts.MkAbs("stderr.txt"), complaints.Bytes(), 0o644))
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// watched tells when a mark has been written.
type watched struct {
	mu   sync.Mutex
	all  strings.Builder
	mark string
	seen chan struct{}
	once sync.Once
}

func (w *watched) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all.Write(b)
	if strings.Contains(w.all.String(), w.mark) {
		w.once.Do(func() { close(w.seen) })
	}
	return len(b), nil
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all.String()
}
