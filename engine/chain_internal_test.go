package engine

import (
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"smtplay/engine/server"
)

// An intermediate that was not sent is missing, whoever else may have it.
func TestMissing(t *testing.T) {
	root := authority(t, server.AuthorityOptions{})
	between := authority(t, server.AuthorityOptions{Issuer: root})
	again := authority(t, server.AuthorityOptions{CommonName: "Scripted Intermediate CA", Issuer: root, Key: server.RSA2048}) // between's name, another key
	lower := authority(t, server.AuthorityOptions{CommonName: "Lower CA", Issuer: between, Key: server.RSA2048})
	leaf := func(o server.CertificateOptions) []*x509.Certificate { return shown(t, o) }
	pool := func(certs ...*x509.Certificate) *x509.CertPool {
		p := x509.NewCertPool()
		for _, c := range certs {
			p.AddCert(c)
		}
		return p
	}
	alone := leaf(server.CertificateOptions{Issuer: between, OmitIntermediate: true})
	const elsewhere = "the intermediate CA CN=Scripted Intermediate CA is missing: this machine has it"
	for _, row := range []struct {
		name    string
		chain   []*x509.Certificate
		roots   *x509.CertPool
		trusted bool
		says    string // "" for a chain that is complete
	}{
		{"sent", leaf(server.CertificateOptions{Issuer: between}), root.Pool(), true, ""},
		{"sent, and in the store as well", leaf(server.CertificateOptions{Issuer: between}), pool(root.Certificate, between.Certificate), true, ""},
		{"sent, and the only one that is trusted", leaf(server.CertificateOptions{Issuer: between}), between.Pool(), true, ""},
		{"not sent", alone, root.Pool(), false, "CN=Scripted Intermediate CA, whose certificate was not sent, is no root that is trusted here"},
		{"not sent, but in the store", alone, pool(root.Certificate, between.Certificate), true, elsewhere},
		{"not sent, but the only one that is trusted", alone, between.Pool(), true, elsewhere},
		{"the upper of two not sent", []*x509.Certificate{leaf(server.CertificateOptions{Issuer: lower})[0], lower.Certificate}, root.Pool(), false, "CN=Scripted Intermediate CA, whose"},
		{"the upper of two not sent, but in the store", []*x509.Certificate{leaf(server.CertificateOptions{Issuer: lower})[0], lower.Certificate}, pool(root.Certificate, between.Certificate), true, elsewhere},
		{"the lower of two not sent, but in the store", []*x509.Certificate{leaf(server.CertificateOptions{Issuer: lower})[0], between.Certificate}, pool(root.Certificate, lower.Certificate), true, "the intermediate CA CN=Lower CA is missing"},
		{"not sent, and expired", leaf(server.CertificateOptions{Issuer: between, OmitIntermediate: true, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour)}), pool(root.Certificate, between.Certificate), false, elsewhere},
		{"not sent, and for clients", leaf(server.CertificateOptions{Issuer: between, OmitIntermediate: true, Client: true}), pool(root.Certificate, between.Certificate), false, elsewhere},
		{"not sent, and signed with SHA-1", leaf(server.CertificateOptions{Issuer: between, OmitIntermediate: true, SHA1: true}), root.Pool(), false, "CN=Scripted Intermediate CA, whose"},
		{"the one from before it got a new key is sent", []*x509.Certificate{alone[0], again.Certificate}, root.Pool(), false, "CN=Scripted Intermediate CA, whose certificate was not sent: the one of that name that is sent, or known here, has another key"},
		{"the one from before and the one of today are sent", []*x509.Certificate{alone[0], again.Certificate, between.Certificate}, root.Pool(), true, ""},
		{"the one from before is in the store", alone, pool(root.Certificate, again.Certificate), false, "CN=Scripted Intermediate CA, whose certificate was not sent: the one of that name"},
		{"not sent, and the certificate is trusted by itself", alone, pool(alone[0]), true, "CN=Scripted Intermediate CA, whose"},
		{"self-signed", leaf(server.CertificateOptions{}), root.Pool(), false, ""},
		{"by the root", leaf(server.CertificateOptions{Issuer: root}), root.Pool(), true, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := inspect(row.chain, name, row.roots, time.Now())
			if c.Trusted != row.trusted {
				t.Errorf("trusted %v: %q", c.Trusted, c.Problems)
			}
			complete := true
			short := c.Judge(CertificateWant{Chain: &complete})
			switch {
			case row.says == "" && (len(short) > 0 || c.Missing != ""):
				t.Errorf("%v, missing %q", short, c.Missing)
			case row.says != "" && (len(short) != 1 || !strings.HasPrefix(short[0].Got, row.says) || c.Missing == ""):
				t.Errorf("%v, want %q", short, row.says)
			}
			incomplete := false
			if got := len(c.Judge(CertificateWant{Chain: &incomplete})) == 0; got != (row.says != "") {
				t.Errorf("chain = false: %v", got)
			}
		})
	}
}

// Where the issuer lies is said, for whoever fetches it does not notice.
func TestMissingAt(t *testing.T) {
	root := authority(t, server.AuthorityOptions{})
	between := authority(t, server.AuthorityOptions{Issuer: root})
	for url, want := range map[string]string{
		"http://ca.example.com/between.crt":                 "clients that fetch it from http://ca.example.com/between.crt do not notice, mail servers do not",
		"http://ca.example.com/" + strings.Repeat("x", 1e4): "xxx… do not notice",
	} {
		chain := shown(t, server.CertificateOptions{Issuer: between, OmitIntermediate: true})
		chain[0].IssuingCertificateURL = []string{url}
		complete := true
		short := inspect(chain, name, root.Pool(), time.Now()).Judge(CertificateWant{Chain: &complete})
		if len(short) != 1 || !strings.Contains(short[0].Got, want) || len(short[0].Got) > 500 {
			t.Errorf("%v, want %q", short, want)
		}
	}
}

// Very many CAs of one name that did not sign do not keep anybody busy.
func TestManyOfOneName(t *testing.T) {
	root := authority(t, server.AuthorityOptions{})
	again := authority(t, server.AuthorityOptions{Key: server.RSA2048})
	chain := shown(t, server.CertificateOptions{Issuer: root})
	for range 400 {
		up := *again.Certificate
		chain = append(chain, &up)
	}
	chain = append(chain, root.Certificate)
	began := time.Now()
	c := inspect(chain, name, again.Pool(), time.Now())
	if took := time.Since(began); len(c.path()) != 1 || took > 5*time.Second {
		t.Errorf("%d certificates after %v", len(c.path()), took)
	}
}
