package engine

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"smtplay/engine/transcript"
	"smtplay/engine/wire"
)

// Reply is a reply with what it answers.
type Reply struct {
	*wire.Reply
	Command *Command      // nil where nothing was asked
	Took    time.Duration // from the last byte sent to the last byte read
}

// incoming is all that a reply takes, in one piece.
type incoming struct {
	scanner wire.Scanner
	wire    wire.Reply
	reply   Reply
}

// ReadReply reads the next whole reply and judges nothing but its form. The
// time runs from the last byte sent (for the greeting: from the connect; where
// nothing was sent that may be answered: from now); within replaces the
// defaults where it is not 0.
// What has come by then counts, however late it is asked for.
//
// After a timeout, an end or a malformed reply the conversation is dead, so
// that a late reply is never taken for the answer to another command.
func (c *Conn) ReadReply(ctx context.Context, within time.Duration) (*Reply, error) {
	if err := c.usable("read"); err != nil {
		return nil, err
	}
	if err := c.watch(ctx); err != nil {
		return nil, err
	}
	var cmd *Command
	if len(c.owed) > 0 {
		cmd = c.owed[0]
	}
	from := c.sent
	if cmd == nil && !c.raw {
		from = time.Now()
	}
	if within <= 0 {
		within = c.timeout(cmd)
	}
	c.sock.ended = time.Time{}
	in := &incoming{}
	raw, err := c.readWhole(&in.scanner, from.Add(within))
	if err != nil {
		return nil, c.unread(ctx, err, cmd, within)
	}
	if cmd != nil {
		if c.owed = c.owed[1:]; len(c.owed) == 0 {
			c.owed = c.room[:0] // not what lies behind it: that room would never be used again
		}
	}
	c.raw, c.blamed = false, false
	now := time.Now()
	in.wire = in.scanner.Reply(raw)
	r := &in.reply
	r.Reply, r.Command, r.Took = &in.wire, cmd, c.sock.since(now).Sub(c.sent)
	var spans []transcript.Span
	if c.auth.mechanism != "" {
		spans = c.proofSpans(raw)
	}
	c.recordAt(now, transcript.Server, raw, spans)
	if r.Deviations != 0 {
		c.Note("in this reply: %v", r.Deviations)
	}
	c.observe(cmd, r.Reply)
	return r, nil
}

func (c *Conn) timeout(cmd *Command) time.Duration {
	if cmd != nil && cmd.Final {
		return orDefault(c.opts.Timeout, DefaultFinalTimeout)
	}
	return orDefault(c.opts.Timeout, DefaultTimeout)
}

// readWhole reads up to the end of one reply.
func (c *Conn) readWhole(scanner *wire.Scanner, deadline time.Time) ([]byte, error) {
	for {
		if c.r < len(c.in) {
			n, err := scanner.Scan(c.in[c.r:])
			if err != nil {
				c.readOn(deadline)
				return nil, err
			}
			if n > 0 {
				raw := c.keep(c.in[c.r : c.r+n])
				c.r += n
				return raw, nil
			}
		}
		if err := c.fill(deadline); err != nil {
			return nil, err
		}
	}
}

// keep copies a reply to where it stays: short ones lie side by side.
func (c *Conn) keep(raw []byte) []byte {
	if len(raw) > cap(c.kept)-len(c.kept) {
		if len(raw) > keptSize/2 {
			return slices.Clone(raw)
		}
		c.kept = make([]byte, 0, keptSize)
	}
	start := len(c.kept)
	c.kept = append(c.kept, raw...)
	return c.kept[start:len(c.kept):len(c.kept)]
}

const keptSize = 512

// readOn takes in the rest of a line that is no reply, so that the failure
// shows it: until its end, for a second at the most.
func (c *Conn) readOn(deadline time.Time) {
	if soon := time.Now().Add(time.Second); soon.Before(deadline) {
		deadline = soon
	}
	for len(c.in)-c.r < captureMax && !slices.Contains(c.in[c.r:], '\n') {
		if c.fill(deadline) != nil {
			return
		}
	}
}

