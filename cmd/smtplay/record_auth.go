package main

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"smtplay/engine"
	"smtplay/engine/transcript"
	"smtplay/engine/wire"
)

// passwords knows the passwords of a session: those of the command line, and
// those that are typed, each by a name of its own, by which the script asks for
// it. What is known is masked wherever it stands.
type passwords struct {
	redact   *transcript.Redactor
	declared map[string]string
	named    []string // names given away

	// The AUTH that is typed by hand (RFC 4954 section 4).
	mechanism string // "" for none
	messages  int    // of the client so far
}

// shortPassword is the length below which a password is not looked for
// elsewhere: it would blot out half the transcript.
const shortPassword = 4

// learn hides a password from here on, and says whether it is new.
func (p *passwords) learn(value string) (fresh bool) {
	if len(value) < shortPassword || p.redact.NameOf(value) != "" {
		return false
	}
	name := "password"
	for n := 2; slices.Contains(p.named, name) || p.declared[name] != ""; n++ {
		name = fmt.Sprintf("password%d", n)
	}
	p.named = append(p.named, name)
	p.redact.AddSeen(name, value)
	return true
}

// hidden says whether what answers a 334 next is kept from the screen. LOGIN
// asks for the user first.
func (p *passwords) hidden() bool { return p.mechanism != "LOGIN" || p.messages > 0 }

// watch looks at a line that is about to be sent, and learns the password in it.
// It says whether there may be one, and whether it was not known. An AUTH that was refused counts as well: what is
// typed behind it goes out as a command, and is a password still.
func (p *passwords) watch(line string) (secret, fresh bool) {
	message := line
	switch fields := strings.Fields(line); {
	case isAuth(line):
		p.mechanism, p.messages = "", 0
		if len(fields) < 2 {
			return false, false
		}
		p.mechanism = strings.ToUpper(fields[1])
		if len(fields) < 3 {
			return false, false
		}
		message = fields[2]
	case p.mechanism == "" || len(fields) != 1 || isCommand(line):
		p.mechanism = ""
		return false, false
	}
	p.messages++
	if message == "*" || message == "=" || p.mechanism == "LOGIN" && p.messages == 1 {
		return false, false
	}
	return true, p.learn(passwordIn(p.mechanism, strings.TrimSpace(message)))
}

// passwordIn is what must not be seen again of a SASL message, "" for nothing.
func passwordIn(mechanism, message string) string {
	decoded, err := base64.StdEncoding.DecodeString(message)
	parts := strings.Split(string(decoded), "\x00")
	switch {
	case mechanism == "LOGIN" && err != nil:
		return message
	case mechanism == "PLAIN" && len(parts) != 3:
		return ""
	}
	return parts[len(parts)-1]
}

func isAuth(line string) bool { return wire.Verb(strings.TrimLeft(line, " \t")) == "AUTH" }

// auth runs AUTH with a password that is asked for.
func (d *dialogue) auth(ctx context.Context, operands string) error {
	fields := strings.Fields(operands)
	if len(fields) < 2 || len(fields) > 3 {
		return refused("/auth is written /auth MECHANISM USER [IDENTITY]").try("/auth PLAIN james@new.example.com; the password is asked for")
	}
	m, ok := engine.MechanismNamed(fields[0])
	if !ok {
		return refused("smtplay has no mechanism %q", fields[0]).try("it has %s; AUTH can be typed by hand, too", strings.Join(mechanisms(nil), ", "))
	}
	if err := d.idle(); err != nil {
		return err
	}
	if err := d.mayLogIn(m); err != nil {
		return err
	}
	if why := d.conn.Unbound(); m.Binds && why != "" {
		return refused("%s binds to a session of TLS 1.3, and %s: nothing was sent", m.Name, why).try("/starttls first")
	}
	login := engine.Login{Mechanism: m, Credentials: engine.Credentials{User: fields[1], Identity: strings.Join(fields[2:], "")}}
	switch {
	case m.Name == "EXTERNAL" && len(fields) == 2:
		login.Credentials.Identity = fields[1]
	case len(fields) == 3 && !m.Acts:
		return refused("%s cannot carry an authorisation identity", m.Name)
	}
	if m.Proof != engine.ByNone {
		password, err := d.password(ctx, fields[1])
		if err != nil {
			return err
		}
		if d.passwords.learn(password) {
			if err := d.files.hide(); err != nil {
				return err
			}
		}
		login.Credentials.Password = password
	}
	for {
		from := d.files.lines
		r, err := d.conn.Auth(ctx, transcript.Pos{}, login)
		if d.files.lines > from {
			d.begin(from, "AUTH "+m.Name)
		}
		var e *engine.Error
		switch {
		case r != nil:
			d.last = r
			return cmp.Or(d.follow(ctx), d.notSent(err))
		case errors.As(err, &e) && e.Reply != nil: // a challenge that cannot be answered
			d.last = &engine.Reply{Reply: e.Reply, Command: e.Command}
			return d.notSent(err)
		case !engine.IsKind(err, engine.Unasked):
			return d.notSent(err)
		}
		if err := d.hear(ctx); err != nil {
			return err
		}
	}
}

// mayLogIn refuses before a password is asked for.
func (d *dialogue) mayLogIn(m engine.Mechanism) error {
	mechanism := m.Name
	caps, err := d.conn.Capabilities()
	if err != nil {
		return refused("whether the server offers AUTH %s is not known: nothing was sent", mechanism).try("EHLO first; after STARTTLS once more")
	}
	if !caps.Offers("AUTH", mechanism) {
		r := refused("the server does not offer AUTH %s: nothing was sent", mechanism)
		if d.conn.TLS() == nil && caps.Offers("STARTTLS", "") {
			return r.try("many servers offer AUTH only after /starttls and a new EHLO; typed by hand it is sent anyway")
		}
		return r.try("typed by hand it is sent anyway")
	}
	if why := d.conn.Unsafe(); why != "" && !d.insecure && m.Proof != engine.ByNone {
		return refused("the password would go over a connection that is not safe: %s: nothing was sent", why).try("/starttls first, with a certificate that verifies; --insecure sends it anyway")
	}
	return nil
}

// password is that of a user: typed where somebody is there to type it, else a
// secret of the command line.
func (d *dialogue) password(ctx context.Context, user string) (string, error) {
	name, given := d.passwords.given()
	if !d.p.inIsTerm {
		if given == "" {
			return "", refused("nobody is there to be asked for the password of %s: nothing was sent", user).try("--secret password=@FILE gives it")
		}
		return given, nil
	}
	prompt := "password of " + user + ": "
	if given != "" {
		prompt = fmt.Sprintf("password of %s (Enter for the secret %s): ", user, name)
	}
	typed, err := d.ask(ctx, question{prompt: d.p.redact.String(prompt), hidden: true})
	if err != nil || typed != "" {
		return typed, err
	}
	if given == "" {
		return "", refused("no password was typed: nothing was sent")
	}
	return given, nil
}

// given is the secret that /auth takes: the one called password, or the only one.
func (p *passwords) given() (name, value string) {
	if value := p.declared["password"]; value != "" {
		return "password", value
	}
	if names := slices.Collect(maps.Keys(p.declared)); len(names) == 1 {
		return names[0], p.declared[names[0]]
	}
	return "", ""
}
