package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"smtplay/engine"
	"smtplay/engine/server"
)

// session is a whole conversation by hand, up to the first fault.
func session(k *talk, starttls bool) error {
	lines := []string{"EHLO client.example.org"}
	if starttls {
		lines = append(lines, "STARTTLS", "EHLO client.example.org")
	}
	lines = append(lines, "AUTH LOGIN", "amFtZXM=", "c2VjcmV0", "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.com>", "DATA", "Subject: x\n\ntext\n.", "QUIT")
	if _, err := k.ReadReply(k.ctx, 0); err != nil {
		return err
	}
	for _, line := range lines {
		if err := k.say(line); err != nil {
			return err
		}
		if _, err := k.ReadReply(k.ctx, 0); err != nil {
			return err
		}
		if line == "STARTTLS" {
			if err := k.Handshake(k.ctx, k.Security()); err != nil {
				return err
			}
		}
	}
	return nil
}

// phases are the places at which a server can fail, by the key of the answer
// that it leaves out, with the command that must be blamed.
var phases = []struct{ key, blamed string }{
	{"greeting", "the connect"},
	{"ehlo", "EHLO client.example.org"},
	{"starttls", "STARTTLS"},
	{"ehlo 2", "EHLO client.example.org"},
	{"auth", "AUTH LOGIN"},
	{"response", "amFtZXM="},
	{"response 2", "[secret:password]"},
	{"mail", "MAIL FROM:<a@example.org>"},
	{"rcpt", "RCPT TO:<b@example.com>"},
	{"data", "DATA"},
	{".", "."},
	{"quit", "QUIT"},
}

func polite(cert *server.Certificate, key string, a server.Answer) server.Handler {
	return server.Polite{TLS: cert.ServerConfig(), Users: map[string]string{"james": "secret"}, On: server.Answers{key: a}}.Serve
}

func TestSession(t *testing.T) {
	cert := made(t, server.CertificateOptions{})
	k := dial(t, server.Start(t, polite(cert, "none", server.Answer{})), trusting(cert))
	if err := session(k, true); err != nil {
		t.Fatal(err)
	}
	k.holds("C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: amFtZXM=\nS: 334 UGFzc3dvcmQ6\nC: [secret:password]\nS: 235", "* tls TLS1.3 ", " verified\n")
	k.lacks("c2VjcmV0")
}

// The end of a connection is told wherever it comes, with the bytes before it,
// and blamed on the command that was not answered.
func TestEnd(t *testing.T) {
	soon(t)
	cert := made(t, server.CertificateOptions{})
	for _, end := range []struct {
		name   string
		ending server.Ending
		kind   engine.Kind
		msg    string
		close  string
	}{
		{"close", server.Close, engine.Closed, "the server closed the connection", "* close server\n"},
		{"half close", server.HalfClose, engine.Closed, "the server closed the connection", "* close server\n"},
		{"drop", server.Drop, engine.Closed, "the server closed the connection", "* close server\n"}, // TLS: without its farewell
		{"reset", server.Reset, engine.Reset, "the connection was reset", "* close reset\n"},
	} {
		for _, phase := range phases {
			for _, half := range []string{"", "250-half a re"} {
				if end.ending == server.Reset && phase.key == "greeting" && half != "" {
					continue // a reset may be quicker than the connect, which loses the bytes
				}
				t.Run(fmt.Sprintf("%s/%s/%d", end.name, phase.key, len(half)), func(t *testing.T) {
					k := dial(t, server.Start(t, polite(cert, phase.key, server.Send(half).Then(end.ending))), trusting(cert))
					msg := end.msg
					if half != "" {
						msg += " in the middle of a reply"
					}
					e := wantErr(t, session(k, true), end.kind, msg)
					if e.Command.String() != phase.blamed {
						t.Errorf("blames %q, want %q", e.Command, phase.blamed)
					}
					if string(e.Got) != half {
						t.Errorf("got %q, want %q", e.Got, half)
					}
					if half != "" {
						k.holds("S: " + half + "\\\n")
					}
					k.holds(end.close)
					k.lacks("c2VjcmV0")
					wantErr(t, k.say("NOOP"), engine.Dead, "this conversation is over: "+end.msg)
					if err := k.Finish(k.ctx); err != nil {
						t.Errorf("finish: %v", err)
					}
				})
			}
		}
	}
}

