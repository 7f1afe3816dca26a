package engine

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"golang.org/x/crypto/ocsp"
)

// Staple is the OCSP response that a server sent with its certificate (RFC 6066
// 8), as far as it can be believed.
type Staple struct {
	Status                 string // "good", "revoked" or "unknown"; "invalid" for one that proves nothing, "none" where nothing was sent
	Problem                string // why it is invalid
	ThisUpdate, NextUpdate time.Time
	RevokedAt              time.Time
	Reason                 int // of the revocation, RFC 5280 5.3.1
}

// StapleStatuses are the statuses that a certificate can be demanded to have.
var StapleStatuses = []string{"good", "revoked", "unknown", "none"}

// maxStaple bounds what is read, in bytes: one with a certificate within has a
// few thousand, and the time that its keys can cost grows with the square.
const maxStaple = 16 << 10

// clockSkew is how far ahead of ours a responder's clock may be.
const clockSkew = 5 * time.Minute

// Staple reads and verifies what the server stapled.
func (c *Certificate) Staple() Staple {
	if len(c.staple) == 0 {
		return Staple{Status: "none"}
	}
	invalid := func(format string, args ...any) Staple {
		return Staple{Status: "invalid", Problem: fmt.Sprintf(format, args...)}
	}
	if len(c.staple) > maxStaple {
		return invalid("it has %d bytes, more than the %d that are read", len(c.staple), maxStaple)
	}
	r, err := ocsp.ParseResponseForCert(c.staple, c.Leaf(), nil)
	var refusal ocsp.ResponseError
	switch {
	case errors.As(err, &refusal):
		return invalid("the responder had answered with the error %q", refusal.Status)
	case err != nil:
		return invalid("it cannot be read: %v", err)
	}
	issuer := c.issuer()
	if issuer == nil {
		return invalid("it cannot be verified without the certificate of the issuer, %s", c.Leaf().Issuer)
	}
	if err := c.responder(r, issuer); err != nil {
		return invalid("%v", err)
	}
	if !aboutIssuer(r, issuer) {
		return invalid("it is of the certificate with this number of another issuer, not of %s", issuer.Subject)
	}
	s := Staple{Status: "invalid", ThisUpdate: r.ThisUpdate, NextUpdate: r.NextUpdate}
	switch {
	case r.ThisUpdate.After(c.at.Add(clockSkew)):
		s.Problem = "it holds from " + day(r.ThisUpdate) + " on only"
	case r.NextUpdate.IsZero():
		s.Problem = "it does not say until when it holds"
	case r.NextUpdate.Before(c.at):
		s.Problem = "it is too old: it held until " + day(r.NextUpdate)
	case r.Status == ocsp.Good:
		s.Status = "good"
	case r.Status == ocsp.Revoked:
		s.Status, s.RevokedAt, s.Reason = "revoked", r.RevokedAt, r.RevocationReason
	default:
		s.Status = "unknown"
	}
	return s
}

// responder says why who signed a response may not (RFC 6960 4.2.2.2). The
// signature itself is verified where a certificate lies within.
func (c *Certificate) responder(r *ocsp.Response, issuer *x509.Certificate) error {
	by := r.Certificate
	switch {
	case by == nil:
		if r.CheckSignatureFrom(issuer) != nil {
			return fmt.Errorf("it is not signed by the certificate's issuer, %s", issuer.Subject)
		}
	case bytes.Equal(by.RawSubjectPublicKeyInfo, issuer.RawSubjectPublicKeyInfo):
	case !signed(issuer, by):
		return fmt.Errorf("it is signed by %s, whom the certificate's issuer, %s, does not vouch for", by.Subject, issuer.Subject)
	case !slices.Contains(by.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning):
		return fmt.Errorf("it is signed by %s, whom the issuer does not let sign OCSP responses", by.Subject)
	case c.at.Before(by.NotBefore), c.at.After(by.NotAfter):
		return fmt.Errorf("it is signed by %s, whose certificate is not valid now", by.Subject)
	}
	return nil
}

// certID is what a response says of the certificate that it is about (RFC 6960
// 4.1.1). What follows it is left to [ocsp.ParseResponseForCert], which compares
// the serial number alone.
type certID struct {
	ID struct {
		Hash              pkix.AlgorithmIdentifier
		NameHash, KeyHash []byte
		Serial            *big.Int
	}
}

