package hint

import (
	"slices"
	"strings"
	"sync"

	"smtplay/engine/wire"
)

// question is a Context with what the rules ask about worked out.
type question struct {
	Context
	code     int // 0 where only the enhanced status code is known
	enhanced string
	text     string // in lower case
	wantsOK  bool   // a 2xx was expected
	alone    bool   // the reply stands alone: nothing is known of the conversation
	sending  bool   // it was said to Postfix as a client, as its log shows
}

// rule is one entry of the table. All that is set must hold; the first rule
// that does is the answer, so the particular stand before the general.
type rule struct {
	codes    []int
	enhanced []string
	verbs    []string
	text     []string // any of them, in lower case
	words    []string // any of them shows what was asked where only the reply is known; without them text does
	when     func(*question) bool
	say      string

	params []string // of Postfix, the likeliest first
	try    []string // commands on the server
}

func (r *rule) covers(q *question) bool {
	return r.numbered(q) && r.asked(q) && (len(r.text) == 0 || q.says(r.text)) && (r.when == nil || r.when(q))
}

// numbered: code and enhanced status code are those of the rule.
func (r *rule) numbered(q *question) bool {
	if len(r.enhanced) > 0 && !slices.Contains(r.enhanced, q.enhanced) {
		return false
	}
	if q.code == 0 {
		return len(r.enhanced) > 0 || len(r.codes) == 0
	}
	return len(r.codes) == 0 || slices.Contains(r.codes, q.code)
}

// asked: it is the answer to such a command, as far as that can be seen.
func (r *rule) asked(q *question) bool {
	switch {
	case len(r.verbs) == 0:
		return true
	case !q.alone || q.Verb != "":
		return slices.Contains(r.verbs, q.Verb)
	case len(r.words) > 0:
		return q.says(r.words)
	}
	return len(r.text) > 0
}

func (q *question) says(any []string) bool {
	return slices.ContainsFunc(any, func(t string) bool { return strings.Contains(q.text, t) })
}

// whatever stands for words where the numbers alone show what was asked.
var whatever = []string{""}

