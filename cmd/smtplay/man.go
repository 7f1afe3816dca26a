package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"smtplay/dsl"
)

// newMan is for packagers, and hidden from all others.
func newMan(p *process) *cobra.Command {
	return &cobra.Command{
		Use:                   "man DIR",
		Short:                 "Write the manual pages into DIR: smtplay.1, smtplay-run.1, …",
		Hidden:                true,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("man needs the folder to write to")
			}
			return writeMan(p, cmd.Root(), args[0])
		},
	}
}

// writeMan writes a page for each verb, and one for them all.
func writeMan(p *process, root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return usage("%s cannot be made: %v", dir, cause(err))
	}
	info, _ := debug.ReadBuildInfo()
	date := buildDate(info)
	pages := []*cobra.Command{root}
	for _, c := range root.Commands() {
		if !c.Hidden {
			pages = append(pages, c)
		}
	}
	for _, c := range pages {
		name := filepath.Join(dir, strings.ReplaceAll(c.CommandPath(), " ", "-")+".1")
		if err := os.WriteFile(name, []byte(manPage(c, date)), 0o666); err != nil {
			return usage("%s cannot be written: %v", name, cause(err))
		}
	}
	fmt.Fprintf(p.stdout, "wrote %s to %s\n", count(len(pages), "page"), dir)
	return nil
}

// manPage is the page of a verb, or of the program: what help says, in roff. No
// word is hyphenated, for many are to be typed.
func manPage(c *cobra.Command, date time.Time) string {
	var b strings.Builder
	name := strings.ReplaceAll(c.CommandPath(), " ", "-")
	fmt.Fprintf(&b, ".TH %s 1 %s smtplay smtplay\n.nh\n.ad l\n", roff(strings.ToUpper(name)), date.Format(time.DateOnly))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n.SH SYNOPSIS\n", roff(name), roff(c.Short))
	about, status, _ := strings.Cut(cmp.Or(c.Long, c.Short+"."), "Exit status: ")
	if !c.HasParent() {
		b.WriteString(".B smtplay\n.I VERB\n…\n")
	} else {
		_, arguments, _ := strings.Cut(c.UseLine(), c.CommandPath())
		fmt.Fprintf(&b, ".B %s\n%s\n", roff(c.CommandPath()), roff(strings.TrimSpace(arguments)))
	}
	b.WriteString(".SH DESCRIPTION\n" + roffProse(about))
	if !c.HasParent() {
		manVerbs(&b, c)
	}
	b.WriteString(".SH OPTIONS\n")
	c.InitDefaultHelpFlag()
	c.LocalFlags().VisitAll(func(f *pflag.Flag) { manFlag(&b, f) })
	if status != "" {
		b.WriteString(".SH EXIT STATUS\n" + roffProse(status))
	}
	if !c.HasParent() {
		manSurroundings(&b)
	}
	if c.Example != "" {
		b.WriteString(".SH EXAMPLES\n" + roffProse(c.Example))
	}
	b.WriteString(".SH SEE ALSO\n")
	if c.HasParent() {
		b.WriteString(".BR smtplay (1).\n")
	}
	b.WriteString(".B smtplay docs\nshows the language, and has guides.\n")
	return b.String()
}

// manVerbs lists the verbs, each with its page.
func manVerbs(b *strings.Builder, root *cobra.Command) {
	b.WriteString(".SH VERBS\n")
	for _, name := range verbs(root) {
		if c, _, err := root.Find([]string{name}); err == nil && c.Name() == name {
			fmt.Fprintf(b, ".TP\n\\fB%s\\fR\n%s.\n", roff(name), roff(c.Short))
			if name != "help" {
				fmt.Fprintf(b, "See\n.BR smtplay\\-%s (1).\n", roff(name))
			}
		}
	}
}

// manFlag describes a flag as help does.
func manFlag(b *strings.Builder, f *pflag.Flag) {
	b.WriteString(".TP\n")
	if f.Shorthand != "" {
		fmt.Fprintf(b, "\\fB\\-%s\\fR, ", roff(f.Shorthand))
	}
	b.WriteString("\\fB\\-\\-" + roff(f.Name) + "\\fR")
	if value, _ := pflag.UnquoteUsage(f); f.Value.Type() != "bool" {
		b.WriteString(" \\fI" + roff(value) + "\\fR")
	}
	b.WriteString("\n" + roff(plainUsage(f)) + "\n")
}

// manSurroundings tells of what smtplay reads beside its arguments.
func manSurroundings(b *strings.Builder) {
	for _, section := range []struct {
		title string
		rows  [][2]string
	}{
		{"ENVIRONMENT", [][2]string{
			{"SMTPLAY_SERVER", "the server under test, where no flag names one"},
			{"SMTPLAY_VAR_NAME", "the value of the var NAME"},
			{"SMTPLAY_SECRET_NAME", "the secret NAME"},
			{"NO_COLOR", "no colours, where it is not empty"},
			{"PAGER", "the program that shows documentation on a terminal"},
		}},
		{"FILES", [][2]string{
			{settingsName, "what is always the same for the scripts in its folder and below"},
			{dsl.FixtureName, "what runs around the tests of its folder and of those below"},
		}},
	} {
		b.WriteString(".SH " + section.title + "\n")
		for _, row := range section.rows {
			fmt.Fprintf(b, ".TP\n\\fB%s\\fR\n%s\n", roff(row[0]), roff(row[1]))
		}
	}
}

// roffProse is a text as paragraphs; lines that are indented stand as they are.
func roffProse(text string) string {
	var b strings.Builder
	verbatim, fresh := false, true
	for line := range strings.SplitSeq(strings.Trim(text, "\n"), "\n") {
		code := strings.HasPrefix(line, "  ")
		switch {
		case strings.TrimSpace(line) == "":
			fresh = true
			if verbatim {
				b.WriteString("\n")
			}
			continue
		case code && !verbatim:
			b.WriteString(".PP\n.nf\n.RS\n")
		case !code && verbatim:
			b.WriteString(".RE\n.fi\n.PP\n")
		case !code && fresh:
			b.WriteString(".PP\n")
		}
		verbatim, fresh = code, false
		if code {
			line = line[2:]
		}
		b.WriteString(roff(line) + "\n")
	}
	if verbatim {
		b.WriteString(".RE\n.fi\n")
	}
	return b.String()
}

// roff is a line of text in which nothing is a command.
func roff(line string) string {
	line = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(line)
	if strings.HasPrefix(line, ".") {
		line = `\&` + line
	}
	return line
}

// buildDate is that of the commit, so that the pages of one commit are the same;
// 1970 where it is not known.
func buildDate(info *debug.BuildInfo) time.Time {
	if info != nil {
		for _, s := range info.Settings {
			if at, err := time.Parse(time.RFC3339, s.Value); s.Key == "vcs.time" && err == nil {
				return at.UTC()
			}
		}
	}
	return time.Unix(0, 0).UTC()
}
