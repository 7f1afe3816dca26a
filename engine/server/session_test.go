package server_test

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"smtplay/engine/server"
)

// TestVerbs: what each verb does, seen from a plain client.
func TestVerbs(t *testing.T) {
	cert := certificate(t)
	tests := []struct {
		name string
		play server.Handler
		see  func(*testing.T, *client)
		err  error // what Wait reports
	}{
		{"raw, reply, expect", func(s *server.Session) {
			s.Reply("220-a", "220 b")
			s.Expect("ehlo")
			s.Raw("250 bare\n")
			s.Expect("QUIT")
		}, func(t *testing.T, c *client) {
			c.talk("", "220-a|220 b", "EHLO x", "")
			c.send("QUIT\n")
			if got, err := c.rest(); got != "250 bare\n" || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		}, nil},
		{"segments", func(s *server.Session) {
			s.Segments(2, time.Microsecond, "250 ok\r\n")
		}, func(t *testing.T, c *client) {
			if got, err := c.rest(); got != "250 ok\r\n" || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		}, nil},
		{"mismatch", func(s *server.Session) {
			s.Expect("EHLO")
			s.Reply("250 never said")
		}, func(t *testing.T, c *client) {
			c.send("HELO x\r\n")
			if got, err := c.rest(); got != "" || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		}, server.ErrMismatch},
		{"client leaves", func(s *server.Session) { s.ReadLine() },
			func(t *testing.T, c *client) { c.send("half"); c.conn.Close() }, io.EOF},
		{"drop with bytes unread", func(s *server.Session) {
			s.Expect("one")
			s.Drop()
		}, func(t *testing.T, c *client) {
			c.send("one\r\ntwo\r\n")
			if _, err := c.rest(); err != nil {
				t.Errorf("want an end of file: %v", err)
			}
		}, nil},
		{"reset", func(s *server.Session) {
			s.Reply("220 hi")
			s.Expect("EHLO")
			s.Reset()
			s.Reply("never")
		}, func(t *testing.T, c *client) {
			c.talk("", "220 ", "EHLO x", "")
			if _, err := c.rest(); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("want a reset: %v", err)
			}
		}, nil},
		{"half close", func(s *server.Session) {
			s.CloseWrite()
			s.Expect("still heard")
		}, func(t *testing.T, c *client) {
			c.rest()
			c.send("still heard\r\n")
		}, nil},
		{"wait for close", func(s *server.Session) {
			s.WaitClose()
		}, func(t *testing.T, c *client) {
			c.send("into the void\r\nand ")
			c.conn.Close()
		}, nil},
		{"endless", func(s *server.Session) {
			s.Endless("250-more\r\n", 0)
		}, func(t *testing.T, c *client) {
			if _, err := io.CopyN(io.Discard, c.in, 1<<20); err != nil {
				t.Error(err)
			}
			c.conn.Close()
		}, nil},
		{"trickle", func(s *server.Session) {
			s.Endless("2", time.Microsecond)
		}, func(t *testing.T, c *client) {
			if _, err := io.CopyN(io.Discard, c.in, 5); err != nil {
				t.Error(err)
			}
			c.conn.Close()
		}, nil},
		{"data", func(s *server.Session) {
			data, _ := s.ReadData()
			s.Raw(data)
		}, func(t *testing.T, c *client) {
			c.send("a\r\n..b\r\nc\n.\r\n.\nd\r\n.\r\n")
			// Only the dot between two CRLF is an end.
			if got, _ := c.rest(); got != "a\r\n.b\r\nc\n.\r\n\nd\r\n" {
				t.Errorf("%q", got)
			}
		}, nil},
		{"octets", func(s *server.Session) {
			s.ReadBytes(3)
			s.Expect("d")
			s.ReadBytes(1 << 30)
		}, func(t *testing.T, c *client) { c.send("a\nbd\r\n"); c.rest() }, server.ErrTooLong},
		{"long line", func(s *server.Session) {
			s.ReadLine()
		}, func(t *testing.T, c *client) { c.send(strings.Repeat("x", 70<<10)) }, server.ErrTooLong},
		{"tls", func(s *server.Session) {
			s.Expect("STARTTLS")
			s.Reply("220 go")
			s.StartTLS(cert.ServerConfig())
			s.Expect("EHLO")
			if _, ok := s.TLS(); ok {
				s.Reply("250 safe")
			}
		}, func(t *testing.T, c *client) {
			c.talk("STARTTLS", "220 ")
			c.handshake(cert)
			c.talk("EHLO", "250 safe")
			if _, err := c.rest(); err != nil {
				t.Error(err)
			}
		}, nil},
		{"tls refused by the client", func(s *server.Session) {
			s.StartTLS(cert.ServerConfig())
		}, func(t *testing.T, c *client) { c.send("not a handshake\r\n"); c.rest() }, errAny},
		{"tls without configuration", func(s *server.Session) { s.StartTLS(nil) },
			func(t *testing.T, c *client) { c.rest() }, errAny},
		{"injection kept", func(s *server.Session) {
			s.Expect("STARTTLS")
			s.Unread(s.Buffered())
			s.Expect("RSET")
		}, func(t *testing.T, c *client) { c.send("STARTTLS\r\nRSET\r\n"); c.rest() }, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			srv := &server.Server{Handler: test.play}
			if err := srv.Listen(); err != nil {
				t.Fatal(err)
			}
			defer srv.Close()
			test.see(t, dial(t, srv))
			err := srv.Wait(t.Context(), 1)
			if test.err == errAny && err != nil {
				return
			}
			wantErr(t, err, test.err)
		})
	}
}

