package hint_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"smtplay/engine/hint"
	"smtplay/engine/lab/labtest"
)

func TestExplainReads(t *testing.T) {
	for _, tt := range []struct {
		why, text      string
		code           int
		enhanced, verb string
		said           string
	}{
		{"a code", "554", 554, "", "", ""},
		{"an enhanced status code", "5.7.1", 0, "5.7.1", "", ""},
		{"both", "554 5.7.1", 554, "5.7.1", "", ""},
		{"a reply", "554 5.7.1 <x@y>: Relay access denied", 554, "5.7.1", "", "<x@y>: Relay access denied"},
		{"blanks around it", "  450 4.2.0 wait\r\n", 450, "4.2.0", "", "wait"},
		{"several lines", "550-5.1.1 no\r\n550 5.1.1 such user\r\n", 550, "5.1.1", "", "no\nsuch user"},
		{"the status on the last line only", "550-no\n550 5.1.1 such user", 550, "5.1.1", "", "no\nsuch user"},
		{"the first of two replies", "250 2.1.0 Ok\n554 5.7.1 no", 250, "2.1.0", "", "Ok"},
		{"lines before it", "\nRCPT TO:<x@y>\n554 5.7.1 no", 554, "5.7.1", "", "no"},
		{"a transcript", "S: 554 5.7.1 no", 554, "5.7.1", "", "no"},
		{"a second conversation", "S2: 554-5.7.1 no\nS2: 554 5.7.1 never", 554, "5.7.1", "", "no\nnever"},
		{"swaks", "<** 554 5.7.1 no", 554, "5.7.1", "", "no"},
		{"swaks inside TLS", "<~* 554 5.7.1 no", 554, "5.7.1", "", "no"},
		{"swaks, a good one", "<-  250 2.1.0 Ok", 250, "2.1.0", "", "Ok"},
		{"a bounce", "Diagnostic-Code: smtp; 550 5.1.1 no", 550, "5.1.1", "", "no"},
		{"a bounce's status", "Status: 5.1.1", 0, "5.1.1", "", ""},
		{"a challenge is no status", "334 5.7.1", 334, "", "", "5.7.1"},
		{"a code without a blank", "220", 220, "", "", ""},

		{"Postfix's client", "Nov 29 12:00:00 mx postfix/smtp[123]: 4F2: to=<x@y.example>, relay=mx.y.example[192.0.2.1]:25, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (host mx.y.example[192.0.2.1] said: 550 5.1.1 <x@y.example>: Recipient address rejected: User unknown (in reply to RCPT TO command))",
			550, "5.1.1", "RCPT", "<x@y.example>: Recipient address rejected: User unknown"},
		{"several lines in one", "postfix/smtp[1]: A: to=<x@y>, dsn=5.1.1, status=bounced (host a[192.0.2.1] said: 550-5.1.1 The account 550-5.1.1 does not 550 5.1.1 exist (in reply to RCPT TO command))",
			550, "5.1.1", "RCPT", "The account\ndoes not\nexist"},
		{"after the dot", "postfix/smtp[1]: A: status=bounced (host a[192.0.2.1] said: 554 5.7.1 Spam (in reply to end of DATA command))", 554, "5.7.1", ".", "Spam"},
		{"Postfix's server", "Nov 29 12:00:00 mx postfix/smtpd[9]: NOQUEUE: reject: RCPT from unknown[192.0.2.1]: 554 5.7.1 <x@y>: Relay access denied; from=<a@b> to=<x@y> proto=ESMTP helo=<c>",
			554, "5.7.1", "RCPT", "<x@y>: Relay access denied"},
		{"a milter", "postfix/cleanup[9]: 4F2: milter-reject: END-OF-MESSAGE from unknown[192.0.2.1]: 5.7.1 Spam; from=<a@b>", 0, "5.7.1", ".", "Spam"},
		{"postscreen", "postfix/postscreen[9]: NOQUEUE: reject: RCPT from [192.0.2.1]:4711: 550 5.7.1 Service unavailable; client [192.0.2.1] blocked using zen.spamhaus.org; from=<a@b>, to=<x@y>",
			550, "5.7.1", "RCPT", "Service unavailable; client [192.0.2.1] blocked using zen.spamhaus.org"},
		{"no reply, but a status", "postfix/smtp[1]: A: to=<x@y>, relay=none, delay=30, dsn=4.4.1, status=deferred (connect to mx.y[192.0.2.1]:25: Connection timed out)",
			0, "4.4.1", "", "connect to mx.y[192.0.2.1]:25: Connection timed out"},
		{"delivery here", "postfix/virtual[1]: A: to=<x@y>, relay=virtual, dsn=5.1.1, status=bounced (unknown user: \"x@y\")", 0, "5.1.1", "", "unknown user: \"x@y\""},
		{"Exim's client", "2026-11-29 12:00:00 1abcde-000000000-AB ** x@y R=dnslookup T=remote_smtp H=mx.y [192.0.2.9]: SMTP error from remote mail server after RCPT TO:<x@y>: 550 5.1.1 <x@y>: user unknown",
			550, "5.1.1", "RCPT", "<x@y>: user unknown"},
		{"Exim's client, after the dot", "== x@y R=dnslookup T=remote_smtp defer (-46): SMTP error from remote mail server after end of data: 451 4.7.1 wait", 451, "4.7.1", ".", "wait"},
		{"a greeting that was a refusal", "postfix/smtp[1]: A: to=<x@y>, dsn=4.0.0, status=deferred (host a[192.0.2.1] refused to talk to me: 554 5.7.1 no)", 554, "5.7.1", "", "no"},
	} {
		e, err := hint.Explain(tt.text)
		if err != nil {
			t.Errorf("%s: %v", tt.why, err)
			continue
		}
		if e.Code != tt.code || e.Enhanced != tt.enhanced || e.Verb != tt.verb || e.Text != tt.said {
			t.Errorf("%s: %d %q %q %q, want %d %q %q %q", tt.why, e.Code, e.Enhanced, e.Verb, e.Text, tt.code, tt.enhanced, tt.verb, tt.said)
		}
	}
	for _, text := range []string{"", "\n", "hello", "654 no", "199", "55", "5544 x", "5.7", "3.7.1", "554x", "the reply was 554", "12:00: 1 2 3", "Nov 29 mx postfix/smtpd[9]: connect from unknown[192.0.2.1]"} {
		if e, err := hint.Explain(text); !errors.Is(err, hint.ErrNoReply) {
			t.Errorf("%q: %+v", text, e)
		}
	}
}

