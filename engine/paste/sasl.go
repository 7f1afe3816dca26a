package paste

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"

	"smtplay/engine/transcript"
)

// secret is a password that was found, and the name that stands for it.
type secret struct{ name, value string }

// shortest is the length from which on a password is looked for elsewhere too: a
// shorter one would blot out half the transcript.
const shortest = 4

// maxNames bounds how many passwords of a text are told apart.
const maxNames = 1000

// secretNames are the names of the passwords of a text: "password", then
// "password2", for every one that is another.
type secretNames struct {
	names map[string]string
	first []secret // of them, to look for them in prose
}

// maxFirst bounds what is looked for in prose.
const maxFirst = 50

func (n *secretNames) name(value string) string {
	if name := n.names[value]; name != "" {
		return name
	}
	name := "password"
	switch len(n.names) {
	case 0:
		n.names = map[string]string{}
	case maxNames:
		return name
	default:
		name = fmt.Sprintf("password%d", len(n.names)+1)
	}
	n.names[value] = name
	if len(n.first) < maxFirst && len(value) >= shortest {
		n.first = append(n.first, secret{name, value})
	}
	return name
}

// isLogin says whether a line is an AUTH command, however badly it is written: what
// follows the mechanism is secret.
func isLogin(said []byte) bool {
	return hasFold(said, "AUTH ") && len(bytes.Fields(said)) > 1
}

// authSpans masks the initial response of an AUTH command.
func (c *conversation) authSpans(verb string, said []byte) []transcript.Span {
	c.challenged = false
	if verb != "AUTH" {
		return nil
	}
	fields := bytes.Fields(said)
	c.mechanism, c.answers = strings.ToUpper(string(fields[1])), 0
	if len(fields) < 3 {
		return nil
	}
	start := bytes.Index(said, fields[1]) + len(fields[1])
	start += bytes.Index(said[start:], fields[2])
	return c.saslSpans(string(said[start:]), start)
}

var maskForm = lazily(`^\[(secret:[A-Za-z0-9_.-]+|sasl( [a-z]+=[!-Z^-~]*)*)\]$`)

// answersAhead says whether a line is an answer of AUTH that was typed before the
// challenge came.
func (c *conversation) answersAhead(said []byte) bool {
	if c.lastOwed() != "AUTH" || len(said) < shortest {
		return false
	}
	_, err := base64.StdEncoding.DecodeString(string(said))
	return err == nil && commandForm(said) == ""
}

// answer places the answer to a challenge.
func (c *conversation) answer(said []byte) {
	c.challenged = false
	c.settleMaybe()
	c.put(transcript.Client, said, c.saslSpans(string(said), 0)...)
	c.said++
	c.owe("AUTH")
}

// missingAnswer puts a password where the answer to a challenge was left out.
func (c *conversation) missingAnswer() {
	c.insert(len(c.entries), transcript.Note, []byte("the answer to this challenge is missing here: it is assumed"), 0)
	no := c.no
	c.no = 0
	c.answer([]byte("(missing)"))
	c.no = no
}

// saslSpans masks a SASL message, which begins at start of its line. Of LOGIN's
// two the first is the user, and stays.
func (c *conversation) saslSpans(message string, start int) []transcript.Span {
	c.answers++
	if message == "*" || message == "=" || message == "" || transcript.OpenSASL(c.mechanism, message) {
		return nil
	}
	if maskForm.MatchString(message) { // a transcript, pasted
		return []transcript.Span{{Start: start, End: start + len(message), Mask: message[1 : len(message)-1]}}
	}
	decoded, err := base64.StdEncoding.DecodeString(message)
	if len(decoded) == 0 || err != nil {
		decoded = nil
	}
	if c.mechanism == "LOGIN" && c.answers == 1 && decoded != nil {
		return nil
	}
	return []transcript.Span{{Start: start, End: start + len(message), Mask: c.saslMask(message, decoded)}}
}

