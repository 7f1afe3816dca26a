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

// Dialer reaches servers from elsewhere, as through an SSH host. Its String says
// where that is.
type Dialer interface {
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
	String() string
}

// Connect opens a connection to address: "host:port", "unix:/path", or where
// Options allow it "exec:command". That no connection could be made is an Error
// of kind Dial; with Options.TLS the handshake is done too and has kinds of its
// own. The greeting is owed.
func Connect(ctx context.Context, address string, opts Options) (*Conn, error) {
	if IsCommand(address) && opts.Commands == nil {
		return nil, &Error{Op: "connect", Addr: address, Kind: Misuse, Msg: "nothing was run: the target is a command, and those are run with --allow exec only"}
	}
	if opts.At.IsValid() && (IsCommand(address) || strings.HasPrefix(address, "unix:")) {
		return nil, &Error{Op: "connect", Addr: address, Kind: Misuse, Msg: "no connection was made: " + address + " has no IP address"}
	}
	if IsCommand(address) && opts.Via != nil {
		return nil, &Error{Op: "connect", Addr: address, Kind: Misuse, Msg: "nothing was run: a command runs on this machine, and with --via connections come from another"}
	}
	nc, err := opts.dial(ctx, address)
	var own *Error
	switch {
	case err == nil:
		return Over(ctx, nc, address, opts)
	case ctx.Err() != nil:
		return nil, interrupted(ctx, "connect")
	case errors.As(err, &own):
		return nil, own
	case errors.Is(err, syscall.ECONNRESET):
		// A refused connection is refused otherwise: this one was made, and
		// the reset came before anybody looked.
		return Over(ctx, lost{}, address, opts)
	}
	msg := "no connection to " + address
	if opts.At.IsValid() {
		msg += " at " + opts.At.String()
	}
	return nil, &Error{Op: "connect", Addr: address, Kind: Dial, Msg: msg, Err: dialCause(err)}
}

// dial makes the connection below SMTP.
func (o *Options) dial(ctx context.Context, address string) (nc net.Conn, err error) {
	network, addr := "tcp", address
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, addr = "unix", path
	}
	if o.Via == nil && o.Source == "" && !o.At.IsValid() && !IsCommand(address) {
		if nc := dialNear(addr); nc != nil { // which does not wait
			return nc, nil
		}
	}
	o.wait(func() { nc, err = o.dialFar(ctx, network, addr, address) })
	return nc, err
}

// dialFar makes connections that take their time.
func (o *Options) dialFar(ctx context.Context, network, addr, address string) (net.Conn, error) {
	if IsCommand(address) {
		return o.Commands.start(address)
	}
	way, err := o.way(network)
	if err != nil {
		return nil, &Error{Op: "connect", Addr: address, Kind: Misuse, Msg: err.Error()}
	}
	if o.At.IsValid() {
		_, port, _ := net.SplitHostPort(addr)
		return way(ctx, network, net.JoinHostPort(o.At.String(), port))
	}
	host, port, err := net.SplitHostPort(addr)
	if network == "unix" || err != nil || !o.Resolver.Given() {
		return way(ctx, network, addr)
	}
	found, err := o.Resolver.Addresses(ctx, host)
	if err != nil {
		return nil, err
	}
	for _, ip := range found {
		var nc net.Conn
		if nc, err = way(ctx, network, net.JoinHostPort(ip.String(), port)); err == nil || ctx.Err() != nil {
			return nc, err
		}
	}
	return nil, err
}

// way is how a connection is made: through another host, or from here.
func (o *Options) way(network string) (func(ctx context.Context, network, address string) (net.Conn, error), error) {
	limit := orDefault(o.Timeout, DefaultTimeout)
	if o.Via != nil {
		return func(ctx context.Context, network, address string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, limit)
			defer cancel()
			return o.Via.DialContext(ctx, network, address)
		}, nil
	}
	var source net.Addr
	if o.Source != "" && network == "tcp" {
		ip := net.ParseIP(strings.Trim(o.Source, "[]"))
		if ip == nil {
			return nil, fmt.Errorf("the source %q is no IP address", o.Source)
		}
		source = &net.TCPAddr{IP: ip}
	}
	// Not DialTCP: it binds first, where the kernel would find a free port by both
	// ends, and in a long run of conversations there are none left.
	return (&net.Dialer{Timeout: limit, KeepAlive: -1, LocalAddr: source}).DialContext, nil
}

// dialCause is the reason of a failed dial without the address, which the
// message names already.
func dialCause(err error) error {
	if op, ok := err.(*net.OpError); ok && op.Err != nil {
		return op.Err
	}
	return err
}

// peerName is the address that was reached: what a name resolved to is a fact
// of the conversation.
func (o *Options) peerName(nc net.Conn, address string) string {
	if o.At.IsValid() && nc.RemoteAddr() != nil {
		return nc.RemoteAddr().String()
	}
	if to, err := netip.ParseAddrPort(address); err == nil && !to.Addr().Is4In6() {
		return address // it is one in figures already
	}
	if strings.HasPrefix(address, "unix:") || IsCommand(address) || nc.RemoteAddr() == nil || nc.RemoteAddr().Network() == "pipe" {
		return address
	}
	return nc.RemoteAddr().String()
}

func hostOf(address string) string {
	if strings.HasPrefix(address, "unix:") || IsCommand(address) {
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
