// Package dnstest is the DNS server that tests ask.
package dnstest

import (
	"net"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"
)

// Zone answers from records written as in a zone file, on UDP and TCP of one
// port of loopback. Names that it has no records of do not exist.
func Zone(t testing.TB, records ...string) (address string, asked func() int) {
	t.Helper()
	known := map[string][]dns.RR{}
	for _, text := range records {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		name := dns.CanonicalName(rr.Header().Name)
		known[name] = append(known[name], rr)
	}
	var questions atomic.Int64
	return Serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
		questions.Add(1)
		reply := new(dns.Msg)
		reply.SetReply(q)
		name := dns.CanonicalName(q.Question[0].Name)
		here, exists := known[name]
		if !exists {
			reply.Rcode = dns.RcodeNameError
		}
		for _, rr := range here {
			if rr.Header().Rrtype == q.Question[0].Qtype || rr.Header().Rrtype == dns.TypeCNAME {
				reply.Answer = append(reply.Answer, rr)
			}
		}
		if _, udp := w.RemoteAddr().(*net.UDPAddr); udp {
			reply.Truncate(512)
		}
		_ = w.WriteMsg(reply)
	}), func() int { return int(questions.Load()) }
}

// Serve answers as handler does, on UDP and TCP of one port of loopback.
func Serve(t testing.TB, handler dns.HandlerFunc) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	pc, err := net.ListenPacket("udp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*dns.Server{{Listener: l, Handler: handler}, {PacketConn: pc, Handler: handler}} {
		go func() { _ = s.ActivateAndServe() }()
		t.Cleanup(func() { _ = s.Shutdown() })
	}
	return l.Addr().String()
}
