package hint

import (
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"smtplay/engine/wire"
)

// Explanation is what is known of a reply that stands alone.
type Explanation struct {
	Code     int      `json:"code,omitempty"`     // 0 where only the enhanced status code is known
	Enhanced string   `json:"enhanced,omitempty"` // "" where the reply has none
	Text     string   `json:"text,omitempty"`     // without the codes, the lines joined by "\n"
	Verb     string   `json:"verb,omitempty"`     // the command that was answered, where a log says so; "." for the end of a message, Greeting for the connection
	Parts    []Part   `json:"parts"`              // what the codes say
	Note     string   `json:"note,omitempty"`     // what is odd about the reply, or who said it
	Means    string   `json:"means,omitempty"`    // what such a reply usually means, "" where nothing is known
	Params   []string `json:"parameters,omitempty"`
	Try      []string `json:"try,omitempty"` // commands on the server

	sending bool // a line of Postfix's as a client
}

// ErrNoReply says that a text holds neither a reply nor an enhanced status code.
var ErrNoReply = errors.New("this is no reply: it has no code such as 554, nor an enhanced status code such as 5.7.1")

// MaxReply is how much of a text is looked at, in bytes.
const MaxReply = 64 << 10

// Explain says what a reply means. It takes a code, an enhanced status code, a
// reply of one line or of several, a line of a transcript or a session, a
// bounce's Diagnostic-Code, and a line of a mail log that quotes a reply. Of
// several replies it takes the first. The error is ErrNoReply.
func Explain(text string) (*Explanation, error) {
	if len(text) > MaxReply {
		text = text[:MaxReply]
	}
	e := read(text)
	if e == nil {
		return nil, ErrNoReply
	}
	if e.Code > 0 {
		e.Parts = codeParts(e.Code)
	}
	if e.Enhanced != "" {
		e.Parts = append(e.Parts, enhancedParts(e.Enhanced)...)
	}
	if e.Code > 0 && e.Enhanced != "" && int(e.Enhanced[0]-'0') != e.Code/100 {
		e.Note = "the two codes disagree: the first counts, and the enhanced status code should have the same class (RFC 2034 section 4)"
	}
	q := question{
		Context:  Context{Verb: e.Verb, Reply: &wire.Reply{Code: e.Code}},
		code:     e.Code,
		enhanced: e.Enhanced,
		text:     strings.ToLower(e.Text),
		wantsOK:  true,
		alone:    true,
		sending:  e.sending,
	}
	r := ruleFor(&q)
	if r == nil {
		return e, nil
	}
	e.Means, e.Params, e.Try = r.say, slices.Clone(r.params), slices.Clone(r.try)
	if e.sending && e.Code >= 400 && e.Note == "" && len(e.Params) > 0 && !clientSide(e.Params) {
		e.Note = "the other server said so, not this Postfix: what is named below is the other's, where it is one"
	}
	return e, nil
}

var (
	// marks are what stands before a reply in a transcript, in swaks and other
	// clients, and in a bounce.
	marks = lazy(`^(?:(?:S\d*|SERVER): |<[*~ -]*[ *]|Diagnostic-Code: ?smtp; ?|Status: |smtp; ?)`)

	replyLine = lazy(`^([2-5][0-9][0-9])(?:([ -])(.*))?$`)
	status    = lazy(`^[245]\.[0-9]{1,3}\.[0-9]{1,3}(?:$|[ ;])`)

	// quoted is a reply inside a line of a log: behind a colon, or a bracket
	// that says what it is.
	quoted    = lazy(`(?:: |said: |; )([2-5][0-5][0-9])(?:([ -])([^\n]*)|$)`)
	quotedOwn = lazy(`-reject: [A-Z-]+ from [^ ]+: ([245]\.[0-9]{1,3}\.[0-9]{1,3} [^\n]*)`) // a milter's, without a code
	dsn       = lazy(`[ ,]dsn=([245]\.[0-9]{1,3}\.[0-9]{1,3})(?:,|$)`)
	outcome   = lazy(`status=[a-z]+ \((.*)\)$`)

	exims     = lazy(`from remote mail server after (end of data|[A-Z]+)`)
	inReply   = lazy(` ?\(in reply to (?:the )?(end of DATA|[A-Z]+)[^)]*\)+$`)
	rejected  = lazy(`reject(?:_warning)?: ([A-Z-]+) from `)
	logTail   = lazy(`; (?:from=<|to=<|proto=).*$`)
	logged    = lazy(`(?:postfix|exim|sendmail|smtpd?|lmtp|dovecot)[^ ]*\[[0-9]+\]: | status=| dsn=|reject: |said: |error from remote mail server after `)
	client    = lazy(`postfix[^ ]*/(?:smtp|lmtp)\[[0-9]+\]: `)
	joinCodes = lazy(` ([2-5][0-9][0-9])[ -](?:[245]\.[0-9]{1,3}\.[0-9]{1,3} )?`)
)

