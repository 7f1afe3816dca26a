package dsl

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/parse"

	"smtplay/dsl/lua51"
	"smtplay/engine"
	"smtplay/engine/hint"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
	"smtplay/engine/wire"
)

// stop is the error object with which a verb ends a test. No pcall holds it.
type stop struct {
	verdict suite.Verdict
	retry   bool // eventually and attempt may outlive it
}

// isFatal says which error objects pass through pcall.
func isFatal(v lua.LValue) bool {
	ud, ok := v.(*lua.LUserData)
	if !ok {
		return false
	}
	_, ok = ud.Value.(*stop)
	return ok
}

// raise ends the test, or the attempt that runs.
func raise(l *lua.LState, st *stop) {
	ud := l.NewUserData()
	ud.Value = st
	l.Error(ud, 0)
}

// place is where the script is now: the line that runs, and its callers.
func (s *session) place(l *lua.LState) (at transcript.Pos, via []transcript.Pos) {
	return places(lua51.Traceback(l))
}

// places are the lines of a traceback: the innermost, and those that called it.
func places(trace []lua51.Frame) (at transcript.Pos, via []transcript.Pos) {
	for _, f := range trace {
		p := transcript.Pos{File: f.File, Line: f.Line}
		switch {
		case f.Line == 0:
		case at.Line == 0:
			at = p
		default:
			via = append(via, p)
		}
	}
	return at, via
}

// locate puts a failure where the script is now; where no Lua runs, as when a
// verb itself is the body of a test, that is where the test begins.
func (s *session) locate(l *lua.LState, f *suite.Failure, part spot) {
	if f.Pos, f.Via = s.place(l); f.Pos.Line == 0 {
		f.Pos = s.start()
	}
	f.Source, f.Column = s.line(f.Pos), s.column(l, f.Pos, part)
}

// here is the line that runs now.
func here(l *lua.LState) transcript.Pos {
	file, line := lua51.Position(l)
	return transcript.Pos{File: file, Line: line}
}

// fail ends the test with f as failed, at the line that runs now.
func (s *session) fail(l *lua.LState, f *suite.Failure) { s.failAt(l, f, spot{}) }

// failAt does so, and says which part of the call f is about.
func (s *session) failAt(l *lua.LState, f *suite.Failure, part spot) {
	s.locate(l, f, part)
	raise(l, &stop{verdict: suite.Verdict{Outcome: suite.Failed, Failure: f}, retry: true})
}

// wrong ends the test as an error: the script asks for what cannot be.
func (s *session) wrong(l *lua.LState, format string, args ...any) {
	f := &suite.Failure{What: fmt.Sprintf(format, args...)}
	s.locate(l, f, spot{})
	raise(l, &stop{verdict: suite.Verdict{Outcome: suite.Errored, Failure: f}})
}

// failed ends the test for an error of the engine's. That no connection could
// be made, or that the call was wrong, is no failure of the server's.
func (s *session) failed(l *lua.LState, c *conversation, err error) {
	f := s.failure(c, err)
	s.locate(l, f, spot{})
	st := &stop{verdict: suite.Verdict{Outcome: suite.Failed, Failure: f}, retry: true}
	var e *engine.Error
	switch {
	case !errors.As(err, &e), e.Kind == engine.Misuse:
		st.verdict.Outcome, st.retry = suite.Errored, false
	case e.Kind == engine.Dial:
		st.verdict.Outcome, s.unreached = suite.Errored, true
	case e.Kind == engine.Withheld: // and no try after it would be sent either
		st.verdict.Outcome, st.retry = suite.Errored, false
	case e.Kind == engine.Interrupted:
		st.verdict.Outcome, st.retry = s.interruption(f), false
	}
	raise(l, st)
}

// interruption says what a context that ended makes of a test: one that took
// too long failed where it waited; one that was stopped has no verdict.
func (s *session) interruption(f *suite.Failure) suite.Outcome {
	cause := context.Cause(s.ctx)
	f.What = cause.Error()
	if errors.Is(cause, suite.ErrTestTimeout) {
		f.Hint = "--test-timeout gives a test more time"
		return suite.Failed
	}
	if cause == errSlowEnd {
		return suite.Failed
	}
	return suite.Errored
}

// failure is an error of the engine's as people are told of it.
func (s *session) failure(c *conversation, err error) *suite.Failure {
	f := &suite.Failure{What: err.Error()}
	s.placeConn(f, c)
	var unknown *suite.UnknownTargetError
	if errors.As(err, &unknown) {
		f.Hint = targetHint(err, s.log.Redactor.String(unknown.Name))
		return f
	}
	var e *engine.Error
	if !errors.As(err, &e) {
		return f
	}
	f.Want = e.Want
	if e.Command != nil {
		f.Command, f.SentAt = e.Command.String(), e.Command.Pos
	}
	switch {
	case e.Reply != nil:
		f.Got = e.Reply.String()
	case len(e.Got) > 0:
		f.Got = string(e.Got)
	default:
		f.Got = e.Had
	}
	h := hint.Context{Verb: c.verbOf(e.Command, e.Op == "auth"), Reply: e.Reply, Fault: e.Kind, Text: e.Error(), Got: e.Got, Err: e.Err, Address: e.Addr, Previous: c.lastReply()}
	h.TLS, h.Proxied = c != nil && c.TLS() != nil, e.Proxied || c != nil && c.Proxied()
	if e.Op != "expect_close" { // which waits for no reply
		f.Hint = hint.For(h)
	}
	return f
}

