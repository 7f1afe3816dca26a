package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/pflag"

	"smtplay/engine"
	"smtplay/engine/report"
	"smtplay/engine/suite"
)

// settingsName is the file in a suite's folder that says what counts for the
// scripts in it and below.
const settingsName = ".smtplay.toml"

// settings is what a settings file holds: what a run takes where neither a flag
// nor the environment says otherwise, and masks.
type settings struct {
	Scripts []string              `toml:"scripts"`
	Server  string                `toml:"server"`
	Targets map[string]string     `toml:"targets"`
	Vars    map[string]any        `toml:"vars"`
	Masks   map[string]expression `toml:"masks"`
	Tags    string                `toml:"tags"`
	Jobs    *int64                `toml:"jobs"`
	Timeout any                   `toml:"timeout"`
	Retries *int64                `toml:"retries"`
	CA      string                `toml:"ca"`
	TLSName string                `toml:"tls_name"`
	Helo    string                `toml:"helo"`

	name string // of the file
	text []byte
}

// more: it says something besides masks, which count for each script by itself.
func (s *settings) more() bool {
	rest := *s
	rest.Masks, rest.name, rest.text = nil, "", nil
	return !reflect.ValueOf(rest).IsZero()
}

// settingsKeys are the keys that a settings file may have.
func settingsKeys() []string {
	var keys []string
	for field := range reflect.TypeFor[settings]().Fields() {
		if key := field.Tag.Get("toml"); key != "" {
			keys = append(keys, key)
		}
	}
	return keys
}

// readSettings reads a settings file, nil where there is none.
func readSettings(name string) (*settings, error) {
	text, err := readSmall(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, leadsNowhere(name)
	}
	if err != nil {
		return nil, usage("%s: %v", name, cause(err))
	}
	s := &settings{name: name, text: text}
	if err := toml.NewDecoder(bytes.NewReader(s.text)).DisallowUnknownFields().Decode(s); err != nil {
		return nil, settingsFault(name, err)
	}
	return s, nil
}

// most is how many bytes a settings file may have, and a file that it names.
const most = 4 << 20

// readSmall reads a file that came with scripts, whose author may be a stranger:
// it may be a pipe that never ends.
func readSmall(name string) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no regular file", name)
	case info.Size() > most:
		return nil, fmt.Errorf("%s is larger than %d MB", name, most>>20)
	}
	return os.ReadFile(name)
}

// settingsFault says what is wrong with a settings file, and in which line. No
// value is in it: it may be a secret that does not belong there.
func settingsFault(name string, err error) error {
	var unknown *toml.StrictMissingError
	if errors.As(err, &unknown) && len(unknown.Errors) > 0 {
		for _, one := range unknown.Errors {
			if key := one.Key()[0]; aboutSecrets().MatchString(key) {
				row, _ := one.Position()
				return usage("%s:%d: %s: no secret belongs into this file, which lies beside the scripts and is shared as they are", name, row, key).
					try("--secret NAME=@FILE reads a secret from a file of your own; SMTPLAY_SECRET_NAME, or the prompt on a terminal, will do as well")
			}
		}
		first := unknown.Errors[0]
		row, _ := first.Position()
		key := strings.Join(first.Key(), ".")
		f := usage("%s:%d: unknown key %q", name, row, key)
		if near := nearest(first.Key()[0], settingsKeys()); near != "" {
			return f.try("did you mean %q?", near)
		}
		return f.try("the keys are %s", strings.Join(settingsKeys(), ", "))
	}
	var bad *toml.DecodeError
	if errors.As(err, &bad) {
		row, _ := bad.Position()
		if key := bad.Key(); strings.Contains(bad.Error(), "cannot decode") && len(key) > 0 {
			return usage("%s:%d: %s cannot have a value of this kind", name, row, strings.Join(key, ".")) // and nobody knows Go's types
		}
		return usage("%s:%d: %s", name, row, strings.TrimPrefix(bad.Error(), "toml: "))
	}
	return usage("%s: %v", name, err)
}

