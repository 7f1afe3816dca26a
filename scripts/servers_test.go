package scripts_test

import (
	"slices"
	"strings"
	"testing"

	"smtplay/engine/lab"
	"smtplay/engine/lab/chasquid"
	"smtplay/engine/lab/daemon"
	"smtplay/engine/lab/dovecot"
	"smtplay/engine/lab/exim"
	"smtplay/engine/lab/labtest"
	"smtplay/engine/lab/opensmtpd"
	"smtplay/engine/suite"
)

// privateSite is a server other than Postfix. One that has no view from localhost has no target of that name.
func privateSite(t *testing.T, d *daemon.Daemon) site {
	t.Helper()
	s := site{targets: map[string]string{}, ca: poolOf(t, d.CAFile()), name: lab.Hostname}
	for _, name := range d.Names() {
		s.targets[name] = d.Addr(name)
	}
	return s
}

// A deviation is a test of a runbook that does not pass on a server, and why: the server is not wrong in that, and
// neither is the runbook, which asks for more than every server has.
type deviation struct {
	test    string
	outcome suite.Outcome
	reason  string // is in what the result says
}

// deviations are those of tests that deviate for the same reason.
func deviations(outcome suite.Outcome, reason string, tests ...string) []deviation {
	var all []deviation
	for _, test := range tests {
		all = append(all, deviation{"scripts/" + test, outcome, reason})
	}
	return all
}

// wantDeviations fails unless every test passed, but for those.
func wantDeviations(t *testing.T, results []suite.Result, want []deviation) {
	t.Helper()
	for _, r := range results {
		said := r.Reason
		if r.Failure != nil {
			said = r.Failure.What
		}
		i := slices.IndexFunc(want, func(d deviation) bool { return d.test == r.String() })
		switch {
		case i < 0 && r.Outcome != suite.Passed:
			t.Error(story(r))
		case i >= 0 && (r.Outcome != want[i].outcome || !strings.Contains(said, want[i].reason)):
			t.Errorf("want %v: %s\n%s", want[i].outcome, want[i].reason, story(r))
		}
		if i >= 0 {
			want = slices.Delete(want, i, i+1)
		}
	}
	for _, d := range want {
		t.Errorf("%s did not run", d.test)
	}
}

// rightlyAbsent are the tests that skip on every sound server.
func rightlyAbsent() []deviation {
	return slices.Concat(
		deviations(suite.Skipped, "is not offered in clear text, as it should be",
			"auth-login-in-clear.lua: a recipient elsewhere is accepted", "auth-login-in-clear.lua: the message is queued",
			"auth-plain-in-clear.lua: a recipient elsewhere is accepted", "auth-plain-in-clear.lua: the message is queued"),
		deviations(suite.Skipped, "the certificate is not self-signed",
			"certificate-self-signed.lua: smtp", "certificate-self-signed.lua: submissions"),
		deviations(suite.Skipped, "nothing large is sent", "size-limit.lua: a message that is larger is refused"),
		deviations(suite.Skipped, "no file is given", "certificate-on-disk.lua: smtp", "certificate-on-disk.lua: submission", "certificate-on-disk.lua: submissions"),
		deviations(suite.Skipped, "no resolver is given", "dane.lua"),
		deviations(suite.Skipped, `no target "mx" is given`, "bad-certificate-stops-delivery.lua", "deferred-mail-is-tried-again.lua", "mail-leaves-encrypted.lua",
			"mx-that-breaks-off-loses-nothing.lua", "refused-after-data.lua", "refused-mail-bounces.lua", "relayhost-login.lua"),
		deviations(suite.Skipped, "where the mail arrives was not said", "mail-arrives.lua"),
		deviations(suite.Skipped, "no IMAP server was named", "mail-arrives-imap.lua"),
		deviations(suite.Skipped, "a server may ban the client for this", "errors-are-limited.lua: many are not", "logins-are-limited.lua: a guesser is stopped",
			"smuggling-early-talker.lua", "smuggling-pipelining.lua"),
		deviations(suite.Skipped, "whether this server greylists was not said", "greylisting.lua"),
		deviations(suite.Skipped, "no full mailbox was named", "lmtp-over-quota.lua"),
		deviations(suite.Skipped, "no address was named", "sender-not-the-logins.lua: a user is not another", "sender-not-the-logins.lua: a user is himself", "sender-not-the-logins.lua: a stranger is none of us"),
	)
}

