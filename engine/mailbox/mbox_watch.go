package mailbox

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"os"
	"time"
)

// mboxWatch reads on where it stopped, or from the beginning where the file is not the
// same any more.
type mboxWatch struct {
	box      *Mbox
	since    time.Time
	appended bool        // what stands behind base is new, whatever its date
	base     fs.FileInfo // nil for no file

	info    fs.FileInfo // the file when it was looked at last, nil for none
	at      time.Time   // when that was
	end     int64       // how far it was read
	before  []byte      // the last bytes before end, by which the file is known again
	waiting bool        // a message behind end is not whole
	taken   map[sum]int // what was yielded, how often
	again   map[sum]int // what of that was not met yet since reading began anew
	remark  string      // why not everything was looked at
}

// How long a file must be at rest for its last message to be whole: with the
// empty line at its end that all agents write, and without.
const (
	rest     = 100 * time.Millisecond
	longRest = time.Second
)

func (w *mboxWatch) Every() time.Duration { return fileInterval }

// Remark says why not everything that may be there was looked at, "" where it was.
func (w *mboxWatch) Remark() string { return w.remark }

func keyOfSum(s sum) string { return hex.EncodeToString(s[:]) }

func newSection(file io.ReaderAt, from, to int64) io.Reader {
	return io.NewSectionReader(file, from, to-from)
}

func (w *mboxWatch) New(ctx context.Context) iter.Seq2[*Message, error] {
	return func(yield func(*Message, error) bool) {
		if err := w.look(ctx, yield); err != nil {
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			} else {
				err = fmt.Errorf("%v: %w", w.box, err)
			}
			yield(nil, err)
		}
	}
}

func (w *mboxWatch) look(ctx context.Context, yield func(*Message, error) bool) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	info, err := w.box.stat()
	if err != nil {
		return err
	}
	if info == nil { // not there yet, or removed: what comes is another
		if w.info != nil {
			w.beginAnew()
			w.info = nil
		}
		w.remark = "there is no such file"
		return nil
	}
	if w.info != nil && !w.waiting && unchanged(w.info, info) && w.at.Sub(info.ModTime()) > stale {
		return nil
	}
	file, _, err := w.box.open(os.O_RDONLY)
	if err != nil {
		return err
	}
	defer file.Close()
	entries, err := w.scan(ctx, file)
	if errors.Is(err, errLocked) {
		w.waiting, w.remark = true, fmt.Sprintf("%s, by %s or fcntl", errLocked, w.box.dotLock())
		return nil
	}
	if err != nil {
		return err
	}
	return w.yield(ctx, file, entries, yield)
}

// beginAnew forgets the place in the file, but not what was yielded.
func (w *mboxWatch) beginAnew() {
	w.end, w.before, w.again, w.appended = 0, nil, maps.Clone(w.taken), false
}

func unchanged(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// scan finds the messages that are whole and may be new, while nobody writes.
func (w *mboxWatch) scan(ctx context.Context, file *os.File) (entries []entry, err error) {
	if _, err := w.box.folder.Lstat(w.box.dotLock()); err == nil {
		return nil, errLocked
	}
	if err := lockFile(file, false); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return nil, err
	}
	defer unlockFile(file)
	info, err := file.Stat() // as it is under the lock
	if err != nil {
		return nil, err
	}
	if base := w.base; w.appended && base != nil && !(os.SameFile(base, info) && bytes.Equal(before(file, base.Size()), w.box.tail)) {
		w.appended = false
	}
	if w.info != nil && !w.goesOn(file, info) {
		w.beginAnew()
	}
	size := info.Size()
	s := mboxScanner{
		wanted: w.possible,
		found: func(e entry) error {
			if len(entries) == maxEntries {
				return fmt.Errorf("it has more than %d messages", maxEntries)
			}
			if n := len(entries) - 1; n >= 0 && !w.possible(entries[n].start, entries[n].from) {
				entries = entries[:n] // old, and not the last
			}
			entries = append(entries, e)
			return nil
		},
	}
	if err := s.scan(ctx, newSection(file, w.end, size), w.end); err != nil {
		return nil, err
	}
	atRest := w.atRest(info)
	after, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !unchanged(info, after) { // by one who takes no lock
		atRest = 0
	}
	w.waiting, w.remark = false, ""
	if n := len(entries) - 1; n >= 0 && !whole(file, entries[n], atRest) {
		entries = entries[:n]
		w.waiting, w.remark = true, "its last message is not complete, or is just being written"
	}
	w.info, w.at = info, time.Now()
	return entries, nil
}

