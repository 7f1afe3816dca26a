package engine_test

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"smtplay/engine"
	"smtplay/engine/server"
)

var everyMechanism = []string{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "CRAM-MD5", "DIGEST-MD5", "PLAIN", "LOGIN", "OAUTHBEARER", "XOAUTH2", "EXTERNAL", "ANONYMOUS"}

// secured is a conversation over TLS with a server that has these mechanisms.
func secured(t *testing.T, p server.Polite, o engine.TLSOptions) *talk {
	t.Helper()
	good := made(t, ageless)
	p.TLS = good.ServerConfig()
	k := greeted(t, p.Serve, engine.Options{})
	k.ask("EHLO x", "250")
	k.ask("STARTTLS", "220")
	o.Name, o.CA = "localhost", good.Pool
	if err := k.Handshake(k.ctx, o); err != nil {
		t.Fatal(err)
	}
	k.ask("EHLO x", "250")
	return k
}

func with(k *talk, mechanism string, l engine.Login) (*engine.Reply, error) {
	m, ok := engine.MechanismNamed(mechanism)
	if !ok {
		k.t.Fatal("no mechanism", mechanism)
	}
	l.Mechanism = m
	if l.Credentials.User == "" && m.Proof != engine.ByNone {
		l.Credentials.User = "james"
	}
	if l.Credentials.Password == "" && m.Proof != engine.ByNone {
		l.Credentials.Password = "correct horse"
	}
	return k.Auth(k.ctx, k.pos, l)
}

// Each mechanism lets the user in with the right password, and a wrong one is
// refused by the server, with and without initial response where it can have one.
func TestMechanisms(t *testing.T) {
	sasl := "[sasl user=james secret=password]"
	for _, row := range []struct {
		mechanism   string
		wire, wrong string // of the exchange with the right password, and the wrong
	}{
		{"SCRAM-SHA-256-PLUS", "C: AUTH SCRAM-SHA-256-PLUS " + sasl + "\nS: 334 cj", "C: " + sasl + "\nS: 535"},
		{"SCRAM-SHA-256", "C: " + sasl + "\nS: 334 [secret:proof]\nC: \nS: 235", "C: " + sasl + "\nS: 535"},
		{"SCRAM-SHA-1-PLUS", "C: AUTH SCRAM-SHA-1-PLUS " + sasl, "C: " + sasl + "\nS: 535"},
		{"SCRAM-SHA-1", "C: AUTH SCRAM-SHA-1 " + sasl, "C: " + sasl + "\nS: 535"},
		{"CRAM-MD5", "C: AUTH CRAM-MD5\nS: 334 P", "C: " + sasl + "\nS: 535"},
		{"DIGEST-MD5", "C: " + sasl + "\nS: 334 [secret:proof]\nC: \nS: 235", "C: " + sasl + "\nS: 535"},
		{"PLAIN", "C: AUTH PLAIN " + sasl + "\nS: 235", sasl + "\nS: 535"},
		{"LOGIN", "C: amFtZXM=\nS: 334 UGFzc3dvcmQ6\nC: [secret:password]\nS: 235", "[secret:password]\nS: 535"},
		{"OAUTHBEARER", "C: AUTH OAUTHBEARER [sasl user=james secret=token]\nS: 235", "\n* note the challenge says why the server refuses: status 401, schemes bearer, scope https://mail.example.com/\nC: AQ==\nS: 535"},
		{"XOAUTH2", "C: AUTH XOAUTH2 [sasl user=james secret=token]\nS: 235", "scope https://mail.example.com/\nC: \nS: 535"},
		{"EXTERNAL", "C: AUTH EXTERNAL =\nS: 235", ""},
		{"ANONYMOUS", "C: AUTH ANONYMOUS =\nS: 235", ""},
	} {
		for _, initial := range []engine.Initial{engine.InitialUsual, engine.InitialSent, engine.InitialWithheld} {
			for _, password := range []string{"correct horse", "wrong pony"} {
				t.Run(fmt.Sprint(row.mechanism, "/", initial, "/", password), func(t *testing.T) {
					k := secured(t, server.Polite{Users: james, Mechanisms: everyMechanism}, engine.TLSOptions{})
					m, _ := engine.MechanismNamed(row.mechanism)
					who := engine.Credentials{Password: password}
					if m.Proof == engine.ByNone {
						who.Password = ""
					}
					r, err := with(k, row.mechanism, engine.Login{Credentials: who, Initial: initial})
					if m.Opening == engine.ServerFirst && initial == engine.InitialSent {
						wantErr(t, err, engine.Misuse, "there is no initial response")
						return
					}
					want, wire := 235, row.wire
					if password == "wrong pony" && row.wrong != "" {
						want, wire = 535, row.wrong
					}
					if err != nil || r.Code != want {
						t.Fatalf("got %v, %v, want %d", r, err, want)
					}
					if initial == engine.InitialUsual {
						k.holds(wire)
					}
					if withheld := "C: AUTH " + row.mechanism + "\nS: 334 "; strings.Contains(k.transcript(), withheld) != (initial == engine.InitialWithheld || m.Opening == engine.ServerFirst || m.Opening == engine.Prompted && initial == engine.InitialUsual) {
						t.Errorf("initial response %v:\n%s", initial, k.transcript())
					}
					k.lacks(password, b64(password), b64("v=")[:3])
					if k.Refusal() != "" != (m.Proof == engine.ByToken && want == 535) {
						t.Errorf("refusal %q", k.Refusal())
					}
					k.ask("NOOP", "250") // the exchange is over
				})
			}
		}
	}
}

