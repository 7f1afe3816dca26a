package dsl

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	lua "github.com/yuin/gopher-lua"

	"smtplay/engine"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// Script is a compiled script: a suite.Script. It is immutable, but for the
// modules that it loads by names it computes.
type Script struct {
	path     string
	dir      string // where the files lie that it names
	files    fs.FS  // what lies below its folder; nothing outside is reached
	main     *module
	modules  map[string]*module // those that it names
	around   []*Fixture         // what runs around its tests, the outermost first
	fixture  bool               // it is a suite.lua itself
	several  bool               // it declares tests
	use      peers
	needs    Needs
	optional map[string]bool // targets without which it skips
	pems     []pemFile       // the files of certificates that it names
	hidden   []string        // passwords that are written out in the script
	answers  int             // while it is compiled: which answer from here on is one

	looked     sync.Once // for what follows, which nearly every test that passes asks for
	ofRelaying bool
}

// module is a compiled module.
type module struct {
	name   string
	source *source
	proto  *lua.FunctionProto
	facts  facts
}

var errNotRegular = errors.New("it is no regular file")

var errNotDeclared = errors.New("the file does not declare this test any more, as it did when its tests were listed: they depend on something that changes")

var errSlowListing = fmt.Errorf("the top level of the file, which is run to find its tests, took longer than %v", closing)

// Compile compiles the script in a file. Modules and files that it names are
// looked for below the file's folder, and nowhere else. around are the fixtures
// of its folder and of those above it, the outermost first. The Problems are all
// that can be said before it runs; with an error among them there is no Script.
func Compile(file string, text []byte, around ...*Fixture) (*Script, Problems) {
	s := newScript(file, around)
	problems := s.compile(text)
	if problems.Err() != nil {
		return nil, problems
	}
	return s, problems
}

func newScript(file string, around []*Fixture) *Script {
	dir := filepath.Dir(file)
	return &Script{path: filepath.ToSlash(file), dir: dir, files: folder(dir), modules: map[string]*module{}, around: around}
}

// folder is what lies below a folder, links out of it left aside. It holds
// nothing open.
type folder string

// Open implements fs.FS.
func (f folder) Open(name string) (fs.File, error) {
	root, err := os.OpenRoot(string(f))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	// To open a pipe is to wait for whoever writes to it.
	if info, err := root.Stat(name); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return nil, errNotRegular
	}
	return root.FS().Open(name)
}

// CompileFS compiles the script at name in fsys; shown is the path by which
// people know it.
func CompileFS(fsys fs.FS, name, shown string) (*Script, Problems) {
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, Problems{{Pos: transcript.Pos{File: shown}, Msg: err.Error()}}
	}
	sub, err := fs.Sub(fsys, path.Dir(name))
	if err != nil {
		return nil, Problems{{Pos: transcript.Pos{File: shown}, Msg: err.Error()}}
	}
	s := &Script{path: filepath.ToSlash(shown), dir: ".", files: sub, modules: map[string]*module{}}
	problems := s.compile(text)
	if problems.Err() != nil {
		return nil, problems
	}
	return s, problems
}

// compile compiles the script's text and all that belongs to it.
func (s *Script) compile(text []byte) Problems {
	main, problems := s.load("", s.path, text)
	if main == nil {
		return veil(problems)
	}
	s.main = main
	if s.fixture {
		problems = append(problems, main.source.untagged("suite.lua is no test")...)
	}
	problems = append(problems, s.loadModules(main)...)
	problems = s.hide(append(problems, s.check(main)...))
	problems.Sort()
	return problems
}

// load parses and compiles one file.
func (s *Script) load(name, shown string, text []byte) (*module, Problems) {
	src, problems := parseSource(shown, text)
	if problems.Err() != nil {
		return nil, problems
	}
	facts := walk(src.chunk) // before it is compiled, which changes it
	proto, more := src.compile()
	if problems = append(problems, more...); problems.Err() != nil {
		return nil, problems
	}
	return &module{name: name, source: src, proto: proto, facts: facts}, problems
}

// loadModules compiles the modules that a file names, and those that they name.
func (s *Script) loadModules(from *module) Problems {
	var problems Problems
	for _, c := range from.facts.calls {
		name, ok := literalArg(c, "require")
		if !ok || s.modules[name] != nil {
			continue
		}
		m, more := s.readModule(name)
		if m == nil {
			for i := range more {
				if more[i].Pos.Line == 0 {
					more[i] = from.problem(c.line, name, more[i].Msg)
				}
			}
			problems = append(problems, more...)
			continue
		}
		s.modules[name] = m
		problems = append(problems, more...)
		problems = append(problems, m.source.untagged("the file is a module")...)
		problems = append(problems, s.loadModules(m)...)
	}
	return problems
}

