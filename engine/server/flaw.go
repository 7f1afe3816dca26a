package server

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"smtplay/engine/keypair"
)

// Flaw is what is wrong with a certificate that is made by name.
type Flaw uint8

// The flaws. What a client that trusts the Pool finds is just the one named.
const (
	FlawNone             Flaw = iota // a good one, with its chain
	FlawExpired                      // since yesterday
	FlawNotYetValid                  // until tomorrow
	FlawOtherName                    // it is for a host of another name
	FlawSelfSigned                   // by its own key
	FlawUnknownAuthority             // of an authority that nobody trusts
	FlawWeakKey                      // RSA of 1024 bits
	FlawSHA1                         // signed with SHA-1
	FlawNoIntermediate               // the chain was forgotten
)

var flawNames = [...]string{"good", "expired", "not-yet-valid", "other-name", "self-signed", "unknown-authority", "weak-key", "sha1", "no-intermediate"}

// String returns the name of the flaw, "good" for none.
func (f Flaw) String() string {
	if int(f) < len(flawNames) {
		return flawNames[f]
	}
	return fmt.Sprintf("Flaw(%d)", uint8(f))
}

// FlawNames are the names of all flaws, "good" the first.
func FlawNames() []string { return slices.Clone(flawNames[:]) }

// FlawNamed is the flaw of that name. The error lists those that there are.
func FlawNamed(name string) (Flaw, error) {
	i := slices.Index(flawNames[:], name)
	if i < 0 {
		return 0, fmt.Errorf("no certificate is called %q: there are %s", name, strings.Join(flawNames[:], ", "))
	}
	return Flaw(i), nil
}

// otherNames are whom a certificate for another host is for.
var otherNames = [...]string{"other.example.net", "another.example.net"}

// CertificateNamed makes a certificate with that flaw and no other, for these
// host names and addresses, or where there are none for this machine. But for
// one that is self-signed all come from one authority of the process and an
// intermediate of it. RootPEM and Pool are that authority whatever the flaw, so
// that who trusts them finds it.
func CertificateNamed(f Flaw, names ...string) (*Certificate, error) {
	root, issuer, err := house()
	if err != nil {
		return nil, err
	}
	return flawed(f, root, issuer, names)
}

// CertificateNamed makes one as the function of that name does, for a client
// that trusts this authority, which must be a root: an intermediate of it signs.
func (a *Authority) CertificateNamed(f Flaw, names ...string) (*Certificate, error) {
	issuer, err := MakeCA(AuthorityOptions{Issuer: a, NotBefore: time.Now().Add(-validity), NotAfter: time.Now().Add(validity + time.Hour)})
	if err != nil {
		return nil, err
	}
	return flawed(f, a, issuer, names)
}

// flawed makes a certificate below a root.
func flawed(f Flaw, root, issuer *Authority, names []string) (made *Certificate, err error) {
	if int(f) >= len(flawNames) {
		return nil, fmt.Errorf("make certificate: there is no %s", f)
	}
	o := CertificateOptions{Names: names, Issuer: issuer}
	now := time.Now()
	switch f {
	case FlawExpired:
		o.NotBefore, o.NotAfter = now.Add(-validity), now.AddDate(0, 0, -1)
	case FlawNotYetValid:
		o.NotBefore, o.NotAfter = now.AddDate(0, 0, 1), now.Add(validity)
	case FlawOtherName:
		o.Names = otherNames[:1]
		if slices.ContainsFunc(names, func(name string) bool {
			return strings.HasSuffix(otherNames[0], strings.TrimPrefix(strings.ToLower(name), "*"))
		}) {
			o.Names = []string{"host.invalid"}
		}
	case FlawSelfSigned:
		o.Issuer = nil
	case FlawUnknownAuthority:
		if o.Issuer, err = stranger(); err != nil {
			return nil, err
		}
	case FlawWeakKey:
		o.Key = RSA1024
	case FlawSHA1:
		o.SHA1 = true
	case FlawNoIntermediate:
		o.OmitIntermediate = true
	}
	if made, err = MakeCertificate(o); err != nil {
		return nil, err
	}
	made.RootPEM, made.Pool = root.PEM(), root.Pool()
	return made, nil
}

// LoadAuthority makes a root of its PEM text and that of its key, which may be
// the same text. It fails on a certificate that signs no others. certName and
// keyName are what errors call them; they do not quote them.
func LoadAuthority(cert []byte, certName string, key []byte, keyName string) (*Authority, error) {
	pair, err := keypair.Load("authority's", cert, certName, key, keyName)
	if err != nil {
		return nil, err
	}
	one, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", certName, err)
	}
	signer, ok := pair.PrivateKey.(crypto.Signer)
	if !ok || !one.IsCA || one.MaxPathLenZero {
		return nil, fmt.Errorf("%s: this certificate cannot sign those of an authority below it: make one with openssl req -x509", certName)
	}
	return &Authority{Certificate: one, key: signer}, nil
}

// authorities are those of the process, made when they are needed and again when
// their time is over: a clock may be synthetic.
var authorities struct {
	sync.Mutex
	root, issuer *Authority
}

// house returns the authority whose certificates are trusted, and the
// intermediate that signs them.
func house() (root, issuer *Authority, err error) {
	a := &authorities
	a.Lock()
	defer a.Unlock()
	if a.issuer == nil || !current(a.issuer.Certificate) || !current(a.root.Certificate) {
		// Clients look at a chain as of a time when its first certificate was valid.
		before, after := time.Now().AddDate(-3, 0, 0), time.Now().AddDate(3, 0, 0)
		if a.root, err = MakeCA(AuthorityOptions{NotBefore: before, NotAfter: after}); err != nil {
			return nil, nil, err
		}
		if a.issuer, err = MakeCA(AuthorityOptions{Issuer: a.root, NotBefore: before, NotAfter: after}); err != nil {
			return nil, nil, err
		}
	}
	return a.root, a.issuer, nil
}

// current says whether a certificate outlasts those that it signs.
func current(c *x509.Certificate) bool {
	return time.Now().After(c.NotBefore) && time.Now().Add(validity+time.Hour).Before(c.NotAfter)
}

// stranger returns an authority that nobody trusts, by name and by key.
func stranger() (*Authority, error) {
	key, err := ECDSAP256.key(roleStranger)
	if err != nil {
		return nil, err
	}
	template := unsigned("Unknown Root CA", time.Time{}, time.Time{})
	template.IsCA = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	certificate, err := sign(template, template, key.Public(), key, false)
	if err != nil {
		return nil, fmt.Errorf("make authority: %w", err)
	}
	return &Authority{Certificate: certificate, key: key}, nil
}

// LoadCertificate makes a certificate of its PEM text, which may hold the chain
// above it, and that of its key, which may be the same text. certName and keyName
// are what errors call them; they do not quote them. RootPEM is the last of the
// chain.
func LoadCertificate(cert []byte, certName string, key []byte, keyName string) (*Certificate, error) {
	pair, err := keypair.Load("server", cert, certName, key, keyName)
	if err != nil {
		return nil, err
	}
	made := &Certificate{TLS: *pair}
	for _, der := range pair.Certificate {
		one, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", certName, err)
		}
		made.RootPEM, made.Pool = encode(one), pool(one)
		made.CertPEM = append(made.CertPEM, made.RootPEM...)
	}
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", keyName, err)
	}
	made.KeyPEM = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return made, nil
}
