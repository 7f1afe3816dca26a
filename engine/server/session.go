package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"smtplay/engine/transcript"
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
	cancel context.CancelCauseFunc
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

	// Waiting, if set, is called before everything that may block (a read of what
	// is not buffered, a write, a handshake, a pause), and what it returned when
	// that is over: so the owner lets others run meanwhile.
	Waiting func() (done func())

	// Secrets learns the passwords that clients say, and names those that it
	// knows, in what is recorded; see Record. Nil means that of the recorder
	// where this is a *transcript.Log.
	Secrets *transcript.Redactor

	tape  tape              // what Record records to
	by    string            // who ended it, "" where nobody has
	given []byte            // what was written since it was cleared, for a Visit; nil where nobody asks
	out   []byte            // replies that are not written yet; see held
	shown *x509.Certificate // the certificate that the last handshake was done with

	timer  *time.Timer   // ends the session when its time is up
	awake  chan struct{} // closed once the deadline is set
	stop   func() bool
	handed bool // to a caller of Listener.Accept
}

func newSession(server *Server, index int, conn net.Conn) *Session {
	ctx, cancel := context.WithCancelCause(context.Background())
	if tcp, ok := conn.(*net.TCPConn); ok {
		// Segments are only segments when the kernel does not join them.
		tcp.SetNoDelay(true)
	}
	s := &Session{server: server, index: index, ctx: ctx, cancel: cancel, base: conn, conn: conn}
	s.in = bufio.NewReaderSize(incoming{s}, readSize)
	return s
}

// readSize is how much is read at once.
const readSize = 4096

// start begins the session's time. Of one that is handed out the connection is
// closed when the server is: its owner may be busy elsewhere.
func (s *Session) start(timeout time.Duration, handed bool) {
	s.handed = handed
	s.awake = make(chan struct{})
	s.stop = context.AfterFunc(s.ctx, func() {
		// A deadline that has passed ends whatever read or write is under way.
		s.base.SetDeadline(time.Unix(1, 0))
		if handed && errors.Is(context.Cause(s.ctx), ErrClosed) {
			s.base.Close()
		}
		close(s.awake)
	})
	s.timer = time.AfterFunc(timeout, func() { s.cancel(ErrTimeout) })
}

// settle ends the session's time: nothing of it runs on.
func (s *Session) settle() {
	s.timer.Stop()
	if !s.stop() {
		<-s.awake
	}
	s.cancel(nil)
}

// SetTimeout gives the session that time from now on, for all that is still to
// come, in the place of what is left. It does nothing once time was up.
func (s *Session) SetTimeout(d time.Duration) {
	if s.ctx.Err() == nil {
		s.timer.Reset(max(d, 0))
	}
}

// incoming is the connection as its buffer reads it.
type incoming struct{ s *Session }

func (r incoming) Read(b []byte) (int, error) {
	if err := r.s.flush(); err != nil {
		return 0, err
	}
	defer r.s.wait()()
	return r.s.conn.Read(b)
}

// wait tells the owner that the session may block now; the function returned
// tells that it no longer does.
func (s *Session) wait() (done func()) {
	if s.Waiting != nil {
		if done := s.Waiting(); done != nil {
			return done
		}
	}
	return notWaiting
}

func notWaiting() {}

// run plays the session and closes its connection.
func (s *Session) run(handler Handler) error {
	handler(s)
	s.Close()
	s.settle()
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
func (s *Session) Conn() net.Conn {
	_ = s.flush() // the session keeps the error
	return s.conn
}

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
	if err := s.flush(); err != nil {
		return err
	}
	s.shown = nil
	conn := tls.Server(s.conn, s.showing(config))
	if err := s.handshake(conn); err != nil {
		e := &HandshakeError{Alert: alertOf(err), Err: s.why(err)}
		s.tape.noHandshake(e)
		if e.Alert != "" {
			s.left(nil)
		}
		return s.fail(fmt.Errorf("start tls: %w", e))
	}
	s.conn = conn
	s.in.Reset(incoming{s})
	s.tape.handshake(conn.ConnectionState(), s.shown)
	return nil
}

