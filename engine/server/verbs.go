package server

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Limits of what a session reads, in bytes.
const (
	maxLine = 64 << 10
	maxData = 64 << 20
)

// Raw writes the bytes as they are, in one segment.
func (s *Session) Raw(data string) error {
	return s.Segments(len(data), 0, data)
}

// Reply writes each line with CRLF after it, all in one segment. The lines say
// everything themselves: "250-first", "250 last".
func (s *Session) Reply(lines ...string) error {
	if s.err != nil {
		return s.err
	}
	s.replied(lines)
	return s.flush()
}

// held is Reply for a server that obeys commands one after the other: where the
// next one has come already, its reply may go in the same segment (RFC 2920
// section 3.2). Nothing is held while the server waits.
func (s *Session) held(lines []string) {
	if s.err != nil {
		return
	}
	s.replied(lines)
	ready, _ := s.in.Peek(s.in.Buffered())
	if len(s.out) > mostHeld || bytes.IndexByte(ready, '\n') < 0 {
		_ = s.flush() // the session keeps the error
	}
}

// mostHeld is how many bytes of replies are held at most.
const mostHeld = 32 << 10

// replied records lines and makes them ready to be written.
func (s *Session) replied(lines []string) {
	at := len(s.out)
	for _, line := range lines {
		begin := len(s.out)
		s.out = append(append(s.out, line...), "\r\n"...)
		s.means(s.out[begin:])
		s.log(FromServer, s.out[begin:])
	}
	s.tape.said(s.out[at:])
}

// flush writes what was made ready.
func (s *Session) flush() error {
	if len(s.out) == 0 || s.err != nil {
		return s.err
	}
	data := s.out
	s.out = s.out[:0]
	defer s.wait()()
	if _, err := s.conn.Write(data); err != nil {
		return s.fail(fmt.Errorf("write: %w", s.why(err)))
	}
	return nil
}

// Segments writes data in pieces of size bytes, with a pause between them. Over
// TCP each is a segment of its own, but a client that reads late may find
// several at once: only a pause, or a net.Pipe, keeps them apart. A size of 0
// or less is all in one.
func (s *Session) Segments(size int, pause time.Duration, data string) error {
	if s.err != nil || data == "" {
		return s.err
	}
	s.sent(data)
	if size <= 0 {
		size = len(data)
	}
	for {
		n := min(size, len(data))
		if err := s.write(data[:n]); err != nil {
			return err
		}
		if data = data[n:]; data == "" {
			return nil
		}
		if err := s.Pause(pause); err != nil {
			return err
		}
	}
}

// Endless writes unit again and again, with a pause between, until the client
// goes away, and ends the session. It fails when the session's time is up or
// the server is closed before. The unit is recorded once.
func (s *Session) Endless(unit string, pause time.Duration) error {
	if s.err != nil {
		return s.err
	}
	if unit == "" {
		return s.fail(errors.New("endless: nothing to write"))
	}
	s.sent(unit)
	if pause <= 0 {
		// Single lines would make the client's patience, not its limits, the test.
		unit = strings.Repeat(unit, max(1, 4096/len(unit)))
	}
	for {
		if err := s.write(unit); err != nil {
			if gone(err) {
				s.err = ErrOver
				return nil
			}
			return err
		}
		if err := s.Pause(pause); err != nil {
			return err
		}
	}
}

// write writes without recording.
func (s *Session) write(data string) error {
	s.out = append(s.out, data...)
	return s.flush() // even an empty write to a net.Pipe would wait for a reader
}

// sent records what is about to be written, and what it means to the client.
func (s *Session) sent(data string) {
	s.means([]byte(data))
	s.log(FromServer, []byte(data))
	s.tape.said([]byte(data))
}

// means keeps what bytes about to be written mean to the client.
func (s *Session) means(data []byte) {
	if !s.within {
		s.code = data[0]
		if replying := s.replying; replying != nil {
			s.replying = nil
			replying(s.code)
		}
	}
	s.within = data[len(data)-1] != '\n'
	if s.given != nil {
		s.given = append(s.given, data[:min(len(data), mostReply-len(s.given))]...)
	}
}

// log keeps a piece of the conversation for the server's Log.
func (s *Session) log(from Side, data []byte) {
	if s.server.Unlogged {
		return
	}
	_, encrypted := s.conn.(*tls.Conn)
	s.server.record(s.index, from, string(data), encrypted)
}

// heard records what came from the client: a line, or octets.
func (s *Session) heard(data []byte) {
	s.log(FromClient, data)
	s.tape.heard(data)
}

// ReadLine reads one line and returns it without its line end, CRLF or bare LF.
// Log has it with that. It fails at the end of the connection, where a piece of
// a line is recorded first, and with ErrTooLong beyond 64 KiB.
func (s *Session) ReadLine() (string, error) {
	if s.err != nil {
		return "", s.err
	}
	raw, err := s.readLine()
	if err != nil {
		return "", s.fail(fmt.Errorf("read: %w", err))
	}
	return cutLineEnd(raw), nil
}

