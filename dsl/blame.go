package dsl

import (
	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/parse"

	"smtplay/dsl/lua51"
	"smtplay/engine/transcript"
)

// spot is the part of a call that a failure is about. The zero value is the
// name of what was called.
type spot struct {
	first  bool   // the first value that it is given
	option string // the value of this option
}

// column is where in its line the call stands that runs now, or that part of
// it: in bytes, from 1, and 0 where it is not certain. Lua knows the line of a
// call alone.
func (s *session) column(l *lua.LState, at transcript.Pos, part spot) int {
	c, ok := lua51.Calling(l)
	if !ok || c.File != at.File || c.Line != at.Line {
		return 0
	}
	m := s.file(at.File)
	if m == nil {
		return 0
	}
	written := 0
	for _, site := range m.facts.calls {
		if site.line == c.Line && site.name == c.Name {
			written++
		}
	}
	if written != c.Of { // some are in another function than the one that runs
		return 0
	}
	toks := m.source.onLine(at.Line)
	i := callNamed(toks, c)
	if i < 0 {
		return 0
	}
	if i > 0 && toks[i-1].kind == '.' {
		part = spot{} // c.expect(c, 250): what it is given first is not the pattern
	}
	if j := argument(toks[i+1:], part); j >= 0 {
		return toks[i+1+j].column
	}
	return toks[i].column
}

// onLine are the tokens that begin on a line.
func (s *source) onLine(line int) []token {
	all := s.tokens()
	from := 0
	for from < len(all) && all[from].line < line {
		from++
	}
	to := from
	for to < len(all) && all[to].line == line {
		to++
	}
	return all[from:to]
}

// callNamed is the token of the name that was called, -1 where it is not
// certain which it is. Of several alike the order tells, but only where they
// stand one behind the other.
func callNamed(toks []token, c lua51.Call) int {
	var found []int
	depth, first, ordered := 0, 0, true
	for i, t := range toks {
		switch t.kind {
		case parse.TIdent:
			if t.value != c.Name || !isCalled(toks, i) {
				continue
			}
			if len(found) == 0 {
				first = depth
			}
			ordered = ordered && depth == first // else one may be an argument of the other
			found = append(found, i)
		case '<', '>', parse.TLte, parse.TGte:
			ordered = false // what stands behind may run before
		case '(', '{', '[':
			depth++
		case ')', '}', ']':
			depth--
		}
	}
	switch {
	case len(found) != c.Of: // one of them goes on in another line
		return -1
	case c.Of > 1 && !ordered:
		return -1
	}
	return found[c.Nth-1]
}

// isCalled says whether the name at i is followed by what it is given.
func isCalled(toks []token, i int) bool {
	if i+1 == len(toks) || i > 0 && toks[i-1].kind == parse.TFunction {
		return false
	}
	switch toks[i+1].kind {
	case '(', '{', parse.TString, parse.TNumber:
		return true
	}
	return false
}

// argument is the token, among those behind the name of a call, where a part of
// what it is given begins; -1 where that is not on the line, or not certain.
func argument(toks []token, part spot) int {
	if part == (spot{}) {
		return -1
	}
	depth, found := 0, -1
	for i, t := range toks {
		switch t.kind {
		case '(', '{', '[':
			depth++
		case ')', '}', ']':
			depth--
		}
		next := i + 1
		switch {
		case part.first && (depth == 0 || t.kind != '(' && t.kind != '{'):
			if t.kind == ')' || t.kind == '}' {
				return -1
			}
			return i
		case part.option != "" && depth <= 2 && t.kind == parse.TIdent && t.value == part.option && next+1 < len(toks) && toks[next].kind == '=':
			if found >= 0 {
				return -1
			}
			found = next + 1
		}
		if depth <= 0 {
			break
		}
	}
	return found
}
