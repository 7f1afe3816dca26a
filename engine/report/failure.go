package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"smtplay/engine/suite"
	"smtplay/engine/transcript"
	"smtplay/engine/wire"
)

// textWidth is where prose is broken: with what stands before it, it fits into
// the 80 columns of a terminal.
const textWidth = 66

// story tells all that is known of a test that did not go well.
func (p *page) story(r *suite.Result) {
	p.gap()
	if f := r.Failure; f != nil {
		f = f.Masked(p.Redact.String)
		p.line("  ", p.at(f))
		p.source(f)
		p.gap()
		p.facts(f)
		p.gap()
	}
	for _, f := range r.Extra {
		f = f.Masked(p.Redact.String)
		p.line("  ", p.odd("also"), " ", p.at(f))
		p.source(f)
		p.gap()
		p.facts(f)
		p.hint(f)
		p.gap()
	}
	if d := r.Difference; d != nil && len(d.Changes) > 0 {
		p.difference(d.Before, d.After, d.Changes)
		p.gap()
	}
	if f := r.Failure; f != nil {
		if r.Difference == nil || !r.Difference.Alone { // else the difference shows what the end would
			p.tail(r, f)
			p.gap()
		}
		p.hint(f)
	}
	p.again(r)
	p.gap()
}

// gap is one empty line, however many are asked for.
func (p *page) gap() {
	if !strings.HasSuffix(p.String(), "\n\n") {
		p.WriteByte('\n')
	}
}

// at is the place and the sentence. The place is never coloured, or editors
// and terminals would not find it.
func (p *page) at(f *suite.Failure) string {
	what := p.strong(strings.Join(lines(f.What), "\n      "))
	if place := f.Pos.String(); place != "" {
		return p.hide(place) + ": " + what
	}
	return what
}

// source is the script's own line, and the lines that led to it.
func (p *page) source(f *suite.Failure) {
	if f.Source != "" && f.Pos.Line > 0 {
		number := strconv.Itoa(f.Pos.Line)
		shown, before := Excerpt(f.Source, f.Column)
		p.line()
		p.line("    ", p.quiet(number+" |"), " ", shown)
		if before >= 0 {
			p.line("    ", p.quiet(strings.Repeat(" ", len(number))+" |"), " ", strings.Repeat(" ", before), p.bad("^"))
		}
	}
	for _, via := range f.Via {
		if via.Line > 0 {
			p.line("    ", p.quiet("called from "), p.hide(via.String()))
		}
	}
}

// facts are command, expected and got, aligned, and what to make of them.
func (p *page) facts(f *suite.Failure) {
	if f.Command != "" {
		command := clip(Visible(f.Command))
		if command == "." {
			command = ". (the end of the message)"
		}
		if f.SentAt.Line > 0 && f.SentAt != f.Pos {
			command += p.quiet("  (sent at " + p.hide(f.SentAt.String()) + ")")
		}
		p.fact("command", []string{command})
	}
	if f.Want != "" {
		p.fact("expected", p.wanted(f))
	}
	if f.Got != "" {
		p.fact("got", p.came(f))
	}
	if f.Because != "" {
		p.fact("because", wrap(f.Because, textWidth))
	}
}

func (p *page) wanted(f *suite.Failure) []string {
	if len(f.WantOff) > 0 && markable(f.Want) {
		return p.marked(f.Want, f.WantOff, p.good)
	}
	return lines(f.Want)
}

func (p *page) came(f *suite.Failure) []string {
	switch {
	case len(f.GotOff) > 0 && markable(f.Got):
		return p.marked(f.Got, f.GotOff, p.bad)
	case isBytes(f.Got):
		return p.inked(p.bad, bytesLines(f.Got))
	}
	return p.inked(p.bad, lines(f.Got))
}

// markable says whether a text is short enough to be shown whole, as a mark
// needs it, and has no line ends but plain ones.
func markable(s string) bool {
	long := func(line string) bool { return utf8.RuneCountInString(line) > maxLine }
	all := strings.Split(s, "\n")
	return len(all) <= maxLines && !slices.ContainsFunc(all, long) && !strings.Contains(s, "\r")
}

func (p *page) hint(f *suite.Failure) {
	if f.Hint != "" {
		p.fact("hint", wrap(f.Hint, textWidth))
	}
}

// fact writes a word and the lines that belong to it, one below the other.
func (p *page) fact(word string, text []string) {
	for i, line := range text {
		label := "          "
		if i == 0 {
			label = p.quiet(fmt.Sprintf("%-10s", word))
		}
		p.line("  ", label, line)
	}
}

func (p *page) inked(ink func(...any) string, text []string) []string {
	for i, line := range text {
		text[i] = ink(line)
	}
	return text
}

// isBytes says whether got is what came instead of a reply, of which every byte
// may matter, and not a reply or a text of smtplay's own.
func isBytes(got string) bool {
	text := strings.TrimSuffix(strings.ReplaceAll(got, "\r\n", "\n"), "\n")
	if _, err := wire.ParseReply([]byte(strings.ReplaceAll(text, "\n", "\r\n") + "\r\n")); err == nil {
		return false
	}
	return strings.HasSuffix(got, "\n") || strings.ContainsFunc(got, func(r rune) bool { return r != '\n' && hidden(r) })
}

// again is what it takes to see the same once more, or to find it in the
// server's log.
func (p *page) again(r *suite.Result) {
	if r.Seed != 0 {
		p.fact("seed", []string{fmt.Sprintf("%d  (the same random numbers again: --seed %d)", r.Seed, r.Seed)})
	}
	if len(r.Tokens) > 0 {
		p.fact("unique", lines(strings.Join(r.Tokens, " ")))
	}
}

// whole says where the rest of a conversation is.
func whole(r *suite.Result, earlier int) string {
	count := plural(earlier, "earlier line")
	if r.Record != "" {
		return fmt.Sprintf("… %s: %s", count, Visible(r.Record))
	}
	return fmt.Sprintf("… %s, kept with --record DIR", count)
}

// carries says whether got is what the event says.
func carries(e transcript.Event, got string) bool {
	// Of results that were read again, got has no bytes that are not UTF-8.
	return got != "" && bare(text(string(e.Data))) == bare(text(got))
}

func bare(s string) string { return strings.TrimRight(strings.ReplaceAll(s, "\r\n", "\n"), "\n") }
