package transcript_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"smtplay/engine/transcript"
)

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if all, err := transcript.ReadFile(write("good", transcript.Header+"\nS: 250 ok\n")); err != nil || len(all) != 1 {
		t.Errorf("%v, %v", all, err)
	}
	for _, tt := range []struct{ path, fault string }{
		{write("cut", transcript.Header+"\nS: 250 ok\nS: 25"), "cut:3: the file is cut off here"},
		{write("binary", "\x7fELF\x02\x01\x00\n\x00"), "binary:1: a transcript begins with the line"},
		{write("empty", ""), "empty:1: a transcript begins with the line"},
		{write("newer", "smtplay transcript 7\n"), "newer:1: this transcript is of version 7"},
		{dir, " is no regular file"},
		{filepath.Join(dir, "nowhere"), "nowhere: no such file"},
	} {
		_, err := transcript.ReadFile(tt.path)
		if err == nil || !strings.Contains(err.Error(), tt.fault) || !strings.HasPrefix(err.Error(), dir) {
			t.Errorf("%s: got %v, want %q", tt.path, err, tt.fault)
		}
	}
	if _, err := transcript.ReadFile(filepath.Join(dir, "nowhere")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}
