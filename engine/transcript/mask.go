package transcript

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// maskWord is what a mask looks like, at the start of a text. Nothing in it is
// ever escaped: it is printable ASCII without brackets and backslash.
var maskWord = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^\[(secret:[A-Za-z0-9_.-]+|sasl( [a-z]+=[!-Z^-~]*)*|[a-z][a-z0-9-]*)\]`)
})

// SASLMask is the mask that stands for a whole SASL message: the authorisation
// identity where there is one, the user, and the name of the secret. What may
// not stand in a mask is percent-encoded.
func SASLMask(identity, user, secret string) string {
	m := "sasl"
	if identity != "" {
		m += " identity=" + maskValue(identity)
	}
	if user != "" {
		m += " user=" + maskValue(user)
	}
	if secret != "" {
		m += " secret=" + maskName(secret)
	}
	return m
}

func maskValue(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '[' || c == ']' || c == '\\' || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// unmaskValue is what maskValue was given.
func unmaskValue(s string) string {
	if t, ok := percent.read([]byte(s)); ok {
		return string(t.data)
	}
	return s
}

// maskName keeps of a secret's name what may stand in a mask.
func maskName(name string) string {
	return cmp.Or(strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '.' || c == '-' {
			return c
		}
		return '_'
	}, name), "_")
}

// tokenName keeps of a token's name what may stand in a mask of its own.
func tokenName(name string) string {
	name = strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			return c
		}
		return '-'
	}, strings.ToLower(name))
	if name == "" || name[0] < 'a' {
		name = "token" + name
	}
	return name
}

// ownMasks are the places in s that r itself wrote, or would write, as masks.
// Of a SASL mask that is all but the names in it.
func (r *Redactor) ownMasks(s string) []Span {
	known := map[string]bool{}
	for h := range r.all {
		known[h.mask] = true
	}
	var own []Span
	for at := 0; ; at++ {
		i := strings.IndexByte(s[at:], '[')
		if i < 0 {
			return own
		}
		at += i
		m := maskWord().FindString(s[at:])
		body := strings.Trim(m, "[]")
		if known[body] {
			own = append(own, Span{Start: at, End: at + len(m)})
		}
		fields, isSASL := strings.CutPrefix(body, "sasl ")
		if !isSASL {
			continue
		}
		begin, place := at, at+len("[sasl ")
		for f := range strings.SplitSeq(fields, " ") {
			key, value, _ := strings.Cut(f, "=")
			end := place
			if slices.Contains([]string{"identity", "user", "secret"}, key) {
				end += len(key) + 1
			}
			if key == "secret" && known["secret:"+value] {
				end += len(value)
			}
			own = append(own, Span{Start: begin, End: end})
			begin = place + len(f)
			place = begin + 1
		}
	}
}

// join sorts spans and merges those that overlap: of two masks over the same
// bytes the one that covers more stays, and of two alike the first.
func join(spans []Span) []Span {
	if len(spans) < 2 {
		return spans
	}
	slices.SortStableFunc(spans, func(a, b Span) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End))
	})
	out := spans[:1]
	widest := spans[0].End - spans[0].Start
	for _, s := range spans[1:] {
		last := &out[len(out)-1]
		if s.Start >= last.End {
			out = append(out, s)
			widest = s.End - s.Start
			continue
		}
		if width := s.End - s.Start; width > widest {
			widest, last.Mask = width, s.Mask
		}
		last.End = max(last.End, s.End)
	}
	return out
}
