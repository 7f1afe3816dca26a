package scripts_test

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"os"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"smtplay/engine/lab"
	"smtplay/engine/lab/labtest"
	"smtplay/engine/resolver/resolvertest"
	"smtplay/engine/suite"
)

// TestOnDisk: the file that a server serves is the one on disk, until it is
// renewed there and nobody tells the server.
func TestOnDisk(t *testing.T) {
	t.Parallel()
	p := labtest.Private(t, lab.Options{Certificate: lab.Certificate{Issuer: lab.Intermediate}})
	s, runbook := postfixSite(t, p), []string{"certificate-on-disk.lua"}
	before := p.Dir() + "/before.pem"
	served, err := os.ReadFile(p.CertificateFile())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(before, served, 0o644); err != nil {
		t.Fatal(err)
	}
	wantSound(t, s.run(t, runbook, "certificate_file="+p.CertificateFile()))
	if err := p.Reconfigure(t.Context(), func(o *lab.Options) { o.Certificate.Key = lab.RSA2048 }); err != nil {
		t.Fatal(err)
	}
	wantSound(t, s.run(t, runbook, "certificate_file="+p.CertificateFile()))
	for _, r := range s.run(t, runbook, "certificate_file="+before) {
		if f := r.Failure; r.Outcome != suite.Failed || !strings.Contains(f.Want+f.Got, "was the server reloaded?") {
			t.Error(story(r))
		}
	}
}

// TestDANE: the runbook passes for the record of what is served, and for that
// alone, and only where the resolver vouches for it.
func TestDANE(t *testing.T) {
	t.Parallel()
	p := labtest.Private(t, lab.Options{Certificate: lab.Certificate{Issuer: lab.Intermediate}})
	s := postfixSite(t, p)
	sums := keysOf(t, p.CertificateFile())
	const owner = "_25._tcp.maila.example.com. 300 IN TLSA "
	other := strings.Repeat("ab", 32)
	for _, row := range []struct {
		reason  string
		reply   resolvertest.Reply
		outcome suite.Outcome
		says    string
	}{
		{"the server's own", resolvertest.Reply{Records: []string{owner + "3 1 1 " + sums[0]}, Authenticated: true}, suite.Passed, ""},
		{"the CA's", resolvertest.Reply{Records: []string{owner + "2 1 1 " + sums[1]}, Authenticated: true}, suite.Passed, ""},
		{"today's and the next", resolvertest.Reply{Records: []string{owner + "3 1 1 " + other, owner + "3 1 1 " + sums[0]}, Authenticated: true}, suite.Passed, ""},
		{"the next alone", resolvertest.Reply{Records: []string{owner + "3 1 1 " + other}, Authenticated: true}, suite.Failed, "served is 3 1 1 " + sums[0]},
		{"of a zone that is not signed", resolvertest.Reply{Records: []string{owner + "3 1 1 " + sums[0]}}, suite.Failed, "is not authenticated"},
		{"bogus", resolvertest.Reply{Rcode: dns.RcodeServerFailure, Why: dns.ExtendedErrorCodeSignatureExpired}, suite.Failed, "(Signature Expired)"},
		{"refused", resolvertest.Reply{Rcode: dns.RcodeRefused}, suite.Errored, "it answered REFUSED"},
	} {
		t.Run(row.reason, func(t *testing.T) {
			at := resolvertest.Start(t, func(dns.Question) resolvertest.Reply { return row.reply })
			for _, r := range s.run(t, []string{"dane.lua"}, "resolver="+at) {
				if r.Outcome != row.outcome || r.Failure != nil && !strings.Contains(r.Failure.What+r.Failure.Want+r.Failure.Got, row.says) {
					t.Error(story(r))
				}
			}
		})
	}
}

// keysOf are the SHA-256 of the public keys in a PEM file.
func keysOf(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var sums []string
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
		sums = append(sums, hex.EncodeToString(sum[:]))
	}
	return sums
}
