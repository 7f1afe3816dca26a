package main

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
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
	demo bool
	jobs numberFlag
	chooseFlags
	failFast    bool
	noSkip      bool
	repeat      numberFlag
	retries     numberFlag
	noFlaky     bool
	step        bool
	testTimeout durationFlag
	logins      loginsFlag
	record      string
	against     string
	maskFlags
	reportFlags
	pluginFlag
	verbose bool
	seed    numberFlag
	taken   *taken // from settings files
}

func newRun(p *process) *cobra.Command {
	f := &runFlags{jobs: numberFlag{n: 4, min: 1}, repeat: numberFlag{n: 1, min: 1}}
	cmd := &cobra.Command{
		Use:   "run [PATH…] [flags]",
		Short: "Run scripts against a server",
		Long: "Runs scripts, files or folders of them, against a server; without a PATH those\n" +
			"that scripts in the file " + settingsName + " of the current folder names, and where there is\n" +
			"none the runbooks inside smtplay. Nothing is sent before all were found right.\n\n" +
			"A file suite.lua says what runs around the tests of its folder and of those below. A\n" +
			"file " + settingsName + " gives what neither a flag nor the environment does, from the folder of\n" +
			"the first PATH and those above it, as far as the current one:\n\n" +
			"  scripts = ['.']           # without a PATH: all in this folder and below\n" +
			"  server = 'mail.example.com'\n  tags = '!slow'            # and jobs, timeout, retries, ca, tls_name, helo\n" +
			"  [targets]                 # and [vars], and [masks] as in smtplay help diff\n  local = 'localhost:25'\n\n" +
			"Nothing is taken from above the current folder and the PATH, where anybody may have\n" +
			"put it, as in /tmp: it says which server gets your secrets. What lies there, and\n" +
			"settings of a further PATH, are warned of.\n\n" +
			"A part of --shard without a test is no failure. A test that is declared with once is\n" +
			"neither repeated nor tried again. With --record, TEST.smtp is of the attempt that\n" +
			"counts, TEST~failed1.smtp of the first that went wrong.\n\n" +
			"Exit status: 0 every test passed; 1 a test failed, or differs from its baseline;\n" +
			"2 usage, or a script is wrong; 3 no verdict, as when no connection could be made;\n" +
			"130 interrupted. With --format nagios those of monitoring plugins: 0 OK, 2 a test\n" +
			"failed, 3 no verdict, or nothing was judged.",
		Example: "  smtplay run --demo\n  smtplay run --server mail.example.com relay.lua\n" +
			"  smtplay run -s mail.example.com --secret password=@pw.txt --var user=james tests/",
		DisableFlagsInUseLine: true,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"lua"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(cmd *cobra.Command, paths []string) error {
			ctx, stop := interruptible(cmd.Context())
			defer stop()
			paths, err := suitePaths(paths)
			if err != nil {
				return f.asPlugin(p, err)
			}
			if err := f.settle(p, cmd.Flags(), paths); err != nil {
				return f.asPlugin(p, err)
			}
			return f.asPlugin(p, f.run(ctx, p, paths))
		},
	}
	f.register(cmd.Flags())
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if f.pluginFlag.wanted(p.args) {
			f.format = formatPlugin // which may stand behind what is wrong
		}
		return f.asPlugin(p, flagFault(cmd, err))
	})
	return cmd
}

func (f *runFlags) register(fs *pflag.FlagSet) {
	fs.SortFlags = false
	f.connectionFlags.register(fs)
	fs.BoolVar(&f.demo, "demo", false, "run against a mail server inside smtplay, set up for the runbooks")
	f.inputFlags.register(fs)
	fs.VarP(&f.jobs, "jobs", "j", "how many tests run at once (default 4)")
	f.chooseFlags.register(fs)
	fs.BoolVar(&f.failFast, "fail-fast", false, "stop after the first test that does not pass")
	fs.BoolVar(&f.noSkip, "no-skip", false, "a skipped test fails")
	fs.Var(&f.repeat, "repeat", "run every test so often (default 1)")
	fs.Var(&f.retries, "retries", "try a test that goes wrong so often again (default 0); one that then passes is flaky, and said to be")
	fs.BoolVar(&f.noFlaky, "no-flaky", false, "a flaky test fails")
	fs.Var(&f.testTimeout, "test-timeout", "how long a test may take (default 15m)")
	fs.Var(&f.logins, "auth-failures", "after how many failed logins at a server no more are tried, lest it ban this client; 0 is any number (default 4, on loopback any number)")
	fs.StringVar(&f.record, "record", "", "`DIR`: write a transcript of every test below it")
	fs.StringVar(&f.against, "against", "", "`DIR`: compare with the transcripts of an earlier run; a change fails")
	f.maskFlags.register(fs)
	f.reportFlags.register(fs)
	f.pluginFlag.register(fs)
	fs.BoolVarP(&f.verbose, "verbose", "v", false, "show every conversation as it happens")
	fs.BoolVar(&f.step, "step", false, "ask on the terminal before each line that sends: Enter goes on, c to the end, q quits; with -v, one test at a time")
	f.colorFlag.register(fs)
	fs.Var(&f.seed, "seed", "seed of the scripts' random numbers (default 0: a new one each time; with --record, --against and --shard always the same)")
}

