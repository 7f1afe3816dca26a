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
