package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"smtplay/engine/server"
)

func listen(t *testing.T, o server.ListenOptions) *server.Listener {
	t.Helper()
	l, err := server.Listen(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// connect is a client of a listener.
func connect(t *testing.T, l *server.Listener) *client {
	t.Helper()
	network := "tcp"
	if strings.HasPrefix(l.Addr(), "/") {
		network = "unix"
	}
	conn, err := net.Dial(network, l.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return over(t, conn)
}

func accept(t *testing.T, l *server.Listener) *server.Session {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := l.Accept(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// TestListener: those who came first are served first, also where they came
// before anybody asked; over TCP and a unix socket.
func TestListener(t *testing.T) {
	for _, o := range []server.ListenOptions{{}, {Network: "unix", Address: filepath.Join(t.TempDir(), "s")}} {
		l := listen(t, o)
		var clients []*client
		for i := range 3 {
			c := connect(t, l)
			c.send(fmt.Sprintf("EHLO client%d\r\n", i))
			clients = append(clients, c)
		}
		for i, c := range clients {
			s := accept(t, l)
			if got, err := s.Expect(fmt.Sprintf("EHLO client%d", i)); err != nil {
				t.Errorf("%q, %v", got, err)
			}
			s.Reply("250 hello")
			s.Close()
			s.Close() // once more harms nobody
			if got, err := c.rest(); got != "250 hello\r\n" || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		}
	}
	if _, err := server.Listen(server.ListenOptions{Address: "127.0.0.1:no"}); err == nil {
		t.Error("an address that is none can be listened on")
	}
}

// TestListenerEnds: how Accept and the verbs of a session fail, and why.
func TestListenerEnds(t *testing.T) {
	cause := errors.New("no client within 1ms")
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, cause)
	defer cancel()
	l := listen(t, server.ListenOptions{})
	_, err := l.Accept(ctx)
	wantErr(t, err, cause)

	c := connect(t, l)
	s := accept(t, l)
	waiting := connect(t, l)
	read := make(chan error, 2)
	go func() { _, err := s.ReadLine(); read <- err }()
	go func() {
		_, err := l.Accept(t.Context())
		_, err2 := l.Accept(t.Context())
		read <- errors.Join(err, err2)
	}()
	c.send("half")
	l.Close()
	l.Close()
	for range 2 {
		wantErr(t, <-read, server.ErrClosed)
	}
	if _, err := waiting.rest(); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("who waited got %v", err)
	}
	_, err = l.Accept(t.Context())
	wantErr(t, err, server.ErrClosed)
	if _, err := net.Dial("tcp", l.Addr()); err == nil {
		t.Error("a closed listener lets clients in")
	}
}

// TestListenerFull: nobody is let in beyond the bound; where one leaves, another
// may come.
func TestListenerFull(t *testing.T) {
	l := listen(t, server.ListenOptions{Network: "unix", Address: filepath.Join(t.TempDir(), "s")})
	var conns []net.Conn
	defer func() {
		for _, conn := range conns {
			conn.Close()
		}
	}()
	for i := range 1025 {
		conn, err := net.Dial("unix", l.Addr())
		if err != nil {
			t.Fatalf("client %d: %v", i, err)
		}
		conns = append(conns, conn)
	}
	last := conns[1024]
	last.SetDeadline(time.Now().Add(patience))
	if _, err := last.Read(make([]byte, 1)); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("client 1025 got %v", err)
	}
	accept(t, l).Close()
	c := connect(t, l)
	for range 1023 {
		accept(t, l).Close()
	}
	s := accept(t, l)
	s.Reply("220 now")
	c.talk("", "220 now")
}

// TestSessionTime: a session's time begins when it is handed out, and can be set
// anew at any time before it is over.
func TestSessionTime(t *testing.T) {
	l := listen(t, server.ListenOptions{Timeout: time.Hour})
	connect(t, l)
	s := accept(t, l)
	s.SetTimeout(time.Millisecond)
	_, err := s.ReadLine()
	wantErr(t, err, server.ErrTimeout)
	s.SetTimeout(time.Hour)
	_, err = s.ReadLine()
	wantErr(t, err, server.ErrTimeout)

	c := connect(t, l)
	s = accept(t, l)
	for range 3 {
		s.SetTimeout(time.Hour)
	}
	c.send("QUIT\r\n")
	_, err = s.Expect("QUIT")
	wantErr(t, err, nil)
}

// TestWaiting: the owner is told of all that may block, and of nothing that
// cannot: what is said in one go is read without.
func TestWaiting(t *testing.T) {
	cert := certificate(t)
	l := listen(t, server.ListenOptions{})
	c := connect(t, l)
	s := accept(t, l)
	var mu sync.Mutex
	begun, done := 0, 0
	s.Waiting = func() func() {
		mu.Lock()
		begun++
		mu.Unlock()
		return func() { mu.Lock(); done++; mu.Unlock() }
	}
	step := func(what string, want int, do func() error) {
		t.Helper()
		begun, done = 0, 0
		if err := do(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if begun != want || done != want {
			t.Errorf("%s: waited %d times, done %d times, want %d", what, begun, done, want)
		}
	}
	read := func() error { _, err := s.ReadLine(); return err }
	c.send("one\r\ntwo\r\nthree\r\n")
	step("what comes", 1, read)
	step("what came with it", 0, read)
	step("and more of it", 0, read)
	step("a reply", 1, func() error { return s.Reply("250-a", "250 b") })
	step("nothing to say", 0, func() error { return s.Reply() })
	step("a pause", 1, func() error { return s.Pause(time.Microsecond) })
	step("no pause", 0, func() error { return s.Pause(0) })
	step("segments and pauses", 7, func() error { return s.Segments(2, time.Microsecond, "250 ok\r\n") })
	go func() { c.talk("", "250-a|250 b", "", "250 ok"); c.handshake(cert); c.send("x\r\n") }()
	step("a handshake", 1, func() error { return s.StartTLS(cert.ServerConfig()) })
	step("behind it", 1, read)
	s.Waiting = func() func() { return nil } // no harm
	s.Reply("250 x")
}

// TestHeldReplies: replies to commands that came together go together, in order,
// but for one that is delayed, and nothing is held while the server waits.
func TestHeldReplies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := &server.Server{Timeout: time.Hour, Handler: server.Polite{On: server.Answers{"rcpt 2": server.Say("250 slow").After(time.Minute)}}.Serve}
		defer srv.Close()
		conn := srv.Pipe()
		pieces := make(chan string)
		go func() {
			defer close(pieces)
			b := make([]byte, 4096)
			for {
				n, err := conn.Read(b)
				if err != nil {
					return
				}
				pieces <- string(b[:n])
			}
		}()
		<-pieces
		io.WriteString(conn, "HELO me\r\n")
		<-pieces
		go io.WriteString(conn, "MAIL FROM:<a@b.example>\r\nRCPT TO:<1@b.example>\r\nRCPT TO:<2@b.example>\r\nNOOP\r\nNOOP\r\nNO")
		begin := time.Now()
		if got := <-pieces; got != "250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n" || time.Since(begin) != 0 {
			t.Errorf("first %q after %v", got, time.Since(begin))
		}
		if got := <-pieces; got != "250 slow\r\n" || time.Since(begin) != time.Minute {
			t.Errorf("then %q after %v", got, time.Since(begin))
		}
		if got := <-pieces; got != "250 2.0.0 Ok\r\n250 2.0.0 Ok\r\n" {
			t.Errorf("last %q", got)
		}
		conn.Close()
		for range pieces {
		}
	})
}
