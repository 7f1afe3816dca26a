package dsl

import (
	"crypto/x509"
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"smtplay/engine"
	"smtplay/engine/suite"
	"smtplay/engine/wire"
)

func runTLS(c *call) int {
	info := c.live().TLS()
	if info == nil {
		c.Push(lua.LNil)
		return 1
	}
	asked := c.live().ClientRequest()
	sent := lua.LValue(lua.LNil)
	if asked.Sent != nil {
		sent = c.s.m.record("certificate", c.s.m.certificateFields(asked.Sent))
	}
	c.Push(c.s.m.record("tls", []member{
		{"version", lua.LString(info.Version)}, {"cipher", lua.LString(info.Cipher)}, {"alpn", textOrNil(info.ALPN)},
		{"name", lua.LString(info.ServerName)}, {"resumed", lua.LBool(info.Resumed)},
		{"client_asked", lua.LBool(asked.Asked)}, {"client_issuers", stringList(c.LState, asked.Issuers)}, {"client_sent", sent},
	}))
	return 1
}

func runCertificate(c *call) int {
	cert := c.live().Certificate()
	if cert == nil {
		c.Push(lua.LNil)
		return 1
	}
	fields := c.s.m.certificateFields(cert.Leaf())
	chain := c.CreateTable(len(cert.Chain), 0)
	for i, up := range cert.Chain {
		chain.RawSetInt(i+1, c.s.m.record("certificate", c.s.m.certificateFields(up)))
	}
	fields = append(fields, member{"days_left", lua.LNumber(cert.DaysLeft())}, member{"lifetime", lua.LNumber(cert.Lifetime())}, member{"self_signed", lua.LBool(cert.SelfSigned)},
		member{"trusted", lua.LBool(cert.Trusted)}, member{"verify_error", textOrNil(strings.Join(cert.Problems, ", "))}, member{"chain", chain}, member{"missing", textOrNil(cert.Missing)},
		member{"ocsp", lua.LString(cert.Staple().Status)}, member{"must_staple", lua.LBool(cert.MustStaple())})
	c.Push(c.s.m.record("certificate", fields))
	return 1
}

func (m *machine) certificateFields(cert *x509.Certificate) []member {
	kind, bits := engine.Key(cert)
	return []member{
		{"subject", lua.LString(cert.Subject.String())}, {"cn", lua.LString(cert.Subject.CommonName)},
		{"issuer", lua.LString(cert.Issuer.String())}, {"names", stringList(m.L, engine.Names(cert))},
		{"not_before", lua.LNumber(cert.NotBefore.Unix())}, {"not_after", lua.LNumber(cert.NotAfter.Unix())},
		{"serial", lua.LString(fmt.Sprintf("%X", cert.SerialNumber))}, {"sha256", lua.LString(engine.Fingerprint(cert))},
		{"spki", lua.LString(engine.KeyFingerprint(cert))},
		{"key", m.record("key", []member{{"type", lua.LString(kind)}, {"bits", lua.LNumber(bits)}})},
		{"signature_algorithm", lua.LString(cert.SignatureAlgorithm.String())},
	}
}

// certificateKey is a key of expect_certificate, with what it sets: nil for that
// which asks others than the server.
type certificateKey struct {
	param
	set func(c *call, w *engine.CertificateWant)
}

