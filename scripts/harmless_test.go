package scripts_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"smtplay/engine/lab"
	"smtplay/engine/lab/labtest"
)

// harmless are edits that leave the policy as it is: no runbook may mind.
var harmless = []struct {
	reason  string
	edit    func(*lab.Options)
	vars    []string
	files   map[string]string
	skipped []string // nil for absent
}{
	// What the server says of itself.
	{reason: "other words in every refusal", edit: both(setting("smtpd_reject_footer", "Ask postmaster@example.com"),
		setting("smtpd_banner", "$myhostname ESMTP"), setting("show_user_unknown_table_name", "no"))},
	{reason: "a banner of another make", edit: setting("smtpd_banner", "mx [1] ESMTP 220-ready; no UCE 554 please")},
	{reason: "a footer of several lines", edit: setting("smtpd_reject_footer", `\c. Contact 5.7.1 postmaster.\n550 is not the code here`)},
	{reason: "another name", edit: setting("myhostname", "mx7.example.com")},
	{reason: "more in the log", edit: both(setting("smtpd_tls_loglevel", "2"), setting("debug_peer_list", "127.0.0.1"), setting("debug_peer_level", "3"))},
	{reason: "a log without names", edit: setting("syslog_name", "mx")},

	// Limits.
	{reason: "limits raised", edit: both(setting("smtpd_client_connection_count_limit", "500"), setting("smtpd_recipient_limit", "5000"), setting("message_size_limit", "100000000"),
		setting("smtpd_hard_error_limit", "200"), setting("smtpd_soft_error_limit", "100"), setting("default_process_limit", "200"), setting("line_length_limit", "8192"))},
	{reason: "no limit on the size of a message", edit: both(setting("message_size_limit", "0"), setting("virtual_mailbox_limit", "0")), skipped: slices.Concat(absent, sizeTests)},
	{reason: "limits lowered, as under stress", edit: both(setting("smtpd_timeout", "30s"), setting("smtpd_hard_error_limit", "5"), setting("smtpd_junk_command_limit", "2"), setting("message_size_limit", "102400"))},
	{reason: "errors slowed down", edit: both(setting("smtpd_error_sleep_time", "1s"), setting("smtpd_soft_error_limit", "5"))},

	// What EHLO offers that nobody here asks for.
	{reason: "keywords taken away", edit: setting("smtpd_discard_ehlo_keywords", "pipelining, size, vrfy, etrn, dsn, 8bitmime, smtputf8, chunking, enhancedstatuscodes"),
		skipped: slices.Concat(absent, sizeTests, reportTests, utf8Tests)},
	{reason: "keywords added", edit: both(setting("smtpd_authorized_xclient_hosts", "127.0.0.0/8"), setting("smtpd_authorized_xforward_hosts", "127.0.0.0/8"))},
	{reason: "no AUTH= for old clients", edit: setting("broken_sasl_auth_clients", "no")},
	{reason: "VRFY off, no UTF-8 in addresses", edit: both(setting("disable_vrfy_command", "yes"), setting("smtputf8_enable", "no")), skipped: slices.Concat(absent, utf8Tests)},

	// Strictness that a correct client does not meet.
	{reason: "EHLO is a must", edit: setting("smtpd_helo_required", "yes")},
	{reason: "strict in what it takes", edit: both(setting("strict_rfc821_envelopes", "yes"), setting("smtpd_forbid_unauth_pipelining", "yes"), setting("smtpd_forbid_bare_newline", "yes"),
		setting("smtpd_helo_restrictions", "reject_invalid_helo_hostname, reject_non_fqdn_helo_hostname"), setting("smtpd_sender_restrictions", "reject_non_fqdn_sender, reject_unlisted_sender"),
		setting("smtpd_data_restrictions", "reject_unauth_pipelining, reject_multi_recipient_bounce"))},
	{reason: "refusals are not put off", edit: both(at("smtp", "smtpd_delay_reject=no"), at("local", "smtpd_delay_reject=no"))},
	{reason: "lists that do not name us", edit: both(setting("smtpd_client_restrictions", "check_client_access inline:{192.0.2.1=REJECT}"), setting("smtpd_helo_restrictions", "check_helo_access inline:{spam.example.net=REJECT}"),
		setting("smtpd_sender_restrictions", "check_sender_access inline:{example.net=REJECT}"), setting("smtpd_recipient_restrictions", "check_recipient_access inline:{example.net=REJECT}"))},
	{reason: "users may send as themselves alone, and do", vars: []string{"sender=james@new.example.com"},
		edit: users("smtpd_sender_login_maps=inline:{james@new.example.com=james@new.example.com}", "smtpd_sender_restrictions=reject_authenticated_sender_login_mismatch")},

	// The same policy, written otherwise.
	{reason: "the old place for the refusal to relay", edit: both(setting("smtpd_relay_restrictions", ""),
		setting("smtpd_recipient_restrictions", "permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination"))},
	{reason: "the refusal in both places", edit: setting("smtpd_recipient_restrictions", "permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination")},
	{reason: "localhost alone, to the address", edit: at("local", "mynetworks=127.0.0.1/32 [::1]/128")},
	{reason: "backup for another domain", edit: setting("relay_domains", "backup.example.com")},
	{reason: "strangers refused at MAIL", edit: users("smtpd_client_restrictions=", "smtpd_sender_restrictions=permit_sasl_authenticated,reject", "smtpd_delay_reject=no")},
	{reason: "strangers refused at RCPT, with 530", edit: users("smtpd_client_restrictions=", "smtpd_recipient_restrictions=permit_sasl_authenticated,reject", "reject_code=530")},
	{reason: "submission that does not demand STARTTLS, but takes nobody before it", edit: at("submission", "smtpd_tls_security_level=may")},
	{reason: "AUTH in clear text allowed where TLS is demanded", edit: at("submission", "smtpd_tls_auth_only=no")},
	{reason: "relaying refused in Postfix's own way, and relay_refusal says so", vars: []string{"relay_refusal=454 4.7.1"},
		edit: setting("smtpd_relay_restrictions", "permit_mynetworks, permit_sasl_authenticated, defer_unauth_destination")},

	// Mailboxes and users.
	{reason: "more mailboxes, domains and users", edit: func(o *lab.Options) {
		o.Mailboxes = []string{lab.User, "jane@new.example.com", "james@old.example.net"}
		o.Users = map[string]string{lab.User: lab.Password, "jane@new.example.com": "another"}
	}},
	{reason: "aliases, and addresses with an extension", edit: both(setting("virtual_alias_maps", "inline:{info@new.example.com=james@new.example.com, postmaster@new.example.com=james@new.example.com}"), setting("recipient_delimiter", "+"))},
	{reason: "a copy of every mail", edit: setting("always_bcc", "james@new.example.com")},
	{reason: "filters that let our message through", edit: both(setting("header_checks", "regexp:$dir/extra/checks"), setting("body_checks", "regexp:$dir/extra/checks")),
		files: map[string]string{"extra/checks": "/lottery/ REJECT\n"}},
	{reason: "a milter that is down, and not missed", edit: both(setting("smtpd_milters", nowhere), setting("milter_default_action", "accept"))},
	{reason: "a policy service that is down, and not missed", edit: both(setting("smtpd_recipient_restrictions", "check_policy_service { "+nowhere+", default_action=DUNNO }"), setting("smtpd_policy_service_try_limit", "1"))},

	// Logins.
	{reason: "port 25 without logins", edit: at("smtp", "smtpd_sasl_auth_enable=no"),
		skipped: slices.Concat(absent, []string{"scripts/starttls-auth-plain.lua: smtp: a recipient elsewhere is accepted"})},
	{reason: "more mechanisms, in another order", edit: otherSASL,
		files: sasl("pwcheck_method: auxprop", "auxprop_plugin: sasldb", "sasldb_path: $dir/etc/sasl/sasldb2", "mech_list: SCRAM-SHA-256 DIGEST-MD5 LOGIN CRAM-MD5 PLAIN")},
	{reason: "all mechanisms that there are", edit: otherSASL,
		files: sasl("pwcheck_method: auxprop", "auxprop_plugin: sasldb", "sasldb_path: $dir/etc/sasl/sasldb2")},
	{reason: "the name of who logged in is written down", edit: setting("smtpd_sasl_authenticated_header", "yes")},

	// TLS.
	{reason: "an RSA key, below an intermediate CA that is sent", edit: showing(lab.Certificate{Key: lab.RSA2048, Issuer: lab.Intermediate})},
	{reason: "a self-signed certificate that --ca names", edit: showing(lab.Certificate{Issuer: lab.Self})},
	{reason: "a certificate that was renewed", edit: showing(lab.Certificate{NotAfter: time.Now().Add(60 * day)})},
	{reason: "a certificate with two weeks to go", edit: showing(lab.Certificate{NotAfter: time.Now().Add(15 * day)})},
	{reason: "a certificate for many years", edit: showing(lab.Certificate{NotBefore: time.Now().Add(-day), NotAfter: time.Now().Add(1500 * day)})},
	{reason: "a certificate for all names of the domain", edit: showing(lab.Certificate{Names: []string{"*.example.com"}})},
	{reason: "a certificate for more names", edit: showing(lab.Certificate{Names: []string{"www.example.com", "mail.example.net", "MAILA.example.com"}})},
	{reason: "a certificate that is chosen by name", edit: setting("tls_server_sni_maps", "inline:{ {maila.example.com = $dir/tls/key.pem, $dir/tls/cert.pem} }"), vars: []string{"certificate_names=maila.example.com plpb.example.com"}},
	{reason: "localhost without TLS", edit: at("local", "smtpd_tls_security_level=none")},
	{reason: "localhost with TLS that is hidden", edit: at("local", "smtpd_discard_ehlo_keywords=starttls")},
	{reason: "TLS 1.2 alone", edit: both(setting("smtpd_tls_protocols", "TLSv1.2"), setting("smtpd_tls_mandatory_protocols", "TLSv1.2"))},
	{reason: "TLS 1.3 alone", edit: both(setting("smtpd_tls_protocols", "TLSv1.3"), setting("smtpd_tls_mandatory_protocols", "TLSv1.3"))},
	{reason: "strong ciphers alone", edit: both(setting("smtpd_tls_mandatory_ciphers", "high"), setting("smtpd_tls_ciphers", "high"), setting("tls_preempt_cipherlist", "yes"))},
	{reason: "a certificate of the client is asked for, not demanded", edit: setting("smtpd_tls_ask_ccert", "yes")},
	{reason: "no sessions are resumed", edit: both(setting("smtpd_tls_session_cache_timeout", "0"), setting("tls_ssl_options", "NO_TICKET"))},
}

