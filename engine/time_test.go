package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"smtplay/engine"
	"smtplay/engine/server"
)

var errStopped = errors.New("stopped by hand")

// The time of a reply runs from the last byte sent to its last byte.
func TestDeadline(t *testing.T) {
	slow := func(key string, d time.Duration) server.Answers {
		return server.Answers{key: server.Say("250 late").After(d)}
	}
	trickle := func(pause time.Duration) server.Answers {
		return server.Answers{"noop": server.Send("250 0123456789\r\n").InSegments(1, pause)}
	}
	for _, row := range []struct {
		name    string
		on      server.Answers
		timeout time.Duration // of the options
		within  time.Duration
		sleep   time.Duration // before the expect
		fails   time.Duration // after which the reply is given up; 0: it comes
	}{
		{"in time", slow("noop", 29*time.Second), 0, 0, 0, 0},
		{"too late", slow("noop", 31*time.Second), 0, 0, 0, 30 * time.Second},
		{"a longer timeout", slow("noop", 31*time.Second), time.Minute, 0, 0, 0},
		{"a shorter timeout", slow("noop", 29*time.Second), 20 * time.Second, 0, 0, 20 * time.Second},
		{"within is longer", slow("noop", 31*time.Second), 0, time.Minute, 0, 0},
		{"within is shorter", slow("noop", 29*time.Second), time.Minute, time.Second, 0, time.Second},
		{"bytes that trickle in time", trickle(time.Second), 0, 0, 0, 0},
		{"every byte in time, their sum not", trickle(3 * time.Second), 0, 0, 0, 30 * time.Second},
		{"asked late, come in time", slow("noop", time.Second), 0, 0, time.Minute, 0},
		{"asked late, in many segments", trickle(0), 0, 0, time.Minute, 0},
		{"asked late, and not there", slow("noop", 2*time.Minute), 0, 0, time.Minute, time.Minute},
		{"asked when half the time is over", slow("noop", 40*time.Second), 0, 0, 20 * time.Second, 30 * time.Second},
	} {
		t.Run(row.name, func(t *testing.T) {
			bubble(t, server.Polite{On: row.on}.Serve, engine.Options{Timeout: row.timeout}, func(k *talk) {
				k.read("220")
				if err := k.say("NOOP"); err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				time.Sleep(row.sleep)
				r, err := k.ReadReply(k.ctx, row.within)
				if row.fails == 0 {
					if err != nil || r.Took != time.Since(start) {
						t.Errorf("got %v, %v", r, err)
					}
					return
				}
				wantErr(t, err, engine.Timeout, "within")
				if took := time.Since(start); took < row.fails || took > row.fails+time.Second {
					t.Errorf("gave up after %v, want %v", took, row.fails)
				}
			})
		})
	}
}

func TestDeadlineOfTheGreeting(t *testing.T) {
	on := server.Answers{"greeting": server.Say("220 late").After(40 * time.Second)}
	bubble(t, server.Polite{On: on}.Serve, engine.Options{}, func(k *talk) {
		start := time.Now()
		time.Sleep(20 * time.Second)
		k.fails(engine.Timeout, "no reply within 30s")
		if took := time.Since(start); took != 30*time.Second {
			t.Errorf("took %v from the connect", took)
		}
	})
}

// Every reply after a message has ten minutes, in LMTP each of them.
func TestDeadlineOfTheDot(t *testing.T) {
	on := server.Answers{". 1": server.Say("250 one").After(9 * time.Minute), ". 2": server.Say("250 two").After(2 * time.Minute)}
	bubble(t, server.Polite{LMTP: true, On: on}.Serve, engine.Options{}, func(k *talk) {
		k.read("220")
		k.ask("LHLO x", "250")
		k.ask("MAIL FROM:<>", "250")
		k.ask("RCPT TO:<a@example.com>", "250")
		k.ask("RCPT TO:<b@example.com>", "250")
		k.ask("DATA", "354")
		if err := k.Message(k.ctx, k.pos, []byte("x")); err != nil {
			t.Fatal(err)
		}
		k.read("250 one")
		e := k.fails(engine.Timeout, "no reply within 10m")
		if e.Command.String() != ". for b@example.com" {
			t.Errorf("blames %q", e.Command)
		}
	})
}

// Where nothing was sent the time runs from the call; after raw bytes it runs
// from them.
func TestDeadlineOfWhatWasNotAsked(t *testing.T) {
	idle := func(s *server.Session) {
		s.Reply("220 x")
		s.Pause(70 * time.Second)
		s.Reply("421 idle")
		s.ReadLine()
		s.Pause(20 * time.Second)
		s.Reply("500 what")
	}
	bubble(t, idle, engine.Options{}, func(k *talk) {
		k.read("220")
		time.Sleep(50 * time.Second)
		k.read("421")
		k.raw("x\r\n")
		time.Sleep(10 * time.Second)
		_, err := k.ReadReply(k.ctx, 15*time.Second)
		wantErr(t, err, engine.Timeout, "no reply within 15s")
	})
}

