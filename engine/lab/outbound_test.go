package lab_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"smtplay/engine/lab"
	"smtplay/engine/lab/daemon"
	"smtplay/engine/lab/labtest"
	"smtplay/engine/server"
)

// listen is a server of ours, as what is sent out finds it.
func listen(t testing.TB, polite server.Polite) *server.Server {
	t.Helper()
	s := &server.Server{Handler: polite.Serve}
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// certified is a certificate for a name, and the file of its CA.
func certified(t testing.TB, name string) (*server.Certificate, string) {
	t.Helper()
	made, err := server.MakeCertificate(server.CertificateOptions{Names: []string{name}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, made.RootPEM, 0o644); err != nil {
		t.Fatal(err)
	}
	return made, file
}

// send gives Postfix a letter from james and returns its queue ID.
func send(t testing.TB, p *lab.Postfix, to string) string {
	t.Helper()
	return sendAs(t, p, "<"+lab.User+">", "<"+to+">")
}

// sendAs does so with an envelope of these addresses, parameters included.
func sendAs(t testing.TB, p *lab.Postfix, from, to string) string {
	t.Helper()
	c := dial(t, p.Addr("local"), nil)
	c.Dialogue([][2]string{
		{"ehlo client.example.org", "250"}, {"mail from:" + from, "250"}, {"rcpt to:" + to, "250"}, {"data", "354"},
	})
	_, id, _ := strings.Cut(c.Say("From: james@new.example.com\r\nSubject: out\r\n\r\nHi\r\n.", "250"), "queued as ")
	c.Say("quit", "221")
	return id
}

// logged waits for a line of the mail log about a message, from the client or the bounce.
func logged(t testing.TB, p *lab.Postfix, id, want string) string {
	t.Helper()
	line := regexp.MustCompile(`(?m)^.*` + regexp.QuoteMeta(id) + `: ` + want + `.*$`)
	var found string
	eventually(t, func() error {
		if found = line.FindString(p.Log()); found == "" {
			return fmt.Errorf("no line %s: %s in the log:\n%s", id, want, p.Log())
		}
		return nil
	})
	return found
}

// What is sent out arrives at the listener of its domain as these settings say, and other mail in the sink.
func TestOutbound(t *testing.T) {
	t.Parallel()
	trusted, caFile := certified(t, "mx.example.net")
	mx := listen(t, server.Polite{TLS: trusted.ServerConfig(), Users: map[string]string{"relay": "secret"}, AuthNeedsTLS: true})
	plain, lmtp := listen(t, server.Polite{}), listen(t, server.Polite{LMTP: true})
	verifying := []string{"smtp_tls_security_level=verify", "smtp_tls_CAfile=" + caFile}
	p := labtest.Private(t, lab.Options{Outbound: []lab.Outbound{
		{Domain: "example.net", Address: mx.Addr(), User: "relay", Password: "secret",
			Settings: append(verifying, "smtp_tls_verify_cert_match=mx.example.net")},
		{Domain: "other-name.example.net", Address: mx.Addr(), Settings: append(verifying, "smtp_tls_verify_cert_match=mx.example.org")},
		{Domain: "opportunist.example.net", Address: mx.Addr()},
		{Domain: "clear.example.net", Address: plain.Addr()},
		{Domain: "encrypt.example.net", Address: plain.Addr(), Settings: []string{"smtp_tls_security_level = encrypt"}},
		{Domain: "lmtp.example.net", Address: lmtp.Addr(), Protocol: lab.LMTP},
	}})
	for _, row := range []struct {
		reason, domain string
		at             *server.Server
		want           string
		user           string
		tls            bool
	}{
		{"verified, and logged in", "example.net", mx, "status=sent", "relay", true},
		{"the certificate is another's", "other-name.example.net", mx, `status=deferred \(Server certificate not verified\)`, "", false},
		{"TLS where it is offered", "opportunist.example.net", mx, "status=sent", "", true},
		{"no TLS where it is not", "clear.example.net", plain, "status=sent", "", false},
		{"TLS is wanted and not offered", "encrypt.example.net", plain, `status=deferred \(TLS is required`, "", false},
		{"LMTP", "lmtp.example.net", lmtp, "status=sent", "", false},
	} {
		t.Run(row.reason, func(t *testing.T) {
			to := "fred@" + row.domain
			id := send(t, p, to)
			logged(t, p, id, `to=<`+to+`>.*`+row.want)
			of := slices.DeleteFunc(row.at.Messages(), func(m server.Message) bool { return !slices.Contains(m.To, to) })
			if !strings.Contains(row.want, "sent") {
				if len(of) > 0 {
					t.Errorf("it was taken: %v", of)
				}
				return
			}
			if len(of) != 1 || of[0].From != lab.User || of[0].TLS != row.tls || of[0].User != row.user {
				t.Errorf("taken: %+v", of)
			}
		})
	}
	for _, to := range []string{"james@example.com", "fred@sub.example.net"} {
		id := send(t, p, to)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		if m, err := p.Delivered(ctx, func(m lab.Message) bool { return m.QueueID == id }); err != nil || m.Mailbox != lab.Sink {
			t.Errorf("%s: %v, %v", to, m.Mailbox, err)
		}
	}
}

// Whatever is asked of the client, it reaches loopback alone: neither an address elsewhere nor a resolver.
func TestOutboundStaysHere(t *testing.T) {
	t.Parallel()
	mx := listen(t, server.Polite{})
	p := labtest.Private(t, lab.Options{
		// 192.0.2.0/24 and 2001:db8::/32 are nobody's (RFC 5737, RFC 3849).
		MainCF: map[string]string{
			"transport_maps": "inline:{away.example=out-example.net:[192.0.2.1]:25, six.example=out-example.net:[2001:db8::1]:25," +
				" name.example=out-example.net:[mx.name.example]:25, domain.example=out-example.net:, hosts.example=out-example.net:[localhost]:" + portOf(mx.Addr()) + "," +
				" lost.example=smtp:[127.0.0.1]:25," +
				" lan.example=out-lmtp.example:inet:[192.0.2.1]:24, example.net=out-example.net:[127.0.0.1]:" + portOf(mx.Addr()) + "}",
			"relayhost": "[192.0.2.2]:25", "smtp_fallback_relay": "[192.0.2.3]:25", "lmtp_fallback_relay": "[192.0.2.3]:25",
			"disable_dns_lookups": "no", "smtp_dns_support_level": "enabled", "smtp_bind_address": "0.0.0.0", "inet_protocols": "all",
		},
		Outbound: []lab.Outbound{
			{Domain: "example.net", Address: mx.Addr(), Settings: []string{"smtp_bind_address=0.0.0.0", "smtp_fallback_relay=[192.0.2.4]",
				"smtp_host_lookup=dns, native", "smtp_dns_support_level=enabled", "smtp_bind_address_enforce=no"}},
			{Domain: "lmtp.example", Address: mx.Addr(), Protocol: lab.LMTP, Settings: []string{"lmtp_bind_address="}},
		},
	})
	for to, want := range map[string]string{
		"a@example.net":    `to=.*status=sent`,
		"a@away.example":   `to=.*status=deferred \(connect to 192\.0\.2\.1\[192\.0\.2\.1\]:25: Invalid argument`,
		"a@lan.example":    `to=.*status=deferred \(connect to 192\.0\.2\.1\[192\.0\.2\.1\]:24: Invalid argument`,
		"a@six.example":    `.*status=bounced \(unable to look up host 2001:db8::1: Address family for hostname not supported`,
		"a@name.example":   `to=.*status=deferred \(unable to look up host mx\.name\.example: Temporary failure in name resolution`,
		"a@hosts.example":  `to=.*status=deferred \(unable to look up host localhost: Temporary failure in name resolution`, // it is in /etc/hosts
		"a@domain.example": `to=.*status=deferred \(unable to look up host domain\.example: Temporary failure in name resolution`,
		"a@lost.example":   `to=.*status=deferred \(mail transport unavailable\)`,
	} {
		t.Run(to, func(t *testing.T) {
			t.Parallel()
			logged(t, p, send(t, p, to), want)
		})
	}
}

func portOf(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}

// What was deferred is tried again within seconds, and at once where it is flushed.
func TestRetry(t *testing.T) {
	t.Parallel()
	mx := func() *server.Server {
		var tries int
		return listen(t, server.Polite{On: server.Answers{"rcpt": server.Do(func(s *server.Session) {
			if tries++; tries == 1 { // Postfix has one connection at a time for one message
				_ = s.Reply("451 4.7.1 come back")
			} else {
				_ = s.Reply("250 2.1.5 Ok")
			}
		})}})
	}
	soon, later, other := mx(), mx(), mx()
	p := labtest.Private(t, lab.Options{Retry: time.Second, Outbound: []lab.Outbound{{Domain: "example.net", Address: soon.Addr()}}})
	id := send(t, p, "fred@example.net")
	logged(t, p, id, `.*status=deferred \(host 127\.0\.0\.1\[127\.0\.0\.1\] said: 451 4\.7\.1 come back`)
	logged(t, p, id, ".*status=sent") // Postfix's own five minutes nobody has waited

	err := p.Reconfigure(t.Context(), func(o *lab.Options) {
		o.Retry = 0
		o.Outbound = []lab.Outbound{{Domain: "example.net", Address: later.Addr()}, {Domain: "example.org", Address: other.Addr()}}
	})
	if err != nil {
		t.Fatal(err)
	}
	ids := []string{send(t, p, "fred@example.net"), send(t, p, "fred@example.org")}
	for _, id := range ids {
		logged(t, p, id, ".*status=deferred")
	}
	if err := p.Flush(t.Context(), ids[1]); err != nil {
		t.Fatal(err)
	}
	logged(t, p, ids[1], ".*status=sent")
	if n := len(later.Messages()); n != 0 {
		t.Errorf("%d messages that were not flushed", n)
	}
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	logged(t, p, ids[0], ".*status=sent")
}

// A port that was reserved for a listener is the listener's, and nothing is lost before it listens.
func TestOutboundToReservedPort(t *testing.T) {
	t.Parallel()
	reserved, err := daemon.ReservePort()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reserved.Close)
	p := labtest.Private(t, lab.Options{Retry: time.Second, Outbound: []lab.Outbound{{Domain: "example.net", Address: reserved.Addr}}})
	id := send(t, p, "fred@example.net")
	logged(t, p, id, `.*status=deferred.*Connection refused`)
	mx := &server.Server{Address: reserved.Addr}
	if err := mx.Listen(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mx.Close() })
	logged(t, p, id, ".*status=sent")
}

