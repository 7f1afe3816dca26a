package paste

import (
	"fmt"
	"net"
	"slices"

	"smtplay/engine/transcript"
)

// isSession says whether what was found is a conversation: a server spoke in it.
func (c *conversation) isSession() bool { return c.greeted && c.replies > 0 }

// session makes a Session of a conversation, and of what stands before it in the
// text.
func (c *conversation) session(loose []run) *Session {
	c.nameTheClient()
	s := &Session{Line: c.began, Events: make([]transcript.Event, 0, len(c.entries)+2)}
	add := func(e ...transcript.Event) { s.Events = append(s.Events, e...) }
	add(transcript.Event{Conn: 1, Kind: transcript.Connect, Data: []byte(c.where())})
	for _, r := range loose {
		add(r.events()...)
		s.Unplaced = append(s.Unplaced, r.remark())
	}
	next := 0
	for i := 0; i <= len(c.entries); i++ {
		for ; next < len(c.aside) && c.aside[next].at <= i; next++ {
			add(c.aside[next].events()...)
			s.Unplaced = append(s.Unplaced, c.aside[next].remark())
		}
		if i < len(c.entries) {
			add(c.entries[i].Event)
		}
	}
	if c.closed != "" {
		add(transcript.Event{Conn: 1, Kind: transcript.Close, Data: []byte(c.closed)})
	}
	s.Name = fmt.Sprintf("line %d: %s", c.began, summary(s.Events))
	s.hide(c.secrets)
	if len(s.Unplaced) > 0 {
		s.hideMore(c.names.first)
	}
	return s
}

// hide masks secrets wherever they occur.
func (s *Session) hide(secrets []secret) {
	s.hidden = append(s.hidden, secrets...)
	if len(secrets) == 0 {
		s.mask()
		return
	}
	var known transcript.Redactor
	for _, found := range secrets {
		known.AddSeen(found.name, found.value)
	}
	if s.tells(&known) {
		masked := &collector{events: s.Events[:0]}
		log := transcript.Log{Redactor: &known, Next: []transcript.Recorder{masked}}
		for _, e := range s.Events {
			log.Record(e)
		}
		s.Events = masked.events
	} else {
		s.mask()
	}
	s.Name = known.String(s.Name)
	for i := range s.Unplaced {
		s.Unplaced[i].Text = known.String(s.Unplaced[i].Text)
	}
}

// hideMore masks what was not masked yet.
func (s *Session) hideMore(secrets []secret) {
	var more []secret
	for _, found := range secrets {
		if !slices.Contains(s.hidden, found) {
			more = append(more, found)
		}
	}
	if len(more) > 0 {
		s.hide(more)
	}
}

// tells says whether a secret occurs anywhere but where it is marked: looking
// once at all that was said costs much less than at each line.
func (s *Session) tells(known *transcript.Redactor) bool {
	var all []byte
	for i := range s.Events {
		all = append(appendMasked(all, &s.Events[i]), '\n')
	}
	return len(known.Spans(all)) > 0
}

// mask masks what is marked.
func (s *Session) mask() {
	for i := range s.Events {
		e := &s.Events[i]
		if len(e.Spans) == 0 {
			continue
		}
		data := appendMasked(nil, e)
		mark := e.Spans[0]
		mark.End = mark.Start + len(mark.Mask) + 2
		e.Data, e.Spans = data, []transcript.Span{mark}
	}
}

// appendMasked appends what an event says, with the mask in the place of what is
// marked. A line is marked in one place at most.
func appendMasked(dst []byte, e *transcript.Event) []byte {
	if len(e.Spans) == 0 {
		return append(dst, e.Data...)
	}
	m := e.Spans[0]
	dst = append(append(dst, e.Data[:m.Start]...), '[')
	dst = append(append(dst, m.Mask...), ']')
	return append(dst, e.Data[m.End:]...)
}

// nameTheClient lets an EHLO that is assumed give the name that the client gives
// where it says EHLO itself.
func (c *conversation) nameTheClient() {
	for _, e := range c.entries {
		if e.Kind == transcript.Client && e.line > 0 && hasFold(e.Data, "EHLO ") {
			name := e.Data[len("EHLO "):]
			for i := range c.entries {
				if a := &c.entries[i]; a.line == 0 && string(a.Data) == assumedEHLO+"\r\n" {
					a.Data = append([]byte("EHLO "), name...)
				}
			}
			return
		}
	}
}

// collector keeps what a Log has masked.
type collector struct{ events []transcript.Event }

// Record implements transcript.Recorder.
func (c *collector) Record(e transcript.Event) {
	e.Data, e.Spans = slices.Clone(e.Data), slices.Clone(e.Spans)
	c.events = append(c.events, e)
}

// add puts what follows the last session of a text to its end.
func (s *Session) add(loose []run, names *secretNames) {
	after := &Session{}
	for _, r := range loose {
		after.Events = append(after.Events, r.events()...)
		after.Unplaced = append(after.Unplaced, r.remark())
	}
	after.hide(names.first)
	s.Events = append(s.Events, after.Events...)
	s.Unplaced = append(s.Unplaced, after.Unplaced...)
}

// services are the targets of well-known ports, by number and by name.
var services = map[string]string{"25": "smtp", "smtp": "smtp", "mail": "smtp", "587": "submission", "submission": "submission",
	"465": "submissions", "submissions": "submissions", "smtps": "submissions", "ssmtp": "submissions", "urd": "submissions", "24": "lmtp", "lmtp": "lmtp"}

var numbers = map[string]string{"smtp": "25", "mail": "25", "submission": "587", "submissions": "465", "smtps": "465", "ssmtp": "465", "urd": "465", "lmtp": "24"}

// where is the target of the conversation and its address, as far as known.
func (c *conversation) where() string {
	target := services[c.port]
	implicit := len(c.entries) > 0 && c.firstIsTLS()
	switch {
	case implicit && target != "submissions":
		target = "submissions"
	case target != "":
	case c.lmtp:
		target = "lmtp"
	default:
		target = "smtp"
	}
	if c.host == "" {
		return target
	}
	port := c.port
	if n := numbers[port]; n != "" {
		port = n
	}
	if port == "" {
		return target + " " + c.host
	}
	return target + " " + net.JoinHostPort(c.host, port)
}

// firstIsTLS says that TLS was there before anything was said.
func (c *conversation) firstIsTLS() bool {
	for _, e := range c.entries {
		switch e.Kind {
		case transcript.TLS:
			return true
		case transcript.Server, transcript.Client:
			return false
		}
	}
	return false
}
