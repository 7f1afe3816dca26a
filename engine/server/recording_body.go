package server

import (
	"bytes"
	"errors"
	"fmt"

	"smtplay/engine/transcript"
)

// text reads message text, up to the lone dot or as far as the recorded client came.
func (p *player) text(st *step) {
	all := p.comparisons(func(st *step) []piece { return st.text })
	whole := true // the line before ended in CRLF
	for {
		raw, err := p.line(st)
		if err != nil {
			p.brokenOff(all, raw, err, st.ends())
			return
		}
		all.line(p, raw)
		if whole && string(raw) == loneDot || !st.ends() && all.over() {
			break
		}
		whole = bytes.HasSuffix(raw, []byte("\r\n"))
	}
	p.at++
	p.settle(all, nil)
}

// chunk reads the n octets that follow a BDAT.
func (p *player) chunk(n int) {
	p.at--
	all := p.comparisons(func(st *step) []piece { return st.chunk })
	p.at++
	var line []byte
	for n > 0 {
		more, err := p.s.readWithin(n)
		line = append(line, more...)
		if err != nil {
			p.at--
			p.brokenOff(all, line, err, false)
			return
		}
		if n -= len(more); n == 0 || bytes.HasSuffix(line, []byte("\n")) || len(line) > p.s.longest {
			all.line(p, line)
			line = nil
		}
	}
	p.settle(all, nil)
}

// brokenOff judges text that ended with the connection: it may have ended so
// when it was recorded. dotted says that the recorded text came to its lone dot.
func (p *player) brokenOff(all comparisons, line []byte, err error, dotted bool) {
	if errors.Is(err, ErrClosed) || errors.Is(err, ErrTooLong) || p.Lenient && dotted {
		p.lost(line, err)
		return
	}
	if len(line) > 0 {
		all.line(p, line)
	}
	p.at++
	if p.settle(all, err); !p.over {
		p.lost(nil, err)
	}
}

// comparisons are those of all conversations that fit.
type comparisons []*comparison

func (p *player) comparisons(of func(*step) []piece) comparisons {
	var all comparisons
	for _, c := range p.fitting {
		all = append(all, &comparison{want: of(&c.steps[p.at]), lenient: p.Lenient})
	}
	return all
}

// line shows the next line of text and compares it.
func (all comparisons) line(p *player, raw []byte) {
	p.show(transcript.Client, raw, nil)
	for _, c := range all {
		c.line(p, raw)
	}
}

// over says whether all that one of them waits for has come, or none can get it.
func (all comparisons) over() bool {
	hopeless := true
	for _, c := range all {
		if c.over() {
			return true
		}
		hopeless = hopeless && c.different
	}
	return hopeless
}

// settle keeps the conversations in which the text is the same. err is what ended
// it, nil where it came to its end.
func (p *player) settle(all comparisons, err error) {
	ending := "the end of the text"
	if err != nil {
		ending = p.ending(err)
	}
	var kept []*conversation
	var mine *comparison
	leading := p.lead()
	for i, c := range p.fitting {
		all[i].finish(ending)
		if !all[i].different {
			kept = append(kept, c)
		}
		if c == leading {
			mine = all[i]
		}
	}
	if len(kept) > 0 {
		p.fitting = kept
		return
	}
	line, want := mine.wanted.line, mine.wanted.String()
	if line == 0 { // no text was recorded
		line, want = leading.steps[p.at-1].line, ending
	}
	p.fitting = []*conversation{leading} // the others differ in other places
	if err != nil {
		p.done("client")
		p.depart(line, want, mine.got, "")
		return
	}
	p.depart(line, want, mine.got, fmt.Sprintf("554 5.5.0 %s has %s", p.place(line), want))
	p.refuse()
}
