package imap

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	mostText     = 1 << 20 // of an answer, message texts aside, in bytes
	mostLiterals = 16      // of one response
)

var (
	errFlood   = errors.New("the server sent more than an answer to this can be long")
	errLiteral = errors.New("the server sent more of a message than it was asked for")
)

// refusal is a NO or BAD (RFC 3501 7.1), as it was sent, without the tag.
type refusal struct{ text string }

func (e *refusal) Error() string { return e.text }

// garbage is what has no place in the protocol.
type garbage struct{ text string }

func (e *garbage) Error() string { return fmt.Sprintf("%.200q", e.text) }

// response is one of the server's (RFC 3501 7), without the line end. In text each literal is a NUL, which can be nowhere else.
type response struct {
	text     string
	literals [][]byte
}

// wire is the connection and the protocol on it: what is read is bounded, whatever the server says. It belongs to one
// goroutine, but for cut.
type wire struct {
	conn net.Conn // TLS where that is on
	in   *bufio.Reader
	tags int

	text    int // how much may still be read
	literal int // of message texts
	count   int // messages in the folder
	heard   int // how often the server told their number
	bye     string

	mu     sync.Mutex
	reason error // why it was cut
}

func newWire(conn net.Conn) *wire { return &wire{conn: conn, in: bufio.NewReader(conn)} }

// begin gives the next commands their time, and their answers a size.
func (w *wire) begin(limit time.Duration, literal int) {
	w.text, w.literal = mostText, literal
	w.conn.SetDeadline(time.Now().Add(limit))
}

// cut ends the connection at once, for that reason.
func (w *wire) cut(why error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.reason == nil {
		w.reason = why
	}
	w.close()
}

// close ends the connection without a word: TLS would say goodbye, and wait for whoever writes.
func (w *wire) close() {
	if under, ok := w.conn.(interface{ NetConn() net.Conn }); ok {
		under.NetConn().Close()
		return
	}
	w.conn.Close()
}

// line reads up to LF.
func (w *wire) line() ([]byte, error) {
	var line []byte
	for {
		part, err := w.in.ReadSlice('\n')
		if w.text -= len(part); w.text < 0 {
			return nil, errFlood
		}
		line = append(line, part...)
		if err == nil {
			break
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
	}
	line = bytes.TrimSuffix(line[:len(line)-1], []byte("\r"))
	if bytes.IndexByte(line, 0) >= 0 {
		return nil, &garbage{string(line)}
	}
	return line, nil
}

// read reads one response. Only those of FETCH have literals, as no other that can be asked for here has.
func (w *wire) read() (r response, err error) {
	for {
		part, err := w.line()
		if err != nil {
			return r, err
		}
		r.text += string(part)
		at, n, ok := literalAt(r.text)
		if !ok || !r.isFetch() {
			return r, nil
		}
		if n > int64(w.literal) || len(r.literals) == mostLiterals {
			return r, errLiteral
		}
		w.literal -= int(n)
		body, err := io.ReadAll(io.LimitReader(w.in, n))
		if err == nil && int64(len(body)) < n {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return r, err
		}
		r.text = r.text[:at] + "\x00"
		r.literals = append(r.literals, body)
	}
}

// literalAt finds {n} at the end of a line (RFC 3501 4.3).
func literalAt(line string) (at int, n int64, ok bool) {
	if !strings.HasSuffix(line, "}") {
		return 0, 0, false
	}
	at = strings.LastIndexByte(line, '{')
	if at < 0 {
		return 0, 0, false
	}
	digits := line[at+1 : len(line)-1]
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, 0, false
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil { // more than there are
		n = 1<<63 - 1
	}
	return at, n, true
}

// word takes the next word off a text.
func word(text string) (first, rest string) {
	first, rest, _ = strings.Cut(text, " ")
	return strings.ToUpper(first), rest
}

// numbered is a response such as "* 23 EXISTS": name is "" for others.
func (r response) numbered() (n uint32, name, rest string) {
	text, ok := strings.CutPrefix(r.text, "* ")
	number, text := word(text)
	v, err := strconv.ParseUint(number, 10, 32)
	if !ok || err != nil {
		return 0, "", ""
	}
	name, rest = word(text)
	return uint32(v), name, rest
}

func (r response) isFetch() bool {
	_, name, _ := r.numbered()
	return name == "FETCH"
}

// named is what stands behind "* NAME".
func (r response) named(name string) (rest string, ok bool) {
	text, ok := strings.CutPrefix(r.text, "* ")
	first, rest := word(text)
	return rest, ok && first == name
}

// ask sends a command and reads up to its end. Its parts are sent one after the other, each when the server asks for it. The error is a
// *refusal for a NO or BAD.
func (w *wire) ask(each func(response) error, parts ...string) error {
	w.tags++
	tag := fmt.Sprintf("a%d", w.tags)
	parts[0] = tag + " " + parts[0]
	for next := 0; ; {
		if _, err := io.WriteString(w.conn, parts[next]+"\r\n"); err != nil {
			return w.farewell(err)
		}
		next++
		for {
			r, err := w.read()
			if err != nil {
				return err
			}
			if strings.HasPrefix(r.text, "+") && next < len(parts) {
				break
			}
			if rest, ok := strings.CutPrefix(r.text, tag+" "); ok {
				return status(rest)
			}
			if err := w.untagged(r); err != nil {
				return err
			}
			if each != nil {
				if err := each(r); err != nil {
					return err
				}
			}
		}
	}
}

// farewell looks for the BYE of a server that takes nothing any more.
func (w *wire) farewell(err error) error {
	for w.bye == "" {
		r, e := w.read()
		if e != nil || w.untagged(r) != nil {
			break
		}
	}
	return err
}

// status is what a tagged response says.
func status(text string) error {
	switch first, _ := word(text); first {
	case "OK":
		return nil
	case "NO", "BAD":
		return &refusal{text}
	}
	return &garbage{text}
}

// untagged takes in what may come at any time (RFC 3501 7).
func (w *wire) untagged(r response) error {
	if !strings.HasPrefix(r.text, "* ") {
		return &garbage{r.text}
	}
	if text, ok := r.named("BYE"); ok {
		w.bye = text
	}
	switch n, name, _ := r.numbered(); name {
	case "EXISTS":
		w.count = int(n)
		w.heard++
	case "EXPUNGE":
		w.count--
	}
	return nil
}
