package lua51

import (
	"math"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"
)

func TestStrings(t *testing.T) {
	checkRows(t, []row{
		{`return ("x"):rep(3), ("x"):rep(0), ("x"):rep(-1), ("ab"):rep(2)`, "xxx   abab", "rep", false},
		{`return ("hello"):sub(2, -2), ("hello"):sub(-3), ("hello"):sub(4, 2), ("hello"):sub(0), ("hi"):sub(1, 99)`, "ell llo  hello hi", "sub", false},
		{`return ("abc"):byte(), ("abc"):byte(2), ("abc"):byte(1, -1)`, "97 98 97 98 99", "byte", false},
		{`return select("#", ("abc"):byte(10))`, "0", "byte of nothing is nothing", false},
		{`return string.char(72, 105), #string.char(0, 255), string.char()`, "Hi 2 ", "char", false},
		{`string.char(256)`, "error: t.lua:1: bad argument #1 to 'char' (invalid value)", "not a byte", false},
		{`return ("aÄz"):upper(), ("AÄZ"):lower()`, "AÄZ aÄz", "ASCII only", false},
		{`return ("abc"):reverse(), ("abc"):len(), #"a\0b"`, "cba 3 3", "reverse, len", false},
		{`return "10" + 1, "0x10" + 0, "010" + 1, " 5 " * "2", -"3", 10 % "4", 2 ^ "3", "7" / 2, "1e1" - 1`, "11 16 11 10 -3 2 8 3.5 9", "strings calculate, leading zeros are decimal", false},
		{`return "x" + 1`, "error: t.lua:1: attempt to perform arithmetic on a string value", "no number", false},
		{`return "1" + {}`, "error: t.lua:1: attempt to perform arithmetic on a table value", "the operand at fault is named", false},
		{`return "x" .. 1 + setmetatable({}, {__add = function(a, b) return a end})`, "x1", "the other operand's metamethod", false},
		{`return "1" + setmetatable({}, {__add = function(a, b) return a .. "!" end})`, "1!", "also with a string on the left", false},
		{`string.rep()`, "error: t.lua:1: bad argument #1 to 'rep' (string expected, got no value)", "argument checks", false},
		{`string.rep("x", {})`, "error: t.lua:1: bad argument #2 to 'rep' (number expected, got table)", "argument checks", false},
		{`return ("x"):rep("2"), (5):rep(1)`, "error: t.lua:1: attempt to index a non-table object(number) with key 'rep'", "numbers have no methods; the machine's own text", true},
		{`string.rep("x", 1e9)`, "error: t.lua:1: resulting string too large", "64 MiB at most", true},
		{`string.rep("x", math.huge)`, "error: t.lua:1: resulting string too large", "also for infinity", true},
		{`return #string.rep("", 1e15)`, "0", "many times nothing", true},
		{`return getmetatable("").__index == string`, "true", "the methods of strings are those of string", false},
	})
}

func TestFormat(t *testing.T) {
	checkRows(t, []row{
		{`return string.format("%d %i %5d|%-5d|%05d|%+d|% d|%.3d", 3.9, -1, 7, 7, 7, 7, 7, 7)`, "3 -1     7|7    |00007|+7| 7|007", "integers", false},
		{`return string.format("%u %x %X %#x %o %#o %+x", 7, 255, 255, 255, 8, 8, 255)`, "7 ff FF 0xff 10 010 ff", "unsigned", false},
		{`return string.format("%x %#x", -1, 0)`, "ffffffffffffffff 0", "a negative number wraps, 0 has no prefix", false},
		{`return string.format("%c%c|%3c|%-3c|", 72, 105, 65, 66)`, "Hi|  A|B  |", "bytes", false},
		{`return string.format("%e %E %.2e %.0f %5.1f|%-8.3f|%f", 1.5, 1.5, 12345, 2.5, 3.14159, 2, 1e20)`, "1.500000e+00 1.500000E+00 1.23e+04 2   3.1|2.000   |100000000000000000000.000000", "floats", false},
		{`return string.format("%g %g %g %g %.3g %#g %G %+g %.0g", 1e20, 0.1, 100000, 1e6, 1234, 1, 1e-10, 1, 15)`, "1e+20 0.1 100000 1e+06 1.23e+03 1.00000 1E-10 +1 2e+01", "%g", false},
		{`return string.format("%f %5.1f %g %G %05d", 1/0, -1/0, 1/0, 1/0, -3)`, "inf  -inf inf INF -0003", "infinity has no digits", false},
		{`return string.format("%s|%5s|%-5s|%.2s|%5.1s|%s", "a", "b", "c", "def", "abc", 12)`, "a|    b|c    |de|    a|12", "strings", false},
		{`return #string.format("%s", ("x"):rep(200)), #string.format("a\0%s", "b\0c")`, "200 5", "long strings and NULs", true},
		{`return string.format("%q", 'a\n"\\\0\r' .. 1)`, "\"a\\\n\\\"\\\\\\000\\r1\"", "as Lua reads it back", false},
		{`return string.format("%5s%%", "ä")`, "   ä%", "width counts bytes", false},
		{`return string.format("%d %s %5.2s", "10", 1e15, 0.5)`, "10 1e+15    0.", "conversions, as tostring", false},
		{`string.format("%d")`, "error: t.lua:1: bad argument #2 to 'format' (number expected, got no value)", "argument checks; 5.1.5 says less", true},
		{`string.format("%s", {})`, "error: t.lua:1: bad argument #2 to 'format' (string expected, got table)", "no __tostring in 5.1", false},
		{`string.format("%s %d", "x", "y")`, "error: t.lua:1: bad argument #3 to 'format' (number expected, got string)", "argument checks", false},
		{`string.format("%y", 1)`, "error: t.lua:1: invalid option '%y' to 'format'", "unknown directive", false},
		{`string.format("%")`, "error: t.lua:1: invalid option '%' to 'format'", "unfinished directive; 5.1 misses the argument first", true},
		{`string.format("%100d", 1)`, "error: t.lua:1: invalid format (width or precision too long)", "two digits", false},
		{`string.format("%.100d", 1)`, "error: t.lua:1: invalid format (width or precision too long)", "two digits", false},
		{`string.format("%-+ #0-d", 1)`, "error: t.lua:1: invalid format (repeated flags)", "five flags", false},
	})
}

