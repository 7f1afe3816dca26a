package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"smtplay/dsl"
	"smtplay/engine"
	"smtplay/engine/transcript"
	"smtplay/engine/wire"
)

// dialogue is a session that is being recorded. All of it happens in one
// goroutine, but for the reading of a line.
type dialogue struct {
	p         *process
	conn      *engine.Conn
	in        input
	screen    *screen
	files     *recordFiles
	script    dsl.WriteOptions
	helo      string // the client name, "" for the address literal of our end
	insecure  bool   // passwords may go over any connection
	passwords passwords

	steps []step        // what can be taken out again, the oldest first
	open  *step         // the exchange under way, nil for none
	last  *engine.Reply // nil before the greeting
	lines int           // read from the input
	left  bool          // QUIT was answered
}

// step is an exchange or a note: its first line in the transcript, and what it
// is called.
type step struct {
	from  int
	what  string
	note  bool
	fixed string // why it cannot be taken out, "" where it can
}

// refusal is why a line could not be done. Nothing was sent, the conversation
// goes on, and whoever types may type something else.
type refusal struct{ msg, hint string }

func (r *refusal) Error() string { return r.msg }

func refused(format string, args ...any) *refusal {
	return &refusal{msg: fmt.Sprintf(format, args...)}
}

// try adds what to do about it.
func (r *refusal) try(format string, args ...any) *refusal {
	r.hint = fmt.Sprintf(format, args...)
	return r
}

// connect opens the conversation. The greeting is not waited for.
func (d *dialogue) connect(ctx context.Context, p *peer) error {
	d.insecure = p.options.Insecure
	p.options.Recorder = &transcript.Log{Redactor: d.p.redact, Next: []transcript.Recorder{d.files, d.screen}}
	conn, err := engine.Connect(ctx, p.address, p.options)
	if err != nil {
		return d.faultOf(ctx, err)
	}
	d.conn = conn
	if d.helo == "" {
		d.helo = addressLiteral(conn.LocalIP())
	}
	return nil
}

// play is the session, up to its end.
func (d *dialogue) play(ctx context.Context) error {
	for !d.left {
		q := d.question()
		line, err := d.ask(ctx, q)
		if err == nil {
			d.lines++
			err = d.obey(ctx, q, line)
		}
		var r *refusal
		switch {
		case d.files.fault() != nil:
			return d.unwritten()
		case err == io.EOF:
			return d.quit(ctx)
		case err == errGone:
			d.remark("the server closed the connection")
			return nil
		case errors.As(err, &r) && d.in.edited():
			d.complain(r.msg, r.hint)
		case errors.As(err, &r):
			// What comes next may rest on what was not done: a login over TLS that never began.
			f := &fault{status: exitNoVerdict, hint: r.hint}
			f.msg = fmt.Sprintf("line %d of the input: %s: what follows it was not sent", d.lines, r.msg)
			return f
		case err != nil:
			return d.faultOf(ctx, err)
		}
	}
	return nil
}

// errGone says that the server closed the connection while nothing was owed.
var errGone = errors.New("the server closed the connection")

type answer struct {
	line string
	err  error
}

// ask reads the answer to a question, and shows what the server says meanwhile.
func (d *dialogue) ask(ctx context.Context, q question) (string, error) {
	idle, wake := context.WithCancel(ctx)
	defer wake()
	answered := make(chan answer, 1)
	go func() {
		line, err := d.in.line(ctx, q)
		answered <- answer{line, err}
		wake()
	}()
	listen := idle
	if d.last != nil && d.last.Code == 421 && !d.in.edited() {
		// The server is about to close (RFC 5321 section 3.8): what is there to be
		// sent already would race with that, and each session come to another end.
		soon, stop := context.WithTimeout(ctx, time.Second)
		defer stop()
		listen = soon
	}
	for {
		heard, err := d.conn.Await(listen)
		if heard {
			err = d.hear(ctx)
		}
		switch {
		case err != nil:
			d.in.close()
			return "", d.unsent(err, answered)
		case heard:
		case listen != idle:
			listen = idle
		case ctx.Err() != nil:
			d.in.close()
			return "", ctx.Err()
		default:
			a := <-answered
			if a.err == errLongLine {
				a.err = refused("%v", a.err)
			} else if a.err != nil {
				d.in.close()
			}
			return a.line, a.err
		}
	}
}

// unsent is the error of a connection that ended while a line was waited for.
// That is no fault, unless there is one that can no longer be sent.
func (d *dialogue) unsent(err error, answered <-chan answer) error {
	if !engine.IsKind(err, engine.Closed) {
		return err
	}
	if d.in.edited() {
		return errGone
	}
	select {
	case a := <-answered:
		if a.err == nil {
			return &fault{status: exitNoVerdict, msg: fmt.Sprintf("the server closed the connection: line %d of the input and what follows it were not sent", d.lines+1)}
		}
	case <-time.After(time.Second): // nobody has more to say
	}
	return errGone
}

// prompt says where the conversation is.
func (d *dialogue) prompt() string {
	switch {
	case d.conn.AwaitsText():
		return "text> "
	case d.answering():
		return "auth> "
	case d.conn.TLS() != nil:
		return "tls> "
	}
	return "smtp> "
}

// question is what the next line is asked for.
func (d *dialogue) question() question {
	q := question{prompt: d.prompt()}
	switch {
	case d.conn.AwaitsText():
		q.forget = true
	case d.answering():
		q.forget, q.hidden = true, d.passwords.hidden()
	default:
		var offered *wire.Capabilities
		if caps, err := d.conn.Capabilities(); err == nil {
			offered = &caps
		}
		q.words = vocabulary(offered, d.helo)
	}
	return q
}

// answering says whether a 334 waits for its answer.
func (d *dialogue) answering() bool { return d.last != nil && d.last.Code == 334 }

// errMeanwhile says that a line was typed for something that is over: it would be
// taken for a command.
var errMeanwhile = refused("the server has ended this by itself: the line was not sent")

// obey does what a line says that was typed in answer to q.
func (d *dialogue) obey(ctx context.Context, q question, line string) error {
	switch {
	case d.prompt() != q.prompt:
		return errMeanwhile
	case d.conn.AwaitsText():
		// Message text is sent so that it arrives as it was typed (RFC 5321 section 4.5.2).
		if strings.HasPrefix(line, ".") && line != "." {
			line = "." + line
		}
		return d.exchange(ctx, line, true)
	case d.answering() && !isSlash(line):
		return d.exchange(ctx, line, !d.passwords.hidden())
	case line == "":
		return nil
	case strings.HasPrefix(line, "//"):
		return d.exchange(ctx, line[1:], true)
	case strings.HasPrefix(line, "/"):
		return d.slash(ctx, line)
	}
	return d.exchange(ctx, line, true)
}
