package imap

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"time"

	"smtplay/engine/mailbox"
)

const (
	batch = 500             // messages whose dates are asked for at once
	skew  = 2 * time.Second // by which a server's clock may be ahead
	pause = 250 * time.Millisecond
)

// Since watches for what arrived at t or later; the package comment says how that is known.
func (b *Box) Since(t time.Time) mailbox.Watch { return &watch{box: b, since: t} }

type watch struct {
	box   *Box
	since time.Time
	next  uint64 // all UIDs below were judged; 0 before the first look
	in    *wire  // of the last look that came to its end
	heard int    // how often in had told the number of messages before it
}

// Every is a quarter of a second.
func (w *watch) Every() time.Duration { return pause }

// New asks whether anything came (NOOP), and only then which. Errors are of type *Error.
func (w *watch) New(ctx context.Context) iter.Seq2[*mailbox.Message, error] {
	return func(yield func(*mailbox.Message, error) bool) {
		if err := w.look(ctx, yield); err != nil {
			yield(nil, err)
		}
	}
}

// look yields what is new, each message once: next is moved before it is handed out.
func (w *watch) look(ctx context.Context, yield func(*mailbox.Message, error) bool) error {
	b := w.box
	if err := b.ready(ctx); err != nil {
		return err
	}
	if err := b.do(ctx, "look", func(c *wire) error { return c.ask(nil, "NOOP") }); err != nil {
		return err
	}
	c := b.wire
	heard := c.heard
	if w.in == c && w.heard == heard {
		return nil
	}
	uids, err := w.search(ctx)
	if err != nil {
		return err
	}
	for some := range slices.Chunk(uids, batch) {
		entries, err := b.dates(ctx, some)
		if err != nil {
			return err
		}
		for _, e := range entries {
			var m *mailbox.Message
			if w.isNew(e) {
				if m, err = b.read(ctx, e); err != nil {
					return err
				}
			}
			w.next = uint64(e.uid) + 1
			if m != nil && !yield(m, nil) {
				return nil
			}
			// Whoever got the message may have removed it, and lost the connection.
			if b.wire != c {
				return nil
			}
		}
	}
	w.in, w.heard = c, heard
	return nil
}

// search finds the messages to look at, in the order of their UIDs, in which they came (RFC 3501 2.3.1.1).
func (w *watch) search(ctx context.Context) (uids []uint32, err error) {
	err = w.box.do(ctx, "look", func(c *wire) error {
		return c.ask(func(r response) (err error) {
			uids, err = r.search(uids)
			return err
		}, "UID SEARCH "+w.criteria())
	})
	// n:* names the last message even where that is below n (RFC 3501 6.4.8).
	uids = slices.DeleteFunc(uids, func(uid uint32) bool { return uint64(uid) < w.next })
	slices.Sort(uids)
	return slices.Compact(uids), err
}

// criteria are those of the first look by day, later ones by UID. Days are those of the server's zone,
// which is not known: one that began anywhere on earth.
func (w *watch) criteria() string {
	if w.next > 0 {
		return fmt.Sprintf("UID %d:*", min(w.next, 1<<32-1))
	}
	if w.since.Year() <= 1970 {
		return "ALL"
	}
	day := "SINCE " + w.since.UTC().Add(-24*time.Hour).Format("2-Jan-2006")
	if w.byUID() {
		return fmt.Sprintf("OR %s UID %d:*", day, w.box.first)
	}
	return day
}

// byUID says whether all that got its UID since the box was opened is new.
func (w *watch) byUID() bool { return w.box.first > 0 && !w.box.opened.Before(w.since) }

// isNew says whether a message arrived at since or later.
func (w *watch) isNew(e fetched) bool {
	if w.byUID() && e.uid >= w.box.first {
		return true
	}
	if e.uid < w.box.first && e.at.After(w.box.opened.Add(skew)) {
		return false
	}
	return !e.at.Before(w.since.Truncate(time.Second))
}

// dates asks for the dates of messages, in that order. Those that are gone have none.
func (b *Box) dates(ctx context.Context, uids []uint32) (entries []fetched, err error) {
	err = b.do(ctx, "look", func(c *wire) error {
		return c.ask(func(r response) error {
			f, ok, err := r.fetch()
			// A server may tell of other messages, too, but not of their dates.
			if _, asked := slices.BinarySearch(uids, f.uid); ok && asked && !f.at.IsZero() {
				entries = append(entries, f)
			}
			return err
		}, "UID FETCH "+numbers(uids)+" (UID INTERNALDATE RFC822.SIZE)")
	})
	slices.SortFunc(entries, func(a, b fetched) int { return cmp.Compare(a.uid, b.uid) })
	return slices.CompactFunc(entries, func(a, b fetched) bool { return a.uid == b.uid }), err
}

// numbers writes a set of numbers (RFC 3501 9, sequence-set), rows of them as ranges.
func numbers(sorted []uint32) string {
	var set []byte
	for i := 0; i < len(sorted); i++ {
		if i > 0 {
			set = append(set, ',')
		}
		set = strconv.AppendUint(set, uint64(sorted[i]), 10)
		from := i
		for i+1 < len(sorted) && sorted[i+1] == sorted[i]+1 {
			i++
		}
		if i > from {
			set = strconv.AppendUint(append(set, ':'), uint64(sorted[i]), 10)
		}
	}
	return string(set)
}

// slowest is the speed of a connection that a message may come over, in bytes a second.
const slowest = 256 << 10

// read reads a message, nil for one that is gone.
func (b *Box) read(ctx context.Context, e fetched) (*mailbox.Message, error) {
	var raw []byte
	limit := b.o.Timeout + time.Duration(min(max(e.size, 0), mailbox.MaxSize))*time.Second/slowest
	err := b.run(ctx, "fetch", limit, mailbox.MaxSize, func(c *wire) error {
		return c.ask(func(r response) error {
			f, ok, err := r.fetch()
			if ok && f.uid == e.uid && f.body != nil {
				raw = f.body
			}
			return err
		}, fmt.Sprintf("UID FETCH %d (UID BODY.PEEK[]<0.%d>)", e.uid, mailbox.MaxSize))
	})
	if err != nil || raw == nil {
		return nil, err
	}
	m := &mailbox.Message{
		Raw: raw, At: e.at,
		Where: fmt.Sprintf("%s, UID %d", b.o.Mailbox, e.uid),
		Key:   fmt.Sprintf("%d.%d", b.validity, e.uid),
	}
	if len(raw) == mailbox.MaxSize && e.size > mailbox.MaxSize {
		m.Size = e.size
	}
	return m, nil
}
