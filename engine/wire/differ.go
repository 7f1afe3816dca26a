package wire

import (
	"fmt"
	"strings"
)

// Span is a part of a text, from a byte up to, not with, another.
type Span struct{ From, To int }

// part is a part of a reply that a pattern can speak of.
type part uint8

const (
	codePart part = 1 << iota
	enhancedPart
	textPart
	matchPart
	challengePart
)

// Differences are the parts of p.String() and of r.String() that do not agree:
// of several alternatives all that are not met, and of the reply what keeps it
// from being the nearest of them. Both are empty where r is what p expects.
func (p Pattern) Differences(r *Reply) (want, got []Span) {
	if _, ok := p.Matches(r); ok {
		return nil, nil
	}
	w := writing{reply: r}
	w.pattern(p)
	return w.off, r.places(p.differing(r))
}

// differing is what of r is not as p has it; of alternatives that of the
// nearest one, the first of several alike.
func (p Pattern) differing(r *Reply) part {
	off := p.own(r)
	best, least := part(0), -1
	for _, a := range p.Any {
		d := a.differing(r)
		if n := d.weight(); least < 0 || n < least {
			best, least = d, n
		}
	}
	return off | best
}

// own is what of r is not as p has it, alternatives left aside.
func (p Pattern) own(r *Reply) part {
	var off part
	for _, one := range []struct {
		part part
		set  bool
		Pattern
	}{
		{codePart, p.Code != "", Pattern{Code: p.Code}},
		{enhancedPart, p.Enhanced != "", Pattern{Enhanced: p.Enhanced}},
		{textPart, p.Text != "", Pattern{Text: p.Text}},
		{matchPart, p.Match != nil, Pattern{Match: p.Match}},
		{challengePart, p.Challenge != nil, Pattern{Challenge: p.Challenge}},
	} {
		if _, ok := one.Matches(r); one.set && !ok {
			off |= one.part
		}
	}
	return off
}

// weight is how far off a reply is: another code is another answer, however
// alike the rest.
func (d part) weight() int {
	n := 0
	for _, w := range []struct {
		part
		weight int
	}{{codePart, 8}, {enhancedPart, 4}, {textPart, 1}, {matchPart, 1}, {challengePart, 1}} {
		if d&w.part != 0 {
			n += w.weight
		}
	}
	return n
}

// places are where the parts are in r.String(). Code and enhanced status code
// are shown once, where they first stand; a text is all of it.
func (r *Reply) places(off part) []Span {
	var spans []Span
	at, enhanced := 0, false
	for i, line := range strings.Split(r.String(), "\n") {
		if len(line) < 3 {
			break
		}
		if i == 0 && off&codePart != 0 {
			spans = append(spans, Span{at, at + 3})
		}
		text := min(4, len(line))
		if mayBeEnhanced(r.Code) {
			prefix := len(enhancedPrefix([]byte(line[text:])))
			if prefix > 0 && !enhanced && off&enhancedPart != 0 {
				spans = append(spans, Span{at + text, at + text + prefix})
			}
			enhanced = enhanced || prefix > 0
			text = len(line) - len(afterEnhanced([]byte(line[text:])))
		}
		if off&(textPart|matchPart|challengePart) != 0 && text < len(line) {
			spans = append(spans, Span{at + text, at + len(line)})
		}
		at += len(line) + 1
	}
	return spans
}

// writing is a pattern in words, and what of it a reply does not meet.
type writing struct {
	strings.Builder
	reply *Reply // nil where nobody asks
	off   []Span
}

func (w *writing) pattern(p Pattern) {
	var off part
	if w.reply != nil {
		off = p.own(w.reply)
	}
	between, begun := " ", false
	say := func(of part, text string) {
		if text == "" {
			return
		}
		if begun {
			w.WriteString(between)
		}
		begun = true
		from := w.Len()
		w.WriteString(text)
		if off&of != 0 {
			w.off = append(w.off, Span{from, w.Len()})
		}
	}
	for i, a := range p.Any {
		if i > 0 {
			w.WriteString(" or ")
		}
		w.pattern(a)
	}
	if begun = len(p.Any) > 0; begun {
		between = ", " // what follows is said of every alternative
	}
	say(codePart, p.Code)
	if p.Code != "" {
		between = " "
	}
	say(enhancedPart, p.Enhanced)
	if len(p.Any) > 0 {
		between = ", "
	}
	if p.Text != "" {
		say(textPart, fmt.Sprintf("with the text %q", p.Text))
	}
	if p.Match != nil {
		say(matchPart, fmt.Sprintf("with a text that matches /%v/", p.Match))
	}
	if p.Challenge != nil {
		say(challengePart, fmt.Sprintf("with the challenge %q", *p.Challenge))
	}
}
