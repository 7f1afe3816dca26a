package report

import (
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"

	"smtplay/engine/suite"
	"smtplay/engine/wire"
)

// widest is how many columns of a line are shown where a mark stands below it:
// with the number before it, it fits into the 80 of a terminal, and a line that
// the terminal breaks would lose its mark.
const widest = 70

// columns counts as terminals do: the letters of East Asia take two, an accent
// that joins the letter before it none. The environment has no say.
var columns = &runewidth.Condition{StrictEmojiNeutral: true}

// Excerpt is a line of a script as people are shown it, and how many columns
// stand before the byte that column, from 1, tells; -1 for a column outside the
// line, of which 0 is one. Tabs are four blanks. Of a line that is too long the
// part around the column is left.
func Excerpt(line string, column int) (shown string, before int) {
	line = strings.TrimRight(line, " \t\r\n")
	if column < 1 || column > len(line)+1 {
		return clip(spread(line)), -1
	}
	head, tail := []rune(spread(line[:column-1])), []rune(spread(line[column-1:]))
	before, after := columns.StringWidth(string(head)), columns.StringWidth(string(tail))
	if before+after <= widest {
		return string(head) + string(tail), before
	}
	room := max(widest/2, widest-after-1) // what is left of a short end goes to the beginning
	if before > room {
		head = slices.Concat([]rune("…"), lastOf(head, room))
	}
	before = columns.StringWidth(string(head))
	if before+after > widest {
		tail = append(firstOf(tail, widest-before), '…')
	}
	return string(head) + string(tail), before
}

// spread is s visible, with blanks for its tabs.
func spread(s string) string { return Visible(strings.ReplaceAll(s, "\t", "    ")) }

// firstOf is as much of the beginning as fits into so many columns.
func firstOf(text []rune, room int) []rune {
	for i, r := range text {
		if room -= columns.RuneWidth(r); room < 0 {
			return slices.Clone(text[:i])
		}
	}
	return slices.Clone(text)
}

func lastOf(text []rune, room int) []rune {
	for i := len(text); i > 0; i-- {
		if room -= columns.RuneWidth(text[i-1]); room < 0 {
			return text[i:]
		}
	}
	return text
}

// mostMarks is how many parts of one text get a mark of their own; where more
// are not as they should be, marks say no more than the text does.
const mostMarks = 4

// marked are the lines of a text with parts of it set off: by ink on a terminal
// with colours, elsewhere by marks below. A text that is set off as a whole
// needs no marks.
func (p *page) marked(text string, off []wire.Span, ink func(...any) string) []string {
	var out []string
	at := 0
	bare := !p.Color && len(off) <= mostMarks && !slices.Contains(off, wire.Span{To: len(text)})
	for line := range strings.SplitSeq(text, "\n") {
		shown, marks := p.setOff(line, within(off, at, at+len(line)), ink)
		at += len(line) + 1
		out = append(out, shown)
		if bare && marks != "" {
			out = append(out, marks)
		}
	}
	return out
}

// within are the spans inside a line, counted from its beginning.
func within(spans []wire.Span, from, to int) []wire.Span {
	var out []wire.Span
	for _, s := range spans {
		if a, b := max(s.From, from), min(s.To, to); a < b {
			out = append(out, wire.Span{From: a - from, To: b - from})
		}
	}
	return out
}

// setOff is a line with its spans in ink, and the marks to go below them.
func (p *page) setOff(line string, spans []wire.Span, ink func(...any) string) (shown, marks string) {
	var b, below strings.Builder
	at := 0
	piece := func(to int, off bool) {
		text := Visible(line[at:to])
		at = to
		if text == "" {
			return
		}
		width := columns.StringWidth(text)
		if off {
			b.WriteString(ink(text))
			below.WriteString(strings.Repeat("^", width))
			return
		}
		b.WriteString(text)
		below.WriteString(strings.Repeat(" ", width))
	}
	for _, s := range spans {
		piece(s.From, false)
		piece(s.To, true)
	}
	piece(len(line), false)
	return b.String(), strings.TrimRight(below.String(), " ")
}

// marked is the line of a script as Excerpt shows it, and below it a mark where
// the word stands that failed.
func marked(f *suite.Failure) []string {
	shown, before := Excerpt(f.Source, f.Column)
	if before < 0 {
		return []string{shown}
	}
	return []string{shown, strings.Repeat(" ", before) + "^"}
}

// columnOf is the column of a failure in what JSON says of its line: where that
// had to be made UTF-8, bytes do not count.
func columnOf(f *suite.Failure) int {
	if text(f.Source) != f.Source {
		return 0
	}
	return f.Column
}

// placesOf are spans as JSON has them: from and to, in bytes. Where the text had
// to be made UTF-8 there are none.
func placesOf(of string, spans []wire.Span) [][2]int {
	if text(of) != of {
		return nil
	}
	var places [][2]int
	for _, s := range spans {
		places = append(places, [2]int{s.From, s.To})
	}
	return places
}

// spansOf are the spans that JSON had, those that lie in the text, in order and apart.
func spansOf(of string, places [][2]int) []wire.Span {
	var spans []wire.Span
	end := 0
	for _, at := range places {
		if at[0] >= end && at[0] < at[1] && at[1] <= len(of) {
			end = at[1]
			spans = append(spans, wire.Span{From: at[0], To: at[1]})
		}
	}
	return spans
}
