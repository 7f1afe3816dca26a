package daemon

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Supported says that this system has what the package relies on.
const Supported = true

// A Port is a TCP port of loopback that is one server's until Close.
type Port struct {
	Addr string
	fd   int
}

// ReservePort has the kernel choose a free port and keeps it by a socket that is bound and never
// listens. Two Postfixes on one port would both start, as they set SO_REUSEPORT, and share its
// connections at random; while this socket is there the kernel gives the port to nobody who
// asks for any free one. A server can still bind it: by SO_REUSEADDR, which all set, as long as
// nobody listens, or by SO_REUSEPORT with the same user.
func ReservePort() (Port, error) {
	return reserve(unix.AF_INET, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
}

// ReservePort6 does so for a port of ::1.
func ReservePort6() (Port, error) {
	return reserve(unix.AF_INET6, &unix.SockaddrInet6{Addr: netip.IPv6Loopback().As16()})
}

// Socket is a UNIX socket as a port, of which nothing is reserved.
func Socket(path string) Port { return Port{Addr: "unix:" + path, fd: -1} }

func reserve(family int, local unix.Sockaddr) (Port, error) {
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return Port{}, fmt.Errorf("a free port: %w", err)
	}
	p := Port{fd: fd}
	for _, option := range []int{unix.SO_REUSEADDR, unix.SO_REUSEPORT} {
		if err == nil {
			err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, 1)
		}
	}
	if err == nil {
		err = unix.Bind(fd, local)
	}
	var bound unix.Sockaddr
	if err == nil {
		bound, err = unix.Getsockname(fd)
	}
	if err != nil {
		p.Close()
		return Port{}, fmt.Errorf("a free port: %w", err)
	}
	switch bound := bound.(type) {
	case *unix.SockaddrInet4:
		p.Addr = fmt.Sprintf("127.0.0.1:%d", bound.Port)
	case *unix.SockaddrInet6:
		p.Addr = fmt.Sprintf("[::1]:%d", bound.Port)
	}
	return p, nil
}

// Close gives the port back.
func (p Port) Close() {
	if p.fd >= 0 {
		_ = unix.Close(p.fd)
	}
}

// InOwnSession is how a process is started that a Ctrl-C on our terminal must not reach. with may be nil.
func InOwnSession(with *syscall.SysProcAttr) *syscall.SysProcAttr {
	if with == nil {
		with = &syscall.SysProcAttr{}
	}
	with.Setsid = true
	return with
}

// In is how a process is started that has dir for its whole world, as a user and group of those numbers.
func In(dir string, uid, gid int) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Chroot: dir, Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

// processesIn are the processes that stand in a folder or below. A zombie, which nobody may come to reap,
// stands nowhere.
func processesIn(dir string) []int {
	links, _ := filepath.Glob("/proc/[0-9]*/cwd")
	var found []int
	for _, link := range links {
		cwd, err := os.Readlink(link)
		if err != nil || cwd != dir && !strings.HasPrefix(cwd, dir+"/") {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(link))); err == nil {
			found = append(found, pid)
		}
	}
	return found
}

func kill(pid int) { _ = unix.Kill(pid, unix.SIGKILL) }