func TestExpectCloseAndSilence(t *testing.T) {
	const close, silence = true, false
	for _, row := range []struct {
		name   string
		play   func(s *server.Session)
		close  bool
		after  time.Duration
		kind   engine.Kind // 0 passes
		msg    string
		unread string // what can still be read
	}{
		{"silence", func(s *server.Session) { s.WaitClose() }, silence, 5 * time.Second, 0, "", ""},
		{"speech in silence", func(s *server.Session) { s.Pause(time.Second); s.Reply("250 hm") }, silence, time.Second, engine.Mismatch, "the server spoke", "250 hm"},
		{"speech before the silence", func(s *server.Session) { s.Reply("421 bye") }, silence, 0, engine.Mismatch, "the server spoke", "421 bye"},
		{"the end in silence", func(s *server.Session) { s.Pause(time.Second) }, silence, time.Second, engine.Closed, "the server closed the connection", ""},
		{"the end", func(s *server.Session) { s.Pause(time.Second) }, close, time.Second, 0, "", ""},
		{"no end", func(s *server.Session) { s.WaitClose() }, close, 5 * time.Second, engine.Timeout, "still open after 5s", ""},
		{"bytes, then the end", func(s *server.Session) { s.Reply("421 bye") }, close, 0, engine.Mismatch, "bytes came instead of the end", "421 bye"},
		{"half a line, then the end", func(s *server.Session) { s.Raw("4") }, close, 0, engine.Mismatch, "bytes came instead of the end", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			bubble(t, func(s *server.Session) { s.Reply("220 x"); row.play(s) }, engine.Options{}, func(k *talk) {
				k.read("220")
				synctest.Wait()
				start := time.Now()
				expect := k.ExpectSilence
				if row.close {
					expect = k.ExpectClose
				}
				err := expect(k.ctx, 5*time.Second)
				if took := time.Since(start).Round(time.Second); took != row.after {
					t.Errorf("took %v, want %v", took, row.after)
				}
				if row.kind == 0 {
					if err != nil {
						t.Error(err)
					}
				} else if e := wantErr(t, err, row.kind, row.msg); e.Want == "" {
					t.Error("does not say what was wanted")
				}
				if row.unread != "" {
					k.read(row.unread)
				}
			})
		})
	}
}

// A context that ends interrupts whatever waits, and is no verdict.
func TestInterrupt(t *testing.T) {
	for _, row := range []struct {
		name string
		wait func(k *talk, ctx context.Context) error
	}{
		{"reply", func(k *talk, ctx context.Context) error { _, err := k.ReadReply(ctx, 0); return err }},
		{"expect_close", func(k *talk, ctx context.Context) error { return k.ExpectClose(ctx, time.Hour) }},
		{"expect_silence", func(k *talk, ctx context.Context) error { return k.ExpectSilence(ctx, time.Hour) }},
		{"a write that nobody reads", func(k *talk, ctx context.Context) error { return k.Raw(ctx, k.pos, []byte("NOOP\r\n")) }},
		{"handshake", func(k *talk, ctx context.Context) error { return k.Handshake(ctx, engine.TLSOptions{}) }},
	} {
		for _, when := range []time.Duration{0, time.Second} {
			t.Run(fmt.Sprintf("%s/%v", row.name, when), func(t *testing.T) {
				bubble(t, func(s *server.Session) { s.Reply("220 x"); s.Hang() }, engine.Options{}, func(k *talk) {
					k.read("220")
					ctx, cancel := context.WithCancelCause(context.Background())
					if when == 0 {
						cancel(errStopped)
					} else {
						time.AfterFunc(when, func() { cancel(errStopped) })
					}
					start := time.Now()
					e := wantErr(t, row.wait(k, ctx), engine.Interrupted, "interrupted: stopped by hand")
					if took := time.Since(start).Round(10 * time.Millisecond); took != when { // a pipe is looked into for a moment
						t.Errorf("took %v, want %v", took, when)
					}
					if !errors.Is(e, errStopped) {
						t.Error("loses the cause")
					}
				})
			})
		}
	}
}

