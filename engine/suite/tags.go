package suite

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// longestTag bounds a tag, in bytes.
const longestTag = 40

// CheckTag says what is wrong with a tag: it is of letters, digits, "-", "_" and
// ".", and begins with a letter or a digit, so that an expression can name it.
func CheckTag(tag string) error {
	word := func(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' }
	switch {
	case tag == "":
		return errors.New("a tag is empty")
	case len(tag) > longestTag:
		return fmt.Errorf("a tag has at most %d letters", longestTag)
	case strings.ContainsFunc(tag, func(r rune) bool { return !word(r) && !strings.ContainsRune("-_.", r) }), !word(rune(tag[0])):
		return fmt.Errorf("%q is no tag: it has letters, digits, - _ and . only, and begins with a letter or a digit", tag)
	}
	return nil
}

// SplitTags reads tags that stand in one line, with blanks or commas between
// them. Each is kept once, in order.
func SplitTags(line string) ([]string, error) {
	var tags []string
	for _, tag := range strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' || r == ',' }) {
		if err := CheckTag(tag); err != nil {
			return nil, err
		}
		tags = append(tags, tag)
	}
	if len(tags) == 0 {
		return nil, errors.New("there is no tag")
	}
	slices.Sort(tags)
	return slices.Compact(tags), nil
}

// TagExpr chooses tests by their tags. nil chooses all.
type TagExpr struct{ any [][]tagTerm }

type tagTerm struct {
	tag string
	not bool
}

// ParseTags reads an expression:
//
//	tls          has the tag
//	!slow        has it not
//	tls+smoke    both hold; + binds closer than a comma
//	tls,smoke    one of them holds
func ParseTags(s string) (*TagExpr, error) {
	e := &TagExpr{}
	for part := range strings.SplitSeq(s, ",") {
		var all []tagTerm
		for word := range strings.SplitSeq(part, "+") {
			tag, not := strings.CutPrefix(strings.TrimSpace(word), "!")
			if tag == "" {
				return nil, fmt.Errorf("a tag is missing in %q: write tls, !slow, tls+smoke (both) or tls,smoke (one of them)", s)
			}
			if err := CheckTag(tag); err != nil {
				return nil, err
			}
			all = append(all, tagTerm{tag, not})
		}
		e.any = append(e.any, all)
	}
	return e, nil
}

// Match says whether a test with those tags is chosen.
func (e *TagExpr) Match(tags []string) bool {
	if e == nil {
		return true
	}
	return slices.ContainsFunc(e.any, func(all []tagTerm) bool {
		return !slices.ContainsFunc(all, func(t tagTerm) bool { return slices.Contains(tags, t.tag) == t.not })
	})
}

// Tags are those that the expression names, in order.
func (e *TagExpr) Tags() []string {
	var tags []string
	if e != nil {
		for _, all := range e.any {
			for _, t := range all {
				tags = append(tags, t.tag)
			}
		}
	}
	slices.Sort(tags)
	return slices.Compact(tags)
}

// unknown is the first tag of the expression that no test has.
func (e *TagExpr) unknown(known map[string]bool) (string, bool) {
	if e != nil {
		for _, all := range e.any {
			for _, t := range all {
				if !known[t.tag] {
					return t.tag, true
				}
			}
		}
	}
	return "", false
}

// UnknownTagError says that no test has a tag: whoever asked for it meant
// another one.
type UnknownTagError struct {
	Tag   string
	Known []string // the tags that there are, in order
}

func (e *UnknownTagError) Error() string { return fmt.Sprintf("no test has the tag %q", e.Tag) }
