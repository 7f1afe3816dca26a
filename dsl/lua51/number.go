package lua51

import (
	"math"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// FormatNumber writes a number as Lua 5.1's tostring does: with 14 significant digits ("%.14g"), inf, -inf or nan.
func FormatNumber(n lua.LNumber) string {
	f := float64(n)
	switch {
	case f == math.Trunc(f) && math.Abs(f) < 1e14 && !(f == 0 && math.Signbit(f)):
		return strconv.FormatInt(int64(f), 10)
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case math.IsNaN(f):
		return "nan"
	}
	return strconv.FormatFloat(f, 'g', 14, 64)
}

// ParseNumber reads a number as Lua 5.1's tonumber does without a base: decimal or hexadecimal, a sign, an exponent
// (e for decimal, p for hexadecimal), white space around it. A leading zero does not make a number octal; "inf" and
// "nan" are no numbers; a number too large is infinite.
func ParseNumber(text string) (lua.LNumber, bool) {
	text = strings.Trim(text, " \t\n\v\f\r")
	digits, negative := text, false
	if digits != "" && (digits[0] == '-' || digits[0] == '+') {
		negative, digits = digits[0] == '-', digits[1:]
	}
	var value float64
	var ok bool
	if len(digits) > 1 && digits[0] == '0' && digits[1]|0x20 == 'x' {
		value, ok = parseHexadecimal(digits)
	} else if value, ok = 0, isDecimal(digits); ok {
		value, _ = strconv.ParseFloat(digits, 64) // the only error left is the range, and then the value is infinite
	}
	if negative {
		value = -value
	}
	return lua.LNumber(value), ok
}

// isDecimal reports whether text is digits, with one point among or beside them, and perhaps an exponent. ParseFloat
// alone would also take underscores and names.
func isDecimal(text string) bool {
	mantissa, exponent := text, ""
	if e := strings.IndexAny(text, "eE"); e >= 0 {
		mantissa, exponent = text[:e], text[e+1:]
		if exponent != "" && (exponent[0] == '-' || exponent[0] == '+') {
			exponent = exponent[1:]
		}
		if exponent == "" || !isDigits(exponent) {
			return false
		}
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	return whole+fraction != "" && isDigits(whole) && isDigits(fraction)
}

func isDigits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return true
}

// parseHexadecimal reads 0x10 and, as C99's strtod, 0x1.8p4.
func parseHexadecimal(text string) (float64, bool) {
	if strings.ContainsRune(text, '_') {
		return 0, false
	}
	if strings.ContainsAny(text, ".pP") {
		if !strings.ContainsAny(text, "pP") {
			text += "p0"
		}
		value, err := strconv.ParseFloat(text, 64)
		return value, err == nil || math.IsInf(value, 0)
	}
	return parseDigits(text[2:], 16)
}

// parseDigits reads an unsigned whole number in base 2 to 36.
func parseDigits(text string, base int) (float64, bool) {
	value := 0.0
	for i := range len(text) {
		digit := 99
		switch c := text[i]; {
		case c >= '0' && c <= '9':
			digit = int(c - '0')
		case c|0x20 >= 'a' && c|0x20 <= 'z':
			digit = int(c|0x20-'a') + 10
		}
		if digit >= base {
			return 0, false
		}
		value = value*float64(base) + float64(digit)
	}
	return value, text != ""
}

// toNumber is Lua's own conversion: a number, or a string that reads as one.
func toNumber(v lua.LValue) (lua.LNumber, bool) {
	switch v := v.(type) {
	case lua.LNumber:
		return v, true
	case lua.LString:
		return ParseNumber(string(v))
	}
	return 0, false
}

// toInteger drops the fraction as a C cast does, and holds the rest within ±2^53, where C's cast is undefined: so
// sums of two such numbers cannot overflow.
func toInteger(n lua.LNumber) int {
	const limit = 1 << 53
	switch {
	case n >= limit:
		return limit
	case n <= -limit:
		return -limit
	case n != n:
		return 0
	}
	return int(n)
}

// parseInBase reads a whole number as tonumber does with a base: white space and a sign may stand before it, and 0x
// before base 16.
func parseInBase(text string, base int) (float64, bool) {
	text = strings.Trim(text, " \t\n\v\f\r")
	digits := strings.TrimPrefix(strings.TrimPrefix(text, "-"), "+")
	if len(text)-len(digits) > 1 {
		return 0, false
	}
	if base == 16 && len(digits) > 2 && digits[0] == '0' && digits[1]|0x20 == 'x' {
		digits = digits[2:]
	}
	n, ok := parseDigits(digits, base)
	if strings.HasPrefix(text, "-") {
		n = -n
	}
	return n, ok
}
