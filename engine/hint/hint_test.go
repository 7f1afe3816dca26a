package hint_test

import (
	"context"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"smtplay/engine"
	"smtplay/engine/hint"
	"smtplay/engine/wire"
)

func reply(t *testing.T, text string) *wire.Reply {
	t.Helper()
	if text == "" {
		return nil
	}
	r, err := wire.ParseReply([]byte(strings.ReplaceAll(text, "\n", "\r\n") + "\r\n"))
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return r
}

func pattern(t *testing.T, text string) wire.Pattern {
	t.Helper()
	var all []wire.Pattern
	for one := range strings.SplitSeq(text, " or ") {
		if one == "" {
			return wire.Pattern{}
		}
		p, err := wire.ParsePattern(one)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) == 1 {
		return all[0]
	}
	return wire.Pattern{Any: all}
}

// Replies as Postfix, Exim, Dovecot and the others word them.
func TestReplies(t *testing.T) {
	for _, tt := range []struct {
		verb, reply, want, previous string
		tls                         bool
		hint                        string // part of it; "" for none
	}{
		{verb: "MAIL", reply: "530 5.7.0 Must issue a STARTTLS command first", want: "250", hint: "TLS first"},
		{verb: "MAIL", reply: "530 5.7.0 Authentication required", want: "250", hint: "login first"},
		{verb: "MAIL", reply: "530 5.7.0 no", want: "2xx", hint: "STARTTLS or AUTH"},
		{verb: "AUTH", reply: "503 5.5.1 Error: authentication not enabled", want: "235", hint: "smtpd_tls_auth_only"},
		{verb: "AUTH", reply: "503 5.5.1 Error: authentication not enabled", want: "235", tls: true, hint: "smtpd_sasl_auth_enable"},
		{verb: "AUTH", reply: "503 5.5.1 Error: already authenticated", want: "235", tls: true, hint: "logged in already"},
		{verb: "AUTH", reply: "503 5.5.1 Error: MAIL transaction in progress", want: "235", hint: "RSET"},
		{verb: "AUTH", reply: "454 4.7.0 Temporary authentication failure: generic failure", want: "235", hint: "sasldb"},
		{verb: "AUTH", reply: "535 5.7.8 Error: authentication failed: authentication failure", want: "235", hint: "password is wrong"},
		{verb: "AUTH", reply: "535 5.7.8 Error: authentication failed: bad protocol / cancel", want: "235", hint: "base64"},
		{verb: "AUTH", reply: "535 5.7.8 Error: authentication failed", want: "5xx", hint: "tried the password in clear"},
		{verb: "AUTH", reply: "538 5.7.11 Encryption required", want: "235", hint: "only under TLS"},
		{verb: "AUTH", reply: "534 5.7.9 Authentication mechanism is too weak", want: "235", hint: "too weak"},
		{verb: "AUTH", reply: "504 5.5.4 Encryption required for requested authentication mechanism", want: "235", hint: "only under TLS"},
		{verb: "AUTH", reply: "504 5.7.4 Unrecognized authentication type", want: "235", hint: "not have this mechanism"},
		{verb: "AUTH", reply: "501 5.5.2 Cannot decode", want: "235", hint: "base64 on one line"},
		{verb: "AUTH", reply: "334 ", want: "235", hint: "asks on"},
		{verb: "AUTH", reply: "502 5.5.1 not implemented", want: "235", hint: "not enabled on this port"},
		{verb: "STARTTLS", reply: "454 4.7.0 TLS not available due to local problem", want: "220", hint: "key or certificate"},
		{verb: "STARTTLS", reply: "502 5.5.1 Error: command not implemented", want: "220", hint: "smtpd_tls_security_level"},
		{verb: "STARTTLS", reply: "503 5.5.1 Error: TLS already active", want: "220", tls: true, hint: "on already"},

		{verb: "MAIL", reply: "503 5.5.1 Error: send HELO/EHLO first", want: "250", hint: "waits for EHLO"},
		{verb: "MAIL", reply: "503 5.5.1 Error: nested MAIL command", want: "250", hint: "open already"},
		{verb: "RCPT", reply: "503 5.5.1 Error: need MAIL command", want: "250", hint: "no MAIL was accepted"},
		{verb: "DATA", reply: "554 5.5.1 Error: no valid recipients", want: "354", hint: "no recipient was accepted"},
		{verb: "RSET", reply: "503 bad sequence", want: "250", hint: "out of order"},

		// The relay refusals: what was expected decides what is said.
		{verb: "RCPT", reply: "454 4.7.1 <james@example.com>: Relay access denied", want: "554", hint: "defer_unauth_destination"},
		{verb: "RCPT", reply: "454 4.7.1 <james@example.com>: Relay access denied", want: "554 5.7.1 relay access denied", hint: "reject_unauth_destination"},
		{verb: "RCPT", reply: "454 4.7.1 <james@example.com>: Relay access denied", want: "250", hint: "mynetworks"},
		{verb: "RCPT", reply: "554 5.7.1 <james@example.com>: Relay access denied", want: "250", hint: "virtual_mailbox_domains"},
		{verb: "RCPT", reply: "554 5.7.1 <james@example.com>: Relay access denied", want: "454 4.7.1", hint: "permanent refusal"},
		{verb: "RCPT", reply: "550 relay not permitted", want: "2xx", hint: "does not relay"},
		{verb: "RCPT", reply: "250 2.1.5 Ok", want: "554", hint: "open relay"},
		{verb: "RCPT", reply: "250 2.1.5 Ok", want: "454 or 554", hint: "open relay"},
		{verb: "RCPT", reply: "250 2.1.5 Ok", want: "550 5.1.1", hint: "catch-all"},
		{verb: "MAIL", reply: "250 2.1.0 Ok", want: "553 5.7.1", hint: "expect_refusal"},

		{verb: "RCPT", reply: "550 5.1.1 <x@new.example.com>: Recipient address rejected: User unknown in virtual mailbox table", want: "250", hint: "virtual_mailbox_maps"},
		{verb: "RCPT", reply: "450 4.1.2 <x@y.invalid>: Recipient address rejected: Domain not found", want: "250", hint: "recipient's domain"},
		{verb: "RCPT", reply: "450 4.2.0 <james@new.example.com>: Recipient address rejected: Greylisted, see http://postgrey", want: "250", hint: "greylisting:"},
		{verb: "RCPT", reply: "451 4.7.1 Service unavailable - try again later", want: "250", hint: "eventually"},
		{verb: "RCPT", reply: "451 4.3.0 <x@y>: Temporary lookup failure", want: "250", hint: "fault of its own"},
		{verb: "RCPT", reply: "452 4.5.3 Error: too many recipients", want: "250", hint: "smtpd_recipient_limit"},
		{verb: "MAIL", reply: "452 4.3.1 Insufficient system storage", want: "250", hint: "queue_minfree"},
		{verb: "MAIL", reply: "552 5.3.4 Message size exceeds fixed limit", want: "250", hint: "message_size_limit"},
		{verb: "RCPT", reply: "552 5.2.2 Quota exceeded", want: "250", hint: "mailbox is full"},
		{verb: "RCPT", reply: "553 5.7.1 <boss@new.example.com>: Sender address rejected: not owned by user james", want: "250", hint: "sender_login_maps"},
		{verb: "RCPT", reply: "553 5.7.1 no", want: "250", hint: "sender_login_maps"},

		// Refusals that Postfix keeps back until RCPT.
		{verb: "RCPT", reply: "450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.1]", want: "250", hint: "reject_unknown_client_hostname"},
		{verb: "MAIL", reply: "250 2.1.0 Ok", want: "530 5.7.0", hint: "smtpd_tls_security_level=encrypt"},
		{verb: "MAIL", reply: "250 2.1.0 Ok", want: "554", hint: "smtpd_delay_reject"},
		{verb: "RCPT", reply: "250 2.1.5 Ok", want: "553 5.7.1 not owned by user", hint: "reject_sender_login_mismatch"},
		{verb: "RCPT", reply: "250 2.1.5 Ok", want: "554 5.7.1", hint: "open relay"},
		{verb: "RCPT", reply: "250 2.1.5 Ok", want: "450 4.2.0 or 451 4.7.1", hint: "check_policy_service"},
		{verb: "RCPT", reply: "250 2.1.5 Ok", want: "450 or 554 5.7.1", hint: "open relay"},
		{verb: "LHLO", reply: "500 5.5.1 Not the greeting of this protocol", want: "250", hint: "--target lmtp=ADDRESS"},
		{verb: "LHLO", reply: "502 5.5.2 Error: command not recognized", want: "250", hint: "--target lmtp=ADDRESS"},
		{verb: "EHLO", reply: "502 5.5.2 Unknown command", want: "250", hint: "an LMTP server wants lhlo()"},
		{verb: "RCPT", reply: "554 5.7.1 <unknown[192.0.2.1]>: Client host rejected: Access denied", want: "250", hint: "smtpd_delay_reject"},
		{verb: "RCPT", reply: "504 5.5.2 <x>: Helo command rejected: need fully-qualified hostname", want: "250", hint: "--helo NAME"},
		{verb: "EHLO", reply: "450 4.7.1 <x>: Helo command rejected: Host not found", want: "250", hint: "--helo NAME"},
		{verb: "RCPT", reply: "550 5.7.1 <a@b.example>: Sender address rejected: Access denied", want: "250", hint: "about the sender"},
		{verb: "RCPT", reply: "450 4.1.8 <a@b.invalid>: Sender address rejected: Domain not found", want: "250", hint: "reject_unknown_sender_domain"},
		{verb: "RCPT", reply: "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", want: "250", hint: "block list"},
		{verb: ".", reply: "550 5.7.26 Unauthenticated email from example.com is not accepted due to domain's DMARC policy", want: "250", hint: "DMARC"},

		{verb: hint.Greeting, reply: "554 5.7.1 no SMTP service here", want: "220", hint: "no mail from this client"},
		{verb: hint.Greeting, reply: "421 4.7.0 Error: too many connections from 192.0.2.1", want: "220", hint: "--jobs 1"},
		{verb: hint.Greeting, reply: "421 4.7.1 maila.example.com Error: No client certificate presented", want: "220", hint: "cert = and key ="},
		{verb: "RCPT", reply: "554 5.7.1 <james>: Client certificate rejected: Access denied", want: "250", hint: "wants a certificate of the client"},
		{verb: "NOOP", reply: "421 4.7.0 Error: too many errors", want: "250", hint: "closes this connection"},
		{verb: "NOOP", reply: "421 4.4.2 Error: timeout exceeded", want: "250", hint: "waited long enough"},
		{verb: "EHLO", reply: "501 Syntax: EHLO hostname", want: "250", hint: "--helo NAME"},
		{verb: "MAIL", reply: "501 5.1.7 Bad sender address syntax", want: "250", hint: "in brackets"},
		{verb: "MAIL", reply: "501 5.5.4 Syntax: MAIL FROM:<address>", want: "250", hint: "no blank after the colon"},
		{verb: "MAIL", reply: "555 5.5.4 Unsupported option: FOO", want: "250", hint: "ehlo offered"},
		{verb: "FOO", reply: "502 5.5.2 Error: command not recognized", want: "250", hint: "a typo"},
		{verb: "FOO", reply: "500 5.5.2 Error: bad syntax", want: "250", hint: "a typo"},
		{verb: "VRFY", reply: "502 5.5.1 VRFY command is disabled", want: "250", hint: "sound"},
		{verb: "VRFY", reply: "252 2.0.0 james", want: "250", hint: "careful"},
		{verb: "RCPT", reply: "521 5.7.1 Blocked", want: "250", hint: "hangs up"},
		{verb: "GET", reply: "221 2.7.0 Error: I can break rules, too. Goodbye.", want: "500", hint: "no SMTP command"},
		{verb: ".", reply: "554 5.7.1 Spam message rejected", want: "250", hint: "message itself"},
		{verb: "RCPT", reply: "550 5.7.1 Denied", want: "250", hint: "refused by policy"},
		{verb: "DATA", reply: "354 End data with <CR><LF>.<CR><LF>", want: "250", previous: "250 2.1.5 Ok", hint: "lone dot"},

		// The reply before: odd for a refusal or a text, and nothing odd for a 250.
		{verb: "RCPT", reply: "503 5.5.1 Error: need MAIL command", want: "553 5.7.1", previous: "553 5.7.1 <x>: Sender address rejected", hint: "reply before"},
		{verb: "QUIT", reply: "221 2.0.0 Bye", want: "250 2.0.0 queued as", previous: "250 2.0.0 Ok: queued as X", hint: "reply before"},
		{verb: "RCPT", reply: "554 5.7.1 <x>: Relay access denied", want: "250", previous: "250 2.1.0 Ok", hint: "does not relay"},

		{verb: "QUIT", reply: "221 2.0.0 Bye", want: "250", hint: ""},
		{verb: "NOOP", reply: "250 2.0.0 Ok", want: "500", hint: ""},
		{verb: "", reply: "501 5.5.2 Bad command", want: "500", hint: ""},
		{verb: "RCPT", reply: "599 something of its own", want: "250", hint: ""},
	} {
		c := hint.Context{Verb: tt.verb, Reply: reply(t, tt.reply), Want: pattern(t, tt.want), Previous: reply(t, tt.previous), TLS: tt.tls}
		check(t, tt.verb+" "+tt.reply, hint.For(c), tt.hint)
	}
}