// Exim says what Postfix says, without enhanced status codes (RFC 2034), which it does not offer.
func TestExim(t *testing.T) {
	t.Parallel()
	e := labtest.Exim(t, exim.Options{})
	results := privateSite(t, e.Daemon).run(t, names(t), "send=yes", "relay_refusal=550")
	wantDeviations(t, results, slices.Concat(rightlyAbsent(),
		deviations(suite.Failed, "expected 235 2.7.0, got 235 Authentication succeeded",
			"auth-login.lua: by hand: a recipient elsewhere is accepted", "auth-login.lua: by the helper: a recipient elsewhere is accepted",
			"auth-login.lua: the message is queued", "auth-plain.lua: the right password is accepted",
			"starttls-auth-plain.lua: smtp: a recipient elsewhere is accepted", "starttls-auth-plain.lua: submission: a recipient elsewhere is accepted",
			"starttls-auth-plain.lua: the message is queued",
			"tls-from-first-byte.lua: a recipient elsewhere is accepted", "tls-from-first-byte.lua: the message is queued"),
		deviations(suite.Failed, "expected 535 5.7.8, got 535 Incorrect authentication data", "auth-plain.lua: a wrong password is refused"),
		deviations(suite.Failed, "expected 250 2.1.5, got 250 Accepted",
			"known-recipient-accepted.lua: a mailbox of ours is accepted", "known-recipient-accepted.lua: the message is queued",
			"relay-from-localhost.lua: a recipient elsewhere is accepted", "relay-from-localhost.lua: the message is queued",
			"relay-refused-from-outside.lua: an address elsewhere is refused"), // its last line: ours is accepted
		deviations(suite.Failed, "expected 550 5.1.1, got 550 User unknown", "unknown-user-refused.lua"),
		deviations(suite.Failed, "expected 250, got 550 User unknown", "postmaster-accepted.lua: in the hosted domain"),
		// It takes no more than 16384 octets for a line, and the rest for the next.
		deviations(suite.Failed, "the server had said something that nothing asked for", "smuggling-long-lines.lua: a command line of 20000 octets is one command"),
	))
}

// An Exim that relays for whoever asks is found out by each test of it.
func TestEximRelays(t *testing.T) {
	t.Parallel()
	s := privateSite(t, labtest.Exim(t, exim.Options{}).Daemon)
	s.targets["smtp"] = s.targets["local"]
	results := s.run(t, []string{"relay-refused-from-outside.lua"}, "relay_refusal=550")
	if len(results) != 7 {
		t.Errorf("%d tests, want 7", len(results))
	}
	for _, r := range results {
		if r.Outcome != suite.Failed {
			t.Error(story(r))
		}
	}
}

// chasquid knows PLAIN alone, takes no letter without a header, looks at no size before the letter is there, and has
// no view from localhost.
func TestChasquid(t *testing.T) {
	t.Parallel()
	c := labtest.Chasquid(t, chasquid.Options{})
	results := privateSite(t, c.Daemon).run(t, names(t), "send=yes", "relay_refusal=503 5.7.1")
	wantDeviations(t, results, slices.Concat(rightlyAbsent(),
		deviations(suite.Skipped, `no target "local" is given`,
			"encryption-of-each-port.lua: local: unencrypted, with or without STARTTLS", "relay-from-localhost.lua"),
		deviations(suite.Skipped, "the server does not offer DSN", "delivery-reports.lua: what is asked for is taken",
			"delivery-reports.lua: a report that there is not is refused at MAIL", "delivery-reports.lua: and at RCPT"),
		deviations(suite.Skipped, "PLAIN alone is offered", "auth-mechanisms.lua: a wrong password is refused"),
		deviations(suite.Failed, "expected 250, got 501 5.1.3", "postmaster-accepted.lua: without a domain", "postmaster-accepted.lua: in other letters"),
		deviations(suite.Failed, "expected 250, got 550 5.1.1", "postmaster-accepted.lua: in the hosted domain"),
		deviations(suite.Failed, "expected 552, got 250 2.1.5", "size-limit.lua: more than that is refused at MAIL"),
		deviations(suite.Failed, "AUTH LOGIN is not offered: nothing was sent", "auth-login.lua: by the helper: a recipient elsewhere is accepted"),
		deviations(suite.Failed, "expected the capability AUTH LOGIN, which is not offered",
			"auth-login.lua: by hand: a recipient elsewhere is accepted", "auth-login.lua: the message is queued",
			"ehlo-offers.lua: submission: STARTTLS first, then AUTH", "ehlo-offers.lua: submissions: AUTH at once"),
		deviations(suite.Failed, "got 554 5.6.0 Error parsing message",
			"known-recipient-accepted.lua: the message is queued", "starttls-auth-plain.lua: the message is queued",
			"tls-from-first-byte.lua: the message is queued"),
	))
}

