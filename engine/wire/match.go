package wire

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Captures are the submatches of Pattern.Match. The zero value has none.
type Captures struct {
	Groups []string // by number; 0 is the whole match
	Names  []string // the name of each group, "" where it has none
}

// Matches says whether r is what the pattern expects, with the submatches of
// Match where it has one.
func (p Pattern) Matches(r *Reply) (Captures, bool) {
	var captures Captures
	if !p.matchCode(r.Code) || p.Enhanced != "" && !MatchEnhanced(p.Enhanced, r.Enhanced()) {
		return captures, false
	}
	if p.Text != "" && !strings.Contains(fold(r.Text()), fold(p.Text)) {
		return captures, false
	}
	if p.Challenge != nil {
		challenge, err := r.Challenge()
		if err != nil || string(challenge) != *p.Challenge {
			return captures, false
		}
	}
	if p.Match != nil {
		groups := p.Match.FindStringSubmatch(r.Text())
		if groups == nil {
			return captures, false
		}
		captures = Captures{Groups: groups, Names: p.Match.SubexpNames()}
	}
	if len(p.Any) == 0 {
		return captures, true
	}
	for _, a := range p.Any {
		if c, ok := a.Matches(r); ok {
			if captures.Groups == nil {
				captures = c
			}
			return captures, true
		}
	}
	return Captures{}, false
}

// fold is s in lower case. Bytes that are no UTF-8 stay what they are: they are
// letters in a charset that nobody named, and must not be taken for each other.
func fold(s string) string {
	if utf8.ValidString(s) {
		return strings.ToLower(s)
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			b = append(b, s[i])
		} else {
			b = utf8.AppendRune(b, unicode.ToLower(r))
		}
		i += n
	}
	return string(b)
}

func (p Pattern) matchCode(code int) bool {
	if p.Code == "" {
		return true
	}
	for i, place := range [3]int{code / 100, code / 10 % 10, code % 10} {
		if p.Code[i] != 'x' && int(p.Code[i]-'0') != place {
			return false
		}
	}
	return true
}

// MatchEnhanced says whether an enhanced status code is one that the pattern
// expects, in which x stands for any subject or detail: "4.7.x".
func MatchEnhanced(pattern, got string) bool {
	if pattern == got {
		return true
	}
	want, have := strings.Split(pattern, "."), strings.Split(got, ".")
	if len(have) != 3 {
		return false
	}
	for i, w := range want {
		if w != "x" && w != have[i] {
			return false
		}
	}
	return true
}