func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		name string
		c    hint.Context
		hint string
	}{
		{"refused", hint.Context{Fault: engine.Dial, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, "nothing listens"},
		{"no name", hint.Context{Fault: engine.Dial, Err: &net.DNSError{Err: "no such host", Name: "x"}}, "not in DNS"},
		{"dropped", hint.Context{Fault: engine.Dial, Err: os.ErrDeadlineExceeded, Address: "192.0.2.1:587"}, "a firewall, or"},
		{"port 25 blocked", hint.Context{Fault: engine.Dial, Err: context.DeadlineExceeded, Address: "192.0.2.1:25"}, "port 25"},
		{"no route", hint.Context{Fault: engine.Dial, Err: syscall.ENETUNREACH}, "IPv6"},
		{"no right", hint.Context{Fault: engine.Dial, Err: syscall.EACCES}, "may not open"},
		{"silent 465", hint.Context{Fault: engine.Timeout, Verb: hint.Greeting, Address: "mail.example.com:465"}, "submissions"},
		{"silent", hint.Context{Fault: engine.Timeout, Verb: hint.Greeting, Address: "mail.example.com:25"}, "no greeting"},
		{"one expect too many", hint.Context{Fault: engine.Timeout, Previous: reply(t, "250-a\n250 b")}, "all of its lines"},
		{"the dot is missing", hint.Context{Fault: engine.Timeout, Previous: reply(t, "354 go")}, "nothing but a dot"},
		{"after the dot", hint.Context{Fault: engine.Timeout, Verb: ".", Previous: reply(t, "354 go")}, "filters"},
		{"slow login", hint.Context{Fault: engine.Timeout, Verb: "AUTH"}, "failed logins"},
		{"slow", hint.Context{Fault: engine.Timeout, Verb: "RCPT"}, "--timeout"},
		{"a command that ended", hint.Context{Fault: engine.Closed, Verb: hint.Greeting, Address: "exec:ssh mail nc localhost 25"}, "its exit status"},
		{"closed at once", hint.Context{Fault: engine.Closed, Verb: hint.Greeting, Address: "[::1]:25"}, "before a greeting"},
		{"closed 465", hint.Context{Fault: engine.Closed, Verb: hint.Greeting, Address: "[::1]:465"}, "submissions"},
		{"after a handshake that asked for a certificate", hint.Context{Fault: engine.Closed, Verb: "EHLO", Text: "the server closed the connection, without a word after a handshake in which it asked for a certificate of the client"}, "cert = and key ="},
		{"a client's certificate that is not taken", hint.Context{Fault: engine.Handshake, Text: "remote error: tls: unknown certificate authority"}, "smtpd_tls_CAfile"},
		{"an old server", hint.Context{Fault: engine.Handshake, Text: "the server chose TLS 1.0, which was not offered"}, "min_version"},
		{"no certificate for a name", hint.Context{Fault: engine.Handshake, Text: "remote error: tls: unrecognized name"}, "SNI"},
		{"after a 421", hint.Context{Fault: engine.Reset, Verb: "NOOP", Previous: reply(t, "421 bye")}, "said 421"},
		{"closed", hint.Context{Fault: engine.Closed, Verb: "DATA"}, "log says why"},
		{"TLS alert", hint.Context{Fault: engine.Malformed, Got: []byte("\x15\x03\x01\x00\x02\x02\x16")}, "TLS alert"},
		{"POP3", hint.Context{Fault: engine.Malformed, Got: []byte("+OK Dovecot ready.\r\n")}, "POP3"},
		{"noise", hint.Context{Fault: engine.Malformed, Got: []byte("hello\r\n")}, ""},
		{"late 421", hint.Context{Fault: engine.Unasked, Got: []byte("421 4.4.2 timeout\r\n")}, "waited too long"},
		{"a second 250", hint.Context{Fault: engine.Unasked, Got: []byte("250 Ok\r\n")}, "too many"},
		{"owed", hint.Context{Fault: engine.Owed}, "pipeline"},
		{"the greeting owed", hint.Context{Fault: engine.Owed, Verb: hint.Greeting}, "expect 220 behind the connect"},
		{"clear text", hint.Context{Fault: engine.Handshake, Got: []byte("220 mail ESMTP\r\n")}, "then starttls()"},
		{"old TLS", hint.Context{Fault: engine.Handshake, Text: "remote error: tls: protocol version not supported"}, "no TLS version"},
		{"no cipher", hint.Context{Fault: engine.Handshake, Text: "remote error: tls: handshake failure"}, "no cipher"},
		{"client certificate", hint.Context{Fault: engine.Handshake, Text: "remote error: tls: certificate required"}, "of the client"},
		{"handshake", hint.Context{Fault: engine.Handshake, Text: "closed"}, "smtpd_tls_loglevel"},
		{"by address", hint.Context{Fault: engine.Unverified, Address: "127.0.0.1:25", Text: "self-signed certificate, it is for maila.example.com, not for 127.0.0.1"}, "--tls-name NAME"},
		{"both", hint.Context{Fault: engine.Unverified, Address: "127.0.0.1:25", Text: "self-signed certificate, it is for maila.example.com, not for 127.0.0.1"}, "must have; --ca FILE"},
		{"another name than the address", hint.Context{Fault: engine.Unverified, Address: "127.0.0.1:25", Text: "it is for maila.example.com, not for mail.example.com"}, "another name"},
		{"self-signed", hint.Context{Fault: engine.Unverified, Address: "mail:25", Text: "self-signed certificate"}, "--ca FILE"},
		{"missing CA", hint.Context{Fault: engine.Unverified, Address: "mail:25", Text: "no trusted CA: issued by CN=x, whose certificate was not sent"}, "then each CA above but the root"},
		{"unknown CA", hint.Context{Fault: engine.Unverified, Address: "mail:25", Text: "no trusted CA: issued by CN=x"}, "--ca FILE"},
		{"other name", hint.Context{Fault: engine.Unverified, Address: "mail:25", Text: "it is for a, not for mail"}, "another name"},
		{"expired", hint.Context{Fault: engine.Unverified, Address: "mail:25", Text: "expired on 2026-01-01"}, "postfix reload"},
		{"injected", hint.Context{Fault: engine.Injected}, "CVE-2011-0411"},
		{"withheld", hint.Context{Fault: engine.Withheld}, "--auth-failures"},
		{"insecure", hint.Context{Fault: engine.Insecure}, "--insecure"},
		{"AUTH not offered in clear", hint.Context{Fault: engine.NotOffered, Keyword: "AUTH PLAIN"}, "only after starttls()"},
		{"AUTH not offered", hint.Context{Fault: engine.NotOffered, Keyword: "AUTH", TLS: true}, "smtpd_sasl_auth_enable"},
		{"AUTH offered in clear", hint.Context{Fault: engine.NotOffered, Keyword: "AUTH", Offered: true}, "smtpd_tls_auth_only"},
		{"AUTH= offered", hint.Context{Fault: engine.NotOffered, Keyword: "AUTH=", Offered: true}, "broken_sasl_auth_clients"},
		{"DSN offered", hint.Context{Fault: engine.NotOffered, Keyword: "DSN", Offered: true}, "smtpd_discard_ehlo_keywords"},
		{"STARTTLS not offered", hint.Context{Fault: engine.NotOffered, Keyword: "STARTTLS"}, "smtpd_tls_security_level"},
		{"STARTTLS inside TLS", hint.Context{Fault: engine.NotOffered, Keyword: "STARTTLS", TLS: true}, "on already"},
		{"XCLIENT not offered", hint.Context{Fault: engine.NotOffered, Keyword: "XCLIENT"}, "smtpd_authorized_xclient_hosts"},
		{"anything not offered", hint.Context{Fault: engine.NotOffered, Keyword: "DSN"}, "smtpd_discard_ehlo_keywords"},
		{"unknown capabilities", hint.Context{Fault: engine.Unknown}, "ehlo() first"},
	} {
		check(t, tt.name, hint.For(tt.c), tt.hint)
	}
	c := hint.Context{Verb: "AUTH", Fault: engine.Mismatch, Reply: reply(t, "535 5.7.8 no"), Want: pattern(t, "334")}
	check(t, "a mismatch is about its reply", hint.For(c), "password is wrong")
	check(t, "nothing at all", hint.For(hint.Context{}), "")
}

