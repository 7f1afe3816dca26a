package imap

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"smtplay/engine/mailbox"
	"smtplay/engine/transcript"
)

// Box is a folder of an IMAP server. It belongs to one goroutine, and has none of its own.
type Box struct {
	o       Options
	secrets transcript.Redactor // the password, for what a server echoes

	wire     *wire    // nil where the last connection has ended
	offers   []string // after the login
	opened   time.Time
	first    uint32 // what has this UID or a later one came after opened; 0 where the server does not say
	validity uint32
	closed   bool
}

var _ mailbox.Box = (*Box)(nil)

// Open connects to the server, logs in and selects the folder, which must be there. Errors are of type *Error.
func Open(ctx context.Context, o Options) (*Box, error) {
	full, err := o.complete()
	b := &Box{o: full}
	if err != nil {
		return nil, b.fault("connect", Misuse, "no connection was made", err)
	}
	b.secrets.AddSeen("password", o.Password)
	if err := b.ready(ctx); err != nil {
		return nil, err
	}
	return b, nil
}

// ready connects if there is no connection.
func (b *Box) ready(ctx context.Context) (err error) {
	switch {
	case b.closed:
		return b.fault("connect", Misuse, "the box is closed", nil)
	case ctx.Err() != nil:
		return b.interrupted(ctx, "connect")
	case b.wire != nil:
		return nil
	}
	if b.wire, err = b.reach(ctx); err != nil {
		return err
	}
	if err = b.do(ctx, "login", b.login); err == nil {
		err = b.do(ctx, "select", b.enter)
	}
	if err != nil {
		b.drop()
	}
	return err
}

// enter selects the folder. It must be the one that it was when the box was opened.
func (b *Box) enter(w *wire) (err error) {
	// What is offered may differ after the login.
	if b.offers, err = w.capabilities(); err != nil {
		return err
	}
	began, next, validity := time.Now(), uint32(0), uint32(0)
	err = w.ask(func(r response) error {
		if n, ok := r.code("UIDNEXT"); ok {
			next = n
		}
		if n, ok := r.code("UIDVALIDITY"); ok {
			validity = n
		}
		return nil
	}, arguments("SELECT", folderName(b.o.Mailbox))...)
	switch {
	case err != nil:
		return err
	case validity == 0:
		return b.fault("select", Malformed, "the server tells no UIDVALIDITY", nil)
	case b.opened.IsZero():
		b.opened, b.first, b.validity = began, next, validity
	case b.validity != validity:
		return b.renumbered("select", b.validity, validity)
	}
	return nil
}

// code is the number in a response code such as "* OK [UIDNEXT 5]" (RFC 3501 7.1).
func (r response) code(name string) (n uint32, ok bool) {
	text, ok := r.named("OK")
	first, rest := word(text)
	number, _, closed := strings.Cut(rest, "]")
	v, err := strconv.ParseUint(number, 10, 32)
	return uint32(v), ok && closed && err == nil && first == "["+name
}

func (b *Box) renumbered(op string, was, is uint32) error {
	return b.fault(op, Renumbered, fmt.Sprintf("%s was made anew since: its UIDVALIDITY was %d and is %d", b.o.Mailbox, was, is), nil)
}

// do runs commands whose answers hold no message.
func (b *Box) do(ctx context.Context, op string, f func(*wire) error) error {
	return b.run(ctx, op, b.o.Timeout, 0, f)
}

// run runs commands, for as long as limit, with at most literal bytes of messages. A connection that
// cannot go on is given up, and so is one whose answer was not read to its end.
func (b *Box) run(ctx context.Context, op string, limit time.Duration, literal int, f func(*wire) error) error {
	w := b.wire
	err := b.bounded(ctx, op, w, limit, literal, func() error { return f(w) })
	if e, ok := err.(*Error); ok && !slices.Contains([]Kind{Misuse, NotOffered, Login, Refused, Gone}, e.Kind) {
		b.drop()
	}
	return err
}

// bounded calls f, ends the connection with ctx, and says what went wrong, as an *Error.
func (b *Box) bounded(ctx context.Context, op string, w *wire, limit time.Duration, literal int, f func() error) error {
	w.begin(limit, literal)
	stop := context.AfterFunc(ctx, func() { w.cut(context.Cause(ctx)) })
	err := f()
	if !stop() {
		w.cut(context.Cause(ctx))
	}
	return b.explain(ctx, op, w, limit, err)
}

// drop ends the connection without a word.
func (b *Box) drop() {
	if b.wire != nil {
		b.wire.close()
		b.wire = nil
	}
}

// Close logs out, for which the server has a second, and closes the connection. Its error is always nil.
func (b *Box) Close() error {
	b.closed = true
	if w := b.wire; w != nil {
		w.begin(min(b.o.Timeout, time.Second), 0)
		w.ask(nil, "LOGOUT") // whatever it says, the connection is closed
		b.drop()
	}
	return nil
}

// String names the server and the folder, and how many messages were there when it was last asked.
func (b *Box) String() string {
	name := fmt.Sprintf("imap %s %s", b.o.Server, b.o.Mailbox)
	switch {
	case b.wire == nil:
		return name
	case b.wire.count == 1:
		return name + ": 1 message"
	}
	return fmt.Sprintf("%s: %d messages", name, max(0, b.wire.count))
}
