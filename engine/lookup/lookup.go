package lookup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
)

// Resolver asks one DNS server. A nil one, and the zero value, ask the system's
// resolver. It may be used by several goroutines at once.
type Resolver struct {
	// Server is "host:port" of the DNS server; "" is the system's resolver, with
	// its hosts file.
	Server string
	// Dial reaches Server, over TCP, where this machine cannot or should not:
	// nil asks over UDP, and over TCP where the answer is too long for it.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	mu     sync.Mutex
	kept   map[string]answer
	others map[string]*Resolver
}

type answer struct {
	addresses []netip.Addr
	err       error
}

// MX is a host that takes mail for a domain.
type MX struct {
	Host       string // without the final dot
	Preference uint16 // the lowest is tried first
	Implicit   bool   // the domain has no MX record and is its own host (RFC 5321 5.1)
}

// NotFoundError says that the DNS has nothing of that kind under a name.
type NotFoundError struct {
	Name, What string
	Missing    bool // the name itself does not exist
}

func (e *NotFoundError) Error() string {
	if e.Missing {
		return fmt.Sprintf("the DNS has no %s", e.Name)
	}
	return fmt.Sprintf("the DNS has no %s for %s", e.What, e.Name)
}

// NullMXError says that a domain takes no mail at all (RFC 7505).
type NullMXError struct{ Domain string }

func (e *NullMXError) Error() string {
	return fmt.Sprintf("%s takes no mail: its MX is \".\", a null MX (RFC 7505)", e.Domain)
}

// Given says whether a DNS server was named, the system's not being meant.
func (r *Resolver) Given() bool { return r != nil && r.Server != "" }

// Asking is a resolver that asks another server in the same way, and is kept;
// "" is r itself. A port that is missing is 53.
func (r *Resolver) Asking(server string) *Resolver {
	if server == "" {
		return r
	}
	server = withPort(server)
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

// ParseServer says what is wrong with the address of a DNS server: an IP
// address, with a port where it is not 53.
func ParseServer(s string) (string, error) {
	server := withPort(s)
	if end, err := netip.ParseAddrPort(server); err != nil || end.Port() == 0 {
		return "", fmt.Errorf("%q is no DNS server: write its IP address, or 127.0.0.1:5353, [::1]:5353", s)
	}
	return server, nil
}

func withPort(server string) string {
	if _, _, err := net.SplitHostPort(server); err == nil {
		return server
	}
	return net.JoinHostPort(strings.Trim(server, "[]"), "53")
}

// Addresses are the IP addresses of a host: from a server that was named those
// of IPv6 first, from the system in its own order. There is always one where
// there is no error; that one family could not be asked for is an error, for
// half an answer looks like a whole one.
func (r *Resolver) Addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip.Unmap()}, nil
	}
	if r.Given() {
		return r.askAddresses(ctx, host)
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, plain(err, host, "address")
	}
	var all []netip.Addr
	for _, ip := range found {
		if ip = ip.Unmap(); !slices.Contains(all, ip) {
			all = append(all, ip)
		}
	}
	return all, nil
}

// Once is Addresses, asked once: the same host has the same answer ever after,
// so that what depends on it, as the tests of a script do, stays what it is.
func (r *Resolver) Once(ctx context.Context, host string) ([]netip.Addr, error) {
	if r == nil {
		return r.Addresses(ctx, host)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	a, known := r.kept[host]
	if !known {
		if a.addresses, a.err = r.Addresses(ctx, host); ctx.Err() != nil {
			return nil, a.err
		}
		if r.kept == nil {
			r.kept = map[string]answer{}
		}
		r.kept[host] = a
	}
	return slices.Clone(a.addresses), a.err
}

// MX are the hosts that take mail for a domain, in the order in which they are
// to be tried; those of one preference, which RFC 5321 5.1 wants in any order,
// by name, so that two runs do the same. A domain without MX is its own host.
// That it takes no mail at all is a *NullMXError.
func (r *Resolver) MX(ctx context.Context, domain string) ([]MX, error) {
	all, err := r.records(ctx, domain)
	var none *NotFoundError
	if errors.As(err, &none) && !none.Missing {
		// RFC 5321 5.1: an empty list of MXs is an implicit MX of preference 0.
		return []MX{{Host: strings.TrimSuffix(domain, "."), Implicit: true}}, nil
	}
	if err != nil {
		return nil, err
	}
	hosts := slices.DeleteFunc(all, func(m MX) bool { return m.Host == "" })
	if len(hosts) == 0 {
		return nil, &NullMXError{Domain: domain}
	}
	slices.SortStableFunc(hosts, func(a, b MX) int {
		return cmp.Or(cmp.Compare(a.Preference, b.Preference), strings.Compare(a.Host, b.Host))
	})
	return hosts, nil
}

func (r *Resolver) records(ctx context.Context, domain string) ([]MX, error) {
	if r.Given() {
		return r.askMX(ctx, domain)
	}
	// The final dot keeps the system's search list away.
	found, err := net.DefaultResolver.LookupMX(ctx, strings.TrimSuffix(domain, ".")+".")
	if err != nil && len(found) == 0 {
		// The system does not tell a name that is missing from one without MX:
		// where it is missing, its address will be as well.
		return nil, plain(err, domain, "MX")
	}
	var all []MX
	for _, m := range found {
		all = append(all, MX{Host: strings.TrimSuffix(m.Host, "."), Preference: m.Pref})
	}
	return all, nil
}

// plain is an error of package net's in the words of this one.
func plain(err error, name, what string) error {
	var e *net.DNSError
	if errors.As(err, &e) && e.IsNotFound {
		return &NotFoundError{Name: name, What: what}
	}
	return err
}