// saslMask names what a SASL message was made of, and keeps what is secret in
// it. decoded is nil where it is not base64: what people write who took their
// password out.
func (c *conversation) saslMask(message string, decoded []byte) string {
	parts := strings.Split(string(decoded), "\x00")
	removed := decoded == nil || string(decoded) == "PROVIDED_BUT_REMOVED" // as swaks --auth-hide-password has it
	switch {
	case c.mechanism == "LOGIN" && c.answers == 1:
		return transcript.SASLMask("", "", "")
	case c.mechanism == "LOGIN" && removed:
		return "secret:password"
	case c.mechanism == "LOGIN":
		return "secret:" + c.keep(string(decoded))
	case removed:
		return transcript.SASLMask("", "", "password")
	case c.mechanism == "PLAIN" && len(parts) == 3 && parts[2] == "PROVIDED_BUT_REMOVED":
		return transcript.SASLMask(parts[0], parts[1], "password")
	case c.mechanism == "PLAIN" && len(parts) == 3:
		return transcript.SASLMask(parts[0], parts[1], c.keep(parts[2]))
	}
	if m, ok := transcript.ReadSASL(c.mechanism, string(decoded)); ok && m.Secret != "" {
		return transcript.SASLMask("", m.User, c.keep(m.Secret))
	}
	// Of the others only the user can be read. What they prove the password with
	// is no password, but may give it away.
	c.secrets = append(c.secrets, secret{"password", message})
	return transcript.SASLMask("", userIn(c.mechanism, string(decoded)), "password")
}

// proofSpans masks what a server proves in an AUTH exchange that it knows the
// password by: a weak one can be guessed from that, too.
func (c *conversation) proofSpans(said []byte) []transcript.Span {
	text, asks := bytes.CutPrefix(said, []byte("334 "))
	if !asks || !transcript.ProvesServer(c.mechanism) {
		return nil
	}
	decoded, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil || transcript.ServerProof(string(decoded)) == "" {
		return nil
	}
	return []transcript.Span{{Start: len(said) - len(text), End: len(said), Mask: "secret:proof"}}
}

// keep remembers a password, and returns its name.
func (c *conversation) keep(value string) string {
	if value == "" {
		return "password"
	}
	name := c.names.name(value)
	if len(value) >= shortest {
		c.secrets = append(c.secrets, secret{name, value})
	}
	return name
}

var (
	digestUser = lazily(`\busername="([^"]*)"`) // DIGEST-MD5
	scramUser  = lazily(`(?:^|,)n=([^,]*)`)     // SCRAM
	bearerUser = lazily(`^user=([^\x01]*)`)     // XOAUTH2
)

// userIn is the user that a message of a challenge-response mechanism names, ""
// where it names none.
func userIn(mechanism, message string) string {
	if mechanism == "CRAM-MD5" {
		user, _, ok := strings.Cut(message, " ")
		if ok {
			return user
		}
		return ""
	}
	for _, form := range []*lazyRegexp{digestUser, scramUser, bearerUser} {
		if m := form.FindStringSubmatch(message); m != nil {
			return m[1]
		}
	}
	return ""
}

// discreet is a line as a remark may quote it: shortened, and without what may be
// a password in base64.
func discreet(text []byte) string {
	const longest = 100
	words := bytes.Split(text, []byte(" "))
	if isLogin(text) && len(words) > 2 {
		words = append(words[:2:2], []byte("…"))
	}
	for i, w := range words {
		if len(w) >= 2*shortest && len(w)%4 == 0 {
			if decoded, err := base64.StdEncoding.DecodeString(string(w)); err == nil && readable(decoded) {
				words[i] = []byte("…")
			}
		}
	}
	s := strings.ToValidUTF8(string(bytes.Join(words, []byte(" "))), "?")
	if len(s) > longest {
		s = strings.ToValidUTF8(s[:longest], "") + "…"
	}
	return s
}

// readable: what a password may consist of, PLAIN's NULs included.
func readable(b []byte) bool {
	for _, c := range b {
		if c >= 0x7f || c < ' ' && c != 0 {
			return false
		}
	}
	return true
}
