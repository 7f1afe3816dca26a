package engine

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strings"

	"smtplay/engine/transcript"
	"smtplay/engine/wire"
)

// authState follows an AUTH exchange (RFC 4954 section 4), by whomever it is
// sent: its lines hold passwords, and nothing else may be sent inside it.
type authState struct {
	mechanism string
	begun     bool // AUTH was sent, its first reply is not read
	open      bool // a 334 was read: the next line answers it
	messages  int  // SASL messages sent so far, an initial response included

	user, identity string // whom the messages so far spoke of
}

// shortest is the length from which on a password that nobody declared is
// looked for elsewhere: a shorter one would blot out half the transcript.
const shortest = 4

// noteVerb keeps what sending a command changes at once.
func (c *Conn) noteVerb(verb string) {
	switch verb {
	case "QUIT":
		c.quit = true
	case "EHLO", "HELO", "LHLO":
		c.hello, c.caps = nil, nil
	}
}

// observe keeps what the reply to a command changes.
func (c *Conn) observe(cmd *Command, r *wire.Reply) {
	c.message = r.Code == 354
	c.ended = c.ended || r.Code == 421
	switch {
	case r.Code == 334:
		c.auth.open, c.auth.begun = true, false
	case cmd == nil || cmd.sasl:
		c.auth, c.login = authState{}, ""
		c.standing.login = c.standing.login || r.Code == 235
		c.loginEnded(cmd, r)
	}
	if c.head != "" { // the rest of a raw line may follow
		c.atHead = c.auth
	}
	if r.Code == 353 && cmd != nil && cmd.Each {
		c.eachOwes(cmd)
	}
	if cmd == nil || cmd.sasl {
		return
	}
	if r.Code/100 != 2 {
		c.standing.refusal(cmd, r)
		return
	}
	switch verb := cmd.word(); verb {
	case "EHLO", "LHLO":
		c.hello, c.caps, c.lmtp, c.prdr, c.rcpts, c.welcomed = r, nil, verb == "LHLO", false, nil, true
	case "HELO":
		c.lmtp, c.prdr, c.rcpts, c.welcomed = false, false, nil, true
	case "MAIL", "RSET":
		c.rcpts, c.prdr, c.standing.sender = nil, hasParameter(cmd.Line, "PRDR"), cmd.Line
	case "RCPT":
		c.standing.accept(cmd.Line)
		if c.lmtp || c.prdr {
			c.rcpts = append(c.rcpts, recipient(cmd.Line))
		}
	case "XCLIENT":
		// The client is another one now: what it may see is not known.
		c.hello, c.caps, c.rcpts = nil, nil, nil
		c.standing.pose(cmd.Line)
	}
}

// hasParameter says whether a keyword stands behind the address of a command.
func hasParameter(line, keyword string) bool {
	_, rest := path(line)
	return len(rest) > len(keyword) && slices.ContainsFunc(strings.Fields(rest), func(word string) bool { return strings.EqualFold(word, keyword) })
}

// recipient is the address of a RCPT command.
func recipient(line string) string {
	address, _ := path(line)
	return address
}

// path is the address of a MAIL or RCPT command, and what stands behind it. A ">"
// may be of either: of a quoted local part (RFC 5321 4.1.2), or of a parameter.
func path(line string) (address, rest string) {
	_, line, _ = strings.Cut(line, ":")
	line = strings.TrimSpace(line)
	quoted := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == '>' && !quoted:
			return strings.TrimPrefix(line[:i], "<"), line[i+1:]
		}
	}
	return strings.TrimPrefix(line, "<"), line
}

// saslSpan finds what must be hidden of a line that takes part in the AUTH
// exchange a, however it came to be sent, and makes a password in it known to
// the redactor. part says whether the line takes part at all.
func (c *Conn) saslSpan(a *authState, line string) (span transcript.Span, hidden, part bool) {
	start := 0
	if !a.open && (!a.begun || !likeSASL(line)) {
		if start, part = a.begin(line); !part || start == len(line) {
			return span, false, part
		}
	}
	message := line[start:]
	user := a.mechanism == "LOGIN" && a.messages == 0
	a.messages++
	if message == "*" || message == "=" || message == "" || user || transcript.OpenSASL(a.mechanism, message) {
		return span, false, true
	}
	return transcript.Span{Start: start, End: len(line), Mask: c.saslMask(a, message)}, true, true
}

