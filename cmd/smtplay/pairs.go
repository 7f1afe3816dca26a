package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// side says on which side of a comparison a transcript is.
type side uint8

const (
	bothSides side = iota
	beforeOnly
	afterOnly
)

// filePair is two transcripts that are compared.
type filePair struct {
	name          string // below the folders, or of the file
	before, after string // paths, also of a file that is not there
	on            side
}

// pairUp finds what is compared: two files, or those of the same name below two
// folders, in order of name. Where before is still to be made it need not be
// there.
func pairUp(before, after string, making bool) ([]filePair, error) {
	isFolder, err := statTranscript(after)
	if err != nil {
		return nil, err
	}
	wasFolder, err := statTranscript(before)
	absent := making && errors.Is(err, fs.ErrNotExist)
	switch {
	case absent:
		wasFolder = isFolder
	case err != nil:
		return nil, err
	case isFolder != wasFolder:
		return nil, usage("one of %s and %s is a folder, the other a file", before, after)
	}
	if !isFolder {
		pair := filePair{name: after, before: before, after: after}
		if absent {
			pair.on = afterOnly
		}
		return []filePair{pair}, nil
	}
	is, err := transcriptsIn(after)
	if err != nil {
		return nil, err
	}
	was := map[string]bool{}
	if !absent {
		if was, err = transcriptsIn(before); err != nil {
			return nil, err
		}
	}
	if len(is) == 0 {
		return nil, usage("there is no transcript (.smtp) in %s", after)
	}
	if len(was) == 0 && !making {
		return nil, usage("there is no transcript (.smtp) in %s", before).try("run --record %s writes them", before)
	}
	return join(before, was, after, is), nil
}

// join pairs the names of two folders.
func join(before string, was map[string]bool, after string, is map[string]bool) []filePair {
	names := maps.Clone(was)
	maps.Copy(names, is)
	var pairs []filePair
	for _, name := range slices.Sorted(maps.Keys(names)) {
		pair := filePair{name: name, before: filepath.Join(before, name), after: filepath.Join(after, name)}
		switch {
		case !is[name]:
			pair.on = beforeOnly
		case !was[name]:
			pair.on = afterOnly
		}
		pairs = append(pairs, pair)
	}
	return pairs
}

// statTranscript says whether path is a folder or a file. The error is a fault
// of usage, and that of the file system.
func statTranscript(path string) (folder bool, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return false, errors.Join(usage("%s: %v", path, cause(err)), err)
	}
	return info.IsDir(), nil
}

// transcriptsIn are the names of the transcripts below a folder.
func transcriptsIn(root string) (map[string]bool, error) {
	names := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case entry.IsDir() || !strings.HasSuffix(path, ".smtp") || strings.HasPrefix(entry.Name(), "."):
			return nil
		}
		name, err := filepath.Rel(root, path)
		names[name] = true
		return err
	})
	if err != nil {
		return nil, usage("%v", err)
	}
	return names, nil
}

// transcriptFile is a transcript that a path names.
type transcriptFile struct {
	name string // below the folder, or the path itself
	path string
}

// transcriptsAt finds the transcripts that a path names: a file, or those below a
// folder, in order of name.
func transcriptsAt(path string) ([]transcriptFile, error) {
	isFolder, err := statTranscript(path)
	if err != nil {
		return nil, err
	}
	if !isFolder {
		return []transcriptFile{{path, path}}, nil
	}
	names, err := transcriptsIn(path)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, usage("there is no transcript (.smtp) in %s", path)
	}
	var files []transcriptFile
	for _, name := range slices.Sorted(maps.Keys(names)) {
		files = append(files, transcriptFile{name, filepath.Join(path, name)})
	}
	return files, nil
}

// acceptAll takes what is after as what is before. Nothing is replaced before
// all of it lies beside what it replaces, and each file is replaced in one step.
func acceptAll(pairs []filePair) error {
	fresh := map[string]string{} // the file to be, by the one that it is in yet
	defer func() {
		for temporary := range fresh {
			os.Remove(temporary)
		}
	}()
	for _, pair := range pairs {
		if pair.on == beforeOnly {
			continue
		}
		temporary, err := copyBeside(pair.after, pair.before)
		if temporary != "" {
			fresh[temporary] = pair.before
		}
		if err != nil {
			return fmt.Errorf("nothing was accepted: %w", err)
		}
	}
	for _, temporary := range slices.Sorted(maps.Keys(fresh)) {
		if err := os.Rename(temporary, fresh[temporary]); err != nil {
			return fmt.Errorf("not all was accepted: %w", err)
		}
		delete(fresh, temporary)
	}
	for _, pair := range pairs {
		if pair.on != beforeOnly {
			continue
		}
		if err := os.Remove(pair.before); err != nil {
			return fmt.Errorf("not all was accepted: %w", err)
		}
		os.Remove(filepath.Dir(pair.before)) // where it was the last
	}
	return nil
}

// copyBeside writes a copy of a file into the folder of another, safe on disk,
// and returns its name.
func copyBeside(from, target string) (temporary string, err error) {
	text, err := os.ReadFile(from)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(filepath.Dir(target), ".accept-*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(text)
	return f.Name(), errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
}

// folderOf is a folder itself, and of a file the one that it lies in.
func folderOf(path string) string {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return filepath.Clean(path)
	}
	return filepath.Dir(path)
}

// distinct drops what was named before.
func distinct(names []string) []string {
	var all []string
	for _, name := range names {
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}
