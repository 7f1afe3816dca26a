package report_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	mdtext "github.com/yuin/goldmark/text"

	"smtplay/engine/report"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// book is a script with all that a document shows of it.
type book struct{ name, title, description, chapter string }

func (b *book) Title() string       { return b.title }
func (b *book) Description() string { return b.description }
func (b *book) Chapter() string     { return b.chapter }
func (b *book) script() suite.Script {
	return struct {
		script
		*book
	}{script(b.name), b}
}

// read is a document as a reader of Markdown sees it.
type read struct {
	headings []string // "## text"
	anchors  map[string]int
	links    []string            // destinations
	blocks   []string            // of code
	odd      []string            // HTML and pictures
	tables   []map[string]string // first cells of rows, and second
}

func readMarkdown(t *testing.T, source []byte) *read {
	t.Helper()
	md := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithParserOptions(parser.WithAutoHeadingID()))
	d := &read{anchors: map[string]int{}}
	err := ast.Walk(md.Parser().Parse(mdtext.NewReader(source)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			id, _ := n.AttributeString("id")
			d.anchors[fmt.Sprintf("%s", id)]++
			d.headings = append(d.headings, strings.Repeat("#", n.Level)+" "+shown(n, source))
		case *ast.Link:
			d.links = append(d.links, string(n.Destination))
		case *ast.FencedCodeBlock:
			d.blocks = append(d.blocks, string(n.Lines().Value(source)))
		case *east.Table:
			d.tables = append(d.tables, map[string]string{})
		case *east.TableRow:
			d.tables[len(d.tables)-1][shown(n.FirstChild(), source)] = shown(n.LastChild(), source)
		case *ast.HTMLBlock, *ast.RawHTML, *ast.Image:
			d.odd = append(d.odd, n.Kind().String())
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// shown is the text of a node as a reader sees it.
func shown(n ast.Node, source []byte) string {
	var b strings.Builder
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		switch c := c.(type) {
		case *ast.Text:
			line := c.Value(source)
			for i := 0; i < len(line); i++ {
				if line[i] == '\\' && i+1 < len(line) && strings.IndexByte("\\`*_[]<>#|~&!.)-+=", line[i+1]) >= 0 && n.Kind() != ast.KindCodeSpan {
					i++
				}
				b.WriteByte(line[i])
			}
		default:
			b.WriteString(shown(c, source))
		}
	}
	return b.String()
}

// sound: headings step down one level at a time, links lead somewhere, and there
// is nothing but Markdown.
func (d *read) sound(t *testing.T, reason string) {
	t.Helper()
	before := 0
	for _, h := range d.headings {
		level := strings.IndexByte(h, ' ')
		if level > before+1 {
			t.Errorf("%s: %q follows a heading of level %d", reason, h, before)
		}
		before = level
	}
	for _, l := range d.links {
		if a, ok := strings.CutPrefix(l, "#"); ok && d.anchors[a] != 1 {
			t.Errorf("%s: %d headings for the link %s", reason, d.anchors[a], l)
		}
	}
	if len(d.odd) > 0 {
		t.Errorf("%s: there is %v", reason, d.odd)
	}
}

// Whatever a script, a test, a server or a failure says, what comes after it is
// still there, as what it is.
func TestMarkdownCannotBeBroken(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	for _, test := range []struct{ text, reason string }{
		{"plain", "nothing special"},
		{"```", "a fence"}, {"~~~", "another fence"}, {"```` ```` `````", "longer fences"}, {"    ```", "an indented fence"},
		{"``` ~~~ ` `` ", "ticks that close nothing"},
		{"<!--", "a comment that never ends"}, {"<script>", "a script that never ends"}, {"<![CDATA[", "the same of XML"}, {"<?php", "an instruction"},
		{"<b onclick=x>y</b>", "tags"}, {"</details></div>", "ends of tags"}, {"&lt;b&gt; &#60;b>", "entities"},
		{"a | b | c", "bars"}, {"|---|---|", "a table's line"}, {"a\n|---|\n", "a table"}, {"\\| `|`", "bars that are escaped"},
		{"# one", "a heading"}, {"one\n===", "an underlined one"}, {"- a\n  - b\n    - c", "lists"}, {"> quoted", "a quote"}, {"> ```", "a fence in a quote"}, {"- ```", "a fence in a list"},
		{"1. a", "a numbered list"}, {"---", "a line"}, {"***", "another line"}, {"+", "a lone mark"}, {"=", "an underline"},
		{"![x](http://192.0.2.1/x.png)", "a picture"}, {"[x](javascript:alert(1))", "a link that does something"}, {"[x]: http://192.0.2.1/", "a definition"}, {"[x", "a bracket"},
		{"\x1b[2J\x00\x07\r\u202e\u2028\ufeff", "control characters"}, {"\xff\xfe", "no UTF-8"}, {"\tx\n\t\ty", "tabs"},
		{long, "a very long line"}, {strings.Repeat("line\n", 5000), "very many lines"}, {"\\", "a backslash"}, {"a\\\n", "one at the end"}, {"é_ä_ü", "other letters"},
	} {
		before, after := &book{"a.lua", "Before", "", ""}, &book{"z.lua", "After", "it is there", ""}
		evil := &book{"b.lua", test.text, "Title\n\n" + test.text, ""}
		result := suite.Result{Test: suite.Test{Script: evil.script(), Name: "test " + test.text}, Runs: 1, Verdict: suite.Verdict{Outcome: suite.Failed,
			Failure: &suite.Failure{What: test.text, Pos: transcript.Pos{File: test.text, Line: 1}, Source: test.text, Command: test.text, Want: test.text, Got: test.text, Because: test.text, Hint: test.text}},
			Events: []transcript.Event{
				{Conn: 1, Kind: transcript.Server, Data: []byte("250 " + test.text + "\r\n")},
				{Conn: 1, Kind: transcript.Note, Data: []byte(test.text)},
				{Conn: 1, Kind: transcript.Client, Data: []byte(test.text + "\r\n")},
				{Conn: 1, Kind: transcript.Step, Data: []byte("step " + test.text)},
				{Conn: 1, Kind: transcript.TLS, Data: []byte(test.text)},
			}}
		skipped := suite.Result{Test: suite.Test{Script: evil.script(), Name: "skipped", Index: 1}, Runs: 1, Verdict: suite.Verdict{Outcome: suite.Skipped, Reason: test.text}}
		last := suite.Result{Test: suite.Test{Script: after.script(), Name: "the last"}, Runs: 1, Verdict: suite.Verdict{Outcome: suite.Passed},
			Events: []transcript.Event{{Conn: 1, Kind: transcript.Server, Data: []byte("220 the end\r\n")}}}
		first := last
		first.Script = before.script()
		first.Name = "the first"
		run := &report.Run{Server: test.text, Targets: []report.Target{{Name: test.text, Address: test.text}}, Results: []suite.Result{first, result, skipped, last}}
		d := readMarkdown(t, render(t, "markdown", run))
		d.sound(t, test.reason)
		n := len(d.headings)
		if n < 8 || d.headings[1] != "## Before" || d.headings[n-2] != "## After" || d.headings[n-1] != "### the last" || !slices.Contains(d.headings, "### skipped") {
			t.Errorf("%s: the headings are %.300q", test.reason, d.headings)
		}
		told := len(readMarkdown(t, []byte(evil.description)).tables) // what it has of its own it may have
		want := strings.TrimSpace(report.Visible(test.text))
		if len(d.tables) != 1+told || strings.TrimSpace(d.tables[0]["server"]) != want || !strings.Contains(fmt.Sprint(d.tables[0]), "target "+report.Visible(test.text)+":") {
			t.Errorf("%s: the tables are %.300q", test.reason, d.tables)
		}
		var talk []string
		for _, b := range d.blocks {
			if strings.HasPrefix(b, "S: ") || strings.HasPrefix(b, "C: ") || strings.HasPrefix(b, "* tls") {
				talk = append(talk, b)
			}
		}
		if len(talk) != 5 || talk[4] != "S: 220 the end\n" {
			t.Errorf("%s: the conversations are %.300q", test.reason, talk)
		}
	}
}

// A description stays below its script, and says what it said.
func TestMarkdownDescriptions(t *testing.T) {
	for _, test := range []struct {
		text, reason string
		want         string // a part of it; "" for the whole
		headings     string
	}{
		{"some *prose*, `code` and [a link](https://example.org/)", "stays as it is", "", ""},
		{"| a | b |\n|---|---|\n| 1 | 2 |", "so does a table", "", ""},
		{"```sh\n# no heading\n<b>\n```", "code is code", "", ""},
		{"# One\n\ntext\n\n## Two", "headings go down", "### One\n\ntext\n\n#### Two", "### One,#### Two"},
		{"#### One\n\n# Two", "a first one that is too deep", "", "### One,### Two"},
		{"# One\n\n###### Two", "none is left out between", "", "### One,#### Two"},
		{"One\n===\n\nTwo\n---\n\nx", "underlined ones", "### One\n\n\n#### Two\n", "### One,#### Two"},
		{"> # One\n\n- # Two", "within others", "> ### One\n\n- ### Two", "### One,### Two"},
		{"One\nand two\n===", "of two lines: shown as it is", "```text\nOne\nand two\n===\n```", ""},
		{"#\n\nx", "of no words: the same", "```text\n#\n\nx\n```", ""},
		{"a <b>word</b>", "HTML is text", `a \<b>word\</b>`, ""},
		{"<div>\n# x\n</div>", "a heading that HTML hid", "\\<div>\n### x\n\\</div>", "### x"},
		{"![x](http://192.0.2.1/)", "a picture is a link", `\![x](http://192.0.2.1/)`, ""},
		{"an open\n\n```\nfence", "swallows nothing", "````text\nan open\n\n```\nfence\n````", ""},
		{"<!-- an open comment", "swallows nothing", `\<!-- an open comment`, ""},
		{"[x](javascript:alert(1))", "no link does anything", "```text\n[x](javascript:alert(1))\n```", ""},
	} {
		b := &book{"a.lua", "Title", test.text, ""}
		run := &report.Run{Results: []suite.Result{{Test: suite.Test{Script: b.script(), Name: "a.lua"}, Runs: 1, Verdict: suite.Verdict{Outcome: suite.Passed}}}}
		out := render(t, "markdown", run)
		_, text, _ := strings.Cut(string(out), "`a.lua`\n\n")
		text, _, ok := strings.Cut(text, "\n\n**Passed**")
		want := test.want
		if want == "" && test.headings == "" {
			want = test.text
		}
		if !ok || !strings.Contains(text, want) {
			t.Errorf("%s: %q", test.reason, text)
		}
		d := readMarkdown(t, out)
		d.sound(t, test.reason)
		if got := strings.Join(d.headings[2:], ","); got != test.headings {
			t.Errorf("%s: the headings are %s", test.reason, got)
		}
	}
}

// Chapters stand in order of their numbers, whatever the order of the run; the
// same document comes of the results that were kept.
func TestMarkdownChapters(t *testing.T) {
	var run report.Run
	for _, b := range []*book{
		{"a.lua", "Nowhere", "", ""},
		{"b.lua", "Second", "", "2.2 Later"},
		{"c.lua", "Tenth", "", "2.10 Later"},
		{"d.lua", "Alone", "", "1 Earlier"},
		{"e.lua", "", "", "2.1 Later, by another name"},
		{"f.lua", "Not read", "", "two Later"},
		{"h.lua", "Without a link above", "", "3.1 mail_log"},
		{"g.lua", "Second", "of the same title", "2.3 Later"},
	} {
		run.Results = append(run.Results, suite.Result{Test: suite.Test{Script: b.script(), Name: b.name}, Runs: 1, Verdict: suite.Verdict{Outcome: suite.Passed},
			Events: []transcript.Event{{Conn: 1, Kind: transcript.Step, Data: []byte("a step")}}})
	}
	out := render(t, "markdown", &run)
	d := readMarkdown(t, out)
	d.sound(t, "chapters")
	want := []string{"# All 8 tests passed", "## 1. Earlier", "### Alone", "## 2. Later, by another name", "### e.lua", "### 2.2 Second", "### 2.3 Second", "### 2.10 Tenth",
		"## 3. mail_log", "### 3.1 Without a link above", "## Beside the chapters", "### Nowhere", "### Not read"}
	got := slices.DeleteFunc(slices.Clone(d.headings), func(h string) bool { return h == "#### a step" })
	if !slices.Equal(got, want) {
		t.Errorf("the headings are %q", got)
	}
	if len(d.links) != 11 || !strings.Contains(string(out), "\n- 3\\. mail\\_log\n") { // which is no list in the list
		t.Errorf("the contents have %d links: %q", len(d.links), d.links)
	}
	var kept bytes.Buffer
	if err := report.WriteJSON(&kept, &run); err != nil {
		t.Fatal(err)
	}
	again, err := report.ReadJSON("results.json", &kept)
	if err != nil {
		t.Fatal(err)
	}
	if later := render(t, "markdown", again); !bytes.Equal(later, out) {
		t.Errorf("of the results that were kept comes\n%s\nnot\n%s", later, out)
	}
}

// Readers agree on no anchor of these: they are listed without a link.
func TestMarkdownWithoutLinks(t *testing.T) {
	var run report.Run
	for i, title := range []string{"smtp", "smtp", "mail_log", "Grüße", "this - that", "???", "All 8 tests passed", "A plain one"} {
		b := &book{fmt.Sprintf("%d.lua", i), title, "", ""}
		run.Results = append(run.Results, suite.Result{Test: suite.Test{Script: b.script(), Name: b.name}, Runs: 1, Verdict: suite.Verdict{Outcome: suite.Passed}})
	}
	d := readMarkdown(t, render(t, "markdown", &run))
	d.sound(t, "odd titles")
	if !slices.Equal(d.links, []string{"#a-plain-one"}) {
		t.Errorf("the links are %q", d.links)
	}
}

// What went wrong comes first, and a bounded list of it; why a test was skipped is
// said once, and what a script notes of it beside that is not lost.
func TestMarkdownVerdicts(t *testing.T) {
	var run report.Run
	for i := range 60 {
		run.Results = append(run.Results, suite.Result{Test: suite.Test{Script: script("a.lua"), Name: fmt.Sprint("test ", i), Index: i}, Runs: 1,
			Verdict: suite.Verdict{Outcome: suite.Failed, Failure: &suite.Failure{What: "no"}}})
	}
	run.Results = append(run.Results, suite.Result{Test: named("b.lua", ""), Runs: 1, Verdict: suite.Verdict{Outcome: suite.Skipped, Reason: "nobody asked"},
		Events: []transcript.Event{{Conn: 1, Kind: transcript.Note, Data: []byte("skipped: nobody asks")}, {Conn: 1, Kind: transcript.Note, Data: []byte("skipped: nobody asked")}}})
	out := string(render(t, "markdown", &run))
	wrong, contents, ok := strings.Cut(out, "**Contents:**")
	if !ok || strings.Count(wrong, "**Failed**") != 50 || !strings.Contains(wrong, "\n- and 10 more\n") {
		t.Errorf("what went wrong:\n%s", wrong)
	}
	for text, n := range map[string]int{"): **failed**": 0, "): **60 failed**": 1, "): skipped": 1, "**Skipped:** nobody asked": 1, "nobody asked": 1, "nobody asks": 1} {
		if got := strings.Count(contents, text); got != n {
			t.Errorf("%q is there %d times, not %d", text, got, n)
		}
	}
}
