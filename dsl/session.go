package dsl

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	lua "github.com/yuin/gopher-lua"

	"smtplay/engine"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
	"smtplay/engine/wire"
)

// closing is how long the end of a test may take: its after functions and the
// QUITs of its conversations, whatever ended the test.
const closing = 5 * time.Second

var errSlowEnd = fmt.Errorf("the end of the test, its after functions and QUITs, took longer than %v", closing)

// phase is what a script's top level is run for.
type phase uint8

const (
	phaseAlone    phase = iota // the file is one test
	phaseListing               // find out which tests there are; nothing may be sent
	phaseChoosing              // the top level, before the chosen test is run
	phaseTesting               // the chosen test
	phaseFixture               // the top level of a suite.lua
)

// session is one run of one test.
type session struct {
	// What every verb looks at comes first, as in engine.Conn.
	m        *machine
	script   *Script
	env      *suite.Env
	run      *suite.Run
	log      *transcript.Log
	ctx      context.Context
	*half    // that which runs
	phase    phase
	expected int // expectations that held

	closing  time.Duration // how long the end may take
	patience time.Duration // how long what the script waits for may take where it does not say; 0 for the default

	around   []surrounding             // of the suite.lua of each folder, the outermost first
	tests    []declared                // found while listing and choosing
	unmade   []combinations            // of matrices, found while choosing
	chosen   *declared                 // that which is run; nil until it was found
	named    map[string]transcript.Pos // where they are
	convs    []*conversation
	own      *half   // the test's own course
	halves   []*half // those that start and serve began
	broke    *half   // the first of all that failed
	over     bool    // the test's own course and all that it awaits have ended: nothing is judged any more but what is belated
	accepted []*heldSession
	together bool // there are two ends: a failure shows all conversations
	barriers map[string]*barrier
	peers    []*listener
	dialling []int    // the numbers of conversations that are being begun
	closers  []func() // what the end of the test lets go of
	began    time.Time

	belated *suite.Verdict // of a function of serve's that failed for a QUIT at the end
	service *Service       // the script is served alone; nil where it is a test
	cleanup []*lua.LFunction
	loaded  map[string]lua.LValue // modules
	late    []*module             // modules loaded so far
	homes   map[string]*Script    // whose they are, by their files
	tokens  []string

	unreached bool // the test ended because there was no way to a server
}

// declared is a test() that was met.
type declared struct {
	suite.Declared
	body *lua.LFunction
	args []lua.LValue // that it is called with
}

// conversation is an engine.Conn as a script holds it.
type conversation struct {
	*engine.Conn
	value   *lua.LUserData
	helo    string
	last    *engine.Reply  // the reply before the one that is judged
	lastPos transcript.Pos // the line that used it last
	of      *half          // which opened it
	s       *session
	busy    *half // which waits on it now
}

// waiting lets the other halves run while something is waited for here.
func (c *conversation) waiting() (done func()) {
	if c.s.m.state.Strands() == 0 {
		return nothing
	}
	c.busy = c.s.half
	back := c.s.waiting()
	return func() {
		back()
		c.busy = nil
	}
}

// record puts a remark of the test's into the transcript.
func (s *session) record(kind transcript.Kind, text string) {
	number := 1
	if s.current != nil {
		number = s.current.Number()
	}
	e := transcript.Event{Conn: number, Kind: kind, Time: time.Now(), Data: []byte(text)}
	if s.half.secrets != nil {
		e = s.half.secrets.Mask(e)
	}
	s.log.Record(e)
}

// open begins a conversation with a target and makes it the current one.
func (s *session) open(pos transcript.Pos, target string, o connectOptions) (*conversation, error) {
	if target == "" {
		target = suite.DefaultTarget
	}
	opts := s.env.Options
	var address string
	if o.reach.mx != "" {
		opts.Security.Name = "" // the host that is found must have a certificate of its own
	} else {
		var err error
		if address, opts.TLS, err = s.env.Targets.Resolve(target); err != nil {
			return nil, err
		}
		if target != address {
			opts.Target = target
		}
	}
	if o.tls != nil {
		opts.TLS = *o.tls
	}
	if o.timeout > 0 {
		opts.Timeout = o.timeout
	}
	if o.source != "" {
		opts.Source = o.source
	}
	if l := s.listenerAt(address); l != nil && l.shown != nil && l.shown.Pool != nil {
		opts.Security.CA = l.shown.Pool // who made it is known: this very test
	}
	o.security.apply(&opts.Security)
	opts.Number, opts.Recorder, opts.Secrets = s.number(), s.log, s.log.Redactor
	c := &conversation{helo: o.helo, lastPos: pos, of: s.half, s: s}
	opts.Waiting, opts.Alone = c.waiting, s.m.alone
	s.dialling = append(s.dialling, opts.Number)
	s.dialled = true
	conn, err := s.dial(address, o.reach, opts)
	s.dialling = slices.DeleteFunc(s.dialling, func(n int) bool { return n == opts.Number })
	if err != nil {
		return nil, err
	}
	c.Conn = conn
	if c.helo == "" {
		c.helo = s.env.Helo
	}
	s.convs = append(s.convs, c)
	s.current = c
	return c, nil
}

