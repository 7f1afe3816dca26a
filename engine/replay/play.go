package replay

import (
	"context"
	"errors"
	"strings"
	"time"

	"smtplay/engine"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// How long is waited for what the transcript holds and nothing asks for.
const (
	lingering = 2 * time.Second // a reply more
	closing   = 5 * time.Second // the end of the connection
)

// unaskedMost bounds the replies that a server may put in between.
const unaskedMost = 16

// player is one replay.
type player struct {
	script *Script
	env    *suite.Env
	run    *suite.Run
	tape   switchedTape
	fill   filler
	talks  map[int]*talk
	server string // the first that was reached
	faults []*suite.Failure
}

// talk is one conversation.
type talk struct {
	*engine.Conn
	code    int  // of the last reply
	block   int  // the block that the last step belonged to
	without int  // the block that is left out
	due     int  // replies to raw bytes that the transcript holds and are still to come
	form    form // of what was sent last
	tls     bool // STARTTLS was the last command
	x       exchange
}

// switchedTape keeps what happens as the transcript has it. It can be switched off.
type switchedTape struct {
	transcript.Tape
	off  bool
	said []transcript.Event // what is being sent, as it stands in the transcript
}

// Record implements transcript.Recorder. What was masked by hand is masked in the
// same way again.
func (t *switchedTape) Record(e transcript.Event) {
	switch {
	case t.off:
	case e.Kind == transcript.Client && t.said != nil:
		for _, l := range t.said {
			t.Tape.Record(l)
		}
		t.said = nil
	default:
		t.Tape.Record(e)
	}
}

func newPlayer(s *Script, env *suite.Env, run *suite.Run) *player {
	p := &player{script: s, env: env, run: run, talks: map[int]*talk{}, server: "now"}
	p.fill = filler{secrets: env.Secrets, tokens: run.Log.Redactor}
	run.Log.Next = append(run.Log.Next, &p.tape)
	return p
}

// play takes all steps. Where a conversation cannot go on, its other steps are
// left out; an error ends all of them.
func (p *player) play(ctx context.Context) error {
	for _, s := range p.script.steps {
		t := p.talks[s.conn]
		switch {
		case s.kind == connect:
			if err := p.connect(ctx, s); err != nil {
				return err
			}
			continue
		case t == nil || !t.Open() || t.leaves(s):
			continue
		}
		err := p.take(ctx, t, s)
		var e *engine.Error
		switch {
		case err == nil:
		case !errors.As(err, &e), e.Kind == engine.Interrupted, e.Kind == engine.Insecure, e.Kind == engine.Misuse:
			return &stepError{s, t, err}
		default:
			p.faults = append(p.faults, p.failure(s, t, err))
			t.Close()
		}
	}
	return nil
}

// stepError is a fault with the line of the transcript at which it showed.
type stepError struct {
	step *step
	talk *talk
	error
}

func (e *stepError) Unwrap() error { return e.error }

// leaves says whether a step hangs on a reply that did not come.
func (t *talk) leaves(s *step) bool {
	if s.block != t.block {
		t.block = s.block
		if s.block != 0 && t.code != s.needs {
			t.without = s.block
		}
	}
	return s.block != 0 && s.block == t.without
}

// connect opens a conversation.
func (p *player) connect(ctx context.Context, s *step) error {
	address, tls, err := p.env.Targets.Resolve(s.target)
	if err != nil {
		return &stepError{s, nil, err}
	}
	o := p.env.Options
	o.Target, o.TLS = s.target, tls || s.tls
	if o.Target == "" {
		o.Target = suite.DefaultTarget
	}
	o.Security.NoVerify = o.Security.NoVerify || s.unverified
	o.Proxy = s.proxy
	o.Number, o.Recorder, o.Secrets = s.conn, p.run.Log, p.run.Log.Redactor
	if before := p.talks[s.conn]; before != nil {
		before.Close()
	}
	// Where the transcript begins later, nothing is known of a greeting.
	p.tape.off = s.bare
	defer func() { p.tape.off = false }()
	conn, err := engine.Connect(ctx, address, o)
	if engine.IsKind(err, engine.Dial) || engine.IsKind(err, engine.Interrupted) || engine.IsKind(err, engine.Misuse) {
		return &stepError{s, nil, err}
	}
	if len(p.talks) == 0 {
		p.server = strings.TrimSpace(o.Target + " " + address)
	}
	if err != nil {
		p.faults = append(p.faults, p.failure(s, nil, err))
		p.talks[s.conn] = nil
		return nil
	}
	t := &talk{Conn: conn}
	p.talks[s.conn] = t
	if s.greeted {
		return nil
	}
	p.tape.off = true
	if r, err := t.ReadReply(ctx, 0); err == nil {
		t.code = r.Code
	}
	return nil
}

// take takes one step.
func (p *player) take(ctx context.Context, t *talk, s *step) error {
	switch s.kind {
	case say:
		return p.say(ctx, t, s)
	case hear:
		return p.hear(ctx, t, s)
	case handshake:
		if !t.tls || t.code != 220 {
			return p.stop(s, t, "TLS is not to be had: what was said under it is not said in clear")
		}
		o := t.Security()
		o.NoVerify = o.NoVerify || s.unverified
		t.tls = false
		return t.Handshake(ctx, o)
	case silence:
		return ignoreMismatch(t.ExpectSilence(ctx, s.wait))
	case unheard:
		if _, owes := t.Owes(); owes || t.due > 0 {
			code, err := p.read(ctx, t, s.wait)
			if err != nil {
				return err
			}
			return p.react(ctx, s, t, code, 0)
		}
	case left:
		wait := s.wait
		if wait == 0 {
			wait = closing
		}
		err := t.ExpectClose(ctx, wait)
		for n := 0; n < unaskedMost && engine.IsKind(err, engine.Mismatch); n++ {
			if _, err = p.read(ctx, t, 0); err == nil {
				err = t.ExpectClose(ctx, wait)
			}
		}
		if engine.IsKind(err, engine.Timeout) && s.wait > 0 {
			return nil // so it was then
		}
		return err
	case leave:
		t.Close()
	}
	return nil
}

// ignoreMismatch: bytes that came instead of silence are read as a reply later.
func ignoreMismatch(err error) error {
	if engine.IsKind(err, engine.Mismatch) {
		return nil
	}
	return err
}

// stop ends a conversation that cannot go on as it did.
func (p *player) stop(s *step, t *talk, why string) error {
	t.Note("the replay of this conversation ends here: %s", why)
	p.faults = append(p.faults, p.failure(s, t, errors.New(why)))
	t.Close()
	return nil
}
