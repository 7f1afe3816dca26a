package engine

import "context"

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
		if cmd.word() != "QUIT" || cmd.sasl {
			return c.owing(cmd, "the test ended too early: ")
		}
	}
	if c.quit && len(c.owed) > 0 {
		return c.farewell(ctx) // a QUIT by hand that nobody waited for
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
		return c.farewell(ctx)
	}
	return nil
}

// farewell reads the reply to QUIT and judges nothing, unless a PROXY header was
// sent and nothing has shown yet that it was understood: a server that took it for
// commands has answered that first, and every reply since was one to an earlier line.
func (c *Conn) farewell(ctx context.Context) error {
	r, err := c.ReadReply(ctx, quitTimeout)
	if err == nil && r.Code != 221 && r.Code != 421 && c.Proxied() {
		return &Error{Op: "write", Addr: c.addr, Kind: Unasked, Proxied: true, Got: r.Raw, Msg: "what came last is no answer to QUIT: a reply before it was to something else"}
	}
	return nil
}
