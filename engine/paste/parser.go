package paste

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// parser reads a text and hands its lines to the conversations that they
// belong to.
type parser struct {
	yield   func(*Session, error) bool
	stopped bool
	no      int // of the line under way

	current *conversation            // of the lines that name no process
	open    map[string]*conversation // of the others, by process
	order   []string                 // the processes as they came; some are not open any more
	cost    int                      // of all of open
	logs    bool                     // the text is a log, or holds lines of one

	loose []run    // what was in no conversation since the last that was found
	held  *Session // the last that was found: the rest of the text may belong to it
	names secretNames
}

func (p *parser) read(in *bufio.Reader) error {
	for !p.stopped {
		line, err := in.ReadSlice('\n')
		if len(line) > 0 {
			p.no++
			if p.no == 1 {
				line = bytes.TrimPrefix(line, byteOrderMark)
			}
			p.line(line, errors.Is(err, bufio.ErrBufferFull))
		}
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = in.ReadSlice('\n')
		}
		if errors.Is(err, io.EOF) {
			return p.end()
		}
		if err != nil {
			return &Error{Line: p.no, Msg: "it could not be read to its end", Err: err}
		}
	}
	return nil
}

// line reads one line.
func (p *parser) line(raw []byte, tooLong bool) {
	if tooLong {
		p.current.unplaced(p.no, raw[:80], "it is longer than a megabyte")
		return
	}
	b := plain(raw)
	if rec, ok := logRecord(b); ok {
		p.logged(rec)
		return
	}
	if p.current.take(p.no, b) == another {
		p.next()
		p.current.take(p.no, b)
	}
	if p.current.cost > maxSession {
		p.current.cut(p.no)
		p.next()
	}
}

// logged reads a line of a log.
func (p *parser) logged(rec record) {
	if p.logs = true; !rec.mail {
		return // another program's
	}
	if p.current.over || p.current.closed != "" {
		p.next()
	}
	c := p.open[string(rec.process)]
	if c == nil && !rec.begins && rec.mark.side == 0 {
		return // what a process does between its conversations
	}
	key := string(rec.process)
	if c != nil && rec.begins {
		p.close(key, c)
		c = nil
	}
	if c == nil {
		c = p.keep(key)
	}
	before := c.cost
	verdict := c.record(p.no, rec)
	if verdict == another {
		p.close(key, c)
		c, before = p.keep(key), 0
		verdict = c.record(p.no, rec)
	}
	p.cost += c.cost - before
	if c.cost > maxSession {
		c.cut(p.no)
		verdict = ended
	}
	if verdict == ended {
		p.close(key, c)
	}
	for p.cost > maxOpen || len(p.open) > maxKeyed {
		p.closeOldest()
	}
}

// keep begins the conversation of a process.
func (p *parser) keep(key string) *conversation {
	c := p.fresh()
	p.open[key] = c
	p.order = append(p.order, key)
	if len(p.order) > 2*len(p.open)+64 {
		p.tidy()
	}
	return c
}

func (p *parser) close(key string, c *conversation) {
	delete(p.open, key)
	p.cost -= c.cost
	p.finish(c)
}

// tidy forgets the processes that are not open, and all but the latest place
// of those that are.
func (p *parser) tidy() {
	last := make(map[string]int, len(p.open))
	for i, key := range p.order {
		last[key] = i
	}
	kept := p.order[:0]
	for i, key := range p.order {
		if p.open[key] != nil && last[key] == i {
			kept = append(kept, key)
		}
	}
	p.order = kept
}

func (p *parser) closeOldest() {
	p.tidy()
	c := p.open[p.order[0]]
	c.cut(p.no)
	p.close(p.order[0], c)
}

func (p *parser) fresh() *conversation { return &conversation{names: &p.names} }

// next finishes the conversation of the lines that name no process, and begins
// another. Where that was none, the other is with the server that it named.
func (p *parser) next() {
	c := p.current
	p.finish(c)
	p.current = p.fresh()
	if !c.isSession() {
		p.current.host, p.current.port, p.current.reached = c.host, c.port, c.reached
	}
}

// finish makes a session of a conversation. Where it is none, what it holds
// waits for the next.
func (p *parser) finish(c *conversation) {
	c.end()
	if !c.isSession() {
		p.loose = append(p.loose, c.asRuns()...)
		if n := len(p.loose); n > maxRuns {
			p.loose[maxRuns-1].last = p.loose[n-1].last
			p.loose = p.loose[:maxRuns]
		}
		return
	}
	s := c.session(p.loose)
	p.loose = nil
	if p.held != nil {
		p.held.hideMore(c.secrets) // prose may speak of a password before it is used
		p.give(p.held)
	}
	p.held = s
}

func (p *parser) give(s *Session) {
	p.stopped = p.stopped || !p.yield(s, nil)
}

// end finishes what is under way.
func (p *parser) end() error {
	p.tidy()
	for _, key := range p.order {
		p.close(key, p.open[key])
	}
	p.finish(p.current)
	if p.stopped {
		return nil
	}
	if p.held == nil {
		return p.nothing()
	}
	p.held.add(p.loose, &p.names)
	p.give(p.held)
	return nil
}

// nothing says why there is no session.
func (p *parser) nothing() error {
	if p.no == 0 {
		return &Error{Msg: "there is nothing to read"}
	}
	err := &Error{Msg: fmt.Sprintf("no SMTP conversation was found in %s", lines(1, p.no)),
		Hint: "a conversation has replies, which begin with three digits, and the commands that they answer"}
	if p.logs {
		err.Hint = "Postfix logs conversations only where it is told to: debug_peer_list in main.cf, or smtpd -v in master.cf"
	}
	if len(p.loose) > 0 {
		err.Line = p.loose[0].first
		err.Msg += fmt.Sprintf("; the first that is said: %q", p.loose[0].text())
	}
	return err
}