// TestOtherPostfix: servers of the same policy that are set up otherwise.
func TestOtherPostfix(t *testing.T) {
	t.Parallel()
	p := labtest.Private(t, lab.Options{})
	for _, test := range harmless {
		t.Run(test.reason, func(t *testing.T) {
			s := reconfigured(t, p, test.edit, test.files)
			if test.skipped == nil {
				test.skipped = absent
			}
			wantSound(t, s.run(t, names(t), append(test.vars, "send=yes")...), test.skipped...)
		})
	}
}

// reconfigured gives the server the usual options and one edit of them.
func reconfigured(t *testing.T, p *lab.Postfix, edit func(*lab.Options), files map[string]string) site {
	t.Helper()
	self := false
	writeExtra(t, p, files)
	err := p.Reconfigure(t.Context(), func(o *lab.Options) {
		*o = lab.Options{MainCF: map[string]string{}, MasterArgs: map[string][]string{}}
		edit(o)
		for name, value := range o.MainCF {
			o.MainCF[name] = strings.ReplaceAll(value, "$dir", p.Dir())
		}
		for _, settings := range o.MasterArgs {
			for i := range settings {
				settings[i] = strings.ReplaceAll(settings[i], "$dir", p.Dir())
			}
		}
		self = o.Certificate.Issuer == lab.Self
	})
	if err != nil {
		t.Fatal(err)
	}
	s := postfixSite(t, p)
	if self {
		s.ca = poolOf(t, p.CertificateFile())
	}
	return s
}
