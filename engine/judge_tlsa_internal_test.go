package engine

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"smtplay/engine/server"
)

// tlsaOf is the record of a kind, such as "3 1 1", that is right for cert.
func tlsaOf(t *testing.T, kind string, cert *x509.Certificate) string {
	t.Helper()
	var usage, selector, matching int
	if _, err := fmt.Sscan(kind, &usage, &selector, &matching); err != nil {
		t.Fatal(err)
	}
	of := [][]byte{cert.Raw, cert.RawSubjectPublicKeyInfo}[selector]
	switch matching {
	case 1:
		sum := sha256.Sum256(of)
		of = sum[:]
	case 2:
		sum := sha512.Sum512(of)
		of = sum[:]
	}
	return kind + " " + hex.EncodeToString(of)
}

// One record that fits is enough, what does not fit says both sides.
func TestJudgeTLSA(t *testing.T) {
	now := time.Now()
	root := authority(t, server.AuthorityOptions{})
	between := authority(t, server.AuthorityOptions{Issuer: root})
	stranger := authority(t, server.AuthorityOptions{CommonName: "Stranger CA"})
	spent := authority(t, server.AuthorityOptions{CommonName: "Spent CA", NotBefore: now.Add(-48 * time.Hour), NotAfter: now.Add(-time.Hour)})
	good := shown(t, server.CertificateOptions{Issuer: between})
	expired := shown(t, server.CertificateOptions{Issuer: between, NotBefore: now.Add(-48 * time.Hour), NotAfter: now.Add(-time.Hour)})
	elsewhere := shown(t, server.CertificateOptions{Issuer: between, Names: []string{"x.example.net"}})
	spentChain := append(shown(t, server.CertificateOptions{Issuer: spent}), spent.Certificate)
	own := shown(t, server.CertificateOptions{})
	leaf, up := good[0], between.Certificate
	of := func(kind string, cert *x509.Certificate) string { return tlsaOf(t, kind, cert) }
	other := strings.Repeat("ab", 32)
	other512 := other + other
	for _, row := range []struct {
		name    string
		chain   []*x509.Certificate
		records []string
		want    string // "" where one fits
		got     string
	}{
		{"the key's SHA-256", good, []string{of("3 1 1", leaf)}, "", ""},
		{"the key's SHA-512", good, []string{of("3 1 2", leaf)}, "", ""},
		{"the key", good, []string{of("3 1 0", leaf)}, "", ""},
		{"the certificate's SHA-256", good, []string{of("3 0 1", leaf)}, "", ""},
		{"the certificate's SHA-512", good, []string{of("3 0 2", leaf)}, "", ""},
		{"the certificate", good, []string{of("3 0 0", leaf)}, "", ""},
		{"of two the second, as in a rollover", good, []string{"3 1 1 " + other, of("3 1 1", leaf)}, "", ""},
		{"with usage 3 neither dates nor names count", append(slices.Clone(expired[:1]), stranger.Certificate), []string{of("3 1 1", expired[0])}, "", ""},
		{"self-signed", own, []string{of("3 1 1", own[0])}, "", ""},
		{"the CA's key", good, []string{of("2 1 1", up)}, "", ""},
		{"the CA's certificate", good, []string{of("2 0 1", up)}, "", ""},
		{"the whole of the CA's certificate", good, []string{of("2 0 0", up)}, "", ""},
		{"the root's, which is sent", append(slices.Clone(good), root.Certificate), []string{of("2 0 2", root.Certificate)}, "", ""},
		{"a bad one beside a good one", good, []string{"1 1 1 " + other, of("3 1 1", leaf)}, "", ""},

		{"another key", good, []string{"3 1 1 " + other}, "3 1 1 " + other + ": of another certificate", "served is " + of("3 1 1", leaf)},
		{"neither of two", good, []string{"3 1 1 " + other, "3 0 2 " + other512}, "of another certificate; 3 0 2 " + other512, of("3 0 2", leaf) + "; " + of("3 1 1", leaf)},
		{"with the wrong selector", good, []string{"3 0 1 " + of("3 1 1", leaf)[6:]}, "it is of CN=mail.example.com: as 3 1 1 it would fit", "served is " + of("3 0 1", leaf)},
		{"the CA's as the server's own", good, []string{"3 1 1 " + of("2 1 1", up)[6:]}, "it is of CN=Scripted Intermediate CA: as 2 1 1 it would fit", of("3 1 1", leaf)},
		{"the server's own as a CA's", good, []string{"2 1 1 " + of("3 1 1", leaf)[6:]}, "it is of CN=mail.example.com: as 3 1 1 it would fit", of("2 1 1", up) + " (CN=Scripted Intermediate CA)"},
		{"a self-signed one as its own CA", own, []string{of("2 0 1", own[0])}, "as 3 0 1 it would fit", "served is no CA certificate, and " + of("3 0 1", own[0])},
		{"the same, sent twice", append(slices.Clone(own), own[0]), []string{of("2 0 1", own[0])}, "as 3 0 1 it would fit", "no CA certificate"},
		{"a CA that is not sent", good, []string{of("2 0 1", root.Certificate)}, "of no CA certificate that is sent", of("2 0 1", up)},
		{"the CA itself, which is not sent", good[:1], []string{of("2 0 0", up)}, "of no CA certificate that is sent", "served is no CA certificate, and " + of("3 0 1", leaf)},
		{"a CA that is sent and did not sign", append(slices.Clone(good), stranger.Certificate), []string{of("2 0 1", stranger.Certificate)}, "it is of CN=Stranger CA, which is sent, but the server's certificate, issued by CN=Scripted Intermediate CA, does not lead up to it", of("2 0 1", up)},
		{"with usage 2 the dates count", expired, []string{of("2 0 1", up)}, "but the certificate of CN=mail.example.com is not valid now", ""},
		{"those of the CA too", spentChain, []string{of("2 0 1", spent.Certificate)}, "but the certificate of CN=Spent CA is not valid now", ""},
		{"with usage 2 the name counts", elsewhere, []string{of("2 0 1", up)}, "but the certificate is for x.example.net, not for mail.example.com", ""},
		{"a client's", append(shown(t, server.CertificateOptions{Issuer: root, Client: true}), root.Certificate), []string{of("2 0 1", root.Certificate)}, "incompatible key usage", ""},
		{"usage 0", good, []string{"0 1 1 " + of("2 1 1", up)[6:]}, "usage 0 (PKIX-TA) is not used by SMTP (RFC 7672 3.1.3)", of("3 1 1", leaf)},
		{"usage 1", good, []string{"1 1 1 " + of("3 1 1", leaf)[6:]}, "usage 1 (PKIX-EE) is not used by SMTP (RFC 7672 3.1.3)", of("3 1 1", leaf)},
		{"a usage that is none", good, []string{"255 1 1 " + of("3 1 1", leaf)[6:]}, "there is no usage 255", of("3 1 1", leaf)},
		{"a selector that is none", good, []string{"3 2 1 " + of("3 1 1", leaf)[6:]}, "there is no selector 2", of("3 1 1", leaf)},
		{"a matching type that is none", good, []string{"3 1 3 " + of("3 1 1", leaf)[6:]}, "there is no matching type 3", of("3 1 1", leaf)},
		{"cut short", good, []string{of("3 1 1", leaf)[:68]}, "which has 64 hexadecimal digits, and this has 62", of("3 1 1", leaf)},
		{"empty", good, []string{"3 1 1 "}, "and this has 0", of("3 1 1", leaf)},
		{"empty, the whole key", good, []string{"3 1 0 "}, "a whole public key, and this is none", of("3 1 1", leaf)},
		{"the weaker digest beside the stronger", good, []string{of("3 1 1", leaf), "3 1 2 " + other512}, of("3 1 1", leaf) + ": it does not count beside a 3 1 2, whose digest is stronger (RFC 7671 9)", of("3 1 2", leaf)},
		{"the weaker one of another selector counts", good, []string{of("3 1 1", leaf), "3 0 2 " + other512}, "", ""},
		{"a stronger one that is damaged does not count", good, []string{of("3 1 1", leaf), "3 1 2 " + other}, "", ""},
		{"the thing itself counts beside digests", good, []string{of("3 1 0", leaf), "3 1 2 " + other512}, "", ""},
		{"none", good, nil, of("3 1 1", leaf), "there is no TLSA record"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := inspect(row.chain, name, root.Pool(), now)
			want := &TLSAWant{}
			for _, text := range row.records {
				want.Records = append(want.Records, raw(t, text))
			}
			short := c.Judge(CertificateWant{TLSA: want})
			switch {
			case row.want == "" && len(short) > 0:
				t.Error(short)
			case row.want != "" && (len(short) != 1 || short[0].Key != "tlsa" || !strings.Contains(short[0].Want, row.want) || !strings.Contains(short[0].Got, row.got)):
				t.Errorf("%q\nwant %q and %q", short, row.want, row.got)
			}
		})
	}
}

