package replay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// Script is a transcript whose client's half is sent again. It is immutable and
// may be run by several workers at once.
type Script struct {
	name   string
	events []transcript.Event
	steps  []*step
	masks  transcript.Masks

	accepted int // the line of the first conversation that smtplay accepted, 0 for none
}

// New makes a script of a transcript as transcript.Decode returns it, one event a
// line. Conversations that smtplay accepted are no client's, and left out. masks are what changes from run to run; name is the file, by which people
// know it.
func New(name string, events []transcript.Event, masks transcript.Masks) *Script {
	s := &Script{name: name, events: events, steps: compile(events), masks: masks}
	if i := slices.IndexFunc(events, func(e transcript.Event) bool { return e.Kind == transcript.Accept }); i >= 0 {
		s.accepted = i + 2 // the header is the first line
	}
	return s
}

// Load makes a script of a file.
func Load(name string, masks transcript.Masks) (*Script, error) {
	events, err := transcript.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return New(name, events, masks), nil
}

// Name implements suite.Script.
func (s *Script) Name() string { return s.name }

// Tests implements suite.Script: a transcript is one test.
func (s *Script) Tests(context.Context, *suite.Env) ([]suite.Declared, error) {
	return []suite.Declared{{Name: s.name}}, nil
}

// Secrets are the names of the secrets that are sent, in order. The one of a
// password that held a token is none: it is made anew.
func (s *Script) Secrets() []string {
	names := map[string]bool{}
	for _, st := range s.steps {
		for _, l := range st.lines {
			for _, span := range l.Spans {
				if m, err := parseMask(span.Mask); err == nil && m.secret != "" && m.secret != token {
					names[m.secret] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// Fault is why a transcript cannot be replayed as things are.
type Fault struct {
	File   string
	Line   int    // 1-based
	Secret string // the secret that is missing, "" where it is something else
	Err    error
}

func (f *Fault) Error() string {
	if f.Secret != "" {
		return fmt.Sprintf("%s:%d: the secret %q is missing", f.File, f.Line, f.Secret)
	}
	return fmt.Sprintf("%s:%d: %v", f.File, f.Line, f.Err)
}

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Err }

// Ready says all that keeps the transcript from being replayed in env, before
// anything is sent. The errors are of type *Fault, joined.
func (s *Script) Ready(env *suite.Env) error {
	var faults []error
	missing := map[string]bool{}
	fault := func(line int, secret string, err error) {
		faults = append(faults, &Fault{File: s.name, Line: line, Secret: secret, Err: err})
	}
	if s.onlyAccepted() {
		fault(s.accepted, "", errOnlyAccepted)
	}
	for _, st := range s.steps {
		if st.kind == connect {
			if _, _, err := env.Targets.Resolve(st.target); err != nil {
				fault(st.line, "", err)
			}
		}
		for i, l := range st.lines {
			if err := check(l, st, env.Secrets); err != nil {
				fault(st.line+i, "", err)
				continue
			}
			for _, span := range l.Spans {
				m, _ := parseMask(span.Mask)
				if m.secret != "" && m.secret != token && env.Secrets[m.secret] == "" && !missing[m.secret] {
					missing[m.secret] = true
					fault(st.line+i, m.secret, nil)
				}
			}
		}
	}
	return errors.Join(faults...)
}

// errOnlyAccepted: there is nothing that a client could say.
var errOnlyAccepted = errors.New("smtplay was the server in all that this transcript holds, and replay plays the client: serve plays the server's side of it")

func (s *Script) onlyAccepted() bool { return s.accepted > 0 && len(s.steps) == 0 }

// Run implements suite.Script. It passes where every reply was what it had been.
func (s *Script) Run(ctx context.Context, env *suite.Env, run *suite.Run) suite.Verdict {
	if s.onlyAccepted() {
		return suite.Verdict{Outcome: suite.Errored, Failure: &suite.Failure{Pos: transcript.Pos{File: s.name, Line: s.accepted}, What: errOnlyAccepted.Error()}}
	}
	if !slices.ContainsFunc(s.steps, func(st *step) bool { return st.kind == hear }) {
		return suite.Verdict{Outcome: suite.Skipped, Reason: "the server says nothing in this transcript"}
	}
	p := newPlayer(s, env, run)
	err := p.play(ctx)
	now, whole := p.tape.Events() // what follows is said by us alone
	p.finish(ctx)
	switch {
	case err != nil:
		return p.ended(ctx, err)
	case !whole:
		return suite.Verdict{Outcome: suite.Errored, Failure: &suite.Failure{What: fmt.Sprintf("what the server says is larger than %d MB", transcript.MaxFile>>20)}}
	}
	changes := transcript.Comparison{Masks: s.masks, Led: true, Replies: true}.Diff(s.events, now)
	if len(changes) == 0 {
		return suite.Verdict{Outcome: suite.Passed}
	}
	what := "one thing changed"
	if n := len(changes); n > 1 {
		what = fmt.Sprintf("%d things changed", n)
	}
	return suite.Verdict{Outcome: suite.Failed, Failure: &suite.Failure{What: what + " since this was recorded"}, Extra: p.faults,
		Difference: &suite.Difference{Before: s.name, After: p.server, Changes: changes, Alone: true}}
}