// aboutIssuer says that the certificate that a response is about is one of this
// issuer's: whoever signs for several issuers has the same number more than once
// (RFC 6960 3.2, requirement 1).
func aboutIssuer(r *ocsp.Response, issuer *x509.Certificate) bool {
	var data struct {
		Version   int `asn1:"optional,default:0,explicit,tag:0"`
		Responder asn1.RawValue
		Produced  time.Time `asn1:"generalized"`
		Responses []certID
	}
	var key struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(r.TBSResponseData, &data); err != nil {
		return false
	}
	if _, err := asn1.Unmarshal(issuer.RawSubjectPublicKeyInfo, &key); err != nil || !r.IssuerHash.Available() {
		return false
	}
	i := slices.IndexFunc(data.Responses, func(c certID) bool { return c.ID.Serial.Cmp(r.SerialNumber) == 0 })
	if i < 0 {
		return false
	}
	sum := func(b []byte) []byte {
		h := r.IssuerHash.New()
		h.Write(b)
		return h.Sum(nil)
	}
	return bytes.Equal(data.Responses[i].ID.NameHash, sum(issuer.RawSubject)) && bytes.Equal(data.Responses[i].ID.KeyHash, sum(key.Key.RightAlign()))
}

// issuer is the certificate of who signed the server's own, nil where it was
// neither sent nor is known.
func (c *Certificate) issuer() *x509.Certificate {
	above := c.Chain
	for _, chain := range c.verified {
		above = slices.Concat(above, chain)
	}
	i := slices.IndexFunc(above, func(up *x509.Certificate) bool {
		return bytes.Equal(up.RawSubject, c.Leaf().RawIssuer) && signed(up, c.Leaf())
	})
	if i < 0 {
		return nil
	}
	return above[i]
}

// The TLS feature of RFC 7633 4 by which a certificate demands stapling.
var (
	tlsFeature    = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 24}
	statusRequest = 5
)

// MustStaple says whether the certificate demands that the server staples.
func (c *Certificate) MustStaple() bool {
	for _, e := range c.Leaf().Extensions {
		var features []int
		if e.Id.Equal(tlsFeature) {
			_, err := asn1.Unmarshal(e.Value, &features)
			return err == nil && slices.Contains(features, statusRequest)
		}
	}
	return false
}

// String says what was stapled, as a person is told.
func (s Staple) String() string {
	switch s.Status {
	case "none":
		return "nothing was stapled"
	case "invalid":
		return "what was stapled proves nothing: " + s.Problem
	case "revoked":
		return fmt.Sprintf("revoked on %s, for the reason %s", day(s.RevokedAt), reasonOf(s.Reason))
	}
	return s.Status + ", until " + day(s.NextUpdate)
}

// reasonOf names a reason for revocation (RFC 5280 5.3.1).
func reasonOf(reason int) string {
	names := []string{"unspecified", "keyCompromise", "cACompromise", "affiliationChanged", "superseded", "cessationOfOperation", "certificateHold", "", "removeFromCRL", "privilegeWithdrawn", "aACompromise"}
	if reason < 0 || reason >= len(names) || names[reason] == "" {
		return fmt.Sprint(reason)
	}
	return names[reason]
}

// judgeStaple judges what was stapled, and whether it had to be.
func (c *Certificate) judgeStaple(want CertificateWant, fail func(key, want, got string)) {
	staple, must := c.Staple(), c.MustStaple()
	switch {
	case want.MustStaple == nil:
	case *want.MustStaple && !must:
		fail("must_staple", "the certificate demands stapling", "it does not")
	case *want.MustStaple && staple.Status == "none":
		fail("must_staple", "the certificate demands stapling, and the server staples", "it demands it, and nothing was stapled")
	case *want.MustStaple && staple.Status == "invalid":
		// Who minds the demand hangs up as if nothing had come.
		fail("must_staple", "the certificate demands stapling, and the server staples", "it demands it, and "+staple.String())
	case !*want.MustStaple && must:
		fail("must_staple", "the certificate demands no stapling", "it does")
	}
	if want.OCSP != "" && want.OCSP != staple.Status {
		got := staple.String()
		if staple.Status == "none" && must {
			got += ", though the certificate demands it"
		}
		fail("ocsp", want.OCSP, got)
	}
}
