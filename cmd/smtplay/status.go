package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/fatih/color"
	"golang.org/x/text/width"

	"smtplay/engine/report"
	"smtplay/engine/suite"
)

// status is one line at the end of a terminal that says how far a run is. It is
// taken away before anything else is written, and at the end. Libraries for
// this draw bars, and want to own the stream: here results go to another one in
// between, which may be a file or the same screen.
type status struct {
	w      io.Writer // nil shows nothing
	width  func() int
	hide   func(string) string
	ink    func(...any) string
	total  int
	over   chan struct{}
	closed sync.WaitGroup

	mu      sync.Mutex
	done    int
	running []*begun // in the order in which they began
	shown   string   // "" for nothing
	columns int      // in which it is shown
}

type begun struct {
	name  string
	since time.Time
}

// newStatus begins to show how far a run of that many tests is, where somebody
// sees it: on a terminal that can take a line back.
func newStatus(p *process, coloured bool, total int) *status {
	s := &status{total: total, width: p.errWidth, hide: func(name string) string { return report.Visible(p.redact.String(name)) }, over: make(chan struct{})}
	if !p.errIsTerm || p.env["TERM"] == "dumb" {
		return s
	}
	s.w = p.stderr
	faint := color.New(color.Faint)
	if faint.DisableColor(); coloured {
		faint.EnableColor()
	}
	s.ink = faint.SprintFunc()
	s.closed.Go(func() {
		ticks := time.NewTicker(pace)
		defer ticks.Stop()
		for {
			select {
			case <-ticks.C:
				s.draw()
			case <-s.over:
				return
			}
		}
	})
	return s
}

// watch is told when a run of a test begins, and when it ends.
func (s *status) watch(t suite.Test) (done func()) {
	b := &begun{t.String(), time.Now()}
	s.mu.Lock()
	s.running = append(s.running, b)
	s.mu.Unlock()
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for i, other := range s.running {
			if other == b {
				s.running = append(s.running[:i], s.running[i+1:]...)
				return
			}
		}
	}
}

// result takes the line away while a result is written.
func (s *status) result(write func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done++
	s.clear()
	write()
}

// close takes the line away for good.
func (s *status) close() {
	if s.w == nil {
		return
	}
	close(s.over)
	s.closed.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	s.w = nil
}

// takeBack removes the line, takeAllBack what else stands below it. The cursor
// waits at the first column: a terminal that is made narrower breaks the line, and
// keeps the cursor where the line begins.
const takeBack, takeAllBack = "\r\x1b[K", "\r\x1b[J"

func (s *status) clear() {
	if s.shown != "" {
		io.WriteString(s.w, s.taking(s.width()))
		s.shown = ""
	}
}

// taking is how the line is taken back in that many columns. Where all of it is on
// one line nothing else is touched: some terminals keep what is cleared in bulk.
func (s *status) taking(columns int) string {
	if columns < s.columns {
		return takeAllBack
	}
	return takeBack
}

func (s *status) draw() {
	s.mu.Lock()
	defer s.mu.Unlock()
	columns := s.width()
	line := s.line(columns - 1)
	if line == s.shown && columns >= s.columns {
		return
	}
	taking := s.taking(columns)
	s.shown, s.columns = line, columns
	io.WriteString(s.w, taking+s.ink(line)+"\r")
}

// line is what is shown, in that many columns. Where there is too little room it
// is the name that gives way.
func (s *status) line(columns int) string {
	line := fmt.Sprintf("%d of %s done", s.done, count(s.total, "test"))
	if len(s.running) == 0 {
		return fitting(line, columns)
	}
	first, more := s.running[0], ""
	if n := len(s.running) - 1; n > 0 {
		more = fmt.Sprintf(", and %d more", n)
	}
	line += fmt.Sprintf("; for %d s now ", int(time.Since(first.since).Seconds()))
	name := s.hide(first.name)
	if room := columns - len(line+more); fitting(name, room) != name && room >= leastName {
		name = fitting(name, room-1) + "…"
	}
	return fitting(line+name+more, columns)
}

// leastName is how many columns of a name say anything.
const leastName = 8

// fitting is as much of a line as has room in that many columns: one that broke
// could not be taken back.
func fitting(line string, columns int) string {
	columns = max(columns, 1)
	at := 0
	for i, r := range line {
		n := 1
		if k := width.LookupRune(r).Kind(); k == width.EastAsianWide || k == width.EastAsianFullwidth {
			n = 2
		}
		if at += n; at > columns {
			return strings.TrimRight(line[:i], " ")
		}
	}
	return line
}
