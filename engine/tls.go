package engine

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"smtplay/engine/transcript"
)

// tlsState is what a handshake left behind.
type tlsState struct {
	info   *transcript.TLSInfo
	cert   *Certificate
	client ClientRequest
	read   bool // something was read since: an alert now is no part of the handshake
}

// TLS is what the handshake agreed on, nil in clear.
func (c *Conn) TLS() *transcript.TLSInfo {
	if c.state == nil {
		return nil
	}
	return c.state.info
}

// Security are the TLS options that were given to the connect.
func (c *Conn) Security() TLSOptions { return c.opts.Security }

// Handshake does TLS from here on: after the 220 to a STARTTLS (RFC 3207 4), or
// from the first byte. Capabilities are forgotten. A handshake that fails ends
// the conversation.
func (c *Conn) Handshake(ctx context.Context, o TLSOptions) error {
	if err := c.usable("handshake"); err != nil {
		return err
	}
	if c.tls != nil {
		return &Error{Op: "handshake", Addr: c.addr, Kind: Misuse, Msg: "TLS is on already"}
	}
	if cmd, owes := c.Owes(); owes && !(cmd.Greeting && c.opts.TLS) {
		return c.owing(cmd, "no handshake was begun: ")
	}
	if o.MaxVersion != 0 && o.MinVersion > o.MaxVersion {
		return &Error{Op: "handshake", Addr: c.addr, Kind: Misuse, Msg: fmt.Sprintf("no handshake was begun: no TLS version is at least %s and at most %s",
			strings.TrimPrefix(tls.VersionName(o.MinVersion), "TLS "), strings.TrimPrefix(tls.VersionName(o.MaxVersion), "TLS "))}
	}
	if err := o.checkCiphers(); err != nil {
		return &Error{Op: "handshake", Addr: c.addr, Kind: Misuse, Msg: "no handshake was begun", Err: err}
	}
	if err := c.watch(ctx); err != nil {
		return err
	}
	if err := c.clearText(); err != nil {
		return err
	}
	if o.Name == "" {
		o.Name = c.host
	}
	return c.handshake(ctx, o)
}

// HandshakeFirst does TLS from the first byte (RFC 8314 3.3) on a connection
// that was opened without, where the greeting has not been read.
func (c *Conn) HandshakeFirst(ctx context.Context, o TLSOptions) error {
	c.opts.TLS = true
	return c.Handshake(ctx, o)
}

// clearText fails where the server spoke between its 220 and the handshake:
// those bytes are in clear, whoever put them there (RFC 3207 6).
func (c *Conn) clearText() error {
	err := c.available()
	if c.r == len(c.in) {
		if kind, over := ended(err); over {
			return c.die(&Error{Op: "handshake", Addr: c.addr, Kind: kind, Msg: "the server closed the connection before the TLS handshake began"})
		}
		return nil
	}
	got := c.take()
	if c.opts.TLS {
		return c.die(&Error{Op: "handshake", Addr: c.addr, Kind: Handshake, Got: got, Msg: "the server speaks in clear here: this is no port for TLS from the first byte"})
	}
	return c.die(&Error{Op: "handshake", Addr: c.addr, Kind: Injected, Got: got, Msg: "bytes in clear text came between the 220 and the handshake"})
}

func (c *Conn) handshake(ctx context.Context, o TLSOptions) error {
	state := &tlsState{}
	c.sock.at = nil // the end of a context closes the connection in the middle of a handshake
	conn := tls.Client(c.sock, c.tlsConfig(o, state))
	limit := orDefault(c.opts.Timeout, DefaultTimeout)
	c.sock.setRead(time.Now().Add(limit))
	c.sock.writeUntil(time.Now().Add(limit))
	c.sock.capture, c.sock.capturing = nil, true
	err := conn.HandshakeContext(ctx)
	c.sock.capturing = false
	c.hello, c.caps, c.rcpts = nil, nil, nil
	if err != nil {
		e := c.handshakeFault(ctx, err, limit, state, o)
		c.noteClient(state.client, nil)
		c.Note("the TLS handshake failed: %v", e)
		c.die(e)
		c.shut("client")
		return e
	}
	c.record(transcript.TLS, state.info.String())
	c.noteClient(state.client, o.Client)
	c.tls, c.state = conn, state
	c.sent = time.Now()
	return nil
}

