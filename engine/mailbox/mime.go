package mailbox

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"mime"
	"strings"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // lets go-message decode what is not UTF-8
)

// The bounds of a MIME structure, which a peer may have made.
const (
	maxDepth = 30
	maxParts = 1000
)

// words decodes encoded words, in all charsets that go-message knows.
var words = mime.WordDecoder{CharsetReader: func(charset string, r io.Reader) (io.Reader, error) {
	return message.CharsetReader(charset, r)
}}

// decoded is a value with its encoded words decoded, or as it is where one cannot be.
func decoded(value string) string {
	if text, err := words.DecodeHeader(value); err == nil {
		return text
	}
	return value
}

// Body is the text of the message: all its parts of type text, decoded to UTF-8,
// with LF line ends, one after the other. A part in a charset that nobody knows is as it came.
func (m *Message) Body() string {
	if m.text == nil {
		var text strings.Builder
		m.walk(false, func(kind string, parents []string, content []byte) bool {
			if strings.HasPrefix(kind, "text/") {
				if text.Len() > 0 && !strings.HasSuffix(text.String(), "\n") {
					text.WriteByte('\n')
				}
				text.WriteString(strings.ReplaceAll(string(content), "\r\n", "\n"))
			}
			return true
		})
		whole := text.String()
		m.text = &whole
	}
	return *m.text
}

// holds says whether text is anywhere: in the message as it is, or in what is
// encoded in it, messages in it included.
func (m *Message) holds(text string) bool {
	if bytes.Contains(m.Raw, []byte(text)) {
		return true
	}
	m.read()
	for _, f := range m.fields {
		if strings.Contains(f.Value, text) || strings.Contains(decoded(f.Value), text) {
			return true
		}
	}
	found := false
	m.walk(true, func(_ string, _ []string, content []byte) bool {
		found = bytes.Contains(content, []byte(text))
		return !found
	})
	return found
}

// A leaf is told of each part that has no parts: its media type, those of what it
// is in, outermost first, and its decoded content. It says whether to go on.
type leaf func(kind string, parents []string, content []byte) bool

// walk visits all leaves in their order; with into, messages that are in the
// message are not leaves.
func (m *Message) walk(into bool, visit leaf) {
	m.read()
	w := walker{into: into, visit: visit}
	if err := w.entity(m.fields, bytes.NewReader(m.body)); errors.Is(err, errTooMuch) {
		m.fault = cmp.Or(m.fault, err.Error())
	}
	m.broken = cmp.Or(m.broken, w.broken)
}

type walker struct {
	into    bool
	visit   leaf
	parents []string
	parts   int
	broken  error // why not all parts of a multipart could be read
}

var (
	errStop    = errors.New("seen enough")
	errTooMuch = errors.New("a MIME structure of too many parts or too deep")
)

// entity walks what has these fields in its header.
func (w *walker) entity(fields []Field, body io.Reader) error {
	var header message.Header
	for _, name := range []string{"Content-Transfer-Encoding", "Content-Type"} {
		if values := valuesOf(fields, name); len(values) > 0 {
			header.Set(name, values[0])
		}
	}
	e, _ := message.New(header, body) // which can be read also where its encoding is unknown
	return w.walk(e)
}

func (w *walker) walk(e *message.Entity) error {
	if w.parts++; w.parts > maxParts || len(w.parents) > maxDepth {
		return errTooMuch
	}
	kind, _, err := e.Header.ContentType()
	if err != nil || kind == "" {
		kind = "text/plain" // RFC 2045 5.2
	}
	kind = strings.ToLower(kind)
	multi := e.MultipartReader()
	if multi == nil {
		return w.leaf(kind, e.Body)
	}
	w.parents = append(w.parents, kind)
	defer func() { w.parents = w.parents[:len(w.parents)-1] }()
	for {
		part, err := multi.NextPart()
		if part == nil {
			if !errors.Is(err, io.EOF) {
				w.broken = err
			}
			return nil // what there was has been seen
		}
		if err := w.walk(part); err != nil {
			return err
		}
	}
}

// leaf visits a part, or what is in it.
func (w *walker) leaf(kind string, body io.Reader) error {
	content, _ := io.ReadAll(body) // up to where its encoding is broken
	if w.into && (kind == "message/rfc822" || kind == "message/global") {
		fields, n := parseFields(content, maxFields)
		w.parents = append(w.parents, kind)
		defer func() { w.parents = w.parents[:len(w.parents)-1] }()
		if !w.visit("text/rfc822-headers", w.parents, decodedHeader(fields)) {
			return errStop
		}
		return w.entity(fields, bytes.NewReader(bytes.TrimPrefix(bytes.TrimPrefix(content[n:], []byte("\r")), []byte("\n"))))
	}
	if !w.visit(kind, w.parents, content) {
		return errStop
	}
	return nil
}

// decodedHeader is fields as text.
func decodedHeader(fields []Field) []byte {
	var text []byte
	for _, f := range fields {
		text = append(text, f.Name+": "+decoded(f.Value)+"\n"...)
	}
	return text
}
