package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"smtplay/engine/server"
	"smtplay/engine/transcript"
)

// ending is a run that a signal ends in the midst of its conversations.
type ending struct {
	reason string
	signal syscall.Signal
	half   string // what the server says last, half a reply
}

var endings = []ending{
	{"Ctrl-C", syscall.SIGINT, ""},
	{"Ctrl-C in the midst of a reply", syscall.SIGINT, "250-half a re"},
	{"a polite kill", syscall.SIGTERM, ""},
	{"a kill", syscall.SIGKILL, ""},
	{"a kill in the midst of a reply", syscall.SIGKILL, "250-one line\r\n250-half a re"},
}

// Each conversation has said these when the signal comes; NOOP is not answered.
const (
	saidBefore = `
ehlo "client.example.org"
auth("PLAIN", "james", secret "password")
mail "james@example.org"
send "rcpt to:<jane@example.org>"; expect 250
step "the server falls silent"
`
	lastWord = "NOOP"
)

// TestEndedInConversation: however a run ends, the transcripts hold what was said
// until then, in whole lines, and read as transcripts do.
func TestEndedInConversation(t *testing.T) {
	t.Parallel()
	for _, e := range endings {
		t.Run(e.reason, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, dir, map[string]string{
				"tests/one.lua":   saidBefore + "noop()",
				"tests/two.lua":   `test("first", function()` + saidBefore + "noop() end) test(\"second\", function()" + saidBefore + "noop() end)",
				"tests/zlast.lua": saidBefore + "noop()",
				"password.txt":    markedPassword,
			})
			silent := newBarrier(3)
			srv := server.Start(t, server.Polite{Domain: "mail.example.com", Users: map[string]string{"james": markedPassword}, On: server.Answers{
				"noop": server.Do(func(s *server.Session) {
					s.Raw(e.half)
					silent.arrive()
					s.WaitClose()
				}),
			}}.Serve)
			var stdout, stderr bytes.Buffer
			cmd := child{dir: dir}.command(t, "run", "--server", srv.Addr(), "--secret", "password=@password.txt", "--jobs", "3", "--record", "out", "tests")
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			select {
			case <-silent.all:
			case <-time.After(time.Minute):
				t.Error("the conversations do not come to their NOOP")
			}
			if err := cmd.Process.Signal(e.signal); err != nil {
				t.Error(err)
			}
			err := cmd.Wait()
			e.judge(t, err, stdout.String(), stderr.String())
			e.judgeTranscripts(t, filepath.Join(dir, "out"))
			wantNoSecret(t, dir, []string{"password.txt"}, stdout.String(), stderr.String())
		})
	}
}

// judge looks at how the program ended, and what it said at the end.
func (e ending) judge(t *testing.T, err error, stdout, stderr string) {
	t.Helper()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Fatalf("ended with %v", err)
	}
	if e.signal == syscall.SIGKILL {
		if status, ok := exit.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
			t.Errorf("ended with %v", err)
		}
		return
	}
	if exit.ExitCode() != exitInterrupted {
		t.Errorf("exit status %d, want %d", exit.ExitCode(), exitInterrupted)
	}
	lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, "0 passed, 0 failed, 0 skipped, 3 errors in ") {
		t.Errorf("the last line is %q", last)
	}
	if strings.Count(stdout, ": interrupted\n") != 3 || stderr != "smtplay: error: interrupted: 1 test not run\n" {
		t.Errorf("does not say what was interrupted:\n%s%s", stdout, stderr)
	}
}

// judgeTranscripts: there is one for each test that began, and it is sound.
func (e ending) judgeTranscripts(t *testing.T, dir string) {
	t.Helper()
	found := filesBelow(t, dir)
	if want := []string{"tests/one/one.smtp", "tests/two/first.smtp", "tests/two/second.smtp"}; !slices.Equal(found, want) {
		t.Errorf("transcripts %q, want %q", found, want)
	}
	for _, name := range found {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasSuffix(text, []byte("\n")) {
			t.Errorf("%s ends in the midst of a line: %q", name, text[max(0, len(text)-60):])
		}
		events, err := transcript.Decode(text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var said []string
		for _, event := range events {
			if event.Kind == transcript.Client || event.Kind == transcript.Step {
				said = append(said, strings.TrimSuffix(string(event.Data), "\r\n"))
			}
		}
		want := []string{"EHLO client.example.org", "AUTH PLAIN [sasl user=james secret=password]", "MAIL FROM:<james@example.org>",
			"rcpt to:<jane@example.org>", "the server falls silent", lastWord}
		if !slices.Equal(said, want) {
			t.Errorf("%s holds %q, want %q", name, said, want)
		}
		if !bytes.Contains(text, []byte("S: 250 ")) || !bytes.Contains(text, []byte("S: 235 ")) {
			t.Errorf("%s lacks what the server said:\n%s", name, text)
		}
		if e.half != "" && e.signal != syscall.SIGKILL && !bytes.Contains(text, []byte(`S: 250-half a re\`)) {
			t.Errorf("%s lacks the half of a reply that had come:\n%s", name, text)
		}
	}
}

// barrier is passed when n have arrived.
type barrier struct {
	mu   sync.Mutex
	left int
	all  chan struct{}
}

func newBarrier(n int) *barrier { return &barrier{left: n, all: make(chan struct{})} }

func (b *barrier) arrive() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.left--; b.left == 0 {
		close(b.all)
	}
}
