package report

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"smtplay/engine/suite"
)

// WriteTAP writes the Test Anything Protocol, version 14 (testanything.org),
// with what is known of a failure as YAML below its test point.
func WriteTAP(w io.Writer, run *Run) error { return writeTAP(w, run, 14) }

// WriteTAP13 writes the same as version 13, which is as far as the prove of
// Debian 12 reads.
func WriteTAP13(w io.Writer, run *Run) error { return writeTAP(w, run, 13) }

func writeTAP(w io.Writer, run *Run, version int) error {
	out := bufio.NewWriter(w)
	// The plan counts what was not run: without it the run is not whole.
	fmt.Fprintf(out, "TAP version %d\n1..%d\n# %s\n", version, len(run.Results)+run.NotRun, Visible(about(run)))
	for i := range run.Results {
		tapPoint(out, i+1, &run.Results[i])
	}
	if run.NotRun > 0 || run.Interrupted {
		fmt.Fprintf(out, "Bail out! %s\n", stopped(run))
	}
	return out.Flush()
}

// about is a run in one line.
func about(run *Run) string {
	parts := []string{"smtplay " + run.Version}
	if run.Server != "" {
		parts = append(parts, run.Server)
	}
	for _, t := range run.Targets {
		parts = append(parts, t.Name+"="+t.Address)
	}
	if !run.Started.IsZero() {
		parts = append(parts, run.Started.UTC().Format("2006-01-02 15:04:05 UTC"))
	}
	return strings.Join(parts, ", ")
}

var tapEscape = strings.NewReplacer(`\`, `\\`, "#", `\#`)

func tapPoint(out *bufio.Writer, n int, r *suite.Result) {
	word := "ok"
	if r.Outcome != suite.Passed && r.Outcome != suite.Skipped {
		word = "not ok"
	}
	fmt.Fprintf(out, "%s %d - %s", word, n, tapEscape.Replace(Visible(r.Test.String())))
	if r.Outcome == suite.Skipped {
		fmt.Fprintf(out, " # SKIP %s", tapEscape.Replace(Visible(r.Reason)))
	}
	y := &yaml{out: out, indent: "  "}
	out.WriteString("\n  ---\n")
	fmt.Fprintf(out, "  duration_ms: %.3f\n", r.Seconds*1000)
	if r.Runs > 1 {
		fmt.Fprintf(out, "  runs: %d\n  bad_runs: %d\n", r.Runs, r.Bad)
	}
	y.text("title", title(r.Script))
	y.text("warning", r.Warning)
	if word == "not ok" {
		severity := "fail"
		if r.Outcome != suite.Failed {
			severity = "error"
		}
		y.text("severity", severity)
		y.failure(r.Failure)
	}
	// One text each: the reader of YAML in prove gives up at lists of such texts.
	var also []string
	for _, f := range r.Extra {
		at := f.Pos.String()
		if at != "" {
			at += ": "
		}
		also = append(also, at+failureText(f))
	}
	y.text("also", strings.Join(also, "\n\n"))
	if d := r.Difference; d != nil && len(d.Changes) > 0 {
		y.text("difference", strings.Join(bounded(diffLines(d.Before, d.After, d.Changes)), "\n"))
	}
	y.text("transcript", r.Record)
	out.WriteString("  ...\n")
}

// yaml writes a map. Its texts are JSON strings, which YAML reads as they are.
type yaml struct {
	out    *bufio.Writer
	indent string
}

func (y *yaml) text(key, value string) {
	if value != "" {
		fmt.Fprintf(y.out, "%s%s: %s\n", y.indent, key, yamlString(value))
	}
}

func (y *yaml) failure(f *suite.Failure) {
	if f == nil {
		y.text("message", "no verdict")
		return
	}
	y.text("message", f.What)
	if f.Pos.File != "" {
		fmt.Fprintf(y.out, "%sat:\n%s  file: %s\n%s  line: %d\n", y.indent, y.indent, yamlString(f.Pos.File), y.indent, f.Pos.Line)
	}
	y.text("source", f.Source)
	y.text("command", f.Command)
	y.text("expected", f.Want)
	y.text("got", f.Got)
	y.text("because", f.Because)
	y.text("hint", f.Hint)
}

// yamlString is s in quotes, what cannot be seen escaped: YAML takes fewer
// characters than JSON does.
func yamlString(s string) string {
	all := strings.Split(text(s), "\n")
	for i, line := range all {
		line = strings.TrimSuffix(line, "\r")
		all[i] = Visible(line)
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(strings.Join(all, "\n")); err != nil {
		return `""` // there is no string that JSON cannot hold
	}
	return strings.TrimSuffix(b.String(), "\n")
}
