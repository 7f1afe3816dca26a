package server

import (
	"crypto/tls"
	"slices"
	"strings"
)

// Limits of what a server remembers. A client under test may be wrong in any
// way, also by sending without end.
const (
	maxRecorded = 4 << 20 // bytes of lines a session
	maxMessages = 256     // messages a server, the latest
	maxErrors   = 64      // session errors a server, the first
)

// Side says which end of a connection wrote something.
type Side uint8

// The two ends of a connection.
const (
	FromClient Side = iota // received by the server
	FromServer             // sent by the server
)

// String returns "C" or "S", as in a transcript.
func (d Side) String() string {
	if d == FromServer {
		return "S"
	}
	return "C"
}

// Line is one recorded piece of a conversation: a line received, a chunk of
// BDAT octets, a line of a reply, or the bytes of one Raw, Segments or Endless.
type Line struct {
	Session int    // ordinal of the session, from 1
	From    Side   // who wrote it
	Raw     string // the exact bytes, with their line end
	TLS     bool   // whether they went through TLS
}

// Text returns the line without its CRLF. Any other line end stays in it, so
// that a bare LF is seen.
func (l Line) Text() string { return strings.TrimSuffix(l.Raw, "\r\n") }

// String returns the line as a transcript shows it.
func (l Line) String() string { return l.From.String() + ": " + l.Text() }

// Message is a mail that a Polite session accepted, or in a Visit any that was
// begun.
type Message struct {
	Session    int                  // ordinal of the session, from 1
	Peer       string               // IP address of the client, "" where it has none
	Verb       string               // of the greeting: EHLO, HELO or LHLO
	Helo       string               // argument of the last EHLO, HELO or LHLO
	From       string               // reverse-path without its brackets
	Parameters Parameters           // of MAIL
	To         []string             // accepted recipients, without brackets, in order
	Recipients []Recipient          // all that were named, in order
	Data       string               // the message, dot-stuffing removed, line ends as sent
	User       string               // who had logged in, "" for nobody
	TLS        bool                 // whether the session was encrypted
	State      *tls.ConnectionState // of the encryption, nil in clear
	XClient    map[string]string    // attributes of XCLIENT, names in upper case, decoded

	// Complete says that the message came whole; Accepted that it was then
	// accepted, in LMTP for one recipient at least. Reply is what was said, in
	// LMTP of the last recipient; only a Visit has it.
	Complete, Accepted bool
	Reply              string
}

// record keeps one line of session n, unless the session has used up its share.
func (s *Server) record(n int, from Side, raw string, tls bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.recorded == nil {
		s.recorded = make(map[int]int)
	}
	if s.recorded[n]+len(raw) > maxRecorded {
		return
	}
	s.recorded[n] += len(raw)
	s.lines = append(s.lines, Line{Session: n, From: from, Raw: raw, TLS: tls})
}

// deliver keeps an accepted message, but for those of a Listener, whose owners have
// their visits.
func (s *Server) deliver(m Message) {
	if s.handOver != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.messages) == maxMessages {
		s.messages = slices.Delete(s.messages, 0, 1)
	}
	s.messages = append(s.messages, m)
}

// Log returns everything received and sent so far, all sessions in order of
// time; of each session the first 4 MiB. A line is recorded before it is acted
// upon or written: whoever has read a reply finds it here, and its command too.
func (s *Server) Log() []Line {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.lines)
}

// Received returns the text of the lines that clients have sent so far, message
// text included, all sessions in order of time. See [Line.Text] and [Server.Log].
func (s *Server) Received() []string { return s.texts(FromClient) }

// Sent returns the text of what the server has sent so far; see [Server.Received].
func (s *Server) Sent() []string { return s.texts(FromServer) }

func (s *Server) texts(from Side) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var texts []string
	for _, line := range s.lines {
		if line.From == from {
			texts = append(texts, line.Text())
		}
	}
	return texts
}

// Messages returns the messages that Polite sessions have accepted, at most the
// latest 256.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}
