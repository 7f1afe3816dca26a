package report

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"

	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// WriteMarkdown writes a run as a document: a chapter for each script, with what
// it says about itself, and for each test its verdict and its conversation, whose
// steps are headings and whose notes are prose.
func WriteMarkdown(w io.Writer, run *Run) error {
	d := &markdown{Writer: bufio.NewWriter(w)}
	d.opening(run)
	for _, c := range chapters(run) {
		d.chapter(c)
	}
	return d.Flush()
}

type markdown struct{ *bufio.Writer }

func (d *markdown) line(parts ...string) {
	for _, p := range parts {
		d.WriteString(p)
	}
	d.WriteByte('\n')
}

func (d *markdown) opening(run *Run) {
	n := run.Counts()
	d.line("# ", prose(verdictLine(run)), "\n")
	d.line("| | |\n|---|---|")
	if run.Server != "" {
		d.line("| server | ", cell(run.Server), " |")
	}
	for _, t := range run.Targets {
		d.line("| target ", cell(t.Name), " | ", cell(t.Address), " |")
	}
	if !run.Started.IsZero() {
		d.line("| date | ", run.Started.Format("2 January 2006, 15:04:05 MST"), " |")
	}
	d.line(fmt.Sprintf("| tests | %d passed, %d failed, %d skipped, %s in %s |", n.Passed, n.Failed, n.Skipped, errorCount(n.Errored), seconds(run.Seconds)))
	if run.NotRun > 0 {
		d.line("| | ", stopped(run), " |")
	}
	if run.Seed != 0 {
		d.line(fmt.Sprintf("| seed | %d |", run.Seed))
	}
	d.line("| smtplay | ", prose(run.Version), " |")
}

// verdictLine is what a run came to in one sentence.
func verdictLine(run *Run) string {
	n, all, late := run.Counts(), len(run.Results), ""
	if flaky := len(run.Flaky()); flaky > 0 {
		late = fmt.Sprintf(", %d only when tried again", flaky)
	}
	switch {
	case all == 1 && n.Failed > 0 && run.NotRun == 0:
		return "The test failed"
	case all == 1 && n.Errored > 0 && run.NotRun == 0:
		return "The test came to no verdict"
	case n.Failed > 0:
		return fmt.Sprintf("%d of %s failed", n.Failed, plural(all, "test"))
	case n.Errored > 0:
		return fmt.Sprintf("%d of %s came to no verdict", n.Errored, plural(all, "test"))
	case run.NotRun > 0 || run.Interrupted:
		return "Not all tests were run"
	case n.Passed == 0:
		return "No test was judged"
	case all == 1:
		return "The test passed" + strings.Replace(late, " 1", "", 1)
	case n.Skipped > 0:
		return fmt.Sprintf("%s passed%s, %d skipped", plural(n.Passed, "test"), late, n.Skipped)
	}
	return fmt.Sprintf("All %d tests passed%s", all, late)
}

func (d *markdown) chapter(c *chapter) {
	name := c.script.Name()
	if t := title(c.script); t != "" {
		d.line("\n## ", prose(t), "\n")
		d.line(span(name))
	} else {
		d.line("\n## ", span(name))
	}
	if text := description(c.script); text != "" {
		d.line()
		for line := range strings.Lines(text) {
			d.line(Visible(strings.ReplaceAll(strings.TrimRight(line, "\r\n"), "\t", "    ")))
		}
	}
	for _, r := range c.results {
		d.test(r)
	}
}

func (d *markdown) test(r *suite.Result) {
	if name := testName(r); name != "" {
		d.line("\n### ", prose(name))
	}
	d.line("\n", markdownVerdict(r))
	if r.Warning != "" {
		d.line("\n> **Warning:** ", prose(r.Warning))
	}
	if f := r.Failure; f != nil && r.Outcome != suite.Passed {
		d.failure(f)
	}
	for _, f := range r.Extra {
		d.line("\n**Also:** ", prose(f.Error()))
		d.failure(f)
	}
	if x := r.Difference; x != nil && len(x.Changes) > 0 {
		d.block("diff", bounded(diffLines(x.Before, x.After, x.Changes)))
	}
	d.conversation(r)
}