// A hosted domain's mailboxes may be beyond a listener, and an alias leads out.
func TestOutboundOfHostedDomain(t *testing.T) {
	t.Parallel()
	behind, mx := listen(t, server.Polite{LMTP: true}), listen(t, server.Polite{})
	p := labtest.Private(t, lab.Options{
		Mailboxes: []string{lab.User, "mary@example.org"},
		Aliases:   map[string]string{"forward@new.example.com": "fred@example.net"},
		Outbound: []lab.Outbound{
			{Domain: "example.org", Address: behind.Addr(), Protocol: lab.LMTP},
			{Domain: "example.net", Address: mx.Addr()},
		}})
	c := dial(t, p.Addr("smtp"), nil) // from outside
	c.Dialogue([][2]string{
		{"ehlo client.example.org", "250"}, {"mail from:<alice@example.org>", "250"},
		{"rcpt to:<fred@example.net>", "554 5.7.1"},
		{"rcpt to:<nobody@example.org>", "550 5.1.1"},
		{"rcpt to:<mary@example.org>", "250"}, {"rcpt to:<forward@new.example.com>", "250"},
		{"data", "354"}, {"Subject: both\r\n\r\nHi\r\n.", "250"},
	})
	for s, to := range map[*server.Server]string{behind: "mary@example.org", mx: "fred@example.net"} {
		eventually(t, func() error {
			if got := s.Messages(); len(got) != 1 || !slices.Equal(got[0].To, []string{to}) || got[0].From != "alice@example.org" {
				return fmt.Errorf("to %s: %+v", to, got)
			}
			return nil
		})
	}
}

