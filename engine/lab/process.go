package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"smtplay/engine/lab/daemon"
)

const (
	// stopWithin is how long a master has to end when asked, before it is killed.
	stopWithin = 5 * time.Second
	// logTail is how much of the log an error shows, in bytes.
	logTail = 4000
)

// run starts the master and waits until it listens.
func (p *Postfix) run(ctx context.Context) error {
	// This file has "postfix start" leave out its check of the folders, once.
	if err := daemon.WriteFile(p.path("queue", "quick-start"), nil, 0o644); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	// A file and not a pipe: a daemon that kept a pipe would keep us waiting for its end.
	before := len(p.Log())
	out, err := os.Create(p.path("start.out"))
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	defer out.Close()
	start := exec.CommandContext(ctx, programPath("postfix"), "-c", p.path("etc"), "start")
	start.Dir = p.dir
	start.Env = environment()
	start.Stdout, start.Stderr = out, out
	// "postfix" is a shell script that starts others: a start given up must end with all of them.
	start.SysProcAttr = daemon.InOwnSession(nil)
	start.Cancel = func() error { return killGroup(start.Process.Pid) }
	if err := start.Run(); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		printed, _ := os.ReadFile(out.Name())
		said := string(printed) + p.Log()[before:]
		if said == "" {
			said = p.objection(ctx)
		}
		return &StartError{Err: err, Log: daemon.Tail(said, logTail)}
	}
	return nil
}

// objection is what Postfix has against main.cf. "postfix start" tells that to terminals only, when it
// is too early to log; postmap reads the same file in the same way, and complains on any stderr.
func (p *Postfix) objection(ctx context.Context) string {
	ask := exec.CommandContext(ctx, programPath("postmap"), "-c", p.path("etc"), "-q", "x", "static:x")
	ask.Env = environment()
	var complaint strings.Builder
	ask.Stderr = &complaint
	if ask.Run() == nil {
		return ""
	}
	return complaint.String()
}

// halt ends the master, then what is left of its processes. "postfix stop" would sleep whole seconds, and so does
// a process that the master had just forked and that has its TERM handler still: it is killed.
func (p *Postfix) halt() error {
	pid := masterPID(p.path("queue"))
	if pid == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	asked := terminate(pid)
	if asked == nil {
		asked = daemon.WaitUntil(ctx, func() bool { return masterPID(p.path("queue")) == 0 })
	}
	killed := killGroup(pid)
	ctx, cancel = context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	if err := daemon.WaitUntil(ctx, func() bool { return !groupAlive(pid) }); err != nil {
		return fmt.Errorf("lab: the master, process %d, does not end: %w", pid, errors.Join(asked, killed, err))
	}
	return nil
}
