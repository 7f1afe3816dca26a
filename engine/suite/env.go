package suite

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"smtplay/engine"
	"smtplay/engine/transcript"
)

// Script is something that makes tests: a compiled Lua script, a transcript to
// replay. It is immutable and may be run by several workers at once.
type Script interface {
	// Name is the path by which people know it.
	Name() string
	// Tests lists its tests in order; nothing is sent.
	Tests(ctx context.Context, env *Env) ([]Declared, error)
	// Run runs one test.
	Run(ctx context.Context, env *Env, run *Run) Verdict
}

// Declared is a test as its script declares it.
type Declared struct {
	Name  string
	Once  bool     // run it once a run, however often the others are repeated or tried again
	Tags  []string // in order
	Cells []Cell   // where it is one of a grid: its place in it
	// StandsFor says that it stands for all tests of its script, which could not be listed.
	StandsFor StandsFor
	// Holds are what it has to itself while it runs, such as an address at which it listens: no two
	// runs that hold the same go on at once.
	Holds []string
	At    transcript.Pos // where it is declared; no line where all of the file is one test
}

// StandsFor says why a test stands for others, whose names and tags nobody knows.
type StandsFor uint8

const (
	Itself    StandsFor = iota
	Skipping            // the script skips before it declares them
	Unreached           // there is no way to what it asks for them, such as the DNS
)

// Cell is the place of a test along one axis of a grid of tests.
type Cell struct{ Axis, Value string }

// Run is one run of one test.
type Run struct {
	Index  int                     // of the test in its script, from 0
	Name   string                  // by which it was listed; "" where it was not
	Log    *transcript.Log         // gets all that happens
	Extend func(time.Duration)     // gives the test more time; nil where time is not bounded
	Stop   context.CancelCauseFunc // ends the context that the test is run under; nil where that serves others too
	Worker *Worker                 // who runs it
	Pause  Pause                   // asked before each line that sends; nil for nobody
}

// Worker is one of those that run tests, one test at a time.
type Worker struct {
	Kept any // what a script language keeps from run to run, to make the next one cheap
	log  *transcript.Log
	time clock  // of the run
	last Result // what the run came to that has just ended
}

// Env is what all tests of a run share. Nobody changes it while they run.
type Env struct {
	Targets   Targets
	Vars      map[string]string
	Secrets   map[string]string
	Options   engine.Options       // defaults of every connection
	Helo      string               // the client name; "" for the address literal of our end
	Redact    *transcript.Redactor // knows Secrets
	Impartial bool                 // the servers are known to trust no client for being on their machine, but at the target local
	Allow     Permissions          // what of this machine scripts may use
	Seed      int64                // from which each test's random numbers come
}

// standard are the names that exist on every server, with their ports (RFC 5321
// 4.5.4.2; RFC 6409 3.1; RFC 8314 7.3). LMTP has none of its own; 24 is
// IANA's port for any private mail system, and what Dovecot's examples use.
var standard = map[string]string{"smtp": "25", "submission": "587", "submissions": "465", "lmtp": "24"}

// IsStandard says whether a name is a target of every server.
func IsStandard(name string) bool {
	_, ok := standard[name]
	return ok || name == "smtps"
}

// DefaultTarget is where a script connects that names no target.
const DefaultTarget = "smtp"

// Targets lead from the names that scripts connect to, to addresses. The zero
// value knows none.
type Targets struct {
	Host  string            // the server under test; "" for none
	Port  string            // its port for the default target; "" for 25
	Named map[string]string // names pointed elsewhere
}

// UnknownTargetError says that a name leads nowhere.
type UnknownTargetError struct {
	Name  string
	Known []string
	Bare  bool // no server was named at all
}

func (e *UnknownTargetError) Error() string {
	if e.Bare {
		return fmt.Sprintf("the target %q leads nowhere: no server was named", e.Name)
	}
	return fmt.Sprintf("the target %q leads nowhere: known are %s", e.Name, strings.Join(e.Known, ", "))
}

// Resolve finds the address of a target, and whether TLS is spoken there from
// the first byte. What holds a colon is an address or a command already; an IPv6 address may
// stand without a port.
func (t Targets) Resolve(name string) (address string, tls bool, err error) {
	if name == "" {
		name = DefaultTarget
	}
	if strings.Contains(name, ":") {
		return withPort(name, ""), false, nil
	}
	called := []string{name}
	port, ok := standard[name]
	if name == "smtps" || name == "submissions" { // two names of one service: what points one elsewhere points both
		called = append(called, "smtps", "submissions")
		port, ok, tls = standard["submissions"], true, true
	}
	for _, n := range called {
		if a, ok := t.Named[n]; ok {
			return withPort(a, port), tls, nil
		}
	}
	if !ok || t.Host == "" {
		return "", false, &UnknownTargetError{Name: name, Known: t.Names(), Bare: t.Host == "" && len(t.Named) == 0}
	}
	if name == DefaultTarget && t.Port != "" {
		port = t.Port
	}
	return net.JoinHostPort(strings.Trim(t.Host, "[]"), port), tls, nil
}

// Names are all names that lead somewhere, in order.
func (t Targets) Names() []string {
	names := map[string]bool{}
	for n := range t.Named {
		names[n] = true
	}
	if t.Host != "" {
		for n := range standard {
			names[n] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// withPort adds the port to an address that has none; without a standard one it is 25.
func withPort(address, port string) string {
	if strings.HasPrefix(address, "unix:") || engine.IsCommand(address) {
		return address
	}
	port = cmp.Or(port, standard[DefaultTarget])
	if host, p, err := net.SplitHostPort(address); err == nil {
		return net.JoinHostPort(host, cmp.Or(p, port))
	}
	return net.JoinHostPort(strings.Trim(address, "[]"), port)
}
