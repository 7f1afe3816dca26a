package lab

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"time"

	"smtplay/engine/lab/daemon"
	"smtplay/engine/server"
)

// An Issuer is who signed the server's certificate, and what of the chain the server sends.
type Issuer uint8

// The issuers.
const (
	// LabCA is the CA of CAFile.
	LabCA Issuer = iota
	// Intermediate is a CA below that of CAFile, and the server sends its certificate as well.
	Intermediate
	// IntermediateMissing is the same, but the server sends its own certificate only.
	IntermediateMissing
	// UnknownCA is a CA that is in nobody's file.
	UnknownCA
	// Self is the certificate's own key.
	Self
)

// A Key is the kind of the server's key.
type Key = server.KeyType

// The kinds.
const (
	// ECDSAP256 is an elliptic curve key, as good as RSA with 3072 bits, and quickly made.
	ECDSAP256 = server.ECDSAP256
	// RSA2048 is the usual RSA key.
	RSA2048 = server.RSA2048
	// RSA1024 is weak.
	RSA1024 = server.RSA1024
)

// A Certificate describes what the server shows for itself. The zero value is a good one.
type Certificate struct {
	// Names are the DNS names, the first of which is the common name as well; nil means
	// maila.example.com and plpb.example.com.
	Names []string
	// NotBefore and NotAfter bound its time. By default it ends in 90 days, and began 90 days
	// before its end or an hour ago, whichever is earlier. A NotAfter in the past makes an expired one.
	NotBefore, NotAfter time.Time
	// Key is its key.
	Key Key
	// Issuer is who signed it.
	Issuer Issuer
	// Chain and PrivateKey are PEM that is served as it is, in place of all of the above.
	Chain, PrivateKey []byte
}

func (c Certificate) clone() Certificate {
	c.Names = slices.Clone(c.Names)
	c.Chain, c.PrivateKey = bytes.Clone(c.Chain), bytes.Clone(c.PrivateKey)
	return c
}

// writeCertificate writes the files that the server shows to clients and proves itself with, unless
// they are there: an edit of something else leaves even what a test has put in their place.
func (p *Postfix) writeCertificate(c Certificate) error {
	if p.shown != nil && reflect.DeepEqual(*p.shown, c) {
		return nil
	}
	chain, key := c.Chain, c.PrivateKey
	if chain == nil && key == nil {
		made, err := c.issue(p.ca)
		if err != nil {
			return fmt.Errorf("lab: %w", err)
		}
		chain, key = made.CertPEM, made.KeyPEM
	}
	if err := daemon.WriteFile(p.KeyFile(), key, 0o600); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	if err := daemon.WriteFile(p.CertificateFile(), chain, 0o644); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	c = c.clone()
	p.shown = &c
	return nil
}

// issue makes the server's certificate as c describes it.
func (c Certificate) issue(ca *server.Authority) (made *server.Certificate, err error) {
	o := server.CertificateOptions{Names: c.Names, NotBefore: c.NotBefore, NotAfter: c.NotAfter, Key: c.Key}
	if o.Names == nil {
		o.Names = []string{Hostname, "plpb.example.com"}
	}
	if o.NotBefore.IsZero() && !o.NotAfter.IsZero() {
		if begin := o.NotAfter.AddDate(0, 0, -90); begin.Before(time.Now().Add(-time.Hour)) {
			o.NotBefore = begin
		}
	}
	switch c.Issuer {
	case LabCA:
		o.Issuer = ca
	case Intermediate, IntermediateMissing:
		o.Issuer, err = makeCA(server.AuthorityOptions{CommonName: "smtplay lab intermediate CA", Issuer: ca})
		o.OmitIntermediate = c.Issuer == IntermediateMissing
	case UnknownCA:
		// All roots with one type of key have the same key, so this one's is of another type.
		o.Issuer, err = makeCA(server.AuthorityOptions{CommonName: "unknown CA", Key: server.Ed25519})
	}
	if err != nil {
		return nil, err
	}
	return server.MakeCertificate(o)
}

// makeCA makes a CA that began years ago, so that it can have signed what has expired, and lasts for
// years. A process has one key for them, so the CAs of its labs vouch for each other's servers.
func makeCA(o server.AuthorityOptions) (*server.Authority, error) {
	o.NotBefore, o.NotAfter = time.Now().AddDate(-5, 0, 0), time.Now().AddDate(5, 0, 0)
	return server.MakeCA(o)
}