// number is the lowest that no open conversation has.
func (s *session) number() int {
	for n := 1; ; n++ {
		if !s.taken(n) {
			return n
		}
	}
}

// taken says whether a conversation that goes on has that number.
func (s *session) taken(n int) bool {
	return slices.Contains(s.dialling, n) || slices.ContainsFunc(s.convs, func(c *conversation) bool { return c.Open() && c.Number() == n }) ||
		slices.ContainsFunc(s.peers, func(l *listener) bool { return l.taken(n) })
}

// verdict runs the end of the test, and says what it all came to.
func (s *session) verdict(played error, v *suite.Verdict) {
	*v = s.judge(played)
	if s.service != nil {
		*v = s.serve(*v)
	}
	if s.phase == phaseListing {
		s.release()
		s.mask(v)
		return
	}
	*v = s.join(*v)
	expected := s.expected
	if v.Failure != nil && s.together {
		v.Failure.Together = true
	}
	s.warn(v)
	if s.lasting() {
		ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(s.ctx), s.closing, errSlowEnd)
		defer cancel()
		s.ctx = ctx
	}
	s.end(v)
	if s.belated != nil && v.Outcome == suite.Passed {
		s.blame(v, *s.belated)
	}
	s.part()
	if v.Outcome == suite.Passed && expected == 0 && s.service == nil {
		*v = suite.Verdict{Outcome: suite.Errored, Failure: &suite.Failure{Pos: s.start(), Source: s.line(s.start()),
			What: "nothing was expected in this test: it proves nothing",
			Hint: "give it an expect, or a verb that reads its reply"}}
	}
	if s.m.state.RandomUsed() {
		v.Seed = s.env.Seed
	}
	v.Tokens = s.tokens
	s.release()
	s.mask(v)
}

// lasting: the end has something to do that may take its time.
func (s *session) lasting() bool {
	return len(s.cleanup) > 0 || slices.ContainsFunc(s.convs, func(c *conversation) bool { return !c.Over() })
}

// start is where the test begins in its file.
func (s *session) start() transcript.Pos {
	if s.chosen != nil {
		return s.chosen.At
	}
	return transcript.Pos{File: s.script.Name(), Line: 1}
}

// end runs what after registered, last first, then ends the conversations.
func (s *session) end(v *suite.Verdict) {
	for len(s.cleanup) > 0 { // one of them may register another
		fn := s.cleanup[len(s.cleanup)-1]
		s.cleanup = s.cleanup[:len(s.cleanup)-1]
		if err := s.m.protect(s.ctx, fn); err != nil {
			s.blame(v, s.judge(err))
		}
	}
	for _, h := range s.accepted { // nobody answers a QUIT there any more
		h.Close()
	}
	for _, l := range s.peers { // nor where a function, which knows its own course, plays each session
		if l.byHand {
			l.Close()
		}
	}
	for _, c := range s.convs {
		if c.of.runs() {
			continue // a function of serve's, which is still at work with it
		}
		err := c.Finish(s.ctx)
		if err == nil || v.Outcome != suite.Passed {
			continue // a test that ended early leaves replies unread, and that is not one more fault
		}
		f := s.failure(c, err)
		f.Pos = c.lastPos
		if e := (*engine.Error)(nil); errors.As(err, &e) && e.Kind == engine.Owed && e.Command.Pos.Line > 0 {
			f.Pos = e.Command.Pos
		}
		f.Source = s.line(f.Pos)
		s.blame(v, suite.Verdict{Outcome: suite.Failed, Failure: f})
	}
}

// blame adds what went wrong at the end: it decides where all was well before.
func (s *session) blame(v *suite.Verdict, late suite.Verdict) {
	if late.Outcome == suite.Passed {
		return
	}
	if late.Outcome == suite.Skipped {
		late = suite.Verdict{Outcome: suite.Errored, Failure: &suite.Failure{Pos: late.Pos, Source: s.line(late.Pos), What: "skip has no place in an after function"}}
	}
	if v.Outcome == suite.Passed || v.Outcome == suite.Skipped {
		*v = late
		return
	}
	v.Extra = append(v.Extra, late.Failure)
}

// lastReply is the reply before the current one, for hints.
func (c *conversation) lastReply() *wire.Reply {
	if c == nil || c.last == nil {
		return nil
	}
	return c.last.Reply
}
