package main

import (
	"crypto/rand"
	"fmt"
	"io"

	"smtplay/engine/report"
)

// inActions says whether this is a step of GitHub Actions, which takes lines of
// the output for commands.
func inActions(p *process) bool { return p.env["GITHUB_ACTIONS"] == "true" }

// quietCommands keeps what is written to w from being taken for commands: a
// server may say what looks like one, and blanks before it do not matter. Resume
// ends that, and writes the annotations of the run.
func quietCommands(p *process, w io.Writer) (resume func(*report.Run)) {
	if !inActions(p) || w == io.Discard {
		return func(*report.Run) {}
	}
	token := rand.Text()
	fmt.Fprintf(w, "::stop-commands::%s\n", token)
	return func(run *report.Run) {
		fmt.Fprintf(w, "::%s::\n", token)
		_ = report.WriteAnnotations(w, run) // what goes wrong here standard output remembers
	}
}
