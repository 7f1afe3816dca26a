package transcript

import (
	"fmt"
	"strings"
	"time"
)

// Kind is what an Event tells of.
type Kind uint8

const (
	Connect Kind = iota + 1 // a connection was opened; Data is its target and address
	TLS                     // a handshake was finished; Data is TLSInfo in words
	Server                  // Data came from the server
	Client                  // Data went to the server
	Note                    // a remark of smtplay's or of the script's
	Close                   // the connection ended; Data says by whom
	Step                    // a heading
	Accept                  // a connection was let in, in which smtplay is the server; Data is the listener's name and whom it is from
)

var kindWords = map[Kind]string{Connect: "connect", TLS: "tls", Note: "note", Close: "close", Step: "step", Accept: "accept", Server: "S", Client: "C"}

// String is the word of a kind in a .smtp file.
func (k Kind) String() string { return kindWords[k] }

// Pos is a place in a script. The zero value is nowhere.
type Pos struct {
	File string
	Line int // 1-based
}

// String is "file:line", or "" for nowhere.
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// Span marks the bytes Start to End of an Event's Data, which a mask stands
// for: "secret:password", "sasl user=… secret=…", "unique".
type Span struct {
	Start, End int
	Mask       string
}

// Event is one thing that happened in one conversation.
type Event struct {
	Conn  int // which of the conversations open at the same time, from 1
	Kind  Kind
	Time  time.Time
	Data  []byte // Server, Client: the bytes on the wire; else words
	Spans []Span // in order and apart: what of Data must never be shown
}

// Recorder keeps events. What it keeps of Data it copies: the caller uses the
// bytes again.
type Recorder interface {
	Record(Event)
}

// TLSInfo is what a handshake agreed on and what verification found.
type TLSInfo struct {
	Version    string // "TLS1.3"
	Cipher     string // the IANA name
	ALPN       string
	ServerName string // the name asked for and checked
	Resumed    bool
	Subject    string   // "CN=maila.example.com", of the server's certificate
	Problems   []string // what verification found; none: the server is who it says
}

// Verified says that chain, dates, signature and name all held.
func (t *TLSInfo) Verified() bool { return len(t.Problems) == 0 }

// String is the line of a transcript: version, cipher, subject, verdict.
func (t *TLSInfo) String() string {
	verdict := "verified"
	if !t.Verified() {
		verdict = "unverified: " + strings.Join(t.Problems, ", ")
	}
	return strings.Join([]string{t.Version, t.Cipher, t.Subject, verdict}, " ")
}

// ParseTLSInfo takes the words of a TLS event apart, as String put them
// together; ok is false where they are no such words. ALPN, ServerName and
// Resumed are not among them.
func ParseTLSInfo(words string) (info TLSInfo, ok bool) {
	parts := strings.SplitN(words, " ", 3)
	if len(parts) < 3 {
		return TLSInfo{}, false
	}
	info = TLSInfo{Version: parts[0], Cipher: parts[1]}
	if info.Subject, ok = strings.CutSuffix(parts[2], " verified"); ok {
		return info, true
	}
	subject, problems, ok := strings.Cut(parts[2], " unverified: ")
	if !ok {
		return TLSInfo{}, false
	}
	info.Subject, info.Problems = subject, strings.Split(problems, ", ")
	return info, true
}
