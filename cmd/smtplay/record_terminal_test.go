//go:build unix

package main

import (
	"os"
	"strings"
	"testing"

	"smtplay/engine/server"
	"smtplay/engine/transcript"
)

const enter = "\r"

// A session as people have it: edited, completed, called up again, over TLS, with
// a password that nobody sees.
func TestRecordAtTerminal(t *testing.T) {
	k := sit(t, nil, "--demo", "--helo", "client.example.org", "-o", "relay", "submission")
	k.sees("220 maila.example.com", "smtp> ")
	k.types("EHL\tx\x7f\t" + enter) // the Tab key, a letter too many, the client's own name
	k.sees("250-Hello client.example.org", "250 ")
	k.does("smtp> ", "/starttls")
	k.sees("C: STARTTLS", "the TLS handshake follows", "* tls TLS1.3", "tls> ")
	k.types("\x1b[A\x1b[A" + enter) // two up
	k.sees("EHLO client.example.org", "AUTH PLAIN LOGIN")
	k.does("tls> ", "/auth PLAIN james@new.example.com")
	k.sees("password of james@new.example.com (Enter for the secret password): ")
	k.types("hunter22" + enter)
	k.sees("C: AUTH PLAIN [sasl user=james@new.example.com secret=password2]", "535 ")
	k.does("tls> ", "/auth PLAIN james@new.example.com")
	k.sees("password of ")
	k.types(enter)
	k.sees("235 ")
	k.does("tls> ", "/cert")
	k.sees("subject  CN=maila.example.com", "verdict  verified for maila.example.com")
	k.does("tls> ", "RCPT TO:<early@example.com>")
	k.sees("503 ")
	k.does("tls> ", "/undo")
	k.sees("took out RCPT TO:<early@example.com>: the server still has it")
	k.does("tls> ", "/note a capital R and a Q mean nothing here")
	k.does("tls> ", "Q")
	k.sees("50")
	k.does("tls> ", "R")
	k.sees("50")
	k.does("tls> ", "MAIL FROM:<james@new.example.com>")
	k.does("tls> ", "RCPT TO:<james@example.com>")
	k.does("tls> ", "data")
	k.sees("354 ", "a line that holds nothing but a dot")
	k.does("text> ", "/quit is text here")
	k.does("text> ", ".dotted")
	k.does("text> ", ".")
	k.sees("250 2.0.0 ")
	k.does("tls> ", "/quit")
	k.sees("C: QUIT", "221 ", "* close client", "wrote relay.lua and relay.smtp")
	k.ends(exitPassed)
	k.never("hunter22", "yourpassword", "aHVudGVyMjI", "h1bnRlcjIy", "odW50ZXIyM")
	k.holds("relay.smtp", "C: EHLO client.example.org\n", "C: ..dotted\n", "C: /quit is text here\n", "C: R\n", "* note a capital R")
	k.lacks("relay.smtp", "early@example.com")
	k.lacks("relay.lua", "early@example.com")
}

// What the server says while nobody types is shown at once, and leaves alone
// what was begun.
func TestRecordIdle(t *testing.T) {
	speak := make(chan struct{})
	srv := server.Start(t, func(s *server.Session) {
		s.Reply("220 here")
		s.Expect("NOOP")
		s.Reply("250 ok")
		<-speak
		s.Reply("421 4.4.2 idle for too long")
		s.Drop()
	})
	k := sit(t, nil, "-o", "idle", srv.Addr())
	k.sees("220 here")
	k.does("smtp> ", "NOOP")
	k.sees("250 ok", "smtp> ")
	k.types("MAIL FR")
	k.sees("MAIL FR")
	close(speak)
	k.sees("421 4.4.2 idle for too long", "MAIL FR", "* close server", "the server closed the connection", "wrote idle.lua and idle.smtp")
	k.ends(exitPassed)
	k.holds("idle.smtp", "S: 421 4.4.2 idle for too long\n* close server\n")
}

