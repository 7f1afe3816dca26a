package main

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

var shells = []string{"bash", "zsh", "fish", "powershell"}

// bashWords takes the place of two functions of the package bash-completion where that
// is not installed: else each Tab would show an error. It splits at blanks alone.
const bashWords = `if ! declare -F _get_comp_words_by_ref >/dev/null 2>&1; then
    _get_comp_words_by_ref() {
        local line=${COMP_LINE:0:COMP_POINT}
        read -ra words <<<"$line"
        if [[ $line == *[[:space:]] ]]; then words+=(""); fi
        cword=$((${#words[@]} - 1))
        cur=${words[cword]}
        prev=${words[cword > 0 ? cword - 1 : 0]}
    }
fi
if ! declare -F _filedir >/dev/null 2>&1; then
    _filedir() {
        local IFS=$'\n' kind=-f
        if [[ ${1-} == -d ]]; then kind=-d; fi
        COMPREPLY+=($(compgen "$kind" -- "$cur"))
        compopt -o filenames 2>/dev/null
    }
fi

`

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
				fmt.Fprint(p.stdout, bashWords)
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

// completeValues lets the shells complete the values of flags: what scripts call by
// name, formats, tags, files; of a flag that takes anything else, nothing.
func completeValues(root *cobra.Command, args []string) {
	if len(args) == 0 || !strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) {
		return // nobody asks
	}
	for _, c := range root.Commands() {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Value.Type() != "bool" {
				// It fails where the command has said already what completes the flag.
				_ = c.RegisterFlagCompletionFunc(f.Name, completer(f))
			}
			f.Usage = plainUsage(f) // which is shown beside the flag
		})
	}
}

// plainUsage is what a flag does, without the name of its value that help shows.
func plainUsage(f *pflag.Flag) string {
	value, usage := pflag.UnquoteUsage(f)
	return strings.TrimPrefix(usage, value+": ")
}

// completer completes the values of one flag.
func completer(f *pflag.Flag) cobra.CompletionFunc {
	kind, _ := pflag.UnquoteUsage(f)
	switch {
	case f.Name == "target" || f.Name == "var" || f.Name == "secret":
		return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
			return completePairs(namesFor(f.Name, cmd, args), map[string]string{"target": "=", "var": "=", "secret": "=@"}[f.Name], typed, f.Name == "secret")
		}
	case kind == "FORMAT=FILE":
		return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
			return completePairs(reportNames(), "=", typed, true)
		}
	case f.Name == "allow":
		return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
			if strings.Contains(typed, "=") {
				return completePairs([]string{"read", "remove"}, "=", typed, true)
			}
			return []string{"exec", "listen", "read=", "remove="}, cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
		}
	case f.Name == "tags":
		return completeTags
	case f.Name == "color":
		return cobra.FixedCompletions([]string{"auto", "always", "never"}, cobra.ShellCompDirectiveNoFileComp)
	case f.Name == "format":
		return func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			formats := []string{formatText, formatJSON}
			if cmd.Name() == "run" {
				formats = append(formats, formatPlugin)
			}
			return formats, cobra.ShellCompDirectiveNoFileComp
		}
	case kind == "DIR":
		return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		}
	case kind == "FILE" || f.Name == "output":
		return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveDefault
		}
	}
	return cobra.NoFileCompletions
}

// completePairs completes NAME=VALUE: the name, and a value that is a file's.
func completePairs(names []string, after, typed string, file bool) ([]string, cobra.ShellCompDirective) {
	const more = cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
	if name, value, ok := strings.Cut(typed, after); ok {
		if !file {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return filesLike(name+after, value)
	}
	var words []string
	for _, name := range names {
		if word := name + after; strings.HasPrefix(word, typed) && isName(name) {
			words = append(words, word)
		}
	}
	return words, more
}

// maxFiles bounds the files that are proposed at once.
const maxFiles = 500

// filesLike are the files whose paths begin so, each behind a prefix.
func filesLike(prefix, typed string) ([]string, cobra.ShellCompDirective) {
	dir, base := filepath.Split(typed)
	entries, _ := os.ReadDir(cmp.Or(dir, "."))
	var words []string
	for _, e := range entries {
		name := e.Name()
		if !strings.HasPrefix(name, base) || base == "" && strings.HasPrefix(name, ".") || len(words) == maxFiles {
			continue
		}
		if e.IsDir() {
			name += "/"
		}
		words = append(words, prefix+dir+name)
	}
	directive := cobra.ShellCompDirectiveNoFileComp
	if len(words) == 1 && strings.HasSuffix(words[0], "/") {
		directive |= cobra.ShellCompDirectiveNoSpace
	}
	return words, directive
}

// completeTags completes the last tag of an expression. The scripts are run for
// their tests where that asks nobody for anything.
func completeTags(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	l := scriptsOf(cmd, args)
	env := &suite.Env{Redact: &transcript.Redactor{}, Seed: 1, Vars: map[string]string{}, Secrets: map[string]string{}}
	standIn(env, l.secrets())
	known := map[string]bool{}
	for _, s := range l.scripts {
		if !listable(s, env) {
			continue
		}
		declared, _ := s.Tests(cmd.Context(), env) // check says what is wrong with it
		for _, t := range declared {
			for _, tag := range t.Tags {
				known[tag] = true
			}
		}
	}
	before := typed[:strings.LastIndexAny(typed, ",+!")+1]
	var words []string
	for _, tag := range slices.Sorted(maps.Keys(known)) {
		words = append(words, before+tag)
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

// scriptsOf are the scripts that a command is to read, compiled.
func scriptsOf(cmd *cobra.Command, args []string) *loaded {
	if cmd.Name() == "run" || cmd.Name() == "check" {
		if paths, err := suitePaths(args); err == nil {
			if found, err := load(paths); err == nil {
				return found
			}
		}
	}
	return &loaded{}
}

// namesFor are the names that a flag may give a value. The scripts are compiled,
// and not run.
func namesFor(flag string, cmd *cobra.Command, args []string) []string {
	l := scriptsOf(cmd, args)
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
