package engine_test

import (
	"strings"
	"testing"

	"smtplay/engine"
	"smtplay/engine/server"
)

// With a reply unread nothing is sent, and the message names what lacks it.
func TestOwed(t *testing.T) {
	for _, row := range []struct {
		name string
		play func(k *talk) error
		msg  string
	}{
		{"the greeting", func(k *talk) error { return k.say("EHLO x") }, "EHLO x was not sent: the greeting has not been read"},
		{"a command", func(k *talk) error { k.read("220"); k.say("NOOP"); return k.say("RSET") }, "RSET was not sent: the reply to NOOP has not been read, which was sent at test.lua:1"},
		{"an empty line", func(k *talk) error { k.read("220"); k.say(""); return k.say("RSET") }, "the reply to an empty line has not been read, which was sent at test.lua:1"},
		{"the rest of a pipeline", func(k *talk) error {
			k.read("220")
			k.Pipeline(k.ctx, k.pos, []string{"NOOP", "VRFY x"})
			k.read("250")
			return k.say("RSET")
		}, "the reply to VRFY x has not been read"},
		{"a pipeline", func(k *talk) error { return k.Pipeline(k.ctx, k.pos, []string{"NOOP"}) }, "NOOP was not sent: the greeting"},
		{"a handshake", func(k *talk) error { k.read("220"); k.say("STARTTLS"); return k.Handshake(k.ctx, k.Security()) }, "no handshake was begun: the reply to STARTTLS has not been read"},
		{"the end", func(k *talk) error { return k.Finish(k.ctx) }, "the test ended too early: the greeting has not been read"},
		{"the end with a command", func(k *talk) error { k.read("220"); k.say("NOOP"); return k.Finish(k.ctx) }, "the test ended too early: the reply to NOOP"},
		{"the end, behind a QUIT", func(k *talk) error {
			k.read("220")
			k.Pipeline(k.ctx, k.pos, []string{"QUIT", "NOOP"})
			return k.Finish(k.ctx)
		}, "the test ended too early: the reply to NOOP"},
	} {
		t.Run(row.name, func(t *testing.T) {
			k := dial(t, server.Start(t, server.Polite{}.Serve), engine.Options{})
			e := wantErr(t, row.play(k), engine.Owed, row.msg)
			if e.Command == nil {
				t.Error("names no command")
			}
			k.lacks("C: RSET", "C: QUIT\nC: QUIT")
		})
	}
}

// An empty line is a command like any other: only the connect is a greeting.
func TestEmptyLine(t *testing.T) {
	k := greeted(t, server.Polite{}.Serve, engine.Options{})
	r := k.ask("", "500")
	if r.Command.Greeting || r.Command.String() != "an empty line" {
		t.Errorf("answers %q", r.Command)
	}
}

// Bytes that nothing asked for fail the next command, in clear and under TLS;
// they stay unread, so that none is ever taken for the answer to a command.
func TestUnasked(t *testing.T) {
	cert := made(t, ageless)
	for _, tls := range []bool{false, true} {
		for _, row := range []struct{ name, bytes, first string }{
			{"a second reply", "250 ok\r\n250 again\r\n", "250 again"},
			{"an idle 421", "250 ok\r\n421 bye\r\n", "421 bye"},
			{"a reply and a half", "250 ok\r\n250-ag", ""},
			{"noise", "250 ok\r\nnoise\r\n", ""},
		} {
			t.Run(row.name, func(t *testing.T) {
				bubble(t, server.Polite{TLS: cert.ServerConfig(), On: server.Answers{"noop": server.Send(row.bytes)}}.Serve, trusting(cert), func(k *talk) {
					k.read("220")
					if tls {
						k.secure("localhost", cert)
					}
					k.ask("NOOP", "250 ok")
					e := wantErr(t, k.say("RSET"), engine.Unasked, "before RSET was sent, the server had said something that nothing asked for")
					if want := strings.TrimPrefix(row.bytes, "250 ok\r\n"); string(e.Got) != want {
						t.Errorf("got %q, want %q", e.Got, want)
					}
					wantErr(t, k.say("RSET"), engine.Unasked, "before RSET")
					if row.first != "" {
						k.read(row.first)
						k.ask("RSET", "250")
					}
					k.Close()
					k.holds("S: " + strings.SplitN(row.bytes, "\r\n", 3)[1])
				})
			})
		}
	}
}

// secure does STARTTLS.
func (k *talk) secure(name string, cert *server.Certificate) {
	k.t.Helper()
	k.ask("STARTTLS", "220")
	if err := k.Handshake(k.ctx, engine.TLSOptions{Name: name, CA: cert.Pool}); err != nil {
		k.t.Fatal(err)
	}
}

