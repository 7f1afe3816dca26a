package replay

import (
	"context"
	"errors"
	"slices"
	"strings"

	"smtplay/engine"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// finish ends what is still open as a good client does.
func (p *player) finish(ctx context.Context) {
	var open []int
	for n, t := range p.talks {
		if t != nil {
			open = append(open, n)
		}
	}
	slices.Sort(open)
	for _, n := range open {
		_ = p.talks[n].Finish(ctx) // nothing is judged here
		p.talks[n].Close()
	}
}

// ended is the verdict of a replay that came to no end.
func (p *player) ended(ctx context.Context, err error) suite.Verdict {
	var at *stepError
	errors.As(err, &at)
	f := p.failure(at.step, at.talk, at.error)
	v := suite.Verdict{Outcome: suite.Errored, Failure: f}
	switch {
	case engine.IsKind(err, engine.Insecure):
		v.Outcome, f.Hint = suite.Failed, "--insecure sends secrets even so"
	case engine.IsKind(err, engine.Interrupted):
		f.What = context.Cause(ctx).Error()
		if errors.Is(context.Cause(ctx), suite.ErrTestTimeout) {
			v.Outcome, f.Hint = suite.Failed, "--test-timeout gives a replay more time"
		}
	}
	return v
}

// failure is an error of the engine's as people are told of it.
func (p *player) failure(s *step, t *talk, err error) *suite.Failure {
	hide := p.run.Log.Redactor.String
	f := &suite.Failure{Pos: transcript.Pos{File: p.script.name, Line: s.line}, What: hide(err.Error())}
	if t != nil {
		f.Conn, f.Target = t.Number(), hide(strings.TrimSpace(t.Target()+" "+t.Address()))
	}
	var e *engine.Error
	if errors.As(err, &e) {
		f.Want = e.Want
		if e.Command != nil {
			f.Command = hide(e.Command.String())
		}
		if len(e.Got) > 0 {
			f.Got = hide(string(e.Got))
		}
	}
	return f
}
