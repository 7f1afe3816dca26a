package engine

import (
	"io"
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
	c := &nearConn{file: os.NewFile(uintptr(fd), "tcp"), fd: fd, peer: to}
	if c.sys, err = c.file.SyscallConn(); err != nil {
		c.file.Close()
		return nil
	}
	c.in.do, c.out.do = c.readOn, c.writeOn
	return c
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
	file    *os.File
	sys     syscall.RawConn
	fd      int // -1 once it is closed
	peer    netip.AddrPort
	in, out transferring
}

// transferring is a read or write under way, as the runtime wants to have it
// told; it is kept from one to the next.
type transferring struct {
	do    func(fd uintptr) (done bool)
	b     []byte
	n     int
	errno syscall.Errno
	tries int
}

func (t *transferring) begin(b []byte) { t.b, t.n, t.errno, t.tries = b, 0, 0, 0 }

// end is how much was transferred, and why no more; err is of the wait.
func (t *transferring) end(call string, err error) (int, error) {
	if t.b = nil; err == nil && t.errno != 0 {
		err = os.NewSyscallError(call, t.errno)
	}
	return t.n, err
}

func (c *nearConn) readOn(fd uintptr) (done bool) {
	c.in.tries++
	c.in.n, c.in.errno = receiveNonblocking(fd, c.in.b)
	return c.in.errno != syscall.EAGAIN
}

func (c *nearConn) writeOn(fd uintptr) (done bool) {
	for c.out.n < len(c.out.b) {
		var n int
		n, c.out.errno = sendNonblocking(fd, c.out.b[c.out.n:])
		if c.out.errno != 0 {
			return c.out.errno != syscall.EAGAIN
		}
		c.out.n += n
	}
	return true
}

// Read implements net.Conn.
func (c *nearConn) Read(b []byte) (int, error) {
	c.in.begin(b)
	n, err := c.in.end("read", c.sys.Read(c.in.do))
	if n == 0 && err == nil && len(b) > 0 {
		return 0, io.EOF
	}
	return n, c.fault("read", err)
}

// Write implements net.Conn.
func (c *nearConn) Write(b []byte) (int, error) {
	c.out.begin(b)
	n, err := c.out.end("write", c.sys.Write(c.out.do))
	return n, c.fault("write", err)
}

// fault is an error as net gives it: crypto/tls tells a timeout, after which it
// goes on, from a broken connection by its type.
func (c *nearConn) fault(op string, err error) error {
	if err == nil {
		return nil
	}
	return &net.OpError{Op: op, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}

// readInstantly implements instant.
func (c *nearConn) readInstantly(b []byte) (int, error) {
	return readEnd(receiveNonblocking(uintptr(c.fd), b))
}

// writeInstantly implements instant.
func (c *nearConn) writeInstantly(b []byte) (int, error) {
	n, errno := sendNonblocking(uintptr(c.fd), b)
	if errno != 0 && errno != syscall.EAGAIN {
		return 0, c.fault("write", os.NewSyscallError("write", errno))
	}
	return n, nil
}

// looked implements instant.
func (c *nearConn) looked() int { return c.in.tries }

func (c *nearConn) Close() error {
	c.fd = -1
	return c.file.Close()
}

func (c *nearConn) SetDeadline(t time.Time) error         { return c.file.SetDeadline(t) }
func (c *nearConn) SetReadDeadline(t time.Time) error     { return c.file.SetReadDeadline(t) }
func (c *nearConn) SetWriteDeadline(t time.Time) error    { return c.file.SetWriteDeadline(t) }
func (c *nearConn) SyscallConn() (syscall.RawConn, error) { return c.sys, nil }
func (c *nearConn) RemoteAddr() net.Addr                  { return net.TCPAddrFromAddrPort(c.peer) }

// LocalAddr asks the kernel: few want to know. It is nil once the connection is
// closed.
func (c *nearConn) LocalAddr() net.Addr {
	var local syscall.Sockaddr
	c.sys.Control(func(fd uintptr) { local, _ = syscall.Getsockname(int(fd)) })
	switch a := local.(type) {
	case *syscall.SockaddrInet4:
		return &net.TCPAddr{IP: net.IP(a.Addr[:]), Port: a.Port}
	case *syscall.SockaddrInet6:
		return &net.TCPAddr{IP: net.IP(a.Addr[:]), Port: a.Port}
	}
	return nil
}
