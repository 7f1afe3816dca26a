package scripts_test

import (
	"io/fs"
	"strings"
	"testing"
	"time"

	"smtplay/engine/lab"
	"smtplay/engine/lab/labtest"
	"smtplay/engine/server"
	"smtplay/engine/suite"
	"smtplay/scripts"
)

// misconfiguration is what can be wrong with a server, and who finds it.
type misconfiguration struct {
	reason string
	edit   func(*lab.Options) // of the usual options
	caught []catch
}

// catch is a runbook that must fail, and the line that it must blame: the one
// of the file in which the text stands.
type catch struct {
	runbook, line string
	says          string // what the failure must say: in one sentence, as its because, or as its hint
}

// setting is an edit of main.cf.
func setting(name, value string) func(*lab.Options) {
	return func(o *lab.Options) { o.MainCF[name] = value }
}

// at is an edit of one listener, by "name=value".
func at(listener string, settings ...string) func(*lab.Options) {
	return func(o *lab.Options) { o.MasterArgs[listener] = settings }
}

func showing(c lab.Certificate) func(*lab.Options) {
	return func(o *lab.Options) { o.Certificate = c }
}

// open makes the submission service one more port 25.
var open = []string{"smtpd_client_restrictions=", "smtpd_relay_restrictions=permit_sasl_authenticated, reject_unauth_destination"}

const day = 24 * time.Hour

