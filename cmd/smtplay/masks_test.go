package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// The settings that count are those beside a script and above it, and no
// others: what masks a change in one suite must not mask it in another.
func TestFoldersAbove(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		script string
		roots  []string
		want   []string
		why    string
	}{
		{"a.lua", nil, []string{"."}, "the current folder"},
		{"tests/sub/a.lua", nil, []string{".", "tests", "tests/sub"}, "all below the current one"},
		{"./tests//a.lua", nil, []string{".", "tests"}, "however it is written"},
		{filepath.Join(here, "tests/a.lua"), nil, []string{".", "tests"}, "the same from the root"},
		{"/suite/sub/a.lua", nil, nil, "elsewhere: not what somebody put above it"},
		{"/suite/sub/a.lua", []string{"/suite"}, []string{"/suite", "/suite/sub"}, "the folder that was named"},
		{"/suite/sub/a.lua", []string{"/other", "/suite/sub"}, []string{"/suite/sub"}, "and none above it"},
		{"../suite/a.lua", []string{"../suite"}, []string{"../suite"}, "beside the current one"},
		{"../../a.lua", nil, nil, "above it"},
	} {
		if got := foldersAbove(tt.script, tt.roots...); !slices.Equal(got, tt.want) {
			t.Errorf("%s, %q: got %q, want %q (%s)", tt.script, tt.roots, got, tt.want, tt.why)
		}
	}
}

// Progress is shown on a terminal, from time to time, and leaves nothing behind.
func TestProgress(t *testing.T) {
	var out bytes.Buffer
	g := newProgress(&process{stderr: &out, errIsTerm: true})
	g.at(1, 10, "done")
	g.clear()
	if out.Len() > 0 {
		t.Errorf("at once: %q", &out)
	}
	g.next = time.Time{}
	g.at(2, 10, "done")
	g.at(3, 10, "done")
	g.clear()
	g.clear()
	if want := "\r\x1b[K2 of 10 done\r\x1b[K"; out.String() != want {
		t.Errorf("got %q, want %q", &out, want)
	}
	out.Reset()
	g = newProgress(&process{stderr: &out})
	g.next = time.Time{}
	g.at(2, 10, "done")
	g.clear()
	if out.Len() > 0 {
		t.Errorf("without a terminal: %q", &out)
	}
}
