package dsl

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"smtplay/engine"
	"smtplay/engine/server"
)

const password = "hunter2-XyZ"

// secured is a server with TLS and users, and a bench that trusts its CA.
func secured(t *testing.T, change func(*server.Polite), cert server.CertificateOptions) (*bench, *server.Certificate) {
	t.Helper()
	if cert.Names == nil {
		cert.CommonName, cert.Names = "mail.example.com", []string{"mail.example.com"}
	}
	made, err := server.MakeCertificate(cert)
	if err != nil {
		t.Fatal(err)
	}
	p := server.Polite{Domain: "mail.example.com", TLS: made.ServerConfig(), Users: map[string]string{"james@new.example.com": password}, AuthNeedsTLS: true}
	if change != nil {
		change(&p)
	}
	b := newBench(t, p.Serve)
	b.env.Options.Security = engine.TLSOptions{Name: "mail.example.com", CA: made.Pool}
	b.env.Secrets["password"] = password
	b.env.Redact.Add("password", password)
	b.env.Vars["wrong"] = "wrong-password"
	return b, made
}

var securityCases = []struct {
	reason string
	change func(*server.Polite)
	cert   server.CertificateOptions
	script string
}{
	{"STARTTLS, then AUTH by the strongest", nil, server.CertificateOptions{}, `ehlo(); assert(tls() == nil and certificate() == nil); starttls(); ehlo(); auth{ user = "james@new.example.com", password = secret "password" }; quit()`},
	{"PLAIN by name and place", nil, server.CertificateOptions{}, `ehlo(); starttls(); ehlo(); auth("PLAIN", "james@new.example.com", secret "password"); mail ""; rset()`},
	{"LOGIN", nil, server.CertificateOptions{}, `ehlo(); starttls(); ehlo(); auth{ "LOGIN", "james@new.example.com", secret "password" }`},
	{"a wrong password", nil, server.CertificateOptions{}, `ehlo(); starttls(); ehlo(); auth{ "PLAIN", "james@new.example.com", var "wrong", expect = "535 5.7.8" }` + "\n" + `auth{ "PLAIN", "james@new.example.com", var "wrong" } --! failed: expected 235, got 535`},
	{"LOGIN by hand", nil, server.CertificateOptions{}, `expect 220; send "ehlo me"; expect 250; send "STARTTLS"; expect 220; handshake(); send "ehlo me"; expect 250
send "AUTH LOGIN"; expect{ 334, challenge = "Username:" }; send(base64.encode "james@new.example.com"); expect{ 334, challenge = "Password:" }; send(base64.encode(secret "password")); expect "235 2.7.0"`},
	{"capabilities are forgotten by STARTTLS", nil, server.CertificateOptions{}, "ehlo(); starttls()\nexpect_no_capability 'AUTH' --! failed: not known"},
	{"AUTH that is not offered sends nothing", nil, server.CertificateOptions{}, "ehlo()\nauth('PLAIN', 'a', secret 'password') --! failed: not offered: nothing was sent"},
	{"a mechanism that smtplay has not", nil, server.CertificateOptions{}, "ehlo(); starttls(); ehlo()\nlocal m = 'NTLM'; auth(m, 'a', secret 'password') --! error: has no mechanism"},
	{"an early 235", func(p *server.Polite) { p.On = server.Answers{"auth": server.Say("235 2.7.0 Welcome")} }, server.CertificateOptions{}, "ehlo(); starttls(); ehlo()\nauth('LOGIN', 'a', secret 'password') --! failed: nothing was checked"},
	{"a challenge that is not base64", func(p *server.Polite) { p.On = server.Answers{"auth": server.Say("334 ???")} }, server.CertificateOptions{}, "ehlo(); starttls(); ehlo()\nauth('LOGIN', 'a', secret 'password') --! failed: not base64"},
	{"an unknown CA fails the handshake", func(p *server.Polite) {}, server.CertificateOptions{CommonName: "x", Names: []string{"other.example.com"}}, "ehlo()\nstarttls() --! failed: it is for other.example.com, not for mail.example.com"},
	{"verify = false goes on", nil, server.CertificateOptions{Names: []string{"other.example.com"}}, "ehlo(); starttls{ verify = false }; ehlo(); assert(certificate().verify_error:match 'not for mail.example.com')"},
	{"a secret does not go over it", nil, server.CertificateOptions{Names: []string{"other.example.com"}}, "ehlo(); starttls{ verify = false }; ehlo()\nauth('PLAIN', 'a', secret 'password') --! failed: did not verify"},
	{"nor by hand", nil, server.CertificateOptions{Names: []string{"other.example.com"}}, "ehlo(); starttls{ verify = false }; ehlo()\nsend('AUTH PLAIN ' .. base64.encode('\\0a\\0' .. secret 'password')) --! failed: nothing was sent: the secret \"password\""},
	{"unless the script says so", nil, server.CertificateOptions{Names: []string{"other.example.com"}}, "ehlo(); starttls{ verify = false }; ehlo(); auth{ 'PLAIN', 'james@new.example.com', secret 'password', insecure = true }"},
	{"nor in chunks that hold a part of it each", nil, server.CertificateOptions{Names: []string{"other.example.com"}}, "ehlo(); starttls{ verify = false }; ehlo(); mail ''; rcpt 'b@example.com'\nbdat('x ' .. secret 'password', { split = 4 }) --! failed: nothing was sent: the secret \"password\""},
	{"an expired certificate", nil, server.CertificateOptions{NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-24 * time.Hour)}, "ehlo()\nstarttls() --! failed: expired on"},
	{"expect_certificate says all at once", nil, server.CertificateOptions{NotAfter: time.Now().Add(72 * time.Hour)}, "ehlo(); starttls(); expect_certificate{ name = 'mail.example.com', trusted = true, chain = true, min_key_bits = 2048 }\nexpect_certificate{ name = 'x.example.com', min_days_left = 14, self_signed = false } --! failed: falls short in name, self_signed, min_days_left"},
	{"no certificate in clear", nil, server.CertificateOptions{}, "ehlo()\nexpect_certificate{ trusted = true } --! failed: in clear"},
	{"an old TLS is refused", nil, server.CertificateOptions{}, "ehlo(); starttls{ max_version = '1.1', verify = false, refused = 'protocol version' }"},
	{"a handshake that should be refused and is not", nil, server.CertificateOptions{}, "ehlo()\nstarttls{ refused = true, timeout = '50ms' } --! failed: accepted a handshake"},
	{"refused for another reason", nil, server.CertificateOptions{}, "ehlo()\nstarttls{ max_version = '1.1', verify = false, refused = 'certificate' } --! failed: not for the reason"},
	{"a server that just closes may be down", func(p *server.Polite) {
		p.On = server.Answers{"starttls": server.Do(func(s *server.Session) { s.Reply("220 go"); s.ReadBytes(5); s.Drop() })}
	}, server.CertificateOptions{}, "ehlo()\nstarttls{ refused = true } --! failed: without saying why"},
	{"unless that is what is demanded", func(p *server.Polite) {
		p.On = server.Answers{"starttls": server.Do(func(s *server.Session) { s.Reply("220 go"); s.ReadBytes(5); s.Drop() })}
	}, server.CertificateOptions{}, "ehlo(); starttls{ refused = 'close' }"},
	{"what does not verify is no refusal", nil, server.CertificateOptions{Names: []string{"other.example.com"}}, "ehlo()\nstarttls{ refused = true } --! failed: did not verify"},
	{"a key that is empty judges nothing", nil, server.CertificateOptions{}, "ehlo(); starttls()\nexpect_certificate{ trusted = true, name = '' } --! error: name of expect_certificate is empty"},
	{"certificate on what is closed", nil, server.CertificateOptions{}, "ehlo(); starttls(); ehlo(); quit()\ncertificate() --! failed: over"},
	{"tls on what is closed", nil, server.CertificateOptions{}, "ehlo(); starttls(); ehlo(); quit()\ntls() --! failed: over"},
	{"expect_certificate on what is closed", nil, server.CertificateOptions{}, "ehlo(); starttls(); ehlo(); quit()\nexpect_certificate{ trusted = true } --! failed: over"},
	{"an answer within AUTH is hinted at as AUTH", nil, server.CertificateOptions{}, "ehlo(); starttls(); ehlo(); send 'AUTH LOGIN'; expect 334; send 'Zm9v'; expect 334; send(base64.encode(var 'wrong'))\nexpect 235 --! failed: password is wrong"},
	{"and where auth itself sends it", nil, server.CertificateOptions{}, "ehlo(); starttls(); ehlo()\nauth('LOGIN', 'james@new.example.com', var 'wrong') --! failed: password is wrong"},
	{"a password given twice", nil, server.CertificateOptions{}, "ehlo(); starttls(); ehlo()\nauth('PLAIN', 'a', secret 'password', { password = 'b' }) --! error: a password twice"},
	{"bytes beside the 220 to STARTTLS", func(p *server.Polite) {
		p.On = server.Answers{"starttls": server.Say("220 go", "250 injected").Then(server.Silence)}
	}, server.CertificateOptions{}, "ehlo()\nstarttls() --! failed: in clear text"},
	{"a suite of one's choice", nil, server.CertificateOptions{Key: server.RSA2048}, "ehlo(); starttls{ ciphers = { 'ECDHE-RSA-AES256-GCM-SHA384', 'AES128-SHA' } }; assert(tls().version == 'TLS1.2' and tls().cipher == 'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384', tls().cipher)"},
	{"a weak suite is refused", nil, server.CertificateOptions{Key: server.RSA2048}, "ehlo(); starttls{ ciphers = 'DES-CBC3-SHA', refused = 'handshake failure' }"},
	{"a weak suite is taken", func(p *server.Polite) { p.TLS.CipherSuites = []uint16{tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA} }, server.CertificateOptions{Key: server.RSA2048},
		"ehlo()\nstarttls{ ciphers = 'DES-CBC3-SHA', refused = true } --! failed: accepted a handshake that it should refuse: TLS1.2 TLS_RSA_WITH_3DES_EDE_CBC_SHA"},
	{"a suite that cannot be tried is no refusal", nil, server.CertificateOptions{}, "ehlo()\nlocal s = 'DHE-RSA-AES256-SHA'; starttls{ ciphers = s, refused = true } --! error: Go's TLS does not speak it"},
	{"nor one of another version", nil, server.CertificateOptions{}, "ehlo()\nstarttls{ ciphers = 'ECDHE-ECDSA-AES128-GCM-SHA256', max_version = '1.1', refused = true } --! error: is no suite of TLS 1.0 to 1.1"},
	{"suites of 1.3 cannot be chosen", nil, server.CertificateOptions{}, "ehlo()\nstarttls{ ciphers = 'AES128-SHA', max_version = '1.3' } --! error: ciphers bounds TLS up to 1.2"},
	{"suites given to connect hold for starttls", nil, server.CertificateOptions{}, "connect('smtp', { ciphers = 'ECDHE-ECDSA-AES128-SHA' }); ehlo(); starttls(); assert(tls().cipher == 'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA')"},
	{"SSL cannot be spoken", nil, server.CertificateOptions{}, "ehlo()\nlocal v = 'SSLv3'; starttls{ min_version = v } --! error: does not speak SSL"},
	{"TLS where none is spoken", nil, server.CertificateOptions{}, "connect('smtp', { tls = true }) --! failed: clear"},
	{"XCLIENT forgets the capabilities", nil, server.CertificateOptions{}, "ehlo(); xclient{ addr = '2001:db8::1', login = 'a b' }\ncapabilities() --! failed: not known"},
	{"XCLIENT that is not offered", func(p *server.Polite) { p.Capabilities = []string{"SIZE"} }, server.CertificateOptions{}, "ehlo()\nxclient{ addr = '203.0.113.7' } --! failed: XCLIENT is not offered"},
	{"LMTP: a reply for each recipient", func(p *server.Polite) {
		p.LMTP = true
		p.On = server.Answers{". 2": server.Say("552 5.2.2 full")}
	}, server.CertificateOptions{}, `lhlo(); mail ""; rcpt "a@x"; rcpt "b@x"; data("Hi", { expect = { ["a@x"] = 250, ["b@x"] = "552 5.2.2" } }); quit()`},
	{"LMTP: the wrong one is blamed", func(p *server.Polite) { p.LMTP = true }, server.CertificateOptions{}, `lhlo(); mail ""; rcpt "a@x"; rcpt "b@x"` + "\n" + `data("Hi", { expect = { ["b@x"] = "552 5.2.2" } }) --! failed: expected 552 5.2.2, got 250`},
	{"LMTP: whoever was misspelt", func(p *server.Polite) { p.LMTP = true }, server.CertificateOptions{}, `lhlo(); mail ""; rcpt "a@x"; rcpt "postmaster"` + "\n" + `data("Hi", { expect = { ["a@x"] = 250, postmastr = 552 } }) --! error: postmastr, which is no accepted recipient`},
	{"LMTP: a recipient without a domain", func(p *server.Polite) { p.LMTP = true }, server.CertificateOptions{}, `lhlo(); mail ""; rcpt "postmaster"` + "\n" + `data("Hi", { expect = { postmaster = 552 } }) --! failed: expected 552, got 250`},
	{"LMTP by hand owes them both", func(p *server.Polite) { p.LMTP = true }, server.CertificateOptions{}, `lhlo(); mail ""; rcpt "a@x"; rcpt "b@x"; send "data"; expect 354` + "\n" + `send "."; expect 250 --! failed: ended too early`},
}

