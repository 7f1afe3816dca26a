package server

import (
	"bytes"
	"slices"
)

// next is the step to take. Where the conversations that fit part here, it is
// that of one of them, and the others are let go of. What is left counts as
// played before the server says what gives it away, or what is its last word:
// whoever comes behind that finds it counted.
func (p *player) next() *step {
	p.mu.Lock()
	defer p.mu.Unlock()
	lead := p.choose()
	st := &lead.steps[p.at]
	parted := len(p.fitting)
	p.fitting = slices.DeleteFunc(p.fitting, func(c *conversation) bool { return !st.goesWith(&c.steps[p.at]) })
	lastWord := st.kind == stepSay && lead.steps[p.at+1].kind == stepEnd
	if len(p.fitting) < parted || len(p.fitting) == 1 || lastWord {
		p.claim(lead)
	}
	return st
}

// lead is the conversation that the client is taken to be in.
func (p *player) lead() *conversation {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.choose()
}

// played counts the session as one of the conversation that it was in.
func (p *player) played() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.claim(p.choose())
}

// choose finds the lead: the conversation that is claimed, or the one that was
// played least often. Recording.mu is held.
func (p *player) choose() *conversation {
	if slices.Contains(p.fitting, p.claimed) {
		return p.claimed
	}
	least := p.fitting[0]
	for _, c := range p.fitting {
		if c.played < least.played {
			least = c
		}
	}
	return least
}

// claim makes a conversation the one that the session counts for. Recording.mu
// is held.
func (p *player) claim(c *conversation) {
	if p.claimed != nil {
		p.claimed.played--
	}
	c.played++
	p.claimed = c
}

// goesWith says whether another conversation that stands at that step can go on
// together with this one: the server does the same, or both wait for a line.
func (st *step) goesWith(other *step) bool {
	switch {
	case st.waitsForLine():
		return other.waitsForLine()
	case st.kind != other.kind:
		return false
	}
	switch st.kind {
	case stepText:
		return other.ends() == st.ends()
	case stepTLS:
		return other.shown == st.shown
	case stepEnd:
		return other.close == st.close
	}
	return !other.waitsForLine() && bytes.Equal(other.data, st.data) && slices.Equal(other.spans, st.spans)
}

// waitsForLine says whether it is for the client to send a whole line, or to go.
func (st *step) waitsForLine() bool {
	return st.kind == stepHear && bytes.HasSuffix(st.data, []byte("\n")) || st.kind == stepEnd && st.close == Silence
}
