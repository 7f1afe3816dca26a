package lab

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"sync"
	"time"
)

// An Issuer is who signed the server's certificate, and what of the chain the server sends.
type Issuer uint8

// The issuers.
const (
	// LabCA is the CA of CAFile.
	LabCA Issuer = iota
	// Intermediate is a CA below that of CAFile, and the server sends its certificate as well.
	Intermediate
	// IntermediateMissing is the same, but the server sends its own certificate only.
	IntermediateMissing
	// UnknownCA is a CA that is in nobody's file.
	UnknownCA
	// Self is the certificate's own key.
	Self
)

// A Key is the kind of the server's key.
type Key uint8

// The kinds.
const (
	// ECDSAP256 is an elliptic curve key, as good as RSA with 3072 bits, and quickly made.
	ECDSAP256 Key = iota
	// RSA2048 is the usual RSA key.
	RSA2048
	// RSA1024 is weak.
	RSA1024
)

// A Certificate describes what the server shows for itself. The zero value is a good one.
type Certificate struct {
	// Names are the DNS names, the first of which is the common name as well; nil means
	// maila.example.com and plpb.example.com.
	Names []string
	// NotBefore and NotAfter bound its time. By default it ends in 90 days, and began 90 days
	// before its end or an hour ago, whichever is earlier. A NotAfter in the past makes an expired one.
	NotBefore, NotAfter time.Time
	// Key is its key.
	Key Key
	// Issuer is who signed it.
	Issuer Issuer
	// Chain and PrivateKey are PEM that is served as it is, in place of all of the above.
	Chain, PrivateKey []byte
}

func (c Certificate) clone() Certificate {
	c.Names = slices.Clone(c.Names)
	c.Chain, c.PrivateKey = bytes.Clone(c.Chain), bytes.Clone(c.PrivateKey)
	return c
}

// template is the certificate to be signed.
func (c Certificate) template(now time.Time) *x509.Certificate {
	names, end, begin := c.Names, c.NotAfter, c.NotBefore
	if names == nil {
		names = []string{Hostname, "plpb.example.com"}
	}
	const usual = 90 * 24 * time.Hour
	if end.IsZero() {
		end = now.Add(usual)
	}
	if begin.IsZero() {
		begin = end.Add(-usual)
		if hourAgo := now.Add(-time.Hour); begin.After(hourAgo) {
			begin = hourAgo
		}
	}
	t := &x509.Certificate{
		SerialNumber:          serial(),
		DNSNames:              names,
		NotBefore:             begin,
		NotAfter:              end,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	if len(names) > 0 {
		t.Subject.CommonName = names[0]
	}
	return t
}

// writeCertificate writes the files that the server shows to clients and proves itself with, unless
// they are there: an edit of something else leaves even what a test has put in their place.
func (p *Postfix) writeCertificate(c Certificate) error {
	if p.shown != nil && reflect.DeepEqual(*p.shown, c) {
		return nil
	}
	chain, key := c.Chain, c.PrivateKey
	if chain == nil && key == nil {
		var err error
		if chain, key, err = p.ca.issue(c, time.Now()); err != nil {
			return err
		}
	}
	if err := writeFile(p.KeyFile(), key, 0o600); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	if err := writeFile(p.CertificateFile(), chain, 0o644); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	c = c.clone()
	p.shown = &c
	return nil
}

// An authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
	pem  []byte
}

// newAuthority makes a CA that nobody has heard of.
func newAuthority(name string) (*authority, error) { return newAuthorityBelow(nil, name) }

// newAuthorityBelow makes a CA whose certificate above signs, or itself if that is nil.
func newAuthorityBelow(above *authority, name string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("lab: key of %s: %w", name, err)
	}
	now := time.Now()
	t := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{CommonName: name, Organization: []string{"smtplay"}},
		NotBefore:             now.AddDate(-5, 0, 0), // so that it can have signed what has expired
		NotAfter:              now.AddDate(5, 0, 0),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	a := &authority{key: key}
	if above == nil {
		above = &authority{cert: t, key: key}
	}
	if a.cert, a.pem, err = above.sign(t, key.Public()); err != nil {
		return nil, err
	}
	return a, nil
}

// sign gives a certificate to the holder of a public key.
func (a *authority) sign(t *x509.Certificate, public crypto.PublicKey) (*x509.Certificate, []byte, error) {
	der, err := x509.CreateCertificate(rand.Reader, t, a.cert, public, a.key)
	if err != nil {
		return nil, nil, fmt.Errorf("lab: certificate of %s: %w", t.Subject.CommonName, err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, fmt.Errorf("lab: certificate of %s: %w", t.Subject.CommonName, err)
	}
	return cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}

// issue makes the server's chain and key as c describes them, both in PEM.
func (a *authority) issue(c Certificate, now time.Time) (chain, key []byte, err error) {
	private, err := newKey(c.Key)
	if err != nil {
		return nil, nil, err
	}
	t, by := c.template(now), a
	switch c.Issuer {
	case Self:
		by = &authority{cert: t, key: private}
	case UnknownCA:
		by, err = newAuthority("unknown CA")
	case Intermediate, IntermediateMissing:
		by, err = newAuthorityBelow(a, "smtplay lab intermediate CA")
	}
	if err != nil {
		return nil, nil, err
	}
	if _, chain, err = by.sign(t, private.Public()); err != nil {
		return nil, nil, err
	}
	if c.Issuer == Intermediate {
		chain = append(chain, by.pem...)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, fmt.Errorf("lab: key: %w", err)
	}
	return chain, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// RSA keys take up to a second to make, with the race detector more, and these guard
// nothing, so one of each size serves the whole process.
var (
	rsa2048 = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })
	rsa1024 = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 1024) })
)

func newKey(k Key) (key crypto.Signer, err error) {
	switch k {
	case RSA2048:
		key, err = rsa2048()
	case RSA1024:
		key, err = rsa1024()
	default:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		return nil, fmt.Errorf("lab: key: %w", err)
	}
	return key, nil
}

// serial is a random serial number: several certificates of one CA must not share theirs.
func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err) // crypto/rand never fails on the systems that Go supports
	}
	return n
}
