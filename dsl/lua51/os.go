package lua51

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"
)

var osLibrary = map[string]builtin{
	"clock": osClock, "date": osDate, "difftime": osDifftime, "time": osTime,
}

func osClock(c call) int { return c.pushNumber(time.Since(c.s.born).Seconds()) }

func osDifftime(c call) int {
	earlier := 0.0
	if !c.missing(2) {
		earlier = c.num(2)
	}
	return c.pushNumber(c.num(1) - earlier)
}

func osTime(c call) int {
	if c.missing(1) {
		return c.pushNumber(float64(c.s.options.Now().Unix()))
	}
	t := c.table(1)
	field := func(name string, otherwise int) int {
		n, ok := toNumber(t.RawGetString(name))
		if !ok {
			if otherwise < 0 {
				c.raise("field '%s' missing in date table", name)
			}
			return otherwise
		}
		if n < -1<<31 || n >= 1<<31 {
			c.raise("field '%s' is out of range", name)
		}
		return toInteger(n)
	}
	year, month, day := field("year", -1), field("month", -1), field("day", -1)
	hour, minute, second := field("hour", 12), field("min", 0), field("sec", 0)
	at := time.Date(year, time.Month(month), day, hour, minute, second, 0, c.s.options.Now().Location())
	return c.pushNumber(float64(at.Unix()))
}

func osDate(c call) int {
	format, at := "%c", c.s.options.Now()
	if !c.missing(1) {
		format = c.str(1)
	}
	if !c.missing(2) {
		at = time.Unix(int64(c.integer(2)), 0).In(at.Location())
	}
	if strings.HasPrefix(format, "!") {
		format, at = format[1:], at.UTC()
	}
	if strings.HasPrefix(format, "*t") {
		return c.push(c.dateTable(at))
	}
	var out strings.Builder
	for {
		text, rest, found := strings.Cut(format, "%")
		out.WriteString(text)
		c.checkLength(out.Len())
		if !found {
			return c.pushString(out.String())
		}
		if rest == "" {
			c.argError(1, "conversion specifier missing after '%'")
		}
		part, ok := formatDate(at, rest[0])
		if !ok {
			c.argError(1, fmt.Sprintf("invalid conversion specifier '%%%s'", rest[:1]))
		}
		out.WriteString(part)
		format = rest[1:]
	}
}

func (c call) dateTable(at time.Time) *lua.LTable {
	t := c.l.CreateTable(0, 9)
	for name, n := range map[string]int{
		"year": at.Year(), "month": int(at.Month()), "day": at.Day(), "hour": at.Hour(), "min": at.Minute(),
		"sec": at.Second(), "wday": int(at.Weekday()) + 1, "yday": at.YearDay(),
	} {
		t.RawSetString(name, lua.LNumber(n))
	}
	t.RawSetString("isdst", lua.LBool(at.IsDST()))
	return t
}

// dateLayouts are the conversions of strftime, in the C locale, that Go has a layout for.
var dateLayouts = map[byte]string{
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'c': "Mon Jan _2 15:04:05 2006", 'd': "02", 'D': "01/02/06",
	'e': "_2", 'F': "2006-01-02", 'h': "Jan", 'H': "15", 'I': "03", 'm': "01", 'M': "04", 'p': "PM", 'r': "03:04:05 PM",
	'R': "15:04", 'S': "05", 'T': "15:04:05", 'x': "01/02/06", 'X': "15:04:05", 'y': "06", 'Y': "2006", 'z': "-0700",
	'Z': "MST",
}

// formatDate is one conversion of strftime; false when C89 and the common extensions do not have it.
func formatDate(at time.Time, conversion byte) (string, bool) {
	if layout, ok := dateLayouts[conversion]; ok {
		return at.Format(layout), true
	}
	weekday, yearDay := int(at.Weekday()), at.YearDay()-1
	switch conversion {
	case 'j':
		return fmt.Sprintf("%03d", yearDay+1), true
	case 'n':
		return "\n", true
	case 's':
		return strconv.FormatInt(at.Unix(), 10), true
	case 't':
		return "\t", true
	case 'U': // weeks from the first Sunday on
		return fmt.Sprintf("%02d", (yearDay+7-weekday)/7), true
	case 'V':
		_, week := at.ISOWeek()
		return fmt.Sprintf("%02d", week), true
	case 'w':
		return strconv.Itoa(weekday), true
	case 'W': // weeks from the first Monday on
		return fmt.Sprintf("%02d", (yearDay+7-(weekday+6)%7)/7), true
	case '%':
		return "%", true
	}
	return "", false
}
