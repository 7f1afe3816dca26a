package transcript_test

import (
	"strings"
	"testing"

	"smtplay/engine/transcript"
)

var saslMessages = []struct {
	mechanism, message string
	want               transcript.SASLMessage
	ok                 bool
}{
	{"PLAIN", "a\x00b\x00c", transcript.SASLMessage{Identity: "a", User: "b", Secret: "c", Kind: "password"}, true},
	{"PLAIN", "b\x00c", transcript.SASLMessage{}, false},
	{"CRAM-MD5", "james the first 0123abcd", transcript.SASLMessage{User: "james the first", Proof: "0123abcd"}, true},
	{"CRAM-MD5", "james", transcript.SASLMessage{}, false},
	{"DIGEST-MD5", `charset=utf-8,username="ja\"m,es",realm="x",response=0123,authzid="other"`, transcript.SASLMessage{User: `ja"m,es`, Identity: "other", Proof: "0123"}, true},
	{"DIGEST-MD5", `username="james"`, transcript.SASLMessage{User: "james"}, false},
	{"SCRAM-SHA-256", "n,,n=james,r=abc", transcript.SASLMessage{User: "james"}, true},
	{"SCRAM-SHA-256-PLUS", "p=tls-exporter,a=o=2Cp,n=j=3Dm,r=abc", transcript.SASLMessage{User: "j=m", Identity: "o,p"}, true},
	{"SCRAM-SHA-1", "c=biws,r=abcdef,p=QUFB", transcript.SASLMessage{Proof: "QUFB"}, true},
	{"SCRAM-SHA-1", "QUFB", transcript.SASLMessage{}, false},
	{"XOAUTH2", "user=james\x01auth=Bearer tok\x01\x01", transcript.SASLMessage{User: "james", Secret: "tok", Kind: "token"}, true},
	{"OAUTHBEARER", "n,a=ja=2Cmes,\x01host=x\x01port=25\x01auth=Bearer tok\x01\x01", transcript.SASLMessage{User: "ja,mes", Secret: "tok", Kind: "token"}, true},
	{"OAUTHBEARER", "n,,\x01auth=Bearer tok\x01\x01", transcript.SASLMessage{Secret: "tok", Kind: "token"}, true},
	{"XOAUTH2", "user=james", transcript.SASLMessage{User: "james", Kind: "token"}, false},
	{"X-OWN", "james", transcript.SASLMessage{}, false},
}

func TestReadSASL(t *testing.T) {
	for _, row := range saslMessages {
		if got, ok := transcript.ReadSASL(row.mechanism, row.message); ok != row.ok || got != row.want {
			t.Errorf("%s %q: %+v, %v", row.mechanism, row.message, got, ok)
		}
	}
}

// FuzzReadSASL: what is taken out of a message stood in it, its escapes undone.
func FuzzReadSASL(f *testing.F) {
	for _, row := range saslMessages {
		f.Add(row.mechanism, row.message)
	}
	f.Fuzz(func(t *testing.T, mechanism, message string) {
		m, _ := transcript.ReadSASL(mechanism, message)
		if !strings.Contains(message, m.Secret) || len(m.User)+len(m.Identity)+len(m.Proof) > 2*len(message) {
			t.Errorf("%s %q: %+v", mechanism, message, m)
		}
	})
}

func TestServerProof(t *testing.T) {
	for said, want := range map[string]string{
		"v=QUFB": "QUFB", "v=QUFB,x=y": "QUFB", "e=no": "", "rspauth=0aff": "0aff", `rspauth="0aff"`: "0aff",
		"RspAuth=0AFF": "0aff", `nonce="x", rspauth=0aff`: "0aff", `nonce="v="`: "", "": "",
	} {
		if got := transcript.ServerProof(said); got != want {
			t.Errorf("%q: %q, want %q", said, got, want)
		}
	}
}
