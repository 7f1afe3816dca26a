package engine

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"smtplay/engine/transcript"
	"smtplay/engine/wire"
)

// writePiece is how much is written under one deadline: a large message over a
// slow line may take its time, a server that reads nothing may not.
const writePiece = 64 << 10

// Send sends one command and CRLF; a reply is owed from then on. Between a 354
// and the lone dot it sends message text instead: any number of lines, as they
// stand, with CRLF line ends. Only the lone dot owes a reply then.
//
// It fails, and sends nothing, while an earlier reply is unread, when bytes
// have come that nothing asked for (they stay unread), and where a secret would
// go over a connection that is not safe.
func (c *Conn) Send(ctx context.Context, pos transcript.Pos, line string) error {
	if c.message && c.Open() {
		return c.sendText(ctx, pos, line)
	}
	c.line[0] = line
	return c.Pipeline(ctx, pos, c.line[:])
}

// Pipeline sends several commands in one segment (RFC 2920); as many replies
// are owed, in their order.
func (c *Conn) Pipeline(ctx context.Context, pos transcript.Pos, lines []string) error {
	if err := c.usable("write"); err != nil {
		return err
	}
	if c.message {
		return &Error{Op: "write", Addr: c.addr, Kind: Misuse, Msg: "no command was sent: after a 354 comes message text, up to the lone dot"}
	}
	return c.group(ctx, pos, c.out[:0], lines)
}

// PipelineText sends the text of a message after a 354, up to the lone dot, as
// Send takes it, and commands in the same segment: RFC 2920 3.1 lets the content
// of a message be the first of a group.
func (c *Conn) PipelineText(ctx context.Context, pos transcript.Pos, text string, lines []string) error {
	if err := c.usable("write"); err != nil {
		return err
	}
	if !c.message {
		return &Error{Op: "write", Addr: c.addr, Kind: Misuse, Msg: "nothing was sent: the text of a message comes after a 354"}
	}
	if err := guard(c, text); err != nil {
		return err
	}
	out := wire.AppendCRLF(c.out[:0], text)
	if dot := loneDot(out); dot == 0 || dot != len(out) {
		return &Error{Op: "write", Addr: c.addr, Kind: Misuse, Msg: "nothing was sent: after a 354 the first of a group is the text of the message, which ends in the lone dot"}
	}
	return c.group(ctx, pos, out, lines)
}

// group sends commands behind out, which is the text of a message or nothing.
func (c *Conn) group(ctx context.Context, pos transcript.Pos, out []byte, lines []string) error {
	auth, text := c.auth, len(out) > 0
	logins := 0
	var spans []transcript.Span
	cmds := make([]Command, len(lines))
	for i, line := range lines {
		if strings.IndexByte(line, '\n') >= 0 || strings.IndexByte(line, '\r') >= 0 {
			return &Error{Op: "write", Addr: c.addr, Kind: Misuse, Msg: "a command is one line, and this one holds a line end (raw sends bytes as they are)"}
		}
		if err := guard(c, line); err != nil {
			return err
		}
		cmds[i] = Command{Line: line, Pos: pos}
		s, hidden, part := c.saslSpan(&auth, line)
		cmds[i].sasl = part
		if part && beginsLogin(line) {
			logins++
		}
		if hidden {
			cmds[i].Line = line[:s.Start] + "[" + s.Mask + "]"
			spans = append(spans, transcript.Span{Start: s.Start + len(out), End: s.End + len(out), Mask: s.Mask})
		}
		out = append(append(out, line...), '\r', '\n')
	}
	c.out = out
	what := "the message"
	if !text {
		what = cmds[0].String()
	}
	if err := c.ready(ctx, what); err != nil {
		return err
	}
	if err := c.mayLogIn(ctx, logins); err != nil {
		return err
	}
	if text {
		c.endMessage(".", pos)
	}
	c.auth, c.head = auth, ""
	for i := range cmds {
		c.owed = append(c.owed, &cmds[i])
		if !cmds[i].sasl {
			c.noteVerb(cmds[i].word())
		}
	}
	return c.flush(ctx, out, spans)
}

// Raw writes bytes as they are. They owe no reply, and until the next reply is
// read, or silence was heard, bytes that nothing asked for are no fault.
func (c *Conn) Raw(ctx context.Context, _ transcript.Pos, b []byte) error {
	if err := c.usable("write"); err != nil {
		return err
	}
	if err := guard(c, b); err != nil {
		return err
	}
	if err := c.mayLogIn(ctx, c.rawLogins(b)); err != nil {
		return err
	}
	c.raw = true
	return c.flush(ctx, b, c.rawSpans(b))
}

// longestHead bounds the head of a line, in bytes: no AUTH has more.
const longestHead = 64 << 10

