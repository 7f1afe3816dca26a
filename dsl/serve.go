package dsl

import (
	"context"

	"smtplay/engine/server"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// Service is how a script is served alone: where its listeners are, and who is
// told of what comes. Its functions keep all clients waiting until they return;
// Ready may be called beside one of the others.
type Service struct {
	// Listen is the address of the next listener of that name, "" for one that has
	// none; "" leaves it to the script. What it gives may be any address.
	Listen func(name string) string

	// Bound is told of a listener that is there, by the address that clients take.
	Bound func(name, address string)

	// Ready is called once the script has said what it serves. An error ends the
	// service, and Serve returns it.
	Ready func() error

	// Visited is told of a session that is over; of one that the script played by
	// hand the visit has no messages. redact knows the secrets of its client, too.
	Visited func(visit *server.Visit, redact *transcript.Redactor)

	// Failed is told, after Visited, why a session failed, masked; the others go on.
	Failed func(f *suite.Failure)
}

// Serve runs a script that is a server, until ctx is done. Its verdict is Passed
// unless the script itself, outside its sessions, came to something else. The
// error is that of Ready.
func (s *Script) Serve(ctx context.Context, env *suite.Env, log *transcript.Log, o Service) (v suite.Verdict, err error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	session := &session{script: s, env: env, run: &suite.Run{Log: log, Stop: stop}, log: log, ctx: ctx, closing: closing, service: &o}
	ready := o.Ready
	o.Ready = func() error {
		if ready != nil {
			err = ready()
		}
		return err
	}
	s.hideWritten(log)
	newMachine().play(session, &v)
	return v, err
}

// Several says whether the script declares tests of its own.
func (s *Script) Several() bool { return s.several }

// serve goes on until the service is stopped, once the script has said what it
// serves.
func (s *session) serve(v suite.Verdict) suite.Verdict {
	if v.Outcome != suite.Passed || s.service.Ready() != nil {
		return v
	}
	for _, l := range s.peers {
		if l.serving != nil {
			stop := s.ctx.Done()
			back := s.waiting()
			<-stop
			back()
			return v
		}
	}
	f := &suite.Failure{Pos: s.start(), Source: s.line(s.start()), What: "this script serves nobody: it has come to its end",
		Hint: "listen():serve{ … } takes every client from then on"}
	return suite.Verdict{Outcome: suite.Errored, Failure: f}
}

// redactor knows the secrets that what the half says may hold.
func (h *half) redactor(s *session) *transcript.Redactor {
	if h.secrets != nil {
		return h.secrets
	}
	return s.log.Redactor
}

// live is the transcript of a session that a service plays, for those who watch:
// nothing else looks at it. It is masked by the secrets of the session, too.
type live struct {
	redact *transcript.Redactor
	log    *transcript.Log
}

// Record implements transcript.Recorder.
func (r *live) Record(e transcript.Event) {
	if len(r.log.Next) > 0 {
		r.log.Record(r.redact.Mask(e))
	}
}
