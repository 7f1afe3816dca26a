package engine

import (
	"context"
	"fmt"

	"smtplay/engine/resolver"
)

// LookupTLSA asks a resolver that was named for the TLSA records at a name. The
// records of an answer that it does not call authentic are none, and Problem says
// so: whoever can forge the certificate can forge them too (RFC 7671 2, RFC 7672
// 2.2). Where it cannot be asked, or says nothing of the name, the error is a
// *[resolver.Error]; where ctx ends, its cause.
func LookupTLSA(ctx context.Context, at *resolver.Resolver, name string) (TLSAWant, error) {
	want := TLSAWant{Owner: name}
	found, authenticated, err := at.TLSA(ctx, name)
	if err != nil {
		return want, err
	}
	for _, r := range found {
		want.Records = append(want.Records, TLSA(r))
	}
	if authenticated {
		return want, nil
	}
	what := "that there is none"
	if len(want.Records) > 0 {
		what = "what it says, " + ListTLSA(want.Records) + ","
	}
	want.Records, want.Problem = nil, fmt.Sprintf("%s proves nothing: the answer of %s is not authenticated (the zone is not signed, or this resolver does not validate)", what, at)
	return want, nil
}
