package lua51

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// defaultCallStack is the depth of calls in one coroutine; each place takes 80 bytes from the start.
const defaultCallStack = 256

// Options are the limits of a State and what it asks its host. The zero value works.
type Options struct {
	// CallStackSize is how deep calls nest in one coroutine before "stack overflow". 0 is 256.
	CallStackSize int
	// PatternSteps is the budget of one pattern match, or of one whole gsub; 16 for each byte of the subject come on
	// top. 0 is 50 million, about 0.2 s.
	PatternSteps int
	// Now is the clock of os.time and os.date, and its location their time zone. nil is time.Now.
	Now func() time.Time
	// Global is asked, once, for a global that neither the script nor the host has set. What it returns is kept, as if
	// the host had set it; nil, and a nil result, leave the name to Lua.
	Global func(l *lua.LState, name string) lua.LValue
	// Fatal reports whether a script may not catch an error: such an object passes through pcall, xpcall,
	// coroutine.resume and coroutine.wrap. Go panics and the end of the context always do. It may be asked more than
	// once about one error. nil is never.
	Fatal func(object lua.LValue) bool
	// Asserted is told of an assert that failed, before it raises object. nil is nobody.
	Asserted func(l *lua.LState, object lua.LValue)
	// Watchdog, when given, ends scripts that fill the memory.
	Watchdog *Watchdog
	// Keep leaves the baton with the host when Call returns and strands go on: nothing happens in them until the host
	// calls Release.
	Keep bool
}

// State runs Lua scripts, one after the other. It must not be used by two goroutines at once, but for the strands that
// it starts itself.
type State struct {
	main    *lua.LState
	options Options
	born    time.Time

	env      *lua.LTable // the globals of the script that runs
	envMeta  *lua.LTable
	sealed   []sealedTable // nil until the first run
	patterns map[string]*pattern
	random   random

	entry      *lua.LFunction // the Go function at the bottom of every run
	enter      *lua.LFunction // what every other thread calls first
	trampoline *lua.LFunction
	ipairsNext lua.LValue    // what ipairs returns; nil until it is called
	strings    *lua.LTable   // the string library, empty until it is asked for
	chain      []link        // the threads that run, inside each other; empty while only the strand's own does
	idle       []*lua.LState // finished threads for the next pcall
	raised     *Error        // the error under way; nil once a script caught it
	suspended  int           // coroutines that were started and have not ended
	running    bool
	broken     bool

	owned   context.Context // which stop ends; nil for none
	stop    context.CancelCauseFunc
	watched watched
	endWait func()

	first   Strand  // the run of Call, which is away while it rests and others go on
	holder  *Strand // who runs
	alive   atomic.Int32
	baton   sync.Mutex // guards what follows
	held    bool       // by someone; of no meaning without strands
	queue   []*Strand  // who waits for it, the first in front
	strands map[*lua.LState]*Strand
}

// trampolineProto is the first Lua function of every thread but the main one; see transfer. It is compiled when there
// is a state: a program that only tells its version needs none.
var trampolineProto = sync.OnceValue(func() *lua.FunctionProto {
	return mustCompile("return function(enter, f, ...) enter() return true, f(...) end", trampolineName).FunctionPrototypes[0]
})

// trampolineName marks positions in the trampoline, which are no one's business.
const trampolineName = "=pcall"

func init() {
	// These are variables of gopher-lua's package, for the whole process. With CompatVarArg each call of a vararg
	// function builds the table `arg`, which 5.1 has only for old scripts, at four times the cost of a run. A key up to
	// MaxArrayIndex fills an array up to it; this much takes 64 MiB.
	lua.CompatVarArg = false
	lua.MaxArrayIndex = 1 << 22
}

