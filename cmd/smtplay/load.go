package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"smtplay/dsl"
	"smtplay/engine/demo"
	"smtplay/engine/suite"
	"smtplay/scripts"
)

// loaded are compiled scripts, and what was found wrong with them and with the
// others.
type loaded struct {
	scripts  []*dsl.Script
	problems dsl.Problems
	unready  []suite.Script // those that lack something: to list their tests would say so again
}

// load compiles the scripts that paths name; the embedded runbooks where there
// is no path.
func load(paths []string) (*loaded, error) {
	if len(paths) == 0 {
		return embedded()
	}
	sources, odd, err := collect(paths)
	if err != nil {
		return nil, err
	}
	l := &loaded{problems: odd}
	fixtures := &fixtures{of: map[string]*fixture{}}
	for _, path := range paths {
		fixtures.roots = append(fixtures.roots, folderOf(path))
	}
	for _, s := range sources {
		around, err := fixtures.around(l, s.path)
		if err != nil {
			return nil, err
		}
		if around.sound { // else a script would be blamed for what its suite.lua lacks
			l.add(dsl.Compile(s.path, s.text, around.all...))
		}
	}
	return l, nil
}

// fixtures are the suite.lua of folders, each compiled once.
type fixtures struct {
	roots []string
	of    map[string]*fixture
}

// fixture is what is around the scripts of a folder, the outermost first.
type fixture struct {
	all   []*dsl.Fixture
	sound bool
}

// around finds the suite.lua of a script's folder and of those above it, as far
// as settings count. What is wrong with one joins the problems once.
func (f *fixtures) around(l *loaded, script string) (*fixture, error) {
	here := &fixture{sound: true}
	for _, folder := range foldersAbove(script, f.roots...) {
		known := f.of[folder]
		if known == nil {
			text, err := readFixture(filepath.Join(folder, dsl.FixtureName))
			if err != nil {
				return nil, err
			}
			known = &fixture{all: here.all, sound: here.sound}
			if text != nil && here.sound {
				own, problems := dsl.CompileFixture(filepath.Join(folder, dsl.FixtureName), text, here.all...)
				l.problems = append(l.problems, problems...)
				known.all, known.sound = append(slices.Clone(here.all), own), own != nil
			}
			f.of[folder] = known
		}
		here = known
	}
	return here, nil
}

// readFixture reads a suite.lua, nil where there is none.
func readFixture(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, leadsNowhere(path)
	case err == nil && !info.Mode().IsRegular():
		return nil, usage("%s is no regular file", path)
	case err != nil:
		return nil, usage("%s: %v", path, cause(err))
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, usage("%s: %v", path, cause(err))
	}
	return append([]byte{}, text...), nil
}

// leadsNowhere is the fault of a link to a file that is not there: what it was to
// say would else count for nothing, and nobody would know.
func leadsNowhere(path string) error {
	if _, err := os.Lstat(path); err != nil {
		return nil // nor is the link
	}
	return usage("%s is a link that leads nowhere", path)
}

// embedded compiles the runbooks inside the program.
func embedded() (*loaded, error) {
	names, err := fs.Glob(scripts.FS, "*.lua")
	if err != nil {
		return nil, err
	}
	l := &loaded{}
	for _, name := range names {
		if text, err := fs.ReadFile(scripts.FS, name); err == nil && isScript(name) && !isMeta(text) {
			l.add(dsl.CompileFS(scripts.FS, name, "scripts/"+name))
		}
	}
	return l, nil
}

func (l *loaded) add(s *dsl.Script, problems dsl.Problems) {
	if s != nil {
		l.scripts = append(l.scripts, s)
	}
	l.problems = append(l.problems, problems...)
}

// ready adds what the scripts lack in env, before anything is sent. To list their
// tests takes less.
func (l *loaded) ready(env *suite.Env, list bool) {
	for _, s := range l.scripts {
		var lacking dsl.Problems
		if !list {
			lacking = s.Ready(env)
		} else if s.Several() {
			lacking = s.Given(env)
		}
		if lacking.Err() != nil {
			l.unready = append(l.unready, s)
		}
		l.problems = append(l.problems, lacking...)
	}
}

// vars and secrets are the names that scripts read, each once, in order.
func (l *loaded) vars() []string {
	return l.names(func(n dsl.Needs) []dsl.Input { return n.Vars })
}

func (l *loaded) secrets() []string {
	return l.names(func(n dsl.Needs) []dsl.Input { return n.Secrets })
}

// targets are the names that scripts connect to, as far as they are written out.
func (l *loaded) targets() []string {
	var names []string
	for _, s := range l.scripts {
		needs := s.Needs()
		if needs.Default {
			names = append(names, suite.DefaultTarget)
		}
		for _, use := range needs.Targets {
			names = append(names, use.Name)
		}
	}
	return distinct(names)
}

func (l *loaded) names(of func(dsl.Needs) []dsl.Input) []string {
	var names []string
	for _, s := range l.scripts {
		for _, in := range of(s.Needs()) {
			if !slices.Contains(names, in.Name) {
				names = append(names, in.Name)
			}
		}
	}
	return names
}

// needsServer says whether a script connects to where only a server that was
// named could be.
func (l *loaded) needsServer(t suite.Targets) bool {
	return slices.ContainsFunc(l.scripts, func(s *dsl.Script) bool {
		needs := s.Needs()
		return needs.Default || slices.ContainsFunc(needs.Targets, func(use dsl.Use) bool {
			_, _, err := t.Resolve(use.Name)
			return err != nil
		})
	})
}

// plan lists the tests to run; what is wrong with their scripts joins the problems.
func (l *loaded) plan(ctx context.Context, r *suite.Runner, env *suite.Env) ([]suite.Test, error) {
	var all []suite.Script
	for _, s := range l.scripts {
		if !slices.Contains(l.unready, suite.Script(s)) {
			all = append(all, s)
		}
	}
	tests, err := r.Plan(ctx, env, all)
	var unknown *suite.UnknownTagError
	if errors.As(err, &unknown) && l.problems.Err() == nil {
		return nil, unknownTag(unknown)
	}
	if unknown == nil {
		l.blame(err)
	}
	return tests, nil
}

// blame adds an error to the problems, one by one where it is several.
func (l *loaded) blame(err error) {
	var several interface{ Unwrap() []error }
	var problems dsl.Problems
	switch {
	case err == nil:
	case errors.As(err, &several):
		for _, e := range several.Unwrap() {
			l.blame(e)
		}
	case errors.As(err, &problems):
		l.problems = append(l.problems, problems...)
	default:
		l.problems = append(l.problems, dsl.Problem{Msg: err.Error()})
	}
}

// startDemo starts the server inside the program and points env at it, but for
// what flags gave. The environment's secrets are for real servers.
func startDemo(ctx context.Context, env *suite.Env, given *inputFlags) (stop func(), err error) {
	d, err := demo.Start(ctx)
	if err != nil {
		return nil, err
	}
	env.Impartial = len(env.Targets.Named) == 0
	for name, address := range d.Targets() {
		if _, given := env.Targets.Named[name]; !given {
			env.Targets.Named[name] = address
		}
	}
	if env.Options.Security.CA == nil {
		env.Options.Security.CA = d.CA()
	}
	if env.Options.Security.Name == "" {
		env.Options.Security.Name = d.TLSName()
	}
	for name, value := range d.Secrets() {
		if !given.hasSecret(name) {
			env.Secrets[name] = value
			env.Redact.Add(name, value)
		}
	}
	if _, given := env.Vars["send"]; !given {
		env.Vars["send"] = "yes"
	}
	return func() { d.Close() }, nil
}
