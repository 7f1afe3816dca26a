package wire

import (
	"bytes"
	"fmt"
	"strings"
)

// Verb is the verb of a command line, in upper case: all up to the first
// blank or line end.
func Verb(line string) string {
	if i := strings.IndexAny(line, " \t\r\n"); i >= 0 {
		line = line[:i]
	}
	return upper(line)
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
func AppendCRLF(dst, text []byte) []byte {
	return appendLines(dst, text, false)
}

// AppendMessage appends the text of a message as DATA wants it: line ends as
// in AppendCRLF, a dot doubled where it begins a line, and the line of the
// lone dot that ends it (RFC 5321 4.5.2).
func AppendMessage(dst, text []byte) []byte {
	return append(appendLines(dst, text, true), ".\r\n"...)
}

func appendLines(dst, text []byte, stuff bool) []byte {
	for len(text) > 0 {
		if stuff && text[0] == '.' {
			dst = append(dst, '.')
		}
		i := bytes.IndexAny(text, "\r\n")
		if i < 0 {
			return append(append(dst, text...), "\r\n"...)
		}
		dst = append(append(dst, text[:i]...), "\r\n"...)
		if text[i] == '\r' && i+1 < len(text) && text[i+1] == '\n' {
			i++
		}
		text = text[i+1:]
	}
	return dst
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

// Path is an address as MAIL and RCPT want it: between "<" and ">" unless it
// stands there already. The empty address is "<>", the null reverse-path
// (RFC 5321 4.5.5).
func Path(address string) string {
	if strings.HasPrefix(address, "<") && strings.HasSuffix(address, ">") {
		return address
	}
	return "<" + address + ">"
}
