package mailbox

import (
	"time"
)

// Message is one that arrived. It belongs to one goroutine: what is asked of it
// is parsed then, and kept.
type Message struct {
	Raw   []byte    // as it lies there, the line ends too; nobody changes it
	Size  int64     // how long it is, if that is more than Raw holds: then it is larger than MaxSize
	Where string    // for error texts: "new/1712.M1P2.host", `INBOX, UID 17`
	Key   string    // what the box knows it by; only the box reads it
	At    time.Time // when it arrived, as far as the box knows

	// Envelope is that of the conversation which brought it, nil where only the
	// header tells of it.
	Envelope *Envelope

	fromLine *string // the sender in an mbox's From_ line, nil for none
	parsed   *parsed // nil before anything was asked
}

// Envelope is what MAIL and RCPT said (RFC 5321 3.3), without angle brackets.
type Envelope struct {
	From string   // "" for <>
	To   []string // all recipients
}

// parsed is what was asked for already.
type parsed struct{}

// Header is the values of the field of that name, ignoring case, top down: unfolded,
// with encoded words (RFC 2047) decoded.
func (m *Message) Header(name string) []string { return nil }

// From is the envelope's sender, "" for <>; ok is false where nothing tells of it.
func (m *Message) From() (address string, ok bool) { return "", false }

// To is the envelope's recipients, as far as anything tells of them.
func (m *Message) To() []string { return nil }

// Body is the text of the message: all its parts of type text, decoded to UTF-8,
// with LF line ends.
func (m *Message) Body() string { return "" }

// Report is the machine's part of a delivery status notification (RFC 3464); nil for other messages.
func (m *Message) Report() *Report { return nil }

// Received is its trace (RFC 5321 4.4), the latest hop first.
func (m *Message) Received() []Received { return nil }

// String names the message in an error text: by its subject and where it lies.
func (m *Message) String() string { return m.Where }

// Group is fields of a report, in their order.
type Group []Field

// Field is one field of a report, unfolded.
type Field struct{ Name, Value string }

// Report is the message/delivery-status part of a multipart/report (RFC 3464 2.1).
type Report struct {
	Message    Group   // what is said of the message
	Recipients []Group // what is said of each recipient
}

// Received is one trace field (RFC 5321 4.4). What a server did not say, or not in this form, is "".
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