var misconfigurations = []misconfiguration{
	// Relaying.
	{"an open relay", at("smtp", "mynetworks=127.0.0.0/8"), []catch{
		{"relay-refused-from-outside.lua", "expect{ relay_refusal", "open relay"}}},
	{"relaying is refused for now only", setting("smtpd_relay_restrictions", "permit_mynetworks, permit_sasl_authenticated, defer_unauth_destination"), []catch{
		{"relay-refused-from-outside.lua", "expect{ relay_refusal", "Postfix refuses to relay by its own default (defer_unauth_destination"}}},
	{"localhost is a stranger", at("local", "mynetworks="), []catch{
		{"relay-from-localhost.lua", `expect{ "250 2.1.5"`, "mynetworks"}}},
	{"users may not relay", at("submission", "smtpd_relay_restrictions=reject_unauth_destination"), []catch{
		{"auth-plain.lua", "rcpt(unknown", "relay"},
		{"starttls-auth-plain.lua", `send("rcpt to:<"`, "relay"}}},

	// Recipients.
	{"everything is refused on port 25", at("smtp", "smtpd_client_restrictions=reject"), []catch{
		{"known-recipient-accepted.lua", `expect{ "250 2.1.5"`, "client"},
		{"relay-refused-from-outside.lua", `expect{ "250 2.1.5"`, "client"},
		{"unknown-user-refused.lua", `expect{ "550 5.1.1"`, "client"},
		{"encryption-of-each-port.lua", "rcpt(known)", "client"}}},
	{"everything is refused on localhost", at("local", "smtpd_client_restrictions=reject"), []catch{
		{"relay-from-localhost.lua", `expect{ "250 2.1.5"`, "client"},
		{"encryption-of-each-port.lua", "rcpt(known)", "client"}}},
	{"the domain is not hosted", func(o *lab.Options) { o.Mailboxes = []string{"james@other.example.com"} }, []catch{
		{"known-recipient-accepted.lua", `expect{ "250 2.1.5"`, "not hosted here"},
		{"unknown-user-refused.lua", `expect{ "550 5.1.1"`, "got 554 5.7.1"}}},
	{"the mailbox is missing", func(o *lab.Options) { o.Mailboxes = []string{"jane@new.example.com"} }, []catch{
		{"known-recipient-accepted.lua", `expect{ "250 2.1.5"`, "no such mailbox"}}},
	{"any user is taken", setting("virtual_mailbox_maps", "static:all/"), []catch{
		{"unknown-user-refused.lua", `expect{ "550 5.1.1"`, "bounce"}}},
	{"an unknown user is refused for now only", setting("unknown_virtual_mailbox_reject_code", "450"), []catch{
		{"unknown-user-refused.lua", `expect{ "550 5.1.1"`, "for now only"}}},

	// Logins.
	{"AUTH in clear text for users", at("submission", "smtpd_tls_auth_only=no", "smtpd_tls_security_level=may"), []catch{
		{"auth-refused-in-clear.lua", "expect(refusals)", "smtpd_tls_auth_only=yes"},
		{"ehlo-offers.lua", `expect_no_capability "AUTH"`, ""},
		{"encryption-of-each-port.lua", `expect_no_capability "AUTH"`, ""}}},
	{"the passwords cannot be checked", setting("smtpd_sasl_path", "elsewhere"), []catch{
		{"auth-plain.lua", `auth("PLAIN", user, password`, "SASL backend"},
		{"auth-login.lua", `auth("LOGIN", user, password`, "got 454 4.7.0"},
		{"starttls-auth-plain.lua", `send("AUTH PLAIN "`, "SASL backend"}}},
	{"the user is missing", func(o *lab.Options) { o.Users = map[string]string{"jane@new.example.com": lab.Password} }, []catch{
		{"auth-plain.lua", `auth("PLAIN", user, password`, "user or password is wrong"},
		{"auth-login.lua", "send(base64.encode(password))", "user or password is wrong"},
		{"tls-from-first-byte.lua", `send("AUTH PLAIN "`, "user or password is wrong"}}},
	{"PLAIN is lost", setting("smtpd_sasl_mechanism_filter", "!plain, static:rest"), []catch{
		{"auth-plain.lua", `auth("PLAIN", user, password`, ""},
		{"ehlo-offers.lua", `expect_capability("AUTH", "PLAIN")`, ""},
		{"starttls-auth-plain.lua", `expect_capability("AUTH", "PLAIN")`, ""},
		{"tls-from-first-byte.lua", `expect_capability("AUTH", "PLAIN")`, ""}}},
	{"LOGIN is lost", setting("smtpd_sasl_mechanism_filter", "!login, static:rest"), []catch{
		{"auth-login.lua", `auth("LOGIN", user, password`, ""},
		{"auth-login.lua", `expect_capability("AUTH", "LOGIN")`, ""},
		{"ehlo-offers.lua", `expect_capability("AUTH", "LOGIN")`, ""}}},
	{"nobody can log in", setting("smtpd_sasl_auth_enable", "no"), []catch{
		{"auth-plain.lua", `auth("PLAIN", user, password`, ""},
		{"starttls-auth-plain.lua", `expect_capability("AUTH", "PLAIN")`, ""}}},

	// The submission service.
	{"submission is open to all", at("submission", open...), []catch{
		{"submission-needs-login.lua", "expect_refusal{", "nothing was refused"},
		{"auth-plain.lua", "expect_refusal{", "nothing was refused"}}},
	{"submissions is open to all", at("submissions", open...), []catch{
		{"submission-needs-login.lua", "expect_refusal{", "nothing was refused"}}},
	{"submission takes mail in clear text", at("submission", append(open, "smtpd_tls_security_level=may")...), []catch{
		{"submission-needs-login.lua", "expect_refusal{", "nothing was refused"},
		{"encryption-of-each-port.lua", "expect_refusal{", "nothing was refused"}}},
	{"submission takes nobody", at("submission", "smtpd_client_restrictions=reject"), []catch{
		{"auth-plain.lua", "rcpt(unknown", "client"}}},

	// STARTTLS.
	{"STARTTLS is hidden on port 25", at("smtp", "smtpd_discard_ehlo_keywords=starttls"), []catch{
		{"ehlo-offers.lua", `connect "smtp"; ehlo(helo)⏎expect_capability "STARTTLS"`, ""},
		{"encryption-of-each-port.lua", `takes_mail()⏎expect_capability "STARTTLS"`, ""},
		{"starttls-auth-plain.lua", `expect_capability "STARTTLS"`, ""}}},
	{"STARTTLS is hidden for users", at("submission", "smtpd_discard_ehlo_keywords=starttls"), []catch{
		{"ehlo-offers.lua", `connect "submission"; ehlo(helo)⏎expect_capability "STARTTLS"`, ""},
		{"starttls-auth-plain.lua", `expect_capability "STARTTLS"`, ""}}},
	{"TLS is off", setting("smtpd_tls_security_level", "none"), []catch{
		{"ehlo-offers.lua", `connect "smtp"; ehlo(helo)⏎expect_capability "STARTTLS"`, ""},
		{"starttls-auth-plain.lua", `expect_capability "STARTTLS"`, ""},
		{"certificate.lua", `connect "smtp"; ehlo(helo); starttls(unjudged)`, "no TLS"}}},
	{"TLS is demanded on port 25", at("smtp", "smtpd_tls_security_level=encrypt"), []catch{
		{"known-recipient-accepted.lua", `send("mail from:<"`, "starttls()"},
		{"relay-refused-from-outside.lua", `send("mail from:<"`, "starttls()"},
		{"encryption-of-each-port.lua", "mail(sender)", "starttls()"}}},
	{"TLS is demanded of localhost", at("local", "smtpd_tls_security_level=encrypt"), []catch{
		{"relay-from-localhost.lua", `send("mail from:<"`, "starttls()"},
		{"encryption-of-each-port.lua", "mail(sender)", "starttls()"}}},
	{"submissions begins in clear text", at("submissions", "smtpd_tls_wrappermode=no"), []catch{
		{"tls-from-first-byte.lua", `connect "submissions"`, "clear text"},
		{"encryption-of-each-port.lua", `connect "submissions"`, "clear text"}}},

	// The certificate.
	{"the certificate is for another name", showing(lab.Certificate{Names: []string{"mail.example.net"}}), []catch{
		{"certificate.lua", "expect_certificate{", "falls short in name"},
		{"starttls-auth-plain.lua", "handshake()", "--tls-name"},
		{"tls-from-first-byte.lua", `connect "submissions"`, "--tls-name"}}},
	{"the certificate has expired", showing(lab.Certificate{NotAfter: time.Now().Add(-day)}), []catch{
		{"certificate.lua", "expect_certificate{", "falls short in trusted, min_days_left"},
		{"starttls-auth-plain.lua", "handshake()", "renewed"}}},
	{"the certificate is nearly over", showing(lab.Certificate{NotAfter: time.Now().Add(13 * day)}), []catch{
		{"certificate.lua", "expect_certificate{", "falls short in min_days_left"}}},
	{"nobody knows the CA", showing(lab.Certificate{Issuer: lab.UnknownCA}), []catch{
		{"certificate.lua", "expect_certificate{", "falls short in trusted"},
		{"starttls-auth-plain.lua", "handshake()", "--ca"}}},
	{"the intermediate CA is not sent", showing(lab.Certificate{Issuer: lab.IntermediateMissing}), []catch{
		{"certificate.lua", "expect_certificate{", "falls short in trusted"}}},
	{"the key is weak", showing(lab.Certificate{Key: lab.RSA1024}), []catch{
		{"certificate.lua", "expect_certificate{", "min_key_bits"}}},
	{"a self-signed certificate for another name", showing(lab.Certificate{Issuer: lab.Self, Names: []string{"mail.example.net"}}), []catch{
		{"certificate-self-signed.lua", "expect_certificate{", "falls short in name"}}},
}