func TestTables(t *testing.T) {
	checkRows(t, []row{
		{`return table.concat({1, 2, "x"}, ", "), table.concat({}), table.concat({1, 2, 3}, "-", 2, 3), table.concat({1}, "x", 2)`, "1, 2, x  2-3 ", "concat", false},
		{`return table.concat({1/3, 1e15})`, "0.333333333333331e+15", "numbers as tostring writes them", false},
		{`table.concat({1, {}, 3})`, "error: t.lua:1: invalid value (table) at index 2 in table for 'concat'", "only text", false},
		{`table.concat({1}, ",", 1, 2)`, "error: t.lua:1: invalid value (nil) at index 2 in table for 'concat'", "no holes", false},
		{`local t = {} for i = 1, 200000 do t[i] = "x" end return #table.concat(t)`, "200000", "more than the machine's registers hold", false},
		{`local t = {1, 2} table.insert(t, 3) table.insert(t, 1, 0) return table.concat(t, ",")`, "0,1,2,3", "insert", false},
		{`local t = {1} table.insert(t, 5, "x") return #t == 1 or #t == 5, t[5]`, "true x", "insert behind the end", false},
		{`table.insert({}, 0, 1)`, "error: t.lua:1: bad argument #2 to 'insert' (position out of bounds)", "5.1 moves everything", true},
		{`table.insert({})`, "error: t.lua:1: wrong number of arguments to 'insert'", "too few", false},
		{`table.insert({}, 1, 2, 3)`, "error: t.lua:1: wrong number of arguments to 'insert'", "too many", false},
		{`local t = {1, 2, 3} return table.remove(t), table.remove(t, 1), #t, t[1]`, "3 1 1 2", "remove", false},
		{`return select("#", table.remove({})), select("#", table.remove({1}, 5))`, "0 0", "remove nothing", false},
		{`return table.maxn({1, 2, nil, 4, [10] = 1, [2.5] = 1}), table.maxn({})`, "10 0", "maxn", false},
		{`local t = {3, 1, 2} table.sort(t) return table.concat(t)`, "123", "sort", false},
		{`local t = {"b", "a"} table.sort(t, function(a, b) return a > b end) return table.concat(t)`, "ba", "sort with an order", false},
		{`table.sort({1, "x"})`, "error: t.lua:1: attempt to compare string with number", "no order", true},
		{`local t = {} for i = 1, 1000 do t[i] = (i * 7919) % 1000 end table.sort(t, function() return true end) return #t`, "1000", "an order that contradicts itself does no harm", true},
		{`local t = {3, 1, 2} pcall(table.sort, t, function() error("x") end) return table.concat(t)`, "312", "a failing order leaves the table", false},
		{`local t = {3, 2, 1} table.sort(t, function(a, b) t[1], t[2], t[3] = nil return a < b end) return table.concat(t)`, "123", "an order that empties the table", true},
		{`return unpack({1, 2, 3})`, "1 2 3", "unpack", false},
		{`return select("#", unpack({}, 1, 3)), (unpack({}, 2, 1)), unpack({1, 2, 3}, 2)`, "3 nil 2 3", "unpack a range", false},
		{`unpack({}, 1, 1e8)`, "error: t.lua:1: too many results to unpack", "bounded", false},
		{`("x"):rep(70000):byte(1, -1)`, "error: t.lua:1: string slice too long", "bounded, at 7996 in 5.1", true},
	})
}

