package replay

import (
	"context"
	"slices"
	"strings"
	"time"

	"smtplay/engine"
	"smtplay/engine/transcript"
	"smtplay/engine/wire"
)

// say sends lines. What the server said in between is read first.
func (p *player) say(ctx context.Context, t *talk, s *step) error {
	switch {
	case t.tls && t.code == 220:
		return p.stop(s, t, "the server waits for a TLS handshake, and the transcript has none")
	case s.form == text && !t.AwaitsText():
		return p.stop(s, t, "the server ended the message by itself")
	case s.mechanism != "" && !s.answer:
		t.x = exchange{channel: t.Channel()}
	}
	var all []byte
	var lines []string
	for _, l := range s.lines {
		for _, span := range l.Spans {
			if m, err := parseMask(span.Mask); err == nil && m.sasl {
				// What is made of a password holds it in no form that Send would find.
				if why := t.Unsafe(); why != "" && !p.env.Options.Insecure {
					return &engine.Error{Op: "auth", Addr: t.Address(), Kind: engine.Insecure, Msg: "nothing was sent: the login with the secret " + m.secret + " would go over a connection that is not safe: " + why}
				}
				t.NameLogin(p.fill.name(m.as), p.fill.name(m.user), m.secret)
			}
		}
		line, err := p.fill.fill(l, s, &t.x)
		if err != nil {
			return p.stop(s, t, err.Error())
		}
		all = append(all, line...)
		lines = append(lines, strings.TrimRight(string(line), "\r\n"))
	}
	t.form = s.form
	t.due += s.due()
	t.tls = !s.answer && s.needs != 354 && slices.ContainsFunc(lines, func(l string) bool { return wire.Verb(l) == "STARTTLS" })
	for range unaskedMost {
		err := p.send(ctx, t, s, all, lines)
		if !engine.IsKind(err, engine.Owed) && !engine.IsKind(err, engine.Unasked) {
			return err
		}
		code, err := p.read(ctx, t, 0)
		if err == nil {
			err = p.react(ctx, s, t, code, 0)
		}
		if err != nil || !t.Open() {
			return err
		}
	}
	return p.stop(s, t, "the server goes on speaking unasked")
}

func (p *player) send(ctx context.Context, t *talk, s *step, all []byte, lines []string) error {
	p.tape.said = s.lines
	defer func() { p.tape.said = nil }()
	pos := transcript.Pos{File: p.script.name, Line: s.line}
	switch s.form {
	case raw:
		return t.Raw(ctx, pos, all)
	case text:
		return t.Send(ctx, pos, string(all))
	}
	return t.Pipeline(ctx, pos, lines)
}

// due is how many replies to raw bytes are read before more is said.
func (s *step) due() int {
	if s.form == raw {
		return s.replies
	}
	return 0
}

// hear reads a reply, where one is to come.
func (p *player) hear(ctx context.Context, t *talk, s *step) error {
	_, owes := t.Owes()
	switch {
	case t.due > 0:
		t.due--
	case !owes && t.form == text:
		return nil // LMTP, and there are fewer recipients
	case !owes:
		// The transcript holds a reply that nothing had asked for.
		if err := t.ExpectSilence(ctx, lingering); err == nil {
			return nil
		} else if !engine.IsKind(err, engine.Mismatch) {
			return err
		}
	}
	within := time.Duration(0)
	if s.needs == 354 && !owes { // the engine knows of the final dots that it sent as such
		within = p.env.Options.Timeout
		if within == 0 {
			within = engine.DefaultFinalTimeout
		}
	}
	code, err := p.read(ctx, t, within)
	if err != nil {
		return err
	}
	return p.react(ctx, s, t, code, s.code)
}

// react does what a reply asks for that the transcript does not have: no message
// is sent that was not, and a login that the server goes on with is given up.
func (p *player) react(ctx context.Context, s *step, t *talk, code, was int) error {
	switch {
	case code == was:
	case code == 354:
		return p.stop(s, t, "the server takes a message here, and the transcript has none")
	case code == 334:
		if err := t.Pipeline(ctx, transcript.Pos{File: p.script.name, Line: s.line}, []string{"*"}); err != nil { // RFC 4954 section 4
			return err
		}
		_, err := p.read(ctx, t, 0)
		return err
	}
	return nil
}

// read reads a reply and returns its code.
func (p *player) read(ctx context.Context, t *talk, within time.Duration) (int, error) {
	r, err := t.ReadReply(ctx, within)
	if err != nil {
		return 0, err
	}
	t.code = r.Code
	t.x.challenge = nil
	if r.Code == 334 {
		t.x.challenge, _ = r.Challenge()
	}
	return r.Code, nil
}
