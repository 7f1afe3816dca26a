package lua51

import (
	"sort"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

var tableLibrary = map[string]builtin{
	"concat": tableConcat, "insert": tableInsert, "maxn": tableMaxn, "remove": tableRemove, "sort": tableSort,
}

func tableConcat(c call) int {
	t, sep := c.table(1), ""
	if !c.missing(2) {
		sep = c.str(2)
	}
	first := c.optInteger(3, 1)
	last := c.optInteger(4, t.Len())
	var out strings.Builder
	for i := first; i <= last; i++ {
		v := t.RawGet(lua.LNumber(i))
		text, ok := toString(v)
		if !ok {
			c.raise("invalid value (%s) at index %d in table for 'concat'", v.Type(), i)
		}
		c.checkLength(out.Len() + len(sep) + len(text))
		if i > first {
			out.WriteString(sep)
		}
		out.WriteString(text)
	}
	return c.pushString(out.String())
}

func tableInsert(c call) int {
	t := c.table(1)
	end := t.Len() + 1
	at, value := end, c.arg(2)
	switch c.count() {
	case 2:
	case 3:
		at, value = c.integer(2), c.arg(3)
	default:
		c.raise("wrong number of arguments to 'insert'")
	}
	if at < 1 {
		c.argError(2, "position out of bounds")
	}
	if end >= lua.MaxArrayIndex {
		c.raise("table overflow") // the array part cannot hold more, and # would not see the element
	}
	if at < end {
		t.Insert(at, value)
	} else {
		t.RawSet(lua.LNumber(at), value)
	}
	return 0
}

func tableRemove(c call) int {
	t := c.table(1)
	end := t.Len()
	at := c.optInteger(2, end)
	if at < 1 || at > end {
		return 0
	}
	return c.push(t.Remove(at))
}

func tableMaxn(c call) int {
	most := 0.0
	c.table(1).ForEach(func(key, _ lua.LValue) {
		if n, ok := key.(lua.LNumber); ok {
			most = max(most, float64(n))
		}
	})
	return c.pushNumber(most)
}

// tableSort sorts a copy and puts it back: a comparator may change the table, and an error leaves it as it was.
// An order function that contradicts itself gives some order, where Lua 5.1 may raise "invalid order function".
func tableSort(c call) int {
	t := c.table(1)
	var by *lua.LFunction
	if !c.missing(2) {
		by = c.function(2)
	}
	values := make([]lua.LValue, t.Len())
	for i := range values {
		values[i] = t.RawGetInt(i + 1)
	}
	less, compared := c.order(by), 0
	sort.Slice(values, func(i, j int) bool {
		if compared++; compared%pollSteps == 0 {
			c.checkContext()
		}
		return less(values[i], values[j])
	})
	for i, v := range values {
		t.RawSetInt(i+1, v)
	}
	return 0
}

// order is the comparison of a sort.
func (c call) order(by *lua.LFunction) func(a, b lua.LValue) bool {
	if by == nil {
		return func(a, b lua.LValue) bool { return c.l.LessThan(a, b) }
	}
	return func(a, b lua.LValue) bool {
		c.l.Push(by)
		c.l.Push(a)
		c.l.Push(b)
		c.l.Call(2, 1)
		result := c.l.Get(-1)
		c.l.Pop(1)
		return lua.LVAsBool(result)
	}
}

// tableFill puts into a table, behind its first n values, all others that it is given: the end of a constructor.
func tableFill(c call) int {
	t, n := c.table(1), c.integer(2)
	for i := 3; i <= c.count(); i++ {
		t.RawSet(lua.LNumber(n+i-2), c.arg(i))
	}
	return c.push(t)
}
