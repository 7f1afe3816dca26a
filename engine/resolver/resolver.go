// Package resolver asks the DNS what mail servers ask it: the MX hosts of a
// domain, the addresses of a host, the TLSA records of a server, and texts (TXT). It is a room
// of its own, below package engine, because a script asks without a conversation
// too, and so that nothing else speaks DNS. What it says is always one resolver's
// word: the one that was named, or the system's.
package resolver

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
)

// Resolver asks one DNS resolver. A nil one, and the zero value, ask the system's
// for MX, addresses and TXT, and nobody for anything else. It may be used by several
// goroutines at once.
type Resolver struct {
	// Server is "IP:port", as [ParseServer] gives it; "" is the system's resolver,
	// with its hosts file.
	Server string
	// Dial reaches Server, over TCP, where this machine cannot or should not:
	// nil asks over UDP, and over TCP where the answer is too long for it.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	mu     sync.Mutex
	kept   map[string]addresses
	others map[string]*Resolver
}

// Given says whether a resolver was named, the system's not being meant.
func (r *Resolver) Given() bool { return r != nil && r.Server != "" }

// String is the address and port; "" is the system's.
func (r *Resolver) String() string {
	if r == nil {
		return ""
	}
	return r.Server
}

// Local says that the resolver is on the machine that asks it: this one, or the
// one that Dial asks from. The word of another that an answer is authentic is
// worth what the way to it is.
func (r *Resolver) Local() bool {
	at, err := netip.ParseAddrPort(r.String())
	return err == nil && at.Addr().Unmap().IsLoopback()
}

// Asking is a resolver that asks server, and nobody else, by the same way, and is
// kept; "" is r itself. A port that is missing is 53.
func (r *Resolver) Asking(server string) *Resolver {
	if server == "" {
		return r
	}
	if known, err := ParseServer(server); err == nil {
		server = known
	}
	if r == nil {
		return &Resolver{Server: server}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.others[server] == nil {
		if r.others == nil {
			r.others = map[string]*Resolver{}
		}
		r.others[server] = &Resolver{Server: server, Dial: r.Dial}
	}
	return r.others[server]
}

// ParseServer reads the address of a resolver, an IP address with a port where it
// is not 53, and returns it with the port. A name is none: somebody else would
// have to be asked for it.
func ParseServer(s string) (string, error) {
	if at, err := netip.ParseAddrPort(s); err == nil && at.Port() != 0 {
		return at.String(), nil
	}
	if ip, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")); err == nil {
		return netip.AddrPortFrom(ip, 53).String(), nil
	}
	return "", fmt.Errorf("%q is no resolver: write its IP address, as \"127.0.0.1:53\" or \"[::1]:53\"", s)
}
