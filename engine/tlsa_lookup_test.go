package engine_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"smtplay/engine"
	"smtplay/engine/resolver"
	"smtplay/engine/resolver/resolvertest"
)

// What is not authenticated is no record, and is told as what proves nothing.
func TestLookupTLSA(t *testing.T) {
	t.Parallel()
	const owner = "_25._tcp.mail.example.com"
	record := "3 1 1 " + strings.Repeat("a", 64)
	for _, row := range []struct {
		reason  string
		reply   resolvertest.Reply
		records int
		problem string
		err     string
	}{
		{"authenticated", resolvertest.Reply{Records: []string{owner + ". TLSA " + record}, Authenticated: true}, 1, "", ""},
		{"none", resolvertest.Reply{Authenticated: true}, 0, "", ""},
		{"not authenticated", resolvertest.Reply{Records: []string{owner + ". TLSA " + record}}, 0, "what it says, " + record + ", proves nothing: the answer of 127.0.0.1:", ""},
		{"none, not authenticated", resolvertest.Reply{}, 0, "that there is none proves nothing", ""},
		{"no such name, not authenticated", resolvertest.Reply{Rcode: dns.RcodeNameError}, 0, "that there is none proves nothing", ""},
		{"cut off, and then not authenticated", resolvertest.Reply{Authenticated: true, Alter: func(network string, m *dns.Msg) {
			m.Truncated, m.AuthenticatedData = network == "udp", network == "udp"
		}}, 0, "proves nothing", ""},
		{"SERVFAIL", resolvertest.Reply{Records: []string{owner + ". TLSA " + record}, Authenticated: true, Rcode: dns.RcodeServerFailure}, 0, "", "it answered SERVFAIL"},
	} {
		at := (*resolver.Resolver)(nil).Asking(resolvertest.Start(t, func(dns.Question) resolvertest.Reply { return row.reply }))
		want, err := engine.LookupTLSA(t.Context(), at, owner)
		if len(want.Records) != row.records || want.Owner != owner || (want.Problem == "") != (row.problem == "") || !strings.Contains(want.Problem, row.problem) {
			t.Errorf("%s: %+v", row.reason, want)
		}
		if len(want.Records) == 1 && want.Records[0].String() != record {
			t.Errorf("%s: %v", row.reason, want.Records)
		}
		var failed *resolver.Error
		if (err == nil) != (row.err == "") || err != nil && (!errors.As(err, &failed) || !strings.Contains(err.Error(), row.err)) {
			t.Errorf("%s: %v", row.reason, err)
		}
	}
}
