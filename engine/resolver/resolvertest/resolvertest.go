// Package resolvertest is a DNS resolver on loopback for tests: it says what it
// is told to, and no more.
package resolvertest

import (
	"net"
	"testing"

	"github.com/miekg/dns"
)

// Reply is what a resolver answers to a question.
type Reply struct {
	Records       []string // as zone files write them, with their names
	Authenticated bool
	Rcode         int    // dns.RcodeServerFailure and so on; 0 is success
	Why           uint16 // an extended error (RFC 8914); 0 for none
	Silent        bool   // no answer at all
	Alter         func(network string, m *dns.Msg)
}

// Start serves answer by UDP and TCP until the test ends, and returns where.
func Start(t testing.TB, answer func(dns.Question) Reply) string {
	t.Helper()
	listener, packets := listen(t)
	for _, s := range []*dns.Server{{Listener: listener}, {PacketConn: packets}} {
		network := "udp"
		if s.Listener != nil {
			network = "tcp"
		}
		s.Handler = dns.HandlerFunc(func(w dns.ResponseWriter, query *dns.Msg) {
			if m := answer(query.Question[0]).message(t, network, query); m != nil {
				_ = w.WriteMsg(m)
			}
		})
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		go func() { _ = s.ActivateAndServe() }()
		<-started
		t.Cleanup(func() { _ = s.Shutdown() })
	}
	return listener.Addr().String()
}

// listen finds a port that is free for both.
func listen(t testing.TB) (net.Listener, net.PacketConn) {
	t.Helper()
	for range 20 {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		packets, err := net.ListenPacket("udp", listener.Addr().String())
		if err == nil {
			return listener, packets
		}
		listener.Close()
	}
	t.Fatal("no port is free for UDP and TCP")
	return nil, nil
}

func (r Reply) message(t testing.TB, network string, query *dns.Msg) *dns.Msg {
	if r.Silent {
		return nil
	}
	m := new(dns.Msg)
	m.SetRcode(query, r.Rcode)
	// A resolver says it to who asks for it alone (RFC 6840 5.7).
	opt := query.IsEdns0()
	m.AuthenticatedData = r.Authenticated && (query.AuthenticatedData || opt != nil && opt.Do())
	for _, text := range r.Records {
		rr, err := dns.NewRR(text)
		if err != nil || rr == nil {
			t.Errorf("record %q: %v", text, err)
			return nil
		}
		m.Answer = append(m.Answer, rr)
	}
	if opt != nil {
		m.SetEdns0(opt.UDPSize(), opt.Do())
		if r.Why != 0 {
			m.IsEdns0().Option = append(m.IsEdns0().Option, &dns.EDNS0_EDE{InfoCode: r.Why})
		}
	}
	if network == "udp" && opt != nil {
		m.Truncate(int(opt.UDPSize()))
	} else if network == "udp" {
		m.Truncate(dns.MinMsgSize)
	}
	if r.Alter != nil {
		r.Alter(network, m)
	}
	return m
}
