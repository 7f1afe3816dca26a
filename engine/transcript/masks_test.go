package transcript_test

import (
	"strings"
	"testing"

	"smtplay/engine/transcript"
)

// events reads the lines of a transcript.
func events(t testing.TB, lines string) []event {
	t.Helper()
	lines = strings.TrimPrefix(lines, "\n")
	if !strings.HasSuffix(lines, "\n") {
		lines += "\n"
	}
	all, err := transcript.Decode([]byte(transcript.Header + "\n" + lines))
	if err != nil {
		t.Fatalf("%s: %v", lines, err)
	}
	return all
}

var usual = transcript.Comparison{Masks: transcript.UsualMasks()}

// What changes from run to run is no change.
func TestMasked(t *testing.T) {
	for _, tt := range []struct{ before, after, why string }{
		{"S: 250 2.0.0 Ok: queued as 217083C8C1", "S: 250 2.0.0 Ok: queued as 5E1A01F0A2B", "short queue ids of different length"},
		{"S: 250 2.0.0 Ok: queued as 217083C8C1", "S: 250 2.0.0 Ok: queued as 4VQ6Hr0z9nzXhPqC", "a short one and a long one"},
		{"S: 250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as 217083C8C1", "S: 250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as 317083C8C1", "behind a content filter"},
		{"S: 250 OK id=1rXyZa-0001Ab-2C", "S: 250 OK id=1rXyZb-0001Ac-3D", "Exim up to 4.96"},
		{"S: 250 OK id=1rXyZa-0001Ab-2C", "S: 250 OK id=1rXyZb-00000001Abc-12ab", "Exim from 4.97 on"},
		{"S: 250 2.0.0 1a2b3c4d Message accepted for delivery", "S: 250 2.0.0 0a0b3c4e Message accepted for delivery", "OpenSMTPD"},
		{"S: 250 2.0.0 31A9wWqH012345 Message accepted for delivery", "S: 250 2.0.0 31A9wXrI012399 Message accepted for delivery", "Sendmail"},
		{"S: 250 ok 1243167247 qp 4711", "S: 250 ok 1243167299 qp 12", "qmail"},
		{"S: 220 mx ESMTP Exim 4.96 Sun, 24 May 2009 13:14:07 +0100", "S: 220 mx ESMTP Exim 4.96 Mon, 5 Jan 2026 03:04:05 +0000", "the date of a greeting"},
		{"S: 220 mx ESMTP Sendmail; Sun, 24 May 2009 13:14:07 +0100 (BST)", "S: 220 mx ESMTP Sendmail; Mon, 05 Jan 2026 03:04:05 GMT", "and its zones"},
		{"C: Date: Sun, 24 May 2009 13:14:07 +0100", "C: Date: Mon, 25 May 2009 13:14:08 +0100", "of a header"},
		{"* note Sun May 24 13:14:07 2009", "* note Mon May 25 03:14:07 CEST 2009", "as C writes it"},
		{"* note 2009-05-24T13:14:07Z", "* note 2009-05-25 03:04:05.678+02:00", "ISO 8601"},
		{"C: Message-ID: <1@client.example.org>", "C: Message-ID: <2@client.example.org>", ""},
		{"* note serial number: 3A:01:FF:0B:22", "* note serial number: 4B:02:00:0C:33", "of a certificate"},
		{"* note serial 3a01ff0b2200", "* note serial 4b02000c3300", ""},
		{"* note Session-ID: 3A01FF0B22003A01", "* note Session-ID: 4B02000C33004B02", ""},
		{"* connect smtp 127.0.0.1:2525", "* connect smtp 127.0.0.1:35777", ""},
		{"* connect [::1]:2525", "* connect [::1]:35777", ""},
		{"S: 554 5.7.1 <unknown[127.0.0.1]:50414>: Access denied", "S: 554 5.7.1 <unknown[127.0.0.1]:50416>: Access denied", "behind an address literal"},
		{"S: 554 5.7.1 [IPv6:2001:db8::1]:50414 refused", "S: 554 5.7.1 [IPv6:2001:db8::1]:1 refused", ""},
		{"S: 250 2.0.0 Ok: queued as [queue-id]", "S: 250 2.0.0 Ok: queued as 317083C8C1", "a mask that stands in the file"},
		{"S: 334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UuZXhhbXBsZS5uZXQ+", "S: 334 PDQ3MTEuMUBwb3N0b2ZmaWNlLmV4YW1wbGUubmV0Pg==", "the challenge of CRAM-MD5"},
		{"S: 334 PEE4OTY+eEB5", "S: 334 PHp6MTE+QHl5eXl5eXl5", "another"},
		{"S: 334 cj1hYmNkZWZRLHM9UVVGQixpPTQwOTY=", "S: 334 cj1aYmNkZWZnaCxzPVFVRkMsaT00MDk2", "the first of SCRAM"},
		{"S: 334 dj1hYmNkZWZnaGlqPQ==", "S: 334 dj1BYmNkZWZnaGlqPQ==", "the last of SCRAM"},
		{"S: 334 bm9uY2U9ImFiYyIscmVhbG09Ingi", "S: 334 bm9uY2U9InhiYyIscmVhbG09Ingi", "DIGEST-MD5"},
		{"S: 334 cmVhbG09IngiLG5vbmNlPSJhYmMi", "S: 334 cmVhbG09Inh5Iixub25jZT0iZCI=", "with the nonce elsewhere"},
		{"S: 334 cmVhbG09Inh5eiIsbm9uY2U9ImFiYyI=", "S: 334 cW9wPSJhdXRoIixub25jZT0iZCI=", "and there"},
		{"S: 550 5.1.1 <[unique]@x>: no", "S: 550 5.1.1 <[unique]@x>: no", "a token"},
	} {
		if changes := usual.Diff(events(t, tt.before), events(t, tt.after)); len(changes) > 0 {
			t.Errorf("%s\n%s", tt.why, unified(changes))
		}
		if changes := (transcript.Comparison{}).Diff(events(t, tt.before), events(t, tt.after)); tt.before != tt.after && len(changes) == 0 {
			t.Errorf("without masks %q and %q are the same", tt.before, tt.after)
		}
	}
}

