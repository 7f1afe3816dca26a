package engine

import (
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"smtplay/engine/server"
)

// What is stapled is believed where who may say so said it, of this
// certificate, and of today.
func TestStaple(t *testing.T) {
	root := authority(t, server.AuthorityOptions{})
	between := authority(t, server.AuthorityOptions{Issuer: root})
	stranger := authority(t, server.AuthorityOptions{CommonName: "Stranger", Key: server.RSA2048})
	make := func(o server.CertificateOptions) *server.Certificate {
		o.Names = []string{name}
		cert, err := server.MakeCertificate(o)
		if err != nil {
			t.Fatal(err)
		}
		return cert
	}
	cert := make(server.CertificateOptions{Issuer: between})
	other := make(server.CertificateOptions{Issuer: between})
	alone := make(server.CertificateOptions{Issuer: between, OmitIntermediate: true})
	own := make(server.CertificateOptions{})
	by := func(a *server.Authority, of *server.Certificate, o server.StapleOptions) []byte {
		der, err := a.Staple(of, o)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	now := time.Now()
	both := root.Pool()
	both.AddCert(between.Certificate)
	for _, row := range []struct {
		name   string
		of     *server.Certificate
		roots  *x509.CertPool
		staple []byte
		status string
		says   string
	}{
		{"nothing", cert, root.Pool(), nil, "none", "nothing was stapled"},
		{"good", cert, root.Pool(), by(between, cert, server.StapleOptions{}), "good", "good, until "},
		{"good, by an issuer that shows itself", cert, root.Pool(), by(between, cert, server.StapleOptions{Responder: server.ResponderEmbedded}), "good", ""},
		{"good, by a delegate", cert, root.Pool(), by(between, cert, server.StapleOptions{Responder: server.ResponderDelegate}), "good", ""},
		{"good, the issuer not sent, but known", alone, both, by(between, alone, server.StapleOptions{}), "good", ""},
		{"revoked", cert, root.Pool(), by(between, cert, server.StapleOptions{Status: server.StapleRevoked}), "revoked", "for the reason keyCompromise"},
		{"unknown", cert, root.Pool(), by(between, cert, server.StapleOptions{Status: server.StapleUnknown}), "unknown", "unknown"},
		{"one that anybody holding a certificate of the issuer's could make", cert, root.Pool(), by(between, cert, server.StapleOptions{Responder: server.ResponderUnentitled}), "invalid", "whom the issuer does not let sign OCSP responses"},
		{"by a delegate of yesterday", cert, root.Pool(), by(between, cert, server.StapleOptions{Responder: server.ResponderExpired}), "invalid", "whose certificate is not valid now"},
		{"by the root, which is not the issuer", cert, root.Pool(), by(root, cert, server.StapleOptions{}), "invalid", "it is not signed by the certificate's issuer, CN=Scripted Intermediate CA"},
		{"by a stranger", cert, root.Pool(), by(stranger, cert, server.StapleOptions{}), "invalid", "it is not signed by the certificate's issuer"},
		{"by a stranger who shows himself", cert, root.Pool(), by(stranger, cert, server.StapleOptions{Responder: server.ResponderEmbedded}), "invalid", "whom the certificate's issuer, CN=Scripted Intermediate CA, does not vouch for"},
		{"by a stranger's delegate", cert, root.Pool(), by(stranger, cert, server.StapleOptions{Responder: server.ResponderDelegate}), "invalid", "does not vouch for"},
		{"of another certificate", cert, root.Pool(), by(between, other, server.StapleOptions{}), "invalid", "no response matching the supplied certificate"},
		{"of the certificate with that number of another issuer", cert, root.Pool(), by(between, cert, server.StapleOptions{About: stranger}), "invalid", "of the certificate with this number of another issuer, not of CN=Scripted Intermediate CA"},
		{"of another issuer's, by a delegate of both", cert, root.Pool(), by(between, cert, server.StapleOptions{About: root, Responder: server.ResponderDelegate}), "invalid", "of another issuer"},
		{"too old", cert, root.Pool(), by(between, cert, server.StapleOptions{ThisUpdate: now.Add(-48 * time.Hour), NextUpdate: now.Add(-time.Hour)}), "invalid", "it is too old: it held until "},
		{"of tomorrow", cert, root.Pool(), by(between, cert, server.StapleOptions{ThisUpdate: now.Add(24 * time.Hour)}), "invalid", "it holds from "},
		{"of a clock a little ahead", cert, root.Pool(), by(between, cert, server.StapleOptions{ThisUpdate: now.Add(time.Minute)}), "good", ""},
		{"for ever", cert, root.Pool(), by(between, cert, server.StapleOptions{Endless: true}), "invalid", "it does not say until when it holds"},
		{"the issuer neither sent nor known", alone, root.Pool(), by(between, alone, server.StapleOptions{}), "invalid", "cannot be verified without the certificate of the issuer, CN=Scripted Intermediate CA"},
		{"an error of the responder's", cert, root.Pool(), []byte{0x30, 3, 0xa, 1, 6}, "invalid", `with the error "unauthorized"`},
		{"rubbish", cert, root.Pool(), []byte("rubbish"), "invalid", "it cannot be read: "},
		{"very much rubbish", cert, root.Pool(), []byte(strings.Repeat("x", 1<<20)), "invalid", "more than the 16384 that are read"},
		{"nothing, of a self-signed certificate", own, own.Pool, nil, "none", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			var chain []*x509.Certificate
			for _, der := range row.of.TLS.Certificate {
				one, err := x509.ParseCertificate(der)
				if err != nil {
					t.Fatal(err)
				}
				chain = append(chain, one)
			}
			c := inspect(chain, name, row.roots, now)
			c.staple = row.staple
			s := c.Staple()
			if s.Status != row.status || !strings.Contains(s.String(), row.says) {
				t.Errorf("%s: %s, want %s: %s", s.Status, s, row.status, row.says)
			}
			for _, status := range StapleStatuses {
				if short := c.Judge(CertificateWant{OCSP: status}); (len(short) == 0) != (status == row.status) {
					t.Errorf("demanded %s: %v", status, short)
				}
			}
		})
	}
}

