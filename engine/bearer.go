package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/emersion/go-sasl"

	"smtplay/engine/transcript"
)

// bearerClient is a mechanism by token: one message, and where that is refused a
// challenge that says why, which must be answered before the verdict comes.
type bearerClient struct {
	mech    string
	who     Credentials
	message string
	dummy   []byte // the answer to the challenge that says why
	refusal string
}

// oauthBearer is OAUTHBEARER (RFC 7628), the dummy of whose section 3.2.3 is ^A.
func oauthBearer(c Credentials) sasl.Client {
	user := ""
	if c.User != "" {
		user = "a=" + strings.NewReplacer("=", "=3D", ",", "=2C").Replace(c.User) // RFC 5801 section 4
	}
	return &bearerClient{mech: sasl.OAuthBearer, who: c, dummy: []byte{1}, message: "n," + user + ",\x01auth=Bearer " + c.Password + "\x01\x01"}
}

// xoauth2 is Google's and Microsoft's forerunner of OAUTHBEARER, which wants an
// empty line.
func xoauth2(c Credentials) sasl.Client {
	return &bearerClient{mech: "XOAUTH2", who: c, dummy: []byte{}, message: "user=" + c.User + "\x01auth=Bearer " + c.Password + "\x01\x01"}
}

// Start implements sasl.Client.
func (b *bearerClient) Start() (mech string, ir []byte, err error) {
	if strings.ContainsFunc(b.who.User+b.who.Password, func(r rune) bool { return r < ' ' }) {
		return b.mech, nil, errors.New("user and token hold no control characters (RFC 6750 section 2.1)")
	}
	return b.mech, []byte(b.message), nil
}

// Next implements sasl.Client.
func (b *bearerClient) Next(challenge []byte) ([]byte, error) {
	if b.refusal != "" {
		return nil, sasl.ErrUnexpectedServerChallenge
	}
	if b.refusal = TokenRefusal(challenge, b.who.Channel.secrets); b.refusal == "" {
		b.refusal = b.who.Channel.clipped(string(challenge))
	}
	return b.dummy, nil
}

// Unproven implements prover.
func (b *bearerClient) Unproven() string {
	if b.refusal != "" {
		return "though its challenge had refused: " + b.refusal
	}
	return ""
}

// Refusal implements refuser.
func (b *bearerClient) Refusal() string { return b.refusal }

// TokenRefusal is what the challenge of XOAUTH2 or OAUTHBEARER says of a token
// that is refused (RFC 7628 section 3.2.2): "status 401, schemes bearer, scope …".
// It is "" for any other challenge. What a server repeats of the secrets is masked.
func TokenRefusal(challenge []byte, secrets *transcript.Redactor) string {
	var said map[string]any
	if len(challenge) > 64<<10 || json.Unmarshal(challenge, &said) != nil || len(said) == 0 {
		return ""
	}
	var parts []string
	for _, key := range []string{"status", "schemes", "scope"} {
		if v, ok := said[key]; ok {
			parts = append(parts, key+" "+jsonWord(v))
			delete(said, key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(said)) {
		parts = append(parts, word(key)+" "+jsonWord(said[key]))
	}
	text := secrets.String(strings.Join(parts, ", ")) // before it is cut
	if len(text) > 400 {
		text = strings.ToValidUTF8(text[:400], "") + "…"
	}
	return text
}

// jsonWord is a value of JSON as a person reads it.
func jsonWord(v any) string {
	if s, ok := v.(string); ok {
		return word(s)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return word(string(b))
}

// word is text of a server's, quoted where it is not all printable.
func word(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}
