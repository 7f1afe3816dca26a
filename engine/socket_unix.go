//go:build unix

package engine

import (
	"io"
	"os"
	"syscall"
	"time"
)

// nowRead is a read that does not wait, as the runtime wants to have it told.
// It is kept: one is made before every command.
type nowRead struct {
	do  func(fd uintptr) bool
	b   []byte
	n   int
	err error
	ran bool
}

// readNow reads what the kernel holds for us and never waits.
func (s *socket) readNow(b []byte) (int, error) {
	r := &s.now
	if r.do == nil {
		r.do = func(fd uintptr) bool {
			r.ran = true
			for {
				r.n, r.err = syscall.Read(int(fd), r.b)
				if r.err != syscall.EINTR {
					return true
				}
			}
		}
	}
	r.b, r.n, r.err, r.ran = b, 0, nil, false
	err := s.sys.Read(r.do)
	if err != nil && !r.ran && !s.interrupted.Load() { // the deadline has just passed, and nobody has looked
		s.setRead(time.Time{})
		err = s.sys.Read(r.do)
	}
	r.b = nil
	switch {
	case err != nil:
		return 0, err
	case r.err == syscall.EAGAIN:
		return 0, os.ErrDeadlineExceeded
	case r.err != nil:
		return 0, os.NewSyscallError("read", r.err)
	case r.n == 0 && len(b) > 0:
		return 0, io.EOF
	}
	return r.n, nil
}
