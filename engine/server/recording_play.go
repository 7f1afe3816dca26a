package server

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"time"

	"smtplay/engine/transcript"
	"smtplay/engine/wire"
)

// player is one session of a Recording.
type player struct {
	*Recording
	s       *Session
	client  int
	fitting []*conversation // those that the client may be in
	claimed *conversation   // the one that it counts for; nil while that is open
	at      int             // the step, of all of them
	caught  []caught        // what stood in the masks of the client's lines
	login   login
	live    transcript.Recorder // nil for nobody
	last    transcript.Event    // the event that was shown last, masked
	over    bool
	by      string // who ended it
	left    *Departure
	fault   error // of our own
}

func newPlayer(r *Recording, s *Session, client int, of []*conversation) *player {
	p := &player{Recording: r, s: s, client: client, fitting: slices.Clone(of), by: "client"}
	p.login.redact = &transcript.Redactor{Parent: r.redact}
	if r.Live != nil {
		p.live = r.Live(client)
	}
	s.longest = max(maxLine, 2*r.longest)
	return p
}

// play plays the session to its end.
func (p *player) play() {
	p.show(transcript.Connect, []byte(strings.TrimSpace(p.lead().target+" "+p.s.base.RemoteAddr().String())), nil)
	for !p.over {
		switch st := p.next(); st.kind {
		case stepSay:
			p.say(st)
		case stepTLS:
			p.handshake(st)
		case stepText:
			p.text(st)
		case stepHear:
			p.hear(st)
		case stepEnd:
			p.end(st)
		}
	}
	p.played()
	p.show(transcript.Close, []byte(p.by), nil)
	p.s.Close()
	switch p.s.err = ErrOver; {
	case p.fault != nil:
		p.s.err = p.fault
	case p.left != nil:
		p.s.err = p.left
	}
}

// done ends the session.
func (p *player) done(by string) { p.over, p.by = true, by }

// show tells who watches.
func (p *player) show(kind transcript.Kind, data []byte, spans []transcript.Span) {
	p.last = p.login.redact.Mask(transcript.Event{Conn: 1, Kind: kind, Time: time.Now(), Data: data, Spans: spans})
	if p.live != nil {
		p.live.Record(p.last)
	}
}

// heard shows a line of the client's, and returns how it may be shown.
func (p *player) heard(line []byte) string {
	p.show(transcript.Client, line, p.login.hide(string(line)))
	return shown(p.last.Data, p.last.Spans)
}

// say says what was recorded.
func (p *player) say(st *step) {
	if err := p.s.Pause(st.pause); err != nil {
		p.lost(nil, err)
		return
	}
	p.at++ // before the writing: a client that is gone had come that far
	p.write(p.filled(st.piece))
}

// write says anything.
func (p *player) write(data []byte, spans []transcript.Span) {
	p.show(transcript.Server, data, spans)
	p.login.answered(data[bytes.LastIndexByte(data[:max(0, len(data)-1)], '\n')+1:])
	if err := p.s.Raw(string(data)); err != nil {
		p.lost(nil, err)
	}
}

// filled puts into the server's masks what stood in the client's, or the secret
// itself where it is known.
func (p *player) filled(of piece) ([]byte, []transcript.Span) {
	if len(of.spans) == 0 {
		return of.data, nil
	}
	var data []byte
	var spans []transcript.Span
	seen := map[string]int{}
	at := 0
	for _, s := range of.spans {
		data = append(data, of.data[at:s.Start]...)
		start := len(data)
		data = append(data, p.filling(s.Mask, seen[s.Mask], of.data[s.Start:s.End])...)
		seen[s.Mask]++
		at = s.End
		if secretOf(s.Mask) != "" {
			spans = append(spans, transcript.Span{Start: start, End: len(data), Mask: s.Mask})
		}
	}
	return append(data, of.data[at:]...), spans
}

// filling is what stands for the nth of a mask in one reply.
func (p *player) filling(mask string, n int, otherwise []byte) []byte {
	var last []byte
	for _, c := range p.caught {
		if c.mask == mask && n >= 0 {
			last = c.text
			n--
		}
	}
	if last != nil {
		return last
	}
	if known, given := p.given[strings.TrimPrefix(mask, "secret:")]; given {
		return []byte(known.value)
	}
	return otherwise
}

