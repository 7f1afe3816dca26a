package scripts_test

import (
	"crypto/tls"
	"testing"
	"time"

	"smtplay/engine/lab"
	"smtplay/engine/lab/labtest"
	"smtplay/engine/server"
	"smtplay/engine/suite"
)

// bare is what a Postfix makes of a bare LF.
func bare(newline string) func(*lab.Options) { return setting("smtpd_forbid_bare_newline", newline) }

var (
	smuggles  = []catch{{"smuggling-end-of-data.lua", `expect_silence "0.2s"`, "the server spoke"}}
	provoked  = []string{"provoke=yes"}
	turnsAway = []string{"provoke=yes", "impatient=refused"}
)

var smuggled = []misconfiguration{
	{reason: "a bare LF ends a line of a message", edit: bare("no"), vars: []string{"send=yes"}, caught: smuggles},
	{reason: "we are spared, being of the server's own networks", edit: both(bare("normalize"), at("smtp", "mynetworks=127.0.0.0/8")), vars: []string{"send=yes"}, caught: smuggles},
	{reason: "we are spared by a list", edit: both(bare("reject"), setting("smtpd_forbid_bare_newline_exclusions", "127.0.0.1")), vars: []string{"send=yes"}, caught: smuggles},
	{reason: "a message with a bare LF is refused for now only", edit: both(bare("reject"), setting("soft_bounce", "yes")), vars: []string{"send=yes"}, caught: []catch{
		{"smuggling-end-of-data.lua", `local answer = expect{ 250, "5xx", because`, "got 450"},
		{"smuggling-bare-cr.lua", `raw "noop\nnoop\r\n"⏎if expect{ 250, "5xx" }`, "got 450"}}},
	{reason: "who pipelines unasked is served", edit: setting("smtpd_forbid_unauth_pipelining", "no"), vars: turnsAway, caught: []catch{
		{"smuggling-pipelining.lua", `fail "who pipelined`, "was served"}}},
	{reason: "the early talker is served", edit: setting("smtpd_forbid_unauth_pipelining", "no"), vars: turnsAway, caught: []catch{
		{"smuggling-early-talker.lua", `fail "the early talker`, "was served"}}},
	{reason: "a bare LF ends a line, and who pipelines unasked is cut off", edit: both(bare("no"), setting("smtpd_forbid_unauth_pipelining", "yes")), vars: []string{"send=yes"}, caught: smuggles},
	{reason: "whoever pipelines is refused, as everybody is", edit: setting("smtpd_recipient_restrictions", "check_recipient_access inline:{james@new.example.com=DEFER}"), vars: turnsAway, caught: []catch{
		{"smuggling-pipelining.lua", `rcpt(known, { expect = { 250`, "who waits is let in"},
		{"smuggling-early-talker.lua", `rcpt(known, { expect = { 250`, "who waits is let in"}}},
	{reason: "messages are refused from everybody", edit: setting("smtpd_data_restrictions", "reject"), vars: turnsAway, caught: []catch{
		{"smuggling-pipelining.lua", `send "data"; expect 354`, "554 5.7.1"}}},
	{reason: "every refusal is for now only", edit: setting("soft_bounce", "yes"), caught: []catch{
		{"smuggling-long-lines.lua", `rcpt(("a"):rep(octets)`, "got 4"},
		{"smuggling-nul.lua", `expect{ "5xx", because`, "got 4"}}},
	{reason: "a message with a NUL is refused for now only", edit: both(setting("message_reject_characters", `\0`), setting("soft_bounce", "yes")), vars: []string{"send=yes"}, caught: []catch{
		{"smuggling-nul.lua", `send "Subject: zero`, "got 4"}}},
}

// fault is what a Postfix cannot be made to do, and another server does.
type fault struct {
	reason string
	server server.Handler
	caught catch
	vars   []string
}