func TestBase(t *testing.T) {
	checkRows(t, []row{
		{`return tonumber("1e3"), tonumber("0x10"), tonumber("-0x10"), tonumber(" 10 "), tonumber("5."), tonumber(".5"), tonumber("0x1p4")`, "1000 16 -16 10 5 0.5 16", "numbers", false},
		{`return tonumber("1e"), tonumber("0x"), tonumber(""), tonumber("1 2"), tonumber("1_000"), tonumber("."), tonumber({}), tonumber("- 1")`, "nil nil nil nil nil nil nil nil", "no numbers", false},
		{`return tonumber("inf"), tonumber("nan")`, "nil nil", "names are no numbers", true},
		{`return tonumber("ff", 16), tonumber("0xff", 16), tonumber("z", 36), tonumber("12", 3), tonumber("19", 8), tonumber(" 11 ", 2), tonumber(10, 2)`, "255 255 35 5 nil 3 2", "bases", false},
		{`return tonumber("-ff", 16)`, "-255", "5.1 wraps", true},
		{`tonumber("1", 1)`, "error: t.lua:1: bad argument #2 to 'tonumber' (base out of range)", "2 to 36", false},
		{`tonumber()`, "error: t.lua:1: bad argument #1 to 'tonumber' (value expected)", "an argument is needed", false},
		{`return tostring(1e15), tostring(1/3), tostring(1/0), tostring(-1/0), tostring(0/0), tostring(123456789012345), tostring(2^53), tostring(-1.5)`, "1e+15 0.33333333333333 inf -inf nan 1.2345678901234e+14 9.007199254741e+15 -1.5", "%.14g", false},
		{`return tostring(nil), tostring(true), tostring("x"), tostring(setmetatable({}, {__tostring = function() return "me" end}))`, "nil true x me", "tostring", false},
		{`return select("#"), select("#", nil, nil), select(2, "a", "b", "c"), select(-1, "a", "b")`, "0 2 b b", "select, cut to one each but the last", false},
		{`select(0)`, "error: t.lua:1: bad argument #1 to 'select' (index out of range)", "0 is nowhere", false},
		{`select(-3, 1)`, "error: t.lua:1: bad argument #1 to 'select' (index out of range)", "before the first", false},
		{`return rawget(setmetatable({}, {__index = {x = 1}}), "x"), rawequal("a", "a"), rawequal({}, {})`, "nil true false", "raw", false},
		{`local t = setmetatable({}, {__newindex = error}) return rawget(rawset(t, "x", 1), "x")`, "1", "rawset returns the table", false},
		{`rawset({}, nil, 1)`, "error: t.lua:1: table index is nil", "nil is no key; 5.1 gives no position", true},
		{`return type(nil), type(1), type("") , type({}), type(type), type(coroutine.create(type))`, "nil number string table function thread", "type; 5.1 starts no Go functions", true},
		{`type()`, "error: t.lua:1: bad argument #1 to 'type' (value expected)", "an argument is needed", false},
		{`local n = 0 for k, v in pairs({1, 2, x = 3, [2.5] = 4}) do n = n + v end return n`, "10", "pairs", false},
		{`local n = 0 for i, v in ipairs({1, 2, nil, 4}) do n = n + v end return n`, "3", "ipairs ends at nil", false},
		{`local t = {} for k in pairs({a = 1}) do t[#t+1] = k end return next({}), #t, next({5})`, "nil 1 1 5", "next", false},
		{`pairs()`, "error: t.lua:1: bad argument #1 to 'pairs' (table expected, got no value)", "an argument is needed", false},
		{`local t = setmetatable({}, {__metatable = "no"}) return getmetatable(t), pcall(setmetatable, t, {})`, "no false cannot change a protected metatable", "__metatable", false},
		{`setmetatable({})`, "error: t.lua:1: bad argument #2 to 'setmetatable' (nil or table expected)", "nil must be said", false},
		{`setmetatable("", {})`, "error: t.lua:1: bad argument #1 to 'setmetatable' (table expected, got string)", "tables only", false},
		{`return collectgarbage("count") > 0, collectgarbage()`, "true 0", "collectgarbage", false},
		{`collectgarbage("x")`, "error: t.lua:1: bad argument #1 to 'collectgarbage' (invalid option 'x')", "unknown option", false},
		{`return _VERSION, _G._G == _G, arg`, "Lua 5.1 true nil", "globals; lua5.1 has an arg", true},
		{`x = 5 return _G.x, rawget(_G, "x"), _G.y`, "5 5 nil", "_G is the script's own table", false},
		{`return (function(...) return arg == nil, select("#", ...) end)(1, nil)`, "true 2", "varargs make no arg table", true},
	})
}