var aboutSecrets = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)secret|passw|token|credential`) })

// wrong is what is wrong with a key of a table, "" being the file itself.
func (s *settings) wrong(table, key string, err error) *fault {
	name := key
	if table != "" {
		name = table + "." + key
	}
	return usage("%s:%d: %s: %v", s.name, s.line(table, key), name, err)
}

// line is the line in which a key is given, 1 where it is not found.
func (s *settings) line(table, key string) int {
	from := 0
	if table != "" {
		if at := regexp.MustCompile(`(?m)^\s*\[\s*` + regexp.QuoteMeta(table) + `\s*\]`).FindIndex(s.text); at != nil {
			from = at[1]
		}
	}
	at := regexp.MustCompile(`(?m)^\s*["']?` + regexp.QuoteMeta(key) + `["']?\s*=`).FindIndex(s.text[from:])
	if at == nil {
		return 1
	}
	return 1 + bytes.Count(s.text[:from+at[1]], []byte("\n"))
}

// suitePaths are the paths of a command that was given none: those that the
// settings of the current folder name, below it. None at all are the runbooks
// inside smtplay.
func suitePaths(paths []string) ([]string, error) {
	if len(paths) > 0 {
		return paths, nil
	}
	s, err := readSettings(settingsName)
	if err != nil {
		return nil, err
	}
	if s == nil || s.Scripts == nil {
		return nil, nil
	}
	for _, name := range s.Scripts {
		path := filepath.FromSlash(name)
		if !filepath.IsLocal(path) {
			return nil, s.wrong("", "scripts", fmt.Errorf("%q does not lie in the folder of this file", name))
		}
		if _, err := os.Stat(path); err != nil {
			return nil, s.wrong("", "scripts", fmt.Errorf("%q: %v", name, cause(err)))
		}
		paths = append(paths, path)
	}
	if len(paths) == 0 {
		return nil, s.wrong("", "scripts", errors.New("it names nothing")).try(`scripts = ["."] is all in its folder and below`)
	}
	return paths, nil
}

// noteRunbooks says that the runbooks are meant where scripts lie beside.
func noteRunbooks(p *process, paths []string) {
	if here, _ := filepath.Glob("*.lua"); len(paths) == 0 && slices.ContainsFunc(here, isScript) {
		p.note("without a PATH these are the runbooks inside smtplay, not the scripts in this folder: . takes those")
	}
}

