//go:build unix

package mailbox

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// lockFile takes the lock of the whole file, or says errLocked at once.
func lockFile(file *os.File, write bool) error {
	kind := unix.F_RDLCK
	if write {
		kind = unix.F_WRLCK
	}
	err := unix.FcntlFlock(file.Fd(), setLock, &unix.Flock_t{Type: int16(kind)})
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return errLocked
	}
	if err != nil {
		return fmt.Errorf("locking it: %w", err)
	}
	return nil
}

// unlockFile gives the lock back; closing the file would, too.
func unlockFile(file *os.File) {
	_ = unix.FcntlFlock(file.Fd(), setLock, &unix.Flock_t{Type: unix.F_UNLCK})
}
