package dsl

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"smtplay/engine"
	"smtplay/engine/suite"
)

func execVerb() *verb {
	return inChapter(chapterPeers, &verb{name: "exec", global: true, doc: "Runs a command of this machine, without a shell, and returns what it wrote. Only with --allow exec. Another exit status than 0 fails the test.",
		args: []param{{name: "command", kind: stringKind}},
		options: []param{{name: "status", kind: numberKind, doc: "the exit status that it must have (default 0)"},
			{name: "within", kind: durationKind, doc: "how long it may take (default 30s)"}},
		example: `exec "postqueue -f"`, run: runExec})[0]
}

var errCommandSlow = errors.New("the command took too long")

func runExec(c *call) int {
	c.inTest()
	line, want := c.text(0), 0
	if status := c.optInt("status"); status != nil {
		want = *status
	}
	commands := c.s.env.Options.Commands
	if commands == nil {
		c.wrong("exec: commands are run with --allow exec only: it lets every script of this run start commands as you, so read them first")
	}
	within := c.within()
	ctx, cancel := context.WithTimeoutCause(c.s.ctx, within, errCommandSlow)
	defer cancel()
	c.s.remark("exec %s", line)
	back := c.s.waiting()
	r, err := commands.Run(ctx, line)
	back()
	var e *engine.Error
	switch {
	case c.s.ctx.Err() != nil:
		c.interrupted()
	case errors.As(err, &e) && e.Kind == engine.Interrupted:
		c.s.fail(c.LState, &suite.Failure{What: fmt.Sprintf("exec: the command did not end in %v", within), Got: r.Output})
	case err != nil:
		c.wrong("%v", err)
	case r.Status != want:
		c.s.fail(c.LState, &suite.Failure{What: fmt.Sprintf("exec: exit status %d, not %d: %s", r.Status, want, cmp.Or(lastLine(r.Output), "it wrote nothing")),
			Want: fmt.Sprintf("exit status %d", want), Got: fmt.Sprintf("exit status %d\n%s", r.Status, r.Output)})
	}
	c.Push(lua.LString(r.Output))
	return 1
}

// lastLine is the last line of a text that says something.
func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
