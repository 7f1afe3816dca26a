package dsl

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"

	"smtplay/engine/resolver"
	"smtplay/engine/resolver/resolvertest"
	"smtplay/engine/server"
	"smtplay/engine/suite"
)

// TLSA records that are written down, and those that a resolver has, are judged
// against what a handshake showed.
func TestTLSA(t *testing.T) {
	other := strings.Repeat("ab", 32)
	const ehlo = "ehlo(); starttls()\n"
	for _, c := range []struct {
		reason string
		script string // RESOLVER and PORT, and RIGHT, the SHA-256 of the key, stand for those that are there
		reply  resolvertest.Reply
		asked  string // the name that the resolver was asked for; "" for nothing
		want   string
		got    string
		says   string // the transcript
	}{
		{"a record", ehlo + "expect_certificate{ tlsa = '3 1 1 RIGHT' }; expect_certificate{ tlsa = '3 1 1 ' .. certificate().spki }; expect_certificate{ tlsa = '3 0 1 ' .. certificate().sha256 }", resolvertest.Reply{}, "", "", "", ""},
		{"one of two", ehlo + "expect_certificate{ tlsa = { '3 1 1 " + other + "', '3 1 1 RIGHT' } }", resolvertest.Reply{}, "", "", "", ""},
		{"the CA's", ehlo + "expect_certificate{ tlsa = '2 1 1 ' .. certificate().chain[2].spki }", resolvertest.Reply{}, "", "", "", ""},
		{"another record", ehlo + "expect_certificate{ tlsa = '3 1 1 " + other + "' } --! failed: falls short in tlsa", resolvertest.Reply{}, "", "tlsa: 3 1 1 " + other + ": of another certificate", "tlsa: served is 3 1 1 RIGHT", ""},
		{"beside another fault", ehlo + "expect_certificate{ tlsa = '3 1 1 " + other + "', self_signed = true } --! failed: falls short in self_signed, tlsa", resolvertest.Reply{}, "", "", "", ""},
		{"a record that is none", ehlo + "local r = '3 1 1 abcd'; expect_certificate{ tlsa = r } --! error: tlsa: the TLSA record \"3 1 1 abcd\": matching type 1 is SHA-256", resolvertest.Reply{}, "", "", "", ""},
		{"an empty list", ehlo + "local r = {}; expect_certificate{ tlsa = r } --! error: tlsa of expect_certificate is empty", resolvertest.Reply{}, "", "", "", ""},
		{"an empty record in a list", ehlo + "local r = ''; expect_certificate{ tlsa = { '3 1 1 RIGHT', r } } --! error: tlsa of expect_certificate is empty", resolvertest.Reply{}, "", "", "", ""},
		{"no record", ehlo + "local r = true; expect_certificate{ tlsa = r } --! error: tlsa of expect_certificate is a string, not a boolean", resolvertest.Reply{}, "", "", "", ""},
		{"in clear", "ehlo()\nexpect_certificate{ tlsa = { resolver = 'RESOLVER' } } --! failed: the connection is in clear", resolvertest.Reply{}, "", "", "", ""},

		{"looked up", ehlo + "expect_certificate{ tlsa = { resolver = 'RESOLVER' } }", resolvertest.Reply{Authenticated: true, Records: []string{"OWNER. 60 IN TLSA 3 1 1 RIGHT"}}, "_PORT._tcp.mail.example.com.", "", "", "_PORT._tcp.mail.example.com TLSA: 3 1 1 RIGHT, says RESOLVER, authenticated"},
		{"looked up for another name and port", ehlo + "expect_certificate{ tlsa = { resolver = 'RESOLVER', name = 'mx.example.net.', port = 25 } }", resolvertest.Reply{Authenticated: true, Records: []string{"OWNER. 60 IN TLSA 3 1 1 RIGHT"}}, "_25._tcp.mx.example.net.", "", "", ""},
		{"with a CA's record the certificate is for that name", ehlo + "expect_certificate{ tlsa = { resolver = 'RESOLVER', name = 'mx.example.net.', port = 25 } } --! failed: falls short in tlsa", resolvertest.Reply{Authenticated: true, Records: []string{"OWNER. 60 IN TLSA 2 1 1 ABOVE"}}, "_25._tcp.mx.example.net.",
			"_25._tcp.mx.example.net TLSA 2 1 1 ABOVE: it is of CN=Scripted Intermediate CA, which is sent, but the certificate is for mail.example.com, not for mx.example.net", "served is 2 1 1 ABOVE (CN=Scripted Intermediate CA)", ""},
		{"another one is there", ehlo + "expect_certificate{ tlsa = { resolver = 'RESOLVER' } } --! failed: falls short in tlsa", resolvertest.Reply{Authenticated: true, Records: []string{"OWNER. 60 IN TLSA 3 1 1 " + other}}, "_PORT._tcp.mail.example.com.",
			"tlsa: _PORT._tcp.mail.example.com TLSA 3 1 1 " + other + ": of another certificate", "tlsa: served is 3 1 1 RIGHT", ""},
		{"none is there", ehlo + "expect_certificate{ tlsa = { resolver = 'RESOLVER' } } --! failed: falls short in tlsa", resolvertest.Reply{Authenticated: true, Rcode: dns.RcodeNameError}, "_PORT._tcp.mail.example.com.",
			"tlsa: _PORT._tcp.mail.example.com TLSA 3 1 1 RIGHT", "tlsa: there is no TLSA record", "there is none, says RESOLVER"},
		{"not authenticated", ehlo + "expect_certificate{ tlsa = { resolver = 'RESOLVER' } } --! failed: falls short in tlsa", resolvertest.Reply{Records: []string{"OWNER. 60 IN TLSA 3 1 1 RIGHT"}}, "_PORT._tcp.mail.example.com.",
			"an authenticated record, as 3 1 1 RIGHT", "what it says, 3 1 1 RIGHT, proves nothing: the answer of RESOLVER is not authenticated", "proves nothing"},
		{"of a usage that SMTP has not", ehlo + "expect_certificate{ tlsa = { resolver = 'RESOLVER' } } --! failed: falls short in tlsa", resolvertest.Reply{Authenticated: true, Records: []string{"OWNER. 60 IN TLSA 1 1 1 RIGHT"}}, "_PORT._tcp.mail.example.com.", "usage 1 (PKIX-EE) is not used by SMTP (RFC 7672 3.1.3)", "3 1 1 RIGHT", ""},
		{"SERVFAIL", ehlo + "expect_certificate{ tlsa = { resolver = 'RESOLVER' } } --! failed: falls short in tlsa", resolvertest.Reply{Rcode: dns.RcodeServerFailure}, "_PORT._tcp.mail.example.com.", "an authenticated record", "it answered SERVFAIL", ""},
		{"refused", ehlo + "expect_certificate{ tlsa = { resolver = 'RESOLVER' } } --! error: the resolver RESOLVER was asked for _PORT._tcp.mail.example.com TLSA: it answered REFUSED", resolvertest.Reply{Rcode: dns.RcodeRefused}, "_PORT._tcp.mail.example.com.", "", "", ""},
		{"refused, and the certificate falls short besides", ehlo + "expect_certificate{ tlsa = { resolver = 'RESOLVER' }, self_signed = true } --! failed: falls short in self_signed, tlsa", resolvertest.Reply{Rcode: dns.RcodeRefused}, "_PORT._tcp.mail.example.com.", "", "it answered REFUSED", ""},
		{"an attempt outlives a resolver that refuses", ehlo + "local held, f = attempt(function() expect_certificate{ tlsa = { resolver = 'RESOLVER' } } end); assert(not held and f.message:find('REFUSED'))", resolvertest.Reply{Rcode: dns.RcodeRefused}, "_PORT._tcp.mail.example.com.", "", "", ""},
		{"a resolver that is none", ehlo + "local r = 'localhost'; expect_certificate{ tlsa = { resolver = r } } --! error: tlsa: \"localhost\" is no resolver", resolvertest.Reply{}, "", "", "", ""},
		{"no resolver", ehlo + "local r; expect_certificate{ tlsa = { resolver = r, port = 25 } } --! error: without that nobody is asked", resolvertest.Reply{}, "", "", "", ""},
		{"an option that is none", ehlo + "local t = { resolver = 'RESOLVER', prt = 25 }; expect_certificate{ tlsa = t } --! error: tlsa has no option \"prt\": did you mean \"port\"?", resolvertest.Reply{}, "", "", "", ""},
		{"what a metatable adds", ehlo + "local t = setmetatable({ port = 25 }, { __index = { resolver = 'RESOLVER' } }); expect_certificate{ tlsa = t } --! error: not one with a metatable", resolvertest.Reply{}, "", "", "", ""},
		{"an address has no records", "ehlo(); starttls{ name = '127.0.0.1', verify = false }\nexpect_certificate{ tlsa = { resolver = 'RESOLVER' } } --! error: tlsa: 127.0.0.1 is an address, and no name; name = ", resolvertest.Reply{}, "", "", "", ""},
		{"no port", ehlo + "local p = 65536; expect_certificate{ tlsa = { resolver = 'RESOLVER', port = p } } --! error: tlsa: port is a number from 1 to 65535, not 65536", resolvertest.Reply{}, "", "", "", ""},
		{"a secret is asked of nobody", ehlo + "expect_certificate{ tlsa = { resolver = 'RESOLVER', name = secret('word') .. '.example.com' } } --! error: nobody was asked: the name holds the secret \"word\"", resolvertest.Reply{}, "", "", "", ""},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			b, made := issued(t, server.CertificateOptions{}, nil)
			sum := sha256.Sum256(made.TLS.Leaf.RawSubjectPublicKeyInfo)
			_, port, _ := strings.Cut(b.server.Addr(), ":")
			fill := strings.NewReplacer("RIGHT", hex.EncodeToString(sum[:]), "PORT", port, "ABOVE", spkiOf(t, made.TLS.Certificate[1]))
			var asked atomic.Value
			asked.Store("")
			at := resolvertest.Start(t, func(q dns.Question) resolvertest.Reply {
				asked.Store(q.Name)
				reply := c.reply
				reply.Records = nil
				for _, r := range c.reply.Records {
					reply.Records = append(reply.Records, strings.Replace(fill.Replace(r), "OWNER.", q.Name, 1))
				}
				return reply
			})
			resolve := func(s string) string { return fill.Replace(strings.ReplaceAll(s, "RESOLVER", at)) }
			b.env.Secrets["word"] = "hunter2hunter2"
			b.env.Redact.Add("word", "hunter2hunter2")
			script := resolve(c.script)
			r := b.try(t, script)[0]
			checkVerdict(t, r, script)
			if got := asked.Load(); got != resolve(c.asked) {
				t.Errorf("asked for %q, want %q", got, resolve(c.asked))
			}
			if f := r.Failure; f != nil && (!strings.Contains(f.Want, resolve(c.want)) || !strings.Contains(f.Got, resolve(c.got))) {
				t.Errorf("wanted %s\nwant %s\ngot %s\nwant %s", f.Want, resolve(c.want), f.Got, resolve(c.got))
			}
			if text := transcriptOf(r); !strings.Contains(text, resolve(c.says)) {
				t.Errorf("the transcript does not say %s:\n%s", resolve(c.says), text)
			}
		})
	}
}

