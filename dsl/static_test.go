package dsl

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// Each script says at the end of a line what must be found there before it
// runs: "--! COLUMN: text". Without that nothing may be found.
var problemMark = regexp.MustCompile(`--! (\d+): (.*)$`)

var staticCases = []struct{ reason, script string }{
	{"all is well", "expect 220; send 'noop'; expect{ 250, within = '5s', match = 'x', because = 'y' }"},
	{"a name that does not exist", "expct 220 --! 1: unknown name \"expct\""},
	{"a name that is assigned later is one", "if not started then started = true end; expect 220"},
	{"what is left out says so", "expect 220; io.open 'x' --! 13: io is left out"},
	{"a code that no reply has", "expect 654 --! 8: no reply has the code 654"},
	{"a code too short", "expect '25' --! 8: no reply has the code 25"},
	{"in a list", "expect 220; expect{ 250, 654 } --! 26: no reply has the code 654"},
	{"text alone", "expect 'ok' --! 8: begins with a code"},
	{"an option that is none", "expect{ 250, witin = '5s' } --! 14: did you mean \"within\"?"},
	{"a helper's option", "mail('a@b', { expct = 250 }) --! 15: did you mean \"expect\"?"},
	{"a helper's option in one table", "mail{ 'a@b', sise = 5 } --! 14: did you mean \"size\"?"},
	{"a pattern in an option", "rcpt('a@b', { expect = 99 }) --! 24: no reply has the code 99"},
	{"a pattern that no 3xx can match", "expect '354 2.0.0' --! 8: carries no enhanced status code"},
	{"a challenge in a 250", "expect{ 250, challenge = 'x' } --! 1: only a 334"},
	{"a regular expression that is none", "expect{ 250, match = '(' } --! 22: no regular expression"},
	{"no duration", "sleep 'soon' --! 7: no duration"},
	{"too many values", "send('a', 'b') --! 1: send takes one value"},
	{"a boolean that is none", "starttls{ verify = 'no' } --! 20: true or false"},
	{"the name of a var is written out", "local n = 'x'; var(n) --! 16: written out"},
	{"a module that is not there", "local m = require 'lib/none' --! 19: no module"},
	{"a file that is not there", "expect 220; data(file 'none.txt') --! 23: file"},
	{"a file outside", "expect 220; data(file '../x') --! 23: does not lie below"},
	{"a function that a library has not", "expect 220; os.execute 'id' --! 16: os has no \"execute\""},
	{"nearly one of a library's", "local s = string.repp('x', 2); expect 220 --! 18: did you mean \"rep\"?"},
	{"one that the script adds", "function string.trim(s) return s end; string.trim 'x'; expect 220"},
	{"a fingerprint that is none", "expect_certificate{ sha256 = 'ab:cd' } --! 30: is no SHA-256"},
	{"a pin of SHA-1, in a list", "local x; expect_certificate{ spki = { x, 'da39a3ee5e6b4b0d3255bfef95601890afd80709' } } --! 42: and this 40, as SHA-1 has"},
	{"a TLSA record that is cut short", "expect_certificate{ tlsa = '3 1 1 abcd' } --! 28: matching type 1 is SHA-256, which has 64 hexadecimal digits, and this has 4"},
	{"a TLSA record that is none, in a list", "local x; expect_certificate{ tlsa = { x, '3 1' } } --! 42: is no TLSA record"},
	{"a TLSA record as a zone file has it", "expect_certificate{ tlsa = '_25._tcp.a.example. IN TLSA 3 1 1 abcd' } --! 28: write what follows TLSA alone"},
	{"a TLSA record of a usage that SMTP has not", "expect_certificate{ tlsa = '1 1 1 " + strings.Repeat("ab", 32) + "' } --! 28: usage 1 (PKIX-EE) is not used by SMTP"},
	{"TLSA records of a resolver", "local r = '::1'; expect_certificate{ tlsa = { resolver = r, name = 'a.example', port = 25 } }; expect_certificate{ tlsa = { resolver = '[::1]:53' } }"},
	{"TLSA records of a resolver by name", "expect_certificate{ tlsa = { resolver = 'dns.example' } } --! 41: is no resolver"},
	{"TLSA records of no name", "expect_certificate{ tlsa = { resolver = '::1', name = '192.0.2.1' } } --! 55: is an address"},
	{"TLSA records of no port", "expect_certificate{ tlsa = { resolver = '::1', port = 0 } } --! 55: port is a number from 1 to 65535"},
	{"TLSA records of nobody", "expect_certificate{ tlsa = { port = 25 } } --! 21: without that nobody is asked"},
	{"TLSA records with an option that is none", "expect_certificate{ tlsa = { resolvr = '::1' } } --! 30: did you mean \"resolver\"?"},
	{"TLSA records that are true", "expect_certificate{ tlsa = true } --! 21: without that nobody is asked"},
	{"a type of key that is none", "expect_certificate{ key_type = 'RSAA' } --! 32: did you mean \"RSA\"?"},
	{"a type of key that Go does not speak", "expect_certificate{ key_type = { 'RSA', 'Ed448' } } --! 41: Ed448 cannot be tried: Go's TLS takes no certificate of that kind"},
	{"a signature that Go does not speak", "expect_certificate{ signature_algorithm = 'ecdsa-with-SHA224' } --! 43: cannot be tried: Go's TLS takes no certificate of that kind"},
	{"a type of key in lower case", "expect_certificate{ key_type = 'rsa' } --! 32: did you mean \"RSA\"?"},
	{"a signature that is none", "expect_certificate{ signature_algorithm = 'sha256WithRSAEncrypton' } --! 43: did you mean \"sha256WithRSAEncryption\"?"},
	{"a suite that is nearly one", "starttls{ ciphers = 'ECDHE-RSA-AES128-GMC-SHA256' } --! 21: no cipher suite is called \"ECDHE-RSA-AES128-GMC-SHA256\": did you mean \"ECDHE-RSA-AES128-GCM-SHA256\"?"},
	{"a suite that Go does not speak, in a list", "starttls{ ciphers = { 'AES128-SHA', 'DHE-RSA-AES128-SHA' } } --! 37: cannot be tried: Go's TLS does not speak it"},
	{"a suite of TLS 1.3", "connect('smtp', { ciphers = { 'TLS_AES_128_GCM_SHA256' } }) --! 31: it is of TLS 1.3"},
	{"a cipher list of OpenSSL's", "handshake{ ciphers = 'HIGH:!aNULL' } --! 22: name each suite"},
	{"a TLS version that is none", "starttls{ min_version = '1.4' } --! 25: no TLS version"},
	{"a mechanism that smtplay has not", "local u, p = 'u', 'p'\nauth('NTLM', u, p) --! 6: has no mechanism"},
	{"a token for a password", "local u = 'u'\nauth{ 'PLAIN', user = u, token = secret 'token' } --! 7: PLAIN takes a password: a token is for OAUTHBEARER and XOAUTH2"},
	{"a token that may be nil", "local u, p, t = 'u'\nauth{ 'PLAIN', user = u, password = p, token = t }"},
	{"a password where none is taken", "auth{ 'EXTERNAL', password = secret 'password' } --! 7: EXTERNAL takes neither password nor token"},
	{"a password and a token", "auth{ 'XOAUTH2', 'u', secret 'password', token = secret 'token' } --! 7: XOAUTH2 takes one token, and got a password too"},
	{"an identity for LOGIN", "auth{ 'LOGIN', 'u', secret 'password', identity = 'x' } --! 7: LOGIN cannot carry an authorisation identity"},
	{"an initial response for CRAM-MD5", "auth{ 'cram-md5', 'u', secret 'password', initial = true } --! 1: CRAM-MD5 has no initial response: the server speaks first in it"},
	{"an identity for OAUTHBEARER", "auth{ 'OAUTHBEARER', 'u', token = secret 'token', identity = 'x' } --! 7: OAUTHBEARER cannot carry an authorisation identity"},
	{"a realm for PLAIN", "auth('PLAIN', 'u', secret 'password', { realm = 'x' }) --! 6: PLAIN has no realm: it is DIGEST-MD5's"},
	{"no password", "auth('PLAIN', 'u') --! 1: auth needs a password"},
	{"no user", "auth{ 'SCRAM-SHA-256', password = secret 'password' } --! 1: auth needs a user"},
	{"no token", "auth{ 'XOAUTH2', user = var 'user' } --! 1: auth needs a token"},
	{"no user for a token", "auth{ 'OAUTHBEARER', token = secret 'token' }"},
	{"nothing at all for auth", "auth() --! 1: auth needs a user"},
	{"neither password nor token", "auth{ user = 'u' } --! 1: auth needs a password"},
	{"a password that a name holds", "local p; auth{ user = 'u', password = p }"},
	{"options that a name holds", "local o = {}; auth('PLAIN', o); auth('PLAIN', 'u', o); auth(o); auth('EXTERNAL')"},
	{"more values than are written", "local function f() return 'u', 'p' end; auth{ 'PLAIN', f() }; auth('PLAIN', f()); test('x', function(...) auth{ 'PLAIN', ... } end)"},
	{"names that are computed", "auth{ 'PLAIN', ['us' .. 'er'] = 'u', ['pass' .. 'word'] = 'p' }"},
	{"nothing but a cancel", "auth{ 'LOGIN', cancel = true }; auth{ cancel = true }"},
	{"a mechanism that a name holds", "local m = 'PLAIN'; auth{ m, 'u' }"},
	{"a cancel that is no boolean", "auth{ 'PLAIN', cancel = '*' } --! 25: cancel is true or false"},
	{"an option of auth that is none", "local x = 5; auth{ 'PLAIN', tokn = x } --! 29: auth has no option \"tokn\": did you mean \"token\"?"},
	{"nothing to send", "send() --! 1: send needs line"},
	{"a number in the place of a string", "ehlo 250 --! 6: is a string"},
	{"two patterns are no list", "expect(250, 251) --! 1: takes one pattern"},
	{"a pattern and its options", "expect(250, { within = '5s', text = 'x' })"},
	{"two lines are no list", "pipeline('noop', 'rset') --! 1: one value, not 2"},
	{"a method of what connect returned", "local c = connect(); c:expect 654 --! 31: no reply has the code 654"},
	{"and of its options", "local c = connect 'smtp'; c:mail('a@b', { expct = 1 }) --! 43: did you mean \"expect\"?"},
	{"a method of what is not known", "local function f(c) c:expect(654, 1, 2); c:send() end; expect 220; f{ expect = print, send = print }"},
	{"nor of a name that is used again", "local c = connect(); c:expect 220; c = { expect = print }; c:expect(654)"},
	{"nor of an inner one", "local c = connect(); c:expect 220; do local c = { expect = print }; c:expect(654) end"},
	{"a nil at the end", "ehlo(nil); mail('', nil); connect(nil, nil)"},
	{"no address but options", "mail{ expect = 250 } --! 1: mail needs address"},
	{"the reply to data", "data('x', { expect = 654 }) --! 22: no reply has the code 654"},
	{"the reply to data, for a recipient", "data('x', { expect = { ['a@b'] = 654 } }) --! 34: no reply has the code 654"},
	{"the replies to data", "data('x', { expect = { ['a@b'] = 250, postmaster = '552 5.2.2' } })"},
	{"an empty text holds for every reply", "expect{ 250, text = '' } --! 21: option text is empty"},
	{"one line of a reply is no pattern", "expect '250-STARTTLS' --! 8: expect_capability"},
	{"a verb without options", "expect 220; send('noop', { expect = 250 }) --! 28: send has no options"},
	{"a global of that name is the script's own", "function mail(x) return x end; mail('a', 'b', 'c'); expect 220"},
	{"a local of that name too", "local mail = print; mail('a', { b = 1 }); expect 220"},
}