// A success that comes before the mechanism believes it is none.
func TestUnproven(t *testing.T) {
	ok, again := server.Say("235 2.7.0 welcome"), server.Say("334 ")
	for _, row := range []struct {
		mechanism string
		on        server.Answers
		l         engine.Login
		msg       string
	}{
		{"SCRAM-SHA-256", server.Answers{"auth": ok}, engine.Login{}, "the server said 235 before SCRAM-SHA-256 had sent its proof: nothing was checked"},
		{"SCRAM-SHA-256-PLUS", server.Answers{"auth": ok}, engine.Login{}, "before SCRAM-SHA-256-PLUS had sent its proof"},
		{"SCRAM-SHA-1", server.Answers{"response": ok}, engine.Login{}, "the server said 235 before it had shown its signature"},
		{"SCRAM-SHA-256", server.Answers{"auth": ok}, engine.Login{Initial: engine.InitialWithheld}, "before SCRAM-SHA-256 had sent its message"},
		{"SCRAM-SHA-256", server.Answers{"response": server.Say("334 " + b64("v=AAAA"))}, engine.Login{}, "the server's signature is wrong"},
		{"SCRAM-SHA-256", server.Answers{"response": server.Say("334 " + b64("v="))}, engine.Login{}, "the server's signature is wrong"},
		{"SCRAM-SHA-256", server.Answers{"response": again}, engine.Login{}, "the server's signature is wrong"},
		{"SCRAM-SHA-256-PLUS", server.Answers{"response": server.Say("334 " + b64("v=AAAA"))}, engine.Login{}, "the server's signature is wrong"},
		{"SCRAM-SHA-256", server.Answers{"response": server.Say("334 " + b64("e=other-error")), "response 2": ok}, engine.Login{}, "the server said 235 though its challenge had refused: other-error"},
		{"SCRAM-SHA-256", server.Answers{"response 2": again}, engine.Login{}, "the server asks on, and SCRAM-SHA-256 has said all it has to say"},
		{"SCRAM-SHA-256", server.Answers{"auth": server.Say("334 " + b64("r=made up,s=QUFB,i=4096"))}, engine.Login{}, "server nonce did not extend client nonce"},
		{"SCRAM-SHA-256", server.Answers{"auth": again}, engine.Login{}, `the challenge "" is none of SCRAM-SHA-256`},
		{"SCRAM-SHA-256", server.Answers{"auth": server.Say("334 " + b64("r=x,s=QUFB,i=2000000000"))}, engine.Login{}, "the server asks for \"2000000000\" rounds of hashing; smtplay does at most 2000000"},
		{"CRAM-MD5", server.Answers{"auth": ok}, engine.Login{}, "before CRAM-MD5 had answered a challenge: nothing was checked"},
		{"CRAM-MD5", server.Answers{"auth": again}, engine.Login{}, "the challenge is empty"},
		{"CRAM-MD5", server.Answers{"response": again}, engine.Login{}, "the server asks on"},
		{"DIGEST-MD5", server.Answers{"auth": ok}, engine.Login{}, "before DIGEST-MD5 had answered a challenge"},
		{"DIGEST-MD5", server.Answers{"response": ok}, engine.Login{}, "the server said 235 before it had sent its rspauth"},
		{"DIGEST-MD5", server.Answers{"response": server.Say("334 " + b64("rspauth="+strings.Repeat("0", 32)))}, engine.Login{}, "the server's rspauth is wrong"},
		{"DIGEST-MD5", server.Answers{"response": server.Say("334 " + b64("rspauth="))}, engine.Login{}, "the server's rspauth is wrong"},
		{"DIGEST-MD5", server.Answers{"response": server.Say("334 " + b64(`nonce="x",algorithm=md5-sess,stale=true`))}, engine.Login{}, "the server's rspauth is wrong"},
		{"DIGEST-MD5", server.Answers{"response": again}, engine.Login{}, "is none of DIGEST-MD5: it is empty"},
		{"DIGEST-MD5", server.Answers{"auth": server.Say("334 " + b64(`nonce="x",nonce="y",algorithm=md5-sess`))}, engine.Login{}, "has not one nonce"},
		{"DIGEST-MD5", server.Answers{"auth": server.Say("334 " + b64(`nonce="x",algorithm=md5`))}, engine.Login{}, "md5-sess alone"},
		{"DIGEST-MD5", server.Answers{"auth": server.Say("334 " + b64(`nonce="x",algorithm=md5-sess,qop="auth-conf, auth-int"`))}, engine.Login{}, "wants to protect what follows"},
		{"DIGEST-MD5", server.Answers{"auth": server.Say("334 " + b64(`nonce="x`))}, engine.Login{}, "a quoted string has no end"},
		{"DIGEST-MD5", server.Answers{}, engine.Login{Credentials: engine.Credentials{Realm: "elsewhere"}}, `the realm "elsewhere" is not offered`},
		{"PLAIN", server.Answers{"auth": ok}, engine.Login{Initial: engine.InitialWithheld}, "the server said 235 before PLAIN had sent its message: nothing was checked"},
		{"EXTERNAL", server.Answers{"auth": ok}, engine.Login{Initial: engine.InitialWithheld}, "before EXTERNAL had sent its message"},
		{"XOAUTH2", server.Answers{"auth": server.Say("334 " + b64(`{"status":"400"}`)), "response": ok}, engine.Login{}, "the server said 235 though its challenge had refused: status 400"},
		{"OAUTHBEARER", server.Answers{"auth": server.Say("334 " + b64(`{"status":"400"}`)), "response": server.Say("334 " + b64(`{"status":"400"}`))}, engine.Login{}, "the server asks on"},
		{"LOGIN", server.Answers{"auth": ok}, engine.Login{Initial: engine.InitialSent}, "before LOGIN had sent the password"},
		{"LOGIN", server.Answers{"auth": ok}, engine.Login{Cancel: true}, "there was nothing to cancel: the server said 235 to AUTH"},
		{"PLAIN", server.Answers{"auth": server.Say("501 no")}, engine.Login{Cancel: true}, "there was nothing to cancel: the server said 501 to AUTH"},
	} {
		t.Run(row.mechanism+"/"+row.msg, func(t *testing.T) {
			k := secured(t, server.Polite{Users: james, Mechanisms: everyMechanism, On: row.on}, engine.TLSOptions{})
			_, err := with(k, row.mechanism, row.l)
			if e := wantErr(t, err, engine.Mismatch, row.msg); e.Reply == nil || e.Command == nil || e.Want == "" {
				t.Errorf("tells too little: %+v", e)
			}
			k.lacks("correct horse", b64("correct horse"))
		})
	}
}