func TestSecurity(t *testing.T) {
	for _, c := range securityCases {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			b, _ := secured(t, c.change, c.cert)
			results := b.try(t, c.script)
			checkVerdict(t, results[0], c.script)
			shown := transcriptOf(results[0])
			if f := results[0].Failure; f != nil {
				shown += f.What + f.Source + f.Got + f.Want + f.Command
			}
			if strings.Contains(shown, password) || strings.Contains(shown, "d3Jvbmct") {
				t.Errorf("a password is shown:\n%s", shown)
			}
		})
	}
}

// A secret that lies across chunks is shown in none of them.
func TestChunkedSecret(t *testing.T) {
	for split := range len(password) + 6 {
		b, _ := secured(t, nil, server.CertificateOptions{})
		r := b.try(t, fmt.Sprintf("ehlo(); mail ''; rcpt 'b@example.com'; bdat('ab' .. secret 'password' .. 'cd', { split = %d }); quit()", split+1))[0]
		checkVerdict(t, r, "")
		if got := b.server.Messages(); len(got) != 1 || got[0].Data != "ab"+password+"cd" {
			t.Fatalf("split %d: %+v", split+1, got)
		}
		shown := ""
		for _, e := range r.Events {
			if chunk, ok := strings.CutPrefix(string(e.Data), "BDAT "); ok {
				_, chunk, _ = strings.Cut(chunk, "\r\n")
				shown += strings.ReplaceAll(chunk, "[secret:password]", "")
			}
		}
		if shown != "abcd" {
			t.Errorf("split %d shows %q in\n%s", split+1, shown, transcriptOf(r))
		}
	}
}

