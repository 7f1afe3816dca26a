package resolver

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"smtplay/engine"
)

// TLSAName is where the TLSA records of a server are (RFC 6698 3).
func TLSAName(host string, port int) string {
	return fmt.Sprintf("_%d._tcp.%s", port, strings.TrimSuffix(host, "."))
}

// TLSA asks for the TLSA records at a name. The records of an answer that the
// resolver does not call authentic are none, and Problem says so: whoever can
// forge the certificate can forge them too (RFC 7671 2, RFC 7672 2.2). Where the
// resolver cannot be asked, or says nothing of the name, the error is an *[Error].
func (r Resolver) TLSA(ctx context.Context, name string) (engine.TLSAWant, error) {
	want := engine.TLSAWant{Owner: name}
	answer, err := r.ask(ctx, name, dns.TypeTLSA)
	if err != nil {
		return want, err
	}
	for _, rr := range answer.records {
		t := rr.(*dns.TLSA) // of the type that was asked for
		data, err := hex.DecodeString(t.Certificate)
		if err != nil {
			return want, &Error{Resolver: r.String(), Question: name + " TLSA", Msg: "it sent a record that cannot be read"}
		}
		want.Records = append(want.Records, engine.TLSA{Usage: t.Usage, Selector: t.Selector, Matching: t.MatchingType, Data: data})
	}
	if answer.authenticated {
		return want, nil
	}
	what := "that there is none"
	if len(want.Records) > 0 {
		what = "what it says, " + engine.ListTLSA(want.Records) + ","
	}
	want.Records, want.Problem = nil, fmt.Sprintf("%s proves nothing: the answer of %s is not authenticated (the zone is not signed, or this resolver does not validate)", what, r)
	return want, nil
}
