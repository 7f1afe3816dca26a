package main

import (
	"slices"
	"strings"
	"testing"

	"smtplay/engine/wire"
)

func offered(t testing.TB, lines ...string) *wire.Capabilities {
	t.Helper()
	r, err := wire.ParseReply([]byte("250-here\r\n250-" + strings.Join(lines, "\r\n250-") + "\r\n250 HELP\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	caps := wire.ParseCapabilities(r)
	return &caps
}

func TestCompleted(t *testing.T) {
	caps := offered(t, "AUTH PLAIN SCRAM-SHA-256", "SIZE 100", "8BITMIME", "DSN", "XCLIENT NAME")
	for _, row := range []struct {
		line, begun string
		several     []string
		reason      string
	}{
		{"EH", "EHLO ", nil, "a command and its blank"},
		{"eh", "ehlo ", nil, "small letters go on as small letters"},
		{"EHLO ", "EHLO client.example.org", nil, "our own name"},
		{"MA", "MAIL FROM:<", nil, "up to where the address begins"},
		{"rc", "rcpt to:<", nil, ""},
		{"R", "R", []string{"RCPT TO:<", "RSET"}, "more than one: they are listed"},
		{"AUTH ", "AUTH ", []string{"PLAIN", "SCRAM-SHA-256"}, "what the server offers"},
		{"/au", "/auth ", nil, "a slash command"},
		{"/auth s", "/auth scram-sha-256 ", nil, ""},
		{"/s", "/s", []string{"/starttls", "/save"}, ""},
		{"/st", "/starttls", nil, ""},
		{"MAIL FROM:<a@b.c> B", "MAIL FROM:<a@b.c> BODY=8BITMIME", nil, "a parameter that is offered"},
		{"mail from:<a@b.c> ", "mail from:<a@b.c> ", []string{"size=", "body=8bitmime", "ret=", "envid="}, ""},
		{"RCPT TO:<a@b.c> ", "RCPT TO:<a@b.c> ", []string{"NOTIFY=", "ORCPT="}, "others than those of MAIL"},
		{"MAIL FROM:", "MAIL FROM:<", nil, "no parameter before the address"},
		{"XC", "XCLIENT ", nil, "an extension that is offered"},
		{"ETR", "ETR", nil, "one that is not"},
		{"nonsense", "nonsense", nil, "nothing fits: nothing changes"},
		{"QUIT", "QUIT", nil, "whole already"},
	} {
		begun, several := completed(row.line, vocabulary(caps, "client.example.org"))
		if begun != row.begun || !slices.Equal(several, row.several) {
			t.Errorf("%q becomes %q, or %q; want %q, or %q (%s)", row.line, begun, several, row.begun, row.several, row.reason)
		}
	}
	if _, several := completed("", vocabulary(nil, "x")); !slices.Contains(several, "EHLO") || !slices.Contains(several, "/help") || slices.Contains(several, "EHLO x") {
		t.Errorf("all there is: %q", several)
	}
}

// Whatever is typed stays as it was typed.
func FuzzCompleted(f *testing.F) {
	words := vocabulary(offered(f, "AUTH PLAIN", "SIZE 100", "DSN"), "client.example.org")
	for _, line := range []string{"", "e", "MAIL FROM:<a> ", "rcpt to:<>x ", "/auth ", "é", "\xff", "… "} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		begun, several := completed(line, words)
		if !strings.HasPrefix(begun, line) || len(several) == 1 {
			t.Errorf("%q becomes %q, or %q", line, begun, several)
		}
	})
}
