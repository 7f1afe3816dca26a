package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	execPrefix  = "exec:"
	complaints  = 12              // lines of it
	departure   = 2 * time.Second // for a command to end by itself, once its input has
	complaining = 2 << 10         // bytes of its standard error that are kept
)

// execConn is a command whose standard input and output are the connection. It
// runs on this machine, without a shell, in a process group of its own.
type execConn struct {
	in, out *os.File
	cmd     *exec.Cmd
	cancel  context.CancelFunc
	stderr  complaint
	line    string

	once   sync.Once
	left   error       // how it ended
	killed atomic.Bool // by us
}

// IsCommand says whether an address is a command to run.
func IsCommand(address string) bool { return strings.HasPrefix(address, execPrefix) }

// CheckCommand says what is wrong with the words of an "exec:" address.
func CheckCommand(address string) error {
	_, err := commandWords(strings.TrimPrefix(address, execPrefix))
	return err
}

// Commands says how the command of an "exec:" address is run.
type Commands struct {
	Env []string // "NAME=value" each; nil is this process's own, with all that it holds
}

// start runs the command of an "exec:" address. That it cannot be started is a
// fault of kind Dial.
func (o *Commands) start(address string) (net.Conn, error) {
	if !pipesHaveDeadlines {
		return nil, &Error{Op: "connect", Addr: address, Kind: Misuse, Msg: "nothing was run: on this system a command cannot be the connection, for no wait for it would end"}
	}
	line := strings.TrimPrefix(address, execPrefix)
	words, err := commandWords(line)
	if err != nil {
		return nil, &Error{Op: "connect", Addr: address, Kind: Misuse, Msg: "nothing was run", Err: err}
	}
	none := func(err error) (net.Conn, error) {
		var lookup *exec.Error
		var path *os.PathError
		switch {
		case errors.As(err, &lookup):
			err = lookup.Err
		case errors.As(err, &path):
			err = path.Err
		}
		return nil, &Error{Op: "connect", Addr: address, Kind: Dial, Msg: "the command " + words[0] + " could not be run", Err: err}
	}
	theirIn, in, err := os.Pipe()
	if err != nil {
		return none(err)
	}
	defer theirIn.Close()
	out, theirOut, err := os.Pipe()
	if err != nil {
		in.Close()
		return none(err)
	}
	defer theirOut.Close()
	ctx, cancel := context.WithCancel(context.Background())
	x := &execConn{in: in, out: out, cancel: cancel, line: line, cmd: exec.CommandContext(ctx, words[0], words[1:]...)}
	x.cmd.Stdin, x.cmd.Stdout, x.cmd.Stderr = theirIn, theirOut, &x.stderr
	x.cmd.Env = o.Env
	x.cmd.WaitDelay = departure // children of its own may keep its standard error open
	ownGroup(x.cmd)
	if err := x.cmd.Start(); err != nil {
		cancel()
		in.Close()
		out.Close()
		return none(err)
	}
	return x, nil
}

func (x *execConn) Read(b []byte) (int, error)  { return x.out.Read(b) }
func (x *execConn) Write(b []byte) (int, error) { return x.in.Write(b) }

// Close ends the command's input, gives it a moment to end by itself, as one
// that queues a message may need, and then kills it with all that it started.
// The process is reaped when Close returns.
func (x *execConn) Close() error {
	x.once.Do(func() {
		x.in.Close()
		x.out.Close()
		kill := time.AfterFunc(departure, func() {
			x.killed.Store(true)
			x.cancel()
		})
		began := time.Now()
		x.left = x.cmd.Wait()
		kill.Stop()
		x.cancel()
		if time.Since(began) >= departure { // it may be gone, and what it started holds its standard error
			_ = x.cmd.Cancel()
		}
	})
	return nil
}

// parting is what a command left behind that has ended, or is ended now: its
// exit status, where that is none of success, and its standard error.
func (x *execConn) parting() []string {
	x.Close()
	var said []string
	if status := (*exec.ExitError)(nil); errors.As(x.left, &status) {
		said = append(said, fmt.Sprintf("the command ended: %v", status))
	}
	if text := x.stderr.String(); text != "" {
		for line := range strings.Lines(text) {
			if len(said) > complaints {
				return append(said, "standard error of the command: …")
			}
			said = append(said, "standard error of the command: "+strings.TrimRight(line, "\r\n"))
		}
	}
	return said
}

// failed says how a command ended that did not end well, nil for one that did or
// had to be killed. It is ended by then.
func (x *execConn) failed() error {
	x.Close()
	if status := (*exec.ExitError)(nil); errors.As(x.left, &status) && !x.killed.Load() {
		return status
	}
	return nil
}

func (x *execConn) LocalAddr() net.Addr                { return nil }
func (x *execConn) RemoteAddr() net.Addr               { return execAddr(x.line) }
func (x *execConn) SetReadDeadline(t time.Time) error  { return x.out.SetReadDeadline(t) }
func (x *execConn) SetWriteDeadline(t time.Time) error { return x.in.SetWriteDeadline(t) }
func (x *execConn) SetDeadline(t time.Time) error {
	return errors.Join(x.out.SetReadDeadline(t), x.in.SetWriteDeadline(t))
}

// execAddr is the address of a command.
type execAddr string

func (execAddr) Network() string  { return "exec" }
func (a execAddr) String() string { return execPrefix + string(a) }

// complaint keeps the beginning of a command's standard error.
type complaint struct {
	mu   sync.Mutex
	text []byte
	more bool
}

func (c *complaint) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	room := min(len(b), complaining-len(c.text))
	c.text = append(c.text, b[:room]...)
	c.more = c.more || room < len(b)
	return len(b), nil
}

func (c *complaint) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	text := strings.ToValidUTF8(strings.TrimRight(string(c.text), "\r\n"), "?")
	if c.more {
		text += " …"
	}
	return text
}