func markdownVerdict(r *suite.Result) string {
	switch r.Outcome {
	case suite.Passed:
		return "**Passed** in " + runs(r) + "."
	case suite.Skipped:
		return "**Skipped:** " + prose(r.Reason)
	}
	word := "Failed"
	if r.Outcome != suite.Failed {
		word = "No verdict"
	}
	if r.Failure == nil {
		return "**" + word + "**, " + runs(r) + "."
	}
	at := ""
	if place := r.Failure.Pos.String(); place != "" {
		at = " at " + span(place)
	}
	return "**" + word + "**" + at + ", " + runs(r) + ": " + prose(r.Failure.What)
}

// failure has the facts of a failure in a block, and what to make of them.
func (d *markdown) failure(f *suite.Failure) {
	var facts []string
	add := func(word string, text []string) {
		for i, line := range text {
			if i > 0 {
				word = ""
			}
			facts = append(facts, fmt.Sprintf("%-10s%s", word, line))
		}
	}
	if f.Source != "" && f.Pos.Line > 0 {
		add(fmt.Sprintf("line %d", f.Pos.Line), marked(f))
	}
	if f.Command != "" {
		add("command", []string{clip(Visible(f.Command))})
	}
	if f.Want != "" {
		add("expected", lines(f.Want))
	}
	if f.Got != "" {
		add("got", lines(f.Got))
	}
	if len(facts) > 0 {
		d.block("text", facts)
	}
	if f.Because != "" {
		d.line("\nBecause: ", prose(f.Because))
	}
	if f.Hint != "" {
		d.line("\n> **Hint:** ", prose(f.Hint))
	}
}

// conversation writes what was said: blocks of a transcript, between which
// stand the steps and notes.
func (d *markdown) conversation(r *suite.Result) {
	if r.Dropped > 0 {
		d.line("\n_", plural(r.Dropped, "earlier event"), " not kept._")
	}
	var said []string
	flush := func() {
		if len(said) > 0 {
			d.block("smtp", said)
		}
		said = nil
	}
	var b []byte
	for _, e := range r.Events {
		switch e.Kind {
		case transcript.Step:
			flush()
			d.line("\n#### ", prose(string(e.Data)))
		case transcript.Note:
			flush()
			d.line()
			for _, line := range lines(string(e.Data)) {
				d.line(prose(line), "  ")
			}
		default:
			b = transcript.AppendEvent(b[:0], e)
			for line := range strings.Lines(string(b)) {
				said = append(said, strings.TrimSuffix(line, "\n"))
			}
		}
	}
	flush()
}

// block is a block of code, in a fence that nothing in it closes.
func (d *markdown) block(kind string, all []string) {
	fence := "```"
	for _, line := range all {
		for strings.Contains(line, fence) {
			fence += "`"
		}
	}
	d.line("\n", fence, kind)
	for _, line := range all {
		d.line(line)
	}
	d.line(fence)
}

var proseEscape = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", `\<`, ">", `\>`,
	"#", `\#`, "|", `\|`, "~", `\~`, "&", `\&`, "!", `\!`)

// listMark is what would begin a list or underline a heading.
var listMark = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:[-+=]|[0-9]+[.)])`) })

// prose is a text of one line that means nothing in Markdown but itself.
func prose(s string) string {
	s = strings.TrimLeft(proseEscape.Replace(Visible(strings.ReplaceAll(s, "\n", " "))), " ")
	if m := listMark().FindStringIndex(s); m != nil {
		s = s[:m[1]-1] + `\` + s[m[1]-1:]
	}
	return s
}

// span is a text as code, in backticks that nothing in it ends.
func span(s string) string {
	s = Visible(s)
	ticks := "`"
	for strings.Contains(s, ticks) {
		ticks += "`"
	}
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		s = " " + s + " "
	}
	return ticks + s + ticks
}

// cell is a text as code in a table, where a bar would end it.
func cell(s string) string { return strings.ReplaceAll(span(s), "|", `\|`) }
