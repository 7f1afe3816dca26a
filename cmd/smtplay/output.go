package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// outputFile is standard output, or a file that takes its name when all of it is
// there: a failed import leaves what was there before.
type outputFile struct {
	w       io.Writer
	name    string   // "" for standard output
	file    *os.File // nil for standard output
	path    string   // the name that file gets; "" where it has it already
	mode    fs.FileMode
	written int64
}

// create opens what is written to, as the flag named says. in must not be the
// same file.
func create(p *process, flag, name string, in io.Reader) (*outputFile, error) {
	if name == "" || name == "-" {
		return &outputFile{w: p.stdout}, nil
	}
	out := &outputFile{name: name, path: name}
	info, err := os.Stat(name)
	switch {
	case err == nil && info.IsDir():
		return nil, usage("%s: %s is a folder", flag, name)
	case err == nil && sameFile(in, info):
		return nil, usage("%s: %s is the file that is read", flag, name)
	case err == nil && !info.Mode().IsRegular():
		out.path = "" // a device, a pipe
		out.file, err = os.OpenFile(name, os.O_WRONLY, 0)
	case err == nil:
		out.mode = info.Mode().Perm()
		if out.path, err = filepath.EvalSymlinks(name); err == nil {
			out.file, err = beside(out.path)
		}
	default:
		out.file, err = beside(name)
	}
	if err != nil {
		return nil, usage("%s: %s: %v", flag, name, cause(err))
	}
	out.w = out.file
	return out, nil
}

func sameFile(in io.Reader, info fs.FileInfo) bool {
	file, ok := in.(*os.File)
	if !ok {
		return false
	}
	from, err := file.Stat()
	return err == nil && os.SameFile(from, info)
}

// beside creates a file in the folder of another, with the permissions that new
// files get.
func beside(path string) (*os.File, error) {
	name := fmt.Sprintf(".%s.%d", filepath.Base(path), os.Getpid())
	return os.OpenFile(filepath.Join(filepath.Dir(path), name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
}

// Write implements io.Writer.
func (o *outputFile) Write(b []byte) (int, error) {
	n, err := o.w.Write(b)
	o.written += int64(n)
	return n, err
}

// keep finishes the file and gives it its name.
func (o *outputFile) keep() error {
	if o.file == nil {
		return nil
	}
	err := o.file.Close()
	if err == nil && o.path != "" {
		if o.mode != 0 {
			err = os.Chmod(o.file.Name(), o.mode)
		}
		if err == nil {
			err = os.Rename(o.file.Name(), o.path)
		}
	}
	if err == nil {
		o.file = nil
	}
	return err
}

// discard removes what was not kept.
func (o *outputFile) discard() {
	if o.file == nil {
		return
	}
	o.file.Close()
	if o.path != "" {
		os.Remove(o.file.Name())
	}
}
