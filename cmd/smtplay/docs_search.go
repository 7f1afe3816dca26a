package main

import (
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"smtplay/dsl"
)

// maxHits is how many lines of one section a search shows.
const maxHits = 5

// hits are the lines of a section of the documentation that hold the words.
type hits struct {
	command string // that shows the part
	title   string // of the section
	lines   []string
	more    int
}

// part is what one command shows.
type part struct {
	name, command, text string
	rest                bool // the whole reference: lines that stand in another part count there
}

// docParts are the verbs, objects and guides, the flags of every command, and
// then the rest of the reference.
func docParts(root *cobra.Command) []part {
	var parts []part
	for _, name := range docNames() {
		if text, err := docs(name); err == nil { // each of them is there: a test reads them all
			parts = append(parts, part{name: name, command: "smtplay docs " + name, text: text})
		}
	}
	for _, c := range root.Commands() {
		if !c.Hidden {
			parts = append(parts, part{name: c.Name(), command: c.CommandPath() + " --help", text: helpText(c)})
		}
	}
	return append(parts, part{command: "smtplay docs", text: dsl.Reference(), rest: true})
}

// helpText is what a command says of itself, a line for each flag.
func helpText(c *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n%s\n", c.Short, c.Long)
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if _, usage := pflag.UnquoteUsage(f); !f.Hidden {
			fmt.Fprintf(&b, "--%s: %s\n", f.Name, usage)
		}
	})
	return b.String()
}

// searchDocs looks for words in all that documents, ignoring case: first for lines
// that hold them all, then for lines with words like them, then for sections.
func searchDocs(root *cobra.Command, words []string) []hits {
	parts := docParts(root)
	lower := make([]string, len(words))
	stems := make([]string, len(words))
	for i, w := range words {
		lower[i] = strings.ToLower(w)
		stems[i] = stem(lower[i])
	}
	for _, try := range []struct {
		words []string
		whole bool
	}{{lower, false}, {stems, false}, {lower, true}, {stems, true}} {
		if found := find(parts, try.words, try.whole); len(found) > 0 {
			return found
		}
	}
	return nil
}

// stem is a word without its ending: expiry is of the same root as expired.
func stem(word string) string {
	for _, ending := range []string{"ations", "ation", "ments", "ment", "ings", "ing", "ies", "ied", "ed", "es", "er", "s", "y", "e"} {
		if root, ok := strings.CutSuffix(word, ending); ok && len(root) >= 4 {
			return root
		}
	}
	return word
}

// find are the hits in all parts: those of the part that is called so first, then
// those under a heading with the words. In a whole section each word has a line.
func find(parts []part, words []string, whole bool) []hits {
	type ranked struct {
		hits
		rank int
	}
	var found []ranked
	seen := map[string]bool{} // lines that stand in a part with a name
	for _, p := range parts {
		for _, h := range sections(p, words, whole) {
			if p.rest {
				h.lines = without(h.lines, seen)
			}
			switch {
			case len(h.lines) == 0:
				continue
			case slices.Contains(words, p.name):
				found = append(found, ranked{h, 0})
			case holds(h.title, words):
				found = append(found, ranked{h, 1})
			default:
				found = append(found, ranked{h, 2})
			}
		}
		for line := range strings.Lines(p.text) {
			seen[strings.TrimSpace(line)] = true
		}
	}
	slices.SortStableFunc(found, func(a, b ranked) int { return a.rank - b.rank })
	all := make([]hits, len(found))
	for i, f := range found {
		all[i] = f.hits
	}
	return all
}

// sections are the hits in a text of Markdown, by its headings.
func sections(p part, words []string, whole bool) []hits {
	var found []hits
	at, missing := hits{command: p.command}, words
	end := func() {
		if len(at.lines) > 0 && (!whole || len(missing) == 0) {
			found = append(found, at)
		}
	}
	for line := range strings.Lines(p.text) {
		line = strings.TrimSpace(line)
		if title, ok := heading(line); ok {
			end()
			at, missing = hits{command: p.command, title: title}, words
		}
		lacks := lacking(line, words)
		missing = slices.DeleteFunc(slices.Clone(missing), func(w string) bool { return !slices.Contains(lacks, w) })
		switch {
		case len(lacks) > 0 && !(whole && len(lacks) < len(words)):
		case len(at.lines) == maxHits && !p.rest:
			at.more++
		default:
			at.lines = append(at.lines, line)
		}
	}
	end()
	return found
}

// lacking are those of the words, in lower case, that a line does not hold.
func lacking(line string, words []string) []string {
	line = strings.ToLower(line)
	return slices.DeleteFunc(slices.Clone(words), func(w string) bool { return strings.Contains(line, w) })
}

func holds(line string, words []string) bool { return len(lacking(line, words)) == 0 }

// heading is the text of a heading of Markdown.
func heading(line string) (string, bool) {
	title := strings.TrimLeft(line, "#")
	return strings.Trim(title, " `"), title != line && strings.HasPrefix(title, " ")
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
		fmt.Fprintf(w, "%s: %s\n", h.command, h.title)
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