// A line of a message that the server has ended is no command.
func TestRecordIdleMessage(t *testing.T) {
	speak := make(chan struct{})
	srv := server.Start(t, func(s *server.Session) {
		s.Reply("220 here")
		s.Expect("DATA")
		s.Reply("354 go")
		s.Expect("a line")
		<-speak
		s.Reply("421 4.4.2 too slow")
		s.Expect("QUIT")
		s.Reply("221 bye")
	})
	k := sit(t, nil, srv.Addr())
	k.does("smtp> ", "DATA")
	k.does("text> ", "a line")
	k.sees("text> ")
	k.types("VRFY me")
	k.sees("VRFY me")
	close(speak)
	k.sees("421 4.4.2 too slow", "VRFY me")
	k.types(enter)
	k.sees("error: the server has ended this by itself: the line was not sent")
	k.does("smtp> ", "QUIT")
	k.ends(exitPassed)
}

// A session may be left at any time, and what was said is kept.
func TestRecordLeft(t *testing.T) {
	asked := make(chan struct{})
	deaf := func(s *server.Session) {
		s.Reply("220 here")
		s.Expect("NOOP")
		close(asked)
		s.Hang()
	}
	for _, row := range []struct {
		name   string
		play   server.Handler
		leave  func(k *typist)
		status int
		last   string // of the transcript
	}{
		{"Ctrl-D", server.Polite{}.Serve, func(k *typist) { k.sees("smtp> "); k.types("\x04") }, exitPassed, "C: QUIT\nS: 221 2.0.0 Bye\n* close client\n"},
		{"Ctrl-C at the prompt", server.Polite{}.Serve, func(k *typist) { k.sees("smtp> "); k.types("NOO\x03") }, exitInterrupted, "ESMTP\n* close client\n"},
		{"Ctrl-C while a reply is waited for", deaf, func(k *typist) { k.does("smtp> ", "NOOP"); <-asked; k.types("\x03") }, exitInterrupted, "C: NOOP\n* close client\n"},
		{"Ctrl-C in a message", server.Polite{}.Serve, func(k *typist) {
			k.does("smtp> ", "HELO x")
			k.does("smtp> ", "MAIL FROM:<a@b.c>")
			k.does("smtp> ", "RCPT TO:<a@b.c>")
			k.does("smtp> ", "DATA")
			k.does("text> ", "half a mess")
			k.sees("text> ")
			k.types("\x03")
		}, exitInterrupted, "C: half a mess\n* close client\n"},
		{"Ctrl-D in a message", server.Polite{}.Serve, func(k *typist) {
			k.does("smtp> ", "HELO x")
			k.does("smtp> ", "MAIL FROM:<a@b.c>")
			k.does("smtp> ", "RCPT TO:<a@b.c>")
			k.does("smtp> ", "DATA")
			k.sees("text> ")
			k.types("\x04")
			k.sees("was not ended by a lone dot")
		}, exitPassed, "S: 354 "},
		{"a typed QUIT", server.Polite{}.Serve, func(k *typist) { k.does("smtp> ", "quit") }, exitPassed, "C: quit\nS: 221 2.0.0 Bye\n* close client\n"},
		{"a signal", server.Polite{}.Serve, func(k *typist) { k.sees("smtp> "); k.cmd.Process.Signal(os.Interrupt) }, exitInterrupted, "ESMTP\n* close client\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			srv := &server.Server{Handler: row.play}
			if err := srv.Listen(); err != nil {
				t.Fatal(err)
			}
			defer srv.Close()
			k := sit(t, nil, "-o", "left", srv.Addr())
			k.sees("220 ")
			row.leave(k)
			k.sees("wrote left.lua and left.smtp")
			k.ends(row.status)
			k.holds("left.smtp", row.last)
		})
	}
}

