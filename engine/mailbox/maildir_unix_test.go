//go:build unix

package mailbox

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestMaildirFIFO: what would be waited for without end is no message.
func TestMaildirFIFO(t *testing.T) {
	path, box := maildir(t)
	if err := syscall.Mkfifo(filepath.Join(path, "new/1"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, "a FIFO", subjects(t, box.Since(time.Now())))
}