// The tickets of TLS 1.3, which a server sends behind the handshake, are not
// speech; a reply that comes with them is.
func TestTicketsAreNoSpeech(t *testing.T) {
	cert := made(t, server.CertificateOptions{})
	k := greeted(t, server.Polite{TLS: cert.ServerConfig()}.Serve, engine.Options{})
	k.secure("localhost", cert)
	for range 3 {
		k.ask("NOOP", "250")
	}
	if err := k.Finish(k.ctx); err != nil {
		t.Fatal(err)
	}
	k.holds("C: QUIT\nS: 221 2.0.0 Bye\n")
}

// raw lifts the rule on unasked bytes, until a reply is read.
func TestRawLiftsTheRule(t *testing.T) {
	bubble(t, server.Polite{}.Serve, engine.Options{}, func(k *talk) {
		k.read("220")
		k.raw("NOOP\r\nVRFY x\r\nRSET\r\n")
		r := k.read("250 2.0.0 Ok")
		if r.Command != nil {
			t.Errorf("answers %q", r.Command)
		}
		wantErr(t, k.say("NOOP"), engine.Unasked, "before NOOP was sent")
		k.read("252")
		k.read("250")
		k.ask("NOOP", "250")
	})
}

func TestPipeline(t *testing.T) {
	k := greeted(t, server.Polite{}.Serve, engine.Options{})
	lines := []string{"EHLO x", "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.com>", "DATA"}
	if err := k.Pipeline(k.ctx, k.pos, lines); err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		r, err := k.ReadReply(k.ctx, 0)
		if err != nil || r.Command.String() != line {
			t.Fatalf("%s: %v %v", line, r, err)
		}
	}
	if !k.AwaitsText() {
		t.Fatal("no text is awaited")
	}
	wantErr(t, k.Pipeline(k.ctx, k.pos, []string{"NOOP"}), engine.Misuse, "after a 354 comes message text")
	k.ask("text\n.", "250")
	wantErr(t, k.say("NOOP\nRSET"), engine.Misuse, "a command is one line")
	wantErr(t, k.say("NOOP\r"), engine.Misuse, "a command is one line")
	k.ask("NOOP", "250")
}

// The text of a message may be the first of a group, and nothing less than all of it.
func TestPipelineText(t *testing.T) {
	k := greeted(t, server.Polite{}.Serve, engine.Options{})
	say := func(text string, lines ...string) error { return k.PipelineText(k.ctx, k.pos, text, lines) }
	wantErr(t, say("text\n."), engine.Misuse, "comes after a 354")
	k.ask("EHLO x", "250")
	k.ask("MAIL FROM:<a@example.org>", "250")
	k.ask("RCPT TO:<b@example.com>", "250")
	k.ask("DATA", "354")
	for _, row := range []struct{ text, why string }{
		{"text", "the commands would be message text"},
		{"", "so would they here"},
		{"text\n..", "two dots are one dot of the text"},
		{"text\n.\nRSET", "a command is an entry of its own"},
	} {
		if err := say(row.text, "RSET"); !engine.IsKind(err, engine.Misuse) {
			t.Errorf("%q: %v (%s)", row.text, err, row.why)
		}
	}
	if err := say("text\n.", "MAIL FROM:<>", "RCPT TO:<b@example.com>", "DATA"); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{".", "MAIL FROM:<>", "RCPT TO:<b@example.com>", "DATA"} {
		r, err := k.ReadReply(k.ctx, 0)
		if err != nil || r.Command.String() != command || r.Command.Final != (command == ".") {
			t.Fatalf("%s: %v %v", command, r, err)
		}
	}
	if err := say(".", "RSET", "QUIT"); err != nil { // an empty message
		t.Fatal(err)
	}
	k.read("250")
	wantErr(t, k.Finish(k.ctx), engine.Owed, "the reply to RSET has not been read")
}

