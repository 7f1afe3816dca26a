package main

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"smtplay/engine/server"
)

var wholeMechanisms = strings.Fields("SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-1 CRAM-MD5 DIGEST-MD5 PLAIN LOGIN OAUTHBEARER XOAUTH2")

// proof is what only a message that proves a password has.
var proof = regexp.MustCompile(`(^|,)(p|v|response|rspauth)=|Bearer| [0-9a-f]{32}$`)

// proofIn is a word of text that gives a proof away, "" for none.
func proofIn(text string) string {
	for word := range strings.FieldsSeq(text) {
		if decoded, err := base64.StdEncoding.DecodeString(word); err == nil && proof.Match(decoded) {
			return string(decoded)
		}
	}
	return ""
}

// TestMechanismsHideThePassword: each mechanism, taken and refused, shows neither
// password nor proof; two runs of it are alike, and it can be replayed.
func TestMechanismsHideThePassword(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"n,,n=a,r=b", "r=a,s=b,i=4096", `nonce="x",qop="auth"`, `{"status":"401"}`} {
		if got := proofIn(base64.StdEncoding.EncodeToString([]byte(text))); got != "" {
			t.Errorf("%q is taken for a proof", got)
		}
	}
	for _, text := range []string{"c=biws,r=x,p=QUFB", "v=QUFB", "rspauth=00", `username="a",response=00`, "james " + strings.Repeat("0a", 16), "user=a\x01auth=Bearer x\x01\x01"} {
		if proofIn("S: 334 "+base64.StdEncoding.EncodeToString([]byte(text))) == "" {
			t.Errorf("%q is taken for none", text)
		}
	}
	certificate := mailCertificate(t)
	for name, known := range map[string]string{"right": markedPassword, "wrong": "another"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			site := startSite(t, dir, func(secure bool) server.Handler {
				return server.Polite{Domain: "maila.example.com", TLS: certificate.ServerConfig(), ImplicitTLS: secure, Users: map[string]string{mailUser: known}, Mechanisms: wholeMechanisms}.Serve
			}, certificate)
			expect, outcome := 235, exitPassed
			if name == "wrong" {
				expect = 535
			}
			var script strings.Builder
			for _, m := range wholeMechanisms {
				fmt.Fprintf(&script, "test(%q, function() connect 'submissions' ehlo() auth{ %q, %q, secret 'password', expect = %d } end)\n", m, m, mailUser, expect)
			}
			fmt.Fprintf(&script, "test('strongest', function() connect 'submissions' ehlo() auth{ user = %q, password = secret 'password', expect = %d } end)\n", mailUser, expect)
			failing := strings.ReplaceAll(script.String(), fmt.Sprint("expect = ", expect), "expect = 555")
			write(t, dir, map[string]string{"test.lua": script.String(), "failing.lua": failing, "password.txt": markedPassword + "\n"})
			flags := append(slices.Clone(site.flags), "--secret", "password=@password.txt", "--ca", "ca.pem")
			c := child{dir: dir}
			var shown []string
			run := func(status int, args ...string) ended {
				t.Helper()
				got := c.run(t, append(args, flags...)...)
				shown = append(shown, got.stdout, got.stderr)
				if got.status != status {
					t.Errorf("%v: exit status %d, want %d:\n%s%s", args, got.status, status, got.stdout, got.stderr)
				}
				return got
			}
			run(outcome, "run", "-v", "--record", "one", "test.lua")
			run(outcome, "run", "-v", "--record", "two", "test.lua")
			run(outcome, "run", "--against", "one", "test.lua")
			run(exitFailed, "run", "-v", "--record", "failing", "failing.lua")
			differ := c.run(t, "diff", "one", "two")
			shown = append(shown, differ.stdout, differ.stderr)
			if differ.status != exitPassed {
				t.Errorf("diff: exit status %d:\n%s%s", differ.status, differ.stdout, differ.stderr)
			}
			recorded := filesBelow(t, filepath.Join(dir, "one"))
			if len(recorded) != len(wholeMechanisms)+1 {
				t.Errorf("%d transcripts", len(recorded))
			}
			run(outcome, "replay", "-v", "one")
			wantNoSecret(t, dir, []string{"password.txt"}, shown...)
			for _, name := range filesBelow(t, dir) {
				text, err := os.ReadFile(filepath.Join(dir, name))
				if err != nil {
					t.Fatal(err)
				}
				shown = append(shown, string(text))
			}
			for _, text := range shown {
				if got := proofIn(text); got != "" {
					t.Errorf("the proof %q is shown:\n%s", got, text)
				}
			}
		})
	}
}
