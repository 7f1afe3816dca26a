package demo

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"time"

	"github.com/emersion/go-smtp"
)

// desk is one go-smtp server: of a target in clear, or of its other side, after
// TLS has begun. Two are needed because go-smtp, left to it, would put TLS
// between itself and its frontConn, which then saw nothing but records.
type desk struct {
	demo   *Demo
	rules  rules
	secure *desk // where STARTTLS leads; nil on the secure side
	queue  chan net.Conn
}

// newDesk starts the go-smtp server of one side of a target.
func (d *Demo) newDesk(r rules, encrypted bool) *desk {
	k := &desk{demo: d, rules: r, queue: make(chan net.Conn)}
	srv := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &session{demo: d, rules: r, encrypted: encrypted}, nil
	}))
	srv.Domain = hostName
	srv.MaxMessageBytes = maxMessage
	srv.MaxLineLength = maxLine
	srv.MaxRecipients = maxRecipients
	srv.ReadTimeout = idleTimeout
	srv.WriteTimeout = writeTimeout
	srv.EnableDSN, srv.EnableSMTPUTF8, srv.EnableBINARYMIME = true, true, true
	srv.ErrorLog = log.New(io.Discard, "", 0)
	if encrypted {
		srv.AllowInsecureAuth = true // it sees no TLS, but there is
	} else {
		// Whether to offer STARTTLS; the handshake is not go-smtp's.
		srv.TLSConfig = &tls.Config{}
		// Where a target has no AUTH at all, TLS would not help: the session says so.
		srv.AllowInsecureAuth = !r.auth
	}
	d.wg.Go(func() {
		srv.Serve(k)
		// Serve has returned, so no connection begins any more; the others end
		// with their first read.
		srv.Shutdown(context.Background())
	})
	return k
}

// take gives a connection to the desk: its first greeting is left out when the
// client has had one in clear.
func (k *desk) take(conn net.Conn, greeted bool) {
	front := &frontConn{Conn: conn, raw: conn, desk: k, greeted: greeted}
	// A client that begins no handshake must not stay for ever: go-smtp sets no
	// deadline for reads before its first command.
	conn.SetDeadline(time.Now().Add(idleTimeout))
	if k.secure == nil {
		front.Conn = tls.Server(conn, k.demo.certificate.ServerConfig())
	}
	select {
	case k.queue <- front.lines():
	case <-k.demo.done:
		k.demo.release(conn)
	}
}

// Accept makes a desk the net.Listener of its go-smtp server.
func (k *desk) Accept() (net.Conn, error) {
	select {
	case conn := <-k.queue:
		return conn, nil
	case <-k.demo.done:
		return nil, net.ErrClosed
	}
}

// Close is part of net.Listener; a desk closes with its Demo.
func (k *desk) Close() error { return nil }

// Addr is part of net.Listener.
func (k *desk) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
