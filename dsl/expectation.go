package dsl

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	lua "github.com/yuin/gopher-lua"

	"smtplay/engine/wire"
)

// expectation is a pattern with what belongs to the expecting: how long the
// reply may take, and why it is expected.
type expectation struct {
	wire.Pattern
	within  time.Duration
	because string
}

// node is a value of a script, whether it stands written in the source or is
// held by the running script: patterns are read from both by the same rules.
type node struct {
	kind  nodeKind
	num   float64
	str   string
	truth bool
	list  []node
	named []namedNode
	fn    *lua.LFunction
}

type namedNode struct {
	name  string
	value node
}

type nodeKind uint8

const (
	unknownNode nodeKind = iota // not written out: nothing can be said of it yet
	nilNode
	boolNode
	numberNode
	stringNode
	tableNode
	functionNode // of a running script: what stands written is unknown
)

func (n node) String() string {
	switch n.kind {
	case nilNode:
		return "nil"
	case boolNode:
		return strconv.FormatBool(n.truth)
	case numberNode:
		return strconv.FormatFloat(n.num, 'g', -1, 64)
	case stringNode:
		return strconv.Quote(n.str)
	case tableNode:
		return "a table"
	case functionNode:
		return "a function"
	}
	return "?"
}

var patternOptions = []string{"text", "match", "enhanced", "challenge", "within", "because"}

// readExpectation reads what expect takes.
func readExpectation(n node) (*expectation, error) {
	e := &expectation{}
	var err error
	e.Pattern, err = readPattern(n, e)
	return e, err
}

// ofCodes are the expectations of a code alone, by the code. They are never
// changed: with many conversations, each with a copy of its own, the next one's
// would never be in the processor's cache.
var ofCodes [600]atomic.Pointer[expectation]

// ofNumber reads what expect takes where that is a number.
func ofNumber(n lua.LNumber) (*expectation, error) {
	code := int(n)
	if lua.LNumber(code) != n || code < 0 || code >= len(ofCodes) {
		return readExpectation(node{kind: numberNode, num: float64(n)})
	}
	if e := ofCodes[code].Load(); e != nil {
		return e, nil
	}
	e, err := readExpectation(node{kind: numberNode, num: float64(n)})
	if err == nil {
		ofCodes[code].Store(e)
	}
	return e, err
}

// readPattern reads one pattern; e gets within and because, and is nil inside
// a list, where they have no place.
func readPattern(n node, e *expectation) (wire.Pattern, error) {
	switch n.kind {
	case numberNode:
		if n.num != math.Trunc(n.num) || math.Abs(n.num) > 1e6 {
			return wire.Pattern{}, fmt.Errorf("no reply has the code %v: a code is a whole number from 200 to 599", n)
		}
		return wire.CodePattern(int(n.num))
	case stringNode:
		return wire.ParsePattern(n.str)
	case tableNode:
		return readTable(n, e)
	case unknownNode:
		return wire.Pattern{}, nil
	}
	return wire.Pattern{}, fmt.Errorf(`%v is no pattern: write a code (250), a string ("554 5.7.1 relay") or a table of them`, n)
}

func readTable(n node, e *expectation) (wire.Pattern, error) {
	var p wire.Pattern
	certain := true
	for _, item := range n.list {
		a, err := readPattern(item, nil)
		if err != nil {
			return p, err
		}
		certain = certain && item.kind != unknownNode
		p.Any = append(p.Any, a)
	}
	for _, o := range n.named {
		if e == nil && (o.name == "within" || o.name == "because") {
			return p, fmt.Errorf("%s belongs to the whole expectation, not to one pattern of a list", o.name)
		}
		if err := readOption(&p, e, o); err != nil {
			return p, err
		}
		certain = certain && o.value.kind != unknownNode
	}
	if !certain {
		return p, nil
	}
	if len(p.Any) == 1 && onlyCodes(p.Any[0]) && (p.Enhanced == "" || p.Any[0].Enhanced == "") {
		// { 334, challenge = "…" }: one pattern and what must hold besides.
		p.Code, p.Enhanced, p.Any = p.Any[0].Code, p.Enhanced+p.Any[0].Enhanced, nil
	}
	return p, p.Check()
}

// onlyCodes: the pattern asks for a code, an enhanced status code or both.
func onlyCodes(p wire.Pattern) bool {
	return len(p.Any) == 0 && p.Text == "" && p.Match == nil && p.Challenge == nil
}

func readOption(p *wire.Pattern, e *expectation, o namedNode) error {
	v := o.value
	if !slices.Contains(patternOptions, o.name) {
		return unknownOption("a pattern", o.name, patternOptions)
	}
	if v.kind == unknownNode {
		return nil
	}
	if o.name == "within" {
		d, err := readDuration(v)
		e.within = d
		return err
	}
	if v.kind != stringNode {
		return fmt.Errorf("the pattern's option %s takes a string, not %v", o.name, v)
	}
	if v.str == "" && o.name != "challenge" && o.name != "because" {
		return fmt.Errorf("the pattern's option %s is empty: it would hold for every reply", o.name)
	}
	var err error
	switch o.name {
	case "text":
		p.Text = v.str
	case "match":
		if p.Match, err = regexp.Compile(v.str); err != nil {
			return fmt.Errorf("match is no regular expression (RE2): %w", err)
		}
	case "enhanced":
		if p.Enhanced = v.str; !wire.ValidEnhanced(v.str) {
			return fmt.Errorf("%q is no enhanced status code such as 5.7.1 or 5.7.x", v.str)
		}
	case "challenge":
		p.Challenge = &v.str
	case "because":
		e.because = v.str
	}
	return nil
}

// unknownOption names the nearest option there is.
func unknownOption(of, name string, known []string) error {
	if near := nearest(name, known); near != "" {
		return fmt.Errorf("%s has no option %q: did you mean %q?", of, name, near)
	}
	if len(known) == 0 {
		return fmt.Errorf("%s has no options, and got %q", of, name)
	}
	return fmt.Errorf("%s has no option %q: it has %s", of, name, strings.Join(known, ", "))
}

// readDuration reads seconds or a string such as "1m30s".
func readDuration(n node) (time.Duration, error) {
	var d time.Duration
	switch n.kind {
	case unknownNode:
		return 0, nil
	case numberNode:
		d = time.Duration(n.num * float64(time.Second))
	case stringNode:
		// A number of seconds comes second: to read one takes a kilobyte of stack, and thousands may stand here.
		var err error
		if d, err = time.ParseDuration(strings.ReplaceAll(n.str, " ", "")); err != nil {
			seconds, err := strconv.ParseFloat(strings.TrimSpace(n.str), 64)
			if err != nil {
				return 0, fmt.Errorf(`%q is no duration: write seconds, or "1m30s"`, n.str)
			}
			d = time.Duration(seconds * float64(time.Second))
		}
	default:
		return 0, fmt.Errorf(`%v is no duration: write seconds, or "1m30s"`, n)
	}
	if d <= 0 || d > maxDuration {
		return 0, fmt.Errorf("%v is no duration to wait: it must be more than 0 and at most %v", n, maxDuration)
	}
	return d, nil
}

// maxDuration keeps sums of durations from running over.
const maxDuration = 365 * 24 * time.Hour
