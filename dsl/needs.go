package dsl

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/yuin/gopher-lua/ast"

	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// Needs are what a script reads from outside.
type Needs struct {
	Vars    []Input
	Secrets []Input
	Targets []Use    // those that it names
	Default bool     // it connects to the default target
	Lookups bool     // it asks the DNS for addresses, on which its tests may depend
	Listens []string // the targets and addresses at which it listens
}

// Input is a var or a secret.
type Input struct {
	Name    string
	Default *string // nil: it must be given, or its default is computed
	Needed  bool    // it must be given
	Doc     string
	Pos     transcript.Pos
	column  int
	source  string
}

// Use is a target that a script names.
type Use struct {
	Name     string
	Optional bool // the script skips where it leads nowhere
	Pos      transcript.Pos
	column   int
	source   string
}

// Needs are what the script and its modules read from outside.
func (s *Script) Needs() Needs { return s.needs }

// leftOut are names of Lua 5.1 that scripts do not have, and why.
var leftOut = map[string]string{
	"io": "scripts cannot touch the machine: file reads a file beside the script", "dofile": "require loads a module beside the script",
	"loadfile": "require loads a module beside the script", "load": "code comes from files only", "loadstring": "code comes from files only",
	"debug": "", "package": "", "module": "a module returns its table", "getfenv": "", "setfenv": "", "newproxy": "",
}

// liveFunctions are the names of those functions of the modules that the script
// uses: what the others need need not be there.
func liveFunctions(main *module, modules []*module) map[string]bool {
	live := map[string]bool{"": true}
	for _, u := range main.facts.uses {
		live[u.name] = true
	}
	for grown := true; grown; {
		grown = false
		for _, m := range modules {
			for _, u := range m.facts.uses {
				if live[u.within] && !live[u.name] {
					live[u.name], grown = true, true
				}
			}
		}
	}
	return live
}

// noteTarget keeps the target of a connect that is written out.
func (s *Script) noteTarget(m *module, c callSite) {
	args, options := splitArgs(verbNamed[c.name], c)
	if slices.ContainsFunc(options, func(f field) bool { return f.key == "mx" && !isNil(f.value) }) {
		return // it finds its host by itself
	}
	if len(args) == 0 {
		s.needs.Default = true
		return
	}
	v, _ := literal(args[0])
	name, ok := v.(string)
	if !ok {
		return
	}
	if name == suite.DefaultTarget {
		s.needs.Default = true
	}
	if slices.ContainsFunc(s.needs.Targets, func(u Use) bool { return u.Name == name }) {
		return
	}
	p := m.source.problem(c.line, m.source.findString(c.line, name), "")
	s.needs.Targets = append(s.needs.Targets, Use{Name: name, Pos: p.Pos, column: p.Column, source: p.Source})
}

// noteListener keeps the name at which a listen is to listen.
func (s *Script) noteListener(m *module, c callSite) {
	args, _ := splitArgs(verbNamed[c.name], c)
	if len(args) == 0 {
		return
	}
	v, _ := literal(args[0])
	name, _ := v.(string)
	if name != "" && !strings.Contains(name, ":") && net.ParseIP(name) == nil { // else it is an address
		s.noteTarget(m, c)
	}
	if name != "" && !slices.Contains(s.needs.Listens, name) {
		s.needs.Listens = append(s.needs.Listens, name)
	}
}

// holds are the addresses at which the script listens: another test that listens
// there would find them taken, or get the clients that are meant for this one.
func (s *Script) holds(env *suite.Env) []string {
	var held []string
	for _, name := range s.needs.Listens {
		address, _, err := env.Targets.Resolve(name)
		if _, port, _ := net.SplitHostPort(address); err == nil && port != "0" {
			held = append(held, address)
		}
	}
	return held
}

// noteLookup keeps the target whose addresses are asked for, unless it is the
// name of a host.
func (s *Script) noteLookup(m *module, c callSite) {
	s.needs.Lookups = true
	if args, _ := splitArgs(verbNamed[c.name], c); len(args) > 0 {
		if v, _ := literal(args[0]); isHostName(v) {
			return
		}
	}
	s.noteTarget(m, c)
}

// isHostName tells a host from the name of a target, which has no dots.
func isHostName(v any) bool {
	name, _ := v.(string)
	return strings.Contains(name, ".") && !strings.ContainsAny(name, ": /@")
}

