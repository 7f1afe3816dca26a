package dsl

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"smtplay/engine"
	"smtplay/engine/hint"
	"smtplay/engine/suite"
	"smtplay/engine/wire"
)

// What helpers expect where the script does not say.
var (
	anySuccess = &expectation{Pattern: wire.Pattern{Code: "2xx"}}
	only220    = &expectation{Pattern: wire.Pattern{Code: "220"}}
	only221    = &expectation{Pattern: wire.Pattern{Code: "221"}}
	only235    = &expectation{Pattern: wire.Pattern{Code: "235"}}
	only501    = &expectation{Pattern: wire.Pattern{Code: "501"}}
	only250    = &expectation{Pattern: wire.Pattern{Code: "250"}}
	only354    = &expectation{Pattern: wire.Pattern{Code: "354"}}
	anyRefusal = &expectation{Pattern: wire.Pattern{Any: []wire.Pattern{{Code: "4xx"}, {Code: "5xx"}}}}
)

func commandVerbs() []*verb {
	optName := []param{{name: "name", kind: stringKind, optional: true, doc: "the client name; default --helo, else our address in brackets"}}
	address := []param{{name: "address", kind: stringKind, doc: `goes out between < and >, unless it stands there already; "" is <>. Outside ASCII it goes out in UTF-8, with smtputf8 or without`}}
	verbs := []*verb{
		simple("helo", "HELO with the client name; reads 250.", optName, func(c *call) string { return "HELO " + c.clientName() }, only250),
		simple("ehlo", "EHLO with the client name; reads 250 and keeps the capabilities.", optName, func(c *call) string { return "EHLO " + c.clientName() }, only250),
		simple("lhlo", "LHLO, the EHLO of LMTP (RFC 2033); reads 250.", optName, func(c *call) string { return "LHLO " + c.clientName() }, only250),
		simple("mail", "MAIL FROM; reads 2xx.", address, (*call).mailCommand, anySuccess, withParameters(mailParameters)...),
		simple("rcpt", "RCPT TO; reads 2xx.", address, (*call).rcptCommand, anySuccess, withParameters(rcptParameters)...),
		simple("rset", "RSET; reads 2xx.", nil, func(*call) string { return "RSET" }, anySuccess),
		simple("noop", "NOOP; reads 2xx.", nil, func(*call) string { return "NOOP" }, anySuccess),
		simple("vrfy", "VRFY; reads 2xx.", []param{{name: "address", kind: stringKind}}, func(c *call) string { return "VRFY " + c.text(0) }, anySuccess),
		simple("quit", "QUIT; reads 221, then closes the connection.", nil, func(*call) string { return "QUIT" }, only221),
		dataVerb(), bdatVerb(),
		helper("expect_refusal", "MAIL, RCPT, then RSET: the first of MAIL and RCPT that is not 2xx must match, by default any 4xx or 5xx; none refused fails. Servers differ in where they refuse a sender.", nil,
			param{name: "from", kind: textKind, doc: "the sender"}, param{name: "to", kind: textKind, doc: "the recipient"}),
		helper("xclient", "XCLIENT: be another client, to a server that allows it. Forgets the capabilities; reads 220, a greeting, and ehlo comes next. NAME is [UNAVAILABLE] unless given. What is not offered fails, and nothing is sent.", nil, xclientParams()...),
	}
	run := map[string]func(*call) int{"expect_refusal": runRefusal, "xclient": runXclient, "quit": runQuit}
	for _, v := range verbs {
		if fn := run[v.name]; fn != nil {
			v.run = fn
		}
	}
	return verbs
}

// simple is a helper of one command and its reply.
func simple(name, doc string, args []param, line func(*call) string, otherwise *expectation, options ...param) *verb {
	v := helper(name, doc, args, options...)
	v.run = func(c *call) int {
		c.conversation()
		return c.answer(c.command(line(c), otherwise))
	}
	return v
}

// clientName is what HELO and its kin say: as given, as configured, or the
// address literal of RFC 5321 4.1.3.
func (c *call) clientName() string {
	if name := c.text(0); name != "" {
		return name
	}
	if c.conv.helo != "" {
		return c.conv.helo
	}
	ip := c.conv.LocalIP()
	switch {
	case ip == nil:
		return "localhost"
	case ip.To4() == nil:
		return "[IPv6:" + ip.String() + "]"
	}
	return "[" + ip.String() + "]"
}

// path is the address of MAIL and RCPT. It must be given, be it "".
func (c *call) path() string {
	if c.arg(0) == lua.LNil {
		c.wrong(`%s needs an address ("" for <>)`, c.v.name)
	}
	return wire.Path(c.text(0))
}

