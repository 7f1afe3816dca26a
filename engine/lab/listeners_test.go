package lab_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"smtplay/engine/lab"
	"smtplay/engine/lab/labtest"
)

// The tutorial's conversations, one listener each, on the server as it is by default.
func TestListeners(t *testing.T) {
	server := labtest.ForTest(t, lab.Options{})
	auth := "AUTH PLAIN LOGIN\n250-AUTH=PLAIN LOGIN"
	for _, view := range []labtest.View{
		{Listener: "smtp", Has: "250-STARTTLS\n", HasNot: "AUTH", Lines: [][2]string{
			{"auth plain " + goodLogin, "503 5.5.1 Error: authentication not enabled"},
			{"mail from:<james@example.org>", "250 2.1.0 Ok"},
			{"rcpt to:<james@example.com>", "554 5.7.1 <james@example.com>: Relay access denied"},
			{"rcpt to:<nobody@new.example.com>", "550 5.1.1 <nobody@new.example.com>: Recipient address rejected: User unknown"},
			{"rcpt to:<postmaster>", "250 2.1.5 Ok"},
			{"rcpt to:<james@new.example.com>", "250 2.1.5 Ok"},
		}},
		{Listener: "smtp", TLS: true, Has: auth, HasNot: "STARTTLS", Lines: [][2]string{
			{"auth plain " + badLogin, "535 5.7.8 Error: authentication failed: authentication failure"},
			{"auth login", "334 VXNlcm5hbWU6"},
			{"amFtZXNAbmV3LmV4YW1wbGUuY29t", "334 UGFzc3dvcmQ6"},
			{"eW91cnBhc3N3b3Jk", "235 2.7.0 Authentication successful"},
			{"mail from:<james@example.org>", "250"},
			{"rcpt to:<james@example.com>", "250"},
		}},
		{Listener: "local", Has: "250-SIZE 30720000\n", HasNot: "XCLIENT", Lines: [][2]string{
			{"mail from:<james@example.org>", "250 2.1.0 Ok"},
			{"rcpt to:<james@example.com>", "250 2.1.5 Ok"},
		}},
		{Listener: "submission", Has: "STARTTLS", HasNot: "AUTH", Lines: [][2]string{
			{"auth plain " + goodLogin, "530 5.7.0 Must issue a STARTTLS command first"},
			{"mail from:<james@new.example.com>", "530 5.7.0 Must issue a STARTTLS command first"},
		}},
		{Listener: "submission", TLS: true, Has: auth, HasNot: "STARTTLS", Lines: [][2]string{
			{"mail from:<james@new.example.com>", "250"},
			{"rcpt to:<james@new.example.com>", "554 5.7.1 <unknown[127.0.0.1]>: Client host rejected: Access denied"},
			{"rset", "250"},
			{"auth plain " + goodLogin, "235"},
			{"mail from:<james@new.example.com>", "250"},
			{"rcpt to:<james@example.com>", "250"},
		}},
		{Listener: "submissions", Wrapped: true, Has: auth, HasNot: "STARTTLS", Lines: [][2]string{
			{"mail from:<james@new.example.com>", "250"},
			{"rcpt to:<james@new.example.com>", "554 5.7.1"},
			{"rset", "250"},
			{"auth plain " + goodLogin, "235"},
			{"mail from:<james@new.example.com>", "250"},
			{"rcpt to:<james@example.com>", "250"},
		}},
		{Listener: "xclient", Has: "250-XCLIENT NAME ADDR", HasNot: "AUTH", Lines: [][2]string{
			{"xclient name=client.example.net addr=203.0.113.7", "220"},
			{"ehlo client.example.net", "250"},
			{"mail from:<james@example.org>", "250"},
			{"rcpt to:<james@example.com>", "554 5.7.1"},
			{"rcpt to:<james@new.example.com>", "250"},
		}},
	} {
		t.Run(view.String(), func(t *testing.T) {
			t.Parallel()
			c := view.Check(t, server.Addr(view.Listener), server.CAFile(), "220 maila.example.com ESMTP Postfix")
			c.Say("quit", "221")
		})
	}
}

// What was accepted arrives in its mailbox, and what was relayed in the sink.
func TestDelivered(t *testing.T) {
	server := labtest.ForTest(t, lab.Options{})
	c := dial(t, server.Addr("local"), nil)
	c.Dialogue([][2]string{
		{"helo client.example.org", "250"},
		{"mail from:<james@example.org>", "250"},
		{"rcpt to:<james@example.com>", "250"},
		{"rcpt to:<james@new.example.com>", "250"},
		{"rcpt to:<postmaster>", "250"},
		{"data", "354"},
	})
	_, id, _ := strings.Cut(c.Say("Hi James\r\n\r\nA letter without a header.\r\n.", "250 2.0.0 Ok: queued as "), "queued as ")
	for mailbox, to := range map[string]string{
		lab.Sink: "james@example.com", "new.example.com/james": "james@new.example.com", lab.Local: "postmaster",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		m, err := server.Delivered(ctx, func(m lab.Message) bool { return m.QueueID == id && m.Mailbox == mailbox })
		if err != nil {
			t.Fatal(err)
		}
		if m.From != "james@example.org" || m.To != to {
			t.Errorf("%s: from %q to %q, want to %q", mailbox, m.From, m.To, to)
		}
		if !strings.HasSuffix(string(m.Data), "\n\nHi James\n\nA letter without a header.\n") {
			t.Errorf("%s: the message is %q", mailbox, m.Data)
		}
	}
}

func TestDeliveredGivesUp(t *testing.T) {
	server := labtest.ForTest(t, lab.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := server.Delivered(ctx, func(lab.Message) bool { return false })
	if err == nil || !strings.Contains(err.Error(), "postfix/") {
		t.Errorf("got error %v, want one with the log", err)
	}
}
