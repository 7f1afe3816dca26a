package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// help writes what a verb is about and how it is used.
func help(cmd *cobra.Command, _ []string) {
	about := cmd.Long
	if about == "" {
		about = cmd.Short
	}
	var b strings.Builder
	b.WriteString(about + "\n\nusage: ")
	if !cmd.HasParent() {
		b.WriteString("smtplay VERB …\n")
		var rows [][2]string
		for _, name := range verbs(cmd) {
			c, _, _ := cmd.Find([]string{name})
			rows = append(rows, [2]string{"  " + name, c.Short})
		}
		section(&b, "verbs", rows)
	} else {
		b.WriteString(cmd.UseLine() + "\n")
	}
	if cmd.Example != "" {
		b.WriteString("\nexamples:\n" + cmd.Example + "\n")
	}
	section(&b, "flags", flagRows(cmd.LocalFlags()))
	if !cmd.HasParent() {
		b.WriteString("\nsmtplay help VERB tells more.\n")
	}
	// What goes wrong here the writer remembers.
	_, _ = io.WriteString(cmd.OutOrStdout(), b.String())
}

// flagRows has a row for each flag: how it is written, what it means.
func flagRows(fs *pflag.FlagSet) [][2]string {
	var rows [][2]string
	fs.VisitAll(func(f *pflag.Flag) {
		written := "      --" + f.Name
		if f.Shorthand != "" {
			written = "  -" + f.Shorthand + ", --" + f.Name
		}
		name, meaning := pflag.UnquoteUsage(f)
		if f.Value.Type() != "bool" {
			written += " " + name
			meaning = strings.TrimPrefix(meaning, name+": ")
		}
		rows = append(rows, [2]string{written, meaning})
	})
	return rows
}

// section writes rows under a heading, their second column aligned.
func section(b *strings.Builder, heading string, rows [][2]string) {
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s:\n", heading)
	width := 0
	for _, row := range rows {
		width = max(width, utf8.RuneCountInString(row[0]))
	}
	for _, row := range rows {
		pad := strings.Repeat(" ", width-utf8.RuneCountInString(row[0]))
		fmt.Fprintf(b, "%s%s  %s\n", row[0], pad, row[1])
	}
}
