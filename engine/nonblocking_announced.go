//go:build unix && !(linux && (amd64 || arm64) && !race)

package engine

import "syscall"

// These are the same, announced to the scheduler, and to the race detector, for
// which a socket orders what happens at its two ends.

func readNonblocking(fd uintptr, b []byte) (n int, errno syscall.Errno) {
	return transfer(syscall.Read, fd, b)
}

func receiveNonblocking(fd uintptr, b []byte) (n int, errno syscall.Errno) {
	return readNonblocking(fd, b)
}

func sendNonblocking(fd uintptr, b []byte) (n int, errno syscall.Errno) {
	return transfer(syscall.Write, fd, b)
}

func transfer(call func(int, []byte) (int, error), fd uintptr, b []byte) (n int, errno syscall.Errno) {
	for {
		n, err := call(int(fd), b)
		switch errno, _ := err.(syscall.Errno); errno {
		case 0:
			return n, 0
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}
