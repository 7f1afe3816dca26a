package engine

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"smtplay/engine/server"
)

const name = "mail.example.com"

func authority(t *testing.T, o server.AuthorityOptions) *server.Authority {
	t.Helper()
	ca, err := server.MakeCA(o)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

// shown is the chain that a server sends.
func shown(t *testing.T, o server.CertificateOptions) []*x509.Certificate {
	t.Helper()
	if o.Names == nil {
		o.Names = []string{name}
	}
	made, err := server.MakeCertificate(o)
	if err != nil {
		t.Fatal(err)
	}
	var chain []*x509.Certificate
	for _, der := range made.TLS.Certificate {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		chain = append(chain, cert)
	}
	return chain
}

// Every fault is found, by itself and beside others.
func TestInspect(t *testing.T) {
	now := time.Now()
	ago, ahead := now.Add(-time.Hour), now.Add(time.Hour)
	root := authority(t, server.AuthorityOptions{})
	other := authority(t, server.AuthorityOptions{CommonName: "Other Root"})
	between := authority(t, server.AuthorityOptions{Issuer: root})
	again := authority(t, server.AuthorityOptions{CommonName: "Scripted Root CA", Key: server.Ed25519}) // the root's name, another key
	old := authority(t, server.AuthorityOptions{NotBefore: ago.Add(-time.Hour), NotAfter: ago})
	weak := authority(t, server.AuthorityOptions{Issuer: root, SHA1: true})
	pool := root.Pool()
	noCA := func(issuer string) string { return "no trusted CA: issued by CN=" + issuer }
	for _, row := range []struct {
		name    string
		chain   []*x509.Certificate
		roots   *x509.CertPool
		asked   string
		want    []string // problems begin with these
		trusted bool
		missing string
	}{
		{"good", shown(t, server.CertificateOptions{Issuer: root}), pool, name, nil, true, ""},
		{"good, by an intermediate", shown(t, server.CertificateOptions{Issuer: between}), pool, name, nil, true, ""},
		{"good, with its root", append(shown(t, server.CertificateOptions{Issuer: between}), root.Certificate), pool, name, nil, true, ""},
		{"good, by address", shown(t, server.CertificateOptions{Issuer: root, Names: []string{"192.0.2.1", "2001:db8::1"}}), pool, "2001:db8::1", nil, true, ""},
		{"good, by wildcard", shown(t, server.CertificateOptions{Issuer: root, Names: []string{"*.example.com"}}), pool, name, nil, true, ""},
		{"self-signed and trusted", shown(t, server.CertificateOptions{}), nil, name, []string{"self-signed certificate"}, false, ""},
		{"expired", shown(t, server.CertificateOptions{Issuer: root, NotBefore: ago.Add(-time.Hour), NotAfter: ago}), pool, name, []string{"expired on "}, false, ""},
		{"not valid yet", shown(t, server.CertificateOptions{Issuer: root, NotBefore: ahead}), pool, name, []string{"not valid before "}, false, ""},
		{"another name", shown(t, server.CertificateOptions{Issuer: root}), pool, "maila.example.com", []string{"it is for mail.example.com, not for maila.example.com"}, true, ""},
		{"another address", shown(t, server.CertificateOptions{Issuer: root, Names: []string{"192.0.2.1"}}), pool, "192.0.2.2", []string{"it is for 192.0.2.1, not for 192.0.2.2"}, true, ""},
		{"a name for an address", shown(t, server.CertificateOptions{Issuer: root}), pool, "192.0.2.1", []string{"it is for mail.example.com, not for 192.0.2.1"}, true, ""},
		{"a common name alone", shown(t, server.CertificateOptions{Issuer: root, CommonName: name, Names: []string{}}), pool, name, []string{"it is for no name at all (a common name does not count), not for mail"}, true, ""},
		{"self-signed", shown(t, server.CertificateOptions{}), pool, name, []string{"self-signed certificate"}, false, ""},
		{"an unknown CA", shown(t, server.CertificateOptions{Issuer: root}), other.Pool(), name, []string{noCA("Scripted Root CA")}, false, "CN=Scripted Root CA"},
		{"an unknown CA that was sent", append(shown(t, server.CertificateOptions{Issuer: between}), root.Certificate), other.Pool(), name, []string{noCA("Scripted Root CA")}, false, ""},
		{"an unknown CA behind an intermediate", shown(t, server.CertificateOptions{Issuer: between}), other.Pool(), name, []string{noCA("Scripted Root CA")}, false, "CN=Scripted Root CA"},
		{"the intermediate was not sent", shown(t, server.CertificateOptions{Issuer: between, OmitIntermediate: true}), pool, name, []string{noCA("Scripted Intermediate CA")}, false, "CN=Scripted Intermediate CA"},
		{"another CA of the same name", shown(t, server.CertificateOptions{Issuer: root}), again.Pool(), name, []string{"bad signature: CN=mail.example.com is not signed by the CN=Scripted Root CA that is known here"}, false, "CN=Scripted Root CA"},
		{"signed by a certificate that is no CA", signedBy(t, shown(t, server.CertificateOptions{Issuer: root})), pool, name, []string{"issued by CN=mail.example.com, which is no CA"}, false, ""},
		{"an expired CA", shown(t, server.CertificateOptions{Issuer: old}), old.Pool(), name, []string{"the CA certificate CN=Scripted Root CA is not valid now"}, false, ""},
		{"a client's certificate", shown(t, server.CertificateOptions{Issuer: root, Client: true}), pool, name, []string{"not a certificate for servers"}, false, ""},
		{"SHA-1", shown(t, server.CertificateOptions{Issuer: root, SHA1: true}), pool, name, []string{"weak signature ECDSA-SHA1"}, false, ""},
		{"SHA-1, and an unknown CA", shown(t, server.CertificateOptions{Issuer: root, SHA1: true}), other.Pool(), name, []string{"weak signature ECDSA-SHA1", noCA("Scripted Root CA")}, false, "CN=Scripted Root CA"},
		{"SHA-1, by an intermediate", shown(t, server.CertificateOptions{Issuer: between, SHA1: true}), pool, name, []string{"weak signature ECDSA-SHA1"}, false, ""},
		{"SHA-1, and the intermediate was not sent", shown(t, server.CertificateOptions{Issuer: between, SHA1: true, OmitIntermediate: true}), pool, name, []string{"weak signature ECDSA-SHA1", noCA("Scripted Intermediate CA")}, false, "CN=Scripted Intermediate CA"},
		{"SHA-1 of the intermediate", shown(t, server.CertificateOptions{Issuer: weak}), pool, name, []string{"weak signature ECDSA-SHA1 of the CA certificate CN=Scripted Intermediate CA"}, false, ""},
		{"SHA-1 beside the chain is nobody's fault", append(shown(t, server.CertificateOptions{Issuer: root}), weak.Certificate), other.Pool(), name, []string{noCA("Scripted Root CA")}, false, "CN=Scripted Root CA"},
		{"SHA-1, self-signed", shown(t, server.CertificateOptions{SHA1: true}), pool, name, []string{"self-signed certificate"}, false, ""},
		{"a weak key", shown(t, server.CertificateOptions{Issuer: root, Key: server.RSA1024}), pool, name, nil, true, ""}, // how strong a key must be is for the script to say
		{"all at once", shown(t, server.CertificateOptions{Key: server.RSA1024, NotBefore: ago.Add(-time.Hour), NotAfter: ago}), pool, "other.example.com",
			[]string{"expired on ", "self-signed certificate", "it is for mail.example.com, not for other"}, false, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			roots := row.roots
			if roots == nil {
				roots = x509.NewCertPool()
				roots.AddCert(row.chain[0])
				row.want, row.trusted = nil, true
			}
			c := inspect(row.chain, row.asked, roots, now)
			if !slices.EqualFunc(c.Problems, row.want, strings.HasPrefix) {
				t.Errorf("problems %q, want %q", c.Problems, row.want)
			}
			if c.Trusted != row.trusted || c.Missing != row.missing {
				t.Errorf("trusted %v, missing %q", c.Trusted, c.Missing)
			}
			complete := true
			short := c.Judge(CertificateWant{Chain: &complete})
			if (len(short) == 0) != (row.missing == "") {
				t.Errorf("chain: %v", short)
			}
		})
	}
}

