package main

import (
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