// begin reads an AUTH command and returns where its initial response begins,
// the end of the line where it has none.
func (a *authState) begin(line string) (start int, ok bool) {
	if word := strings.TrimLeft(line, " \t"); len(word) < 4 || !strings.EqualFold(word[:4], "AUTH") {
		return 0, false // nearly every line
	}
	fields := strings.Fields(line)
	if !strings.EqualFold(fields[0], "AUTH") {
		return 0, false
	}
	*a = authState{begun: true}
	if len(fields) > 1 {
		a.mechanism = strings.ToUpper(fields[1])
	}
	if len(fields) < 3 {
		return len(line), true
	}
	for _, word := range fields[:2] {
		start += strings.Index(line[start:], word) + len(word)
	}
	return start + strings.Index(line[start:], fields[2]), true
}

// likeSASL says whether a line sent behind an AUTH, before its reply was read,
// looks like an answer to it rather than like the next command.
func likeSASL(line string) bool {
	_, err := base64.StdEncoding.DecodeString(line)
	return err == nil && len(line) > shortest && !strings.EqualFold(line, "STARTTLS")
}

// saslMask names what made a SASL message, and hides what must not be seen of it
// elsewhere.
func (c *Conn) saslMask(a *authState, message string) string {
	decoded, err := base64.StdEncoding.DecodeString(message)
	if err != nil {
		c.seen("password", message)
		return transcript.SASLMask("", "", "password")
	}
	if a.mechanism == "LOGIN" {
		return "secret:" + c.nameSecret("password", string(decoded))
	}
	m, ok := transcript.ReadSASL(a.mechanism, string(decoded))
	c.seenProof(m.Proof)
	switch {
	case c.login != "":
		return c.login
	case !ok:
		c.seen("password", message) // what is secret in it is not known; a server may echo it all
		return transcript.SASLMask("", "", "")
	case m.User != "" || m.Identity != "":
		a.user, a.identity = m.User, m.Identity
	}
	name := ""
	if m.Secret != "" || a.mechanism == "PLAIN" {
		name = c.nameSecret(m.Kind, m.Secret)
	}
	return transcript.SASLMask(a.identity, a.user, name)
}

// maskOf is the mask of the messages of a login by auth; LOGIN's are not whole
// messages, and have their own.
func (c *Conn) maskOf(l Login) string {
	if l.Mechanism.Proof == ByNone || l.Mechanism.Name == "LOGIN" {
		return ""
	}
	kind := "password"
	if l.Mechanism.Proof == ByToken {
		kind = "token"
	}
	return transcript.SASLMask(l.Credentials.Identity, l.Credentials.User, c.nameSecret(kind, l.Credentials.Password))
}

// nameSecret is the name of a password or token; one that nobody declared is
// hidden from now on.
func (c *Conn) nameSecret(kind, value string) string {
	if name := c.opts.Secrets.NameOf(value); name != "" {
		return name
	}
	c.seen(kind, value)
	return cmp.Or(c.opts.Secrets.NameOf(value), kind)
}

func (c *Conn) seen(name, value string) {
	if len(value) >= shortest {
		c.opts.Secrets.AddSeen(name, value)
	}
}

func (c *Conn) seenProof(proof string) {
	for _, form := range transcript.ProofForms(proof) {
		c.seen("proof", form)
	}
}

// proofSpans finds the proof that a server gives in a reply, and hides it
// elsewhere: as with the client's, a weak password can be guessed from it.
func (c *Conn) proofSpans(raw []byte) []transcript.Span {
	if !transcript.ProvesServer(c.auth.mechanism) {
		return nil
	}
	spans, forms := transcript.ProofSpans(raw)
	for _, form := range forms {
		c.seen("proof", form)
	}
	return spans
}

// NameLogin says what makes the messages of the AUTH exchange that begins, for
// the transcript: whoever runs a mechanism by himself knows.
func (c *Conn) NameLogin(identity, user, secret string) {
	c.login = transcript.SASLMask(identity, user, secret)
}

// Owes says whether a reply is still unread, and to which command.
func (c *Conn) Owes() (cmd *Command, ok bool) {
	if len(c.owed) == 0 {
		return nil, false
	}
	return c.owed[0], true
}

// AwaitsText says whether a 354 was read and its message is not ended.
func (c *Conn) AwaitsText() bool { return c.message }

// PRDR says whether MAIL of this transaction asked for a reply to the message for
// each recipient.
func (c *Conn) PRDR() bool { return c.prdr && !c.lmtp }

// Recipients are the recipients accepted in this transaction, where each may get
// a reply of its own to the message: in LMTP, and after PRDR.
func (c *Conn) Recipients() []string { return slices.Clone(c.rcpts) }
