package engine

import (
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Cipher is a cipher suite of TLS up to 1.2, with the names of the registry and
// of OpenSSL.
type Cipher struct {
	ID            uint16
	Name, OpenSSL string
	versions      []uint16
}

// Ciphers are the suites of TLS up to 1.2 that Go speaks, the weak ones too.
func Ciphers() []Cipher {
	var all []Cipher
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		if !slices.Contains(s.SupportedVersions, tls.VersionTLS13) {
			all = append(all, Cipher{s.ID, s.Name, opensslCipher(s.Name), s.SupportedVersions})
		}
	}
	return all
}

// CipherNames are the names that CipherNamed knows.
func CipherNames() []string {
	var names []string
	for _, c := range Ciphers() {
		names = append(names, c.Name, c.OpenSSL)
	}
	return names
}

// opensslCipher is what OpenSSL calls a suite of the registry's.
func opensslCipher(name string) string {
	exchange, rest, _ := strings.Cut(strings.TrimPrefix(name, "TLS_"), "_WITH_")
	rest = strings.NewReplacer("AES_128", "AES128", "AES_256", "AES256", "3DES_EDE_CBC", "DES-CBC3", "_CBC", "", "RC4_128", "RC4",
		"POLY1305_SHA256", "POLY1305", "_", "-").Replace(rest)
	if exchange == "RSA" {
		return rest
	}
	return strings.ReplaceAll(exchange, "_", "-") + "-" + rest
}

// UnspokenError is a cipher suite that Go's TLS does not have, or that it does
// not let anybody choose: it cannot be tried, whatever a server thinks of it.
type UnspokenError struct{ Name, Why string }

func (e *UnspokenError) Error() string { return fmt.Sprintf("%s cannot be tried: %s", e.Name, e.Why) }

// CipherNamed is the suite of a name, the registry's or OpenSSL's. Of one that
// Go does not speak the error is an [*UnspokenError].
func CipherNamed(name string) (Cipher, error) {
	all := Ciphers()
	if i := slices.IndexFunc(all, func(c Cipher) bool { return c.Name == name || c.OpenSSL == name }); i >= 0 {
		return all[i], nil
	}
	for _, s := range tls.CipherSuites() {
		if s.Name == name {
			return Cipher{}, &UnspokenError{name, "it is of TLS 1.3, of which Go's TLS always offers all; ciphers bounds TLS up to 1.2"}
		}
	}
	if cipherForm().MatchString(name) {
		return Cipher{}, &UnspokenError{name, "Go's TLS does not speak it (it has ECDHE and RSA key exchange, with AES, ChaCha20, 3DES and RC4)"}
	}
	if strings.ContainsAny(name, ":!+@") || slices.Contains([]string{"ALL", "DEFAULT", "HIGH", "MEDIUM", "LOW", "COMPLEMENTOFALL"}, name) {
		return Cipher{}, fmt.Errorf("%q is a cipher list of OpenSSL's: name each suite, { \"ECDHE-RSA-AES128-GCM-SHA256\", … }", name)
	}
	return Cipher{}, fmt.Errorf("no cipher suite is called %q", name)
}

// cipherForm is what the names of suites are made of, those of the registry and
// those of OpenSSL.
var cipherForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(` +
		`(TLS|SSL)_[A-Za-z0-9_]+_WITH_[A-Z0-9_]+|TLS_AES_(128|256)_CCM(_8)?_SHA256` +
		`|(` + cipherPart + `-)+` + cipherPart +
		`)$`)
})

const cipherPart = `(EXP|DHE|EDH|DH|ADH|ECDHE|ECDH|AECDH|RSA|DSS|ECDSA|PSK|SRP|KRB5|GOST2001|GOST2012|GOST89|AES128|AES256|AES|128|256|DES|IDEA|SEED|RC2|RC4|` +
	`CAMELLIA128|CAMELLIA256|ARIA128|ARIA256|CHACHA20|POLY1305|NULL|CBC|CBC3|GCM|CCM|CCM8|MD5|SHA|SHA256|SHA384)`

// checkCiphers says what cannot be meant by ciphers together with the bounds of
// the version: a suite that nobody offers is refused by every server.
func (o TLSOptions) checkCiphers() error {
	if len(o.Ciphers) == 0 {
		return nil
	}
	low, high := o.versions()
	if low >= tls.VersionTLS13 || high >= tls.VersionTLS13 {
		return fmt.Errorf("ciphers bounds TLS up to 1.2: Go's TLS does not let the suites of 1.3 be chosen")
	}
	for _, id := range o.Ciphers {
		all := Ciphers()
		i := slices.IndexFunc(all, func(c Cipher) bool { return c.ID == id })
		if i < 0 {
			return fmt.Errorf("the cipher suite %04X is none that Go's TLS speaks", id)
		}
		if !slices.ContainsFunc(all[i].versions, func(v uint16) bool { return low <= v && v <= high }) {
			return fmt.Errorf("%s is no suite of %s: with these versions it would not be offered", all[i].OpenSSL, versionRange(low, high))
		}
	}
	return nil
}

// versions are the bounds of the TLS version that a handshake has.
func (o TLSOptions) versions() (low, high uint16) {
	low, high = o.MinVersion, o.MaxVersion
	if high == 0 {
		high = tls.VersionTLS13
		if len(o.Ciphers) > 0 && low < tls.VersionTLS13 {
			high = tls.VersionTLS12
		}
	}
	if low == 0 {
		low = tls.VersionTLS12
		if high < tls.VersionTLS12 {
			low = tls.VersionTLS10
		}
	}
	return low, high
}

func versionRange(low, high uint16) string {
	if low == high {
		return tls.VersionName(low)
	}
	return tls.VersionName(low) + " to " + strings.TrimPrefix(tls.VersionName(high), "TLS ")
}

// offered says which versions and suites a handshake offers.
func offered(o TLSOptions) string {
	low, high := o.versions()
	text := versionRange(low, high)
	if len(o.Ciphers) == 0 {
		return text
	}
	var names []string
	for _, id := range o.Ciphers {
		names = append(names, opensslCipher(tls.CipherSuiteName(id)))
	}
	return text + " with " + strings.Join(names, ", ")
}

// chosenBelow names the version that a server chose in its ServerHello (RFC 5246
// 7.4.1.3) where it is below what was offered, which Go's TLS does not go on
// with: a server that is older than the one that was asked for.
func chosenBelow(came []byte, o TLSOptions) string {
	const handshake, serverHello = 22, 2 // of the record, of the message
	if len(came) < 11 || came[0] != handshake || came[5] != serverHello {
		return ""
	}
	chosen := binary.BigEndian.Uint16(came[9:])
	if low, _ := o.versions(); chosen >= low || chosen < tls.VersionTLS10 { // SSL is what Go does not speak
		return ""
	}
	return tls.VersionName(chosen)
}
