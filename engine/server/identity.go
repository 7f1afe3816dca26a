package server

import (
	"encoding/base64"
	"strconv"
	"strings"
)

// Replies of AUTH, RFC 4954 sections 4 and 6.
const (
	authOk      = "235 2.7.0 Authentication successful"
	authFailed  = "535 5.7.8 Authentication failed"
	authBase64  = "501 5.5.2 Cannot decode base64"
	authAborted = "501 5.7.0 Authentication aborted"
)

// exchange is one run of AUTH: given what the client said, it returns the next
// reply. PLAIN is RFC 4616; LOGIN was never standardized, and its prompts are
// those that clients compare with.
type exchange struct {
	users map[string]string
	login bool
	user  string
	asked bool // LOGIN: the user name is known
}

// next takes the client's decoded message and returns the reply to it.
func (e *exchange) next(message string) string {
	if !e.login {
		parts := strings.Split(message, "\x00")
		if len(parts) != 3 {
			return authFailed
		}
		e.user = parts[1]
		return e.verdict(parts[2])
	}
	if !e.asked {
		e.asked, e.user = true, message
		return "334 " + base64.StdEncoding.EncodeToString([]byte("Password:"))
	}
	return e.verdict(message)
}

func (e *exchange) verdict(password string) string {
	if right, ok := e.users[e.user]; ok && right == password {
		return authOk
	}
	return authFailed
}

// reply decodes what the client sent and returns the reply to it.
func (e *exchange) reply(encoded string) string {
	if encoded == "*" {
		return authAborted
	}
	if encoded == "=" { // an empty initial response, RFC 4954 section 4
		encoded = ""
	}
	message, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return authBase64
	}
	return e.next(string(message))
}

// auth obeys AUTH. Whoever answers with a 2, the session or an Answer, lets the
// client in; as long as the answers begin with a 3, lines are read.
func (c *politeSession) auth(arg string) {
	mechanism, initial, immediate := strings.Cut(arg, " ")
	mechanism = strings.ToUpper(mechanism)
	e := &exchange{users: c.Users, login: mechanism == "LOGIN"}
	var usual string
	switch {
	case c.mail.User != "":
		usual = "503 5.5.1 Already authenticated"
	case c.opened:
		usual = "503 5.5.1 Not during a mail transaction"
	case c.Users == nil:
		usual = "503 5.5.1 Authentication not enabled"
	case c.AuthNeedsTLS && !c.mail.TLS:
		usual = "538 5.7.11 Encryption required for requested authentication mechanism"
	case mechanism != "PLAIN" && mechanism != "LOGIN":
		usual = "504 5.5.4 Unrecognized authentication type"
	case immediate:
		usual = e.reply(strings.TrimSpace(initial))
	case e.login:
		usual = "334 " + base64.StdEncoding.EncodeToString([]byte("Username:"))
	default:
		usual = "334 "
	}
	code := c.answer("auth", usual)
	for code == '3' {
		line, err := c.s.ReadLine()
		if err != nil {
			return
		}
		code = c.answer("response", e.reply(line))
	}
	if code == '2' {
		c.mail.User = e.user
		if c.mail.User == "" {
			c.mail.User = "unknown" // let in by an Answer, in a mechanism not understood
		}
	}
}

// xclient obeys Postfix's XCLIENT: the attributes are remembered, and the
// session begins anew.
func (c *politeSession) xclient(arg string) {
	attributes := make(map[string]string)
	for field := range strings.FieldsSeq(arg) {
		name, value, found := strings.Cut(field, "=")
		if !found || name == "" {
			c.answer("xclient", "501 5.5.4 Bad XCLIENT attribute")
			return
		}
		attributes[strings.ToUpper(name)] = decodeXtext(value)
	}
	switch {
	case len(attributes) == 0:
		c.answer("xclient", "501 5.5.4 Syntax: XCLIENT name=value...")
		return
	case c.opened:
		c.answer("xclient", "503 5.5.1 Not during a mail transaction")
		return
	}
	if c.answer("xclient", "220 "+c.Domain+" ESMTP") != '2' {
		return
	}
	c.forget()
	c.mail.Helo, c.mail.XClient = "", attributes
	if user := attributes["LOGIN"]; user != "" && user != "[UNAVAILABLE]" {
		c.mail.User = user
	}
}

// decodeXtext undoes RFC 3461 section 4; what is not a hexchar stays as it is.
func decodeXtext(text string) string {
	var plain strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '+' && i+2 < len(text) {
			if char, err := strconv.ParseUint(text[i+1:i+3], 16, 8); err == nil {
				plain.WriteByte(byte(char))
				i += 2
				continue
			}
		}
		plain.WriteByte(text[i])
	}
	return plain.String()
}
