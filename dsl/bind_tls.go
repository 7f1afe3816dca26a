package dsl

import (
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"smtplay/engine"
	"smtplay/engine/suite"
)

// securityParams are the TLS options of connect, starttls and handshake.
var securityParams = []param{
	{name: "name", kind: textKind, doc: "SNI, and the name the certificate must hold; default --tls-name, else the host of the target"},
	{name: "ca", kind: pemKind, doc: "a PEM file of CAs to trust; default --ca, else the system's"},
	{name: "verify", kind: booleanKind, doc: "false finishes the handshake whatever verification finds"},
	{name: "min_version", kind: versionKind, doc: `"1.0" to "1.3"`},
	{name: "max_version", kind: versionKind, doc: `"1.0" to "1.3"`},
	{name: "cert", kind: textKind, doc: "the client's certificate, for a server that asks: a PEM file, anywhere, or PEM text; the chain above it may follow"},
	{name: "key", kind: textKind, doc: "its key, likewise, as secret \"key\" with --secret key=@FILE; without it the key lies in cert too"},
	{name: "ciphers", kind: cipherKind, doc: "the suites to offer, of TLS up to 1.2, by the registry's name or OpenSSL's; what Go's TLS does not speak is an error"},
}

var optRefused = param{name: "refused", kind: anyValue, doc: `true: the server must refuse the handshake, by an alert; a string: by one that says so; "close": by closing without one`}

func tlsVerbs() []*verb {
	var want []param
	for _, w := range certificateKeys {
		want = append(want, w.param)
	}
	return inChapter(chapterTLS,
		&verb{name: "starttls", doc: "STARTTLS, and on 220 the handshake, verified. Forgets the capabilities. Options given to connect hold here too. timeout is for the reply to STARTTLS.",
			options: append([]param{optExpect, optTimeout, optRefused}, securityParams...), example: `starttls{ name = "mail.example.com" }`, run: runStartTLS},
		&verb{name: "handshake", doc: "TLS from here on, with no command: after a STARTTLS sent by hand.", options: append([]param{optRefused}, securityParams...), run: runHandshake},
		&verb{name: "auth", doc: "AUTH and its exchange; reads 235, or what expect says of the last reply. Without a mechanism the strongest is taken that is offered and that smtplay has, and the transcript says why. Not offered: fails, and nothing is sent. A success that comes before the mechanism believes it fails.",
			args:    []param{{name: "mechanism", kind: mechanismKind, optional: true}, {name: "user", kind: textKind, optional: true}, {name: "password", kind: textKind, optional: true}},
			options: authOptions,
			example: `auth{ user = var "user", password = secret "password" }`, run: runAuth},
		&verb{name: "tls", doc: "What the handshake agreed on: version, cipher, alpn, name, resumed; client_asked (for a certificate of the client), client_issuers (whose), client_sent. nil in clear.", run: runTLS},
		&verb{name: "certificate", doc: "The server's certificate. It has subject, cn, issuer, names, not_before, not_after (seconds since 1970), days_left, lifetime (in days), self_signed, trusted, verify_error, serial, sha256, spki (of its public key), key {type, bits}, signature_algorithm, chain, missing (the issuer that should have been sent), ocsp (good, revoked, unknown, invalid or none), must_staple. nil in clear.", run: runCertificate},
		&verb{name: "expect_certificate", doc: "Judges the server's certificate by every key given, and reports all that fall short at once.",
			options: want, example: `expect_certificate{ name = "mail.example.com", trusted = true, min_days_left = 14 }`, run: runExpectCertificate},
	)
}

// securityOptions are TLS options as far as a call gives them.
type securityOptions []func(*engine.TLSOptions)

func (s securityOptions) apply(o *engine.TLSOptions) {
	for _, set := range s {
		set(o)
	}
}