// signedBy is a chain in which a server's certificate has signed another.
func signedBy(t *testing.T, chain []*x509.Certificate) []*x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template, parent := *chain[0], *chain[0]
	template.RawSubject, template.Subject = nil, pkix.Name{CommonName: "forged"}
	parent.PublicKey = key.Public() // its own key is not at hand, and is not looked at
	der, err := x509.CreateCertificate(rand.Reader, &template, &parent, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return append([]*x509.Certificate{cert}, chain...)
}

// A certificate of very many names does not fill the screen.
func TestManyNames(t *testing.T) {
	var names []string
	for i := range 300 {
		names = append(names, fmt.Sprintf("host%d.example.com", i))
	}
	c := inspect(shown(t, server.CertificateOptions{Names: names}), name, nil, time.Now())
	problems := strings.Join(c.Problems, "; ")
	if !strings.Contains(problems, "host9.example.com and 290 more, not for mail") || len(problems) > 500 {
		t.Error(problems)
	}
}

func TestDaysLeft(t *testing.T) {
	const day = 24 * time.Hour
	at := time.Now()
	for left, want := range map[time.Duration]int{0: 0, time.Hour: 0, day: 1, 14*day - 1: 13, 14 * day: 14, -time.Hour: -1, -day: -1, -day - 1: -2} {
		c := &Certificate{Chain: []*x509.Certificate{{NotAfter: at.Add(left)}}, at: at}
		if got := c.DaysLeft(); got != want {
			t.Errorf("%v: %d, want %d", left, got, want)
		}
	}
}

