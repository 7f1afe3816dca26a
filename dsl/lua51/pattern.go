package lua51

import (
	"errors"
	"strings"
	"sync"
)

const (
	maxCaptures    = 32      // as in Lua 5.1
	maxRepetitions = 256     // each may be one level of the matcher's recursion
	maxPattern     = 1 << 16 // bytes; a compiled pattern takes about 50 times as much
	maxCached      = 64      // compiled patterns that a state keeps
)

// class is a set of bytes.
type class [4]uint64

func (k *class) has(b byte) bool { return k[b>>6]&(1<<(b&63)) != 0 }
func (k *class) add(b byte)      { k[b>>6] |= 1 << (b & 63) }

func (k *class) merge(other *class) {
	for i := range k {
		k[i] |= other[i]
	}
}

func (k *class) complement() class { return class{^k[0], ^k[1], ^k[2], ^k[3]} }

func classOf(member func(byte) bool) *class {
	k := new(class)
	for i := range 256 {
		if member(byte(i)) {
			k.add(byte(i))
		}
	}
	return k
}

// literals are the classes of one byte, anyByte that of all.
var (
	literals = func() (all [256]class) {
		for i := range all {
			all[i].add(byte(i))
		}
		return all
	}()
	anyByte = classOf(func(byte) bool { return true })
)

// namedClasses are %a to %z, and their complements %A to %Z, in the C locale.
var namedClasses = sync.OnceValue(func() map[byte]*class {
	lower := func(b byte) bool { return b >= 'a' && b <= 'z' }
	upper := func(b byte) bool { return b >= 'A' && b <= 'Z' }
	digit := func(b byte) bool { return b >= '0' && b <= '9' }
	printable := func(b byte) bool { return b > ' ' && b < 127 }
	word := func(b byte) bool { return lower(b) || upper(b) || digit(b) }
	named := map[byte]*class{
		'a': classOf(func(b byte) bool { return lower(b) || upper(b) }),
		'c': classOf(func(b byte) bool { return b < ' ' || b == 127 }),
		'd': classOf(digit),
		'l': classOf(lower),
		'p': classOf(func(b byte) bool { return printable(b) && !word(b) }),
		's': classOf(func(b byte) bool { return b == ' ' || b >= '\t' && b <= '\r' }),
		'u': classOf(upper),
		'w': classOf(word),
		'x': classOf(func(b byte) bool { return digit(b) || b|0x20 >= 'a' && b|0x20 <= 'f' }),
		'z': classOf(func(b byte) bool { return b == 0 }),
	}
	for name := byte('a'); name <= 'z'; name++ {
		if k := named[name]; k != nil {
			outside := k.complement()
			named[name-0x20] = &outside
		}
	}
	return named
})

type itemKind uint8

const (
	single          itemKind = iota // one byte of a class, perhaps repeated
	openCapture                     // (
	closeCapture                    // )
	positionCapture                 // ()
	balanced                        // %bxy
	frontier                        // %f[set]
	backReference                   // %1
	endAnchor                       // $
)

// item is one step of a pattern.
type item struct {
	kind        itemKind
	repeat      byte   // of a single: 0, or one of ? * + -
	capture     uint8  // of captures and back-references: which
	open, close byte   // of balanced
	class       *class // of single and frontier
}

// pattern is a compiled Lua pattern. A Lua pattern has no alternatives, so the items are met in one order, and which
// captures are open where is known before any matching.
type pattern struct {
	items    []item
	captures int
	anchored bool
	first    int // the byte that every match begins with, -1 when it is not one
}

// compilePattern compiles src. A ^ at its start is an anchor, but for gmatch, to which Lua 5.1 makes it a plain byte.
func compilePattern(src string, anchors bool) (*pattern, error) {
	if len(src) > maxPattern {
		return nil, errors.New("pattern too long")
	}
	c := patternCompiler{src: src}
	if anchors && strings.HasPrefix(src, "^") {
		c.out.anchored, c.at = true, 1
	}
	for c.at < len(src) {
		if err := c.item(); err != nil {
			return nil, err
		}
	}
	if len(c.pending) > 0 {
		return nil, errors.New("unfinished capture")
	}
	c.out.first = -1
	if len(c.out.items) > 0 {
		c.out.first = c.out.items[0].onlyByte()
	}
	return &c.out, nil
}

// onlyByte is the one byte that the item matches, -1 when there are others.
func (it *item) onlyByte() int {
	if it.kind == single && (it.repeat == 0 || it.repeat == '+') {
		for b := range literals {
			if literals[b] == *it.class {
				return b
			}
		}
	}
	return -1
}

