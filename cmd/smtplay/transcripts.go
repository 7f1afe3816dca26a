package main

import (
	"os"
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
	files, err := transcriptsAt(root)
	if err != nil {
		return nil, err
	}
	var found []source
	for _, file := range files {
		text, err := os.ReadFile(file.path)
		if err != nil {
			return nil, usage("%s: %v", file.path, cause(err))
		}
		found = append(found, source{file.path, text})
	}
	return found, nil
}