// Silence ends after 30 seconds, behind the dot after 10 minutes, and nothing
// more is believed then.
func TestSilence(t *testing.T) {
	cert := made(t, server.CertificateOptions{})
	for _, phase := range phases {
		if phase.key == "starttls" || phase.key == "ehlo 2" {
			continue
		}
		for _, half := range []string{"", "250-half\r\n250"} {
			t.Run(fmt.Sprintf("%s/%d", phase.key, len(half)), func(t *testing.T) {
				bubble(t, polite(cert, phase.key, server.Send(half).Then(server.Silence)), engine.Options{}, func(k *talk) {
					err := session(k, false)
					want := 30 * time.Second
					if phase.key == "." {
						want = 10 * time.Minute
					}
					msg := "no reply within 30s"
					if phase.key == "." {
						msg = "no reply within 10m"
					}
					if half != "" {
						msg = strings.Replace(msg, "no reply", "the reply was not complete", 1)
					}
					e := wantErr(t, err, engine.Timeout, msg)
					if e.After != want || e.Command.String() != phase.blamed || string(e.Got) != half {
						t.Errorf("after %v, blames %q, got %q", e.After, e.Command, e.Got)
					}
					k.holds("* note " + msg + "\n")
					wantErr(t, k.say("NOOP"), engine.Dead, msg)
				})
			})
		}
	}
}

// What is no reply fails, and shows what came.
func TestMalformed(t *testing.T) {
	for _, row := range []struct{ name, bytes, msg, got string }{
		{"no code", "hello there\r\n", "does not begin with a code", "hello there\r\n"},
		{"code above 599", "654 x\r\n", "does not begin with a code", "654 x\r\n"},
		{"code of two digits", "25 x\r\n", "does not begin with a code", "25 x\r\n"},
		{"code of four digits", "2500 x\r\n", "after the code comes neither", "2500 x\r\n"},
		{"mixed codes", "250-a\r\n251 b\r\n", "line 2: its code differs", "250-a\r\n251 b\r\n"},
		{"a lone CR", "250 a\rb\r\n", "a CR without LF", "250 a\rb\r\n"},
		{"an empty line", "\r\n", "does not begin with a code", "\r\n"},
		{"another protocol", "+OK POP3 ready\r\n", "does not begin with a code", "+OK POP3 ready\r\n"},
		{"a TLS alert", "\x15\x03\x01\x00\x02\x02\x16", "does not begin with a code", "\x15\x03\x01\x00\x02\x02\x16"},
		{"NUL", "\x00\x00\r\n", "does not begin with a code", "\x00\x00\r\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			k := greeted(t, server.Polite{On: server.Answers{"noop": server.Send(row.bytes).Then(server.Close)}}.Serve, engine.Options{})
			if err := k.say("NOOP"); err != nil {
				t.Fatal(err)
			}
			e := k.fails(engine.Malformed, row.msg)
			if string(e.Got) != row.got {
				t.Errorf("got %q, want %q", e.Got, row.got)
			}
			wantErr(t, k.say("NOOP"), engine.Dead, "this conversation is over: what came is no SMTP reply")
		})
	}
}

// What is odd passes, with a note.
func TestDeviations(t *testing.T) {
	for _, row := range []struct{ name, bytes, note string }{
		{"bare LF", "250 ok\n", "a line ends in a bare LF"},
		{"8-bit text", "250 gr\xfc\xdfe\r\n", "8-bit text"},
		{"escape sequence", "250 \x1b[2J\r\n", "a control character"},
		{"no text", "250\r\n", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			k := greeted(t, server.Polite{On: server.Answers{"noop": server.Send(row.bytes)}}.Serve, engine.Options{})
			k.ask("NOOP", "250")
			k.holds(row.note)
			k.lacks("\x1b")
		})
	}
}
