package mailbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// maildir makes an empty Maildir and opens it.
func maildir(t *testing.T) (string, *Maildir) {
	t.Helper()
	path := t.TempDir()
	for _, part := range []string{"new", "cur", "tmp"} {
		if err := os.Mkdir(filepath.Join(path, part), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	box, err := OpenMaildir(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = box.Close() })
	return path, box
}

// deliver does as a delivery agent does: what is in new is whole.
func deliver(t testing.TB, path, name, text string) {
	t.Helper()
	tmp := filepath.Join(path, "tmp", name)
	if err := os.WriteFile(tmp, []byte(text), 0o600); err != nil {
		t.Error(err)
	}
	if err := os.Rename(tmp, filepath.Join(path, "new", name)); err != nil {
		t.Error(err)
	}
}

// subjects are those of the messages that are new.
func subjects(t testing.TB, w Watch) []string {
	t.Helper()
	var got []string
	for m, err := range w.New(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, strings.Join(m.Header("Subject"), "+"))
	}
	return got
}

func expect(t testing.TB, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func TestMaildir(t *testing.T) {
	path, box := maildir(t)
	start := time.Now()
	w := box.Since(start)
	expect(t, "nothing came", subjects(t, w))
	deliver(t, path, "1", "Subject: one\n\n")
	expect(t, "a message", subjects(t, w), "one")
	expect(t, "the same again", subjects(t, w))
	if err := os.Rename(filepath.Join(path, "new/1"), filepath.Join(path, "cur/1:2,S")); err != nil {
		t.Fatal(err)
	}
	expect(t, "when somebody has read it", subjects(t, w))
	if err := os.WriteFile(filepath.Join(path, "tmp/2"), []byte("Subject: half\n\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(path, "new/.hidden"), []byte("Subject: hidden\n\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(path, "new/folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	expect(t, "what is no message", subjects(t, w))
	expect(t, "another look", subjects(t, box.Since(start)), "one")
	for m := range box.Since(start).New(t.Context()) {
		if m.Where != "cur/1:2,S" || m.Key != "1" || m.At.IsZero() {
			t.Errorf("got %+v", m)
		}
		if err := os.Rename(filepath.Join(path, "cur/1:2,S"), filepath.Join(path, "cur/1:2,FS")); err != nil {
			t.Fatal(err)
		}
		if err := box.Remove(t.Context(), m); err != nil {
			t.Error(err)
		}
		if err := box.Remove(t.Context(), m); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("removing it again: %v", err)
		}
	}
	expect(t, "after it was removed", subjects(t, box.Since(start)))
}

func TestMaildirSince(t *testing.T) {
	path, box := maildir(t)
	start := time.Now()
	whole := start.Truncate(time.Second)
	for name, at := range map[string]time.Time{
		"a day before":                              start.Add(-24 * time.Hour),
		"just before":                               start.Add(-50 * time.Millisecond),
		"in the tick before, which files lag":       start.Add(-5 * time.Millisecond),
		"after":                                     start.Add(time.Millisecond),
		"in the second, by a clock of seconds":      whole,
		"the second before, by a clock of seconds ": whole.Add(-time.Second),
	} {
		file := filepath.Join(path, "new", name)
		if err := os.WriteFile(file, []byte("Subject: "+name+"\n\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if at.Nanosecond() == 0 && at != whole && !strings.Contains(name, "seconds") {
			t.Skip("the test began at a whole second")
		}
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
	}
	got := subjects(t, box.Since(start))
	slices.Sort(got)
	expect(t, "since the start", got, "after", "in the second, by a clock of seconds", "in the tick before, which files lag")
}

// TestMaildirChanged: a clock of seconds does not make an old message new where the
// system tells when the file last changed.
func TestMaildirChanged(t *testing.T) {
	path, box := maildir(t)
	deliver(t, path, "old", "Subject: old\n\n")
	info, err := os.Stat(filepath.Join(path, "new/old"))
	if err != nil {
		t.Fatal(err)
	}
	if _, known := changeTime(info); !known {
		t.Skip("the system does not tell when a file changed")
	}
	since := info.ModTime().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(path, "new/old"), since, since.Truncate(time.Second)); err != nil {
		t.Fatal(err)
	}
	expect(t, "since an hour later", subjects(t, box.Since(since)))
}

func TestNoMaildir(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	outside := t.TempDir()
	for _, err := range []error{
		os.WriteFile(file, nil, 0o600), os.MkdirAll(filepath.Join(dir, "half/new"), 0o700),
		os.MkdirAll(filepath.Join(dir, "link/new"), 0o700), os.Symlink(outside, filepath.Join(dir, "link/cur")),
		os.MkdirAll(filepath.Join(dir, "files/cur"), 0o700), os.WriteFile(filepath.Join(dir, "files/new"), nil, 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ reason, path, missing, want string }{
		{"nothing there", "none", "", "none\" is no folder that can be read: no such file or directory (a server makes one"},
		{"a file", "file", "", "is no folder that can be read: not a directory"},
		{"half of one", "half", "cur", "half\" is no Maildir: it has no folder cur: no such file"},
		{"a folder that is a file", "files", "new", "it is a file"},
		{"a folder that lies elsewhere", "link", "cur", "path escapes from parent"},
	} {
		_, err := OpenMaildir(filepath.Join(dir, c.path))
		var none *FolderError
		if !errors.As(err, &none) || none.Missing != c.missing || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.reason, err, c.want)
		}
	}
}

func TestMaildirLinks(t *testing.T) {
	path, box := maildir(t)
	secret := filepath.Join(t.TempDir(), "secret")
	for _, err := range []error{
		os.WriteFile(secret, []byte("Subject: secret\n\n"), 0o600),
		os.Symlink(secret, filepath.Join(path, "new/1")),
		os.Symlink("../tmp/2", filepath.Join(path, "new/2")),
		os.WriteFile(filepath.Join(path, "tmp/2"), []byte("Subject: half\n\n"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	expect(t, "links", subjects(t, box.Since(time.Now())))
}

// TestMaildirLarge: what is larger than is read says so, and is never as demanded.
func TestMaildirLarge(t *testing.T) {
	path, box := maildir(t)
	start := time.Now()
	deliver(t, path, "1", "Subject: x\n\n")
	if err := os.Truncate(filepath.Join(path, "new/1"), MaxSize+1); err != nil {
		t.Fatal(err)
	}
	for m, err := range box.Since(start).New(t.Context()) {
		if err != nil || m.Size != MaxSize+1 || len(m.Raw) != MaxSize {
			t.Fatalf("got %d of %d bytes, %v", len(m.Raw), m.Size, err)
		}
		if held, why := (Demand{Subject: Equal("x")}).Judge(t.Context(), m); held || !strings.Contains(fmt.Sprint(why), "67108865 bytes") {
			t.Errorf("held %v: %v", held, why)
		}
	}
}

// TestMaildirRace: messages that are moved and removed while they are looked for are found
// once, or not at all if they are gone.
func TestMaildirRace(t *testing.T) {
	path, box := maildir(t)
	w := box.Since(time.Now())
	const n = 200
	var reader sync.WaitGroup
	for half := range 2 {
		reader.Go(func() {
			for i := range n / 2 {
				name := fmt.Sprintf("%d.%d", half, i)
				deliver(t, path, name, "Subject: "+name+"\n\n")
				if err := os.Rename(filepath.Join(path, "new", name), filepath.Join(path, "cur", name+":2,")); err != nil {
					t.Error(err)
				}
				if err := os.Rename(filepath.Join(path, "cur", name+":2,"), filepath.Join(path, "cur", name+":2,S")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { reader.Wait(); close(done) }()
	found := map[string]int{}
	for last := false; ; {
		for _, subject := range subjects(t, w) {
			found[subject]++
		}
		if last {
			break
		}
		select {
		case <-done:
			last = true
		default:
		}
	}
	for name, times := range found {
		if times != 1 {
			t.Errorf("%s was found %d times", name, times)
		}
	}
	if len(found) != n {
		t.Errorf("found %d messages of %d", len(found), n)
	}
}

// TestMaildirQuiet: a large folder in which nothing changes is not read again, and what
// comes into it then is seen.
func TestMaildirQuiet(t *testing.T) {
	path, box := maildir(t)
	start := time.Now()
	w := box.Since(start).(*maildirWatch)
	old := start.Add(-time.Minute)
	for _, part := range parts {
		if err := os.Chtimes(filepath.Join(path, part), old, old); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, "nothing", subjects(t, w))
	// What comes without the folder's time changing shows whether it was read.
	deliver(t, path, "1", "Subject: one\n\n")
	if err := os.Chtimes(filepath.Join(path, "new"), old, old); err != nil {
		t.Fatal(err)
	}
	expect(t, "an unchanged folder", subjects(t, w))
	deliver(t, path, "2", "Subject: two\n\n")
	expect(t, "a changed one", subjects(t, w), "one", "two")
}

func TestMaildirStops(t *testing.T) {
	path, box := maildir(t)
	w := box.Since(time.Now())
	for i := range 3 {
		deliver(t, path, fmt.Sprint(i), fmt.Sprintf("Subject: %d\n\n", i))
	}
	for range w.New(t.Context()) {
		break
	}
	expect(t, "what was not looked at yet", subjects(t, w), "1", "2")
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("that is enough")
	cancel(why)
	for _, err := range w.New(ctx) {
		if !errors.Is(err, why) {
			t.Errorf("got %v", err)
		}
	}
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	for _, err := range w.New(t.Context()) {
		if err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("a folder that is gone: %v", err)
		}
	}
}
