package lua51

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/parse"
)

// Error is what ended a call of Lua code.
type Error struct {
	// Object is what was raised: a string with its position, or whatever the script gave to error. It is a string also
	// when Cause says more.
	Object lua.LValue
	// Traceback is the calls at the moment of raising, the innermost first; nil for an error that only passed a pcall.
	Traceback []Frame
	// Cause is the context's cause when its end stopped the script, a *Panic when Go panicked, and else nil.
	Cause error

	thread *lua.LState // the one that is being unwound
}

// Error is the object's text, or the cause's, with the position.
func (e *Error) Error() string {
	if e.Cause != nil {
		if file, line := e.Position(); line > 0 {
			return fmt.Sprintf("%s:%d: %s", file, line, e.Cause)
		}
		return e.Cause.Error()
	}
	if text, ok := toString(e.Object); ok {
		return text
	}
	if u, ok := e.Object.(*lua.LUserData); ok {
		switch v := u.Value.(type) {
		case error:
			return v.Error()
		case fmt.Stringer:
			return v.String()
		}
	}
	return fmt.Sprintf("(error object is a %s value)", e.Object.Type())
}

// Unwrap is the cause, so that errors.Is and errors.As find it.
func (e *Error) Unwrap() error { return e.Cause }

// Position is the innermost Lua line of the traceback; the line is 0 when there is none.
func (e *Error) Position() (file string, line int) {
	for _, f := range e.Traceback {
		if f.Line > 0 {
			return f.File, f.Line
		}
	}
	return "", 0
}

// Panic is a Go panic in a builtin: a fault of the host, not of the script.
type Panic struct {
	Value any
	Stack []byte // Go's, at the panic; nil when the machine itself panicked in a coroutine
}

// Error says that it was a panic, and with what value.
func (p *Panic) Error() string { return fmt.Sprintf("internal error: panic: %v", p.Value) }

// guard is deferred by every Go function that Lua calls. Lua errors travel as panics of *lua.ApiError; any other panic
// would be taken for a catchable error by the machine.
func (s *State) guard(l *lua.LState) {
	switch r := recover().(type) {
	case nil:
	case *lua.ApiError:
		panic(r)
	case string:
		s.hold(l)
		if r == callStackFull {
			s.raised = s.overflow(l)
			l.Error(s.raised.Object, 0)
		}
		s.panicked(l, r)
	default:
		s.panicked(l, r)
	}
}

// callStackFull is what the machine panics with: its call stack that grows does not know when it is full.
const callStackFull = "lua callstack overflow"

// overflow is the error of a thread whose call stack is full.
func (s *State) overflow(th *lua.LState) *Error {
	at := s.where(th, 0)
	if at == "" {
		at = s.where(th, 1) // what called the builtin that calls back
	}
	return s.describe(th, lua.LString(at+"stack overflow"))
}

func (s *State) panicked(l *lua.LState, r any) {
	s.hold(l)
	s.broken = true
	p := &Panic{Value: r, Stack: debug.Stack()}
	object := lua.LString(p.Error())
	s.raised = &Error{Object: object, Traceback: Traceback(l), Cause: p}
	l.Error(object, 0)
}

// noTrace keeps the machine's PCall from building a trace, of as many lines as there were tail calls.
const noTrace = "-"

// onRaise is the error hook of every thread: called once for each error raised on it, before anything is unwound.
func (s *State) onRaise(l *lua.LState) {
	s.hold(l)
	object, _ := cutTrampoline(l.Get(-1))
	if s.raised == nil || s.raised.Object != object {
		s.raised = s.describe(l, object)
	}
	s.raised.thread = l
	s.raised.blameContext(l) // which may have ended since the error was made
	panic(&lua.ApiError{Type: lua.ApiErrorRun, Object: object, StackTrace: noTrace})
}

// cutTrampoline takes the trampoline's position off a message: the machine prefixes the nearest Lua line, which is the
// trampoline's when pcall called a Go function.
func cutTrampoline(object lua.LValue) (rest lua.LValue, found bool) {
	if text, ok := object.(lua.LString); ok {
		if rest, found := strings.CutPrefix(string(text), trampolineName+":1: "); found {
			return lua.LString(rest), true
		}
	}
	return object, false
}

// describe is a new error, raised on l. A trace is made when someone may ask for it.
func (s *State) describe(l *lua.LState, object lua.LValue) *Error {
	e := &Error{Object: object}
	e.blameContext(l)
	if n := len(s.chain); n == 0 || !s.chain[n-1].catches || s.isFatal(l, e) {
		e.Traceback = Traceback(l)
	}
	return e
}

// blameContext makes the context's end the cause of any error raised after it.
func (e *Error) blameContext(l *lua.LState) {
	if ctx := l.Context(); e.Cause == nil && ctx != nil && ctx.Err() != nil {
		e.Cause = context.Cause(ctx)
	}
}

// isFatal reports whether the script may not catch the error. Once the context has ended nothing is caught: whatever a
// handler did would only raise again.
func (s *State) isFatal(l *lua.LState, e *Error) bool {
	if ctx := l.Context(); ctx != nil && ctx.Err() != nil {
		return true
	}
	var p *Panic
	return errors.As(e.Cause, &p) || s.options.Fatal != nil && s.options.Fatal(e.Object)
}

// failure is the error of a Call that ended with err.
func (s *State) failure(err error) *Error {
	if s.raised != nil {
		return s.raised
	}
	s.broken = true // every way to fail goes through onRaise or guard, so this one is unknown
	return &Error{Object: lua.LString(err.Error()), Cause: &Panic{Value: err}}
}

// Rethrow raises on l an error that ProtectedCall returned, with its traceback. It does not return.
func (s *State) Rethrow(l *lua.LState, e *Error) {
	if e.Traceback == nil {
		e.Traceback = Traceback(l) // made for a pcall, before the context ended and nothing was to be caught any more
	}
	s.raised = e
	l.Error(e.Object, 0)
}

func mustCompile(source, name string) *lua.FunctionProto {
	chunk, err := parse.Parse(strings.NewReader(source), name)
	if err != nil {
		panic(err)
	}
	proto, err := lua.Compile(chunk, name)
	if err != nil {
		panic(err)
	}
	return proto
}
