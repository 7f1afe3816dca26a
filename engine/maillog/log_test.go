package maillog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"smtplay/engine/maillog"
)

// writer is who writes a log, as syslog does, in UTC.
type writer struct {
	t    testing.TB
	path string
	file *os.File
}

func newWriter(t testing.TB) *writer {
	w := &writer{t: t, path: filepath.Join(t.TempDir(), "mail.log")}
	w.reopen()
	t.Cleanup(func() { w.file.Close() })
	return w
}

func (w *writer) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *writer) reopen() {
	w.t.Helper()
	if w.file != nil {
		w.must(w.file.Close())
	}
	var err error
	w.file, err = os.OpenFile(w.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	w.must(err)
}

func (w *writer) raw(text string) {
	w.t.Helper()
	_, err := w.file.WriteString(text)
	w.must(err)
}

// line writes a line of a time.
func (w *writer) line(when time.Time, message string) {
	w.t.Helper()
	w.raw(when.UTC().Format("Jan _2 15:04:05") + " mail postfix/" + message + "\n")
}

func sent(id string) string {
	return "smtp[1]: " + id + ": to=<b@example.com>, relay=none, delay=1, dsn=2.0.0, status=sent (250 Ok)"
}

func (w *writer) open() *maillog.Log {
	w.t.Helper()
	l, err := maillog.Open(w.path)
	w.must(err)
	l.Zone = time.UTC
	w.t.Cleanup(func() { l.Close() })
	return l
}

const (
	idA = "4F1A2B3C4D"
	idB = "5F1A2B3C4D"
)

// now is a time at which lines can be of today's file.
func now() time.Time { return time.Now().UTC() }

func TestAwaitFinds(t *testing.T) {
	t.Parallel()
	start := now().Add(-10 * time.Second)
	for _, row := range []struct {
		reason string
		write  func(*writer)
		demand maillog.Demand
		want   string // part of the line; "" where nothing is found
	}{
		{"the line", func(w *writer) { w.line(start, sent(idA)) }, maillog.Demand{QueueID: idA, Status: "sent"}, idA},
		{"the first of two", func(w *writer) {
			w.line(start, "smtp[7]: "+idA+": to=<b@example.com>, dsn=4.0.0, status=deferred (x)")
			w.line(start, sent(idA))
		}, maillog.Demand{QueueID: idA, To: "b@example.com"}, "deferred"},
		{"not what came before", func(w *writer) { w.line(start.Add(-2*time.Second), sent(idA)) }, maillog.Demand{QueueID: idA}, ""},
		{"not that of another message", func(w *writer) { w.line(start, sent(idA)) }, maillog.Demand{QueueID: idB}, ""},
		{"the sender, by the queue id", func(w *writer) {
			w.line(start, "qmgr[1]: "+idA+": from=<a@example.org>, size=3, nrcpt=1 (queue active)")
			w.line(start, sent(idA))
		}, maillog.Demand{From: "a@example.org", Status: "sent"}, "status=sent"},
		{"not the sender of a message that is gone", func(w *writer) {
			w.line(start, "qmgr[1]: "+idA+": from=<a@example.org>, size=3, nrcpt=1 (queue active)")
			w.line(start, "qmgr[1]: "+idA+": removed")
			w.line(start, sent(idA))
		}, maillog.Demand{From: "a@example.org", Status: "sent"}, ""},
		{"an expression", func(w *writer) { w.line(start, "smtpd[1]: disconnect from x ehlo=1") }, maillog.Demand{Match: regexp.MustCompile(`^disconnect .*ehlo=1`)}, "disconnect"},
		{"among foreign lines", func(w *writer) {
			w.raw("what\n\n\xff\x00\n")
			w.line(start, sent(idA))
			w.raw("  at the end\n")
		}, maillog.Demand{QueueID: idA}, idA},
		{"not a line half written", func(w *writer) { w.raw(start.Format("Jan _2 15:04:05") + " mail postfix/" + sent(idA)) }, maillog.Demand{QueueID: idA}, ""},
		{"behind a line without end", func(w *writer) {
			w.raw(start.Format("Jan _2 15:04:05") + " mail postfix/smtp[1]: " + strings.Repeat("x", 300<<10) + idB + "\n")
			w.line(start, sent(idA))
		}, maillog.Demand{QueueID: idA}, idA},
		{"a year ago", func(w *writer) {
			w.line(start.AddDate(0, -10, 0), sent(idA)) // without a year it is nearer as next year's
			w.line(start, sent(idB))
		}, maillog.Demand{QueueID: idA}, ""},
		{"last year's file, a little later in the year", func(w *writer) {
			w.line(start.Add(5*time.Second), sent(idA))
			w.line(start.AddDate(0, -6, 0), "qmgr[1]: "+idB+": removed")
			w.line(start, sent(idB))
		}, maillog.Demand{QueueID: idA}, ""},
	} {
		t.Run(row.reason, func(t *testing.T) {
			t.Parallel()
			w := newWriter(t)
			row.write(w)
			e, err := w.open().Await(t.Context(), start, row.demand, 0)
			if row.want == "" {
				var missing *maillog.NotFound
				if !errors.As(err, &missing) {
					t.Fatalf("got %+v, %v", e, err)
				}
				return
			}
			if err != nil || !strings.Contains(e.Line, row.want) {
				t.Errorf("got %+v, %v", e, err)
			}
		})
	}
}

// The beginning is found in a file of many lines, wherever it is, and whatever they are.
func TestAwaitFindsTheBeginning(t *testing.T) {
	t.Parallel()
	end := now()
	for _, filler := range []string{"", strings.Repeat("padding ", 40), "\nno time at all\n\n"} {
		w := newWriter(t)
		var text bytes.Buffer
		const lines = 10000
		for i := range lines {
			when := end.Add(-time.Duration(lines-i) * time.Second)
			fmt.Fprintf(&text, "%s mail postfix/smtp[1]: %08X: to=<b@example.com>, status=sent (%s)\n", when.Format("Jan _2 15:04:05"), i, filler)
		}
		w.raw(text.String())
		l := w.open()
		for _, i := range []int{0, 1, 2, 777, 4999, 5000, 7500, 9000, 9998, 9999} {
			since := end.Add(-time.Duration(lines-i) * time.Second)
			e, err := l.Await(t.Context(), since, maillog.Demand{Status: "sent"}, 0)
			if err != nil {
				t.Fatalf("%d: %v", i, err)
			}
			if want := fmt.Sprintf("%08X", i); e.QueueID != want {
				t.Errorf("%.10q: since line %d: got %s, want %s", filler, i, e.QueueID, want)
			}
		}
	}
}

// What is written while it is awaited is found, whatever becomes of the file.
func TestAwaitFollows(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		reason string
		write  func(w *writer)
	}{
		{"it grows", func(w *writer) { w.line(now(), sent(idA)) }},
		{"in two halves", func(w *writer) {
			w.raw(now().Format("Jan _2 15:04:05") + " mail postfix/smtp[1]: " + idA[:3])
			time.Sleep(time.Second)
			w.raw(idA[3:] + ": to=<b@example.com>, status=sent (250 Ok)\n")
		}},
		{"renamed, and a new one", func(w *writer) {
			w.must(os.Rename(w.path, w.path+".1"))
			time.Sleep(time.Second)
			w.reopen()
			time.Sleep(time.Second)
			w.line(now(), sent(idA))
		}},
		{"renamed, and still written to", func(w *writer) {
			w.must(os.Rename(w.path, w.path+".1"))
			w.must(os.WriteFile(w.path, nil, 0o644))
			time.Sleep(time.Second)
			w.line(now(), sent(idA))
		}},
		{"renamed twice", func(w *writer) {
			for i := range 2 {
				w.must(os.Rename(w.path, fmt.Sprintf("%s.%d", w.path, i)))
				w.reopen()
				w.line(now(), "qmgr[1]: "+idB+": removed")
				time.Sleep(time.Second)
			}
			w.line(now(), sent(idA))
		}},
		{"removed, and a new one", func(w *writer) {
			w.must(os.Remove(w.path))
			w.reopen()
			w.line(now(), sent(idA))
		}},
		{"copied and cut", func(w *writer) {
			w.must(os.Truncate(w.path, 0))
			w.line(now(), sent(idA))
		}},
		{"copied, cut, and longer than before", func(w *writer) {
			w.must(os.Truncate(w.path, 0))
			w.line(now(), sent(idA))
			for range 20 {
				w.line(now(), "qmgr[1]: "+idB+": removed")
			}
		}},
		{"cut, with a pause", func(w *writer) {
			w.must(os.Truncate(w.path, 0))
			time.Sleep(time.Second)
			w.line(now(), sent(idA))
		}},
	} {
		t.Run(row.reason, func(t *testing.T) {
			t.Parallel()
			w := newWriter(t)
			synctest.Test(t, func(t *testing.T) {
				start := now()
				w.line(start, "postfix-script[1]: starting")
				w.line(start, sent(idB))
				l, err := maillog.Open(w.path)
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				l.Zone = time.UTC
				done := make(chan struct{})
				go func() {
					defer close(done)
					time.Sleep(time.Second)
					row.write(w)
				}()
				e, err := l.Await(t.Context(), start, maillog.Demand{QueueID: idA, Status: "sent"}, time.Minute)
				<-done
				if err != nil {
					t.Fatal(err)
				}
				if e.QueueID != idA {
					t.Errorf("got %+v", e)
				}
				if waited := now().Sub(start); waited > 10*time.Second {
					t.Errorf("it took %v", waited)
				}
			})
		})
	}
}

