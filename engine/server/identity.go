package server

import (
	"slices"
	"strconv"
	"strings"
)

// mechanisms are those that the server has.
func (c *politeSession) mechanisms() []string {
	if c.Mechanisms == nil {
		return []string{"PLAIN", "LOGIN"}
	}
	return c.Mechanisms
}

// auth obeys AUTH. Whoever answers with a 2, the session or an Answer, lets the
// client in; as long as the answers begin with a 3, lines are read.
func (c *politeSession) auth(arg string) {
	mechanism, initial, immediate := strings.Cut(arg, " ")
	mechanism = strings.ToUpper(mechanism)
	e := &exchange{users: c.Users}
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
	case !slices.Contains(c.mechanisms(), mechanism) || !c.begin(e, mechanism):
		usual = "504 5.5.4 Unrecognized authentication type"
	case immediate && e.first != nil:
		usual = "501 5.5.4 This mechanism has no initial response"
	case immediate:
		usual = e.reply(strings.TrimSpace(initial))
	case e.first != nil:
		usual = challenge(e.first())
	default:
		usual = challenge(e.prompt)
	}
	code := c.answer("auth", arg, usual)
	for code == '3' {
		line, err := c.s.ReadLine()
		if err != nil {
			return
		}
		c.line = line
		code = c.answer("response", line, e.reply(line))
	}
	if code == '2' {
		c.mail.User = e.user
		if c.mail.User == "" {
			c.mail.User = "unknown" // let in by an Answer, in a mechanism not understood
		}
		c.identify()
	}
}

// xclient obeys Postfix's XCLIENT: the attributes are remembered, and the
// session begins anew.
func (c *politeSession) xclient(arg string) {
	attributes := make(map[string]string)
	for field := range strings.FieldsSeq(arg) {
		name, value, found := strings.Cut(field, "=")
		if !found || name == "" {
			c.answer("xclient", arg, "501 5.5.4 Bad XCLIENT attribute")
			return
		}
		attributes[strings.ToUpper(name)] = decodeXtext(value)
	}
	switch {
	case len(attributes) == 0:
		c.answer("xclient", arg, "501 5.5.4 Syntax: XCLIENT name=value...")
		return
	case c.opened:
		c.answer("xclient", arg, "503 5.5.1 Not during a mail transaction")
		return
	}
	if c.answer("xclient", arg, "220 "+c.Domain+" ESMTP") != '2' {
		return
	}
	c.forget()
	defer c.identify()
	c.mail.Verb, c.mail.Helo, c.mail.XClient = "", "", attributes
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
