package engine_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"smtplay/engine"
	"smtplay/engine/server"
)

// starttls is what a server does after STARTTLS was sent, before anything else.
func starttls(play func(*server.Session)) server.Handler {
	return func(s *server.Session) {
		s.Reply("220 x")
		s.Expect("STARTTLS")
		play(s)
	}
}

// hello reads the ClientHello.
func hello(s *server.Session) { s.Conn().Read(make([]byte, 16<<10)) }

// Clear text around the handshake is shown, and never taken for TLS.
func TestInjection(t *testing.T) {
	cert := made(t, ageless)
	for _, row := range []struct {
		name string
		play func(s *server.Session)
		kind engine.Kind
		msg  string
		got  string
	}{
		{"in the segment of the 220", func(s *server.Session) { s.Raw("220 go\r\n250 injected\r\n"); s.StartTLS(cert.ServerConfig()) },
			engine.Injected, "bytes in clear text came between the 220 and the handshake", "250 injected\r\n"},
		{"in a segment of its own", func(s *server.Session) {
			s.Reply("220 go")
			s.Reply("250 injected")
			s.StartTLS(cert.ServerConfig())
		}, engine.Injected, "between the 220 and the handshake", "250 injected\r\n"},
		{"half a line", func(s *server.Session) { s.Raw("220 go\r\n2"); s.StartTLS(cert.ServerConfig()) },
			engine.Injected, "between the 220 and the handshake", "2"},
		{"behind the ClientHello", func(s *server.Session) { s.Reply("220 go"); hello(s); s.Reply("250 injected"); s.WaitClose() },
			engine.Handshake, "the server answered the TLS handshake in clear text", "250 injected\r\n"},
		{"a few bytes behind the ClientHello, then the end", func(s *server.Session) { s.Reply("220 go"); hello(s); s.Raw("no\n") },
			engine.Handshake, "the server answered the TLS handshake in clear text", "no\n"},
		{"noise behind the ClientHello", func(s *server.Session) { s.Reply("220 go"); hello(s); s.Raw("\x00\x01\x02\x03\x04\x05"); s.WaitClose() },
			engine.Handshake, "with something that is not TLS", "\x00\x01\x02\x03\x04\x05"},
		{"the end in place of the handshake", func(s *server.Session) { s.Reply("220 go") },
			engine.Closed, "the server closed the connection before the TLS handshake began", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			bubble(t, starttls(row.play), trusting(cert), func(k *talk) {
				k.read("220")
				k.ask("STARTTLS", "220")
				err := k.Handshake(k.ctx, engine.TLSOptions{Name: "localhost", CA: cert.Pool})
				e := wantErr(t, err, row.kind, row.msg)
				if string(e.Got) != row.got {
					t.Errorf("got %q, want %q", e.Got, row.got)
				}
				if _, refused := engine.Refused(err); refused {
					t.Error("is taken for a refusal")
				}
				wantErr(t, k.say("NOOP"), engine.Dead, row.msg)
				if line, _, crlf := strings.Cut(row.got, "\r\n"); crlf {
					k.holds("S: " + line + "\n")
				}
			})
		})
	}
}

