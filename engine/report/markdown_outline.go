package report

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// outline is what a document has in which order, with its links.
type outline struct{ parts []*part }

// part is a chapter of the document: scripts under a heading that they name. One
// without a heading holds those that name none, where no script does.
type part struct {
	number  int
	heading string // in Markdown
	anchor  string // of the heading, "" for none
	entries []*entry
}

// entry is a script in a document.
type entry struct {
	*chapter
	heading string // in Markdown
	anchor  string
	about   string   // its description, as Markdown that stays within it
	inner   []string // the headings in it
	level   int      // of its own heading
}

func outlineOf(run *Run) *outline {
	type scriptAt struct {
		*chapter
		at suite.Chapter
	}
	var all []scriptAt
	for _, c := range chapters(run) {
		at, _ := suite.ParseChapter(chapterOf(c.script))
		all = append(all, scriptAt{c, at})
	}
	slices.SortStableFunc(all, func(a, b scriptAt) int { return a.at.Compare(b.at) })
	o := &outline{}
	several := len(all) > 0 && all[0].at.Number != nil
	for _, s := range all {
		number := -1
		if s.at.Number != nil {
			number = s.at.Number[0]
		}
		if n := len(o.parts); n == 0 || o.parts[n-1].number != number {
			o.parts = append(o.parts, newPart(number, s.at, several))
		}
		p := o.parts[len(o.parts)-1]
		p.entries = append(p.entries, newEntry(s.chapter, s.at, several))
	}
	o.link(verdictLine(run))
	return o
}

func newPart(number int, at suite.Chapter, several bool) *part {
	p := &part{number: number}
	switch {
	case !several:
	case number < 0:
		p.heading = "Beside the chapters"
	default:
		p.heading = fmt.Sprintf("%d. %s", number, prose(at.Title))
	}
	return p
}

func newEntry(c *chapter, at suite.Chapter, several bool) *entry {
	e := &entry{chapter: c, level: 2}
	if several {
		e.level++
	}
	if e.heading = span(c.script.Name()); title(c.script) != "" {
		e.heading = prose(title(c.script))
		if len(at.Number) > 1 {
			e.heading = at.Place() + " " + e.heading
		}
	}
	e.about, e.inner = nested(description(c.script), e.level)
	return e
}

// link finds the anchors that can be linked to. Readers of Markdown make them of
// headings, and agree where a heading is plain and the only one of its kind.
func (o *outline) link(verdict string) {
	times := map[string]int{}
	count := func(heading string) {
		if a := anchor(heading); a != "" {
			times[a]++
		}
	}
	count(prose(verdict))
	for _, p := range o.parts {
		count(p.heading)
		for _, e := range p.entries {
			count(e.heading)
			for _, h := range e.inner {
				count(h)
			}
			for _, r := range e.results {
				count(prose(testName(r)))
				for i := range r.Events {
					if r.Events[i].Kind == transcript.Step {
						count(prose(string(r.Events[i].Data)))
					}
				}
			}
		}
	}
	only := func(heading string) string {
		if a := anchor(heading); times[a] == 1 && plainAnchor().MatchString(a) {
			return a
		}
		return ""
	}
	for _, p := range o.parts {
		p.anchor = only(p.heading)
		for _, e := range p.entries {
			e.anchor = only(e.heading)
		}
	}
}

var plainAnchor = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`) })

// anchor is what a heading is linked by: its letters and digits, in lower case,
// and hyphens for blanks. In what readers do not agree about it has a "?".
func anchor(heading string) string {
	var b strings.Builder
	for _, r := range heading {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-':
			b.WriteRune(r)
		case r >= 'A' && r <= 'Z':
			b.WriteRune(r + 'a' - 'A')
		case r == ' ':
			b.WriteByte('-')
		case r == '_' || r >= utf8.RuneSelf:
			b.WriteByte('?')
		}
	}
	return b.String()
}

// link is the chapter in a list, where its number must not begin another.
func (p *part) link() string {
	if p.anchor == "" {
		return strings.Replace(p.heading, ". ", `\. `, 1)
	}
	return linked(p.heading, p.anchor)
}

func (e *entry) link() string { return linked(e.heading, e.anchor) }

// linked is a heading as a link, or as it is where nothing can be linked to.
func linked(heading, anchor string) string {
	if anchor == "" {
		return heading
	}
	return "[" + heading + "](#" + anchor + ")"
}

// came is what a script came to, in a few words.
func (e *entry) came() string {
	var n suite.Counts
	for _, r := range e.results {
		n.Add(r.Outcome)
	}
	var words []string
	for _, c := range []struct {
		n    int
		word string
		loud bool
	}{{n.Failed, "failed", true}, {n.Errored, "without a verdict", true}, {n.Passed, "passed", false}, {n.Skipped, "skipped", false}} {
		word := c.word
		if len(e.results) > 1 {
			word = fmt.Sprintf("%d %s", c.n, c.word)
		}
		if c.loud {
			word = "**" + word + "**"
		}
		if c.n > 0 {
			words = append(words, word)
		}
	}
	return strings.Join(words, ", ")
}
