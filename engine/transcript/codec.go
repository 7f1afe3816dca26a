package transcript

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Header is the first line of a .smtp file.
const Header = "smtplay transcript 1"

// AppendEvent appends e as the lines of a .smtp file, one for each line on the
// wire.
func AppendEvent(dst []byte, e Event) []byte {
	spans := e.Spans
	if e.Kind != Server && e.Kind != Client {
		dst = append(dst, '*')
		dst = appendConn(dst, e.Conn)
		dst = append(append(dst, ' '), e.Kind.String()...)
		if len(e.Data) > 0 {
			dst = appendText(append(dst, ' '), e.Data, &spans, 0)
		}
		return append(dst, '\n')
	}
	for at := 0; at < len(e.Data); {
		end := len(e.Data)
		if i := bytes.IndexByte(e.Data[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		dst = appendConn(append(dst, e.Kind.String()...), e.Conn)
		dst = append(dst, ": "...)
		line := e.Data[at:end]
		switch {
		case bytes.HasSuffix(line, []byte("\r\n")):
			dst = appendText(dst, line[:len(line)-2], &spans, at)
		case bytes.HasSuffix(line, []byte("\n")):
			dst = append(appendText(dst, line[:len(line)-1], &spans, at), `\x0a`...)
		default:
			dst = append(appendText(dst, line, &spans, at), '\\')
		}
		dst = append(dst, '\n')
		at = end
	}
	return dst
}

// appendConn writes the number of every conversation but the first.
func appendConn(dst []byte, conn int) []byte {
	if conn > 1 {
		dst = strconv.AppendInt(dst, int64(conn), 10)
	}
	return dst
}

// appendText escapes text, which lies at offset at of the data that spans
// speak of: backslashes, what is not printable, and a bracket that would read
// as a mask but is none. It takes away the spans that it has passed.
func appendText(dst, text []byte, spans *[]Span, at int) []byte {
	for i := 0; i < len(text); {
		c := text[i]
		if c >= ' ' && c < 0x7f && c != '\\' && c != '[' {
			dst = append(dst, c)
			i++
			continue
		}
		if c == '[' {
			if n := maskAt(spans, text[i:], at+i); n > 0 {
				dst = append(dst, text[i:i+n]...)
				i += n
				continue
			}
		}
		r, n := utf8.DecodeRune(text[i:])
		switch {
		case c == '\\':
			dst = append(dst, `\\`...)
		case r == utf8.RuneError && n == 1, !unicode.IsPrint(r), c == '[' && maskWord().Match(text[i:]):
			for _, c := range text[i : i+n] {
				dst = append(dst, '\\', 'x', hexDigits[c>>4], hexDigits[c&0xf])
			}
		default:
			dst = append(dst, text[i:i+n]...)
		}
		i += n
	}
	return dst
}

const hexDigits = "0123456789abcdef"

// maskAt is the length of the mask that begins text, 0 for none. A span that
// does not hold its own mask is none: nothing goes out unescaped for its sake.
func maskAt(spans *[]Span, text []byte, at int) int {
	for len(*spans) > 0 && (*spans)[0].Start < at {
		*spans = (*spans)[1:]
	}
	if len(*spans) == 0 || (*spans)[0].Start != at {
		return 0
	}
	m := maskWord().Find(text)
	if len(m) == 0 || len(m) != (*spans)[0].End-at || string(m[1:len(m)-1]) != (*spans)[0].Mask {
		return 0
	}
	return len(m)
}

// Writer is a Recorder that writes a .smtp file as the conversation happens.
type Writer struct {
	w       io.Writer
	err     error
	started bool
	line    []byte
}

// NewWriter returns a Writer to w. The header goes out with the first event, or
// with Begin.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Begin writes the header, unless it is written already.
func (w *Writer) Begin() {
	if !w.started && w.err == nil {
		w.started = true
		_, w.err = io.WriteString(w.w, Header+"\n")
	}
}

// Record implements Recorder. Each event is one Write, so that a killed run
// leaves whole lines.
func (w *Writer) Record(e Event) {
	if w.err != nil {
		return
	}
	w.line = w.line[:0]
	if !w.started {
		w.line = append(append(w.line, Header...), '\n')
		w.started = true
	}
	w.line = AppendEvent(w.line, e)
	_, w.err = w.w.Write(w.line)
}

// Err is the first error that a Write met.
func (w *Writer) Err() error { return w.err }

// SyntaxError is a fault in a .smtp file.
type SyntaxError struct {
	File string // "" where it is not known
	Line int    // 1-based
	Msg  string
}

func (e *SyntaxError) Error() string {
	if e.File == "" {
		return fmt.Sprintf("line %d: %s", e.Line, e.Msg)
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Msg)
}

// Decode reads a .smtp file, strictly: what it accepts, AppendEvent writes
// again byte for byte. Every line becomes an event of its own. Faults are of
// type *SyntaxError.
func Decode(file []byte) ([]Event, error) {
	lines := bytes.SplitAfter(file, []byte("\n"))
	if string(lines[0]) != Header+"\n" {
		return nil, &SyntaxError{Line: 1, Msg: otherHeader(string(lines[0]))}
	}
	var events []Event
	for i, line := range lines[1:] {
		if len(line) == 0 {
			break
		}
		e, err := decodeLine(line)
		if err == nil {
			if again := AppendEvent(nil, e); !bytes.Equal(again, line) {
				err = fmt.Errorf("this would be written %q", strings.TrimSuffix(string(again), "\n"))
			}
		}
		if err != nil {
			return nil, &SyntaxError{Line: i + 2, Msg: err.Error()}
		}
		events = append(events, e)
	}
	return events, nil
}

var lineForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?s)^(?:([CS])([2-9]|[1-9][0-9]+)?: (.*)|\*([2-9]|[1-9][0-9]+)? (connect|accept|tls|note|close|step)(?: (.+))?)\n$`)
})

// otherHeader says what is wrong with a first line.
func otherHeader(line string) string {
	const name = "smtplay transcript "
	version := strings.TrimRight(strings.TrimPrefix(line, name), "\r\n")
	switch n, err := strconv.Atoi(version); {
	case strings.HasPrefix(line, name) && err == nil && n > 1:
		return fmt.Sprintf("this transcript is of version %d, and this smtplay reads version 1: a newer one is needed", n)
	case line == Header+"\r\n":
		return fmt.Sprintf("a transcript begins with the line %q, and its lines end in LF, not CRLF: git leaves them alone with the line \"*.smtp -text\" in .gitattributes", Header)
	}
	return fmt.Sprintf("a transcript begins with the line %q", Header)
}

func decodeLine(line []byte) (Event, error) {
	if !bytes.HasSuffix(line, []byte("\n")) {
		return Event{}, fmt.Errorf("the file is cut off here: a line ends in a line end: %.60q", line)
	}
	m := lineForm().FindSubmatch(line)
	if m == nil {
		return Event{}, fmt.Errorf(`a line begins with "C: ", "S: " or "* " and a word: %.60q`, line)
	}
	e := Event{Conn: 1}
	number, text := m[2], m[3]
	if len(m[1]) == 0 {
		number, text = m[4], m[6]
	}
	if len(number) > 0 {
		n, err := strconv.Atoi(string(number))
		if err != nil {
			return e, fmt.Errorf("conversation %s: %w", number, err)
		}
		e.Conn = n
	}
	switch {
	case string(m[1]) == "S":
		e.Kind = Server
	case string(m[1]) == "C":
		e.Kind = Client
	default:
		for kind, word := range kindWords {
			if word == string(m[5]) {
				e.Kind = kind
			}
		}
		return e, e.unescape(text)
	}
	return e, e.decodeWire(text)
}

// decodeWire reads the text of a C: or S: line with the line end it stands for.
func (e *Event) decodeWire(text []byte) error {
	if body, ok := bytes.CutSuffix(text, []byte(`\`)); ok && oddBackslashes(text) {
		return e.unescape(body)
	}
	if body, ok := bytes.CutSuffix(text, []byte(`\x0a`)); ok && oddBackslashes(text[:len(body)+1]) {
		if err := e.unescape(body); err != nil {
			return err
		}
		e.Data = append(e.Data, '\n')
		return nil
	}
	if err := e.unescape(text); err != nil {
		return err
	}
	e.Data = append(e.Data, "\r\n"...)
	return nil
}

// oddBackslashes: the last backslash of text is not itself escaped.
func oddBackslashes(text []byte) bool {
	return (len(text)-len(bytes.TrimRight(text, `\`)))%2 == 1
}

func (e *Event) unescape(text []byte) error {
	for i := 0; i < len(text); {
		c := text[i]
		if c == '[' {
			if m := maskWord().Find(text[i:]); m != nil {
				start := len(e.Data)
				e.Data = append(e.Data, m...)
				e.Spans = append(e.Spans, Span{Start: start, End: len(e.Data), Mask: string(m[1 : len(m)-1])})
				i += len(m)
				continue
			}
		}
		switch {
		case c != '\\':
			e.Data = append(e.Data, c)
			i++
		case i+1 < len(text) && text[i+1] == '\\':
			e.Data = append(e.Data, '\\')
			i += 2
		case i+3 < len(text) && text[i+1] == 'x' && isHex(text[i+2]) && isHex(text[i+3]):
			e.Data = append(e.Data, unhex(text[i+2])<<4|unhex(text[i+3]))
			i += 4
		default:
			return fmt.Errorf(`after a backslash comes a backslash or xNN: %.20q`, text[i:])
		}
	}
	return nil
}