// Replies that administrators meet, as servers word them; what is said of them
// when nothing else is known.
func TestExplainMeans(t *testing.T) {
	for _, tt := range []struct{ reply, means, param string }{
		{"554 5.7.1 <x@y>: Relay access denied", "does not relay", "smtpd_relay_restrictions"},
		{"454 4.7.1 <x@y>: Relay access denied", "does not relay", "mynetworks"},
		{"550 5.1.1 <x@y>: Recipient address rejected: User unknown in local recipient table", "no such mailbox", "local_recipient_maps"},
		{"450 4.1.1 <x@y>: Recipient address rejected: unverified address: connect to b[192.0.2.1]:25: Connection refused", "asked the one behind", "unverified_recipient_reject_code"},
		{"450 4.1.1 <x@y>: Recipient address rejected: User unknown", "for now only", "soft_bounce"},
		{"550 5.1.0 <x@y>: Sender address rejected: User unknown in virtual mailbox table", "about the sender", "smtpd_reject_unlisted_sender"},
		{"450 4.1.7 <x@y>: Sender address rejected: unverified address: timeout", "sender's own mail server", "unverified_sender_reject_code"},
		{"450 4.7.1 <c>: Helo command rejected: Host not found", "name given with EHLO", "smtpd_helo_restrictions"},
		{"450 4.1.8 <x@y>: Sender address rejected: Domain not found", "not in DNS", "smtpd_sender_restrictions"},
		{"450 4.1.2 <x@y>: Recipient address rejected: Domain not found", "recipient's domain", "smtpd_recipient_restrictions"},
		{"450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.1]", "no name in DNS", "unknown_client_reject_code"},
		{"454 4.7.0 TLS not available due to local problem", "cannot do TLS", "smtpd_tls_chain_files"},
		{"454 4.7.0 Temporary authentication failure: Connection lost to authentication server", "could not check the password", "smtpd_sasl_path"},
		{"535 5.7.8 Error: authentication failed: authentication failure", "password is wrong", "smtpd_sasl_type"},
		{"530 5.7.0 Must issue a STARTTLS command first", "wants TLS first", "smtpd_tls_security_level"},
		{"530 5.7.0 Authentication required", "wants a login", "smtpd_sasl_auth_enable"},
		{"503 5.5.1 Error: send HELO/EHLO first", "waits for EHLO", "smtpd_helo_required"},
		{"503 5.5.1 Error: need MAIL command", "no MAIL was accepted", ""},
		{"503 5.5.1 Error: need RCPT command", "no recipient was accepted", ""},
		{"503 5.5.1 Error: authentication not enabled", "AUTH is not enabled on this port", "smtpd_sasl_auth_enable"},
		{"504 5.5.2 <c>: Helo command rejected: need fully-qualified hostname", "name given with EHLO", "non_fqdn_reject_code"},
		{"504 5.5.2 <a>: Sender address rejected: need fully-qualified address", "about the sender", "smtpd_sender_restrictions"},
		{"501 5.1.7 Bad sender address syntax", "malformed", "strict_rfc821_envelopes"},
		{"501 5.5.4 Syntax: MAIL FROM:<address>", "arguments are malformed", ""},
		{"552 5.3.4 Message size exceeds fixed limit", "larger than the server takes", "message_size_limit"},
		{"452 4.3.1 Insufficient system storage", "short of space", "queue_minfree"},
		{"452 4.5.3 Error: too many recipients", "too many recipients", "smtpd_recipient_limit"},
		{"421 4.4.2 mx Error: timeout exceeded", "waited long enough", "smtpd_timeout"},
		{"421 4.7.0 mx Error: too many errors", "too many errors", "smtpd_hard_error_limit"},
		{"421 4.7.0 mx Error: too many connections from 192.0.2.1", "too many connections", "smtpd_client_connection_count_limit"},
		{"450 4.7.1 Error: too much mail from 192.0.2.1", "in a given time", "smtpd_client_message_rate_limit"},
		{"421 4.7.0 mx Error: too many new TLS sessions from 192.0.2.1", "in a given time", "smtpd_client_new_tls_session_rate_limit"},
		{"451 4.3.0 Error: queue file write error", "into its queue", "milter_default_action"},
		{"451 4.7.1 Service unavailable - try again later", "a milter", "milter_default_action"},
		{"451 4.3.5 Server configuration error", "configuration is wrong", "smtpd_recipient_restrictions"},
		{"451 4.3.5 <x@y>: Recipient address rejected: Server configuration problem", "policy service", "smtpd_policy_service_default_action"},
		{"451 4.3.5 <a@b>: Sender address rejected: Server configuration problem", "policy service", "smtpd_policy_service_default_action"},
		{"451 4.3.5 <x@y>: Recipient address rejected: Server configuration error", "configuration is wrong", "smtpd_recipient_restrictions"},
		{"451 4.3.0 <a@b>: Sender address rejected: Temporary lookup failure", "a table it looks things up in", "virtual_mailbox_maps"},
		{"451 4.3.0 <x@y>: Temporary lookup failure", "a table it looks things up in", "virtual_mailbox_maps"},
		{"421 4.3.2 All server ports are busy", "processes", "default_process_limit"},
		{"450 4.3.2 Service currently unavailable", "postscreen", "postscreen_access_list"},
		{"554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", "block list", "smtpd_client_restrictions"},
		{"550 5.7.23 SPF validation failed", "SPF", "smtpd_milters"},
		{"550 5.7.26 no", "DMARC", "smtpd_milters"},
		{"553 5.7.1 <x@y>: Sender address rejected: not owned by user z", "another login", "smtpd_sender_login_maps"},
		{"554 5.7.1 <x@y>: Recipient address rejected: Access denied", "access table", "smtpd_recipient_restrictions"},
		{"554 5.7.1 <unknown[192.0.2.1]>: Client host rejected: Access denied", "client's address", "smtpd_client_restrictions"},
		{"550 5.7.1 Command rejected", "a milter", "smtpd_milters"},
		{"521 5.2.1 no mail here", "hangs up", "postscreen_greet_action"},
		{"556 5.1.10 <x@y>: Recipient address rejected: Domain y does not accept mail (nullMX)", "null MX", "smtpd_recipient_restrictions"},
		{"450 4.2.0 <x@y>: Recipient address rejected: Greylisted", "greylisting", "smtpd_recipient_restrictions"},
		{"4.2.0", "greylisting", "smtpd_recipient_restrictions"},
		{"552 5.2.2 Quota exceeded", "mailbox is full", "virtual_mailbox_limit"},
		{"5.4.6", "in a circle", "mydestination"},
		{"554 5.4.0 Error: too many hops", "in a circle", "hopcount_limit"},
		{"553 5.6.7 Must declare SMTPUTF8 to send unicode address", "beyond ASCII", "smtputf8_enable"},
		{"504 5.7.4 Unrecognized authentication type", "mechanism", "smtpd_sasl_security_options"},
		{"534 5.7.9 Authentication mechanism is too weak", "too weak", "smtpd_sasl_security_options"},
		{"5.7.10", "only under TLS", "smtpd_tls_security_level"},
		{"538 5.7.11 Encryption required", "only under TLS", "smtpd_tls_auth_only"},
		{"4.4.1", "no connection", "relayhost"},
		{"5.7.1", "policy", "smtpd_recipient_restrictions"},
		{"502 5.5.1 VRFY command is disabled", "sound", "disable_vrfy_command"},
		{"221 2.7.0 Error: I can break rules, too. Goodbye.", "no SMTP command", "smtpd_forbidden_commands"},
		{"550 5.7.0 Error: insufficient authorization", "XCLIENT", "smtpd_authorized_xclient_hosts"},
		{"450 4.7.1 Client host rejected: cannot find your hostname, [192.0.2.1]", "leads back", "unknown_client_reject_code"},
		{"554 5.7.1 <unknown[192.0.2.1]>: Client host rejected: cannot find your reverse hostname, [192.0.2.1]", "no PTR record", "smtpd_client_restrictions"},
		{"553 5.7.1 <x@y>: Sender address rejected: not logged in", "nobody has logged in", "smtpd_sender_login_maps"},
		{"550 5.7.1 <x@y>: Recipient address rejected: Message rejected due to: SPF fail - not authorized", "SPF", "smtpd_recipient_restrictions"},
		{"550 5.5.1 Protocol error", "before the greeting", "postscreen_greet_action"},
		{"501 5.5.4 Bad message size syntax", "argument", ""},
		{"521 5.5.4 Syntax: BDAT count [LAST]", "argument", ""},
		{"459 <y.example>: service unavailable", "ETRN", "fast_flush_domains"},

		{"421 4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your IP address", "too much came at once", "default_destination_rate_delay"},
		{"421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints", "too many complained", ""},
		{"421-4.7.0 This message does not pass authentication checks (SPF and DKIM both do not pass).", "SPF", ""},
		{"421 4.7.29 Your email has been rate limited because this message wasn't sent over a TLS connection.", "wants TLS", "smtp_tls_security_level"},
		{"421 4.7.66 TLS 1.0 and 1.1 are not supported. Please upgrade/update your client to support TLS 1.2.", "new enough", "smtp_tls_protocols"},
		{"550-5.7.1 [192.0.2.1] The IP you're using to send mail is not authorized to send email directly to our servers.", "provider's relay", "relayhost"},
		{"534-5.7.9 Application-specific password required.", "app password", ""},
		{"550 5.7.606 Access denied, banned sending IP [192.0.2.1].", "block list", ""},
		{"550 5.4.1 Recipient address rejected: Access denied. [x.prod.protection.outlook.com]", "Microsoft", ""},
		{"550 5.7.515 Access denied, sending domain Y.EXAMPLE does not meet the required authentication level.", "DMARC", ""},
		{"451 4.7.500 Server busy. Please try again later from [192.0.2.1]. (S77719)", "too much came at once", ""},
		{"535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.", "turned off", ""},
		{"550 5.2.1 The email account that you tried to reach is disabled.", "disabled", ""},
		{"552-5.7.0 This message was blocked because its content presents a potential security issue.", "attachment", ""},
		{"554 5.4.14 Hop count exceeded - possible mail loop", "in a circle", "hopcount_limit"},
		{"550 Administrative prohibition", "ACL", ""},
		{"550 Unrouteable address", "no such mailbox", ""},
		{"550-Verification failed for <a@b.example>\n550-Unrouteable address\n550 Sender verify failed", "about the sender", ""},
		{"503 AUTH command used when not advertised", "AUTH is not enabled", "smtpd_tls_auth_only"},
		{"554 SMTP synchronization error", "before it had the reply", ""},
		{"421 Too many concurrent SMTP connections; please try again later.", "too many connections", ""},
		{"421 mx.example.com: SMTP command timeout - closing connection", "waited long enough", "smtpd_timeout"},
		{"451 Temporary local problem - please try later", "fault of its own", ""},
		{"553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", "does not relay", "smtpd_relay_restrictions"},

		// What Postfix's log says of its own deliveries is about its client's side.
		{delivery("smtp", "4.7.8", "SASL authentication failed; server b[192.0.2.1] said: 535 5.7.8 Username and Password not accepted"), "next server refused the login", "smtp_sasl_password_maps"},
		{delivery("smtp", "5.7.0", "host b[192.0.2.1] said: 530 5.7.0 Authentication required (in reply to MAIL FROM command)"), "before it takes mail from this one", "smtp_sasl_auth_enable"},
		{delivery("smtp", "4.7.4", "TLS is required, but was not offered by host b[192.0.2.1]"), "under TLS alone", "smtp_tls_security_level"},
		{delivery("smtp", "4.7.5", "Server certificate not trusted"), "certificate verified", "smtp_tls_CAfile"},
		{delivery("smtp", "4.4.2", "lost connection with b[192.0.2.1] while receiving the initial server greeting"), "broke off", "smtp_helo_timeout"},
		{delivery("lmtp", "4.4.1", "connect to mx[private/dovecot-lmtp]: No such file or directory"), "socket", "virtual_transport"},
		{delivery("qmgr", "4.3.0", "mail transport unavailable"), "master.cf", "default_transport"},
		{delivery("local", "4.2.0", "cannot update mailbox /var/mail/x for user x. unable to create lock file /var/mail/x.lock: Permission denied"), "could not be written", "mail_spool_directory"},
		{delivery("local", "4.3.0", "temporary failure. Command output: no space"), "program that should deliver", "mailbox_command"},

		// Words of those rules that stand in another place say nothing of the kind.
		{"554 5.7.1 <dkim@y.example>: Relay access denied", "does not relay", "mynetworks"},
		{"450 4.1.1 <x@y>: Recipient address rejected: unverified address: lost connection with b[192.0.2.1] while sending RCPT TO", "asked the one behind", "address_verify_map"},
		{"421 4.4.0 mx.example.com connection to the database timed out", "closes this connection", ""},
		{"450 4.2.0 <mailbox@y>: Recipient address rejected: Greylisted", "greylisting", ""},

		{"221 2.0.0 Bye", "", ""},
		{"250 2.1.5 Ok", "", ""},
		{"250", "", ""},
		{"4.7.1", "", ""},
		{"454", "", ""},
		{"550", "", ""},
	} {
		e, err := hint.Explain(tt.reply)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(e.Means, tt.means) || tt.means == "" && e.Means != "" || tt.param != "" && !slices.Contains(e.Params, tt.param) {
			t.Errorf("%s: %q %v", tt.reply, e.Means, e.Params)
		}
		for _, p := range e.Parts {
			if p.Meaning == "" {
				t.Errorf("%s: nothing is said of %s", tt.reply, p.Part)
			}
		}
	}
}

