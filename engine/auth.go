package engine

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/emersion/go-sasl"

	"smtplay/engine/transcript"
	"smtplay/engine/wire"
)

// authRounds bounds an exchange: a server that asks for ever is not answered
// for ever. SCRAM takes three, the longest known mechanism four.
const authRounds = 16

// Initial says whether AUTH carries the mechanism's first message.
type Initial uint8

const (
	InitialUsual    Initial = iota // as the mechanism has it: all but LOGIN that can, in a line that holds it
	InitialSent                    // with it: LOGIN sends the user
	InitialWithheld                // without: it answers the first 334
)

// Login says how to run an AUTH exchange. Its zero value but for Mechanism
// works.
type Login struct {
	Mechanism   Mechanism
	Credentials Credentials
	Initial     Initial
	Cancel      bool          // "*" answers the first challenge (RFC 4954 section 4); nothing is sent before it unless Initial says so
	Insecure    bool          // what proves who logs in may go over a connection that is not safe
	Within      time.Duration // for each reply, 0 for the default
}

// prover is a mechanism that must have come to its end before a success counts.
type prover interface {
	// Unproven is why a success does not count, behind "the server said 235";
	// "" where it does.
	Unproven() string
}

// refuser is a mechanism whose challenge may tell why the server refuses.
type refuser interface{ Refusal() string }

// saslRun is the client's side of one exchange.
type saslRun struct {
	client sasl.Client
	mech   string
	held   []byte // the first message, where AUTH went without it; nil once it is sent
}

// Refusal is what the last challenge of the latest AUTH said of why the server
// refuses, "" where it said nothing: the verdict itself is the reply behind it.
func (c *Conn) Refusal() string { return c.refusal }

// Mechanism is the name of the mechanism of the latest AUTH that Auth ran.
func (c *Conn) Mechanism() string { return c.mechanism }

// Auth runs a SASL exchange (RFC 4954) and returns the server's last reply,
// unjudged, whatever its code; 2xx before the mechanism has done its part is an
// error, and so is an exchange that came to no challenge and so could not be
// cancelled. Where what proves the login would go over a connection that is not
// safe nothing is sent, unless insecure.
func (c *Conn) Auth(ctx context.Context, pos transcript.Pos, l Login) (*Reply, error) {
	if err := c.usable("auth"); err != nil {
		return nil, err
	}
	if l.Cancel && l.Initial == InitialUsual {
		l.Initial = InitialWithheld
	}
	silent := l.Mechanism.Proof == ByNone || l.Cancel && l.Initial == InitialWithheld // nothing of it is told
	if why := c.Unsafe(); why != "" && !silent && !l.Insecure && !c.opts.Insecure {
		return nil, &Error{Op: "auth", Addr: c.addr, Kind: Insecure, Msg: "nothing was sent: the " + l.Mechanism.told() + " would go over a connection that is not safe: " + why}
	}
	if why := c.Unbound(); l.Mechanism.Binds && why != "" {
		return nil, &Error{Op: "auth", Addr: c.addr, Kind: Unbound, Msg: "nothing was sent: " + l.Mechanism.Name + " binds to a session of TLS 1.3 (tls-exporter, RFC 9266), and " + why}
	}
	was := c.opts.Insecure
	c.opts.Insecure = was || l.Insecure
	c.refusal, c.login, c.mechanism = "", c.maskOf(l), l.Mechanism.Name
	defer func() { c.opts.Insecure, c.login = was, "" }()

	run, line, err := c.begin(l)
	if err != nil {
		return nil, err
	}
	var r *Reply
	for range authRounds {
		if err := c.Pipeline(ctx, pos, []string{line}); err != nil {
			return nil, err
		}
		if r, err = c.ReadReply(ctx, l.Within); err != nil {
			return nil, err
		}
		switch {
		case l.Cancel && line == cancelled:
			return r, nil
		case r.Code != 334 && l.Cancel:
			return nil, c.authFault(r, "a challenge (334), to be answered with *", fmt.Sprintf("there was nothing to cancel: the server said %d to AUTH", r.Code))
		case r.Code != 334:
			return r, c.authEnd(run, r)
		case l.Cancel:
			line = cancelled
			continue
		}
		if line, err = run.answer(r.Reply); err != nil {
			return nil, c.authFault(r, "a challenge of "+run.mech, err.Error())
		}
		if teller, ok := run.client.(refuser); ok && c.refusal == "" && teller.Refusal() != "" {
			c.refusal = teller.Refusal()
			c.Note("the challenge says why the server refuses: %s", c.refusal)
		}
	}
	return nil, c.authFault(r, "an end of the exchange", fmt.Sprintf("the server asked %d times and came to no end", authRounds))
}