// eager reads commands as they come, a line ending where end says so, and says
// Ok to all.
func eager(s *server.Session, ends string) {
	s.Reply("220 server.example.com ESMTP")
	buffer := make([]byte, 4096)
	for s.Err() == nil {
		n, err := s.Conn().Read(buffer)
		if err != nil {
			return
		}
		for _, b := range buffer[:n] {
			for i := range ends {
				if b == ends[i] {
					s.Reply("250 2.0.0 Ok")
				}
			}
		}
	}
}

var faults = []fault{
	{reason: "a CR ends a command", server: func(s *server.Session) { eager(s, "\r") },
		caught: catch{"smuggling-bare-cr.lua", `as it may⏎expect_silence "0.5s"`, "the server spoke"}},
	{reason: "a line is cut in two", server: func(s *server.Session) {
		server.Polite{On: server.Answers{"noop": server.Say("250 2.0.0 Ok", "500 5.5.2 What is oop?")}}.Serve(s)
	}, caught: catch{"smuggling-long-lines.lua", `if hung_up(expect{ "2xx", "5xx", 421 }) then return end⏎noop(); quit()`, "nothing asked for"}},
	{reason: "an address ends at its NUL", server: server.Polite{}.Serve,
		caught: catch{"smuggling-nul.lua", `expect{ "5xx", because`, "got 250 2.1.5"}},
	{reason: "one of two over quota, and nobody is told", server: server.Polite{LMTP: true}.Serve, vars: []string{"full=full@new.example.com", "send=yes"},
		caught: catch{"lmtp-over-quota.lua", `if not early then expect{ over`, "got 250"}},
	{reason: "one of two over quota, and the other has not the mail", vars: []string{"full=full@new.example.com", "send=yes"},
		server: server.Polite{LMTP: true, On: server.Answers{".": server.Say("552 5.2.2 Over quota")}}.Serve,
		caught: catch{"lmtp-over-quota.lua", `expect{ 250, because = "this mailbox`, "got 552 5.2.2"}},
	{reason: "commands before the greeting are answered before it", server: func(s *server.Session) {
		s.ReadLine()
		s.Reply("250 hello")
		s.Reply("220 server.example.com ESMTP")
		s.WaitClose()
	}, vars: provoked, caught: catch{"smuggling-early-talker.lua", "local answer = expect{ served", "expected 220"}},
}

// injections are the faults of CVE-2011-0411.
func injections(config *tls.Config) []fault {
	obeys := server.Polite{TLS: config, Injectable: true}
	remembers := obeys
	remembers.On = server.Answers{"mail": server.Say()} // nothing is said of it, but it is done
	return []fault{
		{reason: "a command from before TLS is obeyed within it", server: obeys.Serve,
			caught: catch{"smuggling-starttls-injection.lua", `test("smtp: a command"⏎⏎⏎⏎expect_silence "0.2s"`, "the server spoke"}},
		{reason: "a transaction from before TLS lives on", server: remembers.Serve,
			caught: catch{"smuggling-starttls-injection.lua", `ehlo(helo); mail(sender)`, ""}},
	}
}

// TestFaults: what a Postfix cannot be made to do wrong, another server does,
// and is caught at it.
func TestFaults(t *testing.T) {
	t.Parallel()
	certificate, err := server.MakeCertificate(server.CertificateOptions{Names: []string{lab.Hostname}})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range append(injections(certificate.ServerConfig()), faults...) {
		t.Run(f.reason, func(t *testing.T) {
			t.Parallel()
			addr := server.Start(t, f.server).Addr()
			s := site{targets: map[string]string{"smtp": addr, "lmtp": addr}, ca: certificate.Pool, name: lab.Hostname, timeout: 2 * time.Second}
			f.caught.want(t, s.run(t, []string{f.caught.runbook}, f.vars...))
		})
	}
}

