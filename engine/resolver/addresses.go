package resolver

import (
	"context"
	"net"
	"net/netip"
	"slices"

	"github.com/miekg/dns"
)

// addresses are what a host had when it was asked for.
type addresses struct {
	all []netip.Addr
	err error
}

// Addresses are the IP addresses of a host: from a resolver that was named those
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
		if a.all, a.err = r.Addresses(ctx, host); ctx.Err() != nil {
			return nil, a.err
		}
		if r.kept == nil {
			r.kept = map[string]addresses{}
		}
		r.kept[host] = a
	}
	return slices.Clone(a.all), a.err
}

func (r *Resolver) askAddresses(ctx context.Context, host string) ([]netip.Addr, error) {
	var all []netip.Addr
	for _, kind := range []uint16{dns.TypeAAAA, dns.TypeA} {
		said, err := r.ask(ctx, host, kind)
		switch {
		case err != nil:
			return nil, err
		case said.missing:
			return nil, &NotFoundError{Name: host, What: "address", Missing: true}
		}
		for _, rr := range said.records {
			var ip netip.Addr
			switch rr := rr.(type) {
			case *dns.AAAA:
				ip, _ = netip.AddrFromSlice(rr.AAAA)
			case *dns.A:
				ip, _ = netip.AddrFromSlice(rr.A)
			}
			if ip = ip.Unmap(); ip.IsValid() && !slices.Contains(all, ip) {
				all = append(all, ip)
			}
		}
	}
	if len(all) == 0 {
		return nil, &NotFoundError{Name: host, What: "address"}
	}
	return all[:min(len(all), maxHosts)], nil
}