// Whatever kills the recorder, what was said so far is there, in whole lines.
func TestRecordKilled(t *testing.T) {
	srv := &server.Server{Handler: server.Polite{}.Serve}
	if err := srv.Listen(); err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	k := sit(t, nil, "-o", "killed", srv.Addr())
	k.does("smtp> ", "EHLO client.example.org")
	k.sees("250 ", "smtp> ")
	k.types("MAIL FROM:<not")
	k.sees("MAIL FROM:<not")
	k.cmd.Process.Kill()
	k.cmd.Wait()
	events, err := transcript.Decode([]byte(k.file("killed.smtp")))
	if err != nil || len(events) < 4 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	k.holds("killed.smtp", "S: 220 ", "C: EHLO client.example.org\nS: 250")
}

// Replies have the colour of their class, unless that is not wanted.
func TestRecordColours(t *testing.T) {
	play := func(s *server.Session) {
		s.Reply("220 here")
		for _, r := range []string{"250 fine", "334 ", "450 later", "550 never"} {
			s.Expect("")
			s.Reply(r)
		}
		s.Drop()
	}
	coloured := []string{"\x1b[32mS: 220 here\x1b[", "\x1b[32mS: 250 fine\x1b[", "\x1b[36mS: 334 \x1b[", "\x1b[33mS: 450 later\x1b[", "\x1b[31mS: 550 never\x1b["}
	for _, row := range []struct {
		env, args []string
		colour    bool
	}{
		{nil, nil, true},
		{[]string{"NO_COLOR=1"}, nil, false},
		{nil, []string{"--color", "never"}, false},
		{[]string{"NO_COLOR=1"}, []string{"--color=always"}, true},
	} {
		srv := server.Start(t, play)
		k := sit(t, row.env, append(row.args, srv.Addr())...)
		k.does("smtp> ", "NOOP")
		k.does("smtp> ", "AUTH LOGIN")
		k.does("auth> ", "x")
		k.does("smtp> ", "NOOP")
		k.ends(exitPassed)
		for _, want := range coloured {
			if strings.Contains(k.screen(), want) != row.colour {
				t.Errorf("%v %v: %q is shown is not %v", row.env, row.args, want, row.colour)
			}
		}
		if !row.colour {
			k.never("\x1b[3", "\x1b[2m")
		}
	}
}

// A password that is typed by hand, as base64, is on the screen as short as can
// be, and in no file.
func TestRecordTypedPassword(t *testing.T) {
	srv := server.Start(t, server.Polite{Users: map[string]string{"james": "yourpassword"}}.Serve)
	k := sit(t, nil, "-o", "typed", srv.Addr())
	k.does("smtp> ", "EHLO client.example.org")
	const plain = "AGphbWVzAHlvdXJwYXNzd29yZA==" // \0james\0yourpassword
	const wrong = "AGphbWVzAGh1bnRlcjIy"         // \0james\0hunter22
	k.does("smtp> ", "AUTH PLAIN "+wrong)
	k.sees("\x1b[1A\x1b[JC: AUTH PLAIN [sasl user=james secret=password]", "535 ")
	k.does("smtp> ", "AUTH LOGIN")
	k.does("auth> ", "amFtZXM=")
	k.sees("amFtZXM=", "334 ", "auth> ")
	hidden := len(k.screen())
	k.types("eW91cnBhc3N3b3Jk" + enter)
	k.sees("C: [secret:password2]", "235 ")
	if strings.Contains(k.screen()[hidden:], "eW91") {
		t.Error("the answer to the second challenge is shown")
	}
	k.sees("smtp> ")
	k.types("\x1b[A\x1b[A" + enter) // neither answers nor the AUTH with a password are called up again
	k.sees("EHLO client.example.org\r\n", "250 ")
	k.does("smtp> ", "QUIT")
	k.ends(exitPassed)
	for _, name := range k.files() {
		k.lacks(name, plain, wrong, "eW91cnBhc3N3b3Jk", "hunter22", "yourpassword")
	}
	k.holds("typed.smtp", "C: AUTH PLAIN [sasl user=james secret=password]\n", "C: amFtZXM=\n", "C: [secret:password2]\n")
}

