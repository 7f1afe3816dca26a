package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"smtplay/dsl"
	"smtplay/engine/report"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

func newCheck(p *process) *cobra.Command {
	allow, format := &allowFlag{}, ""
	cmd := &cobra.Command{
		Use:   "check [PATH…] [flags]",
		Short: "Say all that can be said of scripts without a network, and what they need",
		Long: "Reads scripts, files or folders of them (without a PATH those that run\n" +
			"takes), and says what is wrong with them and which vars, secrets and targets each\n" +
			"of them needs. Nothing is sent. smtplay docs editor tells of --format json.\n\nExit status: 0 all is right; 2 something is wrong.",
		DisableFlagsInUseLine: true,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"lua"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(cmd *cobra.Command, paths []string) error {
			ctx, stop := interruptible(cmd.Context())
			defer stop()
			show, ok := checkFormats[format]
			if !ok {
				return usage("no format is called %q", format).try("the formats are text and json")
			}
			paths, err := suitePaths(paths)
			if err != nil {
				return err
			}
			return check(ctx, p, paths, allow, show)
		},
	}
	allow.register(cmd.Flags())
	cmd.Flags().StringVar(&format, "format", "text", "`FORMAT`: text, or json for programs")
	return cmd
}

// checkFormats show what was found, and return how many problems keep a script
// from running.
var checkFormats = map[string]func(*process, *checked) (errors int){"text": showChecked, "json": writeChecked}

// checked is what was found without a network.
type checked struct {
	*loaded
	tests  map[string][]suite.Declared // of the scripts in which they could be listed
	redact *transcript.Redactor
}

// check does the verb.
func check(ctx context.Context, p *process, paths []string, allow *allowFlag, show func(*process, *checked) int) error {
	allowed, err := allow.permissions()
	if err != nil {
		return err
	}
	env := &suite.Env{Redact: p.redact, Seed: 1, Allow: allowed}
	if err := (&inputFlags{}).read(p, env); err != nil {
		return err
	}
	warnAbove(p, "check", paths)
	scripts, err := load(paths)
	if err != nil {
		return err
	}
	found := &checked{loaded: scripts, tests: map[string][]suite.Declared{}, redact: env.Redact}
	given := maps.Clone(env.Secrets)
	standIn(env, scripts.secrets())
	for _, s := range scripts.scripts {
		if !listable(s, env) {
			continue
		}
		switch declared, err := s.Tests(ctx, env); {
		case err == nil:
			found.tests[s.Name()] = declared
		case slices.ContainsFunc(s.Needs().Secrets, func(in dsl.Input) bool { return given[in.Name] == "" }):
			// Its tests may depend on a secret that is not known here: that is no fault of the script's.
		default:
			scripts.blame(err)
		}
	}
	for _, s := range scripts.scripts {
		scripts.problems = append(scripts.problems, s.Commands(allowed.Exec)...)
	}
	if ctx.Err() != nil {
		return &fault{status: exitInterrupted, msg: context.Cause(ctx).Error()}
	}
	noteRunbooks(p, paths)
	if errors := show(p, found); errors > 0 {
		return &fault{status: exitUsage, msg: count(errors, "problem")}
	}
	if len(scripts.scripts) == 0 {
		return usage("there is no script in %s", strings.Join(paths, ", "))
	}
	return nil
}

// showChecked shows people what each script needs, and then what is wrong.
func showChecked(p *process, c *checked) (errors int) {
	for _, s := range c.scripts {
		inventory(p.stdout, c.redact, s, len(c.tests[s.Name()]))
	}
	errors = showProblems(p.stderr, c.redact, c.problems)
	if errors > 0 || len(c.scripts) == 0 {
		return errors
	}
	found := "no problems"
	if warnings := len(c.problems); warnings > 0 {
		found = "no errors, " + count(warnings, "warning")
	}
	fmt.Fprintf(p.stdout, "%s, %s\n", count(len(c.scripts), "script"), found)
	return 0
}

// listable says whether the script's tests can be known: all the vars that its
// top level reads are there.
func listable(s *dsl.Script, env *suite.Env) bool {
	if !s.Declares() {
		return true
	}
	if s.Needs().Lookups {
		return false // its tests may depend on what the DNS says
	}
	for _, in := range s.Needs().Vars {
		if in.Needed && env.Vars[in.Name] == "" {
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
	for _, use := range targetsOf(needs) {
		name := use.Name
		if use.Optional {
			name += " (skipped without it)"
		}
		names = append(names, name)
	}
	return names
}

// targetsOf lists the targets, each once, the default one first.
func targetsOf(needs dsl.Needs) []dsl.Use {
	var targets []dsl.Use
	seen := map[string]bool{}
	if needs.Default {
		targets, seen[suite.DefaultTarget] = append(targets, dsl.Use{Name: suite.DefaultTarget}), true
	}
	for _, use := range needs.Targets {
		if !seen[use.Name] {
			targets, seen[use.Name] = append(targets, use), true
		}
	}
	return targets
}
