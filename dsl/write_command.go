package dsl

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"smtplay/engine"
	"smtplay/engine/transcript"
	"smtplay/engine/wire"
)

// command is a command line as the script sends it: with variables in the
// places of names and addresses. ok is false for a SASL message that cannot be
// made again.
func (s *scribe) command(c *talk, l sentLine) (e expr, ok bool) {
	verb := wire.Verb(l.text)
	switch {
	case c.challenged:
		c.challenged = false
		ok = s.message64(&e, c, l)
		return e, ok
	case verb == "AUTH":
		return s.authLine(c, l)
	case len(l.spans) > 0:
		s.masked(&e, l)
	case verb == "EHLO" || verb == "HELO" || verb == "LHLO":
		start, end := nameIn(l.text)
		s.variable(&e, l.text, start, end, roleHelo)
	case verb == "MAIL":
		start, end := addressIn(l.text)
		s.variable(&e, l.text, start, end, roleSender)
	case verb == "RCPT":
		start, end := addressIn(l.text)
		s.variable(&e, l.text, start, end, s.recipient())
	default:
		e.literal(l.text)
	}
	return e, true
}

// recipient is what the next recipient is: one that is refused because the
// server does not relay is not hosted there.
func (s *scribe) recipient() role {
	if s.at+1 < len(s.turns) && s.turns[s.at+1].kind == replyTurn {
		r := s.turns[s.at+1].reply
		if r.Code/100 != 2 && strings.Contains(strings.ToLower(r.Text()), "relay") {
			return roleUnknown
		}
	}
	return roleRecipient
}

// nameIn is where the client name stands in a line of EHLO.
func nameIn(line string) (start, end int) {
	i := strings.IndexByte(line, ' ')
	if i < 0 || strings.ContainsAny(strings.TrimSpace(line[i:]), " \t") {
		return 0, 0
	}
	start = i + len(line[i:]) - len(strings.TrimLeft(line[i:], " "))
	return start, start + len(strings.TrimSpace(line[i:]))
}

// addressIn is where the address of MAIL or RCPT stands in its line.
func addressIn(line string) (start, end int) {
	colon := strings.IndexByte(line, ':')
	if colon < 0 {
		return 0, 0
	}
	start = colon + 1
	for start < len(line) && line[start] == ' ' {
		start++
	}
	if start < len(line) && line[start] == '<' {
		if i := strings.IndexByte(line[start:], '>'); i > 0 {
			return start + 1, start + i
		}
		return 0, 0
	}
	end = len(line)
	if i := strings.IndexByte(line[start:], ' '); i >= 0 {
		end = start + i
	}
	return start, end
}

// variable writes line with the variable of that role in one place.
func (s *scribe) variable(e *expr, line string, start, end int, r role) {
	lua := ""
	if start < end {
		lua = s.inputs.variable(r, line[start:end])
	}
	if lua == "" {
		e.literal(line)
		return
	}
	e.literal(line[:start])
	e.code(lua)
	e.literal(line[end:])
}

// masked writes a line with its secrets as what they are called. What else was
// masked stands there as its mask.
func (s *scribe) masked(e *expr, l sentLine) {
	at := 0
	for _, span := range l.spans {
		e.literal(l.text[at:span.Start])
		at = span.End
		switch name, isSecret := strings.CutPrefix(span.Mask, "secret:"); {
		case isSecret:
			e.code(s.inputs.secret(name))
		case span.Mask == "unique":
			e.code("unique()")
		default:
			e.literal(l.text[span.Start:span.End])
		}
	}
	e.literal(l.text[at:])
}

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

// from is the rest of a line.
func (l sentLine) from(start int) sentLine {
	rest := sentLine{text: l.text[start:]}
	for _, s := range l.spans {
		if s.Start >= start {
			rest.spans = append(rest.spans, transcript.Span{Start: s.Start - start, End: s.End - start, Mask: s.Mask})
		}
	}
	return rest
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
	if mechanism == "PLAIN" && (!initial || len(messages) != 1) {
		return who, false
	}
	i := slices.IndexFunc(messages, func(m sentLine) bool {
		return len(m.spans) == 1 && strings.HasPrefix(m.spans[0].Mask, "sasl ")
	})
	if i < 0 {
		return who, false
	}
	return credentialsOf(messages[i].spans[0].Mask)
}

// expect is the expectation of a reply.
func (s *scribe) expect(c *talk, r *wire.Reply) string {
	c.heard(r)
	s.judged = true
	p := s.pattern(r)
	switch {
	case strings.HasPrefix(p, "{"):
		return c.verb("expect") + p
	case strings.Contains(p, " .. "):
		return c.verb("expect") + "(" + p + ")"
	}
	return c.verb("expect") + " " + p
}

// pattern is what is expected of a reply: its code, its enhanced status code,
// and where it was asked for, of its text what lasts.
func (s *scribe) pattern(r *wire.Reply) string {
	head := fmt.Sprint(r.Code)
	if enhanced := r.Enhanced(); enhanced != "" {
		head += " " + enhanced
	}
	if _, err := wire.ParsePattern(head); err != nil {
		head = fmt.Sprint(r.Code)
	}
	plain := head
	if strings.Contains(head, " ") {
		plain = quote(head)
	}
	text := s.lastingText(r)
	if text == "" {
		return plain
	}
	var e expr
	if p, err := wire.ParsePattern(head + " " + text); err == nil && !strings.Contains(text, "\n") && strings.HasPrefix(head, p.Code) && p.Text == text {
		e.literal(head + " ")
		s.named(&e, text)
		return e.String()
	}
	s.named(&e, text)
	return "{ " + plain + ", text = " + e.String() + " }"
}

// lastingText is what to expect of a reply's text, "" for nothing. Of an EHLO
// reply that is the first line: what is offered is for expect_capability.
func (s *scribe) lastingText(r *wire.Reply) string {
	if !s.text || r.Code == 334 {
		return ""
	}
	text := r.Text()
	if len(r.Lines()) > 1 && r.Code == 250 {
		text = r.Lines()[0]
	}
	text = lasting(text, func(word string) bool {
		var e expr
		s.named(&e, word)
		return !e.plain()
	})
	p := wire.Pattern{Text: text}
	if _, ok := p.Matches(r); !ok || strings.Contains(text, "\r") {
		return ""
	}
	return text
}

// named writes text with the addresses in it as the variables that hold them.
func (s *scribe) named(e *expr, text string) {
	for text != "" {
		at, name, value := -1, "", ""
		for lua, v := range s.inputs.addresses {
			if i := strings.Index(text, v); i >= 0 && (at < 0 || i < at || i == at && (len(v) > len(value) || len(v) == len(value) && lua < name)) {
				at, name, value = i, lua, v
			}
		}
		if at < 0 {
			e.literal(text)
			return
		}
		e.literal(text[:at])
		e.code(name)
		text = text[at+len(value):]
	}
}