// tlsConfig verifies by itself: what is wrong is kept as data, each fault by
// itself, whether or not the handshake may go on.
func (c *Conn) tlsConfig(o TLSOptions, state *tlsState) *tls.Config {
	conf := &tls.Config{
		ServerName:           o.Name,
		InsecureSkipVerify:   true,
		CipherSuites:         o.Ciphers,
		GetClientCertificate: state.askedClient(o.Client),
		VerifyConnection: func(cs tls.ConnectionState) error {
			state.cert = inspect(cs.PeerCertificates, o.Name, o.CA, time.Now())
			state.cert.staple = cs.OCSPResponse
			state.info = &transcript.TLSInfo{
				Version:    strings.ReplaceAll(tls.VersionName(cs.Version), " ", ""),
				Cipher:     tls.CipherSuiteName(cs.CipherSuite),
				ALPN:       cs.NegotiatedProtocol,
				ServerName: o.Name,
				Resumed:    cs.DidResume,
				Subject:    state.cert.Leaf().Subject.String(),
				Problems:   state.cert.Problems,
			}
			if len(state.cert.Problems) > 0 && !o.NoVerify {
				return &verifyError{state.cert.Problems}
			}
			return nil
		},
	}
	conf.MinVersion, conf.MaxVersion = o.versions()
	if len(o.Ciphers) == 0 && conf.MaxVersion < tls.VersionTLS13 {
		// Whether a protocol is refused is asked with every suite that Go has:
		// a refusal must be about the protocol.
		for _, s := range Ciphers() {
			conf.CipherSuites = append(conf.CipherSuites, s.ID)
		}
	}
	return conf
}

type verifyError struct{ problems []string }

func (e *verifyError) Error() string { return strings.Join(e.problems, ", ") }

// handshakeFault says why a handshake failed, and whose doing it was.
func (c *Conn) handshakeFault(ctx context.Context, err error, limit time.Duration, state *tlsState, o TLSOptions) *Error {
	e := &Error{Op: "handshake", Addr: c.addr, Kind: Handshake, Err: err}
	came := c.sock.capture
	var bad *verifyError
	var header tls.RecordHeaderError
	kind, over := ended(err)
	switch {
	case ctx.Err() != nil:
		return interrupted(ctx, "handshake")
	case errors.As(err, &bad):
		e.Kind, e.Err = Unverified, nil
		e.Msg = fmt.Sprintf("the server's certificate (%s, issued by %s) did not verify: %s", state.info.Subject, state.cert.Leaf().Issuer, err)
	case len(came) > 0 && isText(came[0]):
		e.Err, e.Msg = nil, "the server answered the TLS handshake in clear text"
		e.Got = c.show(came)
	case errors.As(err, &header):
		e.Err, e.Msg = nil, "the server answered the TLS handshake with something that is not TLS"
		e.Got = c.show(came)
	case isTimeout(err):
		e.After, e.Err = limit, nil
		e.Msg = "the TLS handshake was not finished within " + seconds(limit)
	case isAlert(err):
		e.Msg = "the server refused the TLS handshake"
		alert, _ := Refused(e)
		e.Want, e.Had = "a handshake with "+offered(o), "the alert "+alert
		e.blameClient(state.client)
		if alert == "handshake failure" || alert == "insufficient security level" {
			c.Note("offered were %s; suites that Go's TLS does not speak (DHE, ECDH, PSK, SRP; Camellia, ARIA, CCM, NULL) were not", offered(o))
		}
	case over:
		e.Err, e.Msg = io.ErrUnexpectedEOF, "the server closed the connection during the TLS handshake"
		if kind == Reset {
			e.Msg = "the connection was reset during the TLS handshake"
		}
		e.blameClient(state.client)
	case isBroken(err):
		e.Kind, e.Msg = Reset, "the connection broke during the TLS handshake"
	case chosenBelow(came, o) != "":
		e.Err, e.Msg = nil, "the server chose "+chosenBelow(came, o)+", which was not offered"
		e.Want, e.Had = offered(o), chosenBelow(came, o)
	default:
		e.Msg = "the TLS handshake could not be done by smtplay (what Go's crypto/tls cannot speak is not the server's fault)"
	}
	return e
}

