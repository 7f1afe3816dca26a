package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"smtplay/engine/report"
	"smtplay/engine/transcript"
)

// diffFlags are the flags of diff.
type diffFlags struct {
	maskFlags
	colorFlag
	accept bool
	list   bool
}

func newDiff(p *process) *cobra.Command {
	f := &diffFlags{}
	cmd := &cobra.Command{
		Use:   "diff BEFORE AFTER [flags]",
		Short: "Show how two transcripts, or two folders of them, differ",
		Long: "Compares two transcripts, or two folders of them as run --record writes them, and\n" +
			"shows each reply that changed, with the command that it answers. What changes from\n" +
			"run to run is masked; code and enhanced status code always count; what EHLO offers\n" +
			"is compared as a set.\n\n" +
			"A file " + settingsName + " adds masks for the scripts in its folder and below:\n\n" +
			"  [masks]\n  session = ' ([a-z0-9.]+) - gsmtp$'\n\n" +
			"What the groups of an expression match is masked, or all that it matches where it has\n" +
			"none. The file is looked for in the current folder, in those of the scripts, and in\n" +
			"BEFORE.\n\n" +
			"Exit status: 0 nothing changed; 1 something did, or a transcript is on one side only;\n" +
			"2 usage, or a transcript is damaged.",
		Example: "  smtplay diff before/ after/\n  smtplay diff --mask session='id=([a-z0-9]+)$' before.smtp after.smtp\n" +
			"  smtplay diff --accept before/ after/",
		DisableFlagsInUseLine: true,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"smtp"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := interruptible(cmd.Context())
			defer stop()
			return f.run(ctx, p, args)
		},
	}
	f.register(cmd.Flags())
	return cmd
}

func (f *diffFlags) register(fs *pflag.FlagSet) {
	fs.SortFlags = false
	f.maskFlags.register(fs)
	fs.BoolVar(&f.list, "masks", false, "list the masks")
	fs.BoolVar(&f.accept, "accept", false, "take the transcripts of AFTER as the new BEFORE")
	f.colorFlag.register(fs)
}

// run does the verb.
func (f *diffFlags) run(ctx context.Context, p *process, args []string) error {
	coloured, err := f.on(p)
	if err != nil {
		return err
	}
	masks, err := f.masks()
	if err != nil {
		return err
	}
	if f.list {
		return f.listFor(p, masks, args)
	}
	if len(args) != 2 {
		return usage("diff takes two transcripts, or two folders of them: BEFORE and AFTER")
	}
	pairs, err := pairUp(args[0], args[1], f.accept)
	if err != nil {
		return err
	}
	c := &comparing{process: p, masks: masks, roots: []string{folderOf(args[0])}, accept: f.accept,
		out: &report.Diff{W: p.stdout, Color: coloured, Redact: p.redact}}
	if err := c.all(ctx, pairs); err != nil {
		return err
	}
	switch {
	case f.accept && c.damaged > 0:
		return &fault{status: exitUsage, msg: "nothing was accepted: " + count(c.damaged, "transcript") + " cannot be read"}
	case f.accept:
		if err := acceptAll(c.differ); err != nil {
			return &fault{status: exitNoVerdict, msg: err.Error()}
		}
		fmt.Fprintf(p.stdout, "%s: accepted\n", c.tally())
		return nil
	}
	fmt.Fprintln(p.stdout, c.tally())
	switch {
	case c.damaged > 0:
		return &fault{status: exitUsage, msg: count(c.damaged, "transcript") + " could not be compared"}
	case len(c.differ) > 0:
		return &fault{status: exitFailed}
	}
	return nil
}

// listFor lists the masks that count for what args name.
func (f *diffFlags) listFor(p *process, masks *masks, args []string) error {
	folders := []string{"."}
	for _, arg := range args {
		folders = append(folders, folderOf(arg))
	}
	all, err := masks.of(distinct(folders))
	if err != nil {
		return err
	}
	fmt.Fprint(p.stdout, p.redact.String(listMasks(all)))
	return nil
}

// comparing is a comparison of many transcripts, and what came of it so far.
type comparing struct {
	*process
	masks  *masks
	roots  []string // folders of which the settings count in any case
	accept bool
	out    *report.Diff

	done, changed, missing, more, damaged int
	differ                                []filePair
}

// all compares pair by pair.
func (c *comparing) all(ctx context.Context, pairs []filePair) error {
	shown := newProgress(c.process)
	defer shown.clear()
	for i, pair := range pairs {
		if ctx.Err() != nil {
			return &fault{status: exitInterrupted, msg: context.Cause(ctx).Error()}
		}
		shown.at(i, len(pairs), "transcripts compared")
		changes, err := c.one(pair)
		var f *fault
		if errors.As(err, &f) {
			return f
		}
		c.done++
		if err == nil && len(changes) == 0 && pair.on == bothSides {
			continue
		}
		shown.clear()
		c.differ = append(c.differ, pair)
		c.tell(pair, changes, err)
	}
	return nil
}

// one compares a pair. What is on one side only is read too: it must be whole.
func (c *comparing) one(pair filePair) ([]transcript.Change, error) {
	var before, after []transcript.Event
	var err error
	if pair.on != beforeOnly {
		if after, err = transcript.ReadFile(pair.after); err != nil {
			return nil, err
		}
	}
	if pair.on != afterOnly {
		if before, err = transcript.ReadFile(pair.before); err != nil {
			return nil, &damagedBaseline{err}
		}
	}
	if pair.on != bothSides {
		return nil, nil
	}
	masks, err := c.masks.of(distinct(append(foldersAbove(pair.name), c.roots...)))
	if err != nil {
		return nil, err
	}
	return transcript.Comparison{Masks: masks}.Diff(before, after), nil
}

// damagedBaseline says that of a pair the first cannot be read: with --accept
// the second takes its place.
type damagedBaseline struct{ error }

func (e *damagedBaseline) Unwrap() error { return e.error }

// tell counts a pair that is not the same on both sides, and shows it.
func (c *comparing) tell(pair filePair, changes []transcript.Change, err error) {
	hide := func(s string) string { return report.Visible(c.redact.String(s)) }
	var baseline *damagedBaseline
	switch {
	case errors.As(err, &baseline) && c.accept:
		c.changed++
		c.warn("%s", report.Visible(err.Error()))
	case err != nil:
		c.damaged++
		c.complain(report.Visible(err.Error()), "")
	case pair.on == beforeOnly:
		c.missing++
		fmt.Fprintf(c.stdout, "only before: %s\n", hide(pair.before))
	case pair.on == afterOnly:
		c.more++
		fmt.Fprintf(c.stdout, "only after: %s\n", hide(pair.after))
	default:
		c.changed++
		_ = c.out.Changes(pair.before, pair.after, changes) // what goes wrong here standard output remembers
	}
}

// tally is the last line.
func (c *comparing) tally() string {
	line := fmt.Sprintf("%d of %s changed", c.changed, count(c.done, "transcript"))
	if c.missing > 0 {
		line += fmt.Sprintf(", %d only before", c.missing)
	}
	if c.more > 0 {
		line += fmt.Sprintf(", %d only after", c.more)
	}
	return line
}
