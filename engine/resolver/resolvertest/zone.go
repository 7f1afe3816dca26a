package resolvertest

import (
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"
)

// Zone serves records as zone files write them. Names that it has no records of
// do not exist; aliases are not followed, and nothing is authenticated.
func Zone(t testing.TB, records ...string) (address string, asked func() int) {
	t.Helper()
	type entry struct {
		text string
		kind uint16
	}
	known := map[string][]entry{}
	for _, text := range records {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		name := dns.CanonicalName(rr.Header().Name)
		known[name] = append(known[name], entry{text, rr.Header().Rrtype})
	}
	var questions atomic.Int64
	return Start(t, func(q dns.Question) Reply {
		questions.Add(1)
		here, exists := known[dns.CanonicalName(q.Name)]
		if !exists {
			return Reply{Rcode: dns.RcodeNameError}
		}
		var reply Reply
		for _, e := range here {
			if e.kind == q.Qtype || e.kind == dns.TypeCNAME {
				reply.Records = append(reply.Records, e.text)
			}
		}
		return reply
	}), func() int { return int(questions.Load()) }
}
