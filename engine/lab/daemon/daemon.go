package daemon

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// startWithin is how long a program has until its ports answer.
	startWithin = 20 * time.Second
	// stopWithin is how long the kernel has to end what was killed.
	stopWithin = 5 * time.Second
	// logTail is how much of the log an error shows, in bytes.
	logTail = 4000
)

// SystemPath is where administrators' programs lie; the PATH of ordinary users often lacks them.
const SystemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// special means something else to the watchdog, or in a configuration file.
const special = " \t\r\n*?[]\\$,{}:;=#'\""

// A Daemon is a server in its folder. Its methods but Run may be called from several goroutines,
// once New, Listen and Run are through.
type Daemon struct {
	name  string // of the program, for errors
	dir   string
	guard *watchdog
	ports map[string]Port

	mu      sync.Mutex
	running *exec.Cmd
	ended   chan struct{} // closed when running has ended
	stopped bool
}

// New makes a folder below os.TempDir for the program of that name, open to every user as servers have
// users of their own, and the watchdog that outlives this process.
func New(name string) (*Daemon, error) {
	dir, err := os.MkdirTemp("", "smtplay-"+name+"-")
	if err == nil {
		// The watchdog compares it with what the kernel says, so it must be free of links.
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err == nil && strings.ContainsAny(dir, special) {
		err = errors.Join(fmt.Errorf("the path %q has one of %q", dir, special), os.Remove(dir))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: a folder of its own: %w", name, err)
	}
	d := &Daemon{name: name, dir: dir, ports: map[string]Port{}}
	if d.guard, err = startWatchdog(dir); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: watchdog: %w", name, err), os.RemoveAll(dir))
	}
	return d, nil
}

// Listen reserves a free port for each name.
func (d *Daemon) Listen(names ...string) error {
	for _, name := range names {
		reserved, err := ReservePort()
		if err != nil {
			return fmt.Errorf("%s: %w", d.name, err)
		}
		d.ports[name] = reserved
	}
	return nil
}

// Names are the names of the listeners, in alphabetical order.
func (d *Daemon) Names() []string { return slices.Sorted(maps.Keys(d.ports)) }

// Addr is where the listener of that name is reached, "127.0.0.1:PORT".
// It panics for a name that there is not, since that is a mistake in the caller's source.
func (d *Daemon) Addr(name string) string {
	p, found := d.ports[name]
	if !found {
		panic(fmt.Sprintf("%s: no listener %q, there are %s", d.name, name, strings.Join(d.Names(), ", ")))
	}
	return p.Addr
}

// PortOf is the port of that listener alone.
func (d *Daemon) PortOf(name string) string {
	_, port, _ := net.SplitHostPort(d.Addr(name)) // it was made by us
	return port
}

// Dir is the folder that holds the server.
func (d *Daemon) Dir() string { return d.dir }

// Path is a file of this server.
func (d *Daemon) Path(parts ...string) string {
	return filepath.Join(append([]string{d.dir}, parts...)...)
}

// Run starts the command in the folder and waits until every listener answers. What it prints is in Log.
// The error is a *StartError where it ended or did not answer. ctx bounds the start alone.
func (d *Daemon) Run(ctx context.Context, cmd *exec.Cmd) error {
	out, err := os.Create(d.outFile())
	if err != nil {
		return fmt.Errorf("%s: %w", d.name, err)
	}
	defer out.Close()
	if cmd.Dir == "" {
		cmd.Dir = d.dir
	}
	// Files and not pipes: a daemon that kept a pipe would keep us waiting for its end.
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = InOwnSession(cmd.SysProcAttr)
	ended := make(chan struct{})
	d.mu.Lock()
	err = cmd.Start()
	if err == nil {
		d.running, d.ended = cmd, ended
	}
	d.mu.Unlock()
	if err != nil {
		return &StartError{Program: d.name, Err: err}
	}
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	if err := d.answers(ctx, ended); err != nil {
		return &StartError{Program: d.name, Err: err, Log: Tail(d.Log(), logTail)}
	}
	return nil
}

// answers waits until all listeners do.
func (d *Daemon) answers(ctx context.Context, ended <-chan struct{}) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startWithin, fmt.Errorf("its ports do not answer within %v", startWithin))
	defer cancel()
	var gone bool
	for _, name := range d.Names() {
		err := WaitUntil(ctx, func() bool {
			select {
			case <-ended:
				gone = true
				return true
			default:
			}
			conn, err := net.Dial("tcp", d.Addr(name))
			if err == nil {
				_ = conn.Close()
			}
			return err == nil
		})
		if gone {
			return errors.New("it ended at once")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Stop ends the server and all its processes and removes its folder. It may be called again, and does
// nothing then.
func (d *Daemon) Stop() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopped {
		return nil
	}
	// Nothing of it is kept, so nothing has to be asked to end in order. A process may have been about to
	// fork: only a look that finds nobody is the last.
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	err := WaitUntil(ctx, func() bool {
		if d.running != nil {
			// Perhaps it has not gone to its folder yet.
			_ = d.running.Process.Kill()
		}
		left := processesIn(d.dir)
		for _, pid := range left {
			kill(pid)
		}
		return len(left) == 0
	})
	if err != nil {
		return fmt.Errorf("%s: processes %v do not end: %w", d.name, processesIn(d.dir), err) // the watchdog stays
	}
	if d.running != nil {
		<-d.ended
	}
	d.stopped = true
	d.guard.dismiss()
	for _, reserved := range d.ports {
		reserved.Close()
	}
	if err := os.RemoveAll(d.dir); err != nil {
		return fmt.Errorf("%s: %w", d.name, err)
	}
	return nil
}

// Processes are those of the server: all that stand in its folder.
func (d *Daemon) Processes() []int { return processesIn(d.dir) }

func (d *Daemon) outFile() string { return d.Path("out.log") }

// Log is all that the server printed or logged so far: the files *.log of its folder and of the folder log.
func (d *Daemon) Log() string {
	var text strings.Builder
	for _, glob := range []string{d.Path("*.log"), d.Path("log", "*")} {
		names, _ := filepath.Glob(glob)
		for _, name := range names {
			content, _ := os.ReadFile(name)
			text.Write(content)
		}
	}
	return text.String()
}

// A StartError says that a server did not start.
type StartError struct {
	Program string
	// Err is the cause, as far as the start itself tells.
	Err error
	// Log is the end of what it printed and logged; the reason is in here.
	Log string
}

// Error holds the cause and, on lines of its own, the log.
func (e *StartError) Error() string {
	text := fmt.Sprintf("starting %s: %v", e.Program, e.Err)
	if e.Log == "" {
		return text + " (it logged nothing)"
	}
	return text + "\n" + e.Log
}

// Unwrap gives the cause.
func (e *StartError) Unwrap() error { return e.Err }

// Tail is the end of text, whole lines, no more than n bytes of them.
func Tail(text string, n int) string {
	if len(text) > n {
		text = text[len(text)-n:]
		_, text, _ = strings.Cut(text, "\n")
	}
	return strings.TrimRight(text, "\n")
}

// WaitUntil asks again and again until done says yes or ctx ends, and returns the cause of that end.
func WaitUntil(ctx context.Context, done func() bool) error {
	again := time.NewTicker(2 * time.Millisecond)
	defer again.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-again.C:
		}
	}
	return nil
}

// Environment is what a server's programs get: nothing of ours may turn them.
func Environment() []string { return []string{"PATH=" + SystemPath, "LC_ALL=C"} }
