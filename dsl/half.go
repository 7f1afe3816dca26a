package dsl

import (
	"errors"
	"fmt"
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
	name   string // "" of the test's own course
	begun  transcript.Pos
	strand *lua51.Strand
	served bool // it plays a listener's sessions, and is not awaited

	secrets *transcript.Redactor // of the session that a service plays in it; nil for those of the test

	current  *conversation
	dialled  bool           // a conversation was begun: none begins by itself any more
	asserted lua.LValue     // what the last failed assert raised
	at       transcript.Pos // where that was
	atColumn int            // and where in its line that assert stands, 0 where it is not certain
	via      []transcript.Pos
	stands   transcript.Pos // the line of its latest verb

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
	if s.broke != nil || s.ctx.Err() != nil {
		return
	}
	if s.service != nil && h.served && v.Failure != nil {
		v.Failure.Together = true
		s.maskBy(h.redactor(s), &v)
		s.service.Failed(v.Failure) // one client, and not the others
		return
	}
	s.broke = h
	if h.name != "" && v.Failure != nil {
		v.Failure.What += " (in " + h.String() + ")"
		v.Failure.Together = true
	}
	s.run.Stop(errHalfFailed)
}

// join ends the other halves, once the test's own course has ended, and says
// what it all came to. A half that goes on although nothing else does has hung.
func (s *session) join(v suite.Verdict) suite.Verdict {
	if len(s.halves) == 0 {
		return v
	}
	if v.Outcome == suite.Passed {
		s.endServing()
		if h := s.unfinished(patience); h != nil && s.broke == nil && s.ctx.Err() == nil {
			v = s.hung(h, patience)
		}
	}
	if s.broke != nil {
		v = s.broke.verdict
	}
	s.run.Stop(errTestOver)
	s.unfinished(parting)
	s.half = s.own
	return v
}

// unfinished waits for the halves, and returns one that has not ended in time.
func (s *session) unfinished(within time.Duration) *half {
	end := time.NewTimer(within)
	defer end.Stop()
	over := false
	for _, h := range s.halves {
		if over {
			select {
			case <-h.strand.Done():
				continue
			default:
				return h
			}
		}
		select {
		case <-h.strand.Done():
		case <-end.C:
			over = true
			select {
			case <-h.strand.Done():
			default:
				return h
			}
		}
	}
	return nil
}

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
		{"ended", "boolean", "it has ended", func(_ *machine, self any) lua.LValue {
			select {
			case <-self.(*half).strand.Done():
				return lua.LTrue
			default:
				return lua.LFalse
			}
		}},
	}}
}

func runStart(c *call) int {
	c.inTest()
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

// within is how long the verb may wait.
func (c *call) within() time.Duration {
	if d := c.duration(c.option("within"), "within"); d > 0 {
		return d
	}
	return patience
}

// await waits for a channel, and lets the other halves run. It returns false when
// time is up.
func (c *call) await(done <-chan struct{}, within time.Duration) bool {
	timer := time.NewTimer(within)
	defer timer.Stop()
	back := c.s.waiting()
	held := true
	select {
	case <-done:
	case <-c.s.ctx.Done():
	case <-timer.C:
		held = false
	}
	back()
	if c.s.ctx.Err() != nil {
		c.interrupted()
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
		c.wrong("the barrier %q is for %d halves: %s said so", name, b.halves, b.here[0])
	}
	if b.here = append(b.here, c.s.half); len(b.here) == b.halves {
		delete(c.s.barriers, name) // the next to come begin anew
		close(b.open)
		return 0
	}
	within := c.within()
	if c.await(b.open, within) {
		return 0
	}
	delete(c.s.barriers, name)
	var who []string
	for _, h := range b.here {
		who = append(who, fmt.Sprintf("%s (%v)", h, h.stands))
	}
	f := failureOf(fmt.Sprintf("the barrier %q: %d of %d halves came in %v", name, len(b.here), b.halves, within))
	f.Got, f.Together = strings.Join(who, "\n"), true
	for _, h := range c.s.halves {
		if h != c.s.half {
			f.Hint = "a half that waits for something else, or has ended, comes to no barrier"
		}
	}
	c.s.fail(c.LState, f)
	return 0
}
