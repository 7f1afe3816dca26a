package transcript

import (
	"slices"
	"sync"
)

// Bounds on what a Log keeps in memory. Recorders behind it get everything.
const (
	keepEvent = 64 << 10 // bytes of one event
	keepAll   = 2 << 20  // of all events; the oldest go first
	eventCost = 128      // of an event beside its data, and of a span: an empty note costs memory too
)

// Log is the transcript of one test in memory. Secrets are masked on the way
// in: nothing behind it, the Next recorders included, ever sees one. The zero
// value is ready. It may be used by several goroutines.
type Log struct {
	Redactor *Redactor  // nil masks nothing but what the events mark
	Next     []Recorder // get each event, masked, as it happens

	mu      sync.Mutex
	events  []Event
	size    int
	dropped int
	arena   []byte
}

// Record implements Recorder.
func (l *Log) Record(e Event) {
	e = l.Redactor.Mask(e)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, next := range l.Next {
		next.Record(e)
	}
	l.keep(e)
}

// Mask is e as it may be shown: masked where its spans say so, and where r finds
// a secret or a token.
func (r *Redactor) Mask(e Event) Event {
	e.Data, e.Spans = r.hide(e.Data, e.Spans)
	return e
}

func (l *Log) keep(e Event) {
	e.Spans = slices.Clone(e.Spans) // those behind may have kept theirs
	if len(e.Data) > keepEvent {
		e.Data = append(slices.Clone(e.Data[:keepEvent]), "…"...)
		e.Spans = slices.Clip(slices.DeleteFunc(e.Spans, func(s Span) bool { return s.End > keepEvent }))
	} else {
		e.Data = l.copy(e.Data)
	}
	l.events = append(l.events, e)
	l.size += cost(e)
	for l.size > keepAll && len(l.events) > 1 {
		l.size -= cost(l.events[0])
		l.events[0] = Event{}
		l.events = l.events[1:]
		l.dropped++
	}
}

func cost(e Event) int { return len(e.Data) + (1+len(e.Spans))*eventCost }

// copy puts small data side by side: a conversation costs a few allocations,
// not one an event.
func (l *Log) copy(b []byte) []byte {
	if len(b) > 2048 {
		return slices.Clone(b)
	}
	if cap(l.arena)-len(l.arena) < len(b) {
		l.arena = make([]byte, 0, min(max(1024, 2*cap(l.arena)), 4096))
	}
	start := len(l.arena)
	l.arena = append(l.arena, b...)
	return l.arena[start:len(l.arena):len(l.arena)]
}

// Reset empties the log for another test, and keeps its memory. What Events
// returned before is no longer valid.
func (l *Log) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.events)
	l.events, l.arena = l.events[:0], l.arena[:0]
	l.size, l.dropped = 0, 0
	l.Redactor, l.Next = nil, l.Next[:0]
}

// Events are the events that are still kept, masked, in order, and how many
// older ones were let go.
func (l *Log) Events() (events []Event, dropped int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.events), l.dropped
}
