package report

import (
	"strings"

	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// tailLines is how much of the conversation a failure shows.
const tailLines = 20

// tailLine is one line of a transcript.
type tailLine struct {
	text   string
	kind   transcript.Kind
	failed bool // belongs to what was not wanted
	theirs bool // the peer said it
}

// tail shows the end of the conversation that failed, as a transcript has it,
// the reply that was not wanted marked.
func (p *page) tail(r *suite.Result, f *suite.Failure) {
	all := conversation(r.Events, f)
	earlier := r.Dropped
	if n := len(all) - tailLines; n > 2 { // to leave out fewer would save no room
		if all[0].kind.Begins() {
			p.tailLine(all[0]) // whom this is with
			n++
			earlier--
		}
		earlier += n
		all = all[n:]
	}
	if earlier > 0 {
		p.line("    ", p.quiet(whole(r, earlier)))
	}
	for _, l := range all {
		p.tailLine(l)
	}
}

func (p *page) tailLine(l tailLine) {
	text := clip(p.Redact.String(l.text))
	switch {
	case l.failed:
		p.line("  ", p.bad("> "+text))
	case l.theirs:
		p.line("    ", p.theirs(text))
	case l.kind == transcript.Server, l.kind == transcript.Client:
		p.line("    ", text)
	default:
		p.line("    ", p.quiet(text))
	}
}

// theirs says whether the peer said it: the server, or the client of a
// conversation that smtplay accepted.
func theirs(sides *transcript.Sides, e transcript.Event) bool {
	if sides.Serves(e) {
		return e.Kind == transcript.Client
	}
	return e.Kind == transcript.Server
}

// conversation is the transcript of the conversation that failed: what bears
// its number since it last began; of a failure without one, everything.
func conversation(events []transcript.Event, f *suite.Failure) []tailLine {
	begin, marked := 0, -1
	var sides transcript.Sides
	peers := make([]bool, len(events))
	for i, e := range events {
		if f.Conn != 0 && !f.Together && e.Conn == f.Conn && e.Kind.Begins() {
			begin = i
		}
		peers[i] = theirs(&sides, e)
		if (f.Conn == 0 || e.Conn == f.Conn) && peers[i] && carries(e, f.Got) {
			marked = i
		}
	}
	var all []tailLine
	for i, e := range events[begin:] {
		if f.Conn != 0 && !f.Together && e.Conn != f.Conn {
			continue
		}
		text := strings.TrimSuffix(string(transcript.AppendEvent(nil, e)), "\n")
		for line := range strings.SplitSeq(text, "\n") {
			all = append(all, tailLine{text: line, kind: e.Kind, failed: begin+i == marked, theirs: peers[begin+i]})
		}
	}
	return all
}
