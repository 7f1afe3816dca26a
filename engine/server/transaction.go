package server

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// from obeys MAIL (RFC 5321 section 4.1.1.2). Parameters are taken unread.
func (c *politeSession) from(arg string) {
	address, rest, ok := path(arg, "FROM:")
	switch {
	case c.mail.Helo == "":
		c.answer("mail", address, "503 5.5.1 Say hello first")
	case c.opened:
		c.answer("mail", address, "503 5.5.1 Nested MAIL command")
	case !ok:
		c.answer("mail", address, "501 5.5.4 Syntax: MAIL FROM:<address>")
	default:
		if c.answer("mail", address, "250 2.1.0 Ok") == '2' {
			c.opened = true
			c.mail.From, c.mail.Parameters = address, parameters(rest)
		}
	}
}

// to obeys RCPT (RFC 5321 section 4.1.1.3).
func (c *politeSession) to(arg string) {
	address, rest, ok := path(arg, "TO:")
	switch {
	case !c.opened:
		c.answer("rcpt", address, "503 5.5.1 Need MAIL first")
	case !ok || address == "":
		c.answer("rcpt", address, "501 5.5.4 Syntax: RCPT TO:<address>")
	case len(c.mail.Recipients) >= mostRecipients || c.named > mostNamed:
		c.answer("rcpt", address, "452 4.5.3 Too many recipients")
	default:
		accepted := c.answer("rcpt", address, "250 2.1.5 Ok") == '2'
		if accepted {
			c.mail.To = append(c.mail.To, address)
		}
		c.named += len(arg)
		c.mail.Recipients = append(c.mail.Recipients, Recipient{Address: address, Parameters: parameters(rest), Accepted: accepted, Reply: c.given()})
	}
}

// data obeys DATA (RFC 5321 section 4.1.1.4). A replaced reply that is not a 3
// sends no message, whatever the state; one that is makes it be read.
func (c *politeSession) data(arg string) {
	usual := "354 End data with <CR><LF>.<CR><LF>"
	switch {
	case arg != "":
		usual = "501 5.5.4 No parameters"
	case !c.opened:
		usual = "503 5.5.1 Need MAIL first"
	case len(c.mail.To) == 0:
		usual = "503 5.5.1 No valid recipients"
	}
	if c.answer("data", arg, usual) != '3' || c.s.err != nil {
		return
	}
	message, err := c.s.ReadData()
	if err != nil {
		return
	}
	c.mail.Data, c.line = message, ""
	c.finish(".")
	c.forget()
}

// bdat obeys BDAT (RFC 3030). The chunk follows the command even when it is
// refused, so it is always read.
func (c *politeSession) bdat(arg string) {
	fields := strings.Fields(arg)
	last := len(fields) == 2 && strings.EqualFold(fields[1], "LAST")
	if len(fields) == 0 || len(fields) == 2 && !last || len(fields) > 2 {
		c.answer("bdat", arg, "501 5.5.4 Syntax: BDAT size [LAST]")
		return
	}
	size, err := strconv.Atoi(fields[0])
	if err != nil || size < 0 {
		c.answer("bdat", arg, "501 5.5.4 Syntax: BDAT size [LAST]")
		return
	}
	chunk, err := c.s.ReadBytes(size)
	switch {
	case err != nil:
	case len(c.mail.To) == 0:
		c.answer("bdat", arg, "503 5.5.1 No valid recipients")
	case len(c.mail.Data)+len(chunk) > maxData:
		c.answer("bdat", arg, "552 5.3.4 Message too big")
		c.forget()
	case !last:
		if c.answer("bdat", arg, fmt.Sprintf("250 2.0.0 %d octets", size)) == '2' {
			c.mail.Data += chunk
		}
	default:
		c.mail.Data += chunk
		c.finish("bdat")
		c.forget()
	}
}

// finish answers a whole message, in LMTP for each recipient by itself (RFC 2033
// section 4.2), and keeps it if it was accepted: before the client can know, so
// that whoever has read the last reply finds it in Messages.
func (c *politeSession) finish(key string) {
	c.queued++
	c.mail.Complete = true
	id := fmt.Sprintf("%04X%04X", c.s.Index(), c.queued)
	kept := c.mail
	kept.XClient, kept.Recipients, kept.Accepted = maps.Clone(c.mail.XClient), slices.Clone(c.mail.Recipients), true
	defer func() { c.s.replying = nil }()
	if !c.LMTP {
		c.s.replying = func(code byte) {
			if code == '2' {
				c.s.server.deliver(kept)
			}
		}
		c.mail.Accepted = c.answer(key, "", "250 2.0.0 Ok: queued as "+id) == '2'
		c.mail.Reply = c.given()
		return
	}
	kept.To = nil
	n := 0
	for i := range c.mail.Recipients {
		r := &c.mail.Recipients[i]
		if !r.Accepted {
			continue
		}
		n++
		last := n == len(c.mail.To)
		c.s.replying = func(code byte) {
			if code == '2' {
				kept.To = append(kept.To, r.Address)
			}
			if last && len(kept.To) > 0 {
				c.s.server.deliver(kept)
			}
		}
		accepted := c.answer(key, r.Address, fmt.Sprintf("250 2.0.0 <%s> Ok: queued as %s", r.Address, id)) == '2'
		c.mail.Accepted = c.mail.Accepted || accepted
		r.Final = c.given()
		c.mail.Reply = r.Final
	}
}

// reached are the recipients for whom a message was accepted in LMTP.
func (m *Message) reached() (to []string) {
	for _, r := range m.Recipients {
		if r.Accepted && strings.HasPrefix(r.Final, "2") {
			to = append(to, r.Address)
		}
	}
	return to
}

// path takes the address out of "FROM:<address> PARAMETERS". A ">" inside a
// quoted local part does not end it.
func path(arg, label string) (address, rest string, ok bool) {
	if !foldPrefix(arg, label) {
		return "", "", false
	}
	rest = strings.TrimSpace(arg[len(label):])
	if !strings.HasPrefix(rest, "<") {
		return "", "", false
	}
	quoted := false
	for i := 1; i < len(rest); i++ {
		switch {
		case quoted && rest[i] == '\\':
			i++
		case rest[i] == '"':
			quoted = !quoted
		case rest[i] == '>' && !quoted:
			return rest[1:i], rest[i+1:], i+1 == len(rest) || rest[i+1] == ' '
		}
	}
	return "", "", false
}
