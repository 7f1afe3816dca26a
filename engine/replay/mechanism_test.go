package replay_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"smtplay/engine/server"
	"smtplay/engine/suite"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// Each mechanism is run anew: challenges and proofs are other ones, and no change.
func TestMechanisms(t *testing.T) {
	const sasl = "[sasl user=james secret=password]"
	const ok = "S: 235 2.7.0 Authentication successful\n"
	first := b64("r=aaaaaaaaaaaa,s=QUFB,i=4096")
	scram := "C: AUTH SCRAM-SHA-256 " + sasl + "\nS: 334 " + first + "\nC: " + sasl + "\nS: 334 [secret:proof]\nC: \n" + ok
	digest := "C: AUTH DIGEST-MD5\nS: 334 " + b64(`nonce="x",realm="y",qop="auth"`) + "\nC: " + sasl + "\nS: 334 [secret:proof]\nC: \n" + ok
	cram := "C: AUTH CRAM-MD5\nS: 334 " + b64("<1234567890@x>") + "\nC: " + sasl + "\n" + ok
	token := "[sasl user=james secret=token]"
	refused := "* note the challenge says why the server refuses: status 401, schemes bearer, scope https://mail.example.com/\n"
	why := "S: 334 " + b64(`{"status":"401","schemes":"bearer","scope":"https://mail.example.com/"}`) + "\n"
	for _, tt := range []struct {
		name, exchange string
		secrets        map[string]string
		on             server.Answers
		want           string // what is told, "" for nothing
	}{
		{"SCRAM", scram, nil, nil, ""},
		{"SCRAM-SHA-1, without initial response", strings.Replace(strings.ReplaceAll(scram, "SHA-256", "SHA-1"), "SHA-1 "+sasl, "SHA-1\nS: 334 \nC: "+sasl, 1), nil, nil, ""},
		{"SCRAM, another password", scram, map[string]string{"password": "other"}, nil, "+S: 535 5.7.8 Authentication failed"},
		{"SCRAM, a signature that is wrong", scram, nil, server.Answers{"response": server.Say("334 " + b64("v=AAAAAAAA"))}, "the server's signature is wrong"},
		{"SCRAM, no signature", scram, nil, server.Answers{"response": server.Say("235 2.7.0 Authentication successful")}, "-S: 334 [secret:proof]"},
		{"SCRAM, bound to nothing", strings.ReplaceAll(scram, "SHA-256", "SHA-256-PLUS"), nil, nil, "there is no TLS 1.3 session to bind to"},
		{"DIGEST-MD5", digest, nil, nil, ""},
		{"DIGEST-MD5, an rspauth that is wrong", digest, nil, server.Answers{"response": server.Say("334 " + b64("rspauth=00"))}, "the server's rspauth is wrong"},
		{"CRAM-MD5", cram, nil, nil, ""},
		{"CRAM-MD5, another password", cram, map[string]string{"password": "other"}, nil, "+S: 535 5.7.8 Authentication failed"},
		{"XOAUTH2", "C: AUTH XOAUTH2 " + token + "\n" + ok, nil, nil, ""},
		{"XOAUTH2 refused", "C: AUTH XOAUTH2 " + token + "\n" + why + "C: \nS: 535 5.7.8 Authentication failed\n", map[string]string{"token": "old"}, nil, ""},
		{"OAUTHBEARER refused", "C: AUTH OAUTHBEARER " + token + "\n" + why + refused + "C: AQ==\nS: 535 5.7.8 Authentication failed\n", map[string]string{"token": "old"}, nil, ""},
		{"OAUTHBEARER taken that was refused", "C: AUTH OAUTHBEARER " + token + "\n" + why + "C: AQ==\nS: 535 5.7.8 Authentication failed\n", nil, nil, "+S: 235 2.7.0"},
		{"EXTERNAL", "C: AUTH EXTERNAL YQ==\nS: 535 5.7.8 Authentication failed\n", nil, nil, ""},
		{"ANONYMOUS", "C: AUTH ANONYMOUS =\n" + ok, nil, nil, ""},
		{"a cancel", "C: AUTH SCRAM-SHA-256 " + sasl + "\nS: 334 " + first + "\nC: *\nS: 501 5.7.0 Authentication aborted\n", nil, nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := polite(tt.on)
			p.Mechanisms = strings.Fields("SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 DIGEST-MD5 XOAUTH2 OAUTHBEARER EXTERNAL ANONYMOUS")
			env := environment(server.Start(t, p.Serve).Addr())
			env.Secrets["token"] = env.Secrets["password"]
			for name, value := range tt.secrets {
				env.Secrets[name] = value
			}
			v, text := run(t, in(t, opening+tt.exchange+"C: QUIT\nS: 221 2.0.0 Bye\n* close client\n"), env)
			if got := told(v); !strings.Contains(got, tt.want) || (tt.want == "") != (v.Outcome == suite.Passed) {
				t.Errorf("%v: told\n%s\nof\n%s", v.Outcome, got, text)
			}
		})
	}
}