func TestStatic(t *testing.T) {
	for _, c := range staticCases {
		t.Run(c.reason, func(t *testing.T) {
			var want []string
			for i, l := range strings.Split(c.script, "\n") {
				if m := problemMark.FindStringSubmatch(l); m != nil {
					want = append(want, fmt.Sprintf("t.lua:%d:%s: %s", i+1, m[1], m[2]))
				}
			}
			_, problems := CompileFS(fstest.MapFS{"t.lua": {Data: []byte(c.script)}}, "t.lua", "t.lua")
			if len(problems) != len(want) {
				t.Fatalf("%d problems, want %d:\n%v", len(problems), len(want), problems)
			}
			for i, p := range problems {
				at, msg, _ := strings.Cut(want[i], ": ")
				if !strings.HasPrefix(p.String(), at+": ") || !strings.Contains(p.Msg+" "+p.Hint, msg) {
					t.Errorf("got  %v (%s)\nwant %s", p, p.Hint, want[i])
				}
				if p.Source != strings.Split(c.script, "\n")[p.Pos.Line-1] {
					t.Errorf("the source line is %q", p.Source)
				}
			}
		})
	}
}

func TestNeeds(t *testing.T) {
	files := fstest.MapFS{
		"t.lua": {Data: []byte(`
			local who = require "lib/who"
			local a = var("a", "x", "what a is")
			local b = var "b"
			requires{ target = "local" }
			connect "local"; who.user()
		`)},
		"lib/who.lua": {Data: []byte(`
			local who = {}
			function who.user() auth{ user = var "a", password = secret "password" } end
			function who.stranger() connect "xclient"; return var "stranger" end
			return who
		`)},
	}
	s, problems := CompileFS(files, "t.lua", "t.lua")
	if s == nil {
		t.Fatal(problems)
	}
	n := s.Needs()
	if len(n.Vars) != 2 || n.Vars[0].Name != "a" || n.Vars[0].Needed || n.Vars[0].Doc != "what a is" || !n.Vars[1].Needed {
		t.Errorf("vars: %+v", n.Vars)
	}
	if len(n.Secrets) != 1 || n.Secrets[0].Name != "password" {
		t.Errorf("secrets: %+v", n.Secrets)
	}
	if len(n.Targets) != 1 || n.Targets[0].Name != "local" || !n.Targets[0].Optional || n.Default {
		t.Errorf("targets: %+v, default %v", n.Targets, n.Default)
	}
	missing := s.Ready(&suite.Env{Vars: map[string]string{}, Secrets: map[string]string{}})
	if got := missing.Error(); len(missing) != 2 || !strings.Contains(got, `var "b"`) || !strings.Contains(got, `secret "password"`) {
		t.Errorf("missing: %v", got)
	}
	if p := s.Ready(&suite.Env{Vars: map[string]string{"b": ""}, Secrets: map[string]string{"password": "x"}}); len(p) != 1 || !strings.Contains(p[0].Msg, "empty") {
		t.Errorf("an empty var: %v", p)
	}
}

