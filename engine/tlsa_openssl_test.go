package engine_test

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"smtplay/engine"
	"smtplay/engine/server"
)

// TLSA records are judged as OpenSSL judges them, by which mail servers go.
func TestTLSAAsOpenSSL(t *testing.T) {
	program, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("there is no openssl")
	}
	const host = "mail.example.com"
	now := time.Now()
	authority := func(o server.AuthorityOptions) *server.Authority {
		o.NotBefore = now.Add(-72 * time.Hour)
		ca, err := server.MakeCA(o)
		if err != nil {
			t.Fatal(err)
		}
		return ca
	}
	root := authority(server.AuthorityOptions{})
	between := authority(server.AuthorityOptions{Issuer: root})
	stranger := authority(server.AuthorityOptions{CommonName: "Stranger CA", Key: server.RSA2048})
	issue := func(o server.CertificateOptions) *server.Certificate {
		if o.Names == nil {
			o.Names = []string{host}
		}
		return made(t, o)
	}
	good := issue(server.CertificateOptions{Issuer: between})
	expired := issue(server.CertificateOptions{Issuer: between, NotBefore: now.Add(-48 * time.Hour), NotAfter: now.Add(-time.Hour)})
	elsewhere := issue(server.CertificateOptions{Issuer: between, Names: []string{"x.example.net"}})
	own := issue(server.CertificateOptions{})
	strangers := issue(server.CertificateOptions{Issuer: between})
	strangers.TLS.Certificate = append(slices.Clone(strangers.TLS.Certificate), stranger.Certificate.Raw)
	alone := issue(server.CertificateOptions{Issuer: between, OmitIntermediate: true})
	of := func(kind string, der []byte) string {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		data := cert.Raw
		if kind[2] == '1' {
			data = cert.RawSubjectPublicKeyInfo
		}
		if kind[4] == '1' {
			sum := sha256.Sum256(data)
			data = sum[:]
		}
		return kind + " " + hex.EncodeToString(data)
	}
	leaf := func(c *server.Certificate) []byte { return c.TLS.Certificate[0] }
	other := strings.Repeat("ab", 32)
	for _, row := range []struct {
		reason  string
		cert    *server.Certificate
		records []string
		fits    bool
	}{
		{"its key", good, []string{of("3 1 1", leaf(good))}, true},
		{"itself", good, []string{of("3 0 0", leaf(good))}, true},
		{"expired, usage 3", expired, []string{of("3 1 1", leaf(expired))}, true},
		{"another name, usage 3", elsewhere, []string{of("3 1 1", leaf(elsewhere))}, true},
		{"self-signed, usage 3", own, []string{of("3 0 1", leaf(own))}, true},
		{"self-signed, usage 2", own, []string{of("2 0 1", leaf(own))}, false},
		{"another key", good, []string{"3 1 1 " + other}, false},
		{"one of two", good, []string{"3 1 1 " + other, of("3 1 1", leaf(good))}, true},
		{"the weaker digest", good, []string{of("3 1 1", leaf(good)), "3 1 2 " + other + other}, false},
		{"the weaker digest of another selector", good, []string{of("3 1 1", leaf(good)), "3 0 2 " + other + other}, true},
		{"the thing itself beside a digest", good, []string{of("3 1 0", leaf(good)), "3 1 2 " + other + other}, true},
		{"the CA's key", good, []string{of("2 1 1", between.Certificate.Raw)}, true},
		{"the CA's, as the server's own", good, []string{of("3 1 1", between.Certificate.Raw)}, false},
		{"the server's own, as a CA's", good, []string{of("2 1 1", leaf(good))}, false},
		{"expired, usage 2", expired, []string{of("2 1 1", between.Certificate.Raw)}, false},
		{"another name, usage 2", elsewhere, []string{of("2 1 1", between.Certificate.Raw)}, false},
		{"a CA that did not sign", strangers, []string{of("2 1 1", stranger.Certificate.Raw)}, false},
		{"the root, which is not sent", good, []string{of("2 1 1", root.Certificate.Raw)}, false},
		{"the CA, which is not sent", alone, []string{of("2 1 1", between.Certificate.Raw)}, false},
	} {
		t.Run(row.reason, func(t *testing.T) {
			handler := server.Polite{TLS: row.cert.ServerConfig()}.Serve
			k := greeted(t, handler, engine.Options{})
			k.ask("EHLO me", "250")
			k.ask("STARTTLS", "220")
			if err := k.Handshake(k.ctx, engine.TLSOptions{Name: host, NoVerify: true}); err != nil {
				t.Fatal(err)
			}
			want := &engine.TLSAWant{}
			args := []string{"s_client", "-connect", k.Address(), "-starttls", "smtp", "-dane_tlsa_domain", host, "-verify_return_error", "-brief"}
			for _, text := range row.records {
				r, err := engine.ParseTLSA(text)
				if err != nil {
					t.Fatal(err)
				}
				want.Records = append(want.Records, r)
				args = append(args, "-dane_tlsa_rrdata", text)
			}
			short := k.Certificate().Judge(engine.CertificateWant{TLSA: want})
			if (len(short) == 0) != row.fits {
				t.Errorf("%v", short)
			}
			ran := exec.CommandContext(t.Context(), program, append(args, "-dane_ee_no_namechecks")...)
			ran.Stdin = strings.NewReader("quit\r\n")
			out, _ := ran.CombinedOutput()
			if got := strings.Contains(string(out), "Verification: OK"); got != row.fits {
				t.Errorf("openssl says %v:\n%s", got, out)
			}
		})
	}
}
