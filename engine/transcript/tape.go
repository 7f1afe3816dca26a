package transcript

import "slices"

// Tape is a Recorder that keeps every event whole, up to MaxFile bytes of them.
// The zero value is ready. It belongs to one goroutine.
type Tape struct {
	events []Event
	size   int
	over   bool
}

// Record implements Recorder.
func (t *Tape) Record(e Event) {
	if t.size += cost(e); t.over || t.size > MaxFile {
		t.over = true
		return
	}
	e.Data, e.Spans = slices.Clone(e.Data), slices.Clone(e.Spans)
	t.events = append(t.events, e)
}

// Events are the events so far; whole is false where some were too many.
func (t *Tape) Events() (events []Event, whole bool) { return slices.Clip(t.events), !t.over }
