package dsl

import (
	"bytes"
	"cmp"
	"fmt"
	"net"
	"slices"
	"strings"

	"smtplay/engine/suite"
	"smtplay/engine/wire"
)

// connect begins a conversation with the target that the event names, or else
// with the one that its port is known for: which server that is, is said when
// the script is run.
func (s *scribe) connect(c *talk, data string) {
	*c = talk{name: c.name, declared: c.declared, begun: true, owed: 1}
	conn := s.turns[s.at].conn
	secure := -1
	for i, t := range s.turns[s.at:] {
		if t.conn != conn {
			continue
		}
		if i > 0 && t.kind == connectTurn {
			break
		}
		switch t.kind {
		case tlsTurn:
			if c.ahead == 0 && secure < 0 {
				secure = s.at + i
			}
		case replyTurn:
			c.ahead++
		case closeTurn:
			c.shutOut = string(t.bytes) != "client"
		case commandTurn, rawTurn:
			if secure < 0 {
				secure = len(s.turns)
			}
		}
	}
	target, address := where(data)
	call := "connect " + quote(target)
	implicit := target == "submissions" || target == "smtps"
	verdict := ""
	if onTLS := secure >= 0 && secure < len(s.turns); onTLS != implicit {
		call = fmt.Sprintf("connect(%s, { tls = %t })", quote(target), onTLS)
	}
	if secure >= 0 && secure < len(s.turns) {
		verdict = verdictOf(s.turns[secure].bytes)
		s.turns = slices.Delete(s.turns, secure, secure+1)
	}
	if c.ahead == 0 && !c.shutOut {
		c.dead = true
		s.comment(call + ": nothing was heard")
		return
	}
	if c.name != "" {
		call = c.name + " = " + call
		if !c.declared {
			call, c.declared = "local "+call, true
		}
	}
	if verdict == "" && address != "" {
		verdict = " -- " + address
	}
	s.line(call + verdict)
}

// where is the target that a connect event speaks of, and the address.
func where(data string) (target, address string) {
	if before, _, found := strings.Cut(" "+oneLine(data), " exec:"); found {
		// A command of somebody else's machine is not written into a script.
		return cmp.Or(strings.TrimSpace(before), suite.DefaultTarget), ""
	}
	fields := strings.Fields(oneLine(data))
	if len(fields) > 0 {
		address = fields[len(fields)-1]
	}
	if len(fields) > 1 || len(fields) == 1 && !strings.ContainsAny(address, ".:[/") {
		target = fields[0]
	}
	if target == address {
		address = ""
	}
	if target != "" {
		return target, address
	}
	if strings.HasPrefix(address, "unix:") {
		return address, ""
	}
	_, port, _ := net.SplitHostPort(address)
	return cmp.Or(services[port], suite.DefaultTarget), address
}

// services are the targets that a port makes known.
var services = map[string]string{"587": "submission", "465": "submissions", "24": "lmtp"}

// verdictOf is what is worth saying of a handshake: that nobody vouched for the
// certificate, so that the script is run with --ca FILE or --insecure.
func verdictOf(info []byte) string {
	if i := bytes.Index(info, []byte("unverified")); i >= 0 {
		return " -- it was " + oneLine(string(info[i:]))
	}
	return ""
}

// forget: after a handshake all that was offered before counts no more.
func (c *talk) forget() { c.caps = wire.Capabilities{} }

// close writes the end of a conversation. After QUIT nothing is judged.
func (s *scribe) close(c *talk, by string) {
	c.dead = true
	switch {
	case c.quit && c.owed == 0:
	case by != "client":
		s.say(c.verb("expect_close") + "()")
		s.judged = true
	case c.owed == 0:
		s.say(c.verb("close") + "()")
	}
}
