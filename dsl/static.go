package dsl

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/yuin/gopher-lua/ast"

	"smtplay/dsl/lua51"
	"smtplay/engine"
	"smtplay/engine/wire"
)

// builtins are all globals that a script finds, and of those that are libraries
// what is in them.
var builtins = sync.OnceValue(func() map[string][]string {
	names := lua51.Names()
	for _, v := range verbs {
		name, field, ok := strings.Cut(v.name, ".")
		if ok {
			names[name] = append(names[name], field)
		} else {
			names[name] = nil
		}
	}
	return names
})

// problem is a Problem at a word of one of the module's lines.
func (m *module) problem(line int, word, msg string) Problem {
	return m.source.problem(line, m.source.find(line, word), msg)
}

// check finds all that cannot be right in the script and its modules, and what
// they need.
func (s *Script) check(main *module) Problems {
	all := []*module{main}
	for _, name := range slices.Sorted(maps.Keys(s.modules)) {
		all = append(all, s.modules[name])
	}
	live := liveFunctions(main, all[1:])
	s.optional = map[string]bool{}
	problems := s.misplaced(main)
	known := append(slices.Clone(all), s.fixtureModules()...)
	for _, m := range all {
		problems = append(problems, s.checkNames(m, known...)...)
		for _, written := range m.facts.strings {
			for _, text := range written {
				s.hidden = append(s.hidden, keyLines(text)...)
			}
		}
		for _, word := range testWords {
			s.several = s.several || m.reads(word) && (m == main || m.uses(word, live))
		}
		for _, c := range m.facts.calls {
			s.notePasswords(m, c)
			if o := returnedBy(c.by); o != nil && o.method(c.name) == nil {
				problems = append(problems, m.unknownMethod(o, c))
			}
			v := verbOf(c)
			if v == nil || m.facts.writes[c.name] > 0 {
				continue
			}
			problems = append(problems, m.checkCall(v, c)...)
			if m != main && !live[c.within] {
				continue
			}
			s.noteFiles(m, v, c)
			problems = append(problems, s.checkClient(m, v, c)...)
			s.use.talks = s.use.talks || !v.global && v.of == nil && !c.method // with the current conversation
			switch v.name {
			case "connect":
				s.use.connects = true
				s.noteTarget(m, c)
			case "listen":
				s.use.others = true
				s.noteListener(m, c)
			case "exec", "maildir", "mbox", "imap", "log":
				s.use.others = true
			case "addresses":
				s.noteLookup(m, c)
			case "requires":
				if target, ok := literalOption(c, "target").(string); ok {
					s.optional[target] = true
				}
			case "var", "secret":
				problems = append(problems, s.noteInput(m, v, c)...)
			case "message":
				problems = append(problems, s.checkMessage(m, v, c)...)
			case "file":
				if name, ok := literalArg(c, "file"); ok {
					if _, err := s.read(name); err != nil {
						problems = append(problems, m.problem(c.line, name, fmt.Sprintf("file %q: %v", name, err)))
					}
				}
			}
		}
	}
	for i := range s.needs.Targets {
		s.needs.Targets[i].Optional = s.optional[s.needs.Targets[i].Name]
	}
	s.join()
	return problems
}

// testWords are the verbs that declare tests.
var testWords = []string{"test", "matrix"}

// reads says whether the module reads that global.
func (m *module) reads(name string) bool {
	return m.facts.writes[name] == 0 && slices.ContainsFunc(m.facts.reads, func(r ref) bool { return r.name == name })
}

// uses says whether a name stands in one of the functions that are live.
func (m *module) uses(name string, live map[string]bool) bool {
	return slices.ContainsFunc(m.facts.uses, func(u use) bool { return u.name == name && live[u.within] })
}

// verbOf is the verb that a call calls, nil where it is none. A method may be
// anybody's, but for one of what a connect returned.
func verbOf(c callSite) *verb {
	if c.by == "connect" {
		if v := verbNamed[c.name]; v != nil && !v.global {
			return v
		}
	}
	if o := returnedBy(c.by); o != nil {
		return o.method(c.name)
	}
	if !c.global || c.method {
		return nil
	}
	if c.recv != "" {
		return verbNamed[c.recv+"."+c.name]
	}
	return verbNamed[c.name]
}

// returnedBy is the object that a call chain of verbs returned, such as
// "listen:take"; nil where it is none.
func returnedBy(chain string) *object {
	if chain == "" {
		return nil
	}
	var o *object
	for i, name := range strings.Split(chain, ":") {
		v := verbNamed[name]
		if i > 0 {
			v = o.method(name)
		}
		if v == nil || objectNamed[v.returns] == nil {
			return nil
		}
		o = objectNamed[v.returns]
	}
	return o
}

