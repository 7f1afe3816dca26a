package mailbox

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// asctime is the date of a From_ line.
func asctime(t time.Time) string { return t.Format("Mon Jan _2 15:04:05 2006") }

// letterAt is a message as an mbox holds it.
func letterAt(at time.Time, subject string, lines ...string) string {
	return fmt.Sprintf("From a@example.org  %s\nSubject: %s\n\n%s\n", asctime(at), subject, strings.Join(append(lines, ""), "\n"))
}

// mbox makes a file with that text, at rest for a minute, and opens it.
func mbox(t testing.TB, text string) (string, *Mbox) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "in.mbox")
	write(t, path, text)
	box, err := OpenMbox(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = box.Close() })
	return path, box
}

// write writes the file anew, dated as nothing had changed it for a minute.
func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	settle(t, path, time.Minute)
}

func settle(t testing.TB, path string, age time.Duration) {
	t.Helper()
	at := time.Now().Add(-age)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

// add appends to the file. It has been at rest for half a second then.
func add(t testing.TB, path, text string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	settle(t, path, 500*time.Millisecond)
}

var fromLines = []struct {
	reason, line, sender string
	ok                   bool
	date                 string // RFC 3339, in UTC
}{
	{"asctime", "From a@b Sun Nov 29 12:00:00 2026\n", "a@b", true, "2026-11-29T12:00:00Z"},
	{"Postfix, with two blanks", "From a@b  Sun Nov  9 12:00:00 2026", "a@b", true, "2026-11-09T12:00:00Z"},
	{"no sender", "From MAILER-DAEMON Sun Nov 29 12:00:00 2026\r\n", "", true, "2026-11-29T12:00:00Z"},
	{"without seconds", "From a@b Sun Nov 29 12:00 2026\n", "a@b", true, "2026-11-29T12:00:00Z"},
	{"a zone's name, which says nothing", "From a@b Sun Nov 29 12:00:00 MET 2026\n", "a@b", true, "2026-11-29T12:00:00Z"},
	{"a zone in figures", "From a@b Sun Nov 29 12:00:00 2026 +0100\n", "a@b", true, "2026-11-29T11:00:00Z"},
	{"a quoted local part", "From \"a b\"@c Sun Nov 29 12:00:00 2026\n", "\"a b\"@c", true, "2026-11-29T12:00:00Z"},
	{"a sentence", "From here on all is different.\n", "", false, ""},
	{"a header field", "From: a@b Sun Nov 29 12:00:00 2026\n", "", false, ""},
	{"no such month", "From a@b Sun Foo 29 12:00:00 2026\n", "", false, ""},
	{"no such hour", "From a@b Sun Nov 29 32:00:00 2026\n", "", false, ""},
	{"no such day", "From a@b Sun Nov 39 12:00:00 2026\n", "", false, ""},
}

func TestFromLine(t *testing.T) {
	for _, f := range fromLines {
		got, ok := parseFromLine([]byte(f.line))
		if ok != f.ok || got.sender != f.sender {
			t.Errorf("%s: got %+v, %v", f.reason, got, ok)
			continue
		}
		if ok {
			if date := got.dates[len(got.dates)-1].UTC().Format(time.RFC3339); date != f.date {
				t.Errorf("%s: got %s, want %s", f.reason, date, f.date)
			}
		}
	}
}

// TestFromLineZone: most agents write the time of their zone, some UTC.
func TestFromLineZone(t *testing.T) {
	noon := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	east := fromLine{dates: []time.Time{noon.Add(-2 * time.Hour), noon}} // of a machine at +0200
	west := fromLine{dates: []time.Time{noon.Add(2 * time.Hour), noon}}
	long := noon.Add(24 * time.Hour)
	for _, c := range []struct {
		reason            string
		from              fromLine
		received, changed time.Time
		want              time.Time
	}{
		{"nothing else is known", east, time.Time{}, long, noon.Add(-2 * time.Hour)},
		{"it was received after what the local time says", east, noon.Add(-time.Second), long, noon},
		{"it was received just before the local time", east, noon.Add(-2*time.Hour - time.Second), long, noon.Add(-2 * time.Hour)},
		{"the file has not changed since", west, time.Time{}, noon.Add(time.Second), noon},
		{"the first that is not before it was received", west, noon.Add(-time.Second), long, noon},
	} {
		if got := c.from.at(c.received, c.changed); !got.Equal(c.want) {
			t.Errorf("%s: got %v, want %v", c.reason, got, c.want)
		}
	}
}

func TestMbox(t *testing.T) {
	now := time.Now()
	path, box := mbox(t, letterAt(now.Add(-time.Hour), "old")+
		letterAt(now, "one", "text", "", "From here on it is no line of dates", ">From a line", ">>From two", "Content-Length: 3"))
	w := box.Since(now)
	var got []*Message
	for m, err := range w.New(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, m)
	}
	if len(got) != 1 {
		t.Fatalf("got %d messages", len(got))
	}
	if from, ok := got[0].From(); from != "a@example.org" || !ok {
		t.Errorf("from %q", from)
	}
	if want := "Subject: one\n\ntext\n\nFrom here on it is no line of dates\nFrom a line\n>From two\nContent-Length: 3\n"; string(got[0].Raw) != want {
		t.Errorf("got %q, want %q", got[0].Raw, want)
	}
	if got[0].At.Unix() != now.Unix() {
		t.Errorf("at %v, want %v", got[0].At, now)
	}
	expect(t, "nothing more", subjects(t, w))
	add(t, path, letterAt(now, "two")+letterAt(now.Add(-time.Hour), "three")) // behind what was there
	expect(t, "two more", subjects(t, w), "two", "three")
	expect(t, "another look", subjects(t, box.Since(now)), "one", "two", "three")
}

