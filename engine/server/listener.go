package server

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// ListenOptions say where a Listener listens. The zero value works: a free port
// of 127.0.0.1.
type ListenOptions struct {
	// Network and Address are those of net.Listen, unix sockets included.
	// Empty they mean "tcp" and, for tcp, "127.0.0.1:0".
	Network, Address string

	// Timeout bounds a whole session from Accept on; 0 means DefaultTimeout. See
	// [Session.SetTimeout].
	Timeout time.Duration
}

// Listener hands out connections one by one, to whoever asks for them. Clients
// are let in at once and wait in a queue, at most 1024 of them, those handed out
// included; further ones are closed. Its methods may be called from any
// goroutine.
type Listener struct {
	server Server
	queue  chan *Session
	once   sync.Once
	closed chan struct{}
}

// Listen binds the address and starts to let clients in. It fails on an address
// that cannot be bound.
func Listen(o ListenOptions) (*Listener, error) {
	l := &Listener{queue: make(chan *Session, maxSessions), closed: make(chan struct{})}
	l.server.Network, l.server.Address, l.server.Timeout = o.Network, o.Address, o.Timeout
	l.server.Unlogged = true
	l.server.handOver = l.take
	if err := l.server.Listen(); err != nil {
		return nil, err
	}
	return l, nil
}

// take queues a connection. There is room for all that are let in.
func (l *Listener) take(s *Session) {
	l.queue <- s
	select {
	case <-l.closed:
		l.dismiss()
	default:
	}
}

// Addr returns the address listened on, "HOST:PORT" or the path of a unix socket.
func (l *Listener) Addr() string { return l.server.Addr() }

// Accept hands out the next connection, in the order in which they came. Its
// session belongs to the caller's goroutine, which must Close it; its time begins
// now. Accept fails with the cause of ctx where nobody came before that was done,
// and with ErrClosed after Close. Both come wrapped.
func (l *Listener) Accept(ctx context.Context) (*Session, error) {
	select {
	case s := <-l.queue: // also where ctx is done
		return l.hand(s)
	default:
	}
	select {
	case s := <-l.queue:
		return l.hand(s)
	case <-l.closed:
		return nil, fmt.Errorf("accept on %s: %w", l.Addr(), ErrClosed)
	case <-ctx.Done():
		return nil, fmt.Errorf("accept on %s: %w", l.Addr(), context.Cause(ctx))
	}
}

// hand begins the session's time.
func (l *Listener) hand(s *Session) (*Session, error) {
	s.start(l.server.timeout(), true)
	if s.ctx.Err() != nil {
		s.Close()
		return nil, fmt.Errorf("accept on %s: %w", l.Addr(), ErrClosed)
	}
	return s, nil
}

// Close stops listening and ends every session, those handed out abruptly: their
// verbs fail with ErrClosed. It does not wait for their owners. It may be called
// more than once.
func (l *Listener) Close() error {
	err := l.server.shut()
	l.once.Do(func() { close(l.closed) })
	l.dismiss()
	return err
}

// dismiss closes the connections that nobody asked for.
func (l *Listener) dismiss() {
	for {
		select {
		case s := <-l.queue:
			s.base.Close()
			l.server.end(s)
		default:
			return
		}
	}
}
