package resolver

import "testing"

// Whatever a record holds, its text is no longer than it, and what is no escape is an error.
func FuzzOctets(f *testing.F) {
	for _, s := range []string{`a\"b`, `\\`, `\009`, `\25`, `\999`, `\`, `\256`, `é\;`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := octets([]string{s})
		if err == nil && len(got) > len(s) || err != nil && got != "" {
			t.Errorf("%q: %q, %v", s, got, err)
		}
	})
}

func TestOctetsThatAreNone(t *testing.T) {
	for _, s := range []string{`\`, `\25`, `\2x5`, `\256`, `\999`, `a\00`} {
		if got, err := octets([]string{s}); err == nil {
			t.Errorf("%q: %q", s, got)
		}
	}
}
