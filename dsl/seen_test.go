package dsl

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"smtplay/engine/lab"
	"smtplay/engine/lab/chasquid"
	"smtplay/engine/lab/daemon"
	"smtplay/engine/lab/exim"
	"smtplay/engine/lab/labtest"
	"smtplay/engine/lab/opensmtpd"
)

// tried is a script for a server, what is in the transcript, and what is in a
// message that it delivers there, "" where it sends none.
type tried struct{ reason, script, shown, delivered string }

func (row tried) on(t *testing.T, d *daemon.Daemon, letters func() ([]daemon.Letter, error)) {
	t.Run(row.reason, func(t *testing.T) {
		b := benchAt(t, d)
		b.env.Secrets["password"] = lab.Password
		r := b.try(t, row.script)[0]
		checkVerdict(t, r, row.script)
		if !strings.Contains(transcriptOf(r), row.shown) {
			t.Errorf("%q is not in\n%s", row.shown, transcriptOf(r))
		}
		if row.delivered == "" {
			return
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		err := daemon.WaitUntil(ctx, func() bool {
			all, err := letters()
			return err == nil && slices.ContainsFunc(all, func(l daemon.Letter) bool { return bytes.Contains(l.Data, []byte(row.delivered)) })
		})
		if err != nil {
			t.Errorf("no message with %q: %v", row.delivered, err)
		}
	})
}

const login = "ehlo(); starttls(); ehlo(); "

// What Exim offers, beside its extensions.
func TestEximFeatures(t *testing.T) {
	t.Parallel()
	const james = "james@new.example.com"
	e := labtest.Exim(t, exim.Options{})
	for _, row := range []tried{
		{"text outside ASCII is delivered as it is", "ehlo(); mail('jürgen@example.org', { body = '8BITMIME', smtputf8 = true }); rcpt '" + james + "'; data 'Subject: utf8\\n\\nGrüße\\n'; quit()", "", "Subject: utf8\n\nGrüße\n"},
		{"CRAM-MD5", login + "auth('CRAM-MD5', 'james@new.example.com', secret 'password'); quit()", "", ""},
		{"CRAM-MD5, and a wrong password", login + "\nauth('CRAM-MD5', 'james@new.example.com', 'wrong') --! failed: expected 235, got 535", "", ""},
		{"the strongest that Exim offers", login + "auth{ user = 'james@new.example.com', password = secret 'password' }; quit()", "* note auth takes CRAM-MD5, the strongest offered", ""},
		{"PROXY, version 1", "connect('proxy', { proxy = { source = '203.0.113.7:4711', version = 1 } }); local r = ehlo(); assert(r.text:find('[203.0.113.7]', 1, true)); quit()", "", ""},
		{"PROXY, version 2", "connect('proxy', { proxy = { source = '203.0.113.8:4712' } }); local r = ehlo(); assert(r.text:find('[203.0.113.8]', 1, true)); quit()", "", ""},
		{"PROXY: none where the port wants one", "connect 'proxy'\nehlo() --! failed: got 503", "", ""},
	} {
		row.on(t, e.Daemon, e.Messages)
	}
}

// What chasquid and OpenSMTPD offer.
func TestFeaturesOfOthers(t *testing.T) {
	t.Parallel()
	const james = "james@new.example.com"
	t.Run("chasquid", func(t *testing.T) {
		c := labtest.Chasquid(t, chasquid.Options{})
		for _, row := range []tried{
			{"8BITMIME and SMTPUTF8", "ehlo(); expect_capability '8BITMIME'; expect_capability 'SMTPUTF8'; mail('jürgen@example.org', { body = '8BITMIME', smtputf8 = true }); rcpt '" + james + "'; data 'From: a@example.org\\nSubject: utf8\\n\\nGrüße\\n'; quit()", "", ""},
			{"PIPELINING", "ehlo(); expect_capability 'PIPELINING'; pipeline{ 'mail from:<a@example.org>', 'rcpt to:<" + james + ">' }; expect 250; expect 250; rset(); quit()", "", ""},
			{"SMTPUTF8, and a domain that is none", "ehlo()\nmail('a@b..example', { smtputf8 = true }) --! failed: expected 2xx, got 5", "", ""},
		} {
			row.on(t, c.Daemon, nil)
		}
	})
	t.Run("OpenSMTPD", func(t *testing.T) {
		o := labtest.OpenSMTPD(t, opensmtpd.Options{})
		for _, row := range []tried{
			{"DSN", "ehlo(); expect_capability 'DSN'; mail('a@example.org', { ret = 'HDRS', envid = 'x' }); rcpt('" + james + "', { notify = 'NEVER', orcpt = '" + james + "' }); rset(); mail('a@example.org', { params = 'X=y', expect = '5xx' }); quit()", "", ""},
			{"8BITMIME", "ehlo(); expect_capability '8BITMIME'; mail('a@example.org', { body = '8BITMIME' }); rcpt '" + james + "'; rset(); quit()", "", ""},
		} {
			row.on(t, o.Daemon, nil)
		}
	})
}
