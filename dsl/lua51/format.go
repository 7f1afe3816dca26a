package lua51

import (
	"fmt"
	"math"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// directive is one %-directive of string.format.
type directive struct {
	minus, plus, space, sharp, zero bool
	width                           int
	precision                       int // -1 when not given
	verb                            byte
}

func stringFormat(c call) int {
	format := c.str(1)
	var out strings.Builder
	for arg := 2; ; {
		text, rest, found := strings.Cut(format, "%")
		c.checkLength(out.Len() + len(text))
		out.WriteString(text)
		if !found {
			return c.pushString(out.String())
		}
		if strings.HasPrefix(rest, "%") {
			out.WriteByte('%')
			format = rest[1:]
			continue
		}
		var d directive
		d, format = c.parseDirective(rest)
		part := c.formatArg(d, arg)
		c.checkLength(out.Len() + len(part))
		out.WriteString(part)
		arg++
	}
}

// parseDirective reads what follows a %, with Lua's limits: five flags, two digits of width, two of precision.
func (c call) parseDirective(s string) (d directive, rest string) {
	i := 0
	for ; i < len(s) && d.setFlag(s[i]); i++ {
		if i == 5 {
			c.raise("invalid format (repeated flags)")
		}
	}
	number := func() (n int) {
		for digits := 0; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
			if digits++; digits > 2 {
				c.raise("invalid format (width or precision too long)")
			}
			n = n*10 + int(s[i]-'0')
		}
		return n
	}
	d.width, d.precision = number(), -1
	if i < len(s) && s[i] == '.' {
		i++
		d.precision = number()
	}
	if i == len(s) {
		c.raise("invalid option '%%' to 'format'")
	}
	d.verb = s[i]
	return d, s[i+1:]
}

func (d *directive) setFlag(b byte) bool {
	switch b {
	case '-':
		d.minus = true
	case '+':
		d.plus = true
	case ' ':
		d.space = true
	case '#':
		d.sharp = true
	case '0':
		d.zero = true
	default:
		return false
	}
	return true
}

func (c call) formatArg(d directive, arg int) string {
	if strings.IndexByte("diuoxXceEfgGqs", d.verb) < 0 {
		c.raise("invalid option '%%%s' to 'format'", string(rune(d.verb)))
	}
	if arg > c.count() {
		want := "number"
		if d.verb == 's' || d.verb == 'q' {
			want = "string"
		}
		c.typeError(arg, want)
	}
	switch d.verb {
	case 'd', 'i':
		d.verb = 'd'
		return fmt.Sprintf(d.spec(), toInt64(c.num(arg)))
	case 'u', 'o', 'x', 'X':
		return d.unsigned(uint64(toInt64(c.num(arg))))
	case 'c':
		return d.pad(string([]byte{byte(toInt64(c.num(arg)))}))
	case 'e', 'E', 'f', 'g', 'G':
		return d.float(c.num(arg))
	case 'q':
		s := c.str(arg)
		c.checkLength(len(s))
		return quote(s)
	}
	s := c.str(arg)
	if d.precision >= 0 && d.precision < len(s) {
		s = s[:d.precision]
	}
	return d.pad(s)
}

// spec is the directive for Go's fmt, which means the same by all of it for numbers.
func (d directive) spec() string {
	var b strings.Builder
	b.WriteByte('%')
	for _, f := range []struct {
		set  bool
		flag byte
	}{{d.minus, '-'}, {d.plus, '+'}, {d.space, ' '}, {d.sharp, '#'}, {d.zero && !d.minus, '0'}} {
		if f.set {
			b.WriteByte(f.flag)
		}
	}
	if d.width > 0 {
		fmt.Fprintf(&b, "%d", d.width)
	}
	if d.precision >= 0 {
		fmt.Fprintf(&b, ".%d", d.precision)
	}
	b.WriteByte(d.verb)
	return b.String()
}

// unsigned formats what C takes for an unsigned number: signs do not apply, and 0 has no prefix.
func (d directive) unsigned(n uint64) string {
	d.plus, d.space = false, false
	if d.verb == 'u' {
		d.verb, d.sharp = 'd', false
	}
	if n == 0 && d.verb != 'o' {
		d.sharp = false
	}
	return fmt.Sprintf(d.spec(), n)
}

func (d directive) float(f float64) string {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		text := FormatNumber(lua.LNumber(math.Abs(f)))
		switch {
		case math.IsInf(f, -1):
			text = "-" + text
		case d.plus:
			text = "+" + text
		case d.space:
			text = " " + text
		}
		if d.verb < 'a' {
			text = strings.ToUpper(text)
		}
		return d.pad(text)
	}
	if d.precision < 0 {
		d.precision = 6
	}
	if d.precision == 0 && d.verb|0x20 == 'g' {
		d.precision = 1
	}
	return fmt.Sprintf(d.spec(), f)
}

// pad brings bytes to the width; Go's fmt would count characters.
func (d directive) pad(s string) string {
	blanks := strings.Repeat(" ", max(d.width-len(s), 0))
	if d.minus {
		return s + blanks
	}
	return blanks + s
}

// quote is %q: a string that Lua reads back as the same bytes.
func quote(s string) string {
	return `"` + quoter.Replace(s) + `"`
}

var quoter = strings.NewReplacer(`"`, `\"`, `\`, `\\`, "\n", "\\\n", "\r", `\r`, "\x00", `\000`)

// toInt64 is C's cast to a 64-bit integer; what C leaves undefined is the nearest value, and 0 for nan.
func toInt64(f float64) int64 {
	switch {
	case f != f:
		return 0
	case f >= 1<<63:
		return math.MaxInt64
	case f < -1<<63:
		return math.MinInt64
	}
	return int64(f)
}
