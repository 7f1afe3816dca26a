package report

import (
	"fmt"
	"strings"

	"smtplay/engine/suite"
)

// PluginStatus is the exit status of a monitoring plugin, as Nagios, Icinga and
// others read it.
type PluginStatus int

// A warning, 1, smtplay does not know: an expectation held, or did not.
const (
	PluginOK       PluginStatus = 0 // every test passed, and there was one
	PluginCritical PluginStatus = 2 // a test failed
	PluginUnknown  PluginStatus = 3 // something came to no verdict, or nothing was judged
)

// String is the word that stands first in a plugin's line.
func (s PluginStatus) String() string {
	switch s {
	case PluginOK:
		return "OK"
	case PluginCritical:
		return "CRITICAL"
	}
	return "UNKNOWN"
}

// Plugin is the line of a monitoring plugin without its end: the verdict, the
// first failure, and performance data.
func Plugin(run *Run) (line string, status PluginStatus) {
	n := run.Counts()
	var first *suite.Result
	pick := func(o suite.Outcome) {
		for i := range run.Results {
			if r := &run.Results[i]; first == nil && outcomeWord(r.Outcome) == o.String() {
				first = r
			}
		}
	}
	var says string
	switch {
	case n.Failed > 0:
		status = PluginCritical
		pick(suite.Failed)
		says = fmt.Sprintf("%d of %d failed: %s", n.Failed, len(run.Results)+run.NotRun, failureLine(first))
	case run.Interrupted || run.NotRun > 0 && n.Errored == 0:
		status, says = PluginUnknown, stopped(run)
	case n.Errored > 0:
		status = PluginUnknown
		pick(suite.Errored)
		says = fmt.Sprintf("%d of %d without a verdict: %s", n.Errored, len(run.Results)+run.NotRun, failureLine(first))
	case n.Passed == 0 && n.Skipped == 0:
		status, says = PluginUnknown, "nothing was judged: there was no test"
	case n.Passed == 0:
		status, says = PluginUnknown, "nothing was judged: "+plural(n.Skipped, "test")+" skipped"
	default:
		says = fmt.Sprintf("%d passed", n.Passed)
		if late := len(run.Flaky()); late > 0 {
			says += fmt.Sprintf(", %d of them only when tried again", late)
		}
		if n.Skipped > 0 {
			says += fmt.Sprintf(", %d skipped", n.Skipped)
		}
		says += " in " + seconds(run.Seconds)
	}
	return PluginLine(status, says) + fmt.Sprintf(" | passed=%d;;;0 failed=%d;;0;0 skipped=%d;;;0 errors=%d;;;0 time=%ss;;;0",
		n.Passed, n.Failed, n.Skipped, n.Errored, number(run.Seconds)), status
}

// PluginLine is what a plugin says that has no performance data.
func PluginLine(status PluginStatus, says string) string {
	says = clip(Visible(strings.ReplaceAll(says, "\n", " ")))
	// A bar begins the performance data.
	return "SMTPLAY " + status.String() + " - " + strings.ReplaceAll(says, "|", "/")
}

// failureLine is why a result is what it is, in one line.
func failureLine(r *suite.Result) string {
	if r.Failure == nil {
		return r.Test.String()
	}
	if r.Failure.Pos.File == "" {
		return r.Test.String() + ": " + r.Failure.What
	}
	return r.Failure.Error()
}