// noteInput keeps a var or a secret. Its name must be written out, so that it
// can be asked for before anything runs.
func (s *Script) noteInput(m *module, v *verb, c callSite) Problems {
	args, _ := splitArgs(v, c)
	if len(args) == 0 {
		return Problems{m.problem(c.line, c.name, v.name+" needs a name")}
	}
	value, _ := literal(args[0])
	name, ok := value.(string)
	if !ok {
		return Problems{m.problem(c.line, c.name, fmt.Sprintf("the name of a %s is written out as a string, so that check can list it", v.name))}
	}
	p := m.source.problem(c.line, m.source.findString(c.line, name), "")
	in := Input{Name: name, Needed: len(args) == 1 || isNil(args[1]), Pos: p.Pos, column: p.Column, source: p.Source}
	if len(args) > 1 {
		if d := nodeOfExpr(args[1]); d.kind == stringNode || d.kind == numberNode {
			text := d.str
			if d.kind == numberNode {
				text = d.String()
			}
			in.Default = &text
		}
	}
	if len(args) > 2 {
		doc, _ := literal(args[2])
		in.Doc, _ = doc.(string)
	}
	list := &s.needs.Vars
	if v.name == "secret" {
		list, in.Needed = &s.needs.Secrets, true
	}
	mergeInput(list, in)
	return nil
}

func isNil(e ast.Expr) bool {
	_, ok := e.(*ast.NilExpr)
	return ok
}

// Given says which vars and secrets are missing.
func (s *Script) Given(env *suite.Env) Problems {
	var problems Problems
	add := func(pos transcript.Pos, column int, source, msg, hint string) {
		problems = append(problems, Problem{Pos: pos, Column: column, Source: source, Msg: msg, Hint: hint})
	}
	for _, in := range s.needs.Vars {
		value, given := env.Vars[in.Name]
		hint := fmt.Sprintf("--var %s=VALUE, or SMTPLAY_VAR_%s", in.Name, in.Name)
		if in.Doc != "" {
			hint += ": " + in.Doc
		}
		if !given && in.Needed {
			add(in.Pos, in.column, in.source, fmt.Sprintf("the var %q is not given", in.Name), hint)
		} else if given && value == "" && (in.Default == nil || *in.Default != "") {
			add(in.Pos, in.column, in.source, fmt.Sprintf("the var %q is empty", in.Name), hint)
		}
	}
	for _, in := range s.needs.Secrets {
		if env.Secrets[in.Name] == "" {
			add(in.Pos, in.column, in.source, fmt.Sprintf("the secret %q is not given, or empty", in.Name),
				fmt.Sprintf("--secret %s=@FILE, or SMTPLAY_SECRET_%s", in.Name, in.Name))
		}
	}
	return s.hide(problems)
}

// targetHint says what to do about a target that leads nowhere.
func targetHint(err error, name string) string {
	var unknown *suite.UnknownTargetError
	if errors.As(err, &unknown) {
		if near := nearest(name, unknown.Known); near != "" {
			return fmt.Sprintf("did you mean %q? --target %s=ADDRESS says where another is", near, name)
		}
	}
	return fmt.Sprintf("--target %s=ADDRESS says where it is", name)
}

// Ready says which vars, secrets and targets are missing: before anything is sent.
func (s *Script) Ready(env *suite.Env) Problems {
	problems := s.Given(env)
	add := func(pos transcript.Pos, column int, source, msg, hint string) {
		problems = append(problems, Problem{Pos: pos, Column: column, Source: source, Msg: msg, Hint: hint})
	}
	for _, use := range s.needs.Targets {
		if _, _, err := env.Targets.Resolve(use.Name); err != nil && !use.Optional {
			hint := targetHint(err, use.Name)
			if slices.Contains(s.needs.Listens, use.Name) {
				hint = fmt.Sprintf("--target %s=127.0.0.1:2525 says where to listen", use.Name)
			}
			add(use.Pos, use.column, use.source, err.Error(), hint)
		}
	}
	if _, _, err := env.Targets.Resolve(suite.DefaultTarget); err != nil && s.needs.Default && !slices.ContainsFunc(s.needs.Targets, func(u Use) bool { return u.Name == suite.DefaultTarget }) {
		add(transcript.Pos{File: s.path}, 0, "", err.Error(), "--server HOST, or --demo, says where it is")
	}
	problems = append(problems, s.Commands(env.Options.Commands != nil)...)
	for _, f := range s.around {
		problems = append(problems, f.script.filesReady(env)...)
	}
	return s.hide(append(problems, s.filesReady(env)...))
}
