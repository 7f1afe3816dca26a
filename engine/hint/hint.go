// Package hint says what a reply or a fault means and what to try next. It
// knows what servers say by default, Postfix first; it judges nothing.
package hint

import (
	"strings"

	"smtplay/engine"
	"smtplay/engine/wire"
)

// Greeting is the Verb of what the connect itself asked for.
const Greeting = "CONNECT"

// Context is what is known of a failure. What is not known stays zero.
type Context struct {
	Verb     string       // of the command that was answered, in upper case; "." for the end of a message, Greeting for the connect, "" where nothing was asked
	Reply    *wire.Reply  // the reply that was not wanted; nil where none came
	Want     wire.Pattern // what was expected; the zero value for nothing
	Previous *wire.Reply  // the reply before it in the same conversation

	Fault   engine.Kind // what went wrong below replies; 0 or Mismatch where Reply says it
	Keyword string      // NotOffered: the capability that is missing, or that should be
	Offered bool        // it is offered, and should not be
	Text    string      // the fault in words
	Got     []byte      // the bytes that came and are no reply
	Err     error       // its cause, as of a connection that could not be made
	Address string      // of the server, as it was dialled: "host:port"
	TLS     bool        // the conversation is encrypted
	Proxied bool        // a PROXY header was sent, and no EHLO has been accepted since

	Mechanism string // of an AUTH exchange, in upper case, "" where it is not known
}

// For is what to try next, in lower case and without a full stop; "" where
// nothing is known.
func For(c Context) string {
	if s := forProxied(c); s != "" {
		return s
	}
	if c.Fault != 0 && c.Fault != engine.Mismatch {
		return forFault(c)
	}
	if c.Reply == nil {
		return ""
	}
	if s := forPrevious(c); s != "" {
		return s
	}
	q := question{
		Context:  c,
		code:     c.Reply.Code,
		enhanced: c.Reply.Enhanced(),
		text:     strings.ToLower(c.Reply.Text()),
		wantsOK:  wants(c.Want, '2'),
	}
	if r := ruleFor(&q); r != nil {
		return r.say
	}
	return ""
}

// ruleFor is the first rule that covers what is asked, nil where none does.
func ruleFor(q *question) *rule {
	all := replies()
	for i := range all {
		if all[i].covers(q) {
			return &all[i]
		}
	}
	return nil
}

// forProxied tells of a server that may not have understood the PROXY header:
// what it says then is an answer to that.
func forProxied(c Context) string {
	const taken = "a PROXY header was sent first, and a server that does not speak the PROXY protocol takes it for commands: is it on for this port (Postfix: smtpd_upstream_proxy_protocol=haproxy, postscreen_upstream_proxy_protocol)"
	switch {
	case !c.Proxied:
		return ""
	case c.Fault == engine.Unasked, c.Fault == engine.Closed, c.Fault == engine.Reset, c.Fault == engine.Malformed, c.Fault == engine.Handshake:
		return taken
	case c.Fault == engine.Timeout && c.Verb == Greeting:
		return "a PROXY header was sent first: " + forTimeout(c)
	case c.Reply != nil && (c.Reply.Code == 421 || c.Reply.Code == 221 || c.Reply.Code/100 == 5):
		return taken
	}
	return ""
}

// forPrevious tells of a pattern that the reply before would have matched. For
// a bare 250 that is nothing odd: nearly every reply is one.
func forPrevious(c Context) string {
	if c.Previous == nil || c.Want.Check() != nil || wants(c.Want, '2') && plain(c.Want) {
		return ""
	}
	if _, ok := c.Want.Matches(c.Previous); !ok {
		return ""
	}
	return "the reply before this one would have matched: the answer came one command earlier than the script expects it"
}

// plain: the pattern asks for codes and nothing else.
func plain(p wire.Pattern) bool {
	for _, a := range p.Any {
		if !plain(a) {
			return false
		}
	}
	return p.Text == "" && p.Match == nil && p.Challenge == nil
}

// wants says whether the pattern asks for replies of a class.
func wants(p wire.Pattern, class byte) bool {
	switch {
	case p.Code != "":
		return p.Code[0] == class
	case p.Enhanced != "":
		return p.Enhanced[0] == class
	}
	for _, a := range p.Any {
		if wants(a, class) {
			return true
		}
	}
	return false
}
