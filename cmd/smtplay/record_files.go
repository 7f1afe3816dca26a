package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"smtplay/dsl"
	"smtplay/engine/transcript"
)

// recordFiles are what a session leaves: NAME.smtp, written as it happens so
// that a killed recorder leaves what was said, and NAME.lua, made of it.
type recordFiles struct {
	name   string // without extension
	force  bool   // overwrite what is there
	redact *transcript.Redactor

	smtp   *os.File
	fresh  bool   // smtp was made, and was not there before
	made   bool   // NAME.lua is of this session
	lines  int    // in smtp
	heard  bool   // the server said something
	early  []byte // lines from before that
	writer *transcript.Writer
}

// reserve opens the transcript, before anything is dialled. Without a name it
// is the first free one that begins with base.
func reserve(name, base string, force bool, redact *transcript.Redactor) (*recordFiles, error) {
	r := &recordFiles{force: force, redact: redact}
	r.writer = transcript.NewWriter(r)
	if name != "" {
		err := r.open(trimmed(name))
		if errors.Is(err, errTaken) {
			return nil, usage("-o %s: %v", name, err).try("--force overwrites it; without -o a free name is taken")
		} else if err != nil {
			return nil, usage("-o %s: %v", name, cause(err))
		}
		return r, nil
	}
	r.force = false // nobody named a file that may go
	for n := 1; ; n++ {
		name := base
		if n > 1 {
			name = fmt.Sprintf("%s-%d", base, n)
		}
		if err := r.open(name); err == nil {
			return r, nil
		} else if !errors.Is(err, errTaken) {
			return nil, usage("%s.smtp: %v", name, cause(err)).try("-o NAME writes it elsewhere")
		}
	}
}

// trimmed is a name without the extension that the files get.
func trimmed(name string) string {
	return strings.TrimSuffix(strings.TrimSuffix(name, ".lua"), ".smtp")
}

var errTaken = errors.New("the name is taken")

// takenError says which file is there already.
type takenError struct{ path string }

func (e *takenError) Error() string        { return e.path + " exists" }
func (e *takenError) Is(target error) bool { return target == errTaken }

// open makes the transcript of that name; an older one stays as it is until
// something is written.
func (r *recordFiles) open(name string) error {
	flags := os.O_RDWR | os.O_APPEND | os.O_CREATE
	if !r.force {
		flags |= os.O_EXCL
		if _, err := os.Lstat(name + ".lua"); err == nil {
			return &takenError{name + ".lua"}
		}
	}
	_, before := os.Lstat(name + ".smtp")
	f, err := os.OpenFile(name+".smtp", flags, 0o666)
	switch {
	case errors.Is(err, fs.ErrExist):
		return &takenError{name + ".smtp"}
	case err != nil:
		return err
	}
	r.name, r.smtp, r.fresh = name, f, before != nil
	return nil
}

// Record implements transcript.Recorder.
func (r *recordFiles) Record(e transcript.Event) {
	r.heard = r.heard || e.Kind == transcript.Server
	r.writer.Record(e)
}

// Write is what the transcript's writer writes to. Until the server speaks there
// is nothing worth a file, let alone that of an earlier session.
func (r *recordFiles) Write(b []byte) (int, error) {
	r.lines += bytes.Count(b, []byte("\n"))
	if !r.heard {
		r.early = append(r.early, b...)
		return len(b), nil
	}
	if r.early != nil {
		if err := r.smtp.Truncate(0); err != nil {
			return 0, err
		}
		b, r.early = append(r.early, b...), nil
	}
	return r.smtp.Write(b)
}

// fault is why the transcript is not complete, nil where it is.
func (r *recordFiles) fault() error { return r.writer.Err() }

// text is the transcript so far.
func (r *recordFiles) text() ([]byte, error) {
	info, err := r.smtp.Stat()
	if err != nil {
		return nil, err
	}
	text := make([]byte, info.Size())
	_, err = io.ReadFull(io.NewSectionReader(r.smtp, 0, info.Size()), text)
	return text, err
}

// cut takes away what comes behind so many lines.
func (r *recordFiles) cut(lines int) error {
	text, err := r.text()
	if err != nil {
		return err
	}
	at := 0
	for range lines {
		at += bytes.IndexByte(text[at:], '\n') + 1
	}
	if err := r.smtp.Truncate(int64(at)); err != nil {
		return err
	}
	r.lines = lines
	return nil
}

// hide masks in what is written already what has become known as a secret since.
func (r *recordFiles) hide() error {
	text, err := r.text()
	if err != nil {
		return err
	}
	events, err := transcript.Decode(text)
	if err != nil {
		return err
	}
	var masked bytes.Buffer
	log := transcript.Log{Redactor: r.redact, Next: []transcript.Recorder{transcript.NewWriter(&masked)}}
	for _, e := range events {
		log.Record(e)
	}
	if bytes.Equal(masked.Bytes(), text) {
		return nil
	}
	return r.replace(masked.Bytes())
}

// replace puts another text in the place of the transcript's, at once: whatever
// happens meanwhile, one of the two is there.
func (r *recordFiles) replace(text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(r.name), ".smtplay-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails once it is renamed
	_, err = f.Write(text)
	info, statErr := r.smtp.Stat()
	if statErr == nil {
		statErr = f.Chmod(info.Mode())
	}
	if err := errors.Join(err, statErr, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), r.name+".smtp"); err != nil {
		return err
	}
	again, err := os.OpenFile(r.name+".smtp", os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	r.smtp.Close()
	r.smtp = again
	return nil
}

// rename gives both files another name, from here on.
func (r *recordFiles) rename(name string) error {
	name = trimmed(name)
	if filepath.Clean(name) == filepath.Clean(r.name) {
		return nil
	}
	text, err := r.text()
	if err != nil {
		return err
	}
	to := &recordFiles{force: r.force}
	if err := to.open(name); err != nil {
		return err
	}
	if err := to.smtp.Truncate(0); err != nil {
		return err
	}
	if _, err := to.smtp.Write(text); err != nil {
		return err
	}
	r.smtp.Close()
	err = os.Remove(r.name + ".smtp")
	if r.made {
		err = errors.Join(err, os.Remove(r.name+".lua"))
	}
	r.name, r.smtp, r.made = name, to.smtp, false
	return err
}

// script makes NAME.lua of what was said so far.
func (r *recordFiles) script(o dsl.WriteOptions) error {
	text, err := r.text()
	if err != nil {
		return err
	}
	events, err := transcript.Decode(text)
	if err != nil {
		return fmt.Errorf("%s.smtp: %w", r.name, err)
	}
	var lua bytes.Buffer
	w := dsl.NewScriptWriter(&lua, o)
	if err := errors.Join(w.Write("", events), w.Close()); err != nil {
		return err
	}
	flags := os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	if !r.force && !r.made {
		flags |= os.O_EXCL
	}
	f, err := os.OpenFile(r.name+".lua", flags, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return &takenError{r.name + ".lua"}
	}
	if err != nil {
		return err
	}
	r.made = true
	_, err = f.Write(lua.Bytes())
	return errors.Join(err, f.Close())
}

// discard leaves everything as it was before.
func (r *recordFiles) discard() error {
	err := r.smtp.Close()
	if r.fresh {
		return errors.Join(err, os.Remove(r.name+".smtp"))
	}
	return err
}
