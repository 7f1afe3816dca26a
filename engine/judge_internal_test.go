package engine

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"smtplay/engine/server"
)

func pins(t *testing.T, texts ...string) []Pin {
	t.Helper()
	var all []Pin
	for _, text := range texts {
		p, err := ParsePin(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// Every key is judged, all that fall short are told at once, and each says both
// sides.
func TestJudge(t *testing.T) {
	root := authority(t, server.AuthorityOptions{})
	chain := shown(t, server.CertificateOptions{Issuer: root})
	leaf := chain[0]
	c := inspect(chain, name, root.Pool(), time.Now())
	old := inspect(shown(t, server.CertificateOptions{Issuer: root, SHA1: true}), name, root.Pool(), time.Now())
	yes, no, days, bits, manyDays, manyBits := true, false, 80, 3072, 100, 4096
	life, short := 91, 90
	sum, key := Fingerprint(leaf), KeyFingerprint(leaf)
	raw := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	key64 := base64.StdEncoding.EncodeToString(raw[:])
	other := strings.Repeat("ab", 32)
	for _, row := range []struct {
		name  string
		cert  *Certificate
		want  CertificateWant
		keys  string
		sides []string // what must be said
	}{
		{"nothing", c, CertificateWant{}, "", nil},
		{"all good", c, CertificateWant{Names: []string{name}, Issuer: "Scripted Root CA", SelfSigned: &no, Trusted: &yes, Chain: &yes, MinDaysLeft: &days, MaxLifetime: &life, KeyTypes: []string{"RSA", "ECDSA"},
			MinKeyBits: &bits, Signatures: []string{"SHA-256"}, SHA256: pins(t, sum), SPKI: pins(t, key), File: "x", Disk: chain}, "", nil},
		{"all bad", c, CertificateWant{Names: []string{"x.example.com"}, Issuer: "x", SelfSigned: &yes, Trusted: &no, Chain: &no, MinDaysLeft: &manyDays, MaxLifetime: &short, KeyTypes: []string{"RSA", "Ed25519"},
			MinKeyBits: &manyBits, Signatures: []string{"SHA-384", "SHA256-RSA"}, SHA256: pins(t, other), SPKI: pins(t, other), File: "x", Disk: []*x509.Certificate{root.Certificate}},
			"name issuer self_signed trusted chain min_days_left max_lifetime key_type min_key_bits signature_algorithm sha256 spki file", []string{
				"name: x.example.com / mail.example.com", "issuer: x / CN=Scripted Root CA", "self_signed: self-signed / issued by CN=Scripted Root CA", "trusted: not trusted: ", " / trusted",
				"min_days_left: 100 days / 89 days, until ", "max_lifetime: at most 90 days / 91 days, from ", "key_type: RSA or Ed25519 / ECDSA, 256 bits",
				"min_key_bits: 4096 bits of RSA strength / ECDSA, 256 bits, as strong as 3072 of RSA", "signature_algorithm: SHA-384 or SHA256-RSA / ECDSA-SHA256", "sha256: " + other + " / " + sum, "spki: " + other + " / " + key, "file: x: CN=Scripted Root CA"}},
		{"one of several names", c, CertificateWant{Names: []string{name, "imap.example.com", "x.example.com"}}, "name", []string{"name: imap.example.com, x.example.com / mail.example.com"}},
		{"a fingerprint as openssl writes it", c, CertificateWant{SHA256: pins(t, "SHA256 Fingerprint="+strings.ToUpper(sum[:2]+":"+sum[2:]))}, "", nil},
		{"the next pin, and this one", c, CertificateWant{SPKI: pins(t, other, key)}, "", nil},
		{"neither of two pins", c, CertificateWant{SPKI: pins(t, other, strings.Repeat("0", 64))}, "spki", []string{"spki: " + other + " or 000"}},
		{"a pin in base64", c, CertificateWant{SPKI: pins(t, key64)}, "", nil},
		{"another pin in base64 is told in base64", c, CertificateWant{SPKI: pins(t, "sha256//"+base64.StdEncoding.EncodeToString(make([]byte, 32)))}, "spki", []string{"AAA= / " + key64}},
		{"the key's pin is not the certificate's", c, CertificateWant{SHA256: pins(t, key), SPKI: pins(t, sum)}, "sha256 spki", nil},
		{"SHA-1 by name", old, CertificateWant{Signatures: []string{"ecdsa-with-SHA1"}}, "", nil},
		{"SHA-1 where it should not be", old, CertificateWant{Signatures: []string{"SHA-256", "SHA-384"}}, "signature_algorithm", []string{"SHA-256 or SHA-384 / ECDSA-SHA1: SHA-1 can be forged, and is not trusted any more"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			var keys, all []string
			for _, s := range row.cert.Judge(row.want) {
				keys = append(keys, s.Key)
				all = append(all, s.Key+": "+s.Want+" / "+s.Got)
			}
			text := strings.Join(all, "\n")
			if strings.Join(keys, " ") != row.keys {
				t.Errorf("short in %v:\n%s", keys, text)
			}
			for _, side := range row.sides {
				if !strings.Contains(text, side) {
					t.Errorf("lacks %q:\n%s", side, text)
				}
			}
		})
	}
}

func TestParsePin(t *testing.T) {
	raw := sha256.Sum256([]byte("x"))
	digits, text := hex.EncodeToString(raw[:]), base64.StdEncoding.EncodeToString(raw[:])
	colons := strings.ToUpper(strings.TrimSuffix(insert(digits, ":"), ":"))
	for _, row := range []struct{ text, msg string }{
		{digits, ""}, {strings.ToUpper(digits), ""}, {colons, ""}, {" " + digits + "\n", ""}, {"sha256:" + digits, ""}, {"SHA256 Fingerprint=" + colons, ""}, {"sha256 Fingerprint=" + colons, ""},
		{text, ""}, {strings.TrimRight(text, "="), ""}, {"sha256//" + text, ""}, {"sha256/" + text, ""}, {`pin-sha256="` + text + `"`, ""},
		{"", "64 hexadecimal digits, and this 0"}, {digits[:40], "and this 40, as SHA-1 has"}, {digits[:32], "and this 32, as MD5 has"}, {digits + digits, "as SHA-512 has"},
		{digits[:62], "and this 62"}, {digits[:63] + "g", "has 32 bytes, and this base64 has 48"}, {"mail.example.com", "is no SHA-256"}, {text[:27], "as SHA-1 has"},
		{base64.StdEncoding.EncodeToString(raw[:20]), "this base64 has 20, as SHA-1 has"}, {"sha256:", "is no SHA-256"},
	} {
		p, err := ParsePin(row.text)
		switch {
		case row.msg == "" && (err != nil || p.Sum != raw):
			t.Errorf("%q: %v, %v", row.text, p, err)
		case row.msg != "" && (err == nil || !strings.Contains(err.Error(), row.msg)):
			t.Errorf("%q: %v, want %q", row.text, err, row.msg)
		}
	}
}

func insert(digits, between string) string {
	var b strings.Builder
	for i := 0; i < len(digits); i += 2 {
		b.WriteString(digits[i:i+2] + between)
	}
	return b.String()
}

func FuzzParsePin(f *testing.F) {
	f.Add("sha256//" + strings.Repeat("A", 43) + "=")
	f.Add(strings.Repeat("ab:", 31) + "ab")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePin(text)
		if err != nil {
			return
		}
		again, err := ParsePin(p.String())
		if err != nil || again != p {
			t.Errorf("%q: %v, then %v %v", text, p, again, err)
		}
	})
}

// A name of an algorithm stands for what OpenSSL and Go mean by it.
func TestSignaturesNamed(t *testing.T) {
	for _, row := range []struct {
		name string
		want int
		is   x509.SignatureAlgorithm
	}{
		{"SHA256-RSA", 1, x509.SHA256WithRSA}, {"sha256WithRSAEncryption", 1, x509.SHA256WithRSA}, {"ecdsa-with-SHA384", 1, x509.ECDSAWithSHA384}, {"ECDSA-SHA384", 1, x509.ECDSAWithSHA384},
		{"SHA-256", 4, x509.SHA256WithRSAPSS}, {"sha256", 4, x509.ECDSAWithSHA256}, {"SHA1", 3, x509.SHA1WithRSA}, {"ed25519", 1, x509.PureEd25519}, {"MD5", 1, x509.MD5WithRSA},
		{"SHA", 0, 0}, {"", 0, 0}, {"RSA", 0, 0},
	} {
		got := SignaturesNamed(row.name)
		found := row.want == 0
		for _, a := range got {
			found = found || a == row.is
		}
		if len(got) != row.want || !found {
			t.Errorf("%s: %v", row.name, got)
		}
	}
	for _, name := range SignatureNames() {
		if SignaturesNamed(name) == nil {
			t.Errorf("%s is listed, and is none", name)
		}
	}
}

// What certificates have and Go's TLS has not is told apart from what nobody has.
func TestUnspoken(t *testing.T) {
	for name, want := range map[string]bool{
		"DSA": true, "Ed448": true, "sha224WithRSAEncryption": true, "ecdsa-with-SHA3-256": true, "SM2": true, "ML-DSA-65": true, "GOST2012": true,
		"RSA": false, "ECDSA": false, "Ed25519": false, "dsaWithSHA1": false, "ecdsa-with-SHA256": false, "ECDA": false, "ecdsa": false, "": false, "x": false,
	} {
		if err := Unspoken(name); (err != nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLifetime(t *testing.T) {
	const day = 24 * time.Hour
	from := time.Now()
	for whole, want := range map[time.Duration]int{90*day - time.Second: 90, 90 * day: 91, time.Hour: 1, 398*day - time.Second: 398} {
		c := &Certificate{Chain: []*x509.Certificate{{NotBefore: from, NotAfter: from.Add(whole)}}}
		if got := c.Lifetime(); got != want {
			t.Errorf("%v: %d, want %d", whole, got, want)
		}
	}
}