// New makes a state with the libraries, and no globals of the host's yet.
func New(options Options) *State {
	if options.CallStackSize == 0 {
		options.CallStackSize = defaultCallStack
	}
	if options.PatternSteps == 0 {
		options.PatternSteps = defaultPatternSteps
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	s := &State{options: options, born: time.Now(), patterns: make(map[string]*pattern)}
	s.endWait = s.watched.resume
	s.main = lua.NewState(lua.Options{
		CallStackSize:       options.CallStackSize,
		MinimizeStackMemory: true, // thousands may wait for their servers at the same time
		RegistrySize:        128,
		RegistryGrowStep:    1024,
		RegistryMaxSize:     1 << 20,
		SkipOpenLibs:        true,
	})
	s.first.state, s.first.thread = s, s.main
	s.holder = &s.first
	s.prepareGlobals()
	s.entry = s.main.NewFunction(s.enterMain)
	s.enter = s.main.NewFunction(s.enterThread)
	s.trampoline = s.main.NewFunctionFromProto(trampolineProto())
	s.random.reset(0)
	s.freshGlobals()
	return s
}

// freshGlobals gives the next script globals of its own.
func (s *State) freshGlobals() {
	s.env = s.main.CreateTable(0, 0)
	s.env.Metatable = s.envMeta
	s.main.Env = s.env
}

// LState is the machine's main thread: for making tables and values, and for Load. A builtin must use the one it is
// called with, which is a coroutine's when a coroutine calls it.
func (s *State) LState() *lua.LState { return s.main }

// Globals is the host's table of globals, which every script sees behind its own. The host fills it before the first
// run, with functions made by Function, or as they are asked for: see Options.Global. Tables in it are protected as the
// libraries are: what a script changes in them holds until it ends.
func (s *State) Globals() *lua.LTable { return s.main.G.Global }

// Function makes a Lua function of fn, for Globals, metatables and modules. A Go panic in it ends the run and reaches
// the host as a *Panic. fn must not yield.
func (s *State) Function(fn lua.LGFunction) *lua.LFunction {
	return s.main.NewFunction(func(l *lua.LState) int {
		defer s.guard(l)
		return fn(l)
	})
}

// Seed sets the seed of math.random for the next run, or from here on in one that goes on.
func (s *State) Seed(seed int64) { s.random.reset(seed) }

// RandomUsed reports whether the script has called math.random since Reset or Seed.
func (s *State) RandomUsed() bool { return s.random.used }

// Load makes a function of a compiled chunk, with the globals of the current script.
func (s *State) Load(proto *lua.FunctionProto) *lua.LFunction {
	return s.main.NewFunctionFromProto(proto)
}

// ErrUnsound is why a state can run nothing more: a Go panic, a coroutine or a strand that was left unfinished, or
// libraries that a script filled with names.
var ErrUnsound = errors.New("this Lua state cannot be used again")

// Sound reports whether the state can run another script. When it cannot, the host makes a new one.
func (s *State) Sound() bool {
	return s.alive.Load() == 0 && !s.broken && !s.running && s.suspended == 0
}

// Reset ends the work with one script and prepares the next: fresh globals, the libraries as they were before the
// first run, math.random at its seed. It fails with ErrUnsound.
func (s *State) Reset() error {
	if !s.Sound() {
		return ErrUnsound
	}
	s.seal()
	for i := range s.sealed {
		if !s.sealed[i].restore() {
			s.broken = true
			return ErrUnsound
		}
	}
	s.random.reset(s.random.seed)
	s.freshGlobals()
	s.owned, s.stop = nil, nil
	return nil
}

// Run runs a compiled chunk as a script of its own: Reset, Load, Call.
func (s *State) Run(ctx context.Context, proto *lua.FunctionProto, args ...lua.LValue) ([]lua.LValue, error) {
	if err := s.Reset(); err != nil {
		return nil, err
	}
	return s.Call(ctx, s.Load(proto), args...)
}

// Call calls a Lua function from Go, while no Lua runs, and returns its results. It may be called again with functions
// of the same script, under another context: for tests that the script defined, or to clean up after a deadline. An
// error is an *Error. Builtins use ProtectedCall.
//
// Strands that it started may go on when it returns, and while it rests; a later Call waits for the baton. With
// Options.Keep they wait until the host gives it away.
func (s *State) Call(ctx context.Context, fn *lua.LFunction, args ...lua.LValue) ([]lua.LValue, error) {
	if s.running {
		panic("lua51: Call while Lua runs")
	}
	s.first.take() // strands may go on
	s.seal()
	var stop context.CancelCauseFunc
	if ctx == s.owned {
		stop = s.stop
	}
	ctx = s.options.Watchdog.watch(ctx, stop, &s.watched)
	s.running = true
	defer func() {
		s.running = false
		s.options.Watchdog.leave(&s.watched)
		if s.alive.Load() > 0 && !s.options.Keep {
			s.give(&s.first)
		}
	}()
	s.main.SetContext(ctx)
	s.main.Push(s.entry)
	s.main.Push(fn)
	for _, v := range args {
		s.main.Push(v)
	}
	return s.perform(s.main, 1+len(args))
}

// perform is what a strand does from its first instruction to its last: it calls s.entry, which lies on the strand's
// own thread with the arguments behind it.
func (s *State) perform(l *lua.LState, pushed int) ([]lua.LValue, error) {
	s.raised = nil
	err := l.PCall(pushed, lua.MultRet, nil)
	s.chain = s.chain[:0]
	s.main.G.CurrentThread = l
	if err != nil {
		l.SetTop(0)
		return nil, s.failure(err)
	}
	return takeResults(l), nil
}

// Own says how ctx is ended with a cause, until Reset. What must end a script then needs no context of its own for each
// Call under ctx.
func (s *State) Own(ctx context.Context, stop context.CancelCauseFunc) {
	s.owned, s.stop = ctx, stop
}

func takeResults(l *lua.LState) []lua.LValue {
	n := l.GetTop()
	if n == 0 {
		return nil
	}
	results := make([]lua.LValue, n)
	for i := range results {
		results[i] = l.Get(i + 1)
	}
	l.SetTop(0)
	return results
}

// enterMain runs a function on a strand's own thread: the machine's PCall has just replaced the error hook with one
// that would build a trace of every tail call, and would take a Go panic for an error of the script's.
func (s *State) enterMain(l *lua.LState) int {
	l.Panic = s.onRaise
	defer s.guard(l)
	l.Call(l.GetTop()-1, lua.MultRet)
	return l.GetTop()
}
