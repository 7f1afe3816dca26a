package resolver_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"smtplay/engine/resolver"
	"smtplay/engine/resolver/resolvertest"
)

func TestMX(t *testing.T) {
	var many []string
	for i := range 100 {
		many = append(many, fmt.Sprintf("many.example. MX %d a-rather-long-name-of-a-host-number-%03d.many.example.", i, i))
	}
	server, _ := resolvertest.Zone(t, append(many,
		"example.com. MX 20 second.example.com.", "example.com. MX 10 zeta.example.com.", "example.com. MX 10 alpha.example.com.",
		"plain.example. A 127.0.0.1",
		"null.example. MX 0 .",
		"odd.example. MX 0 .", "odd.example. MX 10 mail.odd.example.",
		"alias.example. CNAME example.com.",
		"loop.example. CNAME pool.example.", "pool.example. CNAME loop.example.",
		"lost.example. CNAME nowhere.example.",
		"Mixed.Example. MX 5 Mail.Mixed.Example.",
	)...)
	for _, row := range []struct{ reason, domain, want string }{
		{"by preference, then by name", "example.com", "alpha.example.com 10, zeta.example.com 10, second.example.com 20"},
		{"no MX: the domain itself", "plain.example", "plain.example 0 implicit"},
		{"a final dot", "plain.example.", "plain.example 0 implicit"},
		{"a null MX", "null.example", `null.example takes no mail: its MX is ".", a null MX (RFC 7505)`},
		{"a null MX among others is none", "odd.example", "mail.odd.example 10"},
		{"through an alias", "alias.example", "alpha.example.com 10, zeta.example.com 10, second.example.com 20"},
		{"aliases in a circle", "loop.example", "was asked for loop.example MX: it leads through more than 16 aliases"},
		{"an alias that leads nowhere", "lost.example", "the DNS has no lost.example"},
		{"no such domain", "missing.example", "the DNS has no missing.example"},
		{"any case", "MIXED.example", "Mail.Mixed.Example 5"},
		{"no name of a domain", "a..b", `no name that the DNS can be asked for`},
	} {
		got, err := (&resolver.Resolver{Server: server}).MX(t.Context(), row.domain)
		var said []string
		for _, m := range got {
			line := fmt.Sprintf("%s %d", m.Host, m.Preference)
			if m.Implicit {
				line += " implicit"
			}
			said = append(said, line)
		}
		text := strings.Join(said, ", ")
		if err != nil {
			text = err.Error()
		}
		if !strings.Contains(text, row.want) || err == nil && text != row.want {
			t.Errorf("%s: %s, want %s", row.reason, text, row.want)
		}
	}
	got, err := (&resolver.Resolver{Server: server}).MX(t.Context(), "many.example")
	if err != nil || len(got) != 64 || got[63].Preference != 63 {
		t.Errorf("what is too long for a datagram: %d hosts, %v", len(got), err)
	}
	dialled := 0
	over := &resolver.Resolver{Server: server, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		dialled++
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}
	if got, err := over.MX(t.Context(), "example.com"); err != nil || len(got) != 3 || dialled != 1 {
		t.Errorf("through a dialer: %v, %v, dialled %d times", got, err, dialled)
	}
}

func TestAddresses(t *testing.T) {
	server, asked := resolvertest.Zone(t, "dual.example. A 127.0.0.1", "dual.example. AAAA ::1", "dual.example. A 127.0.0.2", "four.example. A 127.0.0.3",
		"none.example. MX 10 four.example.", "alias.example. CNAME dual.example.")
	for _, row := range []struct{ reason, host, want string }{
		{"IPv6 first", "dual.example", "[::1 127.0.0.1 127.0.0.2]"},
		{"one family", "four.example", "[127.0.0.3]"},
		{"an alias", "alias.example", "[::1 127.0.0.1 127.0.0.2]"},
		{"an address is its own", "192.0.2.1", "[192.0.2.1]"},
		{"an address of IPv6", "2001:db8::1", "[2001:db8::1]"},
		{"a name without address", "none.example", "the DNS has no address for none.example"},
		{"no such name", "missing.example", "the DNS has no missing.example"},
	} {
		got, err := (&resolver.Resolver{Server: server}).Addresses(t.Context(), row.host)
		text := fmt.Sprint(got)
		if err != nil {
			text = err.Error()
		}
		if text != row.want {
			t.Errorf("%s: %s, want %s", row.reason, text, row.want)
		}
	}
	r, before := (&resolver.Resolver{}).Asking(server), asked()
	for range 3 {
		if got, err := r.Once(t.Context(), "dual.example"); err != nil || len(got) != 3 {
			t.Errorf("%v, %v", got, err)
		}
	}
	if n := asked() - before; n != 2 {
		t.Errorf("asked %d times, want once for each family", n)
	}
	if again := r.Asking(server); again == r || again.Server != server {
		t.Errorf("%v", again)
	}
	if got, err := (*resolver.Resolver)(nil).Addresses(t.Context(), "localhost"); err != nil || !got[0].IsLoopback() {
		t.Errorf("the system's: %v, %v", got, err)
	}
	if got, err := (*resolver.Resolver)(nil).Asking(server).Addresses(t.Context(), "four.example"); err != nil || got[0] != netip.MustParseAddr("127.0.0.3") {
		t.Errorf("%v, %v", got, err)
	}
}

