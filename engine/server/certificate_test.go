package server_test

import (
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"smtplay/engine/server"
)

func authority(t *testing.T, o server.AuthorityOptions) *server.Authority {
	t.Helper()
	made, err := server.MakeCA(o)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// TestCertificates: every option, judged by Go's own verification.
func TestCertificates(t *testing.T) {
	root := authority(t, server.AuthorityOptions{})
	middle := authority(t, server.AuthorityOptions{Issuer: root})
	rsaRoot := authority(t, server.AuthorityOptions{Key: server.RSA2048, CommonName: "Old Root"})
	now := time.Now()
	var (
		host    x509.HostnameError
		invalid x509.CertificateInvalidError
		unknown x509.UnknownAuthorityError
	)
	tests := []struct {
		name  string
		o     server.CertificateOptions
		chain int
		fails any // target for errors.As
	}{
		{"zero value", server.CertificateOptions{}, 1, nil},
		{"ed25519", server.CertificateOptions{Key: server.Ed25519}, 1, nil},
		{"rsa 2048", server.CertificateOptions{Key: server.RSA2048}, 1, nil},
		{"rsa 1024", server.CertificateOptions{Key: server.RSA1024}, 1, nil},
		{"by a root", server.CertificateOptions{Issuer: root}, 1, nil},
		{"by an intermediate", server.CertificateOptions{Issuer: middle}, 2, nil},
		{"intermediate forgotten", server.CertificateOptions{Issuer: middle, OmitIntermediate: true}, 1, &unknown},
		{"other name", server.CertificateOptions{Names: []string{"other.example.com"}}, 1, &host},
		{"name in the subject only", server.CertificateOptions{CommonName: "localhost", Names: []string{}}, 1, &host},
		{"expired", server.CertificateOptions{NotBefore: now.Add(-2 * time.Hour), NotAfter: now.Add(-time.Hour)}, 1, &invalid},
		{"not yet", server.CertificateOptions{NotBefore: now.Add(time.Hour)}, 1, &invalid},
		{"sha-1", server.CertificateOptions{Issuer: rsaRoot, SHA1: true}, 1, &unknown},
		{"sha-1 by ecdsa", server.CertificateOptions{Issuer: root, SHA1: true}, 1, &unknown},
		{"a client's", server.CertificateOptions{Issuer: root, Client: true}, 1, &invalid},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			made, err := server.MakeCertificate(test.o)
			if err != nil {
				t.Fatal(err)
			}
			if len(made.TLS.Certificate) != test.chain {
				t.Errorf("a chain of %d, want %d", len(made.TLS.Certificate), test.chain)
			}
			if _, err := tls.X509KeyPair(made.CertPEM, made.KeyPEM); err != nil {
				t.Errorf("as PEM: %v", err)
			}
			if pool := x509.NewCertPool(); !pool.AppendCertsFromPEM(made.RootPEM) || !pool.Equal(made.Pool) {
				t.Error("RootPEM is not Pool")
			}
			err = handshake(t, made)
			if test.fails == nil && err != nil || test.fails != nil && !errors.As(err, test.fails) {
				t.Errorf("verification says %v", err)
			}
		})
	}
}

// handshake shows the certificate to a client and returns the client's error.
func handshake(t *testing.T, made *server.Certificate) error {
	t.Helper()
	srv := server.Start(t, func(s *server.Session) { s.StartTLS(made.ServerConfig()) })
	conn, err := net.Dial("tcp", srv.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	return tls.Client(conn, &tls.Config{ServerName: "localhost", RootCAs: made.Pool}).Handshake()
}

func TestClientCertificate(t *testing.T) {
	root := authority(t, server.AuthorityOptions{})
	mine, err := server.MakeCertificate(server.CertificateOptions{Issuer: root, Client: true, Names: []string{"james"}})
	if err != nil {
		t.Fatal(err)
	}
	theirs := certificate(t)
	config := theirs.ServerConfig()
	config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, root.Pool()
	srv := server.Start(t, func(s *server.Session) {
		if s.StartTLS(config) == nil {
			state, _ := s.TLS()
			s.Reply("220 " + state.PeerCertificates[0].Subject.CommonName)
		}
	})
	c := dial(t, srv)
	conn := tls.Client(c.conn, &tls.Config{ServerName: "localhost", RootCAs: theirs.Pool, Certificates: []tls.Certificate{mine.TLS}})
	c = over(t, conn)
	c.talk("", "220 james")
}

func TestCertificateDetails(t *testing.T) {
	made, err := server.MakeCertificate(server.CertificateOptions{Key: server.RSA1024, SHA1: true})
	if err != nil {
		t.Fatal(err)
	}
	leaf := made.TLS.Leaf
	if bits := leaf.PublicKey.(*rsa.PublicKey).N.BitLen(); bits != 1024 {
		t.Errorf("%d bits", bits)
	}
	if leaf.SignatureAlgorithm != x509.SHA1WithRSA || leaf.Subject.CommonName != "localhost" || leaf.Issuer.CommonName != "localhost" {
		t.Errorf("%s by %s, %v", leaf.Subject, leaf.Issuer, leaf.SignatureAlgorithm)
	}
	if again := certificate(t); again.TLS.Leaf.SerialNumber.Cmp(leaf.SerialNumber) == 0 {
		t.Error("a serial number used twice")
	}
	if _, err := server.MakeCertificate(server.CertificateOptions{Key: server.Ed25519, SHA1: true}); err == nil {
		t.Error("SHA-1 with Ed25519")
	}
	if _, err := server.MakeCertificate(server.CertificateOptions{Key: 99}); err == nil {
		t.Error("a key of no type")
	}
	if got := server.RSA1024.String() + ", " + server.KeyType(99).String(); got != "RSA 1024, KeyType(99)" {
		t.Error(got)
	}
	root := authority(t, server.AuthorityOptions{CommonName: "R"})
	if pool := x509.NewCertPool(); !pool.AppendCertsFromPEM(root.PEM()) || !pool.Equal(root.Pool()) {
		t.Error("PEM is not Pool")
	}
	synctest.Test(t, func(t *testing.T) {
		if leaf := certificate(t).TLS.Leaf; time.Now().After(leaf.NotAfter) || time.Now().Before(leaf.NotBefore) {
			t.Errorf("not valid in synthetic time: %v to %v", leaf.NotBefore, leaf.NotAfter)
		}
	})
}