// A certificate that was renewed on disk, and a server that was not reloaded.
func TestCertificateFile(t *testing.T) {
	b, served := secured(t, nil, server.CertificateOptions{})
	other, err := server.MakeCertificate(server.CertificateOptions{CommonName: "mail.example.com", Names: []string{"mail.example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, pem := range map[string][]byte{"served.pem": served.CertPEM, "other.pem": other.CertPEM, "none.pem": []byte("nothing")} {
		if err := os.WriteFile(filepath.Join(dir, name), pem, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, script := range []string{
		"ehlo(); starttls(); expect_certificate{ file = var 'dir' .. '/served.pem' }",
		"ehlo(); starttls()\nexpect_certificate{ file = var 'dir' .. '/other.pem' } --! failed: falls short in file",
		"ehlo(); starttls()\nexpect_certificate{ file = var 'dir' .. '/none.pem' } --! error: holds no certificate in PEM form",
		"ehlo(); starttls()\nexpect_certificate{ file = var 'dir' .. '/missing.pem' } --! error: no such file",
	} {
		b.env.Vars["dir"] = dir
		checkVerdict(t, b.try(t, script)[0], script)
	}
}

// A file that is written out is looked at before anything is sent.
func TestCertificateFileWritten(t *testing.T) {
	dir := t.TempDir()
	_, served := secured(t, nil, server.CertificateOptions{})
	for name, pem := range map[string][]byte{"served.pem": served.CertPEM, "none.pem": []byte("SECRET"), "script.lua": nil} {
		if err := os.WriteFile(filepath.Join(dir, name), pem, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, row := range []struct{ script, want string }{
		{`expect_certificate{ file = "served.pem" }`, ""},
		{`expect_certificate{ file = "none.pem" }`, `script.lua:1:28: file: none.pem holds no certificate in PEM form`},
		{`expect_certificate{ file = "gone.pem" }`, "no such file"},
		{`expect_certificate{ file = "." }`, "no regular file"},
		{`connect("smtp", { ca = "none.pem" })`, "ca: none.pem holds no certificate in PEM form"},
		{`local c = connect(); c:starttls{ ca = "gone.pem" }`, "no such file"},
		{`requires{ target = "local" }; connect "local"; expect_certificate{ file = "gone.pem" }`, ""}, // skips: that machine is another
		{`requires{ target = "smtp" }; connect "smtp"; expect_certificate{ file = "gone.pem" }`, "no such file"},
	} {
		script, problems := Compile(filepath.Join(dir, "script.lua"), []byte(row.script))
		if script == nil {
			t.Fatal(problems)
		}
		b := newBench(t, polite(nil))
		got := ""
		if problems = script.Ready(b.env); problems.Err() != nil {
			got = problems.Error()
		}
		if (got == "") != (row.want == "") || !strings.Contains(got, row.want) || strings.Contains(got, "SECRET") {
			t.Errorf("%s: %s, want %s", row.script, got, row.want)
		}
	}
}

func TestSeveralTests(t *testing.T) {
	b := newBench(t, polite(nil))
	results := b.try(t, `
local n = 0
local function greeting() n = n + 1; assert(n == 1); expect 220 end
test("one", greeting)
test{ "two", once = true, function() expect 250 end }
test("three", greeting)
`)
	var got []string
	for _, r := range results {
		got = append(got, r.Name+" "+r.Outcome.String())
	}
	if strings.Join(got, ", ") != "one passed, two failed, three passed" {
		t.Errorf("%v: %v", got, results[1].Failure)
	}
}

// A password that stands in the script itself is shown nowhere: not in the
// failure's source line, nor in what is found wrong before the script runs.
func TestWrittenPasswords(t *testing.T) {
	b, _ := secured(t, func(p *server.Polite) { p.Users = nil }, server.CertificateOptions{})
	for _, script := range []string{
		`ehlo(); starttls(); ehlo(); auth("PLAIN", "james", "s3cret-Pw")`,
		`ehlo(); starttls(); ehlo(); auth{ user = "james", password = "s3cret-Pw" }`,
		`ehlo(); starttls(); ehlo(); send "AUTH PLAIN AGphbWVzAHMzY3JldC1Qdw=="; expect 235`,
		`ehlo(); starttls(); ehlo(); send "AUTH LOGIN"; expect 334; send "amFtZXM="; expect 334; send "czNjcmV0LVB3"; expect 235`,
		`ehlo(); starttls(); ehlo(); print("s3cret-Pw"); auth("LOGIN", "james", "s3cret-Pw")`,
		`local c = connect(); c:expect 250; c:auth("PLAIN", "james", "s3cret-Pw")`,
		`expect 250; local o = { user = "james" }; auth{ user = o.user, password = "s3cret-Pw" }`,
		`local password = "s3cret-Pw"; expect 250; auth("PLAIN", "james", password)`,
		`local james = { password = "s3cret-Pw" }; expect 250; auth("PLAIN", "james", james.password)`,
		`expect 250; pipeline{ "EHLO me", "AUTH PLAIN AGphbWVzAHMzY3JldC1Qdw==" }`,
		`expect 250; raw "EHLO me\r\nAUTH PLAIN AGphbWVzAHMzY3JldC1Qdw==\r\n"`,
		`ehlo(); starttls(); ehlo(); attempt(function() auth("LOGIN", "james", "s3cret-Pw") end); error("s3cret-Pw")`,
	} {
		r := b.try(t, script)[0]
		f := r.Failure
		for _, form := range []string{"s3cret-Pw", "AHMzY3JldC1Qdw", "czNjcmV0LVB3"} {
			if shown := transcriptOf(r) + f.What + f.Source + f.Got + f.Command; strings.Contains(shown, form) {
				t.Errorf("%s\nshows %s:\n%s", script, form, shown)
			}
		}
	}
	for _, script := range []string{
		`auth("PLAIN", "james", "s3cret-Pw", 1, 2)`,
		`auth{ user = "james", password = "s3cret-Pw", expct = 1 }`,
		`auth("PLAIN", "james" "s3cret-Pw"`,
		`local password = "s3cret-Pw`,
	} {
		_, problems := CompileFS(fstest.MapFS{"t.lua": {Data: []byte(script)}}, "t.lua", "t.lua")
		if len(problems) == 0 {
			t.Errorf("%s: nothing is wrong", script)
		}
		for _, p := range problems {
			if shown := p.String() + p.Source + p.Hint; strings.Contains(shown, "s3cret") {
				t.Errorf("%s\nshows the password: %s\n%s", script, p, p.Source)
			}
		}
	}
}

// A command is no password, though it be base64 and stand behind an AUTH.
func TestNoPasswords(t *testing.T) {
	b, _ := secured(t, nil, server.CertificateOptions{})
	for _, script := range []string{
		`ehlo(); starttls(); ehlo(); send "AUTH LOGIN"; expect 334; send(base64.encode "james@new.example.com"); expect 334; send(base64.encode(secret "password")); expect 235; send "noop"; expect 250; send "quit"; expect 221`,
		`ehlo(); starttls(); ehlo(); send "AUTH LOGIN"; expect 334; send "*"; expect 501; send "noop"; expect 250; send "quit"; expect 221`,
		`ehlo(); send "AUTH PLAIN"; expect 538; send "noop"; expect 250; send "STARTTLS"; expect 220; handshake(); send "noop"; expect 250; send "quit"; expect 221`,
	} {
		r := b.try(t, script)[0]
		if shown := transcriptOf(r); !strings.Contains(shown, "C: noop\n") || !strings.Contains(shown, "C: quit\n") || !strings.Contains(shown, "C: STARTTLS\n") {
			t.Errorf("%s\n%v\n%s", script, r.Failure, shown)
		}
	}
}

// A test may be named by a password that stands in the script.
func TestNamedByPassword(t *testing.T) {
	b, _ := secured(t, nil, server.CertificateOptions{})
	for _, r := range b.try(t, `test("as s3cret-Pw", function() ehlo(); starttls(); ehlo(); auth{ "PLAIN", "james", "s3cret-Pw", expect = 535 } end)`) {
		if r.Name != "as [secret:password-2]" { // not the one that the run was given
			t.Errorf("the test is called %q", r.Name)
		}
	}
}
