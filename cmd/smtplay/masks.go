package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/pflag"

	"smtplay/engine/transcript"
)

// settingsName is the file in a suite's folder that says what counts for the
// scripts in it and below.
const settingsName = ".smtplay.toml"

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
			var err error
			if own, err = readSettings(filepath.Join(folder, settingsName)); err != nil {
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

// settings is what a settings file holds.
type settings struct {
	Masks map[string]expression `toml:"masks"`
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

// readSettings reads the masks of a settings file; there need be none.
func readSettings(name string) (transcript.Masks, error) {
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, usage("%s: %v", name, cause(err))
	}
	var s settings
	if err := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(&s); err != nil {
		return nil, settingsFault(name, err)
	}
	var own transcript.Masks
	for _, key := range slices.Sorted(maps.Keys(s.Masks)) {
		mask, err := transcript.NewMask(key, string(s.Masks[key]))
		if err != nil {
			return nil, usage("%s:%d: %v", name, lineOfKey(text, key), err)
		}
		mask.About = name
		own = append(own, mask)
	}
	return own, nil
}

// settingsFault says what is wrong with a settings file, and in which line.
func settingsFault(name string, err error) error {
	var unknown *toml.StrictMissingError
	if errors.As(err, &unknown) && len(unknown.Errors) > 0 {
		first := unknown.Errors[0]
		row, _ := first.Position()
		key := strings.Join(first.Key(), ".")
		return usage("%s:%d: unknown key %q", name, row, key).try("it may hold a table [masks], with lines such as: session = 'id=(\\w+)$'")
	}
	var bad *toml.DecodeError
	if errors.As(err, &bad) {
		row, _ := bad.Position()
		return usage("%s:%d: %s", name, row, strings.TrimPrefix(bad.Error(), "toml: "))
	}
	return usage("%s: %v", name, err)
}

// lineOfKey is the line in which a key is given, 1 where it is not found.
func lineOfKey(text []byte, key string) int {
	at := regexp.MustCompile(`(?m)^\s*["']?` + regexp.QuoteMeta(key) + `["']?\s*=`).FindIndex(text)
	if at == nil {
		return 1
	}
	return 1 + bytes.Count(text[:at[1]], []byte("\n"))
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