// readModule reads and compiles NAME.lua below the script's folder.
func (s *Script) readModule(name string) (*module, Problems) {
	if name == "" || strings.HasSuffix(name, ".lua") {
		return nil, Problems{{Msg: "a module is named without .lua: it is the file NAME.lua below the script's folder"}}
	}
	text, err := s.read(name + ".lua")
	if err != nil {
		return nil, Problems{{Msg: fmt.Sprintf("no module %q: %v (it would be %s.lua below the script's folder)", name, err, name)}}
	}
	return s.load(name, s.modulePath(name), text)
}

// module is a module of the script, also one that it names only as it runs.
func (s *Script) module(name string) (*module, Problems) {
	if m := s.modules[name]; m != nil {
		return m, nil
	}
	m, problems := s.readModule(name)
	if m == nil {
		return nil, problems
	}
	problems = append(problems, s.checkNames(m, append(append(slices.Collect(maps.Values(s.modules)), s.main), s.fixtureModules()...)...)...)
	return m, problems
}

// Name implements suite.Script: the file's path.
func (s *Script) Name() string { return s.path }

// Title is the first line of the comment that opens the file, "" without one;
// Description the rest of it, in Markdown. Passwords that are written out in the
// script are masked in both.
func (s *Script) Title() string { return s.written().String(s.main.source.title) }

// Description is what the opening comment says after the title, in Markdown.
func (s *Script) Description() string { return s.written().String(s.main.source.description) }

// Chapter is where it stands in a document, as suite.ParseChapter reads it; "" is
// nowhere in particular.
func (s *Script) Chapter() string { return s.written().String(s.main.source.chapter) }

// Declares says whether the script declares tests; else all of it is one.
func (s *Script) Declares() bool { return s.several }

// file is the script or the module of that name, nil where there is none.
func (s *Script) file(name string) *module {
	if name == s.path {
		return s.main
	}
	for _, m := range s.modules {
		if name == m.source.name {
			return m
		}
	}
	for _, f := range s.around {
		if m := f.script.file(name); m != nil {
			return m
		}
	}
	return nil
}

// Tests implements suite.Script. A file that declares tests is run for them,
// with nothing sent; one that does not is one test, named by its path.
func (s *Script) Tests(ctx context.Context, env *suite.Env) ([]suite.Declared, error) {
	single := []suite.Declared{{Name: s.path, Holds: s.holds(env), Tags: s.main.source.tags, At: transcript.Pos{File: s.path}}}
	if !s.several {
		return single, nil
	}
	limit := closing
	if s.needs.Lookups {
		limit += engine.DefaultTimeout // for the DNS
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errSlowListing)
	defer cancel()
	session := &session{script: s, env: env, run: &suite.Run{}, ctx: ctx, phase: phaseListing, closing: closing,
		log: &transcript.Log{Redactor: &transcript.Redactor{Parent: env.Redact}}}
	s.hideWritten(session.log)
	m := newMachine()
	var v suite.Verdict
	m.play(session, &v)
	switch {
	case v.Outcome == suite.Skipped:
		single[0].StandsFor = suite.Skipping
		return single, nil
	case session.unreached: // which the run of that one test will tell
		single[0].StandsFor = suite.Unreached
		return single, nil
	case v.Failure != nil:
		f := v.Failure
		column := len(f.Source) - len(strings.TrimLeft(f.Source, " \t")) + 1 // the statement begins there
		return nil, s.hide(Problems{{Pos: f.Pos, Column: column, Source: f.Source, Msg: f.What, Hint: f.Hint}})
	case len(session.tests) == 0:
		return nil, Problems{{Pos: transcript.Pos{File: s.path, Line: 1}, Msg: "this file speaks of tests, and declares none"}}
	}
	var tests []suite.Declared
	for _, t := range session.tests {
		// A name stands in every output and in the name of a file.
		t.Name = session.log.Redactor.String(t.Name)
		t.Holds = single[0].Holds
		for i, cell := range t.Cells {
			t.Cells[i].Value = session.log.Redactor.String(cell.Value)
		}
		t.Tags = union(s.main.source.tags, t.Tags)
		tests = append(tests, t.Declared)
	}
	return tests, nil
}

// hideWritten makes the passwords known that are written out in the script.
func (s *Script) hideWritten(log *transcript.Log) {
	for _, p := range s.hidden {
		log.Redactor.AddSeen("password", p)
	}
}

// Run implements suite.Script.
func (s *Script) Run(ctx context.Context, env *suite.Env, run *suite.Run) (v suite.Verdict) {
	if run.Stop == nil {
		own := *run
		ctx, own.Stop = context.WithCancelCause(ctx)
		defer own.Stop(nil)
		run = &own
	}
	session := &session{script: s, env: env, run: run, log: run.Log, ctx: ctx, closing: closing}
	s.hideWritten(run.Log)
	if s.several {
		session.phase = phaseChoosing
	}
	var m *machine
	if run.Worker != nil {
		m, _ = run.Worker.Kept.(*machine)
	}
	if m == nil || !m.state.Sound() {
		m = newMachine()
	}
	m.play(session, &v)
	if run.Worker != nil {
		run.Worker.Kept = m
	}
	return v
}
