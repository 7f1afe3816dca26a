package message

import (
	"strings"
	"unicode/utf8"
)

// wordLine is how long a line with an encoded word may be (RFC 2047 2).
const wordLine = 76

// encodedWords are those of a text, in UTF-8 and Q, before whose first line so
// much stands: mime takes it that nothing does. None breaks a character in two.
func encodedWords(s string, before int) string {
	const begin, end = "=?utf-8?q?", "?="
	var out strings.Builder
	out.Grow(len(s) + len(s)/4)
	out.WriteString(begin)
	room := wordLine - before - len(begin+end)
	var char []byte
	for i, r := range s {
		if char = appendQ(char[:0], r); len(char) > room && i > 0 {
			out.WriteString(end + " " + begin)
			room = wordLine - len(" "+begin+end)
		}
		out.Write(char)
		room -= len(char)
	}
	return out.String() + end
}

// appendQ appends a character as Q writes it (RFC 2047 4.2).
func appendQ(out []byte, r rune) []byte {
	switch {
	case r == ' ':
		return append(out, '_')
	case r > ' ' && r <= '~' && r != '=' && r != '?' && r != '_':
		return append(out, byte(r))
	}
	const digits = "0123456789ABCDEF"
	var raw [utf8.UTFMax]byte
	for _, b := range raw[:utf8.EncodeRune(raw[:], r)] {
		out = append(out, '=', digits[b>>4], digits[b&15])
	}
	return out
}
