package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"smtplay/dsl"
)

// source is the text of a script and the path by which people know it.
type source struct {
	path string
	text []byte
}

// collect finds the scripts that paths name, in their order: a file is taken as
// it is, a folder means the scripts below it.
func collect(paths []string) ([]source, error) {
	var found []source
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			f := usage("%s: %v", path, cause(err))
			if near := meantPath(path); errors.Is(err, fs.ErrNotExist) && near != "" {
				f.hint = "did you mean " + near + "?"
			} else if errors.Is(err, fs.ErrNotExist) && !slices.ContainsFunc(paths, exists) {
				f.hint = "without a PATH the runbooks inside smtplay are run"
			}
			return nil, f
		}
		if info.IsDir() {
			below, err := folder(path)
			if err != nil {
				return nil, err
			}
			found = append(found, below...)
			continue
		}
		if !info.Mode().IsRegular() {
			return nil, usage("%s is no regular file", path) // a pipe might never end
		}
		if filepath.Base(path) == dsl.FixtureName {
			return nil, usage("%s is no test: it says what runs around those of its folder", path).try("name the folder: %s", filepath.Dir(path))
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, usage("%s: %v", path, cause(err))
		}
		found = append(found, source{path, text})
	}
	return unique(found), nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// cause is why a file could not be used, without its name.
func cause(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// folder lists the scripts below a folder in order of name.
func folder(root string) ([]source, error) {
	var found []source
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && (aside(entry.Name()) || entry.Name() == "lib"):
			return fs.SkipDir
		case entry.IsDir() || !isScript(entry.Name()):
			return nil
		}
		// A link may lead to a folder, or nowhere as those of some editors do.
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
			return nil
		}
		text, err := os.ReadFile(path)
		if err == nil && !isMeta(text) {
			found = append(found, source{path, text})
		}
		return err
	})
	if err != nil {
		return nil, usage("%v", err)
	}
	return found, nil
}

// isScript says whether a file of that name in a folder is a script to run.
func isScript(name string) bool {
	return strings.HasSuffix(name, ".lua") && name != dsl.FixtureName && !aside(name)
}

// aside: names that begin so are put aside, as editors and Go have it.
func aside(name string) bool { return name[0] == '_' || name[0] == '.' }

// isMeta says whether a file only declares types for an editor.
func isMeta(text []byte) bool { return bytes.Contains(text, []byte("---@meta")) }

// unique drops what was named twice.
func unique(all []source) []source {
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(s source) bool {
		path := filepath.Clean(s.path)
		was := seen[path]
		seen[path] = true
		return was
	})
}
