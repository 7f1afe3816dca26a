package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// Errors that a session can end with. They come wrapped.
var (
	ErrClosed      = errors.New("server closed")                   // Close came first
	ErrTimeout     = errors.New("session out of time")             // Server.Timeout is over
	ErrMismatch    = errors.New("unexpected command")              // not what Expect waited for
	ErrOver        = errors.New("session is over")                 // a verb ended it before
	ErrTooLong     = errors.New("more than the server takes")      // a line or a message
	ErrUnsupported = errors.New("not possible on this connection") // it needs TCP, or halves
)

// Session is the server's side of one connection. It belongs to the goroutine
// of its handler. The first error stays: every later verb does nothing and
// returns it. After a verb that ends the session it is ErrOver, which is not
// reported.
type Session struct {
	server *Server
	index  int
	ctx    context.Context
	cancel context.CancelFunc
	base   net.Conn // as accepted
	conn   net.Conn // base, or TLS over it
	in     *bufio.Reader
	err    error // first fault, or ErrOver
	code   byte  // first byte of the reply written last, 0 for none; see sent
	within bool  // the bytes written last did not end a line

	// longest is the longest line that is taken, where that is more than maxLine.
	longest int

	// replying, if set, is called once, with the first byte of a reply, before
	// that is written.
	replying func(code byte)
}

func newSession(ctx context.Context, server *Server, index int, conn net.Conn, timeout time.Duration) *Session {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, ErrTimeout)
	if tcp, ok := conn.(*net.TCPConn); ok {
		// Segments are only segments when the kernel does not join them.
		tcp.SetNoDelay(true)
	}
	return &Session{
		server: server, index: index, ctx: ctx, cancel: cancel,
		base: conn, conn: conn, in: bufio.NewReader(conn),
	}
}

// run plays the session and closes its connection.
func (s *Session) run(handler Handler) error {
	awake := make(chan struct{})
	stop := context.AfterFunc(s.ctx, func() {
		// A deadline that has passed ends whatever read or write is under way.
		s.base.SetDeadline(time.Unix(1, 0))
		close(awake)
	})
	defer s.cancel()
	handler(s)
	s.Close()
	if !stop() {
		<-awake
	}
	if errors.Is(s.err, ErrOver) || errors.Is(s.err, ErrClosed) {
		return nil
	}
	return s.err
}

// Index returns the ordinal of the session on its server, from 1.
func (s *Session) Index() int { return s.index }

// Context is done when the session's time is up or the server is closed.
func (s *Session) Context() context.Context { return s.ctx }

// Conn returns the connection as it is now: TLS after StartTLS. What is done
// with it directly is not recorded.
func (s *Session) Conn() net.Conn { return s.conn }

// Err returns the fault after which no verb does anything, ErrOver after a verb
// that ended the session, and nil while it goes on.
func (s *Session) Err() error { return s.err }

// TLS returns the state of the encryption, and false in clear.
func (s *Session) TLS() (tls.ConnectionState, bool) {
	conn, ok := s.conn.(*tls.Conn)
	if !ok {
		return tls.ConnectionState{}, false
	}
	return conn.ConnectionState(), true
}

// StartTLS runs the server's side of a TLS handshake and goes on encrypted. What
// came in clear and was not read is thrown away, as RFC 3207 section 4.2 asks
// (see Buffered). It does not write the 220.
//
// Over a net.Pipe session tickets are switched off: TLS 1.3 would write them
// while the client, done with its handshake, writes its first command, and
// without a buffer both would wait for ever.
func (s *Session) StartTLS(config *tls.Config) error {
	if s.err != nil {
		return s.err
	}
	if config == nil {
		return s.fail(errors.New("start tls: no configuration"))
	}
	if s.unbuffered() {
		config = config.Clone()
		config.SessionTicketsDisabled = true
	}
	conn := tls.Server(s.conn, config)
	if err := conn.Handshake(); err != nil {
		return s.fail(fmt.Errorf("start tls: %w", s.why(err)))
	}
	s.conn = conn
	s.in = bufio.NewReader(conn)
	return nil
}

