package engine_test

import (
	"context"
	"testing"
	"time"

	"smtplay/engine"
	"smtplay/engine/server"
)

// Whoever waits for a command may wait for the server at the same time, and
// neither spoils the other, in clear and under TLS.
func TestAwait(t *testing.T) {
	cert := made(t, ageless)
	for _, tls := range []bool{false, true} {
		idle := server.Polite{TLS: cert.ServerConfig(), On: server.Answers{"noop": server.Do(func(s *server.Session) {
			s.Reply("250 ok")
			s.Pause(time.Minute)
			s.Raw("42")
			s.Pause(time.Second)
			s.Reply("1 too long idle")
			s.Pause(time.Minute)
		}).Then(server.Drop)}}
		bubble(t, idle.Serve, trusting(cert), func(k *talk) {
			k.read("220")
			if tls {
				k.secure("localhost", cert)
			}
			for range 2 { // a wait that is given up harms nothing
				ctx, stop := context.WithTimeout(k.ctx, time.Hour/2)
				if ok, err := k.Await(ctx); ok || err != nil {
					t.Fatalf("nothing was said: %v, %v", ok, err)
				}
				stop()
				if ok, err := k.Await(ctx); ok || err != nil {
					t.Fatalf("given up before it began: %v, %v", ok, err)
				}
				k.ask("RSET", "250")
			}
			k.ask("NOOP", "250")
			for range 2 { // what is unread is still there
				if ok, err := k.Await(k.ctx); !ok || err != nil {
					t.Fatalf("the server spoke: %v, %v", ok, err)
				}
			}
			k.read("421 too long idle")
			ok, err := k.Await(k.ctx)
			if wantErr(t, err, engine.Closed, "the server closed the connection"); ok || k.Open() {
				t.Error("still open after the end")
			}
			_, err = k.Await(k.ctx)
			wantErr(t, err, engine.Dead, "this conversation is over")
			k.holds("S: 421 too long idle\n* close server\n")
		})
	}
}

// A wait that outlasts the deadline of a read goes on.
func TestAwaitForHours(t *testing.T) {
	bubble(t, func(s *server.Session) { s.Pause(3 * time.Hour); s.Reply("220 at last") }, engine.Options{}, func(k *talk) {
		if ok, err := k.Await(k.ctx); !ok || err != nil {
			t.Fatalf("%v, %v", ok, err)
		}
		k.read("220 at last")
	})
}

// TLS from the first byte may be an afterthought: until the server has spoken.
func TestHandshakeFirst(t *testing.T) {
	cert := made(t, ageless)
	polite := server.Polite{TLS: cert.ServerConfig(), ImplicitTLS: true}
	bubble(t, polite.Serve, trusting(cert), func(k *talk) {
		if err := k.HandshakeFirst(k.ctx, engine.TLSOptions{Name: "localhost", CA: cert.Pool}); err != nil {
			t.Fatal(err)
		}
		k.read("220")
		k.ask("EHLO x", "250")
	})
	bubble(t, server.Polite{}.Serve, trusting(cert), func(k *talk) {
		if ok, err := k.Await(k.ctx); !ok || err != nil {
			t.Fatalf("%v, %v", ok, err)
		}
		err := k.HandshakeFirst(k.ctx, engine.TLSOptions{Name: "localhost", CA: cert.Pool})
		wantErr(t, err, engine.Handshake, "the server speaks in clear here")
		k.holds("S: 220 ")
	})
}
