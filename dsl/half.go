package dsl

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"smtplay/dsl/lua51"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// half is a part of a test that runs beside the others: the test's own course,
// and each function that start began. One of them at a time runs Lua.
type half struct {
	// What every verb looks at comes first, as in engine.Conn.
	current *conversation
	stands  transcript.Pos       // the line of its latest verb
	secrets *transcript.Redactor // of the session that a service plays in it; nil for those of the test

	name   string // "" of the test's own course
	begun  transcript.Pos
	strand *lua51.Strand
	served bool // it plays a listener's sessions, and is not awaited
	byHand bool // by a function of the script's, which the end of the test cuts off

	dialled  bool           // a conversation was begun: none begins by itself any more
	asserted lua.LValue     // what the last failed assert raised
	at       transcript.Pos // where that was
	atColumn int            // and where in its line that assert stands, 0 where it is not certain
	via      []transcript.Pos
	awaits   *half // which it waits for

	values  []lua.LValue // what its function returned
	verdict suite.Verdict
}

// String is the half as errors call it.
func (h *half) String() string {
	if h.name == "" {
		return "the test itself"
	}
	return fmt.Sprintf("the half %q", h.name)
}

var (
	errHalfFailed = errors.New("another half of this test failed")
	errTestOver   = errors.New("the test is over")
)

// parting is how long halves may take to end once they are told to.
const parting = 5 * time.Second

// waiting lets the other halves run until the function that it returns is
// called. In between nothing of Lua's, and nothing of the session's, is touched.
func (s *session) waiting() (done func()) {
	if s.m.state.Strands() == 0 {
		return nothing
	}
	h := s.half // before another half runs: in one statement with the call it may be read after it
	regain := s.m.state.Release()
	return func() {
		regain()
		s.half = h
	}
}

func nothing() {}

// begin starts a half.
func (s *session) begin(h *half, body func(l *lua.LState) ([]lua.LValue, *lua51.Error)) {
	s.halves = append(s.halves, h)
	s.together = true
	h.strand = s.m.state.Start(s.ctx, s.m.state.Function(func(l *lua.LState) int {
		s.half = h
		values, err := body(l)
		h.values = values
		if err != nil {
			s.broken(h, s.judge(err))
		}
		return 0
	}))
}

// broken keeps what ended a half. The first to break ends the test: the others
// only follow.
func (s *session) broken(h *half, v suite.Verdict) {
	h.verdict = v
	if s.over && s.belated == nil && s.ctx.Err() == nil && h.served && !h.byHand && s.service == nil {
		h.signed()
		s.belated = &v
	}
	if s.over || s.broke != nil || s.ctx.Err() != nil {
		return
	}
	if s.service != nil && h.served && v.Failure != nil {
		v.Failure.Together = true
		s.maskBy(h.redactor(s), &v)
		s.service.Failed(v.Failure) // one client, and not the others
		return
	}
	s.broke = h
	h.signed()
	if len(s.halves) > 0 {
		s.run.Stop(errHalfFailed)
	}
}

// signed makes the failure of a half say whose it is.
func (h *half) signed() {
	if f := h.verdict.Failure; f != nil && h.name != "" {
		f.What += " (in " + h.String() + ")"
		f.Together = true
	}
}

// runs says whether a half that start or serve began has not ended.
func (h *half) runs() bool {
	if h.strand == nil {
		return false
	}
	select {
	case <-h.strand.Done():
		return false
	default:
		return true
	}
}

// join awaits the other halves, once the test's own course has ended, and says
// what it all came to. Those that play the sessions of serve are not awaited: where
// all went well, they go on while the test ends, so that its conversations can say
// QUIT to them.
func (s *session) join(v suite.Verdict) suite.Verdict {
	s.half = s.own
	if v.Outcome != suite.Passed {
		s.broken(s.own, v)
	}
	if len(s.halves) == 0 {
		s.over = true
		return v
	}
	if v.Outcome == suite.Passed && s.service == nil {
		v = s.awaited()
	}
	if s.broke != nil {
		v = s.broke.verdict
	}
	s.over = true
	if v.Outcome != suite.Passed {
		s.run.Stop(errTestOver)
		s.unfinished(parting, nil, (*half).runs)
	}
	return v
}

// awaited gives the halves time to end. One that goes on although nothing else
// does has hung.
func (s *session) awaited() suite.Verdict {
	within := s.patient()
	h := s.unfinished(within, s.ctx.Done(), func(h *half) bool { return !h.served && h.runs() })
	switch {
	case s.broke == nil && s.ctx.Err() != nil:
		return s.cutShort()
	case s.broke == nil && h != nil:
		return s.hung(h, within)
	}
	return suite.Verdict{Outcome: suite.Passed}
}

