//go:build unix

package dsl

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// To open a pipe is to wait for ever, be it for a check.
func TestPipe(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.lua"), 0o600); err != nil {
		t.Skip(err)
	}
	for _, script := range []string{"expect 220; data(file 'pipe.lua')", "expect 220; require 'pipe'"} {
		_, problems := Compile(filepath.Join(dir, "t.lua"), []byte(script))
		if problems.Err() == nil || !strings.Contains(problems.Error(), "no regular file") {
			t.Errorf("%s: %v", script, problems)
		}
	}
}
