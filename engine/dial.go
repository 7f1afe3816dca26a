package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// Connect opens a connection to address, "host:port" or "unix:/path". That no
// connection could be made is an Error of kind Dial; with Options.TLS the
// handshake is done too and has kinds of its own. The greeting is owed.
func Connect(ctx context.Context, address string, opts Options) (*Conn, error) {
	network, addr := "tcp", address
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, addr = "unix", path
	}
	var source net.Addr
	if opts.Source != "" && network == "tcp" {
		ip := net.ParseIP(strings.Trim(opts.Source, "[]"))
		if ip == nil {
			return nil, &Error{Op: "connect", Addr: address, Kind: Misuse, Msg: fmt.Sprintf("the source %q is no IP address", opts.Source)}
		}
		source = &net.TCPAddr{IP: ip}
	}
	if source == nil {
		if nc := dialNear(addr); nc != nil {
			return Over(ctx, nc, address, opts)
		}
	}
	// Not DialTCP: it binds first, where the kernel would find a free port by both
	// ends, and in a long run of conversations there are none left.
	d := &net.Dialer{Timeout: orDefault(opts.Timeout, DefaultTimeout), KeepAlive: -1, LocalAddr: source}
	nc, err := d.DialContext(ctx, network, addr)
	if err != nil {
		if ctx.Err() != nil {
			return nil, interrupted(ctx, "connect")
		}
		if errors.Is(err, syscall.ECONNRESET) {
			// A refused connection is refused otherwise: this one was made, and
			// the reset came before anybody looked.
			return Over(ctx, lost{}, address, opts)
		}
		return nil, &Error{Op: "connect", Addr: address, Kind: Dial, Msg: "no connection to " + address, Err: dialCause(err)}
	}
	return Over(ctx, nc, address, opts)
}

// dialCause is the reason of a failed dial without the address, which the
// message names already.
func dialCause(err error) error {
	if op, ok := err.(*net.OpError); ok {
		return op.Err
	}
	return err
}

// peerName is the address that was reached: what a name resolved to is a fact
// of the conversation.
func peerName(nc net.Conn, address string) string {
	if to, err := netip.ParseAddrPort(address); err == nil && !to.Addr().Is4In6() {
		return address // it is one in figures already
	}
	if strings.HasPrefix(address, "unix:") || nc.RemoteAddr() == nil || nc.RemoteAddr().Network() == "pipe" {
		return address
	}
	return nc.RemoteAddr().String()
}

func hostOf(address string) string {
	if strings.HasPrefix(address, "unix:") {
		return "localhost"
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	host, _, _ = strings.Cut(host, "%") // no certificate knows of zones
	return host
}

// lost is a connection that was reset as soon as it was made.
type lost struct{}

func (lost) Read([]byte) (int, error)         { return 0, syscall.ECONNRESET }
func (lost) Write([]byte) (int, error)        { return 0, syscall.ECONNRESET }
func (lost) Close() error                     { return nil }
func (lost) LocalAddr() net.Addr              { return nil }
func (lost) RemoteAddr() net.Addr             { return nil }
func (lost) SetDeadline(time.Time) error      { return nil }
func (lost) SetReadDeadline(time.Time) error  { return nil }
func (lost) SetWriteDeadline(time.Time) error { return nil }
