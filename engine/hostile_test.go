package engine_test

import (
	"bytes"
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-sasl"

	"smtplay/engine"
	"smtplay/engine/server"
	"smtplay/engine/transcript"
)

// modest fails the test where the heap grew by more than a hostile server may
// cost. What the heap took from the system is not given back, so that the end
// tells of the peak.
func modest(t *testing.T) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	t.Cleanup(func() {
		runtime.ReadMemStats(&after)
		if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 200<<20 {
			t.Errorf("the heap grew by %d MiB", grown>>20)
		}
	})
}

// flood writes unit without end, a gigabyte at the most.
func flood(s *server.Session, unit string) {
	chunk := []byte(strings.Repeat(unit, 1+(1<<20)/len(unit)))
	for range 1000 {
		if _, err := s.Conn().Write(chunk); err != nil {
			return
		}
	}
}

// A server that never comes to an end costs neither time nor memory.
func TestEndless(t *testing.T) {
	cert := made(t, server.CertificateOptions{})
	for _, row := range []struct{ name, unit, msg string }{
		{"a line", "250 " + strings.Repeat("x", 1000), "a line longer than"},
		{"a line of one letter", "2", "after the code comes neither"},
		{"a reply", "250-x\r\n", "a reply longer than"},
		{"a reply of long lines", "250-" + strings.Repeat("x", 60<<10) + "\r\n", "a reply longer than"},
		{"empty lines", "\r\n", "does not begin with a code"},
		{"NUL", "\x00", "does not begin with a code"},
		{"base64", "250 " + strings.Repeat("QUFB", 1000), "a line longer than"},
		{"escapes", "250 " + strings.Repeat("%41", 1000), "a line longer than"},
	} {
		for _, tls := range []bool{false, true} {
			if tls && row.name == "a reply" {
				continue // as in clear, and slow with the race detector
			}
			t.Run(row.name, func(t *testing.T) {
				soon(t)
				modest(t)
				k := greeted(t, server.Polite{TLS: cert.ServerConfig(), On: server.Answers{"noop": server.Do(func(s *server.Session) { flood(s, row.unit) })}}.Serve, trusting(cert))
				k.red.Add("password", "correct horse")
				if tls {
					k.secure("localhost", cert)
				}
				if err := k.say("NOOP"); err != nil {
					t.Fatal(err)
				}
				e := k.fails(engine.Malformed, row.msg)
				if len(e.Got) > 4<<20 {
					t.Errorf("keeps %d bytes", len(e.Got))
				}
				k.holds("* note malformed reply")
				k.Close()
			})
		}
	}
}

func TestEndlessUnasked(t *testing.T) {
	soon(t)
	modest(t)
	k := greeted(t, server.Polite{On: server.Answers{"noop": server.Do(func(s *server.Session) { s.Reply("250 ok"); flood(s, "250 more\r\n") })}}.Serve, engine.Options{})
	k.ask("NOOP", "250 ok")
	err := error(nil)
	for err == nil { // the flood may begin a moment later
		if err = k.say("NOOP"); err == nil {
			k.read("250 more")
		}
	}
	e := wantErr(t, err, engine.Unasked, "before NOOP was sent")
	if len(e.Got) > 1<<20 {
		t.Errorf("keeps %d bytes", len(e.Got))
	}
	if err := k.ExpectClose(k.ctx, time.Second); err == nil {
		t.Error("a flood is taken for the end")
	}
	if err := k.ExpectSilence(k.ctx, time.Second); err == nil {
		t.Error("a flood is taken for silence")
	}
}

// Many replies in a row do not pile up.
func TestManyReplies(t *testing.T) {
	soon(t)
	modest(t)
	k := greeted(t, server.Polite{On: server.Answers{"noop": server.Do(func(s *server.Session) { flood(s, "250 one of many\r\n") })}}.Serve, engine.Options{})
	if err := k.say("NOOP"); err != nil {
		t.Fatal(err)
	}
	for range 300_000 {
		if _, err := k.ReadReply(k.ctx, 0); err != nil {
			t.Fatal(err)
		}
	}
}