// A refusal is an alert of the server's, or its hanging up on the ClientHello.
func TestRefused(t *testing.T) {
	cert := made(t, server.CertificateOptions{})
	config := func(set func(*tls.Config)) func(*server.Session) {
		return func(s *server.Session) {
			c := cert.ServerConfig()
			set(c)
			s.StartTLS(c)
			s.WaitClose()
		}
	}
	only12 := func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }
	only13 := func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 }
	clients := func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert }
	for _, row := range []struct {
		name    string
		play    func(*server.Session)
		opts    engine.TLSOptions
		msg     string
		alert   string
		refused bool
	}{
		{"an old protocol", config(func(*tls.Config) {}), engine.TLSOptions{MaxVersion: tls.VersionTLS11}, "the server refused the TLS handshake: remote error", "protocol version not supported", true},
		{"1.2, where only 1.3 is spoken", config(only13), engine.TLSOptions{MaxVersion: tls.VersionTLS12}, "the server refused", "protocol version not supported", true},
		{"1.3, where only 1.2 is spoken", config(only12), engine.TLSOptions{MinVersion: tls.VersionTLS13}, "", "protocol version not supported", true},
		{"no certificate of the client, 1.2", config(func(c *tls.Config) { only12(c); clients(c) }), engine.TLSOptions{}, "the server refused", "handshake failure", true},
		{"no certificate of the client, 1.3: the alert comes with the first read", config(clients), engine.TLSOptions{}, "the server refused", "certificate required", true},
		{"an alert in place of a handshake", func(s *server.Session) { hello(s); s.Raw("\x15\x03\x03\x00\x02\x02\x28"); s.WaitClose() }, engine.TLSOptions{}, "the server refused", "handshake failure", true},
		{"hanging up", func(s *server.Session) { hello(s) }, engine.TLSOptions{}, "the server closed the connection during the TLS handshake", "", true},
		{"a reset", func(s *server.Session) { hello(s); s.Reset() }, engine.TLSOptions{}, "the connection was reset during the TLS handshake", "", true},
		{"1.3 accepted, then closed without a word", func(s *server.Session) { s.StartTLS(cert.ServerConfig()) }, engine.TLSOptions{}, "the server closed the connection", "", false},
		{"1.3 accepted, then reset", func(s *server.Session) { s.StartTLS(cert.ServerConfig()); s.Expect("x") }, engine.TLSOptions{}, "", "", false},
		{"accepted", config(func(*tls.Config) {}), engine.TLSOptions{}, "", "", false},
		{"a fault of verification", config(func(*tls.Config) {}), engine.TLSOptions{Name: "mail.example.com"}, "did not verify: it is for localhost, 127.0.0.1, ::1, not for mail.example.com", "", false},
		{"clear text", func(s *server.Session) { hello(s); s.Reply("500 what"); s.WaitClose() }, engine.TLSOptions{}, "in clear text", "", false},
		{"clear text of few bytes, then the end", func(s *server.Session) { hello(s); s.Raw("500") }, engine.TLSOptions{}, "in clear text", "", false},
		{"an older server than is asked for", func(s *server.Session) {
			hello(s)
			s.Raw("\x16\x03\x01\x00\x2a\x02\x00\x00\x26\x03\x01" + strings.Repeat("r", 32) + "\x00\x00\x2f\x00")
			s.WaitClose()
		}, engine.TLSOptions{}, "the server chose TLS 1.0, which was not offered", "", false},
		{"what Go does not speak: SSLv3 chosen", func(s *server.Session) {
			hello(s)
			s.Raw("\x16\x03\x00\x00\x2a\x02\x00\x00\x26\x03\x00" + strings.Repeat("r", 32) + "\x00\x00\x2f\x00")
			s.WaitClose()
		}, engine.TLSOptions{}, "could not be done by smtplay", "", false},
		{"what Go does not speak: a suite that nobody offered", func(s *server.Session) {
			hello(s)
			s.Raw("\x16\x03\x03\x00\x2a\x02\x00\x00\x26\x03\x03" + strings.Repeat("r", 32) + "\x00\x00\x33\x00")
			s.WaitClose()
		}, engine.TLSOptions{}, "could not be done by smtplay", "", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			soon(t)
			k := greeted(t, starttls(func(s *server.Session) { s.Reply("220 go"); row.play(s) }), engine.Options{})
			k.ask("STARTTLS", "220")
			row.opts.CA = cert.Pool
			if row.opts.Name == "" {
				row.opts.Name = "localhost"
			}
			err := k.Handshake(k.ctx, row.opts)
			if err == nil {
				err = k.AwaitRefusal(k.ctx, 200*time.Millisecond)
			}
			alert, refused := engine.Refused(err)
			if refused != row.refused || !strings.Contains(alert, row.alert) {
				t.Errorf("refused %v by %q, want %v by %q: %v", refused, alert, row.refused, row.alert, err)
			}
			if row.msg != "" && (err == nil || !strings.Contains(err.Error(), row.msg)) {
				t.Errorf("says %v, want %q", err, row.msg)
			}
		})
	}
}

// A handshake that fails for its versions says both sides.
func TestVersionsOfBothSides(t *testing.T) {
	cert := made(t, server.CertificateOptions{})
	for _, row := range []struct {
		reason    string
		play      func(*server.Session)
		opts      engine.TLSOptions
		want, had string
	}{
		{"refused", func(s *server.Session) { s.StartTLS(cert.ServerConfig()); s.WaitClose() }, engine.TLSOptions{MaxVersion: tls.VersionTLS11}, "a handshake with TLS 1.0 to 1.1", "the alert protocol version not supported"},
		{"refused for its suites", func(s *server.Session) { s.StartTLS(cert.ServerConfig()); s.WaitClose() }, engine.TLSOptions{Ciphers: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}}, "a handshake with TLS 1.2 with AES128-SHA", "the alert handshake failure"},
		{"older", func(s *server.Session) {
			hello(s)
			s.Raw("\x16\x03\x03\x00\x2a\x02\x00\x00\x26\x03\x03" + strings.Repeat("r", 32) + "\x00\x00\x2f\x00")
			s.WaitClose()
		}, engine.TLSOptions{MinVersion: tls.VersionTLS13}, "TLS 1.3", "TLS 1.2"},
	} {
		k := greeted(t, starttls(func(s *server.Session) { s.Reply("220 go"); row.play(s) }), engine.Options{})
		k.ask("STARTTLS", "220")
		row.opts.CA, row.opts.Name = cert.Pool, "localhost"
		var e *engine.Error
		if err := k.Handshake(k.ctx, row.opts); !errors.As(err, &e) || e.Want != row.want || e.Had != row.had {
			t.Errorf("%s: %v, %+v", row.reason, err, e)
		}
	}
}

