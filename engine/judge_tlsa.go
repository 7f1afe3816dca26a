package engine

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// TLSAWant are the TLSA records of which one must fit what is served (RFC 7671).
type TLSAWant struct {
	Records []TLSA
	Owner   string // where in DNS they are, "" where they were written down
	Name    string // the name that a CA's certificates must be for; "" for the one that the handshake checked
	Problem string // why what DNS said proves nothing, "" where it does
}

// judgeTLSA judges what is served as a mail server with DANE would that comes to
// deliver: one record that fits is enough. With usage 3 nothing but the
// certificate counts, neither its dates nor its names (RFC 7672 3.1.1).
func (c *Certificate) judgeTLSA(want TLSAWant, fail func(key, want, got string)) {
	at := ""
	if want.Owner != "" {
		at = want.Owner + " TLSA "
	}
	right := TLSA{Usage: usageEE, Selector: 1, Matching: 1}.of(c.Leaf())
	switch {
	case want.Problem != "":
		fail("tlsa", at+"an authenticated record, as "+right.String(), want.Problem)
		return
	case len(want.Records) == 0:
		fail("tlsa", at+right.String(), "there is no TLSA record")
		return
	}
	var misses, rights, kinds []string
	for _, r := range want.Records {
		why := c.misfit(r, want)
		if why == "" {
			return
		}
		misses = append(misses, r.String()+": "+why)
		if kind := r.kind(); !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
			rights = append(rights, c.rightFor(r)...)
		}
	}
	slices.Sort(rights)
	rights = slices.Compact(rights)
	fail("tlsa", at+some(misses, "; "), "served is "+some(rights, "; "))
}

// ListTLSA are records as a person reads them.
func ListTLSA(records []TLSA) string {
	var words []string
	for _, r := range records {
		words = append(words, r.String())
	}
	return some(words, " or ")
}

// some are as many of a list as a person reads.
func some(list []string, separator string) string {
	const most = 10
	if len(list) > most {
		return fmt.Sprintf("%s%sand %d more", strings.Join(list[:most], separator), separator, len(list)-most)
	}
	return strings.Join(list, separator)
}

// misfit says why a record does not let the certificate pass, "" where it does.
func (c *Certificate) misfit(r TLSA, want TLSAWant) string {
	if err := r.Unusable(); err != nil {
		return err.Error()
	}
	if by := stronger(r, want.Records); by != nil {
		return fmt.Sprintf("it does not count beside a %s, whose digest is stronger (RFC 7671 9)", by.kind())
	}
	leaf := c.Leaf()
	if r.Usage == usageEE {
		if r.fits(leaf) {
			return ""
		}
		return c.otherwise(r)
	}
	anchors := x509.NewCertPool()
	var anchor *x509.Certificate
	for _, up := range c.above() {
		if r.fits(up) {
			anchor = up
			anchors.AddCert(up)
		}
	}
	if anchor == nil {
		return c.otherwise(r)
	}
	if why := c.untrusted(anchors, anchor, want.Name); why != "" {
		return "it is of " + anchor.Subject.String() + ", which is sent, but " + why
	}
	return ""
}

// above are the certificates that were sent beside the server's own.
func (c *Certificate) above() []*x509.Certificate {
	var above []*x509.Certificate
	for _, up := range c.Chain[1:] {
		if !up.Equal(c.Leaf()) {
			above = append(above, up)
		}
	}
	return above
}

// stronger is a record that makes r void: of those with the same usage and
// selector the digests that are not the strongest do not count (RFC 7671 9). A
// record that holds the thing itself is beside that.
func stronger(r TLSA, all []TLSA) *TLSA {
	for _, other := range all {
		if r.Matching == 1 && other.Matching == 2 && other.Usage == r.Usage && other.Selector == r.Selector && other.Unusable() == nil {
			return &other
		}
	}
	return nil
}

// untrusted says why the server's certificate does not lead up to a CA that a
// record names: unlike with usage 3 dates, signatures and name count (RFC 7672 3.1.2).
func (c *Certificate) untrusted(anchors *x509.CertPool, anchor *x509.Certificate, name string) string {
	if name == "" {
		name = c.name
	}
	sent := x509.NewCertPool()
	for _, up := range c.above() {
		sent.AddCert(up)
	}
	_, err := c.Leaf().Verify(x509.VerifyOptions{Roots: anchors, Intermediates: sent, CurrentTime: c.at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &unknown) && !knownIssuer(err):
		return "the server's certificate, issued by " + c.Leaf().Issuer.String() + ", does not lead up to it"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the certificate of " + invalid.Cert.Subject.String() + " is not valid now"
	case err != nil:
		return strings.TrimPrefix(err.Error(), "x509: ")
	case c.Leaf().VerifyHostname(name) != nil:
		return fmt.Sprintf("the certificate is for %s, not for %s", someNames(c.Leaf()), name)
	}
	return ""
}

// otherwise says with which numbers a record would fit that does not with its
// own: the slips that are made when one is published.
func (c *Certificate) otherwise(r TLSA) string {
	for _, selector := range []uint8{r.Selector, 1 - r.Selector} {
		as := TLSA{Selector: selector, Matching: r.Matching, Data: r.Data}
		for i, cert := range slices.Concat([]*x509.Certificate{c.Leaf()}, c.above()) {
			if !as.fits(cert) {
				continue
			}
			if as.Usage = usageEE; i > 0 {
				as.Usage = usageTA
			}
			return fmt.Sprintf("it is of %s: as %s it would fit", cert.Subject, as.kind())
		}
	}
	if r.Usage == usageTA {
		return "of no CA certificate that is sent"
	}
	return "of another certificate"
}

// rightFor are the records of r's kind that would be right.
func (c *Certificate) rightFor(r TLSA) []string {
	if r.Usage != usageTA {
		if r.Usage = usageEE; r.Unusable() != nil { // of which nothing can be made: as RFC 7672 3.1.1 recommends
			r.Selector, r.Matching = min(r.Selector, 1), 1
		}
		return []string{r.of(c.Leaf()).String()}
	}
	r.Selector, r.Matching = min(r.Selector, 1), min(r.Matching, 2)
	var rights []string
	for _, up := range c.above() {
		rights = append(rights, fmt.Sprintf("%s (%s)", r.of(up), up.Subject))
	}
	if rights == nil {
		return []string{"no CA certificate, and " + TLSA{Usage: usageEE, Selector: r.Selector, Matching: 1}.of(c.Leaf()).String()}
	}
	return rights
}
