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
		{"a name", server.CertificateOptions{}, "ehlo(); starttls(); expect_certificate{ name = 'mail.example.com' }\nexpect_certificate{ name = { 'mail.example.com', 'smtp.example.com' } } --! failed: falls short in name",
			"name: smtp.example.com", "name: mail.example.com"},
		{"names", server.CertificateOptions{Names: []string{"mail.example.com", "smtp.example.com"}}, "ehlo(); starttls(); expect_certificate{ name = { 'mail.example.com', 'smtp.example.com' } }", "", ""},
		{"an empty name in a list", server.CertificateOptions{}, "ehlo(); starttls()\nexpect_certificate{ name = { 'mail.example.com', '' } } --! error: name of expect_certificate is empty", "", ""},
		{"the type of the key", server.CertificateOptions{}, "ehlo(); starttls(); expect_certificate{ key_type = { 'RSA', 'ECDSA' } }; assert(certificate().key.type == 'ECDSA')\nexpect_certificate{ key_type = 'RSA' } --! failed: falls short in key_type",
			"key_type: RSA", "key_type: ECDSA, 256 bits"},
		{"a type of key that is none", server.CertificateOptions{}, "ehlo(); starttls()\nlocal kind = 'ECDA'; expect_certificate{ key_type = kind } --! error: key_type: there is no type of key \"ECDA\": did you mean \"ECDSA\"?", "", ""},
		{"the signature", server.CertificateOptions{}, "ehlo(); starttls(); expect_certificate{ signature_algorithm = 'SHA-256' }; expect_certificate{ signature_algorithm = certificate().signature_algorithm }\nexpect_certificate{ signature_algorithm = 'sha256WithRSAEncryption' } --! failed: falls short in signature_algorithm",
			"signature_algorithm: sha256WithRSAEncryption", "signature_algorithm: ECDSA-SHA256"},
		{"a signature by SHA-1", server.CertificateOptions{SHA1: true}, "ehlo(); starttls{ verify = false }\nexpect_certificate{ signature_algorithm = { 'SHA-256', 'SHA-384' } } --! failed: falls short in signature_algorithm",
			"signature_algorithm: SHA-256 or SHA-384", "signature_algorithm: ECDSA-SHA1: SHA-1 can be forged"},
		{"a lifetime", server.CertificateOptions{}, "ehlo(); starttls(); expect_certificate{ max_lifetime = 91 }; assert(certificate().lifetime == 91)\nexpect_certificate{ max_lifetime = 47 } --! failed: falls short in max_lifetime",
			"max_lifetime: at most 47 days", "max_lifetime: 91 days, from "},
		{"pins", server.CertificateOptions{}, "ehlo(); starttls(); local c = certificate(); expect_certificate{ sha256 = c.sha256, spki = { c.sha256, c.spki } }\nexpect_certificate{ spki = c.sha256 } --! failed: falls short in spki", "spki: ", "spki: "},
		{"a pin that is none", server.CertificateOptions{}, "ehlo(); starttls(); local short = certificate().sha256:sub(1, 40)\nexpect_certificate{ sha256 = short } --! error: that has 64 hexadecimal digits, and this 40, as SHA-1 has", "", ""},
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

// What a server staples comes through a handshake.
func TestStapled(t *testing.T) {
	_, between := authorities(t)
	for _, c := range []struct {
		reason    string
		stapled   bool
		staple    server.StapleOptions
		script    string
		want, got string
	}{
		{"good", true, server.StapleOptions{}, "ehlo(); starttls(); expect_certificate{ ocsp = 'good', must_staple = true }; assert(certificate().ocsp == 'good' and certificate().must_staple)", "", ""},
		{"good, with TLS 1.2", true, server.StapleOptions{Responder: server.ResponderDelegate}, "ehlo(); starttls{ max_version = '1.2' }; expect_certificate{ ocsp = 'good' }", "", ""},
		{"revoked", true, server.StapleOptions{Status: server.StapleRevoked}, "ehlo(); starttls(); expect_certificate{ ocsp = 'revoked' }\nexpect_certificate{ ocsp = 'good' } --! failed: falls short in ocsp", "ocsp: good", "ocsp: revoked on "},
		{"nothing", false, server.StapleOptions{}, "ehlo(); starttls(); expect_certificate{ ocsp = 'none' }\nexpect_certificate{ ocsp = 'good', must_staple = true } --! failed: falls short in must_staple, ocsp",
			"ocsp: good", "ocsp: nothing was stapled, though the certificate demands it"},
		{"not entitled", true, server.StapleOptions{Responder: server.ResponderUnentitled}, "ehlo(); starttls()\nexpect_certificate{ ocsp = 'good' } --! failed: falls short in ocsp", "ocsp: good", "whom the issuer does not let sign"},
		{"a status that is none", false, server.StapleOptions{}, "ehlo(); starttls()\nlocal s = 'god'; expect_certificate{ ocsp = s } --! error: there is no OCSP status \"god\": did you mean \"good\"?", "", ""},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			stapling := func(p *server.Polite) {
				cert := &p.TLS.Certificates[0]
				if !c.stapled {
					return
				}
				var err error
				if cert.OCSPStaple, err = between.Staple(&server.Certificate{TLS: *cert}, c.staple); err != nil {
					t.Error(err)
				}
			}
			b, _ := issued(t, server.CertificateOptions{MustStaple: true}, stapling)
			r := b.try(t, c.script)[0]
			checkVerdict(t, r, c.script)
			if f := r.Failure; f != nil && (!strings.Contains(f.Want, c.want) || !strings.Contains(f.Got, c.got)) {
				t.Errorf("wanted %s, got %s", f.Want, f.Got)
			}
		})
	}
}