// A change beside what is masked, or of what only looks like it, is seen.
func TestNotMasked(t *testing.T) {
	for _, tt := range []struct{ before, after, why string }{
		{"S: 250 2.0.0 Ok: queued as 217083C8C1", "S: 251 2.0.0 Ok: queued as 217083C8C1", "a code"},
		{"S: 250 2.0.0 Ok: queued as 217083C8C1", "S: 250 2.6.0 Ok: queued as 217083C8C1", "an enhanced status"},
		{"S: 250 2.0.0 Ok: queued as 217083C8C1", "S: 250 Ok: queued as 217083C8C1", "an enhanced status that is gone"},
		{"S: 250 2.0.0 Ok: queued as 217083C8C1", "S: 250 2.0.0 OK: queued as 217083C8C1", "wording"},
		{"S: 250 2.0.0 Ok: queued as 217083C8C1", "S: 250 2.0.0 Ok: queued as 217083C8C1 (held)", "more words"},
		{"S: 250 2.0.0 Ok: queued as 217083C8C1", "S: 250 2.0.0 Ok: queued as spam", "something that is no queue id"},
		{"S: 250 2.0.0 Ok: queued as 217083C8C1", "S: 250 2.0.0 Ok: queued", "no queue id"},
		{"S: 250 2.0.0 Ok: queued as 217083C8C1", "S: 250 2.0.0 Ok: discarded 217083C8C1", "another fate"},
		{"S: 550 5.1.1 <217083C8C1@x>: no", "S: 550 5.1.1 <317083C8C1@x>: no", "an address that looks like a queue id"},
		{"S: 550 5.1.1 id=james@new.example.com", "S: 550 5.1.1 id=anna@new.example.com", "a word that Exim writes before its ids"},
		{"S: 250 OK id=1rXyZa-0001Ab-2C", "S: 250 OK id=1rXyZa-0001Ab-2C-x", "a longer id"},
		{"S: 250 2.0.0 1a2b3c4d Message accepted for delivery", "S: 250 2.0.0 1a2b3c4d Message accepted for review", "OpenSMTPD's wording"},
		{"S: 250 ok 1243167247 qp 4711", "S: 250 ok 1243167247 4711", "qmail's"},
		{"S: 220 mx ESMTP Exim 4.96 Sun, 24 May 2009 13:14:07 +0100", "S: 220 mx ESMTP Exim 4.97 Sun, 24 May 2009 13:14:07 +0100", "the version before a date"},
		{"S: 220 mx ready Sun, 24 May 2009 13:14:07 OPEN", "S: 220 mx ready Sun, 24 May 2009 13:14:07 SHUT", "a word behind a date"},
		{"S: 220 mx Sun, 24 May 2009 13:14:07 +0100 (BST)", "S: 220 mx Sun, 24 May 2009 13:14:07 +0100 (NO UCE)", "a remark behind a date"},
		{"S: 250-SIZE 10240000", "S: 250-SIZE 30720000", "a size"},
		{"S: 554 5.7.1 blocked since 2009-05-24", "S: 554 5.7.1 blocked since 2009-05-25", "a day without a time of day"},
		{"* tls TLS1.3 A CN=x unverified: expired on 2009-05-24", "* tls TLS1.3 A CN=x unverified: expired on 2009-05-25", "the day on which a certificate ended"},
		{"S: 250 2.1.0 1@x ok Message-ID 1", "S: 250 2.1.0 2@x ok Message-ID 1", "an address"},
		{"C: To: <1@client.example.org>", "C: To: <2@client.example.org>", "an address in another header"},
		{"* connect smtp 127.0.0.1:25", "* connect smtp 127.0.0.2:25", "another host"},
		{"* connect smtp 127.0.0.1:25", "* connect submission 127.0.0.1:25", "another target"},
		{"S: 250 SIZE:2525", "S: 250 SIZE:2526", "a number behind a colon"},
		{"S: 451 4.3.5 [127.0.0.1]: 50414 tries", "S: 451 4.3.5 [127.0.0.1]: 50415 tries", "a number that is no port"},
		{"S: 550 5.1.1 <[unique]@x>: no", "S: 550 5.1.1 <\\x5bunique]@x>: no", "a token, and text that looks like its mask"},
		{"C: AUTH PLAIN [sasl user=a secret=p]", "C: AUTH PLAIN [sasl user=b secret=p]", "another user"},
		{"C: [secret:a]", "C: [secret:b]", "another secret"},
		{"S: 250 ok", "S: 250 ok\\x0a", "another line end"},
		{"S: 250 ok", "S: 250 ok\\", "no line end"},
		{"S: 250 ok", "* note 250 ok", "not said by the server"},
		{"* close client", "* close server", "who hung up"},
		{"* step one", "* step two", "a step"},
		{"* note silence for 2s", "* note 250 ok", "a note"},
		{"S: 250 ok", "", "a reply that is missing"},
		{"S: 250-a\nS: 250 b", "S: 250-b\nS: 250 a", "the order of a reply that is none to EHLO"},
	} {
		before, after := "* note both\n"+tt.before, "* note both\n"+tt.after
		for range 2 {
			changes := usual.Diff(events(t, before), events(t, after))
			if len(changes) == 0 {
				t.Errorf("%s: %q and %q are the same", tt.why, before, after)
			}
			for _, c := range changes {
				if len(c.Before)+len(c.After) == 0 {
					t.Errorf("%s: a change in which nothing changes:\n%s", tt.why, unified(changes))
				}
			}
			before, after = after, before
		}
	}
}

