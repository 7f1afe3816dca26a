package engine

import (
	"errors"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"smtplay/engine/transcript"
)

// busy is a connection whose reader gets the processor late: when a read has
// looked and its time is over, or has found half a line, the server goes on
// before anybody is told.
type busy struct {
	*nearConn
	goesOn func()
}

func (b *busy) Read(p []byte) (int, error) {
	n, err := b.nearConn.Read(p)
	if b.looked() > 0 && errors.Is(err, os.ErrDeadlineExceeded) || n > 0 && p[n-1] != '\n' {
		b.goesOn()
	}
	return n, err
}

// plain is a connection of which no more is known than of most.
type plain struct {
	net.Conn
	busy *busy
}

func (p plain) Read(b []byte) (int, error)            { return p.busy.Read(b) }
func (p plain) SyscallConn() (syscall.RawConn, error) { return p.busy.SyscallConn() }

// A reply that comes when its time is over is late, whenever it is seen. One that
// came in time is not.
func TestReplyToABusyReader(t *testing.T) {
	for _, over := range []struct {
		conn func(*busy) net.Conn
		how  string
	}{
		{func(b *busy) net.Conn { return b }, "read at once"},
		{func(b *busy) net.Conn { return plain{b.nearConn, b} }, "read through the runtime"},
	} {
		for _, row := range []struct {
			first, rest          string
			before, within, busy time.Duration // of the greeting, of the reply, and of the reader when the rest comes
			late                 bool
			why                  string
		}{
			{"", "250 OK\r\n", time.Minute, 10 * time.Millisecond, 0, true, "it came when its time was over"},
			{"250", " OK\r\n", 20 * time.Millisecond, time.Minute, 20 * time.Millisecond, false, "all of it came in time"},
			{"", "250 OK\r\n", 20 * time.Millisecond, 60 * time.Millisecond, 60 * time.Millisecond, false, "it came when the greeting's time was over, not its own"},
			{"250", " OK\r\n", time.Minute, 20 * time.Millisecond, 60 * time.Millisecond, false, "its time was over before its end was looked for"},
		} {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			near := dialNear(listener.Addr().String()).(*nearConn)
			peer, err := listener.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer peer.Close()
			says := func(text string) {
				if _, err := peer.Write([]byte(text)); err != nil {
					t.Error(err)
				}
			}
			goesOn := func() {
				says(row.rest)
				for free := time.Now().Add(row.busy); time.Now().Before(free); {
				}
			}
			c, err := Over(t.Context(), over.conn(&busy{near, goesOn}), "mail.example.com:25", Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			says("220 mail.example.com\r\n")
			if _, err := c.ReadReply(t.Context(), row.before); err != nil {
				t.Fatal(err)
			}
			if err := c.Send(t.Context(), transcript.Pos{}, "NOOP"); err != nil {
				t.Fatal(err)
			}
			says(row.first)
			r, err := c.ReadReply(t.Context(), row.within)
			var e *Error
			if timeout := errors.As(err, &e) && e.Kind == Timeout; timeout != row.late || err != nil && !timeout {
				t.Errorf("%s: got %v, %v: %s", over.how, r, err, row.why)
			}
		}
	}
}
