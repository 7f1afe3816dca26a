//go:build linux && (amd64 || arm64) && !race

package engine

import (
	"syscall"
	"unsafe"
)

// readNonblocking is read(2) on a descriptor that does not block, without a word
// to the scheduler. With one, each call wakes the runtime's watchman, where
// nothing else ran, and a write to a neighbour, which takes as long as it takes
// to wake that one up, looks to him like a thread that hangs: a quarter of the
// CPU of a lone conversation.
func readNonblocking(fd uintptr, b []byte) (n int, errno syscall.Errno) {
	return transfer(syscall.SYS_READ, fd, b)
}

// receiveNonblocking and sendNonblocking are for what is known to be a socket: the
// kernel need not look for what else it might be.
func receiveNonblocking(fd uintptr, b []byte) (n int, errno syscall.Errno) {
	return transfer(syscall.SYS_RECVFROM, fd, b)
}

func sendNonblocking(fd uintptr, b []byte) (n int, errno syscall.Errno) {
	return transfer(syscall.SYS_SENDTO, fd, b)
}

// transfer makes a call that takes a descriptor and a buffer; what else
// recvfrom(2) and sendto(2) take is none.
func transfer(call, fd uintptr, b []byte) (n int, errno syscall.Errno) {
	for {
		r, _, errno := syscall.RawSyscall6(call, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), 0, 0, 0)
		switch errno {
		case 0:
			return int(r), 0
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}
