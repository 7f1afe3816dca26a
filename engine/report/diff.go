package report

import (
	"fmt"
	"io"
	"strings"

	"smtplay/engine/transcript"
)

// maxDiff bounds the lines of a difference that Console shows.
const maxDiff = 300

// Diff writes how transcripts differ, as a unified diff. The zero value but for
// W works.
type Diff struct {
	W      io.Writer
	Color  bool
	Redact *transcript.Redactor // secrets that must not be shown even here; nil for none
}

// Changes writes what changed from the transcript called before to the one
// called after, in one Write.
func (d *Diff) Changes(before, after string, changes []transcript.Change) error {
	var b strings.Builder
	for _, line := range diffLines(before, after, changes) {
		b.WriteString(diffInk(paletteFor(d.Color), line, d.Redact) + "\n")
	}
	_, err := io.WriteString(d.W, b.String())
	return err
}

// diffLines are the lines of a unified diff.
func diffLines(before, after string, changes []transcript.Change) []string {
	all := []string{"--- " + before, "+++ " + after}
	for _, c := range changes {
		text := strings.TrimSuffix(string(c.AppendUnified(nil)), "\n")
		all = append(all, strings.Split(text, "\n")...)
	}
	return all
}

// diffInk is a line of a diff, masked, visible and coloured.
func diffInk(p palette, line string, redact *transcript.Redactor) string {
	text := Visible(redact.String(line))
	switch {
	case strings.HasPrefix(line, "--- "), strings.HasPrefix(line, "+++ "):
		return p.strong(text)
	case strings.HasPrefix(line, "@@"):
		return p.theirs(text)
	case strings.HasPrefix(line, "-"):
		return p.bad(text)
	case strings.HasPrefix(line, "+"):
		return p.good(text)
	}
	return text
}

// difference shows what changed, below the test that it made fail.
func (p *page) difference(before, after string, changes []transcript.Change) {
	all := diffLines(before, after, changes)
	more := len(all) - maxDiff
	if more > 1 {
		all = all[:maxDiff]
	}
	for _, line := range all {
		p.line("    ", diffInk(p.palette, line, p.Redact))
	}
	if more > 1 {
		p.line("    ", p.quiet(fmt.Sprintf("… %d more lines", more)))
	}
}
