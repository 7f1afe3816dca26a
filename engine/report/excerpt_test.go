package report_test

import (
	"bytes"
	"strings"
	"testing"

	"smtplay/engine/report"
	"smtplay/engine/suite"
	"smtplay/engine/wire"
)

// The mark stands below its word on any terminal.
func TestExcerpt(t *testing.T) {
	long := strings.Repeat("a", 100)
	for _, tt := range []struct{ why, line, word, shown, mark string }{
		{"plain", "expect 250", "250", "expect 250", "       ^"},
		{"tabs", "\texpect\t250", "250", "    expect    250", "              ^"},
		{"wide letters", `s = "日本" expect 250`, "250", `s = "日本" expect 250`, strings.Repeat(" ", 18) + "^"},
		{"an accent of its own", "s = 'e\u0301' expect 250", "250", "s = 'e\u0301' expect 250", strings.Repeat(" ", 15) + "^"},
		{"what a terminal must not see", "s = '\x1b' expect 250", "250", `s = '\x1b' expect 250`, strings.Repeat(" ", 18) + "^"},
		{"no UTF-8", "s = '\xff' expect 250", "250", `s = '\xff' expect 250`, strings.Repeat(" ", 18) + "^"},
		{"the end of a long line", long + " expect 250", "250", "…" + strings.Repeat("a", 58) + " expect 250", strings.Repeat(" ", 67) + "^"},
		{"the beginning of one", "expect 250 " + long, "250", "expect 250 " + long[:59] + "…", "       ^"},
		{"the middle of one", long + " expect 250 " + long, "250", "…" + long[:27] + " expect 250 " + long[:30] + "…", strings.Repeat(" ", 36) + "^"},
		{"wide letters that are cut", strings.Repeat("日", 60) + "expect 250", "250", "…" + strings.Repeat("日", 29) + "expect 250", strings.Repeat(" ", 66) + "^"},
		{"no column", long + "\t", "", long, ""},
	} {
		column := 0
		if tt.word != "" {
			column = strings.Index(tt.line, tt.word) + 1
		}
		shown, before := report.Excerpt(tt.line, column)
		mark := ""
		if before >= 0 {
			mark = strings.Repeat(" ", before) + "^"
		}
		if shown != tt.shown || mark != tt.mark {
			t.Errorf("%s:\n%s\n%s\nwant\n%s\n%s", tt.why, shown, mark, tt.shown, tt.mark)
		}
	}
	if _, before := report.Excerpt("x", 3); before >= 0 {
		t.Error("a column outside the line has no place")
	}
}

// marked is a failure as the bindings make it: places and parts known.
func marked(file, source, word string, p wire.Pattern, reply string) suite.Result {
	r, _ := wire.ParseReply([]byte(strings.ReplaceAll(reply, "\n", "\r\n") + "\r\n"))
	f := &suite.Failure{Pos: at(file, 12), Source: source, Column: strings.Index(source, word) + 1,
		What: "the reply is not the one expected", Want: p.String(), Got: r.String()}
	f.WantOff, f.GotOff = p.Differences(r)
	return suite.Result{Test: named(file, ""), Runs: 1, Verdict: suite.Verdict{Outcome: suite.Failed, Failure: f}}
}

func marks() []suite.Result {
	capability := marked("capability.lua", `expect_no_capability "AUTH"`, `"AUTH"`, wire.Pattern{Code: "250"}, "250 x")
	f := capability.Failure
	f.Want, f.Got = "no AUTH", "PIPELINING\nAUTH PLAIN LOGIN\nDSN"
	f.WantOff, f.GotOff = []wire.Span{{From: 0, To: 7}}, []wire.Span{{From: 11, To: 27}}
	return []suite.Result{
		marked("code.lua", "\texpect \"554 5.7.1\"", `"554`, wire.Pattern{Code: "554", Enhanced: "5.7.1"}, "454 4.7.1 <x@日本.example>: Relay access denied"),
		marked("enhanced.lua", `rcpt{ "日本@example.com", expect = "550 5.1.1" }`, `"550`, wire.Pattern{Code: "550", Enhanced: "5.1.1"}, "550-5.7.1 <x>: no\n550 5.7.1 not you"),
		marked("text.lua", `expect "250 日本"`, `"250`, wire.Pattern{Code: "250", Text: "日本"}, "250 2.0.0 日本語\x1b"),
		capability,
	}
}

func TestConsoleMarks(t *testing.T) {
	for name, color := range map[string]bool{"marks": false, "marks-colour": true} {
		var out bytes.Buffer
		show(t, &report.Console{W: &out, Color: color}, marks(), 0.1)
		golden(t, name, out.Bytes())
	}
}

// What is hidden on the way takes marks with it that would stand in it, and
// moves those behind it.
func TestMasked(t *testing.T) {
	hide := func(s string) string { return strings.ReplaceAll(s, "sesame", "[secret:door]") }
	f := &suite.Failure{Source: "open(sesame); expect 250", Column: 22, Want: "sesame 250", Got: "sesame 550",
		WantOff: []wire.Span{{From: 7, To: 10}}, GotOff: []wire.Span{{From: 3, To: 6}, {From: 7, To: 10}}}
	m := f.Masked(hide)
	if m.Source[m.Column-1:] != "250" || len(m.WantOff) != 1 || m.Want[m.WantOff[0].From:] != "250" || len(m.GotOff) != 1 || m.Got[m.GotOff[0].From:] != "550" {
		t.Errorf("%+v", m)
	}
	f.Column = 8
	if m := f.Masked(hide); m.Column != 0 {
		t.Errorf("a place within a secret is kept: %+v", m)
	}
}