// delivery is a line of Postfix's log about mail that did not arrive.
func delivery(program, dsn, why string) string {
	return "Nov 29 12:00:00 mx postfix/" + program + "[1]: 4F2: to=<x@y>, relay=none, delay=1, dsn=" + dsn + ", status=deferred (" + why + ")"
}

// Whose parameters are named is said where a log has a reply of somebody else's.
func TestExplainWhose(t *testing.T) {
	for _, tt := range []struct {
		why, text string
		theirs    bool
	}{
		{"another server's refusal", delivery("smtp", "5.7.1", "host b[192.0.2.1] said: 554 5.7.1 <x@y>: Relay access denied (in reply to RCPT TO command)"), true},
		{"by another master.cf service", delivery("relay/smtp", "5.7.1", "host b[192.0.2.1] said: 554 5.7.1 <x@y>: Relay access denied (in reply to RCPT TO command)"), true},
		{"the parameters are this one's", delivery("smtp", "4.7.8", "SASL authentication failed; server b[192.0.2.1] said: 535 5.7.8 no"), false},
		{"no other server said so", delivery("smtp", "4.4.1", "connect to b[192.0.2.1]:25: Connection refused"), false},
		{"this server refused", "postfix/smtpd[9]: NOQUEUE: reject: RCPT from unknown[192.0.2.1]: 554 5.7.1 <x@y>: Relay access denied; from=<a@b>", false},
		{"a reply alone", "554 5.7.1 <x@y>: Relay access denied", false},
	} {
		e, err := hint.Explain(tt.text)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(e.Note, "the other server") != tt.theirs || len(e.Params) == 0 {
			t.Errorf("%s: %q %v", tt.why, e.Note, e.Params)
		}
	}
}

