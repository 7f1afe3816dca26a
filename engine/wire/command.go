package wire

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Verb is the verb of a command line, in upper case: all up to the first
// blank or line end.
func Verb(line string) string {
	end := 0
	for end < len(line) && line[end] != ' ' && line[end] != '\t' && line[end] != '\r' && line[end] != '\n' {
		end++
	}
	word := line[:end]
	for _, verb := range verbs {
		if isUpperOf(verb, word) {
			return verb
		}
	}
	return upper(word)
}

// verbs are those that are looked for most, and cost nothing to write large.
var verbs = []string{"MAIL", "RCPT", "DATA", "EHLO", "QUIT", "RSET", "NOOP", "HELO", "AUTH", "LHLO", "STARTTLS"}

// isUpperOf says whether verb is what upper makes of word.
func isUpperOf(verb, word string) bool {
	if len(verb) != len(word) {
		return false
	}
	for i := range len(word) {
		c := word[i]
		if isLower(c) {
			c -= 'a' - 'A'
		}
		if c != verb[i] {
			return false
		}
	}
	return true
}

// upper is s with its ASCII letters in upper case. The words of SMTP are ASCII:
// Unicode's rules would take "ſ" for an S and write other letters at another
// length.
func upper(s string) string {
	for i := range len(s) {
		if isLower(s[i]) {
			b := []byte(s)
			for ; i < len(b); i++ {
				if isLower(b[i]) {
					b[i] -= 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

func isLower(c byte) bool { return c >= 'a' && c <= 'z' }

// AppendCRLF appends text with every line end (CRLF, LF or a lone CR) written
// as CRLF, and one more where the last line has none.
func AppendCRLF[T string | []byte](dst []byte, text T) []byte {
	return appendLines(dst, text, false)
}

// AppendMessage appends the text of a message as DATA wants it: line ends as
// in AppendCRLF, a dot doubled where it begins a line, and the line of the
// lone dot that ends it (RFC 5321 4.5.2).
func AppendMessage[T string | []byte](dst []byte, text T) []byte {
	return append(appendLines(dst, text, true), ".\r\n"...)
}

func appendLines[T string | []byte](dst []byte, text T, stuff bool) []byte {
	dst = slices.Grow(dst, len(text)+len(text)/32+len("\r\n.\r\n"))
	// The first of each that is not written yet, len(text) for none: to seek one anew for each line is to read the text
	// that often.
	cr, lf := -1, -1
	for start := 0; start < len(text); {
		if cr < start {
			cr = index(text, start, '\r')
		}
		if lf < start {
			lf = index(text, start, '\n')
		}
		end := min(cr, lf)
		if stuff && text[start] == '.' {
			dst = append(dst, '.')
		}
		dst = append(append(dst, text[start:end]...), "\r\n"...)
		if start = end + 1; end+1 < len(text) && text[end] == '\r' && text[end+1] == '\n' {
			start++
		}
	}
	return dst
}

// index is where the first c in text is, from a place on; the end for none.
func index[T string | []byte](text T, from int, c byte) int {
	i := -1
	switch t := any(text[from:]).(type) {
	case string:
		i = strings.IndexByte(t, c)
	case []byte:
		i = bytes.IndexByte(t, c)
	}
	if i < 0 {
		return len(text)
	}
	return from + i
}

// Xtext encodes s as RFC 3461 section 4 wants it in ENVID, ORCPT and AUTH=,
// and as Postfix wants it in XCLIENT: "+", "=" and all that is not printable
// ASCII become "+" and two hexadecimal digits.
func Xtext(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < '!' || c > '~' || c == '+' || c == '=' {
			fmt.Fprintf(&b, "+%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// UTF8Xtext encodes an address as RFC 6533 section 3 wants it in an ORCPT of type
// utf-8 that goes to any server (utf-8-addr-xtext): what is not printable ASCII,
// and "+", "=" and "\\", become "\\x{" and their code point in hexadecimal "}".
func UTF8Xtext(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < '!' || r > '~' || r == '+' || r == '=' || r == '\\' {
			fmt.Fprintf(&b, `\x{%02X}`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Path is an address as MAIL and RCPT want it: between "<" and ">" unless it
// stands there already. The empty address is "<>", the null reverse-path
// (RFC 5321 4.5.5).
func Path(address string) string {
	if strings.HasPrefix(address, "<") && strings.HasSuffix(address, ">") {
		return address
	}
	return "<" + address + ">"
}
