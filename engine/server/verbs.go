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
	for _, line := range lines {
		s.sent(line + "\r\n")
	}
	return s.write(joinLines(lines))
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
		if _, err := io.WriteString(s.conn, unit); err != nil {
			if err = s.why(err); gone(err) {
				s.err = ErrOver
				return nil
			}
			return s.fail(fmt.Errorf("endless: %w", err))
		}
		if err := s.Pause(pause); err != nil {
			return err
		}
	}
}

// write writes without recording.
func (s *Session) write(data string) error {
	if data == "" {
		return nil // even an empty write to a net.Pipe waits for a reader
	}
	if _, err := io.WriteString(s.conn, data); err != nil {
		return s.fail(fmt.Errorf("write: %w", s.why(err)))
	}
	return nil
}

// sent records what is about to be written, and what it means to the client.
func (s *Session) sent(data string) {
	if !s.within {
		s.code = data[0]
		if replying := s.replying; replying != nil {
			s.replying = nil
			replying(s.code)
		}
	}
	s.within = !strings.HasSuffix(data, "\n")
	s.note(FromServer, data)
}

func (s *Session) note(from Side, data string) {
	if s.server.Unlogged {
		return
	}
	_, encrypted := s.conn.(*tls.Conn)
	s.server.record(s.index, from, data, encrypted)
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
	var message strings.Builder
	whole := true // the line before ended in CRLF
	for {
		raw, err := s.readLine()
		if err != nil {
			return "", s.fail(fmt.Errorf("read data: %w", err))
		}
		if whole && raw == ".\r\n" {
			return message.String(), nil
		}
		if whole {
			raw = strings.TrimPrefix(raw, ".")
		}
		whole = strings.HasSuffix(raw, "\r\n")
		message.WriteString(raw)
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
	chunk := make([]byte, n)
	got, err := io.ReadFull(s.in, chunk)
	if got > 0 {
		s.note(FromClient, string(chunk[:got]))
	}
	if err != nil {
		return "", s.fail(fmt.Errorf("read %d bytes: %w", n, s.why(err)))
	}
	return string(chunk), nil
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
	s.in = bufio.NewReaderSize(io.MultiReader(strings.NewReader(data), s.in), max(4096, len(data)))
}

// readLine reads and records one line with its end, and does not keep the error,
// with which it returns what there was of a line.
func (s *Session) readLine() (string, error) {
	var line []byte
	for {
		part, err := s.in.ReadSlice('\n')
		line = append(line, part...)
		tooLong := len(line) > max(maxLine, s.longest)
		if errors.Is(err, bufio.ErrBufferFull) && !tooLong {
			continue
		}
		if len(line) > 0 {
			s.note(FromClient, string(line))
		}
		if tooLong {
			return "", ErrTooLong
		}
		if err != nil {
			return string(line), s.why(err)
		}
		return string(line), nil
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
	s.note(FromClient, string(data))
	return data, nil
}

func cutLineEnd(raw string) string {
	return strings.TrimSuffix(strings.TrimSuffix(raw, "\n"), "\r")
}

func joinLines(lines []string) string {
	var text strings.Builder
	for _, line := range lines {
		text.WriteString(line)
		text.WriteString("\r\n")
	}
	return text.String()
}
