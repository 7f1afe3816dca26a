package engine

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/hex"
	"errors"

	"github.com/emersion/go-sasl"
)

// cramClient is CRAM-MD5 (RFC 2195): the user, and the challenge signed with the
// password. The server proves nothing.
type cramClient struct {
	user, password string
	answered       bool
}

func cramMD5(c Credentials) sasl.Client { return &cramClient{user: c.User, password: c.Password} }

// Start implements sasl.Client. The server speaks first.
func (c *cramClient) Start() (mech string, ir []byte, err error) { return "CRAM-MD5", nil, nil }

// Next implements sasl.Client.
func (c *cramClient) Next(challenge []byte) ([]byte, error) {
	switch {
	case c.answered:
		return nil, sasl.ErrUnexpectedServerChallenge
	case len(challenge) == 0:
		return nil, errors.New("the challenge is empty: an answer to it would be good for ever")
	}
	c.answered = true
	mac := hmac.New(md5.New, []byte(c.password))
	mac.Write(challenge)
	return []byte(c.user + " " + hex.EncodeToString(mac.Sum(nil))), nil
}

// Unproven implements prover.
func (c *cramClient) Unproven() string {
	if !c.answered {
		return "before CRAM-MD5 had answered a challenge: nothing was checked"
	}
	return ""
}
