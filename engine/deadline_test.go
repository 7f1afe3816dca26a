package engine_test

import (
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"smtplay/engine"
	"smtplay/engine/server"
	"smtplay/engine/transcript"
)

// The deadline that an earlier wait set on the socket may stand when a later
// one begins. It ends neither too early nor too late.
func TestDeadlineOfAnEarlierWait(t *testing.T) {
	for _, row := range []struct {
		name   string
		before func(*talk) // leaves a deadline behind
		reply  time.Duration
		within time.Duration
		fails  time.Duration // 0: the reply comes
	}{
		{"an earlier reply's, which ends first", func(k *talk) { k.ask("RSET", "250"); time.Sleep(25 * time.Second) }, 20 * time.Second, 0, 0},
		{"an earlier reply's, and none comes", func(k *talk) { k.ask("RSET", "250"); time.Sleep(25 * time.Second) }, time.Hour, 0, 30 * time.Second},
		{"an earlier reply's, which ends later", func(k *talk) { k.ask("RSET", "250") }, 2 * time.Second, time.Second, time.Second},
		{"one that is over", func(k *talk) { k.ask("RSET", "250"); time.Sleep(time.Hour) }, time.Second, 0, 0},
		{"a silence's", func(k *talk) {
			if err := k.ExpectSilence(k.ctx, 2*time.Second); err != nil {
				k.t.Fatal(err)
			}
		}, 5 * time.Second, 0, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			on := server.Answers{"noop": server.Say("250 late").After(row.reply)}
			bubble(t, server.Polite{On: on}.Serve, engine.Options{}, func(k *talk) {
				k.read("220")
				row.before(k)
				if err := k.say("NOOP"); err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				_, err := k.ReadReply(k.ctx, row.within)
				want := row.reply
				if row.fails > 0 {
					wantErr(t, err, engine.Timeout, "within")
					want = row.fails
				} else if err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); took != want {
					t.Errorf("took %v, want %v", took, want)
				}
			})
		})
	}
}

// wired is a conversation over a real socket, of which the test is the other end.
func wired(t *testing.T) (*engine.Conn, net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	peer, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { peer.Close() })
	c, err := engine.Over(t.Context(), conn, "mail.example.com:25", engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if _, err := peer.Write([]byte("220 mail.example.com\r\n")); err != nil {
		t.Fatal(err)
	}
	return c, peer
}

// What came in time is not late for the sake of others: scripts that do nothing but
// compute may have the only processor for longer than a reply is given.
func TestReplyInTimeBesideOthers(t *testing.T) {
	c, _ := wired(t)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var over atomic.Bool
	defer over.Store(true)
	for range 30 { // each has the processor for 10 ms in turn
		go func() {
			for !over.Load() {
			}
		}()
	}
	if r, err := c.ReadReply(t.Context(), 100*time.Millisecond); err != nil || r.Code != 220 {
		t.Errorf("%v %v: the greeting was there before anybody waited for it", r, err)
	}
}

// A script that computes until all time is over, that of the reply before and that
// of this one, finds what has come meanwhile, and nothing else.
func TestReplyAskedForWhenItsTimeIsOver(t *testing.T) {
	for _, row := range []struct {
		says string
		kind engine.Kind
		why  string
	}{
		{"250 OK\r\n", 0, "it was there"},
		{"250 O", engine.Timeout, "a part of it was"},
		{"", engine.Timeout, "nothing was"},
	} {
		c, peer := wired(t)
		if _, err := c.ReadReply(t.Context(), 20*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		if err := c.Send(t.Context(), transcript.Pos{}, "NOOP"); err != nil {
			t.Fatal(err)
		}
		if _, err := peer.Write([]byte(row.says)); err != nil {
			t.Fatal(err)
		}
		for late := time.Now().Add(30 * time.Millisecond); time.Now().Before(late); {
		}
		r, err := c.ReadReply(t.Context(), 25*time.Millisecond)
		if row.kind != 0 {
			wantErr(t, err, row.kind, "within 25ms")
		} else if err != nil || r.Code != 250 {
			t.Errorf("%v, %v: %s", r, err, row.why)
		}
	}
}

// On a real socket of this machine a wait that ends under TLS leaves TLS as it
// was, and the connection knows its own end.
func TestNear(t *testing.T) {
	cert := made(t, ageless)
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		srv := &server.Server{Address: address, Handler: server.Polite{TLS: cert.ServerConfig(), On: server.Answers{"rset": {Ending: server.Reset}}}.Serve}
		if err := srv.Listen(); err != nil {
			t.Fatal(err)
		}
		defer srv.Close()
		k := dial(t, srv, engine.Options{})
		if ip := k.LocalIP(); !ip.IsLoopback() || !k.Loopback() {
			t.Errorf("%s: our end is at %v", address, ip)
		}
		k.read("220")
		k.secure("localhost", cert)
		for range 3 {
			if err := k.ExpectSilence(k.ctx, 10*time.Millisecond); err != nil {
				t.Fatal(err)
			}
			k.ask("NOOP", "250")
		}
		if err := k.say("RSET"); err != nil {
			t.Fatal(err)
		}
		k.fails(engine.Reset, "the connection was reset")
		if ip := k.LocalIP(); ip != nil {
			t.Errorf("%s: our end is at %v when there is none", address, ip)
		}
	}
}
