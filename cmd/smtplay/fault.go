package main

import (
	"fmt"

	"smtplay/engine/suite"
)

// The exit statuses. Where several apply it is 2, then 1, then 3; an
// interrupted run is 130 whatever it came to.
const (
	exitPassed      = 0
	exitFailed      = 1   // a test failed
	exitUsage       = 2   // usage, or a script found wrong before the first connection: nothing was sent
	exitNoVerdict   = 3   // no connection could be made, or a fault at run time
	exitInterrupted = 130 // as shells have it for SIGINT
)

// fault is why a verb ends with a status that is not 0.
type fault struct {
	status int
	msg    string // "" where all has been said already
	hint   string
}

func (f *fault) Error() string { return f.msg }

// usage is a fault of the command line.
func usage(format string, args ...any) *fault {
	return &fault{status: exitUsage, msg: fmt.Sprintf(format, args...)}
}

// try adds what to do about it.
func (f *fault) try(format string, args ...any) *fault {
	f.hint = fmt.Sprintf(format, args...)
	return f
}

// verdict is what the counts of a run come to, nil where all is well.
func verdict(n suite.Counts) error {
	switch {
	case n.Failed > 0:
		return &fault{status: exitFailed}
	case n.Errored > 0:
		return &fault{status: exitNoVerdict}
	}
	return nil
}

// apart are the errors that were joined.
func apart(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}
