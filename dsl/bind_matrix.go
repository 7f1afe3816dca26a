package dsl

import (
	"fmt"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"smtplay/dsl/lua51"
	"smtplay/engine/suite"
)

// maxMatrix bounds the tests of one matrix.
const maxMatrix = 10_000

// optTags are the tags of what is declared; CheckTag says what one looks like.
var optTags = param{name: "tags", kind: listKind, doc: "by which --tags chooses: a string with blanks between them, or a list; beside those of the file", spell: func(s string) error {
	_, err := suite.SplitTags(s)
	return err
}}

var optOnce = param{name: "once", kind: booleanKind, doc: "neither repeated by --repeat nor tried again by --retries"}

func matrixVerb() *verb {
	return &verb{name: "matrix", open: true, doc: "Declares a test for every combination of values: each name leads to a list of them, an axis. A test is named by its combination, as server=smtp mechanism=PLAIN, and gets it as a table. tags and once are those of test, and no axes. At most 10,000 tests.",
		args: []param{{name: "name", kind: anyValue, optional: true, doc: "stands before the combination in the names of the tests, where a file has several matrices"}, {name: "body", kind: functionKind}}, options: []param{optTags, optOnce},
		example: `matrix{ server = { "smtp", "submission" }, mechanism = { "PLAIN", "LOGIN" }, function(m) … end }`, run: runMatrix}
}

// axis is one dimension of a matrix, and the values along it.
type axis struct {
	name   string
	values []lua.LValue
	texts  []string
}

func runMatrix(c *call) int {
	c.declares()
	name, body := c.matrixArguments()
	axes := c.axes()
	total := 1
	for _, a := range axes {
		if total *= len(a.values); total > maxMatrix {
			c.wrong("this matrix has more than %d combinations: split it into several files", maxMatrix)
		}
	}
	d := declared{body: body}
	d.Once, d.Tags, d.At = c.once(), c.tags(), c.pos
	mine := c.s.run.Index - len(c.s.tests)
	s := c.s
	combination := func(i int) declared { return s.combination(d, name, axes, i) }
	alone := s.phase == phaseChoosing
	if alone && mine >= 0 && mine < total {
		own := combination(mine)
		alone = s.listed(&own) // else it has another place by now
	}
	for i := range total {
		// Each test runs the whole file again, and needs its own place only.
		if alone && i != mine {
			s.tests = append(s.tests, declared{})
			continue
		}
		c.declare(combination(i))
	}
	if alone { // and what has its place may be another test
		s.unmade = append(s.unmade, combinations{total, combination})
	}
	return 0
}

// combinations are the tests of a matrix, of which a run makes none that it does
// not look for.
type combinations struct {
	total int
	make  func(i int) declared
}

// matrixArguments are the name, "" where there is none, and the body.
func (c *call) matrixArguments() (name string, body *lua.LFunction) {
	if c.opts == nil {
		c.wrong("matrix needs axes: %s", c.v.example)
	}
	at := 0
	if _, isBody := c.arg(0).(*lua.LFunction); !isBody && c.count > 0 {
		if name = strings.TrimSpace(c.asText(c.arg(0), "name")); name == "" {
			c.wrong("the name of a matrix is empty")
		}
		at = 1
	}
	body, ok := c.arg(at).(*lua.LFunction)
	if !ok {
		c.wrong("matrix needs a body, a function, and got %s", article(c.arg(at)))
	}
	if c.count > at+1 {
		c.wrong("matrix takes a name and a function, and nothing after them")
	}
	return name, body
}

// axes are those of the call, in the order in which they are written.
func (c *call) axes() []axis {
	var axes []axis
	for k, v := c.opts.Next(lua.LNil); k != lua.LNil; k, v = c.opts.Next(k) {
		key, named := k.(lua.LString)
		if _, option := c.v.option(string(key)); !named && c.table != nil || named && option {
			continue
		}
		name := string(key)
		list, ok := v.(*lua.LTable)
		switch {
		case !named:
			c.wrong("the axes of a matrix have names")
		case name == "" || strings.ContainsAny(name, "= \t\r\n"):
			c.wrong("%q is no name for an axis", name)
		case !ok:
			meant := nearest(name, []string{optTags.name, optOnce.name})
			if meant != "" {
				meant = ": did you mean the option " + meant + "?"
			}
			c.wrong("the axis %s is a list of values, not %s%s", name, article(v), meant)
		case list.Metatable != lua.LNil:
			c.wrong("the axis %s is a plain list, not one with a metatable", name)
		case len(axes) >= maxAxes:
			c.wrong("this matrix has more than %d axes", maxAxes)
		}
		axes = append(axes, c.axis(name, list))
	}
	if len(axes) == 0 {
		c.wrong("matrix needs axes: %s", c.v.example)
	}
	return axes
}

// maxAxes bounds the axes of a matrix: with more, most have one value.
const maxAxes = 20

func (c *call) axis(name string, list *lua.LTable) axis {
	a := axis{name: name}
	if n := list.Len(); n > maxMatrix {
		c.wrong("the axis %s has more than %d values", name, maxMatrix)
	}
	seen := map[string]bool{}
	for i := range list.Len() {
		v := list.RawGetInt(i + 1)
		var text string
		switch v := v.(type) {
		case lua.LString:
			text = string(v)
		case lua.LNumber:
			text = lua51.FormatNumber(v)
		case lua.LBool:
			text = v.String()
		default:
			c.wrong("the axis %s has %s at [%d], and takes strings, numbers and booleans", name, article(v), i+1)
		}
		if seen[text] {
			c.wrong("the axis %s has %q twice", name, text)
		}
		seen[text] = true
		a.values, a.texts = append(a.values, v), append(a.texts, text)
	}
	for k, _ := list.Next(lua.LNil); k != lua.LNil; k, _ = list.Next(k) {
		if i, ok := k.(lua.LNumber); !ok || i < 1 || int(i) > len(a.values) {
			c.wrong("the axis %s is a list, and cannot hold a value at [%v]", name, k)
		}
	}
	if len(a.values) == 0 {
		c.wrong("the axis %s is empty: there would be no test", name)
	}
	return a
}

// combination is test n of a matrix. The last axis changes fastest.
func (s *session) combination(d declared, name string, axes []axis, n int) declared {
	members := make([]member, len(axes))
	cells := make([]suite.Cell, len(axes))
	words := make([]string, len(axes))
	for i, a := range slices.Backward(axes) {
		at := n % len(a.values)
		n /= len(a.values)
		members[i] = member{a.name, a.values[at]}
		cells[i] = suite.Cell{Axis: a.name, Value: a.texts[at]}
		words[i] = a.name + "=" + a.texts[at]
	}
	d.Name, d.Cells = strings.Join(words, " "), cells
	if name != "" {
		d.Name = fmt.Sprintf("%s: %s", name, d.Name)
	}
	if s.phase != phaseListing {
		d.args = []lua.LValue{s.m.record("combination", members)}
	}
	return d
}
