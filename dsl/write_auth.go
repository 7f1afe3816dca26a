package dsl

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"smtplay/engine"
)

// authLine writes an AUTH command.
func (s *scribe) authLine(c *talk, l sentLine) (e expr, ok bool) {
	c.answers = 0
	mechanism, start := authParts(l.text)
	if c.mechanism = mechanism; start == 0 {
		e.literal(l.text)
		return e, true
	}
	e.literal(l.text[:start])
	ok = s.message64(&e, c, l.from(start))
	return e, ok
}

// authParts takes an AUTH command apart: the mechanism, and where its initial
// response begins, 0 where it has none.
func authParts(line string) (mechanism string, start int) {
	fields := strings.Fields(line)
	if len(fields) > 1 {
		mechanism = strings.ToUpper(fields[1])
	}
	if len(fields) < 3 {
		return mechanism, 0
	}
	for _, f := range fields[:2] {
		start += strings.Index(line[start:], f) + len(f)
	}
	for line[start] == ' ' || line[start] == '\t' {
		start++
	}
	return mechanism, start
}

// message64 writes a SASL message, which travels in base64.
func (s *scribe) message64(e *expr, c *talk, l sentLine) bool {
	c.answers++
	if len(l.spans) == 0 {
		if user, ok := userOf(l.text); ok && c.mechanism == "LOGIN" && c.answers == 1 {
			e.code("base64.encode(" + s.user(user) + ")")
		} else {
			e.literal(l.text)
		}
		return true
	}
	whole := l.spans[0].Start == 0 && l.spans[0].End == len(l.text)
	name, isSecret := strings.CutPrefix(l.spans[0].Mask, "secret:")
	who, isSASL := credentialsOf(l.spans[0].Mask)
	switch {
	case !whole && !isSASL:
		s.masked(e, l)
	case isSecret:
		e.code("base64.encode(" + s.inputs.secret(name) + ")")
	case isSASL && c.mechanism == "LOGIN" && c.answers == 1 && whole:
		e.code("base64.encode(" + s.user(who.user) + ")")
	case isSASL && c.mechanism == "PLAIN" && who.secret != "" && whole:
		e.code(fmt.Sprintf(`base64.encode(%s .. %s .. "\0" .. %s)`, quote(who.identity+"\x00"), s.user(who.user), s.inputs.secret(who.secret)))
	default:
		return false
	}
	return true
}

// user is a user as the script calls him.
func (s *scribe) user(name string) string {
	if lua := s.inputs.variable(roleUser, name); lua != "" {
		return lua
	}
	return quote(name)
}

// userOf is the user in LOGIN's first answer.
func userOf(message string) (user string, ok bool) {
	b, err := base64.StdEncoding.DecodeString(message)
	if err != nil || len(b) == 0 || base64.StdEncoding.EncodeToString(b) != message {
		return "", false
	}
	return string(b), true
}

// credentials are what the mask of a SASL message says.
type credentials struct{ identity, user, secret string }

func credentialsOf(mask string) (who credentials, ok bool) {
	fields := strings.Split(mask, " ")
	if fields[0] != "sasl" {
		return who, false
	}
	for _, f := range fields[1:] {
		key, value, _ := strings.Cut(f, "=")
		if plain, err := url.PathUnescape(value); err == nil {
			value = plain
		}
		switch key {
		case "identity":
			who.identity = value
		case "user":
			who.user = value
		case "secret":
			who.secret = value
		}
	}
	return who, true
}

// startTLS writes STARTTLS, its reply and the handshake as one call, where they
// are what that call does.
func (s *scribe) startTLS(c *talk, l sentLine) bool {
	conn := s.turns[s.at].conn
	if l.text != "STARTTLS" || s.at+2 >= len(s.turns) {
		return false
	}
	reply, shake := s.turns[s.at+1], s.turns[s.at+2]
	if reply.kind != replyTurn || reply.reply.Code != 220 || shake.kind != tlsTurn || reply.conn != conn || shake.conn != conn {
		return false
	}
	call := c.verb("starttls") + "()"
	if p := s.pattern(reply.reply); p != "220" {
		call = c.verb("starttls") + "{ expect = " + p + " }"
	}
	s.line(call + verdictOf(shake.bytes))
	s.at += 2
	c.owed++
	c.heard(reply.reply)
	c.forget()
	s.judged = true
	return true
}

