package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func newDocs(p *process) *cobra.Command {
	return &cobra.Command{
		Use:                   "docs [NAME]",
		Short:                 "The language reference: all of it, or one verb",
		Example:               "  smtplay docs expect\n  smtplay docs | less",
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
