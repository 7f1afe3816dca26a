package main

import (
	"fmt"
	"io"
	"os/exec"
	"strings"

	"smtplay/dsl"
)

// maxHits is how many lines of one section a search shows.
const maxHits = 5

// hits are the lines of a part of the documentation that hold the words.
type hits struct {
	name  string // for smtplay docs NAME, "" for what is in the whole reference only
	title string // of the section
	lines []string
	more  int
}

// searchDocs looks for words in the verbs, objects and guides, then in the rest
// of the reference, ignoring case. All the words must stand in one line.
func searchDocs(words []string) []hits {
	var found []hits
	seen := map[string]bool{} // lines that stand in a part with a name
	for _, name := range docNames() {
		text, err := docs(name)
		if err != nil {
			continue // each of them is there: a test reads them all
		}
		for line := range strings.Lines(text) {
			seen[strings.TrimSpace(line)] = true
		}
		found = append(found, sections(name, text, words)...)
	}
	for _, h := range sections("", dsl.Reference(), words) {
		h.lines = without(h.lines, seen)
		if len(h.lines) > 0 {
			found = append(found, h)
		}
	}
	return found
}

// sections are the hits in a text of Markdown, by its headings.
func sections(name, text string, words []string) []hits {
	var found []hits
	at := hits{name: name}
	end := func() {
		if len(at.lines) > 0 {
			found = append(found, at)
		}
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if title, ok := heading(line); ok {
			end()
			at = hits{name: name, title: title}
		}
		switch {
		case !holds(line, words):
		case len(at.lines) == maxHits && name != "":
			at.more++
		default:
			at.lines = append(at.lines, line)
		}
	}
	end()
	return found
}

// heading is the text of a heading of Markdown.
func heading(line string) (string, bool) {
	title := strings.TrimLeft(line, "#")
	return strings.Trim(title, " `"), title != line && strings.HasPrefix(title, " ")
}

func holds(line string, words []string) bool {
	line = strings.ToLower(line)
	for _, w := range words {
		if !strings.Contains(line, strings.ToLower(w)) {
			return false
		}
	}
	return true
}

func without(lines []string, seen map[string]bool) []string {
	var left []string
	for _, line := range lines {
		if !seen[line] {
			left = append(left, line)
		}
	}
	return left
}

// showHits writes what was found: the command that shows more, then the lines.
func showHits(w io.Writer, found []hits) {
	for i, h := range found {
		if i > 0 {
			fmt.Fprintln(w)
		}
		command := "smtplay docs"
		if h.name != "" {
			command += " " + h.name
		}
		fmt.Fprintf(w, "%s: %s\n", command, h.title)
		for _, line := range h.lines {
			fmt.Fprintf(w, "    %s\n", line)
		}
		if h.more > 0 {
			fmt.Fprintf(w, "    … %s more\n", count(h.more, "line"))
		}
	}
}

// page shows a text: on a terminal by the program that PAGER names, if there is
// one and it starts.
func page(p *process, text string) {
	pager := strings.Fields(p.env["PAGER"])
	if p.outIsTerm && len(pager) > 0 {
		cmd := exec.Command(pager[0], pager[1:]...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(text), p.stdout.w, p.stderr
		if cmd.Start() == nil {
			_ = cmd.Wait() // how it ends is between it and its user
			return
		}
	}
	io.WriteString(p.stdout, text)
}
