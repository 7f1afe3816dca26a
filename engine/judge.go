package engine

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
)

// CertificateWant is what a certificate should be. Zero and nil ask nothing.
type CertificateWant struct {
	Name        string
	Issuer      string // the common name or the whole distinguished name
	SelfSigned  *bool
	Trusted     *bool
	Chain       *bool // every intermediate was sent
	MinDaysLeft *int
	MinKeyBits  *int                // RSA strength; other keys by equivalence
	SHA256      string              // hexadecimal, colons allowed
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
	if want.Name != "" && leaf.VerifyHostname(want.Name) != nil {
		fail("name", want.Name, someNames(leaf))
	}
	if want.Issuer != "" && want.Issuer != leaf.Issuer.CommonName && normalDN(want.Issuer) != normalDN(leaf.Issuer.String()) {
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
	if want.MinDaysLeft != nil && c.DaysLeft() < *want.MinDaysLeft {
		fail("min_days_left", fmt.Sprintf("%d days", *want.MinDaysLeft), fmt.Sprintf("%d days, until %s", c.DaysLeft(), day(leaf.NotAfter)))
	}
	if want.MinKeyBits != nil && rsaStrength(leaf) < *want.MinKeyBits {
		kind, bits := Key(leaf)
		fail("min_key_bits", fmt.Sprintf("%d bits of RSA strength", *want.MinKeyBits), fmt.Sprintf("%s, %d bits", kind, bits))
	}
	if want.SHA256 != "" && !strings.EqualFold(strings.ReplaceAll(want.SHA256, ":", ""), Fingerprint(leaf)) {
		fail("sha256", want.SHA256, Fingerprint(leaf))
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

// normalDN makes distinguished names comparable that were written by different
// programs: "/C=GB/CN=x", "C = GB, CN = x", "CN=x,C=GB".
func normalDN(dn string) string {
	separator := byte(',')
	if rest, ok := strings.CutPrefix(dn, "/"); ok {
		dn, separator = rest, '/'
	}
	parts := splitDN(dn, separator)
	for i, p := range parts {
		key, value, _ := strings.Cut(p, "=")
		parts[i] = strings.ToUpper(strings.TrimSpace(key)) + "=" + strings.TrimSpace(value)
	}
	slices.Sort(parts)
	return strings.Join(parts, "\x00")
}

// splitDN splits at separators that are neither escaped nor in quotes, and
// takes escapes and quotes away (RFC 4514 2.4, RFC 2253 4).
func splitDN(dn string, separator byte) []string {
	var parts []string
	var part []byte
	quoted := false
	for i := 0; i < len(dn); i++ {
		switch c := dn[i]; {
		case c == '\\' && i+1 < len(dn):
			i++
			part = append(part, dn[i])
		case c == '"':
			quoted = !quoted
		case c == separator && !quoted:
			parts = append(parts, string(part))
			part = part[:0]
		default:
			part = append(part, c)
		}
	}
	return append(parts, string(part))
}
