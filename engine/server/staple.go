package server

import (
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"time"

	"golang.org/x/crypto/ocsp"
)

// StapleStatus is what an OCSP response says of a certificate.
type StapleStatus uint8

// The statuses of RFC 6960 section 2.2.
const (
	StapleGood StapleStatus = iota
	StapleRevoked
	StapleUnknown
)

// Responder is who signs an OCSP response.
type Responder uint8

// The responders of RFC 6960 section 4.2.2.2, and two that may not.
const (
	ResponderIssuer     Responder = iota // the certificate's issuer itself
	ResponderEmbedded                    // the same, whose certificate lies within
	ResponderDelegate                    // one whom the issuer allows it
	ResponderUnentitled                  // one whom the issuer gave a certificate for servers alone
	ResponderExpired                     // a delegate whose time is over
)

// StapleOptions say what an OCSP response is like. The zero value makes a good
// one that holds from an hour ago for a week.
type StapleOptions struct {
	Status                 StapleStatus
	Responder              Responder
	About                  *Authority // whose certificate of that number it speaks of; nil for the authority's own
	ThisUpdate, NextUpdate time.Time
	Endless                bool // it does not say until when it holds
}

// Staple makes the OCSP response to certificate that its issuer would, for
// tls.Certificate.OCSPStaple or a server's file. It fails where the issuer has
// no key that can sign one.
func (a *Authority) Staple(certificate *Certificate, o StapleOptions) ([]byte, error) {
	if o.ThisUpdate.IsZero() {
		o.ThisUpdate = time.Now().Add(-time.Hour)
	}
	if o.NextUpdate.IsZero() && !o.Endless {
		o.NextUpdate = o.ThisUpdate.Add(7 * 24 * time.Hour)
	}
	response := ocsp.Response{
		Status:       [...]int{ocsp.Good, ocsp.Revoked, ocsp.Unknown}[o.Status],
		SerialNumber: certificate.TLS.Leaf.SerialNumber,
		ThisUpdate:   o.ThisUpdate,
		NextUpdate:   o.NextUpdate,
	}
	if o.Status == StapleRevoked {
		response.RevokedAt, response.RevocationReason = o.ThisUpdate, ocsp.KeyCompromise
	}
	responder, signer, err := a.responder(o.Responder)
	if err != nil {
		return nil, fmt.Errorf("make staple: %w", err)
	}
	if o.Responder != ResponderIssuer {
		response.Certificate = responder
	}
	about := a
	if o.About != nil {
		about = o.About
	}
	der, err := ocsp.CreateResponse(about.Certificate, responder, response, signer)
	if err != nil {
		return nil, fmt.Errorf("make staple: %w", err)
	}
	return der, nil
}

// responder is the certificate and the key that sign a response.
func (a *Authority) responder(who Responder) (*x509.Certificate, crypto.Signer, error) {
	if who == ResponderIssuer || who == ResponderEmbedded {
		return a.Certificate, a.key, nil
	}
	key, err := ECDSAP256.key(roleLeaf)
	if err != nil {
		return nil, nil, err
	}
	template := unsigned("Scripted Responder", time.Time{}, time.Time{})
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning}
	switch who {
	case ResponderUnentitled:
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	case ResponderExpired:
		template.NotBefore, template.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
	}
	certificate, err := sign(template, a.Certificate, key.Public(), a.key, false)
	return certificate, key, err
}

// The extension by which a certificate demands stapling: the TLS feature
// status_request, RFC 7633 section 4.
var (
	mustStapleID    = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 24}
	mustStapleValue = []byte{0x30, 3, 2, 1, 5}
)
