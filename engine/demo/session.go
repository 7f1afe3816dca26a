package demo

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// rules are what distinguishes the targets.
type rules struct {
	target    string
	tlsFirst  bool // the connection begins with the handshake
	auth      bool // users may log in, over TLS
	usersOnly bool // and nobody else may send
	relay     bool // for anybody, without login
}

var allRules = []rules{
	{target: "smtp", auth: true},
	{target: "local", relay: true},
	{target: "submission", auth: true, usersOnly: true},
	{target: "submissions", auth: true, usersOnly: true, tlsFirst: true},
}

// maxPath is the longest address taken, RFC 5321 section 4.5.3.1.3.
const maxPath = 256

// session decides what one client may do. It implements smtp.AuthSession.
type session struct {
	demo      *Demo
	rules     rules
	encrypted bool
	user      string
	opened    bool // MAIL was accepted
	from      string
	to        []string
}

// refusal makes a reply of go-smtp.
func refusal(code int, enhanced smtp.EnhancedCode, format string, args ...any) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: enhanced, Message: fmt.Sprintf(format, args...)}
}

// Reset drops the transaction under way.
func (s *session) Reset() { s.opened, s.from, s.to = false, "", nil }

// Logout ends the session; there is nothing to free.
func (s *session) Logout() error { return nil }

// Mail decides on a sender.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	switch {
	case s.rules.usersOnly && !s.encrypted:
		// RFC 3207 section 4
		return refusal(530, smtp.EnhancedCode{5, 7, 0}, "Must issue a STARTTLS command first")
	case s.rules.usersOnly && s.user == "":
		return refusal(530, smtp.EnhancedCode{5, 7, 0}, "Authentication required") // RFC 4954 section 6
	case s.opened:
		return refusal(503, smtp.EnhancedCode{5, 5, 1}, "Nested MAIL command")
	case len(from) > maxPath:
		return refusal(501, smtp.EnhancedCode{5, 1, 7}, "Sender address too long")
	}
	s.opened, s.from = true, from
	return nil
}

// Rcpt decides on a recipient. The domain is what follows the last "@", as the
// local part is everything before it, quoted or not: neither x%example.com nor
// "x@example.com" before our own domain is a way to elsewhere.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if len(to) > maxPath {
		return refusal(501, smtp.EnhancedCode{5, 1, 3}, "Recipient address too long")
	}
	at := strings.LastIndexByte(to, '@')
	local, domain := to[:max(at, 0)], to[at+1:]
	switch {
	case strings.EqualFold(domain, hostedDomain):
		if !slices.Contains(hostedUsers, strings.ToLower(local)) {
			return refusal(550, smtp.EnhancedCode{5, 1, 1},
				"<%s>: Recipient address rejected: User unknown in virtual mailbox table", printable(to))
		}
	case !s.rules.relay && s.user == "":
		return refusal(554, smtp.EnhancedCode{5, 7, 1}, "<%s>: Relay access denied", printable(to))
	}
	s.to = append(s.to, to)
	return nil
}

// Data takes a message, of which only the size stays.
func (s *session) Data(r io.Reader) error {
	size, err := io.Copy(io.Discard, r)
	if err != nil {
		return err
	}
	id := s.demo.keep(Message{Target: s.rules.target, User: s.user, From: s.from, To: s.to, Size: size})
	// go-smtp writes what it gets as an error: this one is the acceptance.
	return refusal(250, smtp.EnhancedCode{2, 0, 0}, "Ok: queued as %s", id)
}

// AuthMechanisms lists what EHLO offers. go-smtp leaves it out in clear.
func (s *session) AuthMechanisms() []string {
	if !s.rules.auth {
		return nil
	}
	return []string{sasl.Plain, sasl.Login}
}

// Auth begins a login. A second one is refused here, as go-smtp does not count
// the first: see login.
func (s *session) Auth(mechanism string) (sasl.Server, error) {
	switch {
	case !s.rules.auth:
		return nil, refusal(503, smtp.EnhancedCode{5, 5, 1}, "Authentication not enabled")
	case s.user != "":
		return nil, refusal(503, smtp.EnhancedCode{5, 5, 1}, "Already authenticated")
	case s.opened:
		// RFC 4954 section 4
		return nil, refusal(503, smtp.EnhancedCode{5, 5, 1}, "Not allowed during a mail transaction")
	case mechanism == sasl.Plain:
		return &plainServer{login: s.login}, nil
	case mechanism == sasl.Login:
		return &loginServer{login: s.login}, nil
	}
	return nil, smtp.ErrAuthUnknownMechanism
}

// login decides on a user. Its result is always an error to go-smtp, which
// writes it as it is: 235 has the enhanced code of RFC 4954 section 6 only so.
func (s *session) login(user, password string) error {
	if user != userName || password != userPassword {
		return refusal(535, smtp.EnhancedCode{5, 7, 8}, "Error: authentication failed")
	}
	s.user = user
	return refusal(235, smtp.EnhancedCode{2, 7, 0}, "Authentication successful")
}

// printable makes an address fit for a reply: it comes from the client and may
// hold control characters.
func printable(address string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, address)
}
