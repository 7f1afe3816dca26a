package wire

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Pattern says which replies are expected. All that is set must hold; where
// Any is not empty one of it must hold as well. The zero value holds for every
// reply.
type Pattern struct {
	Code      string         // three places, each a digit or x: "554", "5xx"
	Enhanced  string         // "5.7.1", "5.7.x"
	Text      string         // what the text contains, case ignored
	Match     *regexp.Regexp // what the text matches
	Challenge *string        // what the challenge of a 334 says, decoded
	Any       []Pattern      // alternatives
}

// ErrEmptyPattern says that a pattern holds for every reply, so that it
// expects nothing.
var ErrEmptyPattern = errors.New("an empty pattern expects nothing: give a code, an enhanced status code or a text")

// ParsePattern reads a pattern that is written the way a reply looks: a code,
// an enhanced status code or both, then any text that the reply's text must
// contain.
//
//	"554"   "55x"   "5.7.x"   "554 5.7.1"   "554 5.7.1 relay access denied"
//
// A pattern that no reply can match is an error.
func ParsePattern(s string) (Pattern, error) {
	first, rest := word(s)
	var p Pattern
	switch {
	case first == "":
		return p, ErrEmptyPattern
	case isCode(first):
		p.Code = first
		if enhanced, after := word(rest); isEnhanced(enhanced) {
			p.Enhanced, rest = enhanced, after
		}
	case isEnhanced(first):
		p.Enhanced = first
	default:
		return p, badPattern(first, s)
	}
	p.Text = rest
	if next, _ := word(rest); p.Enhanced == "" && nearlyEnhanced(next) {
		return p, badPattern(next, s)
	}
	return p, p.Check()
}

// CodePattern is the pattern of one code. Codes outside 200 to 599 are an
// error: no reply has them.
func CodePattern(code int) (Pattern, error) {
	if code < 200 || code > 599 {
		return Pattern{}, fmt.Errorf("no reply has the code %d: codes go from 200 to 599", code)
	}
	return Pattern{Code: strconv.Itoa(code)}, nil
}

// Check returns an error for a pattern that no reply, or every reply, matches.
// Each alternative must be able to match: one that cannot was meant otherwise.
func (p Pattern) Check() error { return p.within(Pattern{}) }

// within checks p where outer, a pattern without alternatives, must hold too.
func (p Pattern) within(outer Pattern) error {
	if p.Code == "" && p.Enhanced == "" && p.Text == "" && p.Match == nil && p.Challenge == nil && len(p.Any) == 0 {
		return ErrEmptyPattern
	}
	if p.Code != "" && !isCode(p.Code) || p.Enhanced != "" && !isEnhanced(p.Enhanced) {
		return badPattern(cmp.Or(p.Code, p.Enhanced), p.Text)
	}
	all, ok := both(outer, p)
	if !ok {
		return fmt.Errorf("no reply matches %v and %v", outer, p)
	}
	switch {
	case all.Enhanced != "" && strings.HasPrefix(all.Code, "3"):
		return fmt.Errorf("no reply matches %v: a %s carries no enhanced status code (RFC 2034)", all, all.Code)
	case all.Challenge != nil && (all.Enhanced != "" || !all.matchCode(334)):
		return fmt.Errorf("no reply matches %v: only a 334 carries a challenge, and it has no enhanced status code", all)
	case strings.Contains(p.Text, "\r"):
		return fmt.Errorf("no reply matches %v: the lines of a text are joined by \\n, and none holds a CR", p)
	}
	for _, a := range p.Any {
		if err := a.within(all); err != nil {
			return err
		}
	}
	return nil
}

// both is what code, enhanced status code and challenge must be where two
// patterns hold; ok is false where nothing can be both.
func both(a, b Pattern) (all Pattern, ok bool) {
	all.Challenge = cmp.Or(b.Challenge, a.Challenge)
	if a.Challenge != nil && b.Challenge != nil && *a.Challenge != *b.Challenge {
		return all, false
	}
	var code, enhanced bool
	all.Code, code = meet(a.Code, b.Code, "")
	all.Enhanced, enhanced = meet(a.Enhanced, b.Enhanced, ".")
	return all, code && enhanced
}

// meet is what matches both a and b, of which each place between sep is an x or
// stands for itself.
func meet(a, b, sep string) (both string, ok bool) {
	if a == "" || b == "" {
		return a + b, true
	}
	places, other := strings.Split(a, sep), strings.Split(b, sep)
	for i, o := range other {
		switch {
		case places[i] == "x":
			places[i] = o
		case o != "x" && o != places[i]:
			return "", false
		}
	}
	return strings.Join(places, sep), true
}

func word(s string) (first, rest string) {
	s = strings.TrimLeft(s, " \t")
	i := strings.IndexAny(s, " \t")
	if i < 0 {
		return s, ""
	}
	return s[:i], strings.Trim(s[i:], " \t")
}

func badPattern(first, whole string) error {
	switch {
	case consistsOf(first, digit):
		return fmt.Errorf("no reply has the code %s: a code has three digits, from 200 to 599", first)
	case len(first) == 3 && consistsOf(first, digit+"xX"):
		return fmt.Errorf("%q is no code pattern: the first place is 2 to 5, the others digits or x", first)
	case len(first) > 3 && isCode(first[:3]) && first[3] == '-':
		return fmt.Errorf("%q looks like one line of a reply: a pattern is for the whole reply, its code is %s; what EHLO offers is for expect_capability", first, first[:3])
	case nearlyEnhanced(first):
		return fmt.Errorf("%q is no enhanced status code: it is written like 5.7.1 or 5.7.x, its class is 2, 4 or 5", first)
	default:
		return fmt.Errorf("a pattern begins with a code or an enhanced status code, not with %q; for text alone: { text = %q }", first, whole)
	}
}

const digit = "0123456789"

func consistsOf(s, set string) bool { return s != "" && strings.Trim(s, set) == "" }

// nearlyEnhanced: s was meant for an enhanced status code with a place left
// open, and is none, such as "5.7.X". Taken for text it would match nothing.
func nearlyEnhanced(s string) bool {
	parts := strings.Split(s, ".")
	return len(parts) == 3 && strings.ContainsAny(s, "xX") && !isEnhanced(s) &&
		!slices.ContainsFunc(parts, func(p string) bool { return !consistsOf(p, digit+"xX") })
}

func isCode(s string) bool {
	return len(s) == 3 && s[0] >= '2' && s[0] <= '5' && placeholder(s[1]) && placeholder(s[2])
}

func placeholder(c byte) bool { return c == 'x' || c >= '0' && c <= '9' }

// isEnhanced: class "." subject "." detail, where subject and detail may be x.
func isEnhanced(s string) bool {
	parts := strings.Split(s, ".")
	if len(parts) != 3 || parts[0] != "2" && parts[0] != "4" && parts[0] != "5" {
		return false
	}
	for _, p := range parts[1:] {
		if p == "x" {
			continue
		}
		if n, ok := digits([]byte(p), 0); !ok || n != len(p) {
			return false
		}
	}
	return true
}

// ValidEnhanced says whether s may stand as Pattern.Enhanced.
func ValidEnhanced(s string) bool { return isEnhanced(s) }

// String is the pattern in words, as a failure shows it: `554 5.7.1`,
// `250 or 251`, `334 with the challenge "Username:"`.
func (p Pattern) String() string {
	var w writing
	w.pattern(p)
	return w.String()
}
