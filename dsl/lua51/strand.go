package lua51

import (
	"context"
	"errors"

	lua "github.com/yuin/gopher-lua"
)

const (
	// maxStrands bounds the strands of a state that have not ended: their stacks in Go are bounded each, not in sum.
	maxStrands = 4096
	// strandSize is about what a strand takes from the heap; its stack in Go comes on top.
	strandSize = 8 << 10
)

// ErrUnfinished is the error of a strand that has not ended.
var ErrUnfinished = errors.New("this strand has not ended")

// Strand is a Lua function that runs beside the others of its state: State.Call is one such run, and State.Start begins
// more. Only the one that holds the state's baton runs Lua, or touches what belongs to Lua. It keeps the baton until it
// ends, or until a builtin of its gives it away to wait for something; those that want it get it in the order in which
// they asked. So nothing comes between two instructions of a script but what it waits for itself, and one that never
// waits keeps the others waiting until its context ends.
type Strand struct {
	state  *State
	thread *lua.LState
	cancel context.CancelCauseFunc
	turn   chan struct{} // the baton is handed to this strand
	regain func()        // take, made once
	done   chan struct{}
	values []lua.LValue
	err    error

	// What the state holds of the strand with the baton, and keeps here for the others.
	away    bool // without the baton
	chain   []link
	raised  *Error
	current *lua.LState
}

// Start runs fn in a goroutine of its own, as soon as the baton comes to it, until it ends or ctx does. It is called by
// who holds the baton, so from a builtin, on whose call it raises an error where too many strands run already. Values
// and variables are shared with the script. Coroutines are too: one strand may go on with what another has suspended.
func (s *State) Start(ctx context.Context, fn *lua.LFunction, args ...lua.LValue) *Strand {
	l := s.innermost()
	caller := call{s: s, l: l}
	if s.alive.Load() >= maxStrands {
		caller.raise("too many functions run at once (%d)", maxStrands)
	}
	caller.checkContext()
	caller.charge(strandSize)
	st := &Strand{state: s, thread: s.newThread(l), turn: make(chan struct{}, 1), done: make(chan struct{}), away: true}
	ctx, st.cancel = context.WithCancelCause(ctx)
	st.regain, st.current = st.take, st.thread
	st.thread.SetContext(ctx)
	st.thread.Push(s.entry)
	st.thread.Push(fn)
	for _, v := range args {
		st.thread.Push(v)
	}
	s.options.Watchdog.join(&s.watched, st)
	s.baton.Lock()
	if s.strands == nil {
		s.strands = make(map[*lua.LState]*Strand)
	}
	if s.first.turn == nil {
		s.first.turn, s.first.regain = make(chan struct{}, 1), s.first.take
	}
	s.strands[st.thread] = st
	s.held = true
	s.alive.Add(1)
	s.queue = append(s.queue, st)
	s.baton.Unlock()
	go st.run(1 + len(args))
	return st
}

// Strands is how many strands were started and have not ended.
func (s *State) Strands() int { return int(s.alive.Load()) }

// Done is closed when the strand has ended. Who waits for it gives the baton away meanwhile: see State.Release.
func (st *Strand) Done() <-chan struct{} { return st.done }

// Result is what the function returned, or the *Error that ended it. Before the strand has ended it is ErrUnfinished.
func (st *Strand) Result() ([]lua.LValue, error) {
	select {
	case <-st.done:
		return st.values, st.err
	default:
		return nil, ErrUnfinished
	}
}

// Stop ends the strand's context; cause is then that of its error, which has the position where the strand stood. It may
// be called by anyone, also when the strand has ended.
func (st *Strand) Stop(cause error) { st.cancel(cause) }

// Traceback is the calls that are going on in the strand, the innermost first, for who holds the baton. It is empty
// before the strand has begun and when it has ended.
func (st *Strand) Traceback() []Frame {
	chain := st.chain
	if st.state.holder == st {
		chain = st.state.chain
	}
	if n := len(chain); n > 0 {
		return Traceback(chain[n-1].thread)
	}
	return Traceback(st.thread)
}

// Release gives the baton away until the function that it returns is called, on the same goroutine: by builtins that
// block, around the blocking, and not inside each other. In between nothing of Lua's may be touched, the builtin's own
// arguments included. It tells the watchdog too that this strand waits, so Wait is not needed. Without strands it does
// nothing else. That the context ends is to be seen by what blocks; whoever is waiting for the baton gets it first.
//
//	defer s.Release()() // or: acquire := s.Release(); …; acquire()
func (s *State) Release() (acquire func()) {
	if s.alive.Load() == 0 {
		return s.Wait()
	}
	st := s.holder
	s.give(st)
	return st.regain
}

// innermost is the thread that runs, of the strand that holds the baton.
func (s *State) innermost() *lua.LState {
	if n := len(s.chain); n > 0 {
		return s.chain[n-1].thread
	}
	return s.holder.thread
}

// give hands the baton of st to the next strand, and leaves with st what the state held of it.
func (s *State) give(st *Strand) {
	st.chain, st.raised, st.current, st.away = s.chain, s.raised, s.main.G.CurrentThread, true
	s.watched.pause()
	s.baton.Lock()
	s.pass()
	s.baton.Unlock()
}

// pass hands the baton to who has waited longest, with the lock held.
func (s *State) pass() {
	if len(s.queue) == 0 {
		s.held = false
		return
	}
	next := s.queue[0]
	n := copy(s.queue, s.queue[1:])
	s.queue[n] = nil
	s.queue = s.queue[:n]
	next.turn <- struct{}{}
}

// take waits for the baton, if the strand does not hold it.
func (st *Strand) take() {
	if !st.away {
		return
	}
	s := st.state
	s.baton.Lock()
	free := !s.held
	if free {
		s.held = true
	} else {
		s.queue = append(s.queue, st)
	}
	s.baton.Unlock()
	if !free {
		<-st.turn
	}
	st.begin()
}

// begin makes a strand the one that runs: the baton has come to it.
func (st *Strand) begin() {
	s := st.state
	s.holder, s.chain, s.raised, s.main.G.CurrentThread = st, st.chain, st.raised, st.current
	st.chain, st.raised, st.away = nil, nil, false
	s.watched.resume()
}

// hold makes sure that the strand in which l runs holds the baton: a builtin may fail between Release and acquire.
func (s *State) hold(l *lua.LState) {
	if s.alive.Load() == 0 && !s.first.away {
		return
	}
	for l.Parent != nil {
		l = l.Parent
	}
	st := &s.first
	if l != s.main {
		s.baton.Lock()
		st = s.strands[l]
		s.baton.Unlock()
	}
	if st != nil {
		st.take()
	}
}

// run is the strand's goroutine.
func (st *Strand) run(pushed int) {
	<-st.turn
	st.begin()
	st.err = errGone
	defer st.end()
	st.values, st.err = st.state.perform(st.thread, pushed)
}

// errGone is of a goroutine that a builtin ended, by runtime.Goexit.
var errGone = &Error{Object: lua.LString("the goroutine of a strand was ended"), Cause: &Panic{Value: "runtime.Goexit"}}

// end passes the baton on for good.
func (st *Strand) end() {
	st.take() // for errGone
	s := st.state
	if st.err == errGone {
		s.broken = true
	}
	st.cancel(nil)
	s.options.Watchdog.part(&s.watched, st)
	s.chain, s.raised = nil, nil
	s.watched.pause()
	s.baton.Lock()
	delete(s.strands, st.thread)
	s.alive.Add(-1)
	s.pass()
	s.baton.Unlock()
	close(st.done)
}
