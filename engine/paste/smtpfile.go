package paste

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"smtplay/engine/transcript"
)

// transcriptWord begins the first line of every .smtp file, of whatever version.
const transcriptWord = "smtplay transcript"

// transcriptReader reads .smtp files, also several that were joined, a
// conversation at a time.
type transcriptReader struct {
	in    *bufio.Reader
	yield func(*Session, error) bool

	no      int
	session bytes.Buffer // the lines of the one under way, with a header
	began   int          // its first line
	talks   bool         // it has a connect, or more than notes
	others  map[string]bool
	found   int
}

func readTranscript(in *bufio.Reader, yield func(*Session, error) bool) {
	r := &transcriptReader{in: in, yield: yield, others: map[string]bool{}}
	if err := r.read(); err != nil && !errors.Is(err, errStopped) {
		yield(nil, err)
	}
}

// errStopped: nobody wants more.
var errStopped = errors.New("stopped")

func (r *transcriptReader) read() error {
	for {
		line, err := r.in.ReadSlice('\n')
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
			return &Error{Line: r.no, Msg: "the transcript could not be read to its end", Err: err}
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			return &Error{Line: r.no + 1, Msg: "the transcript is damaged: a line has more than a megabyte"}
		}
		if len(line) > 0 {
			r.no++
			if r.no == 1 {
				line = bytes.TrimPrefix(line, byteOrderMark)
			}
			if err != nil {
				return &Error{Line: r.no, Msg: fmt.Sprintf("the transcript is cut off: its last line has no end: %.60q", line)}
			}
			if err := r.line(line); err != nil {
				return err
			}
		}
		if err != nil {
			break
		}
	}
	if err := r.finish(); err != nil {
		return err
	}
	if r.found == 0 {
		return &Error{Line: r.no, Msg: "the transcript is cut off: there is no conversation in it"}
	}
	return nil
}

// line reads one line: a header, the begin of a conversation, or what is said.
func (r *transcriptReader) line(line []byte) error {
	if bytes.HasPrefix(line, []byte(transcriptWord)) {
		if err := r.header(line); err != nil {
			return err
		}
		return r.finish()
	}
	kind, _, _ := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(" "))
	word := ""
	if fields := bytes.Fields(line); len(fields) > 1 && line[0] == '*' {
		word = string(fields[1])
	}
	if string(kind) == "*" && (word == "connect" || word == "accept") && len(r.others) == 0 && r.talks {
		if err := r.finish(); err != nil {
			return err
		}
	}
	r.talks = r.talks || word != "note" && word != "step"
	if conn := string(kind); conn != "*" && line[0] == '*' {
		if word == "close" {
			delete(r.others, conn)
		} else if (word == "connect" || word == "accept") && len(r.others) < maxKeyed {
			r.others[conn] = true
		}
	}
	if r.session.Len() == 0 {
		r.began = r.no
		r.session.WriteString(transcript.Header + "\n")
	}
	r.session.Write(line)
	if r.session.Len() > maxTranscript {
		return &Error{Line: r.began, Msg: fmt.Sprintf("the conversation that begins here has more than %d MiB", maxTranscript>>20)}
	}
	return nil
}

// maxTranscript bounds one conversation of a .smtp file, in bytes.
const maxTranscript = 64 << 20

func (r *transcriptReader) header(line []byte) error {
	header := strings.TrimRight(string(line), "\r\n")
	switch {
	case header+"\n" == string(line) && header == transcript.Header:
		return nil
	case header == transcript.Header:
		return &Error{Line: r.no, Msg: "the transcript is damaged: its lines end in CRLF", Hint: "dos2unix mends it; git may have done this: see core.autocrlf"}
	}
	version := strings.TrimSpace(strings.TrimPrefix(header, transcriptWord))
	return &Error{Line: r.no, Msg: fmt.Sprintf("the transcript is of version %.20q, and this smtplay reads version 1", version),
		Hint: "a newer smtplay wrote it, and reads it"}
}

// finish gives out the conversation under way.
func (r *transcriptReader) finish() error {
	if r.session.Len() == 0 {
		return nil
	}
	events, err := transcript.Decode(r.session.Bytes())
	r.session.Reset()
	clear(r.others)
	r.talks = false
	if err != nil {
		var bad *transcript.SyntaxError
		if errors.As(err, &bad) {
			return &Error{Line: r.began + bad.Line - 2, Msg: "the transcript is damaged: " + bad.Msg}
		}
		return &Error{Line: r.began, Msg: "the transcript is damaged", Err: err}
	}
	r.found++
	s := &Session{Line: r.began, Events: events, Name: fmt.Sprintf("line %d: %s", r.began, summary(events))}
	if !r.yield(s, nil) {
		return errStopped
	}
	return nil
}

// remarkForm are the lines of a transcript that are neither side's.
var remarkForm = lazily(`^\*(\d*) (connect|accept|tls|note|close|step)(?: (.+))?$`)

// transcriptSays reads what a transcript says of itself where it was pasted into
// a ticket, without its first line.
func (c *conversation) transcriptSays(said []byte) (v verdict, ok bool) {
	m := remarkForm.FindSubmatch(said)
	if m == nil || len(m[1]) > 0 || c.tool != unknownTool {
		return taken, false
	}
	words := string(m[3])
	switch string(m[2]) {
	case "connect":
		_, address, _ := strings.Cut(words, " ")
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			host = address
		}
		return c.reach(peer{host: host, port: port}), true
	case "accept": // from where the client came; what it reached is not told
	case "tls":
		c.tls = tlsFacts{version: words}
		c.tlsDue = !c.encrypted
	case "close":
		c.hangUp(words)
	case "note":
		c.note("%s", words)
	case "step":
		c.insert(len(c.entries), transcript.Step, m[3], c.no)
	}
	return taken, true
}
