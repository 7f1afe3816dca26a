//go:build unix

package mailbox

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestMboxLocked: nobody's writing is read, or written into.
func TestMboxLocked(t *testing.T) {
	now := time.Now()
	path, box := mbox(t, letterAt(now, "one"))
	w := box.Since(now)
	locked := func(how string) {
		t.Helper()
		expect(t, how, subjects(t, w))
		if r := w.(Remarker).Remark(); !strings.Contains(r, "in.mbox.lock or fcntl") {
			t.Errorf("%s: the remark is %q", how, r)
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errors.New("long enough"))
		defer cancel()
		if err := box.Remove(ctx, &Message{}); err == nil || !strings.Contains(err.Error(), "long enough") {
			t.Errorf("%s: %v", how, err)
		}
	}
	if err := os.WriteFile(path+".lock", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	locked("a dot lock")
	if err := os.Remove(path + ".lock"); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := lockFile(file, true); err != nil {
		t.Fatal(err)
	}
	locked("a lock of our own process")
	unlockFile(file)
	// To a lock of the open file, one of the process is another's, be it the same process.
	if err := unix.FcntlFlock(file.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}); err != nil {
		t.Fatal(err)
	}
	expect(t, "a lock as other programs take it", subjects(t, w)) // which ends it, as the process closes the file once
	if r := w.(Remarker).Remark(); !strings.Contains(r, "fcntl") {
		t.Errorf("the remark is %q", r)
	}
	expect(t, "when they let go", subjects(t, w), "one")
}
