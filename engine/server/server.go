package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

var errFull = errors.New("too many sessions at once")

// DefaultTimeout bounds a session of a Server that does not say otherwise.
const DefaultTimeout = time.Minute

// Limits of what a server has open, whoever finds its port.
const (
	maxSessions = 1024 // at once
	acceptPause = 100 * time.Millisecond
)

// Handler plays one session. The connection is closed when it returns. It must
// not wait for anything but the session's verbs and [Session.Context].
type Handler func(*Session)

// Server accepts connections and plays a session on each. The zero value is
// ready: it listens on a free port of 127.0.0.1 and is polite. Its fields may
// not change once it listens or serves; its methods may be called from any
// goroutine.
type Server struct {
	// Network and Address are those of net.Listen, unix sockets included.
	// Empty they mean "tcp" and, for tcp, "127.0.0.1:0".
	Network, Address string

	// Handler plays the sessions; nil means Polite{}.Serve.
	Handler Handler

	// Timeout bounds a whole session, whatever it waits for; 0 means
	// DefaultTimeout. A test of long waits in synthetic time raises it.
	Timeout time.Duration

	// Unlogged keeps nothing for Log, Received and Sent: for a server that is to
	// run for long.
	Unlogged bool

	mu       sync.Mutex
	wg       sync.WaitGroup
	listener net.Listener
	closed   bool
	begun    int
	ended    int
	changed  chan struct{} // closed and renewed when ended changes or at Close
	cancels  map[int]context.CancelCauseFunc
	errs     []error
	lines    []Line
	recorded map[int]int
	messages []Message

	// handOver, if set, gets every session accepted instead of the Handler.
	handOver func(*Session)
}

// Listen binds the address and starts to accept. Connections made after it
// returns are served. It fails on an address that cannot be bound, on a second
// call, and with ErrClosed after Close.
func (s *Server) Listen() error {
	network, address := s.Network, s.Address
	if network == "" {
		network = "tcp"
	}
	if network == "tcp" && address == "" {
		address = "127.0.0.1:0"
	}
	if network == "tcp" && strings.HasPrefix(address, "0.0.0.0:") {
		network = "tcp4" // net would take all of IPv6, too
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("listen: %w", ErrClosed)
	}
	if s.listener != nil {
		return fmt.Errorf("listen: already listening on %s", s.listener.Addr())
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		return err
	}
	s.listener = listener
	s.wg.Go(func() { s.accept(listener) })
	return nil
}

// accept serves connections until the listener is closed. One that cannot be
// had, as where there are too many open files, is not the end of the server.
func (s *Server) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			s.report(fmt.Errorf("accept: %w", err))
			time.Sleep(acceptPause)
			continue
		}
		session, err := s.begin(conn)
		switch {
		case err != nil:
		case s.handOver != nil:
			s.handOver(session)
		default:
			go s.play(session)
		}
	}
}

// Addr returns the address listened on, "HOST:PORT" or the path of a unix
// socket, and "" before Listen.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return ""
	}
	return s.listener.Addr().String()
}

// Serve plays a session on conn, in the calling goroutine, and closes conn. It
// returns what went wrong in the session, which [Server.Err] reports too.
func (s *Server) Serve(conn net.Conn) error {
	session, err := s.begin(conn)
	if err != nil {
		return err
	}
	return s.play(session)
}

// Pipe starts a session over a net.Pipe and returns the client's end of it.
// Such a pipe has no buffer: a write waits until the other end has read it.
// After Close the end returned is already closed.
func (s *Server) Pipe() net.Conn {
	client, conn := net.Pipe()
	session, err := s.begin(conn)
	if err != nil {
		client.Close()
		return client
	}
	go s.play(session)
	return client
}

