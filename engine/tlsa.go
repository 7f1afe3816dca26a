package engine

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// TLSA is what a TLSA record says of a certificate (RFC 6698 2.1).
type TLSA struct {
	Usage    uint8  // usageTA or usageEE, as far as SMTP knows
	Selector uint8  // 0: of the certificate, 1: of its public key
	Matching uint8  // 0: the whole of it, 1: its SHA-256, 2: its SHA-512
	Data     []byte // that
}

// The usages that SMTP has (RFC 7672 3.1).
const (
	usageTA = 2 // a CA above the server's own certificate
	usageEE = 3 // the server's own
)

// usageNames are the acronyms of RFC 7218 2.1.
var usageNames = []string{"PKIX-TA", "PKIX-EE", "DANE-TA", "DANE-EE"}

// ParseTLSA reads a record as zone files write it, behind "IN TLSA": three
// numbers and hexadecimal digits, which blanks may part. The error says what SMTP
// could do nothing with too.
func ParseTLSA(s string) (TLSA, error) {
	words := strings.Fields(s)
	for _, w := range words {
		if strings.EqualFold(w, "TLSA") {
			return TLSA{}, fmt.Errorf("%q is more than is compared: write what follows TLSA alone, as \"3 1 1 …\"", clip(s))
		}
	}
	if len(words) < 4 {
		return TLSA{}, fmt.Errorf("%q is no TLSA record: that is usage, selector, matching type and hexadecimal digits, as \"3 1 1 …\"", clip(s))
	}
	var numbers [3]uint8
	for i := range numbers {
		n, err := strconv.ParseUint(words[i], 10, 8)
		if err != nil {
			return TLSA{}, fmt.Errorf("%q is no TLSA record: its %s is a number, and not %q", clip(s), [...]string{"usage", "selector", "matching type"}[i], clip(words[i]))
		}
		numbers[i] = uint8(n)
	}
	data, err := hex.DecodeString(strings.Join(words[3:], ""))
	if err != nil {
		return TLSA{}, fmt.Errorf("%q is no TLSA record: behind the three numbers are hexadecimal digits, two for each byte", clip(s))
	}
	r := TLSA{numbers[0], numbers[1], numbers[2], data}
	if err := r.Unusable(); err != nil {
		return TLSA{}, fmt.Errorf("the TLSA record \"%s\": %w", r, err)
	}
	return r, nil
}

// Unusable says why mail servers pass over a record, whatever they are shown.
func (r TLSA) Unusable() error {
	switch {
	case r.Usage < usageTA:
		return fmt.Errorf("usage %d (%s) is not used by SMTP (RFC 7672 3.1.3): 3 is for the server's own certificate, 2 for a CA above it", r.Usage, usageNames[r.Usage])
	case r.Usage > usageEE:
		return fmt.Errorf("there is no usage %d: 3 is for the server's own certificate, 2 for a CA above it", r.Usage)
	case r.Selector > 1:
		return fmt.Errorf("there is no selector %d: 0 is for the whole certificate, 1 for its public key", r.Selector)
	case r.Matching > 2:
		return fmt.Errorf("there is no matching type %d: 0 is for the thing itself, 1 for its SHA-256, 2 for its SHA-512", r.Matching)
	case r.Matching == 0:
		return r.unreadable()
	}
	if size := [...]int{1: sha256.Size, 2: sha512.Size}[r.Matching]; len(r.Data) != size {
		return fmt.Errorf("matching type %d is SHA-%d, which has %d hexadecimal digits, and this has %d%s", r.Matching, size*8, size*2, len(r.Data)*2, otherSum(len(r.Data)))
	}
	return nil
}

// unreadable says that the thing itself, which a record holds, is none.
func (r TLSA) unreadable() error {
	if r.Selector == 0 {
		if _, err := x509.ParseCertificate(r.Data); err != nil {
			return errors.New("matching type 0 with selector 0 is a whole certificate, and this is none")
		}
		return nil
	}
	if _, err := x509.ParsePKIXPublicKey(r.Data); err != nil {
		return errors.New("matching type 0 with selector 1 is a whole public key, and this is none that Go knows")
	}
	return nil
}

// String is the record as zone files write it, but for the middle of a long one.
func (r TLSA) String() string {
	const most = sha512.Size
	if len(r.Data) > most {
		return fmt.Sprintf("%s %x… (%d bytes)", r.kind(), r.Data[:16], len(r.Data))
	}
	return fmt.Sprintf("%s %x", r.kind(), r.Data)
}

// kind is the record without its data.
func (r TLSA) kind() string { return fmt.Sprintf("%d %d %d", r.Usage, r.Selector, r.Matching) }

// of is the record of this kind that would be right for cert.
func (r TLSA) of(cert *x509.Certificate) TLSA {
	r.Data = cert.Raw
	if r.Selector == 1 {
		r.Data = cert.RawSubjectPublicKeyInfo
	}
	switch r.Matching {
	case 1:
		sum := sha256.Sum256(r.Data)
		r.Data = sum[:]
	case 2:
		sum := sha512.Sum512(r.Data)
		r.Data = sum[:]
	}
	return r
}

// fits says that the record is that of cert.
func (r TLSA) fits(cert *x509.Certificate) bool { return bytes.Equal(r.Data, r.of(cert).Data) }