// What a server may do to whoever asks it.
func TestHostileServers(t *testing.T) {
	answer := func(change func(q dns.Question, reply *dns.Msg)) string {
		return resolvertest.Start(t, func(q dns.Question) resolvertest.Reply {
			return resolvertest.Reply{Alter: func(_ string, m *dns.Msg) { change(q, m) }}
		})
	}
	closed, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for _, row := range []struct{ reason, server, want string }{
		{"it fails", answer(func(_ dns.Question, r *dns.Msg) { r.Rcode = dns.RcodeServerFailure }), "was asked for example.com MX: it answered SERVFAIL"},
		{"it refuses", answer(func(_ dns.Question, r *dns.Msg) { r.Rcode = dns.RcodeRefused }), "answered REFUSED"},
		{"it answers something else", answer(func(_ dns.Question, r *dns.Msg) { r.Question[0].Name = "other.example." }), "answers another question"},
		{"it says nothing is there", closed.LocalAddr().String(), "it cannot be reached: "},
		{"records of other names count for nothing", answer(func(_ dns.Question, r *dns.Msg) {
			rr, _ := dns.NewRR("other.example. MX 1 evil.example.")
			r.Answer = []dns.RR{rr}
		}), ""},
		{"it leads in a circle", answer(func(_ dns.Question, r *dns.Msg) {
			for _, text := range []string{"example.com. CNAME b.example.", "b.example. CNAME example.com."} {
				rr, _ := dns.NewRR(text)
				r.Answer = append(r.Answer, rr)
			}
		}), "more than 16 aliases"},
		{"half of the hosts, by TCP too", answer(func(_ dns.Question, r *dns.Msg) {
			rr, _ := dns.NewRR("example.com. MX 1 half.example.")
			r.Answer, r.Truncated = []dns.RR{rr}, true
		}), "what came by TCP is cut off"},
		{"a record that holds nothing is no null MX", answer(func(_ dns.Question, r *dns.Msg) {
			r.Answer = []dns.RR{&dns.MX{Hdr: dns.RR_Header{Name: "example.com.", Rrtype: dns.TypeMX, Class: dns.ClassINET}}}
		}), "it sent a record that cannot be read"},
		{"hosts of a name that does not exist", answer(func(_ dns.Question, r *dns.Msg) {
			rr, _ := dns.NewRR("example.com. MX 1 evil.example.")
			r.Answer, r.Rcode = []dns.RR{rr}, dns.RcodeNameError
		}), "the DNS has no example.com"},
		{"it leads on for ever", answer(func(q dns.Question, r *dns.Msg) {
			rr, _ := dns.NewRR(q.Name + " CNAME x" + q.Name)
			r.Answer = []dns.RR{rr}
		}), "more than 16 aliases"},
	} {
		got, err := (&resolver.Resolver{Server: row.server}).MX(t.Context(), "example.com")
		if row.want == "" {
			if err != nil || len(got) != 1 || !got[0].Implicit {
				t.Errorf("%s: %v, %v", row.reason, got, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v, want %s", row.reason, err, row.want)
		}
	}
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	stop := errors.New("enough")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, stop)
	defer cancel()
	if _, err := (&resolver.Resolver{Server: silent.LocalAddr().String()}).MX(ctx, "example.com"); !errors.Is(err, stop) {
		t.Errorf("a context that ends: %v", err)
	}
	if _, err := (&resolver.Resolver{Server: silent.LocalAddr().String()}).MX(t.Context(), "example.com"); err == nil || !strings.Contains(err.Error(), "no answer came in time") {
		t.Errorf("silence: %v", err)
	}
}
