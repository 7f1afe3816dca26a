package message

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"mime"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-message"
)

// Encoding is how a body is written (RFC 2045 section 6).
type Encoding uint8

const (
	Automatic       Encoding = iota // 7bit where the text allows, else quoted-printable; of an attachment base64
	SevenBit                        // ASCII, lines of 998 bytes at most
	EightBit                        // any text, lines of 998 bytes at most: for BODY=8BITMIME
	Binary                          // bytes as they are: for BODY=BINARYMIME and BDAT
	QuotedPrintable                 // lines of 76 bytes at most
	Base64                          // lines of 76 bytes at most
)

var encodingWords = []string{"", "7bit", "8bit", "binary", "quoted-printable", "base64"}

// String is the encoding as Content-Transfer-Encoding names it.
func (e Encoding) String() string { return encodingWords[e] }

// Encodings are the names of all encodings.
func Encodings() []string { return encodingWords[1:] }

// EncodingNamed is the encoding of that name, ignoring case; ok is false where
// there is none.
func EncodingNamed(name string) (e Encoding, ok bool) {
	for i, word := range encodingWords[1:] {
		if strings.EqualFold(word, name) {
			return Encoding(i + 1), true
		}
	}
	return 0, false
}

// longestLine is what RFC 5322 2.1.1 allows, without the CRLF.
const longestLine = 998

// settle checks that content can be written so, and chooses where that was left open.
func (e Encoding) settle(content []byte) (Encoding, error) {
	long, alone, nul := 0, false, bytes.IndexByte(content, 0) >= 0
	for rest := content; len(rest) > 0; {
		line, after, _ := bytes.Cut(rest, []byte("\r\n"))
		long, alone, rest = max(long, len(line)), alone || bytes.ContainsAny(line, "\r\n"), after
	}
	ascii := isASCII(content)
	if e == Automatic {
		if e = SevenBit; !ascii || nul || long > longestLine {
			e = QuotedPrintable
		}
	}
	switch {
	case e == Binary || e == Base64:
		return e, nil
	case alone:
		return e, fmt.Errorf("%v is impossible: it holds a CR or LF alone", e)
	case e == QuotedPrintable:
		return e, nil
	case e == SevenBit && !ascii:
		return e, errors.New("7bit is impossible: it is not all ASCII")
	case nul:
		return e, fmt.Errorf("%v is impossible: it holds a NUL", e)
	case long > longestLine:
		return e, fmt.Errorf("%v is impossible: a line has %d bytes, and %d are allowed", e, long, longestLine)
	}
	return e, nil
}

func isASCII[T string | []byte](s T) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// entity is a MIME entity: a leaf with its content, or what holds others.
type entity struct {
	kind        string // the Content-Type
	disposition string // the Content-Disposition, "" for none
	encoding    Encoding
	content     []byte
	parts       []*entity
}

// body is the MIME structure: the text, the HTML or both, and what hangs on.
func (m *Message) body(text []byte) (*entity, error) {
	var alternatives []*entity
	if len(text) > 0 || m.HTML == "" || m.Size > 0 { // which is reached by text
		e, err := written("text/plain", m.Body, text)
		if err != nil {
			return nil, fmt.Errorf("the text: %w", err)
		}
		alternatives = append(alternatives, e)
	}
	if m.HTML != "" {
		e, err := written("text/html", m.Body, crlf(m.HTML))
		if err != nil {
			return nil, fmt.Errorf("the HTML: %w", err)
		}
		alternatives = append(alternatives, e)
	}
	body := alternatives[0]
	if len(alternatives) > 1 { // RFC 2046 5.1.4: the plainest first
		body = &entity{kind: "multipart/alternative", parts: alternatives}
	}
	attached := m.Attach
	if m.Sample == EICAR {
		attached = append(attached[:len(attached):len(attached)], Part{Name: "eicar.com", Content: []byte(m.Sample.content())})
	}
	if len(attached) > 0 {
		body = &entity{kind: "multipart/mixed", parts: []*entity{body}}
		for i := range attached {
			e, err := attached[i].entity()
			if err != nil {
				return nil, err
			}
			body.parts = append(body.parts, e)
		}
	}
	return body, body.separate()
}

// written is a leaf of text.
func written(kind string, encoding Encoding, text []byte) (*entity, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("it is not in UTF-8")
	}
	encoding, err := encoding.settle(text)
	charset := "us-ascii"
	if !isASCII(text) {
		charset = "utf-8"
	}
	return &entity{kind: kind + "; charset=" + charset, encoding: encoding, content: text}, err
}