// TestOverQuota: one of two, told after the dot or at RCPT.
func TestOverQuota(t *testing.T) {
	t.Parallel()
	for reason, on := range map[string]server.Answers{
		"after the dot": {". 2": server.Say("552 5.2.2 <full@new.example.com> Quota exceeded (mailbox for user is full)")},
		"for now":       {". 2": server.Say("452 4.2.2 <full@new.example.com> Quota exceeded")},
		"at RCPT":       {"rcpt 2": server.Say("552 5.2.2 <full@new.example.com> Quota exceeded")},
	} {
		t.Run(reason, func(t *testing.T) {
			addr := server.Start(t, server.Polite{LMTP: true, On: on}.Serve).Addr()
			s := site{targets: map[string]string{"lmtp": addr}}
			wantSound(t, s.run(t, []string{"lmtp-over-quota.lua"}, "full=full@new.example.com", "send=yes"))
		})
	}
}

// pack are the runbooks about smuggling.
var pack = []string{"smuggling-bare-cr.lua", "smuggling-early-talker.lua", "smuggling-end-of-data.lua", "smuggling-long-lines.lua",
	"smuggling-nul.lua", "smuggling-pipelining.lua", "smuggling-starttls-injection.lua"}

// TestBareNewline: the pack against each value of smtpd_forbid_bare_newline, from
// the server's own networks, which it spares, and as a stranger by XCLIENT.
func TestBareNewline(t *testing.T) {
	t.Parallel()
	p := labtest.Private(t, lab.Options{})
	for _, test := range []struct {
		value         string
		open, trusted int // tests that fail, from outside and from the networks of its own
	}{
		{"no", 4, 4},
		{"normalize", 0, 4},
		{"yes", 0, 4}, // another name of normalize
		{"reject", 0, 4},
	} {
		t.Run(test.value, func(t *testing.T) {
			s := reconfigured(t, p, both(bare(test.value), setting("mynetworks", "127.0.0.0/8")), nil)
			trusted := s
			s.targets["smtp"] = p.Addr("xclient")
			if got := failures(t, s.run(t, pack, "send=yes", "provoke=yes")); got != test.open {
				t.Errorf("from outside %d tests failed, want %d", got, test.open)
			}
			trusted.targets = map[string]string{"smtp": p.Addr("local")}
			if got := failures(t, trusted.run(t, pack, "send=yes", "provoke=yes")); got != test.trusted {
				t.Errorf("from the server's networks %d tests failed, want %d", got, test.trusted)
			}
		})
	}
}

// failures counts the tests that failed, each of which saw a message cut in two.
func failures(t *testing.T, results []suite.Result) (n int) {
	t.Helper()
	for _, r := range results {
		switch r.Outcome {
		case suite.Passed, suite.Skipped:
		case suite.Failed:
			n++
			if r.Script.Name() != "scripts/smuggling-end-of-data.lua" {
				t.Error(story(r))
			}
		default:
			t.Error(story(r))
		}
	}
	return n
}

// TestImpatient: a Postfix that turns away who does not wait for replies.
func TestImpatient(t *testing.T) {
	t.Parallel()
	p := labtest.Private(t, lab.Options{})
	for _, test := range []struct {
		reason string
		edit   func(*lab.Options)
		pack   []string
	}{
		{"who pipelines unasked is cut off", setting("smtpd_forbid_unauth_pipelining", "yes"), []string{"smuggling-pipelining.lua"}},
		{"who pipelines unasked is refused at DATA", setting("smtpd_data_restrictions", "reject_unauth_pipelining"), []string{"smuggling-pipelining.lua"}},
		{"the early talker is refused at the greeting", at("smtp", "smtpd_delay_reject=no", "smtpd_client_restrictions=sleep 1, reject_unauth_pipelining"), []string{"smuggling-early-talker.lua"}},
	} {
		t.Run(test.reason, func(t *testing.T) {
			wantSound(t, reconfigured(t, p, test.edit, nil).run(t, test.pack, turnsAway...))
		})
	}
}
