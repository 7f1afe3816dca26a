package engine

import (
	"slices"
	"strings"
	"testing"
)

var wordCases = []struct {
	reason, line string
	want         []string // nil for an error
}{
	{"plain words", "/usr/sbin/sendmail -bs", []string{"/usr/sbin/sendmail", "-bs"}},
	{"blanks in any number", "  a \t b  ", []string{"a", "b"}},
	{"single quotes keep all", `a 'b "c" \ $d'`, []string{"a", `b "c" \ $d`}},
	{"double quotes keep all but two", `a "b 'c' \"d\" \\ \e"`, []string{"a", `b 'c' "d" \ \e`}},
	{"a backslash keeps the next", `a\ b \"c \\`, []string{"a b", `"c`, `\`}},
	{"pieces join", `a'b c'"d e"f`, []string{"ab cd ef"}},
	{"an empty word", `a '' ""`, []string{"a", "", ""}},
	{"nothing is done that a shell would do", `a $HOME * | b > c; d & e`, []string{"a", "$HOME", "*", "|", "b", ">", "c;", "d", "&", "e"}},
	{"a quote that does not end", `a 'b`, nil},
	{"a double quote that does not end", `a "b\"`, nil},
	{"a backslash at the end", `a \`, nil},
	{"nothing", "  ", nil},
	{"an empty command", `'' -bs`, nil},
	{"a NUL", "a\x00b", nil},
}

func TestCommandWords(t *testing.T) {
	for _, row := range wordCases {
		if got, err := commandWords(row.line); !slices.Equal(got, row.want) || (err == nil) != (row.want != nil) {
			t.Errorf("%s: %q, %v", row.reason, got, err)
		}
	}
}

// Words that are written in single quotes come back as they were.
func FuzzCommandWords(f *testing.F) {
	for _, row := range wordCases {
		f.Add(row.line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		words, err := commandWords(line)
		if err != nil {
			return
		}
		var quoted []string
		for _, w := range words {
			quoted = append(quoted, "'"+strings.ReplaceAll(w, "'", `'\''`)+"'")
		}
		if again, err := commandWords(strings.Join(quoted, " ")); err != nil || !slices.Equal(words, again) {
			t.Errorf("%q became %q, %v", words, again, err)
		}
	})
}
