package lua51

import (
	"context"
	"fmt"
	"strings"
)

const (
	// defaultPatternSteps is about 0.2 s of work.
	defaultPatternSteps = 50_000_000
	// stepsPerByte come on top, so that a simple pattern gets through any string.
	stepsPerByte = 16
	// pollSteps is how many steps pass between two looks at the budget and the context.
	pollSteps = 4096
)

// span is a capture: subject[start:end], or the position start when end is positionOnly.
type span struct{ start, end int }

const positionOnly = -1

// matcher matches one pattern against one subject, as often as the caller likes, within one budget. Backtracking needs
// no undoing of captures: the items behind a choice are all met again, and set theirs again, before anything reads them.
type matcher struct {
	pattern  *pattern
	subject  string
	captures [maxCaptures]span
	ctx      context.Context // may be nil

	left  int // steps until the next poll
	spent int // steps before that
	limit int
	err   error // why matching stopped before an answer was found
}

// start prepares the matcher; steps is the budget for a subject of no length.
func (m *matcher) start(p *pattern, subject string, steps int, ctx context.Context) {
	m.pattern, m.subject, m.ctx = p, subject, ctx
	m.left, m.limit = pollSteps, steps+stepsPerByte*len(subject)
}

// find looks for the first match at or behind from. On false, err tells whether there is none.
func (m *matcher) find(from int) (start, end int, ok bool) {
	for s := from; ; s++ {
		if b := m.pattern.first; b >= 0 && !m.pattern.anchored {
			skip := strings.IndexByte(m.subject[s:], byte(b))
			if skip < 0 {
				return 0, 0, false
			}
			s += skip
			m.spend(skip / pollSteps) // IndexByte is far quicker than a step a byte
		}
		if e := m.at(s); e >= 0 {
			return s, e, true
		}
		if m.err != nil || m.pattern.anchored || s >= len(m.subject) {
			return 0, 0, false
		}
	}
}

// at is the end of the match that begins at pos, -1 when none does.
func (m *matcher) at(pos int) int {
	if !m.spend(1) {
		return -1
	}
	return m.match(pos, 0)
}

// spend counts steps; false means that matching must stop.
func (m *matcher) spend(steps int) bool {
	if m.left -= steps; m.left >= 0 {
		return true
	}
	if m.err == nil {
		m.spent += pollSteps - m.left
		m.left = pollSteps
		if m.spent > m.limit {
			m.err = fmt.Errorf("pattern too complex: stopped after %d steps on a string of %d bytes", m.spent, len(m.subject))
		} else if m.ctx != nil {
			m.err = m.ctx.Err()
		}
	}
	return m.err == nil
}

// match is the end of a match of the items from k on, at pos; -1 when there is none or the budget is spent. It calls
// itself once for each repetition in the pattern at most.
func (m *matcher) match(pos, k int) int {
	items := m.pattern.items
	for ; k < len(items); k++ {
		if !m.spend(1) {
			return -1
		}
		it := &items[k]
		switch it.repeat {
		case '*':
			return m.greedy(pos, k, 0)
		case '+':
			return m.greedy(pos, k, 1)
		case '-':
			return m.lazy(pos, k)
		case '?':
			if pos < len(m.subject) && it.class.has(m.subject[pos]) {
				if e := m.match(pos+1, k+1); e >= 0 || m.err != nil {
					return e
				}
			}
			continue
		}
		if pos = m.step(it, pos); pos < 0 {
			return -1
		}
	}
	return pos
}

// greedy tries the longest run of the item first.
func (m *matcher) greedy(pos, k, least int) int {
	set := m.pattern.items[k].class
	n := 0
	for pos+n < len(m.subject) && set.has(m.subject[pos+n]) {
		n++
	}
	if !m.spend(n) {
		return -1
	}
	for ; n >= least; n-- {
		if e := m.match(pos+n, k+1); e >= 0 || !m.spend(1) {
			return e
		}
	}
	return -1
}

// lazy tries the shortest run of the item first.
func (m *matcher) lazy(pos, k int) int {
	set := m.pattern.items[k].class
	for {
		if e := m.match(pos, k+1); e >= 0 || !m.spend(1) {
			return e
		}
		if pos >= len(m.subject) || !set.has(m.subject[pos]) {
			return -1
		}
		pos++
	}
}

// step matches one item that is not repeated: where it ends, or -1.
func (m *matcher) step(it *item, pos int) int {
	switch it.kind {
	case single:
		if pos >= len(m.subject) || !it.class.has(m.subject[pos]) {
			return -1
		}
		return pos + 1
	case openCapture:
		m.captures[it.capture].start = pos
	case closeCapture:
		m.captures[it.capture].end = pos
	case positionCapture:
		m.captures[it.capture] = span{pos, positionOnly}
	case balanced:
		return m.balance(it, pos)
	case frontier:
		if it.class.has(m.byteAt(pos-1)) || !it.class.has(m.byteAt(pos)) {
			return -1
		}
	case backReference:
		c := m.captures[it.capture]
		if c.end == positionOnly || !m.spend(c.end-c.start) || !strings.HasPrefix(m.subject[pos:], m.subject[c.start:c.end]) {
			return -1
		}
		return pos + c.end - c.start
	case endAnchor:
		if pos < len(m.subject) {
			return -1
		}
	}
	return pos
}

// byteAt is a byte of the subject; before its start and behind its end are NULs, for %f.
func (m *matcher) byteAt(i int) byte {
	if i < 0 || i >= len(m.subject) {
		return 0
	}
	return m.subject[i]
}

// balance matches %bxy: from an x to the y that closes it.
func (m *matcher) balance(it *item, pos int) int {
	if pos >= len(m.subject) || m.subject[pos] != it.open {
		return -1
	}
	depth := 1
	for i := pos + 1; i < len(m.subject); i++ {
		switch m.subject[i] {
		case it.close: // first, as in Lua: in %bxx the second x closes
			if depth--; depth == 0 {
				if !m.spend(i - pos) {
					return -1
				}
				return i + 1
			}
		case it.open:
			depth++
		}
	}
	m.spend(len(m.subject) - pos)
	return -1
}
