package main

import (
	"bufio"
	"context"
	"fmt"
	"strings"
	"sync"

	"smtplay/engine/report"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// stepper lets a person look before each line that sends.
type stepper struct {
	p    *process
	quit func() // ends the whole run

	begin   sync.Once
	typed   chan string // lines; closed where there are no more
	goingOn bool        // without asking
}

// stepper makes one of --step, nil where that was not asked for. What is said
// is shown, and no other test runs beside the one that waits.
func (f *runFlags) stepper(p *process, r *suite.Runner) (*stepper, error) {
	switch {
	case !f.step || f.list:
		return nil, nil
	case !p.inIsTerm:
		return nil, usage("--step asks before each line, and standard input is no terminal")
	case !p.errIsTerm:
		return nil, usage("--step shows each line on standard error, which is no terminal")
	}
	f.verbose, r.Jobs = true, 1
	if r.TestTimeout == 0 {
		r.TestTimeout = maxDuration // a person thinks as long as it takes
	}
	s := &stepper{p: p, typed: make(chan string)}
	r.Pause = s.pause
	return s, nil
}

// pause implements suite.Pause.
func (s *stepper) pause(ctx context.Context, at transcript.Pos, source string) error {
	if s.goingOn {
		return nil
	}
	s.begin.Do(func() { go s.read() })
	fmt.Fprintf(s.p.stderr, "%s | %s\n", report.Visible(s.p.redact.String(at.String())), report.Visible(strings.TrimSpace(strings.ReplaceAll(source, "\t", " "))))
	for {
		fmt.Fprint(s.p.stderr, "Enter goes on, c to the end, q quits: ")
		select {
		case <-ctx.Done():
			fmt.Fprintln(s.p.stderr)
			return context.Cause(ctx)
		case line, more := <-s.typed:
			switch word := strings.ToLower(strings.TrimSpace(line)); {
			case !more, word == "q", word == "quit":
				if !more {
					fmt.Fprintln(s.p.stderr)
				}
				s.quit()
				return suite.ErrInterrupted
			case word == "":
				return nil
			case word == "c", word == "continue":
				s.goingOn = true
				return nil
			}
		}
	}
}

// read reads what is typed. It may wait for a line when the program ends.
func (s *stepper) read() {
	defer close(s.typed)
	lines := bufio.NewScanner(s.p.stdin)
	for lines.Scan() {
		s.typed <- lines.Text()
	}
}
