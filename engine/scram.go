package engine

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/emersion/go-sasl"
	xdg "github.com/xdg-go/scram"
)

// scramMostRounds bounds the work that a server can ask of the client: a
// second or so. Servers ask for 4096 to some hundred thousand.
const scramMostRounds = 2_000_000

// scramClient is SCRAM (RFC 5802, RFC 7677), with or without a binding to the
// TLS session. It believes a success only after the server's signature.
type scramClient struct {
	mech      string
	who       Credentials
	talk      *xdg.ClientConversation
	nonce     string
	proven    bool // our proof was sent
	refusal   string
	completed bool
}

// scram makes clients of a mechanism named SCRAM-…
func scram(mech string) func(Credentials) sasl.Client {
	return func(who Credentials) sasl.Client { return &scramClient{mech: mech, who: who} }
}

// Start implements sasl.Client.
func (s *scramClient) Start() (mech string, ir []byte, err error) {
	name, plus := strings.CutSuffix(s.mech, plusSuffix)
	hash := xdg.SHA256
	if name == "SCRAM-SHA-1" {
		hash = xdg.SHA1
	}
	client, err := hash.NewClient(s.who.User, s.who.Password, s.who.Identity)
	if err != nil {
		return s.mech, nil, err // SASLprep (RFC 4013); of the password it does not tell
	}
	switch {
	case plus:
		if s.who.Channel.state == nil {
			return s.mech, nil, errors.New("there is no TLS 1.3 session to bind to")
		}
		binding, err := xdg.NewTLSExporterBinding(s.who.Channel.state)
		if err != nil {
			return s.mech, nil, err
		}
		s.talk = client.NewConversationWithChannelBinding(binding)
	case s.who.Channel.state != nil && !s.who.Channel.plus:
		// RFC 5802 section 6: y where the client could bind and the server does not
		// offer to, so that a server whose offer was taken out on the way notices.
		s.talk = client.NewConversationAdvertisingChannelBinding()
	default:
		// n where it cannot bind; and where the script wants this mechanism though
		// one that binds is offered: y would be a lie, and is refused.
		s.talk = client.NewConversation()
	}
	first, err := s.talk.Step("")
	_, s.nonce, _ = strings.Cut(first, ",r=")
	return s.mech, []byte(first), err
}

// Next implements sasl.Client.
func (s *scramClient) Next(challenge []byte) ([]byte, error) {
	switch {
	case s.refusal != "" || s.completed:
		return nil, sasl.ErrUnexpectedServerChallenge
	case !s.proven:
		return s.prove(string(challenge))
	}
	if why, failed := strings.CutPrefix(string(challenge), "e="); failed {
		// The verdict is the reply to come, which the empty line asks for.
		why, _, _ = strings.Cut(why, ",")
		s.refusal = refusalWord(why)
		return nil, nil
	}
	if _, err := s.talk.Step(string(challenge)); err != nil || !s.talk.Valid() {
		return nil, fmt.Errorf("the server's signature is wrong: it does not know the password, or the exchange was tampered with: %s", s.who.Channel.clipped(string(challenge)))
	}
	s.completed = true
	return nil, nil
}

// prove answers the server's first message.
func (s *scramClient) prove(challenge string) ([]byte, error) {
	if why, failed := strings.CutPrefix(challenge, "e="); failed {
		s.refusal = refusalWord(why)
		return nil, nil
	}
	for field := range strings.SplitSeq(challenge, ",") {
		if n, ok := strings.CutPrefix(field, "i="); ok {
			if rounds, err := strconv.Atoi(n); err != nil || rounds > scramMostRounds {
				return nil, fmt.Errorf("the server asks for %s rounds of hashing; smtplay does at most %d", s.who.Channel.clipped(n), scramMostRounds)
			}
		}
		if nonce, ok := strings.CutPrefix(field, "r="); ok && nonce == s.nonce {
			return nil, errors.New("the server adds nothing to the client's nonce: the exchange could be an old one")
		}
	}
	proof, err := s.talk.Step(challenge)
	if err != nil {
		return nil, fmt.Errorf("the challenge %s is none of %s: %w", s.who.Channel.clipped(challenge), s.mech, err)
	}
	s.proven = true
	return []byte(proof), nil
}

// refusalWord is the value of e=, which may be missing.
func refusalWord(why string) string {
	if why == "" {
		return `""`
	}
	return word(why)
}

// Unproven implements prover.
func (s *scramClient) Unproven() string {
	switch {
	case s.refusal != "":
		return "though its challenge had refused: " + s.refusal
	case !s.proven:
		return "before " + s.mech + " had sent its proof: nothing was checked"
	case !s.completed:
		return "before it had shown its signature: whether it knows the password was not proven to " + s.mech
	}
	return ""
}

// Refusal implements refuser.
func (s *scramClient) Refusal() string { return s.refusal }
