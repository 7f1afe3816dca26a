package lab

import (
	"errors"
	"fmt"
	"strings"
)

// ErrReadOnly is what [Postfix.Reconfigure] returns for a server started with [Options].ReadOnly.
var ErrReadOnly = errors.New("lab: this server is shared and cannot be reconfigured")

// ErrStopped is what [Postfix.Reconfigure] returns after [Postfix.Stop].
var ErrStopped = errors.New("lab: this server has been stopped")

// A MissingError says that this machine cannot run a Postfix as it is.
type MissingError struct {
	// Parts is what [Missing] found, never empty.
	Parts []string
}

// Error names the parts and, if packages are among them, how those are had on Debian.
func (e *MissingError) Error() string {
	text := "lab: a postfix needs what is missing here: " + strings.Join(e.Parts, ", ")
	if strings.Contains(text, "package ") {
		text += " (" + InstallCommand + ")"
	}
	return text
}

// A StartError says that a Postfix did not start, or did not come back after a change.
type StartError struct {
	// Err is the cause, as far as the start itself tells: Postfix says little there.
	Err error
	// Log is the end of the mail log and of what the start printed; the reason is in here.
	Log string
}

// Error holds the cause and, on lines of its own, the log.
func (e *StartError) Error() string {
	text := fmt.Sprintf("lab: starting postfix: %v", e.Err)
	if e.Log == "" {
		return text + " (it logged nothing)"
	}
	return text + "\n" + e.Log
}

// Unwrap gives the cause.
func (e *StartError) Unwrap() error { return e.Err }
