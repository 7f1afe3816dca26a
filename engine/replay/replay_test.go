package replay_test

import (
	"context"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"smtplay/engine/replay"
	"smtplay/engine/server"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// in reads the lines of a transcript and makes a script of it.
func in(t testing.TB, lines string) *replay.Script {
	t.Helper()
	events, err := transcript.Decode([]byte(transcript.Header + "\n" + strings.TrimPrefix(lines, "\n")))
	if err != nil {
		t.Fatalf("%s: %v", lines, err)
	}
	return replay.New("before.smtp", events, transcript.UsualMasks())
}

// environment leads to addr, with the password of james.
func environment(addr string) *suite.Env {
	env := &suite.Env{
		Targets: suite.Targets{Named: map[string]string{"smtp": addr, "submission": addr}},
		Secrets: map[string]string{"password": "s3cret-Pw"},
		Redact:  &transcript.Redactor{},
	}
	env.Redact.Add("password", "s3cret-Pw")
	env.Options.Timeout = 10 * time.Second
	return env
}

// run replays a transcript and returns the verdict, with what was recorded.
func run(t testing.TB, s *replay.Script, env *suite.Env) (suite.Verdict, string) {
	t.Helper()
	if err := s.Ready(env); err != nil {
		t.Fatal(err)
	}
	log := &transcript.Log{Redactor: &transcript.Redactor{Parent: env.Redact}}
	v := s.Run(t.Context(), env, &suite.Run{Log: log})
	events, _ := log.Events()
	var text []byte
	for _, e := range events {
		text = transcript.AppendEvent(text, e)
	}
	if strings.Contains(string(text), "s3cret") || strings.Contains(string(text), base64.StdEncoding.EncodeToString([]byte("s3cret-Pw"))) {
		t.Errorf("the password is shown:\n%s", text)
	}
	return v, string(text)
}

// told is what a verdict tells: what changed, and what else went wrong.
func told(v suite.Verdict) string {
	var b []byte
	if v.Difference != nil {
		for _, c := range v.Difference.Changes {
			b = c.AppendUnified(b)
		}
	}
	for _, f := range v.Extra {
		b = append(append(b, f.Error()...), '\n')
	}
	return string(b)
}

// polite has james for a user, and does not insist on EHLO.
func polite(on server.Answers) server.Polite {
	return server.Polite{Users: map[string]string{"james": "s3cret-Pw"}, On: on}
}

const hello = "C: HELO x\nS: 250 server.example.com\n"

const opening = `
* connect smtp 192.0.2.1:25
S: 220 server.example.com ESMTP
`

const envelope = hello + `C: MAIL FROM:<a@example.org>
S: 250 2.1.0 Ok
C: RCPT TO:<b@example.com>
S: 250 2.1.5 Ok
`

const message = opening + envelope + `C: DATA
S: 354 End data with <CR><LF>.<CR><LF>
C: Hi James
C: ..dots
C: .
S: 250 2.0.0 Ok: queued as 217083C8C1
C: QUIT
S: 221 2.0.0 Bye
* close client
`

const plain = opening + `C: AUTH PLAIN [sasl user=james secret=password]
S: 235 2.7.0 Authentication successful
` + envelope

const login = opening + `C: AUTH LOGIN
S: 334 VXNlcm5hbWU6
C: amFtZXM=
S: 334 UGFzc3dvcmQ6
C: [secret:password]
S: 235 2.7.0 Authentication successful
` + envelope

func TestReplay(t *testing.T) {
	sent := func(lines ...string) []string { return lines }
	for _, tt := range []struct {
		name, before string
		peer         server.Polite
		want         string
		sent         []string // what the server got, nil for anything
	}{
		{"a message, sent to its end as it was", message, polite(nil), "",
			sent("HELO x", "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.com>", "DATA", "Hi James", "..dots", ".", "QUIT")},
		{"a dot behind a bare LF, which ends nothing", strings.Replace(message, "C: ..dots\n", "C: one\\x0a\nC: .\nC: noop\n", 1), polite(nil), "",
			sent("HELO x", "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.com>", "DATA", "Hi James", "one\n", ".", "noop", ".", "QUIT")},
		{"one reply", message, polite(server.Answers{"rcpt": server.Say("250 2.1.5 Accepted")}), `
@@ -8,2 +8,2 @@ RCPT TO:<b@example.com>
 C: RCPT TO:<b@example.com>
-S: 250 2.1.5 Ok
+S: 250 2.1.5 Accepted
`, nil},
		{"DATA refused: no text is sent", message, polite(server.Answers{"data": server.Say("452 4.3.1 Full")}), `
@@ -10,2 +10,2 @@ DATA
 C: DATA
-S: 354 End data with <CR><LF>.<CR><LF>
+S: 452 4.3.1 Full
@@ -12,4 +11,0 @@ .
-C: Hi James
-C: ..dots
-C: .
-S: 250 2.0.0 Ok: queued as [queue-id]
`, sent("HELO x", "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.com>", "DATA", "QUIT")},
		{"DATA taken that was refused: no message is sent", opening + envelope + "C: DATA\nS: 554 5.5.1 no\nC: QUIT\nS: 221 2.0.0 Bye\n* close client\n", polite(nil), `
@@ -10,2 +10,2 @@ DATA
 C: DATA
-S: 554 5.5.1 no
+S: 354 End data with <CR><LF>.<CR><LF>
@@ -12,2 +11,0 @@ QUIT
-C: QUIT
-S: 221 2.0.0 Bye
before.smtp:11: the server takes a message here, and the transcript has none
`, sent("HELO x", "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.com>", "DATA")},
		{"text that was not ended", opening + envelope + "C: DATA\nS: 354 End data with <CR><LF>.<CR><LF>\nC: Hi James\n* close client\n", polite(nil), "",
			sent("HELO x", "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.com>", "DATA", "Hi James")},
		{"PLAIN made anew", plain, polite(nil), "", sent("AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte("\x00james\x00s3cret-Pw")), "HELO x", "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.com>", "QUIT")},
		{"PLAIN in two steps", strings.Replace(plain, "PLAIN [", "PLAIN\nS: 334 \nC: [", 1), polite(nil), "", nil},
		{"PLAIN refused, and what followed", plain, polite(server.Answers{"auth": server.Say("503 5.5.1 not enabled"), "rcpt": server.Say("554 5.7.1 Relay access denied")}), `
@@ -4,2 +4,2 @@ AUTH PLAIN [sasl user=james secret=password]
 C: AUTH PLAIN [sasl user=james secret=password]
-S: 235 2.7.0 Authentication successful
+S: 503 5.5.1 not enabled
@@ -10,2 +10,2 @@ RCPT TO:<b@example.com>
 C: RCPT TO:<b@example.com>
-S: 250 2.1.5 Ok
+S: 554 5.7.1 Relay access denied
`, nil},
		{"LOGIN", login, polite(nil), "", sent("AUTH LOGIN", "amFtZXM=", "czNjcmV0LVB3", "HELO x", "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.com>", "QUIT")},
		{"LOGIN refused: the password is no command", login, polite(server.Answers{"auth": server.Say("503 5.5.1 not enabled")}), `
@@ -4,2 +4,2 @@ AUTH LOGIN
 C: AUTH LOGIN
-S: 334 VXNlcm5hbWU6
+S: 503 5.5.1 not enabled
@@ -6,2 +5,0 @@ amFtZXM=
-C: amFtZXM=
-S: 334 UGFzc3dvcmQ6
@@ -8,2 +5,0 @@ [secret:password]
-C: [secret:password]
-S: 235 2.7.0 Authentication successful
`, sent("AUTH LOGIN", "HELO x", "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.com>", "QUIT")},
		{"a login that goes on where it had not", opening + "C: AUTH LOGIN\nS: 503 5.5.1 no\n" + envelope, polite(nil), `
@@ -4,2 +4,2 @@ AUTH LOGIN
 C: AUTH LOGIN
-S: 503 5.5.1 no
+S: 334 VXNlcm5hbWU6
@@ -5,0 +6,2 @@ *
+C: *
+S: 501 5.7.0 Authentication aborted
`, sent("AUTH LOGIN", "*", "HELO x", "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.com>", "QUIT")},
		{"a secret in any other line", opening + "C: XSECRET [secret:password] now\nS: 500 5.5.2 Command not recognized\n", polite(nil), "", sent("XSECRET s3cret-Pw now", "QUIT")},
		{"several commands at once", opening + "C: NOOP\nC: HELO x\nC: QUIT\nS: 250 2.0.0 Ok\nS: 250 server.example.com\nS: 221 2.0.0 Bye\n", polite(nil), "", sent("NOOP", "HELO x", "QUIT")},
		{"a client that does not wait", "* connect smtp 192.0.2.1:25\nC: NOOP\nS: 220 server.example.com ESMTP\nC: QUIT\nS: 250 2.0.0 Ok\nS: 221 2.0.0 Bye\n", polite(nil), "", sent("NOOP", "QUIT")},
		{"bytes as they were", opening + "C: NO\\\nC: OP\\x0a\nC: QUIT\nS: 250 2.0.0 Ok\nS: 221 2.0.0 Bye\n", polite(nil), "", sent("NOOP\n", "QUIT")},
		{"a chunk", opening + envelope + "C: BDAT 6 LAST\nC: QUIT\nS: 250 2.0.0 Ok: queued as 217083C8C1\nC: QUIT\nS: 221 2.0.0 Bye\n", polite(nil), "", nil},
		{"silence", opening + "* note silence for 10ms\nC: QUIT\nS: 221 2.0.0 Bye\n", polite(nil), "", nil},
		{"silence that is broken", opening + "* note silence for 5s\nC: QUIT\nS: 221 2.0.0 Bye\n", polite(server.Answers{"greeting": server.Say("220 server.example.com ESMTP", "250 more")}), `
@@ -2,2 +2,3 @@ the connect
 * connect smtp 192.0.2.1:[port]
 S: 220 server.example.com ESMTP
+S: 250 more
`, nil},
		{"a reply too many", opening + "C: NOOP\nS: 250 2.0.0 Ok\nC: QUIT\nS: 221 2.0.0 Bye\n", polite(server.Answers{"noop": server.Say("250 2.0.0 Ok", "250 2.0.0 Ok")}), `
@@ -4,2 +4,3 @@ NOOP
 C: NOOP
 S: 250 2.0.0 Ok
+S: 250 2.0.0 Ok
`, nil},
		{"a reply too many that is gone", opening + "C: NOOP\nS: 250 2.0.0 Ok\nS: 250 2.0.0 Ok\n", polite(nil), `
@@ -4,3 +4,2 @@ NOOP
 C: NOOP
 S: 250 2.0.0 Ok
-S: 250 2.0.0 Ok
`, nil},
		{"no reply, then and now", opening + "C: NOOP\n* note no reply within 30ms\n* close client\n", polite(server.Answers{"noop": server.Answer{}}), "", nil},
		{"no reply then", opening + "C: NOOP\n* note no reply within 5s\n* close client\n", polite(nil), `
@@ -4,1 +4,2 @@ NOOP
 C: NOOP
+S: 250 2.0.0 Ok
`, nil},
		{"the server closes", opening + "C: NOOP\nS: 421 4.3.2 down\n* close server\n", polite(server.Answers{"noop": server.Say("421 4.3.2 down").Then(server.Close)}), "", nil},
		{"the server closes too early", opening + "C: NOOP\nS: 250 2.0.0 Ok\nC: QUIT\nS: 221 2.0.0 Bye\n", polite(server.Answers{"noop": server.Say("250 2.0.0 Ok").Then(server.Close)}), `
@@ -4,2 +4,3 @@ NOOP
 C: NOOP
 S: 250 2.0.0 Ok
+* close server
@@ -6,2 +6,0 @@ QUIT
-C: QUIT
-S: 221 2.0.0 Bye
before.smtp:6: the server had closed the connection before QUIT was sent
`, nil},
		{"a server that is reached otherwise", "* step x\n* connect submission 192.0.2.1:587\nS: 220 server.example.com ESMTP\n* note by hand\nC: QUIT\nS: 221 2.0.0 Bye\n* close client\n", polite(nil), "", nil},
		{"two conversations", "* connect smtp 192.0.2.1:25\nS: 220 server.example.com ESMTP\n*2 connect submission 192.0.2.1:587\nS2: 220 server.example.com ESMTP\nC2: NOOP\nC: NOOP\nS: 250 2.0.0 Ok\nS2: 250 2.0.0 Ok\n* close client\nC2: RSET\nS2: 250 2.0.0 Ok\n", polite(nil), "", nil},
		{"one conversation after the other", strings.TrimPrefix(opening, "\n") + "C: QUIT\nS: 221 2.0.0 Bye\n* close client\n" + opening[1:] + "C: NOOP\nS: 250 2.0.0 Ok\n", polite(nil), "", nil},
		{"a conversation that smtplay accepted is no client's", "*2 accept mx from 127.0.0.1\n* connect smtp 192.0.2.1:25\nS: 220 server.example.com ESMTP\nS2: 220 mx\nC2: NOOP\nC: RSET\n*2 close client\nS: 250 2.0.0 Ok\n*2 accept mx from 127.0.0.1\nS2: 220 mx\nC: NOOP\nS: 250 2.0.1 Ok\n", polite(nil), `
@@ -12,2 +6,2 @@ NOOP
 C: NOOP
-S: 250 2.0.1 Ok
+S: 250 2.0.0 Ok
`, sent("RSET", "NOOP", "QUIT")},
		{"no greeting in the transcript", "* connect smtp 192.0.2.1:25\nC: NOOP\nS: 250 2.0.0 Ok\n", polite(nil), "", nil},
		{"nor the connect", "C: NOOP\nS: 250 2.0.0 Ok\nC: RSET\nS: 250 2.0.0 Ok\n", polite(nil), "", nil},
		{"LMTP, one recipient less", "* connect smtp 192.0.2.1:24\nS: 220 server.example.com LMTP\nC: LHLO x\nS: 250 server.example.com\n" + strings.TrimPrefix(envelope, hello) + "C: RCPT TO:<c@example.com>\nS: 250 2.1.5 Ok\nC: DATA\nS: 354 End data with <CR><LF>.<CR><LF>\nC: x\nC: .\nS: 250 2.0.0 <b@example.com> Ok\nS: 250 2.0.0 <c@example.com> Ok\nC: QUIT\nS: 221 2.0.0 Bye\n",
			server.Polite{LMTP: true, On: server.Answers{"lhlo": server.Say("250 server.example.com"), "rcpt 2": server.Say("550 5.1.1 no"), ".": server.Say("250 2.0.0 <b@example.com> Ok")}}, `
@@ -10,2 +10,2 @@ RCPT TO:<c@example.com>
 C: RCPT TO:<c@example.com>
-S: 250 2.1.5 Ok
+S: 550 5.1.1 no
@@ -14,4 +14,3 @@ .
 C: x
 C: .
 S: 250 2.0.0 <b@example.com> Ok
-S: 250 2.0.0 <c@example.com> Ok
`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			peer := server.Start(t, tt.peer.Serve)
			v, text := run(t, in(t, tt.before), environment(peer.Addr()))
			want := strings.TrimPrefix(tt.want, "\n")
			if outcome := suite.Passed; (want == "") != (v.Outcome == outcome) || v.Outcome == suite.Errored {
				t.Errorf("%v %v\n%s", v.Outcome, v.Failure, text)
			}
			if got := told(v); got != want {
				t.Errorf("got\n%swant\n%sof\n%s", got, want, text)
			}
			_ = peer.Wait(t.Context(), max(1, strings.Count(tt.before, " connect "))) // until it has read all
			if got := strings.Join(peer.Received(), "\n"); tt.sent != nil && got != strings.Join(tt.sent, "\n") {
				t.Errorf("the server got\n%s\nwant\n%s", got, strings.Join(tt.sent, "\n"))
			}
		})
	}
}

// A token is a new one, and the same all through a transcript.
func TestToken(t *testing.T) {
	peer := server.Start(t, polite(server.Answers{"auth": server.Say("535 5.7.8 no")}).Serve)
	before := opening + hello + "C: MAIL FROM:<a-[unique]@example.org>\nS: 250 2.1.0 Ok\nC: RCPT TO:<b-[unique]@example.com>\nS: 250 2.1.5 Ok\n" +
		"C: AUTH PLAIN [sasl user=no-%5Bunique%5D secret=unique]\nS: 535 5.7.8 no\n"
	s := in(t, before)
	if len(s.Secrets()) > 0 {
		t.Errorf("it asks for %q", s.Secrets())
	}
	for range 2 {
		if v, text := run(t, s, environment(peer.Addr())); v.Outcome != suite.Passed || !strings.Contains(text, "a-[unique]@") {
			t.Errorf("%v\n%s\n%s", v.Outcome, told(v), text)
		}
	}
	got := peer.Received()
	if len(got) != 10 {
		t.Fatalf("%q", got)
	}
	token := strings.TrimSuffix(strings.TrimPrefix(got[1], "MAIL FROM:<a-"), "@example.org>")
	plain := base64.StdEncoding.EncodeToString([]byte("\x00no-" + token + "\x00made-up-" + token))
	if len(token) != 16 || got[2] != "RCPT TO:<b-"+token+"@example.com>" || got[3] != "AUTH PLAIN "+plain || strings.Contains(got[6], token) {
		t.Errorf("%q", got)
	}
}

const secured = opening + `C: STARTTLS
S: 220 2.0.0 Ready to start TLS
* tls TLS1.3 TLS_AES_128_GCM_SHA256 CN=localhost verified
C: AUTH PLAIN [sasl user=james secret=password]
S: 235 2.7.0 Authentication successful
C: QUIT
S: 221 2.0.0 Bye
* close client
`

func TestTLS(t *testing.T) {
	cert, err := server.MakeCertificate(server.CertificateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	withTLS := polite(nil)
	withTLS.TLS = cert.ServerConfig()
	fromFirst := withTLS
	fromFirst.ImplicitTLS = true
	const implicit = "* connect smtp 192.0.2.1:465\n* tls TLS1.3 TLS_AES_128_GCM_SHA256 CN=localhost verified\nS: 220 server.example.com ESMTP\nC: QUIT\nS: 221 2.0.0 Bye\n* close client\n"
	refusing := withTLS
	refusing.On = server.Answers{"starttls": server.Say("454 4.7.0 TLS not available")}
	for _, tt := range []struct {
		name, before string
		peer         server.Polite
		untrusted    bool
		want         string
		sent         string // the last line that the server got
	}{
		{"made anew", secured, withTLS, false, "", "QUIT"},
		{"from the first byte", implicit, fromFirst, false, "", "QUIT"},
		{"another version", strings.Replace(secured, "TLS1.3", "TLS1.2", 1), withTLS, false, `
@@ -4,6 +4,6 @@ STARTTLS
 C: STARTTLS
 S: 220 2.0.0 Ready to start TLS
-* tls version TLS1.2
+* tls version TLS1.3
 * tls cipher TLS_AES_128_GCM_SHA256
 * tls subject CN=localhost
 * tls verified
`, "QUIT"},
		{"refused: nothing is said in clear", secured, refusing, false, `
@@ -4,3 +4,2 @@ STARTTLS
 C: STARTTLS
-S: 220 2.0.0 Ready to start TLS
-* tls TLS1.3 TLS_AES_128_GCM_SHA256 CN=localhost verified
+S: 454 4.7.0 TLS not available
@@ -7,2 +5,0 @@ AUTH PLAIN [sasl user=james secret=password]
-C: AUTH PLAIN [sasl user=james secret=password]
-S: 235 2.7.0 Authentication successful
@@ -9,2 +5,0 @@ QUIT
-C: QUIT
-S: 221 2.0.0 Bye
before.smtp:6: TLS is not to be had: what was said under it is not said in clear
`, "STARTTLS"},
		{"there where it had been refused", opening + "C: STARTTLS\nS: 454 4.7.0 TLS not available\nC: QUIT\nS: 221 2.0.0 Bye\n", withTLS, false, `
@@ -4,2 +4,2 @@ STARTTLS
 C: STARTTLS
-S: 454 4.7.0 TLS not available
+S: 220 2.0.0 Ready to start TLS
@@ -6,2 +5,0 @@ QUIT
-C: QUIT
-S: 221 2.0.0 Bye
before.smtp:6: the server waits for a TLS handshake, and the transcript has none
`, "STARTTLS"},
		{"a certificate that does not hold, and did", secured, withTLS, true, `
@@ -4,3 +4,2 @@ STARTTLS
 C: STARTTLS
 S: 220 2.0.0 Ready to start TLS
-* tls TLS1.3 TLS_AES_128_GCM_SHA256 CN=localhost verified
@@ -7,2 +5,0 @@ AUTH PLAIN [sasl user=james secret=password]
-C: AUTH PLAIN [sasl user=james secret=password]
-S: 235 2.7.0 Authentication successful
@@ -9,2 +5,0 @@ QUIT
-C: QUIT
-S: 221 2.0.0 Bye
before.smtp:6: the server's certificate (CN=localhost, issued by CN=localhost) did not verify: self-signed certificate
`, "STARTTLS"},
		{"one that never did", strings.Replace(strings.Replace(secured, " verified", " unverified: self-signed certificate", 1), "C: AUTH PLAIN [sasl user=james secret=password]\nS: 235 2.7.0 Authentication successful\n", "", 1), withTLS, true, "", "QUIT"},
		{"a handshake that had failed", opening + "C: STARTTLS\nS: 220 2.0.0 Ready to start TLS\n* note the TLS handshake failed: self-signed\n* close client\n", withTLS, true, "", "STARTTLS"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			peer := server.Start(t, tt.peer.Serve)
			env := environment(peer.Addr())
			env.Options.Security.Name = "localhost"
			if !tt.untrusted {
				env.Options.Security.CA = cert.Pool
			} else {
				env.Options.Security.CA = nil
			}
			v, text := run(t, in(t, tt.before), env)
			got := told(v)
			if want := strings.TrimPrefix(tt.want, "\n"); got != want || (want == "") != (v.Outcome == suite.Passed) {
				t.Errorf("%v: got\n%swant\n%sof\n%s", v.Outcome, got, want, text)
			}
			if got := peer.Received(); got[len(got)-1] != tt.sent {
				t.Errorf("the server got %q, want %q last", got, tt.sent)
			}
		})
	}
}

// A secret goes over no connection that is not safe, unless that was asked for.
func TestInsecure(t *testing.T) {
	cert, err := server.MakeCertificate(server.CertificateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p := polite(nil)
	p.TLS = cert.ServerConfig()
	peer := server.Start(t, p.Serve)
	before := strings.Replace(secured, " verified", " unverified: self-signed certificate", 1)
	env := environment(peer.Addr())
	env.Options.Security.Name = "localhost"
	v, text := run(t, in(t, before), env)
	if v.Outcome != suite.Failed || !strings.Contains(v.Failure.What, "would go over a connection that is not safe") || v.Failure.Pos.String() != "before.smtp:7" || v.Failure.Hint == "" {
		t.Errorf("%v: %v\n%s", v.Outcome, v.Failure, text)
	}
	// Nor does what is made of one.
	for _, mechanism := range []string{"SCRAM-SHA-256", "CRAM-MD5", "DIGEST-MD5"} {
		p.Mechanisms = []string{mechanism}
		sasl := "[sasl user=james secret=password]"
		exchange := "C: AUTH " + mechanism + "\nS: 334 \nC: " + sasl + "\nS: 334 QUFB\nC: " + sasl + "\nS: 535 5.7.8 Authentication failed\n"
		peer := server.Start(t, p.Serve)
		env := environment(peer.Addr())
		env.Options.Security.Name = "localhost"
		said := strings.Replace(before, "C: AUTH PLAIN "+sasl+"\nS: 235 2.7.0 Authentication successful\n", exchange, 1)
		v, text := run(t, in(t, said), env)
		if v.Outcome != suite.Failed || v.Failure == nil || !strings.Contains(v.Failure.What, "would go over a connection that is not safe") || v.Failure.Pos.String() != "before.smtp:9" || v.Failure.Hint == "" {
			t.Errorf("%s: %v: %v\n%s", mechanism, v.Outcome, v.Failure, text)
		}
	}
	env.Options.Insecure = true
	if v, text := run(t, in(t, before), env); v.Outcome != suite.Passed {
		t.Errorf("%v: %v\n%s", v.Outcome, v.Failure, text)
	}
}

// What has no verdict is an error, or skipped, and never a pass.
func TestNoVerdict(t *testing.T) {
	closed := server.Start(t, nil)
	addr := closed.Addr()
	closed.Close()
	env := environment(addr)
	if v, _ := run(t, in(t, message), env); v.Outcome != suite.Errored || !strings.Contains(v.Failure.What, "no connection to "+addr) || v.Failure.Pos.String() != "before.smtp:2" {
		t.Errorf("%v: %v", v.Outcome, v.Failure)
	}
	for _, empty := range []string{"", "* note skipped: not today\n", "* connect smtp 192.0.2.1:25\n* close client\n"} {
		if v, _ := run(t, in(t, empty), env); v.Outcome != suite.Skipped || v.Reason == "" {
			t.Errorf("%q: %v: %v", empty, v.Outcome, v.Failure)
		}
	}
	peer := server.Start(t, polite(server.Answers{"noop": server.Answer{Ending: server.Silence}}).Serve)
	ctx, cancel := context.WithCancelCause(t.Context())
	s, log := in(t, opening+"C: NOOP\nS: 250 2.0.0 Ok\n"), &transcript.Log{Redactor: &transcript.Redactor{}}
	log.Next = append(log.Next, recorder(func(e transcript.Event) {
		if e.Kind == transcript.Client {
			cancel(suite.ErrInterrupted)
		}
	}))
	if v := s.Run(ctx, environment(peer.Addr()), &suite.Run{Log: log}); v.Outcome != suite.Errored || v.Failure.What != "interrupted" {
		t.Errorf("%v: %v", v.Outcome, v.Failure)
	}
}

type recorder func(transcript.Event)

func (r recorder) Record(e transcript.Event) { r(e) }

// What keeps a transcript from being replayed is found before anything is sent,
// with its line.
func TestReady(t *testing.T) {
	for _, tt := range []struct{ before, want, why string }{
		{plain, "", "all is there"},
		{strings.ReplaceAll(plain, "secret=password", "secret=other") + "C: [secret:other]\n", `before.smtp:4: the secret "other" is missing`, "each once"},
		{opening + "C: XSECRET [secret:empty]\n", `before.smtp:4: the secret "empty" is missing`, "an empty one is none"},
		{opening + "C: AUTH PLAIN [sasl]\n", "before.smtp:4: [sasl] does not name its secret: write [sasl user=NAME secret=NAME]", "nothing is known of the message"},
		{opening + "C: AUTH PLAIN [secret:password]\n", "before.smtp:4: the user of this login is not in the transcript: write [sasl user=NAME secret=NAME]", "a password alone is no message"},
		{opening + "C: AUTH PLAIN [secret:message]\n", "", "unless it is one"},
		{opening + "C: AUTH PLAIN\nS: 334 \nC: [secret:coded]\n", "", "in base64 too"},
		{opening + "C: AUTH MAGIC [sasl user=a secret=password]\n", `before.smtp:4: [sasl user=a secret=password]: smtplay has no mechanism "MAGIC"`, ""},
		{opening + "C: [sasl user=a secret=password]\n", `before.smtp:4: [sasl user=a secret=password]: smtplay has no mechanism ""`, "a message outside of AUTH"},
		{opening + "C: ETRN [queue-id]\n", "before.smtp:4: what [queue-id] stands for is not known, so it cannot be sent again", ""},
		{opening + "C: XSECRET [secret:lines]\n", "before.smtp:4: the secret lines holds a line end, and stands in a command", ""},
		{"* step one\n* accept mx from 127.0.0.1\nS: 220 mx\nC: QUIT\nS: 221 x\n* close server\n", "before.smtp:3: smtplay was the server in all that this transcript holds, and replay plays the client: serve plays the server's side of it", "nothing that a client could say"},
		{"* connect local 192.0.2.1:25\n", `before.smtp:2: the target "local" leads nowhere: known are smtp, submission`, ""},
		{"* connect 192.0.2.1:25\n", "", "an address: the server that is named now"},
		{"* connect mx.example.com\n", "", "a host"},
		{"* connect local\n", `before.smtp:2: the target "local" leads nowhere: known are smtp, submission`, "a target"},
		{opening + "C: ETRN [queue-id]\nC: ETRN [date]\n", "before.smtp:4: what [queue-id] stands for is not known, so it cannot be sent again\nbefore.smtp:5: what [date] stands for is not known, so it cannot be sent again", "all of it at once"},
	} {
		env := environment("127.0.0.1:1")
		env.Secrets["message"], env.Secrets["coded"] = "\x00james\x00s3cret-Pw", base64.StdEncoding.EncodeToString([]byte("\x00james\x00s3cret-Pw"))
		env.Secrets["empty"], env.Secrets["lines"] = "", "a\nb"
		got := ""
		if err := in(t, tt.before).Ready(env); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s\ngot  %q\nwant %q (%s)", tt.before, got, tt.want, tt.why)
		}
	}
}

// What smtplay was the server in is no pass, whoever did not ask whether it is ready.
func TestOnlyAccepted(t *testing.T) {
	s := in(t, "* accept mx from 127.0.0.1\nS: 220 mx\nC: QUIT\nS: 221 x\n* close server\n")
	v := s.Run(t.Context(), environment("127.0.0.1:1"), &suite.Run{Log: &transcript.Log{}})
	if v.Outcome != suite.Errored || v.Failure.Pos.Line != 2 {
		t.Errorf("got %+v", v)
	}
}

// FuzzReady: any transcript can be looked at, whatever stands in it.
func FuzzReady(f *testing.F) {
	for _, s := range []string{message, plain, login, secured, "* tls x\nC: a\\\nC: .\n*2 close server\nS2: 354 x\nC2: AUTH\nC2: AUTH [sasl] [unique]\n* note silence for 1s\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, lines string) {
		events, err := transcript.Decode([]byte(transcript.Header + "\n" + lines))
		if err != nil {
			t.Skip()
		}
		s := replay.New("before.smtp", events, nil)
		env := environment("127.0.0.1:1")
		for _, name := range s.Secrets() {
			env.Secrets[name] = "x"
		}
		if err := s.Ready(env); err != nil && strings.Contains(err.Error(), "is missing") {
			t.Errorf("%q: %v", s.Secrets(), err)
		}
	})
}

// What went before the conversation goes before it again: a PROXY header, but
// no command, which is not for a transcript to choose.
func TestReplayWays(t *testing.T) {
	proxied := server.Start(t, func(s *server.Session) {
		line, _ := s.ReadLine()
		_ = s.Reply("220 " + line)
		_, _ = s.Expect("QUIT")
		_ = s.Reply("221 bye")
	})
	before := `
* connect smtp 192.0.2.1:25
* note PROXY protocol, version 1: the client is 203.0.113.7:4711, which connected to 192.0.2.1:25
S: 220 PROXY TCP4 203.0.113.7 127.0.0.1 4711 PORT
C: QUIT
S: 221 bye
* close client
`
	_, port, _ := strings.Cut(proxied.Addr(), ":")
	v, after := run(t, in(t, strings.ReplaceAll(before, "PORT", port)), environment(proxied.Addr()))
	if v.Outcome != suite.Passed || !strings.Contains(after, "the client is 203.0.113.7:4711, which connected to "+proxied.Addr()) {
		t.Errorf("%v %v\n%s", v.Outcome, told(v), after)
	}

	plain := server.Start(t, nil)
	for _, connect := range []string{"exec:touch mark", "smtp exec:touch mark", "exec:touch"} {
		v, after := run(t, in(t, "* connect "+connect+"\nS: 220 mail.example.com ESMTP\nC: QUIT\nS: 221 2.0.0 Bye\n* close client\n"), environment(plain.Addr()))
		if !strings.Contains(after, "* connect smtp "+plain.Addr()) {
			t.Errorf("%s: %v\n%s", connect, v.Outcome, after)
		}
	}
}
