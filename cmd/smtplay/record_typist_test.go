//go:build unix

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
	"testing"
	"time"

	"github.com/creack/pty"
)

// typist sits at a terminal at which smtplay runs.
type typist struct {
	t    *testing.T
	cmd  *exec.Cmd
	dir  string
	tty  *os.File
	done chan struct{} // closed when nothing is shown any more

	mu    sync.Mutex
	more  sync.Cond
	shown bytes.Buffer // all of it
	seen  int          // up to where it was looked for
}

// sit starts smtplay record at a terminal.
func sit(t *testing.T, env []string, args ...string) *typist {
	t.Helper()
	return sitIn(t, t.TempDir(), env, append([]string{"record"}, args...)...)
}

// sitIn starts smtplay at a terminal, in a folder.
func sitIn(t *testing.T, dir string, env []string, args ...string) *typist {
	t.Helper()
	k := &typist{t: t, dir: dir, done: make(chan struct{})}
	k.more.L = &k.mu
	k.cmd = exec.Command("smtplay", args...)
	k.cmd.Dir = k.dir
	clean := slices.DeleteFunc(os.Environ(), func(e string) bool {
		return strings.HasPrefix(e, "SMTPLAY_") || strings.HasPrefix(e, "NO_COLOR=") || strings.HasPrefix(e, "TERM=")
	})
	k.cmd.Env = append(append(clean, "TERM=xterm", "GORACE=atexit_sleep_ms=1"), env...)
	tty, err := pty.StartWithSize(k.cmd, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		t.Fatal(err)
	}
	k.tty = tty
	stop := time.AfterFunc(time.Minute, func() { k.cmd.Process.Kill() })
	t.Cleanup(func() {
		stop.Stop()
		k.cmd.Process.Kill()
		tty.Close()
		<-k.done
		if t.Failed() {
			t.Logf("on the screen:\n%q", k.screen())
		}
	})
	go k.watch()
	return k
}

func (k *typist) watch() {
	defer close(k.done)
	buffer := make([]byte, 4096)
	for {
		n, err := k.tty.Read(buffer)
		k.mu.Lock()
		k.shown.Write(buffer[:n])
		if err != nil {
			k.seen = -1
		}
		k.mu.Unlock()
		k.more.Broadcast()
		if err != nil {
			return // EIO: nobody has the terminal open any more
		}
	}
}

// screen is all that was shown so far.
func (k *typist) screen() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.shown.String()
}

// sees waits until text is shown, behind what was seen before.
func (k *typist) sees(texts ...string) {
	k.t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, text := range texts {
		for from := max(k.seen, 0); ; {
			if i := strings.Index(k.shown.String()[from:], text); i >= 0 {
				k.seen = from + i + len(text)
				break
			}
			if k.seen < 0 {
				k.t.Fatalf("the session has ended without %q", text)
			}
			k.more.Wait()
		}
	}
}

// types types text as it is: "\r" is the Enter key.
func (k *typist) types(text string) {
	k.t.Helper()
	if _, err := k.tty.WriteString(text); err != nil {
		k.t.Fatal(err)
	}
}

// does types a line, once there is a prompt for it.
func (k *typist) does(prompt, line string) {
	k.t.Helper()
	k.sees(prompt)
	k.types(line + "\r")
}

// ends waits for the end.
func (k *typist) ends(status int) {
	k.t.Helper()
	err := k.cmd.Wait()
	<-k.done
	got := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		k.t.Fatal(err)
	}
	if got != status {
		k.t.Errorf("ended with status %d, want %d", got, status)
	}
}

// never says that none of the texts was ever shown, or stands in a file.
func (k *typist) never(texts ...string) {
	k.t.Helper()
	all := map[string]string{"the screen": k.screen()}
	for _, path := range k.files() {
		all[path] = k.file(path)
	}
	for where, said := range all {
		for _, text := range texts {
			if strings.Contains(said, text) {
				k.t.Errorf("%s shows %q:\n%s", where, text, said)
			}
		}
	}
}

func (k *typist) files() []string {
	entries, err := os.ReadDir(k.dir)
	if err != nil {
		k.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func (k *typist) file(name string) string {
	k.t.Helper()
	text, err := os.ReadFile(filepath.Join(k.dir, name))
	if err != nil {
		k.t.Fatal(err)
	}
	return string(text)
}

// holds says that a file holds all of the texts.
func (k *typist) holds(name string, texts ...string) {
	k.t.Helper()
	all := k.file(name)
	for _, text := range texts {
		if !strings.Contains(all, text) {
			k.t.Errorf("%s lacks %q:\n%s", name, text, all)
		}
	}
}

func (k *typist) lacks(name string, texts ...string) {
	k.t.Helper()
	all := k.file(name)
	for _, text := range texts {
		if strings.Contains(all, text) {
			k.t.Errorf("%s holds %q:\n%s", name, text, all)
		}
	}
}
