package server_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"testing"

	"smtplay/engine/server"
)

// TestCertificatesNamed: Go's verification finds the flaw that was asked for, and
// nothing but that: all else holds once the flaw is allowed for.
func TestCertificatesNamed(t *testing.T) {
	unknown := func(err error) bool { return errors.As(err, new(x509.UnknownAuthorityError)) }
	invalid := func(reason x509.InvalidReason) func(error) bool {
		return func(err error) bool {
			var e x509.CertificateInvalidError
			return errors.As(err, &e) && e.Reason == reason
		}
	}
	good := func(err error) bool { return err == nil }
	tests := []struct {
		flaw   server.Flaw
		found  func(error) bool
		reason string
	}{
		{server.FlawNone, good, "all of it holds"},
		{server.FlawExpired, invalid(x509.Expired), "Go has one reason for both dates"},
		{server.FlawNotYetValid, invalid(x509.Expired), "Go has one reason for both dates"},
		{server.FlawOtherName, func(err error) bool { return errors.As(err, new(x509.HostnameError)) }, "the chain is good"},
		{server.FlawSelfSigned, unknown, "its issuer is itself"},
		{server.FlawUnknownAuthority, unknown, "another root"},
		{server.FlawWeakKey, good, "Go takes 1024 bits; others do not"},
		{server.FlawSHA1, unknown, "Go takes no SHA-1 signature for one"},
		{server.FlawNoIntermediate, unknown, "nobody sent what leads to the root"},
	}
	for _, tt := range tests {
		t.Run(tt.flaw.String(), func(t *testing.T) {
			made, err := server.CertificateNamed(tt.flaw, "mx.example.net", "127.0.0.1")
			if err != nil {
				t.Fatal(err)
			}
			again, err := server.FlawNamed(tt.flaw.String())
			if again != tt.flaw || err != nil {
				t.Errorf("named %v, %v", again, err)
			}
			err = dialTLS(t, made, made.Pool)
			if !tt.found(err) {
				t.Errorf("%s: got %v", tt.reason, err)
			}
			check(t, tt.flaw, made)
		})
	}
	if len(tests) != len(server.FlawNames()) {
		t.Errorf("%d of %d flaws are looked at", len(tests), len(server.FlawNames()))
	}
	if _, err := server.FlawNamed("Expired"); err == nil || !strings.Contains(err.Error(), "good, expired, not-yet-valid") {
		t.Errorf("a name that is none: %v", err)
	}
	if made, err := server.CertificateNamed(server.FlawOtherName, "other.example.net"); err != nil || made.TLS.Leaf.VerifyHostname("other.example.net") == nil {
		t.Errorf("the other name is the name: %v", err)
	}
}

// check looks at what verification does not tell apart.
func check(t *testing.T, flaw server.Flaw, made *server.Certificate) {
	leaf := made.TLS.Leaf
	if one := len(made.TLS.Certificate) == 1; one != (flaw == server.FlawSelfSigned || flaw == server.FlawUnknownAuthority || flaw == server.FlawNoIntermediate) {
		t.Errorf("sends %d certificates", len(made.TLS.Certificate))
	}
	if weak := leaf.PublicKeyAlgorithm == x509.RSA; weak != (flaw == server.FlawWeakKey) {
		t.Errorf("its key is %v", leaf.PublicKeyAlgorithm)
	}
	if old := leaf.SignatureAlgorithm == x509.ECDSAWithSHA1; old != (flaw == server.FlawSHA1) {
		t.Errorf("signed with %v", leaf.SignatureAlgorithm)
	}
	if named := leaf.VerifyHostname("mx.example.net") == nil && leaf.VerifyHostname("127.0.0.1") == nil; named == (flaw == server.FlawOtherName) {
		t.Errorf("it is for %v, %v", leaf.DNSNames, leaf.IPAddresses)
	}
}

// dialTLS is what a client finds of the certificate in a handshake.
func dialTLS(t *testing.T, made *server.Certificate, trusted *x509.CertPool) error {
	t.Helper()
	srv := server.Start(t, func(s *server.Session) { s.StartTLS(made.ServerConfig()) })
	conn, err := net.Dial("tcp", srv.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return tls.Client(conn, &tls.Config{ServerName: "mx.example.net", RootCAs: trusted}).Handshake()
}

func TestLoadCertificate(t *testing.T) {
	one, err := server.CertificateNamed(server.FlawNone, "mx.example.net")
	if err != nil {
		t.Fatal(err)
	}
	other, err := server.MakeCertificate(server.CertificateOptions{Key: server.Ed25519})
	if err != nil {
		t.Fatal(err)
	}
	upside := append(append([]byte{}, one.RootPEM...), one.CertPEM...)
	for _, tt := range []struct {
		reason    string
		cert, key []byte
		want      string // of the error, "" for none
	}{
		{"a chain and its key", one.CertPEM, one.KeyPEM, ""},
		{"in one file", append(append([]byte{}, one.KeyPEM...), one.CertPEM...), append(append([]byte{}, one.CertPEM...), one.KeyPEM...), ""},
		{"a certificate without its key", one.CertPEM, one.CertPEM, "key.pem holds no private key in PEM form"},
		{"the key of another", one.CertPEM, other.KeyPEM, "the key of key.pem is not that of the certificate in cert.pem (CN=mx.example.net)"},
		{"the wrong way round", upside, one.KeyPEM, "the server's own certificate (CN=mx.example.net) is number 2 of cert.pem"},
		{"no certificate", one.KeyPEM, one.KeyPEM, "cert.pem holds no certificate in PEM form"},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			made, err := server.LoadCertificate(tt.cert, "cert.pem", tt.key, "key.pem")
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v, want %q", err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := dialTLS(t, made, one.Pool); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestLoadAuthority: what an authority of somebody's own signs has the flaw that
// was named, and for who trusts that authority no other.
func TestLoadAuthority(t *testing.T) {
	made, err := server.MakeCA(server.AuthorityOptions{CommonName: "my own"})
	if err != nil {
		t.Fatal(err)
	}
	key, err := made.KeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	text := append(made.PEM(), key...)
	ca, err := server.LoadAuthority(text, "ca.pem", text, "ca.pem")
	if err != nil {
		t.Fatal(err)
	}
	for flaw, want := range map[server.Flaw]string{
		server.FlawNone: "", server.FlawExpired: "expired", server.FlawOtherName: "not mx.example.net",
		server.FlawSelfSigned: "unknown authority", server.FlawUnknownAuthority: "unknown authority",
	} {
		c, err := ca.CertificateNamed(flaw, "mx.example.net")
		if err != nil {
			t.Fatal(err)
		}
		below := x509.NewCertPool()
		below.AppendCertsFromPEM(c.CertPEM)
		_, err = c.TLS.Leaf.Verify(x509.VerifyOptions{Roots: made.Pool(), Intermediates: below, DNSName: "mx.example.net"})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v: %v, want %q", flaw, err, want)
		}
	}
	leaf, err := server.MakeCertificate(server.CertificateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := server.LoadAuthority(leaf.CertPEM, "leaf.pem", leaf.KeyPEM, "key.pem"); err == nil || !strings.Contains(err.Error(), "leaf.pem: this certificate cannot sign") {
		t.Errorf("a server's certificate: %v", err)
	}
}