// cancelled is the line that ends an exchange, RFC 4954 section 4.
const cancelled = "*"

// told is what a mechanism tells of who logs in.
func (m Mechanism) told() string {
	switch {
	case m.Proof == ByToken:
		return "token"
	case m.Opening == ServerFirst || m.Checked:
		return "proof of the password" // from which a weak one can be guessed
	}
	return "password"
}

// begin makes the client's side and the AUTH command.
func (c *Conn) begin(l Login) (*saslRun, string, error) {
	l.Credentials.Channel = c.Channel()
	run := &saslRun{client: l.Mechanism.Client(l.Credentials)}
	var first []byte
	var err error
	if run.mech, first, err = run.client.Start(); err == nil && first == nil && l.Initial == InitialSent {
		if l.Mechanism.Opening != Prompted {
			err = errors.New("the server speaks first in it: there is no initial response")
		} else {
			first, err = run.client.Next(nil)
		}
	}
	if err != nil {
		return nil, "", &Error{Op: "auth", Addr: c.addr, Kind: Misuse, Msg: "the mechanism cannot begin", Err: err}
	}
	line := "AUTH " + run.mech
	if first == nil {
		return run, line, nil
	}
	with := line + " " + initialResponse(first)
	if l.Initial == InitialWithheld || l.Initial == InitialUsual && len(with) > longestCommand {
		run.held = first
		return run, line, nil
	}
	return run, with, nil
}

// longestCommand is what a command may have before its CRLF (RFC 5321 section
// 4.5.3.1.4). RFC 4954 section 4 lets no initial response make AUTH longer: a
// token goes in answer to a 334, whose lines may have 12288.
const longestCommand = 512 - len("\r\n")

func (c *Conn) authFault(r *Reply, want, msg string) *Error {
	return &Error{Op: "auth", Addr: c.addr, Kind: Mismatch, Command: r.Command, Reply: r.Reply, Want: want, Msg: msg}
}

// initialResponse: RFC 4954 section 4 writes an empty one as "=".
func initialResponse(ir []byte) string {
	if len(ir) == 0 {
		return "="
	}
	return base64.StdEncoding.EncodeToString(ir)
}

// answer is the line that answers a challenge.
func (s *saslRun) answer(r *wire.Reply) (string, error) {
	challenge, err := r.Challenge()
	if err != nil {
		return "", err
	}
	if s.held != nil {
		// The server's turn was empty (RFC 4422 section 5): what some write there
		// is no part of the exchange.
		first := s.held
		s.held = nil
		return base64.StdEncoding.EncodeToString(first), nil
	}
	response, err := s.client.Next(challenge)
	if errors.Is(err, sasl.ErrUnexpectedServerChallenge) {
		err = fmt.Errorf("the server asks on, and %s has said all it has to say", s.mech)
	}
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(response), nil
}

// authEnd refuses a success that proves nothing.
func (c *Conn) authEnd(run *saslRun, r *Reply) error {
	if r.Code/100 != 2 {
		return nil
	}
	early := ""
	if run.held != nil {
		early = "before " + run.mech + " had sent its message: nothing was checked"
	} else if p, ok := run.client.(prover); ok {
		early = p.Unproven()
	}
	if early == "" {
		return nil
	}
	return c.authFault(r, "a challenge of "+run.mech, fmt.Sprintf("the server said %d %s", r.Code, early))
}
