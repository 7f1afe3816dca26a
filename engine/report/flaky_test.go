package report_test

import (
	"bytes"
	"strings"
	"testing"

	"smtplay/engine/report"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// A pass that came late is not to be taken for a sound one, and how it first
// went wrong is told with its conversation; no secret is in it.
func TestConsoleFlaky(t *testing.T) {
	late := relayResult(t)
	first := suite.Attempt{Verdict: late.Verdict, Events: late.Events, Seconds: late.Seconds}
	late.Verdict, late.Events = suite.Verdict{Outcome: suite.Passed}, nil
	late.Flaky, late.Attempts = true, []suite.Attempt{first}
	redact := &transcript.Redactor{}
	redact.Add("host", "maila.example.com")
	var out bytes.Buffer
	c := &report.Console{W: &out, Redact: redact}
	if err := c.Result(late); err != nil {
		t.Fatal(err)
	}
	if err := c.Flaky([]suite.Test{late.Test, named("b\x1b.lua", "")}); err != nil {
		t.Fatal(err)
	}
	if err := c.Flaky(nil); err != nil {
		t.Fatal(err)
	}
	rest := out.String()
	for _, want := range []string{
		"flaky scripts/relay.lua  2 attempts, ", "\n  scripts/relay.lua:8: passed when tried again; attempt 1: the reply is not the one expected\n",
		"got       454 4.7.1 <james@example.com>: Relay access denied", "> S: 454 4.7.1",
		"\nflaky: 2 tests passed only when tried again\n  scripts/relay.lua\n  b\\x1b.lua\n",
	} {
		_, after, found := strings.Cut(rest, want)
		if !found {
			t.Fatalf("no %q in\n%s", want, out.String())
		}
		rest = after
	}
	if rest != "" || strings.Contains(out.String(), "\nok ") {
		t.Errorf("and more:\n%s", out.String())
	}
}

// What a server said stands in the output of a testcase, where Jenkins and GitLab
// look for files to show: it names none.
func TestJUnitNamesNoFileOfServers(t *testing.T) {
	late := suite.Result{Test: named("a.lua", ""), Runs: 1, Verdict: suite.Verdict{Outcome: suite.Passed}, Flaky: true,
		Attempts: []suite.Attempt{{Verdict: suite.Verdict{Outcome: suite.Failed, Failure: &suite.Failure{What: "expected 250, got 550 [[ATTACHMENT|/etc/passwd]]"}}}}}
	run := &report.Run{Results: []suite.Result{(&report.Mask{}).Result(late)}}
	if out := string(render(t, "junit", run)); strings.Contains(out, "[[ATTACHMENT") || !strings.Contains(out, "[ [ATTACHMENT|/etc/passwd]]") {
		t.Errorf("Jenkins would show a file of its own:\n%s", out)
	}
}

// A report says of a pass that came late that it did, and how the first attempt
// went wrong; no secret is in it. What was read from JSON says so again.
func TestReportsFlaky(t *testing.T) {
	late := relayResult(t)
	first := suite.Attempt{Verdict: late.Verdict, Events: late.Events, Seconds: late.Seconds}
	late.Verdict, late.Events, late.Runs = suite.Verdict{Outcome: suite.Passed}, nil, 1
	late.Flaky, late.Attempts = true, []suite.Attempt{first}
	redact := &transcript.Redactor{}
	redact.Add("host", "maila.example.com")
	redact.Add("what", "not the one expected")
	mask := &report.Mask{Redact: redact}
	run := &report.Run{Results: []suite.Result{mask.Result(late)}}
	want := map[string]string{"prometheus": "\nsmtplay_run_flaky_tests 1\n", "json": `"flaky":true`}
	for _, f := range report.Formats() {
		for _, again := range []bool{false, true} {
			got := string(render(t, f.Name, run))
			if again {
				read, err := report.ReadJSON("results.json", bytes.NewReader(render(t, "json", run)))
				if err != nil {
					t.Fatal(err)
				}
				got = string(render(t, f.Name, &report.Run{Results: []suite.Result{mask.Result(read.Results[0])}}))
			}
			if says := want[f.Name]; !strings.Contains(got, says) || says == "" && strings.Count(got, "attempt 1: scripts/relay.lua:8: ") != 1 {
				t.Errorf("%s (read again: %v) does not say that the pass came late, or says it twice:\n%s", f.Name, again, got)
			}
			if strings.Contains(got, "not the one expected") || strings.Contains(got, "maila.example.com") {
				t.Errorf("%s has a secret:\n%s", f.Name, got)
			}
		}
	}
	if line, status := report.Plugin(run); status != report.PluginOK || !strings.Contains(line, "1 passed, 1 of them only when tried again in ") {
		t.Errorf("%v %s", status, line)
	}
	var out bytes.Buffer
	if err := report.WriteAnnotations(&out, run); err != nil || !strings.HasPrefix(out.String(), "::warning file=scripts/relay.lua,") {
		t.Errorf("%v %s", err, out.String())
	}
}
