package paste

import (
	"bytes"
	"strings"
)

// plain is a line without its end and without what only a terminal needs:
// colours, and what was typed and taken back. It may share memory with raw, and
// changes it.
func plain(raw []byte) []byte {
	b := bytes.TrimRight(raw, "\r\n")
	if bytes.IndexByte(b, 0x1b) >= 0 {
		b = withoutEscapes(b)
	}
	if bytes.IndexByte(b, '\b') >= 0 {
		b = withoutErased(b)
	}
	// What a progress bar wrote before is overwritten.
	if i := bytes.LastIndexByte(b, '\r'); i >= 0 && bytes.Contains(b, []byte("--:--:--")) {
		b = b[i+1:]
	}
	return b
}

// withoutEscapes leaves out terminal sequences: ESC [ … letter, ESC ] … BEL,
// and ESC with one more byte.
func withoutEscapes(b []byte) []byte {
	out := b[:0]
	for i := 0; i < len(b); i++ {
		if b[i] != 0x1b {
			out = append(out, b[i])
			continue
		}
		if i++; i == len(b) {
			break
		}
		switch b[i] {
		case '[':
			for i++; i < len(b) && (b[i] < '@' || b[i] > '~'); i++ {
			}
		case ']':
			for i++; i < len(b) && b[i] != 0x07; i++ {
			}
		}
	}
	return out
}

// withoutErased takes back what was erased with the backspace key, which a
// terminal shows as "\b \b".
func withoutErased(b []byte) []byte {
	out := b[:0]
	for i := 0; i < len(b); i++ {
		switch {
		case b[i] != '\b':
			out = append(out, b[i])
		case len(out) > 0:
			out = out[:len(out)-1]
			if bytes.HasPrefix(b[i+1:], []byte(" \b")) {
				i += 2
			}
		}
	}
	return out
}

// replyForm reads a line that has the form of a reply's: its code, and whether
// more lines follow. ok is false for any other.
func replyForm(b []byte) (code int, more, ok bool) {
	if len(b) < 3 || b[0] < '2' || b[0] > '5' || !isDigit(b[1]) || !isDigit(b[2]) {
		return 0, false, false
	}
	code = int(b[0]-'0')*100 + int(b[1]-'0')*10 + int(b[2]-'0')
	if len(b) == 3 {
		return code, false, true
	}
	return code, b[3] == '-', b[3] == ' ' || b[3] == '-'
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// commands are the verbs that are known, and what may follow them. A line that
// begins with a verb and goes on otherwise is prose.
var commands = map[string]func(args []byte) bool{
	"EHLO": isOneWord, "HELO": isOneWord, "LHLO": isOneWord,
	"MAIL": begins("FROM:"), "RCPT": begins("TO:"), "SEND": begins("FROM:"), "SOML": begins("FROM:"), "SAML": begins("FROM:"),
	"DATA": isNothing, "RSET": isNothing, "QUIT": isNothing, "STARTTLS": isNothing, "TURN": isNothing,
	"NOOP": isOneWord, "HELP": isOneWord, "VRFY": isArgument, "EXPN": isArgument, "ETRN": isArgument, "ATRN": isOneWord,
	"AUTH": isAuth, "BDAT": isChunk, "XCLIENT": hasAttributes, "XFORWARD": hasAttributes,
}

func isNothing(args []byte) bool  { return len(args) == 0 }
func isOneWord(args []byte) bool  { return bytes.IndexByte(args, ' ') < 0 }
func isArgument(args []byte) bool { return len(args) > 0 && isOneWord(args) }
func isChunk(args []byte) bool    { return len(args) > 0 && isDigit(args[0]) }

func hasAttributes(args []byte) bool { return bytes.IndexByte(args, '=') > 0 }

func begins(word string) func([]byte) bool {
	return func(args []byte) bool { return hasFold(args, word) }
}

// isAuth: a mechanism in capitals or in one case, and an initial response.
func isAuth(args []byte) bool {
	mechanism, rest, _ := bytes.Cut(args, []byte(" "))
	for _, c := range mechanism {
		if !(c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || isDigit(c) || c == '-' || c == '_') {
			return false
		}
	}
	rest = bytes.TrimSpace(rest)
	return len(mechanism) > 0 && (isOneWord(rest) || maskForm.Match(rest))
}

// commandForm reads a line that can only be a command: its verb in upper case,
// "" for any other line.
func commandForm(b []byte) (verb string) {
	if len(b) < 4 || !isLetter(b[0]) {
		return ""
	}
	end := bytes.IndexByte(b, ' ')
	if end < 0 {
		end = len(b)
	}
	if end < 4 || end > 8 {
		return ""
	}
	var upper [8]byte
	for i, c := range b[:end] {
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		upper[i] = c
	}
	fits, known := commands[string(upper[:end])]
	if !known || !fits(bytes.TrimSpace(b[end:])) {
		return ""
	}
	return string(upper[:end])
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// hasFold says whether b begins with word, in any case.
func hasFold(b []byte, word string) bool {
	return len(b) >= len(word) && strings.EqualFold(string(b[:len(word)]), word)
}

func allDigits(b []byte) bool {
	for _, c := range b {
		if !isDigit(c) {
			return false
		}
	}
	return len(b) > 0
}
