package imap

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"time"
)

// reach connects, up to where the login may be sent: over TLS, or to this machine, or because it was asked for.
func (b *Box) reach(ctx context.Context) (*wire, error) {
	dialer := net.Dialer{Timeout: b.o.Timeout}
	nc, err := dialer.DialContext(ctx, "tcp", b.o.Server)
	if ctx.Err() != nil {
		if err == nil {
			nc.Close()
		}
		return nil, b.interrupted(ctx, "connect")
	}
	if err != nil {
		return nil, b.fault("connect", Unreachable, "no connection", err)
	}
	w := newWire(nc)
	err = b.bounded(ctx, "connect", w, b.o.Timeout, 0, func() error {
		return b.secure(ctx, w, isLoopback(nc.RemoteAddr()) && !b.o.far)
	})
	if err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func isLoopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// secure makes the connection one that a password may go over.
func (b *Box) secure(ctx context.Context, w *wire, near bool) error {
	trusted := near || b.o.Insecure
	if b.o.Security.NoVerify && !trusted {
		return b.fault("login", Insecure, "nothing was sent: the password would go to a server whose certificate is not verified", nil)
	}
	if b.o.TLS {
		if err := b.handshake(ctx, w); err != nil {
			return err
		}
	}
	if err := b.greet(w); err != nil {
		return err
	}
	if demanded := b.o.StartTLS || !trusted; !b.o.TLS && (demanded || !near) {
		return b.startTLS(ctx, w, demanded)
	}
	return nil
}

// greet takes the greeting (RFC 3501 7.1).
func (b *Box) greet(w *wire) error {
	r, err := w.read()
	if err != nil {
		return err
	}
	if _, ok := r.named("OK"); ok {
		return nil
	}
	e := b.fault("connect", Malformed, "the greeting is not that of an IMAP server", nil)
	e.Text = b.said(r.text)
	if text, ok := r.named("BYE"); ok {
		e.Kind, e.Msg, e.Text = Ended, "the server turned us away", b.said(text)
	}
	if _, ok := r.named("PREAUTH"); ok {
		// Whoever sits between could say it, so that no TLS is begun (RFC 9051 7.1.4); and whose mail it is nobody knows.
		e.Msg = "the server says that we are logged in already"
	}
	return e
}

// capabilities asks what is offered, in capitals.
func (w *wire) capabilities() (offered []string, err error) {
	err = w.ask(func(r response) error {
		if rest, ok := r.named("CAPABILITY"); ok {
			offered = strings.Fields(strings.ToUpper(rest))
		}
		return nil
	}, "CAPABILITY")
	return offered, err
}

// startTLS goes through STARTTLS (RFC 3501 6.2.1), or stays in clear where that is not offered and not demanded.
func (b *Box) startTLS(ctx context.Context, w *wire, demanded bool) error {
	offered, err := w.capabilities()
	switch {
	case err != nil:
		return err
	case !slices.Contains(offered, "STARTTLS") && !demanded:
		return nil
	case !slices.Contains(offered, "STARTTLS"):
		return b.fault("starttls", NotOffered, "nothing of the login was sent: the server does not offer STARTTLS, and the password would go in clear", nil)
	}
	if err := w.ask(nil, "STARTTLS"); err != nil {
		return err
	}
	if w.in.Buffered() > 0 {
		return b.fault("starttls", Injected, "nothing of the login was sent: bytes in clear text came before the TLS handshake", nil)
	}
	return b.handshake(ctx, w)
}

// handshake makes what follows on the wire TLS.
func (b *Box) handshake(ctx context.Context, w *wire) error {
	s := b.o.Security
	conf := &tls.Config{
		ServerName: s.Name, RootCAs: s.CA, InsecureSkipVerify: s.NoVerify, CipherSuites: s.Ciphers,
		MinVersion: s.MinVersion, MaxVersion: s.MaxVersion,
	}
	if conf.MinVersion == 0 && s.MaxVersion != 0 {
		conf.MinVersion = min(s.MaxVersion, tls.VersionTLS12)
	}
	if s.Client != nil {
		conf.Certificates = []tls.Certificate{*s.Client}
	}
	conn := tls.Client(w.conn, conf)
	err := conn.HandshakeContext(ctx)
	var unverified *tls.CertificateVerificationError
	var header tls.RecordHeaderError
	switch {
	case err == nil:
		w.mu.Lock()
		defer w.mu.Unlock()
		w.conn = conn // under mu: cut reads it
		w.in.Reset(conn)
		return nil
	case errors.As(err, &unverified):
		return b.fault("tls", Unverified, "nothing of the login was sent: the server's certificate did not verify", unverified.Err)
	case errors.As(err, &header):
		return b.fault("tls", Handshake, "the server does not speak TLS here", nil)
	case isTimeout(err) && ctx.Err() == nil:
		return b.fault("tls", Silent, "the TLS handshake was not finished within "+b.o.Timeout.String(), nil)
	}
	return b.fault("tls", Handshake, "the TLS handshake failed", err)
}

// explain is what an error of the wire means, as an *Error.
func (b *Box) explain(ctx context.Context, op string, w *wire, limit time.Duration, err error) error {
	w.mu.Lock()
	cut := w.reason != nil
	w.mu.Unlock()
	var own *Error
	var refused *refusal
	var bad *garbage
	var many crowd
	e := &Error{Server: b.o.Server, Op: op}
	switch {
	case err == nil && !cut:
		return nil
	case cut:
		return b.interrupted(ctx, op)
	case errors.As(err, &own):
		return err
	case errors.As(err, &refused):
		e.Kind, e.Msg, e.Text = Refused, "the server refused", b.said(refused.text)
	case isTimeout(err):
		e.Kind, e.Msg = Silent, "no answer within "+limit.Round(time.Millisecond).String()
	case errors.As(err, &bad):
		e.Kind, e.Msg, e.Text = Malformed, "what came has no place in IMAP", b.said(bad.text)
	case errors.Is(err, errFlood), errors.Is(err, errLiteral):
		e.Kind, e.Msg = Malformed, err.Error()
	case errors.As(err, &many):
		e.Kind, e.Msg = Crowded, b.o.Mailbox+" has "+many.Error()+": use a folder of its own for tests"
	case w.bye != "":
		e.Kind, e.Msg, e.Text = Ended, "the server ended the connection", b.said(w.bye)
	default:
		e.Kind, e.Msg = Ended, "the connection ended"
		if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			e.Err = cause(err)
		}
	}
	return e
}

func (b *Box) fault(op string, kind Kind, msg string, err error) *Error {
	return &Error{Server: b.o.Server, Op: op, Kind: kind, Msg: msg, Err: cause(err)}
}

func (b *Box) interrupted(ctx context.Context, op string) *Error {
	return &Error{Server: b.o.Server, Op: op, Kind: Interrupted, Msg: "interrupted", Err: context.Cause(ctx)}
}

// cause is an error of the network without the addresses, which the text names already.
func cause(err error) error {
	if op, ok := err.(*net.OpError); ok && op.Err != nil {
		return op.Err
	}
	return err
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}
