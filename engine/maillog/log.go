package maillog

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"sync"
	"time"
)

// File is an open log, as *os.File is one.
type File interface {
	io.ReaderAt
	io.Closer
	Stat() (fs.FileInfo, error)
}

// Source opens the log; it is called again and again, to find a new file in the place of
// the old one. It must not wait: of a pipe that nobody writes to it returns an error.
type Source func() (File, error)

// maxGenerations is how many files are kept open that took each other's place.
const maxGenerations = 8

// Log is a log that is followed. Its methods may be called from several goroutines.
type Log struct {
	// Zone is that of lines whose time has none; nil is the machine's. It is set before
	// the first Await.
	Zone *time.Location

	name string
	open Source

	mu    sync.Mutex
	files []*generation // oldest first
}

// generation is one file that bore the log's name.
type generation struct {
	File
	info fs.FileInfo // to know it again
}

// Open opens the log at a path. That of a rotated log is found again only if it was open
// before: a test that may see a rotation opens the log at its start. The error is an *Error.
func Open(path string) (*Log, error) {
	return From(path, func() (File, error) {
		if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
			return nil, irregular(path, info)
		}
		f, err := os.Open(path)
		if err != nil {
			return nil, err // not f: a nil *os.File would be a File
		}
		return f, nil
	})
}

// From opens the log that a source gives; name is how errors call it. The error is an *Error.
func From(name string, open Source) (*Log, error) {
	l := &Log{name: name, open: open}
	if err := l.look(); err != nil {
		return nil, err
	}
	return l, nil
}

// Name is how errors call the log.
func (l *Log) Name() string { return l.name }

// Close closes its files.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []error
	for _, g := range l.files {
		all = append(all, g.Close())
	}
	l.files = nil
	return errors.Join(all...)
}

func irregular(name string, info fs.FileInfo) error {
	if info.IsDir() {
		return &Error{Name: name, Kind: Folder}
	}
	return &Error{Name: name, Kind: Irregular}
}

// look opens the log, and keeps the file if it is another than before.
func (l *Log) look() error {
	f, info, err := l.opened()
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.files); n > 0 && os.SameFile(l.files[n-1].info, info) {
		return f.Close()
	}
	l.files = append(l.files, &generation{File: f, info: info})
	if len(l.files) > maxGenerations {
		_ = l.files[0].Close()
		l.files = l.files[1:]
	}
	return nil
}

// opened is the log's file as its name leads to it now. The error is an *Error.
func (l *Log) opened() (File, fs.FileInfo, error) {
	f, err := l.open()
	if err != nil {
		return nil, nil, l.wrap(err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = irregular(l.name, info)
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, l.wrap(err)
	}
	return f, info, nil
}

func (l *Log) wrap(err error) error {
	var known *Error
	if errors.As(err, &known) {
		return err
	}
	return &Error{Name: l.name, Kind: Unreadable, Err: err}
}

// generations are the files so far, oldest first.
func (l *Log) generations() []*generation {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.files)
}

// poll is how often the log is looked at.
const poll = 25 * time.Millisecond

// Await returns the first entry since a time, the start of the test, that is what is demanded; it waits
// for it as long as within says. The error is a *NotFound, an *Error, that of
// [Demand.Check], or the context's cause.
func (l *Log) Await(ctx context.Context, since time.Time, d Demand, within time.Duration) (*Entry, error) {
	if err := d.Check(); err != nil {
		return nil, err
	}
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	s := l.search(since, d)
	for last := within <= 0; ; {
		s.notFound.Err = l.look()
		e, err := s.advance(ctx)
		if e != nil || err != nil {
			return e, err
		}
		if last {
			s.notFound.Within = within
			return nil, s.verdict()
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-deadline.C:
			last = true // what came up to now counts
		case <-time.After(poll):
		}
	}
}