func wantsRefusal(q *question) bool { return wants(q.Want, '5') || wants(q.Want, '4') }
func wantsUnknownUser(q *question) bool {
	return strings.HasPrefix(q.Want.Enhanced, "5.1.1") || slices.ContainsFunc(q.Want.Any, func(p wire.Pattern) bool { return p.Enhanced == "5.1.1" })
}
func wantsCode(code string) func(*question) bool {
	return func(q *question) bool {
		return q.Want.Code == code || slices.ContainsFunc(q.Want.Any, func(p wire.Pattern) bool { return p.Code == code })
	}
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

func inClear(q *question) bool  { return !q.TLS && !q.alone }
func toClient(q *question) bool { return q.sending }

// unquoted: no server said so; it is what a log says by itself.
func unquoted(q *question) bool { return q.alone && q.code == 0 }

// replies is what is known of replies that were not wanted. Most runs need none of it.
var replies = sync.OnceValue(func() []rule {
	return slices.Concat(
		delivering, clientCertificate, rates, greetings, tlsAndLogin, order, ownFaults, blame, relaying, mailboxes, later, size, syntax, general, acceptances,
	)
})

// What the log of Postfix says of mail that it hands on or puts into a mailbox:
// here its parameters as a client count.
var delivering = []rule{
	{codes: []int{534, 535}, when: toClient,
		say:    "the next server refused the login of this one: user or password is wrong in the table that Postfix takes them from, or that provider wants a password made for programs",
		params: []string{"smtp_sasl_password_maps", "smtp_sasl_auth_enable", "smtp_sasl_security_options", "relayhost"}, try: []string{"postconf relayhost smtp_sasl_auth_enable smtp_sasl_password_maps smtp_sasl_security_options", "postmap -s hash:/etc/postfix/sasl_passwd | cut -f1  # the keys alone: one must be relayhost as it is written there"}},
	{codes: []int{530}, when: toClient,
		say:    "the next server wants TLS, or a login, before it takes mail from this one",
		params: []string{"smtp_tls_security_level", "smtp_sasl_auth_enable", "smtp_sasl_password_maps", "relayhost"}, try: []string{"postconf relayhost smtp_tls_security_level smtp_sasl_auth_enable smtp_sasl_password_maps"}},
	{when: unquoted, text: []string{"tls is required"},
		say:    "this Postfix sends to that host under TLS alone, and the host did not offer it, or TLS could not be had here",
		params: []string{"smtp_tls_security_level", "smtp_tls_policy_maps"}, try: []string{"postconf smtp_tls_security_level smtp_tls_policy_maps", "posttls-finger example.org"}},
	{when: unquoted, text: []string{"server certificate not"},
		say:    "this Postfix wants the next server's certificate verified, and it is not: an authority that is not in the file of CAs, or another name",
		params: []string{"smtp_tls_CAfile", "smtp_tls_CApath", "smtp_tls_security_level", "smtp_tls_policy_maps"}, try: []string{"postconf smtp_tls_CAfile smtp_tls_CApath smtp_tls_security_level smtp_tls_policy_maps", "posttls-finger -l secure example.org"}},
	{when: unquoted, text: []string{"mail transport unavailable"},
		say:    "the service of master.cf that should deliver is missing, or ends as soon as it starts; the log says why, some lines above",
		params: []string{"default_transport", "relay_transport", "local_transport", "virtual_transport", "mailbox_transport", "transport_maps"}, try: []string{"grep -E 'warning|error|fatal' /var/log/mail.log | tail", "postconf -M", "postconf default_transport relay_transport local_transport virtual_transport mailbox_transport transport_maps"}},
	{when: unquoted, enhanced: []string{"4.4.1"}, text: []string{"private/", "[/"},
		say:    "the socket of the next service is not there, or may not be opened: that service, as Dovecot's LMTP, does not run, or its socket lies elsewhere",
		params: []string{"virtual_transport", "mailbox_transport", "local_transport", "transport_maps"}, try: []string{"postconf virtual_transport mailbox_transport local_transport transport_maps", "ls -l /var/spool/postfix/private/"}},
	{when: unquoted, text: []string{"lost connection with", "timed out while"},
		say:    "the next server broke off, or fell silent, in the middle of the conversation; mail waits in the queue and is tried again",
		params: []string{"smtp_connect_timeout", "smtp_helo_timeout", "smtp_data_done_timeout", "minimal_backoff_time", "maximal_queue_lifetime"}, try: []string{"postqueue -p", "grep -E 'lost connection with|timed out while' /var/log/mail.log | tail"}},
	{when: unquoted, enhanced: []string{"4.2.0", "5.2.0"}, text: []string{"mailbox", "maildir", "output file", "lock file"},
		say:    "the mailbox could not be written: its folder is missing, or belongs to another user",
		params: []string{"mail_spool_directory", "home_mailbox", "virtual_mailbox_base", "virtual_uid_maps", "mailbox_command"}, try: []string{"postconf mail_spool_directory home_mailbox virtual_mailbox_base virtual_uid_maps mailbox_command", "ls -ld /var/mail"}},
	{when: unquoted, text: []string{"command output", "command died", "command time limit"},
		say:    "the program that should deliver failed: what it printed stands in the log line",
		params: []string{"mailbox_command", "mailbox_transport", "command_time_limit"}, try: []string{"postconf mailbox_command mailbox_transport command_time_limit", "postconf -M | grep pipe"}},
}

// What is said of the client's certificate, whatever was asked.
var clientCertificate = []rule{
	{codes: []int{421, 454, 530, 554}, text: []string{"client certificate"}, say: wantsCertificate,
		params: []string{"smtpd_tls_req_ccert", "smtpd_tls_ask_ccert", "smtpd_tls_CAfile"}, try: []string{"postconf smtpd_tls_req_ccert smtpd_tls_ask_ccert smtpd_tls_CAfile"}},
}

// What a client may do in a given time. Postfix counts in anvil(8).
var rates = []rule{
	{codes: []int{421, 450, 454}, text: []string{"too much mail from", "too many recipients from", "too many auth commands", "too many new tls sessions"},
		say:    "this client did more in a given time than the server grants one: it counts connections, messages, recipients, logins and handshakes of each address (Postfix: anvil)",
		params: []string{"smtpd_client_message_rate_limit", "smtpd_client_recipient_rate_limit", "smtpd_client_auth_rate_limit", "smtpd_client_new_tls_session_rate_limit", "anvil_rate_time_unit", "smtpd_client_event_limit_exceptions"}, try: []string{"postconf anvil_rate_time_unit smtpd_client_event_limit_exceptions", "postconf | grep smtpd_client_.*_limit", "grep anvil /var/log/mail.log | tail"}},
	{codes: []int{421, 450, 451, 550}, text: []string{"over a tls connection", "support tls 1.2"},
		say:    "the server wants TLS of who delivers, and one that is new enough: starttls() first; of Postfix as the client these parameters say",
		params: []string{"smtp_tls_security_level", "smtp_tls_protocols"}, try: []string{"postconf smtp_tls_security_level smtp_tls_protocols"}},
	{codes: []int{421, 450, 451, 452}, text: []string{"temporarily deferred due to", "unusual rate", "rate limit", "rate that prevents", "too many messages", "throttl", "server busy. please try again later from"},
		say:    "the server takes no more of this client, domain or user for a while: too much came at once, or too many complained; it helps to wait, and to send less at once (with Postfix as the client: default_destination_rate_delay)",
		params: []string{"default_destination_rate_delay", "default_destination_concurrency_limit", "minimal_backoff_time"}, try: []string{"postconf default_destination_rate_delay default_destination_concurrency_limit minimal_backoff_time", "postqueue -p"}},
}

// What comes instead of a greeting (RFC 5321 3.1, RFC 7504).
var greetings = []rule{
	{codes: []int{554, 521, 550}, verbs: []string{Greeting},
		words: []string{"not accepting connections", "no smtp service"}, params: []string{"smtpd_client_restrictions", "smtpd_delay_reject", "postscreen_access_list", "postscreen_dnsbl_sites"}, try: []string{"postconf smtpd_client_restrictions smtpd_delay_reject postscreen_access_list postscreen_dnsbl_sites"}, say: "the server wants no mail from this client: its address is on a block list, or the server takes no mail at all"},
	{codes: []int{421}, verbs: []string{Greeting}, text: []string{"server local error"},
		params: []string{"smtpd_upstream_proxy_protocol", "postscreen_upstream_proxy_protocol"}, try: []string{"postconf smtpd_upstream_proxy_protocol postscreen_upstream_proxy_protocol"}, say: "the server has a fault of its own, or waits for a PROXY header that did not come (Postfix: smtpd_upstream_proxy_protocol): connect{ proxy = { source = … } } sends one"},
	{codes: []int{421}, verbs: []string{Greeting},
		words: []string{"too many connections", "too many concurrent"}, params: []string{"smtpd_client_connection_count_limit", "smtpd_client_connection_rate_limit", "smtpd_client_event_limit_exceptions", "default_process_limit"}, try: []string{"postconf smtpd_client_connection_count_limit smtpd_client_connection_rate_limit smtpd_client_event_limit_exceptions default_process_limit"}, say: "the server has too many connections, from here or altogether (Postfix: smtpd_client_connection_count_limit), or is shutting down; --jobs 1 opens one at a time"},
}

var tlsAndLogin = []rule{
	{codes: []int{500}, enhanced: []string{"5.5.6"}, verbs: []string{"AUTH"},
		words: whatever, say: "the message, a token perhaps, is longer than the server takes in one line of AUTH (RFC 4954 section 4: 12288 octets)"},
	{codes: []int{530}, text: []string{"starttls"},
		params: []string{"smtpd_tls_security_level", "smtpd_tls_auth_only"}, try: []string{"postconf smtpd_tls_security_level smtpd_tls_auth_only"}, say: "the server wants TLS first: starttls(), then a new ehlo(), before this command (Postfix: smtpd_tls_security_level=encrypt)"},
	{codes: []int{530}, text: []string{"authenti", "log in", "login"},
		params: []string{"smtpd_relay_restrictions", "smtpd_recipient_restrictions", "smtpd_sasl_auth_enable"}, try: []string{"postconf smtpd_relay_restrictions smtpd_recipient_restrictions smtpd_sasl_auth_enable"}, say: "the server wants a login first: auth(…) before this command, and TLS before that where AUTH is offered only there"},
	{codes: []int{530},
		params: []string{"smtpd_tls_security_level", "smtpd_tls_auth_only", "smtpd_sasl_auth_enable"}, try: []string{"postconf smtpd_tls_security_level smtpd_tls_auth_only smtpd_sasl_auth_enable"}, say: "the server wants STARTTLS or AUTH before this command: look at what ehlo offers"},
	{codes: []int{503}, verbs: []string{"AUTH"}, text: []string{"already"},
		words: []string{"already authenticated"}, say: "this session is logged in already: one AUTH a session (RFC 4954), a second user needs a second connection"},
	{codes: []int{503}, verbs: []string{"AUTH"}, text: []string{"transaction"},
		words: []string{"mail transaction"}, say: "AUTH has no place inside a mail transaction: before MAIL, or after RSET"},
	{codes: []int{503}, verbs: []string{"AUTH"}, when: inClear,
		params: []string{"smtpd_tls_auth_only", "smtpd_sasl_auth_enable"}, try: []string{"postconf smtpd_tls_auth_only smtpd_sasl_auth_enable"}, say: "AUTH is not enabled here in clear text: starttls() and a new ehlo() first (Postfix: smtpd_tls_auth_only=yes); a Postfix of 2009 said 504 to this"},
	{codes: []int{503, 502, 500}, verbs: []string{"AUTH"},
		words: []string{"authentication not enabled", "auth command used when not advertised"}, params: []string{"smtpd_sasl_auth_enable", "smtpd_tls_auth_only", "smtpd_sasl_exceptions_networks"}, try: []string{"postconf smtpd_sasl_auth_enable smtpd_tls_auth_only", "postconf -P | grep sasl_auth_enable"}, say: "AUTH is not enabled on this port (Postfix: smtpd_sasl_auth_enable=yes, often for submission alone)"},
	{codes: []int{454}, verbs: []string{"AUTH"},
		words: []string{"authentication"}, params: []string{"smtpd_sasl_type", "smtpd_sasl_path", "cyrus_sasl_config_path"}, try: []string{"postconf smtpd_sasl_type smtpd_sasl_path", "ls -l /etc/sasldb2 /var/spool/postfix/private/auth", "doveadm auth test user@example.org"}, say: "the server could not check the password: its SASL backend does not answer; Cyrus: is sasldb readable for postfix (0640 root:postfix), does saslauthd run; Dovecot: is its auth socket where smtpd_sasl_path says"},
	{codes: []int{454}, verbs: []string{"STARTTLS"},
		words: []string{"tls"}, params: []string{"smtpd_tls_chain_files", "smtpd_tls_cert_file", "smtpd_tls_key_file", "smtpd_tls_loglevel"}, try: []string{"postconf smtpd_tls_chain_files smtpd_tls_cert_file smtpd_tls_key_file", "grep -i tls /var/log/mail.log | tail"}, say: "the server cannot do TLS now: its key or certificate could not be loaded, its log says why"},
	{codes: []int{500, 502, 503, 501}, verbs: []string{"STARTTLS"}, when: func(q *question) bool { return q.TLS },
		words: []string{"tls already active"}, say: "TLS is on already: STARTTLS has no place inside it; submissions, and tls = true, begin with TLS, and starttls() is left out"},
	{codes: []int{500, 502, 503}, verbs: []string{"STARTTLS"},
		words: []string{"starttls"}, params: []string{"smtpd_tls_security_level", "smtpd_tls_chain_files", "smtpd_tls_cert_file"}, try: []string{"postconf smtpd_tls_security_level smtpd_tls_chain_files smtpd_tls_cert_file"}, say: "the server has no TLS here (Postfix: smtpd_tls_security_level=may and a certificate); STARTTLS comes after EHLO"},
	{codes: []int{432}, verbs: []string{"AUTH"},
		words: whatever, say: "the server has nothing yet by which to check this mechanism: one login by PLAIN, under TLS, gives it that (RFC 4954 section 6; Cyrus: auto_transition)"},
	{codes: []int{534, 535}, text: []string{"application-specific", "badcredentials", "via your web browser"},
		say: "the provider takes a password made for programs (an app password) or a token, and not the one of its web pages"},
	{codes: []int{535}, text: []string{"smtpclientauthentication is disabled", "basic authentication is disabled"},
		say: "the provider has turned off logins with a password for this account or all of it: an administrator there allows them, or a token (XOAUTH2) takes their place"},
	{codes: []int{535}, when: byMechanism("-PLUS"),
		say: "user or password is wrong, or TLS does not end at the server: what decrypts on the way (a proxy, a load balancer) makes a binding fail, and without -PLUS the login works"},
	{codes: []int{535}, when: byMechanism("CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"),
		say: "user or password is wrong for this mechanism: the server must look up the password in plain, or what the mechanism makes of it (Cyrus: auxprop, as sasldb, not saslauthd or PAM; Dovecot: a passdb with {PLAIN}, {CRAM-MD5} or {SCRAM-SHA-256}); PLAIN and LOGIN may work where this does not"},
	{codes: []int{535}, when: byMechanism("OAUTHBEARER", "XOAUTH2"),
		say: "the server does not take the token: expired, for another user or server, or without the scope for sending mail; it lives an hour or so, and is no password"},
	{codes: []int{535}, when: byMechanism("EXTERNAL"),
		say: "EXTERNAL goes by the certificate of the client: cert = and key = of connect and starttls show one, and the server must know whose it is"},
	{codes: []int{535}, when: func(q *question) bool { return !q.TLS && wantsRefusal(q) },
		params: []string{"smtpd_tls_auth_only"}, try: []string{"postconf smtpd_tls_auth_only"}, say: "the server read and tried the password in clear text: AUTH is open to everybody on the way (Postfix: smtpd_tls_auth_only=yes)"},
	{codes: []int{535}, text: []string{"bad protocol", "no mechanism"},
		params: []string{"smtpd_sasl_security_options", "smtpd_sasl_tls_security_options", "smtpd_sasl_mechanism_filter"}, try: []string{"postconf smtpd_sasl_security_options smtpd_sasl_tls_security_options smtpd_sasl_mechanism_filter"}, say: "the exchange itself was refused: a mechanism that the server does not have, or a message that is not base64; auth(…) builds it from user and password"},
	{codes: []int{535},
		params: []string{"smtpd_sasl_type", "smtpd_sasl_path", "smtpd_sasl_local_domain"}, try: []string{"postconf smtpd_sasl_type smtpd_sasl_path smtpd_sasl_local_domain", "doveadm auth test user@example.org", "sasldblistusers2"}, say: "user or password is wrong for this server; some want the whole address as user, and Postfix says 535 to a mechanism that it does not have, too"},
	{codes: []int{538},
		params: []string{"smtpd_tls_auth_only", "smtpd_sasl_security_options"}, try: []string{"postconf smtpd_tls_auth_only smtpd_sasl_security_options"}, say: "this mechanism is allowed only under TLS: starttls() and a new ehlo() first"},
	{codes: []int{534},
		params: []string{"smtpd_sasl_security_options", "smtpd_sasl_mechanism_filter"}, try: []string{"postconf smtpd_sasl_security_options smtpd_sasl_mechanism_filter"}, say: "the mechanism is too weak for this server, or the account needs another kind of password; ehlo lists the mechanisms under AUTH"},
	{codes: []int{504}, verbs: []string{"AUTH"}, text: []string{"encrypt"},
		params: []string{"smtpd_tls_auth_only"}, try: []string{"postconf smtpd_tls_auth_only"}, say: "this mechanism is allowed only under TLS: starttls() and a new ehlo() first (Postfix: smtpd_tls_auth_only=yes)"},
	{codes: []int{504}, verbs: []string{"AUTH"},
		words: []string{"mechanism", "authentication type"}, params: []string{"smtpd_sasl_security_options", "smtpd_sasl_mechanism_filter"}, try: []string{"postconf smtpd_sasl_security_options smtpd_sasl_mechanism_filter"}, say: "the server does not have this mechanism: ehlo lists those it has under AUTH, and may list others after TLS"},
	{codes: []int{334}, verbs: []string{"AUTH"}, when: wantsSuccess,
		words: whatever, say: "the server asks on: AUTH without its initial response, or LOGIN, goes on with a line for each 334; auth(…) does it all"},
}

// Commands out of order.
var order = []rule{
	{codes: []int{503}, verbs: []string{"MAIL"}, text: []string{"nested", "already"},
		say: "a transaction is open already: one MAIL, then its message or RSET"},
	{codes: []int{503}, verbs: []string{"MAIL"},
		words: []string{"helo"}, params: []string{"smtpd_helo_required"}, try: []string{"postconf smtpd_helo_required"}, say: "the server waits for EHLO or HELO first, after STARTTLS for a new one"},
	{codes: []int{503}, verbs: []string{"RCPT"},
		words: []string{"need mail"}, say: "no MAIL was accepted before this RCPT: look at the reply to it"},
	{codes: []int{503, 554}, verbs: []string{"DATA", "BDAT"},
		words: []string{"need rcpt", "no valid recipients"}, say: "no recipient was accepted before: look at the replies to RCPT"},
	{codes: []int{503},
		say: "the command came out of order: EHLO, then STARTTLS and a new EHLO, then AUTH, MAIL, RCPT, DATA"},
}

const lookupSay = "the server has a fault of its own: a table it looks things up in does not answer, or a line of its configuration is wrong; its log says which"

var (
	lookupParams = []string{"virtual_mailbox_maps", "virtual_alias_maps", "local_recipient_maps", "smtpd_policy_service_default_action"}
	lookupTry    = []string{"grep -E 'warning|error|fatal' /var/log/mail.log | tail", "postfix check", "postmap -q user@example.org hash:/etc/postfix/virtual_mailbox  # each table that the log names"}
)

// Faults of the server's own, which Postfix tells of as if they were about an
// address.
var ownFaults = []rule{
	{codes: []int{451}, text: []string{"server configuration problem"},
		say:    "a policy service that the server asks does not answer (Postfix: check_policy_service in its restrictions), or a line of its configuration is wrong; its log says which",
		params: []string{"smtpd_recipient_restrictions", "smtpd_policy_service_default_action", "smtpd_policy_service_timeout"}, try: []string{"postconf -n | grep check_policy_service", "grep -E 'warning|error|fatal' /var/log/mail.log | tail"}},
	{codes: []int{451, 421}, text: []string{"server configuration error"},
		say:    "a line of the server's configuration is wrong: a restriction that it does not know, or a table that it cannot open; its log says which",
		params: []string{"smtpd_recipient_restrictions", "smtpd_relay_restrictions", "smtpd_client_restrictions"}, try: []string{"grep -E 'warning|error|fatal' /var/log/mail.log | tail", "postfix check", "postconf smtpd_client_restrictions smtpd_helo_restrictions smtpd_sender_restrictions smtpd_relay_restrictions smtpd_recipient_restrictions"}},
	{codes: []int{451}, text: []string{"temporary lookup failure"}, params: lookupParams, try: lookupTry, say: lookupSay},
}

// Whom a refusal is about. Postfix keeps them all back until RCPT, so that its
// log has sender and recipient (smtpd_delay_reject=yes).
var blame = []rule{
	{text: []string{"blocked using", "blocklist", "blacklist", "block list", "listed at", "listed in", "spamhaus", "dnsbl", "banned sending", "low reputation", "poor reputation"},
		params: []string{"smtpd_client_restrictions", "smtpd_recipient_restrictions", "postscreen_dnsbl_sites", "maps_rbl_reject_code"}, try: []string{"postconf smtpd_client_restrictions smtpd_recipient_restrictions postscreen_dnsbl_sites", "host 1.2.0.192.zen.spamhaus.org  # for 192.0.2.1: the address backwards, then the list"}, say: "this is about the client's address, which a block list has, whatever the command; a test machine at home or in a cloud is often listed"},
	{text: []string{"not authorized to send email directly"},
		say:    "this is about the client's address, which belongs to homes or to a provider's machines: the server takes mail of those from their provider's relay alone",
		params: []string{"relayhost"}, try: []string{"postconf relayhost"}},
	{text: []string{"cannot find your reverse hostname"},
		say:    "this is about the client: its address has no name in DNS, no PTR record (Postfix: reject_unknown_reverse_client_hostname)",
		params: []string{"smtpd_client_restrictions", "smtpd_recipient_restrictions", "unknown_client_reject_code"}, try: []string{"postconf smtpd_client_restrictions smtpd_recipient_restrictions unknown_client_reject_code", "host 192.0.2.1"}},
	{text: []string{"cannot find your hostname"},
		say:    "this is about the client: its address has no name in DNS that leads back to it (Postfix: reject_unknown_client_hostname)",
		params: []string{"smtpd_client_restrictions", "smtpd_recipient_restrictions", "unknown_client_reject_code"}, try: []string{"postconf smtpd_client_restrictions smtpd_recipient_restrictions unknown_client_reject_code", "host 192.0.2.1  # then host on the name that it gives"}},
	{enhanced: []string{"4.7.25", "5.7.25"},
		params: []string{"smtpd_client_restrictions", "unknown_client_reject_code"}, try: []string{"postconf smtpd_client_restrictions", "host 192.0.2.1  # then host on the name that it gives"}, say: "this is about the client: its address has no name in DNS that leads back to it (reject_unknown_client_hostname)"},
	{verbs: []string{"RCPT"}, text: []string{"client host rejected"},
		params: []string{"smtpd_client_restrictions", "smtpd_delay_reject", "access_map_reject_code"}, try: []string{"postconf smtpd_client_restrictions smtpd_delay_reject access_map_reject_code"}, say: "this is about the client's address, not the recipient: Postfix refuses at RCPT what it knew before (smtpd_delay_reject=yes)"},
	{verbs: []string{"RCPT"}, text: []string{"helo command rejected"},
		params: []string{"smtpd_helo_restrictions", "smtpd_delay_reject", "unknown_hostname_reject_code", "non_fqdn_reject_code"}, try: []string{"postconf smtpd_helo_restrictions smtpd_delay_reject", "host client.example.org"}, say: "this is about the name given with EHLO, not the recipient: Postfix refuses at RCPT what it knew before (smtpd_delay_reject=yes); --helo NAME gives another"},
	{text: []string{"helo command rejected"},
		params: []string{"smtpd_helo_restrictions", "unknown_hostname_reject_code", "non_fqdn_reject_code"}, try: []string{"postconf smtpd_helo_restrictions", "host client.example.org"}, say: "the name given with EHLO is refused: --helo NAME gives another, one that is fully qualified and known to DNS"},
	{text: []string{"sender address rejected: not logged in"},
		say:    "the sender's address belongs to a login, and nobody has logged in: auth(…) first (Postfix: smtpd_sender_login_maps with reject_unauthenticated_sender_login_mismatch)",
		params: []string{"smtpd_sender_login_maps", "smtpd_sender_restrictions"}, try: []string{"postconf smtpd_sender_login_maps smtpd_sender_restrictions"}},
	{codes: []int{550, 553, 450, 451}, text: []string{"sender verify fail", "verification failed for"},
		say:    "this is about the sender: the server asked whether that address would take an answer, and it would not (Exim: verify = sender; Postfix: reject_unverified_sender)",
		params: []string{"smtpd_sender_restrictions"}, try: []string{"exim -bv user@example.org  # where the server is Exim", "postconf smtpd_sender_restrictions"}},
	{text: []string{"not owned by user"},
		params: []string{"smtpd_sender_login_maps", "smtpd_sender_restrictions"}, try: []string{"postconf smtpd_sender_login_maps smtpd_sender_restrictions", "postmap -q user@example.org hash:/etc/postfix/sender_login  # the table that the first command shows"}, say: "the sender's address belongs to another login (Postfix: smtpd_sender_login_maps with reject_sender_login_mismatch)"},
	{enhanced: []string{"4.7.27", "5.7.27"},
		say:    "this is about the sender: its domain says in DNS that it takes no mail (null MX, RFC 7505), so that no answer could reach it",
		params: []string{"smtpd_sender_restrictions"}, try: []string{"postconf smtpd_sender_restrictions", "host -t mx example.org"}},
	{enhanced: []string{"4.1.7", "5.1.7"}, text: []string{"unverified address", "undeliverable address", "verification problem"},
		say:    "this is about the sender: the server asked the sender's own mail server, which does not take mail for that address, or does not answer (reject_unverified_sender)",
		params: []string{"smtpd_sender_restrictions", "unverified_sender_reject_code", "address_verify_map", "address_verify_negative_cache"}, try: []string{"postconf smtpd_sender_restrictions unverified_sender_reject_code address_verify_map"}},
	{enhanced: []string{"4.1.0", "5.1.0"}, text: []string{"user unknown"},
		say:    "this is about the sender: its domain is hosted here, and has no such mailbox (reject_unlisted_sender)",
		params: []string{"smtpd_reject_unlisted_sender", "smtpd_sender_restrictions", "local_recipient_maps", "virtual_mailbox_maps"}, try: []string{"postconf smtpd_reject_unlisted_sender smtpd_sender_restrictions", "postmap -q user@example.org hash:/etc/postfix/virtual_mailbox  # a table of virtual_mailbox_maps"}},
	{enhanced: []string{"4.1.8", "5.1.8"},
		params: []string{"smtpd_sender_restrictions", "unknown_address_reject_code"}, try: []string{"postconf smtpd_sender_restrictions", "host -t mx example.org"}, say: "this is about the sender: its domain is not in DNS (Postfix: reject_unknown_sender_domain)"},
	{codes: []int{550}, enhanced: []string{"5.4.1"}, text: []string{"access denied"},
		say: "Microsoft 365 says so of an address that it does not have, or of a domain that it does not hold mailboxes for"},
	{text: []string{"recipient address rejected: access denied"},
		say:    "the recipient is refused by an access table or a restriction of the server's (Postfix: check_recipient_access, reject)",
		params: []string{"smtpd_recipient_restrictions", "smtpd_relay_restrictions", "access_map_reject_code"}, try: []string{"postconf smtpd_recipient_restrictions smtpd_relay_restrictions", "postmap -q user@example.org hash:/etc/postfix/recipient_access  # the table that the first command shows"}},
	{text: []string{"sender address rejected: need fully-qualified"},
		say:    "this is about the sender: its address is not whole, as user@example.org is (Postfix: reject_non_fqdn_sender)",
		params: []string{"smtpd_sender_restrictions", "non_fqdn_reject_code"}, try: []string{"postconf smtpd_sender_restrictions non_fqdn_reject_code"}},
	{verbs: []string{"RCPT"}, text: []string{"sender address rejected"},
		params: []string{"smtpd_sender_restrictions", "smtpd_delay_reject", "smtpd_reject_unlisted_sender"}, try: []string{"postconf smtpd_sender_restrictions smtpd_delay_reject smtpd_reject_unlisted_sender"}, say: "this is about the sender, not the recipient: Postfix refuses at RCPT what it knew before (smtpd_delay_reject=yes)"},
	{codes: []int{553}, enhanced: []string{"5.7.1"}, when: func(q *question) bool { return q.code != 0 },
		params: []string{"smtpd_sender_login_maps", "smtpd_sender_restrictions"}, try: []string{"postconf smtpd_sender_login_maps smtpd_sender_restrictions"}, say: "the sender's address belongs to another login (Postfix: smtpd_sender_login_maps with reject_sender_login_mismatch)"},
	{enhanced: []string{"5.7.20", "5.7.21", "5.7.22", "5.7.23", "5.7.24", "5.7.26"},
		params: []string{"smtpd_milters", "smtpd_recipient_restrictions"}, try: []string{"postconf smtpd_milters smtpd_recipient_restrictions", "host -t txt example.org", "host -t txt _dmarc.example.org"}, say: "SPF, DKIM or DMARC of the sender's domain did not hold (RFC 7372): from a test machine they rarely do"},
	{codes: []int{421, 451, 550, 554}, text: []string{"sender policy framework", " spf ", "(spf", "spf fail", " dkim", "dkim ", "dmarc ", " dmarc", "required authentication level"},
		params: []string{"smtpd_milters", "smtpd_recipient_restrictions"}, try: []string{"host -t txt example.org", "host -t txt _dmarc.example.org", "postconf smtpd_milters smtpd_recipient_restrictions"}, say: "SPF, DKIM or DMARC of the sender's domain did not hold: from a test machine they rarely do"},
}

var relaying = []rule{
	{codes: []int{454}, enhanced: []string{"4.7.1"}, verbs: []string{"RCPT"}, when: wantsRefusal,
		params: []string{"smtpd_relay_restrictions"}, try: []string{"postconf smtpd_relay_restrictions"}, say: "454 4.7.1 is how Postfix refuses to relay by its own default (defer_unauth_destination in smtpd_relay_restrictions); 554 5.7.1 comes with reject_unauth_destination"},
	{codes: []int{554, 550}, verbs: []string{"RCPT"}, text: []string{"relay"}, when: func(q *question) bool { return wants(q.Want, '4') },
		params: []string{"smtpd_relay_restrictions"}, try: []string{"postconf smtpd_relay_restrictions"}, say: "554 5.7.1 is the permanent refusal, from reject_unauth_destination; Postfix's own default is 454 4.7.1, from defer_unauth_destination"},
	{codes: []int{454}, enhanced: []string{"4.7.1"}, verbs: []string{"RCPT"},
		words: []string{"relay access denied"}, params: []string{"smtpd_relay_restrictions", "mynetworks", "mydestination", "virtual_mailbox_domains", "relay_domains"}, try: []string{"postconf smtpd_relay_restrictions mynetworks", "postconf mydestination virtual_mailbox_domains virtual_alias_domains relay_domains", "postmap -q example.org hash:/etc/postfix/virtual_domains  # where those name a table"}, say: "the server does not relay this: the client is not in mynetworks, nobody logged in, and the domain is not hosted here; 454 is Postfix's own default for that (defer_unauth_destination)"},
	{codes: []int{554, 550, 553}, verbs: []string{"RCPT"}, text: []string{"relay", "rcpthosts"}, when: wantsSuccess,
		words: []string{"relay access denied", "relay not permitted", "relaying denied", "unable to relay", "not relay", "rcpthosts"}, params: []string{"smtpd_relay_restrictions", "mynetworks", "mydestination", "virtual_mailbox_domains", "relay_domains"}, try: []string{"postconf smtpd_relay_restrictions mynetworks", "postconf mydestination virtual_mailbox_domains virtual_alias_domains relay_domains", "postmap -q example.org hash:/etc/postfix/virtual_domains  # where those name a table"}, say: "the server does not relay this: the client is not in mynetworks, nobody logged in, and the domain is not hosted here (mydestination, virtual_mailbox_domains, relay_domains)"},
}

var mailboxes = []rule{
	{enhanced: []string{"4.1.1", "5.1.1"}, text: []string{"unverified address", "undeliverable address", "verification problem"},
		say:    "the server asked the one behind it, which does not take mail for that address, or does not answer (Postfix: reject_unverified_recipient); unverified_recipient_reject_code=450 refuses for now only, so that a fault in between loses no mail",
		params: []string{"unverified_recipient_reject_code", "address_verify_map", "address_verify_negative_cache", "smtpd_recipient_restrictions"}, try: []string{"postconf unverified_recipient_reject_code address_verify_map", "sendmail -bv user@example.org  # its result comes by mail"}},
	{codes: []int{550}, enhanced: []string{"5.1.1"},
		params: []string{"local_recipient_maps", "virtual_mailbox_maps", "virtual_alias_maps", "relay_recipient_maps", "unknown_local_recipient_reject_code"}, try: []string{"postconf local_recipient_maps virtual_mailbox_maps virtual_alias_maps relay_recipient_maps", "postmap -q user@example.org hash:/etc/postfix/virtual_mailbox  # the table that the first command shows", "doveadm user user@example.org"}, say: "the server hosts the domain and has no such mailbox (Postfix: local_recipient_maps, virtual_mailbox_maps, relay_recipient_maps)"},
	{codes: []int{450}, enhanced: []string{"4.1.1"},
		params: []string{"soft_bounce", "unknown_local_recipient_reject_code", "local_recipient_maps", "virtual_mailbox_maps", "relay_recipient_maps"}, try: []string{"postconf soft_bounce unknown_local_recipient_reject_code", "postconf local_recipient_maps virtual_mailbox_maps relay_recipient_maps", "postmap -q user@example.org hash:/etc/postfix/virtual_mailbox  # the table that the second command shows"}, say: "no such mailbox, refused for now only (Postfix: soft_bounce=yes, unknown_local_recipient_reject_code=450, or the address could not be verified)"},
	{enhanced: []string{"5.1.10", "4.1.10"},
		say:    "the recipient's domain says in DNS that it takes no mail at all (null MX, RFC 7505)",
		params: []string{"smtpd_recipient_restrictions"}, try: []string{"host -t mx example.org"}},
	{enhanced: []string{"5.1.2", "4.1.2"},
		params: []string{"smtpd_recipient_restrictions", "unknown_address_reject_code"}, try: []string{"postconf smtpd_recipient_restrictions", "host -t mx example.org"}, say: "the recipient's domain is not in DNS (Postfix: reject_unknown_recipient_domain)"},
	{codes: []int{550, 551, 553}, text: []string{"unrouteable address", "no such user", "user unknown", "unknown user", "no such recipient", "recipient unknown"}, when: func(q *question) bool { return q.enhanced == "" },
		say:    "the server has no such mailbox, or does not know where mail for it goes",
		params: []string{"local_recipient_maps", "virtual_mailbox_maps", "virtual_alias_maps", "relay_recipient_maps"}, try: []string{"exim -bt user@example.org  # where the server is Exim", "postconf local_recipient_maps virtual_mailbox_maps virtual_alias_maps relay_recipient_maps"}},
	{codes: []int{550, 552, 554}, enhanced: []string{"5.2.1"},
		say: "the mailbox exists and takes no mail: it was disabled, or not used for long; only who runs that server can say"},
	{enhanced: []string{"5.4.6", "4.4.6"},
		say:    "the mail goes in a circle: the server believes that a domain is another's, and DNS or its own tables lead back to it",
		params: []string{"mydestination", "relay_domains", "virtual_mailbox_domains", "inet_interfaces", "proxy_interfaces", "transport_maps", "relayhost", "hopcount_limit"}, try: []string{"postconf mydestination relay_domains virtual_mailbox_domains transport_maps relayhost", "host -t mx example.org"}},
	{text: []string{"too many hops", "hop count exceeded"},
		say:    "the mail went through more servers than it may: it goes in a circle",
		params: []string{"hopcount_limit", "transport_maps", "relayhost", "mydestination"}, try: []string{"postconf hopcount_limit transport_maps relayhost mydestination"}},
	{enhanced: []string{"4.4.1"},
		say:    "no connection could be made to the next server: it is down, or a firewall (or a provider that blocks port 25) is in between",
		params: []string{"relayhost", "transport_maps", "smtp_connect_timeout", "smtp_bind_address"}, try: []string{"postqueue -p", "postconf relayhost transport_maps smtp_connect_timeout", "nc -vz mail.example.org 25"}},
	{enhanced: []string{"5.4.4", "4.4.3"},
		say:    "the name of the next server is not in DNS, or DNS does not answer",
		params: []string{"relayhost", "transport_maps", "smtp_host_lookup", "smtp_dns_support_level"}, try: []string{"host -t mx example.org", "postconf relayhost transport_maps"}},
	{enhanced: []string{"5.2.2", "4.2.2"}, params: []string{"virtual_mailbox_limit", "mailbox_size_limit"}, try: []string{"doveadm quota get -u user@example.org", "postconf virtual_mailbox_limit mailbox_size_limit"}, say: "the mailbox is full"},
}

// What may be otherwise a little later.
var later = []rule{
	{codes: []int{421}, text: []string{"too many errors"},
		say:    "the server closes this connection: too many errors in one session (Postfix: smtpd_hard_error_limit, of 20, and of one while the server is under stress)",
		params: []string{"smtpd_hard_error_limit", "smtpd_soft_error_limit", "smtpd_error_sleep_time"}, try: []string{"postconf smtpd_hard_error_limit smtpd_soft_error_limit smtpd_error_sleep_time"}},
	{codes: []int{421, 451}, enhanced: []string{"4.3.2"}, text: []string{"ports are busy"},
		say:    "all processes of the server are busy: more clients than it has processes for, or clients that stay too long",
		params: []string{"default_process_limit", "postscreen_pre_queue_limit", "smtpd_client_connection_count_limit"}, try: []string{"postconf default_process_limit postscreen_pre_queue_limit smtpd_client_connection_count_limit"}},
	{codes: []int{421, 450, 451}, enhanced: []string{"4.3.2"},
		say:    "the server takes no mail from this client now: Postfix's postscreen says so to a client that it looks at for the first time, and takes it on its next connection; others say so while they are shut down",
		params: []string{"postscreen_bare_newline_enable", "postscreen_non_smtp_command_enable", "postscreen_pipelining_enable", "postscreen_access_list"}, try: []string{"postconf postscreen_bare_newline_enable postscreen_non_smtp_command_enable postscreen_pipelining_enable postscreen_access_list"}},
	{codes: []int{421}, enhanced: []string{"4.4.2"},
		params: []string{"smtpd_timeout", "smtpd_starttls_timeout"}, try: []string{"postconf smtpd_timeout smtpd_starttls_timeout"}, say: "the server has waited long enough and closes (Postfix: smtpd_timeout, ten seconds under stress)"},
	{codes: []int{421}, text: []string{"command timeout", "timeout waiting", "timed out waiting"},
		params: []string{"smtpd_timeout", "smtpd_starttls_timeout"}, try: []string{"postconf smtpd_timeout smtpd_starttls_timeout"}, say: "the server has waited long enough for the next command, and closes"},
	{codes: []int{421, 451}, text: []string{"unexpected failure", "temporary local problem", "temporary system problem"},
		say: "the server has a fault of its own, as a database that does not answer; its log says which (Exim: paniclog); eventually{ within = \"10m\", … } tries again", try: []string{"tail /var/log/exim4/paniclog  # where the server is Exim", "grep -E 'warning|error|fatal' /var/log/mail.log | tail"}},
	{codes: []int{421},
		params: []string{"smtpd_hard_error_limit", "smtpd_junk_command_limit", "smtpd_client_connection_count_limit"}, try: []string{"postconf smtpd_hard_error_limit smtpd_junk_command_limit smtpd_client_connection_count_limit"}, say: "the server closes this connection: too many errors or commands in one session, too many connections, or a shutdown; its log says which"},
	{codes: []int{450, 451}, text: []string{"greylist", "graylist", "postgrey"},
		params: []string{"smtpd_recipient_restrictions"}, try: []string{"postconf smtpd_recipient_restrictions | grep check_policy_service"}, say: "greylisting: the server takes the same client, sender and recipient some minutes later; eventually{ within = \"10m\", … } tries again"},
	{codes: []int{450, 451}, enhanced: []string{"4.7.1"}, text: []string{"service unavailable"},
		say:    "refused for now: a milter does not answer, or asks for another try (Postfix: milter_default_action=tempfail); eventually{ within = \"10m\", … } tries again",
		params: []string{"smtpd_milters", "milter_default_action", "milter_connect_timeout", "milter_command_timeout"}, try: []string{"postconf smtpd_milters milter_default_action", "grep milter /var/log/mail.log | tail"}},
	{codes: []int{450, 451}, text: []string{"queue file write error"},
		say:    "the server could not take the message into its queue: no space, a fault of its cleanup service or a table that this asks, or a milter that failed; its log says which",
		params: []string{"smtpd_milters", "milter_default_action", "queue_directory", "message_size_limit"}, try: []string{"grep -E 'warning|error|fatal' /var/log/mail.log | tail", "postconf smtpd_milters milter_default_action queue_directory", "df /var/spool/postfix"}},
	{codes: []int{450, 451}, enhanced: []string{"4.2.0", "4.7.1"}, verbs: []string{"RCPT", "DATA", "."},
		params: []string{"smtpd_recipient_restrictions", "smtpd_milters", "milter_default_action"}, try: []string{"postconf smtpd_recipient_restrictions smtpd_milters milter_default_action"}, say: "refused for now: greylisting, or a policy service or milter that does not answer; eventually{ within = \"10m\", … } tries again"},
	{codes: []int{451}, enhanced: []string{"4.3.0", "4.3.5"}, params: lookupParams, try: lookupTry, say: lookupSay},
	{codes: []int{452, 451}, enhanced: []string{"4.5.3"},
		params: []string{"smtpd_recipient_limit", "smtpd_recipient_overshoot_limit"}, try: []string{"postconf smtpd_recipient_limit smtpd_recipient_overshoot_limit"}, say: "too many recipients for one message (Postfix: smtpd_recipient_limit)"},
}

var size = []rule{
	{codes: []int{552}, enhanced: []string{"5.7.0"},
		say: "the message itself was refused by policy: at Google for an attachment of a kind that it lets nobody send"},
	{codes: []int{452}, enhanced: []string{"4.3.1"},
		params: []string{"queue_minfree", "message_size_limit", "queue_directory"}, try: []string{"postconf queue_minfree message_size_limit queue_directory", "df /var/spool/postfix"}, say: "the server is short of space for its queue (Postfix: queue_minfree, at least 1.5 times message_size_limit)"},
	{codes: []int{452}, params: []string{"queue_minfree", "message_size_limit", "smtpd_recipient_limit"}, try: []string{"postconf queue_minfree message_size_limit smtpd_recipient_limit"}, say: "the server is short of space, or has enough recipients for one message"},
	{codes: []int{552, 523, 554}, enhanced: []string{"5.3.4", "5.2.3"},
		params: []string{"message_size_limit", "mailbox_size_limit", "virtual_mailbox_limit"}, try: []string{"postconf message_size_limit mailbox_size_limit virtual_mailbox_limit"}, say: "the message is larger than the server takes (Postfix: message_size_limit), which ehlo shows as SIZE"},
	{codes: []int{552}, params: []string{"message_size_limit", "mailbox_size_limit", "virtual_mailbox_limit"}, try: []string{"postconf message_size_limit mailbox_size_limit virtual_mailbox_limit"}, say: "the message is too large, or the mailbox full; ehlo shows the largest message as SIZE"},
}

var syntax = []rule{
	{codes: []int{501}, verbs: []string{"XCLIENT"}, text: []string{"addr syntax: ipv6"},
		say: "Postfix takes an IPv6 client only where inet_protocols has IPv6 on (all, or ipv6)"},
	{codes: []int{501}, verbs: []string{"XCLIENT"},
		say: "an attribute of XCLIENT is malformed: addresses are IP addresses, ports numbers, proto SMTP or ESMTP"},
	{codes: []int{550, 551, 553, 554}, enhanced: []string{"5.7.0"}, text: []string{"insufficient authorization"},
		say:    "XCLIENT and XFORWARD are taken from the hosts alone that the server names",
		params: []string{"smtpd_authorized_xclient_hosts", "smtpd_authorized_xforward_hosts"}, try: []string{"postconf smtpd_authorized_xclient_hosts smtpd_authorized_xforward_hosts"}},
	{codes: []int{503, 554}, text: []string{"improper use of smtp command pipelining", "synchronization error"},
		say:    "the client sent the next command before it had the reply to the last, where it may not: before EHLO offered PIPELINING, or after DATA",
		params: []string{"smtpd_data_restrictions", "smtpd_forbid_unauth_pipelining", "smtpd_discard_ehlo_keywords"}, try: []string{"postconf smtpd_data_restrictions smtpd_forbid_unauth_pipelining smtpd_discard_ehlo_keywords"}},
	{text: []string{"bare <lf>"},
		say:    "a line of the client ended in a bare LF: lines end in CRLF (RFC 5321 2.3.8), and servers that take both can be made to see two messages in one",
		params: []string{"smtpd_forbid_bare_newline", "smtpd_forbid_bare_newline_exclusions"}, try: []string{"postconf smtpd_forbid_bare_newline smtpd_forbid_bare_newline_exclusions"}},
	{enhanced: []string{"5.6.7"},
		say:    "an address or a header line has letters beyond ASCII, and the mail was not declared as such: SMTPUTF8 goes with MAIL, where EHLO offered it",
		params: []string{"smtputf8_enable", "strict_smtputf8"}, try: []string{"postconf smtputf8_enable strict_smtputf8"}},
	{enhanced: []string{"5.6.0", "5.6.1", "5.6.2", "5.6.3", "5.6.5"},
		say:    "the message itself is not to the server's liking: letters beyond ASCII where none may be, MIME parts that are malformed or nested too deeply, or a conversion that it does not do",
		params: []string{"strict_8bitmime", "strict_7bit_headers", "strict_8bitmime_body", "strict_mime_encoding_domain", "mime_nesting_limit", "disable_mime_output_conversion"}, try: []string{"postconf strict_8bitmime strict_7bit_headers strict_8bitmime_body strict_mime_encoding_domain mime_nesting_limit disable_mime_output_conversion"}},
	{codes: []int{504, 501, 550}, text: []string{"fully-qualified", "fully qualified"},
		params: []string{"smtpd_helo_restrictions", "smtpd_sender_restrictions", "smtpd_recipient_restrictions", "non_fqdn_reject_code"}, try: []string{"postconf smtpd_helo_restrictions smtpd_sender_restrictions smtpd_recipient_restrictions non_fqdn_reject_code"}, say: "the server wants whole names: host.example.org with EHLO (--helo NAME), user@example.org as address"},
	{codes: []int{501}, verbs: []string{"EHLO", "HELO", "LHLO"},
		words: []string{"ehlo hostname", "helo hostname", "domain name"}, params: []string{"smtpd_helo_restrictions", "invalid_hostname_reject_code"}, try: []string{"postconf smtpd_helo_restrictions invalid_hostname_reject_code"}, say: "the client name is missing or malformed: --helo NAME, or ehlo(\"client.example.org\")"},
	{codes: []int{501, 553}, enhanced: []string{"5.1.7", "5.1.3"},
		params: []string{"strict_rfc821_envelopes", "allow_untrusted_routing"}, try: []string{"postconf strict_rfc821_envelopes allow_untrusted_routing"}, say: "the address is malformed for this server: it wants <user@example.org>, in brackets"},
	{codes: []int{501, 535}, verbs: []string{"AUTH"},
		words: []string{"decode", "base64", "authentication aborted"}, say: "the AUTH message is malformed: base64 on one line, for PLAIN of \"\\0user\\0password\"; auth(…) builds it"},
	{codes: []int{555}, params: []string{"smtpd_discard_ehlo_keywords"}, try: []string{"postconf smtpd_discard_ehlo_keywords"}, say: "a parameter of MAIL or RCPT is not known here: only what ehlo offered may be used, and only after EHLO, not HELO"},
	{codes: []int{501}, verbs: []string{"MAIL", "RCPT"}, words: []string{"syntax: mail", "syntax: rcpt", "mail from", "rcpt to"}, say: "the arguments are malformed: \"MAIL FROM:<user@example.org>\" has its brackets, and no blank after the colon"},
	{codes: []int{501, 521}, enhanced: []string{"5.5.4"}, say: "an argument of the command is malformed, or one too many"},
	{codes: []int{458, 459}, say: "the queue of that domain is not started on demand: a server does so for the domains alone that it keeps a list for (ETRN)",
		params: []string{"fast_flush_domains", "smtpd_etrn_restrictions"}, try: []string{"postconf fast_flush_domains smtpd_etrn_restrictions"}},
	{codes: []int{502}, verbs: []string{"VRFY", "EXPN"},
		words: []string{"vrfy"}, params: []string{"disable_vrfy_command"}, try: []string{"postconf disable_vrfy_command"}, say: "the server does not give out addresses, which is sound (Postfix: disable_vrfy_command=yes)"},
	{codes: []int{500, 501, 502}, verbs: []string{"LHLO"}, words: []string{"lhlo"}, say: "the server speaks SMTP here, and no LMTP: --target lmtp=ADDRESS leads to its LMTP service, unix:/PATH where that is a socket"},
	{codes: []int{500, 502}, verbs: []string{"EHLO", "HELO"}, words: []string{"lhlo"}, say: "the server does not know this greeting: an LMTP server wants lhlo(), and one that speaks no ESMTP helo()"},
	{codes: []int{500, 502}, say: "the server does not know this command: a typo, one that ehlo did not offer, or message text that no 354 asked for"},
	{codes: []int{504}, say: "the server does not know this parameter of the command"},
}

var general = []rule{
	{codes: []int{521, 550}, text: []string{"protocol error"},
		say:    "the client spoke before the greeting, sent commands ahead of their replies, or what is no SMTP: Postfix's postscreen, which looks at clients first, refuses them for it",
		params: []string{"postscreen_greet_action", "postscreen_pipelining_action", "postscreen_non_smtp_command_action", "postscreen_bare_newline_action"}, try: []string{"postconf postscreen_greet_action postscreen_pipelining_action postscreen_non_smtp_command_action postscreen_bare_newline_action", "grep -E 'PREGREET|PIPELINING|BARE NEWLINE|NON-SMTP' /var/log/mail.log | tail"}},
	{codes: []int{550}, text: []string{"administrative prohibition"},
		say: "an access rule refused this and gives no reason: Exim says so where an ACL has no message of its own; its log names the ACL", try: []string{"grep rejected /var/log/exim4/mainlog | tail  # where the server is Exim"}},
	{codes: []int{521}, params: []string{"postscreen_greet_action", "postscreen_dnsbl_action", "smtpd_client_restrictions"}, try: []string{"postconf postscreen_greet_action postscreen_dnsbl_action smtpd_client_restrictions"}, say: "the server refuses and hangs up at once: a client it does not want, or one that spoke too early (Postfix's postscreen)"},
	{codes: []int{221}, params: []string{"smtpd_forbidden_commands"}, try: []string{"postconf smtpd_forbidden_commands"}, say: "the server took this for no SMTP command and said goodbye (Postfix: smtpd_forbidden_commands)", when: func(q *question) bool {
		return q.Verb != "QUIT" && (!q.alone || strings.Contains(q.text, "break rules"))
	}},
	{codes: []int{550, 552, 554, 541}, verbs: []string{".", "BDAT"},
		words: []string{"spam", "message rejected", "content", "dmarc", "virus"}, params: []string{"smtpd_milters", "header_checks", "body_checks", "smtpd_end_of_data_restrictions"}, try: []string{"postconf smtpd_milters header_checks body_checks smtpd_end_of_data_restrictions"}, say: "the message itself was refused: a filter (milter, header_checks), DMARC, or header lines that the server wants and the message lacks (From, Date)"},
	{codes: []int{550}, enhanced: []string{"5.7.1"}, text: []string{"command rejected"},
		say:    "a milter refused this command: a filter for spam, SPF or viruses; its own log says why",
		params: []string{"smtpd_milters", "non_smtpd_milters"}, try: []string{"postconf smtpd_milters", "grep milter-reject /var/log/mail.log | tail"}},
	{enhanced: []string{"4.2.0"}, verbs: []string{"RCPT"}, words: whatever,
		say:    "refused for now, most often by greylisting: the server takes the same client, sender and recipient some minutes later",
		params: []string{"smtpd_recipient_restrictions"}, try: []string{"postconf smtpd_recipient_restrictions | grep check_policy_service"}},
	{enhanced: []string{"5.7.4"},
		say:    "the server does not have the mechanism, or the security feature, that was asked for: ehlo lists those it has",
		params: []string{"smtpd_sasl_security_options", "smtpd_sasl_mechanism_filter"}, try: []string{"postconf smtpd_sasl_security_options smtpd_sasl_mechanism_filter"}},
	{enhanced: []string{"5.7.10", "5.7.11"},
		say:    "this is allowed only under TLS: starttls() and a new ehlo() first",
		params: []string{"smtpd_tls_security_level", "smtpd_tls_auth_only"}, try: []string{"postconf smtpd_tls_security_level smtpd_tls_auth_only"}},
	{codes: []int{550, 554}, enhanced: []string{"5.7.1", "5.7.0"},
		params: []string{"smtpd_recipient_restrictions", "smtpd_client_restrictions", "smtpd_sender_restrictions", "smtpd_milters"}, try: []string{"postconf smtpd_recipient_restrictions smtpd_client_restrictions smtpd_sender_restrictions smtpd_milters", "grep reject: /var/log/mail.log | tail"}, say: "refused by policy: an access table, a restriction or a filter; the server's log names it"},
	{codes: []int{451, 450}, say: "refused for now: the server's log says why; eventually{ within = \"10m\", … } tries again"},
	{codes: []int{354}, say: "the server now waits for the message and its lone dot"},
}

// What was accepted and should not have been.
var acceptances = []rule{
	{codes: []int{250}, verbs: []string{"MAIL"}, when: wantsCode("530"),
		say: "this service takes mail without TLS, or without a login: Postfix says 530 to MAIL where master.cf gives the service -o smtpd_tls_security_level=encrypt, and refuses who did not log in only at RCPT (expect_refusal)"},
	{codes: []int{250, 251}, verbs: []string{"RCPT"}, when: wantsCode("553"),
		say: "the sender was accepted for this login: Postfix refuses another's with reject_sender_login_mismatch in smtpd_sender_restrictions, for addresses that smtpd_sender_login_maps knows; -o in master.cf may set others for this service"},
	{codes: []int{250, 251}, verbs: []string{"RCPT"}, when: wantsUnknownUser,
		say: "a mailbox that does not exist was accepted: a catch-all, or recipients that are not checked (Postfix: an empty local_recipient_maps, a wildcard in virtual_mailbox_maps or virtual_alias_maps); its bounces go to forged senders"},
	{codes: []int{250, 251}, verbs: []string{"RCPT"}, when: func(q *question) bool { return wants(q.Want, '4') && !wants(q.Want, '5') },
		say: "the recipient was accepted at once: the server does not greylist, or spares this client, which is in its mynetworks, on a list of its own, or has come before (Postfix: check_policy_service in smtpd_recipient_restrictions, before what permits)"},
	{codes: []int{250, 251}, verbs: []string{"RCPT"}, when: wantsRefusal,
		say: "the recipient was accepted: where its domain is not the server's own, this is an open relay, unless this machine is in mynetworks (then test from outside, or with xclient) or somebody logged in"},
	{codes: []int{250}, verbs: []string{"MAIL"}, when: wantsRefusal,
		say: "many servers refuse a sender only at RCPT (Postfix: smtpd_delay_reject=yes): expect_refusal{ from=, to=, expect= } takes the refusal where it comes"},
	{codes: []int{252}, verbs: []string{"VRFY"}, words: whatever, say: "252 is the careful answer: the server does not say whether the address exists"},
	{codes: []int{235}, verbs: []string{"AUTH"}, when: wantsRefusal, say: "the login was accepted"},
}
