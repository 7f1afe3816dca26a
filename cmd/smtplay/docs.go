package main

import (
	"embed"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"smtplay/dsl"
)

// guides are pages about more than one verb: docs/NAME.md is shown by smtplay
// docs NAME, and its first line is its title.
//
//go:embed docs/*.md
var guides embed.FS

func newDocs(p *process) *cobra.Command {
	return &cobra.Command{
		Use:   "docs [NAME]",
		Short: "The language reference: all of it, one verb, or a guide",
		Long: "Shows the language reference; with a NAME one verb of it, the table of features\n" +
			"(features), or a guide (" + strings.Join(guideNames(), ", ") + ").",
		Example:               "  smtplay docs expect\n  smtplay docs swaks\n  smtplay docs | less",
		Args:                  atMostOne,
		DisableFlagsInUseLine: true,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return docNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			text, err := docs(strings.Join(args, ""))
			if err != nil {
				return usage("%v", err).try("smtplay docs, without a name, shows everything")
			}
			fmt.Fprintln(p.stdout, strings.TrimRight(text, "\n"))
			return nil
		},
	}
}

// docs is the guide or the part of the reference of that name; "" is the whole
// reference, which names the guides.
func docs(name string) (string, error) {
	if name == "" {
		return dsl.Reference() + guideTable(), nil
	}
	if slices.Contains(guideNames(), strings.ToLower(name)) {
		return guide(strings.ToLower(name)), nil
	}
	text, err := dsl.Docs(name)
	if near := nearest(name, docNames()); err != nil && slices.Contains(guideNames(), near) {
		err = fmt.Errorf("nothing is called %q: did you mean %q?", name, near)
	}
	return text, err
}

// docNames are the names that docs knows, in order.
func docNames() []string {
	names := append(dsl.DocNames(), guideNames()...)
	slices.Sort(names)
	return names
}

func guideNames() []string {
	entries, _ := guides.ReadDir("docs") // it is inside the program
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = strings.TrimSuffix(e.Name(), ".md")
	}
	return names
}

func guide(name string) string {
	text, _ := guides.ReadFile(path.Join("docs", name+".md"))
	return string(text)
}

// guideTable lists the guides in Markdown.
func guideTable() string {
	var b strings.Builder
	b.WriteString("\n## Guides\n\n| | |\n|---|---|\n")
	for _, name := range guideNames() {
		title, _, _ := strings.Cut(guide(name), "\n")
		fmt.Fprintf(&b, "| `smtplay docs %s` | %s |\n", name, strings.TrimPrefix(title, "# "))
	}
	return b.String()
}
