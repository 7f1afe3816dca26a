package dsl

import (
	"strings"

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