var errAny = errors.New("any error")

// TestHang: a server that never reads is ended by Close, without an error.
func TestHang(t *testing.T) {
	srv := server.Start(t, func(s *server.Session) { s.Reply("220 hi"); s.Hang() })
	c := dial(t, srv)
	c.talk("", "220 ")
	srv.Close()
	if _, err := c.conn.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection did not end: %v", err)
	}
	wantErr(t, srv.Err(), nil)
	wantErr(t, srv.Listen(), server.ErrClosed)
	wantErr(t, srv.Wait(t.Context(), 5), server.ErrClosed)
	if _, err := srv.Pipe().Read(make([]byte, 1)); err == nil {
		t.Error("a pipe to a closed server")
	}
}

// TestTimeout: whatever a session does, its time ends it.
func TestTimeout(t *testing.T) {
	for name, play := range map[string]server.Handler{
		"read":       func(s *server.Session) { s.ReadLine() },
		"pause":      func(s *server.Session) { s.Pause(time.Hour) },
		"wait":       func(s *server.Session) { s.WaitClose() },
		"endless":    func(s *server.Session) { s.Endless("x", 0) },
		"handshake":  func(s *server.Session) { s.StartTLS(certificate(t).ServerConfig()) },
		"polite":     server.Polite{}.Serve,
		"slow reply": server.Polite{On: server.Answers{"greeting": server.Say("220").After(time.Hour)}}.Serve,
	} {
		t.Run(name, func(t *testing.T) {
			srv := &server.Server{Handler: play, Timeout: 10 * time.Millisecond}
			if err := srv.Listen(); err != nil {
				t.Fatal(err)
			}
			defer srv.Close()
			dial(t, srv)
			wantErr(t, srv.Wait(t.Context(), 1), server.ErrTimeout)
		})
	}
}

func TestUnixSocket(t *testing.T) {
	srv := &server.Server{Network: "unix", Address: filepath.Join(t.TempDir(), "s")}
	if err := srv.Listen(); err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	dial(t, srv).talk("", "220 server.example.com ESMTP", "QUIT", "221 ")
	wantErr(t, srv.Wait(t.Context(), 1), nil)
	if srv.Addr() != srv.Address {
		t.Errorf("address %q", srv.Addr())
	}
	if err := srv.Listen(); err == nil {
		t.Error("listened twice")
	}
	taken := server.Server{Network: "unix", Address: srv.Address}
	if err := taken.Listen(); err == nil {
		t.Error("listened on an address that is taken")
	}
}

// TestNotTCP: what only TCP can do is refused elsewhere.
func TestNotTCP(t *testing.T) {
	for name, verb := range map[string]func(*server.Session) error{
		"reset": (*server.Session).Reset, "half-close": (*server.Session).CloseWrite,
	} {
		t.Run(name, func(t *testing.T) {
			_, conn := net.Pipe()
			srv := server.Server{Handler: func(s *server.Session) { verb(s) }}
			wantErr(t, srv.Serve(conn), server.ErrUnsupported)
			wantErr(t, srv.Err(), server.ErrUnsupported)
		})
	}
}

func TestRecord(t *testing.T) {
	srv := server.Start(t, server.Each(
		func(s *server.Session) { s.Reply("220 one", "421 two"); s.ReadLine() },
		func(s *server.Session) { s.Raw("2\n") },
	))
	c := dial(t, srv)
	c.talk("", "220 one", "", "421 two")
	c.send("bare\n")
	c.rest()
	for range 2 {
		if got, _ := dial(t, srv).rest(); got != "2\n" {
			t.Errorf("got %q", got)
		}
	}
	if got := srv.Received(); !slices.Equal(got, []string{"bare\n"}) {
		t.Errorf("received %q", got)
	}
	if got := srv.Sent(); !slices.Equal(got, []string{"220 one", "421 two", "2\n", "2\n"}) {
		t.Errorf("sent %q", got)
	}
	if got := srv.Log()[1]; got != (server.Line{Session: 1, From: server.FromServer, Raw: "421 two\r\n"}) || got.String() != "S: 421 two" {
		t.Errorf("logged %+v", got)
	}
}

// fake is a test that fails without failing this one.
type fake struct {
	testing.TB
	cleanups []func()
	failed   bool
}

func (f *fake) Errorf(string, ...any) { f.failed = true }
func (f *fake) Cleanup(fn func())     { f.cleanups = append(f.cleanups, fn) }

// TestStart: a client that says the wrong thing fails the test, one that leaves
// does not.
func TestStart(t *testing.T) {
	for line, fails := range map[string]bool{"HELO x\r\n": true, "": false} {
		f := &fake{TB: t}
		srv := server.Start(f, func(s *server.Session) { s.Expect("EHLO") })
		c := dial(t, srv)
		c.send(line)
		c.conn.Close()
		srv.Wait(t.Context(), 1)
		f.cleanups[0]()
		if f.failed != fails {
			t.Errorf("after %q: failed %v", line, f.failed)
		}
	}
}

// TestReadBytesAnnounced: octets that are announced and do not come take no room.
func TestReadBytesAnnounced(t *testing.T) {
	l := listen(t, server.ListenOptions{})
	c := connect(t, l)
	s := accept(t, l)
	defer s.Close()
	c.send("abc")
	c.conn.Close()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := s.ReadBytes(64 << 20)
	runtime.ReadMemStats(&after)
	wantErr(t, err, io.ErrUnexpectedEOF)
	if took := after.TotalAlloc - before.TotalAlloc; took > 16<<20 {
		t.Errorf("%d bytes were made for 3", took)
	}
}
