package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
)

// Visit is one session of a Polite server: who came, what was said, and how it
// ended. It belongs to whoever plays the session.
type Visit struct {
	Session int                  // its ordinal on the server, from 1
	Peer    string               // IP address of the client, "" where it has none
	Verb    string               // of the last greeting that was accepted: EHLO, HELO or LHLO; "" for none
	Helo    string               // its argument
	User    string               // who had logged in, "" for nobody
	XClient map[string]string    // attributes of XCLIENT, names in upper case, decoded
	TLS     *tls.ConnectionState // nil in clear
	Quit    bool                 // the client said QUIT

	// Handshake is why a TLS handshake came to nothing: a client that refuses the
	// certificate is what some tests want.
	Handshake *HandshakeError

	// Messages are the transactions, one for each MAIL that was accepted,
	// whether or not a message came of it.
	Messages []Message

	// Replies are all that was answered, in order.
	Replies []Given

	Ended Ended
	Err   error // what else went wrong, wrapping ErrTimeout, ErrClosed, ErrTooLong or a fault of the connection
}

// Given is one reply that was given.
type Given struct {
	Key      string // as in Answers; "?" for a line that does not begin with a verb
	Ordinal  int    // how often that key was answered, this one included
	Argument string // the address, or the rest of the command; of AUTH the mechanism alone
	Reply    string // what was written, up to 4 KiB, "" for nothing; lines end as they did, but for the last
}

// Ended says how a visit ended.
type Ended uint8

// How a visit can end.
const (
	Underway       Ended = iota // it has not
	EndedByQuit                 // the client said QUIT
	EndedByClient               // the client went away without
	EndedByServer               // an Answer ended it, or the client was too much
	EndedHandshake              // a TLS handshake came to nothing
	EndedByTimeout              // its time was up
	EndedByClose                // the server or listener was closed
	EndedByFault                // anything else, which Err tells
)

var endedNames = [...]string{"under way", "quit", "client", "server", "handshake", "timeout", "closed", "fault"}

// String returns the name of the end.
func (e Ended) String() string {
	if int(e) < len(endedNames) {
		return endedNames[e]
	}
	return fmt.Sprintf("Ended(%d)", uint8(e))
}

// HandshakeError is a TLS handshake that came to nothing.
type HandshakeError struct {
	Alert string // with which the client refused it, as "bad certificate"; "" where it did not say
	Err   error
}

func (e *HandshakeError) Error() string { return e.Err.Error() }

func (e *HandshakeError) Unwrap() error { return e.Err }

// Parameters are what stands behind the address of MAIL or RCPT (RFC 5321
// section 4.1.2).
type Parameters struct {
	Raw    string            // as the client wrote them, "" for none
	Values map[string]string // by keyword in upper case, "" where there is no value; as written, xtext included; the first 64
}

func parameters(raw string) Parameters {
	p := Parameters{Raw: strings.TrimSpace(raw)}
	for field := range strings.FieldsSeq(p.Raw) {
		if p.Values == nil {
			p.Values = map[string]string{}
		}
		if len(p.Values) == mostParameters {
			break
		}
		name, value, _ := strings.Cut(field, "=")
		p.Values[strings.ToUpper(name)] = value
	}
	return p
}

// Recipient is one that a client named, and what it was told.
type Recipient struct {
	Address    string // without its brackets
	Parameters Parameters
	Accepted   bool
	Reply      string // to the RCPT, as in Given
	Final      string // LMTP: to the message, for this recipient
}

// Question is what a Polite session is about to answer.
type Question struct {
	Key      string   // as in Answers: "rcpt"
	Ordinal  int      // how often that key came, this time included
	Argument string   // the address of MAIL, RCPT and of LMTP's "."; else the rest of the line
	Line     string   // the command as it came; "" for the greeting and after a message
	Usual    []string // the lines that the session would say: a refusal where the command cannot be obeyed
	Visit    *Visit   // so far
	Begun    bool     // a transaction is under way: MAIL was accepted
	Message  *Message // the transaction under way, after the dot with its text; of none the zero Message. It may not be changed, and is good until the answer is returned
}

// Bounds on what a visit holds, whoever comes.
const (
	mostGiven      = 50_000 // replies
	mostReply      = 4 << 10
	mostMessages   = 10_000 // transactions
	mostText       = 128 << 20
	mostRecipients = 50_000  // of a message
	mostNamed      = 8 << 20 // bytes of its RCPT commands
	mostParameters = 64      // of a command that are in Values
	mostKeys       = 1_000   // verbs that are counted
)

// full says whether a visit has come to its bounds.
func (v *Visit) full(text int) bool {
	return len(v.Replies) >= mostGiven || len(v.Messages) >= mostMessages || text > mostText
}

// Visit tells of a session that nobody played as Polite, once it is over: who
// came, and how it ended. What was said is not in it.
func (s *Session) Visit() *Visit {
	v := &Visit{Session: s.Index(), Peer: s.Peer()}
	if state, ok := s.TLS(); ok {
		v.TLS = &state
	}
	v.end(s)
	return v
}

// end finds how the session ended.
func (v *Visit) end(s *Session) {
	cause := context.Cause(s.ctx)
	if !errors.Is(s.err, ErrOver) && !gone(s.err) {
		v.Err = s.err
	}
	cut := errors.Is(s.err, ErrTimeout) || errors.Is(s.err, ErrClosed) // which is no word of the client's on TLS
	switch {
	case !cut && errors.As(s.err, &v.Handshake):
		v.Ended, v.Err = EndedHandshake, nil
	case v.Quit:
		v.Ended, v.Err = EndedByQuit, nil
	case errors.Is(s.err, ErrTimeout), errors.Is(s.err, ErrOver) && s.by == "" && errors.Is(cause, ErrTimeout):
		v.Ended = EndedByTimeout
	case errors.Is(s.err, ErrClosed), errors.Is(s.err, ErrOver) && s.by == "" && errors.Is(cause, ErrClosed):
		v.Ended = EndedByClose
	case gone(s.err), errors.Is(s.err, ErrOver) && s.by == "client":
		v.Ended = EndedByClient
	case v.Err != nil:
		v.Ended = EndedByFault
	default:
		v.Ended = EndedByServer
	}
}