// verbOf is the verb of a command as hints know it. What is sent inside an AUTH
// exchange, where auth sends it or in answer to a 334, belongs to AUTH.
func (c *conversation) verbOf(cmd *engine.Command, auth bool) string {
	previous := c.lastReply()
	switch {
	case cmd == nil:
		return ""
	case cmd.Greeting:
		return hint.Greeting
	case auth || previous != nil && previous.Code == 334:
		return "AUTH"
	}
	return wire.Verb(cmd.Line)
}

func (s *session) placeConn(f *suite.Failure, c *conversation) {
	if c != nil {
		f.Conn, f.Target = c.Number(), strings.TrimSpace(c.Target()+" "+c.Address())
	}
}

// judge says what the end of a run came to.
func (s *session) judge(err error) suite.Verdict {
	if err == nil {
		return suite.Verdict{Outcome: suite.Passed}
	}
	var le *lua51.Error
	if !errors.As(err, &le) {
		return s.errored(&suite.Failure{What: err.Error()})
	}
	if ud, ok := le.Object.(*lua.LUserData); ok {
		if st, ok := ud.Value.(*stop); ok {
			return st.verdict
		}
	}
	f := &suite.Failure{What: said(le)}
	f.Pos, f.Via = places(le.Traceback)
	if f.Pos.Line == 0 {
		f.Pos = s.start()
	}
	f.What = strings.TrimPrefix(f.What, f.Pos.String()+": ")
	f.Source = s.line(f.Pos)
	if s.ctx.Err() != nil {
		cause := context.Cause(s.ctx)
		f.What = cause.Error()
		return s.errored(f) // the script itself ran too long, or was stopped: no server kept it waiting
	}
	if s.asserted != nil && le.Object == s.asserted {
		f.Pos, f.Via = s.at, s.via
		f.Source, f.Column = s.line(f.Pos), s.atColumn
		return suite.Verdict{Outcome: suite.Failed, Failure: f}
	}
	s.explain(f)
	return s.errored(f)
}

// missingKey is what Lua says of x.y where x is nil.
var missingKey = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^attempt to index a non-table object\(nil\) with key '([A-Za-z_][A-Za-z0-9_]*)'`)
})

// explain adds to Lua's commonest error what Lua does not say: where in its
// line it is, and what is nil there.
func (s *session) explain(f *suite.Failure) {
	m := missingKey().FindStringSubmatch(f.What)
	file := s.file(f.Pos.File)
	if m == nil || file == nil {
		return
	}
	f.Hint = fmt.Sprintf("what stands before %q is nil: a name that nothing was assigned to, or what a function did not return", m[1])
	toks, found := file.source.onLine(f.Pos.Line), -1
	for i, t := range toks {
		if t.value != m[1] || t.kind != parse.TIdent || i == 0 || toks[i-1].kind != '.' && toks[i-1].kind != ':' {
			continue
		}
		if found >= 0 {
			return
		}
		found = i
	}
	if found >= 0 {
		f.Column = toks[found].column
	}
}

// said is what an error says; the failure that attempt returned may be raised
// as one.
func said(e *lua51.Error) string {
	if t, ok := e.Object.(*lua.LTable); ok && e.Cause == nil {
		if message, ok := t.RawGetString("message").(lua.LString); ok {
			return string(message)
		}
	}
	return e.Error()
}

// line is a line of the script, of its modules, or of one that it loaded by a
// name that it computed.
func (s *session) line(p transcript.Pos) string {
	if m := s.file(p.File); m != nil {
		return m.source.sourceLine(p.Line)
	}
	return ""
}

// file is the file of that name, nil where the script has none.
func (s *session) file(name string) *module {
	if m := s.script.file(name); m != nil {
		return m
	}
	for _, m := range s.late {
		if name == m.source.name {
			return m
		}
	}
	return nil
}

func (s *session) errored(f *suite.Failure) suite.Verdict {
	return suite.Verdict{Outcome: suite.Errored, Failure: f}
}

// mask takes every secret out of a verdict.
func (s *session) mask(v *suite.Verdict) { s.maskBy(s.log.Redactor, v) }

func (s *session) maskBy(redact *transcript.Redactor, v *suite.Verdict) {
	hide := redact.String
	v.Reason, v.Warning = hide(v.Reason), hide(v.Warning)
	if v.Failure != nil {
		v.Failure = v.Failure.Masked(hide)
	}
	for i, f := range v.Extra {
		v.Extra[i] = f.Masked(hide)
	}
}
