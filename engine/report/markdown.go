package report

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// WriteMarkdown writes a run as a document that a person follows. Its chapters are
// those that scripts name, in order of their numbers. A script has a heading, with
// what it says about itself, and for each test its verdict and its conversation,
// whose steps are headings and whose notes are prose.
func WriteMarkdown(w io.Writer, run *Run) error {
	d := &markdown{Writer: bufio.NewWriter(w), outline: outlineOf(run)}
	d.opening(run)
	d.failures()
	d.contents()
	d.legend()
	for _, p := range d.parts {
		if p.heading != "" {
			d.line("\n## ", p.heading)
		}
		for _, e := range p.entries {
			d.entry(e)
		}
	}
	return d.Flush()
}

type markdown struct {
	*bufio.Writer
	*outline
}

func (d *markdown) line(parts ...string) {
	for _, p := range parts {
		d.WriteString(p)
	}
	d.WriteByte('\n')
}

// heading writes one; there are none below the sixth level.
func (d *markdown) heading(level int, text string) {
	d.line("\n", strings.Repeat("#", min(6, level)), " ", text)
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

// maxListed is how many failures are listed at the top. What there is to say of
// each stands with its test.
const maxListed = 50

// failures lists what went wrong, before all else.
func (d *markdown) failures() {
	listed, more := 0, 0
	for _, p := range d.parts {
		for _, e := range p.entries {
			for _, r := range e.results {
				switch {
				case r.Outcome == suite.Passed || r.Outcome == suite.Skipped:
				case listed == maxListed:
					more++
				default:
					if listed++; listed == 1 {
						d.line("\n**What went wrong:**\n")
					}
					name := ""
					if n := testName(r); n != "" {
						name = ", " + prose(n)
					}
					d.line("- ", e.link(), name, ": ", markdownVerdict(r))
				}
			}
		}
	}
	if more > 0 {
		d.line("- and ", strconv.Itoa(more), " more")
	}
}

// contents lists the scripts and what each came to, with links to them.
func (d *markdown) contents() {
	if len(d.parts) == 1 && len(d.parts[0].entries) < 2 {
		return
	}
	d.line("\n**Contents:**\n")
	for _, p := range d.parts {
		indent := ""
		if p.heading != "" {
			d.line("- ", p.link())
			indent = "  "
		}
		for _, e := range p.entries {
			d.line(indent, "- ", e.link(), ": ", e.came())
		}
	}
}

// legend says how to read what follows.
func (d *markdown) legend() {
	d.line("\nIn a conversation `C:` is what is sent, `S:` what the server answers, and `*` what happens to the connection.")
	d.line("Where a password would stand, there is `[secret:…]` or `[sasl …]`.")
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

func (d *markdown) entry(e *entry) {
	d.heading(e.level, e.heading)
	if name := span(e.script.Name()); name != e.heading {
		d.line("\n", name)
	}
	if e.about != "" {
		d.line("\n", e.about)
	}
	for _, r := range e.results {
		d.test(r, e.level+1)
	}
}

func (d *markdown) test(r *suite.Result, level int) {
	if name := testName(r); name != "" {
		d.heading(level, prose(name))
		level++
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
	d.conversation(r, level)
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
func (d *markdown) conversation(r *suite.Result, level int) {
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
			d.heading(level, prose(string(e.Data)))
		case transcript.Note:
			if r.Outcome == suite.Skipped && string(e.Data) == "skipped: "+r.Reason {
				continue // as the verdict says
			}
			flush()
			d.note(string(e.Data))
		default:
			b = transcript.AppendEvent(b[:0], e)
			for line := range strings.Lines(string(b)) {
				said = append(said, strings.TrimSuffix(line, "\n"))
			}
		}
	}
	flush()
}

// note is a paragraph whose lines stay lines.
func (d *markdown) note(text string) {
	d.line()
	all := lines(text)
	for i, line := range all {
		if line = prose(line); i+1 < len(all) && line != "" {
			line += "  "
		}
		d.line(line)
	}
}

func (d *markdown) block(kind string, all []string) { d.line("\n", fenced(kind, all)) }

// fenced is a block of code, in a fence that nothing in it closes.
func fenced(kind string, all []string) string {
	fence := "```"
	for _, line := range all {
		for strings.Contains(line, fence) {
			fence += "`"
		}
	}
	return fence + kind + "\n" + strings.Join(all, "\n") + "\n" + fence
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
