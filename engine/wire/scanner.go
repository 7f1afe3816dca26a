package wire

import (
	"bytes"
	"fmt"
)

// Malformation is a way in which bytes fail to be a reply.
type Malformation uint8

const (
	BadCode      Malformation = iota + 1 // the line does not begin with [2-5][0-9][0-9]
	BadSeparator                         // after the code neither blank, "-" nor line end
	MixedCodes                           // a line with another code than the first (RFC 5321 4.2.1)
	BareCR                               // a CR that no LF follows (RFC 5321 2.3.8)
	LineTooLong                          // beyond MaxLine
	ReplyTooLong                         // beyond MaxReply
	Unfinished                           // the bytes end before the reply does
	Trailing                             // bytes follow the reply
)

var malformations = map[Malformation]string{
	BadCode:      "it does not begin with a code from 200 to 599",
	BadSeparator: `after the code comes neither a blank, "-" nor the line end`,
	MixedCodes:   "its code differs from that of the first line",
	BareCR:       "a CR without LF",
	LineTooLong:  fmt.Sprintf("a line longer than %d bytes", MaxLine),
	ReplyTooLong: fmt.Sprintf("a reply longer than %d bytes", MaxReply),
	Unfinished:   "it ends before its last line",
	Trailing:     "bytes follow its last line",
}

// String says in words what is wrong.
func (m Malformation) String() string { return malformations[m] }

// MalformedError says why bytes are not a reply.
type MalformedError struct {
	Kind Malformation
	Line int // 1-based line of the reply at which it shows
}

func (e *MalformedError) Error() string {
	if e.Line > 1 {
		return fmt.Sprintf("malformed reply, line %d: %v", e.Line, e.Kind)
	}
	return "malformed reply: " + e.Kind.String()
}

// Scanner finds the end of one reply in bytes that arrive in pieces, and says
// the same however they are cut. The zero value is ready for a reply's first
// byte.
type Scanner struct {
	start int // where the current line begins
	seen  int // up to where the bytes were judged
	lines int // whole lines so far
	code  [3]byte
	dev   Deviations
	enh   string // the first enhanced status code seen
}

// Scan looks at buf, which begins with the reply's first byte and holds all
// that came since; from call to call it only grows. It returns the length of
// the reply once its last line is there, 0 while more is needed, and an error
// of type *MalformedError as soon as the bytes cannot become a reply.
func (s *Scanner) Scan(buf []byte) (int, error) {
	for {
		i := bytes.IndexByte(buf[s.seen:], '\n')
		end := s.seen + i + 1
		if i < 0 {
			end = len(buf)
		}
		if err := s.judge(buf[s.start:end], s.seen-s.start); err != nil {
			return 0, err
		}
		s.seen = end
		if i < 0 {
			return 0, nil
		}
		last := s.line(buf[s.start:end])
		s.start = end
		s.lines++
		if last {
			return end, nil
		}
	}
}

// Reply is the reply that Scan found in raw, its first n bytes. It keeps raw.
func (s *Scanner) Reply(raw []byte) Reply {
	return Reply{Code: int(s.code[0]-'0')*100 + int(s.code[1]-'0')*10 + int(s.code[2]-'0'), Raw: raw, Deviations: s.dev}
}

func (s *Scanner) malformed(kind Malformation) error {
	return &MalformedError{Kind: kind, Line: s.lines + 1}
}

// judge judges a line with its end, or what has come of it; its first judged
// bytes were judged before. What can be no reply any more is told at once, not
// after a timeout. Of several faults the one whose byte comes first is told, so
// that it does not matter in which pieces they come.
func (s *Scanner) judge(line []byte, judged int) error {
	limit, beyond := MaxLine, LineTooLong
	if room := MaxReply - s.start; room < limit {
		limit, beyond = room, ReplyTooLong
	}
	tooLong := len(line) > limit
	if tooLong {
		line = line[:limit+1]
	}
	if err := s.prefix(line); err != nil {
		return err
	}
	from := max(0, judged-1) // the byte before may be a CR that waited for its LF
	if i := bytes.IndexByte(line[from:], '\r'); i >= 0 {
		if next := from + i + 1; next < len(line) && line[next] != '\n' {
			return s.malformed(BareCR)
		}
	}
	if tooLong {
		return s.malformed(beyond)
	}
	return nil
}

// prefix judges the first four bytes of a line, or as many as there are.
func (s *Scanner) prefix(line []byte) error {
	for i, c := range line[:min(4, len(line))] {
		switch {
		case i == 0 && (c < '2' || c > '5'), i < 3 && (c < '0' || c > '9'):
			return s.malformed(BadCode)
		case i < 3 && s.lines > 0 && c != s.code[i]:
			return s.malformed(MixedCodes)
		case i == 3 && c != ' ' && c != '-' && c != '\r' && c != '\n':
			return s.malformed(BadSeparator)
		}
	}
	return nil
}

// line takes in a whole line that was judged, and says whether it is the last.
func (s *Scanner) line(line []byte) (last bool) {
	text := line[:len(line)-1]
	if n := len(text); text[n-1] == '\r' { // there is a code at least
		text = text[:n-1]
	} else {
		s.dev |= BareLF
	}
	if s.lines == 0 {
		copy(s.code[:], text)
	}
	if len(text) == 3 {
		return true
	}
	s.note(text[4:])
	return text[3] == ' '
}

// note keeps the deviations of a line's text.
func (s *Scanner) note(text []byte) {
	for _, c := range text {
		switch {
		case c-' ' <= '~'-' ': // nearly every one
		case c >= 0x80:
			s.dev |= EightBit
		case c != '\t':
			s.dev |= Control
		}
	}
	if s.code[0] == '3' {
		return
	}
	prefix := enhancedPrefix(text)
	if prefix == nil {
		return
	}
	if s.enh == "" {
		s.enh = string(prefix)
	}
	if prefix[0] != s.code[0] || string(prefix) != s.enh {
		s.dev |= EnhancedMismatch
	}
}
