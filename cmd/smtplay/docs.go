package main

import (
	"embed"
	"errors"
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
	search := false
	cmd := &cobra.Command{
		Use:   "docs [NAME | WORD…] [flags]",
		Short: "The language reference: all of it, one verb, a guide, or a search",
		Long: "Shows the language reference; with a NAME what is called so: a verb, what it\n" +
			"returns, a method or field (listener:take, reply.code), the table of features (features),\n" +
			"or a guide (" + strings.Join(guideNames(), ", ") + ").\n" +
			"Several words are looked for in all of that and in the flags of commands, and so is one\n" +
			"with --search, or one that names nothing: the lines that hold them all are shown.\n" +
			"On a terminal PAGER shows what is long.\n\nExit status: 0 something is shown; 2 nothing is called so, or holds the words.",
		Example:               "  smtplay docs expect\n  smtplay docs swaks\n  smtplay docs --search dkim\n  smtplay docs queue id",
		DisableFlagsInUseLine: true,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return docNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if search || len(args) > 1 {
				return showSearch(p, cmd.Root(), args)
			}
			name := strings.Join(args, "")
			text, err := docs(name)
			var unknown *dsl.UnknownNameError
			if errors.As(err, &unknown) && unknown.Near == "" && strings.TrimSpace(name) != "" && len(searchDocs(cmd.Root(), args)) > 0 {
				p.note("%v: these lines speak of it", err)
				return showSearch(p, cmd.Root(), args)
			}
			if err != nil {
				return usage("%v", err).try("smtplay docs --search %s looks for it everywhere; smtplay docs shows everything", shellWord(name))
			}
			page(p, strings.TrimRight(text, "\n")+"\n")
			return nil
		},
	}
	cmd.Flags().BoolVar(&search, "search", false, "look for the words, and show the lines that hold them")
	return cmd
}

// showSearch looks for words in all documentation.
func showSearch(p *process, root *cobra.Command, words []string) error {
	if strings.TrimSpace(strings.Join(words, "")) == "" {
		return usage("--search needs a word to look for")
	}
	found := searchDocs(root, words)
	if len(found) == 0 {
		return usage("nothing holds %s", strings.Join(words, " and ")).try("smtplay docs shows everything")
	}
	var b strings.Builder
	showHits(&b, found)
	page(p, b.String())
	return nil
}

// docs is the guide or the part of the reference of that name; "" is the whole
// reference, which names the guides.
func docs(name string) (string, error) {
	if name == "" {
		return dsl.Reference() + guideTable(), nil
	}
	text, err := dsl.Docs(name)
	if lower := strings.ToLower(name); slices.Contains(guideNames(), lower) {
		if err != nil {
			return guide(lower), nil
		}
		return fmt.Sprintf("*%s is also a verb, described at the end of this guide.*\n\n", lower) + guide(lower) + "\n" + text, nil
	}
	if near := nearest(name, docNames()); err != nil && slices.Contains(guideNames(), near) {
		err = &dsl.UnknownNameError{Name: name, Near: near}
	}
	return text, err
}

// docNames are the names that docs knows, in order.
func docNames() []string {
	names := append(dsl.DocNames(), guideNames()...)
	slices.Sort(names)
	return slices.Compact(names) // a verb and what it returns may have one name
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
