package report

import (
	"slices"
	"strings"
	"unicode"

	"smtplay/engine/hint"
	"smtplay/engine/suite"
	"smtplay/engine/wire"
)

func newHTMLFailure(f *suite.Failure) *htmlFailure {
	if f == nil {
		return &htmlFailure{What: "no verdict"}
	}
	h := &htmlFailure{What: strings.Join(lines(f.What), "\n"), Place: Visible(f.Pos.String()), Line: f.Pos.Line, Source: sourcePieces(f),
		Command: clip(Visible(f.Command)), Because: Visible(f.Because), Hint: Visible(f.Hint)}
	if f.SentAt.Line > 0 && f.SentAt != f.Pos {
		h.SentAt = Visible(f.SentAt.String())
	}
	for _, v := range f.Via {
		if v.Line > 0 {
			h.Via = append(h.Via, Visible(v.String()))
		}
	}
	if f.Want != "" {
		h.Want = pieces(f.Want, f.WantOff)
	}
	switch {
	case f.Got == "":
	case isBytes(f.Got):
		h.Got = []htmlPiece{{Text: strings.Join(bytesLines(f.Got), "\n")}}
	default:
		h.Got = pieces(f.Got, f.GotOff)
	}
	if strings.HasPrefix(f.What, "expected "+f.Want+", got ") { // a pattern, and a reply
		h.WantSays, h.GotSays = says(f.Want), says(f.Got)
	}
	if len(h.Got) > 0 && f.What == "expected "+f.Want+", got "+f.Got {
		h.What = "" // it stands side by side
	}
	return h
}

// pieces are a text of which parts are set off, as on a terminal.
func pieces(text string, off []wire.Span) []htmlPiece {
	if !markable(text) || slices.Contains(off, wire.Span{To: len(text)}) {
		off = nil
	}
	if len(off) == 0 {
		return []htmlPiece{{Text: strings.Join(lines(text), "\n")}}
	}
	var all []htmlPiece
	at := 0
	add := func(to int, off bool) {
		if to = min(to, len(text)); to > at {
			var shown []string
			for line := range strings.SplitSeq(text[at:to], "\n") {
				shown = append(shown, Visible(line))
			}
			all = append(all, htmlPiece{strings.Join(shown, "\n"), off})
			at = to
		}
	}
	for _, s := range off {
		add(s.From, false)
		add(s.To, true)
	}
	add(len(text), false)
	return all
}

// sourcePieces are the line of a script, the word set off that failed: a mark
// below it would be lost where the line is broken.
func sourcePieces(f *suite.Failure) []htmlPiece {
	shown, before := Excerpt(f.Source, f.Column)
	if before < 0 {
		return []htmlPiece{{Text: shown}}
	}
	text := []rune(shown)
	head := len(firstOf(text, before))
	end := head
	for end < len(text) && (unicode.IsLetter(text[end]) || unicode.IsDigit(text[end]) || text[end] == '_') {
		end++
	}
	if end = max(end, min(head+1, len(text))); end == head { // nothing stands there
		text, end = append(text, ' '), head+1
	}
	return []htmlPiece{{Text: string(text[:head])}, {string(text[head:end]), true}, {Text: string(text[end:])}}
}

// says is what the codes of a reply, or of the pattern of one, say to a person
// who does not know them: class, code, and detail.
func says(reply string) []hint.Part {
	e, err := hint.Explain(reply)
	if err != nil || reply[0] < '2' || reply[0] > '5' {
		return nil // it quotes one somewhere, and is none
	}
	var said []hint.Part
	enhanced := func(i int) bool { return strings.Contains(e.Parts[i].Part, ".") }
	for i, p := range e.Parts {
		last := i == len(e.Parts)-1 || enhanced(i) != enhanced(i+1)
		empty := strings.HasSuffix(p.Part, ".0.0") || i > 0 && strings.HasSuffix(e.Parts[0].Meaning, p.Meaning)
		if (i == 0 || last) && !empty {
			said = append(said, p)
		}
	}
	return said
}
