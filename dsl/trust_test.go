package dsl

import (
	"strings"
	"testing"

	"smtplay/engine"
	"smtplay/engine/lab"
	"smtplay/engine/suite"
)

// A pass of a relay test, from a machine for which the server relays anyway, is
// warned of; where something shows that it does not, there is no warning.
func TestPostfixTrust(t *testing.T) {
	t.Parallel()
	p, b := postfix(t, lab.Options{Listeners: []lab.Listener{
		{Name: "trusting", Settings: []string{"mynetworks=127.0.0.0/8", "smtpd_tls_auth_only=no", "smtpd_authorized_xclient_hosts=127.0.0.0/8"}},
		{Name: "strict", Settings: []string{"smtpd_tls_auth_only=no"}},
		{Name: "proxied", Settings: []string{"mynetworks=127.0.0.0/8", "smtpd_tls_auth_only=no", "smtpd_upstream_proxy_protocol=haproxy"}},
		{Name: "socket", Family: lab.Unix, Settings: []string{"mynetworks=127.0.0.0/8"}},
	}})
	for _, name := range []string{"trusting", "strict", "proxied", "socket"} {
		b.env.Targets.Named[name] = p.Addr(name)
	}
	b.env.Targets.Named["local"] = p.Addr("trusting")
	b.env.Secrets["password"] = lab.Password
	b.env.Redact.Add("password", lab.Password)
	const login = "auth('PLAIN', '" + lab.User + "', secret 'password'); "
	const relay = "mail '" + lab.User + "'; rcpt 'b@example.net'"
	for _, row := range []struct{ reason, script, warning string }{
		{"a login, where nobody needs one", "connect 'trusting'; ehlo(); " + login + relay, "b@example.net was accepted from the server's own machine, for which servers commonly relay, login or not (Postfix: mynetworks)"},
		{"the refusal seen first shows that the login counts", "connect 'strict'; ehlo(); " + relay[:strings.Index(relay, "rcpt")] + "rcpt('b@example.net', { expect = 554 }); send 'rset'; expect 250; " + login + relay, ""},
		{"in a conversation of its own", "connect 'strict'; ehlo(); expect_refusal{ from = '" + lab.User + "', to = 'b@example.net' }; connect 'strict'; ehlo(); " + login + relay, ""},
		{"a refusal at another server shows nothing", "connect 'smtp'; ehlo(); expect_refusal{ from = '" + lab.User + "', to = 'b@example.net' }; connect 'trusting'; ehlo(); " + login + relay, "proves nothing"},
		{"a refusal for another reason shows nothing", "connect 'trusting'; ehlo(); mail '" + lab.User + "'; rcpt('nobody@new.example.com', { expect = 550 }); rset(); " + login + relay, "proves nothing"},
		{"mail to one's own domain is not relayed", "connect 'trusting'; ehlo(); " + login + "mail '" + lab.User + "'; rcpt '" + lab.User + "'", ""},
		{"no login, and not said to be about relaying", "connect 'trusting'; ehlo(); " + relay, ""},
		{"no login, by its title", "--- Relaying works\nconnect 'trusting'; ehlo(); " + relay, "b@example.net was accepted from the server's own machine, for which servers commonly relay (Postfix: mynetworks)"},
		{"no login, by the name of the test", "test('may relay', function() connect 'trusting'; ehlo(); " + relay + " end)", "proves nothing"},
		{"sent by hand", "--- Relaying works\nconnect 'trusting'; expect 220; send 'ehlo x'; expect 250; send 'mail from:<a@example.org>'; expect 250; send 'RCPT TO:<b@example.net> NOTIFY=NEVER'; expect 250", "b@example.net was accepted"},
		{"over a UNIX socket", "--- Relaying works\nconnect 'socket'; ehlo(); " + relay, "proves nothing"},
		{"XCLIENT makes the client another one", "--- Relaying works\nconnect 'trusting'; ehlo(); xclient{ addr = '203.0.113.7', login = '" + lab.User + "' }; ehlo(); mail '" + lab.User + "'; rcpt 'b@example.net'", ""},
		{"but XCLIENT with a login alone does not", "connect 'trusting'; ehlo(); xclient{ login = '" + lab.User + "' }; ehlo(); " + relay, "login or not"},
		{"so does a PROXY header", "connect('proxied', { proxy = { source = '203.0.113.7:1' } }); ehlo(); " + login + relay, ""},
		{"unless it names the server's own machine", "connect('proxied', { proxy = { source = '127.0.0.9:1' } }); ehlo(); " + login + relay, "proves nothing"},
		{"at the target local that is the test", "--- Relaying works\nconnect 'local'; ehlo(); " + relay, ""},
	} {
		t.Run(row.reason, func(t *testing.T) {
			b.env.Options.Insecure = true
			defer func() { b.env.Options = engine.Options{Security: b.env.Options.Security} }()
			r := b.try(t, row.script)[0]
			if r.Outcome != suite.Passed || row.warning == "" && r.Warning != "" || !strings.Contains(r.Warning, row.warning) {
				t.Errorf("%v %v, warning %q\n%s", r.Outcome, r.Failure, r.Warning, transcriptOf(r))
			}
			if strings.Contains(transcriptOf(r), "* note") && strings.Contains(transcriptOf(r), "proves nothing") {
				t.Errorf("the transcript speaks of it:\n%s", transcriptOf(r))
			}
		})
	}
	b.env.Impartial = true
	if r := b.try(t, "--- Relaying works\nconnect 'trusting'; ehlo(); "+relay)[0]; r.Warning != "" {
		t.Errorf("a server that is known: %q", r.Warning)
	}
	b.env.Impartial = false
	if r := b.try(t, "--- Relaying works\nconnect 'trusting'; ehlo(); "+relay+"\nsend 'noop'; expect 554")[0]; r.Outcome != suite.Failed || r.Warning != "" {
		t.Errorf("a failure is not a pass: %v, %q", r.Outcome, r.Warning)
	}
}