// What a server says in its challenge is told, and its verdict is the reply that
// follows.
func TestRefusal(t *testing.T) {
	for _, row := range []struct{ mechanism, at, challenge, refusal, answer string }{
		{"XOAUTH2", "auth", `{"status":"401","schemes":"bearer mac","scope":"https://mail.google.com/"}`, "status 401, schemes bearer mac, scope https://mail.google.com/", "C: \nS: 535"},
		{"OAUTHBEARER", "auth", `{"status":"invalid_token","openid-configuration":"https://example.com/.well-known/openid-configuration","n":1}`, "status invalid_token, n 1, openid-configuration https://example.com/.well-known/openid-configuration", "C: AQ==\nS: 535"},
		{"XOAUTH2", "auth", `not json`, `"not json"`, "C: \nS: 535"},
		{"XOAUTH2", "auth", `{}`, `"{}"`, "C: \nS: 535"},
		{"XOAUTH2", "auth", "{\"status\":\"\x1b[2J\"}", `"{\"status\":\"\x1b[2J\"}"`, "C: \nS: 535"},
		{"XOAUTH2", "auth", `{"status":"\u001b[2J","\u009bx":[1]}`, `status "\x1b[2J", "\u009bx" [1]`, "C: \nS: 535"},
		{"SCRAM-SHA-256", "response", "e=invalid-proof", "invalid-proof", "C: \nS: 535"},
		{"SCRAM-SHA-256", "auth", "e=unknown-user", "unknown-user", "C: \nS: 535"},
		{"SCRAM-SHA-256", "response", "e=\x1b[2J", `"\x1b[2J"`, "C: \nS: 535"},
		{"SCRAM-SHA-256", "response", "e=", `""`, "C: \nS: 535"},
	} {
		k := secured(t, server.Polite{Users: james, Mechanisms: everyMechanism, On: server.Answers{row.at: server.Say("334 " + b64(row.challenge)), "response 2": server.Say("535 no")}}, engine.TLSOptions{})
		if row.at == "auth" {
			k = secured(t, server.Polite{Users: james, Mechanisms: everyMechanism, On: server.Answers{"auth": server.Say("334 " + b64(row.challenge)), "response": server.Say("535 no")}}, engine.TLSOptions{})
		}
		r, err := with(k, row.mechanism, engine.Login{})
		if err != nil || r.Code != 535 || k.Refusal() != row.refusal {
			t.Errorf("%s %s: %v %v, refusal %q", row.mechanism, row.challenge, r, err, k.Refusal())
		}
		k.holds(row.answer)
	}
}

