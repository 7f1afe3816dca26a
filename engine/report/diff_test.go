package report_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"smtplay/engine/report"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// changed is a result that differs from its baseline in two replies.
func changed(t *testing.T) suite.Result {
	const rest = "C: mail from:<james@example.org>\nS: 250 2.1.0 Ok\n"
	before := events(t, opening+rest)
	after := play(t, strings.NewReplacer("S: 250-AUTH PLAIN LOGIN\nS: 250-AUTH=PLAIN LOGIN\n", "", "S: 250 2.1.0 Ok", "S: 530 5.7.0 yourpassword").Replace(opening+rest))
	return suite.Result{
		Test: named("scripts/login.lua", ""),
		Verdict: suite.Verdict{Outcome: suite.Failed, Failure: &suite.Failure{What: "2 things changed since the baseline was recorded"},
			Difference: &suite.Difference{Before: "before/scripts/login/login.smtp", After: "this run", Alone: true,
				Changes: transcript.Comparison{Masks: transcript.UsualMasks()}.Diff(before, after)}},
		Events: after, Seconds: 0.012, Runs: 1,
	}
}

func TestDifference(t *testing.T) {
	redact := &transcript.Redactor{}
	redact.Add("password", "yourpassword")
	alone := changed(t)
	missing := suite.Result{
		Test: named("scripts/new.lua", ""),
		Verdict: suite.Verdict{Outcome: suite.Failed, Failure: &suite.Failure{What: "there is no baseline for this test: before/scripts/new/new.smtp", Hint: "try this"},
			Difference: &suite.Difference{Before: "before/scripts/new/new.smtp", After: "this run", Alone: true}},
		Events: alone.Events, Runs: 1,
	}
	both := relayResult(t)
	both.Difference = &suite.Difference{Before: "before/scripts/relay/relay.smtp", After: "after/scripts/relay/relay.smtp", Changes: alone.Difference.Changes[1:]}
	both.Extra = []*suite.Failure{{What: "one thing changed since the baseline was recorded"}}
	for name, coloured := range map[string]bool{"difference": false, "difference-colour": true} {
		var out bytes.Buffer
		c := &report.Console{W: &out, Color: coloured, Redact: redact}
		for _, r := range []suite.Result{alone, missing, both} {
			if err := c.Result(r); err != nil {
				t.Fatal(err)
			}
		}
		golden(t, name, out.Bytes())
	}
	var out bytes.Buffer
	d := &report.Diff{W: &out, Redact: redact}
	if err := d.Changes("a\x1b[2J.smtp", "b.smtp", alone.Difference.Changes[1:]); err != nil {
		t.Fatal(err)
	}
	const want = "--- a\\x1b[2J.smtp\n+++ b.smtp\n@@ -16,2 +14,2 @@ mail from:<james@example.org>\n C: mail from:<james@example.org>\n-S: 250 2.1.0 Ok\n+S: 530 5.7.0 [secret:password]\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

// A difference without end is cut, and says so.
func TestLongDifference(t *testing.T) {
	var text strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&text, "S: 250-%d\n", i)
	}
	r := changed(t)
	r.Difference.Changes = transcript.Comparison{}.Diff(nil, events(t, text.String()))
	var out bytes.Buffer
	if err := (&report.Console{W: &out}).Result(r); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "\n"); n > 320 || !strings.Contains(out.String(), "… 703 more lines\n") {
		t.Errorf("%d lines:\n%s", n, out.String())
	}
}
