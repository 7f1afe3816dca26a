package mailbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Maildir is a folder with new and cur in it, a file for each message (D. J.
// Bernstein, "Using maildir format"). Nothing outside it is read: no link is followed.
type Maildir struct {
	path string
	root *os.Root
}

// FolderError says why a path is no Maildir.
type FolderError struct {
	Path    string // as it was given
	Missing string // "new" or "cur", or "" where the path itself is no folder
	Err     error
}

func (e *FolderError) Error() string {
	const first = "a server makes one when it first delivers; mkdir -p new cur tmp in it makes one before"
	if e.Missing == "" {
		return fmt.Sprintf("maildir %q is no folder that can be read: %v (%s)", e.Path, e.Err, first)
	}
	return fmt.Sprintf("%q is no Maildir: it has no folder %s: %v (%s)", e.Path, e.Missing, e.Err, first)
}

// Unwrap returns the cause.
func (e *FolderError) Unwrap() error { return e.Err }

// The parts of a Maildir that hold messages, in the order in which they move: who looks
// in this order misses none that moves meanwhile. In tmp are messages that have not arrived.
var parts = []string{"new", "cur"}

// OpenMaildir opens the Maildir at path. Where there is none the error is a *FolderError.
func OpenMaildir(path string) (*Maildir, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, &FolderError{Path: path, Err: cause(err)}
	}
	for _, part := range parts {
		info, err := root.Stat(part)
		if err == nil && !info.IsDir() {
			err = errors.New("it is a file")
		}
		if err != nil {
			_ = root.Close()
			return nil, &FolderError{Path: path, Missing: part, Err: cause(err)}
		}
	}
	return &Maildir{path: path, root: root}, nil
}

// cause is an error without the path that a FolderError says already.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

// String names the Maildir.
func (d *Maildir) String() string { return fmt.Sprintf("maildir %q", d.path) }

// Close lets go of the folder.
func (d *Maildir) Close() error { return d.root.Close() }

// Since watches what arrives at t or later. When a message arrived is the time of its file.
//
// A file system's clock runs behind the machine's by a tick, and some, and some
// delivery agents, keep whole seconds. So a file's time is later than t less 20 ms; one without
// a fraction is of the second of t or later, and then the file's last change of any kind, where the system tells it,
// must not lie before t either. So no message that came after t is missed, and of those
// that came before only such as came within the last tick are taken, or, where
// the system keeps nothing but seconds, within the second.
func (d *Maildir) Since(t time.Time) Watch {
	return &maildirWatch{box: d, since: t, seen: map[string]bool{}, listed: map[string]listing{}}
}

// tick is more than the kernel's clock for files runs behind.
const tick = 20 * time.Millisecond

// arrivedSince applies the rule that Since tells of.
func arrivedSince(t time.Time, info fs.FileInfo) bool {
	early := t.Add(-tick)
	if changed, known := changeTime(info); known && changed.Nanosecond() != 0 && changed.Before(early) {
		return false
	}
	at := info.ModTime()
	if at.Nanosecond() == 0 {
		early = t.Truncate(time.Second)
	}
	return !at.Before(early)
}

// maxEntries bounds how many files a folder may have.
const maxEntries = 1 << 20

// fileInterval is how long files are left alone between two looks.
const fileInterval = 100 * time.Millisecond

type maildirWatch struct {
	box    *Maildir
	since  time.Time
	seen   map[string]bool    // the keys of messages that were yielded, and of those that are too old
	listed map[string]listing // by the folder
}

// listing is how a folder was when it was last listed.
type listing struct {
	changed time.Time // its modification time
	at      time.Time // when that was asked
}

// stale is how old a folder's time must be for an unchanged one to say that nothing was
// added: within the clock's step something may have been.
const stale = 3 * time.Second

func (w *maildirWatch) Every() time.Duration { return fileInterval }

// arrival is a file that may be a new message.
type arrival struct {
	part, name string
	at         time.Time
}

func (w *maildirWatch) New(ctx context.Context) iter.Seq2[*Message, error] {
	return func(yield func(*Message, error) bool) {
		if ctx.Err() != nil {
			yield(nil, context.Cause(ctx))
			return
		}
		// A message that was moved after the folders were listed is in the next list.
		for range 3 {
			again, goOn := w.round(ctx, yield)
			if !again || !goOn {
				return
			}
		}
	}
}

// round yields what is new in one listing. again says that a file was no longer
// where it was listed.
func (w *maildirWatch) round(ctx context.Context, yield func(*Message, error) bool) (again, goOn bool) {
	arrivals, err := w.list()
	if err != nil {
		yield(nil, fmt.Errorf("%v: %w", w.box, err))
		return false, false
	}
	for _, a := range arrivals {
		if ctx.Err() != nil {
			yield(nil, context.Cause(ctx))
			return false, false
		}
		key := keyOf(a.name)
		if w.seen[key] { // in new and cur, as it was being moved
			continue
		}
		m, err := w.box.read(a)
		if errors.Is(err, fs.ErrNotExist) {
			clear(w.listed)
			again = true
			continue
		}
		if err != nil {
			yield(nil, fmt.Errorf("%v: %w", w.box, err))
			return false, false
		}
		w.seen[key] = true
		if !yield(m, nil) {
			clear(w.listed) // the rest of this list was not looked at
			return false, false
		}
	}
	return again, true
}