// certificateKeys are the keys of expect_certificate.
var certificateKeys = []certificateKey{
	{param{name: "name", kind: listKind, doc: "the certificate is for this name; of a list, for each"}, func(c *call, w *engine.CertificateWant) { w.Names = c.words("name") }},
	{param{name: "issuer", kind: textKind, doc: "the issuer's common name, or its whole distinguished name"}, func(c *call, w *engine.CertificateWant) { w.Issuer = c.optText("issuer") }},
	{param{name: "self_signed", kind: booleanKind, doc: "it is, or is not, signed by itself"}, func(c *call, w *engine.CertificateWant) { w.SelfSigned = c.optBool("self_signed") }},
	{param{name: "trusted", kind: booleanKind, doc: "chain, dates and signatures lead to a trusted CA; the name is judged by name"}, func(c *call, w *engine.CertificateWant) { w.Trusted = c.optBool("trusted") }},
	{param{name: "chain", kind: booleanKind, doc: "the server sent every intermediate CA, whether or not this machine knows it by itself"}, func(c *call, w *engine.CertificateWant) { w.Chain = c.optBool("chain") }},
	{param{name: "min_days_left", kind: numberKind, doc: "whole days until the certificate's expiry"}, func(c *call, w *engine.CertificateWant) { w.MinDaysLeft = c.optInt("min_days_left") }},
	{param{name: "max_lifetime", kind: numberKind, doc: "days from its first to its last"}, func(c *call, w *engine.CertificateWant) { w.MaxLifetime = c.optInt("max_lifetime") }},
	{param{name: "key_type", kind: keyTypeKind, doc: "RSA, ECDSA or Ed25519; of a list, one"}, func(c *call, w *engine.CertificateWant) { w.KeyTypes = c.words("key_type") }},
	{param{name: "min_key_bits", kind: numberKind, doc: "RSA strength; P-256 counts as 3072"}, func(c *call, w *engine.CertificateWant) { w.MinKeyBits = c.optInt("min_key_bits") }},
	{param{name: "signature_algorithm", kind: signatureKind, doc: "what signed it, as SHA256-RSA, ecdsa-with-SHA256 or SHA-256; of a list, one"}, func(c *call, w *engine.CertificateWant) { w.Signatures = c.words("signature_algorithm") }},
	{param{name: "sha256", kind: pinKind, doc: "its fingerprint, in hexadecimal or base64; of a list, one"}, func(c *call, w *engine.CertificateWant) { w.SHA256 = c.pins("sha256") }},
	{param{name: "spki", kind: pinKind, doc: "the SHA-256 of its public key, which a renewal may keep, in hexadecimal or base64; of a list, one"}, func(c *call, w *engine.CertificateWant) { w.SPKI = c.pins("spki") }},
	{param{name: "ocsp", kind: stapleKind, doc: `what the server staples: "good", "revoked", "unknown" or "none"; a response that is too old, or not of the issuer's, is none of them`}, func(c *call, w *engine.CertificateWant) { w.OCSP = c.word("ocsp") }},
	{param{name: "must_staple", kind: booleanKind, doc: "it demands OCSP stapling, and the server does staple what can be believed"}, func(c *call, w *engine.CertificateWant) { w.MustStaple = c.optBool("must_staple") }},
	{param{name: "tlsa", kind: tlsaKind, doc: `a TLSA record (DANE), as "3 1 1 …", that fits what is served; of a list, one; { resolver = "127.0.0.1:53", name = …, port = … } asks for those of that name and port (default those of this connection), and they must be authenticated`}, nil},
	{param{name: "file", kind: pemKind, doc: "it is among those in this PEM file, and the CAs above it that are there are sent too: the server was reloaded"}, func(c *call, w *engine.CertificateWant) {
		if w.File = c.optText("file"); w.File != "" {
			w.Disk = c.certificates("file", w.File)
		}
	}},
}

// pins are the SHA-256 of an option.
func (c *call) pins(name string) []engine.Pin {
	var pins []engine.Pin
	for _, s := range c.words(name) {
		pin, _ := engine.ParsePin(s) // words has tried it
		pins = append(pins, pin)
	}
	return pins
}

func runExpectCertificate(c *call) int {
	conv := c.live()
	if c.opts == nil || c.opts.Len() == 0 && isEmpty(c.opts) {
		c.wrong("expect_certificate needs at least one key: %s", strings.Join(c.v.optionNames(), ", "))
	}
	var want engine.CertificateWant
	for _, p := range certificateKeys {
		if c.option(p.name) == lua.LString("") {
			c.wrong("%s of expect_certificate is empty: nothing would be checked", p.name)
		}
		if p.set != nil {
			p.set(c, &want)
		}
	}
	cert := conv.Certificate()
	if cert == nil {
		c.s.fail(c.LState, &suite.Failure{What: "there is no certificate to judge: the connection is in clear", Hint: "starttls() first, or a target that begins with TLS, as submissions"})
	}
	var unasked error
	want.TLSA, unasked = c.tlsa(conv)
	short := cert.Judge(want)
	if unasked != nil && len(short) == 1 {
		// Nothing is wrong with the certificate: there is no verdict.
		c.s.failed(c.LState, conv, &engine.Error{Op: "tlsa", Addr: conv.Address(), Kind: engine.Dial, Msg: unasked.Error()})
	}
	if len(short) == 0 {
		c.s.expected++
		return 0
	}
	f := shortfall(short)
	c.s.placeConn(f, conv)
	part := spot{}
	if len(short) == 1 {
		part.option = short[0].Key
	}
	c.s.failAt(c.LState, f, part)
	return 0
}

// shortfall is the failure of a certificate in one key or more, a line each,
// what is not alike marked.
func shortfall(short []engine.Shortfall) *suite.Failure {
	f := &suite.Failure{}
	for i, s := range short {
		if i > 0 {
			f.What, f.Want, f.Got = f.What+", ", f.Want+"\n", f.Got+"\n"
		}
		f.What += s.Key
		f.Want += s.Key + ": "
		f.Got += s.Key + ": "
		f.WantOff = append(f.WantOff, wire.Span{From: len(f.Want), To: len(f.Want) + len(s.Want)})
		f.GotOff = append(f.GotOff, wire.Span{From: len(f.Got), To: len(f.Got) + len(s.Got)})
		f.Want += s.Want
		f.Got += s.Got
	}
	f.What = "the certificate falls short in " + f.What
	return f
}

func isEmpty(t *lua.LTable) bool {
	k, _ := t.Next(lua.LNil)
	return k == lua.LNil
}