func spkiOf(t *testing.T, der []byte) string {
	t.Helper()
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(sum[:])
}

// That a resolver is not there is no verdict on the server.
func TestNoResolver(t *testing.T) {
	t.Parallel()
	b, _ := issued(t, server.CertificateOptions{}, nil)
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	r := b.try(t, fmt.Sprintf("ehlo(); starttls()\nexpect_certificate{ tlsa = { resolver = %q } }", conn.LocalAddr().String()))[0]
	if r.Outcome != suite.Errored || !strings.Contains(r.Failure.What, "it cannot be reached") || r.Failure.Pos.Line != 2 {
		t.Errorf("%v %+v", r.Outcome, r.Failure)
	}
}

// The resolver of tlsa is asked by the way that the run goes, and the one that the
// run names is not.
func TestTLSAThrough(t *testing.T) {
	t.Parallel()
	b, made := issued(t, server.CertificateOptions{}, nil)
	sum := sha256.Sum256(made.TLS.Leaf.RawSubjectPublicKeyInfo)
	at := resolvertest.Start(t, func(q dns.Question) resolvertest.Reply {
		return resolvertest.Reply{Authenticated: true, Records: []string{q.Name + " 60 IN TLSA 3 1 1 " + hex.EncodeToString(sum[:])}}
	})
	other, asked := resolvertest.Zone(t)
	var dialled []string
	b.env.Options.Resolver = &resolver.Resolver{Server: other, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		dialled = append(dialled, network+" "+address)
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}
	r := b.try(t, fmt.Sprintf("ehlo(); starttls()\nexpect_certificate{ tlsa = { resolver = %q } }", at))[0]
	if r.Outcome != suite.Passed || asked() != 0 || len(dialled) != 1 || dialled[0] != "tcp "+at {
		t.Errorf("%v %+v, dialled %v, the other was asked %d times", r.Outcome, r.Failure, dialled, asked())
	}
}
