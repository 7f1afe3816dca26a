package dsl

import (
	"fmt"
	"strings"

	"smtplay/engine/wire"
)

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