// settle takes from the settings files of the first path what neither a flag nor
// the environment gives. Those of inner folders count more than those of outer
// ones. The server inside smtplay has places of its own.
func (f *runFlags) settle(p *process, flags *pflag.FlagSet, paths []string) error {
	f.taken = &taken{process: p, flags: flags, vars: map[string]string{}, varsFrom: map[string]string{}, targets: map[string]string{}}
	for _, folder := range f.settingsFolders(paths) {
		s, err := readSettings(filepath.Join(folder, settingsName))
		if err != nil {
			return err
		}
		if s == nil {
			continue
		}
		if err := f.take(s); err != nil {
			return err
		}
		if f.verbose || f.step {
			p.note("settings from %s", report.Visible(s.name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.taken.targets)) {
		if !slices.ContainsFunc(f.targets, func(given string) bool { return strings.HasPrefix(given, name+"=") }) {
			f.targets = append(f.targets, name+"="+f.taken.targets[name])
		}
	}
	f.inputFlags.usual = f.taken.vars
	return nil
}

// settingsFolders are the folders whose settings count, the outermost first.
func (f *runFlags) settingsFolders(paths []string) []string {
	if len(paths) == 0 {
		return []string{"."}
	}
	var roots []string
	for _, path := range paths {
		roots = append(roots, folderOf(path))
	}
	return foldersAbove(filepath.Join(roots[0], "x"), roots...)
}

// taken is what settings files gave.
type taken struct {
	*process
	flags    *pflag.FlagSet
	vars     map[string]string
	varsFrom map[string]string // file and line, by name
	targets  map[string]string
}

// take takes what one file says, once all of it was found right.
func (f *runFlags) take(s *settings) error {
	if err := f.takePlaces(s); err != nil {
		return err
	}
	t := f.taken
	for _, key := range slices.Sorted(maps.Keys(s.Vars)) {
		value, err := plainText(s.Vars[key])
		if err == nil && !isName(key) {
			err = errors.New("this is no name for a var")
		}
		if err != nil {
			return s.wrong("vars", key, err)
		}
		t.vars[key], t.varsFrom[key] = value, fmt.Sprintf("%s:%d", s.name, s.line("vars", key))
	}
	numbers := []struct {
		key   string
		value *int64
		flag  *numberFlag
	}{{"jobs", s.Jobs, &f.jobs}, {"retries", s.Retries, &f.retries}}
	for _, n := range numbers {
		if n.value == nil {
			continue
		}
		read := numberFlag{min: n.flag.min}
		if err := read.Set(strconv.FormatInt(*n.value, 10)); err != nil {
			return s.wrong("", n.key, err)
		}
		if !t.flags.Changed(n.key) {
			*n.flag = read
		}
	}
	if s.Timeout != nil {
		text, err := plainText(s.Timeout)
		read := durationFlag{}
		if err == nil {
			err = read.Set(text)
		}
		if err != nil {
			return s.wrong("", "timeout", err)
		}
		if !t.flags.Changed("timeout") {
			f.timeout = read
		}
	}
	if s.Tags != "" {
		if _, err := suite.ParseTags(s.Tags); err != nil {
			return s.wrong("", "tags", err)
		}
		t.give("tags", s.Tags, &f.tags)
		t.give("tags", s.name, &f.tagsFrom)
	}
	if s.Helo != "" {
		if err := checkClientName(s.Helo); err != nil {
			return s.wrong("", "helo", err)
		}
		t.give("helo", s.Helo, &f.helo)
	}
	return nil
}

// takePlaces takes what a file says of servers, and by what they are known.
func (f *runFlags) takePlaces(s *settings) error {
	t := f.taken
	allowed, err := f.permissions()
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(s.Targets)) {
		address := s.Targets[name]
		err := checkAddress(address)
		switch {
		case !isName(name):
			err = errors.New("this is no name for a target")
		case err == nil && engine.IsCommand(address) && !allowed.Exec:
			err = errors.New("this is a command, and those are run with --allow exec only")
		}
		if err != nil {
			return s.wrong("targets", name, err)
		}
		if !f.demo {
			t.targets[name] = address
		}
	}
	if s.Server != "" {
		if _, _, err := splitServer(s.Server); err != nil {
			return s.wrong("", "server", err)
		}
		if !f.demo && t.env["SMTPLAY_SERVER"] == "" {
			t.give("server", s.Server, &f.server)
		}
	}
	if s.TLSName != "" {
		if !isHost(s.TLSName) {
			return s.wrong("", "tls_name", fmt.Errorf("%q is no host name", s.TLSName))
		}
		if !f.demo {
			t.give("tls-name", s.TLSName, &f.tlsName)
		}
	}
	if s.CA == "" || f.demo || t.flags.Changed("ca") {
		return nil
	}
	file := s.CA
	if !filepath.IsAbs(file) {
		file = filepath.Join(filepath.Dir(s.name), file)
	}
	pem, err := readSmall(file)
	if err == nil {
		_, err = engine.LoadCA(pem, file)
	}
	if err != nil {
		return s.wrong("", "ca", err)
	}
	f.ca = file
	return nil
}

// give sets what a flag would, where it was not given.
func (t *taken) give(flag, value string, to *string) {
	if !t.flags.Changed(flag) {
		*to = value
	}
}

// plainText is a string, a number or a boolean as a flag would give it.
func plainText(v any) (string, error) {
	switch v.(type) {
	case string, int64, float64, bool:
		return fmt.Sprint(v), nil
	}
	return "", errors.New("it is a string, a number, or true or false")
}

// noSecrets: what scripts read as a secret is not given as a var of a file that
// is shared.
func (f *runFlags) noSecrets(secrets []string) error {
	for _, name := range secrets {
		if from, ok := f.taken.varsFrom[name]; ok {
			return usage("%s: %q is a secret of these scripts, and no secret belongs into this file, which is shared as they are", from, name).
				try("--secret %s=@FILE reads it from a file of your own; SMTPLAY_SECRET_%s, or the prompt on a terminal, will do as well", name, name)
		}
	}
	return nil
}
