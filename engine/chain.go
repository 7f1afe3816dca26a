package engine

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// chainProblems follows the chain to a trusted CA.
func (c *Certificate) chainProblems(roots *x509.CertPool) []string {
	chains, err := c.verify(c.Leaf(), roots, x509.ExtKeyUsageServerAuth)
	if err == nil {
		c.verified = chains
		return nil
	}
	path := c.path()
	top := path[len(path)-1]
	weak := slices.IndexFunc(path, func(cert *x509.Certificate) bool {
		return weakSignature(cert.SignatureAlgorithm) && !selfSigned(cert)
	})
	if weak < 0 {
		return []string{c.chainProblem(err, top)}
	}
	// What else is wrong shows at the top of the chain.
	problem := "weak signature " + path[weak].SignatureAlgorithm.String()
	if weak > 0 {
		problem += " of the CA certificate " + path[weak].Subject.String()
	}
	problems := []string{problem}
	if top != c.Leaf() {
		_, err = c.verify(top, roots, x509.ExtKeyUsageServerAuth)
	}
	if err == nil || knownIssuer(err) {
		return problems
	}
	return append(problems, c.chainProblem(err, top))
}

// verify asks for chains from cert to a trusted CA, at a time at which the
// server's own certificate is valid: its dates are judged apart.
func (c *Certificate) verify(cert *x509.Certificate, roots *x509.CertPool, usage x509.ExtKeyUsage) ([][]*x509.Certificate, error) {
	leaf, sent := c.Leaf(), x509.NewCertPool()
	for _, up := range c.Chain[1:] {
		sent.AddCert(up)
	}
	at := c.at
	if at.Before(leaf.NotBefore) {
		at = leaf.NotBefore
	} else if at.After(leaf.NotAfter) {
		at = leaf.NotAfter
	}
	return cert.Verify(x509.VerifyOptions{Roots: roots, Intermediates: sent, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{usage}})
}

// chainProblem says in words why no chain was found. top is the last
// certificate of those that were sent and follow from the server's own.
func (c *Certificate) chainProblem(err error, top *x509.Certificate) string {
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &unknown) && c.SelfSigned:
		return "self-signed certificate"
	case errors.As(err, &unknown) && strings.Contains(err.Error(), "cannot sign"):
		return fmt.Sprintf("issued by %s, which is no CA certificate", unknown.Cert.Issuer)
	case errors.As(err, &unknown) && knownIssuer(err):
		return fmt.Sprintf("bad signature: %s is not signed by the %s that is known here", unknown.Cert.Subject, unknown.Cert.Issuer)
	case errors.As(err, &unknown):
		if selfSigned(top) {
			return "no trusted CA: issued by " + top.Subject.String()
		}
		return "no trusted CA: issued by " + top.Issuer.String() + ", whose certificate was not sent"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the CA certificate " + invalid.Cert.Subject.String() + " is not valid now"
	case errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		return "not a certificate for servers"
	}
	return strings.TrimPrefix(err.Error(), "x509: ")
}

// knownIssuer says that a certificate with the issuer's name was there, and
// that the signature was not its. crypto/x509 tells it in the text alone.
func knownIssuer(err error) bool { return strings.Contains(err.Error(), "candidate authority") }

// maxSignatures is how many signatures are verified on the way up, whatever a
// server sends: crypto/x509 has the same bound.
const maxSignatures = 100

// otherKey says of a known issuer that the signature is of another key: not that
// its algorithm is refused, or that the issuer may not sign.
func otherKey(err error) bool {
	return knownIssuer(err) && !strings.Contains(err.Error(), "insecure algorithm") && !strings.Contains(err.Error(), "cannot sign")
}

// path follows the certificates that were sent from the server's own upwards. A
// name alone does not lead up: a CA that got a new key keeps it.
func (c *Certificate) path() []*x509.Certificate {
	path := []*x509.Certificate{c.Leaf()}
	for tried := 0; ; {
		cert := path[len(path)-1]
		i := slices.IndexFunc(c.Chain, func(up *x509.Certificate) bool {
			if !bytes.Equal(up.RawSubject, cert.RawIssuer) || slices.Contains(path, up) || tried == maxSignatures {
				return false
			}
			tried++
			return signed(up, cert)
		})
		if i < 0 || selfSigned(cert) {
			return path
		}
		path = append(path, c.Chain[i])
	}
}

// findMissing looks for the issuer that the server left out. That this machine
// has its certificate, as browsers keep those that they meet, makes it no less
// missing: a mail server that lacks it verifies nothing.
func (c *Certificate) findMissing(roots *x509.CertPool) {
	chains := c.verified
	path := c.path()
	top := path[len(path)-1]
	if chains == nil {
		// Whatever else is wrong, dates, use or weak signatures, the top tells.
		var err error
		if chains, err = c.verify(top, roots, x509.ExtKeyUsageAny); err != nil {
			var invalid x509.CertificateInvalidError
			if !selfSigned(top) && (!knownIssuer(err) || otherKey(err)) && !errors.As(err, &invalid) {
				c.Missing, c.MissingAt, c.Rekeyed = top.Issuer.String(), top.IssuingCertificateURL, otherKey(err)
			}
			return
		}
	}
	for _, chain := range chains {
		below, held := c.gap(chain)
		if below == nil {
			c.Missing, c.Held, c.MissingAt = "", false, nil
			return
		}
		c.Missing, c.Held, c.MissingAt = below.Issuer.String(), held, below.IssuingCertificateURL
	}
}

// gap is the certificate of a verified chain whose issuer was not sent and is no
// root, nil for none; held says that the chain goes on with it nevertheless.
func (c *Certificate) gap(chain []*x509.Certificate) (below *x509.Certificate, held bool) {
	for i, up := range chain[1:] {
		if !selfSigned(up) && !slices.ContainsFunc(c.Chain, up.Equal) {
			return chain[i], true
		}
	}
	// Of the server's own certificate that is trusted as such, nobody knows
	// what lies above. A CA that was sent and is trusted is where a chain ends.
	if leaf := chain[0]; len(chain) == 1 && leaf == c.Leaf() && !selfSigned(leaf) {
		return leaf, false
	}
	return nil, false
}

// missing says in words which certificate the server should have sent.
func (c *Certificate) missing() string {
	if c.Missing == "" {
		return "an intermediate CA is missing"
	}
	text := c.Missing + ", whose certificate was not sent, is no root that is trusted here: most likely an intermediate CA is missing"
	if c.Held {
		text = "the intermediate CA " + c.Missing + " is missing: this machine has it (its own store, or --ca) and can verify, others cannot"
	}
	if c.Rekeyed {
		text = c.Missing + ", whose certificate was not sent: the one of that name that is sent, or known here, has another key"
	}
	if len(c.MissingAt) > 0 {
		text += "; clients that fetch it from " + clip(c.MissingAt[0]) + " do not notice, mail servers do not fetch it"
	}
	return text
}

// clip keeps what a certificate says in a size that people read.
func clip(s string) string {
	const most = 200
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