// raw reads a record that SMTP may have no use for.
func raw(t *testing.T, text string) TLSA {
	t.Helper()
	var r TLSA
	words := strings.Fields(text + " ")
	if _, err := fmt.Sscan(strings.Join(words[:3], " "), &r.Usage, &r.Selector, &r.Matching); err != nil {
		t.Fatal(err)
	}
	data, err := hex.DecodeString(strings.Join(words[3:], ""))
	if err != nil {
		t.Fatal(err)
	}
	r.Data = data
	return r
}

// What DNS says is told with where it is; what proves nothing is none, whatever it says.
func TestJudgeTLSAOfDNS(t *testing.T) {
	root := authority(t, server.AuthorityOptions{})
	chain := append(shown(t, server.CertificateOptions{Issuer: root}), root.Certificate)
	c := inspect(chain, "127.0.0.1", root.Pool(), time.Now())
	right := raw(t, tlsaOf(t, "3 1 1", chain[0]))
	for _, row := range []struct {
		reason string
		want   TLSAWant
		says   string
	}{
		{"good", TLSAWant{Owner: "_25._tcp.a.example", Records: []TLSA{right}}, ""},
		{"good, and not proven", TLSAWant{Owner: "_25._tcp.a.example", Records: []TLSA{right}, Problem: "not authenticated"}, "_25._tcp.a.example TLSA an authenticated record, as " + right.String() + " / not authenticated"},
		{"none", TLSAWant{Owner: "_25._tcp.a.example"}, "_25._tcp.a.example TLSA " + right.String() + " / there is no TLSA record"},
		{"the name is that of the record", TLSAWant{Name: name, Records: []TLSA{raw(t, tlsaOf(t, "2 0 1", root.Certificate))}}, ""},
		{"or that of the handshake", TLSAWant{Records: []TLSA{raw(t, tlsaOf(t, "2 0 1", root.Certificate))}}, "for mail.example.com, not for 127.0.0.1"},
	} {
		var said []string
		for _, s := range c.Judge(CertificateWant{TLSA: &row.want}) {
			said = append(said, s.Want+" / "+s.Got)
		}
		if got := strings.Join(said, "; "); (got == "") != (row.says == "") || !strings.Contains(got, row.says) {
			t.Errorf("%s: %s, want %s", row.reason, got, row.says)
		}
	}
}

