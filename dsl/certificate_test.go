package dsl

import (
	"strings"
	"testing"

	"smtplay/engine"
	"smtplay/engine/server"
)

// authorities are a root that the bench trusts, and a CA below it.
func authorities(t *testing.T) (root, between *server.Authority) {
	t.Helper()
	root, err := server.MakeCA(server.AuthorityOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if between, err = server.MakeCA(server.AuthorityOptions{Issuer: root}); err != nil {
		t.Fatal(err)
	}
	return root, between
}

// issued is a server that shows a certificate of the lower CA's, and a bench
// that trusts the root alone.
func issued(t *testing.T, o server.CertificateOptions, change func(*server.Polite)) (*bench, *server.Certificate) {
	t.Helper()
	root, between := authorities(t)
	o.Issuer = between
	b, made := secured(t, change, o)
	b.env.Options.Security = engine.TLSOptions{Name: "mail.example.com", CA: root.Pool()}
	return b, made
}

// Each key of expect_certificate passes where it should, and says both sides
// where it does not.
func TestCertificateKeys(t *testing.T) {
	for _, c := range []struct {
		reason string
		cert   server.CertificateOptions
		script string
		want   string
		got    string
	}{
		{"chain", server.CertificateOptions{}, "ehlo(); starttls(); expect_certificate{ chain = true }; assert(certificate().missing == nil)", "", ""},
		{"chain, the intermediate not sent", server.CertificateOptions{OmitIntermediate: true}, "ehlo(); starttls{ verify = false }; assert(certificate().missing == 'CN=Scripted Intermediate CA')\n" +
			"expect_certificate{ chain = true } --! failed: falls short in chain",
			"chain: every intermediate CA is sent", "chain: CN=Scripted Intermediate CA, whose certificate was not sent, is no root that is trusted here: most likely an intermediate CA is missing"},
		{"chain, the intermediate not sent, and verification on", server.CertificateOptions{OmitIntermediate: true}, "ehlo()\nstarttls() --! failed: issued by CN=Scripted Intermediate CA, whose certificate was not sent", "", ""},
		{"chain that should lack one", server.CertificateOptions{}, "ehlo(); starttls()\nexpect_certificate{ chain = false } --! failed: falls short in chain",
			"chain: an intermediate CA is missing", "chain: every intermediate CA is sent"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			b, _ := issued(t, c.cert, nil)
			r := b.try(t, c.script)[0]
			checkVerdict(t, r, c.script)
			if f := r.Failure; f != nil && (!strings.Contains(f.Want, c.want) || !strings.Contains(f.Got, c.got)) {
				t.Errorf("wanted %s\nwant %s\ngot %s\nwant %s", f.Want, c.want, f.Got, c.got)
			}
		})
	}
}