// Keys count by equivalence (NIST SP 800-57 part 1, table 2).
func TestStrength(t *testing.T) {
	ec := func(c elliptic.Curve) any { return &ecdsa.PublicKey{Curve: c} }
	rsaKey := func(bits uint) any {
		return &rsa.PublicKey{N: new(big.Int).SetBit(new(big.Int), int(bits)-1, 1)}
	}
	for _, row := range []struct {
		key  any
		kind string
		bits int
		want int
	}{
		{rsaKey(1024), "RSA", 1024, 1024}, {rsaKey(2048), "RSA", 2048, 2048}, {rsaKey(4096), "RSA", 4096, 4096},
		{ec(elliptic.P224()), "ECDSA", 224, 2048}, {ec(elliptic.P256()), "ECDSA", 256, 3072},
		{ec(elliptic.P384()), "ECDSA", 384, 7680}, {ec(elliptic.P521()), "ECDSA", 521, 15360},
		{ed25519.PublicKey{}, "Ed25519", 256, 3072}, {nil, "0", 0, 0},
	} {
		cert := &x509.Certificate{PublicKey: row.key}
		kind, bits := Key(cert)
		if kind != row.kind || bits != row.bits || rsaStrength(cert) != row.want {
			t.Errorf("%s %d: %s, %d bits, worth %d", row.kind, row.bits, kind, bits, rsaStrength(cert))
		}
	}
}

// Distinguished names are compared in every form in which programs write them.
func TestIssuerForms(t *testing.T) {
	issuer := pkix.Name{CommonName: "A/S CA", Organization: []string{"Sirius, Inc"}, Country: []string{"GB"}}
	c := &Certificate{Chain: []*x509.Certificate{{Issuer: issuer}}}
	for _, row := range []struct {
		want string
		ok   bool
	}{
		{"A/S CA", true},
		{`CN=A/S CA,O=Sirius\, Inc,C=GB`, true},
		{`C = GB, O = "Sirius, Inc", CN = A/S CA`, true},
		{`C=GB, O=Sirius\, Inc, CN=A/S CA`, true},
		{`/C=GB/O=Sirius, Inc/CN=A\/S CA`, true},
		{"Sirius, Inc", false},
		{"CN=A/S CA", false},
		{"a/s ca", false},
		{`CN=A/S CA,O=Sirius,C=GB`, false},
		{`CN=A/S CA,O=Sirius\, Inc,C=DE`, false},
		{"/", false},
	} {
		if got := len(c.Judge(CertificateWant{Issuer: row.want})) == 0; got != row.ok {
			t.Errorf("%s: %v", row.want, got)
		}
	}
}

func TestSeconds(t *testing.T) {
	for d, want := range map[time.Duration]string{
		2 * time.Second: "2s", 30 * time.Second: "30s", time.Minute: "1m", 10 * time.Minute: "10m", 90 * time.Second: "1m30s",
		time.Hour: "1h", 20 * time.Hour: "20h", time.Hour + time.Second: "1h0m1s", 90 * time.Minute: "1h30m", 250 * time.Millisecond: "250ms",
	} {
		if got := seconds(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}

func TestHostOf(t *testing.T) {
	for address, want := range map[string]string{
		"mail.example.com:25": "mail.example.com", "[2001:db8::1]:25": "2001:db8::1", "[fe80::1%eth0]:25": "fe80::1",
		"192.0.2.1:25": "192.0.2.1", "unix:/run/lmtp": "localhost", "odd": "odd",
	} {
		if got := hostOf(address); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}
