package scripts_test

import (
	"slices"
	"strings"
	"time"

	"smtplay/engine/lab"
	"smtplay/engine/server"
)

// open makes the submission service one more port 25.
var open = []string{"smtpd_client_restrictions=", "smtpd_relay_restrictions=permit_sasl_authenticated, reject_unauth_destination"}

// relaying opens a way for strangers before the usual last word.
func relaying(way string) func(*lab.Options) {
	return setting("smtpd_relay_restrictions", "permit_mynetworks, permit_sasl_authenticated, "+way+", reject_unauth_destination")
}

const (
	day = 24 * time.Hour

	// nowhere is a socket at which nobody listens.
	nowhere = "unix:nowhere"
)

var (
	openRelay    = []catch{{"relay-refused-from-outside.lua", "expect{ relay_refusal", "open relay"}}
	takenForOurs = []catch{{"relay-refused-from-outside.lua", "expect{ relay_refusal", "expected 554 5.7.1, got 550 5.1.1"}}

	otherWays = []catch{{"relay-refused-from-outside.lua", "expect_refusal{", "nothing was refused"}}

	// clear is a port 25 where users may log in without TLS.
	clear = at("smtp", "smtpd_tls_auth_only=no")

	// backup is a domain for which the server only passes mail on, and trusts
	// what stands before the @: the routes of old.
	backup = both(setting("relay_domains", "backup.example.com"), setting("allow_untrusted_routing", "yes"))
)

// usersLost: nobody gets in with the right password; says is the hint of the
// reply to AUTH PLAIN.
func usersLost(says string) []catch {
	return []catch{
		{"auth-plain.lua", `auth("PLAIN", user, password`, says},
		{"auth-login.lua", `auth("LOGIN", user, password`, ""},
		{"auth-login.lua", "send(base64.encode(password))", says},
		{"auth-mechanisms.lua", "auth{ m, user, password", says},
		{"starttls-auth-plain.lua", `send("AUTH PLAIN "`, says},
		{"tls-from-first-byte.lua", `send("AUTH PLAIN "`, says},
	}
}

// noPlain: no port offers users a mechanism that tells the password.
var noPlain = []catch{
	{"auth-plain.lua", `auth("PLAIN", user, password`, "not offered"},
	{"auth-login.lua", `auth("LOGIN", user, password`, "not offered"},
	{"auth-login.lua", `expect_capability("AUTH", "LOGIN")`, ""},
	{"ehlo-offers.lua", `expect_capability("AUTH", "PLAIN")`, ""},
	{"starttls-auth-plain.lua", `expect_capability("AUTH", "PLAIN")`, ""},
	{"tls-from-first-byte.lua", `expect_capability("AUTH", "PLAIN")`, ""},
}

// noLogins: no port offers AUTH to users.
var noLogins = append(slices.Clone(noPlain), catch{"auth-mechanisms.lua", `expect_capability "AUTH"`, "not offered"})

