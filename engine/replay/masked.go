package replay

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/emersion/go-sasl"

	"smtplay/engine"
	"smtplay/engine/transcript"
)

// mask is what a mask in a line of the client's asks for.
type mask struct {
	token  bool   // a token of unique()
	secret string // the name of a secret, "" for none
	sasl   bool   // a whole SASL message
	user   string
	as     string // the authorisation identity
}

// token is a token of unique(), and the secret that was made of one.
const token = "unique"

// parseMask reads a mask. The error says what cannot be made anew.
func parseMask(m string) (mask, error) {
	if m == token {
		return mask{token: true}, nil
	}
	if name, ok := strings.CutPrefix(m, "secret:"); ok {
		return mask{secret: name}, nil
	}
	fields := strings.Split(m, " ")
	if fields[0] != "sasl" {
		return mask{}, fmt.Errorf("what [%s] stands for is not known, so it cannot be sent again", m)
	}
	p := mask{sasl: true}
	for _, f := range fields[1:] {
		key, value, _ := strings.Cut(f, "=")
		value, err := url.PathUnescape(value)
		if err != nil {
			return mask{}, fmt.Errorf("[%s]: %w", m, err)
		}
		switch key {
		case "user":
			p.user = value
		case "secret":
			p.secret = value
		case "identity":
			p.as = value
		}
	}
	if p.secret == "" {
		return mask{}, fmt.Errorf("[%s] does not name its secret: write [sasl user=NAME secret=NAME]", m)
	}
	return p, nil
}

// exchange is a SASL exchange that goes on.
type exchange struct {
	client    sasl.Client
	challenge []byte // the last one
	channel   engine.Channel
}

// giveUp ends an exchange (RFC 4954 section 4).
const giveUp = "*\r\n"

// filler puts what is masked back into lines.
type filler struct {
	secrets map[string]string
	tokens  *transcript.Redactor
	token   string
}

// unique is the token of this replay.
func (f *filler) unique() string {
	if f.token == "" {
		for _, c := range strings.ToLower(rand.Text())[:16] {
			if c < 'a' { // base32 has 2 to 7
				c += 'a' - '0'
			}
			f.token += string(c)
		}
		f.tokens.AddToken(token, f.token)
	}
	return f.token
}

// secret is the value of a secret. One that was made of a token is made of the
// new one, and is not the token itself, which is no secret where it stands alone.
func (f *filler) secret(name string) string {
	if value := f.secrets[name]; value != "" || name != token {
		return value
	}
	return "made-up-" + f.unique()
}

// name is the name of a user, with the token that may stand in it.
func (f *filler) name(user string) string {
	const masked = "[" + token + "]"
	if !strings.Contains(user, masked) {
		return user
	}
	return strings.ReplaceAll(user, masked, f.unique())
}

// fill is a line as it goes over the wire.
func (f *filler) fill(l transcript.Event, s *step, x *exchange) ([]byte, error) {
	var out []byte
	at := 0
	if len(l.Spans) == 0 && s.answer && x.client != nil && string(l.Data) != giveUp {
		// What goes as it stands is the end of a mechanism: its client judges what
		// it answers, as the signature of a server.
		if _, err := x.client.Next(x.challenge); err != nil {
			return nil, err
		}
	}
	for _, span := range l.Spans {
		m, err := parseMask(span.Mask)
		if err != nil {
			return nil, err
		}
		out = append(out, l.Data[at:span.Start]...)
		at = span.End
		switch {
		case m.token:
			out = append(out, f.unique()...)
		case m.sasl:
			message, err := f.message(m, s.mechanism, x)
			if err != nil {
				return nil, err
			}
			out = append(out, message...)
		case s.mechanism != "" && len(bytes.TrimRight(l.Data[span.End:], "\r\n")) == 0:
			out = append(out, coded(s.mechanism, f.secret(m.secret))...)
		default:
			out = append(out, f.secret(m.secret)...)
		}
	}
	return append(out, l.Data[at:]...), nil
}

// message runs a mechanism one step further and returns what it says.
func (f *filler) message(m mask, mechanism string, x *exchange) (string, error) {
	if x.client == nil {
		mech, ok := engine.MechanismNamed(mechanism)
		if !ok {
			return "", fmt.Errorf("smtplay has no mechanism %q", mechanism)
		}
		x.client = mech.Client(engine.Credentials{User: f.name(m.user), Password: f.secret(m.secret), Identity: f.name(m.as), Channel: x.channel})
		_, first, err := x.client.Start()
		if err != nil || first != nil {
			return base64.StdEncoding.EncodeToString(first), err
		}
	}
	next, err := x.client.Next(x.challenge)
	return base64.StdEncoding.EncodeToString(next), err
}

var errNoUser = errors.New("the user of this login is not in the transcript: write [sasl user=NAME secret=NAME]")

// coded is a secret as an AUTH exchange has it. For PLAIN it must be a whole
// message (RFC 4616): an identity, a user and a password with NULs between.
func coded(mechanism, secret string) string {
	if mechanism == "PLAIN" {
		if decoded, err := base64.StdEncoding.DecodeString(secret); err == nil && bytes.Count(decoded, []byte{0}) == 2 {
			return secret
		}
	}
	return base64.StdEncoding.EncodeToString([]byte(secret))
}

// check says why a line cannot be made with these secrets, nil where it can.
func check(l transcript.Event, s *step, secrets map[string]string) error {
	for _, span := range l.Spans {
		m, err := parseMask(span.Mask)
		if err != nil {
			return err
		}
		if m.token {
			continue
		}
		value := secrets[m.secret]
		if m.sasl {
			if _, ok := engine.MechanismNamed(s.mechanism); !ok {
				return fmt.Errorf("[%s]: smtplay has no mechanism %q", span.Mask, s.mechanism)
			}
		} else if value != "" && s.mechanism == "PLAIN" {
			message, err := base64.StdEncoding.DecodeString(coded(s.mechanism, value))
			if err != nil || bytes.Count(message, []byte{0}) != 2 {
				return errNoUser
			}
		}
		if strings.ContainsAny(value, "\r\n") && !m.sasl && s.mechanism == "" && s.form == commands {
			return fmt.Errorf("the secret %s holds a line end, and stands in a command", m.secret)
		}
	}
	return nil
}
