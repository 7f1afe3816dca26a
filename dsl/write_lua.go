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

// calendar are the words of a date.
var calendar = words("mon tue wed thu fri sat sun jan feb mar apr may jun jul aug sep oct nov dec gmt utc " +
	"monday tuesday wednesday thursday friday saturday sunday")

// lasting is the longest part of a reply's text that will be the same the next
// time: without numbers, dates, and names of the queue. In known are the values
// of variables, which count as lasting though they hold a digit.
func lasting(text string, known func(word string) bool) string {
	best, start := "", 0
	end := 0 // of the last word that lasts
	queue := false
	take := func() {
		if end > start && end-start > len(best) {
			best = text[start:end]
		}
	}
	for at := 0; at < len(text); {
		if isBlank(text[at]) || text[at] == '\n' {
			at++
			continue
		}
		stop := at
		for stop < len(text) && !isBlank(text[stop]) && text[stop] != '\n' {
			stop++
		}
		word := text[at:stop]
		if queue || !lasts(word, known) {
			take()
			start, end = stop, stop
			for start < len(text) && (isBlank(text[start]) || text[start] == '\n') {
				start++
			}
		} else {
			end = stop
		}
		queue = strings.HasSuffix(text[:stop], "queued as")
		at = stop
	}
	take()
	return best
}

func lasts(word string, known func(word string) bool) bool {
	if known(word) {
		return true
	}
	bare := strings.ToLower(strings.Trim(word, ".,;:()<>[]"))
	return !strings.ContainsAny(word, "0123456789") && !calendar[bare] && readable(word) &&
		!strings.Contains(word, "[secret:") && !strings.Contains(word, "[sasl") && !strings.Contains(word, "[unique]")
}