func TestAwaitEnds(t *testing.T) {
	t.Parallel()
	w := newWriter(t)
	synctest.Test(t, func(t *testing.T) {
		w.line(now(), sent(idB))
		l, err := maillog.Open(w.path)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		l.Zone = time.UTC
		start := now()
		var missing *maillog.NotFound
		if _, err := l.Await(t.Context(), start, maillog.Demand{QueueID: idA}, time.Minute); !errors.As(err, &missing) || now().Sub(start) != time.Minute {
			t.Errorf("got %v after %v", err, now().Sub(start))
		}
		why := errors.New("interrupted")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(why) })
		if _, err := l.Await(ctx, start, maillog.Demand{QueueID: idA}, time.Minute); err != why {
			t.Errorf("got %v", err)
		}
	})
}

// A failure says what there was instead, and why that may be.
func TestNotFound(t *testing.T) {
	t.Parallel()
	start := now().Add(-10 * time.Second)
	all := maillog.Demand{QueueID: idA, Status: "sent", To: "b@example.com"}
	for _, row := range []struct {
		reason      string
		write       func(*writer)
		demand      maillog.Demand
		error, hint string // parts of them
	}{
		{"another status", func(w *writer) {
			w.line(start, sent(idB))
			w.line(start, "smtp[7]: "+idA+": to=<b@example.com>, dsn=4.0.0, status=deferred (x)")
			w.line(start, "qmgr[7]: "+idB+": removed")
		}, all, `came 3 entries, 1 of this queue id; the nearest differs in status: want "sent", got "deferred"`, ""},
		{"only other messages", func(w *writer) { w.line(start.Add(-time.Second), "x[1]: y"); w.line(start, sent(idB)) }, all, `came 1 entry, 0 of this queue id; the nearest differs in queue id`, "is it the log of the server that named it?"},
		{"nothing since", func(w *writer) { w.line(start.Add(-time.Minute), sent(idB)) }, all, "came no entries", "nothing at all was written since"},
		{"before the test", func(w *writer) { w.line(start.Add(-time.Hour), sent(idA)) }, all, "came no entries", "1 entry of this queue id stand in the log, but from before the test began, the latest of"},
		{"foreign lines", func(w *writer) { w.raw(start.Format("Jan _2 15:04:05") + " mail dovecot: x\n") }, all, "came no entries", "1 other lines came, none of Postfix's"},
		{"it begins after the test", func(w *writer) { w.line(start.Add(5*time.Second), sent(idB)) }, all, "came 1 entry", "the log begins at"},
	} {
		t.Run(row.reason, func(t *testing.T) {
			t.Parallel()
			w := newWriter(t)
			row.write(w)
			_, err := w.open().Await(t.Context(), start, row.demand, 0)
			var missing *maillog.NotFound
			if !errors.As(err, &missing) {
				t.Fatalf("got %v", err)
			}
			if !strings.Contains(err.Error(), row.error) || !strings.Contains(missing.Hint(), row.hint) || row.hint == "" && missing.Hint() != "" {
				t.Errorf("got %v, hint %q", err, missing.Hint())
			}
		})
	}
}

