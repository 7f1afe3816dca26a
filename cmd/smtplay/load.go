package main

import (
	"context"
	"errors"
	"io/fs"
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
}

// load compiles the scripts that paths name; the embedded runbooks where there
// is no path.
func load(paths []string) (*loaded, error) {
	if len(paths) == 0 {
		return embedded()
	}
	sources, err := collect(paths)
	if err != nil {
		return nil, err
	}
	l := &loaded{}
	for _, s := range sources {
		l.add(dsl.Compile(s.path, s.text))
	}
	return l, nil
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

// ready adds what the scripts lack in env, before anything is sent.
func (l *loaded) ready(env *suite.Env) {
	for _, s := range l.scripts {
		l.problems = append(l.problems, s.Ready(env)...)
	}
}

// vars and secrets are the names that scripts read, each once, in order.
func (l *loaded) vars() []string {
	return l.names(func(n dsl.Needs) []dsl.Input { return n.Vars })
}

func (l *loaded) secrets() []string {
	return l.names(func(n dsl.Needs) []dsl.Input { return n.Secrets })
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
func (l *loaded) plan(ctx context.Context, r *suite.Runner, env *suite.Env) []suite.Test {
	all := make([]suite.Script, len(l.scripts))
	for i, s := range l.scripts {
		all[i] = s
	}
	tests, err := r.Plan(ctx, env, all)
	l.blame(err)
	return tests
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