// TestRunbooksCatch: each runbook fails on what it exists to find, on the line
// that names the fault.
func TestRunbooksCatch(t *testing.T) {
	t.Parallel()
	p := labtest.Private(t, lab.Options{})
	for _, m := range misconfigurations {
		t.Run(m.reason, func(t *testing.T) {
			s := reconfigured(t, p, m.edit)
			s.ca = poolOf(t, p.CAFile())
			for _, c := range m.caught {
				c.want(t, s.run(t, []string{c.runbook}))
			}
		})
	}
}

// TestRunbooksCatchPeers: what a Postfix cannot be made to do, of the
// submission service of another server.
func TestRunbooksCatchPeers(t *testing.T) {
	t.Parallel()
	certificate, err := server.MakeCertificate(server.CertificateOptions{Names: []string{lab.Hostname}})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		reason string
		edit   func(*server.Polite)
		caught catch
	}{
		{"any password is right", func(p *server.Polite) { p.On = server.Answers{"auth": server.Say("235 2.7.0 Welcome")} },
			catch{"auth-plain.lua", `auth("PLAIN", user, "wrong-"`, "535 5.7.8"}},
		{"AUTH= lists a mechanism that AUTH does not", func(p *server.Polite) { p.CapabilitiesTLS = []string{"AUTH PLAIN LOGIN", "AUTH=PLAIN LOGIN NTLM"} },
			catch{"ehlo-offers.lua", `expect_capability("AUTH", mechanism)`, "AUTH NTLM"}},
		{"AUTH= lacks a mechanism that AUTH lists", func(p *server.Polite) { p.CapabilitiesTLS = []string{"AUTH PLAIN LOGIN", "AUTH=LOGIN"} },
			catch{"ehlo-offers.lua", `expect_capability("AUTH=", mechanism)`, "AUTH= PLAIN"}},
		{"STARTTLS is offered within TLS", func(p *server.Polite) { p.CapabilitiesTLS = []string{"STARTTLS", "AUTH PLAIN LOGIN"} },
			catch{"ehlo-offers.lua", `connect "submission"; ehlo(helo)⏎⏎⏎⏎⏎expect_no_capability "STARTTLS"`, "STARTTLS is offered"}},
	} {
		t.Run(test.reason, func(t *testing.T) {
			polite := server.Polite{TLS: certificate.ServerConfig(), Users: map[string]string{lab.User: lab.Password}, AuthNeedsTLS: true}
			test.edit(&polite)
			s := site{map[string]string{"submission": server.Start(t, polite.Serve).Addr()}, certificate.Pool, lab.Hostname}
			test.caught.want(t, s.run(t, []string{test.caught.runbook}))
		})
	}
}

