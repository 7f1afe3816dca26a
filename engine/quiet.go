package engine

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// ExpectClose waits for the end of the connection, no byte before it. A reset
// counts, but not the end of a command that failed, unless goodbye was said.
// What was still owed is owed no more. Bytes that came instead stay unread.
func (c *Conn) ExpectClose(ctx context.Context, within time.Duration) error {
	if within <= 0 {
		within = orDefault(c.opts.Timeout, DefaultTimeout)
	}
	const want = "the end of the connection"
	err := c.quiet(ctx, "expect_close", within)
	if e, ok := err.(*Error); ok {
		if e.Want = want; e.Kind == Mismatch {
			e.Msg = "bytes came instead of the end"
		}
		return e
	}
	if kind, ok := ended(err); ok {
		c.owed = nil
		if x, ok := c.sock.Conn.(*execConn); ok && !c.quit && !c.ended {
			c.wait(func() { x.Close() })
			if died := x.failed(); died != nil {
				c.shut("server")
				return &Error{Op: "expect_close", Addr: c.addr, Kind: Mismatch, Want: want, Err: died,
					Msg: "the command did not close the connection, it failed"}
			}
		}
		by := "server"
		if kind == Reset {
			by = "reset"
		}
		c.shut(by)
		return nil
	}
	if isTimeout(err) {
		c.Note("still open after %s", seconds(within))
		return &Error{Op: "expect_close", Addr: c.addr, Kind: Timeout, After: within, Want: want,
			Msg: "the connection was still open after " + seconds(within)}
	}
	e := c.unread(ctx, err, nil, within)
	e.Want = want
	return e
}

// ExpectSilence waits for d, in which no byte may come, nor the end. Bytes that
// were read already and not asked for count. What came stays unread.
func (c *Conn) ExpectSilence(ctx context.Context, d time.Duration) error {
	err := c.quiet(ctx, "expect_silence", d)
	e, ok := err.(*Error)
	switch {
	case !ok && isTimeout(err):
		c.raw = false
		c.Note("silence for %s", seconds(d))
		return nil
	case !ok:
		e = c.unread(ctx, err, nil, d)
	}
	e.Want = "silence for " + seconds(d)
	return e
}

// quiet waits for a byte, and fails with an *Error when one comes, or had come
// before. Otherwise the error is that of the read that ended the wait.
func (c *Conn) quiet(ctx context.Context, op string, d time.Duration) error {
	if err := c.usable(op); err != nil {
		return err
	}
	if err := c.watch(ctx); err != nil {
		return err
	}
	if c.r == len(c.in) {
		if err := c.fill(time.Now().Add(d)); err != nil {
			if ctx.Err() != nil {
				return c.die(interrupted(ctx, op))
			}
			return err
		}
	}
	c.available()
	c.blamed = true
	return &Error{Op: op, Addr: c.addr, Kind: Mismatch, Got: slices.Clone(c.in[c.r:]), Msg: "the server spoke"}
}

// Await waits until the server has said something that nobody has read. That
// ctx ends is no fault here, and leaves the conversation as it was: ok is false,
// and somebody else has something to say. The end of the connection is an error.
func (c *Conn) Await(ctx context.Context) (ok bool, err error) {
	if err := c.usable("read"); err != nil {
		return false, err
	}
	for c.r == len(c.in) {
		if c.watch(ctx) != nil {
			return false, nil
		}
		err := c.fill(time.Now().Add(time.Hour))
		switch {
		case err == nil || isTimeout(err) && ctx.Err() == nil:
		case ctx.Err() != nil:
			return false, nil
		default:
			return false, c.unread(ctx, err, nil, 0)
		}
	}
	return true, nil
}

// Enough to show what came unasked; no more, if it never ends.
const (
	unaskedBytes = 16 << 10
	unaskedReads = 64
)

// available takes in what has arrived by now, without waiting. The error is
// that of a connection that has ended; there may be bytes before the end.
func (c *Conn) available() error {
	for range unaskedReads {
		if len(c.in)-c.r >= unaskedBytes {
			return nil
		}
		err := c.fill(time.Time{})
		if isTimeout(err) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// unasked fails where bytes have come that nothing asked for: taken for the
// answer to the next command, they would make every verdict after it wrong.
// They stay unread, and every command fails until an expect has read them.
func (c *Conn) unasked(before string) error {
	if c.raw {
		return nil
	}
	err := c.available()
	if c.r < len(c.in) {
		c.blamed = true
		return &Error{Op: "write", Addr: c.addr, Kind: Unasked, Got: slices.Clone(c.in[c.r:]),
			Msg: fmt.Sprintf("before %s was sent, the server had said something that nothing asked for", c.shown(before))}
	}
	if err == nil || c.ctx.Err() != nil {
		return nil
	}
	e := &Error{Op: "write", Addr: c.addr, Err: err}
	if kind, over := ended(err); over {
		e.Kind, e.Err = kind, nil
		e.Msg = fmt.Sprintf("the server had closed the connection before %s was sent", c.shown(before))
	} else {
		c.tlsFault(e)
	}
	return c.die(e)
}
