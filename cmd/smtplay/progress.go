package main

import (
	"fmt"
	"io"
	"time"
)

// progress shows on a terminal how far something is that may take a while, in
// one line that goes away.
type progress struct {
	w     io.Writer // nil shows nothing
	next  time.Time
	shown bool
}

// pace is the time from one line to the next, and before the first: what is done
// at once shows nothing.
const pace = 200 * time.Millisecond

func newProgress(p *process) *progress {
	g := &progress{next: time.Now().Add(pace)}
	if p.errIsTerm {
		g.w = p.stderr
	}
	return g
}

// at says that done of total are done.
func (g *progress) at(done, total int, what string) {
	if g.w == nil || time.Now().Before(g.next) {
		return
	}
	g.next = time.Now().Add(pace)
	g.shown = true
	fmt.Fprintf(g.w, "\r\x1b[K%d of %d %s", done, total, what)
}

// clear takes the line away, so that something else can be written.
func (g *progress) clear() {
	if g.shown {
		io.WriteString(g.w, "\r\x1b[K")
		g.shown = false
	}
}