// The addresses at which a script listens are held by each of its tests: those that are free ports nobody else gets.
func TestHolds(t *testing.T) {
	const listens = `listen "mx"; listen{ "127.0.0.1:2525", tls = "expired" }; listen(); listen "127.0.0.1:0"; listen "away"; local at = "computed"; listen(at)`
	env := &suite.Env{Redact: &transcript.Redactor{}, Targets: suite.Targets{Named: map[string]string{"mx": "127.0.0.1:2526"}}}
	for text, tests := range map[string]int{listens: 1, `test("a", function() ` + listens + ` end); test("b", function() end)`: 2} {
		s, problems := CompileFS(fstest.MapFS{"t.lua": {Data: []byte(text)}}, "t.lua", "t.lua")
		if s == nil {
			t.Fatal(problems)
		}
		declared, err := s.Tests(t.Context(), env)
		if err != nil || len(declared) != tests {
			t.Fatalf("%d tests, want %d: %v", len(declared), tests, err)
		}
		for _, d := range declared {
			if want := []string{"127.0.0.1:2526", "127.0.0.1:2525"}; !slices.Equal(d.Holds, want) {
				t.Errorf("%s holds %q, want %q", d.Name, d.Holds, want)
			}
		}
	}
}

// What lies outside the script's folder is not reached, by whatever path.
func TestNothingOutside(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(dir, "outside.lua")
	inside := filepath.Join(dir, "suite")
	for _, err := range []error{
		os.WriteFile(outside, []byte("return 'secret text'"), 0o600),
		os.MkdirAll(filepath.Join(inside, "lib"), 0o700),
		os.Symlink(outside, filepath.Join(inside, "lib", "link.lua")),
		os.Symlink(outside, filepath.Join(inside, "link.txt")),
		os.Symlink(dir, filepath.Join(inside, "up")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, script := range []string{
		`local m = require "../outside"`, `local m = require "lib/link"`, `local m = require "up/outside"`, `local m = require "` + dir + `/outside"`,
		`local m = file "../outside.lua"`, `local m = file "link.txt"`, `local m = file "up/outside.lua"`, `local m = file "` + outside + `"`,
	} {
		_, problems := Compile(filepath.Join(inside, "t.lua"), []byte(script))
		if problems.Err() == nil || strings.Contains(problems.Error(), "secret text") {
			t.Errorf("%s: %v", script, problems)
		}
		// The same by a name that is only known when it runs.
		computed := strings.Replace(strings.Replace(script, `require "`, `local n = "`, 1), `file "`, `local n = "`, 1)
		verb := "require"
		if strings.Contains(script, "file ") {
			verb = "file"
		}
		computed = strings.Replace(computed, "local m = local n", "local n", 1) + "; expect 220; local m = " + verb + "(n)"
		s, problems := Compile(filepath.Join(inside, "t.lua"), []byte(computed))
		if s == nil {
			t.Fatalf("%s: %v", computed, problems)
		}
		b := newBench(t, polite(nil))
		v := s.Run(t.Context(), b.env, &suite.Run{Log: &transcript.Log{Redactor: &transcript.Redactor{}}})
		if v.Outcome != suite.Errored || v.Failure == nil || strings.Contains(v.Failure.What, "secret text") {
			t.Errorf("%s: %+v", computed, v)
		}
	}
}

// A name that is none was meant to be another one.
func TestUnknownNameHints(t *testing.T) {
	tests := []struct{ src, hint, reason string }{
		{"sned 'noop'", `did you mean "send"?`, "a verb"},
		{"local here = 'a'\nsend(hree); expect 250", `did you mean "here"?`, "a local"},
		{"function who() end\nwhoo(); expect 250", `did you mean "who"?`, "a global of the script's"},
		{"do local who = 1 end\nsend(who); expect 250", "the local who is known inside its block only, from the line after it on", "a local of another block"},
		{"send(xyzzy); expect 250", "", "nothing is near"},
	}
	for _, row := range tests {
		_, problems := Compile("t.lua", []byte(row.src))
		if len(problems) != 1 || problems[0].Hint != row.hint {
			t.Errorf("%s: %+v, want the hint %q", row.reason, problems, row.hint)
		}
	}
}

// A target that leads nowhere was meant to be another one.
func TestTargetHint(t *testing.T) {
	targets := suite.Targets{Named: map[string]string{"smtp": "127.0.0.1:25", "submission": "127.0.0.1:587"}}
	for name, want := range map[string]string{
		"smpt":   `did you mean "smtp"? --target smpt=ADDRESS says where another is`,
		"office": "--target office=ADDRESS says where it is",
	} {
		script, problems := Compile("t.lua", []byte("connect '"+name+"'; expect 220"))
		if script == nil {
			t.Fatal(problems)
		}
		if ready := script.Ready(&suite.Env{Targets: targets}); len(ready) != 1 || ready[0].Hint != want {
			t.Errorf("%s: %+v, want the hint %q", name, ready, want)
		}
	}
}