// Pause waits, while the session has time.
func (s *Session) Pause(d time.Duration) error {
	if s.err != nil || d <= 0 {
		return s.err
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-s.ctx.Done():
		return s.fail(fmt.Errorf("pause: %w", context.Cause(s.ctx)))
	}
}

// Hang neither reads nor writes until the server is closed or the session's
// time is up, and ends the session. A client that goes away is not noticed.
func (s *Session) Hang() error {
	if s.err != nil {
		return s.err
	}
	<-s.ctx.Done()
	s.err = ErrOver
	return nil
}

// WaitClose reads and records, without a word, until the client has closed or
// reset the connection, and ends the session. It fails when time is up before.
func (s *Session) WaitClose() error {
	for s.err == nil {
		_, err := s.readLine()
		switch {
		case err == nil, errors.Is(err, ErrTooLong):
		case gone(err):
			s.err = ErrOver
			return nil
		default:
			return s.fail(fmt.Errorf("wait for close: %w", err))
		}
	}
	return s.err
}

// CloseWrite ends the server's half of the connection; the client's is still
// read. Over TLS the close_notify alert goes first. It fails with
// ErrUnsupported where a connection has no halves (net.Pipe).
func (s *Session) CloseWrite() error {
	if s.err != nil {
		return s.err
	}
	half, ok := s.base.(interface{ CloseWrite() error })
	if !ok {
		return s.fail(fmt.Errorf("close write: %w", ErrUnsupported))
	}
	if conn, ok := s.conn.(*tls.Conn); ok {
		if err := conn.CloseWrite(); err != nil {
			return s.fail(fmt.Errorf("close write: %w", s.why(err)))
		}
	}
	if err := half.CloseWrite(); err != nil {
		return s.fail(fmt.Errorf("close write: %w", s.why(err)))
	}
	return nil
}

// Reset ends the session abortively: the client gets a TCP RST instead of an
// end of file. It fails with ErrUnsupported on anything but TCP.
func (s *Session) Reset() error {
	if s.err != nil {
		return s.err
	}
	tcp, ok := s.base.(*net.TCPConn)
	if !ok {
		return s.fail(fmt.Errorf("reset: %w", ErrUnsupported))
	}
	// With no time to linger, close throws away what is unsent and resets.
	if err := tcp.SetLinger(0); err != nil {
		return s.fail(fmt.Errorf("reset: %w", err))
	}
	tcp.Close()
	s.err = ErrOver
	return nil
}

// Drop ends the session without any ceremony of TLS: the client sees the end of
// the TCP stream where a close_notify alert should be. In clear it is Close.
func (s *Session) Drop() error {
	if s.err != nil {
		return s.err
	}
	s.hangUp()
	s.err = ErrOver
	return nil
}

// Close ends the session in an orderly way. It may be called at any time.
func (s *Session) Close() error {
	// The alert waits for a client that does not read, so it is left out where
	// the session did not end well, and where the client may be writing its own.
	if conn, ok := s.conn.(*tls.Conn); ok && s.err == nil && s.ctx.Err() == nil && !s.unbuffered() {
		conn.CloseWrite()
	}
	s.hangUp()
	if s.err == nil {
		s.err = ErrOver
	}
	return nil
}

// hangUp closes the connection. The end of file goes first by itself: bytes not
// yet read would turn a plain close into a reset.
func (s *Session) hangUp() {
	if half, ok := s.base.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
	s.base.Close()
}

// unbuffered reports whether a write waits for the client to read.
func (s *Session) unbuffered() bool { return s.base.LocalAddr().Network() == "pipe" }

// fail keeps the first error.
func (s *Session) fail(err error) error {
	if s.err == nil {
		s.err = err
	}
	return s.err
}

// why returns the reason for which the session's time ended when that is what
// stopped a read or a write.
func (s *Session) why(err error) error {
	if cause := context.Cause(s.ctx); cause != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		return cause
	}
	return err
}

// gone reports whether err says that the client is no longer there.
func gone(err error) bool {
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, end) {
			return true
		}
	}
	return false
}

// foldPrefix reports whether text begins with prefix, ignoring case.
func foldPrefix(text, prefix string) bool {
	return len(text) >= len(prefix) && strings.EqualFold(text[:len(prefix)], prefix)
}