// cutShort is the verdict where the test's time was up, or it was stopped, while halves
// were awaited: that of the first that waited.
func (s *session) cutShort() suite.Verdict {
	s.unfinished(parting, nil, (*half).runs)
	for _, h := range s.halves {
		if !h.served && h.verdict.Failure != nil {
			if f := h.verdict.Failure; h.stands.Line == 0 { // it had not begun
				f.Pos, f.Source = h.begun, s.line(h.begun)
				h.verdict.Outcome = s.interruption(f)
			}
			h.signed()
			return h.verdict
		}
	}
	f := &suite.Failure{Pos: s.start(), Source: s.line(s.start())}
	return suite.Verdict{Outcome: s.interruption(f), Failure: f}
}

// part ends all that goes on beside the test once it is over.
func (s *session) part() {
	if len(s.halves) == 0 {
		return
	}
	for _, l := range s.peers {
		l.Close()
	}
	s.run.Stop(errTestOver)
	s.unfinished(parting, nil, (*half).runs)
	for _, c := range s.convs {
		if !c.of.runs() {
			c.Close()
		}
	}
	if s.m.state.Strands() > 0 {
		s.m.state.Release() // for good: this machine is not used again
	}
}

// unfinished waits until none of the halves is such any more, and returns one that
// still is when time is up or stop is closed.
func (s *session) unfinished(within time.Duration, stop <-chan struct{}, such func(*half) bool) *half {
	end := time.NewTimer(within)
	defer end.Stop()
	for {
		i := slices.IndexFunc(s.halves, such)
		if i < 0 {
			return nil
		}
		h, over := s.halves[i], false
		back := s.waiting()
		select {
		case <-h.strand.Done():
		case <-stop:
			over = true
		case <-end.C:
			over = true
		}
		back()
		if over {
			if i := slices.IndexFunc(s.halves, such); i >= 0 {
				return s.halves[i]
			}
			return nil
		}
	}
}

// patient is how long what the script waits for may take where it does not say.
func (s *session) patient() time.Duration { return cmp.Or(s.patience, patience) }

// hung is the failure of a half that does not end.
func (s *session) hung(h *half, within time.Duration) suite.Verdict {
	f := s.stuck(h, within)
	f.Source = s.line(f.Pos)
	return suite.Verdict{Outcome: suite.Failed, Failure: f}
}

// stuck says where a half stands that should have ended.
func (s *session) stuck(h *half, within time.Duration) *suite.Failure {
	f := &suite.Failure{Pos: h.stands, Together: true, What: fmt.Sprintf("%s has not ended in %v: it stands here", h, within)}
	if f.Pos.Line == 0 {
		f.Pos = h.begun
	}
	f.Hint = "what it waits for did not come; wait(half, { within = … }) gives it longer"
	return f
}

func halfVerbs() []*verb {
	return inChapter(chapterPeers, globals(
		&verb{name: "start", calls: true, returns: "half", doc: "Runs a function beside the rest of the test, as the other end of a conversation. One of them at a time runs; the next goes on while this one waits for the network, for a message or for another half. It starts with no connection. If it fails, the test does.",
			args:    []param{{name: "name", kind: textKind}, {name: "function", kind: functionKind}},
			example: `local client = start("client", function() connect(mx.address); … end)`, run: runStart},
		&verb{name: "wait", doc: "Awaits the end of a half and returns what its function returned.",
			args: []param{{name: "half", kind: anyValue}}, options: []param{optWithin}, example: `wait(client, { within = "10s" })`, run: runWait},
		&verb{name: "barrier", doc: "Lets halves meet: goes on when as many as are to have come here.",
			args:    []param{{name: "name", kind: textKind}},
			options: []param{{name: "halves", kind: numberKind, between: &[2]int64{2, 1000}, doc: "how many are to come (default 2)"}, optWithin},
			example: `barrier "the message is sent"`, run: runBarrier},
	)...)
}

func halfObject() *object {
	return &object{name: "half", doc: "What start began, for wait.", fields: []objectField{
		{"name", "string", "as start was told", func(_ *machine, self any) lua.LValue { return lua.LString(self.(*half).name) }},
		{"ended", "boolean", "it has ended", func(_ *machine, self any) lua.LValue { return lua.LBool(!self.(*half).runs()) }},
	}}
}

