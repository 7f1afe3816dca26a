package chasquid_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"smtplay/engine/lab"
	"smtplay/engine/lab/chasquid"
	"smtplay/engine/lab/daemon"
	"smtplay/engine/lab/labtest"
)

var (
	goodLogin = base64.StdEncoding.EncodeToString([]byte("\x00" + lab.User + "\x00" + lab.Password))
	badLogin  = base64.StdEncoding.EncodeToString([]byte("\x00" + lab.User + "\x00wrong"))
)

func TestListeners(t *testing.T) {
	t.Parallel()
	server := labtest.Chasquid(t, chasquid.Options{})
	offers := "250-8BITMIME\n250-PIPELINING\n250-SMTPUTF8\n250-ENHANCEDSTATUSCODES\n250-SIZE 30408704\n"
	for _, view := range []labtest.View{
		{Listener: "smtp", Has: offers + "250-STARTTLS\n", HasNot: "AUTH", Lines: [][2]string{
			{"mail from:<james@example.org>", "250 2.1.5"},
			{"rcpt to:<james@example.com>", "503 5.7.1 Relay not allowed"},
			{"rcpt to:<nobody@new.example.com>", "550 5.1.1 Destination address is unknown"},
			{"rcpt to:<james@new.example.com>", "250 2.1.5"},
		}},
		{Listener: "smtp", HasNot: "AUTH", Lines: [][2]string{
			{"auth PLAIN " + goodLogin, "503 5.7.10"},
			{"mail from:<james@example.org>", "250"},
			{"rcpt to:<postmaster>", "501 5.1.3"},
			{"noop", "250"},
			{"vrfy james", "421 4.5.0 Too many errors"},
		}},
		{Listener: "smtp", TLS: true, Has: offers + "250-AUTH PLAIN\n", HasNot: "STARTTLS", Lines: [][2]string{
			{"auth plain " + goodLogin, "534 5.7.9"}, // names of mechanisms are in capitals
			{"auth PLAIN " + badLogin, "535 5.7.8"},
			{"auth PLAIN " + goodLogin, "235 2.7.0"},
			{"mail from:<james@new.example.com>", "250"},
			{"rcpt to:<james@example.com>", "250"},
		}},
		{Listener: "submission", Has: "STARTTLS", HasNot: "AUTH", Lines: [][2]string{
			{"mail from:<james@new.example.com>", "550 5.7.9 Mail to submission port must be authenticated"},
		}},
		{Listener: "submissions", Wrapped: true, Has: "AUTH PLAIN", HasNot: "STARTTLS", Lines: [][2]string{
			{"mail from:<james@new.example.com>", "550 5.7.9"},
			{"auth PLAIN " + goodLogin, "235"},
			{"mail from:<james@new.example.com>", "250"},
			{"rcpt to:<james@example.com>", "250"},
		}},
	} {
		t.Run(view.String(), func(t *testing.T) {
			t.Parallel()
			view.Check(t, server.Addr(view.Listener), server.CAFile(), "220 maila.example.com ESMTP chasquid")
		})
	}
}

// What is for james arrives. What is for elsewhere stays: the look-up of where to send it fails at
// once, before a packet leaves.
func TestDelivered(t *testing.T) {
	t.Parallel()
	server := labtest.Chasquid(t, chasquid.Options{})
	c := labtest.Dial(t, server.Addr("submissions"), labtest.Trusting(t, server.CAFile()))
	c.Expect("220")
	c.Dialogue([][2]string{
		{"ehlo client.example.org", "250"},
		{"auth PLAIN " + goodLogin, "235"},
		{"mail from:<james@new.example.com>", "250"},
		{"rcpt to:<james@new.example.com>", "250"},
		{"rcpt to:<james@example.com>", "250"},
		{"data", "354"},
		{"Subject: delivery\r\n\r\nHi\r\n.", "250 2.0.0"},
	})
	letter := labtest.Delivered(t, server.Messages, "new.example.com/james")
	if !bytes.HasSuffix(letter, []byte("\nSubject: delivery\n\nHi\n")) {
		t.Errorf("the message is %q", letter)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	const stays = "to=james@example.com failed (temporary)"
	if err := daemon.WaitUntil(ctx, func() bool { return strings.Contains(server.Log(), stays) }); err != nil {
		t.Errorf("the log has no %q", stays)
	}
	if !strings.Contains(server.Log(), "[fe80::1]:53: connect: invalid argument") {
		t.Error("the look-up did not fail as it should")
	}
}

func TestStopLeavesNothing(t *testing.T) {
	t.Parallel()
	server := labtest.Chasquid(t, chasquid.Options{})
	labtest.LeavesNothing(t, server.Daemon)
}

func TestStartSaysWhy(t *testing.T) {
	t.Parallel()
	good := labtest.Chasquid(t, chasquid.Options{}) // skips where there can be none
	_, err := chasquid.Start(t.Context(), chasquid.Options{Root: good.Root(), Settings: "no_such_setting: 1"})
	labtest.SaysWhy(t, err, "no_such_setting")
}
