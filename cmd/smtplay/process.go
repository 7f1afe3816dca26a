package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/term"

	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// process is everything that belongs to the process as a whole. Nothing else
// in the program touches the arguments, the environment or the standard streams.
type process struct {
	args      []string
	env       map[string]string
	stdin     io.Reader
	stdout    *sink
	stderr    io.Writer
	outIsTerm bool
	errIsTerm bool
	errWidth  func() int           // columns of the terminal that standard error is
	inIsTerm  bool                 // somebody may be asked
	redact    *transcript.Redactor // knows every secret given so far
	hostname  func() (string, error)
	password  func(ctx context.Context, prompt string) (string, error) // reads a line without echo
	terminal  func(s *screen, interrupt func()) (input, error)         // reads lines that are edited
}

// forMany prepares for many conversations, unless the environment says otherwise.
// One alone is over before that has paid.
func (p *process) forMany() {
	// Conversations wait for the network: beyond half of the processors, more
	// of them only wake each other up, and the server under test is often on
	// this machine too.
	if half := runtime.NumCPU() / 2; half >= 1 && p.env["GOMAXPROCS"] == "" {
		runtime.GOMAXPROCS(half)
	}
	// What lives from test to test is little, so collecting seldom costs little.
	if p.env["GOGC"] == "" {
		debug.SetGCPercent(400)
	}
}

func newProcess() *process {
	// Without this a reader that has seen enough (smtplay run | head) would
	// kill the program in the middle of a conversation.
	signal.Ignore(syscall.SIGPIPE)
	p := &process{
		args:      os.Args[1:],
		env:       map[string]string{},
		stdin:     os.Stdin,
		stdout:    &sink{w: os.Stdout},
		stderr:    os.Stderr,
		outIsTerm: term.IsTerminal(int(os.Stdout.Fd())),
		errIsTerm: term.IsTerminal(int(os.Stderr.Fd())),
		errWidth:  errWidth,
		inIsTerm:  term.IsTerminal(int(os.Stdin.Fd())),
		redact:    &transcript.Redactor{},
		hostname:  os.Hostname,
		password:  readPassword,
		terminal:  openTerminal,
	}
	for _, entry := range os.Environ() {
		if name, value, ok := strings.Cut(entry, "="); ok {
			p.env[name] = value
			if secret, ok := strings.CutPrefix(name, "SMTPLAY_SECRET_"); ok {
				p.redact.Add(secret, value)
			}
		}
	}
	return p
}

// errWidth is 80 where nobody says.
func errWidth() int {
	if columns, _, err := term.GetSize(int(os.Stderr.Fd())); err == nil && columns > 0 {
		return columns
	}
	return 80
}

// readPassword reads a line from the terminal without echo. When ctx ends it
// gives up, and the terminal is as it was.
func readPassword(ctx context.Context, prompt string) (string, error) {
	fd := int(os.Stdin.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	asking := os.Stderr
	if tty, err := os.OpenFile("/dev/tty", os.O_WRONLY, 0); err == nil {
		defer tty.Close()
		asking = tty // standard error may lead to a file, where nobody sees the prompt
	}
	fmt.Fprint(asking, prompt)
	defer fmt.Fprintln(asking)
	type line struct {
		text []byte
		err  error
	}
	read := make(chan line, 1)
	go func() {
		text, err := term.ReadPassword(fd)
		read <- line{text, err}
	}()
	select {
	case l := <-read:
		return string(l.text), l.err
	case <-ctx.Done():
		return "", errors.Join(context.Cause(ctx), term.Restore(fd, before))
	}
}

// interruptible is a context that ends with suite.ErrInterrupted at SIGINT or
// SIGTERM. A second signal is no longer caught: it ends the program at once.
func interruptible(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	signalled, stop := signal.NotifyContext(parent, os.Interrupt, syscall.SIGTERM)
	unhook := context.AfterFunc(signalled, func() {
		cancel(suite.ErrInterrupted)
		stop()
	})
	return ctx, func() {
		unhook()
		stop()
		cancel(nil)
	}
}

// sink is standard output; it remembers that it broke, and says so once. Live
// conversations and results may be written at the same time.
type sink struct {
	w      io.Writer
	broken func() // called at the first error; nil for nothing

	mu  sync.Mutex
	err error
}

// Write implements io.Writer.
func (s *sink) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.w.Write(b)
	if err != nil {
		s.err = err
		if s.broken != nil {
			s.broken()
		}
	}
	return n, err
}

// console is where results are shown, and whether that is a terminal: standard
// output, or standard error where that is taken.
func (p *process) console(taken bool) (isTerm bool, w io.Writer) {
	if taken {
		return p.errIsTerm, p.stderr
	}
	return p.outIsTerm, p.stdout
}

// fault is why nothing can be written any more, nil where all is well.
func (s *sink) fault() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// What is said on standard error is lower case, has no full stop, and begins
// with the program's name, so that it can be told apart in a log:
//
//	smtplay: error: what is wrong
//	smtplay: hint: what to do about it
//	smtplay: warning: what is odd

func (p *process) complain(msg, hint string) {
	fmt.Fprintf(p.stderr, "smtplay: error: %s\n", p.redact.String(msg))
	if hint != "" {
		fmt.Fprintf(p.stderr, "smtplay: hint: %s\n", p.redact.String(hint))
	}
}

func (p *process) warn(format string, args ...any) {
	fmt.Fprintf(p.stderr, "smtplay: warning: %s\n", p.redact.String(fmt.Sprintf(format, args...)))
}

func (p *process) note(format string, args ...any) {
	fmt.Fprintf(p.stderr, "smtplay: "+format+"\n", args...)
}
