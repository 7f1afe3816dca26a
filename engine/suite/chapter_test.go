package suite_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"smtplay/engine/suite"
)

func TestParseChapter(t *testing.T) {
	for _, test := range []struct{ text, place, title, reason string }{
		{" 2.1 Logging in ", "2.1", "Logging in", "a place in a chapter"},
		{"3 Certificates", "3", "Certificates", "a chapter of one script"},
		{"3. Certificates", "3", "Certificates", "as one writes a number"},
		{"2.10.1\tLogging in: 2.0", "2.10.1", "Logging in: 2.0", "as deep as one likes"},
		{"2.1", "", "", "no title"},
		{"two Logging in", "", "", "no number"},
		{"2nd chapter", "", "", "no number either"},
		{"2..1 Logging in", "", "", "no number at all"},
		{"99999 Logging in", "", "", "nobody has as many chapters"},
		{"1.2.3.4.5 Logging in", "", "", "nor as many levels"},
		{"", "", "", "nothing"},
	} {
		c, ok := suite.ParseChapter(test.text)
		if c.Place() != test.place || c.Title != test.title || ok != (test.place != "") {
			t.Errorf("%s: %q is %q %q, %v", test.reason, test.text, c.Place(), c.Title, ok)
		}
	}
}

// Numbers are numbers: 2.10 comes after 2.9, and what has none comes last.
func TestChaptersInOrder(t *testing.T) {
	want := []string{"1 a", "1.1 a", "1.2 a", "2 a", "2.9 a", "2.9.1 a", "2.10 a", "10 a", "none"}
	got := slices.Clone(want)
	rand.Shuffle(len(got), func(i, k int) { got[i], got[k] = got[k], got[i] })
	slices.SortFunc(got, func(a, b string) int {
		one, _ := suite.ParseChapter(a)
		two, _ := suite.ParseChapter(b)
		return one.Compare(two)
	})
	if !slices.Equal(got, want) {
		t.Errorf("%s", strings.Join(got, ", "))
	}
}
