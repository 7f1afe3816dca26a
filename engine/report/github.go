package report

import (
	"fmt"
	"io"
	"strings"

	"smtplay/engine/suite"
)

// WriteAnnotations writes workflow commands, by which GitHub Actions shows
// failures beside the lines of the scripts, in one Write.
func WriteAnnotations(w io.Writer, run *Run) error {
	var b strings.Builder
	for i := range run.Results {
		r := &run.Results[i]
		switch {
		case r.Outcome == suite.Passed && r.Warning != "":
			annotate(&b, "warning", r, nil, r.Warning)
		case r.Outcome == suite.Failed || r.Outcome == suite.Errored:
			annotate(&b, "error", r, r.Failure, "no verdict")
		}
	}
	if b.Len() == 0 {
		return nil
	}
	_, err := io.WriteString(w, b.String())
	return err
}

var (
	commandData     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	commandProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func annotate(b *strings.Builder, level string, r *suite.Result, f *suite.Failure, says string) {
	file, line := r.Script.Name(), 0
	if f != nil {
		says = failureText(f)
		if f.Pos.File != "" {
			file, line = f.Pos.File, f.Pos.Line
		}
	}
	fmt.Fprintf(b, "::%s file=%s", level, commandProperty.Replace(Visible(file)))
	if line > 0 {
		fmt.Fprintf(b, ",line=%d", line)
	}
	fmt.Fprintf(b, ",title=%s::%s\n", commandProperty.Replace(clip(Visible(r.Test.String()))), commandData.Replace(strings.Join(lines(says), "\n")))
}

// failureText is a failure without its place, a fact a line.
func failureText(f *suite.Failure) string {
	var b strings.Builder
	b.WriteString(f.What)
	for _, fact := range []struct{ word, text string }{
		{"command", f.Command}, {"expected", f.Want}, {"got", f.Got}, {"because", f.Because}, {"hint", f.Hint},
	} {
		if fact.text != "" {
			b.WriteString("\n" + fact.word + ": " + fact.text)
		}
	}
	return b.String()
}
