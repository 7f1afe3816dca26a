package lab_test

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"smtplay/engine/lab"
	"smtplay/engine/lab/labtest"
)

// The tutorial's "postconf -e smtpd_tls_auth_only=no", and back.
func TestReconfigureAuthInClear(t *testing.T) {
	t.Parallel()
	server := labtest.Private(t, lab.Options{})
	addr := server.Addr("smtp")
	served, err := os.ReadFile(server.CertificateFile())
	if err != nil {
		t.Fatal(err)
	}
	set := func(value string) {
		t.Helper()
		err := server.Reconfigure(t.Context(), func(o *lab.Options) { o.MainCF["smtpd_tls_auth_only"] = value })
		if err != nil {
			t.Fatal(err)
		}
	}
	set("no")
	c := dial(t, addr, nil)
	if ehlo := c.Say("ehlo maila.example.com", "250"); !strings.Contains(ehlo, "250-AUTH PLAIN LOGIN\n250-AUTH=PLAIN LOGIN\n") {
		t.Errorf("AUTH is not offered in clear: %q", ehlo)
	}
	c.Dialogue([][2]string{
		{"auth plain " + goodLogin, "235 2.7.0 Authentication successful"},
		{"mail from:<james@example.org>", "250"},
		{"rcpt to:<james@example.com>", "250"},
	})
	set("yes")
	if server.Addr("smtp") != addr {
		t.Errorf("the address changed from %s to %s", addr, server.Addr("smtp"))
	}
	if now, err := os.ReadFile(server.CertificateFile()); err != nil || string(now) != string(served) {
		t.Errorf("the certificate is another now: %v", err)
	}
	if ehlo := dial(t, addr, nil).Say("ehlo maila.example.com", "250"); strings.Contains(ehlo, "AUTH") {
		t.Errorf("AUTH is still offered in clear: %q", ehlo)
	}
}

// An edit reaches one listener, the users, the mailboxes and the set of listeners too.
func TestReconfigureAll(t *testing.T) {
	t.Parallel()
	server := labtest.Private(t, lab.Options{})
	err := server.Reconfigure(t.Context(), func(o *lab.Options) {
		o.MasterArgs["local"] = []string{"smtpd_banner=$myhostname ESMTP Postfix on another port"}
		o.MasterArgs["smtp"] = []string{"smtpd_tls_auth_only=no"}
		o.Users = map[string]string{"mary@example.net": "secret"}
		o.Mailboxes = append(o.Mailboxes, "mary@example.net")
		o.Listeners = []lab.Listener{{Name: "silent", Settings: []string{"smtpd_discard_ehlo_keywords=dsn, etrn"}}}
	})
	if err != nil {
		t.Fatal(err)
	}
	dial(t, server.Addr("local"), nil).Say("quit", "221")
	c := dial(t, server.Addr("smtp"), nil)
	c.Dialogue([][2]string{
		{"ehlo client.example.org", "250"},
		{"auth plain " + goodLogin, "535"},
		{"mail from:<james@example.org>", "250"},
		{"rcpt to:<mary@example.net>", "250"},
		{"rcpt to:<james@new.example.com>", "250"}, // mary was added
	})
	ehlo := dial(t, server.Addr("silent"), nil).Say("ehlo client.example.org", "250")
	if strings.Contains(ehlo, "DSN") || strings.Contains(ehlo, "ETRN") {
		t.Errorf("a value with blanks did not arrive: %q", ehlo)
	}
}

// What contradicts itself is refused, and the server runs on.
func TestReconfigureRefused(t *testing.T) {
	t.Parallel()
	server := labtest.Private(t, lab.Options{})
	c := dial(t, server.Addr("smtp"), nil)
	err := server.Reconfigure(t.Context(), func(o *lab.Options) { o.MainCF["no name"] = "" })
	if err == nil {
		t.Error("no error")
	}
	c.Say("ehlo client.example.org", "250")

	shared := labtest.ForTest(t, lab.Options{})
	if err := shared.Reconfigure(t.Context(), func(*lab.Options) {}); !errors.Is(err, lab.ErrReadOnly) {
		t.Errorf("the shared server: got error %v, want ErrReadOnly", err)
	}
}

