package engine

import (
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"
	"testing"
	"time"

	"smtplay/engine/server"
)

// What is served is compared with all that the file holds.
func TestJudgeFile(t *testing.T) {
	root := authority(t, server.AuthorityOptions{})
	between := authority(t, server.AuthorityOptions{Issuer: root})
	whole := shown(t, server.CertificateOptions{Issuer: between})
	leaf, other := whole[0], shown(t, server.CertificateOptions{Issuer: between, Key: server.RSA2048})[0]
	own := shown(t, server.CertificateOptions{})
	for _, row := range []struct {
		name  string
		sends []*x509.Certificate
		disk  []*x509.Certificate
		want  string // "" where all is well
		got   string
	}{
		{"the certificate alone", whole, whole[:1], "", ""},
		{"the chain", whole, whole, "", ""},
		{"the chain with its root", whole, append(slices.Clone(whole), root.Certificate), "", ""},
		{"two chains, this one the second", whole, append([]*x509.Certificate{other, between.Certificate}, whole...), "", ""},
		{"self-signed", own, own, "", ""},
		{"self-signed, below others", own, append(slices.Clone(whole), own...), "", ""},
		{"a bundle that does not hold the CA above", whole[:1], []*x509.Certificate{leaf, root.Certificate}, "", ""},
		{"another of the same name", whole, []*x509.Certificate{other, between.Certificate}, "f.pem: CN=mail.example.com, serial ", "(was the server reloaded?)"},
		{"the CA above was put into the file, and is not sent", whole[:1], whole, "f.pem holds the CA above it too: CN=Scripted Intermediate CA", "the server does not send it (was it reloaded?)"},
		{"a CA alone", whole, []*x509.Certificate{between.Certificate}, "f.pem: CN=Scripted Intermediate CA", "CN=mail.example.com, serial "},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := inspect(row.sends, name, root.Pool(), time.Now())
			short := c.Judge(CertificateWant{File: "f.pem", Disk: row.disk})
			switch {
			case row.want == "" && len(short) > 0:
				t.Error(short)
			case row.want != "" && (len(short) != 1 || short[0].Key != "file" || !strings.HasPrefix(short[0].Want, row.want) || !strings.Contains(short[0].Got, row.got)):
				t.Errorf("%v, want %q and %q", short, row.want, row.got)
			}
		})
	}
}

func TestLoadCertificates(t *testing.T) {
	chain := shown(t, server.CertificateOptions{Issuer: authority(t, server.AuthorityOptions{Issuer: authority(t, server.AuthorityOptions{})})})
	block := func(kind string, b []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}) }
	first, second := block("CERTIFICATE", chain[0].Raw), block("CERTIFICATE", chain[1].Raw)
	key := block("PRIVATE KEY", []byte("SECRET"))
	for _, row := range []struct {
		name string
		text []byte
		n    int
		msg  string
	}{
		{"a chain", slices.Concat(first, second), 2, ""},
		{"the key first", slices.Concat(key, first), 1, ""},
		{"prose around it", slices.Concat([]byte("subject: SECRET\n"), first, []byte("\nSECRET\n")), 1, ""},
		{"as OpenSSL wrote it once", block("X509 CERTIFICATE", chain[0].Raw), 1, ""},
		{"the key alone", key, 0, "f.pem holds no certificate in PEM form"},
		{"nothing", nil, 0, "f.pem holds no certificate in PEM form"},
		{"text", []byte("SECRET"), 0, "f.pem holds no certificate in PEM form"},
		{"cut off", first[:len(first)-40], 0, "f.pem holds no certificate in PEM form"},
		{"DER", chain[0].Raw, 0, "openssl x509 -inform der"},
		{"rubbish behind the first", slices.Concat(first, block("CERTIFICATE", []byte("SECRET"))), 0, "f.pem: certificate 2 cannot be read"},
	} {
		t.Run(row.name, func(t *testing.T) {
			certs, err := LoadCertificates(row.text, "f.pem")
			if len(certs) != row.n || (err == nil) != (row.msg == "") {
				t.Fatalf("%d certificates, %v", len(certs), err)
			}
			if err != nil && (!strings.Contains(err.Error(), row.msg) || strings.Contains(err.Error(), "SECRET")) {
				t.Error(err)
			}
		})
	}
}
