package engine

import (
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// dialNear connects to an address of this machine, written in figures. Such a
// connection stands as soon as it is asked for, and needs none of what net does
// to wait for one: that costs more than the kernel's part. nil is for whatever
// is not as simple, which is left to net: no listener, a full queue.
func dialNear(address string) net.Conn {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !to.Addr().IsLoopback() || to.Addr().Is4In6() || to.Addr().Zone() != "" {
		return nil
	}
	family, peer := syscall.AF_INET, syscall.Sockaddr(nil)
	if to.Addr().Is4() {
		peer = &syscall.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())}
	} else {
		family, peer = syscall.AF_INET6, &syscall.SockaddrInet6{Addr: to.Addr().As16(), Port: int(to.Port())}
	}
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, syscall.IPPROTO_TCP)
	if err != nil {
		return nil
	}
	if err = syscall.Connect(fd, peer); err == syscall.EINPROGRESS {
		err = syscall.Connect(fd, peer) // says what has become of it
	}
	if err == nil {
		err = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
	}
	if err != nil || itself(fd, peer) {
		syscall.Close(fd)
		return nil
	}
	return &nearConn{file: os.NewFile(uintptr(fd), "tcp"), peer: to}
}

// itself says that a connection has one end: where nobody listens, the kernel may
// lend a client the very port that it dials, and TCP takes it for both.
func itself(fd int, peer syscall.Sockaddr) bool {
	local, err := syscall.Getsockname(fd)
	switch peer := peer.(type) {
	case *syscall.SockaddrInet4:
		l, ok := local.(*syscall.SockaddrInet4)
		return err == nil && ok && l.Port == peer.Port && l.Addr == peer.Addr
	case *syscall.SockaddrInet6:
		l, ok := local.(*syscall.SockaddrInet6)
		return err == nil && ok && l.Port == peer.Port && l.Addr == peer.Addr
	}
	return false
}

// nearConn is a TCP connection made by dialNear.
type nearConn struct {
	file *os.File
	peer netip.AddrPort
}

func (c *nearConn) Read(b []byte) (int, error) {
	n, err := c.file.Read(b)
	return n, c.fault("read", err)
}

func (c *nearConn) Write(b []byte) (int, error) {
	n, err := c.file.Write(b)
	return n, c.fault("write", err)
}

// fault is an error as net gives it: crypto/tls tells a timeout, after which it
// goes on, from a broken connection by its type.
func (c *nearConn) fault(op string, err error) error {
	if path, ok := err.(*os.PathError); ok {
		return &net.OpError{Op: op, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: path.Err}
	}
	return err
}

func (c *nearConn) Close() error                          { return c.file.Close() }
func (c *nearConn) SetDeadline(t time.Time) error         { return c.file.SetDeadline(t) }
func (c *nearConn) SetReadDeadline(t time.Time) error     { return c.file.SetReadDeadline(t) }
func (c *nearConn) SetWriteDeadline(t time.Time) error    { return c.file.SetWriteDeadline(t) }
func (c *nearConn) SyscallConn() (syscall.RawConn, error) { return c.file.SyscallConn() }
func (c *nearConn) RemoteAddr() net.Addr                  { return net.TCPAddrFromAddrPort(c.peer) }

// LocalAddr asks the kernel: few want to know. It is nil once the connection is
// closed.
func (c *nearConn) LocalAddr() net.Addr {
	var local syscall.Sockaddr
	if sys, err := c.file.SyscallConn(); err == nil {
		sys.Control(func(fd uintptr) { local, _ = syscall.Getsockname(int(fd)) })
	}
	switch a := local.(type) {
	case *syscall.SockaddrInet4:
		return &net.TCPAddr{IP: net.IP(a.Addr[:]), Port: a.Port}
	case *syscall.SockaddrInet6:
		return &net.TCPAddr{IP: net.IP(a.Addr[:]), Port: a.Port}
	}
	return nil
}
