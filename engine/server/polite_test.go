package server_test

import (
	"encoding/base64"
	"errors"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"smtplay/engine/server"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

var users = map[string]string{"james": "secret"}

// hello and mail are the beginnings of most conversations.
var (
	hello = []string{"", "220 ", "EHLO me", "250-"}
	mail  = append(slices.Clip(hello), "MAIL FROM:<a@b.example>", "250 2.1.0 Ok", "RCPT TO:<c@d.example>", "250 2.1.5 Ok")
)

func after(start []string, turns ...string) []string { return append(slices.Clip(start), turns...) }

func TestPolite(t *testing.T) {
	tests := []struct {
		name  string
		p     server.Polite
		turns []string
	}{
		{"everything", server.Polite{Domain: "a.example"}, []string{
			"", "220 a.example ESMTP", "EHLO me", "250-a.example|250-PIPELINING|250-SIZE 30720000|250-VRFY|250-XCLIENT ",
			"NOOP", "250 ", "VRFY x", "252 ", "HELP", "500 ",
			"MAIL FROM:<> SIZE=3", "250 2.1.0", "RCPT TO:<\"a>b\"@c.example> NOTIFY=NEVER", "250 2.1.5", "DATA", "354 ",
			"..x\r\n.", "250 2.0.0 Ok: queued as 00010001", "HELO again", "250 a.example", "QUIT", "221 "}},
		{"order", server.Polite{}, []string{
			"", "220 ", "MAIL FROM:<a@b.example>", "503 ", "LHLO me", "500 ", "EHLO", "501 ", "EHLO me", "250-",
			"RCPT TO:<a@b.example>", "503 ", "DATA", "503 ", "MAIL a@b.example", "501 ", "MAIL FROM:a@b.example", "501 ",
			"MAIL FROM:<a@b.example", "501 ", "MAIL FROM:<a@b.example>", "250 ", "MAIL FROM:<a@b.example>", "503 ",
			"RCPT TO:<>", "501 ", "DATA", "503 ", "DATA x", "501 ", "RCPT TO:<a@b.example>", "250 ", "RSET", "250 ", "DATA", "503 ",
			"STARTTLS", "502 ", "AUTH PLAIN", "503 "}},
		{"chunks", server.Polite{}, after(mail,
			"BDAT 3\r\na", "250 ", "BDAT 4 LAST\r\nbc", "250 2.0.0 Ok: queued", "BDAT 2 LAST\r\n", "503 ",
			"BDAT", "501 ", "BDAT x", "501 ", "BDAT 1 FIRST", "501 ")},
		{"capabilities as given", server.Polite{Capabilities: []string{}}, []string{"", "220 ", "EHLO me", "250 server.example.com"}},
		{"AUTH", server.Polite{Users: users}, after(hello,
			"AUTH CRAM-MD5", "504 ", "AUTH PLAIN "+b64("\x00james\x00wrong"), "535 5.7.8", "AUTH PLAIN ~", "501 ", "AUTH PLAIN =", "535 ",
			"AUTH LOGIN", "334 VXNlcm5hbWU6", "*", "501 ", "AUTH LOGIN", "334 ", b64("james"), "334 UGFzc3dvcmQ6", b64("no"), "535 ",
			"AUTH PLAIN", "334 ", b64("\x00james\x00secret"), "235 2.7.0", "AUTH LOGIN", "503 ")},
		{"AUTH LOGIN with the user at once", server.Polite{Users: users}, after(hello, "AUTH LOGIN "+b64("james"), "334 UGFzc3dvcmQ6", b64("secret"), "235 ")},
		{"AUTH in clear", server.Polite{Users: users, AuthNeedsTLS: true}, after(hello, "AUTH PLAIN "+b64("\x00james\x00secret"), "538 ")},
		{"XCLIENT", server.Polite{}, after(mail, "XCLIENT ADDR=1.2.3.4", "503 ", "RSET", "250 ", "XCLIENT", "501 ", "XCLIENT x", "501 ",
			"XCLIENT ADDR=1.2.3.4 LOGIN=a+2Bb", "220 ", "MAIL FROM:<>", "503 ")},
		{"LMTP", server.Polite{LMTP: true, On: server.Answers{". 2": server.Say("452 4.2.2 full")}}, []string{
			"", "220 server.example.com LMTP", "EHLO me", "500 ", "LHLO me", "250-", "MAIL FROM:<a@b.example>", "250 ",
			"RCPT TO:<1@b.example>", "250 ", "RCPT TO:<2@b.example>", "250 ", "RCPT TO:<3@b.example>", "250 ", "DATA", "354 ",
			"x\r\n.", "250 2.0.0 <1@b.example>", "", "452 ", "", "250 2.0.0 <3@b.example>"}},
		{"the second RCPT", server.Polite{On: server.Answers{"rcpt": server.Say("450-try", "450 later"), "rcpt 2": server.Say("250 ok")}}, after(hello,
			"MAIL FROM:<>", "250 ", "RCPT TO:<a@b.example>", "450-try|450 later", "DATA", "503 ", "RCPT TO:<a@b.example>", "250 ok",
			"RCPT TO:<a@b.example>", "450", "DATA", "354 ")},
		{"refused greeting", server.Polite{On: server.Answers{"greeting": server.Say("554 no")}}, []string{"", "554 no", "EHLO me", "503 ", "QUIT", "221 "}},
		{"refused DATA", server.Polite{On: server.Answers{"data": server.Say("451 no")}}, after(mail, "DATA", "451 ", "NOOP", "250 ")},
		{"message refused", server.Polite{On: server.Answers{".": server.Send("554-a\n554 b\r\n")}}, after(mail, "DATA", "354 ", "x\r\n.", "554-a\n|554 b")},
		{"any verb", server.Polite{On: server.Answers{"etrn": server.Say("250 sure")}}, after(hello, "ETRN x", "250 sure")},
		{"mechanism played", server.Polite{On: server.Answers{"auth": server.Say("334 " + b64("<1@x>")), "response": server.Say("235 in")}}, after(hello,
			"AUTH CRAM-MD5", "334 ", b64("james 00"), "235 in")},
		{"a reply left out", server.Polite{On: server.Answers{"noop 1": {}}}, after(hello, "NOOP", "", "NOOP", "250 ")},
		{"function", server.Polite{On: server.Answers{"noop": server.Do(func(s *server.Session) { s.Raw("25"); s.Raw("0 hm\r\n") })}}, after(hello, "NOOP", "250 hm")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			srv := server.Start(t, test.p.Serve)
			c := dial(t, srv)
			c.talk(test.turns...)
			c.conn.Close()
			wantErr(t, srv.Wait(t.Context(), 1), nil)
		})
	}
}