func runQuit(c *call) int {
	c.conversation()
	r := c.command("QUIT", only221)
	c.conv.Close()
	return c.answer(r)
}

func runRefusal(c *call) int {
	if c.option("from") == lua.LNil || c.option("to") == lua.LNil {
		c.wrong("expect_refusal needs from and to")
	}
	e := c.expectation(c.option("expect"), anyRefusal)
	within := c.duration(c.option("timeout"), "timeout")
	if e.within > 0 {
		within = e.within
	}
	c.greet()
	var refusal *engine.Reply
	for _, line := range []string{"MAIL FROM:" + wire.Path(c.optText("from")), "RCPT TO:" + wire.Path(c.optText("to"))} {
		c.send(line)
		r, err := c.conv.ReadReply(c.s.ctx, within)
		if err != nil {
			c.unread(c.conv, e, err)
		}
		if refusal = r; r.Code/100 != 2 {
			break
		}
		c.conv.last = r
	}
	if refusal.Code/100 == 2 {
		f := &suite.Failure{What: fmt.Sprintf("nothing was refused: expected %v", e.Pattern), Want: e.Pattern.String(), Got: refusal.Reply.String(),
			Command: refusal.Command.String(), SentAt: refusal.Command.Pos, Because: e.because}
		f.Hint = hint.For(hint.Context{Verb: c.conv.verbOf(refusal.Command, false), Reply: refusal.Reply, Want: e.Pattern, Address: c.conv.Address(), TLS: c.conv.TLS() != nil})
		f.WantOff, f.GotOff = e.Differences(refusal.Reply)
		c.s.placeConn(f, c.conv)
		c.s.failAt(c.LState, f, c.patternSpot(e))
	}
	c.judge(c.conv, refusal, e)
	c.resetAfter(refusal, within)
	return c.answer(refusal)
}

// resetAfter ends the transaction. Where MAIL itself was refused there is none,
// and what refused it may refuse RSET as well, as a server does that wants
// STARTTLS first: that reply is not judged.
func (c *call) resetAfter(refusal *engine.Reply, within time.Duration) {
	if refusal.Code == 421 || refusal.Code == 521 {
		return // the server hangs up
	}
	c.send("RSET")
	if wire.Verb(refusal.Command.Line) == "RCPT" {
		c.read(anySuccess, within)
	} else if _, err := c.conv.ReadReply(c.s.ctx, within); err != nil {
		c.unread(c.conv, anySuccess, err)
	}
}

// xclientAttributes in the order in which they are sent (Postfix's
// XCLIENT_README).
var xclientAttributes = []string{"name", "addr", "port", "proto", "helo", "login", "destaddr", "destport", "reverse_name"}

func xclientParams() []param {
	docs := map[string]string{
		"name": "; [TEMPUNAVAIL] is one that cannot be found now, and REVERSE_NAME is the same unless given", "addr": ", the client's IP address", "port": ", the client's",
		"proto": ", SMTP or ESMTP", "helo": ", until there is a new EHLO", "login": ", as whom the client is logged in, where the server offers AUTH",
		"destaddr": ", the server's IP address", "destport": ", the server's port", "reverse_name": ", the name that the address leads to, confirmed or not",
	}
	var params []param
	for _, a := range xclientAttributes {
		params = append(params, param{name: a, kind: textKind, doc: strings.ToUpper(a) + docs[a]})
	}
	return params
}

func runXclient(c *call) int {
	c.conversation()
	c.greet()
	caps := c.capabilities()
	if !caps.Offers("XCLIENT", "") {
		c.offered(caps, "XCLIENT is not offered: nothing was sent", "XCLIENT")
	}
	line := "XCLIENT"
	for _, a := range xclientAttributes {
		value := c.optText(a)
		switch {
		case c.option(a) == lua.LNil && a == "name":
			value = "[UNAVAILABLE]"
		case c.option(a) == lua.LNil:
			continue
		case a == "addr" || a == "destaddr":
			value = xclientAddress(value)
		}
		if !caps.Offers("XCLIENT", a) {
			c.offered(caps, "XCLIENT "+strings.ToUpper(a)+" is not offered: nothing was sent", "XCLIENT "+strings.ToUpper(a))
		}
		line += " " + strings.ToUpper(a) + "=" + wire.Xtext(value)
	}
	return c.answer(c.command(line, only220))
}

// xclientAddress gives an IPv6 address the prefix that XCLIENT wants.
func xclientAddress(s string) string {
	bare := strings.Trim(s, "[]")
	if ip, err := netip.ParseAddr(bare); err == nil && ip.Unmap().Is6() {
		return "IPV6:" + bare
	} else if err == nil {
		return ip.Unmap().String()
	}
	return s
}
