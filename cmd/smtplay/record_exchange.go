package main

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"smtplay/engine"
	"smtplay/engine/transcript"
	"smtplay/engine/wire"
)

// exchange sends a line and reads what it is owed, and does what the reply
// asks for. shown says that the line stands on the screen where it was typed.
func (d *dialogue) exchange(ctx context.Context, line string, shown bool) error {
	if err := d.greeted(ctx); err != nil {
		return err
	}
	secret, err := d.inspect(line)
	if err != nil {
		return err
	}
	shown = shown && d.in.edited()
	if shown && secret {
		d.in.erase(d.prompt(), line)
		shown = false
	}
	d.screen.typed = shown
	err = d.send(ctx, line)
	d.screen.typed = false
	if err != nil {
		return d.notSent(err)
	}
	n, err := d.replies(ctx)
	if err != nil || n == 0 && d.conn.AwaitsText() {
		return err
	}
	return d.follow(ctx)
}

// inspect looks at a line before it is sent: whether it can be, and whether it
// holds a secret that should not stay on the screen.
func (d *dialogue) inspect(line string) (secret bool, err error) {
	if !d.conn.AwaitsText() {
		if strings.ContainsAny(line, "\r\n") {
			return false, refused("a command is one line, and this one holds a carriage return: nothing was sent")
		}
		if chunk(line) {
			return false, refused("the octets of a chunk cannot be typed: nothing was sent").try("bdat() and raw() of a script send them; BDAT 0 LAST can be typed")
		}
		var fresh bool
		if secret, fresh = d.passwords.watch(line); fresh {
			err = d.files.hide()
		}
	}
	return secret || len(d.p.redact.Spans([]byte(line))) > 0, err
}

// greeted reads the greeting, where nobody has.
func (d *dialogue) greeted(ctx context.Context) error {
	if cmd, owes := d.conn.Owes(); owes && cmd.Greeting {
		return d.hear(ctx)
	}
	return nil
}

// hear reads a reply that no command asked for: the greeting, or what the server
// says by itself.
func (d *dialogue) hear(ctx context.Context) error {
	from := d.files.lines
	r, err := d.conn.ReadReply(ctx, 0)
	if err != nil {
		return err
	}
	d.last = r
	if r.Command != nil {
		return d.unwritten()
	}
	by := "the server said what came last by itself"
	if d.open == nil {
		d.steps = append(d.steps, step{from: from, fixed: by})
	} else if r.Code/100 != 3 { // whatever was under way is over
		d.open.fixed = by
		d.steps = append(d.steps, *d.open)
		d.open = nil
	}
	return d.unwritten()
}

// send sends a line; what the server said before by itself is shown first. Where
// that ended a message or an AUTH, the line is not sent: it would be taken for a
// command.
func (d *dialogue) send(ctx context.Context, line string) error {
	for where := d.prompt(); ; {
		if d.prompt() != where {
			return errMeanwhile
		}
		from := d.files.lines
		err := d.conn.Send(ctx, transcript.Pos{}, line)
		if err == nil {
			d.begin(from, line)
		}
		if !engine.IsKind(err, engine.Unasked) {
			return err
		}
		if err := d.hear(ctx); err != nil {
			return err
		}
	}
}

// replies reads all that is owed, and says how much that was: none to message
// text, in LMTP several to its end.
func (d *dialogue) replies(ctx context.Context) (n int, err error) {
	for {
		if _, owes := d.conn.Owes(); !owes {
			return n, nil
		}
		r, err := d.conn.ReadReply(ctx, 0)
		if err != nil {
			return n, err
		}
		d.last = r
		n++
	}
}

// begin notes where an exchange began, unless it is under way.
func (d *dialogue) begin(from int, line string) {
	if d.open != nil {
		return
	}
	if fields := strings.Fields(line); isAuth(line) && len(fields) > 1 {
		line = strings.Join(fields[:2], " ")
	}
	d.open = &step{from: from, what: strings.TrimSpace(line)}
}

// notSent makes a refusal of a fault that left the conversation as it was.
func (d *dialogue) notSent(err error) error {
	var e *engine.Error
	if !errors.As(err, &e) || !d.conn.Open() || e.Kind == engine.Interrupted {
		return err
	}
	return refused("%s", e.Error()).try("%s", recordHint(e))
}

// follow does what the last reply asks for, and ends the exchange where it is
// the last of it.
func (d *dialogue) follow(ctx context.Context) error {
	switch {
	case d.conn.AwaitsText():
		d.explain("the message ends with a line that holds nothing but a dot")
		return nil
	case d.answering():
		return nil
	}
	done := *d.open
	d.open = nil
	verb := wire.Verb(done.what)
	secure := verb == "STARTTLS" && d.last.Code == 220
	if secure {
		done.fixed = "what follows it was said over TLS"
	}
	d.steps = append(d.steps, done)
	d.left = verb == "QUIT" && d.last.Code == 221
	if !secure {
		return nil
	}
	d.explain("220: the TLS handshake follows")
	if err := d.conn.Handshake(ctx, d.conn.Security()); err != nil {
		return d.notSent(err)
	}
	return nil
}

// chunk says whether a line is a BDAT behind which octets follow (RFC 3030
// section 2).
func chunk(line string) bool {
	fields := strings.Fields(line)
	if len(fields) < 2 || wire.Verb(fields[0]) != "BDAT" {
		return false
	}
	n, err := strconv.ParseUint(fields[1], 10, 63)
	return err == nil && n > 0
}
