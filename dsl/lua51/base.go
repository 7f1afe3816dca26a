package lua51

import (
	"runtime/metrics"

	lua "github.com/yuin/gopher-lua"
)

var baseLibrary = map[string]builtin{
	"assert": baseAssert, "collectgarbage": baseCollectgarbage, "error": baseError,
	"getmetatable": baseGetmetatable, "ipairs": baseIpairs, "next": baseNext, "pairs": basePairs, "pcall": basePcall,
	"rawequal": baseRawequal, "rawget": baseRawget, "rawset": baseRawset, "select": baseSelect,
	"setmetatable": baseSetmetatable, "tonumber": baseTonumber, "tostring": baseTostring, "type": baseType,
	"unpack": baseUnpack, "xpcall": baseXpcall,
}

func baseAssert(c call) int {
	if lua.LVAsBool(c.any(1)) {
		return c.count()
	}
	object := lua.LValue(lua.LString("assertion failed!"))
	if c.count() > 1 {
		object = c.arg(2)
	}
	if c.s.options.Asserted != nil {
		c.s.options.Asserted(c.l, object)
	}
	c.l.Error(object, 0)
	return 0
}

func baseError(c call) int {
	object, level := c.arg(1), c.optInteger(2, 1)
	if text, ok := toString(object); ok && level > 0 {
		object = lua.LString(c.s.where(c.l, level) + text)
	}
	c.l.Error(object, 0)
	return 0
}

func baseCollectgarbage(c call) int {
	option := "collect"
	if !c.missing(1) {
		option = c.str(1)
	}
	switch option {
	case "count":
		return c.pushNumber(float64(heapBytes()) / 1024)
	case "collect", "stop", "restart", "step", "setpause", "setstepmul":
		return c.pushNumber(0) // Go's collector serves all scripts, and needs no orders from one
	}
	c.argError(1, "invalid option '"+option+"'")
	return 0
}

// heapBytes is what the process has allocated and not yet freed.
func heapBytes() uint64 {
	sample := []metrics.Sample{{Name: heapMetric}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

func baseGetmetatable(c call) int {
	if c.any(1).Type() == lua.LTString {
		c.s.openStrings() // behind which scripts find the library
	}
	return c.push(c.l.GetMetatable(c.any(1)))
}

func baseSetmetatable(c call) int {
	t, meta := c.table(1), c.arg(2)
	switch meta.(type) {
	case *lua.LTable, *lua.LNilType:
	default:
		c.argError(2, "nil or table expected")
	}
	if c.count() < 2 {
		c.argError(2, "nil or table expected")
	}
	if c.l.GetMetaField(t, "__metatable") != lua.LNil {
		c.raise("cannot change a protected metatable")
	}
	t.Metatable = meta
	return c.push(t)
}

func baseNext(c call) int {
	key, value := c.table(1).Next(c.arg(2))
	if key == lua.LNil {
		return c.push(lua.LNil)
	}
	return c.push(key, value)
}

func basePairs(c call) int {
	next := c.s.Globals().RawGetString("next")
	if next == lua.LNil {
		next = c.s.builtin("next", baseNext)
		c.s.keep("next", next)
	}
	return c.push(next, c.table(1), lua.LNil)
}

func baseIpairs(c call) int {
	if c.s.ipairsNext == nil {
		c.s.ipairsNext = c.s.builtin("ipairs", ipairsNext)
	}
	return c.push(c.s.ipairsNext, c.table(1), lua.LNumber(0))
}

func ipairsNext(c call) int {
	i := c.integer(2) + 1
	value := c.table(1).RawGet(lua.LNumber(i))
	if value == lua.LNil {
		return 0
	}
	return c.push(lua.LNumber(i), value)
}

func baseRawequal(c call) int { return c.push(lua.LBool(c.l.RawEqual(c.any(1), c.any(2)))) }

func baseRawget(c call) int { return c.push(c.table(1).RawGet(c.any(2))) }

func baseRawset(c call) int {
	t, key, value := c.table(1), c.any(2), c.any(3)
	if n, ok := key.(lua.LNumber); ok && n != n {
		c.raise("table index is NaN")
	} else if key == lua.LNil {
		c.raise("table index is nil")
	}
	t.RawSet(key, value)
	return c.push(t)
}

func baseSelect(c call) int {
	n := c.count()
	if c.arg(1) == lua.LString("#") {
		return c.pushNumber(float64(n - 1))
	}
	i := c.integer(1)
	if i < 0 {
		i += n
	}
	if i < 1 {
		c.argError(1, "index out of range")
	}
	return max(n-i, 0) // the last of the arguments, where they already lie
}

func baseTonumber(c call) int {
	base := c.optInteger(2, 10)
	if base == 10 {
		if n, ok := toNumber(c.any(1)); ok {
			return c.push(n)
		}
		return c.push(lua.LNil)
	}
	text := c.str(1)
	if base < 2 || base > 36 {
		c.argError(2, "base out of range")
	}
	n, ok := parseInBase(text, base)
	if !ok {
		return c.push(lua.LNil)
	}
	return c.pushNumber(n)
}

func baseTostring(c call) int {
	v := c.any(1)
	if method, ok := c.l.GetMetaField(v, "__tostring").(*lua.LFunction); ok {
		c.l.Push(method)
		c.l.Push(v)
		c.l.Call(1, 1)
		return 1
	}
	if n, ok := v.(lua.LNumber); ok {
		return c.pushString(FormatNumber(n))
	}
	return c.pushString(v.String())
}

func baseType(c call) int { return c.pushString(c.any(1).Type().String()) }

func baseUnpack(c call) int {
	t := c.table(1)
	first := c.optInteger(2, 1)
	last := c.optInteger(3, t.Len())
	if last-first >= maxResults {
		c.raise("too many results to unpack")
	}
	for i := first; i <= last; i++ {
		c.l.Push(t.RawGet(lua.LNumber(i)))
	}
	return max(last-first+1, 0)
}
