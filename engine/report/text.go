package report

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds on what of a reply a person is shown; a transcript has it all.
const (
	maxLine  = 500 // characters
	maxLines = 100
)

// Visible is s with everything escaped that could move a cursor, colour a
// terminal or hide text. Line ends are escaped too.
func Visible(s string) string {
	if !strings.ContainsFunc(s, hidden) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n <= 1 || hidden(r) {
			for _, c := range []byte(s[i : i+n]) {
				fmt.Fprintf(&b, `\x%02x`, c)
			}
		} else {
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

func hidden(r rune) bool { return !unicode.IsPrint(r) }

// lines are the lines of a text, visible and of bounded number and length.
func lines(s string) []string {
	all := strings.Split(strings.TrimRight(strings.ReplaceAll(s, "\r\n", "\n"), "\n"), "\n")
	return bounded(all)
}

func bounded(all []string) []string {
	more := 0
	if len(all) > maxLines {
		more = len(all) - maxLines + 1
		all = all[:maxLines-1]
	}
	out := make([]string, 0, len(all)+1)
	for _, line := range all {
		out = append(out, clip(Visible(line)))
	}
	if more > 0 {
		out = append(out, fmt.Sprintf("… %d more lines", more))
	}
	return out
}

// bytesLines are the lines of what is no reply, every line end but CRLF shown.
func bytesLines(s string) []string {
	all := strings.SplitAfter(s, "\n")
	for i, line := range all {
		if body, ok := strings.CutSuffix(line, "\r\n"); ok {
			all[i] = body
		}
	}
	if n := len(all); n > 1 && all[n-1] == "" {
		all = all[:n-1]
	}
	return bounded(all)
}

func clip(s string) string {
	if len(s) <= maxLine || utf8.RuneCountInString(s) <= maxLine {
		return s
	}
	return string([]rune(s)[:maxLine]) + "…"
}

// wrap breaks a text of words into lines of at most width characters.
func wrap(s string, width int) []string {
	var out []string
	line, length := "", 0
	for word := range strings.FieldsSeq(Visible(strings.ReplaceAll(s, "\n", " "))) {
		n := utf8.RuneCountInString(word)
		switch {
		case line == "":
			line, length = word, n
		case length+1+n > width:
			out = append(out, line)
			line, length = word, n
		default:
			line, length = line+" "+word, length+1+n
		}
	}
	return append(out, line)
}

// seconds is a duration as people read it.
func seconds(s float64) string {
	switch {
	case s < 0.9995:
		return fmt.Sprintf("%.0f ms", s*1000)
	default:
		return fmt.Sprintf("%.1f s", s)
	}
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
