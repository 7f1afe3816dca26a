package paste

import (
	"cmp"
	"fmt"
	"slices"

	"smtplay/engine/transcript"
)

// run are lines, one after the other, that could not be placed.
type run struct {
	at          int // before which entry of the conversation they stand
	first, last int
	why         string
	texts       []string // of the first of them
	numbers     []int    // of their lines
}

// Bounds on what is kept of what cannot be placed.
const (
	maxRuns  = 1000 // of a conversation; the last then takes in the rest
	maxTexts = 40   // lines of a run that are quoted
)

func (r *run) text() string {
	if len(r.texts) == 0 {
		return ""
	}
	return r.texts[0]
}

// keepRun keeps a line that could not be placed, and returns what that costs.
func (c *conversation) keepRun(no int, text []byte, why string) (cost int) {
	n := len(c.aside)
	joins := n > 0 && c.apart && c.aside[n-1].why == why && c.aside[n-1].last <= no
	if !joins && n < maxRuns {
		c.aside = append(c.aside, run{at: len(c.entries), first: no, last: no, why: why})
		n++
		cost = lineCost
	}
	c.apart = true
	r := &c.aside[n-1]
	r.first, r.last = min(r.first, no), max(r.last, no)
	if len(text) > 0 && len(r.texts) < maxTexts && (joins || r.texts == nil) {
		s := discreet(text)
		r.texts, r.numbers = append(r.texts, s), append(r.numbers, no)
		cost += len(s)
	}
	return cost
}

// events are the notes that tell of a run: a line each, and one for the rest.
func (r *run) events() []transcript.Event {
	var events []transcript.Event
	add := func(text string) {
		events = append(events, transcript.Event{Conn: 1, Kind: transcript.Note, Data: []byte(text)})
	}
	for i, text := range r.texts {
		add(fmt.Sprintf("line %d: %s", r.numbers[i], text))
	}
	switch {
	case len(r.texts) == 0:
		add(lines(r.first, r.last) + ": " + r.why)
	case len(r.texts) == maxTexts && r.last > r.numbers[maxTexts-1]:
		add(lines(r.numbers[maxTexts-1]+1, r.last) + ": more of this kind")
	}
	return events
}

func (r *run) remark() Remark {
	return Remark{Line: r.first, Last: r.last, Text: r.text(), Why: r.why}
}

// asRuns is what is left of a conversation that is none.
func (c *conversation) asRuns() []run {
	runs := c.aside
	for _, e := range c.entries {
		if e.line > 0 && e.Kind == transcript.Client {
			runs = append(runs, run{first: e.line, last: e.line, why: noServer, texts: []string{e.discreet()}, numbers: []int{e.line}})
		}
	}
	slices.SortStableFunc(runs, func(a, b run) int { return cmp.Compare(a.first, b.first) })
	merged := runs[:0]
	for _, r := range runs {
		if n := len(merged); n > 0 && merged[n-1].why == r.why {
			merged[n-1].join(r)
		} else {
			merged = append(merged, r)
		}
	}
	return merged
}

const noServer = "no server answers"

func (r *run) join(next run) {
	r.last = max(r.last, next.last)
	for i, text := range next.texts {
		if len(r.texts) < maxTexts {
			r.texts, r.numbers = append(r.texts, text), append(r.numbers, next.numbers[i])
		}
	}
}

// discreet is what was said, as a remark may quote it.
func (e *entry) discreet() string {
	said := e.Data[:len(e.Data)-2]
	if len(e.Spans) > 0 {
		return string(said[:e.Spans[0].Start]) + "…"
	}
	return discreet(said)
}