// Between a 354 and the lone dot lines are message text.
func TestMessageText(t *testing.T) {
	for _, row := range []struct {
		name, text, wire string
		over             bool
		misuse           bool
	}{
		{"a line", "text", "text\r\n", false, false},
		{"an empty line", "", "\r\n", false, false},
		{"lines with any line end", "a\nb\r\nc\rd", "a\r\nb\r\nc\r\nd\r\n", false, false},
		{"a dot that is not alone", ". ", ". \r\n", false, false},
		{"dots are not doubled by hand", "..a", "..a\r\n", false, false},
		{"the lone dot", ".", ".\r\n", true, false},
		{"text and the lone dot", "a\n.\n", "a\r\n.\r\n", true, false},
		{"text behind the lone dot", "a\n.\nNOOP", "", false, true},
		{"two lone dots", ".\n.", "", false, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			var got string
			k := greeted(t, func(s *server.Session) {
				s.Reply("220 x")
				s.ReadLine()
				s.Reply("354 go")
				if !row.misuse {
					got, _ = s.ReadBytes(len(row.wire))
					s.Reply("250 ok")
				}
				s.WaitClose()
			}, engine.Options{})
			k.ask("DATA", "354")
			err := k.say(row.text)
			if row.misuse {
				wantErr(t, err, engine.Misuse, "the text goes on after the lone dot")
				if !k.AwaitsText() {
					t.Error("the message is over")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			k.read("250")
			if _, owes := k.Owes(); got != row.wire || owes {
				t.Errorf("the wire has %q, want %q", got, row.wire)
			}
		})
	}
}

// What is not a 354 begins no message.
func TestDataAnsweredOtherwise(t *testing.T) {
	for _, code := range []string{"250 ok", "554 no", "421 bye"} {
		k := greeted(t, server.Polite{On: server.Answers{"data": server.Say(code)}}.Serve, engine.Options{})
		k.ask("DATA", code)
		if k.AwaitsText() {
			t.Error(code, "begins a message")
		}
		k.ask("NOOP", "250")
	}
}

// A reply in the middle of the message is seen before more is sent.
func TestEarlyReply(t *testing.T) {
	bubble(t, func(s *server.Session) {
		s.Reply("220 x")
		s.ReadLine()
		s.Reply("354 go")
		s.ReadLine()
		s.Reply("552 5.3.4 too big")
		s.WaitClose()
	}, engine.Options{}, func(k *talk) {
		k.read("220")
		k.ask("DATA", "354")
		if err := k.say("one"); err != nil {
			t.Fatal(err)
		}
		e := wantErr(t, k.say("two"), engine.Unasked, "before the message text was sent")
		if string(e.Got) != "552 5.3.4 too big\r\n" {
			t.Errorf("got %q", e.Got)
		}
		k.read("552")
		if k.AwaitsText() {
			t.Error("the message is not over")
		}
	})
}

// A server that refuses in the middle of a large message and hangs up: what it
// said is shown, whatever the write met.
func TestRefusalWhileWriting(t *testing.T) {
	soon(t)
	for _, ending := range []server.Ending{server.Close, server.Reset} {
		t.Run(ending.String(), func(t *testing.T) {
			k := greeted(t, func(s *server.Session) {
				s.Reply("220 x")
				s.ReadLine()
				s.Reply("354 go")
				s.ReadLine()
				s.Reply("552 5.3.4 too big")
				if ending == server.Reset {
					s.Reset()
				}
			}, engine.Options{})
			k.ask("DATA", "354")
			err := k.Message(k.ctx, k.pos, []byte(strings.Repeat("line\n", 4<<20)))
			e := wantErr(t, err, engine.Reset, "the server closed the connection while it was sent to")
			if string(e.Got) != "552 5.3.4 too big\r\n" || e.Command.String() != "." {
				t.Errorf("got %q, blames %q", e.Got, e.Command)
			}
			k.holds("S: 552 5.3.4 too big\n* close reset\n")
		})
	}
}

// LMTP owes one reply for each accepted recipient, and one line each names them.
func TestLMTP(t *testing.T) {
	k := greeted(t, server.Polite{LMTP: true, On: server.Answers{"rcpt 2": server.Say("550 no"), ". 2": server.Say("452 full")}}.Serve, engine.Options{})
	k.ask("LHLO x", "250")
	k.ask("MAIL FROM:<>", "250")
	for i, to := range []string{"a@example.com", "b@example.com", `"x>y"@example.com`} {
		k.ask("RCPT TO:<"+to+">", []string{"250", "550", "250"}[i])
	}
	if got := strings.Join(k.Recipients(), " "); got != `a@example.com "x>y"@example.com` {
		t.Errorf("recipients %s", got)
	}
	k.ask("DATA", "354")
	if err := k.say("text\n."); err != nil {
		t.Fatal(err)
	}
	if r := k.read("250"); r.Command.For != "a@example.com" {
		t.Errorf("for %q", r.Command.For)
	}
	wantErr(t, k.say("NOOP"), engine.Owed, `the reply to . for "x>y"@example.com has not been read`)
	if r := k.read("452"); r.Command.For != `"x>y"@example.com` {
		t.Errorf("for %q", r.Command.For)
	}
	k.ask("MAIL FROM:<>", "250")
	if got := k.Recipients(); len(got) != 0 {
		t.Errorf("recipients of the transaction before: %v", got)
	}
}

// Capabilities are those of the last EHLO, and forgotten where they may change.
func TestCapabilities(t *testing.T) {
	cert := made(t, server.CertificateOptions{})
	k := greeted(t, server.Polite{TLS: cert.ServerConfig(), On: server.Answers{"ehlo 2": server.Say("550 no")}}.Serve, engine.Options{})
	unknown := func() {
		t.Helper()
		_, err := k.Capabilities()
		wantErr(t, err, engine.Unknown, "no EHLO has been answered")
	}
	known := func(want bool) {
		t.Helper()
		if caps, err := k.Capabilities(); err != nil || caps.Offers("STARTTLS", "") != want {
			t.Errorf("%v, %v", caps, err)
		}
	}
	unknown()
	k.ask("EHLO x", "250")
	known(true)
	k.ask("NOOP", "250")
	known(true)
	k.ask("EHLO x", "550")
	unknown()
	k.ask("EHLO x", "250")
	k.ask("XCLIENT NAME=x", "220")
	unknown()
	k.ask("EHLO x", "250")
	k.secure("localhost", cert)
	unknown()
	k.ask("EHLO x", "250")
	known(false)
}

func TestFinish(t *testing.T) {
	for _, row := range []struct {
		name string
		on   server.Answers
		play func(k *talk)
		ends string // how the transcript ends
		kind engine.Kind
	}{
		{"a good end", nil, func(k *talk) { k.ask("NOOP", "250") }, "C: QUIT\nS: 221 2.0.0 Bye\n* close client\n", 0},
		{"QUIT refused", server.Answers{"quit": server.Say("500 no")}, func(*talk) {}, "C: QUIT\nS: 500 no\n* close client\n", 0},
		{"QUIT unanswered", server.Answers{"quit": server.Answer{Ending: server.Silence}}, func(*talk) {}, "C: QUIT\n* note no reply within 2s\n* close client\n", 0},
		{"QUIT answered with noise", server.Answers{"quit": server.Send("noise\r\n")}, func(*talk) {}, "S: noise\n* note malformed reply: it does not begin with a code from 200 to 599\n* close client\n", 0},
		{"QUIT was sent", nil, func(k *talk) { k.say("quit") }, "C: quit\nS: 221 2.0.0 Bye\n* close client\n", 0},
		{"QUIT was sent and answered", nil, func(k *talk) { k.ask("QUIT", "221") }, "C: QUIT\nS: 221 2.0.0 Bye\n* close client\n", 0},
		{"421", server.Answers{"noop": server.Say("421 bye")}, func(k *talk) { k.ask("NOOP", "421") }, "S: 421 bye\n* close client\n", 0},
		{"in a message", server.Answers{"data": server.Say("354 go")}, func(k *talk) { k.ask("DATA", "354") }, "S: 354 go\n* close client\n", 0},
		{"in AUTH", server.Answers{"auth": server.Say("334 ")}, func(k *talk) { k.ask("AUTH PLAIN", "334") }, "S: 334 \n* close client\n", 0},
		{"unasked bytes", server.Answers{"noop": server.Say("250 ok", "250 more")}, func(k *talk) { k.ask("NOOP", "250") }, "S: 250 ok\nS: 250 more\n* close client\n", engine.Unasked},
		{"unasked bytes that were blamed", server.Answers{"noop": server.Say("250 ok", "250 more")}, func(k *talk) { k.ask("NOOP", "250"); k.say("RSET") }, "S: 250 ok\nS: 250 more\n* close client\n", 0},
		{"unasked bytes after raw", server.Answers{"noop": server.Say("250 ok", "250 more")}, func(k *talk) { k.ask("NOOP", "250"); k.raw("x") }, "", 0},
		{"closed by the server", server.Answers{"noop": server.Say("250 ok").Then(server.Close)}, func(k *talk) { k.ask("NOOP", "250") }, "S: 250 ok\n* close server\n", 0},
		{"closed by the script", nil, func(k *talk) { k.Close() }, "* close client\n", 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			bubble(t, server.Polite{On: row.on}.Serve, engine.Options{}, func(k *talk) {
				k.read("220")
				row.play(k)
				err := k.Finish(k.ctx)
				if row.kind != 0 {
					wantErr(t, err, row.kind, "before the closing QUIT was sent")
				} else if err != nil {
					t.Error(err)
				}
				if got := k.transcript(); !strings.HasSuffix(got, row.ends) {
					t.Errorf("ends\n%s\nwant\n%s", got, row.ends)
				}
				if k.Open() {
					t.Error("still open")
				}
			})
		})
	}
}
