package engine

import (
	"context"

	"smtplay/engine/wire"
)

// Over says that nothing is left for Finish to wait for: the server has
// answered QUIT, or the conversation has ended otherwise.
func (c *Conn) Over() bool {
	return !c.Open() || (c.quit || c.ended) && len(c.owed) == 0
}

// Finish ends a conversation as a good client does: with QUIT, where one may be
// sent, and within two seconds. The reply to it is not judged. What is judged
// is that no reply was left unread and none came that nothing asked for.
func (c *Conn) Finish(ctx context.Context) error {
	defer c.Close()
	if !c.Open() {
		return nil
	}
	for _, cmd := range c.owed {
		if wire.Verb(cmd.Line) != "QUIT" || cmd.sasl {
			return c.owing(cmd, "the test ended too early: ")
		}
	}
	if c.quit && len(c.owed) > 0 {
		c.ReadReply(ctx, quitTimeout) // a QUIT by hand that nobody waited for
		return nil
	}
	if c.quit || c.ended || c.message || c.auth.open || c.blamed {
		return nil
	}
	if err := c.watch(ctx); err != nil {
		return nil // the run is being stopped: no verdict comes from here
	}
	if err := c.unasked("the closing QUIT"); err != nil {
		if IsKind(err, Unasked) {
			return err
		}
		return nil // the server was quicker to close
	}
	c.quit = true
	c.owed = append(c.owed, &Command{Line: "QUIT"})
	if c.flush(ctx, []byte("QUIT\r\n"), nil) == nil {
		c.ReadReply(ctx, quitTimeout)
	}
	return nil
}
