package main

import (
	"context"
	"fmt"
	"strings"

	"smtplay/engine"
	"smtplay/engine/report"
)

// certificate shows the server's certificate.
func (d *dialogue) certificate(context.Context, string) error {
	cert, tls := d.conn.Certificate(), d.conn.TLS()
	if cert == nil {
		return refused("there is no certificate: the connection is in clear").try("/starttls begins TLS")
	}
	leaf := cert.Leaf()
	kind, bits := engine.Key(leaf)
	issuer := leaf.Issuer.String()
	if cert.SelfSigned {
		issuer += " (self-signed)"
	}
	const day = "2006-01-02 15:04 UTC"
	verdict := "verified for " + tls.ServerName
	if !tls.Verified() {
		verdict = "not verified: " + strings.Join(tls.Problems, ", ")
	}
	var b strings.Builder
	for _, row := range [][2]string{
		{"subject", leaf.Subject.String()},
		{"names", strings.Join(engine.Names(leaf), ", ")},
		{"issuer", issuer},
		{"valid", fmt.Sprintf("from %s to %s, %d days left", leaf.NotBefore.UTC().Format(day), leaf.NotAfter.UTC().Format(day), cert.DaysLeft())},
		{"key", fmt.Sprintf("%s, %d bits, signed with %s", kind, bits, leaf.SignatureAlgorithm)},
		{"sha256", engine.Fingerprint(leaf)},
		{"sent", count(len(cert.Chain), "certificate")},
		{"verdict", verdict},
	} {
		fmt.Fprintf(&b, "  %-8s %s\n", row[0], report.Visible(d.p.redact.String(row[1])))
	}
	d.screen.print(b.String())
	return nil
}