// A cancelled exchange is over, and nothing secret was said in it.
func TestCancel(t *testing.T) {
	for _, m := range engine.Mechanisms {
		for _, initial := range []engine.Initial{engine.InitialUsual, engine.InitialSent} {
			k := secured(t, server.Polite{Users: james, Mechanisms: everyMechanism}, engine.TLSOptions{})
			r, err := with(k, m.Name, engine.Login{Cancel: true, Initial: initial})
			if initial == engine.InitialSent && !strings.HasPrefix(m.Name, "SCRAM") && m.Name != "LOGIN" {
				if err == nil {
					t.Errorf("%s: cancelled after its only message: %v", m.Name, r)
				}
				continue
			}
			if err != nil || r.Code != 501 {
				t.Errorf("%s: %v %v", m.Name, r, err)
			}
			k.holds("C: *\nS: 501")
			k.ask("NOOP", "250")
		}
	}
}

// A mechanism that binds needs a session of TLS 1.3, and what was bound to
// another session is refused.
func TestBinding(t *testing.T) {
	polite := server.Polite{Users: james, Mechanisms: everyMechanism}
	for _, row := range []struct {
		name string
		k    func() *talk
		why  string
	}{
		{"in clear", func() *talk {
			k := greeted(t, polite.Serve, engine.Options{})
			k.ask("EHLO x", "250")
			return k
		}, "this connection is in clear"},
		{"TLS 1.2", func() *talk { return secured(t, polite, engine.TLSOptions{MaxVersion: tls.VersionTLS12}) }, "this connection is TLS1.2"},
	} {
		k := row.k()
		before := k.transcript()
		_, err := with(k, "SCRAM-SHA-256-PLUS", engine.Login{})
		wantErr(t, err, engine.Unbound, "nothing was sent: SCRAM-SHA-256-PLUS binds to a session of TLS 1.3 (tls-exporter, RFC 9266), and "+row.why)
		if k.transcript() != before {
			t.Errorf("%s: something was sent", row.name)
		}
		if r, err := with(k, "SCRAM-SHA-256", engine.Login{}); err != nil || r.Code != 235 {
			t.Errorf("%s: without a binding: %v %v", row.name, r, err)
		}
	}
	// Our side is bound to the session between us and one who stands between.
	k := secured(t, polite, engine.TLSOptions{})
	other := secured(t, polite, engine.TLSOptions{})
	m, _ := engine.MechanismNamed("SCRAM-SHA-256-PLUS")
	client := m.Client(engine.Credentials{User: "james", Password: "correct horse", Channel: other.Channel()})
	_, first, err := client.Start()
	if err != nil {
		t.Fatal(err)
	}
	r := k.ask("AUTH SCRAM-SHA-256-PLUS "+base64.StdEncoding.EncodeToString(first), "334")
	challenge, _ := r.Challenge()
	proof, err := client.Next(challenge)
	if err != nil {
		t.Fatal(err)
	}
	k.ask(base64.StdEncoding.EncodeToString(proof), "535")
}