// Who sends mail is told what became of it, in their Maildir: that it was refused, or delivered if they ask.
func TestReports(t *testing.T) {
	t.Parallel()
	mx := listen(t, server.Polite{On: server.Answers{"rcpt": server.Say("550 5.1.1 no such user")}})
	p := labtest.Private(t, lab.Options{Outbound: []lab.Outbound{{Domain: "example.net", Address: mx.Addr()}}})
	for _, part := range []string{"new", "cur", "tmp"} {
		if info, err := os.Stat(filepath.Join(p.Maildir(lab.User), part)); err != nil || !info.IsDir() {
			t.Errorf("before any delivery: %v", err)
		}
	}
	for _, row := range []struct{ reason, from, to, want string }{
		{"refused", "<" + lab.User + ">", "<fred@example.net>", "Action: failed\nStatus: 5.1.1\n"},
		{"delivered", "<" + lab.User + "> ret=HDRS envid=id1", "<" + lab.User + "> notify=SUCCESS", "Action: delivered\nStatus: 2.0.0\n"},
		{"relayed", "<" + lab.User + "> envid=id2", "<a@example.com> notify=SUCCESS orcpt=rfc822;b@example.com", "Action: delivered\n"},
	} {
		id := sendAs(t, p, row.from, row.to)
		var report []byte
		eventually(t, func() error {
			files, err := filepath.Glob(filepath.Join(p.Maildir(lab.User), "new", "*"))
			for _, file := range files {
				text, _ := os.ReadFile(file)
				if strings.Contains(string(text), "X-Postfix-Queue-ID: "+id+"\n") {
					report = text
				}
			}
			if report == nil {
				return fmt.Errorf("%s: no report among %q: %v", row.reason, files, err)
			}
			return nil
		})
		text := string(report)
		for _, want := range []string{"Return-Path: <>\n", "Content-Type: multipart/report; report-type=delivery-status;", row.want} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: the report lacks %q:\n%s", row.reason, want, text)
			}
		}
	}
}

