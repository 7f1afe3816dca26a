package message

import (
	"bytes"
	"fmt"
	"strings"

	"smtplay/engine/wire"
)

// MaxSize is the largest message that is made, in bytes.
const MaxSize = 64 << 20

// Message is what a message is made of. The zero value lacks a sender: From or
// To must be given, or From taken out by an override.
type Message struct {
	From    string   // an address list as RFC 5322 3.4 writes it; "" for the first of To
	To      []string // each an address or a list of them; none leaves the field out
	Subject string   // any text in UTF-8
	Date    string   // as RFC 5322 3.3 writes it
	ID      string   // the Message-ID: whole, or what stands before its "@"
	Fields  []Field  // more fields, in their order; one that bears the name of another replaces it
	Without []string // fields that are left out
	Text    string   // the body in plain text; its line ends become CRLF
	HTML    string   // the same in HTML; with Text it becomes multipart/alternative
	Body    Encoding // of Text and HTML
	Attach  []Part   // what hangs on
	Sample  Sample   // a named body, in the place of Text or behind it
	Size    int64    // make the text as long as the whole message must be for that; 0 for as it comes
}

// Field is a header field.
type Field struct{ Name, Value string }

// Part is an attachment.
type Part struct {
	Name     string // the file name that is shown; "" for none
	Type     string // "application/pdf"; "" for what the name says, else application/octet-stream
	Content  []byte
	Encoding Encoding // Automatic is base64
}

// Bytes are the message with CRLF line ends. Only a part in the encoding Binary
// may hold other line ends, a NUL or lines beyond 998 bytes.
//
// With Size the message is as long as that to the byte, as RFC 1870 section 3
// counts: every byte with the line ends, not the final dot nor the dots that
// are doubled on the way.
func (m *Message) Bytes() ([]byte, error) {
	fields, err := m.fields()
	if err != nil {
		return nil, err
	}
	text, err := m.text()
	if err != nil {
		return nil, err
	}
	if m.Size == 0 {
		return m.write(fields, text)
	}
	if m.Size < 0 || m.Size > MaxSize {
		return nil, fmt.Errorf("a message of %d bytes cannot be made: the largest has %d", m.Size, MaxSize)
	}
	if m.Body == Base64 {
		return nil, fmt.Errorf("a message in %v cannot be made %d bytes long: its text grows by four bytes at a time", m.Body, m.Size)
	}
	bare, err := m.write(fields, text)
	if err != nil {
		return nil, err
	}
	filler, err := fill(m.Size - int64(len(bare)))
	if err != nil {
		return nil, fmt.Errorf("size %d is impossible: without any filling the message has %d bytes, %w", m.Size, len(bare), err)
	}
	full, err := m.write(fields, append(text, filler...))
	if err == nil && int64(len(full)) != m.Size {
		err = fmt.Errorf("size %d is impossible: the message came to %d bytes", m.Size, len(full))
	}
	return full, err
}

// text is the plain text with CRLF line ends.
func (m *Message) text() ([]byte, error) {
	text := m.Text
	if m.Sample == GTUBE {
		if text != "" && !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		text += m.Sample.content()
	}
	out := wire.AppendCRLF(nil, text)
	if int64(len(out)) > MaxSize {
		return nil, fmt.Errorf("the text is larger than %d bytes", MaxSize)
	}
	return out, nil
}

// write puts header and body together.
func (m *Message) write(fields []Field, text []byte) ([]byte, error) {
	body, err := m.body(text)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.Grow(len(text) + len(text)/16 + 4096)
	if err := body.write(&out, fields); err != nil {
		return nil, err
	}
	if !bytes.HasSuffix(out.Bytes(), []byte("\r\n")) {
		out.WriteString("\r\n")
	}
	if out.Len() > MaxSize {
		return nil, fmt.Errorf("the message is larger than %d bytes", MaxSize)
	}
	return out.Bytes(), nil
}

// fillWidth is how long a line of filling is, without its line end: within what
// RFC 5322 2.1.1 recommends, and short enough for quoted-printable to leave it.
const fillWidth = 72

// fill is n bytes of lines. There is none of one byte: a line has CRLF.
func fill(n int64) ([]byte, error) {
	switch {
	case n < 0:
		return nil, fmt.Errorf("%d too many", -n)
	case n == 1:
		return nil, fmt.Errorf("and a line, its CRLF included, has at least 2")
	}
	out := make([]byte, 0, n)
	line := []byte(strings.Repeat("0123456789abcdefghijklmnopqrstuvwxyz", 2))
	for n > 0 {
		take := min(n-2, fillWidth)
		if n-2-take == 1 { // what would be left is no line
			take--
		}
		out = append(append(out, line[:take]...), "\r\n"...)
		n -= take + 2
	}
	return out, nil
}