// want fails unless a test failed on the line, and none ended without a verdict.
func (c catch) want(t *testing.T, results []suite.Result) {
	t.Helper()
	number := c.number(t)
	caught := false
	for _, r := range results {
		if r.Outcome == suite.Errored {
			t.Errorf("no verdict: %s", story(r))
		}
		if r.Outcome != suite.Failed || r.Failure.Pos.File != "scripts/"+c.runbook || r.Failure.Pos.Line != number {
			continue
		}
		caught = true
		if f := r.Failure; !strings.Contains(f.What+"\n"+f.Because+"\n"+f.Hint, c.says) {
			t.Errorf("the failure does not say %q: %s", c.says, story(r))
		}
	}
	if !caught {
		t.Errorf("%s: no test failed at line %d, %s", c.runbook, number, c.line)
		for _, r := range results {
			t.Log(r.Test, r.Outcome, r.Failure)
		}
	}
}

// number is the line that is to be blamed. Where the text stands in several,
// text that stands in a line before it and a ⏎ for each line between tell which.
func (c catch) number(t *testing.T) int {
	t.Helper()
	text, err := fs.ReadFile(scripts.FS, c.runbook)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(c.line, "⏎")
	last := len(want) - 1
	var found []int
	lines := strings.Split(string(text), "\n")
	for i := last; i < len(lines); i++ {
		if strings.Contains(lines[i], want[last]) && strings.Contains(lines[i-last], want[0]) {
			found = append(found, i+1)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%s: the text %q stands in lines %v, want one", c.runbook, c.line, found)
	}
	return found[0]
}
