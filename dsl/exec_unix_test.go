//go:build unix

package dsl

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"smtplay/engine"
)

// What a command leaves behind, on its standard error, ends with the conversation.
func TestExecLeavings(t *testing.T) {
	t.Parallel()
	fifo := filepath.Join(t.TempDir(), "held")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		f, err := os.Open(fifo)
		if err == nil {
			_, err = io.Copy(io.Discard, f) // until nobody holds it any more
			f.Close()
		}
		ended <- err
	}()
	b := newBench(t, nil)
	b.env.Options.Commands = &engine.Commands{}
	b.env.Targets.Named = map[string]string{"smtp": command(t, "exec 9>'"+fifo+"'; sleep 60 >&- <&- &\necho 220 ready; read -r quit; echo 221 bye")}
	script := "expect 220; quit()"
	checkVerdict(t, b.try(t, script)[0], script)
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it still runs")
	}
}