func TestMath(t *testing.T) {
	checkRows(t, []row{
		{`return math.huge, -math.huge, math.huge == 1/0, math.pi`, "inf -inf true 3.1415926535898", "constants", false},
		{`return math.fmod(-5, 3), math.fmod(5, -3), math.modf(-3.7)`, "-2 2 -3 -0.7", "the sign is the dividend's", false},
		{`return math.modf(1/0)`, "inf 0", "infinity has no fraction", false},
		{`return math.frexp(8), math.ldexp(0.5, 4), math.log10(1000), math.log(1), math.exp(0)`, "0.5 8 3 0 1", "logarithms; frexp cut to one", false},
		{`return math.floor(-1.5), math.ceil(-1.5), math.abs(-1), math.sqrt(16), math.pow(2, 10)`, "-2 -1 1 4 1024", "rounding", false},
		{`return math.max(1, 3, 2), math.min(2, 1, 3), math.max(-1)`, "3 1 -1", "max, min", false},
		{`math.max()`, "error: t.lua:1: bad argument #1 to 'max' (number expected, got no value)", "at least one", false},
		{`math.floor("x")`, "error: t.lua:1: bad argument #1 to 'floor' (number expected, got string)", "argument checks", false},
		{`return math.floor("3.7"), math.deg(math.pi), math.rad(180) == math.pi, math.cos(0), math.atan2(0, 1)`, "3 180 true 1 0", "the rest", false},
		{`for i = 1, 1000 do local r = math.random() assert(r >= 0 and r < 1) r = math.random(6) assert(r >= 1 and r <= 6 and r % 1 == 0) r = math.random(-3, 3) assert(r >= -3 and r <= 3) end`, "", "random stays in its bounds", false},
		{`math.random(0)`, "error: t.lua:1: bad argument #1 to 'random' (interval is empty)", "empty", false},
		{`math.random(2, 1)`, "error: t.lua:1: bad argument #2 to 'random' (interval is empty)", "empty", false},
		{`math.random(1, 2, 3)`, "error: t.lua:1: wrong number of arguments", "two at most", false},
		{`math.randomseed(42) local a = math.random(1e6) math.randomseed(42) return a == math.random(1e6)`, "true", "randomseed repeats", false},
	})
}

func TestOS(t *testing.T) {
	const all = `return os.date("!%Y-%m-%d %H:%M:%S %a %A %b %B %j %U %w %W %y %p %I %c %x %X %%", 86400 * 200)`
	checkRows(t, []row{
		{all, "1970-07-20 00:00:00 Mon Monday Jul July 201 29 1 29 70 AM 12 Mon Jul 20 00:00:00 1970 07/20/70 00:00:00 %", "strftime", false},
		{`local d = os.date("!*t", 0) return d.year, d.month, d.day, d.hour, d.min, d.sec, d.wday, d.yday, d.isdst`, "1970 1 1 0 0 0 5 1 false", "as a table", false},
		{`return os.time{year = 2020, month = 1, day = 1} - os.time{year = 2019, month = 12, day = 31, hour = 0}, os.difftime(5, 3)`, "129600 2", "noon unless said", false},
		{`return os.date("%d", os.time{year = 2020, month = 14, day = -3})`, "28", "fields out of range are carried", false},
	})
	checkRows(t, []row{
		{`os.time{year = 2020, month = 1}`, "error: t.lua:1: field 'day' missing in date table", "required", false},
		{`os.date("%E")`, "error: t.lua:1: bad argument #1 to 'date' (invalid conversion specifier '%E')", "C leaves it undefined", true},
		{`return os.clock() >= 0, os.time() > 1e9`, "true true", "clocks", false},
	})
	s := New(Options{Now: func() time.Time { return time.Date(2026, 3, 4, 5, 6, 7, 0, time.FixedZone("X", 3600)) }})
	if got := run(t, s, `return os.date("%Y-%m-%d %H:%M %z"), os.date("!%H"), os.time{year=1970, month=1, day=1, hour=1}`); got != "2026-03-04 05:06 +0100 04 0" {
		t.Errorf("the host's clock: %s", got)
	}
}

func TestFormatNumber(t *testing.T) {
	for _, c := range []struct {
		n    float64
		want string
	}{
		{0, "0"}, {math.Copysign(0, -1), "-0"}, {1e14, "1e+14"}, {99999999999999, "99999999999999"}, {-42, "-42"},
		{0.1, "0.1"}, {1e-5, "1e-05"}, {0.0001, "0.0001"}, {math.NaN(), "nan"}, {math.Inf(-1), "-inf"}, {1.5e300, "1.5e+300"},
	} {
		if got := FormatNumber(lua.LNumber(c.n)); got != c.want {
			t.Errorf("%v is written %s, not %s", c.n, got, c.want)
		}
	}
}
