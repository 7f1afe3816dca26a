package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"smtplay/engine/resolver"
)

// ConnectMX opens a connection to a host that takes mail for a domain. The hosts
// are tried as RFC 5321 5.1 says: by preference, the next one only where no
// connection could be made, and the domain itself where it has no MX. The transcript says which was taken. Certificates are those of
// the host, not of the domain.
func ConnectMX(ctx context.Context, domain, port string, opts Options) (*Conn, error) {
	var hosts []resolver.MX
	var err error
	opts.wait(func() { hosts, err = opts.Resolver.MX(ctx, domain) })
	if err != nil {
		if ctx.Err() != nil {
			return nil, interrupted(ctx, "connect")
		}
		return nil, &Error{Op: "connect", Addr: domain, Kind: Dial, Msg: "no connection: the MX of " + domain + " leads nowhere", Err: err}
	}
	var missed []string
	for i, mx := range hosts {
		address := net.JoinHostPort(mx.Host, port)
		opts.why = fmt.Sprintf("%s is %s%s", mx.Host, place(domain, mx, i, len(hosts)), tried(missed))
		if ip, err := netip.ParseAddr(mx.Host); err == nil {
			missed = append(missed, fmt.Sprintf("%s (an address, where RFC 5321 5.1 wants the name of a host)", ip))
			continue
		}
		conn, err := Connect(ctx, address, opts)
		var e *Error
		if !errors.As(err, &e) || e.Kind != Dial {
			return conn, err
		}
		missed = append(missed, fmt.Sprintf("%s (%v)", mx.Host, e.Err))
	}
	return nil, &Error{Op: "connect", Addr: domain, Kind: Dial, Msg: "no connection to any MX host of " + domain, Err: errors.New(strings.Join(missed, ", "))}
}

// place says what a host is to the domain.
func place(domain string, mx resolver.MX, i, of int) string {
	if mx.Implicit {
		return "the domain itself, which has no MX record (RFC 5321 5.1)"
	}
	which := ""
	if of > 1 {
		which = fmt.Sprintf(" %d of %d", i+1, of)
	}
	return fmt.Sprintf("MX%s of %s, preference %d", which, domain, mx.Preference)
}

func tried(missed []string) string {
	if missed == nil {
		return ""
	}
	return "; no connection to " + strings.Join(missed, ", ")
}
