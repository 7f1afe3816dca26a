package hint

import (
	"slices"
	"strings"

	"smtplay/engine/wire"
)

// question is a Context with what the rules ask about worked out.
type question struct {
	Context
	enhanced string
	text     string // in lower case
	wantsOK  bool   // a 2xx was expected
}

// rule is one entry of the table. All that is set must hold; the first rule
// that does is the answer, so the particular stand before the general.
type rule struct {
	codes    []int
	enhanced []string
	verbs    []string
	text     []string // any of them, in lower case
	when     func(*question) bool
	say      string
}

func (r *rule) covers(q *question) bool {
	return (len(r.codes) == 0 || slices.Contains(r.codes, q.Reply.Code)) &&
		(len(r.enhanced) == 0 || slices.Contains(r.enhanced, q.enhanced)) &&
		(len(r.verbs) == 0 || slices.Contains(r.verbs, q.Verb)) &&
		(len(r.text) == 0 || slices.ContainsFunc(r.text, func(t string) bool { return strings.Contains(q.text, t) })) &&
		(r.when == nil || r.when(q))
}

func wantsRefusal(q *question) bool { return wants(q.Want, '5') || wants(q.Want, '4') }
func wantsUnknownUser(q *question) bool {
	return strings.HasPrefix(q.Want.Enhanced, "5.1.1") || slices.ContainsFunc(q.Want.Any, func(p wire.Pattern) bool { return p.Enhanced == "5.1.1" })
}
func wantsSuccess(q *question) bool { return q.wantsOK }

// byMechanism holds for an exchange in one of these, named whole or by their end.
func byMechanism(names ...string) func(*question) bool {
	return func(q *question) bool {
		return slices.ContainsFunc(names, func(n string) bool {
			return q.Mechanism == n || n[0] == '-' && strings.HasSuffix(q.Mechanism, n)
		})
	}
}

func inClear(q *question) bool { return !q.TLS }

// replies is what is known of replies that were not wanted.
var replies = concat(
	clientCertificate, greetings, tlsAndLogin, order, blame, relaying, mailboxes, later, size, syntax, general, acceptances,
)

func concat(tables ...[]rule) []rule {
	var all []rule
	for _, t := range tables {
		all = append(all, t...)
	}
	return all
}

// What is said of the client's certificate, whatever was asked.
var clientCertificate = []rule{
	{codes: []int{421, 454, 530, 554}, text: []string{"client certificate"}, say: wantsCertificate},
}

// What comes instead of a greeting (RFC 5321 3.1, RFC 7504).
var greetings = []rule{
	{codes: []int{554, 521, 550}, verbs: []string{Greeting},
		say: "the server wants no mail from this client: its address is on a block list, or the server takes no mail at all"},
	{codes: []int{421}, verbs: []string{Greeting}, text: []string{"server local error"},
		say: "the server has a fault of its own, or waits for a PROXY header that did not come (Postfix: smtpd_upstream_proxy_protocol): connect{ proxy = { source = … } } sends one"},
	{codes: []int{421}, verbs: []string{Greeting},
		say: "the server has too many connections, from here or altogether (Postfix: smtpd_client_connection_count_limit), or is shutting down; --jobs 1 opens one at a time"},
}

