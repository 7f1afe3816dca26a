package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// run is the whole program: it returns the exit status.
func run(p *process) int {
	err := newRoot(p).ExecuteContext(context.Background())
	var f *fault
	if broken := p.stdout.fault(); broken != nil {
		// Nobody reads any more: that is no reason to complain, and no success.
		if !errors.Is(broken, syscall.EPIPE) {
			p.complain("cannot write to standard output: "+broken.Error(), "")
		}
		if errors.As(err, &f) && f.status != exitPassed {
			return f.status // a test that failed did so whoever reads, and who stops smtplay | tee stops both
		}
		return exitNoVerdict
	}
	if err == nil {
		return exitPassed
	}
	if !errors.As(err, &f) {
		f = usage("%v", err) // cobra's own are all about the command line
	}
	if f.msg != "" {
		p.complain(f.msg, f.hint)
	}
	return f.status
}

func newRoot(p *process) *cobra.Command {
	version := false
	root := &cobra.Command{
		Use:           "smtplay",
		Short:         "Scripted SMTP conversations that show whether a mail server does what it should",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          knownVerb,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if version {
				return printVersion(p)
			}
			// A script that lost its arguments must not take this for a success.
			cmd.SetOut(p.stderr)
			if err := cmd.Help(); err != nil {
				return err
			}
			return &fault{status: exitUsage}
		},
	}
	root.Flags().BoolVar(&version, "version", false, "print the version")
	root.AddCommand(newRun(p), newCheck(p), newRecord(p), newImport(p), newReplay(p), newDiff(p), newServe(p), newInit(p), newReport(p), newExplain(p), newDocs(p), newMan(p), newVersion(p), newCompletion(p))
	completeValues(root, p.args)
	root.SetHelpCommand(newHelp(root))
	root.SetFlagErrorFunc(flagFault)
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpFunc(help)
	root.SetArgs(p.args)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	return root
}

func knownVerb(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	f := usage("unknown verb %q", args[0])
	if near := nearest(args[0], verbs(cmd)); near != "" {
		return f.try("did you mean %q?", near)
	}
	if exists(args[0]) {
		return f.try("to run it: smtplay run %s", shellWord(args[0]))
	}
	return f.try("the verbs are %s", strings.Join(verbs(cmd), ", "))
}

// verbs are the names of the verbs, those of every day first.
func verbs(root *cobra.Command) []string {
	names := []string{"run", "check", "docs"}
	for _, c := range root.Commands() {
		if !c.Hidden && !slices.Contains(names, c.Name()) {
			names = append(names, c.Name())
		}
	}
	return names
}

// flagFault puts what pflag says about flags into our words.
func flagFault(cmd *cobra.Command, err error) error {
	if errors.Is(err, pflag.ErrHelp) {
		return err
	}
	var unknown *pflag.NotExistError
	var lacking *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		return unknownFlag(cmd, unknown)
	case errors.As(err, &lacking):
		return usage("--%s needs %s", lacking.GetFlag().Name, operand(lacking.GetFlag()))
	case errors.As(err, &invalid):
		return usage("--%s: %v", invalid.GetFlag().Name, invalid.Unwrap())
	}
	return usage("%v", err)
}

// operand is what a flag wants, as its usage names it.
func operand(f *pflag.Flag) string {
	name, _ := pflag.UnquoteUsage(f)
	return name
}

func unknownFlag(cmd *cobra.Command, err *pflag.NotExistError) error {
	name := err.GetSpecifiedName()
	if short := err.GetSpecifiedShortnames(); short != "" && len(name) == 1 {
		return usage("unknown flag -%s", name).try("smtplay help %s lists the flags", cmd.Name())
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	f := usage("unknown flag --%s", name)
	if near := nearest(name, names); near != "" {
		return f.try("did you mean --%s?", near)
	}
	if cmd.HasParent() {
		return f.try("smtplay help %s lists the flags", cmd.Name())
	}
	return f.try("flags follow the verb: smtplay run --server HOST")
}

func newHelp(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [VERB]",
		Short: "Help for a verb",
		Args:  atMostOne,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return verbs(root), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return root.Help()
			}
			for _, c := range root.Commands() {
				if c.Name() == args[0] {
					c.InitDefaultHelpFlag()
					return c.Help()
				}
			}
			return knownVerb(root, args)
		},
	}
}

// noOperands and atMostOne say in our words what cobra would say in its own.
func noOperands(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("%s takes no operand: %q", cmd.Name(), args[0])
	}
	return nil
}

func atMostOne(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usage("%s takes one name at a time", cmd.Name())
	}
	return nil
}
