package engine

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/emersion/go-sasl"

	"smtplay/engine/transcript"
	"smtplay/engine/wire"
)

// authRounds bounds an exchange: a server that asks for ever is not answered
// for ever. SCRAM takes three, the longest known mechanism four.
const authRounds = 16

// Credentials are whom to log in as.
type Credentials struct {
	User     string
	Password string
	Identity string // authorisation identity, "" for the user's own
}

// Mechanism is a SASL mechanism that smtplay speaks.
type Mechanism struct {
	Name   string
	Client func(Credentials) sasl.Client
}

// Mechanisms are the SASL mechanisms that smtplay speaks, the strongest first.
var Mechanisms = []Mechanism{
	{"PLAIN", func(c Credentials) sasl.Client { return sasl.NewPlainClient(c.Identity, c.User, c.Password) }},
	{"LOGIN", func(c Credentials) sasl.Client { return &loginClient{answers: []string{c.User, c.Password}} }},
}

// MechanismNamed is the mechanism of that name, in any case.
func MechanismNamed(name string) (Mechanism, bool) {
	for _, m := range Mechanisms {
		if strings.EqualFold(m.Name, name) {
			return m, true
		}
	}
	return Mechanism{}, false
}

// loginClient answers the first challenge with the user and the second with
// the password, whatever the prompts say: LOGIN was never standardised, and
// servers ask for "Username:", "User Name" or in other words.
type loginClient struct {
	answers []string
}

// Start implements sasl.Client. LOGIN has no initial response.
func (l *loginClient) Start() (mech string, ir []byte, err error) { return "LOGIN", nil, nil }

// Next implements sasl.Client.
func (l *loginClient) Next([]byte) ([]byte, error) {
	if len(l.answers) == 0 {
		return nil, fmt.Errorf("the server asks a third time: LOGIN has a user and a password, and no more")
	}
	answer := l.answers[0]
	l.answers = l.answers[1:]
	return []byte(answer), nil
}

// Complete says whether both answers were given: a 235 before that proves no password.
func (l *loginClient) Complete() bool { return len(l.answers) == 0 }

// Auth runs a SASL exchange (RFC 4954) and returns the server's last reply,
// unjudged, whatever its code; 2xx before the mechanism has done its part is an
// error. Where a password would go over a connection that is not safe nothing
// is sent, unless insecure. within bounds each reply; 0 for the default.
func (c *Conn) Auth(ctx context.Context, pos transcript.Pos, client sasl.Client, insecure bool, within time.Duration) (*Reply, error) {
	if err := c.usable("auth"); err != nil {
		return nil, err
	}
	if why := c.Unsafe(); why != "" && !insecure && !c.opts.Insecure {
		return nil, &Error{Op: "auth", Addr: c.addr, Kind: Insecure, Msg: "nothing was sent: the password would go over a connection that is not safe: " + why}
	}
	was := c.opts.Insecure
	c.opts.Insecure = was || insecure
	defer func() { c.opts.Insecure = was }()

	mech, ir, err := client.Start()
	if err != nil {
		return nil, &Error{Op: "auth", Addr: c.addr, Kind: Misuse, Msg: "the mechanism cannot begin", Err: err}
	}
	line := "AUTH " + mech
	if ir != nil {
		line += " " + initialResponse(ir)
	}
	var r *Reply
	for range authRounds {
		if err := c.Pipeline(ctx, pos, []string{line}); err != nil {
			return nil, err
		}
		if r, err = c.ReadReply(ctx, within); err != nil {
			return nil, err
		}
		if r.Code != 334 {
			return r, c.authEnd(client, mech, r)
		}
		if line, err = answer(client, mech, r.Reply); err != nil {
			return nil, c.authFault(r, "a challenge of "+mech, err.Error())
		}
	}
	return nil, c.authFault(r, "an end of the exchange", fmt.Sprintf("the server asked %d times and came to no end", authRounds))
}

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

func answer(client sasl.Client, mech string, r *wire.Reply) (string, error) {
	challenge, err := r.Challenge()
	if err != nil {
		return "", err
	}
	response, err := client.Next(challenge)
	if errors.Is(err, sasl.ErrUnexpectedServerChallenge) {
		err = fmt.Errorf("the server asks on, and %s has said all it has to say", mech)
	}
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(response), nil
}

// authEnd refuses a success that proves nothing.
func (c *Conn) authEnd(client sasl.Client, mech string, r *Reply) error {
	if done, ok := client.(interface{ Complete() bool }); ok && r.Code/100 == 2 && !done.Complete() {
		return c.authFault(r, "a challenge of "+mech, fmt.Sprintf("the server said %d before %s had sent the password: nothing was checked", r.Code, mech))
	}
	return nil
}