var tlsAndLogin = []rule{
	{codes: []int{500}, enhanced: []string{"5.5.6"}, verbs: []string{"AUTH"},
		say: "the message, a token perhaps, is longer than the server takes in one line of AUTH (RFC 4954 section 4: 12288 octets)"},
	{codes: []int{530}, text: []string{"starttls"},
		say: "the server wants TLS first: starttls(), then a new ehlo(), before this command (Postfix: smtpd_tls_security_level=encrypt)"},
	{codes: []int{530}, text: []string{"authenti", "log in", "login"},
		say: "the server wants a login first: auth(…) before this command, and TLS before that where AUTH is offered only there"},
	{codes: []int{530},
		say: "the server wants STARTTLS or AUTH before this command: look at what ehlo offers"},
	{codes: []int{503}, verbs: []string{"AUTH"}, text: []string{"already"},
		say: "this session is logged in already: one AUTH a session (RFC 4954), a second user needs a second connection"},
	{codes: []int{503}, verbs: []string{"AUTH"}, text: []string{"transaction"},
		say: "AUTH has no place inside a mail transaction: before MAIL, or after RSET"},
	{codes: []int{503}, verbs: []string{"AUTH"}, when: inClear,
		say: "AUTH is not enabled here in clear text: starttls() and a new ehlo() first (Postfix: smtpd_tls_auth_only=yes); a Postfix of 2009 said 504 to this"},
	{codes: []int{503, 502, 500}, verbs: []string{"AUTH"},
		say: "AUTH is not enabled on this port (Postfix: smtpd_sasl_auth_enable=yes, often for submission alone)"},
	{codes: []int{454}, verbs: []string{"AUTH"},
		say: "the server could not check the password: its SASL backend does not answer; Cyrus: is sasldb readable for postfix (0640 root:postfix), does saslauthd run; Dovecot: is its auth socket where smtpd_sasl_path says"},
	{codes: []int{454}, verbs: []string{"STARTTLS"},
		say: "the server cannot do TLS now: its key or certificate could not be loaded, its log says why"},
	{codes: []int{500, 502, 503, 501}, verbs: []string{"STARTTLS"}, when: func(q *question) bool { return q.TLS },
		say: "TLS is on already: STARTTLS has no place inside it"},
	{codes: []int{500, 502, 503}, verbs: []string{"STARTTLS"},
		say: "the server has no TLS here (Postfix: smtpd_tls_security_level=may and a certificate); STARTTLS comes after EHLO"},
	{codes: []int{432}, verbs: []string{"AUTH"},
		say: "the server has nothing yet by which to check this mechanism: one login by PLAIN, under TLS, gives it that (RFC 4954 section 6; Cyrus: auto_transition)"},
	{codes: []int{535}, when: byMechanism("-PLUS"),
		say: "user or password is wrong, or TLS does not end at the server: what decrypts on the way (a proxy, a load balancer) makes a binding fail, and without -PLUS the login works"},
	{codes: []int{535}, when: byMechanism("CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"),
		say: "user or password is wrong for this mechanism: the server must look up the password in plain, or what the mechanism makes of it (Cyrus: auxprop, as sasldb, not saslauthd or PAM; Dovecot: a passdb with {PLAIN}, {CRAM-MD5} or {SCRAM-SHA-256}); PLAIN and LOGIN may work where this does not"},
	{codes: []int{535}, when: byMechanism("OAUTHBEARER", "XOAUTH2"),
		say: "the server does not take the token: expired, for another user or server, or without the scope for sending mail; it lives an hour or so, and is no password"},
	{codes: []int{535}, when: byMechanism("EXTERNAL"),
		say: "EXTERNAL goes by the certificate of the client: cert = and key = of connect and starttls show one, and the server must know whose it is"},
	{codes: []int{535}, when: func(q *question) bool { return !q.TLS && wantsRefusal(q) },
		say: "the server read and tried the password in clear text: AUTH is open to everybody on the way (Postfix: smtpd_tls_auth_only=yes)"},
	{codes: []int{535}, text: []string{"bad protocol", "no mechanism"},
		say: "the exchange itself was refused: a mechanism that the server does not have, or a message that is not base64; auth(…) builds it from user and password"},
	{codes: []int{535},
		say: "user or password is wrong for this server; some want the whole address as user, and Postfix says 535 to a mechanism that it does not have, too"},
	{codes: []int{538},
		say: "this mechanism is allowed only under TLS: starttls() and a new ehlo() first"},
	{codes: []int{534},
		say: "the mechanism is too weak for this server, or the account needs another kind of password; ehlo lists the mechanisms under AUTH"},
	{codes: []int{504}, verbs: []string{"AUTH"}, text: []string{"encrypt"},
		say: "this mechanism is allowed only under TLS: starttls() and a new ehlo() first (Postfix: smtpd_tls_auth_only=yes)"},
	{codes: []int{504}, verbs: []string{"AUTH"},
		say: "the server does not have this mechanism: ehlo lists those it has under AUTH, and may list others after TLS"},
	{codes: []int{334}, verbs: []string{"AUTH"}, when: wantsSuccess,
		say: "the server asks on: AUTH without its initial response, or LOGIN, goes on with a line for each 334; auth(…) does it all"},
}

