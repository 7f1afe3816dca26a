package main

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"strings"

	"smtplay/engine/server"
)

// mostTold is how many messages of a visit, and recipients of a message, are told
// one by one.
const mostTold = 3

// told is a visit in a line: who came, what mail was brought, what was refused,
// and how it ended where not by QUIT.
func told(v *server.Visit) string {
	var b strings.Builder
	b.WriteString(cmp.Or(strings.TrimSpace(v.Peer+" "+v.Helo), "no name"))
	if v.TLS != nil {
		b.WriteString(", " + tls.VersionName(v.TLS.Version))
	}
	if v.User != "" {
		b.WriteString(", user " + v.User)
	}
	for i := range v.Messages[:min(len(v.Messages), mostTold)] {
		tellMessage(&b, &v.Messages[i])
	}
	if more := len(v.Messages) - mostTold; more > 0 {
		fmt.Fprintf(&b, "; and %s more", count(more, "message"))
	}
	if refused := lastRefusal(v); len(v.Messages) == 0 && refused.Reply != "" {
		verb := strings.ToUpper(refused.Key)
		if verb == "RESPONSE" {
			verb = "AUTH"
		}
		fmt.Fprintf(&b, "; %s: %s", verb, lastLine(refused.Reply))
	}
	b.WriteString(howEnded(v))
	return b.String()
}

// tellMessage tells of one transaction.
func tellMessage(b *strings.Builder, m *server.Message) {
	fmt.Fprintf(b, "; <%s>", m.From)
	for i := range m.Recipients[:min(len(m.Recipients), mostTold)] {
		r := &m.Recipients[i]
		fmt.Fprintf(b, " to <%s>", r.Address)
		switch {
		case r.Reply == "":
			b.WriteString(" unanswered;")
		case !r.Accepted:
			b.WriteString(" refused: " + lastLine(r.Reply) + ";")
		case r.Final != "":
			b.WriteString(": " + lastLine(r.Final) + ";")
		}
	}
	if more := len(m.Recipients) - mostTold; more > 0 {
		fmt.Fprintf(b, " and %d more", more)
	}
	told := strings.TrimSuffix(b.String(), ";")
	b.Reset()
	b.WriteString(told)
	switch final := lastLine(m.Reply); {
	case !m.Complete && len(m.To) > 0:
		b.WriteString(", and no message")
	case m.Complete && final == "":
		b.WriteString(", unanswered")
	case m.Complete && len(m.Recipients) > 0 && m.Recipients[0].Final == "":
		b.WriteString(": " + final)
	}
}

// lastRefusal is what a client that brought no mail was told, without a reply
// where nothing was refused.
func lastRefusal(v *server.Visit) (last server.Given) {
	for _, g := range v.Replies {
		if g.Reply != "" && (g.Reply[0] == '4' || g.Reply[0] == '5') {
			last = g
		}
	}
	return last
}

func howEnded(v *server.Visit) string {
	switch v.Ended {
	case server.EndedByQuit:
	case server.EndedHandshake:
		if v.Handshake.Alert != "" {
			return "; the client refused TLS: " + v.Handshake.Alert
		}
		return fmt.Sprintf("; TLS failed: %v", v.Handshake)
	case server.EndedByClient:
		if len(v.Replies) == 0 { // a function played it, and knows alone what was said
			return "; it went away"
		}
		return "; it went away without QUIT"
	case server.EndedByServer:
		return "; ended by the server"
	case server.EndedByTimeout:
		return "; its time was up"
	default:
		return fmt.Sprintf("; it broke off: %v", v.Err)
	}
	return ""
}

// lastLine is the one that says most of a reply.
func lastLine(reply string) string {
	reply = strings.TrimRight(reply, "\r\n")
	return reply[strings.LastIndexByte(reply, '\n')+1:]
}
