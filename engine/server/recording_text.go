package server

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// textForm brings lines of message text into a form in which two messages
// can be compared: without what is made anew for each. The zero value is at
// the beginning of a message.
type textForm struct {
	body       bool // the header is over
	skipping   bool // within a field that does not count
	boundaries []string
}

// The fields that are made anew for each message: RFC 5322 section 3.6, RFC 6376.
var newFields = []string{"date", "message-id", "received", "dkim-signature", "resent-date", "resent-message-id"}

var (
	fieldForm    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([!-9;-~]+)[ \t]*:`) })
	boundaryForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)\bboundary="?([^"; \t\r\n]{8,70})`) })
	dateForm     = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), )? ?\d{1,2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d(?::\d\d)?(?: (?:[+-]\d{4}|GMT|UTC))?`)
	})
)

// maxBoundaries bounds what is looked for in every line.
const maxBoundaries = 16

// counts says whether a line is one to compare, and takes note of what it says
// of those that follow.
func (f *textForm) counts(line []byte) bool {
	if len(f.boundaries) < maxBoundaries && bytes.IndexByte(line, '=') > 0 {
		if m := boundaryForm().FindSubmatch(line); m != nil {
			f.boundaries = append(f.boundaries, string(m[1]))
		}
	}
	if f.body {
		return true
	}
	if line[0] == ' ' || line[0] == '\t' {
		return !f.skipping
	}
	m := fieldForm().FindSubmatch(line)
	if m == nil {
		f.body, f.skipping = true, false
		return true
	}
	f.skipping = slices.Contains(newFields, strings.ToLower(string(m[1])))
	return !f.skipping
}

// plain is a line, or a part of it, without what differs from message to message.
func (f *textForm) plain(text []byte) []byte {
	for i, b := range f.boundaries {
		if bytes.Contains(text, []byte(b)) {
			text = bytes.ReplaceAll(text, []byte(b), fmt.Appendf(nil, "boundary %d", i+1))
		}
	}
	if bytes.IndexByte(text, ':') >= 0 {
		text = dateForm().ReplaceAll(text, []byte("date"))
	}
	return text
}

// plainPiece is the same of what was recorded; masks stay what they are.
func (f *textForm) plainPiece(p piece) piece {
	if len(p.spans) == 0 {
		p.data = f.plain(p.data)
		return p
	}
	out := piece{line: p.line}
	at := 0
	for _, s := range p.spans {
		out.data = append(out.data, f.plain(p.data[at:s.Start])...)
		start := len(out.data)
		out.data = append(out.data, p.data[s.Start:s.End]...)
		s.Start, s.End, at = start, len(out.data), s.End
		out.spans = append(out.spans, s)
	}
	out.data = append(out.data, f.plain(p.data[at:])...)
	return out
}

// comparison holds text that comes in against some that was recorded, line by
// line. It keeps the first difference.
type comparison struct {
	want      []piece
	next      int // of want
	lenient   bool
	mine      textForm
	theirs    textForm
	different bool
	wanted    piece
	got       string
}

// line compares the next line that came, which was shown last.
func (c *comparison) line(p *player, raw []byte) {
	if c.different || !c.theirs.counts(raw) {
		return
	}
	want, ok := c.nextWanted()
	if c.lenient {
		return
	}
	if ok {
		if _, how := p.fits(c.mine.plainPiece(want), c.theirs.plain(raw), turn{}); how != noFit {
			return
		}
	}
	c.differ(want, shown(p.last.Data, p.last.Spans))
}

// finish says what came in the place of more lines.
func (c *comparison) finish(ending string) {
	if c.different || c.lenient {
		return
	}
	if want, ok := c.nextWanted(); ok {
		c.differ(want, ending)
	}
}

func (c *comparison) differ(want piece, got string) {
	c.different, c.wanted, c.got = true, want, got
}

// nextWanted is the next recorded line that counts; behind the last it is the
// last, and not ok.
func (c *comparison) nextWanted() (want piece, ok bool) {
	for c.next < len(c.want) {
		want = c.want[c.next]
		c.next++
		if c.mine.counts(want.data) {
			return want, true
		}
	}
	if len(c.want) > 0 {
		want = c.want[len(c.want)-1]
	}
	return want, false
}

// over says whether all that was recorded has come.
func (c *comparison) over() bool {
	form := c.mine
	form.boundaries = slices.Clip(form.boundaries)
	for _, p := range c.want[c.next:] {
		if form.counts(p.data) {
			return false
		}
	}
	return true
}