// A mask of one's own hides what it was made for, never a code.
func TestOwnMask(t *testing.T) {
	all, err := transcript.NewMask("all", ".+")
	if err != nil {
		t.Fatal(err)
	}
	session, err := transcript.NewMask("google-session", `([a-z0-9]+\.[0-9]+) - gsmtp$`)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		mask          transcript.Mask
		before, after string
		shown         string // of before; "" for the same
	}{
		{session, "S: 220 mx ESMTP a1b2.12 - gsmtp", "S: 220 mx ESMTP c3d4.13 - gsmtp", ""},
		{session, "S: 220 mx ESMTP a1b2.12 - gsmtp", "S: 221 mx ESMTP c3d4.13 - gsmtp", "S: 220 mx ESMTP [google-session] - gsmtp"},
		{all, "S: 220 one", "S: 220 two", ""},
		{all, "S: 220-2.0.0 one", "S: 220-2.0.0 two", ""},
		{all, "S: 220 one", "S: 221 one", "S: 220 [all]"},
		{all, "S: 550 5.7.1 one", "S: 550 5.7.2 one", "S: 550 5.7.1[all]"},
		{all, "S: 550 5.7.1", "S: 550 5.7.2", "S: 550 5.7.1"},
		{all, "C: one [secret:password] two", "C: three [sasl] four", ""},
	} {
		c := transcript.Comparison{Masks: transcript.Masks{tt.mask}}
		changes := c.Diff(events(t, tt.before), events(t, tt.after))
		switch {
		case tt.shown == "" && len(changes) > 0:
			t.Errorf("%q, %q:\n%s", tt.before, tt.after, unified(changes))
		case tt.shown != "" && (len(changes) != 1 || changes[0].Before[0] != tt.shown):
			t.Errorf("%q, %q:\n%swant %q", tt.before, tt.after, unified(changes), tt.shown)
		}
	}
}

func TestNewMask(t *testing.T) {
	for _, tt := range []struct{ name, pattern, fault string }{
		{"", "x", "no name for a mask"},
		{"Queue", "x", "no name for a mask"},
		{"a b", "x", "no name for a mask"},
		{"a]b", "x", "no name for a mask"},
		{"secret:a", "x", "no name for a mask"},
		{"sasl", "x", "is taken"},
		{"secret", "x", "is taken"},
		{"token", "", "matches where there is nothing"},
		{"token", "x*", "matches where there is nothing"},
		{"token", "(x", `the regular expression of token: missing closing ): "(x"`},
		{"token", "x", ""},
	} {
		_, err := transcript.NewMask(tt.name, tt.pattern)
		if (err == nil) != (tt.fault == "") || err != nil && !strings.Contains(err.Error(), tt.fault) {
			t.Errorf("%q=%q: got %v, want %q", tt.name, tt.pattern, err, tt.fault)
		}
	}
}

func unified(changes []transcript.Change) string {
	var b []byte
	for _, c := range changes {
		b = c.AppendUnified(b)
	}
	return string(b)
}
