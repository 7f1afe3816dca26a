package engine_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"smtplay/engine"
	"smtplay/engine/server"
	"smtplay/engine/transcript"
)

// talk is a conversation with all that a test asks about it.
type talk struct {
	*engine.Conn
	t   *testing.T
	ctx context.Context
	log *transcript.Log
	red *transcript.Redactor
	pos transcript.Pos
}

func prepare(t *testing.T, opts *engine.Options) *talk {
	red := &transcript.Redactor{}
	k := &talk{t: t, ctx: context.Background(), log: &transcript.Log{Redactor: red}, red: red, pos: transcript.Pos{File: "test.lua"}}
	opts.Recorder, opts.Secrets = k.log, red
	return k
}

// dial connects to a server over a real socket.
func dial(t *testing.T, srv *server.Server, opts engine.Options) *talk {
	t.Helper()
	k := prepare(t, &opts)
	c, err := engine.Connect(k.ctx, srv.Addr(), opts)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(c.Close)
	k.Conn = c
	return k
}

// greeted is dial, with the greeting read.
func greeted(t *testing.T, handler server.Handler, opts engine.Options) *talk {
	t.Helper()
	k := dial(t, server.Start(t, handler), opts)
	k.read("220")
	return k
}

// bubble plays over a pipe, in synthetic time.
func bubble(t *testing.T, handler server.Handler, opts engine.Options, play func(*talk)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv := &server.Server{Handler: handler, Timeout: 24 * time.Hour}
		defer srv.Close()
		k := prepare(t, &opts)
		ctx, cancel := context.WithCancel(k.ctx)
		defer cancel()
		k.ctx = ctx
		c, err := engine.Over(ctx, srv.Pipe(), "mail.example.com:25", opts)
		if err != nil {
			t.Fatalf("over: %v", err)
		}
		defer c.Close()
		k.Conn = c
		play(k)
	})
}

// say sends one line, from a script line of its own.
func (k *talk) say(line string) error {
	k.pos.Line++
	return k.Send(k.ctx, k.pos, line)
}

func (k *talk) raw(bytes string) {
	k.t.Helper()
	if err := k.Raw(k.ctx, k.pos, []byte(bytes)); err != nil {
		k.t.Fatalf("raw %q: %v", bytes, err)
	}
}

// read reads a reply that must begin with want.
func (k *talk) read(want string) *engine.Reply {
	k.t.Helper()
	r, err := k.ReadReply(k.ctx, 0)
	if err != nil {
		k.t.Fatalf("want the reply %s: %v", want, err)
	}
	if !strings.HasPrefix(r.String(), want) {
		k.t.Fatalf("want the reply %s, got %q", want, r)
	}
	return r
}

// ask sends a line and reads its reply.
func (k *talk) ask(line, want string) *engine.Reply {
	k.t.Helper()
	if err := k.say(line); err != nil {
		k.t.Fatalf("send %q: %v", line, err)
	}
	return k.read(want)
}

// fails reads a reply and wants an error.
func (k *talk) fails(kind engine.Kind, msg string) *engine.Error {
	k.t.Helper()
	r, err := k.ReadReply(k.ctx, 0)
	if err == nil {
		k.t.Fatalf("want an error with %q, got the reply %q", msg, r)
	}
	return wantErr(k.t, err, kind, msg)
}

// transcript is what the transcript would be as a file.
func (k *talk) transcript() string {
	events, _ := k.log.Events()
	var b []byte
	for _, e := range events {
		b = transcript.AppendEvent(b, e)
	}
	return string(b)
}

func (k *talk) holds(want ...string) {
	k.t.Helper()
	for _, w := range want {
		if !strings.Contains(k.transcript(), w) {
			k.t.Errorf("the transcript lacks %q:\n%s", w, k.transcript())
		}
	}
}

func (k *talk) lacks(secrets ...string) {
	k.t.Helper()
	for _, s := range secrets {
		if strings.Contains(k.transcript(), s) {
			k.t.Errorf("the transcript shows %q:\n%s", s, k.transcript())
		}
	}
}

// wantErr wants an Error of that kind whose text holds msg.
func wantErr(t *testing.T, err error, kind engine.Kind, msg string) *engine.Error {
	t.Helper()
	var e *engine.Error
	if !errors.As(err, &e) {
		t.Fatalf("want an error of kind %d with %q, got %v", kind, msg, err)
	}
	if e.Kind != kind || !strings.Contains(e.Error(), msg) {
		t.Fatalf("want an error of kind %d with %q, got one of kind %d: %v", kind, msg, e.Kind, e)
	}
	return e
}

func made(t *testing.T, o server.CertificateOptions) *server.Certificate {
	t.Helper()
	c, err := server.MakeCertificate(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// ageless is a certificate that is valid in real and in synthetic time.
var ageless = server.CertificateOptions{NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<32, 0)}

// trusting are options that trust a certificate's root.
func trusting(c *server.Certificate) engine.Options {
	return engine.Options{Security: engine.TLSOptions{CA: c.Pool}}
}

// soon bounds what a test may take in real time: less than any deadline.
func soon(t *testing.T) {
	t.Helper()
	start := time.Now()
	t.Cleanup(func() {
		if took := time.Since(start); took > 25*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func dialNet(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// farAway is a connection to a server that is not on this machine.
type farAway struct{ net.Conn }

func (farAway) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 25} }