func TestExplainOdd(t *testing.T) {
	e, _ := hint.Explain("554 4.7.1 no")
	if !strings.Contains(e.Note, "disagree") {
		t.Errorf("%+v", e)
	}
	if e, _ = hint.Explain("299 2.99.9 fine"); len(e.Parts) != 3 {
		t.Errorf("%+v", e.Parts)
	}
	if _, err := hint.Explain("554 " + strings.Repeat("x", 1<<20)); err != nil {
		t.Error(err)
	}
}

// Whatever comes, no more is said than was found.
func FuzzExplain(f *testing.F) {
	for _, s := range []string{"554 5.7.1 no", "550-5.1.1 a\n550 5.1.1 b", "5.7.1", "status=bounced (host a said: 550 5.1.1 x (in reply to RCPT TO command))", "postfix/smtpd[9]: reject: RCPT from a: 554 5.7.1 x; from=<>", "S: 250", "<** 1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := hint.Explain(text)
		if err != nil {
			return
		}
		if e.Code == 0 && e.Enhanced == "" || e.Code != 0 && (e.Code < 200 || e.Code > 599) || len(e.Text) > len(text) {
			t.Errorf("%q: %+v", text, e)
		}
	})
}

// dotted words such as smtpd_helo_restrictions, in prose and in commands.
var snake = regexp.MustCompile(`\b[a-zA-Z0-9]+(_[a-zA-Z0-9]+)+\b`)

