package main

import (
	"encoding/base64"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"smtplay/engine/server"
)

const mailUser = "james@new.example.com"

// mailSite is a server on all targets, and what the program must be told of it.
type mailSite struct {
	flags       []string
	certificate *server.Certificate
}

// startSite serves a handler on the targets that begin in clear text, and the
// other on submissions.
func startSite(t *testing.T, dir string, handler func(secure bool) server.Handler, certificate *server.Certificate) *mailSite {
	t.Helper()
	write(t, dir, map[string]string{"ca.pem": string(certificate.RootPEM)})
	clear, secure := server.Start(t, handler(false)).Addr(), server.Start(t, handler(true)).Addr()
	s := &mailSite{certificate: certificate}
	for _, target := range []string{"smtp=" + clear, "local=" + clear, "submission=" + clear, "submissions=" + secure} {
		s.flags = append(s.flags, "--target", target)
	}
	s.flags = append(s.flags, "--tls-name", "maila.example.com", "--timeout", "5s")
	return s
}

func mailCertificate(t *testing.T) *server.Certificate {
	t.Helper()
	certificate, err := server.MakeCertificate(server.CertificateOptions{Names: []string{"maila.example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

// sounding is a server that lets the user in, but for the answers.
func sounding(certificate *server.Certificate, answers server.Answers) func(bool) server.Handler {
	return func(secure bool) server.Handler {
		return server.Polite{Domain: "maila.example.com", TLS: certificate.ServerConfig(), ImplicitTLS: secure,
			Users: map[string]string{mailUser: markedPassword}, On: answers}.Serve
	}
}

// echoing is a server that repeats what it hears, and the password that it finds
// in it, in an encoding, in every reply.
func echoing(certificate *server.Certificate, encode func(string) []string, verdict string) func(bool) server.Handler {
	return func(secure bool) server.Handler {
		return func(s *server.Session) {
			if secure && s.StartTLS(certificate.ServerConfig()) != nil {
				return
			}
			s.Reply("220 maila.example.com ESMTP")
			var heard []string
			reply := func(code, line string) {
				heard = append(heard, line)
				lines := []string{"you said " + line}
				if strings.HasPrefix(strings.ToUpper(line), "AUTH") || len(heard) > 1 {
					lines = append(lines, encode(markedPassword)...)
				}
				for i := range lines {
					mark := "-"
					if i == len(lines)-1 {
						mark = " "
					}
					lines[i] = code + mark + lines[i]
				}
				s.Reply(lines...)
			}
			for s.Err() == nil {
				line, err := s.ReadLine()
				if err != nil {
					return
				}
				switch verb, rest, _ := strings.Cut(strings.ToUpper(line), " "); {
				case verb == "EHLO":
					s.Reply("250-maila.example.com", "250-STARTTLS", "250 AUTH PLAIN LOGIN")
				case verb == "STARTTLS":
					s.Reply("220 go")
					if s.StartTLS(certificate.ServerConfig()) != nil {
						return
					}
				case verb == "AUTH" && strings.TrimSpace(rest) == "LOGIN":
					for _, prompt := range []string{"Username:", markedPassword} {
						s.Reply("334 " + base64.StdEncoding.EncodeToString([]byte(prompt)))
						if line, err = s.ReadLine(); err != nil {
							return
						}
					}
					reply(verdict, line)
				case verb == "AUTH":
					reply(verdict, line)
				case verb == "QUIT":
					reply("221", line)
					s.Close()
				default:
					reply("250", line)
				}
			}
		}
	}
}

// TestRunbooksHideThePassword: every runbook, at full verbosity, against servers
// that take the password, refuse it, fail at it and give it away.
func TestRunbooksHideThePassword(t *testing.T) {
	t.Parallel()
	certificate := mailCertificate(t)
	other, err := server.MakeCertificate(server.CertificateOptions{Names: []string{"other.example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		reason  string
		handler func(bool) server.Handler
		flags   []string
		says    string // so that it is known that the password was at stake
	}
	const accepted = "ok    scripts/auth-plain.lua: the right password is accepted"
	rows := []row{
		{reason: "the password is right", handler: sounding(certificate, nil), says: accepted},
		{reason: "the password is wrong", handler: func(secure bool) server.Handler {
			return server.Polite{TLS: certificate.ServerConfig(), ImplicitTLS: secure, Users: map[string]string{mailUser: "another"}}.Serve
		}, says: "got 535 5.7.8"},
		{reason: "AUTH is refused", handler: sounding(certificate, server.Answers{"auth": server.Say("534 5.7.9 Too weak")}), says: "got 534 5.7.9"},
		{reason: "AUTH is refused for now", handler: sounding(certificate, server.Answers{"auth": server.Say("454 4.7.0 Later")}), says: "got 454 4.7.0"},
		{reason: "AUTH is not offered", handler: func(secure bool) server.Handler {
			return server.Polite{TLS: certificate.ServerConfig(), ImplicitTLS: secure}.Serve
		}, says: "AUTH"},
		{reason: "the connection drops at AUTH", handler: sounding(certificate, server.Answers{"auth": {Ending: server.Drop}}), says: "closed"},
		{reason: "the connection is reset at AUTH", handler: sounding(certificate, server.Answers{"auth": {Ending: server.Reset}}), says: "reset"},
		{reason: "the connection drops amid AUTH", handler: sounding(certificate, server.Answers{"response": {Ending: server.Drop}}), says: "closed"},
		{reason: "garbage comes amid AUTH", handler: sounding(certificate, server.Answers{"response": server.Send("\x00" + markedPassword + "\xff\r\n")}), says: "no SMTP reply"},
		{reason: "the challenge is the password", handler: sounding(certificate, server.Answers{"auth": server.Say("334 " + markedPassword)}), says: "334"},
		{reason: "the server asks on", handler: sounding(certificate, server.Answers{"auth": server.Say("334 "), "response": server.Say("334 " + base64.StdEncoding.EncodeToString([]byte(markedPassword)))}), says: "334"},
		{reason: "half a reply with the password", handler: sounding(certificate, server.Answers{"auth": {Bytes: "235-" + markedPassword, Ending: server.Drop}}), says: "235-"},
		{reason: "the greeting and EHLO know the password", handler: sounding(certificate, server.Answers{
			"greeting": server.Say("220 " + markedPassword), "ehlo": server.Say("250-"+markedPassword, "250-"+markedPassword+" X", "250 AUTH "+markedPassword)}), says: "[secret:password]"},
		{reason: "the certificate is for another name", handler: sounding(other, nil), says: "not for maila.example.com"},
		{reason: "the certificate is for another name, and nobody minds", handler: sounding(other, nil), flags: []string{"--insecure"}, says: accepted},
	}
	for name, encode := range encodings {
		rows = append(rows,
			row{reason: "the server refuses, and says why: " + name, handler: echoing(certificate, encode, "535"), says: "got 535"},
			row{reason: "the server welcomes, and says whom: " + name, handler: echoing(certificate, encode, "235"), says: "235"})
	}
	program := plainBinary(t) // some forty times all runbooks: with the race detector that takes minutes
	for _, row := range rows {
		t.Run(row.reason, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			site := startSite(t, dir, row.handler, certificate)
			write(t, dir, map[string]string{"password.txt": markedPassword + "\n"})
			fromFile := append(slices.Clone(site.flags), "--secret", "password=@password.txt", "--ca", "ca.pem")
			fromFile = append(fromFile, row.flags...)
			loud := child{program: program, dir: dir}.run(t, append(slices.Concat([]string{"run", "-v", "--jobs", "32", "--record", "out", "--var", "send=yes"}, allReports()), fromFile...)...)
			quiet := child{program: program, dir: dir}.run(t, append([]string{"run", "--jobs", "16"}, fromFile...)...)
			wantNoSecret(t, dir, []string{"password.txt"}, loud.stdout, loud.stderr, quiet.stdout, quiet.stderr)
			for _, got := range []ended{loud, quiet} {
				if !strings.Contains(got.stdout, row.says) {
					t.Errorf("does not say %q:\n%s%s", row.says, got.stdout, got.stderr)
				}
			}
			if n := len(filesBelow(t, filepath.Join(dir, "out"))); n < 20 {
				t.Errorf("%d transcripts", n)
			}
		})
	}
}

// TestUntrustedServerHearsNoPassword: what does not verify is told nothing.
func TestUntrustedServerHearsNoPassword(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certificate := mailCertificate(t)
	var servers []*server.Server
	var flags []string
	for target, secure := range map[string]bool{"submission": false, "submissions": true} {
		s := server.Start(t, sounding(certificate, nil)(secure))
		servers = append(servers, s)
		flags = append(flags, "--target", target+"="+s.Addr())
	}
	got := child{dir: dir, env: []string{"SMTPLAY_SECRET_password=" + markedPassword}}.run(t, append(slices.Concat([]string{"run", "-v", "--record", "out"}, allReports()), flags...)...)
	if got.status != exitFailed || !strings.Contains(got.stdout, "self-signed") {
		t.Errorf("exit status %d:\n%s%s", got.status, got.stdout, got.stderr)
	}
	wantNoSecret(t, dir, nil, got.stdout, got.stderr)
	for _, s := range servers {
		if form := leak(strings.Join(s.Received(), "\n"), markedPassword); form != "" {
			t.Errorf("the server heard the password, %s", form)
		}
	}
}

// secretScript is a script that would show a password.
type secretScript struct {
	reason string
	script string // PASSWORD stands for it, BASE64 and PLAIN for it in these forms
	file   string // "" is test.lua
	flags  []string
}

// declared are scripts that name the secret, and hold its value by some other way.
var declared = []secretScript{
	{reason: "print", script: `ehlo() print(secret "password", "PASSWORD")`},
	{reason: "note", script: `ehlo() note("it is " .. secret "password")`},
	{reason: "step", script: `ehlo() step("PASSWORD") step(secret "password")`},
	{reason: "skip", script: `ehlo() skip("PASSWORD")`},
	{reason: "fail", script: `ehlo() fail("PASSWORD " .. secret "password")`},
	{reason: "fail, in base64", script: `ehlo() fail(base64.encode("ab" .. secret "password"))`},
	{reason: "assert", script: `ehlo() assert(false, secret "password")`},
	{reason: "assert of a comparison", script: `ehlo() assert("PASSWORD" == "x", "PASSWORD is not x")`},
	{reason: "error", script: `ehlo() error("PASSWORD")`},
	{reason: "error of a table", script: `ehlo() error({ "PASSWORD" })`},
	{reason: "error of what has a __tostring", script: `ehlo() error(setmetatable({}, { __tostring = function() return "PASSWORD" end }))`},
	{reason: "a Lua error", script: `ehlo() local t = {} t["PASSWORD"].x = 1`},
	{reason: "a Lua error of a number", script: `ehlo() local x = "PASSWORD" + 1`},
	{reason: "a Lua error of a library", script: `ehlo() string.rep("PASSWORD", {})`},
	{reason: "a Lua error that pcall took, told again", script: `ehlo() local _, e = pcall(error, secret "password") error(e)`},
	{reason: "the name of a test", script: `test("PASSWORD", function() ehlo() fail "x" end) test("b " .. secret "password", function() expect 220 end)`},
	{reason: "the name of a test, twice", script: `test("PASSWORD", function() expect 220 end) test("PASSWORD", function() expect 220 end)`},
	{reason: "a title", script: "--- PASSWORD\n--- and a description with PASSWORD\nexpect 555"},
	{reason: "a comment on the line that fails", script: `expect 555 -- PASSWORD`},
	{reason: "because", script: `connect() expect{ 555, because = "PASSWORD" }`},
	{reason: "text that is wanted", script: `connect() expect{ 220, text = "PASSWORD" }`},
	{reason: "a pattern that is wanted", script: `connect() expect{ 220, match = [[PASSWORD]] }`},
	{reason: "a pattern that is wrong", script: `connect() expect{ 220, match = [[(PASSWORD]] }`},
	{reason: "a reply pattern that is wrong", script: `connect() expect "PASSWORD"`},
	{reason: "a command", script: `ehlo() send("PASSWORD") expect 555`},
	{reason: "a command in hexadecimal", script: `ehlo() send(("PASSWORD"):gsub(".", function(c) return ("%02x"):format(c:byte()) end), nil) expect 555`},
	{reason: "a command, letter by letter", script: `ehlo() send(("PASSWORD"):gsub(".", "%%%0")) expect 555`},
	{reason: "raw bytes", script: `ehlo() raw("noop PASSWORD\r\n") expect 555`},
	{reason: "two commands at once", script: `ehlo() pipeline{ "noop PASSWORD", "PASSWORD" } expect 555`},
	{reason: "a message", script: `ehlo() mail "a@example.org" rcpt "james@new.example.com" data("Subject: PASSWORD\n\n" .. base64.encode(secret "password"), { expect = 555 })`},
	{reason: "a message by hand", script: "ehlo() mail 'a@example.org' rcpt 'james@new.example.com' send 'data' expect(354) send [[\nPASSWORD\nBASE64\n.]] expect 555"},
	{reason: "an address", script: `ehlo() mail("PASSWORD@example.org") rcpt("PASSWORD@example.com", { expect = 555 })`},
	{reason: "the name in EHLO", script: `ehlo("PASSWORD.example.org") fail "x"`},
	{reason: "the user", script: `ehlo() auth{ "PLAIN", "PASSWORD", secret "password", expect = 555 }`},
	{reason: "the mechanism", script: `ehlo() auth("PASSWORD", "james", secret "password")`},
	{reason: "an early end of LOGIN", script: `ehlo() send "AUTH LOGIN" expect(334) send(base64.encode("james")) expect(334) send(base64.encode(secret "password"), { expect = 555 })`},
	{reason: "CRAM-MD5, not offered", script: `ehlo() auth("CRAM-MD5", "james", secret "password")`},
	{reason: "XCLIENT", script: `ehlo() xclient{ addr = "203.0.113.7", login = "PASSWORD", name = "PASSWORD", expect = 555 }`},
	{reason: "a capability", script: `ehlo() expect_capability("PASSWORD")`},
	{reason: "a capability of a secret", script: `ehlo() expect_capability("AUTH", secret "password")`},
	{reason: "a target", script: `connect("PASSWORD") expect 220`},
	{reason: "an address to connect to", script: `connect(secret("password") .. ".invalid:1") expect 220`},
	{reason: "a socket to connect to", script: `connect("unix:/nowhere/" .. base64.encode(secret "password")) expect 220`},
	{reason: "a file", script: `ehlo() file("PASSWORD")`},
	{reason: "a file that is computed", script: `ehlo() file("x" .. secret "password")`},
	{reason: "a module", script: `ehlo() require("PASSWORD")`},
	{reason: "a module that is computed", script: `ehlo() local n = secret "password" require(n)`},
	{reason: "a certificate", script: `connect("smtp", { ca = "/PASSWORD.pem" }) expect 220`},
	{reason: "a name for TLS", script: `ehlo() starttls{ name = "PASSWORD.example.com" }`},
	{reason: "what a certificate should be", script: `ehlo() starttls{ verify = false } expect_certificate{ name = "PASSWORD", issuer = "PASSWORD", sha256 = "PASSWORD" }`},
	{reason: "a var", script: `ehlo() fail(var("user", "x", "who"))`, flags: []string{"--var", "user=PASSWORD"}},
	{reason: "a var's default", script: `ehlo() fail(var("user", "PASSWORD", "who PASSWORD is"))`},
	{reason: "a var's name", script: `ehlo() fail(var("PASSWORD"))`},
	{reason: "a secret's name", script: `ehlo() fail(secret("PASSWORD"))`},
	{reason: "requires", script: `ehlo() requires{ capability = "PASSWORD" }`},
	{reason: "requires a target", script: `requires{ target = "PASSWORD" } ehlo()`},
	{reason: "an option that there is not", script: `ehlo() mail("a@example.org", { PASSWORD = 1, ["PASSWORD"] = 2 })`},
	{reason: "a field that there is not", script: `local r = connect():expect(220) print(r["PASSWORD"])`},
	{reason: "a name that there is not", script: `ehlo() print(nothing, "PASSWORD")`},
	{reason: "a syntax error on its line", script: `ehlo() auth("PLAIN" "james", "PASSWORD")`},
	{reason: "a syntax error near it", script: `local password = "PASSWORD" "x"`},
	{reason: "a string without an end", script: `ehlo() local password = "PASSWORD`},
	{reason: "a long string without an end", script: `ehlo() local password = [[PASSWORD`},
	{reason: "a label", script: `goto PASSWORD`},
	{reason: "an impossible reply on its line", script: `connect() expect 654 -- PASSWORD BASE64 PLAIN`},
	{reason: "unread before the end", script: `ehlo() send "noop PASSWORD"`},
	{reason: "an after function", script: `ehlo() after(function() error "PASSWORD" end)`},
	{reason: "attempt", script: `ehlo() local ok, f = attempt(function() send "noop PASSWORD" expect 555 end) fail(tostring(f) .. f.line)`},
	{reason: "eventually", script: `eventually{ within = 0.1, every = 0.05, function() ehlo() send "noop PASSWORD" expect 555 end }`},
	{reason: "a coroutine", script: `ehlo() coroutine.wrap(function() error(secret "password") end)()`},
	{reason: "math.random and unique beside it", script: `ehlo() fail(unique() .. "PASSWORD" .. math.random(9))`},
	{reason: "the client's name", script: `expect 555`, flags: []string{"--helo", "PASSWORD"}},
	{reason: "a target from outside", script: `connect("x") expect 555`, flags: []string{"--target", "x=PASSWORD.invalid:25"}},
	{reason: "a filter", script: `ehlo()`, flags: []string{"--filter", "PASSWORD["}},
	{reason: "a filter that matches nothing", script: `ehlo()`, flags: []string{"--filter", "PASSWORD"}},
	{reason: "the name of the file", script: `expect 555`, file: "tests/PASSWORD.lua"},
	{reason: "the name of the file, wrong", script: `expect 654`, file: "tests/PASSWORD.lua"},
	{reason: "the name of the folder", script: `test("a", function() expect 555 end)`, file: "PASSWORD/x.lua"},
	{reason: "a value of one's own", script: `ehlo() local p = secret "password" fail(p:reverse():reverse() .. p:sub(1, 12) .. p:sub(13))`},
}

// written are scripts in which the password was written out, and given to a login.
var written = []secretScript{
	{reason: "auth by place", script: `ehlo() auth("PLAIN", "james", "PASSWORD")`},
	{reason: "auth by name", script: `ehlo() auth{ user = "james", password = "PASSWORD", expect = 555 }`},
	{reason: "a token", script: `ehlo() auth{ "XOAUTH2", user = "james", token = "PASSWORD", expect = 555 }`},
	{reason: "a token in the place of a password", script: `ehlo() auth("OAUTHBEARER", "james", "PASSWORD", { expect = 555 })`},
	{reason: "a token, misspelt", script: `ehlo() auth{ "XOAUTH2", user = "james", tokn = "PASSWORD" }`},
	{reason: "a token for PLAIN", script: `ehlo() auth{ "PLAIN", user = "james", token = "PASSWORD" }`},
	{reason: "a token and a password", script: `ehlo() auth{ user = "james", token = "PASSWORD", password = "PASSWORD" }`},
	{reason: "a token by hand", script: "ehlo() send('AUTH XOAUTH2 ' .. base64.encode('user=james\\1auth=Bearer PASSWORD\\1\\1'))\nexpect 555"},
	{reason: "a token by hand, in base64", script: "ehlo() send 'AUTH XOAUTH2 BEARERBASE64'\nexpect 555 -- BEARERBASE64"},
	{reason: "CRAM-MD5", script: `ehlo() auth{ "CRAM-MD5", "james", "PASSWORD", expect = 555 }`},
	{reason: "DIGEST-MD5", script: `ehlo() auth{ "DIGEST-MD5", "james", "PASSWORD", realm = "PASSWORD" }`},
	{reason: "SCRAM", script: `ehlo() auth{ "SCRAM-SHA-256", "james", "PASSWORD", identity = "PASSWORD", expect = 555 }`},
	{reason: "SCRAM with what no text may hold", script: `ehlo() auth{ "SCRAM-SHA-256", "james", "PASSWORD\7", expect = 555 }`},
	{reason: "EXTERNAL", script: `ehlo() auth{ "EXTERNAL", password = "PASSWORD" }`},
	{reason: "a cancel", script: `ehlo() auth{ "LOGIN", "james", "PASSWORD", cancel = true, expect = 555 }`},
	{reason: "auth over several lines", script: "ehlo()\nauth(\n  'PLAIN',\n  'james',\n  'PASSWORD'\n)"},
	{reason: "auth by LOGIN", script: `ehlo() auth("LOGIN", "james", "PASSWORD", { expect = 555 })`},
	{reason: "auth of a local", script: "local password = 'PASSWORD'\nehlo() auth('PLAIN', 'james', password)"},
	{reason: "auth of a value put together", script: "local first, last = 'PASS', 'WORD'\nehlo() auth('PLAIN', 'james', 'PASSWORD')"},
	{reason: "PLAIN by hand", script: "ehlo() send 'AUTH PLAIN PLAINBASE64'\nexpect 555 -- PLAINBASE64"},
	{reason: "PLAIN by hand, put together", script: "ehlo() send('AUTH PLAIN ' .. base64.encode('\\0james\\0' .. 'PASSWORD'))\nexpect 555"},
	{reason: "PLAIN by hand, in two lines", script: "ehlo() send 'AUTH PLAIN' expect(334) send 'PLAINBASE64'\nexpect 555"},
	{reason: "LOGIN by hand", script: "ehlo() send 'AUTH LOGIN' expect(334) send(base64.encode('james')) expect(334) send 'BASE64'\nexpect 555"},
	{reason: "LOGIN by hand, raw", script: "ehlo() send 'AUTH LOGIN' expect(334) raw(base64.encode('james') .. '\\r\\n') expect(334) raw 'BASE64\\r\\n'\nexpect 555"},
	{reason: "LOGIN by hand, on the line that fails", script: "ehlo() send 'AUTH LOGIN' expect(334) send(base64.encode('james')) expect(334) send(base64.encode('PASSWORD')) expect 555"},
	{reason: "told again afterwards", script: "ehlo() attempt(function() auth('PLAIN', 'james', 'PASSWORD') end)\nerror('PASSWORD')"},
	{reason: "told before", script: "print('PASSWORD') step('BASE64')\nehlo() auth('PLAIN', 'james', 'PASSWORD')"},
	{reason: "in the name of the test", script: "test('as PASSWORD', function() ehlo() auth('PLAIN', 'james', 'PASSWORD') end)"},
	{reason: "auth that was called wrongly", script: `ehlo() auth("PLAIN", "james", "PASSWORD", 1, 2)`},
	{reason: "auth with an option that there is not", script: `ehlo() auth{ user = "james", password = "PASSWORD", expct = 1 }`},
	{reason: "auth misspelt", script: `ehlo() auht("PLAIN", "james", "PASSWORD")`},
	{reason: "a comma forgotten", script: `ehlo() auth("PLAIN", "james" "PASSWORD")`},
	{reason: "a quote forgotten", script: `ehlo() auth("PLAIN", "james", "PASSWORD)`},
	{reason: "a name for it", script: `local password = "PASSWORD`},
	{reason: "a secret with a default", script: `ehlo() auth("PLAIN", "james", secret("password", "PASSWORD"))`},
}

// TestScriptsHideThePassword: no way of writing a script makes the program show
// a password, by check, by run, at full verbosity or in what it records.
func TestScriptsHideThePassword(t *testing.T) {
	t.Parallel()
	certificate := mailCertificate(t)
	for kind, scripts := range map[string][]secretScript{"declared": declared, "written": written} {
		for _, s := range scripts {
			t.Run(kind+", "+s.reason, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				site := startSite(t, dir, sounding(certificate, nil), certificate)
				if kind == "written" {
					site = startSite(t, dir, func(bool) server.Handler {
						return server.Polite{TLS: certificate.ServerConfig(), Users: map[string]string{mailUser: markedPassword, "james": markedPassword}, Mechanisms: slices.Concat(wholeMechanisms, []string{"EXTERNAL"})}.Serve
					}, certificate)
				}
				fill := strings.NewReplacer(
					"PLAINBASE64", base64.StdEncoding.EncodeToString([]byte("\x00james\x00"+markedPassword)),
					"BEARERBASE64", base64.StdEncoding.EncodeToString([]byte("user=james\x01auth=Bearer "+markedPassword+"\x01\x01")),
					"BASE64", base64.StdEncoding.EncodeToString([]byte(markedPassword)),
					"PASSWORD", markedPassword)
				name := "test.lua"
				if s.file != "" {
					name = fill.Replace(s.file)
				}
				write(t, dir, map[string]string{name: fill.Replace(s.script)})
				c := child{dir: dir}
				if kind == "declared" {
					c.env = []string{"SMTPLAY_SECRET_password=" + markedPassword}
				}
				flags := append(slices.Clone(site.flags), "--ca", "ca.pem")
				for _, flag := range s.flags {
					flags = append(flags, fill.Replace(flag))
				}
				checked := c.run(t, "check", name)
				quiet := c.run(t, append(append([]string{"run"}, flags...), name)...)
				loud := c.run(t, append(append(slices.Concat([]string{"run", "-v", "--record", "out"}, allReports()), flags...), name)...)
				folder := c.run(t, append(append([]string{"run"}, flags...), ".")...)
				wantNoSecret(t, dir, []string{name}, checked.stdout, checked.stderr, quiet.stdout, quiet.stderr, loud.stdout, loud.stderr, folder.stdout, folder.stderr)
				if status := fmt.Sprint(quiet.status); quiet.status != loud.status || !strings.Contains("0123", status) {
					t.Errorf("exit status %d, at full verbosity %d", quiet.status, loud.status)
				}
			})
		}
	}
}

// allReports asks for a report of every kind.
func allReports() []string {
	var flags []string
	for _, name := range reportNames() {
		flags = append(flags, "--report", name+"=report."+name)
	}
	return flags
}