// security reads the TLS options of a call.
func (c *call) security() securityOptions {
	var set securityOptions
	if name := c.optText("name"); name != "" {
		set = append(set, func(o *engine.TLSOptions) { o.Name = name })
	}
	if file := c.optText("ca"); file != "" {
		pool := c.loadCA(file)
		set = append(set, func(o *engine.TLSOptions) { o.CA = pool })
	}
	if verify := c.optBool("verify"); verify != nil {
		set = append(set, func(o *engine.TLSOptions) { o.NoVerify = !*verify })
	}
	if v := c.version("min_version"); v != 0 {
		set = append(set, func(o *engine.TLSOptions) { o.MinVersion = v })
	}
	if v := c.version("max_version"); v != 0 {
		set = append(set, func(o *engine.TLSOptions) { o.MaxVersion = v })
	}
	if client := c.clientCertificate(); client != nil {
		set = append(set, func(o *engine.TLSOptions) { o.Client = client })
	}
	if names := c.words("ciphers"); names != nil {
		var suites []uint16
		for _, name := range names {
			suite, _ := engine.CipherNamed(name) // words has tried it
			suites = append(suites, suite.ID)
		}
		set = append(set, func(o *engine.TLSOptions) { o.Ciphers = suites })
	}
	return set
}

func (c *call) version(name string) uint16 {
	s := c.optText(name)
	if s == "" {
		return 0
	}
	v, err := engine.VersionOf(s)
	if err != nil {
		c.wrong("%s: %v", name, err)
	}
	return v
}

// refusal is the option refused: nil where no refusal is demanded, else what
// the alert must say.
func (c *call) refusal() *string {
	switch v := c.option("refused").(type) {
	case *lua.LNilType:
		return nil
	case lua.LBool:
		if !bool(v) {
			return nil
		}
		empty := ""
		return &empty
	case lua.LString:
		s := string(v)
		return &s
	default:
		c.wrong("refused of %s is true or what the alert says, not %s", c.v.name, article(v))
		return nil
	}
}

func runStartTLS(c *call) int {
	conv := c.conversation()
	want := c.option("expect")
	r := c.command("STARTTLS", only220)
	if want != lua.LNil && r.Code != 220 {
		return c.answer(r)
	}
	c.secure(conv)
	return c.answer(r)
}

func runHandshake(c *call) int {
	c.secure(c.conversation())
	return 0
}

// secure does the handshake that a call asks for.
func (c *call) secure(conv *conversation) {
	o := conv.Security()
	c.security().apply(&o)
	refused := c.refusal()
	err := conv.Handshake(c.s.ctx, o)
	if refused != nil {
		c.judgeRefusal(conv, err, refused)
		return
	}
	if err != nil {
		c.s.failed(c.LState, conv, err)
	}
}

// judgeRefusal passes where the server refused the handshake, for the reason
// demanded, and for nothing else.
func (c *call) judgeRefusal(conv *conversation, err error, want *string) {
	if err == nil {
		wait := 2 * time.Second
		if d := c.duration(c.option("timeout"), "timeout"); d > 0 {
			wait = min(wait, d)
		}
		if err = conv.AwaitRefusal(c.s.ctx, wait); err == nil {
			f := &suite.Failure{What: "the server accepted a handshake that it should refuse: " + conv.TLS().String(), Want: "a refused handshake", Got: conv.TLS().String()}
			c.s.placeConn(f, conv)
			c.s.failAt(c.LState, f, spot{option: optRefused.name})
		}
	}
	alert, refused := engine.Refused(err)
	if !refused {
		c.s.failed(c.LState, conv, err)
	}
	f := &suite.Failure{Want: "the alert " + *want, Got: "the alert " + alert}
	switch {
	case alert == "" && strings.EqualFold(*want, "close"), alert != "" && strings.Contains(strings.ToLower(alert), strings.ToLower(*want)):
		c.s.expected++
		return
	case alert == "":
		// A service that is down closes too: that proves nothing about what it refuses.
		f.Want, f.Got = strings.TrimSpace(f.Want), "the end of the connection, without an alert"
		f.What = "the server closed the connection during the handshake without saying why"
		f.Hint = "refused = \"close\" takes that for a refusal, as Windows servers refuse; another test should show that TLS works at all"
	default:
		f.What = "the server refused the handshake, but not for the reason demanded: " + f.Got
	}
	c.s.placeConn(f, conv)
	c.s.failAt(c.LState, f, spot{option: optRefused.name})
}
