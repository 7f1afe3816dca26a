package lua51

import (
	lua "github.com/yuin/gopher-lua"
)

const (
	// maxNested bounds pcalls and coroutines inside each other: each takes Go's stack, whose overflow nothing survives.
	maxNested = 190
	// maxIdle is how many finished threads are kept for the next pcall.
	maxIdle = 4
)

// link is one thread in the chain of those that run, the innermost last.
type link struct {
	thread  *lua.LState
	hidden  bool // runs for a pcall: the script must not see a coroutine
	catches bool // runs for the script's pcall, so that a trace of an error in it is of no use
}

func isTrampoline(fn *lua.LFunction) bool { return !fn.IsG && fn.Proto == trampolineProto() }

// isHidden reports whether a thread runs for a pcall.
func (s *State) isHidden(l *lua.LState) bool {
	for i := len(s.chain) - 1; i >= 0; i-- {
		if s.chain[i].thread == l {
			return s.chain[i].hidden
		}
	}
	return false
}

// enterThread sets the error hook of a thread; resuming it for the first time has just set another.
func (s *State) enterThread(l *lua.LState) int {
	l.Panic = s.onRaise
	return 0
}

// newThread makes a thread. It shares the context, where the machine would derive one that is released late.
func (s *State) newThread(l *lua.LState) *lua.LState {
	ctx := l.Context()
	if ctx != nil {
		l.RemoveContext()
		defer l.SetContext(ctx)
	}
	th, _ := l.NewThread()
	return th
}

// transfer runs a thread until it ends, yields or fails. A thread that starts gets [enter, function, arguments...]; its
// trampoline, and yield, put a true before what they pass out, since the machine cannot tell no value from a nil.
func (s *State) transfer(l *lua.LState, to link, args []lua.LValue) (lua.ResumeState, []lua.LValue, *Error) {
	if len(s.chain) >= maxNested {
		text := s.where(l, 1) + "stack overflow (pcalls and coroutines nest too deep)"
		return lua.ResumeError, nil, &Error{Object: lua.LString(text), Traceback: Traceback(l)}
	}
	if ctx := l.Context(); ctx != nil {
		to.thread.SetContext(ctx)
	}
	s.chain = append(s.chain, to)
	depth := len(s.chain)
	defer func() { s.chain = s.chain[:depth-1] }() // also when the results do not fit into l, which raises on l
	state, err, values := l.Resume(to.thread, s.trampoline, args...)
	if err != nil {
		return state, nil, s.caught(l, to.thread, err)
	}
	return state, values[1:], nil
}

// caught is the error that ended a thread which l had resumed.
func (s *State) caught(l, th *lua.LState, err error) *Error {
	if e := s.raised; e != nil && e.thread == th {
		return e
	}
	if api, ok := err.(*lua.ApiError); ok {
		if object, early := cutTrampoline(api.Object); early {
			return s.describe(l, object) // raised before the trampoline came to set the hook: the context ended
		}
	}
	if api, ok := err.(*lua.ApiError); ok && api.Object == lua.LString(callStackFull) {
		return s.overflow(th)
	}
	// Not raised by the machine's error function, so Go code panicked, and not in a builtin: those have a guard.
	s.broken = true
	p := &Panic{Value: err}
	return &Error{Object: lua.LString(p.Error()), Traceback: Traceback(l), Cause: p}
}

// protect calls a function on a thread of its own. The machine's own PCall would, on an error, close the variables of
// functions that go on, and they would silently see old values; a border between threads keeps them apart.
func (s *State) protect(l *lua.LState, catches bool, fn lua.LValue, args []lua.LValue) ([]lua.LValue, *Error) {
	if _, ok := fn.(*lua.LFunction); !ok && l.GetMetaField(fn, "__call").Type() != lua.LTFunction {
		return nil, &Error{Object: lua.LString("attempt to call a " + fn.Type().String() + " value"), Traceback: Traceback(l)}
	}
	th := s.takeIdle(l)
	passed := make([]lua.LValue, 0, 2+len(args))
	passed = append(append(passed, s.enter, fn), args...)
	state, values, err := s.transfer(l, link{th, true, catches}, passed)
	switch {
	case err != nil:
		return nil, err
	case state == lua.ResumeYield:
		text := s.where(l, 1) + yieldAcross
		return nil, &Error{Object: lua.LString(text), Traceback: Traceback(l)}
	}
	if len(s.idle) < maxIdle {
		s.idle = append(s.idle, th)
	}
	return values, nil
}

// takeIdle is a thread that has not started. One that ended without an error is as good as new: its call stack is
// empty, and only Dead says that it ran.
func (s *State) takeIdle(l *lua.LState) *lua.LState {
	n := len(s.idle)
	if n == 0 {
		return s.newThread(l)
	}
	th := s.idle[n-1]
	s.idle = s.idle[:n-1]
	th.Dead, th.Env = false, l.Env
	return th
}

// ProtectedCall calls a Lua function from a builtin that runs on l, and returns its results or its error; also one that
// the script could not catch. Variables that the function shares with its callers stay shared, which gopher-lua's own
// PCall breaks. The function cannot yield. A host that cannot deal with the error gives it to Rethrow.
func (s *State) ProtectedCall(l *lua.LState, fn *lua.LFunction, args ...lua.LValue) ([]lua.LValue, *Error) {
	values, err := s.protect(l, false, fn, args)
	s.raised = nil
	return values, err
}

// IsFatal reports whether a script may not catch e: a Go panic, the end of the context of l, or what Options.Fatal
// says.
func (s *State) IsFatal(l *lua.LState, e *Error) bool { return s.isFatal(l, e) }

// settle is for an error that a script is about to catch: a fatal one goes on, and settle does not return.
func (c call) settle(e *Error) {
	if c.s.isFatal(c.l, e) {
		c.s.Rethrow(c.l, e)
	}
	c.s.raised = nil
}

// args are the arguments from i on.
func (c call) args(i int) []lua.LValue {
	n := c.count()
	if i > n {
		return nil
	}
	args := make([]lua.LValue, 0, n-i+1)
	for ; i <= n; i++ {
		args = append(args, c.arg(i))
	}
	return args
}

func basePcall(c call) int {
	values, err := c.s.protect(c.l, true, c.any(1), c.args(2))
	if err != nil {
		c.settle(err)
		return c.push(lua.LFalse, err.Object)
	}
	c.l.Push(lua.LTrue)
	return 1 + c.push(values...)
}

func baseXpcall(c call) int {
	handler := c.any(2)
	values, err := c.s.protect(c.l, true, c.arg(1), nil)
	if err == nil {
		c.l.Push(lua.LTrue)
		return 1 + c.push(values...)
	}
	c.settle(err)
	handled, wrong := c.s.protect(c.l, true, handler, []lua.LValue{err.Object})
	if wrong != nil {
		c.settle(wrong)
		return c.push(lua.LFalse, lua.LString("error in error handling"))
	}
	result := lua.LNil
	if len(handled) > 0 {
		result = handled[0]
	}
	return c.push(lua.LFalse, result)
}
