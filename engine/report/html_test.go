package report_test

import (
	"strconv"
	"strings"
	"testing"

	"smtplay/engine/report"
	"smtplay/engine/suite"
	"smtplay/engine/wire"
)

func pageOf(t *testing.T, results ...suite.Result) string {
	t.Helper()
	return string(render(t, "html", &report.Run{Version: "x", Results: results}))
}

// matrixResults are those of a matrix, of which one combination is missing.
func matrixResults() []suite.Result {
	cell := func(i int, server, mechanism string, v suite.Verdict) suite.Result {
		return suite.Result{Test: suite.Test{Script: script("tests/matrix.lua"), Name: "logins: server=" + server + " mechanism=" + mechanism, Index: i,
			Cells: []suite.Cell{{Axis: "server", Value: server}, {Axis: "mechanism", Value: mechanism}}}, Runs: 1, Verdict: v}
	}
	refused := &suite.Failure{Pos: at("tests/matrix.lua", 4), Source: `auth{ m.mechanism, expect = 235 }`, Column: 29, What: "expected 235, got 535 5.7.8 Error: authentication failed",
		Want: "235", Got: "535 5.7.8 Error: authentication failed", WantOff: []wire.Span{{To: 3}}, GotOff: []wire.Span{{To: 3}}, Conn: 1}
	return []suite.Result{
		cell(0, "smtp", "PLAIN", suite.Verdict{Outcome: suite.Passed}),
		cell(1, "smtp", "LOGIN", suite.Verdict{Outcome: suite.Skipped, Reason: "not offered", Pos: at("tests/matrix.lua", 2)}),
		cell(3, "submission", "LOGIN", suite.Verdict{Outcome: suite.Failed, Failure: refused}),
	}
}

// What the peer said is marked, and nothing that smtplay said, though it be the
// same: in a conversation that smtplay accepted the peer is the client.
func TestHTMLMarksThePeer(t *testing.T) {
	const said = "* connect smtp a:1\nS: 220 a\n*2 accept mx from 127.0.0.1\nS2: 220 mx\nC2: HELO x\nS2: 250 mx\nC: HELO x\nS: 250 a\n*2 close client\n"
	for _, tt := range []struct {
		conn int
		got  string
		want string
	}{
		{2, "HELO x", `<li class="c of2 bad"><span class="who">Client: </span><pre>HELO x`},
		{1, "250 a", `<li class="s of1 bad"><span class="who">Server: </span><pre>250 a`},
		{1, "HELO x", ""},
		{2, "250 mx", ""},
	} {
		page := pageOf(t, suite.Result{Test: named("a.lua", ""), Runs: 1, Events: events(t, said), Verdict: suite.Verdict{Outcome: suite.Failed,
			Failure: &suite.Failure{Pos: at("a.lua", 2), What: "this is wrong", Got: tt.got, Conn: tt.conn}}})
		if n := strings.Count(page, ` bad">`); tt.want == "" && n > 0 || tt.want != "" && (n != 1 || !strings.Contains(page, tt.want)) {
			t.Errorf("%d, %q: %d marked, want %q in\n%s", tt.conn, tt.got, n, tt.want, page[strings.Index(page, "<body"):])
		}
	}
}