// isText tells clear text from a TLS record, which begins with its type, a
// byte of 20 to 24 (RFC 8446 5.1).
func isText(first byte) bool { return first >= ' ' || first == '\r' || first == '\n' || first == '\t' }

// show records bytes that no reply will record.
func (c *Conn) show(b []byte) []byte {
	c.recordBytes(transcript.Server, b, nil)
	return b
}

// Refused says whether err is a server's refusal of a handshake, and by which
// alert; a close without one is a refusal too, with alert "". A timeout, clear
// text, a fault of verification and what we cannot speak are none.
func Refused(err error) (alert string, refused bool) {
	var e *Error
	if !errors.As(err, &e) || e.Kind != Handshake || e.Err == nil {
		return "", false
	}
	if isAlert(e.Err) {
		var op *net.OpError
		errors.As(e.Err, &op)
		return strings.TrimPrefix(op.Err.Error(), "tls: "), true
	}
	return "", errors.Is(e.Err, io.ErrUnexpectedEOF)
}

// isAlert: crypto/tls gives an alert of the peer's as an OpError of this name.
func isAlert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

// tlsFault fills in a fault below SMTP. An alert that comes with the first
// read belongs to the handshake: with TLS 1.3 the client is done first.
func (c *Conn) tlsFault(e *Error) {
	var header tls.RecordHeaderError
	switch {
	case isAlert(e.Err) && c.state != nil && !c.state.read:
		e.Kind, e.Msg = Handshake, "the server refused the TLS handshake"
		e.blameClient(c.state.client)
	case isAlert(e.Err):
		e.Kind, e.Msg = Closed, "the server ended TLS with an alert"
	case isBroken(e.Err) || c.tls == nil:
		e.Kind, e.Msg = Reset, "the connection broke"
	case errors.As(e.Err, &header):
		e.Kind, e.Msg, e.Got = Malformed, "what came is not TLS, though TLS is on", c.show(header.RecordHeader[:])
	default:
		e.Kind, e.Msg = Malformed, "what came is not valid TLS"
	}
}

// AwaitRefusal waits a moment for the alert with which a TLS 1.3 server
// refuses a handshake that the client holds to be finished. It returns that
// refusal, any other end of the conversation, or nil where nothing came.
func (c *Conn) AwaitRefusal(ctx context.Context, limit time.Duration) error {
	if c.state == nil || c.state.info.Version != "TLS1.3" || c.r < len(c.in) {
		return nil
	}
	if err := c.usable("handshake"); err != nil {
		return err
	}
	if err := c.watch(ctx); err != nil {
		return err
	}
	err := c.fill(time.Now().Add(limit))
	if err == nil || isTimeout(err) && ctx.Err() == nil {
		return nil
	}
	return c.unread(ctx, err, nil, limit)
}

// VersionOf is the number of a TLS version written "1.2" or "TLS1.2".
func VersionOf(s string) (uint16, error) {
	for _, v := range []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13} {
		if name := tls.VersionName(v); "TLS "+s == name || s == name || s == strings.ReplaceAll(name, " ", "") {
			return v, nil
		}
	}
	if strings.Contains(strings.ToUpper(s), "SSL") {
		return 0, fmt.Errorf("%q cannot be tried: Go's TLS does not speak SSL", s)
	}
	return 0, fmt.Errorf(`%q is no TLS version: write "1.0", "1.1", "1.2" or "1.3"`, s)
}

// LoadCA reads the certificates of a PEM file as the CAs to trust. Errors do not
// quote the file.
func LoadCA(pem []byte, name string) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate in PEM form", name)
	}
	return pool, nil
}
