package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// maxNames bounds the column of names: one long name does not push all times
// out of sight.
const maxNames = 80

// Console tells a person of results: one line while all is well, the whole
// story where it is not. The zero value but for W works.
type Console struct {
	W      io.Writer
	Color  bool
	Names  int                  // width of the column of names, as NameWidth gives it; 0 for none
	Redact *transcript.Redactor // secrets that must not be shown even here; nil for none
}

// NameWidth is the width of the column in which the names of all tests stand.
func NameWidth(tests []suite.Test) int {
	width := 0
	for _, t := range tests {
		if n := utf8.RuneCountInString(Visible(t.String())); n <= maxNames {
			width = max(width, n)
		}
	}
	return width
}

// Result writes one result, in one Write.
func (c *Console) Result(r suite.Result) error {
	p := &page{Console: c, palette: paletteFor(c.Color)}
	p.headline(&r)
	if r.Flaky && r.Outcome == suite.Passed && len(r.Attempts) > 0 {
		p.firstAttempt(&r)
	}
	if r.Outcome == suite.Failed || r.Outcome == suite.Errored || len(r.Extra) > 0 {
		p.story(&r)
	}
	_, err := io.WriteString(c.W, p.String())
	return err
}

// Summary writes the last line of a run.
func (c *Console) Summary(n suite.Counts, elapsed float64) error {
	p := paletteFor(c.Color)
	line := fmt.Sprintf("%d passed, %d failed, %d skipped, %s in %.1f s",
		n.Passed, n.Failed, n.Skipped, errorCount(n.Errored), elapsed)
	switch {
	case n.Failed+n.Errored > 0:
		line = p.bad(line)
	case n.Passed > 0:
		line = p.good(line)
	}
	_, err := fmt.Fprintln(c.W, line)
	return err
}

// errorCount is always plural: the line has one form, for people and for programs.
func errorCount(n int) string { return fmt.Sprintf("%d errors", n) }

// page is what is being written of one result.
type page struct {
	strings.Builder
	palette
	*Console
}

func (p *page) line(parts ...string) {
	for _, part := range parts {
		p.WriteString(part)
	}
	p.WriteByte('\n')
}

// headline is the one line that every test has.
func (p *page) headline(r *suite.Result) {
	name := p.hide(r.Test.String())
	words := map[suite.Outcome]string{
		suite.Passed: p.good("ok   "), suite.Failed: p.bad("FAIL "), suite.Errored: p.bad("ERROR"), suite.Skipped: p.odd("skip "),
	}
	word, known := words[r.Outcome]
	if r.Flaky && r.Outcome == suite.Passed {
		word = p.odd("flaky")
	}
	if !known {
		word = p.bad("ERROR")
	}
	if r.Outcome == suite.Skipped {
		p.line(word, " ", name, ": ", p.hide(r.Reason))
		return
	}
	pad := strings.Repeat(" ", max(0, p.Names-utf8.RuneCountInString(name)))
	p.line(word, " ", name, pad, "  ", p.quiet(runs(r)))
	if r.Warning != "" && r.Outcome == suite.Passed {
		p.fact("warning", wrap(p.Redact.String(r.Warning), textWidth))
	}
}

// firstAttempt tells of a test that passed in the end how it went wrong before.
func (p *page) firstAttempt(r *suite.Result) {
	first := r.Attempts[0]
	if first.Failure == nil {
		return
	}
	failed := suite.Result{Test: r.Test, Verdict: first.Verdict, Events: first.Events, Dropped: first.Dropped, Record: first.Record}
	what := *first.Failure
	what.What = "passed when tried again; attempt 1: " + what.What
	failed.Failure = &what
	p.story(&failed)
}

// Flaky names the tests that passed only when they were tried again. It stands
// before the summary.
func (c *Console) Flaky(tests []suite.Test) error {
	if len(tests) == 0 {
		return nil
	}
	p := &page{Console: c, palette: paletteFor(c.Color)}
	p.line(p.odd(fmt.Sprintf("flaky: %s passed only when tried again", plural(len(tests), "test"))))
	for _, t := range tests {
		p.line("  ", p.hide(t.String()))
	}
	_, err := io.WriteString(c.W, p.String())
	return err
}

// runs says how long a test took, and of repeats and attempts how many there
// were.
func runs(r *suite.Result) string {
	switch {
	case r.Runs <= 1 && len(r.Attempts) > 0:
		return fmt.Sprintf("%d attempts, %s", len(r.Attempts)+1, seconds(r.Seconds))
	case r.Runs <= 1:
		return seconds(r.Seconds)
	case r.Bad > 0:
		return fmt.Sprintf("%d of %d runs, %s", r.Bad, r.Runs, seconds(r.Seconds))
	}
	return fmt.Sprintf("%d runs, %s", r.Runs, seconds(r.Seconds))
}

// hide masks secrets and escapes what may not reach a terminal.
func (p *page) hide(s string) string { return Visible(p.Redact.String(s)) }
