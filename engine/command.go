package engine

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
)

// maxOutput is how much a command's output is kept, in bytes.
const maxOutput = 1 << 20

// CommandResult is how a command ended that Run ran.
type CommandResult struct {
	Status int    // its exit status; -1 where a signal ended it
	Output string // what it wrote to standard output and standard error, up to 1 MiB
	More   bool   // it wrote more
}

// Run runs a command to its end, without a shell and with nothing on its standard
// input, in a process group of its own that is killed when ctx ends. That it ends
// with another status than 0 is no error; that it could not be run, or was killed for
// ctx, is one.
func (o *Commands) Run(ctx context.Context, line string) (CommandResult, error) {
	words, err := commandWords(line)
	if err != nil {
		return CommandResult{}, &Error{Op: "exec", Kind: Misuse, Msg: "nothing was run", Err: err}
	}
	var out output
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Stdout, cmd.Stderr, cmd.Env = &out, &out, o.Env
	cmd.WaitDelay = departure // children of its own may keep its output open
	ownGroup(cmd)
	err = cmd.Run()
	r := CommandResult{Status: cmd.ProcessState.ExitCode(), Output: out.String(), More: out.more}
	var status *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return r, &Error{Op: "exec", Kind: Interrupted, Msg: "the command " + words[0] + " was killed", Err: context.Cause(ctx)}
	case errors.As(err, &status), errors.Is(err, exec.ErrWaitDelay) || err == nil:
		return r, nil
	}
	return r, &Error{Op: "exec", Kind: Misuse, Msg: fmt.Sprintf("the command %s could not be run", words[0]), Err: err}
}

// output keeps the beginning of what a command writes.
type output struct {
	mu   sync.Mutex
	text strings.Builder
	more bool
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	room := min(len(b), maxOutput-o.text.Len())
	o.text.Write(b[:room])
	o.more = o.more || room < len(b)
	return len(b), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
