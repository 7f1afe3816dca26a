package mailbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Mbox is a file with one message after the other.
type Mbox struct {
	path   string
	name   string   // in its folder
	folder *os.Root // so that no link leads out of it

	opened time.Time
	was    fs.FileInfo // the file when it was opened, nil for none
	tail   []byte      // how it ended then
}

// OpenMbox opens the mbox at path. The file need not be there yet, as servers make it with
// the first delivery; its folder must. What lies there now and what is put behind it later are told apart by their place.
func OpenMbox(path string) (*Mbox, error) {
	folder, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("mbox %q: its folder cannot be read: %w", path, err)
	}
	b := &Mbox{path: path, name: filepath.Base(path), folder: folder, opened: time.Now()}
	if err := b.note(); err != nil {
		return nil, errors.Join(fmt.Errorf("%v: %w", b, err), folder.Close())
	}
	return b, nil
}

// note keeps what the file is now.
func (b *Mbox) note() error {
	info, err := b.stat()
	if err != nil || info == nil {
		return err
	}
	file, info, err := b.open(os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	b.was, b.tail = info, before(file, info.Size())
	return file.Close()
}

// known is how many bytes of a file are compared to know it again.
const known = 256

// before is the last bytes before that place, fewer where the file ends before it.
func before(file io.ReaderAt, end int64) []byte {
	b := make([]byte, min(known, end))
	n, _ := file.ReadAt(b, end-int64(len(b)))
	return b[:n]
}

// String names the mbox.
func (b *Mbox) String() string { return fmt.Sprintf("mbox %q", b.path) }

// Close lets go of the folder.
func (b *Mbox) Close() error { return b.folder.Close() }

// Since watches what arrives at t or later: the date of its From_ line says so, to the second,
// or that it stands behind what was there when the file was opened, at t or later. A message is
// looked at when it is whole: while nobody holds a lock on the file, and the file is at rest.
func (b *Mbox) Since(t time.Time) Watch {
	w := &mboxWatch{box: b, since: t, taken: map[sum]int{}}
	if !b.opened.Before(t) {
		w.base = b.was
		w.appended = true
	}
	return w
}

// stat is the file, nil where there is none.
func (b *Mbox) stat() (fs.FileInfo, error) {
	info, err := b.folder.Stat(b.name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("it is no file, but %v", info.Mode())
	}
	return info, nil
}

// open opens the file, which must not be a FIFO: that would be waited for.
func (b *Mbox) open(flag int) (*os.File, fs.FileInfo, error) {
	file, err := b.folder.OpenFile(b.name, flag|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("it is no file, but %v", info.Mode())
	}
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return file, info, nil
}

// dotLock is the file that says that somebody writes to the mbox.
func (b *Mbox) dotLock() string { return b.name + ".lock" }

// The time for which removing waits for others to let go of the file, and how
// often it asks.
const (
	lockPatience = 10 * time.Second
	lockInterval = 20 * time.Millisecond
)

// Remove takes a message out of the file, under both locks that mail software uses: a
// file of the same name with .lock behind it, and fcntl. It does so only where the message is there as it
// was read. The bytes behind it move up in place, so that a program that has the file open goes on with this one.
func (b *Mbox) Remove(ctx context.Context, m *Message) error {
	if err := b.remove(ctx, m); err != nil {
		return fmt.Errorf("%v: removing the message at %s: %w", b, m.Where, err)
	}
	return nil
}

func (b *Mbox) remove(ctx context.Context, m *Message) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, lockPatience, errors.New("another program holds its lock, "+b.dotLock()+" or fcntl, and does not let go"))
	defer cancel()
	if err := b.lockDot(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.folder.Remove(b.dotLock())) }()
	file, _, err := b.open(os.O_RDWR)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := retry(ctx, func() error { return lockFile(file, true) }); err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if now, err := b.stat(); err != nil || now == nil || !os.SameFile(info, now) {
		return errors.Join(err, errors.New("the file was replaced meanwhile"))
	}
	e, err := find(ctx, file, info.Size(), m.Key)
	if err != nil {
		return err
	}
	return cutOut(file, e.start, e.next, info.Size())
}

// lockDot makes the lock file.
func (b *Mbox) lockDot(ctx context.Context) error {
	return retry(ctx, func() error {
		file, err := b.folder.OpenFile(b.dotLock(), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
		if errors.Is(err, fs.ErrExist) {
			return errLocked
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(file, os.Getpid())
		return errors.Join(err, file.Close())
	})
}

// errLocked says that another program has the file.
var errLocked = errors.New("another program holds a lock on it")

// retry does it again while the file is locked.
func retry(ctx context.Context, do func() error) error {
	for {
		err := do()
		if !errors.Is(err, errLocked) {
			return err
		}
		pause := time.NewTimer(lockInterval)
		select {
		case <-ctx.Done():
			pause.Stop()
			return context.Cause(ctx)
		case <-pause.C:
		}
	}
}

// errFound ends a scan.
var errFound = errors.New("found")

// find looks for the message with that key.
func find(ctx context.Context, file *os.File, size int64, key string) (e entry, err error) {
	s := mboxScanner{
		wanted: func(int64, fromLine) bool { return true },
		found: func(one entry) error {
			if keyOfSum(one.sum) != key {
				return nil
			}
			e = one
			return errFound
		},
	}
	err = s.scan(ctx, newSection(file, 0, size), 0)
	if errors.Is(err, errFound) {
		return e, nil
	}
	if err == nil {
		err = fmt.Errorf("it is not there as it was read: %w", fs.ErrNotExist)
	}
	return e, err
}

// cutOut removes the bytes from start to end of a file of that size.
func cutOut(file *os.File, start, end, size int64) error {
	buf := make([]byte, 256<<10)
	to := start
	for from := end; from < size; {
		n, err := file.ReadAt(buf[:min(int64(len(buf)), size-from)], from)
		if n == 0 && err != nil {
			return err
		}
		if _, err := file.WriteAt(buf[:n], to); err != nil {
			return err
		}
		from, to = from+int64(n), to+int64(n)
	}
	return file.Truncate(to)
}
