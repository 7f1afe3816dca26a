package lookup

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Bounds of what one question may cost, whatever the server does.
const (
	patience = 5 * time.Second // for one answer
	tries    = 2               // of a datagram, which may be lost
	maxChain = 8               // of aliases
	maxHosts = 64              // of a domain, or addresses of a host
	datagram = 1232            // bytes that pass everywhere (DNS flag day 2020)
)

func (r *Resolver) askAddresses(ctx context.Context, host string) ([]netip.Addr, error) {
	var all []netip.Addr
	for _, kind := range []uint16{dns.TypeAAAA, dns.TypeA} {
		found, err := r.ask(ctx, host, kind)
		if err != nil {
			return nil, err
		}
		for _, rr := range found {
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

func (r *Resolver) askMX(ctx context.Context, domain string) ([]MX, error) {
	found, err := r.ask(ctx, domain, dns.TypeMX)
	if err != nil {
		return nil, err
	}
	var all []MX
	for _, rr := range found {
		if mx, ok := rr.(*dns.MX); ok {
			all = append(all, MX{Host: strings.TrimSuffix(mx.Mx, "."), Preference: mx.Preference})
		}
	}
	if len(all) == 0 {
		return nil, &NotFoundError{Name: domain, What: "MX"}
	}
	return all[:min(len(all), maxHosts)], nil
}

// ask asks for the records of a name, through its aliases. None, of a name that
// exists, is no error.
func (r *Resolver) ask(ctx context.Context, name string, kind uint16) ([]dns.RR, error) {
	at := dns.CanonicalName(name)
	for range maxChain {
		reply, err := r.exchange(ctx, at, kind)
		if err != nil {
			return nil, err
		}
		asked := at
		var found []dns.RR
		for range maxChain {
			if found = ofName(reply.Answer, at, kind); len(found) > 0 {
				return found, nil
			}
			alias := ofName(reply.Answer, at, dns.TypeCNAME)
			if len(alias) == 0 {
				break
			}
			at = dns.CanonicalName(alias[0].(*dns.CNAME).Target)
		}
		switch {
		case reply.Rcode == dns.RcodeNameError:
			return nil, &NotFoundError{Name: name, What: dns.TypeToString[kind], Missing: true}
		case at == asked:
			return nil, nil
		} // an alias that the server did not follow
	}
	return nil, fmt.Errorf("the DNS leads from %s through more than %d aliases", name, maxChain)
}

func ofName(all []dns.RR, name string, kind uint16) []dns.RR {
	var found []dns.RR
	for _, rr := range all {
		if h := rr.Header(); h.Rrtype == kind && dns.CanonicalName(h.Name) == name {
			found = append(found, rr)
		}
	}
	return found
}

// exchange asks the server one question.
func (r *Resolver) exchange(ctx context.Context, name string, kind uint16) (*dns.Msg, error) {
	if _, ok := dns.IsDomainName(name); !ok {
		return nil, fmt.Errorf("%q is no name that the DNS can be asked for", name)
	}
	q := new(dns.Msg)
	q.SetQuestion(name, kind)
	q.SetEdns0(datagram, false)
	reply, err := r.send(ctx, q)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, fmt.Errorf("the DNS server %s did not answer within %v", r.Server, patience)
	case err != nil:
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err
		}
		return nil, fmt.Errorf("the DNS server %s: %v", r.Server, err) // not wrapped: it is no fault of the mail server's
	case reply.Rcode != dns.RcodeSuccess && reply.Rcode != dns.RcodeNameError:
		return nil, fmt.Errorf("the DNS server %s answered %s to the question for %s %s", r.Server, dns.RcodeToString[reply.Rcode], dns.TypeToString[kind], name)
	case len(reply.Question) != 1 || dns.CanonicalName(reply.Question[0].Name) != name || reply.Question[0].Qtype != kind:
		return nil, fmt.Errorf("the DNS server %s answered another question than the one for %s %s", r.Server, dns.TypeToString[kind], name)
	}
	return reply, nil
}

// send tries a datagram, then TCP where the answer is cut short.
func (r *Resolver) send(ctx context.Context, q *dns.Msg) (reply *dns.Msg, err error) {
	if r.Dial != nil {
		return r.over(ctx, "tcp", q, patience, r.Dial)
	}
	dial := (&net.Dialer{}).DialContext
	for range tries {
		reply, err = r.over(ctx, "udp", q, patience/tries, dial)
		if err == nil || ctx.Err() != nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
	}
	if err == nil && reply.Truncated {
		return r.over(ctx, "tcp", q, patience, dial)
	}
	return reply, err
}

// over asks over one connection, which the end of ctx closes: the library
// watches its deadline only.
func (r *Resolver) over(ctx context.Context, network string, q *dns.Msg, limit time.Duration, dial func(context.Context, string, string) (net.Conn, error)) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, os.ErrDeadlineExceeded)
	defer cancel()
	nc, err := dial(ctx, network, r.Server)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	defer context.AfterFunc(ctx, func() { nc.Close() })()
	client := &dns.Client{Net: network, Timeout: 2 * limit, UDPSize: datagram}
	reply, _, err := client.ExchangeWithConn(q, &dns.Conn{Conn: nc, UDPSize: datagram})
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return reply, err
}