// The parts that do not agree are set off where both sides stand, as the word is
// that failed, and codes are explained to those who do not know them.
func TestHTMLSetsOff(t *testing.T) {
	failure := func(change func(*suite.Failure)) string {
		f := &suite.Failure{Pos: at("a.lua", 2), Source: `send "<"; expect 250`, Column: 18, What: "expected 250 2.1.5, got 250 2.0.0 <ok>", Want: "250 2.1.5", Got: "250 2.0.0 <ok>",
			WantOff: []wire.Span{{From: 4, To: 9}}, GotOff: []wire.Span{{From: 4, To: 9}}}
		change(f)
		return pageOf(t, suite.Result{Test: named("a.lua", ""), Runs: 1, Verdict: suite.Verdict{Outcome: suite.Failed, Failure: f}})
	}
	for _, tt := range []struct {
		why    string
		change func(*suite.Failure)
		has    []string
		lacks  []string
	}{
		{"a reply", func(*suite.Failure) {}, []string{`<pre>250 <mark>2.0.0</mark> &lt;ok&gt;</pre>`, `<pre>250 <mark>2.1.5</mark></pre>`, `send &#34;&lt;&#34;; expect <mark>250</mark>`, "<dt>2xx</dt><dd>done: the command was carried out"}, []string{`class="what"`, "<dt>250</dt>"}},
		{"no column", func(f *suite.Failure) { f.Column = 0 }, []string{`expect 250</pre>`}, []string{`<mark>250`}},
		{"a column behind the line", func(f *suite.Failure) { f.Column = len(f.Source) + 1 }, []string{`expect 250<mark> </mark></pre>`}, nil},
		{"the whole is wrong", func(f *suite.Failure) { f.GotOff = []wire.Span{{To: len(f.Got)}} }, []string{`<pre>250 2.0.0 &lt;ok&gt;</pre>`}, nil},
		{"spans beyond the text", func(f *suite.Failure) { f.GotOff = []wire.Span{{From: 4, To: 900}} }, []string{`<pre>250 <mark>2.0.0 &lt;ok&gt;</mark></pre>`}, nil},
		{"two lines", func(f *suite.Failure) {
			f.What, f.Got, f.GotOff = "expected 250 2.1.5, got 250-a", "250-a\n250 b", []wire.Span{{From: 4, To: 9}}
		}, []string{"<pre>250-<mark>a\n250</mark> b</pre>", `class="what"`}, nil},
		{"from the start of a line", func(f *suite.Failure) { f.Got, f.GotOff = "250-a\n250 b", []wire.Span{{From: 6, To: 9}} }, []string{"<pre>250-a\n<mark>250</mark> b</pre>"}, nil},
		{"class, code and detail, and no more", func(f *suite.Failure) {
			f.What, f.Got, f.GotOff = "expected 250 2.1.5, got 535 5.7.10 x", "535 5.7.10 x", nil
		},
			[]string{"<dt>5xx</dt>", "<dt>535</dt>", "<dt>x.7.10</dt>"}, []string{"<dt>x3x</dt>", "<dt>5.x.x</dt>", "<dt>x.7.x</dt>"}},
		{"no reply: numbers that look like one", func(f *suite.Failure) {
			f.What, f.Want, f.Got = "certificate: too short", "300 days left", "250 days left"
		}, []string{`<p class="what">certificate: too short</p>`}, []string{"<dl class=\"says\">"}},
	} {
		page := failure(tt.change)
		for _, want := range tt.has {
			if !strings.Contains(page, want) {
				t.Errorf("%s: %q is not in\n%s", tt.why, want, page[strings.Index(page, "<article"):])
			}
		}
		for _, never := range tt.lacks {
			if strings.Contains(page, never) {
				t.Errorf("%s: %q is in\n%s", tt.why, never, page[strings.Index(page, "<article"):])
			}
		}
	}
}

// A matrix is a grid, a combination without a result an empty place, and of two
// results of one combination the one that went wrong is seen.
func TestHTMLGrid(t *testing.T) {
	cell := func(name string, o suite.Outcome, cells ...suite.Cell) suite.Result {
		return suite.Result{Test: suite.Test{Script: script("m.lua"), Name: name, Cells: cells}, Runs: 1, Verdict: suite.Verdict{Outcome: o}}
	}
	of := func(a, b string) []suite.Cell {
		return []suite.Cell{{Axis: "port", Value: a}, {Axis: "user", Value: b}}
	}
	page := pageOf(t,
		cell("port=25 user=<b>", suite.Passed, of("25", "<b>")...),
		cell("port=587 user=jim", suite.Failed, of("587", "jim")...),
		cell("port=587 user=jim", suite.Passed, of("587", "jim")...),
		cell("other: port=25 user=jim", suite.Passed, of("25", "jim")...),
		cell("n=1", suite.Passed, suite.Cell{Axis: "n", Value: "1"}), // one axis is a list already
	)
	for _, want := range []string{
		`<caption>port × user</caption>`, `<caption>other: port × user</caption>`,
		`<th scope="col">port</th><th scope="col">&lt;b&gt;</th><th scope="col">jim</th>`,
		`<th scope="row">25</th><td class="cell passed"><a href="#test-1"><span class="mark" aria-hidden="true">✓</span> <span class="word">Passed</span></a></td><td class="quiet">not run</td></tr>`,
		`<th scope="row">587</th><td class="quiet">not run</td><td class="cell failed"><a href="#test-2">`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%s is not in\n%s", want, page[strings.Index(page, "<main"):])
		}
	}
	if n := strings.Count(page, "<table>"); n != 2 {
		t.Errorf("%d grids", n)
	}
}

// Results that no matrix wrote do not make a page of a billion empty places.
func TestHTMLGridIsBounded(t *testing.T) {
	var all []suite.Result
	for i := range 2000 {
		n := strconv.Itoa(i)
		all = append(all, suite.Result{Test: suite.Test{Script: script("m.lua"), Name: "a=" + n + " b=" + n, Index: i, Cells: []suite.Cell{{Axis: "a", Value: n}, {Axis: "b", Value: n}}}, Runs: 1,
			Verdict: suite.Verdict{Outcome: suite.Passed}})
	}
	if page := pageOf(t, all...); len(page) > 2<<20 || strings.Contains(page, "<table>") {
		t.Errorf("%d bytes", len(page))
	}
}
