package dsl

import (
	"encoding/base64"
	"strings"
	"testing"

	"smtplay/engine/server"
)

var allMechanisms = strings.Fields("SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-1 CRAM-MD5 DIGEST-MD5 PLAIN LOGIN OAUTHBEARER XOAUTH2 EXTERNAL ANONYMOUS GSSAPI")

// challenge is a 334 with that text.
func challenge(text string) server.Answer {
	return server.Say("334 " + base64.StdEncoding.EncodeToString([]byte(text)))
}

var authCases = []struct {
	reason string
	change func(*server.Polite)
	script string
	holds  string // the transcript
}{
	{"each mechanism by password", nil, `for _, m in ipairs{ "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "CRAM-MD5", "DIGEST-MD5", "PLAIN", "LOGIN" } do
  connect(); ehlo(); starttls(); ehlo(); auth(m, user, secret "password"); quit()
  connect(); ehlo(); starttls(); ehlo(); auth(m, user, var "wrong", { expect = "535 5.7.8" }); auth(m, user, secret "password"); quit()
end`, "C: AUTH SCRAM-SHA-256-PLUS [sasl user=james@new.example.com secret=password]\nS: 334 cj"},
	{"each by token, in either place", nil, `for _, m in ipairs{ "XOAUTH2", "OAUTHBEARER" } do
  for _, o in ipairs{ { m, user = user, token = secret "password" }, { m, user, secret "password" }, { m, user = user, password = secret "password" } } do connect(); ready(); auth(o); quit() end
  connect(); ready(); auth{ m, user = user, token = var "wrong", expect = "535 5.7.8" }; quit()
end`, "C: AUTH OAUTHBEARER [sasl user=james@new.example.com secret=password]\nS: 235"},
	{"EXTERNAL and ANONYMOUS", nil, `for _, o in ipairs{ { "EXTERNAL" }, { "EXTERNAL", identity = "a" }, { "EXTERNAL", "a" }, { "ANONYMOUS" }, { "ANONYMOUS", user = "me" }, { "EXTERNAL", initial = false } } do connect(); ready(); auth(o); quit() end`, "C: AUTH EXTERNAL YQ==\nS: 235"},
	{"the strongest, and why", nil, `ready(); auth{ user = user, password = secret "password" }`,
		"* note auth takes SCRAM-SHA-256-PLUS, the strongest offered that smtplay has; passed over: OAUTHBEARER (needs a token), XOAUTH2 (needs a token), EXTERNAL (only where it is named), ANONYMOUS (only where it is named), GSSAPI (smtplay does not have it); weaker: SCRAM-SHA-256,"},
	{"the strongest of TLS 1.2", nil, `ehlo(); starttls{ max_version = "1.2" }; ehlo(); auth{ user = user, password = secret "password" }`, "auth takes SCRAM-SHA-256, the strongest offered that smtplay has; passed over: SCRAM-SHA-256-PLUS (binds to TLS 1.3, and this connection is TLS1.2)"},
	{"the strongest by token", nil, `ready(); auth{ user = user, token = secret "password" }`, "auth takes OAUTHBEARER"},
	{"with an identity", func(p *server.Polite) { p.Mechanisms = []string{"CRAM-MD5", "LOGIN", "PLAIN"} }, `ready(); auth{ user = user, password = secret "password", identity = "other" }`, "C: AUTH PLAIN [sasl identity=other user=james@new.example.com secret=password]"},
	{"nothing that can be had", func(p *server.Polite) { p.Mechanisms = []string{"GSSAPI", "EXTERNAL"} }, "ready()\nauth{ user = user, password = secret 'password' } --! failed: no AUTH mechanism is offered that smtplay has: nothing was sent; passed over: EXTERNAL (only where it is named), GSSAPI (smtplay does not have it)", ""},
	{"without the initial response", nil, `ready(); auth{ "PLAIN", user, secret "password", initial = false }`, "C: AUTH PLAIN\nS: 334 \nC: [sasl user=james@new.example.com secret=password]\nS: 235"},
	{"with it", nil, `ready(); auth{ "LOGIN", user, secret "password", initial = true }`, "C: AUTH LOGIN amFtZXNAbmV3LmV4YW1wbGUuY29t\nS: 334 UGFzc3dvcmQ6\nC: [secret:password]\nS: 235"},
	{"cancelled", nil, `ready(); auth{ "PLAIN", cancel = true }; auth{ "LOGIN", cancel = true, expect = "501 5.7.0" }; auth{ "CRAM-MD5", cancel = true }; auth{ cancel = true }; noop()`, "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: *\nS: 501"},
	{"cancelled in the middle", nil, `ready(); auth{ "SCRAM-SHA-256", user, secret "password", cancel = true, initial = true }; noop()`, "C: *\nS: 501"},
	{"a cancel that lets in", func(p *server.Polite) { p.On = server.Answers{"response": server.Say("235 welcome")} }, "ready()\nauth{ 'LOGIN', cancel = true } --! failed: expected 501, got 235 welcome", ""},
	{"a cancel that is asked on", func(p *server.Polite) { p.On = server.Answers{"response": challenge("more")} }, "ready()\nauth{ 'LOGIN', cancel = true } --! failed: expected 501, got 334", ""},
	{"nothing to cancel", func(p *server.Polite) { p.On = server.Answers{"auth": server.Say("501 no")} }, "ready()\nauth{ 'PLAIN', cancel = true } --! failed: there was nothing to cancel: the server said 501", ""},
	{"an early 235 to SCRAM", func(p *server.Polite) { p.On = server.Answers{"response": server.Say("235 welcome")} }, "ready()\nauth('SCRAM-SHA-256', user, secret 'password') --! failed: the server said 235 before it had shown its signature", ""},
	{"even where that is expected", func(p *server.Polite) { p.On = server.Answers{"auth": server.Say("235 welcome")} }, "ready()\nauth('SCRAM-SHA-256', user, secret 'password', { expect = 235 }) --! failed: nothing was checked", ""},
	{"a signature that is wrong", func(p *server.Polite) { p.On = server.Answers{"response": challenge("v=AAAA")} }, "ready()\nauth('SCRAM-SHA-1', user, secret 'password', { expect = '5xx' }) --! failed: the server's signature is wrong", ""},
	{"an rspauth that is wrong", func(p *server.Polite) { p.On = server.Answers{"response": challenge("rspauth=0123")} }, "ready()\nauth('DIGEST-MD5', user, secret 'password') --! failed: the server's rspauth is wrong", ""},
	{"why a token is refused", nil, "ready()\nauth{ 'XOAUTH2', user = user, token = var 'wrong' } --! failed: expected 235, got 535 5.7.8 Authentication failed; its challenge says why: status 401, schemes bearer, scope https://mail.example.com/", "* note the challenge says why the server refuses: status 401, schemes bearer, scope https://mail.example.com/\nC: \nS: 535"},
	{"by hand, too", nil, "ready(); send('AUTH XOAUTH2 ' .. base64.encode('user=' .. user .. '\\1auth=Bearer ' .. var 'wrong' .. '\\1\\1'))\nexpect 235 --! failed: its challenge says why: status 401", "C: AUTH XOAUTH2 [sasl user=james@new.example.com secret="},
	{"and behind it", nil, "ready(); send('AUTH XOAUTH2 ' .. base64.encode('user=' .. user .. '\\1auth=Bearer ' .. var 'wrong' .. '\\1\\1')); local r = expect 334; assert(r.challenge:match '^{'); send ''\nexpect 235 --! failed: got 535 5.7.8 Authentication failed; its challenge says why: status 401", ""},
	{"XOAUTH2 by hand", nil, `ready(); send("AUTH XOAUTH2 " .. base64.encode("user=" .. user .. "\1auth=Bearer " .. secret "password" .. "\1\1")); expect 235`, "C: AUTH XOAUTH2 [sasl user=james@new.example.com secret=password]\nS: 235"},
	{"CRAM-MD5 by hand", nil, `ready(); send "AUTH CRAM-MD5"; local r = expect 334; assert(r.challenge:match "^<.*>$"); send(base64.encode(user .. " " .. ("0"):rep(32))); expect "535 5.7.8"; send "AUTH CRAM-MD5"; expect 334; send "*"; expect 501`, "C: [sasl user=james@new.example.com]\nS: 535"},
	{"bound to nothing", func(p *server.Polite) { p.AuthNeedsTLS = false }, "ehlo()\nauth('SCRAM-SHA-256-PLUS', user, secret 'password') --! failed: nothing was sent: SCRAM-SHA-256-PLUS binds to a session of TLS 1.3 (tls-exporter, RFC 9266), and this connection is in clear", ""},
	{"bound to an old TLS", nil, "ehlo(); starttls{ max_version = '1.2' }; ehlo()\nauth('SCRAM-SHA-1-PLUS', user, secret 'password') --! failed: nothing was sent: SCRAM-SHA-1-PLUS binds to a session of TLS 1.3 (tls-exporter, RFC 9266), and this connection is TLS1.2", ""},
	{"a realm", nil, `ready(); auth{ "DIGEST-MD5", user, secret "password", realm = "mail.example.com" }`, ""},
	{"a realm that is not offered", nil, "ready()\nauth{ 'DIGEST-MD5', user, secret 'password', realm = 'x' } --! failed: the realm \"x\" is not offered", ""},
	{"no user", nil, "ready()\nlocal m = 'PLAIN'; auth{ m, password = secret 'password' } --! error: auth needs a user", ""},
	{"no password", nil, "ready()\nlocal m = 'CRAM-MD5'; auth{ m, user } --! error: auth needs a password", ""},
	{"an empty token", nil, "ready()\nlocal none = ''; auth{ 'XOAUTH2', user = user, token = none } --! error: auth needs a token", ""},
	{"nothing at all", nil, "ready()\nlocal o = {}; auth(o) --! error: auth needs a user", ""},
	{"a token that would break out", nil, "ready()\nauth{ 'XOAUTH2', user = user, token = 'a\\1b' } --! error: hold no control characters", ""},
	{"a password and a token", nil, "ready()\nlocal p = secret 'password'; auth{ user = user, password = p, token = p } --! error: a password or a token, not both", ""},
	{"a token for PLAIN, computed", nil, "ready()\nlocal m, p = 'PLAIN', secret 'password'; auth{ m, user = user, token = p } --! error: PLAIN takes a password: a token is for OAUTHBEARER and XOAUTH2", ""},
	{"an initial response that cannot be", nil, "ready()\nlocal yes = true; auth{ 'DIGEST-MD5', user, secret 'password', initial = yes } --! error: DIGEST-MD5 has no initial response", ""},
	{"an identity that cannot be said", nil, "ready()\nlocal m = 'LOGIN'; auth{ m, user, secret 'password', identity = 'x' } --! error: LOGIN cannot carry an authorisation identity", ""},
	{"an unsafe connection, and a proof", func(p *server.Polite) {}, "ehlo(); starttls{ verify = false, name = 'other.example.com' }; ehlo()\nauth('SCRAM-SHA-256', user, secret 'password') --! failed: nothing was sent: the proof of the password would go over a connection that is not safe", ""},
	{"an unsafe connection, and a token", func(p *server.Polite) {}, "ehlo(); starttls{ verify = false, name = 'other.example.com' }; ehlo()\nauth{ 'XOAUTH2', user = user, token = secret 'password' } --! failed: nothing was sent: the token would go over a connection that is not safe", ""},
	{"an unsafe connection, and nothing secret", nil, "ehlo(); starttls{ verify = false, name = 'other.example.com' }; ehlo(); auth{ 'PLAIN', cancel = true }; auth 'ANONYMOUS'", "C: AUTH ANONYMOUS =\nS: 235"},
	{"an unsafe connection that the script accepts", nil, "ehlo(); starttls{ verify = false, name = 'other.example.com' }; ehlo(); auth{ 'CRAM-MD5', user, secret 'password', insecure = true }", ""},
}

func TestAuth(t *testing.T) {
	const prelude = `local user = "james@new.example.com"; local function ready() ehlo(); starttls(); ehlo() end; `
	for _, c := range authCases {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			b, _ := secured(t, func(p *server.Polite) {
				p.Mechanisms = allMechanisms
				if c.change != nil {
					c.change(p)
				}
			}, server.CertificateOptions{})
			script := prelude + c.script
			result := b.try(t, script)[0]
			checkVerdict(t, result, script)
			shown := transcriptOf(result)
			if !strings.Contains(shown, c.holds) {
				t.Errorf("the transcript lacks %q:\n%s", c.holds, shown)
			}
			if f := result.Failure; f != nil {
				shown += f.What + f.Source + f.Got + f.Want + f.Command
			}
			for _, hidden := range []string{password, "wrong-password", "d3Jvbmct", base64.StdEncoding.EncodeToString([]byte("rspauth=")[:6])} {
				if strings.Contains(shown, hidden) {
					t.Errorf("%q is shown:\n%s", hidden, shown)
				}
			}
		})
	}
}