// TestEndings: what a client sees of each, after one line.
func TestEndings(t *testing.T) {
	for ending, want := range map[server.Ending]error{
		server.Close: nil, server.Drop: nil, server.Reset: syscall.ECONNRESET, server.HalfClose: nil,
		server.Silence: os.ErrDeadlineExceeded, server.Hang: os.ErrDeadlineExceeded,
	} {
		t.Run(ending.String(), func(t *testing.T) {
			t.Parallel()
			// RST would overtake the line, so there the answer is the end alone.
			answer := server.Say("250 last").InSegments(3, 0)
			if ending == server.Reset {
				answer = server.Answer{}
			}
			srv := server.Start(t, server.Polite{On: server.Answers{"noop": answer.Then(ending)}}.Serve)
			c := dial(t, srv)
			c.talk(append(hello, "NOOP", "")...)
			if ending != server.Reset {
				c.talk("", "250 last")
			}
			if errors.Is(want, os.ErrDeadlineExceeded) {
				c.conn.SetDeadline(time.Now().Add(time.Millisecond))
			}
			if got, err := c.rest(); got != "" || want == nil && err != nil || !errors.Is(err, want) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestMessages(t *testing.T) {
	cert := certificate(t)
	srv := server.Start(t, server.Polite{TLS: cert.ServerConfig(), ImplicitTLS: true, Users: users, LMTP: true,
		On: server.Answers{". 1": server.Say("550 no")}}.Serve)
	c := dial(t, srv)
	c.handshake(cert)
	c.talk("", "220 ", "XCLIENT addr=1.2.3.4 NAME=+5BTEMPUNAVAIL+5D", "220 ", "LHLO me", "250-",
		"AUTH PLAIN "+b64("\x00james\x00secret"), "235 ",
		"MAIL FROM:<a@b.example>", "250 ", "RCPT TO:<no@b.example>", "250 ", "RCPT TO:<yes@b.example>", "250 ",
		"DATA", "354 ", "..\n.\r\n.", "550 ", "", "250 ")
	want := []server.Message{{Session: 1, Peer: "127.0.0.1", Verb: "LHLO", Helo: "me", From: "a@b.example", To: []string{"yes@b.example"}, Data: ".\n.\r\n",
		Recipients: []server.Recipient{{Address: "no@b.example", Accepted: true}, {Address: "yes@b.example", Accepted: true}},
		User:       "james", TLS: true, XClient: map[string]string{"ADDR": "1.2.3.4", "NAME": "[TEMPUNAVAIL]"}, Complete: true, Accepted: true}}
	got := srv.Messages()
	if len(got) != 1 || got[0].State == nil || !got[0].State.HandshakeComplete {
		t.Fatalf("got %+v", got)
	}
	got[0].State = nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if line := srv.Log()[1]; !line.TLS || line.Text() != "XCLIENT addr=1.2.3.4 NAME=+5BTEMPUNAVAIL+5D" {
		t.Errorf("logged %+v", line)
	}
}

func TestStartTLS(t *testing.T) {
	cert := certificate(t)
	base := server.Polite{TLS: cert.ServerConfig(), Users: users, AuthNeedsTLS: true}
	begin := func(t *testing.T, p server.Polite) *client {
		c := dial(t, server.Start(t, p.Serve))
		c.talk("", "220 ")
		return c
	}
	t.Run("clean", func(t *testing.T) {
		c := begin(t, base)
		c.send("EHLO me\r\n")
		if got := c.reply(); !strings.Contains(got, "250-STARTTLS") || strings.Contains(got, "AUTH") {
			t.Errorf("in clear: %q", got)
		}
		c.send("STARTTLS\r\nNOOP\r\n")
		c.talk("", "220 ")
		c.handshake(cert)
		c.send("MAIL FROM:<>\r\nEHLO me\r\nSTARTTLS\r\n")
		c.talk("", "503 ") // the NOOP was thrown away, and the EHLO forgotten
		if got := c.reply(); strings.Contains(got, "250-STARTTLS") || !strings.Contains(got, "250-AUTH PLAIN LOGIN") {
			t.Errorf("encrypted: %q", got)
		}
		c.talk("", "503 ")
	})
	t.Run("injectable", func(t *testing.T) {
		p := base
		p.Injectable = true
		c := begin(t, p)
		c.send("STARTTLS\r\nVRFY x\r\n")
		c.talk("", "220 ")
		c.handshake(cert)
		c.talk("", "252 ", "NOOP", "250 ")
	})
	t.Run("capabilities of each side", func(t *testing.T) {
		p := base
		p.Capabilities, p.CapabilitiesTLS = []string{"STARTTLS"}, []string{"AUTH=PLAIN"}
		c := begin(t, p)
		c.talk("EHLO me", "250-server.example.com|250 STARTTLS", "STARTTLS", "220 ")
		c.handshake(cert)
		c.talk("EHLO me", "250-server.example.com|250 AUTH=PLAIN")
	})
	for name, answer := range map[string]server.Answer{
		"refused":    server.Say("454 4.7.0 not now"),
		"no TLS":     server.Do(func(s *server.Session) { s.Reply("220 go"); s.Raw("250 oops\r\n"); s.Drop() }),
		"by itself":  server.Do(func(s *server.Session) { s.Reply("220 go"); s.StartTLS(cert.ServerConfig()) }),
		"nothing by": server.Say("220 go").Then(server.Drop),
	} {
		t.Run(name, func(t *testing.T) {
			p := base
			p.On = server.Answers{"starttls": answer}
			c := begin(t, p)
			switch name {
			case "refused":
				c.talk("STARTTLS", "454 ", "NOOP", "250 ")
			case "no TLS":
				c.talk("STARTTLS", "220 ", "", "250 oops")
			case "by itself":
				c.talk("STARTTLS", "220 ")
				c.handshake(cert)
				c.talk("NOOP", "250 ")
			default:
				c.talk("STARTTLS", "220 ")
				if _, err := c.rest(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestSyntheticTime: hours of waiting and single octets, over a pipe, in no time.
func TestSyntheticTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cert := certificate(t)
		srv := &server.Server{Timeout: 3 * time.Hour, Handler: server.Polite{TLS: cert.ServerConfig(), On: server.Answers{
			"noop":   server.Say("250 late").After(time.Hour).InSegments(1, time.Minute),
			"noop 2": server.Answer{}.Then(server.Silence),
		}}.Serve}
		defer srv.Close()
		c := &client{t: t, conn: srv.Pipe()}
		c = over(t, c.conn)
		c.conn.SetDeadline(time.Time{})
		c.talk("", "220 ", "EHLO me", "250-", "STARTTLS", "220 ")
		c.handshake(cert)
		begin := time.Now()
		c.talk("NOOP", "250 late")
		if took := time.Since(begin); took != time.Hour+9*time.Minute {
			t.Errorf("took %v", took)
		}
		c.send("NOOP\r\n")
		if _, err := c.in.ReadByte(); !errors.Is(err, io.EOF) {
			t.Errorf("got %v", err)
		}
		if took := time.Since(begin); took != 3*time.Hour {
			t.Errorf("ended after %v", took)
		}
		wantErr(t, srv.Wait(t.Context(), 1), server.ErrTimeout)
	})
}