// fill reads once more. After the deadline it still takes what is there.
func (c *Conn) fill(deadline time.Time) error {
	if c.r == len(c.in) {
		c.in, c.r = c.in[:0], 0
	} else if len(c.in) == cap(c.in) {
		c.in, c.r = c.more(), 0
	}
	defer func() { c.sock.impatient, c.sock.yields = false, false }()
	if deadline.IsZero() && c.tls == nil && c.sock.sys != nil { // before every command: such a read needs no deadline
		c.sock.impatient = true
		return c.read(time.Time{})
	}
	if c.sock.at != nil && c.sock.endsBy(deadline) { // what time it is need not be known, unless this one ends
		c.sock.yields = deadline.Sub(c.sent) > timeToYield
		return c.read(deadline)
	}
	now := time.Now()
	c.sock.impatient = deadline.IsZero() || !now.Before(deadline)
	until := deadline
	if c.sock.impatient {
		until = time.Time{}
	}
	c.sock.readUntil(until, now)
	c.sock.yields = until.Sub(now) > timeToYield
	if c.tls != nil { // which answers a key update while it reads
		if c.sock.impatient {
			deadline = now.Add(time.Second)
		}
		c.sock.writeUntil(deadline)
	}
	return c.read(until)
}

// read reads into the buffer, until a time that is set already, or a time before
// it; zero for none.
func (c *Conn) read(until time.Time) error {
	n, err := c.stream().Read(c.in[len(c.in):cap(c.in)])
	for n == 0 && !c.sock.impatient && isTimeout(err) && !c.sock.interrupted.Load() {
		if time.Now().Before(until) { // an earlier reply's time was over, not this one's
			c.sock.setRead(until)
		} else if c.sock.impatient = c.tls == nil && c.sock.sys != nil && c.sock.unseen(until); !c.sock.impatient {
			break
		}
		n, err = c.stream().Read(c.in[len(c.in):cap(c.in)])
	}
	c.in = c.in[:len(c.in)+n]
	if n > 0 {
		if c.state != nil {
			c.state.read = true
		}
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// more is the buffer with its unread bytes in front and room behind them.
func (c *Conn) more() []byte {
	unread := c.in[c.r:]
	if len(unread) <= cap(c.in)/2 {
		return append(c.in[:0], unread...)
	}
	return append(make([]byte, 0, 2*cap(c.in)), unread...)
}

func (c *Conn) stream() net.Conn {
	if c.tls != nil {
		return c.tls
	}
	return c.sock
}

// take empties the buffer into the transcript and returns what was in it.
func (c *Conn) take() []byte {
	got := slices.Clone(c.in[c.r:])
	c.in, c.r = c.in[:0], 0
	c.recordBytes(transcript.Server, got, nil)
	return got
}

// unread says why a reply could not be read, with the bytes that did come, and
// ends the conversation.
func (c *Conn) unread(ctx context.Context, err error, cmd *Command, waited time.Duration) *Error {
	if ctx.Err() != nil {
		c.unwatch() // what has come by now belongs into the transcript, and no deadline is in the way any more
		_ = c.available()
	}
	got := c.take()
	e := &Error{Op: "read", Addr: c.addr, Command: cmd, Got: got, Err: err}
	var bad *wire.MalformedError
	kind, over := ended(err)
	switch {
	case ctx.Err() != nil:
		e = interrupted(ctx, "read")
		e.Command, e.Got = cmd, got
	case errors.As(err, &bad):
		e.Kind, e.Msg = Malformed, "what came is no SMTP reply"
		c.Note("%v", bad)
	case isTimeout(err):
		e.Kind, e.After, e.Err = Timeout, waited, nil
		e.Msg = "no reply within " + seconds(waited)
		if len(got) > 0 {
			e.Msg = "the reply was not complete within " + seconds(waited)
		}
		c.Note("%s", e.Msg)
	case over:
		e.Kind, e.Err = kind, nil
		e.Msg = "the server closed the connection"
		if kind == Reset {
			e.Msg = "the connection was reset"
		}
		if len(got) > 0 {
			e.Msg += " in the middle of a reply"
		}
	default:
		c.tlsFault(e)
	}
	return c.die(e)
}

// seconds is a duration as people write it: 30s, 10m, 1m30s.
func seconds(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