// rawSpans finds what must be hidden of the lines of an AUTH exchange.
func (c *Conn) rawSpans(b []byte) []transcript.Span {
	if c.message {
		return nil
	}
	var spans []transcript.Span
	at := 0
	for line := range bytes.Lines(b) {
		// What was sent without a line end is the head of this line: it is read again.
		head := len(c.head)
		if head > 0 {
			c.auth = c.atHead
		}
		c.atHead = c.auth
		whole := c.head + string(line)
		if c.head = ""; line[len(line)-1] != '\n' && len(whole) < longestHead {
			c.head = whole
		}
		if s, hidden, _ := c.saslSpan(&c.auth, strings.TrimRight(whole, "\r\n")); hidden && s.End > head {
			spans = append(spans, transcript.Span{Start: max(s.Start-head, 0) + at, End: s.End - head + at, Mask: s.Mask})
		}
		at += len(line)
	}
	return spans
}

// ready says whether what comes next may be sent now.
func (c *Conn) ready(ctx context.Context, what string) error {
	if err := c.usable("write"); err != nil {
		return err
	}
	if err := c.watch(ctx); err != nil {
		return err
	}
	if len(c.owed) > 0 {
		return c.owing(c.owed[0], c.shown(what)+" was not sent: ")
	}
	return c.unasked(what)
}

// owing names a command whose reply nobody has read.
func (c *Conn) owing(cmd *Command, prefix string) *Error {
	what := "the greeting has not been read"
	if !cmd.Greeting {
		what = "the reply to " + c.shown(cmd.String()) + " has not been read"
		if cmd.Pos.Line > 0 {
			what += ", which was sent at " + cmd.Pos.String()
		}
	}
	return &Error{Op: "write", Addr: c.addr, Kind: Owed, Command: cmd, Msg: prefix + what}
}

// guard keeps a declared secret from a connection that is not safe.
func guard[T string | []byte](c *Conn, b T) error {
	if c.opts.Insecure {
		return nil
	}
	why := c.Unsafe()
	if why == "" {
		return nil
	}
	name := c.opts.Secrets.HoldsSecret([]byte(b))
	if name == "" {
		return nil
	}
	return &Error{Op: "write", Addr: c.addr, Kind: Insecure, Msg: fmt.Sprintf("nothing was sent: the secret %q would go over a connection that is not safe: %s", name, why)}
}

// Unsafe says why a secret should not go over this connection, "" where it may.
func (c *Conn) Unsafe() string {
	switch {
	case c.state != nil && !c.state.info.Verified():
		return "the server's certificate did not verify: " + strings.Join(c.state.info.Problems, ", ")
	case c.state == nil && !c.Loopback():
		return "it is neither TLS nor loopback"
	}
	return ""
}

// shown is a command line as an error may quote it.
func (c *Conn) shown(line string) string {
	line = c.opts.Secrets.String(line)
	if len(line) > 200 {
		line = strings.ToValidUTF8(line[:200], "") + "…"
	}
	return line
}

// flush writes b and records it.
func (c *Conn) flush(ctx context.Context, b []byte, spans []transcript.Span) error {
	if err := c.watch(ctx); err != nil {
		return err
	}
	now := time.Now()
	c.sock.ended = time.Time{}
	c.recordAt(now, transcript.Client, b, spans)
	for rest := b; len(rest) > 0; now = time.Now() { // a command is one piece
		piece := rest[:min(len(rest), writePiece)]
		c.sock.writeWithin(orDefault(c.opts.Timeout, DefaultTimeout), now)
		if _, err := c.stream().Write(piece); err != nil {
			return c.unwritten(ctx, err)
		}
		rest = rest[len(piece):]
	}
	c.sent = c.sock.since(now)
	return nil
}

// unwritten says why a write failed, with what the server said before.
func (c *Conn) unwritten(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return c.die(interrupted(ctx, "write"))
	}
	e := &Error{Op: "write", Addr: c.addr, Err: err}
	if len(c.owed) > 0 {
		e.Command = c.owed[len(c.owed)-1]
	}
	last := c.available() // an alert says more than the reset that followed it
	kind, over := ended(err)
	switch {
	case isAlert(last):
		e.Err = last
		c.tlsFault(e)
	case isTimeout(err):
		e.Kind, e.After, e.Err = Timeout, orDefault(c.opts.Timeout, DefaultTimeout), nil
		e.Msg = "the server did not take in what was sent within " + seconds(e.After)
	case over:
		e.Kind, e.Err, e.Msg = kind, nil, "the server closed the connection while it was sent to"
	default:
		c.tlsFault(e)
	}
	e.Got = c.take()
	return c.die(e)
}
