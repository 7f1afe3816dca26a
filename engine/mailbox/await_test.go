package mailbox

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// later is a box into which messages come at their times.
type later struct {
	messages []*Message
	err      error // after all of them
	closed   bool
}

func (l *later) String() string                         { return "a box" }
func (l *later) Close() error                           { l.closed = true; return nil }
func (l *later) Remove(context.Context, *Message) error { return nil }
func (l *later) Since(t time.Time) Watch                { return &laterWatch{box: l, since: t} }

type laterWatch struct {
	box   *later
	since time.Time
	n     int
}

func (w *laterWatch) Every() time.Duration { return fileInterval }
func (w *laterWatch) Remark() string       { return "it is odd" }
func (w *laterWatch) New(context.Context) iter.Seq2[*Message, error] {
	return func(yield func(*Message, error) bool) {
		for ; w.n < len(w.box.messages); w.n++ {
			m := w.box.messages[w.n]
			if m.At.After(time.Now()) {
				return
			}
			if !m.At.Before(w.since) && !yield(m, nil) {
				return
			}
		}
		if w.box.err != nil {
			yield(nil, w.box.err)
		}
	}
}

func TestAwait(t *testing.T) {
	gone := errors.New("the server is gone")
	for _, c := range []struct {
		reason   string
		subjects []string // one a second
		err      error
		within   time.Duration
		demand   Demand
		want     string // the message found, or what the error says
		after    time.Duration
	}{
		{"at once", []string{"x"}, nil, 0, Demand{Subject: Equal("x")}, "x", 0},
		{"after a while", []string{"a", "b", "x"}, nil, time.Minute, Demand{Subject: Equal("x")}, "x", 2 * time.Second},
		{"at the very end", []string{"a", "x"}, nil, time.Second, Demand{Subject: Equal("x")}, "x", time.Second},
		{"not", nil, nil, time.Second, Demand{Subject: Equal("x")}, "a box: no message came since the test began, in 1s (it is odd)", time.Second},
		{"the latest of the nearest is shown", []string{"a", "b"}, nil, 1500 * time.Millisecond, Demand{Subject: Equal("x")},
			`a box: no message since the test began fits: 2 came in 1.5s; the nearest (Subject: b, new/1) differs in header Subject: expected "x", got "b" (it is odd)`, 1500 * time.Millisecond},
		{"the nearest is shown", []string{"x", "b"}, nil, 1500 * time.Millisecond, Demand{Subject: Equal("x"), From: Present()},
			`fits: 2 came in 1.5s; the nearest (Subject: x, new/0) differs in envelope sender: expected any value, got none`, 1500 * time.Millisecond},
		{"an error of the box ends it", nil, gone, time.Minute, Demand{Subject: Equal("x")}, "the server is gone", 0},
		{"a demand of nothing", []string{"x"}, nil, time.Minute, Demand{}, "nothing is demanded", 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			box := &later{err: c.err, messages: []*Message{{Raw: []byte("Subject: x\n\n"), At: start.Add(-time.Nanosecond)}}}
			for i, s := range c.subjects {
				box.messages = append(box.messages, &Message{Raw: []byte("Subject: " + s + "\n\n"), Where: fmt.Sprintf("new/%d", i), At: start.Add(time.Duration(i) * time.Second)})
			}
			m, err := Await(t.Context(), box, start, c.demand, c.within)
			got := fmt.Sprint(err)
			if err == nil {
				got = m.Header("Subject")[0]
			}
			if !strings.Contains(got, c.want) || time.Since(start) != c.after {
				t.Errorf("%s: got %s after %v, want %s after %v", c.reason, got, time.Since(start), c.want, c.after)
			}
			if missing := (*NotFound)(nil); errors.As(err, &missing) && missing.Came != len(c.subjects) {
				t.Errorf("%s: %d came", c.reason, missing.Came)
			}
		})
	}
}

func TestAwaitCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		why := errors.New("the test is over")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(why) })
		start := time.Now()
		if _, err := Await(ctx, &later{}, start, Demand{Token: "x"}, time.Hour); err != why || time.Since(start) != time.Second {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
	})
}

// TestAwaitDelivery: a real folder, into which a message comes while it is looked at.
func TestAwaitDelivery(t *testing.T) {
	path, box := maildir(t)
	deliver(t, path, "1", "Subject: a\n\n")
	time.AfterFunc(50*time.Millisecond, func() { deliver(t, path, "2", "Subject: x\n\n") })
	m, err := Await(t.Context(), box, time.Now(), Demand{Subject: Equal("x")}, 10*time.Second)
	if err != nil || m.Key != "2" {
		t.Errorf("got %v, %v", m, err)
	}
}
