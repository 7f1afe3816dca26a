package main

import (
	"io"
	"path/filepath"
	"strings"
	"testing"

	"smtplay/engine"
	"smtplay/engine/server"
	"smtplay/engine/transcript"
)

// inSession is a session with a server, greeted, without anybody who types.
func inSession(t *testing.T, play server.Handler) *dialogue {
	t.Helper()
	srv := server.Start(t, play)
	redact := &transcript.Redactor{}
	redact.Add("password", "yourpassword")
	files, err := reserve(filepath.Join(t.TempDir(), "session"), "", false, redact)
	if err != nil {
		t.Fatal(err)
	}
	d := &dialogue{p: &process{stderr: io.Discard, redact: redact}, files: files, screen: newScreen(io.Discard, false), in: &piped{}}
	d.passwords = passwords{redact: redact, declared: map[string]string{"password": "yourpassword"}}
	if err := d.connect(t.Context(), &peer{address: srv.Addr(), options: engine.Options{Secrets: redact}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.conn.Close(); files.smtp.Close() })
	if err := d.greeted(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

// What the server says between two commands belongs to neither, and a command
// that it comes before is sent all the same.
func TestLateReply(t *testing.T) {
	twice := server.Send("250 ok\r\n250 late\r\n")
	d := inSession(t, server.Polite{Users: map[string]string{"james": "yourpassword"}, On: server.Answers{"noop": twice, "ehlo": server.Send("250-here\r\n250 AUTH PLAIN\r\n250 late\r\n")}}.Serve)
	for _, line := range []string{"NOOP", "RSET", "EHLO x"} {
		if err := d.exchange(t.Context(), line, true); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	if err := d.auth(t.Context(), "PLAIN james"); err != nil {
		t.Fatal(err)
	}
	var steps []string
	for _, s := range d.steps {
		steps = append(steps, s.what+"/"+s.fixed)
	}
	const by = "the server said what came last by itself"
	if got, want := strings.Join(steps, ", "), "NOOP/, /"+by+", RSET/, EHLO x/, /"+by+", AUTH PLAIN/"; got != want {
		t.Errorf("steps %s\nwant  %s", got, want)
	}
	if smtp := d.files.now(t); !strings.Contains(smtp, "C: NOOP\nS: 250 ok\nS: 250 late\nC: RSET\n") || !strings.Contains(smtp, "S: 250 late\nC: AUTH PLAIN [sasl user=james secret=password]\nS: 235") {
		t.Errorf("transcript:\n%s", smtp)
	}
}

// A reply that comes in the middle of something ends it.
func TestReplyAmid(t *testing.T) {
	d := inSession(t, server.Polite{On: server.Answers{"data": server.Send("354 go\r\n421 4.3.2 no\r\n")}}.Serve)
	for _, line := range []string{"HELO x", "MAIL FROM:<a@b.c>", "RCPT TO:<a@b.c>", "DATA"} {
		if err := d.exchange(t.Context(), line, true); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	if _, ok := d.exchange(t.Context(), "text", true).(*refusal); !ok {
		t.Error("message text was sent as a command")
	}
	if len(d.steps) < 4 || d.steps[3].what != "DATA" || d.steps[3].fixed == "" {
		t.Errorf("steps %+v", d.steps)
	}
	if d.conn.AwaitsText() || d.answering() {
		t.Error("still in the message")
	}
}

// A challenge that cannot be answered leaves the AUTH open, to be given up.
func TestChallengeUnanswered(t *testing.T) {
	d := inSession(t, server.Polite{Users: map[string]string{"james": "yourpassword"}, On: server.Answers{"auth": server.Say("334 !!!").Then(0)}}.Serve)
	if err := d.exchange(t.Context(), "EHLO x", true); err != nil {
		t.Fatal(err)
	}
	err := d.auth(t.Context(), "LOGIN james")
	if _, ok := err.(*refusal); !ok || !d.answering() || d.open == nil || d.open.what != "AUTH LOGIN" {
		t.Errorf("%v, answering %v, open %+v", err, d.answering(), d.open)
	}
	if err := d.command(t.Context(), "NOOP"); err == nil {
		t.Error("a command was sent as an answer")
	}
}
