package dsl

import (
	"context"

	"smtplay/engine/server"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// Service is how a script is served alone: where its listeners are, and who is
// told of what comes. Its functions are called one at a time.
type Service struct {
	Listen  func(name string) string                // the address of a listener of that name, or of none; "" leaves it to the script
	Bound   func(name, address string)              // a listener is there
	Visited func(visit *server.Visit)               // a session is over; nil of one that the script played by hand
	Failed  func(f *suite.Failure, o suite.Outcome) // a session failed; the others go on
}

// Serve runs a script that is a server, until ctx is done. Its verdict is Passed
// unless the script itself, outside its sessions, came to something else.
func (s *Script) Serve(ctx context.Context, env *suite.Env, log *transcript.Log, o Service) (v suite.Verdict) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	session := &session{script: s, env: env, run: &suite.Run{Log: log, Stop: stop}, log: log, ctx: ctx, closing: closing, service: &o}
	s.hideWritten(log)
	newMachine().play(session, &v)
	return v
}

// Several says whether the script declares tests of its own.
func (s *Script) Several() bool { return s.several }

// serve goes on until the service is stopped, once the script has said what it
// serves.
func (s *session) serve(v suite.Verdict) suite.Verdict {
	if v.Outcome != suite.Passed {
		return v
	}
	for _, l := range s.peers {
		if l.serving != nil {
			<-s.ctx.Done()
			return v
		}
	}
	f := &suite.Failure{Pos: s.start(), Source: s.line(s.start()), What: "this script serves nobody: it has come to its end",
		Hint: "listen():serve{ … } takes every client from then on"}
	return suite.Verdict{Outcome: suite.Errored, Failure: f}
}