// atRest is for how long the file has not changed. Its time may be by another's clock.
func (w *mboxWatch) atRest(info fs.FileInfo) time.Duration {
	now := time.Now()
	age := now.Sub(info.ModTime())
	if w.info != nil && unchanged(w.info, info) {
		age = max(age, now.Sub(w.at))
	}
	return age
}

// whole says whether the last message of a file is all there.
func whole(file io.ReaderAt, e entry, atRest time.Duration) bool {
	var last [1]byte
	if n, _ := file.ReadAt(last[:], e.next-1); n == 0 || last[0] != '\n' {
		return false
	}
	return atRest >= longRest || e.blank && atRest >= rest
}

// goesOn says whether the file is the one that was read, with at most something behind it.
func (w *mboxWatch) goesOn(file io.ReaderAt, info fs.FileInfo) bool {
	if !os.SameFile(w.info, info) || info.Size() < w.end {
		return false
	}
	return bytes.Equal(before(file, w.end), w.before)
}

// possible says whether a message may be new, as far as its From_ line and its place say.
func (w *mboxWatch) possible(start int64, f fromLine) bool {
	return w.isAppended(start) || !f.latest().Before(w.since.Truncate(time.Second))
}

func (w *mboxWatch) isAppended(start int64) bool {
	return w.appended && (w.base == nil || start >= w.base.Size())
}

// yield reads the messages and yields those that are new.
func (w *mboxWatch) yield(ctx context.Context, file *os.File, entries []entry, yield func(*Message, error) bool) error {
	for i, e := range entries {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var m *Message
		if w.possible(e.start, e.from) {
			var err error
			if m, err = w.read(file, e); err != nil || m == nil {
				return err
			}
		}
		w.end, w.before = e.next, before(file, e.next)
		switch {
		case m == nil || !w.isAppended(e.start) && m.At.Before(w.since.Truncate(time.Second)):
			continue
		case w.again[e.sum] > 0:
			w.again[e.sum]--
			continue
		}
		w.taken[e.sum]++
		w.waiting = w.waiting || i < len(entries)-1
		if !yield(m, nil) {
			return nil
		}
	}
	return nil
}

// read reads a message, nil where it is not there any more: then the file was
// written over without a lock, and the next look begins anew.
func (w *mboxWatch) read(file *os.File, e entry) (*Message, error) {
	size := e.end - e.text
	m := &Message{Where: fmt.Sprintf("byte %d", e.start), Key: keyOfSum(e.sum), fromLine: &e.from.sender}
	all := sha256.New()
	from := io.TeeReader(newSection(file, e.start, e.end), all)
	if _, err := io.CopyN(io.Discard, from, e.text-e.start); err != nil {
		return nil, nilAtEOF(w, err)
	}
	raw, err := readBounded(from, size)
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(io.Discard, from); err != nil {
		return nil, err
	}
	if sum(all.Sum(nil)) != e.sum {
		return nil, nilAtEOF(w, io.EOF)
	}
	if size > int64(len(raw)) {
		m.Size = size
	}
	m.Raw = unquoted(raw)
	var received time.Time
	if trace := m.Received(); len(trace) > 0 {
		received = trace[0].Date
	}
	m.At = e.from.at(received, w.info.ModTime())
	return m, nil
}

// nilAtEOF is nil where the file ended early, which the next look finds.
func nilAtEOF(w *mboxWatch, err error) error {
	if errors.Is(err, io.EOF) {
		w.waiting, w.remark = true, "it was written over while it was read"
		w.before = nil // which is before no place but the first
		w.end = max(w.end, 1)
		return nil
	}
	return err
}
