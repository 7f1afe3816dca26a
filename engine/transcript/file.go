package transcript

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// MaxFile is the size up to which ReadFile takes a transcript, in bytes.
const MaxFile = 256 << 20

// ReadFile reads a .smtp file. Errors begin with the name of the file; faults
// in it are of type *SyntaxError.
func ReadFile(name string) ([]Event, error) {
	text, err := readRegular(name)
	if err != nil {
		return nil, err
	}
	events, err := Decode(text)
	var bad *SyntaxError
	if errors.As(err, &bad) {
		bad.File = name
	}
	return events, err
}

// readRegular reads a file that may come from anybody: no pipe, which might
// never end, and nothing that memory does not hold.
func readRegular(name string) ([]byte, error) {
	info, err := os.Stat(name) // to open a pipe would wait for whoever writes into it
	if err != nil {
		return nil, named(name, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, named(name, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	switch {
	case err != nil:
		return nil, named(name, err)
	case len(text) > MaxFile:
		return nil, fmt.Errorf("%s is larger than %d MB", name, MaxFile>>20)
	}
	return text, nil
}

// named is an error of the file system's with the name in front.
func named(name string, err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return fmt.Errorf("%s: %w", name, err)
}
