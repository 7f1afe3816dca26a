package server

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"smtplay/engine/transcript"
	"smtplay/engine/wire"
)

// conversations takes the events of a file apart, of which every line is one.
func conversations(file string, events []transcript.Event) []*conversation {
	var all []*conversation
	open := map[int]*builder{}
	for i, e := range events {
		line := i + 2 // the header is the first
		b := open[e.Conn]
		if e.Kind.Begins() || b == nil && (e.Kind == transcript.Client || e.Kind == transcript.Server) {
			if b != nil {
				b.end("", line)
			}
			b = &builder{c: &conversation{file: file, line: line}}
			open[e.Conn] = b
			all = append(all, b.c)
		}
		if b == nil {
			continue
		}
		b.add(e, line)
		if e.Kind == transcript.Close {
			delete(open, e.Conn)
		}
	}
	for _, b := range open {
		b.end("", len(events)+1)
	}
	return all
}

// targetOf is the name, or else the address, that a connection was led to.
func targetOf(connect []byte) string {
	if name, _, found := strings.Cut(string(connect), " "); found && !strings.Contains(name, ":") {
		return name
	}
	return string(connect)
}

// listenerOf is the name of the listener that accepted a connection, "" where it
// had none.
func listenerOf(accept []byte) string {
	name, _, _ := strings.Cut(" "+string(accept), " from ")
	return strings.TrimSpace(name)
}

// builder makes the steps of one conversation.
type builder struct {
	c     *conversation
	heard run // what the client wrote since the last step
	said  run // and what the server said then
	pause time.Duration
	code  string // of the reply that was said last

	greeted bool
}

func (b *builder) add(e transcript.Event, line int) {
	switch e.Kind {
	case transcript.Connect:
		b.c.target = targetOf(e.Data)
	case transcript.Accept:
		b.c.target = listenerOf(e.Data)
	case transcript.Client:
		if len(b.said.data) > 0 {
			b.flush()
		}
		b.heard.add(piece{e.Data, e.Spans, line})
	case transcript.Server:
		b.said.add(piece{e.Data, e.Spans, line})
	case transcript.TLS:
		b.flush()
		b.step(step{kind: stepTLS, piece: piece{line: line}, shown: tlsOf(string(e.Data))})
	case transcript.Note:
		b.note(string(e.Data), line)
	case transcript.Close:
		b.end(string(e.Data), line)
	}
}

// What notes say that tell of the server's side.
const (
	noteSilence   = "silence for "
	noteHandshake = "the TLS handshake failed"
	noteUnproven  = "did not verify"
	noteRefused   = "the client refused it: "
)

func (b *builder) note(words string, line int) {
	if d, ok := strings.CutPrefix(words, noteSilence); ok {
		if d, err := time.ParseDuration(d); err == nil && d > 0 {
			b.flush()
			b.pause += d + max(d/2, time.Second/2)
		}
	}
	if strings.HasPrefix(words, noteHandshake) {
		b.flush()
		b.step(step{kind: stepTLS, piece: piece{line: line}, shown: failedTLS(words)})
	}
}

// end is the last step. RFC 5321 section 4.1.1.10 has the server close after
// its 221, and section 3.8 after a 421, though the client may have been quicker.
func (b *builder) end(by string, line int) {
	b.flush()
	st := step{kind: stepEnd, piece: piece{line: line}, close: Silence}
	last := len(b.c.steps) - 1
	switch {
	case by == "reset":
		st.close = Reset
	case by == "server", last >= 0 && b.c.steps[last].kind == stepSay && b.pause == 0 && (b.code == "221" || b.code == "421"):
		st.close = Close
	}
	b.step(st)
	host := b.c.greetingHost()
	for i := range b.c.steps {
		if s := &b.c.steps[i]; s.kind == stepTLS {
			s.shown.host = host
		}
	}
}

func (b *builder) step(st step) { b.c.steps = append(b.c.steps, st) }

// flush turns what was heard and then said into steps: each reply comes after
// the command that it answers, as a server that does not wait would give it.
// The greeting answers the connection. What was said beyond comes last.
func (b *builder) flush() {
	replies := b.said.replies()
	if !b.greeted && len(replies) > 0 {
		replies = b.say(replies)
		b.greeted = true
	}
	for len(b.heard.left()) > 0 {
		b.pause = 0
		if b.code == "354" {
			b.text()
		} else {
			b.hear()
		}
		replies = b.say(replies)
	}
	for len(replies) > 0 {
		replies = b.say(replies)
	}
	b.heard, b.said = run{}, run{}
}

// say makes a step of the next reply, and returns the others. What is said in
// one go is one step, so that conversations can be compared.
func (b *builder) say(replies []piece) (rest []piece) {
	if len(replies) == 0 {
		return nil
	}
	p := replies[0]
	b.code = string(p.data[:min(3, len(p.data))])
	last := len(b.c.steps) - 1
	if last >= 0 && b.c.steps[last].kind == stepSay && b.pause == 0 {
		b.c.steps[last].append(p)
	} else {
		b.step(step{kind: stepSay, piece: p, pause: b.pause})
		b.pause = 0
	}
	return replies[1:]
}

func (p *piece) append(more piece) {
	at := len(p.data)
	p.data = append(p.data[:at:at], more.data...)
	p.spans = p.spans[:len(p.spans):len(p.spans)]
	for _, s := range more.spans {
		s.Start, s.End = s.Start+at, s.End+at
		p.spans = append(p.spans, s)
	}
}

// hear makes a step of the next line of the client's, with the chunk of a BDAT.
func (b *builder) hear() {
	st := step{kind: stepHear, piece: b.heard.cutLine()}
	if n, ok := chunkSize(string(st.data)); ok {
		if b.heard.masked() {
			n = len(b.heard.left()) // masks are not as long as what they stand for
		}
		for n = min(n, len(b.heard.left())); n > 0; {
			p := b.heard.cutWithin(n)
			st.chunk = append(st.chunk, p)
			n -= len(p.data)
		}
	}
	b.step(st)
}

// chunkSize is the size that a BDAT announces, not ok for any other line.
func chunkSize(line string) (n int, ok bool) {
	if wire.Verb(line) != "BDAT" {
		return 0, false
	}
	fields := strings.Fields(line)
	if len(fields) < 2 {
		return 0, false
	}
	n, err := strconv.Atoi(fields[1])
	return n, err == nil && n >= 0
}

// text makes a step of message text, up to the lone dot or as far as it goes.
func (b *builder) text() {
	st := step{kind: stepText}
	whole := true // the line before ended in CRLF
	for len(b.heard.left()) > 0 {
		p := b.heard.cutLine()
		if len(st.text) == 0 {
			st.line = p.line
		}
		st.text = append(st.text, p)
		if whole && string(p.data) == loneDot {
			b.code = ""
			break
		}
		whole = bytes.HasSuffix(p.data, []byte("\r\n"))
	}
	b.step(st)
}
