package engine

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
)

// CertificateWant is what a certificate should be. Zero and nil ask nothing.
type CertificateWant struct {
	Names       []string // it is for each of them
	Issuer      string   // the common name or the whole distinguished name
	SelfSigned  *bool
	Trusted     *bool
	Chain       *bool // every intermediate was sent
	MinDaysLeft *int
	MaxLifetime *int                // in days
	KeyTypes    []string            // one of these, as Key names them
	MinKeyBits  *int                // RSA strength; other keys by equivalence
	Signatures  []string            // one of these, as SignaturesNamed knows them
	SHA256      []Pin               // of the certificate: one of these
	SPKI        []Pin               // of its public key: one of these
	MustStaple  *bool               // it demands OCSP stapling, and the server does so
	OCSP        string              // what is stapled: one of StapleStatuses
	TLSA        *TLSAWant           // one of these records fits
	File        string              // the name of the file that Disk was read from
	Disk        []*x509.Certificate // what the server should serve, its own among them
}

// Shortfall is one thing in which a certificate is not what it should be.
type Shortfall struct{ Key, Want, Got string }

// Judge lists all in which the certificate falls short of want.
func (c *Certificate) Judge(want CertificateWant) []Shortfall {
	var short []Shortfall
	fail := func(key, want, got string) { short = append(short, Shortfall{key, want, got}) }
	leaf := c.Leaf()
	var names []string
	for _, name := range want.Names {
		if leaf.VerifyHostname(name) != nil {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		fail("name", strings.Join(names, ", "), someNames(leaf))
	}
	if want.Issuer != "" && !issuedBy(leaf, want.Issuer) {
		fail("issuer", want.Issuer, leaf.Issuer.String())
	}
	is := func(key string, want *bool, got bool, yes, no string) {
		if want != nil && *want != got {
			fail(key, pick(*want, yes, no), pick(got, yes, no))
		}
	}
	is("self_signed", want.SelfSigned, c.SelfSigned, "self-signed", "issued by "+leaf.Issuer.String())
	is("trusted", want.Trusted, c.Trusted, "trusted", "not trusted: "+strings.Join(c.Problems, ", "))
	is("chain", want.Chain, c.Missing == "", "every intermediate CA is sent", c.missing())
	c.judgeDates(want, fail)
	judgeKey(leaf, want, fail)
	judgePins("sha256", want.SHA256, leaf.Raw, fail)
	judgePins("spki", want.SPKI, leaf.RawSubjectPublicKeyInfo, fail)
	if want.MustStaple != nil || want.OCSP != "" {
		c.judgeStaple(want, fail)
	}
	if want.TLSA != nil {
		c.judgeTLSA(*want.TLSA, fail)
	}
	if want.File != "" {
		c.judgeFile(want.File, want.Disk, fail)
	}
	return short
}

func pick(b bool, yes, no string) string {
	if b {
		return yes
	}
	return no
}

// judgeDates judges for how long the certificate is valid.
func (c *Certificate) judgeDates(want CertificateWant, fail func(key, want, got string)) {
	leaf := c.Leaf()
	if want.MinDaysLeft != nil && c.DaysLeft() < *want.MinDaysLeft {
		fail("min_days_left", fmt.Sprintf("%d days", *want.MinDaysLeft), fmt.Sprintf("%d days, until %s", c.DaysLeft(), day(leaf.NotAfter)))
	}
	if want.MaxLifetime != nil && c.Lifetime() > *want.MaxLifetime {
		fail("max_lifetime", fmt.Sprintf("at most %d days", *want.MaxLifetime), fmt.Sprintf("%d days, from %s until %s", c.Lifetime(), day(leaf.NotBefore), day(leaf.NotAfter)))
	}
}

// judgeKey judges the key of a certificate, and what signed it.
func judgeKey(leaf *x509.Certificate, want CertificateWant, fail func(key, want, got string)) {
	kind, bits := Key(leaf)
	if len(want.KeyTypes) > 0 && !slices.Contains(want.KeyTypes, kind) {
		fail("key_type", strings.Join(want.KeyTypes, " or "), fmt.Sprintf("%s, %d bits", kind, bits))
	}
	if want.MinKeyBits != nil && rsaStrength(leaf) < *want.MinKeyBits {
		fail("min_key_bits", fmt.Sprintf("%d bits of RSA strength", *want.MinKeyBits), strength(leaf))
	}
	if len(want.Signatures) > 0 && !slices.ContainsFunc(want.Signatures, func(name string) bool {
		return slices.Contains(SignaturesNamed(name), leaf.SignatureAlgorithm)
	}) {
		fail("signature_algorithm", strings.Join(want.Signatures, " or "), signature(leaf))
	}
}

// joined is a list of alternatives as a person reads it.
func joined[T fmt.Stringer](list []T) string {
	var words []string
	for _, item := range list {
		words = append(words, item.String())
	}
	return strings.Join(words, " or ")
}
