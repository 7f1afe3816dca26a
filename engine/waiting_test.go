package engine_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"smtplay/engine"
	"smtplay/engine/server"
	"smtplay/engine/transcript"
)

// waits counts what a connection tells of its waits. Its fields belong to the
// owner of the connection, so that the race detector sees who else calls it.
type waits struct {
	t       *testing.T
	inside  bool
	count   int
	waiting atomic.Bool // for others to see
	begun   chan bool   // told of each wait, where somebody listens
}

func (w *waits) begin() func() {
	if w.inside {
		w.t.Error("a wait inside a wait")
	}
	w.inside = true
	w.count++
	w.waiting.Store(true)
	select {
	case w.begun <- true:
	default:
	}
	return func() {
		if !w.inside {
			w.t.Error("the end of no wait")
		}
		w.inside = false
		w.waiting.Store(false)
	}
}

// over fails where a wait goes on when the engine does something else.
func (w *waits) over(at string) {
	if w.inside {
		w.t.Errorf("%s: still in a wait", at)
	}
}

// Record implements transcript.Recorder: an event is engine code.
func (w *waits) Record(e transcript.Event) { w.over(e.Kind.String()) }

// A whole conversation, in clear and with TLS, over a socket, by a name, to a
// command: waits do not nest, and are over whenever the engine does something.
func TestWaitingIsToldOfWaits(t *testing.T) {
	cert := made(t, ageless)
	srv := server.Start(t, server.Polite{TLS: cert.ServerConfig()}.Serve)
	first := server.Start(t, server.Polite{TLS: cert.ServerConfig(), ImplicitTLS: true}.Serve)
	for _, c := range []struct {
		address     string
		tls, secure bool
		dials       int
		why         string
	}{
		{srv.Addr(), false, false, 0, "near, in figures: such a dial does not wait"},
		{srv.Addr(), false, true, 0, "STARTTLS"},
		{first.Addr(), true, false, -1, "TLS from the first byte"},
		{"exec:cat", false, false, 1, "a command"},
	} {
		w := &waits{t: t}
		opts := trusting(cert)
		opts.TLS, opts.Waiting, opts.Recorder, opts.Commands = c.tls, w.begin, w, &engine.Commands{}
		opts.Security.Name = "localhost"
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		k, err := engine.Connect(ctx, c.address, opts)
		if err != nil {
			t.Fatalf("%s: %v", c.why, err)
		}
		if w.over("connect"); c.dials >= 0 && w.count != c.dials {
			t.Errorf("%s: %d waits to connect", c.why, w.count)
		}
		if engine.IsCommand(c.address) {
			if err := k.Raw(ctx, transcript.Pos{}, []byte("220 me\r\n")); err != nil {
				t.Error(err)
			}
		}
		if _, err := k.ReadReply(ctx, 0); err != nil {
			t.Errorf("%s: %v", c.why, err)
		}
		w.over("read")
		if c.secure {
			if err := k.Send(ctx, transcript.Pos{}, "STARTTLS"); err != nil {
				t.Error(err)
			}
			w.over("send")
			if _, err := k.ReadReply(ctx, 0); err != nil {
				t.Error(err)
			}
			if err := k.Handshake(ctx, opts.Security); err != nil {
				t.Error(err)
			}
			w.over("handshake")
		}
		before := w.count
		if err := k.Finish(ctx); err != nil && !engine.IsCommand(c.address) {
			t.Errorf("%s: %v", c.why, err)
		}
		if w.over("finish"); w.count <= before {
			t.Errorf("%s: no wait to finish", c.why)
		}
		cancel()
	}
}

