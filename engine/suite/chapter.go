package suite

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Chapter is where a script stands in a document that is made of a run: "2.1
// Logging in" is the first of chapter 2. It changes nothing of when it runs.
type Chapter struct {
	Number []int  // of the chapter, then of the place in it; nil for none
	Title  string // of the chapter
}

// Four places of four digits each are more than a document has use for.
var chapterText = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([0-9]{1,4}(?:\.[0-9]{1,4}){0,3})\.?[ \t]+(\S.*)$`)
})

// ParseChapter reads a number and a title; false where it is something else.
func ParseChapter(s string) (Chapter, bool) {
	m := chapterText().FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return Chapter{}, false
	}
	c := Chapter{Title: m[2]}
	for _, digits := range strings.Split(m[1], ".") {
		n, _ := strconv.Atoi(digits)
		c.Number = append(c.Number, n)
	}
	return c, true
}

// Compare orders chapters as a document has them; what is in none comes last.
func (c Chapter) Compare(other Chapter) int {
	if (c.Number == nil) != (other.Number == nil) {
		return len(other.Number) - len(c.Number)
	}
	return slices.Compare(c.Number, other.Number)
}

// Place is the number as it is written: 2.1.
func (c Chapter) Place() string {
	var all []string
	for _, n := range c.Number {
		all = append(all, strconv.Itoa(n))
	}
	return strings.Join(all, ".")
}
