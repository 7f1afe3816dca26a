package dsl

import (
	"slices"

	"smtplay/engine/suite"
)

// sends: the verb makes a connection, or sends on one.
func (v *verb) sends() bool {
	return v.of == nil && (v.chapter == chapterCommands || slices.Contains(sending, v.name))
}

// sending are the verbs that send, beside those of the chapter of commands.
var sending = []string{"connect", "send", "raw", "pipeline", "starttls", "handshake", "auth", "expect_refusal"}

// pause asks whether the line that is to send may be run.
func (c *call) pause() {
	if c.s.phase != phaseAlone && c.s.phase != phaseTesting {
		return // the verb itself says that it has no place here
	}
	at, _ := c.s.place(c.LState)
	if at.Line == 0 {
		at = c.s.start()
	}
	err := c.s.run.Pause(c.s.ctx, at, c.s.log.Redactor.String(c.s.line(at)))
	if err == nil && c.s.ctx.Err() == nil {
		return
	}
	f := &suite.Failure{}
	outcome := suite.Errored
	if c.s.ctx.Err() != nil {
		outcome = c.s.interruption(f)
	} else {
		f.What = err.Error()
	}
	c.s.locate(c.LState, f, spot{})
	raise(c.LState, &stop{verdict: suite.Verdict{Outcome: outcome, Failure: f}})
}
