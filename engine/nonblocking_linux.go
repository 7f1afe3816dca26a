//go:build linux && (amd64 || arm64) && !race

package engine

import (
	"syscall"
	"unsafe"
)

// readNonblocking and writeNonblocking are read(2) and write(2) on a socket that
// does not block, without a word to the scheduler. With one, each call wakes the
// runtime's watchman, where nothing else ran, and a write to a neighbour, which
// takes as long as it takes to wake that one up, looks to him like a thread that
// hangs: a quarter of the CPU of a lone conversation.
func readNonblocking(fd uintptr, b []byte) (n int, errno syscall.Errno) {
	return transfer(syscall.SYS_READ, fd, b)
}

func writeNonblocking(fd uintptr, b []byte) (n int, errno syscall.Errno) {
	return transfer(syscall.SYS_WRITE, fd, b)
}

func transfer(call, fd uintptr, b []byte) (n int, errno syscall.Errno) {
	for {
		r, _, errno := syscall.RawSyscall(call, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
		switch errno {
		case 0:
			return int(r), 0
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}
