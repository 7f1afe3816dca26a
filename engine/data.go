package engine

import (
	"bytes"
	"context"
	"strconv"

	"smtplay/engine/transcript"
	"smtplay/engine/wire"
)

// Message sends the text of a message after a 354: CRLF line ends, dots
// doubled, and the lone dot.
func (c *Conn) Message(ctx context.Context, pos transcript.Pos, text []byte) error {
	return c.sendMessage(ctx, pos, text, true)
}

// Unstuffed sends the text of a message like Message, and doubles no dots: of a
// line that begins with one the server takes that away (RFC 5321 4.5.2). The text
// may not hold the lone dot, for what follows it would be taken for commands.
func (c *Conn) Unstuffed(ctx context.Context, pos transcript.Pos, text []byte) error {
	return c.sendMessage(ctx, pos, text, false)
}

func (c *Conn) sendMessage(ctx context.Context, pos transcript.Pos, text []byte, stuff bool) error {
	if err := guard(c, text); err != nil {
		return err
	}
	if err := c.ready(ctx, "the message"); err != nil {
		return err
	}
	if stuff {
		c.out = wire.AppendMessage(c.out[:0], text)
	} else {
		c.out = append(wire.AppendCRLF(c.out[:0], text), ".\r\n"...)
		if loneDot(c.out) < len(c.out) {
			return &Error{Op: "write", Addr: c.addr, Kind: Misuse, Msg: "a line of the message is a lone dot, which ends it where dots are not doubled"}
		}
	}
	c.endMessage(".", pos)
	return c.flush(ctx, c.out, nil)
}

// Chunk sends BDAT with a chunk of a message (RFC 3030 section 2): its bytes as
// they are, neither line ends nor dots touched, in one write with the command.
// Each chunk owes a reply, the last one as many as the lone dot after DATA. hide is
// what Marks found in it, where it is a part of something larger.
func (c *Conn) Chunk(ctx context.Context, pos transcript.Pos, chunk []byte, last bool, hide ...transcript.Span) error {
	if err := c.usable("write"); err != nil {
		return err
	}
	if c.message {
		return &Error{Op: "write", Addr: c.addr, Kind: Misuse, Msg: "BDAT was not sent: after a 354 comes message text, up to the lone dot"}
	}
	if c.auth.open {
		return &Error{Op: "write", Addr: c.addr, Kind: Misuse, Msg: "BDAT was not sent: a 334 is unanswered, and BDAT would be taken for the answer"}
	}
	if err := guard(c, chunk); err != nil {
		return err
	}
	line := "BDAT " + strconv.Itoa(len(chunk))
	if last {
		line += " LAST"
	}
	if err := c.ready(ctx, line); err != nil {
		return err
	}
	c.out = append(append(append(c.out[:0], line...), "\r\n"...), chunk...)
	if last {
		c.endMessage(line, pos)
	} else {
		c.owed = append(c.owed, &Command{Line: line, Pos: pos})
	}
	for i := range hide {
		hide[i].Start += len(line) + len("\r\n")
		hide[i].End += len(line) + len("\r\n")
	}
	return c.flush(ctx, c.out, hide)
}

// Marks are the places of what must be hidden of a message that is sent in chunks:
// none of them need hold the whole of a secret. It fails where a secret would go
// over a connection that is not safe.
func (c *Conn) Marks(message []byte) ([]transcript.Span, error) {
	if err := guard(c, message); err != nil {
		return nil, err
	}
	return c.opts.Secrets.Spans(message), nil
}

// sendText sends lines of message text by hand.
func (c *Conn) sendText(ctx context.Context, pos transcript.Pos, text string) error {
	if err := guard(c, text); err != nil {
		return err
	}
	if err := c.ready(ctx, "the message text"); err != nil {
		return err
	}
	c.out = wire.AppendCRLF(c.out[:0], text)
	if len(c.out) == 0 {
		c.out = append(c.out, '\r', '\n')
	}
	if dot := loneDot(c.out); dot == len(c.out) {
		c.endMessage(".", pos)
	} else if dot > 0 {
		return &Error{Op: "write", Addr: c.addr, Kind: Misuse, Msg: "the text goes on after the lone dot that ends the message: send the rest after its reply, or use raw"}
	}
	return c.flush(ctx, c.out, nil)
}

// loneDot is the offset behind the line of the lone dot, 0 where there is none.
func loneDot(text []byte) int {
	if bytes.HasPrefix(text, []byte(".\r\n")) {
		return 3
	}
	if i := bytes.Index(text, []byte("\r\n.\r\n")); i >= 0 {
		return i + 5
	}
	return 0
}

// endMessage notes what the end of a message owes, the lone dot or the last
// chunk: one reply, or in LMTP one for each accepted recipient (RFC 2033 4.2).
func (c *Conn) endMessage(line string, pos transcript.Pos) {
	c.message = false
	if c.prdr && !c.lmtp {
		c.prdr = false
		c.owed = append(c.owed, &Command{Line: line, Pos: pos, Final: true, Each: true})
		return
	}
	if !c.lmtp || line != "." && len(c.rcpts) == 0 { // BDAT without a recipient is refused once
		c.owed = append(c.owed, &Command{Line: line, Pos: pos, Final: true})
		return
	}
	for _, rcpt := range c.rcpts {
		c.owed = append(c.owed, &Command{Line: line, Pos: pos, Final: true, For: rcpt})
	}
	c.rcpts = nil
}

// eachOwes notes what follows a 353 to the end of a message, before the replies to
// what was sent behind it: one for each accepted recipient, then one for the
// message (draft-hall-prdr section 4.5).
func (c *Conn) eachOwes(end *Command) {
	var owed []*Command
	for _, rcpt := range append(c.rcpts, "") {
		owed = append(owed, &Command{Line: end.Line, Pos: end.Pos, Final: true, For: rcpt})
	}
	c.owed = append(owed, c.owed...)
	c.rcpts = nil
}
