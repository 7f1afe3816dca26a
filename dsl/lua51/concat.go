package lua51

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// stringConcat joins its arguments from the right, as the operator does: strings and numbers at once, anything else by
// its metamethod.
func stringConcat(c call) int {
	last := c.count()
	right := c.arg(last)
	for i := last - 1; i > 0; i-- {
		left := c.arg(i)
		if !isText(left) || !isText(right) {
			right = c.concatMeta(left, right)
			continue
		}
		first := i
		for first > 1 && isText(c.arg(first-1)) {
			first--
		}
		right = c.joined(first, i, right)
		i = first
	}
	return c.push(right)
}

// joined is the text of arguments first to last, with right behind them.
func (c call) joined(first, last int, right lua.LValue) lua.LValue {
	var parts [8]string
	texts := parts[:0]
	size := 0
	for i := first; i <= last+1; i++ {
		v := right
		if i <= last {
			v = c.arg(i)
		}
		text, _ := toString(v)
		texts = append(texts, text)
		size += len(text)
	}
	c.checkLength(size)
	return lua.LString(strings.Join(texts, ""))
}

func (c call) concatMeta(left, right lua.LValue) lua.LValue {
	for _, v := range []lua.LValue{left, right} {
		if method := c.l.GetMetaField(v, "__concat"); method.Type() == lua.LTFunction {
			c.l.Push(method)
			c.push(left, right)
			c.l.Call(2, 1)
			result := c.l.Get(-1)
			c.l.Pop(1)
			return result
		}
	}
	wrong := left
	if isText(left) {
		wrong = right
	}
	c.raise("attempt to concatenate a %s value", wrong.Type())
	return nil
}

func isText(v lua.LValue) bool {
	switch v.(type) {
	case lua.LString, lua.LNumber:
		return true
	}
	return false
}
