package report

import (
	"fmt"
	"io"
	"strings"

	"smtplay/engine/hint"
)

// Explain tells a person what a reply means. What is quoted of it is visible
// and bounded.
func Explain(w io.Writer, e *hint.Explanation, color bool) error {
	p := &page{Console: &Console{W: w, Color: color}, palette: paletteFor(color)}
	for _, l := range quotation(e) {
		p.line("  ", p.strong(l))
	}
	if e.Verb != "" {
		p.fact("answers", []string{Visible(answers(e.Verb))})
	}
	p.gap()
	width := 0
	for _, part := range e.Parts {
		width = max(width, len(part.Part))
	}
	word := "says"
	for _, part := range e.Parts {
		for i, l := range wrap(part.Meaning, textWidth-width-2) {
			if i > 0 {
				part.Part = ""
			}
			p.fact(word, []string{p.theirs(fmt.Sprintf("%-*s", width, part.Part)) + "  " + l})
			word = ""
		}
	}
	if e.Note != "" {
		p.fact("but", wrap(e.Note, textWidth))
	}
	if e.Means != "" {
		p.gap()
		p.fact("means", wrap(e.Means, textWidth))
	}
	if len(e.Params) > 0 {
		p.fact("postfix", e.Params)
	}
	if len(e.Try) > 0 {
		p.fact("try", e.Try)
	}
	if e.Means == "" && (e.Code >= 400 || e.Code == 0 && !strings.HasPrefix(e.Enhanced, "2")) {
		more := "more than that is not known of this text: the log of the server that said it has its reason"
		if e.Text == "" {
			more = "the code alone says no more: the text behind it shows what it is about"
		}
		p.gap()
		p.fact("means", wrap(more, textWidth))
	}
	_, err := io.WriteString(w, p.String())
	return err
}

// answers is what a reply answered, in words.
func answers(verb string) string {
	switch verb {
	case ".":
		return "the end of the message"
	case hint.Greeting:
		return "the connection"
	}
	return verb
}

// quotation is the reply as it was read.
func quotation(e *hint.Explanation) []string {
	head := e.Enhanced
	if e.Code > 0 {
		head = strings.TrimSpace(fmt.Sprintf("%d %s", e.Code, e.Enhanced))
	}
	var out []string
	for l := range strings.SplitSeq(e.Text, "\n") {
		out = append(out, strings.TrimSpace(head+" "+l))
	}
	return bounded(out)
}
