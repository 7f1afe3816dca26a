package engine

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/emersion/go-sasl"

	"smtplay/engine/transcript"
)

// Credentials are whom to log in as, and by what.
type Credentials struct {
	User     string
	Password string  // or the token of XOAUTH2 and OAUTHBEARER
	Identity string  // authorisation identity, "" for the user's own
	Realm    string  // DIGEST-MD5: which of the realms offered, "" for the first
	Channel  Channel // what the exchange runs over; Auth fills it in
}

// Channel is the connection that an exchange runs over, as far as a mechanism
// speaks of it. The zero value is a connection in clear.
type Channel struct {
	Host string // the server, as it was called
	LMTP bool   // LHLO was said

	state   *tls.ConnectionState // of TLS 1.3, nil for none
	plus    bool                 // the server offers a mechanism that binds to it
	secrets *transcript.Redactor // what must not be quoted of what the server says
}

// Channel is what the mechanisms are told of the connection.
func (c *Conn) Channel() Channel {
	ch := Channel{Host: cmp.Or(c.opts.Security.Name, c.host, "localhost"), LMTP: c.lmtp, secrets: c.opts.Secrets}
	if c.state != nil && c.state.info.ServerName != "" {
		ch.Host = c.state.info.ServerName
	}
	if c.Unbound() == "" {
		state := c.tls.ConnectionState()
		ch.state = &state
	}
	if caps, err := c.Capabilities(); err == nil {
		offered, _ := caps.Params("AUTH")
		ch.plus = slices.ContainsFunc(offered, func(m string) bool {
			name := strings.ToUpper(m)
			return strings.HasPrefix(name, "SCRAM-") && strings.HasSuffix(name, plusSuffix)
		})
	}
	return ch
}

// Unbound says why no mechanism can bind to this connection, "" where one can.
// What is exported of a session (RFC 9266) is one of its own only with TLS 1.3.
func (c *Conn) Unbound() string {
	switch {
	case c.state == nil:
		return "this connection is in clear"
	case c.tls.ConnectionState().Version < tls.VersionTLS13:
		return "this connection is " + c.state.info.Version
	}
	return ""
}

// Proof is what a mechanism proves by who it is that logs in.
type Proof uint8

const (
	ByPassword Proof = iota
	ByToken          // a bearer token of OAuth 2.0, got elsewhere
	ByNone           // nothing that the exchange holds: the certificate of the client, or nothing at all
)

// Opening is who speaks first in a mechanism.
type Opening uint8

const (
	ClientFirst Opening = iota // it has an initial response
	Prompted                   // LOGIN: the server asks, and need not be waited for
	ServerFirst                // it has no initial response: it answers a challenge
)

// Mechanism is a SASL mechanism that smtplay speaks.
type Mechanism struct {
	Name    string
	Client  func(Credentials) sasl.Client
	Proof   Proof
	Opening Opening
	Acts    bool // it can carry an authorisation identity
	Binds   bool // to the TLS session (RFC 5802 section 6)
	Checked bool // a success counts only where the server has proven that it knows the password
}

// plusSuffix is the end of the name of a mechanism that binds.
const plusSuffix = "-PLUS"

// Mechanisms are the SASL mechanisms that smtplay speaks: those by password, the
// strongest first, then those by token, then the others.
var Mechanisms = []Mechanism{
	{Name: "SCRAM-SHA-256-PLUS", Client: scram("SCRAM-SHA-256-PLUS"), Acts: true, Binds: true, Checked: true},
	{Name: "SCRAM-SHA-256", Client: scram("SCRAM-SHA-256"), Acts: true, Checked: true},
	{Name: "SCRAM-SHA-1-PLUS", Client: scram("SCRAM-SHA-1-PLUS"), Acts: true, Binds: true, Checked: true},
	{Name: "SCRAM-SHA-1", Client: scram("SCRAM-SHA-1"), Acts: true, Checked: true},
	{Name: "CRAM-MD5", Client: cramMD5, Opening: ServerFirst},
	{Name: "DIGEST-MD5", Client: digestMD5, Opening: ServerFirst, Acts: true, Checked: true},
	{Name: "PLAIN", Client: func(c Credentials) sasl.Client { return sasl.NewPlainClient(c.Identity, c.User, c.Password) }, Acts: true},
	{Name: "LOGIN", Client: func(c Credentials) sasl.Client { return &loginClient{answers: []string{c.User, c.Password}} }, Opening: Prompted},
	{Name: "OAUTHBEARER", Client: oauthBearer, Proof: ByToken},
	{Name: "XOAUTH2", Client: xoauth2, Proof: ByToken},
	{Name: "EXTERNAL", Client: func(c Credentials) sasl.Client { return sasl.NewExternalClient(c.Identity) }, Proof: ByNone, Acts: true},
	{Name: "ANONYMOUS", Client: func(c Credentials) sasl.Client { return sasl.NewAnonymousClient(c.User) }, Proof: ByNone},
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

// Choose takes the strongest mechanism of those offered that can be had with
// these credentials over this connection, and says why, and why none of the
// others. ok is false where there is none; why says so then.
func (c *Conn) Choose(offered []string, proof Proof, who Credentials) (m Mechanism, why string, ok bool) {
	var passed, weaker []string
	for _, each := range Mechanisms {
		if !slices.ContainsFunc(offered, func(o string) bool { return strings.EqualFold(o, each.Name) }) {
			continue
		}
		against := c.against(each, proof, who)
		switch {
		case ok && against == "":
			weaker = append(weaker, each.Name)
		case against == "":
			m, ok = each, true
		default:
			passed = append(passed, each.Name+" ("+against+")")
		}
	}
	for _, o := range slices.Sorted(slices.Values(offered)) {
		if _, known := MechanismNamed(o); !known {
			passed = append(passed, o+" (smtplay does not have it)")
		}
	}
	var parts []string
	if ok {
		parts = append(parts, "the strongest offered that smtplay has")
	}
	if len(passed) > 0 {
		parts = append(parts, "passed over: "+strings.Join(passed, ", "))
	}
	if len(weaker) > 0 {
		parts = append(parts, "weaker: "+strings.Join(weaker, ", "))
	}
	return m, strings.Join(parts, "; "), ok
}

// against says why a mechanism is not taken, "" where it may be.
func (c *Conn) against(m Mechanism, proof Proof, who Credentials) string {
	switch {
	case m.Proof == ByNone:
		return "only where it is named"
	case m.Proof != proof && m.Proof == ByToken:
		return "needs a token"
	case m.Proof != proof:
		return "needs a password"
	case m.Binds && c.Unbound() != "":
		return "binds to TLS 1.3, and " + c.Unbound()
	case who.Identity != "" && !m.Acts:
		return "has no authorisation identity"
	case who.Realm != "" && m.Name != "DIGEST-MD5":
		return "has no realm"
	}
	return ""
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

// Unproven implements prover: a success before both answers were given proves
// no password.
func (l *loginClient) Unproven() string {
	if len(l.answers) > 0 {
		return "before LOGIN had sent the password: nothing was checked"
	}
	return ""
}

// clipped is text of a server's as an error quotes it. Secrets go before it is
// cut: half of one is not found any more.
func (ch Channel) clipped(s string) string {
	if s = ch.secrets.String(s); len(s) > 200 {
		s = s[:200] + "…"
	}
	return strconv.Quote(s)
}