// Nobody is told while nobody would go on, and everybody again once there is
// somebody: the same conversation may be in both.
func TestWaitingSparesTheLonely(t *testing.T) {
	srv := server.Start(t, server.Polite{}.Serve)
	w, alone := &waits{t: t}, true
	k := dial(t, srv, engine.Options{Waiting: w.begin, Alone: func() bool { return alone }, Recorder: w})
	ask := func(command string) {
		t.Helper()
		if err := k.Send(t.Context(), transcript.Pos{}, command); err != nil {
			t.Fatal(err)
		}
		if _, err := k.ReadReply(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := k.ReadReply(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if ask("NOOP"); w.count != 0 {
		t.Errorf("alone, and told of %d waits", w.count)
	}
	alone = false
	if ask("NOOP"); w.count == 0 {
		t.Error("somebody would go on, and was told of no wait")
	}
	before := w.count
	alone = true
	if ask("NOOP"); w.count != before {
		t.Error("alone again, and told of waits")
	}
	k.Close()
}

// While one waits for a reply, another sees that it does, cannot use the
// connection, and can close it.
func TestWaitingIsSeenByOthers(t *testing.T) {
	for _, close := range []bool{false, true} {
		answer := make(chan bool)
		srv := server.Start(t, func(s *server.Session) {
			s.Reply("220 hello")
			s.ReadLine()
			<-answer
			s.Reply("250 at last")
		})
		w := &waits{t: t}
		k := dial(t, srv, engine.Options{Waiting: w.begin})
		k.read("220")
		if err := k.Send(k.ctx, transcript.Pos{}, "NOOP"); err != nil {
			t.Fatal(err)
		}
		w.begun = make(chan bool, 1)
		ended := make(chan error)
		go func() {
			_, err := k.ReadReply(k.ctx, 0)
			ended <- err
		}()
		<-w.begun
		if !w.waiting.Load() || !k.Busy() {
			t.Error("it waits, and nobody sees it")
		}
		if err := k.Send(k.ctx, transcript.Pos{}, "RSET"); !engine.IsKind(err, engine.Misuse) {
			t.Errorf("sent meanwhile: %v", err)
		}
		if close {
			k.Close()
		} else {
			answer <- true
		}
		if err := <-ended; (err != nil) != close {
			t.Errorf("closed %v: %v", close, err)
		}
		if k.Busy() || w.waiting.Load() {
			t.Error("the wait is over")
		}
		if close {
			answer <- true
			if k.Open() {
				t.Error("closed, and still open")
			}
		}
	}
}

// What is there already is read without a wait.
func TestNoWaitForWhatIsThere(t *testing.T) {
	written := make(chan bool)
	srv := server.Start(t, func(s *server.Session) {
		s.Reply("220 hello")
		close(written)
		s.ReadLine()
	})
	w := &waits{t: t}
	k := dial(t, srv, engine.Options{Waiting: w.begin})
	<-written
	k.read("220")
	if w.count != 0 {
		t.Errorf("%d waits", w.count)
	}
}

// Time that goes by because others go first is not the server's.
func TestTurnsAreNotTheServersTime(t *testing.T) {
	const turn = 200 * time.Millisecond
	begun := make(chan bool, 1)
	srv := server.Start(t, func(s *server.Session) {
		s.ReadLine()
		<-begun
		s.Reply("250 ok")
		s.ReadLine()
	})
	writes := true
	k := dial(t, srv, engine.Options{Waiting: func() func() {
		if writes {
			return func() {}
		}
		begun <- true
		return func() { <-time.After(turn) }
	}})
	if err := k.Raw(k.ctx, transcript.Pos{}, []byte("NOOP\r\n")); err != nil {
		t.Fatal(err)
	}
	writes = false
	r, err := k.ReadReply(k.ctx, 0)
	if writes = true; err != nil {
		t.Fatal(err)
	}
	if r.Took >= turn {
		t.Errorf("took %v", r.Took)
	}
}

// The end of the context ends a wait, and the wait is over when the error comes.
func TestContextEndsAWait(t *testing.T) {
	srv := server.Start(t, func(s *server.Session) { s.ReadLine() })
	w := &waits{t: t, begun: make(chan bool, 1)}
	k := dial(t, srv, engine.Options{Waiting: w.begin})
	ctx, cancel := context.WithCancelCause(k.ctx)
	why := errors.New("enough")
	go func() { <-w.begun; cancel(why) }()
	_, err := k.ReadReply(ctx, 0)
	if w.over("read"); !errors.Is(err, why) {
		t.Error(err)
	}
}
