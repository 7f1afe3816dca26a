package server

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"strings"

	"smtplay/engine/transcript"
	"smtplay/engine/wire"
)

// Bounds on what a client that left the recording gets.
const (
	mostRefused  = 100 // lines, before it is shown the door
	longestReply = 400 // bytes of text (RFC 5321 section 4.5.3.1.5)
	mostOthers   = 3   // alternatives in a Departure
)

// errTLSBegun: what came in clear is the beginning of a handshake.
var errTLSBegun = errors.New("the client began a TLS handshake")

// handshakeRecord is the first byte of a handshake (RFC 8446 section 5.1), and no
// command begins with it.
const handshakeRecord = 0x16

// line reads a line of the client's, and what there is of one with an error.
func (p *player) line(st *step) ([]byte, error) {
	_, encrypted := p.s.TLS()
	if !encrypted && st.kind != stepText && !bytes.HasPrefix(st.data, []byte{handshakeRecord}) {
		if first, err := p.s.in.Peek(1); err == nil && first[0] == handshakeRecord {
			return nil, errTLSBegun
		}
	}
	raw, err := p.s.readLine()
	return []byte(raw), err
}

// lost ends the session for an error of the connection, and judges whether the
// client was at the end of the recording.
func (p *player) lost(partial []byte, err error) {
	p.done("client")
	got := ""
	switch {
	case errors.Is(err, ErrClosed):
		p.done("server")
		return
	case errors.Is(err, errTLSBegun):
		got = "the beginning of a TLS handshake"
	case errors.Is(err, ErrTooLong):
		got, partial = fmt.Sprintf("a line of more than %d bytes", p.s.longest), nil
	case len(partial) == 0 && p.complete():
		return
	default:
		got = p.ending(err)
	}
	if len(partial) > 0 {
		got = p.heard(partial) + ", then " + got
	}
	line, want := p.wanted(p.lead())
	if errors.Is(err, ErrTooLong) {
		p.depart(line, want, got, "500 5.5.2 Line too long")
		p.done("server")
		return
	}
	p.depart(line, want, got, "")
}

// ending says in words how a connection ended.
func (p *player) ending(err error) string {
	switch {
	case errors.Is(err, ErrTimeout):
		return "nothing more before the session's time was over"
	case gone(err):
		return "the end of the connection"
	}
	return p.masked(strings.TrimPrefix(err.Error(), "start tls: "))
}

// complete says whether nothing but QUIT was still to come from the client.
func (p *player) complete() bool {
	for _, c := range p.fitting {
		if _, owes := c.owes(p.at); !owes {
			return true
		}
	}
	return false
}

// wanted is what a conversation goes on with, and the line of the file where.
func (p *player) wanted(c *conversation) (line int, want string) {
	st, owes := c.owes(p.at)
	if next := &c.steps[p.at]; !owes || next.kind == stepHear {
		st = next
	}
	switch st.kind {
	case stepHear:
		return st.line, st.String()
	case stepText:
		return st.line, st.text[0].String()
	case stepTLS:
		return st.line, "a TLS handshake"
	}
	return st.line, "the end of the connection"
}

// strayed tells of a line that does not stand here in the recording, and
// refuses what follows. QUIT is granted.
func (p *player) strayed(raw []byte, said string) {
	line, want := p.wanted(p.lead())
	if wire.Verb(string(raw)) == "QUIT" {
		p.depart(line, want, said, fmt.Sprintf("221 2.0.0 %s was still to come", p.place(line)))
		p.done("server")
		return
	}
	answer := fmt.Sprintf("554 5.5.0 %s has %s", p.place(line), want)
	if said == want {
		said += ", which is not what the mask stands for"
	}
	p.skipChunk(raw)
	p.depart(line, want, said, answer)
	p.refuse()
}

// skipChunk reads the octets that a BDAT announces: they follow it even where it
// is refused (RFC 3030 section 2).
func (p *player) skipChunk(line []byte) error {
	n, ok := chunkSize(string(line))
	if !ok {
		return nil
	}
	_, err := io.CopyN(io.Discard, p.s.in, int64(n))
	return err
}

func (p *player) place(line int) transcript.Pos {
	return transcript.Pos{File: p.lead().file, Line: line}
}

// depart reports that the client left the recording and answers it, if there is
// an answer.
func (p *player) depart(line int, want, got, answer string) {
	answer = printable(answer)
	d := &Departure{Client: p.client, Pos: p.place(line), Want: want, Got: got, Answer: answer}
	for _, c := range p.fitting {
		line, other := p.wanted(c)
		if c != p.lead() && other != want && len(d.Or) < mostOthers {
			d.Or = append(d.Or, Alternative{transcript.Pos{File: c.file, Line: line}, other})
		}
	}
	p.left = d
	if p.Left != nil {
		p.Left(d)
	}
	p.reply(answer)
}

// reply answers a client that has left, if there is an answer.
func (p *player) reply(answer string) {
	if answer == "" || p.s.err != nil {
		return
	}
	p.show(transcript.Server, []byte(answer+"\r\n"), nil)
	p.s.Reply(answer)
}

// printable is what of a text may stand in a reply.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
	if len(s) > longestReply {
		s = s[:longestReply] + "..."
	}
	return s
}

// refuse says no to all that a client sends that has left, until it goes.
func (p *player) refuse() {
	p.done("server")
	answer := printable(fmt.Sprintf("503 5.5.1 The recording was left at %s", p.left.Pos))
	for range mostRefused {
		line, err := p.line(&step{})
		if err != nil {
			if gone(err) {
				p.done("client")
			}
			return
		}
		p.heard(line)
		if wire.Verb(string(line)) == "QUIT" {
			p.reply("221 2.0.0 Bye")
			return
		}
		if p.skipChunk(line) != nil {
			return
		}
		p.reply(answer)
	}
	p.reply("421 4.7.0 Too many commands")
}

// masked is a text as it may be shown.
func (p *player) masked(text string) string { return p.login.redact.String(text) }

// tlsWords say what a handshake agreed on.
func tlsWords(state tls.ConnectionState) string {
	return strings.ReplaceAll(tls.VersionName(state.Version), " ", "") + " " + tls.CipherSuiteName(state.CipherSuite)
}
