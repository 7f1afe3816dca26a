package dsl

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// expr is a string expression of a script while it is made: what is written
// out, and what is read from variables.
type expr struct {
	parts []exprPart
}

type exprPart struct {
	text string
	code bool // Lua, not text
}

func (e *expr) literal(text string) {
	if n := len(e.parts); n > 0 && !e.parts[n-1].code {
		e.parts[n-1].text += text
	} else if text != "" {
		e.parts = append(e.parts, exprPart{text: text})
	}
}

func (e *expr) code(lua string) { e.parts = append(e.parts, exprPart{text: lua, code: true}) }

// String is the expression in Lua.
func (e *expr) String() string {
	if len(e.parts) == 0 {
		return `""`
	}
	parts := make([]string, len(e.parts))
	for i, p := range e.parts {
		parts[i] = p.text
		if !p.code {
			parts[i] = quote(p.text)
		}
	}
	return strings.Join(parts, " .. ")
}

// plain says that the expression is one string that is written out.
func (e *expr) plain() bool { return len(e.parts) == 0 || len(e.parts) == 1 && !e.parts[0].code }

// argument is the expression as a call has it as its only argument.
func (e *expr) argument() string {
	if e.plain() {
		return " " + e.String()
	}
	return "(" + e.String() + ")"
}

// quote writes a string in double quotes, in printable characters.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(s); {
		c := s[i]
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\t':
			b.WriteString(`\t`)
		case c == 0 && (i+1 == len(s) || !isDigit(s[i+1])):
			b.WriteString(`\0`)
		case r == utf8.RuneError && n == 1, !unicode.IsPrint(r):
			for _, c := range []byte(s[i : i+n]) {
				fmt.Fprintf(&b, `\%03d`, c)
			}
		default:
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	b.WriteByte('"')
	return b.String()
}

// messageText writes message text as send has it: in long brackets, where all
// of it can stand there. ok is false for what send cannot send: line ends that
// are not CRLF.
func messageText(wire []byte) (lua string, ok bool) {
	text := strings.ReplaceAll(string(wire), "\r\n", "\n")
	if strings.Contains(text, "\r") || bytes.Count(wire, []byte("\n")) != bytes.Count(wire, []byte("\r\n")) || !strings.HasSuffix(text, "\n") {
		return "", false
	}
	// send ends the last line by itself; an empty one it would not see.
	if body := strings.TrimSuffix(text, "\n"); body != "" && !strings.HasSuffix(body, "\n") {
		text = body
	}
	if !strings.Contains(text, "\n") || !readable(text) {
		return quote(text), true
	}
	level := ""
	for strings.Contains(text+"]", "]"+level+"]") || strings.Contains(text, "["+level+"[") {
		level += "="
	}
	return "[" + level + "[\n" + text + "]" + level + "]", true
}

// readable: text that an editor shows as it is.
func readable(text string) bool {
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && n == 1 || r != '\n' && r != '\t' && !unicode.IsPrint(r) {
			return false
		}
		i += n
	}
	return true
}