// read finds the reply in a text; nil where there is none.
func read(text string) *Explanation {
	all := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for i := range all {
		all[i] = strings.TrimSpace(marks().ReplaceAllString(strings.TrimSpace(all[i]), ""))
	}
	for i, line := range all {
		if line == "" {
			continue
		}
		if e := readReply(all[i:]); e != nil {
			return e
		}
		if status().MatchString(line) {
			e := &Explanation{}
			e.split(line)
			return e
		}
		if e := readLog(line); e != nil {
			return e
		}
	}
	return nil
}

// readReply reads the reply that begins in the first of the lines.
func readReply(all []string) *Explanation {
	var e *Explanation
	var text []string
	for _, line := range all {
		m := replyLine().FindStringSubmatch(line)
		if m == nil {
			break
		}
		code, _ := strconv.Atoi(m[1])
		if e == nil {
			e = &Explanation{Code: code}
		} else if code != e.Code {
			break
		}
		text = append(text, e.strip(m[3]))
		if m[2] != "-" {
			break
		}
	}
	if e != nil {
		e.Text = strings.Join(text, "\n")
	}
	return e
}

// strip takes the enhanced status code off a line of a reply, and keeps the
// first. A class of replies that has none keeps its text.
func (e *Explanation) strip(line string) string {
	found := strings.TrimRight(status().FindString(line), " ;")
	if found == "" || e.Code/100 == 3 {
		return line
	}
	if e.Enhanced == "" {
		e.Enhanced = found
	}
	return strings.TrimLeft(line[len(found):], " ;")
}

// split reads an enhanced status code and the text behind it.
func (e *Explanation) split(line string) { e.Text = e.strip(line) }

// readLog reads a line of a log.
func readLog(line string) *Explanation {
	if !logged().MatchString(line) {
		return nil
	}
	e := &Explanation{Verb: verbIn(line), sending: client().MatchString(line)}
	whole := line
	line = strings.TrimSuffix(inReply().ReplaceAllString(line, ""), ")")
	line = logTail().ReplaceAllString(line, "")
	if m := quoted().FindStringSubmatch(line); m != nil {
		e.Code, _ = strconv.Atoi(m[1])
		e.Text = joinCodes().ReplaceAllStringFunc(e.strip(m[3]), func(code string) string {
			if code[1:4] == m[1] { // the next line of the same reply
				return "\n"
			}
			return code
		})
		return e
	}
	if m := quotedOwn().FindStringSubmatch(line); m != nil {
		e.split(m[1])
		return e
	}
	if m := dsn().FindStringSubmatch(whole); m != nil {
		e.Enhanced = m[1]
		if o := outcome().FindStringSubmatch(whole); o != nil {
			e.Text = o[1]
		}
		return e
	}
	return nil
}

// verbIn is the command that a line of a log names, "" where it names none.
func verbIn(line string) string {
	m := inReply().FindStringSubmatch(line)
	if m == nil {
		m = rejected().FindStringSubmatch(line)
	}
	if m == nil {
		m = exims().FindStringSubmatch(line)
	}
	if m == nil {
		return ""
	}
	switch m[1] {
	case "end of DATA", "end of data", "END-OF-MESSAGE":
		return "."
	case "CONNECT":
		return Greeting
	}
	return m[1]
}

// clientSide: the parameters are those of Postfix as a client.
func clientSide(params []string) bool {
	return slices.ContainsFunc(params, func(p string) bool {
		return p == "relayhost" || strings.HasPrefix(p, "smtp_") || strings.HasPrefix(p, "default_destination_")
	})
}

// lazy is a regular expression that is compiled when it is first needed.
func lazy(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}
