package engine

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
)

// LoadCertificates reads the certificates of a PEM file, in their order. That
// there is none, or one that is none, is an error, which does not quote the file.
func LoadCertificates(text []byte, name string) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if !strings.HasSuffix(block.Type, "CERTIFICATE") { // keys lie beside them; of old: X509 CERTIFICATE
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: certificate %d cannot be read: it is damaged, or none", name, len(certs)+1)
		}
		certs = append(certs, cert)
	}
	if len(certs) > 0 {
		return certs, nil
	}
	if _, err := x509.ParseCertificates(text); err == nil && len(text) > 0 {
		return nil, fmt.Errorf("%s is a certificate in DER form: openssl x509 -inform der -in FILE makes PEM of it", name)
	}
	return nil, fmt.Errorf("%s holds no certificate in PEM form", name)
}

// judgeFile compares what is served with what is on disk: they differ when the
// server was not reloaded. The file may hold several certificates with their
// chains, of which a server shows the one that the client can use.
func (c *Certificate) judgeFile(name string, disk []*x509.Certificate, fail func(key, want, got string)) {
	if !slices.ContainsFunc(disk, c.Leaf().Equal) {
		fail("file", name+": "+describe(disk[0]), describe(c.Leaf())+" (was the server reloaded?)")
		return
	}
	below := c.Leaf()
	for range disk {
		i := slices.IndexFunc(disk, func(up *x509.Certificate) bool {
			return up.IsCA && bytes.Equal(up.RawSubject, below.RawIssuer) && signed(up, below)
		})
		if i < 0 || selfSigned(disk[i]) { // a root need not be sent
			return
		}
		if below = disk[i]; !slices.ContainsFunc(c.Chain, below.Equal) {
			fail("file", name+" holds the CA above it too: "+describe(below), "the server does not send it (was it reloaded?)")
			return
		}
	}
}

// signed says whether up has signed below, with whatever algorithm.
func signed(up, below *x509.Certificate) bool {
	return up.CheckSignature(below.SignatureAlgorithm, below.RawTBSCertificate, below.Signature) == nil
}

func describe(cert *x509.Certificate) string {
	return fmt.Sprintf("%s, serial %X, from %s until %s", cert.Subject, cert.SerialNumber, day(cert.NotBefore), day(cert.NotAfter))
}
