package main

import (
	"encoding/json"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"smtplay/engine/hint"
	"smtplay/engine/report"
)

// explainFlags are the flags of explain.
type explainFlags struct {
	format string
	color  colorFlag
}

func newExplain(p *process) *cobra.Command {
	f := &explainFlags{}
	cmd := &cobra.Command{
		Use:   "explain REPLY [flags]",
		Short: "Say what a reply means, and which parameters of Postfix are behind it",
		Long: "Takes a reply, of one line or of several, a code, an enhanced status code, a line\n" +
			"of a mail log that quotes a reply, or a bounce. With - it reads standard input, and\n" +
			"explains the first reply there. Nothing is sent, and nothing is asked of the network.\n\n" +
			"Exit status: 0 it was explained; 2 it is no reply.",
		Example: "  smtplay explain '554 5.7.1 <x@example.com>: Relay access denied'\n  smtplay explain 454\n  smtplay explain 5.7.23\n" +
			"  grep status=bounced /var/log/mail.log | tail -1 | smtplay explain -",
		DisableFlagsInUseLine: true,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error { return f.run(p, args) },
	}
	f.register(cmd.Flags())
	return cmd
}

func (f *explainFlags) register(fs *pflag.FlagSet) {
	fs.SortFlags = false
	fs.StringVar(&f.format, "format", "text", "`FORMAT`: text or json (default text)")
	f.color.register(fs)
}

// run does the verb.
func (f *explainFlags) run(p *process, args []string) error {
	color, err := f.color.on(p)
	if err != nil {
		return err
	}
	if f.format != "text" && f.format != "json" {
		return usage("--format is text or json, not %q", f.format)
	}
	const quoted = "smtplay explain '554 5.7.1 Relay access denied' (in quotes), or a code alone; - reads standard input"
	if len(args) == 0 {
		return usage("explain needs a reply").try(quoted)
	}
	text := strings.Join(args, " ")
	if text == "-" {
		b, err := io.ReadAll(io.LimitReader(p.stdin, hint.MaxReply))
		if err != nil {
			return usage("standard input: %v", cause(err))
		}
		text = string(b)
	}
	e, err := hint.Explain(text)
	if err != nil {
		return usage("%v", err).try("a code goes from 200 to 599: " + quoted)
	}
	if f.format == "json" {
		out := json.NewEncoder(p.stdout)
		out.SetEscapeHTML(false)
		out.SetIndent("", "  ")
		return out.Encode(e)
	}
	return report.Explain(p.stdout, e, color)
}
