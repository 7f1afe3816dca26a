package dovecot_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"smtplay/engine/lab"
	"smtplay/engine/lab/dovecot"
	"smtplay/engine/lab/labtest"
)

func TestMain(m *testing.M) { labtest.Main(m) }

// One message to two recipients, of whom one has no room for it.
func TestLMTP(t *testing.T) {
	t.Parallel()
	server := labtest.Dovecot(t, dovecot.Options{})
	c := labtest.Dial(t, server.Addr("lmtp"), nil)
	c.Expect("220 maila.example.com Dovecot")
	if got := c.Say("lhlo client.example.org", "250"); !strings.Contains(got, "PIPELINING") || !strings.Contains(got, "CHUNKING") || strings.Contains(got, "STARTTLS") {
		t.Errorf("the reply to LHLO is %q", got)
	}
	c.Dialogue([][2]string{
		{"mail from:<>", "250 2.1.0"},
		{"rcpt to:<" + lab.User + ">", "250 2.1.5"},
		{"rcpt to:<" + dovecot.Full + ">", "250 2.1.5"},
		{"rcpt to:<nobody@new.example.com>", "550 5.1.1"},
		{"rcpt to:<james@example.com>", "550 5.1.1"},
		{"data", "354"},
		{"Subject: quota\r\n\r\nHi\r\n.", "250 2.0.0 <" + lab.User + ">"},
	})
	c.Expect("552 5.2.2 <" + dovecot.Full + "> Quota exceeded")
	c.Say("quit", "221")
	letter := labtest.Delivered(t, server.Messages, "new.example.com/james")
	if !bytes.HasSuffix(letter, []byte("\nSubject: quota\n\nHi\n")) {
		t.Errorf("the message is %q", letter)
	}
	all, err := server.Messages()
	if err != nil || len(all) != 1 {
		t.Errorf("%d messages, %v, want one", len(all), err)
	}
}

// Postfix lets in whom Dovecot knows, and no other.
func TestPostfixAsksDovecot(t *testing.T) {
	t.Parallel()
	server := labtest.Dovecot(t, dovecot.Options{Mechanisms: []string{"PLAIN", "LOGIN", "SCRAM-SHA-256"}})
	postfix := labtest.Private(t, lab.Options{MainCF: server.PostfixSettings(), Users: map[string]string{}})
	c := labtest.Dial(t, postfix.Addr("submission"), nil)
	c.Expect("220")
	c.Say("ehlo client.example.org", "250")
	if got := c.StartTLS(labtest.Trusting(t, postfix.CAFile())); !strings.Contains(got, "\n250-AUTH PLAIN LOGIN SCRAM-SHA-256\n") {
		t.Errorf("the reply to EHLO is %q", got)
	}
	plain := func(user, password string) string {
		return "auth plain " + base64.StdEncoding.EncodeToString([]byte("\x00"+user+"\x00"+password))
	}
	c.Dialogue([][2]string{
		{plain(lab.User, "wrong"), "535 5.7.8 Error: authentication failed"},
		{plain("nobody@new.example.com", lab.Password), "535 5.7.8 Error: authentication failed"},
		{plain(lab.User, lab.Password), "235 2.7.0 Authentication successful"},
		{"mail from:<james@new.example.com>", "250"},
		{"rcpt to:<james@example.com>", "250"},
	})
}

func TestStopLeavesNothing(t *testing.T) {
	t.Parallel()
	server := labtest.Dovecot(t, dovecot.Options{})
	c := labtest.Dial(t, server.Addr("lmtp"), nil) // so that one of its children is at work
	c.Expect("220")
	labtest.LeavesNothing(t, server.Daemon)
}

func TestStartSaysWhy(t *testing.T) {
	t.Parallel()
	labtest.Dovecot(t, dovecot.Options{}) // skips where there can be none
	_, err := dovecot.Start(t.Context(), dovecot.Options{Settings: "no_such_setting = x"})
	labtest.SaysWhy(t, err, "no_such_setting")
}
