package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"smtplay/engine/transcript"
)

// maskFlags add masks to the usual ones.
type maskFlags struct{ given []string }

func (f *maskFlags) register(fs *pflag.FlagSet) {
	fs.StringArrayVar(&f.given, "mask", nil, "`NAME=REGEXP`: something that changes from run to run, shown as [NAME]")
}

// masks are the usual masks, those of the flags, and those of settings files.
type masks struct {
	always  transcript.Masks
	folders map[string]transcript.Masks // what the settings in a folder add
}

func (f *maskFlags) masks() (*masks, error) {
	m := &masks{always: transcript.UsualMasks(), folders: map[string]transcript.Masks{}}
	for _, given := range f.given {
		name, pattern, ok := strings.Cut(given, "=")
		if !ok {
			return nil, usage("--mask %s lacks its value: NAME=REGEXP", given)
		}
		mask, err := transcript.NewMask(name, pattern)
		if err != nil {
			return nil, usage("--mask: %v", err)
		}
		mask.About = "--mask"
		m.always = append(m.always, mask)
	}
	return m, nil
}

// of are the masks that count for what lies in folders.
func (m *masks) of(folders []string) (transcript.Masks, error) {
	all := slices.Clip(m.always)
	for _, folder := range folders {
		own, known := m.folders[folder]
		if !known {
			s, err := readSettings(filepath.Join(folder, settingsName))
			if err != nil {
				return nil, err
			}
			if own, err = s.masks(); err != nil {
				return nil, err
			}
			m.folders[folder] = own
		}
		all = append(all, own...)
	}
	return all, nil
}

// foldersAbove are the folders whose settings count for a script: its own and
// those above it, up to the current one, or to the outermost of roots that it
// lies in.
func foldersAbove(script string, roots ...string) []string {
	dir := filepath.Clean(filepath.Dir(script))
	if at, err := os.Getwd(); err == nil && filepath.IsAbs(dir) {
		if rel, err := filepath.Rel(at, dir); err == nil && filepath.IsLocal(rel) {
			dir = rel
		}
	}
	var folders []string
	for {
		inside := filepath.IsLocal(dir) || slices.ContainsFunc(roots, func(root string) bool {
			rel, err := filepath.Rel(root, dir)
			return err == nil && filepath.IsLocal(rel)
		})
		if inside {
			folders = append(folders, dir)
		}
		above := filepath.Dir(dir)
		if above == dir || filepath.Base(dir) == ".." {
			break
		}
		dir = above
	}
	slices.Reverse(folders)
	return folders
}

// expression is a regular expression as text. That it is one is checked where
// its line is known.
type expression string

// UnmarshalText implements encoding.TextUnmarshaler.
func (e *expression) UnmarshalText(text []byte) error {
	*e = expression(text)
	_, err := transcript.NewMask("mask", string(text))
	if err != nil {
		return errors.New(strings.ReplaceAll(err.Error(), " of mask", ""))
	}
	return nil
}

// masks are those of the file, none where there is no file.
func (s *settings) masks() (transcript.Masks, error) {
	if s == nil {
		return nil, nil
	}
	var own transcript.Masks
	for _, key := range slices.Sorted(maps.Keys(s.Masks)) {
		mask, err := transcript.NewMask(key, string(s.Masks[key]))
		if err != nil {
			return nil, usage("%s:%d: %v", s.name, s.line("masks", key), err)
		}
		mask.About = s.name
		own = append(own, mask)
	}
	return own, nil
}

// listMasks writes the masks, one by one.
func listMasks(all transcript.Masks) string {
	var b strings.Builder
	for _, m := range all {
		fmt.Fprintf(&b, "%-14s %s\n%-14s %s\n", "["+m.Name+"]", m.About, "", m.Pattern)
	}
	b.WriteString("\nmasked as soon as they are recorded: [unique], the tokens of unique(); [secret:NAME];\n" +
		"[sasl user=… secret=NAME], a whole SASL message\n")
	return b.String()
}
