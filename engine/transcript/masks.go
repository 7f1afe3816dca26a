package transcript

import (
	"bytes"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"sync"

	"smtplay/engine/wire"
)

// Mask is something that changes from run to run although the server did not.
// Where transcripts are compared, [NAME] stands for it.
type Mask struct {
	Name    string         // a small letter, then small letters, digits and hyphens
	About   string         // what it is, for people
	Pattern *regexp.Regexp // finds it in a line; its groups are what is masked, the whole match where it has none
	kinds   []Kind         // the lines in which it is looked for; none: all
}

// Masks are looked for in every line. Of two that meet the one that covers more
// counts. A reply's code and enhanced status code are never masked.
type Masks []Mask

// NewMask makes a mask from its name and a regular expression (RE2), which is
// matched against each line without "C: " and line end.
func NewMask(name, pattern string) (Mask, error) {
	if !isMaskName(name) {
		return Mask{}, fmt.Errorf("%q is no name for a mask: it is a small letter, then small letters, digits and hyphens", name)
	}
	if name == "sasl" || name == "secret" {
		return Mask{}, fmt.Errorf("the name %q is taken: it stands for what is secret", name)
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return Mask{}, fmt.Errorf("the regular expression of %s: %w", name, cause(err))
	}
	if pattern == "" || re.MatchString("") {
		return Mask{}, fmt.Errorf("the regular expression of %s matches where there is nothing: %q", name, pattern)
	}
	return Mask{Name: name, Pattern: re}, nil
}

// cause is what is wrong with a regular expression, without the words that say
// that something is.
func cause(err error) error {
	if bad, ok := err.(*syntax.Error); ok {
		return fmt.Errorf("%s: %q", bad.Code, bad.Expr)
	}
	return err
}

func isMaskName(name string) bool {
	return maskWord().FindString("["+name+"]") == "["+name+"]" && !strings.ContainsAny(name, " :")
}

const (
	weekday = `(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)`
	month   = `(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)`
	clock   = `[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?`
	// zone is a time zone that is written as a word.
	zone = `(?:UTC?|GMT|Z|[ACEMP][DS]T|AK[DS]T|HST|BST|IST|WES?T|CES?T|EES?T|MSK|SAST|JST|KST|AE[DS]T|NZ[DS]T)`
	// challengeForms is what begins with <, r= or v= in base64, or has nonce= anywhere.
	challengeForms = `^334 ((?:P[D-H]|[cd]j[01])[A-Za-z0-9+/]{8,}={0,2}|[A-Za-z0-9+/]*(?:bm9uY2U9|ub25jZT|5vbmNlP)[A-Za-z0-9+/]*={0,2})$`
)

// usual are the masks that always count. Each holds the words around what it
// masks, so that other words are a change. They are made when they are needed:
// most commands compare nothing.
var usual = sync.OnceValue(func() Masks {
	re := regexp.MustCompile
	var ids Masks
	for _, form := range wire.QueueIDForms() {
		ids = append(ids, Mask{"queue-id", form.Server, form.Pattern, []Kind{Server}})
	}
	return append(ids, Masks{
		{"queue-id", "qmail", re(`\bok ([0-9]{9,11} qp [0-9]+)$`), []Kind{Server}},
		{"challenge", "of CRAM-MD5, DIGEST-MD5 and SCRAM, whose nonce is another each time", re(challengeForms), []Kind{Server}},
		{"date", "date and time of day, as mail writes them", re(
			`(?:\b` + weekday + `, )?\b[0-9]{1,2} ` + month + ` [0-9]{4} ` + clock + `(?: (?:[+-][0-9]{4}|` + zone + `)\b)?(?: \(` + zone + `\))?`), spoken},
		{"date", "as C writes them", re(`\b` + weekday + ` ` + month + ` [ 0-9][0-9] ` + clock + `(?: ` + zone + `)? [0-9]{4}\b`), spoken},
		{"date", "as ISO 8601 writes them", re(`\b[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]` + clock + `(?:Z\b| ?[+-][0-9]{2}:?[0-9]{2}\b)?`), spoken},
		{"message-id", "in the Message-ID of a header", re(`(?i)\bmessage-id:\s*(<[^<>\s]+>)`), spoken},
		{"serial", "serial number of a certificate", re(
			`(?i)\bserial(?: number)?\s*[:=]?\s*(?:0x)?((?:[0-9a-f]{2}:){3,}[0-9a-f]{2}|[0-9a-f]{8,})\b`), []Kind{Note, TLS}},
		{"session", "TLS session", re(`(?i)\bsession[ -]id\s*[:=]?\s*([0-9a-f]{16,})\b`), []Kind{Note, TLS}},
		{"port", "where a connection led", re(`:([0-9]{1,5})$`), []Kind{Connect}},
		{"port", "behind an address literal", re(`\[(?:IPv6:)?[0-9A-Fa-f.:]+\]:([0-9]{1,5})\b`), spoken},
	}...)
})

var spoken = []Kind{Server, Client, Note, Step}

// UsualMasks are the masks that count wherever transcripts are compared.
func UsualMasks() Masks { return slices.Clone(usual()) }

// fixed is how much of a line no mask may cover: a reply's code and enhanced
// status code.
func fixed(e Event) int {
	if e.Kind != Server {
		return 0
	}
	r, err := wire.ParseReply(finalLine(e.Data))
	if err != nil {
		return 0
	}
	if status := r.Enhanced(); status != "" {
		return 4 + len(status)
	}
	return min(4, len(e.Data))
}

// finalLine is a line of a reply as if it were all of it.
func finalLine(line []byte) []byte {
	line = append(bytes.TrimRight(slices.Clone(line), "\r\n"), "\r\n"...)
	if len(line) > 5 && line[3] == '-' {
		line[3] = ' '
	}
	return line
}

// hide is e, which is one line, with what changes masked.
func (m Masks) hide(e Event) Event {
	text := bytes.TrimSuffix(bytes.TrimSuffix(e.Data, []byte("\n")), []byte("\r"))
	from := fixed(e)
	found := slices.Clone(e.Spans)
	for _, mask := range m {
		if len(mask.kinds) > 0 && !slices.Contains(mask.kinds, e.Kind) {
			continue
		}
		for _, at := range mask.Pattern.FindAllSubmatchIndex(text, -1) {
			groups := at
			if len(at) > 2 {
				groups = at[2:]
			}
			for ; len(groups) > 0; groups = groups[2:] {
				if start := max(groups[0], from); groups[0] >= 0 && start < groups[1] {
					found = append(found, Span{Start: start, End: groups[1], Mask: mask.Name})
				}
			}
		}
	}
	if len(found) == len(e.Spans) {
		return e
	}
	out, spans, done := make([]byte, 0, len(e.Data)), []Span{}, 0
	for _, s := range join(found) {
		out = append(out, e.Data[done:s.Start]...)
		start := len(out)
		out = append(append(append(out, '['), s.Mask...), ']')
		spans = append(spans, Span{Start: start, End: len(out), Mask: s.Mask})
		done = s.End
	}
	e.Data, e.Spans = append(out, e.Data[done:]...), spans
	return e
}
