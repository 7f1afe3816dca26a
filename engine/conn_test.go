package engine_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"smtplay/engine"
	"smtplay/engine/server"
	"smtplay/engine/transcript"
)

func TestUnixSocket(t *testing.T) {
	srv := &server.Server{Network: "unix", Address: filepath.Join(t.TempDir(), "s"), Handler: server.Polite{LMTP: true}.Serve}
	if err := srv.Listen(); err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	opts := engine.Options{Target: "lmtp", Source: "192.0.2.1", Number: 2}
	k := prepare(t, &opts)
	address := "unix:" + srv.Addr()
	c, err := engine.Connect(k.ctx, address, opts)
	if err != nil {
		t.Fatal(err)
	}
	k.Conn = c
	k.read("220")
	if !c.Loopback() || c.LocalIP() != nil || c.Address() != address || c.Target() != "lmtp" || c.Number() != 2 {
		t.Errorf("%v %v %s %s %d", c.Loopback(), c.LocalIP(), c.Address(), c.Target(), c.Number())
	}
	k.ask("LHLO x", "250")
	if err := k.Finish(k.ctx); err != nil {
		t.Error(err)
	}
	k.holds("*2 connect lmtp " + address + "\nS2: 220 ")
}

// Nothing works on a conversation that is over, and each verb says so.
func TestOver(t *testing.T) {
	cert := made(t, ageless)
	for name, end := range map[string]func(k *talk){
		"closed": func(k *talk) { k.Close() },
		"dead":   func(k *talk) { k.ReadReply(k.ctx, time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, server.Polite{TLS: cert.ServerConfig()}.Serve, engine.Options{}, func(k *talk) {
				k.read("220")
				if k.TLS() != nil || k.Certificate() != nil {
					t.Error("there is TLS in clear")
				}
				k.secure("localhost", cert)
				if k.TLS() == nil || k.Certificate() == nil {
					t.Error("there is no TLS")
				}
				end(k)
				for verb, err := range map[string]error{
					"send":           k.say("NOOP"),
					"pipeline":       k.Pipeline(k.ctx, k.pos, []string{"NOOP"}),
					"raw":            k.Raw(k.ctx, k.pos, []byte("x")),
					"message":        k.Message(k.ctx, k.pos, []byte("x")),
					"expect_close":   k.ExpectClose(k.ctx, 0),
					"expect_silence": k.ExpectSilence(k.ctx, time.Second),
					"handshake":      k.Handshake(k.ctx, engine.TLSOptions{}),
					"await":          k.AwaitRefusal(k.ctx, time.Second),
				} {
					if !engine.IsKind(err, engine.Dead) || !strings.HasPrefix(err.Error(), "this conversation is ") {
						t.Errorf("%s: %v", verb, err)
					}
				}
				_, err := k.ReadReply(k.ctx, 0)
				wantErr(t, err, engine.Dead, "this conversation is ")
				_, err = login(k, "PLAIN", "u", "password")
				wantErr(t, err, engine.Dead, "this conversation is ")
				if err := k.Finish(k.ctx); err != nil {
					t.Error(err)
				}
				if n := strings.Count(k.transcript(), "* close"); n != 1 {
					t.Errorf("closed %d times:\n%s", n, k.transcript())
				}
			})
		})
	}
}

// Every byte that was read is in the transcript, asked for or not.
func TestNothingIsLost(t *testing.T) {
	k := greeted(t, func(s *server.Session) {
		s.Raw("220 x\r\n250 one\r\n25")
		s.WaitClose()
	}, engine.Options{})
	err := k.say("NOOP")
	wantErr(t, err, engine.Unasked, "")
	k.lacks("250 one")
	k.Close()
	k.holds("S: 250 one\nS: 25\\\n* close client\n")
}

func TestLoadCA(t *testing.T) {
	cert := made(t, server.CertificateOptions{})
	if pool, err := engine.LoadCA(cert.RootPEM, "ca.pem"); err != nil || !pool.Equal(cert.Pool) {
		t.Error(err)
	}
	_, err := engine.LoadCA([]byte("SECRET"), "ca.pem")
	if err == nil || err.Error() != "ca.pem holds no certificate in PEM form" {
		t.Error(err)
	}
}

func TestMechanismNamed(t *testing.T) {
	for _, name := range []string{"PLAIN", "plain", "Login"} {
		if m, ok := engine.MechanismNamed(name); !ok || !strings.EqualFold(m.Name, name) {
			t.Error(name)
		}
	}
	if _, ok := engine.MechanismNamed("NTLM"); ok {
		t.Error("NTLM")
	}
}

func TestCommandString(t *testing.T) {
	for _, row := range []struct {
		c    *engine.Command
		want string
	}{
		{nil, ""},
		{&engine.Command{Greeting: true}, "the connect"},
		{&engine.Command{}, "an empty line"},
		{&engine.Command{Line: "NOOP", Pos: transcript.Pos{Line: 1}}, "NOOP"},
		{&engine.Command{Line: ".", For: "a@b"}, ". for a@b"},
	} {
		if got := row.c.String(); got != row.want {
			t.Errorf("%q, want %q", got, row.want)
		}
	}
}
