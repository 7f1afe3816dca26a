package server_test

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/hex"
	"strings"
	"testing"

	"smtplay/engine/transcript"
)

// Logins by other mechanisms than PLAIN and LOGIN are taken as they were, from
// the user alone, and with the right secret where it is known.
func TestRecordedMechanisms(t *testing.T) {
	const nonce = "<1896.697@mail.example.com>"
	cram := func(user, password string) string {
		mac := hmac.New(md5.New, []byte(password))
		mac.Write([]byte(nonce))
		return b64(user + " " + hex.EncodeToString(mac.Sum(nil)))
	}
	bearer := func(user, token string) string {
		return b64("user=" + user + "\x01auth=Bearer " + token + "\x01\x01")
	}
	const sasl = "C: [sasl user=james secret=password]"
	recorded := func(lines ...string) []byte {
		return file(append(append([]string{"* connect smtp x:1", "S: 220 hi"}, lines...), "C: QUIT", "S: 221 bye", "* close client")...)
	}
	cramFile := recorded("C: AUTH CRAM-MD5", "S: 334 "+b64(nonce), sasl, "S: 235 in")
	token := recorded("C: AUTH XOAUTH2 [sasl user=james secret=password]", "S: 235 in")
	scram := recorded("C: AUTH SCRAM-SHA-256 [sasl user=james secret=password]", "S: 334 "+b64("r=abcdef,s=QUFB,i=4096"), sasl, "S: 334 [secret:proof]", "C: ", "S: 235 in")
	for _, tt := range []struct {
		name   string
		file   []byte
		turns  []string
		secret string // known, "" for none
	}{
		{"CRAM-MD5", cramFile, []string{"AUTH CRAM-MD5", "334 " + b64(nonce), cram("james", "any"), "235 "}, ""},
		{"CRAM-MD5, the right password", cramFile, []string{"AUTH CRAM-MD5", "334 ", cram("james", "right"), "235 "}, "right"},
		{"CRAM-MD5, a wrong password", cramFile, []string{"AUTH CRAM-MD5", "334 ", cram("james", "wrong"), "554 "}, "right"},
		{"CRAM-MD5, another user", cramFile, []string{"AUTH CRAM-MD5", "334 ", cram("mallory", "right"), "554 "}, ""},
		{"CRAM-MD5, no answer", cramFile, []string{"AUTH CRAM-MD5", "334 ", "*", "554 "}, ""},
		{"CRAM-MD5, garbage", cramFile, []string{"AUTH CRAM-MD5", "334 ", "QUFB", "554 "}, ""},
		{"XOAUTH2", token, []string{"AUTH XOAUTH2 " + bearer("james", "any"), "235 "}, ""},
		{"XOAUTH2, the right token", token, []string{"AUTH XOAUTH2 " + bearer("james", "right"), "235 "}, "right"},
		{"XOAUTH2, a wrong token", token, []string{"AUTH XOAUTH2 " + bearer("james", "wrong"), "554 "}, "right"},
		{"XOAUTH2, another user", token, []string{"AUTH XOAUTH2 " + bearer("mallory", "right"), "554 "}, "right"},
		{"SCRAM, which does not look", scram, []string{"AUTH SCRAM-SHA-256 " + b64("n,,n=james,r=zz"), "334 ", b64("c=biws,r=abcdef,p=QUFB"), "334 [secret:proof]", "", "235 "}, ""},
		{"SCRAM, another user", scram, []string{"AUTH SCRAM-SHA-256 " + b64("n,,n=mallory,r=zz"), "554 "}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := record(t, tt.file)
			if tt.secret != "" {
				r.Secrets = map[string]string{"password": tt.secret}
			}
			var tape transcript.Tape
			r.Live = func(int) transcript.Recorder { return &tape }
			srv := r.start(t)
			c := dial(t, srv)
			c.talk("", "220 hi")
			for i := 0; i < len(tt.turns); i += 2 {
				c.send(tt.turns[i] + "\r\n")
				if got := c.reply(); !strings.HasPrefix(got, tt.turns[i+1]) {
					t.Errorf("%q: got %q, want %q", tt.turns[i], got, tt.turns[i+1])
				}
			}
			c.talk("QUIT", "221 ")
			srv.Wait(t.Context(), 1) // a departure is an error of its session
			events, _ := tape.Events()
			for _, e := range events {
				for i := 0; i < len(tt.turns); i += 2 {
					if _, message, _ := strings.Cut(tt.turns[i], "2 "); e.Kind == transcript.Client && len(message) > 8 && strings.Contains(string(e.Data), message) {
						t.Errorf("shows %q", e.Data)
					}
				}
			}
		})
	}
	r := record(t, cramFile, scram)
	got := r.Unprovable()
	if len(got) != 1 || got[transcript.Pos{File: "b.smtp", Line: 4}] != "SCRAM-SHA-256" {
		t.Errorf("unprovable: %v", got)
	}
	if names := r.SecretNames(); len(names) != 1 || names[0] != "password" {
		t.Errorf("secrets: %v", names)
	}
}