// OpenSMTPD has enhanced status codes of its own choice, no word for a user who is unknown, takes no letter without a
// header, and looks neither at RET nor, before the letter is there, at its size.
func TestOpenSMTPD(t *testing.T) {
	t.Parallel()
	o := labtest.OpenSMTPD(t, opensmtpd.Options{})
	results := privateSite(t, o.Daemon).run(t, names(t), "send=yes", "relay_refusal=550")
	wantDeviations(t, results, slices.Concat(rightlyAbsent(),
		deviations(suite.Failed, "expected 235 2.7.0, got 235 2.0.0 Authentication succeeded",
			"auth-login.lua: by hand: a recipient elsewhere is accepted", "auth-login.lua: by the helper: a recipient elsewhere is accepted",
			"auth-login.lua: the message is queued", "auth-plain.lua: the right password is accepted",
			"starttls-auth-plain.lua: smtp: a recipient elsewhere is accepted", "starttls-auth-plain.lua: submission: a recipient elsewhere is accepted",
			"starttls-auth-plain.lua: the message is queued",
			"tls-from-first-byte.lua: a recipient elsewhere is accepted", "tls-from-first-byte.lua: the message is queued"),
		deviations(suite.Failed, "expected 535 5.7.8, got 535 Authentication failed", "auth-plain.lua: a wrong password is refused"),
		deviations(suite.Failed, "expected 5xx, got 250 2.0.0", "delivery-reports.lua: a report that there is not is refused at MAIL"),
		deviations(suite.Failed, "expected 552, got 250 2.0.0", "size-limit.lua: more than that is refused at MAIL"),
		deviations(suite.Skipped, "the server does not offer SMTPUTF8", "smtputf8.lua"),
		deviations(suite.Failed, "got 550 5.7.1 Delivery not authorized, message refused: Message is not RFC 2822 compliant",
			"known-recipient-accepted.lua: the message is queued", "relay-from-localhost.lua: the message is queued"),
		deviations(suite.Failed, "expected 550 5.1.1, got 524 5.2.4 Mailing list expansion problem", "unknown-user-refused.lua"),
		deviations(suite.Failed, "expected 250, got 550 Invalid recipient", "postmaster-accepted.lua: without a domain", "postmaster-accepted.lua: in other letters"),
		deviations(suite.Failed, "expected 250, got 524 5.2.4", "postmaster-accepted.lua: in the hosted domain"),
	))
}

// Who may log in is Dovecot's to say, and nothing else is different.
func TestPostfixAsksDovecot(t *testing.T) {
	t.Parallel()
	d := labtest.Dovecot(t, dovecot.Options{})
	p := labtest.Private(t, lab.Options{MainCF: d.PostfixSettings(), Users: map[string]string{}})
	wantSound(t, postfixSite(t, p).run(t, names(t), "send=yes"), absent...)
	if !strings.Contains(p.Log(), "sasl_method=PLAIN, sasl_username="+lab.User) {
		t.Error("the log has no login")
	}
}

// Of two mailboxes at Dovecot the full one is told so, and one with room is not taken for full.
func TestDovecotOverQuota(t *testing.T) {
	t.Parallel()
	s := site{targets: map[string]string{"lmtp": labtest.Dovecot(t, dovecot.Options{}).Addr("lmtp")}}
	runbook := []string{"lmtp-over-quota.lua"}
	wantSound(t, s.run(t, runbook, "full="+dovecot.Full, "send=yes"))
	for _, r := range s.run(t, runbook, "full="+lab.User, "send=yes") {
		if r.Outcome != suite.Failed || !strings.Contains(r.Failure.Got, "250 2.0.0") {
			t.Error(story(r))
		}
	}
}
