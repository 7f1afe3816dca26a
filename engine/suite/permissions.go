package suite

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Permissions are what of this machine scripts may use, besides reading what lies
// in their own folder. Those who run a script give them, never the script. The zero
// value gives none.
type Permissions struct {
	Exec   bool // run commands
	Listen bool // listen on other addresses than those of loopback
	// Read and Remove are files, and folders with all below them, absolute and cleaned. What is
	// reached through links must be in the list as well: see [Places].
	Read, Remove []string
}

// Places are what a path given by the user stands for in Read and Remove: its absolute form, and
// where its links lead now. That they may lead elsewhere later is not allowed by it. A relative
// path is one of the working directory.
func Places(path string) ([]string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	final, err := resolve(abs)
	if err != nil {
		return nil, fmt.Errorf("where %s leads cannot be told: %w", path, err)
	}
	return slices.Compact([]string{abs, final}), nil
}

// Use is what a script wants of this machine.
type Use uint8

const (
	UseRead   Use = iota + 1 // read a file
	UseRemove                // remove a file
	UseListen                // listen where others than this machine reach it
)

// ForbiddenError says that a script wants what it was not allowed.
type ForbiddenError struct {
	Use   Use
	Path  string // the absolute path, or the address
	Leads string // where its links lead, if it is this that is not allowed
}

func (e *ForbiddenError) Error() string {
	what := e.Path
	if e.Leads != "" {
		what = fmt.Sprintf("%s leads to %s, which", e.Path, e.Leads)
	}
	switch e.Use {
	case UseRemove:
		return fmt.Sprintf("%s is removed with %s only", what, e.Flag())
	case UseListen:
		return fmt.Sprintf("%s is not of loopback: others can connect to it, and it is listened on with %s only", what, e.Flag())
	}
	return fmt.Sprintf("%s is not in the script's folder, and is read with %s only", what, e.Flag())
}

// Flag is what would allow it, as it is written on a command line.
func (e *ForbiddenError) Flag() string {
	path := e.Path
	if e.Leads != "" {
		path = e.Leads
	}
	if strings.ContainsFunc(path, func(r rune) bool { return !strings.ContainsRune(plain, r) }) {
		path = "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	switch e.Use {
	case UseRemove:
		return "--allow remove=" + path
	case UseListen:
		return "--allow listen"
	}
	return "--allow read=" + path
}

// plain are the characters that a shell takes as they are.
const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+@:,"

// NoFileError says that what a script wants to read or remove is neither a file nor a folder, or
// not what can be removed.
type NoFileError struct {
	Path string
	Mode fs.FileMode
}

func (e *NoFileError) Error() string {
	switch {
	case e.Mode.IsDir():
		return e.Path + " is a folder"
	case e.Mode&fs.ModeSymlink != 0:
		return e.Path + " is a link"
	}
	return e.Path + " is no file: it is a pipe, a device or a socket"
}

