package engine

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Certificate is what the server showed, and what verification found.
type Certificate struct {
	Chain      []*x509.Certificate // as sent, the server's own first
	Trusted    bool                // chain, dates, signatures and key hold; the name is judged apart
	Problems   []string            // everything that is wrong, the name included
	SelfSigned bool
	Missing    string // the issuer that was neither sent nor is trusted, "" for none
	at         time.Time
}

// Certificate is the server's certificate, nil in clear.
func (c *Conn) Certificate() *Certificate {
	if c.state == nil {
		return nil
	}
	return c.state.cert
}

// Leaf is the server's own certificate.
func (c *Certificate) Leaf() *x509.Certificate { return c.Chain[0] }

// inspect judges a chain: dates, signature, chain and name, each by itself.
func inspect(chain []*x509.Certificate, name string, roots *x509.CertPool, now time.Time) *Certificate {
	c := &Certificate{Chain: chain, at: now}
	leaf := chain[0]
	c.SelfSigned = selfSigned(leaf)
	if now.Before(leaf.NotBefore) {
		c.Problems = append(c.Problems, "not valid before "+day(leaf.NotBefore))
	} else if now.After(leaf.NotAfter) {
		c.Problems = append(c.Problems, "expired on "+day(leaf.NotAfter))
	}
	c.Problems = append(c.Problems, c.chainProblems(roots)...)
	c.Trusted = len(c.Problems) == 0
	if err := leaf.VerifyHostname(name); err != nil {
		c.Problems = append(c.Problems, fmt.Sprintf("it is for %s, not for %s", someNames(leaf), name))
	}
	return c
}

func selfSigned(cert *x509.Certificate) bool {
	return bytes.Equal(cert.RawSubject, cert.RawIssuer) && cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) == nil
}

// someNames are the names of a certificate, as many as a person reads.
func someNames(cert *x509.Certificate) string {
	const most = 10
	names := Names(cert)
	switch {
	case len(names) == 0:
		return "no name at all (a common name does not count)"
	case len(names) > most:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// Names are the names and addresses a certificate is for. A common name alone
// does not count (RFC 9525 2).
func Names(cert *x509.Certificate) []string {
	names := slices.Clone(cert.DNSNames)
	for _, ip := range cert.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}

// chainProblems follows the chain to a trusted CA.
func (c *Certificate) chainProblems(roots *x509.CertPool) []string {
	err := c.verify(c.Leaf(), roots)
	if err == nil {
		return nil
	}
	path := c.path()
	top := path[len(path)-1]
	weak := slices.IndexFunc(path, func(cert *x509.Certificate) bool {
		return weakSignature(cert.SignatureAlgorithm) && !selfSigned(cert)
	})
	if weak < 0 {
		return []string{c.chainProblem(err, top)}
	}
	// What else is wrong shows at the top of the chain.
	problems := []string{"weak signature " + path[weak].SignatureAlgorithm.String()}
	if top != c.Leaf() {
		err = c.verify(top, roots)
	}
	if err == nil || knownIssuer(err) {
		return problems
	}
	return append(problems, c.chainProblem(err, top))
}

// verify asks for a chain from cert to a trusted CA, at a time at which the
// server's own certificate is valid: its dates are judged apart.
func (c *Certificate) verify(cert *x509.Certificate, roots *x509.CertPool) error {
	leaf, sent := c.Leaf(), x509.NewCertPool()
	for _, up := range c.Chain[1:] {
		sent.AddCert(up)
	}
	at := c.at
	if at.Before(leaf.NotBefore) {
		at = leaf.NotBefore
	} else if at.After(leaf.NotAfter) {
		at = leaf.NotAfter
	}
	_, err := cert.Verify(x509.VerifyOptions{Roots: roots, Intermediates: sent, CurrentTime: at})
	return err
}

// chainProblem says in words why no chain was found. top is the last
// certificate of those that were sent and follow from the server's own.
func (c *Certificate) chainProblem(err error, top *x509.Certificate) string {
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &unknown) && c.SelfSigned:
		return "self-signed certificate"
	case errors.As(err, &unknown) && strings.Contains(err.Error(), "cannot sign"):
		return fmt.Sprintf("issued by %s, which is no CA certificate", unknown.Cert.Issuer)
	case errors.As(err, &unknown) && knownIssuer(err):
		return fmt.Sprintf("bad signature: %s is not signed by the %s that is known here", unknown.Cert.Subject, unknown.Cert.Issuer)
	case errors.As(err, &unknown):
		if selfSigned(top) {
			return "no trusted CA: issued by " + top.Subject.String()
		}
		c.Missing = top.Issuer.String()
		return "no trusted CA: issued by " + c.Missing
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the CA certificate " + invalid.Cert.Subject.String() + " is not valid now"
	case errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		return "not a certificate for servers"
	case !errors.As(err, &invalid) && !selfSigned(top):
		c.Missing = top.Issuer.String()
	}
	return strings.TrimPrefix(err.Error(), "x509: ")
}

// knownIssuer says that a certificate with the issuer's name was there, and
// that the signature was not its. crypto/x509 tells it in the text alone.
func knownIssuer(err error) bool { return strings.Contains(err.Error(), "candidate authority") }

func weakSignature(a x509.SignatureAlgorithm) bool {
	switch a {
	case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
		return true
	}
	return false
}

// path follows the certificates that were sent from the server's own upwards.
func (c *Certificate) path() []*x509.Certificate {
	path := []*x509.Certificate{c.Leaf()}
	for {
		cert := path[len(path)-1]
		i := slices.IndexFunc(c.Chain, func(up *x509.Certificate) bool {
			return bytes.Equal(up.RawSubject, cert.RawIssuer) && !slices.Contains(path, up)
		})
		if i < 0 || selfSigned(cert) {
			return path
		}
		path = append(path, c.Chain[i])
	}
}

// DaysLeft is how many whole days the certificate is still valid, negative
// once it has expired.
func (c *Certificate) DaysLeft() int {
	left := c.Leaf().NotAfter.Sub(c.at)
	return int(math.Floor(left.Hours() / 24))
}

// Fingerprint is the SHA-256 of a certificate, in lower-case hexadecimal.
func Fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return hex.EncodeToString(sum[:])
}

// Key is the type of a certificate's key and its length in bits.
func Key(cert *x509.Certificate) (kind string, bits int) {
	switch k := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		return "RSA", k.N.BitLen()
	case *ecdsa.PublicKey:
		return "ECDSA", k.Curve.Params().BitSize
	case ed25519.PublicKey:
		return "Ed25519", 256
	}
	return cert.PublicKeyAlgorithm.String(), 0
}

// rsaStrength is the length of an RSA key of the same strength (NIST SP 800-57
// part 1, table 2).
func rsaStrength(cert *x509.Certificate) int {
	kind, bits := Key(cert)
	switch {
	case kind == "RSA":
		return bits
	case kind == "Ed25519":
		return 3072
	case kind != "ECDSA":
		return 0
	case bits >= 512:
		return 15360
	case bits >= 384:
		return 7680
	case bits >= 256:
		return 3072
	case bits >= 224:
		return 2048
	}
	return 1024
}
