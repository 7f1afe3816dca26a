package engine

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
)

// KeyTypes are the types of keys that a certificate can have, as Key names them.
var KeyTypes = []string{"RSA", "ECDSA", "Ed25519"}

// unspoken are what certificates have that Go's TLS does not take part in, in
// the spelling of plainName.
var unspoken = []string{"dsa", "ed448", "gost", "sm2", "sm3", "sha224", "sha3", "ripemd160", "md2", "mldsa", "slhdsa"}

// Unspoken says of a type of key or signature that certificates have it, but
// that no handshake of smtplay's can show one: an [*UnspokenError], else nil.
func Unspoken(name string) error {
	if slices.Contains(KeyTypes, name) || SignaturesNamed(name) != nil {
		return nil
	}
	plain := plainName(name)
	if !slices.ContainsFunc(unspoken, func(u string) bool { return strings.HasPrefix(plain, u) || strings.Contains(plain, "with"+u) }) {
		return nil
	}
	return &UnspokenError{name, "Go's TLS takes no certificate of that kind (it has " + strings.Join(KeyTypes, ", ") + " keys, signed with SHA-1 or SHA-2)"}
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

// strength is a certificate's key, with what one of another type counts as.
func strength(cert *x509.Certificate) string {
	kind, bits := Key(cert)
	text := fmt.Sprintf("%s, %d bits", kind, bits)
	if kind != "RSA" {
		text += fmt.Sprintf(", as strong as %d of RSA", rsaStrength(cert))
	}
	return text
}

// signatures are the algorithms that Go can name, with the hash and the name
// that OpenSSL gives each.
var signatures = []struct {
	algorithm     x509.SignatureAlgorithm
	hash, openssl string
}{
	{x509.MD5WithRSA, "MD5", "md5WithRSAEncryption"},
	{x509.SHA1WithRSA, "SHA-1", "sha1WithRSAEncryption"},
	{x509.SHA256WithRSA, "SHA-256", "sha256WithRSAEncryption"},
	{x509.SHA384WithRSA, "SHA-384", "sha384WithRSAEncryption"},
	{x509.SHA512WithRSA, "SHA-512", "sha512WithRSAEncryption"},
	{x509.DSAWithSHA1, "SHA-1", "dsaWithSHA1"},
	{x509.DSAWithSHA256, "SHA-256", "dsa_with_SHA256"},
	{x509.ECDSAWithSHA1, "SHA-1", "ecdsa-with-SHA1"},
	{x509.ECDSAWithSHA256, "SHA-256", "ecdsa-with-SHA256"},
	{x509.ECDSAWithSHA384, "SHA-384", "ecdsa-with-SHA384"},
	{x509.ECDSAWithSHA512, "SHA-512", "ecdsa-with-SHA512"},
	{x509.SHA256WithRSAPSS, "SHA-256", "rsassaPss-SHA256"},
	{x509.SHA384WithRSAPSS, "SHA-384", "rsassaPss-SHA384"},
	{x509.SHA512WithRSAPSS, "SHA-512", "rsassaPss-SHA512"},
	{x509.PureEd25519, "Ed25519", "ED25519"},
}

// SignatureNames are the names that SignaturesNamed knows: Go's, OpenSSL's, and
// those of the hashes alone.
func SignatureNames() []string {
	var names []string
	for _, s := range signatures {
		names = append(names, s.algorithm.String(), s.openssl, s.hash)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// SignaturesNamed are the signature algorithms that a name stands for: one, or
// with the name of a hash all that use it. Case and hyphens do not count. It is
// nil for a name that is none.
func SignaturesNamed(name string) []x509.SignatureAlgorithm {
	var named []x509.SignatureAlgorithm
	for _, s := range signatures {
		if slices.ContainsFunc([]string{s.algorithm.String(), s.openssl, s.hash}, func(known string) bool { return plainName(known) == plainName(name) }) {
			named = append(named, s.algorithm)
		}
	}
	return named
}

func plainName(s string) string {
	return strings.ToLower(strings.NewReplacer("-", "", "_", "", " ", "").Replace(s))
}

func weakSignature(a x509.SignatureAlgorithm) bool {
	switch a {
	case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
		return true
	}
	return false
}

// signature names the algorithm of a certificate's signature, and says of a weak
// one that it is.
func signature(cert *x509.Certificate) string {
	for _, s := range signatures {
		if s.algorithm == cert.SignatureAlgorithm && weakSignature(s.algorithm) {
			return fmt.Sprintf("%s: %s can be forged, and is not trusted any more", s.algorithm, s.hash)
		}
	}
	return cert.SignatureAlgorithm.String()
}