func TestMboxBeginning(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "in.mbox")
	now := time.Now()
	box, err := OpenMbox(path)
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close()
	w := box.Since(now)
	expect(t, "not there yet", subjects(t, w))
	if r := w.(Remarker).Remark(); r != "there is no such file" {
		t.Errorf("the remark is %q", r)
	}
	add(t, path, letterAt(now, "one"))
	expect(t, "the first", subjects(t, w), "one")
	for _, c := range []struct{ reason, path, text, want string }{
		{"no folder", "none/in.mbox", "", "its folder cannot be read"},
		{"a folder", ".", "", "it is no file"},
	} {
		if _, err := OpenMbox(filepath.Join(dir, c.path)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.reason, err)
		}
	}
	link := filepath.Join(dir, "link")
	outside, _ := mbox(t, letterAt(now, "secret"))
	if err := os.Symlink(outside, link); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenMbox(link); err == nil || !strings.Contains(err.Error(), "escapes") {
		t.Errorf("a link that leads out of the folder: %v", err)
	}
	write(t, path, "Subject: no mbox\n\n")
	for _, err := range box.Since(now).New(t.Context()) {
		if err == nil || !strings.Contains(err.Error(), "it is no mbox") {
			t.Errorf("no mbox: %v", err)
		}
	}
}

func TestMboxIncomplete(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		reason, end string
		age         time.Duration
		whole       bool
	}{
		{"as agents write it", "\n\n", 500 * time.Millisecond, true},
		{"within a line", "", time.Hour, false},
		{"without the empty line, a while ago", "\n", 2 * time.Second, true},
		{"without the empty line, just now", "\n", 500 * time.Millisecond, false},
		{"with it, but just now", "\n\n", 0, false},
	} {
		path, box := mbox(t, letterAt(now, "one"))
		w := box.Since(now)
		if err := os.WriteFile(path, []byte(letterAt(now, "one")+"From b@example.org "+asctime(now)+"\nSubject: two\n\ntext"+c.end), 0o600); err != nil {
			t.Fatal(err)
		}
		settle(t, path, c.age)
		want := []string{"one", "two"}
		if !c.whole {
			want = want[:1]
		}
		expect(t, c.reason, subjects(t, w), want...)
		if r := w.(Remarker).Remark(); (r == "") != c.whole {
			t.Errorf("%s: the remark is %q", c.reason, r)
		}
		if !c.whole {
			add(t, path, " more\n\n")
			expect(t, c.reason+", when it is whole", subjects(t, w), "two")
		}
	}
}

func TestMboxReplaced(t *testing.T) {
	now := time.Now()
	one, two, three := letterAt(now, "one"), letterAt(now, "two"), letterAt(now, "three")
	for _, c := range []struct {
		reason string
		change func(path string)
		want   []string
	}{
		{"a message was taken out before, and one came", func(p string) { write(t, p, two+three) }, []string{"three"}},
		{"the same length", func(p string) {
			write(t, p, three[:len(three)-len("three")]+"three"+strings.Repeat("x", len(one+two)-len(three)-2)+"\n\n")
		}, nil},
		{"truncated, and another came", func(p string) { write(t, p, three) }, []string{"three"}},
		{"the same message twice now", func(p string) { write(t, p, one+two+one) }, []string{"one"}},
		{"another file in its place", func(p string) {
			write(t, p+"2", one+two+three)
			if err := os.Rename(p+"2", p); err != nil {
				t.Fatal(err)
			}
		}, []string{"three"}},
		{"removed, and made anew", func(p string) {
			if err := os.Remove(p); err != nil {
				t.Fatal(err)
			}
			write(t, p, one+three)
		}, []string{"three"}},
	} {
		path, box := mbox(t, one+two)
		w := box.Since(now)
		expect(t, "before", subjects(t, w), "one", "two")
		c.change(path)
		if c.want != nil {
			expect(t, c.reason, subjects(t, w), c.want...)
		} else if got := subjects(t, w); len(got) != 1 {
			t.Errorf("%s: got %q", c.reason, got)
		}
	}
}

