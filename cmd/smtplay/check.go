package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"smtplay/dsl"
	"smtplay/engine/report"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

func newCheck(p *process) *cobra.Command {
	allow := &allowFlag{}
	cmd := &cobra.Command{
		Use:   "check [PATH…]",
		Short: "Say all that can be said of scripts without a network, and what they need",
		Long: "Reads scripts, files or folders of them (without a PATH the runbooks inside\n" +
			"smtplay), and says what is wrong with them and which vars, secrets and targets\n" +
			"each of them needs. Nothing is sent.\n\nExit status: 0 all is right; 2 something is wrong.",
		DisableFlagsInUseLine: true,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"lua"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(cmd *cobra.Command, paths []string) error {
			ctx, stop := interruptible(cmd.Context())
			defer stop()
			return check(ctx, p, paths, allow)
		},
	}
	allow.register(cmd.Flags())
	return cmd
}

// check does the verb.
func check(ctx context.Context, p *process, paths []string, allow *allowFlag) error {
	allowed, err := allow.permissions()
	if err != nil {
		return err
	}
	env := &suite.Env{Redact: p.redact, Seed: 1, Allow: allowed}
	if err := (&inputFlags{}).read(p, env); err != nil {
		return err
	}
	scripts, err := load(paths)
	if err != nil {
		return err
	}
	total := len(scripts.scripts)
	tests := map[string]int{}
	for _, s := range scripts.scripts {
		if !listable(s, env) {
			continue
		}
		declared, err := s.Tests(ctx, env)
		scripts.blame(err)
		tests[s.Name()] = len(declared)
	}
	for _, s := range scripts.scripts {
		scripts.problems = append(scripts.problems, s.Commands(allowed.Exec)...)
		inventory(p.stdout, env.Redact, s, tests[s.Name()])
	}
	errors := showProblems(p.stderr, env.Redact, scripts.problems)
	switch {
	case ctx.Err() != nil:
		return &fault{status: exitInterrupted, msg: context.Cause(ctx).Error()}
	case errors > 0:
		return &fault{status: exitUsage, msg: count(errors, "problem")}
	case total == 0:
		return usage("there is no script in %s", strings.Join(paths, ", "))
	}
	fmt.Fprintf(p.stdout, "%s, no problems\n", count(total, "script"))
	return nil
}

// listable says whether the script's top level can be run for its tests: all
// that it reads is there. What needs nothing is looked at all the way.
func listable(s *dsl.Script, env *suite.Env) bool {
	if s.Needs().Lookups {
		return false // its tests may depend on what the DNS says
	}
	for _, in := range s.Needs().Vars {
		if in.Needed && env.Vars[in.Name] == "" {
			return false
		}
	}
	for _, in := range s.Needs().Secrets {
		if env.Secrets[in.Name] == "" {
			return false
		}
	}
	return true
}

// inventory shows what a script is about and what it needs.
func inventory(w io.Writer, redact *transcript.Redactor, s *dsl.Script, tests int) {
	hide := func(s string) string { return report.Visible(redact.String(s)) }
	var b strings.Builder
	b.WriteString(hide(s.Name()))
	if s.Title() != "" {
		b.WriteString(": " + hide(s.Title()))
	}
	b.WriteByte('\n')
	if tests > 1 {
		fmt.Fprintf(&b, "  tests    %d\n", tests)
	}
	needs := s.Needs()
	word := "vars"
	for _, in := range needs.Vars {
		fmt.Fprintf(&b, "  %-8s %s\n", word, hide(inputLine(in)))
		word = ""
	}
	word = "secrets"
	for _, in := range needs.Secrets {
		fmt.Fprintf(&b, "  %-8s %s\n", word, hide(inputLine(in)))
		word = ""
	}
	if names := targetNames(needs); len(names) > 0 {
		fmt.Fprintf(&b, "  %-8s %s\n", "targets", hide(strings.Join(names, ", ")))
	}
	io.WriteString(w, b.String())
}

// inputLine is a var or secret with its default and what it is.
func inputLine(in dsl.Input) string {
	line := in.Name
	if in.Default != nil {
		line += fmt.Sprintf(" = %q", *in.Default)
	} else if in.Needed {
		line += " (must be given)"
	}
	if in.Doc != "" {
		line += ": " + in.Doc
	}
	return line
}

func targetNames(needs dsl.Needs) []string {
	var names []string
	seen := map[string]bool{}
	if needs.Default {
		names, seen[suite.DefaultTarget] = append(names, suite.DefaultTarget), true
	}
	for _, use := range needs.Targets {
		if seen[use.Name] {
			continue
		}
		seen[use.Name] = true
		name := use.Name
		if use.Optional {
			name += " (skipped without it)"
		}
		names = append(names, name)
	}
	return names
}