// Nothing is told of Postfix that is not so: what is named as a parameter is
// one of the Postfix that is installed, what is named in prose is known to it
// or to us.
func TestParametersExist(t *testing.T) {
	postconf := labtest.Program(t, "postconf")
	out, err := exec.Command(postconf, "-d").Output()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		name, _, _ := strings.Cut(line, " ")
		known[name] = true
	}
	folder, err := exec.Command(postconf, "-h", "daemon_directory").Output()
	if err != nil {
		t.Fatal(err)
	}
	smtpd, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(folder)), "smtpd"))
	if err != nil {
		t.Fatal(err)
	}
	ours := []string{"expect_refusal", "expect_certificate", "min_version", "max_version", "mech_list", "auto_transition", "check_policy_service"}
	for _, r := range hint.Rules() {
		for _, p := range r.Params {
			if !known[p] {
				t.Errorf("%q: no parameter of this Postfix: %s", r.Say, p)
			}
		}
		for _, command := range r.Try {
			alone, _, _ := strings.Cut(command, " |")
			words := strings.Fields(alone)
			for _, w := range words[1:] {
				if words[0] == "postconf" && w[0] != '-' && !known[w] {
					t.Errorf("%q: no parameter of this Postfix: %s", command, w)
				}
			}
		}
		for _, w := range snake.FindAllString(r.Say, -1) {
			if !known[w] && !strings.Contains(string(smtpd), w) && !slices.Contains(ours, w) {
				t.Errorf("%q: what is %s?", r.Say, w)
			}
		}
	}
}
