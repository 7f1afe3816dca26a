package transcript

import (
	"fmt"
	"strings"
)

// contextLines is how much of an exchange is shown around what changed.
const contextLines = 3

// AppendUnified appends the change in the form of a unified diff: one or several
// hunks, each with the lines that it is about in both transcripts, and the
// command that was answered.
//
//	@@ -15,2 +13,2 @@ rcpt to:<james@example.com>
//	 C: rcpt to:<james@example.com>
//	-S: 554 5.7.1 <james@example.com>: Relay access denied
//	+S: 250 2.1.5 Ok
//
// Masks stand in the lines, as in Before and After.
func (c Change) AppendUnified(dst []byte) []byte {
	if c.unified != "" {
		return append(dst, c.unified...)
	}
	at := c.start
	for i := 0; i < len(c.lines); {
		if c.lines[i].op == ' ' && !c.changesWithin(i, contextLines) {
			at = at.pass(c.lines[i])
			i++
			continue
		}
		end := i + 1
		for end < len(c.lines) && (c.lines[end].op != ' ' || c.near(end)) {
			end++
		}
		dst = c.appendHunk(dst, at, c.lines[i:end])
		for ; i < end; i++ {
			at = at.pass(c.lines[i])
		}
	}
	return dst
}

// near says whether line i is context: something changes close before or
// behind it.
func (c Change) near(i int) bool {
	for k := max(0, i-contextLines); k <= i; k++ {
		if c.lines[k].op != ' ' {
			return true
		}
	}
	return c.changesWithin(i, contextLines)
}

// changesWithin says whether one of the n lines behind line i changes.
func (c Change) changesWithin(i, n int) bool {
	for k := i; k <= i+n && k < len(c.lines); k++ {
		if c.lines[k].op != ' ' {
			return true
		}
	}
	return false
}

// pass is the place behind a line.
func (p place) pass(l changeLine) place {
	return place{max(p.before, l.at.before), max(p.after, l.at.after)}
}

func (c Change) appendHunk(dst []byte, at place, lines []changeLine) []byte {
	first, n := place{}, place{}
	for _, l := range lines {
		if l.op != '+' {
			n.before++
			if first.before == 0 {
				first.before = l.at.before
			}
		}
		if l.op != '-' {
			n.after++
			if first.after == 0 {
				first.after = l.at.after
			}
		}
	}
	// A side without lines is named by the line that they would follow.
	if n.before == 0 {
		first.before = at.before
	}
	if n.after == 0 {
		first.after = at.after
	}
	dst = fmt.Appendf(dst, "@@ -%d,%d +%d,%d @@", first.before, n.before, first.after, n.after)
	if c.Command != "" {
		dst = append(append(dst, ' '), c.Command...)
	}
	dst = append(dst, '\n')
	for _, l := range lines {
		dst = append(append(append(dst, l.op), l.text...), '\n')
	}
	return dst
}

// KeptChange is a change of which no more was kept than what AppendUnified wrote.
func KeptChange(conn int, command, unified string) Change {
	c := Change{Conn: conn, Command: command, unified: unified}
	for line := range strings.Lines(unified) {
		line = strings.TrimSuffix(line, "\n")
		if text, ok := strings.CutPrefix(line, "-"); ok {
			c.Before = append(c.Before, text)
		} else if text, ok := strings.CutPrefix(line, "+"); ok {
			c.After = append(c.After, text)
		}
	}
	return c
}
