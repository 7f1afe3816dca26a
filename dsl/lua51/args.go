package lua51

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"
)

// call is one call of a builtin: of which state, on which thread, under which name.
type call struct {
	s    *State
	l    *lua.LState
	name string
}

// builtin is a function of Lua's own, in Go. It returns how many results it pushed.
type builtin func(call) int

// builtin makes a Lua function of fn that knows its name for argument errors, and in which a Go panic is fatal.
func (s *State) builtin(name string, fn builtin) *lua.LFunction {
	return s.main.NewFunction(func(l *lua.LState) int {
		defer s.guard(l)
		return fn(call{s, l, name})
	})
}

func (c call) count() int { return c.l.GetTop() }

func (c call) arg(i int) lua.LValue { return c.l.Get(i) }

// missing reports whether argument i is absent or nil, the two ways to leave an optional argument out.
func (c call) missing(i int) bool { return c.l.Get(i) == lua.LNil }

// push returns values to the script; it is the result of the builtin.
func (c call) push(values ...lua.LValue) int {
	for _, v := range values {
		c.l.Push(v)
	}
	return len(values)
}

func (c call) pushString(s string) int {
	c.l.Push(lua.LString(s))
	return 1
}

func (c call) pushNumber(n float64) int {
	c.l.Push(lua.LNumber(n))
	return 1
}

// raise ends the builtin with a message, prefixed by the position of the Lua code that called it.
func (c call) raise(format string, args ...any) {
	text := c.s.where(c.l, 1) + fmt.Sprintf(format, args...)
	c.l.Error(lua.LString(text), 0)
}

func (c call) argError(i int, message string) {
	c.raise("bad argument #%d to '%s' (%s)", i, c.name, message)
}

func (c call) typeError(i int, want string) {
	c.argError(i, want+" expected, got "+c.typeName(i))
}

func (c call) typeName(i int) string {
	if i > c.count() {
		return "no value"
	}
	return c.arg(i).Type().String()
}

func (c call) any(i int) lua.LValue {
	if i > c.count() {
		c.argError(i, "value expected")
	}
	return c.arg(i)
}

func (c call) str(i int) string {
	s, ok := toString(c.arg(i))
	if !ok {
		c.typeError(i, "string")
	}
	return s
}

func (c call) num(i int) float64 {
	n, ok := toNumber(c.arg(i))
	if !ok {
		c.typeError(i, "number")
	}
	return float64(n)
}

func (c call) integer(i int) int { return toInteger(lua.LNumber(c.num(i))) }

func (c call) optInteger(i, otherwise int) int {
	if c.missing(i) {
		return otherwise
	}
	return c.integer(i)
}

func (c call) table(i int) *lua.LTable {
	t, ok := c.arg(i).(*lua.LTable)
	if !ok {
		c.typeError(i, "table")
	}
	return t
}

func (c call) function(i int) *lua.LFunction {
	f, ok := c.arg(i).(*lua.LFunction)
	if !ok {
		c.typeError(i, "function")
	}
	return f
}

// checkContext raises when the run was ended. Builtins that loop call it now and then.
func (c call) checkContext() {
	if ctx := c.l.Context(); ctx != nil && ctx.Err() != nil {
		c.raise("%s", ctx.Err())
	}
}

// checkLength raises when a string of n bytes would be too large to build, or the memory is full.
func (c call) checkLength(n int) {
	if n > maxString {
		c.raise("resulting string too large")
	}
	if n >= large {
		c.charge(n)
	}
}

// large is the size from which on the watchdog is told of what is built.
const large = 32 << 10

// charge tells the watchdog that n bytes are about to be taken, and raises when they must not be.
func (c call) charge(n int) {
	if w := c.s.options.Watchdog; w != nil {
		w.charge(&c.s.watched, n)
		c.checkContext()
	}
}

// toString is Lua's own conversion: a string, or a number in its text form.
func toString(v lua.LValue) (string, bool) {
	switch v := v.(type) {
	case lua.LString:
		return string(v), true
	case lua.LNumber:
		return FormatNumber(v), true
	}
	return "", false
}