func runStart(c *call) int {
	c.inTest()
	c.notOver()
	h := &half{name: c.text(0), begun: c.pos}
	if strings.TrimSpace(h.name) == "" {
		c.wrong("a half needs a name")
	}
	for _, other := range c.s.halves {
		if other.name == h.name && !other.served {
			c.wrong("the name %q is used twice: the other half was started at %v", h.name, other.begun)
		}
	}
	fn := c.function(1)
	c.s.begin(h, func(l *lua.LState) ([]lua.LValue, *lua51.Error) { return c.s.m.state.ProtectedCall(l, fn) })
	c.Push(c.s.m.object(objectNamed["half"], h))
	return 1
}

// inTest: what acts belongs into a test.
func (c *call) inTest() {
	if c.s.phase == phaseFixture {
		c.wrong("%s belongs into before_each or after_each: what stands outside of functions in suite.lua is run for each test, before it begins", c.v.name)
	}
	if c.s.phase != phaseAlone && c.s.phase != phaseTesting {
		c.wrong("%s belongs into a test: this file has tests, and what stands outside them is run for each", c.v.name)
	}
}

// notOver: what goes on beside the test is begun by the test.
func (c *call) notOver() {
	if c.s.over {
		c.wrong("%s has no place in an after function: the test is over", c.v.name)
	}
}

// within is how long the verb may wait.
func (c *call) within() time.Duration {
	if d := c.duration(c.option("within"), "within"); d > 0 {
		return d
	}
	return c.s.patient()
}

// await waits for a channel, and lets the other halves run. It returns false when
// time is up.
func (c *call) await(done <-chan struct{}, within time.Duration) bool {
	timer := time.NewTimer(within)
	defer timer.Stop()
	stop := c.s.ctx.Done()
	back := c.s.waiting()
	held := true
	select {
	case <-done:
	case <-stop:
	case <-timer.C:
		held = false
	}
	back()
	if c.s.ctx.Err() != nil {
		c.interrupted()
	}
	if !held {
		select { // it came while others ran
		case <-done:
			held = true
		default:
		}
	}
	return held
}

func runWait(c *call) int {
	h, ok := objectIn(objectNamed["half"], c.arg(0)).(*half)
	if !ok {
		c.wrong("wait needs a half, which start returned, and got %s", article(c.arg(0)))
	}
	if h == c.s.half {
		c.wrong("%s waits for itself", h)
	}
	me := c.s.half
	for other := h.awaits; other != nil; other = other.awaits {
		if other == me {
			c.wrong("%s waits for %s already, at %v: neither would ever end", h, me, h.stands)
		}
	}
	me.awaits = h
	defer func() { me.awaits = nil }()
	if within := c.within(); !c.await(h.strand.Done(), within) {
		f := c.s.stuck(h, within)
		f.What = fmt.Sprintf("%s has not ended in %v: it stands at %v", h, within, f.Pos)
		c.s.fail(c.LState, f)
	}
	for _, v := range h.values {
		c.Push(v)
	}
	return len(h.values)
}

// barrier is where halves meet.
type barrier struct {
	halves int
	here   []*half
	open   chan struct{}
}

func runBarrier(c *call) int {
	c.inTest()
	name, halves := c.text(0), 2
	if n := c.optInt("halves"); n != nil {
		halves = *n
	}
	if halves < 2 {
		c.wrong("halves of barrier is how many meet there: 2 or more")
	}
	b := c.s.barriers[name]
	if b == nil {
		if c.s.barriers == nil {
			c.s.barriers = map[string]*barrier{}
		}
		b = &barrier{halves: halves, open: make(chan struct{})}
		c.s.barriers[name] = b
	}
	if b.halves != halves {
		c.wrong("the barrier %q is for %d halves: %s said so, at %v", name, b.halves, b.here[0], b.here[0].stands)
	}
	if b.here = append(b.here, c.s.half); len(b.here) == b.halves {
		delete(c.s.barriers, name) // the next to come begin anew
		close(b.open)
		return 0
	}
	within, me := c.within(), c.s.half
	if c.await(b.open, within) {
		return 0
	}
	var who []string
	for _, h := range b.here {
		who = append(who, fmt.Sprintf("%s (%v)", h, h.stands))
	}
	f := failureOf(fmt.Sprintf("the barrier %q: %d of %d halves came in %v", name, len(b.here), b.halves, within))
	f.Got, f.Together = strings.Join(who, "\n"), true
	b.here = slices.DeleteFunc(b.here, func(h *half) bool { return h == me }) // it may come again
	if len(b.here) == 0 && c.s.barriers[name] == b {
		delete(c.s.barriers, name)
	}
	for _, h := range c.s.halves {
		if h != c.s.half {
			f.Hint = "a half that waits for something else, or has ended, comes to no barrier"
		}
	}
	c.s.fail(c.LState, f)
	return 0
}
