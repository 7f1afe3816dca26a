package engine

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Pin is a SHA-256 that somebody wrote down: of a certificate, or of the public
// key in it (the SubjectPublicKeyInfo of RFC 5280 4.1, as RFC 7469 2.4 pins it).
type Pin struct {
	Sum    [sha256.Size]byte
	Base64 bool // it was written so, and is shown so
}

// Fingerprint is the SHA-256 of a certificate, in lower-case hexadecimal.
func Fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return hex.EncodeToString(sum[:])
}

// KeyFingerprint is the SHA-256 of a certificate's public key, in lower-case
// hexadecimal. It stays where a renewal keeps the key.
func KeyFingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(sum[:])
}

// ParsePin reads a SHA-256 as openssl, Postfix, curl and HPKP write it:
// hexadecimal with or without colons, or base64, behind "sha256//" or
// "pin-sha256=" too.
func ParsePin(s string) (Pin, error) {
	text := strings.TrimSpace(s)
	for _, prefix := range []string{"sha256 Fingerprint=", "sha256//", "sha256/", "sha256:", "pin-sha256="} {
		if len(text) > len(prefix) && strings.EqualFold(text[:len(prefix)], prefix) {
			text = strings.Trim(text[len(prefix):], `"`)
			break
		}
	}
	digits := strings.NewReplacer(":", "", " ", "").Replace(text)
	if sum, err := hex.DecodeString(digits); err == nil {
		if len(sum) == sha256.Size {
			return Pin{Sum: [sha256.Size]byte(sum)}, nil
		}
		return Pin{}, fmt.Errorf("%q is no SHA-256: that has 64 hexadecimal digits, and this %d%s", s, len(digits), otherSum(len(sum)))
	}
	sum, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	switch {
	case err != nil:
		return Pin{}, fmt.Errorf("%q is no SHA-256: that is 64 hexadecimal digits, or 44 characters of base64", s)
	case len(sum) != sha256.Size:
		return Pin{}, fmt.Errorf("%q is no SHA-256: that has 32 bytes, and this base64 has %d%s", s, len(sum), otherSum(len(sum)))
	}
	return Pin{Sum: [sha256.Size]byte(sum), Base64: true}, nil
}

// otherSum names the sum that has so many bytes.
func otherSum(bytes int) string {
	switch bytes {
	case 16:
		return ", as MD5 has"
	case 20:
		return ", as SHA-1 has"
	case 48:
		return ", as SHA-384 has"
	case 64:
		return ", as SHA-512 has"
	}
	return ""
}

// String is the pin in the form in which it was written.
func (p Pin) String() string {
	if p.Base64 {
		return base64.StdEncoding.EncodeToString(p.Sum[:])
	}
	return hex.EncodeToString(p.Sum[:])
}

// judgePins compares what is served with pins, of which one must fit: the next
// one is written down before a change.
func judgePins(key string, pins []Pin, served []byte, fail func(key, want, got string)) {
	sum := sha256.Sum256(served)
	if len(pins) == 0 || slices.ContainsFunc(pins, func(p Pin) bool { return p.Sum == sum }) {
		return
	}
	fail(key, joined(pins), Pin{sum, pins[0].Base64}.String())
}
