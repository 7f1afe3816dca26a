package engine

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"slices"

	"smtplay/engine/keypair"
)

// LoadCertificates reads the certificates of a PEM file, in their order. That
// there is none, or one that is none, is an error, which does not quote the file.
func LoadCertificates(text []byte, name string) ([]*x509.Certificate, error) {
	return keypair.Certificates(text, name)
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