// Commands out of order.
var order = []rule{
	{codes: []int{503}, verbs: []string{"MAIL"}, text: []string{"nested", "already"},
		say: "a transaction is open already: one MAIL, then its message or RSET"},
	{codes: []int{503}, verbs: []string{"MAIL"},
		say: "the server waits for EHLO or HELO first, after STARTTLS for a new one"},
	{codes: []int{503}, verbs: []string{"RCPT"},
		say: "no MAIL was accepted before this RCPT: look at the reply to it"},
	{codes: []int{503, 554}, verbs: []string{"DATA", "BDAT"},
		say: "no recipient was accepted before: look at the replies to RCPT"},
	{codes: []int{503},
		say: "the command came out of order: EHLO, then STARTTLS and a new EHLO, then AUTH, MAIL, RCPT, DATA"},
}

// Whom a refusal is about. Postfix keeps them all back until RCPT, so that its
// log has sender and recipient (smtpd_delay_reject=yes).
var blame = []rule{
	{text: []string{"blocked using", "blocklist", "blacklist", "block list", "listed at", "listed in", "spamhaus", "dnsbl"},
		say: "this is about the client's address, which a block list has, whatever the command; a test machine at home or in a cloud is often listed"},
	{enhanced: []string{"4.7.25", "5.7.25"},
		say: "this is about the client: its address has no name in DNS that leads back to it (reject_unknown_client_hostname)"},
	{verbs: []string{"RCPT"}, text: []string{"client host rejected"},
		say: "this is about the client's address, not the recipient: Postfix refuses at RCPT what it knew before (smtpd_delay_reject=yes)"},
	{verbs: []string{"RCPT"}, text: []string{"helo command rejected"},
		say: "this is about the name given with EHLO, not the recipient: Postfix refuses at RCPT what it knew before (smtpd_delay_reject=yes); --helo NAME gives another"},
	{text: []string{"helo command rejected"},
		say: "the name given with EHLO is refused: --helo NAME gives another, one that is fully qualified and known to DNS"},
	{text: []string{"not owned by user", "not logged in"},
		say: "the sender's address belongs to another login (Postfix: smtpd_sender_login_maps with reject_sender_login_mismatch)"},
	{enhanced: []string{"4.1.8", "5.1.8"},
		say: "this is about the sender: its domain is not in DNS (Postfix: reject_unknown_sender_domain)"},
	{verbs: []string{"RCPT"}, text: []string{"sender address rejected"},
		say: "this is about the sender, not the recipient: Postfix refuses at RCPT what it knew before (smtpd_delay_reject=yes)"},
	{codes: []int{553}, enhanced: []string{"5.7.1"},
		say: "the sender's address belongs to another login (Postfix: smtpd_sender_login_maps with reject_sender_login_mismatch)"},
	{enhanced: []string{"5.7.20", "5.7.21", "5.7.22", "5.7.23", "5.7.24", "5.7.26"},
		say: "SPF, DKIM or DMARC of the sender's domain did not hold (RFC 7372): from a test machine they rarely do"},
}