func check(t *testing.T, name, got, want string) {
	t.Helper()
	switch {
	case want == "" && got != "":
		t.Errorf("%s: got %q, want none", name, got)
	case !strings.Contains(got, want):
		t.Errorf("%s: got %q, want something with %q", name, got, want)
	case strings.HasSuffix(got, "."):
		t.Errorf("%s: a hint has no full stop: %q", name, got)
	}
}

// What a refusal means hangs on the mechanism.
func TestMechanisms(t *testing.T) {
	for _, tt := range []struct {
		mechanism, reply, says string
		tls                    bool
	}{
		{"SCRAM-SHA-256", "535 5.7.8 Error: authentication failed", "wrong for this mechanism", true},
		{"CRAM-MD5", "535 5.7.8 no", "PLAIN and LOGIN may work where this does not", false},
		{"SCRAM-SHA-256-PLUS", "535 5.7.8 no", "TLS does not end at the server", true},
		{"XOAUTH2", "535 5.7.3 Authentication unsuccessful", "the scope for sending mail", true},
		{"OAUTHBEARER", "535 5.7.8 no", "is no password", true},
		{"EXTERNAL", "535 5.7.8 no", "cert = and key =", true},
		{"PLAIN", "535 5.7.8 no", "user or password is wrong for this server", true},
		{"", "535 5.7.8 no", "user or password is wrong for this server", true},
		{"SCRAM-SHA-1", "432 4.7.12 A password transition is needed", "one login by PLAIN", true},
		{"XOAUTH2", "500 5.5.6 Authentication Exchange line is too long", "12288 octets", true},
	} {
		got := hint.For(hint.Context{Verb: "AUTH", Reply: reply(t, tt.reply), Want: pattern(t, "235"), Mechanism: tt.mechanism, TLS: tt.tls})
		if !strings.Contains(got, tt.says) {
			t.Errorf("%s, %s: %q", tt.mechanism, tt.reply, got)
		}
	}
	if got := hint.For(hint.Context{Fault: engine.Unbound}); !strings.Contains(got, "without -PLUS needs nothing to bind to") {
		t.Error(got)
	}
	if got := hint.For(hint.Context{Fault: engine.NotOffered, Keyword: "AUTH SCRAM-SHA-256-PLUS", TLS: true}); !strings.Contains(got, "without -PLUS") {
		t.Error(got)
	}
}
