package lua51

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

const (
	// maxString bounds the strings that the functions here build, in bytes.
	maxString = 64 << 20
	// maxResults bounds what one call returns: every result takes a place in the machine's registry, which never
	// shrinks.
	maxResults = 1 << 16
)

var stringLibrary = map[string]builtin{
	"byte": stringByte, "char": stringChar, "find": stringFind, "format": stringFormat, "gmatch": stringGmatch,
	"gsub": stringGsub, "len": stringLen, "lower": stringLower, "match": stringMatch, "rep": stringRep,
	"reverse": stringReverse, "sub": stringSub, "upper": stringUpper,
}

// bounds turns the first and last place of a substring, which may count from the end, into s[from:to].
func bounds(first, last, length int) (from, to int) {
	if first < 0 {
		first += length + 1
	}
	if last < 0 {
		last += length + 1
	}
	from, to = max(first, 1)-1, min(last, length)
	if from >= to {
		return 0, 0
	}
	return from, to
}

func stringByte(c call) int {
	s := c.str(1)
	first := c.optInteger(2, 1)
	from, to := bounds(first, c.optInteger(3, first), len(s))
	if to-from > maxResults {
		c.raise("string slice too long")
	}
	for i := from; i < to; i++ {
		c.l.Push(lua.LNumber(s[i]))
	}
	return to - from
}

func stringChar(c call) int {
	out := make([]byte, c.count())
	for i := range out {
		n := c.integer(i + 1)
		if n < 0 || n > 255 {
			c.argError(i+1, "invalid value")
		}
		out[i] = byte(n)
	}
	return c.pushString(string(out))
}

func stringLen(c call) int { return c.pushNumber(float64(len(c.str(1)))) }

func stringSub(c call) int {
	s := c.str(1)
	from, to := bounds(c.integer(2), c.optInteger(3, -1), len(s))
	return c.pushString(s[from:to])
}

func stringRep(c call) int {
	s, n := c.str(1), max(c.integer(2), 0)
	if len(s) > 0 && n > maxString/len(s) {
		c.raise("resulting string too large")
	}
	c.checkLength(len(s) * n)
	return c.pushString(strings.Repeat(s, n))
}

func stringReverse(c call) int {
	s := c.str(1)
	c.checkLength(len(s))
	out := make([]byte, len(s))
	for i := range out {
		out[i] = s[len(s)-1-i]
	}
	return c.pushString(string(out))
}

func stringLower(c call) int { return mapBytes(c, 'A', 'Z') }
func stringUpper(c call) int { return mapBytes(c, 'a', 'z') }

// mapBytes changes the case of the ASCII letters from first to last; strings are bytes, in the C locale.
func mapBytes(c call, first, last byte) int {
	s := c.str(1)
	c.checkLength(len(s))
	var out strings.Builder
	out.Grow(len(s))
	for i := range len(s) {
		b := s[i]
		if b >= first && b <= last {
			b ^= 0x20
		}
		out.WriteByte(b)
	}
	return c.pushString(out.String())
}

// arithmetic gives strings the metamethods by which "10" + 1 is 11: the machine would read "010" as octal, and take
// names and underscores.
func (s *State) arithmetic(meta *lua.LTable) {
	for event, operate := range map[string]func(a, b lua.LNumber) lua.LNumber{
		"__add": func(a, b lua.LNumber) lua.LNumber { return a + b },
		"__sub": func(a, b lua.LNumber) lua.LNumber { return a - b },
		"__mul": func(a, b lua.LNumber) lua.LNumber { return a * b },
		"__div": func(a, b lua.LNumber) lua.LNumber { return a / b },
		"__mod": modulo,
		"__pow": power,
		"__unm": func(a, _ lua.LNumber) lua.LNumber { return -a },
	} {
		meta.RawSetString(event, s.builtin(event, func(c call) int {
			left, right := c.arg(1), c.arg(2)
			if event == "__unm" {
				right = left
			}
			a, okA := toNumber(left)
			b, okB := toNumber(right)
			if okA && okB {
				return c.push(operate(a, b))
			}
			return c.otherOperand(event, left, right, okA)
		}))
	}
}

// otherOperand is for a string that reads as no number, or whose partner is none: the partner's metamethod decides.
func (c call) otherOperand(event string, left, right lua.LValue, leftIsNumber bool) int {
	for _, v := range []lua.LValue{left, right} {
		if method := c.l.GetMetaField(v, event); v.Type() != lua.LTString && method.Type() == lua.LTFunction {
			c.l.Push(method)
			c.push(left, right)
			c.l.Call(2, 1)
			return 1
		}
	}
	wrong := left
	if leftIsNumber {
		wrong = right
	}
	c.raise("attempt to perform arithmetic on a %s value", wrong.Type())
	return 0
}
