package server

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"syscall"
	"time"

	"smtplay/engine/transcript"
)

// Record lets rec see the session from here on: that it was accepted, each line
// and all bytes in both directions, handshakes, and who ended it. number tells
// the conversations of a transcript apart, from 1; name is what people call the
// listener, and may be "". What a client says in an AUTH exchange is marked as
// secret, and its password made known to [Session.Secrets]. A nil rec records
// nothing.
func (s *Session) Record(rec transcript.Recorder, number int, name string) {
	if rec == nil {
		return
	}
	if log, ok := rec.(*transcript.Log); ok && s.Secrets == nil {
		s.Secrets = log.Redactor
	}
	s.tape = tape{rec: rec, number: max(number, 1), login: login{redact: s.Secrets}}
	s.tape.record(transcript.Accept, []byte(strings.TrimSpace(name+" from "+cmp.Or(s.Peer(), s.base.RemoteAddr().Network()))), nil)
}

// Note puts a remark into what is recorded.
func (s *Session) Note(words string) { s.tape.record(transcript.Note, []byte(words), nil) }

// Peer is the IP address of the client, "" where it has none.
func (s *Session) Peer() string {
	if tcp, ok := s.base.RemoteAddr().(*net.TCPAddr); ok {
		return tcp.IP.String()
	}
	return ""
}

// tape records a session as a conversation of a transcript. The zero value
// records nothing.
type tape struct {
	rec     transcript.Recorder
	number  int
	login   login
	line    []byte // what of a reply's line was said, as much as is needed of it
	text    bool   // a 354 was said: message text follows
	whole   bool   // the line of text before ended in CRLF
	within  bool   // ReadData gathers in message
	message []byte
	over    bool
}

// mostOfLine is how much of a reply's line tells what it is.
const mostOfLine = 16 << 10

func (t *tape) record(kind transcript.Kind, data []byte, spans []transcript.Span) {
	if t.rec != nil && !t.over {
		t.rec.Record(transcript.Event{Conn: t.number, Kind: kind, Time: time.Now(), Data: data, Spans: spans})
	}
}

// said records bytes of ours, and what they ask the client for.
func (t *tape) said(data []byte) {
	if t.rec == nil || len(data) == 0 {
		return
	}
	t.record(transcript.Server, data, t.login.proofs(data))
	for line := range bytes.Lines(data) {
		t.line = append(t.line, line[:min(len(line), mostOfLine-min(mostOfLine, len(t.line)))]...)
		if line[len(line)-1] == '\n' {
			t.login.answered(t.line)
			t.text = bytes.HasPrefix(t.line, []byte("354"))
			t.whole = true
			t.line = t.line[:0]
		}
	}
}

// heard records a line of the client's, or a piece of one.
func (t *tape) heard(data []byte) {
	switch {
	case t.rec == nil:
	case t.within:
		if t.message == nil {
			t.message = make([]byte, 0, mostSpare/4)
		}
		t.message = append(t.message, data...)
	case t.text:
		t.record(transcript.Client, data, nil)
		t.text = !t.whole || string(data) != loneDot
		t.whole = bytes.HasSuffix(data, []byte("\r\n"))
	default:
		t.record(transcript.Client, data, t.login.hide(string(data)))
	}
}

// octets records what is no line: the chunk of a BDAT.
func (t *tape) octets(data []byte) { t.record(transcript.Client, data, t.login.answers(data)) }

// textBegins has message text gathered: in one event a secret is found also
// where it goes over many lines.
func (t *tape) textBegins() { t.within = t.rec != nil }

// textEnds records what came of the message.
func (t *tape) textEnds() {
	if len(t.message) > 0 {
		t.record(transcript.Client, t.message, t.login.answers(t.message))
	}
	if t.within, t.text, t.message = false, false, t.message[:0]; cap(t.message) > mostSpare {
		t.message = nil
	}
}

// mostSpare is how much room is kept for the next message.
const mostSpare = 8 << 10

// handshake records one that was done, with the certificate that was shown.
func (t *tape) handshake(state tls.ConnectionState, shown *x509.Certificate) {
	if t.rec == nil {
		return
	}
	words := tlsWords(state)
	if shown != nil {
		words += " as " + shown.Subject.String()
	}
	t.record(transcript.TLS, []byte(words), nil)
	if len(state.PeerCertificates) > 0 {
		t.record(transcript.Note, []byte("the client showed a certificate: "+state.PeerCertificates[0].Subject.String()), nil)
	}
}

// noHandshake records one that came to nothing.
func (t *tape) noHandshake(e *HandshakeError) {
	words := e.Err.Error()
	if e.Alert != "" {
		words = noteRefused + e.Alert
	}
	t.record(transcript.Note, []byte(noteHandshake+": "+words), nil)
}

// alertOf is the alert with which a client refused a handshake, "" for none.
// crypto/tls gives it as an OpError of this name.
func alertOf(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "remote error" {
		return strings.TrimPrefix(op.Err.Error(), "tls: ")
	}
	return ""
}

// left records that the client went away.
func (t *tape) left(err error) {
	t.textEnds() // before the close
	if errors.Is(err, syscall.ECONNRESET) {
		t.record(transcript.Note, []byte("the client reset the connection"), nil)
	}
	t.close("client")
}

// close records the end, once.
func (t *tape) close(by string) {
	t.record(transcript.Close, []byte(by), nil)
	t.over = true
}
