package server_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"smtplay/engine/server"
	"smtplay/engine/transcript"
)

// TestHostileClient: whatever a client does, the session ends, and says why.
func TestHostileClient(t *testing.T) {
	long := strings.Repeat("x", 70<<10)
	for _, tt := range []struct {
		name string
		file []byte
		play func(*client)
		left string // how it begins
	}{
		{"a line without end", relay, func(c *client) {
			c.talk("", "220 ")
			for range 2 {
				io.WriteString(c.conn, long)
			}
			c.rest()
		}, "a.smtp:4 EHLO me | a line of more than 65536 bytes | 500 5.5.2 Line too long"},
		{"a line without end in a message", message, func(c *client) {
			c.talk("", "220 ", "DATA", "354 ")
			for range 2 {
				io.WriteString(c.conn, long)
			}
			c.rest()
		}, "a.smtp:6 Subject: hello | a line of more than 65536 bytes | 500 5.5.2 Line too long"},
		{"nothing but commands", relay, func(c *client) {
			c.talk("", "220 ", "x", "554 ")
			for range 99 {
				c.talk("x", "503 ")
			}
			c.talk("x", "503 ", "", "421 4.7.0 Too many")
			c.rest()
		}, "a.smtp:4 EHLO me | x | 554 "},
		{"chunks", relay, func(c *client) {
			c.talk("", "220 ", "BDAT 6\r\nQUIT", "554 ", "BDAT 8 LAST\r\nBDAT 1", "503 ", "BDAT 99999999999999999999", "503 ", "QUIT", "221 ")
		}, "a.smtp:4 EHLO me | BDAT 6 | 554 "},
		{"silence", relay, func(c *client) { c.talk("", "220 "); c.rest() }, "a.smtp:4 EHLO me | nothing more before the session's time was over | "},
		{"a client that never reads", file("* connect smtp x:1", "S: 220 hi", "C: NOOP", "* close client"), func(c *client) { time.Sleep(2 * time.Hour) },
			"a.smtp:4 NOOP | nothing more before the session's time was over | "},
		{"one that lingers at the end", file("* connect smtp x:1", "S: 220 hi", "* close client"), func(c *client) { c.talk("", "220 "); c.rest() }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := record(t, tt.file)
				srv := &server.Server{Handler: r.Serve, Timeout: time.Hour}
				defer srv.Close()
				c := &client{t: t, conn: srv.Pipe()}
				c = over(t, c.conn)
				c.conn.SetDeadline(time.Time{})
				tt.play(c)
				c.conn.Close()
				srv.Wait(t.Context(), 1)
				if got := strings.Join(r.departures(), "\n"); !strings.HasPrefix(got, tt.left) || got != "" && tt.left == "" {
					t.Errorf("left:\n%s\nwant:\n%s", got, tt.left)
				}
			})
		})
	}
}

// TestLongLines: what was recorded is taken, however long.
func TestLongLines(t *testing.T) {
	long := "VRFY " + strings.Repeat("x", 100<<10)
	r := record(t, file("* connect smtp x:1", "S: 220 hi", "C: "+long, "S: 500 "+long, "* close client"))
	srv := r.start(t)
	dial(t, srv).talk("", "220 ", long, "500 "+long)
	dial(t, srv).talk("", "220 ", long+long, "554 ")
}

// TestInterrupted: a session that Close ends has left nothing.
func TestInterrupted(t *testing.T) {
	for _, f := range [][]byte{relay, message} {
		r := record(t, f)
		srv := r.start(t)
		c := dial(t, srv)
		c.talk("", "220 ")
		if bytes.Equal(f, message) {
			c.talk("DATA", "354 ", "Subject: hello", "")
		}
		srv.Close()
		wantDepartures(t, r)
	}
}

// TestUnlogged: nothing is kept, and connections beyond the limit are closed.
func TestUnlogged(t *testing.T) {
	r := record(t, relay)
	srv := &server.Server{Handler: r.Serve, Unlogged: true}
	if err := srv.Listen(); err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	dial(t, srv).talk("", "220 ", "EHLO me", "250-")
	if log := srv.Log(); len(log) > 0 {
		t.Errorf("kept %v", log)
	}
}

// FuzzRecording: any transcript that can be read can be served, to a client
// that says what stands in it and to one that says anything, and ends.
func FuzzRecording(f *testing.F) {
	for _, seed := range [][]byte{relay, message, plain, byHand, secured("tls TLS1.3 C CN=a verified"), secured("note the TLS handshake failed"),
		file("S: 220 hi", "C: BDAT 5 LAST", `C: ab\x0a`, `C: c\`, "S2: 220 ho", "* note silence for 1h", "C2: [unique]", "S2: [unique] [secret:p]", "* close reset")} {
		body := string(seed[len(transcript.Header)+1:])
		f.Add(body, "EHLO me\r\nAUTH LOGIN\r\nAAAA\r\n", false)
		f.Add(body, "BDAT 3\r\nabcDATA\r\n.\r\n", true)
	}
	f.Fuzz(func(t *testing.T, body, other string, lenient bool) {
		r := &server.Recording{Lenient: lenient, Secrets: map[string]string{"p": "hunter2"}, Live: func(int) transcript.Recorder { return &watcher{} }}
		if r.Add("a.smtp", []byte(transcript.Header+"\n"+body)) != nil {
			return
		}
		events, err := transcript.Decode([]byte(transcript.Header + "\n" + body))
		if err != nil {
			t.Fatal(err)
		}
		var recorded strings.Builder
		for _, e := range events {
			if e.Kind == transcript.Client {
				recorded.Write(e.Data)
			}
		}
		r.Targets()
		r.SecretNames()
		for _, said := range []string{recorded.String(), other} {
			synctest.Test(t, func(t *testing.T) {
				srv := &server.Server{Handler: r.Serve, Timeout: time.Hour}
				defer srv.Close()
				conn := srv.Pipe()
				go func() {
					io.WriteString(conn, said)
					if half, ok := conn.(interface{ CloseWrite() error }); ok {
						half.CloseWrite()
					}
				}()
				answers(t, conn)
				conn.Close()
				var left *server.Departure
				if err := srv.Wait(t.Context(), 1); err != nil && !errors.As(err, &left) {
					t.Errorf("%v", err)
				}
			})
		}
	})
}

// answers reads what the server says: until it has nothing more to say for a day.
func answers(t *testing.T, conn net.Conn) {
	conn.SetReadDeadline(time.Now().Add(24 * time.Hour))
	if _, err := io.Copy(io.Discard, conn); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
		t.Errorf("read: %v", err)
	}
}