// gs2 is what the client says of binding (RFC 5802 section 6).
func TestBindingFlag(t *testing.T) {
	with13, with12 := engine.TLSOptions{}, engine.TLSOptions{MaxVersion: tls.VersionTLS12}
	for _, row := range []struct {
		name, mechanism string
		offered         []string
		o               engine.TLSOptions
		flag            string
	}{
		{"it binds", "SCRAM-SHA-256-PLUS", everyMechanism, with13, "p=tls-exporter,,n=james,r="},
		{"it could, and nobody offers to", "SCRAM-SHA-256", []string{"SCRAM-SHA-256"}, with13, "y,,n=james,r="},
		{"it could, and is told not to", "SCRAM-SHA-256", everyMechanism, with13, "n,,n=james,r="},
		{"it cannot", "SCRAM-SHA-1", []string{"SCRAM-SHA-1"}, with12, "n,,n=james,r="},
	} {
		k := secured(t, server.Polite{Users: james, Mechanisms: row.offered}, row.o)
		m, _ := engine.MechanismNamed(row.mechanism)
		_, first, err := m.Client(engine.Credentials{User: "james", Password: "x", Channel: k.Channel()}).Start()
		if err != nil || !strings.HasPrefix(string(first), row.flag) {
			t.Errorf("%s: %q, %v", row.name, first, err)
		}
		if r, err := with(k, row.mechanism, engine.Login{}); err != nil || r.Code != 235 {
			t.Errorf("%s: %v %v", row.name, r, err)
		}
	}
	// A server whose offer was taken out on the way notices.
	k := secured(t, server.Polite{Users: james, Mechanisms: everyMechanism, CapabilitiesTLS: []string{"AUTH SCRAM-SHA-256 PLAIN"}}, with13)
	if r, err := with(k, "SCRAM-SHA-256", engine.Login{}); err != nil || r.Code != 535 {
		t.Errorf("an offer that was taken out: %v %v", r, err)
	}
}

