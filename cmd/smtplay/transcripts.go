package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// transcripts reads those that paths name, in their order: a file is taken as
// it is, a folder means all .smtp files below it.
func transcripts(paths []string) ([]source, error) {
	var found []source
	for _, path := range paths {
		info, err := os.Stat(path)
		switch {
		case err != nil:
			return nil, usage("%s: %v", path, cause(err))
		case info.IsDir():
			below, err := transcriptsBelow(path)
			if err != nil {
				return nil, err
			}
			found = append(found, below...)
			continue
		case !info.Mode().IsRegular():
			return nil, usage("%s is no regular file", path) // a pipe might never end
		case strings.HasSuffix(path, ".lua"):
			return nil, usage("%s is a script, and only transcripts (.smtp) can be served", path).
				try("smtplay run --record DIR %s writes them", path)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, usage("%s: %v", path, cause(err))
		}
		found = append(found, source{path, text})
	}
	return unique(found), nil
}

// transcriptsBelow reads those below a folder, in order of name.
func transcriptsBelow(root string) ([]source, error) {
	var found []source
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || !strings.HasSuffix(path, ".smtp") {
			return err
		}
		text, err := os.ReadFile(path)
		found = append(found, source{path, text})
		return err
	})
	switch {
	case err != nil:
		return nil, usage("%v", err)
	case len(found) == 0:
		return nil, usage("there is no transcript (.smtp) in %s", root)
	}
	return found, nil
}
