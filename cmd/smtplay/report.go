package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"smtplay/engine/report"
	"smtplay/engine/suite"
)

// mostTwice is how many tests with several results are named: a file that is
// read twice would name all of its own.
const mostTwice = 5

// reportVerbFlags are the flags of report.
type reportVerbFlags struct {
	reportFlags
	colorFlag
	schema bool
}

func newReport(p *process) *cobra.Command {
	f := &reportVerbFlags{}
	cmd := &cobra.Command{
		Use:   "report RESULTS… [flags]",
		Short: "Render or merge the results of earlier runs",
		Long: "Reads results that run --report json=FILE wrote, several as the parts of one run,\n" +
			"and shows them, or writes them in other formats. - is standard input.\n\n" +
			"Exit status: as that of the run; 2 where a file cannot be read or nothing is in\n" +
			"them, 3 where all passed and a part is missing.",
		Example: "  smtplay report results.json\n  smtplay report results.json --report html=report.html\n" +
			"  smtplay report one.json two.json --report junit=report.xml --report json=all.json",
		DisableFlagsInUseLine: true,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"json"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(_ *cobra.Command, files []string) error { return f.run(p, files) },
	}
	f.register(cmd.Flags())
	return cmd
}

func (f *reportVerbFlags) register(fs *pflag.FlagSet) {
	fs.SortFlags = false
	f.reportFlags.register(fs)
	fs.BoolVar(&f.schema, "schema", false, "print the JSON Schema of results and events, and do nothing else")
	f.colorFlag.register(fs)
}

func (f *reportVerbFlags) run(p *process, files []string) error {
	if f.schema {
		if len(files) > 0 || len(f.asked) > 0 {
			return usage("--schema prints the schema, and takes no results")
		}
		_, err := io.WriteString(p.stdout, report.Schema)
		return err
	}
	if len(files) == 0 {
		return usage("report needs results to read").try("smtplay run --report json=FILE writes them")
	}
	reports, err := f.reports(p, false)
	if err != nil {
		return err
	}
	if reports.eventsAt != "" {
		return usage("--report %s: events are written as they happen, by run", report.EventsFormat)
	}
	isTerm, out := p.console(reports.onStdout())
	coloured, err := f.onto(p, isTerm)
	if err != nil {
		return err
	}
	runs, err := readResults(p, files)
	if err != nil {
		return err
	}
	merged, twice := report.Merge(runs...)
	empty := len(merged.Results) == 0 && merged.NotRun == 0
	if empty && len(merged.Shards) == 0 { // run writes none of a whole without a test
		return usage("there is no result in %s", report.Visible(strings.Join(files, ", ")))
	}
	if err := reports.probe(p); err != nil {
		return err
	}
	if empty {
		p.warn("there is no result in %s: a shard without a test has none, and nothing was judged", report.Visible(strings.Join(files, ", ")))
	}
	for i, t := range twice {
		if left := len(twice) - i; i == mostTwice && left > 1 {
			p.warn("%s more have several results, too", count(left, "test"))
			break
		}
		p.warn("%s has several results, in %s: each is counted", report.Visible(t.Test), namesOf(t.Files, files))
	}
	err = show(p, &report.Console{W: out, Color: coloured, Redact: p.redact}, merged, reports)
	return whole(p, merged, err)
}

// whole is what a run comes to of which parts may be missing: no pass, for what
// was not run has not passed. All that is there is shown, and written.
func whole(p *process, run *report.Run, err error) error {
	missing := run.Missing()
	switch {
	case len(missing) == 0:
		return err
	case err != nil:
		p.warn("there are no results of %s", shardsOf(missing))
		return err
	}
	return &fault{status: exitNoVerdict, msg: "there are no results of " + shardsOf(missing), hint: "give report the results of all parts of the run"}
}

// shardsOf names the first of several shards.
func shardsOf(all []suite.Shard) string {
	const most = 5
	var names []string
	for _, s := range all[:min(len(all), most)] {
		names = append(names, s.String())
	}
	what := "shard "
	if len(all) > 1 {
		what = "the shards "
	}
	if left := len(all) - len(names); left > 0 {
		names = append(names, "…")
	}
	return what + strings.Join(names, ", ")
}

// readResults reads all files, and says which of them cannot be read.
func readResults(p *process, files []string) ([]*report.Run, error) {
	var runs []*report.Run
	hint := ""
	for _, file := range files {
		run, err := readResult(p, file)
		if err == nil {
			runs = append(runs, run)
			continue
		}
		var bad *report.ReadError
		if errors.As(err, &bad) && bad.Hint != "" {
			hint = bad.Hint
		}
		p.complain(report.Visible(err.Error()), "")
	}
	if n := len(files) - len(runs); n > 0 {
		return nil, &fault{status: exitUsage, msg: count(n, "file") + " cannot be read", hint: hint}
	}
	return runs, nil
}

func readResult(p *process, file string) (*report.Run, error) {
	if file == "-" {
		return report.ReadJSON("standard input", p.stdin)
	}
	in, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, cause(err))
	}
	defer in.Close()
	if info, err := in.Stat(); err == nil && info.IsDir() {
		return nil, &fs.PathError{Op: "read", Path: file, Err: errors.New("it is a folder")}
	}
	return report.ReadJSON(file, in)
}

// show shows a run of earlier on, and writes reports of it.
func show(p *process, console *report.Console, run *report.Run, reports *reports) error {
	tests := make([]suite.Test, len(run.Results))
	for i, r := range run.Results {
		tests[i] = r.Test
	}
	console.Names = report.NameWidth(tests)
	resume := quietCommands(p, console.W)
	for _, r := range run.Results {
		console.Result(r) // what goes wrong here standard output remembers
	}
	hide := p.redact.String
	about := *run
	about.Results, about.Server = nil, hide(run.Server)
	about.Targets = nil
	for _, t := range run.Targets {
		about.Targets = append(about.Targets, report.Target{Name: hide(t.Name), Address: hide(t.Address)})
	}
	if err := reports.begin(p, about, p.redact, len(tests)); err != nil {
		return err
	}
	for _, r := range run.Results {
		reports.add(r)
	}
	unwritten := reports.write(p)
	console.Flaky(run.Flaky())
	resume(&reports.run)
	console.Summary(run.Counts(), run.Seconds)
	return conclusion(p, run, run.Counts(), unwritten)
}

// namesOf are the files of those numbers, each once.
func namesOf(numbers []int, files []string) string {
	var names []string
	for i, n := range numbers {
		if i == 0 || numbers[i-1] != n {
			names = append(names, files[n])
		}
	}
	return strings.Join(names, ", ")
}