// unknownMethod is a call of what an object does not have.
func (m *module) unknownMethod(o *object, c callSite) Problem {
	msg := fmt.Sprintf("%s has no %q: it has %s", o.article(), c.name, strings.Join(o.names(), ", "))
	if near := nearest(c.name, o.names()); near != "" {
		msg = fmt.Sprintf("%s has no %q: did you mean %q?", o.article(), c.name, near)
	}
	return m.problem(c.line, c.name, msg)
}

// checkNames finds globals that nothing ever assigns: a typo would be nil, and
// nil is quickly taken for an answer.
func (s *Script) checkNames(m *module, all ...*module) Problems {
	known := maps.Clone(builtins())
	for _, other := range append(all, m) {
		for name := range other.facts.writes {
			known[name] = nil
		}
	}
	meant := slices.Concat(slices.Collect(maps.Keys(known)), slices.Collect(maps.Keys(m.facts.locals)))
	slices.Sort(meant)
	var problems Problems
	for _, r := range m.facts.reads {
		if _, ok := known[r.name]; ok {
			continue
		}
		p := m.problem(r.line, r.name, fmt.Sprintf("unknown name %q: nothing in this script assigns it", r.name))
		if why, out := leftOut[r.name]; out {
			p.Msg, p.Hint = fmt.Sprintf("%s is left out of smtplay's Lua", r.name), why
		} else if m.facts.locals[r.name] {
			p.Hint = fmt.Sprintf("the local %s is known inside its block only, from the line after it on", r.name)
		} else if near := nearest(r.name, meant); near != "" {
			p.Hint = fmt.Sprintf("did you mean %q?", near)
		}
		problems = append(problems, p)
	}
	for _, c := range m.facts.calls {
		library := known[c.recv]
		if len(library) == 0 || !c.global || c.method || slices.Contains(library, c.name) || m.extends(c.recv, c.name) {
			continue
		}
		p := m.problem(c.line, c.name, fmt.Sprintf("%s has no %q: it has %s", c.recv, c.name, strings.Join(slices.Sorted(slices.Values(library)), ", ")))
		if near := nearest(c.name, library); near != "" {
			p.Msg = fmt.Sprintf("%s has no %q: did you mean %q?", c.recv, c.name, near)
		}
		problems = append(problems, p)
	}
	return problems
}

// extends says whether the file adds a function of that name to a library.
func (m *module) extends(library, name string) bool {
	field := library + `\s*\.\s*` + name + `\s*`
	return regexp.MustCompile(`\b` + field + `=[^=]|function\s+` + field + `\(`).MatchString(m.source.text)
}

// checkCall finds what cannot be right in a call of a verb.
func (m *module) checkCall(v *verb, c callSite) Problems {
	args, options := splitArgs(v, c)
	var problems Problems
	bad := func(line int, word string, err error) {
		if err == nil {
			return
		}
		p := m.problem(line, word, err.Error())
		if p.Column == 0 {
			p.Column = m.source.find(line, c.name)
		}
		problems = append(problems, p)
	}
	if n := len(args); n > len(v.args) && len(v.options) > 0 {
		// What is not written out may be the table of options.
		if _, ok := literal(args[n-1]); !ok {
			args = args[:n-1]
		}
	}
	if len(args) > len(v.args) && !v.many {
		bad(c.line, c.name, errors.New(tooMany(v, len(args))))
	}
	if v.name == "expect" && len(args) > 1 {
		if options := nodeOfExpr(args[1]); len(args) > 2 || options.kind != unknownNode && (options.kind != tableNode || len(options.list) > 0) {
			bad(c.line, c.name, errors.New("expect takes one pattern, and its options by name: of several patterns one must match in expect{ 250, 251 }"))
		}
	}
	if len(args) == 0 && len(v.args) > 0 && !v.args[0].optional {
		bad(c.line, c.name, fmt.Errorf("%s needs %s: %s", v.name, v.args[0].name, v.signature()))
	}
	bad(c.line, c.name, checkConnect(v, len(args), options))
	for i, a := range args[:min(len(args), len(v.args))] {
		bad(checkValue(v.args[i], nodeOfExpr(a), v.args[i].name, c.line, a))
	}
	if v.name == "auth" {
		word, err := checkAuth(c, args, options)
		bad(c.line, word, err)
	}
	for _, o := range options {
		p, ok := v.option(o.key)
		if !ok && !v.open {
			problems = append(problems, m.source.problem(o.line, m.source.findOption(o.line, o.key), unknownOption(v.name, o.key, v.optionNames()).Error()))
			continue
		}
		if table, _ := literal(o.value); (v.name == "data" || v.name == "bdat") && o.key == "expect" && perRecipient(table) {
			for _, each := range table.(literalTable).named {
				bad(checkValue(p, nodeOfExpr(each.value), each.key, each.line, each.value))
			}
			continue
		}
		bad(checkValue(p, nodeOfExpr(o.value), o.key, o.line, o.value))
	}
	return problems
}