var misconfigurations = []misconfiguration{
	// Relaying: an open relay has many ways in.
	{reason: "an open relay", edit: at("smtp", "mynetworks=127.0.0.0/8"), caught: openRelay},
	{reason: "the whole world is in mynetworks", edit: setting("mynetworks", "0.0.0.0/0"), caught: openRelay},
	{reason: "strangers are permitted by a class of restrictions", edit: both(setting("smtpd_restriction_classes", "friends"), setting("friends", "permit"), relaying("check_client_access inline:{127.0.0.1=friends}")), caught: openRelay},
	{reason: "the refusal only warns", edit: relaying("warn_if_reject reject_unauth_destination, check_recipient_access inline:{example.com=OK}"), caught: openRelay},
	{reason: "a list of clients opens it", edit: relaying("check_client_access inline:{127.0.0.1=OK}"), caught: openRelay},
	{reason: "a name in EHLO opens it", edit: relaying("check_helo_access inline:{plpb.example.com=OK}"), caught: openRelay},
	{reason: "a sender opens it", edit: relaying("check_sender_access inline:{example.org=OK}"), caught: openRelay},
	{reason: "a sender of our own opens it", edit: relaying("check_sender_access inline:{new.example.com=OK}"), vars: []string{"sender=james@new.example.com"}, caught: openRelay},
	{reason: "a list of recipients opens it", edit: relaying("check_recipient_access inline:{example.com=OK}"), caught: openRelay},
	{reason: "every domain is one to relay for", edit: setting("relay_domains", "static:all"), caught: openRelay},
	{reason: "the domain elsewhere is one to relay for", edit: setting("relay_domains", "example.com"), caught: openRelay},
	{reason: "the old way, with the order of the old way", edit: both(setting("smtpd_relay_restrictions", ""), setting("smtpd_recipient_restrictions", "check_sender_access inline:{example.org=OK}, reject_unauth_destination")), caught: openRelay},
	{reason: "the domain elsewhere is taken for the server's own", edit: both(setting("mydestination", "$myhostname, example.com"), setting("local_recipient_maps", "")), caught: openRelay},
	{reason: "the domain elsewhere is hosted here", edit: setting("virtual_mailbox_domains", "new.example.com, example.com"), caught: takenForOurs},
	{reason: "the domain elsewhere has aliases here", edit: setting("virtual_alias_domains", "example.com"), caught: takenForOurs},

	// The same by the routes of old, where the server passes mail on to another.
	{reason: "the %-hack", edit: backup, vars: []string{"unknown=james%example.com@backup.example.com"}, caught: openRelay},
	{reason: "a bang path", edit: backup, vars: []string{"unknown=example.com!james@backup.example.com"}, caught: openRelay},
	{reason: "a quoted address", edit: backup, vars: []string{`unknown="james@example.com"@backup.example.com`}, caught: openRelay},
	{reason: "an address with two @", edit: backup, vars: []string{"unknown=james@example.com@backup.example.com"}, caught: openRelay},
	{reason: "a source route", edit: both(backup, setting("relay_domains", "example.com")), vars: []string{"unknown=@backup.example.com:james@example.com"}, caught: openRelay},
	{reason: "a domain without its dot", edit: setting("relay_domains", "example.com"), vars: []string{"unknown=james@EXAMPLE.COM."}, caught: openRelay},

	// And as the runbook tries them by itself.
	{reason: "whoever says he is one of us relays", edit: relaying("check_sender_access inline:{new.example.com=OK}"), caught: otherWays},
	{reason: "nobody's mail is relayed", edit: relaying("check_sender_access inline:{<>=OK}"), caught: otherWays},
	{reason: "the routes of old lead through the hosted domain", edit: both(setting("virtual_mailbox_domains", ""), setting("relay_domains", "new.example.com"), setting("allow_untrusted_routing", "yes")), caught: otherWays},

	{reason: "relaying is refused for now only", edit: setting("smtpd_relay_restrictions", "permit_mynetworks, permit_sasl_authenticated, defer_unauth_destination"), caught: []catch{
		{"relay-refused-from-outside.lua", "expect{ relay_refusal", "Postfix refuses to relay by its own default (defer_unauth_destination"}}},
	{reason: "relaying is refused with a code for now", edit: setting("relay_domains_reject_code", "450"), caught: []catch{
		{"relay-refused-from-outside.lua", "expect{ relay_refusal", "got 450 4.7.1"}}},
	{reason: "every refusal is for now only", edit: setting("soft_bounce", "yes"), caught: []catch{
		{"relay-refused-from-outside.lua", "expect{ relay_refusal", "got 454 4.7.1"},
		{"unknown-user-refused.lua", `expect{ "550 5.1.1"`, "got 450 4.1.1"},
		{"submission-needs-login.lua", "expect_refusal{", "got 4"},
		{"auth-plain.lua", `auth("PLAIN", user, "wrong-"`, "got 435 4.7.8"}}},
	{reason: "relaying is refused with another code", edit: setting("relay_domains_reject_code", "550"), caught: []catch{
		{"relay-refused-from-outside.lua", "expect{ relay_refusal", "got 550 5.7.1"}}},

	{reason: "localhost is a stranger", edit: at("local", "mynetworks="), caught: []catch{
		{"relay-from-localhost.lua", `expect{ "250 2.1.5"`, "mynetworks"}}},
	{reason: "localhost is another network", edit: at("local", "mynetworks=192.0.2.0/24"), caught: []catch{
		{"relay-from-localhost.lua", `expect{ "250 2.1.5"`, "mynetworks"}}},
	{reason: "localhost is of IPv6 alone", edit: at("local", "mynetworks=[::1]/128"), caught: []catch{
		{"relay-from-localhost.lua", `expect{ "250 2.1.5"`, "mynetworks"}}},
	{reason: "the networks of our own are not asked for", edit: at("local", "smtpd_relay_restrictions=permit_sasl_authenticated, reject_unauth_destination"), caught: []catch{
		{"relay-from-localhost.lua", `expect{ "250 2.1.5"`, "mynetworks"}}},
	{reason: "localhost may relay, for now not", edit: at("local", "smtpd_relay_restrictions=defer_unauth_destination, permit_mynetworks"), caught: []catch{
		{"relay-from-localhost.lua", `expect{ "250 2.1.5"`, "got 454 4.7.1"}}},
	{reason: "localhost may send as somebody who is hosted here alone", edit: at("local", "smtpd_sender_restrictions=check_sender_access inline:{new.example.com=OK}, reject"), caught: []catch{
		{"relay-from-localhost.lua", `expect{ "250 2.1.5"`, "sender"}}},
	{reason: "users may not relay", edit: users("smtpd_relay_restrictions=reject_unauth_destination"), caught: []catch{
		{"auth-plain.lua", "rcpt(unknown", "relay"},
		{"auth-login.lua", "mail(sender); rcpt(unknown)", "relay"},
		{"auth-login.lua", `send("rcpt to:<"`, "relay"},
		{"starttls-auth-plain.lua", `send("rcpt to:<"`, "relay"},
		{"tls-from-first-byte.lua", `send("rcpt to:<"`, "relay"}}},
	{reason: "users may send as themselves alone", edit: users("smtpd_sender_login_maps=inline:{james@example.org=jane@new.example.com}", "smtpd_sender_restrictions=reject_sender_login_mismatch"), caught: []catch{
		{"auth-plain.lua", "rcpt(unknown", "login"}}},

	// Recipients.
	{reason: "everything is refused on port 25", edit: at("smtp", "smtpd_client_restrictions=reject"), caught: []catch{
		{"known-recipient-accepted.lua", `expect{ "250 2.1.5"`, "client"},
		{"relay-refused-from-outside.lua", `expect{ "250 2.1.5"`, "client"},
		{"unknown-user-refused.lua", `expect{ "550 5.1.1"`, "client"},
		{"encryption-of-each-port.lua", "rcpt(known)", "client"}}},
	{reason: "everything is refused as soon as it connects", edit: at("smtp", "smtpd_client_restrictions=reject", "smtpd_delay_reject=no"), caught: []catch{
		{"known-recipient-accepted.lua", "expect 220", "expected 220, got 554 5.7.1"},
		{"relay-refused-from-outside.lua", "expect 220", "expected 220, got 554 5.7.1"},
		{"unknown-user-refused.lua", "expect 220", "expected 220, got 554 5.7.1"},
		{"ehlo-offers.lua", `connect "smtp"; ehlo(helo)`, "554 5.7.1"},
		{"certificate.lua", `connect "smtp"; ehlo(helo); starttls(unjudged)`, "554 5.7.1"}}},
	{reason: "every EHLO is refused", edit: at("smtp", "smtpd_helo_restrictions=reject"), caught: []catch{
		{"known-recipient-accepted.lua", `expect{ "250 2.1.5"`, "EHLO"},
		{"relay-refused-from-outside.lua", `expect{ "250 2.1.5"`, "EHLO"}}},
	{reason: "every sender is refused", edit: at("smtp", "smtpd_sender_restrictions=reject"), caught: []catch{
		{"known-recipient-accepted.lua", `expect{ "250 2.1.5"`, "sender"},
		{"unknown-user-refused.lua", `expect{ "550 5.1.1"`, "sender"}}},
	{reason: "every sender is refused at MAIL", edit: at("smtp", "smtpd_sender_restrictions=reject", "smtpd_delay_reject=no"), caught: []catch{
		{"known-recipient-accepted.lua", `send("mail from:<"`, "554 5.7.1"},
		{"relay-refused-from-outside.lua", `send("mail from:<"`, "554 5.7.1"},
		{"unknown-user-refused.lua", `send("mail from:<"`, "554 5.7.1"},
		{"encryption-of-each-port.lua", "mail(sender)", "554 5.7.1"}}},
	{reason: "every recipient is refused", edit: at("smtp", "smtpd_recipient_restrictions=reject"), caught: []catch{
		{"known-recipient-accepted.lua", `expect{ "250 2.1.5"`, ""},
		{"relay-refused-from-outside.lua", `expect{ "250 2.1.5"`, ""},
		{"unknown-user-refused.lua", `expect{ "550 5.1.1"`, ""}}},
	{reason: "our name in EHLO is refused", edit: at("smtp", "smtpd_helo_restrictions=check_helo_access inline:{plpb.example.com=REJECT}"), caught: []catch{
		{"known-recipient-accepted.lua", `expect{ "250 2.1.5"`, "EHLO"}}},
	{reason: "our address is on a list", edit: at("smtp", "smtpd_client_restrictions=check_client_access inline:{127.0.0.1=REJECT}"), caught: []catch{
		{"known-recipient-accepted.lua", `expect{ "250 2.1.5"`, "client"}}},
	{reason: "everything is refused on localhost", edit: at("local", "smtpd_client_restrictions=reject"), caught: []catch{
		{"relay-from-localhost.lua", `expect{ "250 2.1.5"`, "client"},
		{"encryption-of-each-port.lua", "rcpt(known)", "client"}}},
	{reason: "the domain is not hosted", edit: func(o *lab.Options) { o.Mailboxes = []string{"james@other.example.com"} }, caught: []catch{
		{"known-recipient-accepted.lua", `expect{ "250 2.1.5"`, "not hosted here"},
		{"relay-refused-from-outside.lua", `expect{ "250 2.1.5"`, "not hosted here"},
		{"encryption-of-each-port.lua", "rcpt(known)", "not hosted here"},
		{"unknown-user-refused.lua", `expect{ "550 5.1.1"`, "got 554 5.7.1"}}},
	{reason: "the mailbox is missing", edit: func(o *lab.Options) { o.Mailboxes = []string{"jane@new.example.com"} }, caught: []catch{
		{"known-recipient-accepted.lua", `expect{ "250 2.1.5"`, "no such mailbox"},
		{"relay-refused-from-outside.lua", `expect{ "250 2.1.5"`, "no such mailbox"},
		{"encryption-of-each-port.lua", "rcpt(known)", "no such mailbox"}}},
	{reason: "the table of mailboxes is gone", edit: setting("virtual_mailbox_maps", "texthash:$dir/extra/gone"), caught: []catch{
		{"known-recipient-accepted.lua", `expect{ "250 2.1.5"`, "got 451 4.3.0"},
		{"unknown-user-refused.lua", `expect{ "550 5.1.1"`, "got 451 4.3.0"}}},
	{reason: "the table of domains is gone", edit: setting("virtual_mailbox_domains", "texthash:$dir/extra/gone"), caught: []catch{
		{"known-recipient-accepted.lua", `expect{ "250 2.1.5"`, "got 451 4.3.0"},
		{"relay-refused-from-outside.lua", "expect{ relay_refusal", "got 451 4.3.0"}}},
	{reason: "any user is taken", edit: setting("virtual_mailbox_maps", "static:all/"), caught: []catch{
		{"unknown-user-refused.lua", `expect{ "550 5.1.1"`, "bounce"}}},
	{reason: "an alias takes any user", edit: setting("virtual_alias_maps", "inline:{@new.example.com=james@new.example.com}"), caught: []catch{
		{"unknown-user-refused.lua", `expect{ "550 5.1.1"`, "bounce"}}},
	{reason: "recipients are not looked up", edit: setting("smtpd_reject_unlisted_recipient", "no"), caught: []catch{
		{"unknown-user-refused.lua", `expect{ "550 5.1.1"`, "bounce"}}},
	{reason: "the domain is one to relay for, its users unknown", edit: both(setting("virtual_mailbox_domains", ""), setting("relay_domains", "new.example.com")), caught: []catch{
		{"unknown-user-refused.lua", `expect{ "550 5.1.1"`, "bounce"}}},
	{reason: "an unknown user is refused for now only", edit: setting("unknown_virtual_mailbox_reject_code", "450"), caught: []catch{
		{"unknown-user-refused.lua", `expect{ "550 5.1.1"`, "for now only"}}},
	{reason: "a policy service is down", edit: both(setting("smtpd_recipient_restrictions", "check_policy_service "+nowhere), setting("smtpd_policy_service_try_limit", "1")), caught: []catch{
		{"known-recipient-accepted.lua", `expect{ "250 2.1.5"`, "got 451 4.3.5"}}},
	{reason: "a restriction that there is not", edit: setting("smtpd_recipient_restrictions", "reject_nonsense"), caught: []catch{
		{"known-recipient-accepted.lua", `expect{ "250 2.1.5"`, "got 451 4.3.5"}}},

	// Filters.
	{reason: "a milter is down", edit: both(setting("smtpd_milters", nowhere), setting("milter_default_action", "tempfail")), caught: []catch{
		{"known-recipient-accepted.lua", `send("mail from:<"`, "451 4.7.1"},
		{"relay-refused-from-outside.lua", `send("mail from:<"`, "451 4.7.1"},
		{"relay-from-localhost.lua", `send("mail from:<"`, "451 4.7.1"},
		{"unknown-user-refused.lua", `send("mail from:<"`, "451 4.7.1"},
		{"auth-plain.lua", `test("the right password is accepted"⏎connect "submission"`, "454 4.3.0"}}},
	{reason: "a milter is down, and all is refused", edit: both(setting("smtpd_milters", nowhere), setting("milter_default_action", "reject")), caught: []catch{
		{"known-recipient-accepted.lua", "expect 220", "554"},
		{"unknown-user-refused.lua", "expect 220", "554"},
		{"relay-from-localhost.lua", "expect 220", "554"},
		{"submission-needs-login.lua", `requires{ target = "submissions" }⏎connect "submissions"; ehlo(helo)`, "554"}}},
	{reason: "the server's processes die", edit: setting("smtpd_relay_restrictions", "permit, reject_unauth_destination"), mute: true, caught: []catch{
		{"known-recipient-accepted.lua", "expect 220", "no reply within 1s"}}},

	// The message itself.
	{reason: "DATA is refused", edit: setting("smtpd_data_restrictions", "reject"), vars: []string{"send=yes"}, caught: []catch{
		{"known-recipient-accepted.lua", `send "data"; expect 354`, "554 5.7.1"},
		{"relay-from-localhost.lua", `send "data"; expect 354`, "554 5.7.1"},
		{"auth-login.lua", `send "data"; expect 354`, "554 5.7.1"},
		{"starttls-auth-plain.lua", `send "data"; expect 354`, "554 5.7.1"},
		{"tls-from-first-byte.lua", `send "data"; expect 354`, "554 5.7.1"}}},
	{reason: "the message is refused", edit: setting("smtpd_end_of_data_restrictions", "reject"), vars: []string{"send=yes"}, caught: []catch{
		{"known-recipient-accepted.lua", ".]]⏎expect 250", "554 5.7.1"},
		{"relay-from-localhost.lua", ".]]⏎expect 250", "554 5.7.1"},
		{"auth-login.lua", ".]]⏎expect 250", "554 5.7.1"},
		{"starttls-auth-plain.lua", ".]]⏎expect 250", "554 5.7.1"},
		{"tls-from-first-byte.lua", ".]]⏎expect 250", "554 5.7.1"}}},
	{reason: "the message is too big for a limit", edit: setting("message_size_limit", "100"), vars: []string{"send=yes"}, caught: []catch{
		{"known-recipient-accepted.lua", ".]]⏎expect 250", "552 5.3.4"}}},
	{reason: "the text of the message is refused", edit: both(setting("body_checks", "regexp:$dir/extra/body")), files: map[string]string{"extra/body": "/test message/ REJECT spam\n"}, vars: []string{"send=yes"}, caught: []catch{
		{"known-recipient-accepted.lua", ".]]⏎expect 250", "550 5.7.1"}}},
	{reason: "the disk is full", edit: setting("queue_minfree", "9000000000000000"), caught: []catch{
		{"known-recipient-accepted.lua", `send("mail from:<"`, "452 4.3.1"},
		{"relay-from-localhost.lua", `send("mail from:<"`, "452 4.3.1"},
		{"auth-plain.lua", "⏎mail(sender)", "452 4.3.1"}}},

	// Logins.
	{reason: "AUTH in clear text for users", edit: at("submission", "smtpd_tls_auth_only=no", "smtpd_tls_security_level=may"), caught: []catch{
		{"auth-refused-in-clear.lua", "expect(refusals)", "smtpd_tls_auth_only=yes"},
		{"ehlo-offers.lua", `expect_no_capability "AUTH"`, ""},
		{"encryption-of-each-port.lua", `expect_no_capability "AUTH"`, ""}}},
	{reason: "AUTH in clear text, for there is no TLS", edit: at("submission", "smtpd_tls_auth_only=no", "smtpd_tls_security_level=none"), caught: []catch{
		{"auth-refused-in-clear.lua", "expect(refusals)", "smtpd_tls_auth_only=yes"},
		{"ehlo-offers.lua", `connect "submission"; ehlo(helo)⏎expect_capability "STARTTLS"`, ""},
		{"encryption-of-each-port.lua", `expect_no_capability "AUTH"`, ""}}},
	{reason: "the passwords cannot be checked", edit: setting("smtpd_sasl_path", "elsewhere"), caught: []catch{
		{"auth-plain.lua", `auth("PLAIN", user, password`, "SASL backend"},
		{"auth-login.lua", `auth("LOGIN", user, password`, "got 454 4.7.0"},
		{"starttls-auth-plain.lua", `send("AUTH PLAIN "`, "SASL backend"}}},
	{reason: "the file of passwords is missing", edit: otherSASL,
		files: sasl("pwcheck_method: auxprop", "auxprop_plugin: sasldb", "sasldb_path: $dir/extra/gone", "mech_list: PLAIN LOGIN"), caught: usersLost("")},
	{reason: "the file of passwords cannot be read", edit: otherSASL,
		files:  withFile(sasl("pwcheck_method: auxprop", "auxprop_plugin: sasldb", "sasldb_path: $dir/extra/sasldb2", "mech_list: PLAIN LOGIN"), "extra/sasldb2", unreadable),
		caught: usersLost("")},
	{reason: "the passwords are asked of a plugin that there is not", edit: otherSASL,
		files: sasl("pwcheck_method: auxprop", "auxprop_plugin: sql", "mech_list: PLAIN LOGIN"), caught: usersLost("")},
	{reason: "the passwords are asked of a saslauthd that does not run", edit: otherSASL,
		files: sasl("pwcheck_method: saslauthd", "saslauthd_path: $dir/extra/mux", "mech_list: PLAIN LOGIN"), caught: usersLost("")},
	{reason: "the passwords are asked of a Dovecot that does not run", edit: both(setting("smtpd_sasl_type", "dovecot"), setting("smtpd_sasl_path", "nowhere")), caught: []catch{
		{"auth-plain.lua", `test("the right password is accepted"⏎connect "submission"`, ""}}},
	{reason: "a mechanism is offered, and the passwords for it are not there", edit: otherSASL,
		files: sasl("pwcheck_method: auxprop", "auxprop_plugin: sasldb", "sasldb_path: $dir/extra/gone", "mech_list: PLAIN SCRAM-SHA-256"), caught: []catch{
			{"auth-mechanisms.lua", "auth{ m, user, password", "the server offers SCRAM-SHA-256"},
			{"auth-mechanisms.lua", "auth{ m, user, password", "user or password is wrong for this mechanism"}}},
	{reason: "the user is missing", edit: func(o *lab.Options) { o.Users = map[string]string{"jane@new.example.com": lab.Password} }, caught: usersLost("user or password is wrong")},
	{reason: "the user is of another realm", edit: func(o *lab.Options) { o.Users = map[string]string{"james@maila.example.com": lab.Password} }, caught: usersLost("user or password is wrong")},
	{reason: "the user has another password", edit: func(o *lab.Options) { o.Users = map[string]string{lab.User: "another"} }, caught: usersLost("user or password is wrong")},
	{reason: "PLAIN is lost", edit: setting("smtpd_sasl_mechanism_filter", "!plain, static:rest"), caught: []catch{
		{"auth-plain.lua", `auth("PLAIN", user, password`, "not offered"},
		{"ehlo-offers.lua", `expect_capability("AUTH", "PLAIN")`, ""},
		{"starttls-auth-plain.lua", `expect_capability("AUTH", "PLAIN")`, ""},
		{"tls-from-first-byte.lua", `expect_capability("AUTH", "PLAIN")`, ""}}},
	{reason: "LOGIN is lost", edit: setting("smtpd_sasl_mechanism_filter", "!login, static:rest"), caught: []catch{
		{"auth-login.lua", `auth("LOGIN", user, password`, "not offered"},
		{"auth-login.lua", `expect_capability("AUTH", "LOGIN")`, ""},
		{"ehlo-offers.lua", `expect_capability("AUTH", "LOGIN")`, ""}}},
	{reason: "the mechanisms are others", edit: otherSASL,
		files: sasl("pwcheck_method: auxprop", "auxprop_plugin: sasldb", "sasldb_path: $dir/etc/sasl/sasldb2", "mech_list: CRAM-MD5 DIGEST-MD5"), caught: noPlain},
	{reason: "LOGIN alone is left", edit: otherSASL,
		files: sasl("pwcheck_method: auxprop", "auxprop_plugin: sasldb", "sasldb_path: $dir/etc/sasl/sasldb2", "mech_list: LOGIN"), caught: []catch{
			{"ehlo-offers.lua", `expect_capability("AUTH", "PLAIN")`, ""},
			{"tls-from-first-byte.lua", `expect_capability("AUTH", "PLAIN")`, ""}}},
	{reason: "passwords may not go over the wire at all", edit: both(setting("smtpd_sasl_security_options", "noanonymous, noplaintext"), otherSASL),
		files: sasl("pwcheck_method: auxprop", "auxprop_plugin: sasldb", "sasldb_path: $dir/etc/sasl/sasldb2"), caught: noPlain},
	{reason: "no mechanism is left", edit: setting("smtpd_sasl_security_options", "noanonymous, noplaintext"), caught: []catch{
		{"tls-from-first-byte.lua", "expect 220", ""}}},
	{reason: "nobody can log in", edit: setting("smtpd_sasl_auth_enable", "no"), caught: noLogins},
	{reason: "AUTH is hidden from our network", edit: setting("smtpd_sasl_exceptions_networks", "127.0.0.0/8"), caught: noLogins},
	{reason: "AUTH is hidden", edit: setting("smtpd_discard_ehlo_keywords", "auth"), caught: noLogins},

	// Logins in clear text, where they are allowed for a test.
	{reason: "no user in clear text either", edit: both(clear, func(o *lab.Options) { o.Users = map[string]string{"jane@new.example.com": lab.Password} }), caught: []catch{
		{"auth-plain-in-clear.lua", `local answer = expect{ "235 2.7.0"`, ""},
		{"auth-login-in-clear.lua", "send(base64.encode(password))", "user or password is wrong"}}},
	{reason: "the passwords cannot be checked in clear text either", edit: both(clear, setting("smtpd_sasl_path", "elsewhere")), caught: []catch{
		{"auth-plain-in-clear.lua", `local answer = expect{ "235 2.7.0"`, "SASL backend"},
		{"auth-login-in-clear.lua", "send(base64.encode(password))", "SASL backend"}}},
	{reason: "who logs in in clear text may not relay", edit: both(clear, at("smtp", "smtpd_relay_restrictions=reject_unauth_destination")), caught: []catch{
		{"auth-plain-in-clear.lua", `send("rcpt to:<"`, "relay"},
		{"auth-login-in-clear.lua", `send("rcpt to:<"`, "relay"}}},
	{reason: "the message of who logs in in clear text is refused", edit: both(clear, at("smtp", "smtpd_end_of_data_restrictions=reject")), vars: []string{"send=yes"}, caught: []catch{
		{"auth-plain-in-clear.lua", ".]]⏎expect 250", "554 5.7.1"},
		{"auth-login-in-clear.lua", ".]]⏎expect 250", "554 5.7.1"}}},

	// The submission service.
	{reason: "submission is open to all", edit: at("submission", open...), caught: []catch{
		{"submission-needs-login.lua", "expect_refusal{", "nothing was refused"},
		{"auth-plain.lua", "expect_refusal{", "nothing was refused"}}},
	{reason: "submissions is open to all", edit: at("submissions", open...), caught: []catch{
		{"submission-needs-login.lua", "expect_refusal{", "nothing was refused"}}},
	{reason: "our own networks need not log in", edit: users("mynetworks=127.0.0.0/8", "smtpd_client_restrictions=permit_mynetworks, permit_sasl_authenticated, reject", "smtpd_relay_restrictions=permit_mynetworks, permit_sasl_authenticated, reject"), caught: []catch{
		{"submission-needs-login.lua", "expect_refusal{", "nothing was refused"},
		{"auth-plain.lua", "expect_refusal{", "nothing was refused"}}},
	{reason: "a sender need not log in", edit: users("smtpd_client_restrictions=", "smtpd_relay_restrictions=permit_sasl_authenticated, check_sender_access inline:{example.org=OK}, reject"), caught: []catch{
		{"submission-needs-login.lua", "expect_refusal{", "nothing was refused"}}},
	{reason: "who does not log in is refused for now only", edit: users("smtpd_client_restrictions=permit_sasl_authenticated, defer"), caught: []catch{
		{"submission-needs-login.lua", "expect_refusal{", "got 450 4.3.2"}}},
	{reason: "submission takes mail in clear text", edit: at("submission", append(open, "smtpd_tls_security_level=may")...), caught: []catch{
		{"submission-needs-login.lua", "expect_refusal{", "nothing was refused"},
		{"encryption-of-each-port.lua", "expect_refusal{", "nothing was refused"}}},
	{reason: "submission takes nobody", edit: at("submission", "smtpd_client_restrictions=reject"), caught: []catch{
		{"auth-plain.lua", "rcpt(unknown", "client"},
		{"auth-login.lua", "mail(sender); rcpt(unknown)", "client"},
		{"starttls-auth-plain.lua", `send("rcpt to:<"`, "client"}}},
	{reason: "submissions takes nobody", edit: at("submissions", "smtpd_client_restrictions=reject"), caught: []catch{
		{"tls-from-first-byte.lua", `send("rcpt to:<"`, "client"}}},
	{reason: "users are refused before they can log in", edit: users("smtpd_delay_reject=no"), caught: []catch{
		{"auth-plain.lua", `test("the right password is accepted"⏎connect "submission"`, "554 5.7.1"},
		{"starttls-auth-plain.lua", "local function encrypt()⏎expect 220", "554 5.7.1"},
		{"tls-from-first-byte.lua", "expect 220", "554 5.7.1"},
		{"encryption-of-each-port.lua", `connect "submissions"`, "554 5.7.1"}}},

	// STARTTLS.
	{reason: "STARTTLS is hidden on port 25", edit: at("smtp", "smtpd_discard_ehlo_keywords=starttls"), caught: []catch{
		{"ehlo-offers.lua", `connect "smtp"; ehlo(helo)⏎expect_capability "STARTTLS"`, ""},
		{"encryption-of-each-port.lua", `takes_mail()⏎expect_capability "STARTTLS"`, ""},
		{"starttls-auth-plain.lua", `expect_capability "STARTTLS"`, ""}}},
	{reason: "STARTTLS is hidden for users", edit: at("submission", "smtpd_discard_ehlo_keywords=starttls"), caught: []catch{
		{"ehlo-offers.lua", `connect "submission"; ehlo(helo)⏎expect_capability "STARTTLS"`, ""},
		{"starttls-auth-plain.lua", `expect_capability "STARTTLS"`, ""}}},
	{reason: "TLS is off", edit: setting("smtpd_tls_security_level", "none"), caught: []catch{
		{"ehlo-offers.lua", `connect "smtp"; ehlo(helo)⏎expect_capability "STARTTLS"`, ""},
		{"encryption-of-each-port.lua", `takes_mail()⏎expect_capability "STARTTLS"`, ""},
		{"starttls-auth-plain.lua", `expect_capability "STARTTLS"`, ""},
		{"certificate.lua", `connect "smtp"; ehlo(helo); starttls(unjudged)`, "no TLS"}}},
	{reason: "TLS is off for users", edit: at("submission", "smtpd_tls_security_level=none"), caught: []catch{
		{"ehlo-offers.lua", `connect "submission"; ehlo(helo)⏎expect_capability "STARTTLS"`, ""},
		{"auth-plain.lua", `test("the right password is accepted"⏎connect "submission"`, ""}}},
	{reason: "TLS is demanded on port 25", edit: at("smtp", "smtpd_tls_security_level=encrypt"), caught: []catch{
		{"known-recipient-accepted.lua", `send("mail from:<"`, "starttls()"},
		{"relay-refused-from-outside.lua", `send("mail from:<"`, "starttls()"},
		{"unknown-user-refused.lua", `send("mail from:<"`, "starttls()"},
		{"encryption-of-each-port.lua", "mail(sender)", "starttls()"}}},
	{reason: "TLS is demanded of localhost", edit: at("local", "smtpd_tls_security_level=encrypt"), caught: []catch{
		{"relay-from-localhost.lua", `send("mail from:<"`, "starttls()"},
		{"encryption-of-each-port.lua", "mail(sender)", "starttls()"}}},
	{reason: "submissions begins in clear text", edit: at("submissions", "smtpd_tls_wrappermode=no"), caught: []catch{
		{"tls-from-first-byte.lua", `connect "submissions"`, "clear text"},
		{"ehlo-offers.lua", `connect "submissions"; ehlo(helo)`, "clear text"},
		{"submission-needs-login.lua", `connect "submissions"; ehlo(helo)`, "clear text"},
		{"certificate.lua", `connect("submissions", unjudged)`, "clear text"},
		{"encryption-of-each-port.lua", `connect "submissions"`, "clear text"}}},
	{reason: "submission begins with TLS", edit: at("submission", "smtpd_tls_wrappermode=yes"), mute: true, caught: []catch{
		{"auth-refused-in-clear.lua", `connect "submission"; ehlo(helo)`, "TLS"},
		{"starttls-auth-plain.lua", "local function encrypt()⏎expect 220", "TLS"},
		{"encryption-of-each-port.lua", `connect "submission"; ehlo(helo)`, "TLS"}}},
	{reason: "the key is gone", edit: setting("smtpd_tls_chain_files", "$dir/extra/gone.pem"), caught: []catch{
		{"ehlo-offers.lua", `connect "smtp"; ehlo(helo)⏎⏎⏎starttls(); ehlo(helo)`, "has no certificate"},
		{"certificate.lua", `connect("submissions", unjudged)`, "has no certificate"},
		{"starttls-auth-plain.lua", "handshake()", "has no certificate"}}},
	{reason: "the server wants a certificate of the client", edit: users("smtpd_tls_req_ccert=yes"), caught: []catch{
		{"starttls-auth-plain.lua", "handshake()⏎send(\"ehlo \"", "certificate"},
		{"tls-from-first-byte.lua", "expect 220", "certificate"}}},
	{reason: "TLS is of 1999", edit: both(setting("smtpd_tls_protocols", "TLSv1"), setting("smtpd_tls_mandatory_protocols", "TLSv1")), caught: []catch{
		{"starttls-auth-plain.lua", "handshake()", ""},
		{"certificate.lua", `connect "smtp"; ehlo(helo); starttls(unjudged)`, ""},
		{"tls-from-first-byte.lua", `connect "submissions"`, ""}}},
	{reason: "the ciphers are none that anybody has", edit: both(setting("smtpd_tls_mandatory_protocols", "TLSv1.2"), setting("smtpd_tls_protocols", "TLSv1.2"),
		setting("tls_medium_cipherlist", "PSK-AES128-CBC-SHA256")), caught: []catch{
		{"starttls-auth-plain.lua", "handshake()", ""}}},

	// Extensions, and what stands before a server and reads along.
	{reason: "a firewall drops the size", edit: filtered, files: filter(`/^(MAIL FROM:<[^>]*>) SIZE=[0-9]+/ $1`), caught: []catch{
		{"size-limit.lua", "size = limit + 1,", "expected 552, got 250"}}},
	{reason: "a firewall knows no size", edit: filtered, files: filter(`/^(MAIL FROM:<[^>]*>) SIZE=[0-9]+/ $1 X=Y`), caught: []catch{
		{"size-limit.lua", "size = limit + 1,", "expected 552, got 555"},
		{"size-limit.lua", "mail(sender, { size = limit })", "expected 2xx, got 555"}}},
	{reason: "a firewall drops orders for reports", edit: filtered, files: filter(`/^(MAIL FROM:<[^>]*>) (RET|ENVID)=/ $1`, `/^(RCPT TO:<[^>]*>) (NOTIFY|ORCPT)=/ $1`), caught: []catch{
		{"delivery-reports.lua", "RET=NOTHING", "what is not refused was not read"},
		{"delivery-reports.lua", "NOTIFY=NEVER,SUCCESS", "what is not refused was not read"}}},
	{reason: "a firewall refuses orders for reports", edit: filtered, files: filter(`/^(RCPT TO:<[^>]*>) (NOTIFY|ORCPT)=/ $1 X=Y`), caught: []catch{
		{"delivery-reports.lua", "rcpt(known, { notify", "expected 2xx, got 555"}}},
	{reason: "reports may not be ordered, though they are offered", edit: filtered, files: filter(`/^(MAIL FROM:<[^>]*>) (RET|ENVID)=/ $1 X=Y`), caught: []catch{
		{"delivery-reports.lua", `mail(sender, { ret`, "expected 2xx, got 555"}}},
	{reason: "senders outside ASCII are refused", edit: setting("smtpd_sender_restrictions", "check_sender_access regexp:$dir/extra/senders"), files: map[string]string{"extra/senders": "/[^ -~]/ REJECT what is that\n"}, caught: []catch{
		{"smtputf8.lua", "rcpt(known", "sender"}}},
	{reason: "SMTPUTF8 without 8BITMIME", edit: setting("smtpd_discard_ehlo_keywords", "8bitmime"), caught: []catch{
		{"smtputf8.lua", `expect_capability "8BITMIME"`, "8BITMIME"}}},
	{reason: "SMTPUTF8 is offered and not known", edit: filtered, files: filter(`/^(MAIL FROM:<[^>]*>) SMTPUTF8/ $1 X=Y`), caught: []catch{
		{"smtputf8.lua", "mail(sender", "expected 2xx, got 555"}}},

	// The certificate.
	{reason: "the certificate is for another name", edit: showing(lab.Certificate{Names: []string{"mail.example.net"}}), caught: []catch{
		{"certificate.lua", "expect_certificate{", "falls short in name"},
		{"starttls-auth-plain.lua", "handshake()", "--tls-name"},
		{"tls-from-first-byte.lua", `connect "submissions"`, "--tls-name"}}},
	{reason: "the certificate is for a name above", edit: showing(lab.Certificate{Names: []string{"example.com", "*.maila.example.com"}}), caught: []catch{
		{"certificate.lua", "expect_certificate{", "falls short in name"}}},
	{reason: "the certificate is for no name", edit: showing(lab.Certificate{Names: []string{}}), caught: []catch{
		{"certificate.lua", "expect_certificate{", "falls short in name"}}},
	{reason: "the certificate has expired", edit: showing(lab.Certificate{NotAfter: time.Now().Add(-day)}), caught: []catch{
		{"certificate.lua", "expect_certificate{", "falls short in trusted, min_days_left"},
		{"auth-plain.lua", `test("the right password is accepted"⏎connect "submission"`, "renewed"},
		{"starttls-auth-plain.lua", "handshake()", "renewed"}}},
	{reason: "one port was left out at the renewal", edit: at("submissions", "smtpd_tls_chain_files=$dir/extra/old.pem"), files: map[string]string{"extra/old.pem": expiredPEM()}, caught: []catch{
		{"certificate.lua", "expect_certificate{", "falls short in trusted, min_days_left"},
		{"tls-from-first-byte.lua", `connect "submissions"`, "renewed"}}},
	{reason: "submissions has a file of its own", edit: at("submissions", "smtpd_tls_chain_files=$dir/extra/other.pem"), files: map[string]string{"extra/other.pem": goodPEM()}, vars: []string{"certificate_file=$dir/tls/cert.pem"}, caught: []catch{
		{"one-certificate-on-all-ports.lua", `told("submissions", here, "smtp", there))`, "submissions shows another certificate than smtp: CN=maila.example.com, serial "},
		{"one-certificate-on-all-ports.lua", `told("submissions", here, "submission", there))`, "submissions shows another certificate than submission: CN=maila.example.com, serial "},
		{"certificate-on-disk.lua", "expect_certificate{", "falls short in file"}}},
	{reason: "port 25 was left out at the renewal", edit: at("smtp", "smtpd_tls_chain_files=$dir/extra/old.pem"), files: map[string]string{"extra/old.pem": expiredPEM()}, vars: []string{"certificate_file=$dir/tls/cert.pem"}, caught: []catch{
		{"one-certificate-on-all-ports.lua", `told("submission", here, "smtp", there))`, "submission shows another certificate than smtp"},
		{"one-certificate-on-all-ports.lua", `told("submissions", here, "smtp", there))`, "submissions shows another certificate than smtp"},
		{"certificate-on-disk.lua", "expect_certificate{", "falls short in file"}}},
	{reason: "a name has no certificate of its own", edit: showing(lab.Certificate{Names: []string{lab.Hostname}}), vars: []string{"certificate_names=maila.example.com plpb.example.com"}, caught: []catch{
		{"certificate-for-each-name.lua", "expect_certificate{", "falls short in name"}}},
	{reason: "a name gets the certificate of another", edit: setting("tls_server_sni_maps", "inline:{maila.example.com=$dir/extra/other.pem}"), files: map[string]string{"extra/other.pem": pemFor("mail.example.net")}, caught: []catch{
		{"certificate-for-each-name.lua", "expect_certificate{", "falls short in name, trusted"}}},
	{reason: "a name gets the certificate of another on one port", edit: at("submission", "tls_server_sni_maps=inline:{maila.example.com=$dir/extra/other.pem}"), files: map[string]string{"extra/other.pem": pemFor("mail.example.net")}, caught: []catch{
		{"certificate-for-each-name.lua", "expect_certificate{", "falls short in name, trusted"},
		{"one-certificate-on-all-ports.lua", `told("submission", here, "smtp", there))`, "submission shows another certificate than smtp: CN=mail.example.net, serial "}}},
	{reason: "DNS announces another certificate", zone: []string{"_25._tcp.maila.example.com. 300 IN TLSA 3 1 1 " + strings.Repeat("ab", 32)}, edit: showing(lab.Certificate{}), caught: []catch{
		{"dane.lua", "expect_certificate{", "falls short in tlsa"}}},
	{reason: "DNS announces no certificate", zone: []string{}, edit: showing(lab.Certificate{}), caught: []catch{
		{"dane.lua", "expect_certificate{", "falls short in tlsa"}}},
	{reason: "the certificate is not yet valid", edit: showing(lab.Certificate{NotBefore: time.Now().Add(day)}), caught: []catch{
		{"certificate.lua", "expect_certificate{", "falls short in trusted"},
		{"tls-from-first-byte.lua", `connect "submissions"`, "clock"}}},
	{reason: "the certificate is nearly over", edit: showing(lab.Certificate{NotAfter: time.Now().Add(13 * day)}), caught: []catch{
		{"certificate.lua", "expect_certificate{", "falls short in min_days_left"}}},
	{reason: "nobody knows the CA", edit: showing(lab.Certificate{Issuer: lab.UnknownCA}), caught: []catch{
		{"certificate.lua", "expect_certificate{", "falls short in trusted"},
		{"starttls-auth-plain.lua", "handshake()", "--ca"}}},
	{reason: "the certificate is self-signed", edit: showing(lab.Certificate{Issuer: lab.Self}), caught: []catch{
		{"certificate.lua", "expect_certificate{", "falls short in trusted"},
		{"starttls-auth-plain.lua", "handshake()", "self-signed"}}},
	{reason: "the intermediate CA is not sent", edit: showing(lab.Certificate{Issuer: lab.IntermediateMissing}), caught: []catch{
		{"certificate-for-each-name.lua", "expect_certificate{", "falls short in trusted"},
		{"certificate.lua", "expect_certificate{", "falls short in trusted"}}},
	{reason: "the key is weak", edit: showing(lab.Certificate{Key: lab.RSA1024}), caught: []catch{
		{"certificate.lua", "expect_certificate{", "min_key_bits"}}},
	{reason: "the certificate is a client's", edit: serving(server.CertificateOptions{Names: []string{lab.Hostname}, Client: true}), caught: []catch{
		{"certificate.lua", "expect_certificate{", "falls short in trusted"}}},
	{reason: "a self-signed certificate for another name", edit: showing(lab.Certificate{Issuer: lab.Self, Names: []string{"mail.example.net"}}), caught: []catch{
		{"certificate-self-signed.lua", "expect_certificate{", "falls short in name"}}},
	{reason: "a self-signed certificate that is nearly over", edit: showing(lab.Certificate{Issuer: lab.Self, NotAfter: time.Now().Add(13 * day)}), caught: []catch{
		{"certificate-self-signed.lua", "expect_certificate{", "falls short in min_days_left"}}},
	{reason: "a self-signed certificate that has expired", edit: showing(lab.Certificate{Issuer: lab.Self, NotAfter: time.Now().Add(-day)}), caught: []catch{
		{"certificate-self-signed.lua", "expect_certificate{", "falls short in min_days_left"}}},
	{reason: "a self-signed certificate with a weak key", edit: showing(lab.Certificate{Issuer: lab.Self, Key: lab.RSA1024}), caught: []catch{
		{"certificate-self-signed.lua", "expect_certificate{", "falls short in min_key_bits"}}},
}

// filtered has every command go through a table first, as through a firewall that
// reads SMTP.
var filtered = setting("smtpd_command_filter", "regexp:$dir/extra/filter")

func filter(rules ...string) map[string]string {
	return map[string]string{"extra/filter": strings.Join(rules, "\n") + "\n"}
}

func withFile(files map[string]string, name, text string) map[string]string {
	files[name] = text
	return files
}

// expiredPEM is a key and a certificate that was good once.
func expiredPEM() string {
	return pemOf(server.CertificateOptions{Names: []string{lab.Hostname}, NotBefore: time.Now().Add(-90 * day), NotAfter: time.Now().Add(-day)})
}

// goodPEM is a key and another certificate than the server's.
func goodPEM() string { return pemFor(lab.Hostname) }

// pemFor is a key and a certificate for that name.
func pemFor(name string) string { return pemOf(server.CertificateOptions{Names: []string{name}}) }

func pemOf(o server.CertificateOptions) string {
	made, err := server.MakeCertificate(o)
	if err != nil {
		panic(err)
	}
	return string(made.KeyPEM) + string(made.CertPEM)
}