// handshake does TLS from here on, or fails to as it was recorded.
func (p *player) handshake(st *step) {
	config, err := p.config(st.shown)
	if err != nil {
		p.fault = err
		p.done("server")
		return
	}
	err = p.s.StartTLS(config)
	switch {
	case err != nil && st.shown.failed:
		p.done("client")
	case err != nil:
		p.lost(nil, err)
	case st.shown.failed:
		p.depart(st.line, "a TLS handshake that fails", "one that did not", "")
		p.refuse()
	default:
		state, _ := p.s.TLS()
		p.show(transcript.TLS, []byte(tlsWords(state)), nil)
		p.at++
	}
}

// end ends the connection as it was recorded, or waits for the client to do so.
func (p *player) end(st *step) {
	switch st.close {
	case Close:
		p.done("server")
	case Reset:
		p.done("reset")
		if err := p.s.Reset(); errors.Is(err, ErrUnsupported) {
			p.s.err = nil
		}
	default:
		p.hear(st)
	}
}

// hear reads what the client says next, and finds the conversations in which it
// says that.
func (p *player) hear(st *step) {
	if !st.waitsForLine() {
		p.hearPiece(st)
		return
	}
	challenged := p.login.asked
	line, err := p.line(st)
	if err != nil {
		p.lost(line, err)
		return
	}
	said := p.heard(line)
	if p.asksForChallenge(line) {
		if p.write([]byte("334 \r\n"), nil); p.over {
			return
		}
		response, err := p.line(st)
		if err != nil {
			p.lost(response, err)
			return
		}
		said = p.heard(response)
		line = slices.Concat(bytes.TrimRight(line, "\r\n"), []byte(" "), response)
	}
	if !p.find(line, challenged) {
		p.strayed(line, said)
		return
	}
	p.at++
	if n, ok := chunkSize(string(line)); ok {
		p.chunk(n)
	}
}

// find keeps the conversations that go on with that line, those that it fits best.
func (p *player) find(line []byte, challenged bool) bool {
	best := verbFit
	var kept []*conversation
	holes := map[*conversation][]caught{}
	for _, c := range p.fitting {
		st := &c.steps[p.at]
		if st.kind != stepHear {
			continue
		}
		stood, how := p.fits(st.piece, line, turn{challenged, c.answer(p.at), p.login.mechanism, p.login.challenge})
		if how == noFit && p.Lenient && sameVerb(string(st.data), string(line), challenged) {
			how = verbFit
		}
		if how > best {
			best, kept = how, nil
		}
		if how == best {
			kept, holes[c] = append(kept, c), stood
		}
	}
	if len(kept) == 0 {
		return false
	}
	p.fitting = kept
	p.catch(holes[p.lead()])
	return true
}

// catch remembers what stood in the masks of a line, in the place of what stood
// in the same masks before.
func (p *player) catch(holes []caught) {
	p.caught = slices.DeleteFunc(p.caught, func(old caught) bool {
		return slices.ContainsFunc(holes, func(c caught) bool { return c.mask == old.mask })
	})
	p.caught = append(p.caught, holes...)
}

// asksForChallenge says whether the client does in two lines what was recorded
// in one: AUTH with its initial response (RFC 4954 section 4). With Lenient that
// is the same.
func (p *player) asksForChallenge(line []byte) bool {
	fields := strings.Fields(string(line))
	if !p.Lenient || len(fields) != 2 || wire.Verb(string(line)) != "AUTH" {
		return false
	}
	together := false
	for _, c := range p.fitting {
		if st := &c.steps[p.at]; st.kind == stepHear {
			if sameVerb(string(st.data), string(line), false) {
				return false
			}
			together = together || sameVerb(string(st.data), string(line)+" =", false)
		}
	}
	return together
}

// hearPiece reads a piece of a line, after which the server said something or
// the client was gone.
func (p *player) hearPiece(st *step) {
	var got []byte
	for len(got) < len(st.data) {
		more, err := p.s.readWithin(len(st.data) - len(got))
		got = append(got, more...)
		if err != nil {
			p.lost(got, err)
			return
		}
		// Masks are not as long as what they stand for: there, what has come must do.
		_, how := p.fits(st.piece, got, turn{})
		if how == noFit && (len(st.spans) > 0 || !bytes.HasPrefix(st.data, got)) {
			p.strayed(got, p.heard(got))
			return
		}
		if how != noFit {
			break
		}
	}
	p.heard(got)
	p.at++
}
