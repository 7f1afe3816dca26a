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
	do    func(fd uintptr) bool
	b     []byte
	n     int
	errno syscall.Errno
	ran   bool
}

// begin prepares a read into b.
func (r *nowRead) begin(b []byte) {
	if r.do == nil {
		r.do = func(fd uintptr) bool {
			r.ran = true
			r.n, r.errno = readNonblocking(fd, r.b)
			return true
		}
	}
	r.b, r.n, r.errno, r.ran = b, 0, 0, false
}

// readPresent reads what the kernel holds, and nothing where that is nothing, or
// has to be found out by a read that may wait.
func (s *socket) readPresent(b []byte) (int, error) {
	if s.sys == nil {
		return 0, nil
	}
	r := &s.now
	r.begin(b)
	err := s.sys.Read(r.do)
	if r.b = nil; err != nil || r.errno != 0 {
		return 0, nil
	}
	if r.n == 0 && len(b) > 0 {
		return 0, io.EOF
	}
	return r.n, nil
}

// readNow reads what the kernel holds for us and never waits.
func (s *socket) readNow(b []byte) (int, error) {
	if s.at != nil && !s.interrupted.Load() {
		return s.at.readInstantly(b)
	}
	r := &s.now
	r.begin(b)
	err := s.sys.Read(r.do)
	if err != nil && !r.ran && !s.interrupted.Load() { // the deadline has just passed, and nobody has looked
		s.setRead(time.Time{})
		err = s.sys.Read(r.do)
	}
	if r.b = nil; err != nil {
		return 0, err
	}
	return readEnd(r.n, r.errno)
}

// readEnd is what has come of a read that does not wait, into a buffer with room.
func readEnd(n int, errno syscall.Errno) (int, error) {
	switch {
	case errno == syscall.EAGAIN:
		return 0, os.ErrDeadlineExceeded
	case errno != 0:
		return 0, os.NewSyscallError("read", errno)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}
