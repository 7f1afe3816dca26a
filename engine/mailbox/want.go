package mailbox

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"smtplay/engine/wire"
)

// wantKind is how a value is judged.
type wantKind uint8

const (
	anything wantKind = iota // the zero Want: nothing is demanded
	equal
	contains
	matches
	enhanced
	anyOf
	present
	absent
)

// Want is what is demanded of one value, or of a field that may have several: one of
// them must do. The zero value demands nothing.
type Want struct {
	kind wantKind
	text string
	re   *regexp.Regexp
	any  []Want
}

// Equal demands that text and nothing else.
func Equal(text string) Want { return Want{kind: equal, text: text} }

// Contains demands a value with that text in it, ignoring case.
func Contains(text string) Want { return Want{kind: contains, text: text} }

// Match demands a value that the expression finds something in.
func Match(re *regexp.Regexp) Want { return Want{kind: matches, re: re} }

// Enhanced demands an enhanced status code (RFC 3463) such as "5.1.1", or one of a
// pattern such as "5.x.x".
func Enhanced(pattern string) Want { return Want{kind: enhanced, text: pattern} }

// AnyOf demands that one of these hold.
func AnyOf(wants ...Want) Want { return Want{kind: anyOf, any: wants} }

// Present demands that there is a value, whatever it is.
func Present() Want { return Want{kind: present} }

// Absent demands that there is no value.
func Absent() Want { return Want{kind: absent} }

// IsZero says that nothing is demanded.
func (w Want) IsZero() bool { return w.kind == anything }

// Check returns an error for a demand that every value meets, or none can.
func (w Want) Check() error {
	switch w.kind {
	case contains:
		if w.text == "" {
			return errors.New("a text that is empty is in everything: give some text, or true for a field that is there")
		}
	case matches:
		if w.re == nil || w.re.String() == "" {
			return errors.New("an expression that is empty matches everything: give one, or true for a field that is there")
		}
	case enhanced:
		if !wire.ValidEnhanced(w.text) {
			return fmt.Errorf("%q is no enhanced status code, as in 5.1.1 or 5.x.x", w.text)
		}
	case anyOf:
		if len(w.any) == 0 {
			return errors.New("a list of alternatives has none: nothing can meet it")
		}
		for _, alternative := range w.any {
			if alternative.IsZero() {
				return errors.New("an alternative demands nothing, so that everything meets the list")
			}
			if err := alternative.Check(); err != nil {
				return err
			}
		}
	}
	return nil
}

// same compares a demanded text with one that came.
type same func(want, got string) bool

func exactly(want, got string) bool { return want == got }

// Holds says whether one of the values is what is demanded.
func (w Want) Holds(values ...string) bool { return w.holds(values, exactly) }

func (w Want) holds(values []string, same same) bool {
	one := func(f func(string) bool) bool { return slices.ContainsFunc(values, f) }
	switch w.kind {
	case equal:
		return one(func(v string) bool { return same(w.text, v) })
	case contains:
		text := strings.ToLower(w.text)
		return one(func(v string) bool { return strings.Contains(strings.ToLower(v), text) })
	case matches:
		return one(w.re.MatchString)
	case enhanced:
		return one(func(v string) bool { return hasStatus(w.text, v) })
	case anyOf:
		return slices.ContainsFunc(w.any, func(a Want) bool { return a.holds(values, same) })
	case present:
		return len(values) > 0
	case absent:
		return len(values) == 0
	}
	return true
}

// String is the demand in words, as a failure shows it.
func (w Want) String() string {
	switch w.kind {
	case equal:
		return fmt.Sprintf("%q", w.text)
	case contains:
		return fmt.Sprintf("a text with %q in it", w.text)
	case matches:
		return fmt.Sprintf("a text that matches /%v/", w.re)
	case enhanced:
		return w.text
	case anyOf:
		words := make([]string, len(w.any))
		for i, a := range w.any {
			words[i] = a.String()
		}
		return cmp.Or(strings.Join(words, " or "), "one of none")
	case present:
		return "any value"
	case absent:
		return "none"
	}
	return "anything"
}

// sameAddress compares addresses, in angle brackets or not: the domain ignores case (RFC 5321 2.4).
func sameAddress(want, got string) bool {
	want, got = unbracketed(want), unbracketed(got)
	w, g := strings.LastIndexByte(want, '@'), strings.LastIndexByte(got, '@')
	if w < 0 || w != g {
		return want == got
	}
	return want[:w] == got[:g] && strings.EqualFold(want[w:], got[g:])
}

// hasStatus says whether a value begins with an enhanced status code of the
// pattern: comments may follow (RFC 3464 2.3.4).
func hasStatus(pattern, value string) bool {
	value, _, _ = strings.Cut(strings.TrimSpace(value), "(")
	code, _, _ := strings.Cut(strings.TrimSpace(value), " ")
	want, got := strings.Split(pattern, "."), strings.Split(code, ".")
	if !wire.ValidEnhanced(pattern) || !wire.ValidEnhanced(code) || strings.Contains(code, "x") {
		return false
	}
	for i, w := range want {
		if w != "x" && w != got[i] {
			return false
		}
	}
	return true
}