// After a change that Postfix cannot start with, the next brings it back.
func TestReconfigureBack(t *testing.T) {
	t.Parallel()
	server := labtest.Private(t, lab.Options{})
	var failed *lab.StartError
	err := server.Reconfigure(t.Context(), func(o *lab.Options) { o.MainCF["mail_owner"] = "no-such-user" })
	if !errors.As(err, &failed) {
		t.Fatalf("got error %v, want a StartError", err)
	}
	if err := server.Reconfigure(t.Context(), func(o *lab.Options) { delete(o.MainCF, "mail_owner") }); err != nil {
		t.Fatal(err)
	}
	dial(t, server.Addr("smtp"), nil).Say("quit", "221")
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	server := labtest.Private(t, lab.Options{})
	trust := trusting(t, server)
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var hostname x509.HostnameError
	now := time.Now()
	for _, test := range []struct {
		name        string
		certificate lab.Certificate
		want        any // the kind of error, nil for none
		bits, chain int
	}{
		{"good", lab.Certificate{}, nil, 256, 1},
		{"RSA", lab.Certificate{Key: lab.RSA2048}, nil, 2048, 1},
		{"weak", lab.Certificate{Key: lab.RSA1024}, nil, 1024, 1},
		{"self-signed", lab.Certificate{Issuer: lab.Self}, &unknown, 256, 1},
		{"unknown CA", lab.Certificate{Issuer: lab.UnknownCA}, &unknown, 256, 1},
		{"intermediate", lab.Certificate{Issuer: lab.Intermediate}, nil, 256, 2},
		{"intermediate missing", lab.Certificate{Issuer: lab.IntermediateMissing}, &unknown, 256, 1},
		{"expired", lab.Certificate{NotAfter: now.Add(-time.Hour)}, &invalid, 256, 1},
		{"not yet", lab.Certificate{NotBefore: now.Add(time.Hour)}, &invalid, 256, 1},
		{"nearly over", lab.Certificate{NotAfter: now.Add(time.Hour)}, nil, 256, 1},
		{"other name", lab.Certificate{Names: []string{"mail.example.net"}}, &hostname, 256, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := server.Reconfigure(t.Context(), func(o *lab.Options) { o.Certificate = test.certificate })
			if err != nil {
				t.Fatal(err)
			}
			c := dial(t, server.Addr("smtp"), nil)
			c.Say("ehlo client.example.org", "250")
			c.Say("starttls", "220")
			// Finish the handshake in any case, as the certificate is to be looked at.
			secure := tls.Client(c.Conn, &tls.Config{InsecureSkipVerify: true})
			if err := secure.Handshake(); err != nil {
				t.Fatal(err)
			}
			shown := secure.ConnectionState().PeerCertificates
			if len(shown) != test.chain {
				t.Errorf("%d certificates are shown, want %d", len(shown), test.chain)
			}
			if got := bits(shown[0]); got != test.bits {
				t.Errorf("the key has %d bits, want %d", got, test.bits)
			}
			below := x509.NewCertPool()
			for _, cert := range shown[1:] {
				below.AddCert(cert)
			}
			_, err = shown[0].Verify(x509.VerifyOptions{Roots: trust.RootCAs, DNSName: lab.Hostname, Intermediates: below})
			if (test.want == nil && err != nil) || (test.want != nil && !errors.As(err, test.want)) {
				t.Errorf("verification: %v, want %T", err, test.want)
			}
		})
	}
}

// bits is the size of a certificate's key.
func bits(cert *x509.Certificate) int {
	switch key := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		return key.N.BitLen()
	case *ecdsa.PublicKey:
		return key.Params().BitSize
	default:
		return 0
	}
}