// The late alert of TLS 1.3 belongs to the handshake for every verb that meets
// it; a later one does not.
func TestLateAlert(t *testing.T) {
	cert := made(t, server.CertificateOptions{})
	refusing := starttls(func(s *server.Session) {
		s.Reply("220 go")
		c := cert.ServerConfig()
		c.ClientAuth = tls.RequireAnyClientCert
		s.StartTLS(c)
	})
	for _, row := range []struct {
		name string
		verb func(k *talk) error
	}{
		{"a command", func(k *talk) error {
			if err := k.say("NOOP"); err != nil {
				return err
			}
			_, err := k.ReadReply(k.ctx, 0)
			return err
		}},
		{"a reply", func(k *talk) error { _, err := k.ReadReply(k.ctx, 0); return err }},
		{"silence", func(k *talk) error { return k.ExpectSilence(k.ctx, 10*time.Second) }},
		{"close", func(k *talk) error { return k.ExpectClose(k.ctx, 10*time.Second) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			soon(t)
			k := greeted(t, refusing, engine.Options{})
			k.secure("localhost", cert)
			wantErr(t, row.verb(k), engine.Handshake, "the server refused the TLS handshake: remote error: tls: certificate required")
		})
	}
	t.Run("after a reply", func(t *testing.T) {
		k := greeted(t, starttls(func(s *server.Session) {
			s.Reply("220 go")
			clear := s.Conn()
			s.StartTLS(cert.ServerConfig())
			s.Expect("NOOP")
			s.Reply("250 ok")
			s.Expect("NOOP")
			// An alert in clear is no valid record: the client's TLS gives up.
			clear.Write([]byte("\x15\x03\x03\x00\x13" + strings.Repeat("x", 19)))
			s.WaitClose()
		}), engine.Options{})
		k.secure("localhost", cert)
		k.ask("NOOP", "250")
		if err := k.say("NOOP"); err != nil {
			t.Fatal(err)
		}
		_, err := k.ReadReply(k.ctx, 0)
		wantErr(t, err, engine.Malformed, "what came is not valid TLS")
		if _, refused := engine.Refused(err); refused {
			t.Error("is taken for a refusal")
		}
	})
}

// Interrupted is no answer to the question whether a handshake was refused.
func TestAwaitRefusalInterrupted(t *testing.T) {
	cert := made(t, ageless)
	bubble(t, server.Polite{TLS: cert.ServerConfig()}.Serve, engine.Options{}, func(k *talk) {
		k.read("220")
		k.secure("localhost", cert)
		ctx, cancel := context.WithCancelCause(context.Background())
		time.AfterFunc(time.Second, func() { cancel(errStopped) })
		wantErr(t, k.AwaitRefusal(ctx, 2*time.Second), engine.Interrupted, "stopped by hand")
	})
}

// TLS from the first byte.
func TestImplicitTLS(t *testing.T) {
	cert := made(t, server.CertificateOptions{})
	for _, row := range []struct {
		name    string
		handler server.Handler
		name2   string
		kind    engine.Kind
		msg     string
	}{
		{"as it should be", server.Polite{TLS: cert.ServerConfig(), ImplicitTLS: true}.Serve, "", 0, ""},
		{"a port in clear", server.Polite{}.Serve, "", engine.Handshake, "the server"},
		{"another name", server.Polite{TLS: cert.ServerConfig(), ImplicitTLS: true}.Serve, "mail.example.com", engine.Unverified, "not for mail.example.com"},
		{"closed at once", func(s *server.Session) {}, "", 0, "the server closed the connection"},
	} {
		t.Run(row.name, func(t *testing.T) {
			soon(t)
			srv := server.Start(t, row.handler)
			k := prepare(t, &engine.Options{})
			opts := engine.Options{TLS: true, Recorder: k.log, Security: engine.TLSOptions{CA: cert.Pool, Name: row.name2}}
			c, err := engine.Connect(k.ctx, srv.Addr(), opts)
			if row.kind == 0 && row.msg == "" {
				if err != nil {
					t.Fatal(err)
				}
				k.Conn = c
				k.read("220")
				wantErr(t, k.Handshake(k.ctx, engine.TLSOptions{}), engine.Misuse, "TLS is on already")
				k.ask("EHLO x", "250")
				if err := k.Finish(k.ctx); err != nil {
					t.Error(err)
				}
				if info := k.TLS(); info == nil || info.ServerName != "127.0.0.1" || !info.Verified() || info.Resumed {
					t.Errorf("tls %+v", k.TLS())
				}
				return
			}
			if c != nil || err == nil || !strings.Contains(err.Error(), row.msg) || row.kind != 0 && !engine.IsKind(err, row.kind) {
				t.Errorf("got %v", err)
			}
			if !strings.Contains(k.transcript(), "* close") {
				t.Errorf("is not closed:\n%s", k.transcript())
			}
		})
	}
}