// begin counts a session in. Every session begun must be played.
func (s *Server) begin(conn net.Conn) (*Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		conn.Close()
		return nil, fmt.Errorf("serve: %w", ErrClosed)
	}
	if len(s.cancels) == maxSessions {
		conn.Close()
		return nil, fmt.Errorf("serve: %w", errFull)
	}
	s.wg.Add(1)
	s.begun++
	session := newSession(s, s.begun, conn)
	if s.cancels == nil {
		s.cancels = make(map[int]context.CancelCauseFunc)
	}
	s.cancels[s.begun] = session.cancel
	return session, nil
}

// timeout is how long a session may take.
func (s *Server) timeout() time.Duration {
	if s.Timeout <= 0 {
		return DefaultTimeout
	}
	return s.Timeout
}

// play runs a session to its end and counts it out.
func (s *Server) play(session *Session) error {
	session.start(s.timeout(), false)
	handler := s.Handler
	if handler == nil {
		handler = Polite{}.Serve
	}
	err := session.run(handler)
	if err != nil {
		err = fmt.Errorf("session %d: %w", session.index, err)
		s.report(err)
	}
	s.end(session)
	return err
}

// end counts a session out, whose time is settled.
func (s *Server) end(session *Session) {
	s.mu.Lock()
	delete(s.cancels, session.index)
	s.ended++
	s.notify()
	s.mu.Unlock()
	s.wg.Done()
}

// notify wakes those in Wait. The caller holds the lock.
func (s *Server) notify() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// report keeps an error for Err.
func (s *Server) report(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.errs) < maxErrors {
		s.errs = append(s.errs, err)
	}
}

// Err returns what went wrong so far, all sessions joined: a client that did
// not send what was expected (ErrMismatch), a session out of time (ErrTimeout),
// a connection or a handshake that failed. A client that leaves a Polite
// session is no error, nor is the end brought by Close.
func (s *Server) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.errs...)
}

// Wait blocks until n sessions have ended, counted from the start of the
// server, and returns Err. It gives up when ctx is done, with its cause, and
// when the server is closed before, with ErrClosed.
func (s *Server) Wait(ctx context.Context, n int) error {
	for {
		s.mu.Lock()
		if s.ended >= n {
			s.mu.Unlock()
			return s.Err()
		}
		if s.closed {
			s.mu.Unlock()
			return fmt.Errorf("wait: %w", ErrClosed)
		}
		if s.changed == nil {
			s.changed = make(chan struct{})
		}
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for %d sessions: %w", n, context.Cause(ctx))
		}
	}
}

// Close stops listening, ends every session abruptly and waits for all
// goroutines of the server. It may be called more than once.
func (s *Server) Close() error {
	err := s.shut()
	s.wg.Wait()
	return err
}

// shut is Close without the waiting.
func (s *Server) shut() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	var err error
	if s.listener != nil {
		err = s.listener.Close()
	}
	for _, cancel := range s.cancels {
		cancel(ErrClosed)
	}
	s.notify()
	return err
}

// TB is the part of testing.TB that Start uses.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Cleanup(func())
}

// Start returns a listening server for the length of a test. When the test ends
// the server is closed, and a session in which the client did not send what the
// handler expected (ErrMismatch) fails the test. All other errors are left to
// the test, by Err and Wait: a client that is meant to give up causes them.
func Start(t TB, handler Handler) *Server {
	t.Helper()
	s := &Server{Handler: handler}
	if err := s.Listen(); err != nil {
		t.Fatalf("start the scripted server: %v", err)
	}
	t.Cleanup(func() {
		s.Close()
		if err := s.Err(); errors.Is(err, ErrMismatch) {
			t.Errorf("scripted server: %v", err)
		}
	})
	return s
}

// Each plays the first connection with the first handler, the second with the
// second, and every further one with the last. Without handlers it closes them.
func Each(handlers ...Handler) Handler {
	return func(s *Session) {
		if len(handlers) > 0 {
			handlers[min(s.Index(), len(handlers))-1](s)
		}
	}
}
