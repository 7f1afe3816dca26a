package engine

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"strings"

	"smtplay/engine/keypair"
)

// ClientRequest is what a server asked of the client for itself in a handshake.
type ClientRequest struct {
	Asked   bool              // for a certificate
	Issuers []string          // whose it accepts, empty for any
	Sent    *x509.Certificate // what it got, nil for none
}

// ClientRequest is whether the server asked for a certificate of the client, and
// what it got. The zero value in clear.
func (c *Conn) ClientRequest() ClientRequest {
	if c.state == nil {
		return ClientRequest{}
	}
	return c.state.client
}

// askedClient takes down what the server asks for, and answers with the
// certificate that was given, whomever it is of: what a server refuses is for
// the test to see.
func (s *tlsState) askedClient(given *tls.Certificate) func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		s.client.Asked = true
		for _, der := range info.AcceptableCAs {
			s.client.Issuers = append(s.client.Issuers, distinguishedName(der))
		}
		if given == nil {
			return &tls.Certificate{}, nil
		}
		s.client.Sent = given.Leaf
		return given, nil
	}
}

// distinguishedName reads a name as certificates hold it.
func distinguishedName(der []byte) string {
	var rdn pkix.RDNSequence
	if rest, err := asn1.Unmarshal(der, &rdn); err != nil || len(rest) > 0 {
		return fmt.Sprintf("a name that cannot be read (%d bytes)", len(der))
	}
	var n pkix.Name
	n.FillFromRDNSequence(&rdn)
	return n.String()
}

// wanted says which certificate the server asked for.
func (r ClientRequest) wanted() string {
	const most = 10
	issuers := r.Issuers
	switch {
	case len(issuers) == 0:
		return "a certificate of the client, of whatever issuer"
	case len(issuers) > most:
		return fmt.Sprintf("a certificate of the client, issued by %s or %d more", strings.Join(issuers[:most], " or "), len(issuers)-most)
	}
	return "a certificate of the client, issued by " + strings.Join(issuers, " or ")
}

// got says which certificate the server got.
func (r ClientRequest) got() string {
	if r.Sent == nil {
		return "none"
	}
	return fmt.Sprintf("%s, issued by %s", r.Sent.Subject, r.Sent.Issuer)
}

// noteClient says in the transcript what became of the client's certificate.
func (c *Conn) noteClient(r ClientRequest, given *tls.Certificate) {
	switch {
	case r.Asked:
		c.Note("the server asked for %s, and got %s", r.wanted(), r.got())
	case given != nil:
		c.Note("the server asked for no certificate of the client: %s was not sent", given.Leaf.Subject)
	}
}

// blameClient says of a refused handshake that the server had asked for a
// certificate, and what it got: the usual reason.
func (e *Error) blameClient(r ClientRequest) {
	if r.Asked {
		e.Want, e.Had = r.wanted(), r.got()
	}
}

// LoadClientCertificate makes a client's certificate of its PEM text, which may
// hold the chain above it, and that of its key, which may be the same text.
// certName and keyName are what errors call them; they do not quote them.
func LoadClientCertificate(cert []byte, certName string, key []byte, keyName string) (*tls.Certificate, error) {
	return keypair.Load("client", cert, certName, key, keyName)
}