// A handshake leaves nothing of the clear behind it, and cannot be done twice.
func TestHandshakeMisuse(t *testing.T) {
	cert := made(t, server.CertificateOptions{})
	k := greeted(t, server.Polite{TLS: cert.ServerConfig()}.Serve, engine.Options{})
	wantErr(t, k.Handshake(k.ctx, engine.TLSOptions{MinVersion: tls.VersionTLS13, MaxVersion: tls.VersionTLS12}), engine.Misuse, "no TLS version is at least 1.3 and at most 1.2")
	k.ask("STARTTLS", "220")
	if err := k.Handshake(k.ctx, engine.TLSOptions{Name: "localhost", CA: cert.Pool, MaxVersion: tls.VersionTLS12}); err != nil {
		t.Fatal(err)
	}
	if v := k.TLS().Version; v != "TLS1.2" {
		t.Error(v)
	}
	wantErr(t, k.Handshake(k.ctx, engine.TLSOptions{}), engine.Misuse, "TLS is on already")
}

// A server in whose TLS nothing was verified gets the handshake finished where
// that is asked for, and what was found is data.
func TestNoVerify(t *testing.T) {
	cert := made(t, server.CertificateOptions{Names: []string{"other.example.com"}, NotAfter: time.Now().Add(-time.Minute), NotBefore: time.Now().Add(-time.Hour)})
	k := greeted(t, server.Polite{TLS: cert.ServerConfig()}.Serve, engine.Options{})
	k.ask("STARTTLS", "220")
	if err := k.Handshake(k.ctx, engine.TLSOptions{Name: "localhost", NoVerify: true}); err != nil {
		t.Fatal(err)
	}
	problems := strings.Join(k.TLS().Problems, "; ")
	for _, want := range []string{"expired on ", "self-signed certificate", "it is for other.example.com, not for localhost"} {
		if !strings.Contains(problems, want) {
			t.Errorf("lacks %q: %s", want, problems)
		}
	}
	k.holds(" unverified: expired on ")
	k.ask("NOOP", "250")
}

// A hung client's farewell waits for nobody.
func TestCloseDoesNotWait(t *testing.T) {
	cert := made(t, ageless)
	bubble(t, starttls(func(s *server.Session) { s.Reply("220 go"); s.StartTLS(cert.ServerConfig()); s.Hang() }), engine.Options{}, func(k *talk) {
		k.read("220")
		k.secure("localhost", cert)
		wantErr(t, k.Raw(k.ctx, k.pos, []byte("x")), engine.Timeout, "did not take in")
		start := time.Now()
		k.Close()
		if took := time.Since(start); took > 0 {
			t.Errorf("took %v", took)
		}
	})
}

func TestVersionOf(t *testing.T) {
	for _, row := range []struct {
		s    string
		want uint16
		msg  string
	}{
		{"1.0", tls.VersionTLS10, ""}, {"1.3", tls.VersionTLS13, ""}, {"TLS1.2", tls.VersionTLS12, ""}, {"TLS 1.1", tls.VersionTLS11, ""},
		{"SSLv3", 0, "Go's TLS does not speak SSL"}, {"1.4", 0, "is no TLS version"}, {"", 0, "is no TLS version"},
	} {
		v, err := engine.VersionOf(row.s)
		if v != row.want || (err == nil) != (row.msg == "") || err != nil && !strings.Contains(err.Error(), row.msg) {
			t.Errorf("%q: %x, %v", row.s, v, err)
		}
	}
}

func TestRefusedOfOthers(t *testing.T) {
	for _, err := range []error{nil, io.EOF, errors.New("x"), &engine.Error{Kind: engine.Closed, Err: io.ErrUnexpectedEOF}, &engine.Error{Kind: engine.Handshake}} {
		if _, refused := engine.Refused(err); refused {
			t.Errorf("%v is taken for a refusal", err)
		}
	}
}
