package engine

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"smtplay/engine/wire"
)

// Kind is the class of an Error: what a caller decides by.
type Kind uint8

const (
	Dial        Kind = iota + 1 // no connection could be made: no verdict
	Timeout                     // the server was silent, or took too long
	Closed                      // the server ended the connection
	Reset                       // the server, or the way to it, broke the connection
	Malformed                   // what came is no reply
	Unasked                     // bytes came that nothing asked for
	Owed                        // a reply was not read before the next command
	Dead                        // an earlier fault ended the conversation
	Handshake                   // TLS could not be agreed on
	Unverified                  // the certificate did not hold
	Injected                    // clear text between the 220 to STARTTLS and the handshake
	Insecure                    // a secret would have gone over a connection that is not safe
	Unbound                     // the mechanism binds to a TLS session, and there is none to bind to
	NotOffered                  // the server did not offer what was asked for
	Unknown                     // capabilities were asked for before an EHLO was answered
	Mismatch                    // the reply is not the one that was wanted
	Misuse                      // the call itself is wrong
	Interrupted                 // the context was cancelled
	Withheld                    // a login that might get the client banned: no verdict
)

// Error is a fault of a conversation. Its text says what happened; Op and the
// fields say where and with what.
type Error struct {
	Op      string // "connect", "read", "write", "starttls", "auth", …
	Addr    string // the server's address
	Kind    Kind
	Command *Command      // whose reply was waited for, or that could not be sent; nil for none
	Reply   *wire.Reply   // the reply that was not wanted; nil for none
	Got     []byte        // bytes that came and are no whole reply
	Want    string        // what would have been right, where that can be said
	Had     string        // what there was instead, where neither Reply nor Got is that
	After   time.Duration // Timeout: how long was waited
	Err     error         // the cause; nil where Kind says it all
	Msg     string        // what happened
	Proxied bool          // a PROXY header was sent, and nothing shows that it was understood
}

func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %v", e.Msg, e.Err)
	}
	return e.Msg
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// IsKind says whether err is an Error of that kind.
func IsKind(err error, kind Kind) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == kind
}

// ended says how a read or write found the connection's end; ok is false for
// any other error.
func ended(err error) (kind Kind, ok bool) {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe):
		return Closed, true
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNABORTED):
		return Reset, true
	}
	return 0, false
}

// isTimeout says that a deadline of ours has passed. That the kernel gave a
// connection up is another matter.
func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// isBroken says that the network failed below TLS.
func isBroken(err error) bool {
	var errno syscall.Errno
	return errors.As(err, &errno) || errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrClosed)
}