// The strongest that can be had is taken, and it is said why not another.
func TestChoose(t *testing.T) {
	all := strings.Fields("LOGIN PLAIN GSSAPI DIGEST-MD5 CRAM-MD5 XOAUTH2 EXTERNAL scram-sha-256 SCRAM-SHA-256-PLUS")
	who := engine.Credentials{User: "james", Password: "pw"}
	acting := who
	acting.Identity = "other"
	for _, row := range []struct {
		name    string
		o       *engine.TLSOptions
		offered []string
		proof   engine.Proof
		who     engine.Credentials
		want    string
		why     string
	}{
		{"TLS 1.3", &engine.TLSOptions{}, all, engine.ByPassword, who, "SCRAM-SHA-256-PLUS",
			"the strongest offered that smtplay has; passed over: XOAUTH2 (needs a token), EXTERNAL (only where it is named), GSSAPI (smtplay does not have it); weaker: SCRAM-SHA-256, CRAM-MD5, DIGEST-MD5, PLAIN, LOGIN"},
		{"TLS 1.2", &engine.TLSOptions{MaxVersion: tls.VersionTLS12}, all, engine.ByPassword, who, "SCRAM-SHA-256", "passed over: SCRAM-SHA-256-PLUS (binds to TLS 1.3, and this connection is TLS1.2), XOAUTH2"},
		{"in clear", nil, all, engine.ByPassword, who, "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS (binds to TLS 1.3, and this connection is in clear)"},
		{"another identity", nil, []string{"LOGIN", "PLAIN", "CRAM-MD5"}, engine.ByPassword, acting, "PLAIN", "passed over: CRAM-MD5 (has no authorisation identity), LOGIN (has no authorisation identity)"},
		{"a token", nil, all, engine.ByToken, who, "XOAUTH2", "PLAIN (needs a password)"},
		{"tokens", nil, []string{"XOAUTH2", "OAUTHBEARER"}, engine.ByToken, who, "OAUTHBEARER", "weaker: XOAUTH2"},
		{"nothing", nil, []string{"GSSAPI", "EXTERNAL", "ANONYMOUS"}, engine.ByPassword, who, "", "passed over: EXTERNAL (only where it is named), ANONYMOUS (only where it is named), GSSAPI (smtplay does not have it)"},
		{"the order of strength", &engine.TLSOptions{}, []string{"LOGIN", "PLAIN", "DIGEST-MD5", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256"}, engine.ByPassword, who, "SCRAM-SHA-256", "weaker: SCRAM-SHA-1-PLUS, SCRAM-SHA-1, CRAM-MD5, DIGEST-MD5, PLAIN, LOGIN"},
	} {
		k := greeted(t, server.Polite{Users: james}.Serve, engine.Options{})
		if row.o != nil {
			k = secured(t, server.Polite{Users: james}, *row.o)
		}
		m, why, ok := k.Choose(row.offered, row.proof, row.who)
		if m.Name != row.want || ok != (row.want != "") || !strings.Contains(why, row.why) {
			t.Errorf("%s: %q, %v: %s", row.name, m.Name, ok, why)
		}
	}
}

// The authorisation identity goes where the mechanism has a place for it.
func TestIdentity(t *testing.T) {
	for _, mechanism := range []string{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-1", "DIGEST-MD5", "PLAIN"} {
		k := secured(t, server.Polite{Users: james, Mechanisms: everyMechanism}, engine.TLSOptions{})
		if r, err := with(k, mechanism, engine.Login{Credentials: engine.Credentials{Identity: "other,one=x"}}); err != nil || r.Code != 235 {
			t.Errorf("%s: %v %v\n%s", mechanism, r, err, k.transcript())
		}
		k.holds("[sasl identity=other,one=x user=james secret=password]")
	}
}

// A server may repeat a token that is longer than what is quoted of it: half a
// token is no more shown than the whole of it.
func TestRepeatedToken(t *testing.T) {
	token := "eyJ" + strings.Repeat("A1b2C3d4E5", 60)
	message := b64("user=james\x01auth=Bearer " + token + "\x01\x01")
	parts := []string{token[:20], message[40:60]}
	for _, row := range []struct{ name, mechanism, challenge string }{
		{"why it is refused", "XOAUTH2", b64(`{"status":"401","error":"token ` + token + ` is bad"}`)},
		{"no JSON", "XOAUTH2", b64("token " + token + " is bad")},
		{"no base64", "XOAUTH2", message + "!"},
		{"two lines", "XOAUTH2", "QUFB\r\n334 " + message},
		{"no directives", "DIGEST-MD5", b64("what " + token)},
		{"another algorithm", "DIGEST-MD5", b64(`nonce="x",algorithm="` + token + `"`)},
		{"another protection", "DIGEST-MD5", b64(`nonce="x",algorithm=md5-sess,qop="` + token + `"`)},
		{"no first message", "SCRAM-SHA-256", b64("what " + token)},
		{"no rounds", "SCRAM-SHA-256", b64("r=x,s=QUFB,i=" + token)},
		{"an error", "SCRAM-SHA-256", b64("e=" + token)},
	} {
		say := "334 " + row.challenge
		if row.name == "two lines" {
			say = "334-" + row.challenge
		}
		k := secured(t, server.Polite{Users: james, Mechanisms: everyMechanism, On: server.Answers{"auth": server.Say(say), "response": server.Say("535 no")}}, engine.TLSOptions{})
		_, err := with(k, row.mechanism, engine.Login{Credentials: engine.Credentials{Password: token}})
		for _, part := range parts {
			for what, text := range map[string]string{"transcript": k.transcript(), "refusal": k.red.String(k.Refusal()), "error": k.red.String(fmt.Sprint(err))} {
				if strings.Contains(text, part) {
					t.Errorf("%s: the %s shows part of the token: %s", row.name, what, text)
				}
			}
		}
	}
}

// A proof is hidden however a server repeats it: without what is named before it,
// in digits of the other case, in base64.
func TestRepeatedProof(t *testing.T) {
	for _, mechanism := range []string{"SCRAM-SHA-256", "CRAM-MD5", "DIGEST-MD5"} {
		k := secured(t, server.Polite{Users: james, Mechanisms: everyMechanism}, engine.TLSOptions{})
		m, _ := engine.MechanismNamed(mechanism)
		client := m.Client(engine.Credentials{User: "james", Password: "correct horse", Channel: k.Channel()})
		_, first, err := client.Start()
		if err != nil {
			t.Fatal(err)
		}
		line := "AUTH " + mechanism
		if first != nil {
			line += " " + base64.StdEncoding.EncodeToString(first)
		}
		challenge, _ := k.ask(line, "334").Challenge()
		response, err := client.Next(challenge)
		if err != nil {
			t.Fatal(err)
		}
		proof := regexp.MustCompile(`(?:,p=| |response=)([A-Za-z0-9+/=]+)`).FindStringSubmatch(string(response))[1]
		proofs := []string{proof}
		if r := k.ask(base64.StdEncoding.EncodeToString(response), ""); r.Code == 334 {
			said, _ := r.Challenge()
			_, servers, _ := strings.Cut(string(said), "=")
			proofs = append(proofs, servers)
		}
		for _, proof := range proofs {
			forms := []string{proof, strings.TrimRight(proof, "="), b64("of " + proof)}
			if m.Opening == engine.ServerFirst {
				forms = append(forms, strings.ToUpper(proof))
			}
			for _, form := range forms {
				if said := k.red.String("550 no " + form); strings.Contains(said, form[:12]) {
					t.Errorf("%s: %s stands in %q", mechanism, form, said)
				}
			}
		}
	}
}

// An initial response that would make AUTH longer than a command may be answers
// a 334 instead, unless it is asked for.
func TestLongInitialResponse(t *testing.T) {
	for _, row := range []struct {
		length  int // of the AUTH command, with its line end
		initial engine.Initial
		wire    string
	}{
		{512, engine.InitialUsual, "C: AUTH XOAUTH2 [sasl user=james1 secret=token]\nS: 235"},
		{516, engine.InitialUsual, "C: AUTH XOAUTH2\nS: 334 \nC: [sasl user=james1 secret=token]\nS: 235"},
		{3000, engine.InitialUsual, "C: AUTH XOAUTH2\nS: 334 \nC: [sasl user=james1 secret=token]\nS: 235"},
		{3000, engine.InitialSent, "C: AUTH XOAUTH2 [sasl user=james1 secret=token]\nS: 235"},
	} {
		size := (row.length - len("AUTH XOAUTH2 \r\n")) / 4 * 3
		token := strings.Repeat("aB3/", size)[:size-len("user=james1\x01auth=Bearer \x01\x01")]
		k := secured(t, server.Polite{Users: map[string]string{"james1": token}, Mechanisms: everyMechanism}, engine.TLSOptions{})
		r, err := with(k, "XOAUTH2", engine.Login{Credentials: engine.Credentials{User: "james1", Password: token}, Initial: row.initial})
		if err != nil || r.Code != 235 {
			t.Errorf("%d: %v %v", row.length, r, err)
		}
		k.holds(row.wire)
		k.lacks(token[:12], b64(token[:12])[2:])
	}
}

// A login that is sent raw and in pieces is masked in each of them.
func TestRawPieces(t *testing.T) {
	plain := "AUTH PLAIN " + b64("\x00james\x00correct horse")
	for _, row := range []struct {
		pieces []string
		parts  []string // what must not be seen
	}{
		{[]string{plain[:30], plain[30:] + "\r\n"}, []string{plain[12:30], plain[30:]}},
		{[]string{plain[:2], plain[2:] + "\r\n"}, []string{plain[12:]}},
		{[]string{plain[:8], plain[8:20], plain[20:31], plain[31:], "\r", "\nNOOP\r\n"}, []string{plain[12:20], plain[20:31], plain[31:]}},
	} {
		k := secured(t, server.Polite{Users: james, Mechanisms: everyMechanism}, engine.TLSOptions{})
		for _, piece := range row.pieces {
			k.raw(piece)
		}
		for r := k.read(""); r.Code != 235; r = k.read("") {
		}
		k.lacks(row.parts...)
	}
	k := secured(t, server.Polite{Users: james, Mechanisms: everyMechanism}, engine.TLSOptions{})
	k.ask("AUTH LOGIN "+b64("james"), "334")
	k.raw(b64("correct horse")[:7])
	k.raw(b64("correct horse")[7:] + "\r\n")
	k.read("235")
	k.lacks(b64("correct horse")[:7], b64("correct horse")[7:])
	for _, piece := range []string{"NO", "OP", "\r\n", "MAIL FROM:<a@", "example.org>\r\n"} {
		k.raw(piece)
	}
	k.read("250")
	k.read("250")
	k.holds("C: NO\\\nC: OP\\\n", "C: MAIL FROM:<a@\\\nC: example.org>\n")
}
