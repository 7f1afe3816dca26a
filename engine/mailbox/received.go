package mailbox

import (
	"net/mail"
	"strings"
	"time"
)

// Received is one trace field (RFC 5321 4.4). What a server did not say, or not in
// this form, is "".
type Received struct {
	From string    // the name that the client gave
	By   string    // the server's
	Via  string    // the link
	With string    // the protocol, such as ESMTPS (RFC 3848)
	ID   string    // the server's name for the message
	For  string    // the recipient, without angle brackets
	Date time.Time // zero where it could not be read
	Raw  string    // the whole field, unfolded
}

// parseReceived reads a field's value, unfolded. Comments, in which servers write what they
// like, are left out. A clause comes once: what looks like another is part of somebody's name.
func parseReceived(value string) Received {
	r := Received{Raw: value}
	tokens, date := traceTokens(value)
	if t, err := mail.ParseDate(date); err == nil {
		r.Date = t
	}
	clauses := map[string]*string{"from": &r.From, "by": &r.By, "via": &r.Via, "with": &r.With, "id": &r.ID, "for": &r.For}
	for i := 0; i+1 < len(tokens); i++ {
		name := strings.ToLower(tokens[i])
		if clause := clauses[name]; clause != nil {
			i++
			*clause = unbracketed(tokens[i])
			delete(clauses, name)
		}
	}
	return r
}

// traceTokens splits at blanks outside quotes, and takes the comments (RFC 5322
// 3.2.2) out. date is what follows the last semicolon.
func traceTokens(value string) (tokens []string, date string) {
	var token strings.Builder
	end := func() {
		if token.Len() > 0 {
			tokens = append(tokens, token.String())
			token.Reset()
		}
	}
	depth, quoted, before := 0, false, -1 // before: how many tokens stand before the last semicolon
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case c == '\\' && (depth > 0 || quoted) && i+1 < len(value):
			i++
			if depth == 0 {
				token.WriteByte(value[i])
			}
		case quoted:
			token.WriteByte(c)
			quoted = c != '"'
		case c == '(':
			end()
			depth++
		case depth > 0:
			if c == ')' {
				depth--
			}
		case c == '"':
			quoted = true
			token.WriteByte(c)
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			end()
		case c == ';':
			end()
			before, date = len(tokens), value[i+1:]
		default:
			token.WriteByte(c)
		}
	}
	end()
	if before >= 0 {
		tokens = tokens[:before]
	}
	return tokens, strings.TrimSpace(date)
}