// CanListen says whether a script may listen on an address, "IP:port" or "IP". The
// error is a *ForbiddenError. A name is none of loopback, but localhost: who it is may change.
func (p Permissions) CanListen(address string) error {
	host := address
	if h, _, err := net.SplitHostPort(address); err == nil {
		host = h
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	if p.Listen || host == "localhost" || err == nil && ip.Unmap().IsLoopback() {
		return nil
	}
	return &ForbiddenError{Use: UseListen, Path: address}
}

// CanRead says whether a script may read a path: a file or folder in its own
// folder, which is folder, or in Read. A relative path is one of that folder; where that is ""
// the script has none. Links must not lead elsewhere. Whether there is anything it does not
// say. The error is a *ForbiddenError, or one of the file system.
func (p Permissions) CanRead(folder, path string) error {
	_, _, err := p.place(UseRead, folder, path)
	return err
}

// CanRemove says whether a script may remove the file at a path, as CanRead does of
// reading; only Remove counts.
func (p Permissions) CanRemove(folder, path string) error {
	_, _, err := p.place(UseRemove, folder, path)
	return err
}

// Open opens a file or folder that CanRead allows. What takes the place of a part of
// the path meanwhile is not followed out of what is allowed, and it does not wait for a pipe. The
// error may be a *NoFileError too.
func (p Permissions) Open(folder, path string) (*os.File, error) {
	root, name, err := p.enter(UseRead, folder, path)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	info, err := root.Lstat(name)
	if err != nil {
		return nil, at(path, err)
	}
	if !info.Mode().IsRegular() && !info.IsDir() {
		return nil, &NoFileError{Path: path, Mode: info.Mode()}
	}
	f, err := root.OpenFile(name, os.O_RDONLY|noWait, 0)
	if err != nil {
		return nil, at(path, err)
	}
	if opened, err := f.Stat(); err != nil || !os.SameFile(info, opened) {
		_ = f.Close()
		return nil, at(path, errors.Join(err, errChanged))
	}
	return f, nil
}

var errChanged = errors.New("it was replaced while it was opened")

// OpenFolder opens a folder that CanRead allows; nothing that is opened in it leads out of it.
func (p Permissions) OpenFolder(folder, path string) (*os.Root, error) {
	root, name, err := p.enter(UseRead, folder, path)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	inner, err := root.OpenRoot(name)
	if err != nil {
		return nil, at(path, err)
	}
	return inner, nil
}

// RemoveFile removes the file that CanRemove allows, and never a folder or a link. The error
// may be a *NoFileError too.
func (p Permissions) RemoveFile(folder, path string) error {
	root, name, err := p.enter(UseRemove, folder, path)
	if err != nil {
		return err
	}
	defer root.Close()
	info, err := root.Lstat(name)
	switch {
	case err != nil:
		return at(path, err)
	case !info.Mode().IsRegular():
		return &NoFileError{Path: path, Mode: info.Mode()}
	}
	return at(path, root.Remove(name))
}

// at is an error of the file system with the path as the script has it.
func at(path string, err error) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		err = e.Err
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return err
}

// enter opens the folder in which path is allowed; name leads from there to what is meant.
func (p Permissions) enter(use Use, folder, path string) (root *os.Root, name string, err error) {
	final, allowed, err := p.place(use, folder, path)
	if err != nil {
		return nil, "", err
	}
	within := allowed
	if info, err := os.Lstat(allowed); err != nil || !info.IsDir() {
		within = filepath.Dir(allowed) // a file alone is allowed: no link in its folder leads elsewhere, since final has none
	}
	if name, err = filepath.Rel(within, final); err != nil {
		return nil, "", at(path, err)
	}
	if root, err = os.OpenRoot(within); err != nil {
		return nil, "", at(path, err)
	}
	return root, name, nil
}

// place finds where path finally leads, and which of the allowed places that is or is
// in.
func (p Permissions) place(use Use, folder, path string) (final, allowed string, err error) {
	if path == "" || strings.ContainsRune(path, 0) {
		return "", "", fmt.Errorf("%q is no path", path)
	}
	places := p.Remove
	if use == UseRead {
		places = p.Read
	}
	if !filepath.IsAbs(path) {
		if folder == "" {
			return "", "", fmt.Errorf("%s: this script lies in no folder, and a relative path is one of its folder", path)
		}
		path = filepath.Join(folder, path)
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", "", err
	}
	if folder != "" && use == UseRead {
		own, err := Places(folder)
		if err != nil {
			return "", "", err
		}
		places = slices.Concat(own, places)
	}
	if holding(places, path) == "" {
		return "", "", &ForbiddenError{Use: use, Path: path}
	}
	if use == UseRemove { // a link is not what it leads to
		if final, err = resolve(filepath.Dir(path)); err == nil {
			final = filepath.Join(final, filepath.Base(path))
		}
	} else {
		final, err = resolve(path)
	}
	if err != nil {
		return "", "", at(path, err)
	}
	if allowed = holding(places, final); allowed == "" {
		return "", "", &ForbiddenError{Use: use, Path: path, Leads: final}
	}
	return final, allowed, nil
}

// holding is the place that path is or lies below, "" for none.
func holding(places []string, path string) string {
	for _, place := range places {
		below := strings.TrimSuffix(place, string(filepath.Separator)) + string(filepath.Separator)
		if path == place || strings.HasPrefix(path, below) {
			return place
		}
	}
	return ""
}

// resolve is where the links of an absolute path lead. What does not exist has none.
func resolve(path string) (string, error) {
	final, err := filepath.EvalSymlinks(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return final, err
	}
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return "", fmt.Errorf("it is a link that leads nowhere: %w", fs.ErrNotExist)
	}
	parent := filepath.Dir(path)
	if parent == path {
		return "", err
	}
	if parent, err = resolve(parent); err != nil {
		return "", err
	}
	return filepath.Join(parent, filepath.Base(path)), nil
}
