package resolver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"smtplay/engine/resolver/resolvertest"
)

const owner = "_25._tcp.mail.example.com"

func sum(digit string) string { return strings.Repeat(digit, 64) }

func at(t *testing.T, addr string) *Resolver {
	t.Helper()
	server, err := ParseServer(addr)
	if err != nil {
		t.Fatal(err)
	}
	return (*Resolver)(nil).Asking(server)
}

// What a resolver answers is a record, its absence, or no verdict, and it is told
// which of them prove something.
func TestTLSA(t *testing.T) {
	record := owner + ". 300 IN TLSA 3 1 1 " + sum("a")
	var many []string
	for i := range 60 {
		many = append(many, owner+". 300 IN TLSA 3 1 1 "+fmt.Sprintf("%064x", i))
	}
	question := func(change func(*dns.Msg)) func(string, *dns.Msg) { return func(_ string, m *dns.Msg) { change(m) } }
	for _, row := range []struct {
		reason  string
		reply   resolvertest.Reply
		records int
		proven  bool // authenticated
		err     string
		fail    bool // SERVFAIL
	}{
		{"authenticated", resolvertest.Reply{Records: []string{record}, Authenticated: true}, 1, true, "", false},
		{"two", resolvertest.Reply{Records: []string{record, owner + ". 300 IN TLSA 2 0 1 " + sum("b")}, Authenticated: true}, 2, true, "", false},
		{"more than UDP holds", resolvertest.Reply{Records: many, Authenticated: true}, 60, true, "", false},
		{"behind an alias", resolvertest.Reply{Records: []string{owner + ". 300 IN CNAME _dane.example.com.", "_DANE.example.com. 300 IN TLSA 3 1 1 " + sum("a")}, Authenticated: true}, 1, true, "", false},
		{"in capitals", resolvertest.Reply{Records: []string{strings.ToUpper(record)}, Authenticated: true}, 1, true, "", false},
		{"of another name", resolvertest.Reply{Records: []string{"_25._tcp.mail.example.net. 300 IN TLSA 3 1 1 " + sum("a")}, Authenticated: true}, 0, true, "", false},
		{"of another type", resolvertest.Reply{Records: []string{owner + ". 300 IN TXT \"3 1 1 " + sum("a") + "\""}, Authenticated: true}, 0, true, "", false},
		{"aliases that go round", resolvertest.Reply{Records: []string{owner + ". 300 IN CNAME a.example.", "a.example. 300 IN CNAME " + owner + "."}, Authenticated: true}, 0, false, "it leads through more than 16 aliases", false},
		{"none", resolvertest.Reply{Authenticated: true}, 0, true, "", false},
		{"no such name", resolvertest.Reply{Authenticated: true, Rcode: dns.RcodeNameError}, 0, true, "", false},
		{"no such name, and yet a record", resolvertest.Reply{Records: []string{record}, Authenticated: true, Rcode: dns.RcodeNameError}, 0, true, "", false},
		{"not authenticated", resolvertest.Reply{Records: []string{record}}, 1, false, "", false},
		{"none, not authenticated", resolvertest.Reply{}, 0, false, "", false},
		{"SERVFAIL", resolvertest.Reply{Rcode: dns.RcodeServerFailure}, 0, false, "was asked for " + owner + " TLSA: it answered SERVFAIL", true},
		{"SERVFAIL, with records that are called authentic", resolvertest.Reply{Records: []string{record}, Authenticated: true, Rcode: dns.RcodeServerFailure}, 0, false, "it answered SERVFAIL", true},
		{"SERVFAIL for a bogus signature", resolvertest.Reply{Rcode: dns.RcodeServerFailure, Why: dns.ExtendedErrorCodeDNSBogus}, 0, false, "(DNSSEC Bogus)", true},
		{"refused", resolvertest.Reply{Rcode: dns.RcodeRefused}, 0, false, "it answered REFUSED", false},
		{"a code that is none", resolvertest.Reply{Rcode: 14}, 0, false, "it answered with the code 14", false},
		{"the answer to another name", resolvertest.Reply{Records: []string{record}, Authenticated: true, Alter: question(func(m *dns.Msg) { m.Question[0].Name = "x.example." })}, 0, false, "answers another question", false},
		{"the answer to another type", resolvertest.Reply{Records: []string{record}, Authenticated: true, Alter: question(func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeTXT })}, 0, false, "answers another question", false},
		{"no question in it", resolvertest.Reply{Records: []string{record}, Authenticated: true, Alter: question(func(m *dns.Msg) { m.Question = nil })}, 0, false, "answers another question", false},
		{"a question sent back", resolvertest.Reply{Records: []string{record}, Authenticated: true, Alter: question(func(m *dns.Msg) { m.Response = false })}, 0, false, "what came is no answer", false},
		{"cut off by TCP too", resolvertest.Reply{Authenticated: true, Alter: question(func(m *dns.Msg) { m.Truncated = true })}, 0, false, "what came by TCP is cut off", false},
		{"cut off by UDP alone", resolvertest.Reply{Records: []string{record}, Authenticated: true, Alter: func(network string, m *dns.Msg) {
			if network == "udp" {
				m.Truncated, m.Answer = true, nil
			}
		}}, 1, true, "", false},
		{"cut off, and then not authenticated", resolvertest.Reply{Records: []string{record}, Authenticated: true, Alter: func(network string, m *dns.Msg) {
			m.Truncated, m.AuthenticatedData = network == "udp", network == "udp"
		}}, 1, false, "", false},
	} {
		t.Run(row.reason, func(t *testing.T) {
			t.Parallel()
			addr := resolvertest.Start(t, func(q dns.Question) resolvertest.Reply {
				if q.Name != owner+"." || q.Qtype != dns.TypeTLSA {
					t.Errorf("asked for %v", q)
				}
				return row.reply
			})
			records, proven, err := at(t, addr).TLSA(t.Context(), owner)
			if len(records) != row.records || proven != row.proven {
				t.Errorf("%v, authenticated %v", records, proven)
			}
			var e *Error
			switch {
			case row.err == "" && err != nil:
				t.Error(err)
			case row.err != "" && (!errors.As(err, &e) || !strings.Contains(err.Error(), row.err) || e.ServFail != row.fail):
				t.Errorf("%v, want %q", err, row.err)
			}
		})
	}
}