// Expect reads one line that must begin with prefix, ignoring case, and returns
// it. Any other line fails with ErrMismatch.
func (s *Session) Expect(prefix string) (string, error) {
	if s.err != nil {
		return "", s.err
	}
	raw, err := s.readLine()
	if err != nil {
		return "", s.fail(fmt.Errorf("expect %q: %w", prefix, err))
	}
	line := cutLineEnd(raw)
	if !foldPrefix(line, prefix) {
		return "", s.fail(fmt.Errorf("expect %q: %w %q", prefix, ErrMismatch, line))
	}
	return line, nil
}

// ReadData reads a message up to its end and returns it without the final dot
// and without dot-stuffing, its line ends as they came. Only CRLF "." CRLF ends
// it (RFC 5321 section 4.1.1.4): a dot beside a bare LF is message text. It
// fails with ErrTooLong beyond 64 MiB.
func (s *Session) ReadData() (string, error) {
	if s.err != nil {
		return "", s.err
	}
	s.tape.textBegins()
	defer s.tape.textEnds()
	var message strings.Builder
	message.Grow(2048)
	whole := true // the line before ended in CRLF
	for {
		raw, err := s.readSlice()
		if err != nil {
			return "", s.fail(fmt.Errorf("read data: %w", err))
		}
		if whole && string(raw) == loneDot {
			return message.String(), nil
		}
		if whole {
			raw = bytes.TrimPrefix(raw, []byte("."))
		}
		whole = bytes.HasSuffix(raw, []byte("\r\n"))
		message.Write(raw)
		if message.Len() > maxData {
			return "", s.fail(fmt.Errorf("read data: %w", ErrTooLong))
		}
	}
}

// ReadBytes reads exactly n octets, as BDAT announces them (RFC 3030). It fails
// with ErrTooLong beyond 64 MiB.
func (s *Session) ReadBytes(n int) (string, error) {
	if s.err != nil {
		return "", s.err
	}
	if n < 0 || n > maxData {
		return "", s.fail(fmt.Errorf("read %d bytes: %w", n, ErrTooLong))
	}
	// What is announced need not come: there is room for what did.
	var chunk bytes.Buffer
	chunk.Grow(min(n, readSize))
	_, err := io.CopyN(&chunk, s.in, int64(n))
	if chunk.Len() > 0 {
		s.log(FromClient, chunk.Bytes())
		s.tape.octets(chunk.Bytes())
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
	}
	if err != nil {
		return "", s.fail(fmt.Errorf("read %d bytes: %w", n, s.why(err)))
	}
	return chunk.String(), nil
}

// Buffered returns what has been received but not read, without waiting for
// more. Before StartTLS it is what a client slipped in after the command.
func (s *Session) Buffered() string {
	data, _ := s.in.Peek(s.in.Buffered())
	return string(data)
}

// Unread puts data in front of what is read next. A server that does so with
// what was Buffered before StartTLS has the fault of CVE-2011-0411.
func (s *Session) Unread(data string) {
	s.in = bufio.NewReaderSize(io.MultiReader(strings.NewReader(data), s.in), max(readSize, len(data)))
}

// readLine is readSlice for those who keep the line.
func (s *Session) readLine() (string, error) {
	raw, err := s.readSlice()
	return string(raw), err
}

// readSlice reads and records one line with its end, and does not keep the error,
// with which it returns what there was of a line. The line is good until the
// next is read.
func (s *Session) readSlice() ([]byte, error) {
	line, err := s.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		line, err = s.readOn(line)
	}
	if len(line) > 0 {
		s.heard(line)
	}
	if err == nil || err == ErrTooLong {
		return line, err
	}
	return line, s.why(err)
}

// readOn reads the rest of a line that is longer than the buffer.
func (s *Session) readOn(begun []byte) ([]byte, error) {
	line := bytes.Clone(begun)
	for {
		part, err := s.in.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > max(maxLine, s.longest) {
			return line, ErrTooLong
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// readWithin reads and records what has come of a line, at most n bytes; it waits
// for one byte, and does not keep the error.
func (s *Session) readWithin(n int) ([]byte, error) {
	if _, err := s.in.Peek(1); err != nil {
		return nil, s.why(err)
	}
	ready, _ := s.in.Peek(min(n, s.in.Buffered()))
	if i := bytes.IndexByte(ready, '\n'); i >= 0 {
		ready = ready[:i+1]
	}
	data := bytes.Clone(ready)
	s.in.Discard(len(data))
	s.heard(data)
	return data, nil
}

func cutLineEnd(raw string) string {
	return strings.TrimSuffix(strings.TrimSuffix(raw, "\n"), "\r")
}