// Very many records do not fill the screen, nor take long.
func TestManyTLSA(t *testing.T) {
	root := authority(t, server.AuthorityOptions{})
	c := inspect(append(shown(t, server.CertificateOptions{Issuer: root}), root.Certificate), name, root.Pool(), time.Now())
	want := &TLSAWant{Owner: "_25._tcp.a.example"}
	for i := range 1500 {
		want.Records = append(want.Records, TLSA{Usage: uint8(i % 256), Selector: uint8(i / 256), Matching: uint8(i % 3), Data: make([]byte, 40)})
	}
	want.Records = append(want.Records, TLSA{Usage: 3, Data: make([]byte, 60000)})
	began := time.Now()
	short := c.Judge(CertificateWant{TLSA: want})
	if len(short) != 1 || len(short[0].Want)+len(short[0].Got) > 6000 || time.Since(began) > 5*time.Second {
		t.Errorf("%v %d", time.Since(began), len(fmt.Sprint(short)))
	}
}

func TestParseTLSA(t *testing.T) {
	digits := strings.Repeat("0aF", 21) + "1"
	for _, row := range []struct{ text, msg string }{
		{"3 1 1 " + digits, ""}, {"  3  1\t1 " + digits[:30] + " " + digits[30:] + "\n", ""}, {"2 0 2 " + digits + digits, ""},
		{"", "is no TLSA record: that is usage, selector"}, {"3 1 1", "is no TLSA record"}, {"3 1 " + digits, "is no TLSA record"}, {digits, "is no TLSA record"},
		{"_25._tcp.a.example. IN TLSA 3 1 1 " + digits, "write what follows TLSA alone"}, {"tlsa 3 1 1 " + digits, "write what follows TLSA alone"},
		{"x 1 1 " + digits, `its usage is a number, and not "x"`}, {"3 -1 1 " + digits, "its selector is a number"}, {"3 1 256 " + digits, "its matching type is a number"},
		{"3 1 1 " + digits[1:], "two for each byte"}, {"3 1 1 ( " + digits + " )", "hexadecimal digits"}, {"3 1 1 " + digits[2:], "which has 64 hexadecimal digits, and this has 62"},
		{"3 1 1 " + digits[:40], "and this has 40, as SHA-1 has"}, {"3 1 2 " + digits, "matching type 2 is SHA-512, which has 128 hexadecimal digits, and this has 64"},
		{"3 0 0 " + digits, "is a whole certificate, and this is none"}, {"3 1 0 " + digits, "is a whole public key, and this is none"},
		{"0 1 1 " + digits, "usage 0 (PKIX-TA) is not used by SMTP (RFC 7672 3.1.3)"}, {"1 1 1 " + digits, "usage 1 (PKIX-EE) is not used by SMTP"},
		{"4 1 1 " + digits, "no usage 4"}, {"3 2 1 " + digits, "no selector 2"}, {"3 1 3 " + digits, "no matching type 3"},
	} {
		r, err := ParseTLSA(row.text)
		switch {
		case row.msg == "" && err != nil:
			t.Errorf("%q: %v", row.text, err)
		case row.msg != "" && (err == nil || !strings.Contains(err.Error(), row.msg)):
			t.Errorf("%q: %v %v, want %q", row.text, r, err, row.msg)
		}
	}
}

func FuzzParseTLSA(f *testing.F) {
	f.Add("3 1 1 " + strings.Repeat("ab", 32))
	f.Add("2 0 2 " + strings.Repeat("ab ", 64))
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseTLSA(text)
		if err != nil {
			return
		}
		if again, err := ParseTLSA(r.String()); len(r.Data) <= sha512.Size && (err != nil || again.String() != r.String()) {
			t.Errorf("%q: %v, then %v %v", text, r, again, err)
		}
	})
}