type patternCompiler struct {
	src      string
	at       int
	pending  []uint8 // captures that are open, the innermost last
	closed   [maxCaptures]bool
	repeated int
	out      pattern
}

// peek is the byte i places on; ok is false behind the end.
func (c *patternCompiler) peek(i int) (b byte, ok bool) {
	if c.at+i >= len(c.src) {
		return 0, false
	}
	return c.src[c.at+i], true
}

func (c *patternCompiler) emit(it item, length int) error {
	c.out.items = append(c.out.items, it)
	c.at += length
	return nil
}

func (c *patternCompiler) item() error {
	b, _ := c.peek(0)
	next, more := c.peek(1)
	switch {
	case b == '(':
		return c.openCapture(more && next == ')')
	case b == ')':
		if len(c.pending) == 0 {
			return errors.New("invalid pattern capture")
		}
		n := c.pending[len(c.pending)-1]
		c.pending = c.pending[:len(c.pending)-1]
		c.closed[n] = true
		return c.emit(item{kind: closeCapture, capture: n}, 1)
	case b == '$' && !more:
		return c.emit(item{kind: endAnchor}, 1)
	case b == '%' && next == 'b':
		open, _ := c.peek(2)
		end, ok := c.peek(3)
		if !ok {
			return errors.New("unbalanced pattern")
		}
		return c.emit(item{kind: balanced, open: open, close: end}, 4)
	case b == '%' && next == 'f':
		c.at += 2
		if set, ok := c.peek(0); !ok || set != '[' {
			return errors.New("missing '[' after '%f' in pattern")
		}
		k, err := c.set()
		if err != nil {
			return err
		}
		return c.emit(item{kind: frontier, class: k}, 0)
	case b == '%' && next >= '0' && next <= '9':
		n := int(next) - '1'
		if n < 0 || n >= c.out.captures || !c.closed[n] {
			return errors.New("invalid capture index")
		}
		return c.emit(item{kind: backReference, capture: uint8(n)}, 2)
	}
	return c.single()
}

func (c *patternCompiler) openCapture(position bool) error {
	n := c.out.captures
	if n == maxCaptures {
		return errors.New("too many captures")
	}
	c.out.captures++
	if position {
		c.closed[n] = true
		return c.emit(item{kind: positionCapture, capture: uint8(n)}, 2)
	}
	c.pending = append(c.pending, uint8(n))
	return c.emit(item{kind: openCapture, capture: uint8(n)}, 1)
}

// single compiles one byte or class and the repetition behind it.
func (c *patternCompiler) single() error {
	var k *class
	var err error
	switch b, _ := c.peek(0); b {
	case '[':
		k, err = c.set()
	case '%':
		k, err = c.escape()
	case '.':
		k = anyByte
		c.at++
	default:
		k = &literals[b]
		c.at++
	}
	if err != nil {
		return err
	}
	switch r, _ := c.peek(0); r {
	case '?', '*', '+', '-':
		if c.repeated++; c.repeated > maxRepetitions {
			return errors.New("pattern too complex: more than 256 repetitions")
		}
		return c.emit(item{kind: single, class: k, repeat: r}, 1)
	}
	return c.emit(item{kind: single, class: k}, 0)
}

// escape reads a % and the byte after it: a named class, else that byte itself.
func (c *patternCompiler) escape() (*class, error) {
	b, ok := c.peek(1)
	if !ok {
		return nil, errors.New("malformed pattern (ends with '%')")
	}
	c.at += 2
	if k := namedClasses()[b]; k != nil {
		return k, nil
	}
	return &literals[b], nil
}

// set reads [...] or [^...]. A ] in the first place is a member.
func (c *patternCompiler) set() (*class, error) {
	k := new(class)
	c.at++
	b, _ := c.peek(0)
	negated := b == '^'
	if negated {
		c.at++
	}
	for first := true; ; first = false {
		b, ok := c.peek(0)
		if !ok {
			return nil, errors.New("malformed pattern (missing ']')")
		}
		if b == ']' && !first {
			break
		}
		if b == '%' {
			if _, ok := c.peek(1); !ok {
				return nil, errors.New("malformed pattern (missing ']')")
			}
			named, err := c.escape()
			if err != nil {
				return nil, err
			}
			k.merge(named)
			continue
		}
		c.at++
		dash, _ := c.peek(0)
		last, ok := c.peek(1)
		if dash != '-' || !ok || last == ']' {
			k.add(b)
			continue
		}
		for m := int(b); m <= int(last); m++ {
			k.add(byte(m))
		}
		c.at += 2
	}
	c.at++
	if negated {
		*k = k.complement()
	}
	return k, nil
}
