package demo

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"regexp"
	"strconv"
	"sync"
)

// frontConn stands between a client and go-smtp and sets right what go-smtp has
// no option for: the enhanced codes of two replies, the codes of some refusals,
// the address <postmaster> without a domain, and who does the TLS handshake.
//
// go-smtp asks for more only when it has obeyed what it was given, and writes
// one line of a reply at a time. So a Read that gives one line at most keeps
// both sides in step: what a line is, a command or message text, follows from
// what was written last.
type frontConn struct {
	net.Conn          // raw, or TLS over it
	raw      net.Conn // as accepted
	desk     *desk
	greeted  bool // the next write is a greeting too many
	left     bool // the client has gone to the secure desk
	message  bool // a 354 was the last reply
	chunk    int  // octets of a BDAT chunk that are still to come
	in       *bufio.Reader
	rest     []byte // of a line that go-smtp had no room for
}

// lines prepares the reading by lines.
func (c *frontConn) lines() *frontConn {
	c.in = bufio.NewReader(c.Conn)
	return c
}

// handOver is the one reply on which go-smtp would begin TLS by itself.
const handOver = "220 2.0.0 Ready to start TLS"

// corrections are replies of go-smtp, by how they begin, and the whole line that
// is said instead.
var corrections = []struct{ from, to string }{
	{"250 2.0.0 Roger, accepting mail from <", "250 2.1.0 Ok"}, // RFC 3463 section 3.2
	{"250 2.0.0 I'll make sure <", "250 2.1.5 Ok"},
	// RFC 5321 section 4.3.2: 503 is the reply to a bad sequence of commands.
	{"502 5.5.1 Please introduce yourself first.", "503 5.5.1 Please introduce yourself first."},
	{"502 5.5.1 Missing MAIL FROM command.", "503 5.5.1 Missing MAIL FROM command."},
	{"502 5.5.1 Missing RCPT TO command.", "503 5.5.1 Missing RCPT TO command."},
	// On the secure side go-smtp knows of no TLS, as it is not its own.
	{"502 5.5.1 TLS not supported", "503 5.5.1 TLS already active"},
}

// Write sends one line of a reply.
func (c *frontConn) Write(line []byte) (int, error) {
	switch {
	case c.left:
		return len(line), nil // what go-smtp says of a handshake that is not its own
	case c.greeted:
		c.greeted = false
		return len(line), nil
	}
	c.message = bytes.HasPrefix(line, []byte("354 "))
	out := line
	for _, correction := range corrections {
		if bytes.HasPrefix(line, []byte(correction.from)) {
			out = []byte(correction.to + "\r\n")
		}
	}
	if _, err := c.Conn.Write(out); err != nil {
		return 0, err
	}
	c.left = c.desk.secure != nil && bytes.HasPrefix(line, []byte(handOver))
	return len(line), nil
}

// Read gives go-smtp the client's next line, or a part of it.
func (c *frontConn) Read(p []byte) (int, error) {
	if c.left {
		// The client's next bytes are a handshake, which the secure desk does
		// with a connection of its own. Commands that came in clear behind
		// STARTTLS stay here and are never obeyed (RFC 3207 section 4.2).
		if c.raw != nil {
			raw := c.raw
			c.raw = nil
			c.desk.secure.take(raw, true)
		}
		return 0, io.EOF
	}
	if c.chunk > 0 && len(c.rest) == 0 {
		// The octets of a chunk have no lines: the last may end without one.
		n, err := c.in.Read(p[:min(len(p), c.chunk)])
		c.chunk -= n
		return n, err
	}
	if len(c.rest) == 0 {
		line, err := c.in.ReadSlice('\n')
		if len(line) == 0 {
			return 0, err
		}
		c.rest = c.command(line)
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

var (
	// RFC 5321 section 4.5.1: every server knows postmaster without a domain.
	barePostmaster = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)^(RCPT TO: *)<postmaster>`) })
	chunkCommand   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)^BDAT[ \t]+([0-9]{1,9})[ \t\r\n]`) })
)

// command returns what go-smtp is to read for a line of the client.
func (c *frontConn) command(line []byte) []byte {
	if c.message {
		return bytes.Clone(line)
	}
	if size := chunkCommand().FindSubmatch(line); size != nil {
		c.chunk, _ = strconv.Atoi(string(size[1]))
	}
	return barePostmaster().ReplaceAll(line, []byte("${1}<postmaster@"+hostedDomain+">"))
}

// Close closes the connection, unless it has gone to the secure desk.
func (c *frontConn) Close() error {
	if c.raw == nil || c.left {
		return nil
	}
	if c.Conn != c.raw {
		c.Conn.Close() // with TLS's farewell
	}
	return c.desk.demo.release(c.raw)
}
