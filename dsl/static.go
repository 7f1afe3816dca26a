package dsl

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"

	"smtplay/dsl/lua51"
	"smtplay/engine/wire"
)

// builtins are all globals that a script finds.
var builtins = sync.OnceValue(func() map[string]bool {
	names := map[string]bool{"_G": true}
	lua51.New(lua51.Options{}).Globals().ForEach(func(k, _ lua.LValue) { names[k.String()] = true })
	for _, v := range verbs {
		name, _, _ := strings.Cut(v.name, ".")
		names[name] = true
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
	connects := false
	optional := map[string]bool{}
	var problems Problems
	for _, m := range all {
		problems = append(problems, s.checkNames(m, all...)...)
		for _, c := range m.facts.calls {
			v := verbOf(c)
			if v == nil || m.facts.writes[c.name] > 0 {
				continue
			}
			problems = append(problems, m.checkCall(v, c)...)
			if m != main && !live[c.within] {
				continue
			}
			switch v.name {
			case "test":
				s.several = true
			case "connect":
				connects = true
				s.noteTarget(m, c)
			case "requires":
				if target, ok := literalOption(c, "target").(string); ok {
					optional[target] = true
				}
			case "var", "secret":
				problems = append(problems, s.noteInput(m, v, c)...)
			case "auth", "send":
				s.notePassword(v, c)
			case "file":
				if name, ok := literalArg(c, "file"); ok {
					if _, err := s.read(name); err != nil {
						problems = append(problems, m.problem(c.line, name, "file: "+err.Error()))
					}
				}
			}
		}
	}
	s.needs.Default = s.needs.Default || !connects
	for i := range s.needs.Targets {
		s.needs.Targets[i].Optional = optional[s.needs.Targets[i].Name]
	}
	return problems
}

// verbOf is the verb that a call calls, nil where it is none. A method may be
// anybody's.
func verbOf(c callSite) *verb {
	if !c.global || c.method {
		return nil
	}
	if c.recv != "" {
		return verbNamed[c.recv+"."+c.name]
	}
	return verbNamed[c.name]
}

// checkNames finds globals that nothing ever assigns: a typo would be nil, and
// nil is quickly taken for an answer.
func (s *Script) checkNames(m *module, all ...*module) Problems {
	known := maps.Clone(builtins())
	for _, other := range append(all, m) {
		for name := range other.facts.writes {
			known[name] = true
		}
	}
	var problems Problems
	for _, r := range m.facts.reads {
		if known[r.name] {
			continue
		}
		p := m.problem(r.line, r.name, fmt.Sprintf("unknown name %q: nothing in this script assigns it", r.name))
		if why, out := leftOut[r.name]; out {
			p.Msg, p.Hint = fmt.Sprintf("%s is left out of smtplay's Lua", r.name), why
		} else if near := nearest(r.name, slices.Sorted(maps.Keys(known))); near != "" {
			p.Hint = fmt.Sprintf("did you mean %q?", near)
		}
		problems = append(problems, p)
	}
	return problems
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
	if len(args) > len(v.args) && !v.whole {
		bad(c.line, c.name, fmt.Errorf("%s takes %d values, not %d: %s", v.name, len(v.args), len(args), v.signature()))
	}
	for i, a := range args[:min(len(args), len(v.args))] {
		bad(checkValue(v.args[i], nodeOfExpr(a), v.args[i].name, c.line, a))
	}
	for _, o := range options {
		p, ok := v.option(o.key)
		if !ok && !v.open {
			bad(o.line, o.key, unknownOption(v.name, o.key, v.optionNames()))
			continue
		}
		if v.name == "data" && o.key == "expect" {
			continue // after LHLO it is a table from recipient to pattern
		}
		bad(checkValue(p, nodeOfExpr(o.value), o.key, o.line, o.value))
	}
	return problems
}

// splitArgs sorts the arguments of a call as call.bind does when it runs.
func splitArgs(v *verb, c callSite) (args []ast.Expr, options []field) {
	args = c.args
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
	case textKind:
		if n.kind == boolNode || n.kind == tableNode {
			err = fmt.Errorf("%s is a string, not %v", what, n)
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

// wordOf is a literal as it stands in the source.
func wordOf(e ast.Expr, n node) string {
	if num, ok := e.(*ast.NumberExpr); ok {
		return num.Value
	}
	return n.str
}

// nodeOfExpr is what an expression says by its text alone.
func nodeOfExpr(e ast.Expr) node {
	value, ok := literal(e)
	if !ok {
		return node{}
	}
	switch v := value.(type) {
	case nil:
		return node{kind: nilNode}
	case bool:
		return node{kind: boolNode, truth: v}
	case float64:
		return node{kind: numberNode, num: v}
	case string:
		return node{kind: stringNode, str: v}
	case literalTable:
		n := node{kind: tableNode}
		for _, item := range v.positional {
			n.list = append(n.list, nodeOfExpr(item))
		}
		for _, f := range v.named {
			n.named = append(n.named, namedNode{f.key, nodeOfExpr(f.value)})
		}
		return n
	}
	return node{}
}

// literalArg is the first argument of a call of that name, where it is written out.
func literalArg(c callSite, name string) (string, bool) {
	if c.name != name || !c.global || c.method || c.recv != "" || len(c.args) == 0 {
		return "", false
	}
	v, _ := literal(c.args[0])
	s, ok := v.(string)
	return s, ok
}

func literalOption(c callSite, name string) any {
	if len(c.args) == 0 {
		return nil
	}
	v, _ := literal(c.args[len(c.args)-1])
	t, _ := v.(literalTable)
	for _, f := range t.named {
		if f.key == name {
			v, _ := literal(f.value)
			return v
		}
	}
	return nil
}