// perRecipient says whether a table that is written out leads from recipients to
// patterns, as after LHLO. Who is a recipient shows when it runs.
func perRecipient(value any) bool {
	table, _ := value.(literalTable)
	return slices.ContainsFunc(table.named, func(f field) bool { return !slices.Contains(patternOptions, f.key) })
}

// splitArgs sorts the arguments of a call as call.bind does when it runs.
func splitArgs(v *verb, c callSite) (args []ast.Expr, options []field) {
	args = c.args
	for !v.many && len(args) > 0 && isNil(args[len(args)-1]) {
		args = args[:len(args)-1]
	}
	if len(args) == 0 || v.whole {
		return args, nil
	}
	value, _ := literal(args[len(args)-1])
	table, ok := value.(literalTable)
	switch {
	case !ok:
		return args, nil
	case len(args) == 1:
		return table.positional, table.named
	case len(args) > len(v.args) || v.args[len(args)-1].kind != anyValue && v.args[len(args)-1].kind != listKind:
		return args[:len(args)-1], table.named
	}
	return args, nil
}

// checkValue says what cannot be right in a value that is written out, and
// where it stands.
func checkValue(p param, n node, what string, line int, e ast.Expr) (int, string, error) {
	word := what
	if n.kind == numberNode || n.kind == stringNode {
		word = wordOf(e, n)
	}
	if l := e.Line(); l > 0 {
		line = l
	}
	var err error
	switch p.kind {
	case patternKind:
		if _, err = readExpectation(n); err != nil {
			word, err = faultOf(e, word, err)
		}
	case durationKind:
		_, err = readDuration(n)
	case booleanKind:
		if n.kind != boolNode && n.kind != unknownNode && n.kind != nilNode {
			err = fmt.Errorf("%s is true or false, not %v", what, n)
		}
	case numberKind:
		if n.kind != numberNode && n.kind != unknownNode && n.kind != nilNode {
			err = fmt.Errorf("%s is a number, not %v", what, n)
		}
	case answerKind:
		if n.kind != nilNode {
			_, err = readAnswerTo(p.name, n)
		}
	case commandKind:
		if n.kind != nilNode {
			_, _, err = readCommand(n)
		}
	case demandKind:
		if n.kind != nilNode {
			_, err = readWant(n, false)
		}
	case demandsKind:
		if n.kind != nilNode {
			_, err = readWants(n)
		}
	case dkimKind:
		if n.kind != nilNode {
			_, err = readDKIM(n)
		}
	case proxyKind:
		if n.kind != nilNode {
			_, err = readProxy(n)
		}
	case versionKind, pinKind, keyTypeKind, signatureKind, stapleKind, cipherKind, domainKind, addressKind, resolverKind:
		if bad, badErr := misspelt(spellings[p.kind], e); badErr != nil {
			word, err = bad, badErr
		}
	case tlsaKind:
		if bad, badErr := checkTLSA(e); badErr != nil {
			err = badErr
			if bad != "" {
				word = bad
			}
		}
	case mechanismKind:
		if _, ok := engine.MechanismNamed(n.str); n.kind == stringNode && !ok {
			err = noMechanism(n.str)
		}
	case stringKind:
		if n.kind == numberNode || n.kind == boolNode || n.kind == tableNode {
			err = fmt.Errorf("%s is a string, not %v", what, n)
		}
	case textKind, pemKind:
		if n.kind == boolNode || n.kind == tableNode {
			err = fmt.Errorf("%s is a string, not %v", what, n)
		}
	}
	if err == nil {
		if bad := p.misspelt(n); bad != nil {
			err = fmt.Errorf("%s: %w", what, bad)
		}
	}
	return line, word, err
}

// faultOf finds the part of a pattern that is at fault, and its word.
func faultOf(e ast.Expr, word string, err error) (string, error) {
	value, _ := literal(e)
	table, _ := value.(literalTable)
	for _, item := range table.positional {
		n := nodeOfExpr(item)
		if _, partErr := readPattern(n, nil); partErr != nil {
			return faultOf(item, wordOf(item, n), partErr)
		}
	}
	for _, f := range table.named {
		n := nodeOfExpr(f.value)
		if partErr := readOption(&wire.Pattern{}, &expectation{}, namedNode{f.key, n}); partErr != nil {
			if slices.Contains(patternOptions, f.key) {
				return wordOf(f.value, n), partErr
			}
			return f.key, partErr
		}
	}
	return word, err
}
