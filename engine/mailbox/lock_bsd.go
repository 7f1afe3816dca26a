//go:build unix && !linux

package mailbox

import "golang.org/x/sys/unix"

const setLock = unix.F_SETLK
