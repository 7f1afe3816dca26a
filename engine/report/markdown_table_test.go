package report

import (
	"bytes"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
)

// FuzzTables holds our tables against goldmark's.
func FuzzTables(f *testing.F) {
	for _, text := range []string{
		"| a | b |\n|---|---|\n| 1 | 2 |\n",
		"a | b\n:-|-:\n1\n1 | 2 | 3\n",
		"|a|\n|:-:|\n",
		"| a | b |\n|---|\n", // a column is missing
		"| a |\n|---|---|\n| 1 | 2 |\n",
		"before\na|b\n-|-\nc|d\n\nafter",                    // the paragraph goes on
		"a \\| b | c\n-|-\n`x\\|y\\|z` \\| `p`|`q\\`|`r`\n", // escaped
		"a|b\n-|-\n*x* <b>|[l](u)\n\\|\n",
		"> a|b\n> -|-\n> c|d\n",
		"1. a|b\n   -|-\n   c|d\n",
		"a|b\n    -|-\n",
		"a\n|-\nb\n",
		"|\n|-|\n|",
		"a|b\n- | -\n||\n",
		"a|b\r\n-|-\r\nc|d\r\n",
		"# a|b\n-|-\n",
	} {
		f.Add(text)
	}
	ours, theirs := goldmark.New(goldmark.WithExtensions(tables{})), goldmark.New(goldmark.WithExtensions(extension.Table))
	f.Fuzz(func(t *testing.T, text string) {
		var got, want bytes.Buffer
		if err := theirs.Convert([]byte(text), &want); err != nil {
			t.Skip(err)
		}
		if err := ours.Convert([]byte(text), &got); err != nil {
			t.Fatal(err)
		}
		if got.String() != want.String() {
			t.Errorf("%q\ngot\n%s\nwant\n%s", text, &got, &want)
		}
	})
}
