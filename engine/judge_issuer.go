package engine

import (
	"crypto/x509"
	"slices"
	"strings"
)

// issuedBy says whether the issuer of a certificate is meant: its common name,
// or its whole distinguished name.
func issuedBy(cert *x509.Certificate, issuer string) bool {
	return issuer == cert.Issuer.CommonName || normalDN(issuer) == normalDN(cert.Issuer.String())
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
