package main

import (
	"cmp"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"smtplay/engine"
	"smtplay/engine/lab"
	"smtplay/engine/transcript"
)

// inFolder runs a command line in a folder whose bin counts first.
func inFolder(t *testing.T, dir, line string) (out string, exit int) {
	t.Helper()
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"),
		"GORACE=atexit_sleep_ms=1") // the race detector sleeps for a second before every exit
	text, err := cmd.CombinedOutput()
	if _, ok := err.(*exec.ExitError); err != nil && !ok {
		t.Fatalf("%s: %v", line, err)
	}
	return string(text), cmd.ProcessState.ExitCode()
}

// awaitReload waits until nobody answers any more who has read the old main.cf,
// after an edit that took a keyword out of what EHLO offers.
func awaitReload(t *testing.T, p *lab.Postfix, keyword string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		c, err := engine.Connect(ctx, p.Addr("smtp"), engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.ReadReply(ctx, 0)
		if err == nil {
			err = c.Send(ctx, transcript.Pos{}, "EHLO client.example.org")
		}
		if err == nil {
			_, err = c.ReadReply(ctx, 0)
		}
		caps, unknown := c.Capabilities()
		c.Close()
		if err := cmp.Or(err, unknown); err != nil {
			t.Fatal(err)
		}
		if _, offered := caps.Params(keyword); !offered {
			return
		}
	}
}
