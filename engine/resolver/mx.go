package resolver

import (
	"cmp"
	"context"
	"errors"
	"net"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// MX is a host that takes mail for a domain.
type MX struct {
	Host       string // without the final dot
	Preference uint16 // the lowest is tried first
	Implicit   bool   // the domain has no MX record and is its own host (RFC 5321 5.1)
}

// MX are the hosts that take mail for a domain, in the order in which they are
// to be tried; those of one preference, which RFC 5321 5.1 wants in any order,
// by name, so that two runs do the same. A domain without MX is its own host.
// That it takes no mail at all is a *NullMXError.
func (r *Resolver) MX(ctx context.Context, domain string) ([]MX, error) {
	all, err := r.mx(ctx, domain)
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

// mx are the MX records of a domain, of which there is one where there is no error.
func (r *Resolver) mx(ctx context.Context, domain string) ([]MX, error) {
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

func (r *Resolver) askMX(ctx context.Context, domain string) ([]MX, error) {
	said, err := r.ask(ctx, domain, dns.TypeMX)
	switch {
	case err != nil:
		return nil, err
	case len(said.records) == 0:
		return nil, &NotFoundError{Name: domain, What: "MX", Missing: said.missing}
	}
	var all []MX
	for _, rr := range said.records {
		mx := rr.(*dns.MX) // of the type that was asked for
		if mx.Mx == "" {
			return nil, r.fault(dns.Question{Name: domain, Qtype: dns.TypeMX}, unreadable) // no null MX
		}
		all = append(all, MX{Host: strings.TrimSuffix(mx.Mx, "."), Preference: mx.Preference})
	}
	return all[:min(len(all), maxHosts)], nil
}
