package opensmtpd_test

import (
	"bytes"
	"encoding/base64"
	"testing"

	"smtplay/engine/lab"
	"smtplay/engine/lab/labtest"
	"smtplay/engine/lab/opensmtpd"
)

var (
	goodLogin = base64.StdEncoding.EncodeToString([]byte("\x00" + lab.User + "\x00" + lab.Password))
	badLogin  = base64.StdEncoding.EncodeToString([]byte("\x00" + lab.User + "\x00wrong"))
)

func TestListeners(t *testing.T) {
	t.Parallel()
	server := labtest.OpenSMTPD(t, opensmtpd.Options{})
	offers := "250-8BITMIME\n250-ENHANCEDSTATUSCODES\n250-SIZE 30720000\n250-DSN\n"
	for _, view := range []labtest.View{
		{Listener: "smtp", Has: offers + "250-STARTTLS\n", HasNot: "AUTH", Lines: [][2]string{
			{"auth plain " + goodLogin, "503 5.5.1"},
			{"mail from:<james@example.org>", "250 2.0.0 Ok"},
			{"rcpt to:<james@example.com>", "550 Invalid recipient"},
			{"rcpt to:<nobody@new.example.com>", "524 5.2.4 Mailing list expansion problem"},
			{"rcpt to:<postmaster>", "550 Invalid recipient"},
			{"rcpt to:<james@new.example.com>", "250 2.1.5"},
		}},
		{Listener: "smtp", TLS: true, Has: offers + "250-AUTH PLAIN LOGIN\n", HasNot: "STARTTLS", Lines: [][2]string{
			{"auth plain " + badLogin, "535"},
			{"auth plain " + goodLogin, "235 2.0.0"},
			{"mail from:<james@new.example.com>", "250"},
			{"rcpt to:<james@example.com>", "250"},
		}},
		{Listener: "local", Has: offers, HasNot: "AUTH", Lines: [][2]string{
			{"mail from:<james@example.org>", "250"},
			{"rcpt to:<james@example.com>", "250 2.1.5"},
		}},
		{Listener: "submission", Has: "STARTTLS", HasNot: "AUTH", Lines: [][2]string{
			{"mail from:<james@new.example.com>", "530 5.5.1 Invalid command: Must issue a STARTTLS command first"},
		}},
		{Listener: "submissions", Wrapped: true, Has: "AUTH PLAIN LOGIN", HasNot: "STARTTLS", Lines: [][2]string{
			{"mail from:<james@new.example.com>", "530 5.5.1 Invalid command: Must issue an AUTH command first"},
			{"auth plain " + goodLogin, "235"},
			{"mail from:<james@new.example.com>", "250"},
			{"rcpt to:<james@example.com>", "250"},
		}},
	} {
		t.Run(view.String(), func(t *testing.T) {
			t.Parallel()
			c := view.Check(t, server.Addr(view.Listener), server.CAFile(), "220 maila.example.com ESMTP OpenSMTPD")
			c.Say("quit", "221")
		})
	}
}

// What was accepted arrives in its mailbox, and what was relayed in the sink.
func TestDelivered(t *testing.T) {
	t.Parallel()
	server := labtest.OpenSMTPD(t, opensmtpd.Options{})
	c := labtest.Dial(t, server.Addr("local"), nil)
	c.Expect("220")
	c.Dialogue([][2]string{
		{"ehlo client.example.org", "250"},
		{"mail from:<james@example.org>", "250"},
		{"rcpt to:<james@example.com>", "250"},
		{"rcpt to:<james@new.example.com>", "250"},
		{"data", "354"},
		{"Subject: delivery\r\n\r\nHi\r\n.", "250 2.0.0"},
	})
	for _, mailbox := range []string{opensmtpd.Sink, "new.example.com/james"} {
		letter := labtest.Delivered(t, server.Messages, mailbox)
		if !bytes.Contains(letter, []byte("\nSubject: delivery\n")) || !bytes.HasSuffix(letter, []byte("\n\nHi\n")) {
			t.Errorf("%s: the message is %q", mailbox, letter)
		}
	}
}

func TestStopLeavesNothing(t *testing.T) {
	t.Parallel()
	server := labtest.OpenSMTPD(t, opensmtpd.Options{})
	labtest.LeavesNothing(t, server.Daemon)
}

func TestStartSaysWhy(t *testing.T) {
	t.Parallel()
	good := labtest.OpenSMTPD(t, opensmtpd.Options{}) // skips where there can be none
	_, err := opensmtpd.Start(t.Context(), opensmtpd.Options{Root: good.Root(), Settings: "no_such_setting"})
	labtest.SaysWhy(t, err, "syntax error")
}
