package lua51

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// compile is the pattern src, from the cache when it was used before.
func (c call) compile(src string, anchors bool) *pattern {
	// Only a leading ^ makes a difference to gmatch, and hardly anyone gives it one.
	cached := anchors || !strings.HasPrefix(src, "^")
	if p := c.s.patterns[src]; p != nil && cached {
		return p
	}
	p, err := compilePattern(src, anchors)
	if err != nil {
		c.raise("%s", err)
	}
	if cached && len(src) <= 256 {
		if len(c.s.patterns) >= maxCached {
			clear(c.s.patterns)
		}
		c.s.patterns[src] = p
	}
	return p
}

func (c call) start(m *matcher, p *pattern, subject string) {
	m.start(p, subject, c.s.options.PatternSteps, c.l.Context())
}

// checkMatcher raises when the matcher gave up.
func (c call) checkMatcher(m *matcher) {
	if m.err != nil {
		c.raise("%s", m.err)
	}
}

// startAt is where find and match begin: init counts from 1, or from the end when negative.
func startAt(init, length int) int {
	if init < 0 {
		init += length + 1
	}
	return min(max(init-1, 0), length)
}

func stringFind(c call) int {
	s, pat := c.str(1), c.str(2)
	from := startAt(c.optInteger(3, 1), len(s))
	if lua.LVAsBool(c.arg(4)) || !strings.ContainsAny(pat, "^$*+?.([%-") {
		i := strings.Index(s[from:], pat)
		if i < 0 {
			return c.push(lua.LNil)
		}
		return c.push(lua.LNumber(from+i+1), lua.LNumber(from+i+len(pat)))
	}
	var m matcher
	c.start(&m, c.compile(pat, true), s)
	start, end, ok := m.find(from)
	if !ok {
		c.checkMatcher(&m)
		return c.push(lua.LNil)
	}
	c.push(lua.LNumber(start+1), lua.LNumber(end))
	for i := range m.pattern.captures {
		c.l.Push(m.capture(i))
	}
	return 2 + m.pattern.captures
}

func stringMatch(c call) int {
	s, pat := c.str(1), c.str(2)
	var m matcher
	c.start(&m, c.compile(pat, true), s)
	start, end, ok := m.find(startAt(c.optInteger(3, 1), len(s)))
	if !ok {
		c.checkMatcher(&m)
		return c.push(lua.LNil)
	}
	return c.pushCaptures(&m, start, end)
}

// capture is the value of a capture: a string, or the place where it stands.
func (m *matcher) capture(i int) lua.LValue {
	span := m.captures[i]
	if span.end == positionOnly {
		return lua.LNumber(span.start + 1)
	}
	return lua.LString(m.subject[span.start:span.end])
}

// pushCaptures pushes the captures, or the whole match when the pattern has none.
func (c call) pushCaptures(m *matcher, start, end int) int {
	if m.pattern.captures == 0 {
		return c.pushString(m.subject[start:end])
	}
	for i := range m.pattern.captures {
		c.l.Push(m.capture(i))
	}
	return m.pattern.captures
}

func stringGmatch(c call) int {
	s, p, at := c.str(1), c.compile(c.str(2), false), 0
	return c.push(c.s.builtin("gmatch", func(c call) int {
		if at > len(s) {
			return c.push(lua.LNil)
		}
		var m matcher // a fresh budget for each match: what the loop as a whole may take is the context's business
		c.start(&m, p, s)
		start, end, ok := m.find(at)
		if !ok {
			c.checkMatcher(&m)
			at = len(s) + 1
			return c.push(lua.LNil)
		}
		at = end
		if end == start {
			at++
		}
		return c.pushCaptures(&m, start, end)
	}))
}

// gsub is one run of string.gsub. Nothing is copied before the first replacement.
type gsub struct {
	call
	matcher
	with    lua.LValue
	out     strings.Builder
	changed bool
	copied  int // how much of the subject is in out, when changed
}

func stringGsub(c call) int {
	s, pat, with := c.str(1), c.str(2), c.arg(3)
	switch v := with.(type) {
	case lua.LNumber:
		with = lua.LString(FormatNumber(v))
	case lua.LString, *lua.LTable, *lua.LFunction:
	default:
		c.argError(3, "string/function/table expected")
	}
	most, count := c.optInteger(4, len(s)+1), 0
	g := gsub{call: c, with: with}
	c.start(&g.matcher, c.compile(pat, true), s)
	for at := 0; count < most; {
		start, end, ok := g.find(at)
		if !ok {
			c.checkMatcher(&g.matcher)
			break
		}
		count++
		g.replace(start, end)
		if at = end; end == start {
			at++ // the byte behind an empty match stays
		}
		if at > len(s) || g.pattern.anchored {
			break
		}
	}
	if !g.changed {
		return c.push(lua.LString(s), lua.LNumber(count))
	}
	g.append(s[g.copied:])
	return c.push(lua.LString(g.out.String()), lua.LNumber(count))
}

func (g *gsub) append(text string) {
	g.checkLength(g.out.Len() + len(text))
	g.out.WriteString(text)
}

// advance copies what stands before the match.
func (g *gsub) advance(start, end int) {
	g.append(g.subject[g.copied:start])
	g.copied, g.changed = end, true
}

// replace puts what stands before the match, and the replacement, into the result.
func (g *gsub) replace(start, end int) {
	var value lua.LValue
	switch with := g.with.(type) {
	case lua.LString:
		g.advance(start, end)
		g.expand(string(with), start, end)
		return
	case *lua.LTable:
		key := lua.LValue(lua.LString(g.subject[start:end]))
		if g.pattern.captures > 0 {
			key = g.capture(0)
		}
		value = g.l.GetTable(with, key)
	case *lua.LFunction:
		g.l.Push(with)
		g.l.Call(g.pushCaptures(&g.matcher, start, end), 1)
		value = g.l.Get(-1)
		g.l.Pop(1)
	}
	if !lua.LVAsBool(value) {
		return // the match stays as it is
	}
	text, ok := toString(value)
	if !ok {
		g.raise("invalid replacement value (a %s)", value.Type())
	}
	g.advance(start, end)
	g.append(text)
}

// expand appends a replacement string, with %0 to %9 filled in.
func (g *gsub) expand(with string, start, end int) {
	for {
		text, rest, found := strings.Cut(with, "%")
		g.append(text)
		if !found {
			return
		}
		if rest == "" {
			g.raise("invalid use of '%%' in replacement string")
		}
		switch d := rest[0]; {
		case d == '0' || d == '1' && g.pattern.captures == 0:
			g.append(g.subject[start:end])
		case d >= '1' && d <= '9':
			if int(d-'1') >= g.pattern.captures {
				g.raise("invalid capture index")
			}
			text, _ := toString(g.capture(int(d - '1')))
			g.append(text)
		default:
			g.append(rest[:1])
		}
		with = rest[1:]
	}
}
