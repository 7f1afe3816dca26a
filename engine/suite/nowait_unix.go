//go:build unix

package suite

import "syscall"

// noWait keeps the opening of a pipe from waiting for who writes to it.
const noWait = syscall.O_NONBLOCK