var relaying = []rule{
	{codes: []int{454}, enhanced: []string{"4.7.1"}, verbs: []string{"RCPT"}, when: wantsRefusal,
		say: "454 4.7.1 is how Postfix refuses to relay by its own default (defer_unauth_destination in smtpd_relay_restrictions); 554 5.7.1 comes with reject_unauth_destination"},
	{codes: []int{554, 550}, verbs: []string{"RCPT"}, text: []string{"relay"}, when: func(q *question) bool { return wants(q.Want, '4') },
		say: "554 5.7.1 is the permanent refusal, from reject_unauth_destination; Postfix's own default is 454 4.7.1, from defer_unauth_destination"},
	{codes: []int{454}, enhanced: []string{"4.7.1"}, verbs: []string{"RCPT"},
		say: "the server does not relay this: the client is not in mynetworks, nobody logged in, and the domain is not hosted here; 454 is Postfix's own default for that (defer_unauth_destination)"},
	{codes: []int{554, 550, 553}, verbs: []string{"RCPT"}, text: []string{"relay"}, when: wantsSuccess,
		say: "the server does not relay this: the client is not in mynetworks, nobody logged in, and the domain is not hosted here (mydestination, virtual_mailbox_domains, relay_domains)"},
}

var mailboxes = []rule{
	{codes: []int{550}, enhanced: []string{"5.1.1"},
		say: "the server hosts the domain and has no such mailbox (Postfix: local_recipient_maps, virtual_mailbox_maps, relay_recipient_maps)"},
	{codes: []int{450}, enhanced: []string{"4.1.1"},
		say: "no such mailbox, refused for now only (Postfix: soft_bounce=yes, unknown_local_recipient_reject_code=450, or the address could not be verified)"},
	{enhanced: []string{"5.1.2", "4.1.2"},
		say: "the recipient's domain is not in DNS (Postfix: reject_unknown_recipient_domain)"},
	{enhanced: []string{"5.2.2", "4.2.2"}, say: "the mailbox is full"},
}

// What may be otherwise a little later.
var later = []rule{
	{codes: []int{421}, enhanced: []string{"4.4.2"},
		say: "the server has waited long enough and closes (Postfix: smtpd_timeout, ten seconds under stress)"},
	{codes: []int{421},
		say: "the server closes this connection: too many errors or commands in one session, too many connections, or a shutdown; its log says which"},
	{codes: []int{450, 451}, text: []string{"greylist", "graylist", "postgrey"},
		say: "greylisting: the server takes the same client, sender and recipient some minutes later; eventually{ within = \"10m\", … } tries again"},
	{codes: []int{450, 451}, enhanced: []string{"4.2.0", "4.7.1"}, verbs: []string{"RCPT", "DATA", "."},
		say: "refused for now: greylisting, or a policy service or milter that does not answer; eventually{ within = \"10m\", … } tries again"},
	{codes: []int{451}, enhanced: []string{"4.3.0", "4.3.5"},
		say: "the server has a fault of its own: a table it looks things up in does not answer, or a line of its configuration is wrong; its log says which"},
	{codes: []int{452, 451}, enhanced: []string{"4.5.3"},
		say: "too many recipients for one message (Postfix: smtpd_recipient_limit)"},
}

var size = []rule{
	{codes: []int{452}, enhanced: []string{"4.3.1"},
		say: "the server is short of space for its queue (Postfix: queue_minfree, at least 1.5 times message_size_limit)"},
	{codes: []int{452}, say: "the server is short of space, or has enough recipients for one message"},
	{codes: []int{552, 523, 554}, enhanced: []string{"5.3.4", "5.2.3"},
		say: "the message is larger than the server takes (Postfix: message_size_limit), which ehlo shows as SIZE"},
	{codes: []int{552}, say: "the message is too large, or the mailbox full; ehlo shows the largest message as SIZE"},
}

