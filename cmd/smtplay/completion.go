package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

var shells = []string{"bash", "zsh", "fish", "powershell"}

func newCompletion(p *process) *cobra.Command {
	return &cobra.Command{
		Use:                   "completion SHELL",
		Short:                 "Print a script that completes commands in bash, zsh, fish or powershell",
		Example:               "  source <(smtplay completion bash)\n  smtplay completion fish > ~/.config/fish/completions/smtplay.fish",
		DisableFlagsInUseLine: true,
		ValidArgs:             shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("completion needs the name of one shell").try("the shells are %s", strings.Join(shells, ", "))
			}
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(p.stdout, true)
			case "zsh":
				return root.GenZshCompletion(p.stdout)
			case "fish":
				return root.GenFishCompletion(p.stdout, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(p.stdout)
			}
			return usage("no completion for %q", args[0]).try("the shells are %s", strings.Join(shells, ", "))
		},
	}
}

// completeNames lets the shells complete what scripts call by name: the targets,
// vars and secrets of the scripts on the command line, without one those that run takes.
func completeNames(root *cobra.Command) {
	for _, c := range root.Commands() {
		for flag, after := range map[string]string{"target": "=", "var": "=", "secret": "=@"} {
			if c.Flags().Lookup(flag) == nil {
				continue
			}
			// It fails where somebody has said already what completes the flag.
			_ = c.RegisterFlagCompletionFunc(flag, func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
				if strings.Contains(typed, "=") {
					return nil, cobra.ShellCompDirectiveDefault
				}
				var words []string
				for _, name := range namesFor(flag, cmd, args) {
					if word := name + after; strings.HasPrefix(word, typed) && isName(name) {
						words = append(words, word)
					}
				}
				return words, cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
			})
		}
	}
}

// namesFor are the names that a flag may give a value. The scripts are compiled,
// and not run.
func namesFor(flag string, cmd *cobra.Command, args []string) []string {
	l := &loaded{}
	if cmd.Name() == "run" || cmd.Name() == "check" { // those that read scripts
		if paths, err := suitePaths(args); err == nil {
			if found, err := load(paths); err == nil {
				l = found
			}
		}
	}
	switch flag {
	case "var":
		return l.vars()
	case "secret":
		return l.secrets()
	}
	names := []string{"smtp", "submission", "submissions", "smtps", "lmtp"}
	for _, s := range l.scripts {
		for _, use := range s.Needs().Targets {
			if !slices.Contains(names, use.Name) {
				names = append(names, use.Name)
			}
		}
	}
	return names
}
