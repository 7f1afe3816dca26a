package main

import (
	"context"
	"errors"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"smtplay/engine/replay"
	"smtplay/engine/report"
	"smtplay/engine/suite"
)

// replayFlags are the flags of replay.
type replayFlags struct {
	connectionFlags
	inputFlags
	maskFlags
	reportFlags
	colorFlag
	demo        bool
	jobs        numberFlag
	failFast    bool
	testTimeout durationFlag
	verbose     bool
}

func newReplay(p *process) *cobra.Command {
	f := &replayFlags{jobs: numberFlag{n: 4, min: 1}}
	cmd := &cobra.Command{
		Use:   "replay TRANSCRIPT… [flags]",
		Short: "Send the client's side of transcripts again, and show what the server answers otherwise",
		Long: "Sends what the client said in transcripts, files or folders of them, to a server\n" +
			"again, and compares what comes back, reply by reply: code and enhanced status code\n" +
			"always, text under the masks of smtplay diff, what EHLO offers as a set. Secrets are\n" +
			"not in a transcript and must be supplied; logins and TLS are made anew. A message is\n" +
			"sent to its end where the transcript did so.\n\n" +
			"Exit status: 0 nothing changed; 1 something did; 2 usage, a secret is missing, or a\n" +
			"transcript is damaged: nothing was sent; 3 no connection could be made.",
		Example: "  smtplay replay --server mail.example.com before.smtp\n" +
			"  smtplay replay -s mail.example.com --secret password=@pw.txt before/",
		DisableFlagsInUseLine: true,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"smtp"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(cmd *cobra.Command, paths []string) error {
			ctx, stop := interruptible(cmd.Context())
			defer stop()
			return f.run(ctx, p, paths)
		},
	}
	f.register(cmd.Flags())
	return cmd
}

func (f *replayFlags) register(fs *pflag.FlagSet) {
	fs.SortFlags = false
	f.connectionFlags.registerServer(fs)
	fs.BoolVar(&f.demo, "demo", false, "replay to a mail server inside smtplay")
	f.inputFlags.registerSecrets(fs)
	f.maskFlags.register(fs)
	fs.VarP(&f.jobs, "jobs", "j", "how many transcripts are replayed at once (default 4)")
	fs.BoolVar(&f.failFast, "fail-fast", false, "stop after the first transcript that changed")
	fs.Var(&f.testTimeout, "test-timeout", "how long a transcript may take (default 15m)")
	f.reportFlags.register(fs)
	fs.BoolVarP(&f.verbose, "verbose", "v", false, "show every conversation as it happens")
	f.colorFlag.register(fs)
}

// run does the verb. Everything is looked at before anything is dialled.
func (f *replayFlags) run(ctx context.Context, p *process, paths []string) error {
	reports, err := f.reports(p, false)
	if err != nil {
		return err
	}
	isTerm, _ := p.console(reports.onStdout())
	coloured, err := f.onto(p, isTerm)
	if err != nil {
		return err
	}
	// What run does with a server, its secrets and its results holds here too.
	r := &runFlags{connectionFlags: f.connectionFlags, inputFlags: f.inputFlags, demo: f.demo, jobs: f.jobs, verbose: f.verbose}
	env, err := r.environment(p)
	if err != nil {
		return err
	}
	scripts, err := f.load(p, paths)
	if err != nil {
		return err
	}
	if f.demo {
		stop, err := startDemo(ctx, env, &f.inputFlags)
		if err != nil {
			return &fault{status: exitNoVerdict, msg: err.Error()}
		}
		defer stop()
	}
	if err := f.ready(ctx, p, env, scripts); err != nil {
		return err
	}
	runner := &suite.Runner{Jobs: int(f.jobs.n), FailFast: f.failFast, TestTimeout: f.testTimeout.Duration}
	var tests []suite.Test
	for _, s := range scripts {
		tests = append(tests, suite.Test{Script: s, Name: s.Name()})
	}
	if err := reports.probe(p); err != nil {
		return err
	}
	return r.play(ctx, p, &playing{runner: runner, env: env, tests: tests, coloured: coloured, reports: reports})
}

// load reads the transcripts that paths name.
func (f *replayFlags) load(p *process, paths []string) ([]*replay.Script, error) {
	if len(paths) == 0 {
		return nil, usage("replay needs a transcript, or a folder of them").try("run --record DIR writes them")
	}
	masks, err := f.masks()
	if err != nil {
		return nil, err
	}
	var scripts []*replay.Script
	damaged := 0
	for _, path := range paths {
		files, err := transcriptsAt(path)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			own, err := masks.of(distinct(append(foldersAbove(file.name), folderOf(path))))
			if err != nil {
				return nil, err
			}
			script, err := replay.Load(file.path, own)
			if err != nil {
				damaged++
				p.complain(report.Visible(err.Error()), "")
				continue
			}
			scripts = append(scripts, script)
		}
	}
	if damaged > 0 {
		return nil, usage("%s cannot be read: nothing was sent", count(damaged, "transcript"))
	}
	return scripts, nil
}

// ready asks for the secrets that are missing, where it can, and says what else
// keeps transcripts from being replayed.
func (f *replayFlags) ready(ctx context.Context, p *process, env *suite.Env, scripts []*replay.Script) error {
	if env.Targets.Host == "" && len(env.Targets.Named) == 0 {
		return usage("no server was named").try("--server HOST names one, --demo starts one inside smtplay")
	}
	var secrets []string
	for _, s := range scripts {
		secrets = append(secrets, s.Secrets()...)
	}
	slices.Sort(secrets)
	secrets = slices.Compact(secrets)
	misspelt(p, "secret", f.inputFlags.secrets, secrets)
	if err := ask(ctx, p, env, secrets); err != nil {
		return err
	}
	wrong, missing := 0, ""
	for _, s := range scripts {
		for _, err := range apart(s.Ready(env)) {
			wrong++
			var fault *replay.Fault
			if errors.As(err, &fault) && fault.Secret != "" {
				missing = fault.Secret
			}
			p.complain(report.Visible(err.Error()), "")
		}
	}
	switch {
	case missing != "":
		return usage("%s: nothing was sent", count(wrong, "problem")).
			try("--secret %s=@FILE reads it from a file; SMTPLAY_SECRET_%s, or the prompt on a terminal, will do as well", missing, missing)
	case wrong > 0:
		return usage("%s: nothing was sent", count(wrong, "problem"))
	}
	return nil
}