var syntax = []rule{
	{codes: []int{501}, verbs: []string{"XCLIENT"}, text: []string{"addr syntax: ipv6"},
		say: "Postfix takes an IPv6 client only where inet_protocols has IPv6 on (all, or ipv6)"},
	{codes: []int{501}, verbs: []string{"XCLIENT"},
		say: "an attribute of XCLIENT is malformed: addresses are IP addresses, ports numbers, proto SMTP or ESMTP"},
	{codes: []int{504, 501, 550}, text: []string{"fully-qualified", "fully qualified"},
		say: "the server wants whole names: host.example.org with EHLO (--helo NAME), user@example.org as address"},
	{codes: []int{501}, verbs: []string{"EHLO", "HELO", "LHLO"},
		say: "the client name is missing or malformed: --helo NAME, or ehlo(\"client.example.org\")"},
	{codes: []int{501, 553}, enhanced: []string{"5.1.7", "5.1.3"},
		say: "the address is malformed for this server: it wants <user@example.org>, in brackets"},
	{codes: []int{501, 535}, verbs: []string{"AUTH"},
		say: "the AUTH message is malformed: base64 on one line, for PLAIN of \"\\0user\\0password\"; auth(…) builds it"},
	{codes: []int{555}, say: "a parameter of MAIL or RCPT is not known here: only what ehlo offered may be used, and only after EHLO, not HELO"},
	{codes: []int{501}, verbs: []string{"MAIL", "RCPT"}, say: "the arguments are malformed: \"MAIL FROM:<user@example.org>\" has its brackets, and no blank after the colon"},
	{codes: []int{502}, verbs: []string{"VRFY", "EXPN"},
		say: "the server does not give out addresses, which is sound (Postfix: disable_vrfy_command=yes)"},
	{codes: []int{500, 502}, say: "the server does not know this command: a typo, one that ehlo did not offer, or message text that no 354 asked for"},
	{codes: []int{504}, say: "the server does not know this parameter of the command"},
}

var general = []rule{
	{codes: []int{521}, say: "the server refuses and hangs up at once: a client it does not want, or one that spoke too early (Postfix's postscreen)"},
	{codes: []int{221}, say: "the server took this for no SMTP command and said goodbye (Postfix: smtpd_forbidden_commands)", when: func(q *question) bool { return q.Verb != "QUIT" }},
	{codes: []int{550, 552, 554, 541}, verbs: []string{".", "BDAT"},
		say: "the message itself was refused: a filter (milter, header_checks), DMARC, or header lines that the server wants and the message lacks (From, Date)"},
	{codes: []int{550, 554}, enhanced: []string{"5.7.1", "5.7.0"},
		say: "refused by policy: an access table, a restriction or a filter; the server's log names it"},
	{codes: []int{451, 450}, say: "refused for now: the server's log says why; eventually{ within = \"10m\", … } tries again"},
	{codes: []int{354}, say: "the server now waits for the message and its lone dot"},
}

// What was accepted and should not have been.
var acceptances = []rule{
	{codes: []int{250, 251}, verbs: []string{"RCPT"}, when: wantsUnknownUser,
		say: "a mailbox that does not exist was accepted: a catch-all, or recipients that are not checked (Postfix: an empty local_recipient_maps, a wildcard in virtual_mailbox_maps or virtual_alias_maps); its bounces go to forged senders"},
	{codes: []int{250, 251}, verbs: []string{"RCPT"}, when: wantsRefusal,
		say: "the recipient was accepted: where its domain is not the server's own, this is an open relay, unless this machine is in mynetworks (then test from outside, or with xclient) or somebody logged in"},
	{codes: []int{250}, verbs: []string{"MAIL"}, when: wantsRefusal,
		say: "many servers refuse a sender only at RCPT (Postfix: smtpd_delay_reject=yes): expect_refusal{ from=, to=, expect= } takes the refusal where it comes"},
	{codes: []int{252}, verbs: []string{"VRFY"}, say: "252 is the careful answer: the server does not say whether the address exists"},
	{codes: []int{235}, verbs: []string{"AUTH"}, when: wantsRefusal, say: "the login was accepted"},
}
