package jump

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"
)

// conn is a connection through an SSH host: our end of a pipe, which has
// deadlines. What is on its way is bounded by the buffers of the two copies and
// by the channel's window.
type conn struct {
	net.Conn
	host          *Host
	session       *session
	local, remote net.Addr
	channel       net.Conn
	sent          chan struct{} // closed when nothing more goes to the server
}

// lingering is how long what was written may take to leave, once we have closed.
const lingering = time.Second

func newConn(channel net.Conn, h *Host, s *session, network, address string) net.Conn {
	ours, theirs := net.Pipe()
	go func() { // from the server
		_, _ = io.Copy(theirs, channel)
		theirs.Close()
	}()
	sent := make(chan struct{})
	go func() { // to the server
		defer close(sent)
		_, _ = io.Copy(channel, theirs)
		channel.Close()
	}()
	c := &conn{Conn: ours, host: h, session: s, channel: channel, sent: sent}
	c.local, c.remote = ends(network, address, s)
	return c
}

// ends are the addresses of a connection as far as they are known here: that
// of the server where it was named by one, and of our end the SSH host's, by
// which we know it.
func ends(network, address string, s *session) (local, remote net.Addr) {
	if network == "unix" {
		return nil, &net.UnixAddr{Name: address, Net: "unix"}
	}
	remote = place(address)
	if place(address).IsLoopback() {
		local = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}
	}
	if end, err := netip.ParseAddrPort(address); err == nil {
		tcp := net.TCPAddrFromAddrPort(end)
		if remote = tcp; tcp.IP.IsLoopback() {
			return &net.TCPAddr{IP: tcp.IP}, tcp
		}
	}
	if own, ok := s.client.RemoteAddr().(*net.TCPAddr); ok && local == nil && !own.IP.IsLoopback() {
		local = &net.TCPAddr{IP: own.IP}
	}
	return local, remote
}

// Read tells the end that the server made from that of the SSH connection.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if errors.Is(err, io.EOF) && n == 0 {
		err = c.host.ended(c.session, err)
	}
	return n, err
}

// Write likewise.
func (c *conn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if errors.Is(err, io.ErrClosedPipe) {
		err = c.host.ended(c.session, err)
	}
	return n, err
}

// Close lets what was written go out. A server that takes nothing in cannot keep
// the connection open by that.
func (c *conn) Close() error {
	err := c.Conn.Close()
	go func() {
		select {
		case <-c.sent:
		case <-time.After(lingering):
			c.channel.Close()
		}
	}()
	return err
}

func (c *conn) LocalAddr() net.Addr  { return c.local }
func (c *conn) RemoteAddr() net.Addr { return c.remote }

// place is an address whose name only the SSH host resolves.
type place string

// IsLoopback: whatever the host's own name for itself leads to, it stays there.
func (p place) IsLoopback() bool {
	host, _, _ := net.SplitHostPort(string(p))
	return strings.EqualFold(host, "localhost")
}

func (place) Network() string  { return "ssh" }
func (p place) String() string { return string(p) }