// What is pasted goes out line by line, whatever it is pasted into.
func TestRecordPasted(t *testing.T) {
	srv := server.Start(t, server.Polite{}.Serve)
	k := sit(t, nil, "-o", "pasted", srv.Addr())
	k.sees("smtp> ")
	lines := []string{"EHLO client.example.org", "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.com>", "DATA", "Subject: a\tpaste", "", "text", ".", "QUIT", ""}
	k.types("\x1b[200~" + strings.Join(lines, "\r\n") + "\x1b[201~")
	k.sees("221 ")
	k.ends(exitPassed)
	got := srv.Received()
	if want := "EHLO client.example.org,MAIL FROM:<a@example.org>,RCPT TO:<b@example.com>,DATA"; !strings.HasPrefix(strings.Join(got, ","), want) || got[len(got)-1] != "QUIT" {
		t.Errorf("the server was sent %q", got)
	}
	if m := srv.Messages(); len(m) != 1 || !strings.Contains(m[0].Data, "Subject: a\tpaste\r\n\r\ntext\r\n") {
		t.Errorf("messages: %+v", m)
	}
}

// A terminal that cannot do more is used as a file is.
func TestRecordDumb(t *testing.T) {
	k := sit(t, []string{"TERM=dumb"}, "--demo", "-o", "dumb")
	k.sees("220 ")
	k.types("NOOP\rQUIT\r")
	k.sees("C: NOOP", "S: 250 ", "221 ")
	k.ends(exitPassed)
	k.never("\x1b", "smtp>")
}

// What cannot be done is told of, and the session goes on.
func TestRecordRefusals(t *testing.T) {
	k := sit(t, nil, "--demo", "-o", "refusals", "submission")
	for _, row := range []struct{ typed, told string }{
		{"/strattls", "error: unknown command /strattls\r\nsmtplay: hint: did you mean /starttls?"},
		{"/frobnicate", "hint: /help lists them"},
		{"/starttls now", "error: /starttls takes no operand"},
		{"/cert", "error: there is no certificate: the connection is in clear"},
		{"/tls", "error: the server has spoken in clear"},
		{"/undo", "error: there is nothing to take out"},
		{"/note", "error: /note is written /note TEXT"},
		{"/auth", "error: /auth is written /auth MECHANISM USER [IDENTITY]"},
		{"/auth CRAM-MD4 james", "error: smtplay has no mechanism"},
		{"/auth PLAIN james", "error: whether the server offers AUTH PLAIN is not known"},
		{"EHLO x", "S: 250 "},
		{"/auth PLAIN james", "error: the server does not offer AUTH PLAIN"},
		{"BDAT 10 LAST", "error: the octets of a chunk cannot be typed"},
		{"/starttls", "* tls "},
		{"/tls", "error: TLS is on already"},
		{"/undo", "error: nothing was taken out: what follows it was said over TLS"},
		{"EHLO x", "AUTH PLAIN LOGIN"},
		{"AUTH PLAIN", "S: 334"},
		{"/undo", "error: AUTH PLAIN is under way: nothing was taken out"},
		{"/starttls", "error: an AUTH waits for its answer: nothing was sent"},
		{"/auth PLAIN james", "error: an AUTH waits for its answer: nothing was sent"},
		{"*", "S: 501"},
		{"/undo", "took out AUTH PLAIN: the server still has it"},
		{"/undo", "took out EHLO x: the server still has it"},
		{"/save nowhere/x", "error: open nowhere/x.smtp: no such file or directory: nothing was saved"},
		{strings.Repeat("x", 5000), "error: the line is too long"},
	} {
		k.sees("> ")
		k.types(row.typed + enter)
		k.sees(row.told)
	}
	k.sees("> ")
	k.types("/quit" + enter)
	k.ends(exitPassed)
	k.lacks("refusals.smtp", "AUTH PLAIN\n", "xxxxx", "C: /")
}