// What would not lead to loopback, or not be one entry of a file, is refused before anything starts.
func TestOutboundThatCannotBe(t *testing.T) {
	t.Parallel()
	_ = labtest.ForTest(t, lab.Options{}) // skips where there is no Postfix
	const here = "127.0.0.1:2525"
	for _, row := range []struct {
		o    lab.Options
		want string
	}{
		{lab.Options{Outbound: []lab.Outbound{{Domain: "example.net", Address: "192.0.2.1:25"}}}, "mail is sent nowhere else"},
		{lab.Options{Outbound: []lab.Outbound{{Domain: "example.net", Address: "[::1]:25"}}}, "no 127.0.0.1:PORT"},
		{lab.Options{Outbound: []lab.Outbound{{Domain: "example.net", Address: "localhost:25"}}}, "no 127.0.0.1:PORT"},
		{lab.Options{Outbound: []lab.Outbound{{Domain: "example.net", Address: "127.0.0.1:0"}}}, "no 127.0.0.1:PORT"},
		{lab.Options{Outbound: []lab.Outbound{{Domain: "example net", Address: here}}}, "is no domain"},
		{lab.Options{Outbound: []lab.Outbound{{Domain: "a.example", Address: here}, {Domain: "A.example", Address: here}}}, "two ways"},
		{lab.Options{Outbound: []lab.Outbound{{Domain: "a.example", Address: here, Protocol: 7}}}, "no protocol 7"},
		{lab.Options{Outbound: []lab.Outbound{{Domain: "a.example", Address: here, User: "a:b"}}}, "a colon"},
		{lab.Options{Outbound: []lab.Outbound{{Domain: "a.example", Address: here, Settings: []string{"queue_directory=/"}}}}, "is not smtp_…=value"},
		{lab.Options{Outbound: []lab.Outbound{{Domain: "a.example", Address: here, Settings: []string{"smtp_x=} -v { y"}}}}, "do not match"},
		{lab.Options{Outbound: []lab.Outbound{{Domain: "a.example", Address: here, Protocol: lab.LMTP, Settings: []string{"smtp_x=y"}}}}, "is not lmtp_…=value"},
		{lab.Options{Aliases: map[string]string{"a@example.net": lab.User}}, "no domain that has a mailbox"},
		{lab.Options{Aliases: map[string]string{lab.User: "a@b"}}, "is a mailbox"},
		{lab.Options{Aliases: map[string]string{"a@new.example.com": "b, c"}}, "no plain address"},
		{lab.Options{Retry: -1}, "no time to wait"},
	} {
		server, err := lab.Start(t.Context(), row.o)
		if err == nil {
			t.Errorf("started, want an error with %q: %v", row.want, server.Stop())
		} else if !strings.Contains(err.Error(), row.want) {
			t.Errorf("got error %v, want %q", err, row.want)
		}
	}
}
