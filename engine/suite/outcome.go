package suite

import (
	"strings"

	"smtplay/engine/transcript"
	"smtplay/engine/wire"
)

// Outcome is how a test ended.
type Outcome uint8

const (
	Passed  Outcome = iota + 1 // every expectation held, and there was one
	Failed                     // from the TCP connect on, something was not as the script demanded
	Errored                    // no verdict: no connection could be made, or the script or smtplay is at fault
	Skipped                    // the script says that it cannot be judged here
)

// String is the word of an outcome.
func (o Outcome) String() string {
	switch o {
	case Passed:
		return "passed"
	case Failed:
		return "failed"
	case Errored:
		return "error"
	case Skipped:
		return "skipped"
	}
	return "not run"
}

// gravity orders outcomes: of several runs of a test the gravest is told of. A
// failure says something of the server, an error does not; what was not run to
// a verdict is no better than an error.
func (o Outcome) gravity() int {
	switch o {
	case Passed:
		return 0
	case Skipped:
		return 1
	case Failed:
		return 3
	}
	return 2
}

// bad: the test did not go well.
func (o Outcome) bad() bool { return o.gravity() > Skipped.gravity() }

// Failure is what was not as demanded, and where. Every text in it is masked,
// but for Hint, which says nothing that a script or a server said.
type Failure struct {
	Pos      transcript.Pos   // the line that waited
	Source   string           // that line
	Column   int              // of the word in it that failed, in bytes, from 1; 0 where that is not known for certain
	Via      []transcript.Pos // the lines that called it, innermost first
	What     string           // in one sentence
	Command  string           // the command that was answered, "" for none
	SentAt   transcript.Pos   // where the command was sent
	Want     string
	Got      string // the whole reply, or the bytes that came
	Because  string // the script's own reason
	Hint     string // what to try next, "" where nothing is known
	Conn     int    // the conversation, 0 for none
	Together bool   // it may lie with any of the test's conversations: all are to be shown
	Target   string // its target and address

	WantOff, GotOff []wire.Span // the parts of Want and Got that do not agree; none where that is not known
}

// Masked is the failure with hide done to every text in it that is not our own
// prose, its places adjusted; one that falls into what was hidden is given up.
func (f *Failure) Masked(hide func(string) string) *Failure {
	m := *f
	m.Source, m.What, m.Command, m.Target = hide(f.Source), hide(f.What), hide(f.Command), hide(f.Target)
	m.Want, m.Got, m.Because = hide(f.Want), hide(f.Got), hide(f.Because)
	if f.Column > 0 {
		at, ok := moved(f.Source, m.Source, f.Column-1, hide)
		if m.Column = at + 1; !ok {
			m.Column = 0
		}
	}
	m.WantOff = movedSpans(f.Want, m.Want, f.WantOff, hide)
	m.GotOff = movedSpans(f.Got, m.Got, f.GotOff, hide)
	return &m
}

// moved is where the byte at a place of before is in after, which hide made of it.
func moved(before, after string, at int, hide func(string) string) (int, bool) {
	if at > len(before) {
		return 0, false
	}
	head := hide(before[:at])
	return len(head), strings.HasPrefix(after, head) && after[len(head):] == hide(before[at:])
}

func movedSpans(before, after string, spans []wire.Span, hide func(string) string) []wire.Span {
	if before == after {
		return spans
	}
	var out []wire.Span
	for _, s := range spans {
		from, ok := moved(before, after, s.From, hide)
		to, too := moved(before, after, s.To, hide)
		if ok && too && from < to {
			out = append(out, wire.Span{From: from, To: to})
		}
	}
	return out
}

// Error is the failure in one line, file and line first.
func (f *Failure) Error() string {
	var b strings.Builder
	if at := f.Pos.String(); at != "" {
		b.WriteString(at + ": ")
	}
	b.WriteString(f.What)
	return b.String()
}

// Verdict is what a run of a test came to.
type Verdict struct {
	Outcome Outcome
	Failure *Failure       // why it failed or ended in an error
	Reason  string         // why it was skipped
	Pos     transcript.Pos // where it was skipped
	Seed    int64          // the seed of its random numbers, 0 where it used none
	Tokens  []string       // what unique() gave
	Extra   []*Failure     // what else went wrong, as in clean-up functions
	Warning string         // why a pass proves less than it seems to, "" where it does not

	Difference *Difference // from the transcript that this one was compared with; nil for none
}

// Result is a test with its verdict. With repeats it is that of the gravest run,
// and of several alike that of the first.
type Result struct {
	Test
	Verdict
	Seconds float64 // of all runs and attempts together
	Runs    int
	Bad     int // runs that failed or ended in an error
	Events  []transcript.Event
	Dropped int    // older events that were not kept
	Record  string // the transcript's file, "" where none was asked for

	Flaky    bool      // a run of it passed only when it was tried again
	Attempts []Attempt // what was tried again, of the first run in which something was
}

// Counts are the results of a run by outcome.
type Counts struct{ Passed, Failed, Skipped, Errored int }

// Add counts one result.
func (c *Counts) Add(o Outcome) {
	switch o {
	case Passed:
		c.Passed++
	case Failed:
		c.Failed++
	case Skipped:
		c.Skipped++
	default:
		c.Errored++
	}
}
