//go:build unix && !linux

package engine

import "syscall"

// readNonblocking is read(2) on a socket that does not block.
func readNonblocking(fd uintptr, b []byte) (n int, errno syscall.Errno) {
	for {
		n, err := syscall.Read(int(fd), b)
		switch errno, _ := err.(syscall.Errno); errno {
		case 0:
			return n, 0
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}