// An alias that a resolver did not follow is followed, and what is at its end is
// authenticated where every answer on the way is.
func TestTLSABehindAliases(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		reason             string
		alias, end, proven bool
	}{
		{"all of it", true, true, true},
		{"not the alias", false, true, false},
		{"not the end", true, false, false},
	} {
		addr := resolvertest.Start(t, func(q dns.Question) resolvertest.Reply {
			if q.Name == owner+"." {
				return resolvertest.Reply{Records: []string{owner + ". CNAME _dane.example.com."}, Authenticated: row.alias}
			}
			return resolvertest.Reply{Records: []string{q.Name + " TLSA 3 1 1 " + sum("a")}, Authenticated: row.end}
		})
		if records, proven, err := at(t, addr).TLSA(t.Context(), owner); err != nil || len(records) != 1 || proven != row.proven {
			t.Errorf("%s: %v, authenticated %v, %v", row.reason, records, proven, err)
		}
	}
}

// Whoever names no resolver asks nobody; whoever gives a way asks by it alone.
func TestTLSAWay(t *testing.T) {
	t.Parallel()
	for _, r := range []*Resolver{nil, {}} {
		if _, _, err := r.TLSA(t.Context(), owner); err == nil || !strings.Contains(err.Error(), "none is") {
			t.Error(err)
		}
	}
	addr := resolvertest.Start(t, func(dns.Question) resolvertest.Reply {
		return resolvertest.Reply{Records: []string{owner + ". TLSA 3 1 1 " + sum("a")}, Authenticated: true, Alter: func(network string, m *dns.Msg) {
			if network == "udp" {
				t.Error("asked by UDP")
			}
		}}
	})
	dialled := ""
	r := (&Resolver{Server: "127.0.0.1:1", Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		dialled += network + " " + address
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}).Asking(addr)
	if records, proven, err := r.TLSA(t.Context(), owner); err != nil || len(records) != 1 || !proven || dialled != "tcp "+addr {
		t.Errorf("%v, %v, %v, dialled %s", records, proven, err, dialled)
	}
	r.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("the way is closed") }
	if _, _, err := r.TLSA(t.Context(), owner); err == nil || !strings.Contains(err.Error(), "it cannot be reached: the way is closed") {
		t.Error(err)
	}
}

