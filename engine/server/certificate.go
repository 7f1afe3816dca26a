package server

import (
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"sync/atomic"
	"time"
)

// validity is how long a certificate lasts that does not say otherwise.
const validity = 90 * 24 * time.Hour

// serials numbers the certificates of the process: RFC 5280 section 4.1.2.2
// wants them unique to their issuer.
var serials atomic.Int64

// CertificateOptions say what a certificate is like. The zero value makes a
// good one for this machine: self-signed, ECDSA, valid for 90 days.
type CertificateOptions struct {
	// CommonName is the CN of the subject; "" means the first of Names.
	CommonName string

	// Names are the host names and IP addresses it is for; nil means localhost,
	// 127.0.0.1 and ::1, an empty list none (as old certificates are).
	Names []string

	// NotBefore and NotAfter are its dates. Zero they are an hour ago and 90
	// days from now, by the clock of the caller: synthetic in a synctest bubble.
	NotBefore, NotAfter time.Time

	// Key is the type of its key.
	Key KeyType

	// Issuer signs it; nil makes it self-signed.
	Issuer *Authority

	// OmitIntermediate leaves the issuers out of what the server sends, the
	// fault of a chain file that was forgotten.
	OmitIntermediate bool

	// SHA1 signs it with SHA-1, which no client should trust. It needs an issuer
	// (or, self-signed, a key) of type RSA or ECDSA.
	SHA1 bool

	// Client makes it a client's certificate instead of a server's.
	Client bool

	// MustStaple makes it demand that the server staples an OCSP response.
	MustStaple bool
}

// Certificate is a certificate with its key. It is not changed, so many
// goroutines may use it.
type Certificate struct {
	TLS     tls.Certificate // chain as it is sent, key, and Leaf
	CertPEM []byte          // the chain as it is sent
	KeyPEM  []byte          // the key, PKCS #8
	RootPEM []byte          // what a client has to trust
	Pool    *x509.CertPool  // the same, as a pool
}

// ServerConfig returns a new configuration that serves the certificate.
func (c *Certificate) ServerConfig() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{c.TLS}}
}

// MakeCertificate makes a certificate in memory. It fails on options that do not
// go together, such as SHA-1 with Ed25519.
func MakeCertificate(o CertificateOptions) (*Certificate, error) {
	key, err := o.Key.key(roleLeaf)
	if err != nil {
		return nil, err
	}
	template := o.template()
	parent, signer := template, key
	if o.Issuer != nil {
		parent, signer = o.Issuer.Certificate, o.Issuer.key
	}
	leaf, err := sign(template, parent, key.Public(), signer, o.SHA1)
	if err != nil {
		return nil, fmt.Errorf("make certificate %s: %w", template.Subject.CommonName, err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	made := &Certificate{
		TLS:    tls.Certificate{PrivateKey: key, Leaf: leaf},
		KeyPEM: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}),
	}
	chain, root := []*x509.Certificate{leaf}, leaf
	for issuer := o.Issuer; issuer != nil; issuer = issuer.issuer {
		root = issuer.Certificate
		if issuer.issuer != nil && !o.OmitIntermediate {
			chain = append(chain, issuer.Certificate)
		}
	}
	for _, one := range chain {
		made.TLS.Certificate = append(made.TLS.Certificate, one.Raw)
		made.CertPEM = append(made.CertPEM, encode(one)...)
	}
	made.RootPEM = encode(root)
	made.Pool = pool(root)
	return made, nil
}

// template turns the options into what x509 signs.
func (o CertificateOptions) template() *x509.Certificate {
	names := o.Names
	if names == nil {
		names = []string{"localhost", "127.0.0.1", "::1"}
	}
	subject := o.CommonName
	if subject == "" && len(names) > 0 {
		subject = names[0]
	}
	template := unsigned(subject, o.NotBefore, o.NotAfter)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	if o.Client {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}
	if o.MustStaple {
		template.ExtraExtensions = []pkix.Extension{{Id: mustStapleID, Value: mustStapleValue}}
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	return template
}

// AuthorityOptions say what a certificate authority is like. The zero value
// makes a good root.
type AuthorityOptions struct {
	CommonName          string     // of the subject; "" means a name for its rank
	NotBefore, NotAfter time.Time  // as those of CertificateOptions
	Key                 KeyType    // of its key, with which it signs
	Issuer              *Authority // nil makes a root
	SHA1                bool       // signed with SHA-1
}

// Authority signs certificates: a root, or an intermediate when it has an
// issuer. It is not changed by that.
type Authority struct {
	Certificate *x509.Certificate
	issuer      *Authority
	key         crypto.Signer
}

// MakeCA makes an authority in memory: a root, or an intermediate of the Issuer.
func MakeCA(o AuthorityOptions) (*Authority, error) {
	rank, name := roleRoot, "Scripted Root CA"
	if o.Issuer != nil {
		rank, name = roleIntermediate, "Scripted Intermediate CA"
	}
	if o.CommonName != "" {
		name = o.CommonName
	}
	key, err := o.Key.key(rank)
	if err != nil {
		return nil, err
	}
	template := unsigned(name, o.NotBefore, o.NotAfter)
	template.IsCA = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	parent, signer := template, key
	if o.Issuer != nil {
		parent, signer = o.Issuer.Certificate, o.Issuer.key
	}
	certificate, err := sign(template, parent, key.Public(), signer, o.SHA1)
	if err != nil {
		return nil, fmt.Errorf("make authority %s: %w", name, err)
	}
	return &Authority{Certificate: certificate, issuer: o.Issuer, key: key}, nil
}

// Pool returns a new pool with this authority as what is trusted.
func (a *Authority) Pool() *x509.CertPool { return pool(a.Certificate) }

// PEM returns the authority's own certificate.
func (a *Authority) PEM() []byte { return encode(a.Certificate) }

// KeyPEM returns the authority's key, PKCS #8.
func (a *Authority) KeyPEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		return nil, fmt.Errorf("key of %s: %w", a.Certificate.Subject.CommonName, err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// unsigned is what authorities and certificates have in common.
func unsigned(name string, notBefore, notAfter time.Time) *x509.Certificate {
	if notBefore.IsZero() {
		notBefore = time.Now().Add(-time.Hour)
	}
	if notAfter.IsZero() {
		notAfter = time.Now().Add(validity)
	}
	return &x509.Certificate{
		SerialNumber:          big.NewInt(serials.Add(1)),
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             notBefore,
		NotAfter:              notAfter,
		BasicConstraintsValid: true,
	}
}

// sign makes the certificate and parses it back.
func sign(template, parent *x509.Certificate, public crypto.PublicKey, signer crypto.Signer, sha1 bool) (*x509.Certificate, error) {
	if sha1 {
		algorithm, err := sha1With(signer)
		if err != nil {
			return nil, err
		}
		template.SignatureAlgorithm = algorithm
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func sha1With(signer crypto.Signer) (x509.SignatureAlgorithm, error) {
	switch keyTypeOf(signer) {
	case RSA1024, RSA2048:
		return x509.SHA1WithRSA, nil
	case ECDSAP256:
		return x509.ECDSAWithSHA1, nil
	}
	return 0, errors.New("no sha-1 signature with such a key")
}

func encode(certificate *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})
}

func pool(certificate *x509.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(certificate)
	return pool
}
