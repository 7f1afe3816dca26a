package engine

import (
	"bytes"
	"crypto/x509"
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
	Missing    string   // the issuer that was not sent and is no trusted root, "" for none: mostly an intermediate CA
	Held       bool     // of Missing: this machine has it, so that verification holds here, and elsewhere not
	Rekeyed    bool     // of Missing: another of its name, with another key, was sent or is known
	MissingAt  []string // of Missing: where its certificate lies (AIA, RFC 5280 4.2.2.1)
	name       string   // that was asked for
	at         time.Time
	staple     []byte                // the OCSP response as it was sent, nil for none
	verified   [][]*x509.Certificate // the chains to trusted CAs, nil where there is none
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
	c := &Certificate{Chain: chain, name: name, at: now}
	leaf := chain[0]
	c.SelfSigned = selfSigned(leaf)
	if now.Before(leaf.NotBefore) {
		c.Problems = append(c.Problems, "not valid before "+day(leaf.NotBefore))
	} else if now.After(leaf.NotAfter) {
		c.Problems = append(c.Problems, "expired on "+day(leaf.NotAfter))
	}
	c.Problems = append(c.Problems, c.chainProblems(roots)...)
	c.Trusted = len(c.Problems) == 0
	c.findMissing(roots)
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

// DaysLeft is how many whole days the certificate is still valid, negative
// once it has expired.
func (c *Certificate) DaysLeft() int {
	left := c.Leaf().NotAfter.Sub(c.at)
	return int(math.Floor(left.Hours() / 24))
}

// Lifetime is for how many days the certificate is valid from its first second
// to its last, begun days counted.
func (c *Certificate) Lifetime() int {
	leaf := c.Leaf()
	whole := leaf.NotAfter.Sub(leaf.NotBefore) + time.Second // both ends belong to it, RFC 5280 4.1.2.5
	return int(math.Ceil(whole.Hours() / 24))
}
