package report

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"

	"smtplay/engine/suite"
)

// WritePrometheus writes metrics in the text format that node_exporter's
// textfile collector and the Pushgateway read. A test that was skipped neither
// passed nor did not: it has no smtplay_test_passed.
func WritePrometheus(w io.Writer, run *Run) error {
	out := bufio.NewWriter(w)
	metric := func(name, help string) {
		fmt.Fprintf(out, "# HELP smtplay_%s %s\n# TYPE smtplay_%s gauge\n", name, help, name)
	}
	metric("run_info", "What was run, and against which server.")
	fmt.Fprintf(out, "smtplay_run_info{version=\"%s\",server=\"%s\"} 1\n", label(run.Version), label(run.Server))
	if !run.Started.IsZero() {
		metric("run_started_timestamp_seconds", "When the run began.")
		fmt.Fprintf(out, "smtplay_run_started_timestamp_seconds %d.%03d\n", run.Started.Unix(), run.Started.Nanosecond()/1e6)
	}
	metric("run_seconds", "How long the run took.")
	fmt.Fprintf(out, "smtplay_run_seconds %s\n", number(run.Seconds))
	metric("run_tests", "Tests of the run by outcome; not_run are those that it was stopped before.")
	n := run.Counts()
	for _, c := range []struct {
		word string
		n    int
	}{{"passed", n.Passed}, {"failed", n.Failed}, {"skipped", n.Skipped}, {"error", n.Errored}, {"not_run", run.NotRun}} {
		fmt.Fprintf(out, "smtplay_run_tests{outcome=\"%s\"} %d\n", c.word, c.n)
	}
	metric("run_flaky_tests", "Tests that passed only when they were tried again.")
	fmt.Fprintf(out, "smtplay_run_flaky_tests %d\n", len(run.Flaky()))
	if len(run.Results) == 0 {
		return out.Flush()
	}
	labels := seriesOf(run)
	if n.Skipped < len(run.Results) {
		metric("test_passed", "1 where the test passed, 0 where it failed or came to no verdict.")
	}
	for i := range run.Results {
		switch run.Results[i].Outcome {
		case suite.Skipped:
		case suite.Passed:
			fmt.Fprintf(out, "smtplay_test_passed{%s} 1\n", labels[i])
		default:
			fmt.Fprintf(out, "smtplay_test_passed{%s} 0\n", labels[i])
		}
	}
	metric("test_seconds", "How long all runs of the test took.")
	for i := range run.Results {
		fmt.Fprintf(out, "smtplay_test_seconds{%s} %s\n", labels[i], number(run.Results[i].Seconds))
	}
	return out.Flush()
}

// seriesOf are the labels of each result. Two of the same would make the whole
// file invalid: the second of them is numbered.
func seriesOf(run *Run) []string {
	all := make([]string, len(run.Results))
	given := names{}
	for i := range run.Results {
		r := &run.Results[i]
		script := Visible(r.Script.Name())
		all[i] = fmt.Sprintf(`script="%s",test="%s"`, labelEscape.Replace(script), labelEscape.Replace(given.unique(script, Visible(testName(r)))))
	}
	return all
}

var labelEscape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func label(s string) string { return labelEscape.Replace(Visible(s)) }

func number(f float64) string { return strconv.FormatFloat(f, 'f', 6, 64) }
