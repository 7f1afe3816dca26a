package engine

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/pires/go-proxyproto"
)

// Proxy says which client the server is to see, by a PROXY protocol header
// before the first byte of the conversation, TLS included.
type Proxy struct {
	Source      netip.AddrPort // the client; port 0 is our own port
	Destination netip.AddrPort // what the client connected to; the zero value is the peer that we reached
	Version     int            // 1 is the text form, 2 the binary one; 0 is 2
}

// ParseProxy reads both ends, "203.0.113.7:4711", "[2001:db8::7]:4711" or an
// address without a port; destination may be "". They must be of one family.
func ParseProxy(source, destination string, version int) (Proxy, error) {
	p := Proxy{Version: version}
	if version < 0 || version > 2 {
		return p, fmt.Errorf("the PROXY protocol has the versions 1 and 2, not %d", version)
	}
	var err error
	if p.Source, err = parseEnd("source", source, "203.0.113.7:4711"); err != nil {
		return p, err
	}
	if destination == "" {
		return p, nil
	}
	if p.Destination, err = parseEnd("destination", destination, "192.0.2.1:25"); err != nil {
		return p, err
	}
	if p.Destination.Port() == 0 {
		return p, fmt.Errorf("the destination %q of proxy lacks its port: write it as %s", destination, net.JoinHostPort(p.Destination.Addr().String(), "25"))
	}
	if p.Source.Addr().Is4() != p.Destination.Addr().Is4() {
		return p, fmt.Errorf("the source of proxy is %s and its destination %s: one connection has one family", family(p.Source), family(p.Destination))
	}
	return p, nil
}

func parseEnd(what, s, example string) (netip.AddrPort, error) {
	if end, err := netip.ParseAddrPort(s); err == nil && end.Addr().Zone() == "" {
		if end.Port() == 0 {
			return end, fmt.Errorf("the %s %q of proxy has port 0: ports go from 1 to 65535", what, s)
		}
		return netip.AddrPortFrom(end.Addr().Unmap(), end.Port()), nil
	}
	if ip, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil && ip.Zone() == "" {
		return netip.AddrPortFrom(ip.Unmap(), 0), nil
	}
	return netip.AddrPort{}, fmt.Errorf("the %s %q of proxy is no IP address and port, as %s is", what, s, example)
}

func family(end netip.AddrPort) string {
	if end.Addr().Is4() {
		return "IPv4"
	}
	return "IPv6"
}

// introduce sends the header and notes it: it is no part of the conversation,
// and no reply answers it.
func (c *Conn) introduce(ctx context.Context, p Proxy) error {
	if _, gone := c.sock.Conn.(lost); gone {
		return nil // whoever reads next is told
	}
	if !p.Destination.IsValid() {
		peer, ok := c.sock.RemoteAddr().(*net.TCPAddr)
		if !ok {
			return &Error{Op: "connect", Addr: c.addr, Kind: Misuse, Msg: "nothing was sent: proxy needs a destination, for " + c.addr + " is reached by no IP address"}
		}
		p.Destination = netip.AddrPortFrom(peer.AddrPort().Addr().Unmap(), uint16(peer.Port))
	}
	if own, ok := c.sock.LocalAddr().(*net.TCPAddr); ok && p.Source.Port() == 0 {
		p.Source = netip.AddrPortFrom(p.Source.Addr(), uint16(own.Port))
	}
	p.Version = cmp.Or(p.Version, 2)
	header := proxyproto.HeaderProxyFromAddrs(byte(p.Version), net.TCPAddrFromAddrPort(p.Source), net.TCPAddrFromAddrPort(p.Destination))
	b, err := header.Format()
	if err != nil {
		return &Error{Op: "connect", Addr: c.addr, Kind: Misuse, Msg: "nothing was sent: the PROXY header cannot be written", Err: err}
	}
	c.Note("PROXY protocol, version %s: the client is %s, which connected to %s", strconv.Itoa(p.Version), p.Source, p.Destination)
	c.client = net.IP(p.Source.Addr().AsSlice())
	if err := c.watch(ctx); err != nil {
		return err
	}
	c.sock.writeWithin(orDefault(c.opts.Timeout, DefaultTimeout), time.Now())
	if _, err := c.sock.Write(b); err != nil {
		return c.unwritten(ctx, err)
	}
	return nil
}

// Proxied says whether the conversation began with a PROXY header, and nothing
// has shown yet that the server understood it: no EHLO or HELO was accepted.
func (c *Conn) Proxied() bool { return c.opts.Proxy != nil && !c.welcomed }