// A certificate that demands stapling, and a server that does not know.
func TestMustStaple(t *testing.T) {
	root := authority(t, server.AuthorityOptions{})
	yes, no := true, false
	for _, row := range []struct {
		name          string
		must, stapled bool
		want          CertificateWant
		says          string // "" where all is well
	}{
		{"demanded and done", true, true, CertificateWant{MustStaple: &yes, OCSP: "good"}, ""},
		{"demanded, not done", true, false, CertificateWant{MustStaple: &yes}, "must_staple: the certificate demands stapling, and the server staples / it demands it, and nothing was stapled"},
		{"demanded, done with one that is too old", true, true, CertificateWant{MustStaple: &yes}, "must_staple: the certificate demands stapling, and the server staples / it demands it, and what was stapled proves nothing: it is too old: it held until "},
		{"demanded, not done, as seen from the staple", true, false, CertificateWant{OCSP: "good"}, "ocsp: good / nothing was stapled, though the certificate demands it"},
		{"not demanded", false, true, CertificateWant{MustStaple: &yes}, "must_staple: the certificate demands stapling / it does not"},
		{"neither", false, false, CertificateWant{MustStaple: &no, OCSP: "none"}, ""},
		{"demanded where it should not be", true, true, CertificateWant{MustStaple: &no}, "must_staple: the certificate demands no stapling / it does"},
	} {
		t.Run(row.name, func(t *testing.T) {
			cert, err := server.MakeCertificate(server.CertificateOptions{Names: []string{name}, Issuer: root, MustStaple: row.must})
			if err != nil {
				t.Fatal(err)
			}
			c := inspect([]*x509.Certificate{cert.TLS.Leaf}, name, root.Pool(), time.Now())
			c.verified = [][]*x509.Certificate{{cert.TLS.Leaf, root.Certificate}}
			if row.stapled {
				var o server.StapleOptions
				if strings.Contains(row.name, "too old") {
					o.ThisUpdate, o.NextUpdate = time.Now().Add(-48*time.Hour), time.Now().Add(-time.Hour)
				}
				if c.staple, err = root.Staple(cert, o); err != nil {
					t.Fatal(err)
				}
			}
			var said []string
			for _, s := range c.Judge(row.want) {
				said = append(said, s.Key+": "+s.Want+" / "+s.Got)
			}
			if got := strings.Join(said, "; "); (got == "") != (row.says == "") || !strings.HasPrefix(got, row.says) {
				t.Errorf("%s, want %s", got, row.says)
			}
		})
	}
}

// Whatever a server staples, nothing but a signature of the issuer's makes it good.
func FuzzStaple(f *testing.F) {
	root, err := server.MakeCA(server.AuthorityOptions{})
	if err != nil {
		f.Fatal(err)
	}
	cert, err := server.MakeCertificate(server.CertificateOptions{Names: []string{name}, Issuer: root})
	if err != nil {
		f.Fatal(err)
	}
	stranger, err := server.MakeCA(server.AuthorityOptions{Key: server.RSA2048})
	if err != nil {
		f.Fatal(err)
	}
	for _, o := range []server.StapleOptions{{}, {Responder: server.ResponderEmbedded}, {Responder: server.ResponderDelegate}, {Status: server.StapleRevoked}} {
		der, err := stranger.Staple(cert, o)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(der)
	}
	c := inspect([]*x509.Certificate{cert.TLS.Leaf, root.Certificate}, name, root.Pool(), time.Now())
	f.Fuzz(func(t *testing.T, der []byte) {
		c.staple = der
		if s := c.Staple(); s.Status == "good" || s.Status == "revoked" || s.Status == "unknown" {
			t.Errorf("believes %s", s)
		}
	})
}
