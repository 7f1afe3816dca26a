package imap

import (
	"fmt"
	"strings"
	"unicode"
)

// Kind is the class of an Error: what a caller decides by.
type Kind uint8

const (
	Misuse      Kind = iota + 1 // the call itself is wrong
	Unreachable                 // no connection could be made
	Insecure                    // the password would have gone over a connection that is not safe: nothing of it was sent
	Handshake                   // TLS could not be agreed on
	Unverified                  // the certificate did not hold
	Injected                    // clear text between the OK to STARTTLS and the handshake
	NotOffered                  // the server does not offer what is needed: STARTTLS, a way to log in, UIDPLUS
	Login                       // the login was refused
	Refused                     // another command was refused
	Crowded                     // there are too many messages of that time to look at
	Ended                       // the server ended the connection
	Silent                      // no answer in time
	Malformed                   // what came is no IMAP, or more than can be right
	Renumbered                  // UIDVALIDITY changed: the folder is another one
	Gone                        // the message is not there any more: wraps fs.ErrNotExist
	Interrupted                 // the context ended: wraps its cause
)

// Error is why a folder could not be used. After Misuse, NotOffered, Refused and Gone a Box has its connection still;
// after others it connects anew when it is next used.
type Error struct {
	Server string // as it was given
	Op     string // "connect", "starttls", "tls", "login", "select", "look", "fetch", "remove"
	Kind   Kind
	Msg    string // what happened
	Text   string // what the server said, without anything made of the password; "" for nothing
	Err    error  // the cause; nil where Kind says it all
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "imap %s: %s: %s", e.Server, e.Op, e.Msg)
	if e.Text != "" {
		fmt.Fprintf(&b, ": %q", e.Text)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// mostSaid is how much of a server's text a person reads, in bytes.
const mostSaid = 300

// said is a server's text as it may be shown: without the password in any form, in one line, not too long.
func (b *Box) said(text string) string {
	// Masked first: a cut could leave half a password that no mask knows.
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, b.secrets.String(text))
	text = strings.TrimSpace(strings.ToValidUTF8(text, "?"))
	if len(text) > mostSaid {
		text = strings.ToValidUTF8(text[:mostSaid], "") + "…"
	}
	return text
}
