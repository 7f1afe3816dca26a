package wire

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
)

// Limits on what is taken for a reply. RFC 5321 4.5.3.1.5 allows 512 octets a
// line and RFC 4954 section 4 12,288 for a challenge; servers that send more
// exist, so the limits only keep a hostile one from costing memory.
const (
	MaxLine  = 64 << 10 // longest reply line, in bytes with its line end
	MaxReply = 1 << 20  // longest reply, in bytes with all its line ends
)

// Deviations are the departures from the RFC that a well-formed reply may
// have. They are noted, never a reason to refuse the reply.
type Deviations uint8

const (
	BareLF           Deviations = 1 << iota // a line ended in LF alone (RFC 5321 2.3.8)
	EightBit                                // a byte above 127 in the text (RFC 5321 2.4)
	Control                                 // a control character in the text
	EnhancedMismatch                        // enhanced codes that differ from line to line, or in class from the code (RFC 2034 section 4)
)

// String lists the deviations in words, separated by commas.
func (d Deviations) String() string {
	var words []string
	for _, w := range []struct {
		bit  Deviations
		text string
	}{
		{BareLF, "a line ends in a bare LF"},
		{EightBit, "8-bit text"},
		{Control, "a control character in the text"},
		{EnhancedMismatch, "enhanced status codes that contradict"},
	} {
		if d&w.bit != 0 {
			words = append(words, w.text)
		}
	}
	return strings.Join(words, ", ")
}

// Reply is one whole reply of a server: every line of it (RFC 5321 4.2).
type Reply struct {
	Code       int        // 200 to 599
	Raw        []byte     // the bytes as they came, codes and line ends included
	Deviations Deviations // what was odd and was let pass
}

// ParseReply takes raw for exactly one reply.
func ParseReply(raw []byte) (*Reply, error) {
	var s Scanner
	n, err := s.Scan(raw)
	switch {
	case err != nil:
		return nil, err
	case n == 0:
		return nil, &MalformedError{Kind: Unfinished, Line: s.lines + 1}
	case n < len(raw):
		return nil, &MalformedError{Kind: Trailing, Line: s.lines + 1}
	}
	r := s.Reply(raw)
	return &r, nil
}

// lines calls yield with the text of each line, code and line end removed.
func (r *Reply) lines(yield func(text []byte) bool) {
	for rest := r.Raw; len(rest) > 0; {
		line := rest
		if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			line, rest = rest[:i], rest[i+1:]
		} else {
			rest = nil
		}
		if n := len(line); n > 0 && line[n-1] == '\r' {
			line = line[:n-1]
		}
		if len(line) > 4 {
			line = line[4:]
		} else {
			line = nil
		}
		if !yield(line) {
			return
		}
	}
}

// Enhanced is the enhanced status code of the reply, such as "5.7.1", or ""
// where it has none. It is that of the first line that carries one: RFC 2034
// wants it on every line, some servers write it only on the last.
func (r *Reply) Enhanced() string {
	if !mayBeEnhanced(r.Code) {
		return ""
	}
	var found string
	r.lines(func(text []byte) bool {
		found = string(enhancedPrefix(text))
		return found == ""
	})
	return found
}

// Lines is the text of each line, without code and enhanced status code.
func (r *Reply) Lines() []string {
	var lines []string
	enhanced := mayBeEnhanced(r.Code)
	r.lines(func(text []byte) bool {
		if enhanced {
			text = afterEnhanced(text)
		}
		lines = append(lines, string(text))
		return true
	})
	return lines
}

// Text is Lines joined by "\n".
func (r *Reply) Text() string { return strings.Join(r.Lines(), "\n") }

// Challenge is the decoded text of a 334 (RFC 4954 section 4), the base64 of
// which stands alone on its one line. It fails for any other code and for what
// is not base64.
func (r *Reply) Challenge() ([]byte, error) {
	if r.Code != 334 {
		return nil, fmt.Errorf("a %d is no challenge", r.Code)
	}
	text := r.Text()
	if strings.Contains(text, "\n") { // which the decoder would pass over
		return nil, fmt.Errorf("the challenge has more than one line%s", quoted(text))
	}
	decoded, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("the challenge is not base64%s", quoted(text))
	}
	return decoded, nil
}

// quoted is text behind a colon where it is short. It is not cut: whoever hides
// secrets would not find half of one.
func quoted(text string) string {
	if len(text) > 80 {
		return fmt.Sprintf(" (%d characters)", len(text))
	}
	return fmt.Sprintf(": %q", text)
}

// String is the reply as a person reads it: its lines without line ends.
func (r *Reply) String() string {
	return strings.TrimRight(strings.ReplaceAll(string(r.Raw), "\r\n", "\n"), "\n")
}

// mayBeEnhanced: RFC 2034 section 4 knows classes 2, 4 and 5 only, and the
// text of a 334 is a challenge.
func mayBeEnhanced(code int) bool { return code/100 != 3 }

// enhancedPrefix is the enhanced status code at the start of text, class "."
// subject "." detail (RFC 3463 section 2) followed by a blank or nothing.
func enhancedPrefix(text []byte) []byte {
	if len(text) < 5 || text[1] != '.' || (text[0] != '2' && text[0] != '4' && text[0] != '5') {
		return nil
	}
	i, ok := digits(text, 2)
	if !ok || i >= len(text) || text[i] != '.' {
		return nil
	}
	i, ok = digits(text, i+1)
	if !ok || (i < len(text) && text[i] != ' ') {
		return nil
	}
	return text[:i]
}

// digits skips one to three decimal digits from i on.
func digits(text []byte, i int) (int, bool) {
	start := i
	for i < len(text) && i-start < 3 && text[i] >= '0' && text[i] <= '9' {
		i++
	}
	return i, i > start
}

func afterEnhanced(text []byte) []byte {
	prefix := enhancedPrefix(text)
	if prefix == nil {
		return text
	}
	text = text[len(prefix):]
	if len(text) > 0 {
		text = text[1:]
	}
	return text
}
