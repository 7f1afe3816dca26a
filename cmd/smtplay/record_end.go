package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"smtplay/engine"
	"smtplay/engine/hint"
	"smtplay/engine/report"
	"smtplay/engine/suite"
	"smtplay/engine/wire"
)

// What is said beside the conversation goes where complaints go, or, while a
// line is edited on the terminal, above it.

func (d *dialogue) remark(format string, args ...any) {
	text := report.Visible(d.p.redact.String(fmt.Sprintf(format, args...)))
	if d.in != nil && d.in.edited() {
		d.screen.print("smtplay: " + text + "\n")
		return
	}
	d.p.note("%s", text)
}

// explain says what whoever types may not expect.
func (d *dialogue) explain(format string, args ...any) {
	if d.in.edited() {
		d.remark(format, args...)
	}
}

func (d *dialogue) complain(msg, hint string) {
	d.remark("error: %s", msg)
	if hint != "" {
		d.remark("hint: %s", hint)
	}
}

// keep writes the script, at the end of the session, and says what is there.
func (d *dialogue) keep(ended error) error {
	name := d.files.name
	if !d.files.heard {
		d.discard()
		d.p.note("the server said nothing: no file is written")
		return ended
	}
	if unwritten := d.unwritten(); unwritten != nil {
		return cmp.Or(ended, unwritten)
	}
	err := errors.Join(d.files.script(d.script), d.files.smtp.Close())
	if err == nil {
		d.p.note("wrote %s.lua and %s.smtp", name, name)
		return ended
	}
	d.p.note("wrote %s.smtp", name)
	err = &fault{status: exitNoVerdict, msg: "no script was written: " + err.Error()}
	if ended != nil {
		d.p.complain(err.Error(), "")
		return ended
	}
	return err
}

// discard takes away the files of a session that was none.
func (d *dialogue) discard() {
	if err := d.files.discard(); err != nil {
		d.p.warn("%v", err)
	}
}

// unwritten is the fault of a transcript that is not complete, nil where it is.
func (d *dialogue) unwritten() error {
	if err := d.files.fault(); err != nil {
		return &fault{status: exitNoVerdict, msg: "the transcript cannot be written: " + err.Error()}
	}
	return nil
}

// faultOf is an error of the conversation as the end of the program.
func (d *dialogue) faultOf(ctx context.Context, err error) error {
	var e *engine.Error
	var f *fault
	switch {
	case err == nil || errors.As(err, &f):
		return err
	case errors.Is(context.Cause(ctx), suite.ErrInterrupted):
		return &fault{status: exitInterrupted, msg: "interrupted"}
	case ctx.Err() != nil:
		return &fault{status: exitNoVerdict, msg: context.Cause(ctx).Error()}
	case !errors.As(err, &e):
		return &fault{status: exitNoVerdict, msg: err.Error()}
	}
	msg := e.Error()
	if len(e.Got) > 0 {
		msg += ": " + report.Visible(firstLine(e.Got))
	}
	return &fault{status: exitNoVerdict, msg: msg, hint: recordHint(e)}
}

// firstLine is the beginning of what came.
func firstLine(b []byte) string {
	line, _, _ := strings.Cut(string(b), "\n")
	if len(line) > 200 {
		line = line[:200]
	}
	return strings.TrimSpace(line)
}

// recordHint says what to try next, in the words of this verb where hints for
// scripts have others.
func recordHint(e *engine.Error) string {
	switch e.Kind {
	case engine.Insecure:
		return "/starttls first, with a certificate that verifies; --insecure sends it anyway"
	case engine.Timeout:
		return "--timeout waits longer"
	case engine.Unverified:
		return "--ca FILE trusts the certificate (or CA) in that file, --tls-name NAME says whom it must be for; --insecure goes on without knowing who answers"
	case engine.Misuse, engine.Mismatch:
		return ""
	}
	if e.Kind == engine.Handshake && len(e.Got) > 0 {
		return "this port begins in clear text: connect without TLS, then /starttls, as on 25 and 587; TLS from the first byte is for 465"
	}
	if e.Kind == engine.Malformed && len(e.Got) > 2 && (e.Got[0] == 0x15 || e.Got[0] == 0x16) && e.Got[1] == 0x03 {
		return "this is TLS: the port speaks it from the first byte, and --tls does"
	}
	c := hint.Context{Fault: e.Kind, Text: e.Error(), Got: e.Got, Err: e.Err, Address: e.Addr}
	if e.Command != nil {
		c.Verb = wire.Verb(e.Command.Line)
		if e.Command.Greeting {
			c.Verb = hint.Greeting
		}
	}
	return hint.For(c)
}
