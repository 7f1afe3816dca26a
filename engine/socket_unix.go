//go:build unix

package engine

import (
	"io"
	"os"
	"syscall"
)

// readNow reads what the kernel holds for us and never waits.
func (s *socket) readNow(b []byte) (n int, err error) {
	var readErr error
	err = s.sys.Read(func(fd uintptr) bool {
		for {
			n, readErr = syscall.Read(int(fd), b)
			if readErr != syscall.EINTR {
				return true
			}
		}
	})
	switch {
	case err != nil:
		return 0, err
	case readErr == syscall.EAGAIN:
		return 0, os.ErrDeadlineExceeded
	case readErr != nil:
		return 0, os.NewSyscallError("read", readErr)
	case n == 0 && len(b) > 0:
		return 0, io.EOF
	}
	return n, nil
}