func TestMboxRemove(t *testing.T) {
	now := time.Now()
	text := letterAt(now, "one") + letterAt(now, "two", strings.Repeat("x", 300_000)) + letterAt(now, "three", "end")
	path, box := mbox(t, text)
	messages := map[string]*Message{}
	for m, err := range box.Since(now).New(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		messages[m.Header("Subject")[0]] = m
	}
	w := box.Since(now)
	expect(t, "all", subjects(t, w), "one", "two", "three")
	for _, step := range []struct{ remove, rest string }{
		{"one", text[strings.Index(text, "Subject: two")-len("From a@example.org  "+asctime(now)+"\n"):]},
		{"three", letterAt(now, "two", strings.Repeat("x", 300_000))},
		{"two", ""},
	} {
		if err := box.Remove(t.Context(), messages[step.remove]); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != step.rest {
			t.Errorf("without %s: %d bytes, %v; want %d", step.remove, len(got), err, len(step.rest))
		}
		if err := box.Remove(t.Context(), messages[step.remove]); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("removing %s again: %v", step.remove, err)
		}
		expect(t, "nothing is new by that", subjects(t, w))
	}
	write(t, path, strings.Replace(text, "end", "And", 1))
	if err := box.Remove(t.Context(), messages["three"]); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a message that is not as it was read: %v", err)
	}
	if _, err := os.Stat(path + ".lock"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the lock stays: %v", err)
	}
}

// TestMboxRace: while somebody appends by the rules, every message is found once and whole.
func TestMboxRace(t *testing.T) {
	now := time.Now()
	path, box := mbox(t, "")
	const n = 40
	done := make(chan error, 1)
	go func() {
		done <- func() error {
			for i := range n {
				file, err := os.OpenFile(path, os.O_APPEND|os.O_RDWR, 0)
				if err != nil {
					return err
				}
				for lockFile(file, true) != nil {
				}
				for _, piece := range strings.SplitAfter(letterAt(now, fmt.Sprint(i), "text", fmt.Sprint("end of ", i)), "\n") {
					if _, err := file.WriteString(piece); err != nil {
						return err
					}
				}
				if err := file.Close(); err != nil {
					return err
				}
			}
			return nil
		}()
	}()
	w := box.Since(now)
	found := 0
	for deadline := time.Now().Add(20 * time.Second); found < n && time.Now().Before(deadline); {
		for m, err := range w.New(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if want := fmt.Sprintf("Subject: %d\n\ntext\nend of %d\n", found, found); string(m.Raw) != want {
				t.Fatalf("got %q, want %q", m.Raw, want)
			}
			found++
		}
	}
	if err := <-done; err != nil || found != n {
		t.Errorf("found %d of %d, %v", found, n, err)
	}
}

// FuzzMbox: whatever is in the file, messages do not overlap, and what is read of one is
// what was found.
func FuzzMbox(f *testing.F) {
	for _, line := range fromLines {
		f.Add([]byte(line.line + "Subject: x\n\n>From y\n\n" + line.line))
	}
	f.Add([]byte(letterAt(time.Unix(0, 0), "x") + letterAt(time.Unix(0, 0), "y")))
	f.Fuzz(func(t *testing.T, text []byte) {
		var last int64
		var all []entry
		s := mboxScanner{
			wanted: func(int64, fromLine) bool { return true },
			found: func(e entry) error {
				if e.start < last || e.text <= e.start || e.end < e.text || e.next < e.end || e.next > int64(len(text)) {
					t.Fatalf("%+v after %d", e, last)
				}
				last, all = e.next, append(all, e)
				return nil
			},
		}
		_ = s.scan(t.Context(), bytes.NewReader(text), 0)
		_ = unquoted(text)
		for _, e := range all {
			again := 0
			one := mboxScanner{wanted: s.wanted, found: func(o entry) error {
				if again++; again == 1 && o.sum != e.sum {
					t.Errorf("read from its place, the message at %d differs", e.start)
				}
				return nil
			}}
			_ = one.scan(t.Context(), bytes.NewReader(text[e.start:e.next]), e.start)
			if again != 1 {
				t.Errorf("%d messages at %d", again, e.start)
			}
		}
	})
}