// A context that ended while nothing waited does not spoil a later one.
func TestInterruptIsOver(t *testing.T) {
	bubble(t, server.Polite{}.Serve, engine.Options{}, func(k *talk) {
		k.read("220")
		first := k.ctx
		ctx, cancel := context.WithCancel(context.Background())
		k.ctx = ctx
		k.ask("NOOP", "250")
		cancel()
		synctest.Wait()
		k.ctx = first
		k.ask("NOOP", "250")
		if err := k.Finish(k.ctx); err != nil {
			t.Error(err)
		}
		k.holds("C: QUIT\nS: 221")
	})
}

// A server that does not read, or too slowly, holds up nobody for ever.
func TestWriteTimeout(t *testing.T) {
	bubble(t, func(s *server.Session) {
		s.Reply("220 x")
		s.Expect("DATA")
		s.Reply("354 go")
		s.ReadLine()
		s.Hang()
	}, engine.Options{}, func(k *talk) {
		k.read("220")
		k.ask("DATA", "354")
		start := time.Now()
		err := k.Message(k.ctx, k.pos, []byte(strings.Repeat("text\n", 100_000)))
		e := wantErr(t, err, engine.Timeout, "the server did not take in what was sent within 30s")
		if e.Command.String() != "." {
			t.Errorf("blames %q", e.Command)
		}
		if took := time.Since(start); took < 30*time.Second || took > 33*time.Second+time.Second/2 {
			t.Errorf("took %v", took)
		}
	})
}

// A large message may take longer than one reply, as long as it moves.
func TestWriteSlowly(t *testing.T) {
	const size = 1 << 20
	bubble(t, func(s *server.Session) {
		s.Reply("220 x")
		s.Expect("DATA")
		s.Reply("354 go")
		for got := 0; got < size; {
			n, err := s.Conn().Read(make([]byte, 32<<10))
			if err != nil {
				return
			}
			got += n
			s.Pause(10 * time.Second)
		}
		io.ReadFull(s.Conn(), make([]byte, 5))
		s.Reply("250 ok")
	}, engine.Options{}, func(k *talk) {
		k.read("220")
		k.ask("DATA", "354")
		if err := k.Message(k.ctx, k.pos, []byte(strings.Repeat("x", size))); err != nil {
			t.Fatal(err)
		}
		k.read("250")
	})
}

func TestHandshakeTimeout(t *testing.T) {
	for _, row := range []struct {
		name string
		play func(s *server.Session)
		msg  string
		got  string
	}{
		{"nothing comes", func(s *server.Session) { s.WaitClose() }, "the TLS handshake was not finished within 30s", ""},
		{"nothing is read", func(s *server.Session) { s.Hang() }, "the TLS handshake was not finished within 30s", ""},
		{"a record that trickles", func(s *server.Session) { s.Endless("\x16\x03\x03\x40\x00"+strings.Repeat("\x02", 100), time.Second) }, "smtplay", ""},
		{"a few bytes in clear", func(s *server.Session) { s.Conn().Read(make([]byte, 16<<10)); s.Raw("no\r\n"); s.Hang() }, "in clear text", "no\r\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			bubble(t, func(s *server.Session) { s.Reply("220 x"); row.play(s) }, engine.Options{}, func(k *talk) {
				k.read("220")
				start := time.Now()
				err := k.Handshake(k.ctx, engine.TLSOptions{})
				if row.name == "a record that trickles" {
					if err == nil {
						t.Error("finished")
					}
				} else if e := wantErr(t, err, engine.Handshake, row.msg); string(e.Got) != row.got {
					t.Errorf("got %q", e.Got)
				}
				if _, refused := engine.Refused(err); refused {
					t.Error("is taken for a refusal")
				}
				if took := time.Since(start); took > 31*time.Second {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

// The connect itself is bounded and can be interrupted.
func TestConnect(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errStopped)
	_, err := engine.Connect(ctx, "127.0.0.1:9", engine.Options{})
	wantErr(t, err, engine.Interrupted, "stopped by hand")

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := listener.Addr().String()
	listener.Close()
	for _, row := range []struct {
		name, address string
		opts          engine.Options
		kind          engine.Kind
		msg           string
	}{
		{"nobody listens", nobody, engine.Options{}, engine.Dial, "no connection to " + nobody + ": connect: connection refused"},
		{"no port", "127.0.0.1", engine.Options{}, engine.Dial, "missing port"},
		{"no socket", "unix:/nonexistent", engine.Options{}, engine.Dial, "no such file"},
		{"a source that is no address", nobody, engine.Options{Source: "here"}, engine.Misuse, `the source "here" is no IP address`},
		{"a source that is not ours", nobody, engine.Options{Source: "192.0.2.1"}, engine.Dial, "cannot assign requested address"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := engine.Connect(context.Background(), row.address, row.opts)
			wantErr(t, err, row.kind, row.msg)
		})
	}
}
