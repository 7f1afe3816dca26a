package main

import (
	"fmt"
	"io"
	"strings"

	"smtplay/dsl"
	"smtplay/engine/report"
	"smtplay/engine/transcript"
)

// showProblems writes what is wrong with scripts, each with its line and a mark
// below the place, and returns how many keep a script from running.
func showProblems(w io.Writer, redact *transcript.Redactor, problems dsl.Problems) (errors int) {
	problems.Sort()
	for _, p := range problems {
		if !p.Warning {
			errors++
		}
		showProblem(w, redact, p)
	}
	return errors
}

// together makes one problem of those that differ in the script alone: the one
// secret that a run lacks, each of its scripts may want.
func together(problems dsl.Problems) dsl.Problems {
	problems.Sort()
	var shown dsl.Problems
	first, others := map[[2]string]int{}, map[int][]string{}
	for _, p := range problems {
		i, seen := first[[2]string{p.Msg, p.Hint}]
		if p.Hint == "" || p.Warning || !seen || shown[i].Pos.File == p.Pos.File {
			if !seen {
				first[[2]string{p.Msg, p.Hint}] = len(shown)
			}
			shown = append(shown, p)
			continue
		}
		others[i] = append(others[i], p.Pos.String())
	}
	for i, places := range others {
		more := ""
		if len(places) > 2 {
			places, more = places[:2], fmt.Sprintf(" and %d more", len(places)-2)
		}
		shown[i].Hint += "; the same in " + strings.Join(places, ", ") + more
	}
	return shown
}

func showProblem(w io.Writer, redact *transcript.Redactor, p dsl.Problem) {
	hide := func(s string) string { return report.Visible(strings.ReplaceAll(redact.String(s), "\t", "    ")) }
	var b strings.Builder
	place := p.Pos.String()
	if p.Pos.Line > 0 && p.Column > 0 {
		place = fmt.Sprintf("%s:%d", place, p.Column)
	}
	if place != "" {
		b.WriteString(hide(place) + ": ")
	}
	if p.Warning {
		b.WriteString("warning: ")
	}
	b.WriteString(hide(p.Msg) + "\n")
	if p.Source != "" && p.Pos.Line > 0 {
		number := fmt.Sprintf("%5d | ", p.Pos.Line)
		source, column := redact.String(p.Source), p.Column // masked whole, then cut
		if column > 0 && column <= len(p.Source)+1 {
			column = len(redact.String(p.Source[:column-1])) + 1
		}
		shown, before := report.Excerpt(source, column)
		b.WriteString(number + shown + "\n")
		if before >= 0 {
			b.WriteString(strings.Repeat(" ", len(number)-2) + "| " + strings.Repeat(" ", before) + "^\n")
		}
	}
	if p.Hint != "" {
		b.WriteString("      hint: " + hide(p.Hint) + "\n")
	}
	io.WriteString(w, b.String())
}

// wrong is the fault of scripts that were found wrong.
func wrong(errors int) error {
	if errors == 0 {
		return nil
	}
	return &fault{status: exitUsage, msg: count(errors, "problem") + ": nothing was sent"}
}

func count(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