// types are those of names that attachments often have. The machine's own table
// would make other messages elsewhere.
var types = map[string]string{".pdf": "application/pdf", ".zip": "application/zip", ".json": "application/json",
	".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif"}

func (p *Part) entity() (*entity, error) {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("the attachment %q: %w", p.Name, fmt.Errorf(format, args...))
	}
	if len(p.Type) > longestLine || len(p.Name) > longestLine {
		return nil, fmt.Errorf("an attachment's name and type have at most %d bytes", longestLine)
	}
	kind, params, err := mime.ParseMediaType(cmp.Or(p.Type, types[strings.ToLower(path.Ext(p.Name))], "application/octet-stream"))
	if err != nil || !strings.Contains(kind, "/") {
		return nil, wrong("%q is no media type, as in application/pdf", p.Type)
	}
	if strings.HasPrefix(kind, "multipart/") {
		return nil, wrong("%s is made of parts, and an attachment is one", kind)
	}
	if !utf8.ValidString(p.Name) || strings.ContainsAny(p.Name, "\r\n\x00") {
		return nil, wrong("its name holds a line end or NUL, or is not in UTF-8")
	}
	encoding := p.Encoding
	if encoding == Automatic {
		encoding = Base64
		if strings.HasPrefix(kind, "message/") { // RFC 2046 5.2.1 allows no other
			encoding = EightBit
			if isASCII(p.Content) {
				encoding = SevenBit
			}
		}
	}
	if encoding, err = encoding.settle(p.Content); err != nil {
		return nil, wrong("%w", err)
	}
	e := &entity{kind: mime.FormatMediaType(kind, params), disposition: "attachment", encoding: encoding, content: p.Content}
	if p.Name != "" { // RFC 2183 2.3, outside ASCII by RFC 2231
		e.disposition = mime.FormatMediaType("attachment", map[string]string{"filename": p.Name})
	}
	return e, nil
}

// maxBoundaries bounds how many are tried: each is looked for in all parts.
const maxBoundaries = 20

// separate gives every multipart a boundary that stands in none of its parts:
// the same in every run, so that transcripts can be compared.
func (e *entity) separate() error {
	if len(e.parts) == 0 {
		return nil
	}
	for _, part := range e.parts {
		if err := part.separate(); err != nil {
			return err
		}
	}
	for n := 1; n <= maxBoundaries; n++ {
		// "=_" stands in no quoted-printable and no base64 (RFC 2045 6.7).
		if boundary := fmt.Sprintf("=_smtplay-%d", n); !e.holds(boundary) {
			e.kind += fmt.Sprintf("; boundary=%q", boundary)
			return nil
		}
	}
	return errors.New("the parts hold every boundary that could stand between them")
}

func (e *entity) holds(boundary string) bool {
	if bytes.Contains(e.content, []byte("--"+boundary)) || strings.Contains(e.kind, boundary) {
		return true
	}
	for _, part := range e.parts {
		if part.holds(boundary) {
			return true
		}
	}
	return false
}

// write writes the entity with these fields above its own.
func (e *entity) write(out io.Writer, fields []Field) error {
	header, err := headerOf(append(fields, e.fields()...))
	if err != nil {
		return err
	}
	w, err := message.CreateWriter(out, header)
	if err != nil {
		return fmt.Errorf("making the message: %w", err)
	}
	return e.fillIn(w)
}

func (e *entity) fillIn(w *message.Writer) error {
	if len(e.parts) == 0 {
		if _, err := w.Write(e.content); err != nil {
			return fmt.Errorf("making the message: %w", err)
		}
	}
	for _, part := range e.parts {
		header, err := headerOf(part.fields())
		if err != nil {
			return err
		}
		inner, err := w.CreatePart(header)
		if err != nil {
			return fmt.Errorf("making the message: %w", err)
		}
		if err := part.fillIn(inner); err != nil {
			return err
		}
	}
	return w.Close()
}

// fields are those that describe the entity.
func (e *entity) fields() []Field {
	fields := []Field{{"Content-Type", e.kind}}
	if len(e.parts) == 0 {
		fields = append(fields, Field{"Content-Transfer-Encoding", e.encoding.String()})
	}
	if e.disposition != "" {
		fields = append(fields, Field{"Content-Disposition", e.disposition})
	}
	return fields
}
