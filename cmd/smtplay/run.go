package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"smtplay/engine/report"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// runFlags are the flags of run.
type runFlags struct {
	connectionFlags
	inputFlags
	colorFlag
	demo        bool
	jobs        numberFlag
	filter      string
	failFast    bool
	noSkip      bool
	repeat      numberFlag
	testTimeout durationFlag
	logins      loginsFlag
	record      string
	against     string
	maskFlags
	verbose bool
	seed    numberFlag
}

func newRun(p *process) *cobra.Command {
	f := &runFlags{jobs: numberFlag{n: 4, min: 1}, repeat: numberFlag{n: 1, min: 1}}
	cmd := &cobra.Command{
		Use:   "run [PATH…] [flags]",
		Short: "Run scripts against a server",
		Long: "Runs scripts, files or folders of them, against a server; without a PATH the\n" +
			"runbooks inside smtplay. Nothing is sent before all of them were found right.\n\n" +
			"Exit status: 0 every test passed; 1 a test failed, or differs from its baseline;\n" +
			"2 usage, or a script is wrong; 3 no verdict, as when no connection could be made;\n" +
			"130 interrupted.",
		Example: "  smtplay run --demo\n  smtplay run --server mail.example.com relay.lua\n" +
			"  smtplay run -s mail.example.com --secret password=@pw.txt --var user=james tests/",
		DisableFlagsInUseLine: true,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"lua"}, cobra.ShellCompDirectiveFilterFileExt
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

func (f *runFlags) register(fs *pflag.FlagSet) {
	fs.SortFlags = false
	f.connectionFlags.register(fs)
	fs.BoolVar(&f.demo, "demo", false, "run against a mail server inside smtplay, set up for the runbooks")
	f.inputFlags.register(fs)
	fs.VarP(&f.jobs, "jobs", "j", "how many tests run at once (default 4)")
	fs.StringVar(&f.filter, "filter", "", "`REGEXP`: only the tests whose names match")
	fs.BoolVar(&f.failFast, "fail-fast", false, "stop after the first test that does not pass")
	fs.BoolVar(&f.noSkip, "no-skip", false, "a skipped test fails")
	fs.Var(&f.repeat, "repeat", "run every test so often (default 1)")
	fs.Var(&f.testTimeout, "test-timeout", "how long a test may take (default 15m)")
	fs.Var(&f.logins, "auth-failures", "after how many failed logins at a server no more are tried, lest it ban this client; 0 is any number (default 4, on loopback any number)")
	fs.StringVar(&f.record, "record", "", "`DIR`: write a transcript of every test below it")
	fs.StringVar(&f.against, "against", "", "`DIR`: compare with the transcripts of an earlier run; a change fails")
	f.maskFlags.register(fs)
	fs.BoolVarP(&f.verbose, "verbose", "v", false, "show every conversation as it happens")
	f.colorFlag.register(fs)
	fs.Var(&f.seed, "seed", "seed of the scripts' random numbers (default 0: a new one each time; with --record and --against always the same)")
}

// runner makes what runs the tests.
func (f *runFlags) runner() (*suite.Runner, error) {
	r := &suite.Runner{Jobs: int(f.jobs.n), Repeat: int(f.repeat.n), FailFast: f.failFast, NoSkip: f.noSkip,
		TestTimeout: f.testTimeout.Duration, Record: f.record}
	if f.filter != "" {
		var err error
		if r.Filter, err = regexp.Compile(f.filter); err != nil {
			return nil, usage("--filter: %v", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		}
	}
	if f.record != "" {
		if err := os.MkdirAll(f.record, 0o755); err != nil {
			return nil, usage("--record: %v", err)
		}
	}
	return r, f.compareWith(r)
}

// environment makes what all tests share, but for what the demo brings.
func (f *runFlags) environment(p *process) (*suite.Env, error) {
	env := &suite.Env{Redact: p.redact, Seed: f.seed.n}
	if env.Seed == 0 && (f.record != "" || f.against != "") {
		env.Seed = recordSeed
	}
	if env.Seed == 0 {
		env.Seed = 1 + rand.Int64N(1e9) // short enough to be typed again
	}
	if f.demo && f.server != "" {
		return nil, usage("--demo and --server name two servers").try("--target NAME=ADDRESS leads one name of the demo elsewhere")
	}
	if f.demo && f.via != "" {
		return nil, usage("--demo is on this machine, and with --via connections come from another")
	}
	// Secrets come first: whatever is wrong with the rest is told without them.
	err := f.inputFlags.read(p, env)
	if err != nil {
		return nil, err
	}
	if env.Options, err = f.options(p); err != nil {
		return nil, err
	}
	if env.Allow, err = f.permissions(); err != nil {
		return nil, err
	}
	env.Options.Logins = f.logins.limit()
	if env.Helo, err = f.clientName(p); err != nil {
		return nil, err
	}
	if env.Targets, err = f.where(p); err != nil {
		return nil, err
	}
	if f.demo {
		env.Targets.Host, env.Targets.Port = "", "" // SMTPLAY_SERVER is not meant
	}
	return env, nil
}

// run does the verb. Everything is looked at before anything is dialled.
func (f *runFlags) run(ctx context.Context, p *process, paths []string) error {
	coloured, err := f.on(p)
	if err != nil {
		return err
	}
	runner, err := f.runner()
	if err != nil {
		return err
	}
	env, err := f.environment(p)
	if err != nil {
		return err
	}
	scripts, err := load(paths)
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
	if err := f.prepare(ctx, p, scripts, env); err != nil {
		return err
	}
	tests := scripts.plan(ctx, runner, env)
	switch n := showProblems(p.stderr, env.Redact, scripts.problems); {
	case ctx.Err() != nil:
		return &fault{status: exitInterrupted, msg: context.Cause(ctx).Error()}
	case n > 0:
		return wrong(n)
	case len(tests) == 0 && f.filter != "":
		return usage("no test has a name that matches --filter %q", f.filter)
	case len(tests) == 0:
		return usage("there is no test to run: no script in %s", strings.Join(paths, ", "))
	}
	if err := f.baselines(p, runner, env, tests, paths); err != nil {
		return err
	}
	return f.play(ctx, p, runner, env, tests, coloured)
}

// prepare finds what the scripts still lack, and asks for secrets where it can.
// Problems that it finds are shown with those of the scripts.
func (f *runFlags) prepare(ctx context.Context, p *process, scripts *loaded, env *suite.Env) error {
	misspelt(p, "var", f.vars, scripts.vars())
	misspelt(p, "secret", f.inputFlags.secrets, scripts.secrets())
	if scripts.problems.Err() == nil {
		if env.Targets.Host == "" && len(env.Targets.Named) == 0 && scripts.needsServer(env.Targets) {
			return usage("no server was named").try("--server HOST names one, --demo starts one inside smtplay")
		}
		if err := ask(ctx, p, env, scripts.secrets()); err != nil {
			return err
		}
	}
	scripts.ready(env)
	return nil
}

// play runs the tests and tells of each as soon as its turn has come.
func (f *runFlags) play(ctx context.Context, p *process, runner *suite.Runner, env *suite.Env, tests []suite.Test, coloured bool) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	p.stdout.broken = func() { cancel(errors.New("standard output is closed")) }
	console := &report.Console{W: p.stdout, Color: coloured, Names: report.NameWidth(tests), Redact: env.Redact}
	told := make(chan struct{}, len(tests))
	if f.verbose {
		live := &report.Live{W: p.stdout, Color: coloured, Redact: env.Redact, Prefix: runner.Jobs > 1 && len(tests)*runner.Repeat > 1}
		runner.Live = live.For
		if runner.Jobs == 1 {
			runner.Live = inTurn(ctx, live.For, told)
		}
	}
	var counts suite.Counts
	started, done := time.Now(), 0
	runner.Run(ctx, env, tests, func(r suite.Result) {
		done++
		counts.Add(r.Outcome)
		console.Result(r) // what goes wrong here standard output remembers
		told <- struct{}{}
	})
	console.Summary(counts, time.Since(started).Seconds())
	left := ""
	if n := len(tests) - done; n > 0 {
		left = ": " + count(n, "test") + " not run"
	}
	if errors.Is(context.Cause(ctx), suite.ErrInterrupted) {
		return &fault{status: exitInterrupted, msg: "interrupted" + left}
	}
	if left != "" && p.stdout.fault() == nil {
		p.note("stopped after the first failure%s", left)
	}
	return verdict(counts)
}

// inTurn lets a test begin only when the result of the one before has been told
// of: results come from another goroutine, and would else stand in the middle
// of the next conversation. It is for one job.
func inTurn(ctx context.Context, begin func(suite.Test) transcript.Recorder, told <-chan struct{}) func(suite.Test) transcript.Recorder {
	var last suite.Test
	return func(t suite.Test) transcript.Recorder {
		if last.Script != nil && last != t {
			select {
			case <-told:
			case <-ctx.Done():
			}
		}
		last = t
		return begin(t)
	}
}
