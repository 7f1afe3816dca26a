package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"smtplay/dsl"
	"smtplay/engine/transcript"
)

// source is the text of a script and the path by which people know it.
type source struct {
	path string
	text []byte
}

// collect finds the scripts that paths name, in their order: a file is taken as
// it is, a folder means the scripts below it. odd warns of what looks as if it
// were among them, and is not.
func collect(paths []string) (found []source, odd dsl.Problems, err error) {
	var empty dsl.Problems
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			f := usage("%s: %v", path, cause(err))
			if near := meantPath(path); errors.Is(err, fs.ErrNotExist) && near != "" {
				f.hint = "did you mean " + near + "?"
			} else if errors.Is(err, fs.ErrNotExist) && !slices.ContainsFunc(paths, exists) {
				f.hint = "without a PATH the runbooks inside smtplay are run"
			}
			return nil, nil, f
		}
		if info.IsDir() {
			below, aside, err := folder(path)
			if err != nil {
				return nil, nil, err
			}
			if len(below) == 0 {
				empty = append(empty, oddity(path, "no script lies in this folder: nothing of it is run"))
			}
			found, odd = append(found, below...), append(odd, aside...)
			continue
		}
		if !info.Mode().IsRegular() {
			return nil, nil, usage("%s is no regular file", path) // a pipe might never end
		}
		if filepath.Base(path) == dsl.FixtureName {
			return nil, nil, usage("%s is no test: it says what runs around those of its folder", path).try("name the folder: %s", filepath.Dir(path))
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, nil, usage("%s: %v", path, cause(err))
		}
		found = append(found, source{path, text})
	}
	if len(found) > 0 { // else it is said of the run as a whole
		odd = append(odd, empty...)
	}
	return unique(found), odd, nil
}

func oddity(path, msg string) dsl.Problem {
	return dsl.Problem{Pos: transcript.Pos{File: path}, Msg: msg, Warning: true}
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

// folder lists the scripts below a folder in order of name. A link to a folder is
// followed where it is named as a path, and nowhere else: it may lead in circles.
func folder(root string) (found []source, odd dsl.Problems, err error) {
	if info, err := os.Lstat(root); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		root += string(filepath.Separator)
	}
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && (aside(entry.Name()) || entry.Name() == "lib"):
			return fs.SkipDir
		case entry.IsDir():
			return nil
		case entry.Type()&fs.ModeSymlink != 0 && !aside(entry.Name()) && entry.Name() != "lib":
			if info, err := os.Stat(path); err == nil && info.IsDir() {
				odd = append(odd, oddity(path, "what lies behind a link to a folder is not run, unless it is a PATH itself"))
				return nil
			}
		}
		if !isScript(entry.Name()) {
			return nil
		}
		// Left aside in silence, what it was to test would pass.
		if info, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return leadsNowhere(path)
		} else if err == nil && !info.Mode().IsRegular() {
			return usage("%s is no regular file", path)
		}
		text, err := os.ReadFile(path)
		if err == nil && !isMeta(text) {
			found = append(found, source{path, text})
		}
		return err
	})
	if own := (*fault)(nil); errors.As(err, &own) {
		return nil, nil, own
	}
	if err != nil {
		return nil, nil, usage("%v", err)
	}
	return found, odd, nil
}

// isScript says whether a file of that name in a folder is a script to run.
func isScript(name string) bool {
	return strings.HasSuffix(name, ".lua") && name != dsl.FixtureName && !aside(name)
}

// aside: names that begin so are put aside, as editors and Go have it.
func aside(name string) bool { return name[0] == '_' || name[0] == '.' }

// isMeta says whether a file only declares types for an editor.
func isMeta(text []byte) bool { return metaLine().Match(text) }

var metaLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^[ \t]*---@meta\b`) })

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