// A log whose clock is ahead would let old lines pass for new ones.
func TestAwaitAhead(t *testing.T) {
	t.Parallel()
	start := now().Add(-10 * time.Second)
	for _, row := range []struct {
		reason string
		ahead  time.Duration // of the last line
	}{{"an hour", time.Hour}, {"half a day", 14 * time.Hour}} {
		t.Run(row.reason, func(t *testing.T) {
			t.Parallel()
			w := newWriter(t)
			w.line(start.Add(time.Second), sent(idA)) // so long ago
			w.line(now().Add(row.ahead), sent(idB))
			for _, id := range []string{idA, idB} {
				_, err := w.open().Await(t.Context(), start, maillog.Demand{QueueID: id}, 0)
				var e *maillog.Error
				if !errors.As(err, &e) || e.Kind != maillog.Ahead || (e.By-row.ahead).Abs() > time.Minute || e.Hint() == "" {
					t.Errorf("%s: got %v", id, err)
				}
			}
		})
	}
	t.Run("another host's lines", func(t *testing.T) {
		t.Parallel()
		w := newWriter(t)
		w.line(start.Add(time.Second), sent(idA))
		w.raw(now().Add(time.Hour).Format("Jan _2 15:04:05") + " other postfix/" + sent(idB) + "\n")
		if e, err := w.open().Await(t.Context(), start, maillog.Demand{QueueID: idA}, 0); err != nil {
			t.Errorf("got %+v, %v", e, err)
		}
	})
}

func TestOpenErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, row := range []struct {
		reason, path string
		kind         maillog.Kind
		text, hint   string
	}{
		{"it does not exist", filepath.Join(dir, "missing"), maillog.Unreadable, "missing cannot be read: no such file", "maillog_file"},
		{"a folder", dir, maillog.Folder, "is a folder", ""},
		{"a device", os.DevNull, maillog.Irregular, "is no file", ""},
	} {
		_, err := maillog.Open(row.path)
		var e *maillog.Error
		if !errors.As(err, &e) || e.Kind != row.kind || !strings.Contains(err.Error(), row.text) || !strings.Contains(e.Hint(), row.hint) {
			t.Errorf("%s: got %v", row.reason, err)
		}
	}
	w := newWriter(t)
	_, err := w.open().Await(t.Context(), now(), maillog.Demand{Status: "sent"}, 0)
	var e *maillog.Error
	if !errors.As(err, &e) || e.Kind != maillog.Empty || e.Hint() == "" {
		t.Errorf("empty: got %v", err)
	}
	if _, err := w.open().Await(t.Context(), now(), maillog.Demand{}, 0); !errors.Is(err, maillog.ErrEmptyDemand) {
		t.Errorf("no demand: got %v", err)
	}
}
