package server

import (
	"bytes"
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
	challenge string // what the last 334 said, decoded
	messages  int    // that have come
	learned   int
}

// Bounds on the passwords that are looked for in all else that is shown.
const (
	shortestPassword = 4
	mostPasswords    = 16
)

// answered follows a line of the server's.
func (l *login) answered(line []byte) {
	if l.asked = bytes.HasPrefix(line, []byte("334")); l.asked {
		l.challenge, _ = decoded(strings.TrimSpace(string(line[3:])))
	}
}

// proofs finds where the server proves that it knows the password, and hides
// that elsewhere.
func (l *login) proofs(said []byte) []transcript.Span {
	if !transcript.ProvesServer(l.mechanism) {
		return nil
	}
	spans, proofs := transcript.ProofSpans(said)
	for _, form := range proofs {
		l.learn("proof", form)
	}
	return spans
}

// hide returns what of a line must be masked.
func (l *login) hide(line string) []transcript.Span {
	line = strings.TrimRight(line, "\r\n")
	start, asked := 0, l.asked
	switch {
	case asked:
		l.asked = false
	case wire.Verb(strings.TrimLeft(line, " \t")) == "AUTH":
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
		if l.messages++; !l.names() {
			l.mask(line)
		}
		return l.span(0, line, transcript.SASLMask("", "", "")) // typed ahead, or out of step
	default:
		return nil
	}
	message := line[start:]
	l.messages++
	if message == "" || message == "*" || message == "=" || l.names() && !(asked && l.asksPassword()) || transcript.OpenSASL(l.mechanism, message) {
		return nil
	}
	return l.span(start, line, l.mask(message))
}

// names says whether the last message should be the name of LOGIN, which comes first.
func (l *login) names() bool { return l.mechanism == "LOGIN" && l.messages == 1 }

// asksPassword: some servers ask for that first.
func (l *login) asksPassword() bool {
	return strings.Contains(strings.ToLower(l.challenge), "password")
}

// answers is hide for what is read in another way than as a line.
func (l *login) answers(data []byte) []transcript.Span {
	if !l.asked {
		return nil
	}
	line, _, _ := strings.Cut(string(data), "\n")
	return l.hide(line)
}

func (l *login) span(start int, line, mask string) []transcript.Span {
	return []transcript.Span{{Start: start, End: len(line), Mask: mask}}
}

// mask names what made a message.
func (l *login) mask(message string) string {
	text, ok := decoded(message)
	if ok && l.mechanism == "LOGIN" {
		return "secret:" + l.name("password", text)
	}
	m, known := transcript.ReadSASL(l.mechanism, text)
	if !ok || !known {
		l.learn("password", message)
		return transcript.SASLMask("", "", "")
	}
	for _, form := range transcript.ProofForms(m.Proof) {
		l.learn("proof", form)
	}
	name := ""
	if m.Secret != "" || l.mechanism == "PLAIN" {
		name = l.name(m.Kind, m.Secret)
	}
	return transcript.SASLMask(m.Identity, m.User, name)
}

// name is the name of a password or token, which from now on is hidden wherever
// it stands.
func (l *login) name(kind, secret string) string {
	if name := l.redact.NameOf(secret); name != "" {
		return name
	}
	l.learn(kind, secret)
	return kind
}

func (l *login) learn(kind, secret string) {
	if len(secret) >= shortestPassword && l.learned < mostPasswords {
		l.redact.AddSeen(kind, secret)
		l.learned++
	}
}

// likeBase64 says whether a line looks like an answer to a challenge rather than
// like a command.
func likeBase64(line string) bool {
	_, ok := decoded(line)
	return ok && len(line) > 4 && !strings.EqualFold(line, "STARTTLS")
}