// list is the files that are new, oldest first.
func (w *maildirWatch) list() ([]arrival, error) {
	var arrivals []arrival
	for _, part := range parts {
		now := time.Now()
		info, err := w.box.root.Stat(part)
		if err != nil {
			return nil, err
		}
		last, known := w.listed[part]
		if changed := info.ModTime(); known && changed.Equal(last.changed) && last.at.Sub(changed) > stale {
			continue
		}
		if arrivals, err = w.listPart(arrivals, part); err != nil {
			return nil, err
		}
		w.listed[part] = listing{changed: info.ModTime(), at: now}
	}
	slices.SortStableFunc(arrivals, func(a, b arrival) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.name, b.name))
	})
	return arrivals, nil
}

// listPart adds what is new in a folder.
func (w *maildirWatch) listPart(arrivals []arrival, part string) ([]arrival, error) {
	folder, err := w.box.root.Open(part)
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	for count := 0; ; {
		names, err := folder.Readdirnames(1024)
		for _, name := range names {
			if count++; count > maxEntries {
				return nil, fmt.Errorf("%s has more than %d files: give the test a folder of its own", part, maxEntries)
			}
			key := keyOf(name)
			if strings.HasPrefix(name, ".") || w.seen[key] {
				continue
			}
			// A file that is gone by now was moved or removed: reading finds which.
			info, err := w.box.root.Lstat(part + "/" + name)
			switch {
			case errors.Is(err, fs.ErrNotExist):
				arrivals = append(arrivals, arrival{part: part, name: name})
			case err != nil:
				return nil, err
			case !info.Mode().IsRegular() || !arrivedSince(w.since, info):
				w.seen[key] = true
			default:
				arrivals = append(arrivals, arrival{part: part, name: name, at: info.ModTime()})
			}
		}
		if err == io.EOF {
			return arrivals, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// keyOf is what of a file's name stays when a message is moved and marked.
func keyOf(name string) string {
	key, _, _ := strings.Cut(name, ":")
	return key
}

// read reads a message.
func (d *Maildir) read(a arrival) (*Message, error) {
	where := a.part + "/" + a.name
	if a.at.IsZero() {
		return nil, fs.ErrNotExist
	}
	// Whoever may write here could have put a FIFO in its place, which would be waited for.
	file, err := d.root.OpenFile(where, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file any more", where)
	}
	m := &Message{Where: where, Key: keyOf(a.name), At: info.ModTime()}
	if m.Raw, err = readBounded(file, info.Size()); err != nil {
		return nil, fmt.Errorf("reading %s: %w", where, err)
	}
	if len(m.Raw) == MaxSize {
		m.Size = max(info.Size(), MaxSize)
	}
	return m, nil
}

// readBounded reads up to MaxSize bytes of what is said to have size.
func readBounded(r io.Reader, size int64) ([]byte, error) {
	raw := make([]byte, 0, min(size, MaxSize)+1)
	for limited := io.LimitReader(r, MaxSize); ; {
		if len(raw) == cap(raw) {
			raw = slices.Grow(raw, 1+len(raw)/4)
		}
		n, err := limited.Read(raw[len(raw):cap(raw)])
		raw = raw[:len(raw)+n]
		if err == io.EOF {
			return raw, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// Remove removes the message, wherever it was moved to.
func (d *Maildir) Remove(ctx context.Context, m *Message) error {
	fail := func(err error) error { return fmt.Errorf("%v: removing the message %s: %w", d, m.Key, err) }
	for range 3 { // as it may move while it is looked for
		if ctx.Err() != nil {
			return fail(context.Cause(ctx))
		}
		for _, part := range parts {
			name, err := d.find(part, m.Key)
			if err == nil && name != "" {
				if err = d.root.Remove(part + "/" + name); err == nil {
					return nil
				}
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fail(err)
			}
		}
	}
	return fail(fs.ErrNotExist)
}

// find is the file's name in a folder, "" where it is not there.
func (d *Maildir) find(part, key string) (string, error) {
	folder, err := d.root.Open(part)
	if err != nil {
		return "", err
	}
	defer folder.Close()
	for {
		names, err := folder.Readdirnames(1024)
		if i := slices.IndexFunc(names, func(name string) bool { return keyOf(name) == key }); i >= 0 {
			return names[i], nil
		}
		if err == io.EOF {
			return "", nil
		}
		if err != nil {
			return "", err
		}
	}
}