// Nobody waits for a resolver for ever.
func TestSilence(t *testing.T) {
	t.Parallel()
	addr := resolvertest.Start(t, func(dns.Question) resolvertest.Reply { return resolvertest.Reply{Silent: true} })
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, _, err := at(t, addr).TLSA(ctx, owner); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	began := time.Now()
	ctx, stop := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, stop)
	if _, _, err := at(t, addr).TLSA(ctx, owner); !errors.Is(err, context.Canceled) || time.Since(began) > tryTimeout {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
	if tries*tryTimeout > Timeout {
		t.Error("the tries do not fit")
	}
}

// A resolver that is not there is told as such, and not taken for a mail server.
func TestNobody(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := conn.LocalAddr().String()
	conn.Close()
	if _, _, err := at(t, addr).TLSA(t.Context(), owner); err == nil || !strings.Contains(err.Error(), "it cannot be reached: ") || errors.Is(err, syscall.ECONNREFUSED) {
		t.Error(err)
	}
}

func TestParseServer(t *testing.T) {
	for text, want := range map[string]string{
		"127.0.0.1:53": "127.0.0.1:53", "127.0.0.1": "127.0.0.1:53", "127.0.0.1:5353": "127.0.0.1:5353", "[::1]:5353": "[::1]:5353", "::1": "[::1]:53", "[::1]": "[::1]:53",
		"localhost": "", "localhost:53": "", "dns.example": "", "": "", ":53": "", "127.0.0.1:0": "", "127.0.0.1:x": "", "1.2.3": "", "1.2.3.4.5": "",
	} {
		got, err := ParseServer(text)
		if (err == nil) != (want != "") || got != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for server, local := range map[string]bool{"127.0.0.1": true, "::1": true, "127.3.2.1:5353": true, "::ffff:127.0.0.1": true, "192.0.2.1": false, "": false} {
		if (*Resolver)(nil).Asking(server).Local() != local {
			t.Errorf("%q is local: %v", server, !local)
		}
	}
}

func TestCheckName(t *testing.T) {
	for name, good := range map[string]bool{
		"mail.example.com": true, "mail.example.com.": true, "xn--mller-kva.example": true, "localhost": true,
		"": false, ".": false, "mail..example": false, "127.0.0.1": false, "::1": false, "müller.example": false, "a b.example": false, "a\\032b.example": false,
		"-a.example": false, "a-.example": false, strings.Repeat("a", 64) + ".example": false, strings.Repeat("a.", 125) + "example": false,
	} {
		if err := CheckName(name); (err == nil) != good {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// Whatever comes, an answer to a question is of it alone.
func FuzzFollow(f *testing.F) {
	m := new(dns.Msg)
	m.SetQuestion(owner+".", dns.TypeTLSA)
	for _, text := range []string{owner + ". 300 IN CNAME a.example.", "a.example. 300 IN TLSA 3 1 1 aa"} {
		rr, err := dns.NewRR(text)
		if err != nil {
			f.Fatal(err)
		}
		m.Answer = append(m.Answer, rr)
	}
	packed, err := m.Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(packed)
	asked := m.Question[0]
	f.Fuzz(func(t *testing.T, b []byte) {
		var reply dns.Msg
		if reply.Unpack(b) != nil {
			return
		}
		found, _, passed := follow(reply.Answer, asked)
		if passed > maxAliases+1 {
			t.Errorf("%d aliases", passed)
		}
		for _, rr := range found {
			if _, ok := rr.(*dns.TLSA); !ok {
				t.Errorf("%T", rr)
			}
		}
	})
}