// One byte at a time is as good as all at once, and as bad.
func TestTrickle(t *testing.T) {
	soon(t)
	k := greeted(t, server.Polite{On: server.Answers{"noop": server.Send("250-"+strings.Repeat("x", 3000)+"\r\n250 ok\r\n").InSegments(1, 0)}}.Serve, engine.Options{})
	if r := k.ask("NOOP", "250-xxx"); len(r.Lines()) != 2 {
		t.Errorf("%d lines", len(r.Lines()))
	}
	bubble(t, server.Polite{On: server.Answers{"noop": server.Do(func(s *server.Session) { s.Endless("250-x\r\n", time.Millisecond) })}}.Serve, engine.Options{}, func(k *talk) {
		k.read("220")
		if err := k.say("NOOP"); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		k.fails(engine.Timeout, "the reply was not complete within 30s")
		if took := time.Since(start); took > 31*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// What comes in place of a handshake ends it at once, and is no refusal.
func TestEndlessHandshake(t *testing.T) {
	record := func(kind byte, body string) string {
		return string([]byte{kind, 3, 3, byte(len(body) >> 8), byte(len(body))}) + body
	}
	for _, row := range []struct{ name, unit string }{
		{"clear text", "250 and so on\r\n"},
		{"NUL", "\x00"},
		{"an endless record type", "\x16"},
		{"records of nothing", record(22, "")},
		{"hello requests", record(22, "\x00\x00\x00\x00")},
		{"a message of 16 MB", record(22, "\x02\xff\xff\xff"+strings.Repeat("x", 16000))},
		{"warnings", record(21, "\x01\x5a")},
		{"cipher changes", record(20, "\x01")},
		{"application data", record(23, strings.Repeat("x", 16000))},
	} {
		t.Run(row.name, func(t *testing.T) {
			soon(t)
			modest(t)
			k := greeted(t, func(s *server.Session) {
				s.Reply("220 x")
				s.Conn().Read(make([]byte, 16<<10))
				flood(s, row.unit)
			}, engine.Options{})
			err := k.Handshake(k.ctx, engine.TLSOptions{})
			wantErr(t, err, engine.Handshake, "")
			if alert, refused := engine.Refused(err); refused {
				t.Errorf("is taken for a refusal (%q): %v", alert, err)
			}
			k.holds("* note the TLS handshake failed")
		})
	}
}

// Clear text in the middle of TLS is shown as far as TLS kept it.
func TestClearTextUnderTLS(t *testing.T) {
	cert := made(t, server.CertificateOptions{})
	k := greeted(t, func(s *server.Session) {
		s.Reply("220 x")
		s.Expect("STARTTLS")
		clear := s.Conn()
		s.Reply("220 go")
		if s.StartTLS(cert.ServerConfig()) != nil {
			return
		}
		s.Expect("NOOP")
		clear.Write([]byte("250 in clear\r\n"))
		s.WaitClose()
	}, trusting(cert))
	k.secure("localhost", cert)
	if err := k.say("NOOP"); err != nil {
		t.Fatal(err)
	}
	e := k.fails(engine.Malformed, "what came is not TLS, though TLS is on")
	if !bytes.HasPrefix([]byte("250 in clear"), e.Got) || len(e.Got) == 0 {
		t.Errorf("got %q", e.Got)
	}
}

// A challenge that has no end, is huge or is no base64.
func TestHostileChallenge(t *testing.T) {
	for _, row := range []struct {
		name string
		on   server.Answers
		kind engine.Kind
		msg  string
	}{
		{"asks for ever", server.Answers{"response": server.Say("334 ")}, engine.Mismatch, "the server asks a third time"},
		{"not base64", server.Answers{"auth": server.Say("334 Username:")}, engine.Mismatch, `the challenge is not base64: "Username:"`},
		{"huge, as it should not be", server.Answers{"auth": server.Say("334 " + strings.Repeat("QUFB", 20000))}, engine.Malformed, "a line longer than"},
		{"no end", server.Answers{"auth": server.Do(func(s *server.Session) { flood(s, "334 QUFB") })}, engine.Malformed, ""},
		{"of many lines", server.Answers{"auth": server.Say("334-QUFB", "334 QUFB")}, engine.Mismatch, "more than one line"},
	} {
		t.Run(row.name, func(t *testing.T) {
			soon(t)
			k := greeted(t, server.Polite{Users: map[string]string{"u": "pw"}, On: row.on}.Serve, engine.Options{})
			_, err := login(k, "LOGIN", "u", "pw")
			wantErr(t, err, row.kind, row.msg)
		})
	}
}

func login(k *talk, mechanism, user, password string) (*engine.Reply, error) {
	m, _ := engine.MechanismNamed(mechanism)
	return k.Auth(k.ctx, k.pos, engine.Login{Mechanism: m, Credentials: engine.Credentials{User: user, Password: password}})
}

// endlessAsker is a mechanism that always has an answer.
type endlessAsker struct{}

func (endlessAsker) Start() (string, []byte, error)        { return "ENDLESS", nil, nil }
func (endlessAsker) Next(challenge []byte) ([]byte, error) { return challenge, nil }

func TestEndlessExchange(t *testing.T) {
	soon(t)
	k := greeted(t, server.Polite{On: server.Answers{"auth": server.Say("334 QUFB"), "response": server.Say("334 QUFB")}}.Serve, engine.Options{})
	_, err := k.Auth(k.ctx, k.pos, engine.Login{Mechanism: engine.Mechanism{Client: func(engine.Credentials) sasl.Client { return endlessAsker{} }}})
	e := wantErr(t, err, engine.Mismatch, "the server asked 16 times and came to no end")
	if e.Reply == nil || e.Command == nil {
		t.Error("does not show the last reply")
	}
}

// A recorder of nothing and no options at all work.
func TestZeroOptions(t *testing.T) {
	srv := server.Start(t, server.Polite{}.Serve)
	c, err := engine.Connect(context.Background(), srv.Addr(), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.ReadReply(context.Background(), 0); err != nil {
		t.Fatal(err)
	}
	if err := c.Send(context.Background(), transcript.Pos{}, "AUTH PLAIN AGEAYg=="); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ReadReply(context.Background(), 0); err != nil {
		t.Fatal(err)
	}
	if err := c.Finish(context.Background()); err != nil {
		t.Fatal(err)
	}
}
