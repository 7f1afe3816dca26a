package engine_test

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"strings"
	"testing"

	"smtplay/engine"
	"smtplay/engine/lab"
	"smtplay/engine/lab/labtest"
)

// Postfix with Cyrus SASL lets the user in by each mechanism that it has, and
// refuses a wrong password.
func TestMechanismsOfPostfix(t *testing.T) {
	p := labtest.Private(t, lab.Options{
		Mechanisms: strings.Fields("SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 DIGEST-MD5 PLAIN LOGIN ANONYMOUS"),
		MainCF:     map[string]string{"smtpd_sasl_security_options": ""},
	})
	pem, err := os.ReadFile(p.CertificateFile())
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(pem)
	var k *talk
	over := func(version uint16) *talk {
		if k != nil {
			k.Close() // Postfix has at most fifty of one client
		}
		opts := engine.Options{Security: engine.TLSOptions{Name: lab.Hostname, CA: trusted, MaxVersion: version}}
		k = prepare(t, &opts)
		c, err := engine.Connect(k.ctx, p.Addr("smtp"), opts)
		if err != nil {
			t.Fatal(err)
		}
		k.Conn = c
		k.read("220")
		k.ask("EHLO client.example.org", "250")
		k.ask("STARTTLS", "220")
		if err := k.Handshake(k.ctx, opts.Security); err != nil {
			t.Fatal(err)
		}
		k.ask("EHLO client.example.org", "250")
		return k
	}
	for _, m := range engine.Mechanisms {
		if m.Binds || m.Proof == engine.ByToken || m.Name == "EXTERNAL" {
			continue // which Cyrus does not offer here
		}
		initials := []engine.Initial{engine.InitialUsual, engine.InitialWithheld, engine.InitialSent}
		if m.Opening == engine.ServerFirst {
			initials = initials[:2]
		}
		for _, initial := range initials {
			for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} { // SCRAM says y with 1.3
				k := over(version)
				caps, err := k.Capabilities()
				if err != nil || !caps.Offers("AUTH", m.Name) {
					t.Fatalf("%s is not offered: %v", m.Name, caps)
				}
				right := engine.Credentials{User: lab.User, Password: lab.Password}
				r, err := with(k, m.Name, engine.Login{Credentials: right, Initial: initial})
				if err != nil || r.Code != 235 {
					t.Errorf("%s, %v: %v %v\n%s", m.Name, initial, r, err, k.transcript())
				}
				k.lacks(lab.Password, b64(lab.Password))
				if m.Proof == engine.ByNone {
					continue
				}
				wrong := right
				wrong.Password += "x"
				k = over(version)
				if r, err := with(k, m.Name, engine.Login{Credentials: wrong, Initial: initial}); err != nil || r.Code != 535 {
					t.Errorf("%s, %v, with a wrong password: %v %v\n%s", m.Name, initial, r, err, k.transcript())
				}
			}
		}
		k := over(0)
		if r, err := with(k, m.Name, engine.Login{Cancel: true}); err != nil || r.Code != 501 {
			t.Errorf("%s, cancelled: %v %v\n%s", m.Name, r, err, k.transcript())
		}
	}
}
