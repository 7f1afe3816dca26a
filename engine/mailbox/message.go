package mailbox

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Message is one that arrived. It belongs to one goroutine: what is asked of it
// is parsed then, and kept.
type Message struct {
	Raw   []byte    // as it lies there, the line ends too; nobody changes it
	Size  int64     // how long it is where that is more than Raw holds: it is larger than MaxSize then
	Where string    // for error texts: "new/1712.M1P2.host", `INBOX, UID 17`
	Key   string    // what the box knows it by; only the box reads it
	At    time.Time // when it arrived, as far as the box knows

	// Envelope is that of the conversation which brought it, nil where only the
	// header tells of it.
	Envelope *Envelope

	fromLine *string // the sender in an mbox's From_ line, nil for none
	fields   []Field // of the header
	headed   bool    // whether fields were read
	body     []byte  // what follows the header
	fault    string  // why the message cannot be judged as a whole, "" where it can
	text     *string // Body, nil before it was asked for
	report   *Report // Report, where it was asked for
	reported bool    // whether it was
	broken   error   // why not all parts could be read
}

// Envelope is what MAIL and RCPT said (RFC 5321 3.3), without angle brackets.
type Envelope struct {
	From string   // "" for <>
	To   []string // all recipients
}

// Header is the values of the field of that name, ignoring case, top down: unfolded,
// with encoded words (RFC 2047) decoded, and without the blanks around them.
func (m *Message) Header(name string) []string {
	values := m.raw(name)
	for i := range values {
		values[i] = decoded(values[i])
	}
	return values
}

// raw is the same with encoded words as they are.
func (m *Message) raw(name string) []string {
	m.read()
	return valuesOf(m.fields, name)
}

// From is the envelope's sender, "" for <>; ok is false where nothing tells of it.
// Without an Envelope that is the topmost Return-Path, which a server writes at final
// delivery in the place of any that came (RFC 5321 4.4), else an mbox's From_ line.
func (m *Message) From() (address string, ok bool) {
	if m.Envelope != nil {
		return m.Envelope.From, true
	}
	if paths := m.raw("Return-Path"); len(paths) > 0 {
		return unbracketed(paths[0]), true
	}
	if m.fromLine != nil {
		return *m.fromLine, true
	}
	return "", false
}

// toFields are where servers write whom they delivered to: Postfix and Dovecot
// in the first two, Exim in the last.
var toFields = []string{"X-Original-To", "Delivered-To", "Envelope-To"}

// To is the envelope's recipients, as far as anything tells of them. Without an
// Envelope they stand above the topmost Received: what stands below it came with
// the message, and anybody may have written it.
func (m *Message) To() []string {
	if m.Envelope != nil {
		return m.Envelope.To
	}
	m.read()
	top := m.fields
	for i, f := range m.fields {
		if strings.EqualFold(f.Name, "Received") {
			top = m.fields[:i]
			break
		}
	}
	var to []string
	for _, name := range toFields {
		for _, value := range valuesOf(top, name) {
			for address := range strings.SplitSeq(value, ",") {
				to = append(to, unbracketed(address))
			}
		}
	}
	return to
}

// Received is its trace (RFC 5321 4.4), the latest hop first.
func (m *Message) Received() []Received {
	values := m.raw("Received")
	trace := make([]Received, len(values))
	for i, value := range values {
		trace[i] = parseReceived(value)
	}
	return trace
}

// String names the message in an error text: by its subject and where it lies.
func (m *Message) String() string {
	name := "without a subject"
	if subject := m.Header("Subject"); len(subject) > 0 {
		name = "Subject: " + plain(subject[0])
	}
	if m.Where == "" {
		return name
	}
	return name + ", " + plain(m.Where)
}

// The bounds of a header. Servers take much less.
const (
	maxHeader = 4 << 20 // bytes
	maxFields = 10_000
)

// read reads the header once. It ends at the first line that is no field, as
// servers have it.
func (m *Message) read() {
	if m.headed {
		return
	}
	m.headed = true
	if m.Size > int64(len(m.Raw)) {
		m.fault = fmt.Sprintf("%d bytes, of which only the first %d were read", m.Size, len(m.Raw))
	}
	rest := m.Raw
	if bytes.HasPrefix(rest, []byte("From ")) { // an mbox's, kept by some agents in a Maildir
		_, rest, _ = bytes.Cut(rest, []byte("\n"))
	}
	head := rest[:min(len(rest), maxHeader)]
	var n int
	m.fields, n = parseFields(head, maxFields)
	if n == len(head) && n < len(rest) || len(m.fields) == maxFields {
		m.fault = cmp.Or(m.fault, fmt.Sprintf("a header of more than %d bytes or %d fields", maxHeader, maxFields-1))
	}
	m.body = rest[n:]
	if line, after, found := bytes.Cut(m.body, []byte("\n")); found && len(bytes.TrimSuffix(line, []byte("\r"))) == 0 {
		m.body = after
	}
}

// Field is one field of a header or report, unfolded.
type Field struct{ Name, Value string }

// valuesOf is the values of the fields of that name.
func valuesOf(fields []Field, name string) []string {
	var values []string
	for _, f := range fields {
		if strings.EqualFold(f.Name, name) {
			values = append(values, f.Value)
		}
	}
	return values
}

// parseFields reads at most that many fields, up to a line that is none. n is how
// many bytes they take. Lines end in LF, with or without CR before it.
func parseFields(text []byte, most int) (fields []Field, n int) {
	for n < len(text) && len(fields) < most {
		size := fieldSize(text[n:])
		name, value, found := bytes.Cut(text[n:n+size], []byte(":"))
		name = bytes.TrimRight(name, " \t") // RFC 5322 4.5 lets blanks stand there
		if !found || !isFieldName(string(name)) {
			break
		}
		fields = append(fields, Field{Name: string(name), Value: unfold(value)})
		n += size
	}
	return fields, n
}

// fieldSize is how long the field is that text begins with, the lines that
// continue it included (RFC 5322 2.2.3).
func fieldSize(text []byte) int {
	for n := 0; ; {
		i := bytes.IndexByte(text[n:], '\n')
		if i < 0 {
			return len(text)
		}
		if n += i + 1; n == len(text) || text[n] != ' ' && text[n] != '\t' {
			return n
		}
	}
}

// isFieldName: RFC 5322 3.6.8.
func isFieldName(name string) bool {
	for i := range len(name) {
		if name[i] <= ' ' || name[i] > '~' || name[i] == ':' {
			return false
		}
	}
	return name != ""
}

// unfold removes the line ends that blanks follow, and the blanks around the whole.
func unfold(value []byte) string {
	return strings.TrimSpace(lineEnds.Replace(string(value)))
}

var lineEnds = strings.NewReplacer("\r\n", "", "\n", "")

// unbracketed is an address without angle brackets and the blanks around it.
func unbracketed(address string) string {
	address = strings.TrimSpace(address)
	if inner, found := strings.CutPrefix(address, "<"); found {
		return strings.TrimSuffix(inner, ">")
	}
	return address
}

// shown is how much of a value an error text shows, in bytes.
const shown = 200

// plain is a text as it can stand in an error without quotes: cut, and without what
// steers a terminal or ends a line, as whoever sent the message wrote it.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return utf8.RuneError
		}
		return r
	}, short(s))
}

// short is a text cut to what an error shows of it.
func short(s string) string {
	if len(s) <= shown {
		return s
	}
	return strings.ToValidUTF8(s[:shown], "") + "…"
}
