package paste

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"

	"smtplay/engine/transcript"
)

// Session is one conversation that was found.
type Session struct {
	Name     string             // where it stands, and what comes of it: unlike any other of the text
	Line     int                // where it begins, from 1
	Events   []transcript.Event // as transcript.Decode returns them
	Unplaced []Remark           // of the lines in it, and of those since the one before

	hidden []secret
}

// Remark tells of lines that are in no conversation.
type Remark struct {
	Line, Last int    // the first and the last, from 1
	Text       string // what the first of them says, shortened, secrets masked
	Why        string
}

// String is the remark as a warning has it.
func (r Remark) String() string {
	where := lines(r.Line, r.Last)
	if r.Text == "" {
		return where + ": " + r.Why
	}
	return fmt.Sprintf("%s: %s: %q", where, r.Why, r.Text)
}

func lines(first, last int) string {
	if last > first {
		return fmt.Sprintf("lines %d to %d", first, last)
	}
	return fmt.Sprintf("line %d", first)
}

// Error is why a text cannot be read, or why nothing was found in it.
type Error struct {
	Line int // from 1; 0 where the whole is meant
	Msg  string
	Hint string // what to do about it, where that is known
	Err  error
}

func (e *Error) Error() string {
	msg := e.Msg
	if e.Err != nil {
		msg += ": " + e.Err.Error()
	}
	if e.Line > 0 {
		return fmt.Sprintf("line %d: %s", e.Line, msg)
	}
	return msg
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Bounds on what a text may cost. Nobody writes by hand what comes near.
const (
	maxLine    = 1 << 20  // bytes of a line; a longer one is no part of a conversation
	maxSession = 4 << 20  // of a conversation; there it is cut
	maxOpen    = 64 << 20 // of all the conversations of a log that are under way
	maxKeyed   = 4096     // how many those are
	lineCost   = 128      // of a line beside its bytes
)

// Sessions are the conversations in a text, in the order in which they end. An
// error is of type *Error; it is the last to come, and what came before it holds.
// A text without a conversation is an error.
func Sessions(r io.Reader) iter.Seq2[*Session, error] {
	return func(yield func(*Session, error) bool) {
		in := bufio.NewReaderSize(r, maxLine)
		start, err := in.Peek(4096)
		if len(start) == 0 && err != nil && !errors.Is(err, io.EOF) {
			yield(nil, &Error{Msg: "it could not be read", Err: err})
			return
		}
		if err := unreadable(start); err != nil {
			yield(nil, err)
			return
		}
		if bytes.HasPrefix(bytes.TrimPrefix(start, byteOrderMark), []byte(transcriptWord)) {
			readTranscript(in, yield)
			return
		}
		p := &parser{yield: yield, open: map[string]*conversation{}}
		p.current = p.fresh()
		if err := p.read(in); err != nil && !p.stopped {
			yield(nil, err)
		}
	}
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// foreign are kinds of files that are no text, by their first bytes.
var foreign = []struct{ magic, what, hint string }{
	{"\xff\xfe", "this is UTF-16, not plain text", "save it as UTF-8"},
	{"\xfe\xff", "this is UTF-16, not plain text", "save it as UTF-8"},
	{"\x1f\x8b", "this is compressed", "zcat FILE | smtplay import"},
	{"\xfd7zXZ", "this is compressed", "xzcat FILE | smtplay import"},
	{"\x28\xb5\x2f\xfd", "this is compressed", "zstdcat FILE | smtplay import"},
	{"\xd4\xc3\xb2\xa1", "this is a capture of packets", "follow the TCP stream in Wireshark, and save that as ASCII"},
	{"\x0a\x0d\x0d\x0a", "this is a capture of packets", "follow the TCP stream in Wireshark, and save that as ASCII"},
}

// unreadable says why a text that starts like this is none.
func unreadable(start []byte) error {
	for _, known := range foreign {
		if bytes.HasPrefix(start, []byte(known.magic)) {
			return &Error{Line: 1, Msg: known.what, Hint: known.hint}
		}
	}
	if i := bytes.IndexByte(start, 0); i >= 0 {
		return &Error{Line: 1 + bytes.Count(start[:i], []byte("\n")), Msg: "this is binary, not text: it holds a NUL byte"}
	}
	return nil
}