// showing is config, which tells what certificate it shows.
func (s *Session) showing(config *tls.Config) *tls.Config {
	show := func(c *tls.Certificate) {
		if s.shown = c.Leaf; s.shown == nil && len(c.Certificate) > 0 {
			s.shown, _ = x509.ParseCertificate(c.Certificate[0])
		}
	}
	if len(config.Certificates) > 0 {
		show(&config.Certificates[0])
	}
	if choose := config.GetCertificate; choose != nil {
		config = config.Clone()
		config.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			c, err := choose(hello)
			if c != nil {
				show(c)
			}
			return c, err
		}
	}
	return config
}

func (s *Session) handshake(conn *tls.Conn) error {
	defer s.wait()()
	return conn.Handshake()
}

// Pause waits, while the session has time.
func (s *Session) Pause(d time.Duration) error {
	if s.err != nil || d <= 0 {
		return s.err
	}
	if err := s.flush(); err != nil {
		return err
	}
	defer s.wait()()
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
	if err := s.flush(); err != nil {
		return err
	}
	defer s.wait()()
	<-s.ctx.Done()
	s.err = ErrOver
	return nil
}

// WaitClose reads and records, without a word, until the client has closed or
// reset the connection, and ends the session. It fails when time is up before.
func (s *Session) WaitClose() error {
	for s.err == nil {
		_, err := s.readSlice()
		switch {
		case err == nil, errors.Is(err, ErrTooLong):
		case gone(err):
			s.left(err)
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
	if err := s.flush(); err != nil {
		return err
	}
	if err := s.farewell(); err != nil {
		return s.fail(fmt.Errorf("close write: %w", s.why(err)))
	}
	if err := half.CloseWrite(); err != nil {
		return s.fail(fmt.Errorf("close write: %w", s.why(err)))
	}
	return nil
}

// farewell is TLS's close_notify alert; nothing in clear.
func (s *Session) farewell() error {
	conn, ok := s.conn.(*tls.Conn)
	if !ok {
		return nil
	}
	defer s.wait()()
	return conn.CloseWrite()
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
	if err := s.flush(); err != nil {
		return err
	}
	// With no time to linger, close throws away what is unsent and resets.
	if err := tcp.SetLinger(0); err != nil {
		return s.fail(fmt.Errorf("reset: %w", err))
	}
	tcp.Close()
	s.over("reset")
	return nil
}

// Drop ends the session without any ceremony of TLS: the client sees the end of
// the TCP stream where a close_notify alert should be. In clear it is Close.
func (s *Session) Drop() error {
	if s.err != nil {
		return s.err
	}
	if err := s.flush(); err != nil {
		return err
	}
	s.hangUp()
	s.over("server")
	return nil
}

// over ends the session by our own doing.
func (s *Session) over(by string) {
	if s.by == "" {
		s.by = by
		s.tape.close(by)
	}
	if s.err == nil {
		s.err = ErrOver
	}
}

// left takes down that the client has ended the session.
func (s *Session) left(err error) {
	if s.by == "" {
		s.by = "client"
		s.tape.left(err)
	}
}

// Close ends the session in an orderly way. It may be called at any time, and
// must be by whom a Listener gave it to.
func (s *Session) Close() error {
	// The alert waits for a client that does not read, so it is left out where
	// the session did not end well, and where the client may be writing its own.
	if s.flush() == nil && s.err == nil && s.ctx.Err() == nil && !s.unbuffered() {
		_ = s.farewell()
	}
	s.hangUp()
	s.over("server")
	if s.handed {
		s.handed = false
		s.settle()
		s.server.end(s)
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
		if gone(err) {
			s.left(err)
		}
	}
	return s.err
}

// why returns the reason for which the session's time ended when that is what
// stopped a read or a write.
func (s *Session) why(err error) error {
	if cause := context.Cause(s.ctx); cause != nil && (errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed)) {
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