// login writes a whole AUTH exchange as a call of auth, where that would send
// and expect what was sent and heard.
func (s *scribe) login(c *talk) bool {
	who, mechanism, last, ok := s.exchange()
	if !ok || !c.caps.Offers("AUTH", mechanism) {
		return false
	}
	if _, known := engine.MechanismNamed(mechanism); !known || who.secret == "" {
		return false
	}
	call := fmt.Sprintf("%s(%s, %s, %s", c.verb("auth"), quote(mechanism), s.user(who.user), s.inputs.secret(who.secret))
	var options []string
	if who.identity != "" {
		options = append(options, "identity = "+quote(who.identity))
	}
	if m, _ := engine.MechanismNamed(mechanism); m.Opening == engine.ClientFirst && s.turns[s.at+1].reply.Code == 334 && withoutInitial(s.turns[s.at].lines[0]) {
		options = append(options, "initial = false")
	}
	if p := s.pattern(s.turns[last].reply); p != "235" {
		options = append(options, "expect = "+p)
	}
	if len(options) > 0 {
		call += ", { " + strings.Join(options, ", ") + " }"
	}
	s.line(call + ")")
	for ; s.at < last; s.at++ {
		if t := s.turns[s.at+1]; t.kind == replyTurn {
			c.owed++
			c.heard(t.reply)
		}
	}
	s.judged = true
	return true
}

// withoutInitial says whether an AUTH command brings no initial response.
func withoutInitial(l sentLine) bool {
	_, start := authParts(l.text)
	return start == 0
}

// exchange reads the AUTH exchange that begins here: who logs in, how, and
// which turn is its last reply.
func (s *scribe) exchange() (who credentials, mechanism string, last int, ok bool) {
	first := s.turns[s.at].lines[0]
	mechanism, start := authParts(first.text)
	if !strings.HasPrefix(first.text, "AUTH "+mechanism) || mechanism == "" {
		return who, "", 0, false
	}
	messages := []sentLine{}
	if start > 0 {
		messages = append(messages, first.from(start))
	}
	for i := s.at + 1; i < len(s.turns); i += 2 {
		r := s.turns[i]
		if r.kind != replyTurn || r.conn != s.turns[s.at].conn {
			return who, "", 0, false
		}
		if r.reply.Code != 334 {
			who, ok = credentialsIn(mechanism, messages, start > 0)
			return who, mechanism, i, ok
		}
		if i+1 == len(s.turns) || s.turns[i+1].kind != commandTurn || len(s.turns[i+1].lines) != 1 || s.turns[i+1].conn != r.conn {
			return who, "", 0, false
		}
		messages = append(messages, s.turns[i+1].lines[0])
	}
	return who, "", 0, false
}

// credentialsIn says who the messages of an exchange speak of, where auth would
// send them as they are: PLAIN with its initial response, LOGIN without one.
func credentialsIn(mechanism string, messages []sentLine, initial bool) (who credentials, ok bool) {
	if mechanism == "LOGIN" {
		if initial || len(messages) != 2 || len(messages[1].spans) != 1 {
			return who, false
		}
		if len(messages[0].spans) == 0 {
			if who.user, ok = userOf(messages[0].text); !ok {
				return who, false
			}
		}
		who.secret, ok = strings.CutPrefix(messages[1].spans[0].Mask, "secret:")
		return who, ok
	}
	m, known := engine.MechanismNamed(mechanism)
	// auth has no initial response where the server speaks first, else one or, with
	// initial = false, none: a long token goes without. And it gives nothing up.
	if known && initial && m.Opening == engine.ServerFirst || mechanism == "PLAIN" && (!initial || len(messages) != 1) ||
		slices.ContainsFunc(messages, func(m sentLine) bool { return len(m.spans) == 0 && m.text == "*" }) {
		return who, false
	}
	i := slices.IndexFunc(messages, func(m sentLine) bool {
		return len(m.spans) == 1 && strings.HasPrefix(m.spans[0].Mask, "sasl ")
	})
	if i < 0 {
		return who, false
	}
	who, ok = credentialsOf(messages[i].spans[0].Mask)
	return who, ok && (who.identity == "" || m.Acts)
}