// runner makes what runs the tests.
func (f *runFlags) runner() (*suite.Runner, error) {
	if f.list { // nothing is run
		f.record, f.against, f.given = "", "", nil
	}
	r := &suite.Runner{Jobs: int(f.jobs.n), Repeat: int(f.repeat.n), Retries: int(f.retries.n), NoFlaky: f.noFlaky, FailFast: f.failFast, NoSkip: f.noSkip,
		TestTimeout: f.testTimeout.Duration, Record: f.record}
	if err := f.choose(r); err != nil {
		return nil, err
	}
	if f.noFlaky && f.retries.n == 0 {
		return nil, usage("--no-flaky goes with --retries: without it no test is tried again")
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
	if env.Seed == 0 && (f.record != "" || f.against != "" || f.shard != "") {
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
	if err := f.pluginFlag.check(f.list); err != nil {
		return err
	}
	reports, err := f.reports(p, f.format == formatPlugin)
	if err != nil {
		return err
	}
	isTerm, _ := p.console(reports.onStdout() || f.format == formatPlugin)
	coloured, err := f.onto(p, isTerm)
	if err != nil {
		return err
	}
	runner, err := f.runner()
	if err != nil {
		return err
	}
	shard, err := f.part(p.env)
	if err != nil {
		return err
	}
	step, err := f.stepper(p, runner)
	if err != nil {
		return err
	}
	env, err := f.environment(p)
	if err != nil {
		return err
	}
	warnAbove(p, "run", paths)
	scripts, err := load(paths)
	if err != nil {
		return err
	}
	if err := f.warnOthers(p, paths, scripts); err != nil {
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
	tests, err := scripts.plan(ctx, runner, env)
	if err != nil {
		showProblems(p.stderr, env.Redact, scripts.problems) // a tag may be unknown for what is wrong with its line
		return err
	}
	switch n := showProblems(p.stderr, env.Redact, together(scripts.problems)); {
	case ctx.Err() != nil:
		return &fault{status: exitInterrupted, msg: context.Cause(ctx).Error()}
	case n > 0:
		return wrong(n)
	}
	switch tests = f.usually(p, meant(p, runner, tests, len(paths) == 0)); {
	case len(tests) == 0 && f.filter != "" && f.tagsFrom != "":
		return usage("no test has a name that matches --filter %q and the tags %q, which %s asks for", f.filter, f.tags, f.tagsFrom).try("--tags \"\" takes all")
	case len(tests) == 0 && f.filter != "" && f.tags != "":
		return usage("no test has a name that matches --filter %q and the tags %q", f.filter, f.tags)
	case len(tests) == 0 && f.filter != "":
		return usage("no test has a name that matches --filter %q", f.filter)
	case len(tests) == 0 && f.tagsFrom != "":
		return usage("no test has the tags %q, which %s asks for", f.tags, f.tagsFrom).try("--tags \"\" takes all")
	case len(tests) == 0 && f.tags != "":
		return usage("no test has the tags %q", f.tags)
	case len(tests) == 0:
		return usage("there is no test to run: no script in %s", strings.Join(paths, ", "))
	}
	noteRunbooks(p, paths)
	all := len(tests)
	if tests = shard.Take(tests); len(tests) == 0 {
		p.note("shard %v has no test: the run has %s", shard, count(all, "test")) // and the others run them all
	}
	if f.list {
		return f.showList(p.stdout, env.Redact, tests, f.format)
	}
	if err := f.baselines(p, runner, env, tests, paths); err != nil {
		return err
	}
	if err := reports.probe(p); err != nil {
		return err
	}
	return f.play(ctx, p, &playing{runner: runner, env: env, tests: tests, shard: shard, coloured: coloured, reports: reports, step: step})
}

// prepare finds what the scripts still lack, and asks for secrets where it can.
// Problems that it finds are shown with those of the scripts.
func (f *runFlags) prepare(ctx context.Context, p *process, scripts *loaded, env *suite.Env) error {
	f.misspelt(p, scripts)
	if err := f.noSecrets(scripts.secrets()); err != nil {
		return err
	}
	if f.list {
		standIn(env, scripts.secrets())
	} else if scripts.problems.Err() == nil {
		if env.Targets.Host == "" && len(env.Targets.Named) == 0 && scripts.needsServer(env.Targets) {
			return usage("no server was named").try("--server HOST names one, --demo starts one inside smtplay")
		}
		if err := ask(ctx, p, env, scripts.secrets()); err != nil {
			return err
		}
	}
	scripts.ready(env, f.list)
	return nil
}

// playing is a run that is about to begin.
type playing struct {
	runner   *suite.Runner
	env      *suite.Env
	tests    []suite.Test
	shard    suite.Shard // which part of all they are
	coloured bool
	reports  *reports
	step     *stepper // asks before each line that sends; nil for nobody
}

// play runs the tests and tells of each as soon as its turn has come.
func (f *runFlags) play(ctx context.Context, p *process, r *playing) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	p.stdout.broken = func() { cancel(errors.New("standard output is closed")) }
	_, shown := p.console(r.reports.onStdout() || f.format == formatPlugin)
	results := shown
	if f.format == formatPlugin {
		results = io.Discard
	}
	console := &report.Console{W: results, Color: r.coloured, Names: report.NameWidth(r.tests), Redact: r.env.Redact}
	if err := r.reports.begin(p, f.about(r.env, r.shard), r.env.Redact, len(r.tests)); err != nil {
		return err
	}
	if len(r.tests)*max(1, r.runner.Repeat) > 1 {
		p.forMany()
	}
	told := make(chan struct{}, len(r.tests))
	r.runner.Live = r.reports.live()
	if f.verbose {
		live := &report.Live{W: shown, Color: r.coloured, Redact: r.env.Redact, Prefix: r.runner.Jobs > 1 && len(r.tests)*r.runner.Repeat > 1}
		r.runner.Live = also(live.For, r.runner.Live)
		if r.runner.Jobs == 1 {
			r.runner.Live = inTurn(ctx, r.runner.Live, told)
		}
	}
	if r.step != nil {
		r.step.quit = func() { cancel(suite.ErrInterrupted) }
	}
	at := &status{}
	if !f.verbose {
		if at = newStatus(p, r.coloured, len(r.tests)); at.w != nil {
			r.runner.Watch = at.watch
		}
	}
	var counts suite.Counts
	var flaky []suite.Test
	started, done := time.Now(), 0
	resume := quietCommands(p, results)
	r.runner.Run(ctx, r.env, r.tests, func(result suite.Result) {
		done++
		counts.Add(result.Outcome)
		if result.Flaky && result.Outcome == suite.Passed {
			flaky = append(flaky, result.Test)
		}
		at.result(func() { console.Result(result) }) // what goes wrong here standard output remembers
		r.reports.add(result)
		told <- struct{}{}
	})
	at.close()
	run := &r.reports.run
	run.Seconds, run.NotRun = time.Since(started).Seconds(), len(r.tests)-done
	run.Interrupted = errors.Is(context.Cause(ctx), suite.ErrInterrupted)
	unwritten := r.reports.write(p)
	console.Flaky(flaky)
	resume(run)
	console.Summary(counts, run.Seconds)
	if f.format == formatPlugin {
		return f.tell(p, run, unwritten)
	}
	return conclusion(p, run, counts, unwritten)
}

// conclusion is what a run comes to, reports that could not be written included: a
// verdict stands, but for a pass of which nobody can read, or of not all tests.
func conclusion(p *process, run *report.Run, counts suite.Counts, unwritten int) error {
	left := ""
	if run.NotRun > 0 {
		left = ": " + count(run.NotRun, "test") + " not run"
	}
	if run.Interrupted {
		return &fault{status: exitInterrupted, msg: "interrupted" + left}
	}
	err, why := verdict(counts), "stopped after the first failure"
	if err == nil {
		why = "stopped before its end"
	}
	if left != "" && p.stdout.fault() == nil {
		p.note("%s%s", why, left)
	}
	if err == nil && (unwritten > 0 || run.NotRun > 0) {
		err = &fault{status: exitNoVerdict}
	}
	return err
}

// about is what reports say of the run as a whole.
func (f *runFlags) about(env *suite.Env, shard suite.Shard) report.Run {
	hide := env.Redact.String
	run := report.Run{Version: moduleVersion(), Server: hide(env.Targets.Host), Seed: env.Seed, Started: time.Now()}
	if env.Targets.Host != "" && env.Targets.Port != "" {
		run.Server = hide(net.JoinHostPort(env.Targets.Host, env.Targets.Port))
	}
	if f.demo {
		run.Server = "the server inside smtplay"
	}
	if shard.Of > 1 {
		run.Shards = []suite.Shard{shard}
	}
	for _, t := range report.TargetsOf(env.Targets) {
		run.Targets = append(run.Targets, report.Target{Name: hide(t.Name), Address: hide(t.Address)})
	}
	return run
}

// inTurn lets a test begin only when the result of the one before has been told
// of: results come from another goroutine, and would else stand in the middle
// of the next conversation. It is for one job.
func inTurn(ctx context.Context, begin func(suite.Test) transcript.Recorder, told <-chan struct{}) func(suite.Test) transcript.Recorder {
	var last suite.Test
	return func(t suite.Test) transcript.Recorder {
		if last.Script != nil && (last.Script != t.Script || last.Index != t.Index) {
			select {
			case <-told:
			case <-ctx.Done():
			}
		}
		last = t
		return begin(t)
	}
}
