package resolver

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

// TLSA is what a TLSA record holds (RFC 6698 2.1), whatever it is worth.
type TLSA struct {
	Usage, Selector, Matching uint8
	Data                      []byte
}

// hostName is what a name of a host is made of, and of a service on it.
var hostName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.?$`)
})

// CheckName says why nobody can be asked for the TLSA records of a name.
func CheckName(name string) error {
	if _, err := netip.ParseAddr(name); err == nil {
		return fmt.Errorf("%s is an address, and no name", name)
	}
	if len(name) > 240 || !hostName().MatchString(name) {
		return fmt.Errorf("%q is no name of a host (international ones are written as xn--…)", name)
	}
	return nil
}

// TLSAName is where the TLSA records of a server are (RFC 6698 3).
func TLSAName(host string, port int) string {
	return fmt.Sprintf("_%d._tcp.%s", port, strings.TrimSuffix(host, "."))
}

// TLSA asks for the TLSA records at a name, of a resolver that was named: none,
// whether the name exists or not, is no error. What is not authenticated, which
// is what the resolver says of the whole answer (RFC 4035 3.2.3), proves nothing,
// be it records or that there are none.
func (r *Resolver) TLSA(ctx context.Context, name string) (records []TLSA, authenticated bool, err error) {
	if !r.Given() {
		return nil, false, errors.New("TLSA records are asked of a resolver that is named, and none is")
	}
	said, err := r.ask(ctx, name, dns.TypeTLSA)
	if err != nil {
		return nil, false, err
	}
	for _, rr := range said.records {
		t := rr.(*dns.TLSA) // of the type that was asked for
		data, err := hex.DecodeString(t.Certificate)
		if err != nil {
			return nil, false, r.fault(dns.Question{Name: name, Qtype: dns.TypeTLSA}, unreadable)
		}
		records = append(records, TLSA{Usage: t.Usage, Selector: t.Selector, Matching: t.MatchingType, Data: data})
	}
	return records, said.authenticated, nil
}
