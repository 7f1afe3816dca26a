package server

import (
	"strings"

	"smtplay/engine/transcript"
	"smtplay/engine/wire"
)

// login follows AUTH (RFC 4954 section 4) for what of a client's lines must not
// be shown, whether or not they are those that were recorded.
type login struct {
	redact    *transcript.Redactor // learns passwords
	begun     bool                 // an AUTH has come
	asked     bool                 // a 334 was said: the next line answers it
	mechanism string
	messages  int // that have come
	learned   int
}

// Bounds on the passwords that are looked for in all else that is shown.
const (
	shortestPassword = 4
	mostPasswords    = 16
)

// hide returns what of a line must be masked.
func (l *login) hide(line string) []transcript.Span {
	line = strings.TrimRight(line, "\r\n")
	start := 0
	switch {
	case l.asked:
		l.asked = false
	case wire.Verb(line) == "AUTH":
		fields := strings.Fields(line)
		l.begun, l.messages, l.mechanism = true, 0, ""
		if len(fields) > 1 {
			l.mechanism = strings.ToUpper(fields[1])
		}
		if len(fields) < 3 {
			return nil
		}
		start = len(line) - len(strings.TrimLeft(line, " \t"))
		for _, word := range fields[:2] {
			start += strings.Index(line[start:], word) + len(word)
		}
		start += strings.Index(line[start:], fields[2])
	case l.begun && likeBase64(line):
		return l.span(0, line, transcript.SASLMask("", "", "")) // typed ahead, or out of step
	default:
		return nil
	}
	message := line[start:]
	l.messages++
	if message == "" || message == "*" || message == "=" || l.mechanism == "LOGIN" && l.messages == 1 {
		return nil
	}
	return l.span(start, line, l.mask(message))
}

func (l *login) span(start int, line, mask string) []transcript.Span {
	return []transcript.Span{{Start: start, End: len(line), Mask: mask}}
}

// mask names what made a message.
func (l *login) mask(message string) string {
	if parts, ok := plainMessage([]byte(message)); ok && l.mechanism == "PLAIN" {
		return transcript.SASLMask(parts[0], parts[1], l.name(parts[2]))
	}
	if l.mechanism == "LOGIN" {
		if password, ok := decoded(message); ok {
			return "secret:" + l.name(password)
		}
	}
	l.learn(message)
	return transcript.SASLMask("", "", "")
}

// name is the name of a password, which from now on is hidden wherever it stands.
func (l *login) name(password string) string {
	if name := l.redact.NameOf(password); name != "" {
		return name
	}
	l.learn(password)
	return "password"
}

func (l *login) learn(password string) {
	if len(password) >= shortestPassword && l.learned < mostPasswords {
		l.redact.AddSeen("password", password)
		l.learned++
	}
}

// likeBase64 says whether a line looks like an answer to a challenge rather than
// like a command.
func likeBase64(line string) bool {
	_, ok := decoded(line)
	return ok && len(line) > 4 && !strings.EqualFold(line, "STARTTLS")
}
