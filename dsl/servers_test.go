package dsl

import (
	"os"
	"strings"
	"testing"

	"smtplay/engine"
	"smtplay/engine/lab"
	"smtplay/engine/lab/daemon"
	"smtplay/engine/lab/dovecot"
	"smtplay/engine/lab/exim"
	"smtplay/engine/lab/labtest"
	"smtplay/engine/server"
)

// benchAt is a bench that leads to a private server's listeners, and trusts its CA if it has one.
func benchAt(t *testing.T, d *daemon.Daemon) *bench {
	t.Helper()
	b := newBench(t, nil)
	if pem, err := os.ReadFile(d.CAFile()); err == nil {
		if b.env.Options.Security.CA, err = engine.LoadCA(pem, "the lab's CA"); err != nil {
			t.Fatal(err)
		}
	}
	b.env.Options.Security.Name = lab.Hostname
	b.env.Targets.Named = map[string]string{}
	for _, name := range d.Names() {
		b.env.Targets.Named[name] = d.Addr(name)
	}
	return b
}

// What Exim staples is judged, and what it will not staple is not taken for it.
func TestEximStaple(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		reason    string
		must      bool
		staple    *server.StapleOptions
		script    string
		want, got string
	}{
		{"good", true, &server.StapleOptions{}, "ehlo(); starttls(); expect_certificate{ ocsp = 'good', must_staple = true }; ehlo(); quit()", "", ""},
		{"good, with TLS 1.2 and from the first byte", false, &server.StapleOptions{Responder: server.ResponderDelegate}, "connect('submissions', { max_version = '1.2' }); expect_certificate{ ocsp = 'good' }; quit()", "", ""},
		{"good, where there should be none", false, &server.StapleOptions{}, "ehlo(); starttls()\nexpect_certificate{ ocsp = 'none' } --! failed: falls short in ocsp", "ocsp: none", "ocsp: good, until "},
		{"none", false, nil, "ehlo(); starttls(); expect_certificate{ ocsp = 'none' }\nexpect_certificate{ ocsp = 'good' } --! failed: falls short in ocsp", "ocsp: good", "ocsp: nothing was stapled"},
		{"none, though it must", true, nil, "ehlo(); starttls()\nexpect_certificate{ must_staple = true } --! failed: falls short in must_staple", "must_staple: the certificate demands", "it demands it, and nothing was stapled"},
		{"unknown", false, &server.StapleOptions{Status: server.StapleUnknown}, "ehlo(); starttls(); expect_certificate{ ocsp = 'unknown' }\nexpect_certificate{ ocsp = 'good' } --! failed: falls short in ocsp", "ocsp: good", "ocsp: unknown"},
		{"signed by one who may not", false, &server.StapleOptions{Responder: server.ResponderUnentitled}, "ehlo(); starttls()\nexpect_certificate{ ocsp = 'good' } --! failed: falls short in ocsp", "ocsp: good", "whom the issuer does not let sign"},
		{"revoked: Exim gives up the handshake", false, &server.StapleOptions{Status: server.StapleRevoked}, "ehlo()\nstarttls() --! failed: TLS", "", ""},
	} {
		t.Run(row.reason, func(t *testing.T) {
			t.Parallel()
			e := labtest.Exim(t, exim.Options{Staple: row.staple, Certificate: server.CertificateOptions{MustStaple: row.must}})
			r := benchAt(t, e.Daemon).try(t, row.script)[0]
			checkVerdict(t, r, row.script)
			if f := r.Failure; f != nil && (!strings.Contains(f.Want, row.want) || !strings.Contains(f.Got, row.got)) {
				t.Errorf("wanted %q, got %q", f.Want, f.Got)
			}
		})
	}
}

// One of two recipients has no room: Dovecot answers for each, and each answer is judged.
func TestDovecotQuota(t *testing.T) {
	t.Parallel()
	d := labtest.Dovecot(t, dovecot.Options{})
	const begin = `
local fine, full = var("known", "james@new.example.com"), var("full", "full@new.example.com")
connect "lmtp"; lhlo(); mail ""; rcpt(fine); rcpt(full)
`
	for _, row := range []struct{ reason, script string }{
		{"each has what was expected", `data("Subject: quota", { expect = { [fine] = "250 2.0.0", [full] = { "552 5.2.2", "452 4.2.2" } } }); quit()`},
		{"by hand", `send "data"; expect 354; send "Subject: quota"; send "."; expect "250 2.0.0 saved"; expect "552 5.2.2 quota exceeded"; quit()`},
		{"the full one is taken for fine", `data("Subject: quota", { expect = { [fine] = 250, [full] = 250 } }) --! failed: expected 250, got 552 5.2.2 <full@new.example.com> Quota exceeded`},
		{"the fine one is taken for full", `data("Subject: quota", { expect = { [fine] = "552 5.2.2", [full] = "552 5.2.2" } }) --! failed: expected 552 5.2.2, got 250 2.0.0 <james@new.example.com>`},
		{"nobody is expected to be full", `data("Subject: quota") --! failed: got 552 5.2.2`},
		{"by hand, in the other order", `send "data"; expect 354; send "Subject: quota"; send "."; expect 552 --! failed: got 250 2.0.0`},
	} {
		t.Run(row.reason, func(t *testing.T) {
			t.Parallel()
			script := begin + row.script
			checkVerdict(t, benchAt(t, d.Daemon).try(t, script)[0], script)
		})
	}
	t.Run("an unknown one is refused at once", func(t *testing.T) {
		t.Parallel()
		script := `connect "lmtp"; lhlo(); mail ""` + "\n" + `rcpt "nobody@new.example.com" --! failed: got 550 5.1.1`
		checkVerdict(t, benchAt(t, d.Daemon).try(t, script)[0], script)
	})
}
