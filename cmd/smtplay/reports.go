package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"smtplay/engine/report"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// reportFlags say which reports are written, and where.
type reportFlags struct{ asked []string }

func (f *reportFlags) register(fs *pflag.FlagSet) {
	fs.StringArrayVar(&f.asked, "report", nil, "`FORMAT=FILE`: write a report, of any number; - is standard output; the formats are "+strings.Join(reportNames(), ", "))
}

// reportNames are the formats by which reports are asked for.
func reportNames() []string {
	var names []string
	for _, f := range report.Formats() {
		names = append(names, f.Name)
	}
	return append(names, report.EventsFormat)
}

// reports are the reports of one run. Without any, nothing is kept of results.
type reports struct {
	outputs  []reportOutput // but for events
	events   *report.Events // nil for none
	eventsAt string         // their file, "" for none
	file     *os.File       // nil where they go to standard output
	verdicts bool           // something else wants the results, without what was said
	mask     *report.Mask
	run      report.Run
}

type reportOutput struct {
	report.Format
	name string // "-" is standard output
}

// reports reads the flags. plugin says that standard output is taken already.
func (f *reportFlags) reports(p *process, plugin bool) (*reports, error) {
	r := &reports{verdicts: plugin || inActions(p)}
	at := map[string]string{}
	for _, given := range f.asked {
		name, file, ok := strings.Cut(given, "=")
		if !ok || file == "" {
			return nil, usage("--report is written FORMAT=FILE: junit=report.xml, or html=- for standard output").
				try("the formats are %s", strings.Join(reportNames(), ", "))
		}
		format, known := report.FormatNamed(name)
		if !known && name != report.EventsFormat {
			unknown := usage("there is no report %q", name)
			if near := nearest(name, reportNames()); near != "" {
				return nil, unknown.try("did you mean %s?", near)
			}
			return nil, unknown.try("the formats are %s", strings.Join(reportNames(), ", "))
		}
		place := whereTo(file)
		if other, taken := at[place]; taken {
			return nil, usage("--report: %s and %s would both be written to %s", other, name, file)
		}
		if at[place] = name; file == "-" && plugin {
			return nil, usage("--report %s: standard output is taken by --format %s", given, formatPlugin)
		}
		if known {
			r.outputs = append(r.outputs, reportOutput{format, file})
		} else if r.eventsAt != "" {
			return nil, usage("--report: events are written once, to %s or to %s", r.eventsAt, file)
		} else {
			r.eventsAt = file
		}
	}
	return r, nil
}

// whereTo is a file's name in a form that is the same for the same file.
func whereTo(file string) string {
	if abs, err := filepath.Abs(file); err == nil && file != "-" {
		file = abs
	}
	if real, err := filepath.EvalSymlinks(file); err == nil {
		file = real
	}
	return file
}

// onStdout says whether a report goes to standard output, so that what is shown
// to people goes to standard error.
func (r *reports) onStdout() bool {
	for _, o := range r.outputs {
		if o.name == "-" {
			return true
		}
	}
	return r.eventsAt == "-"
}

// probe finds out whether the reports can be written, before anything is sent.
func (r *reports) probe(p *process) error {
	names := []string{r.eventsAt}
	for _, o := range r.outputs {
		names = append(names, o.name)
	}
	for _, name := range names {
		if info, err := os.Stat(name); name == "" || name == "-" || err == nil && !info.Mode().IsRegular() && !info.IsDir() {
			continue // to open a pipe is to wait for whoever reads it
		}
		out, err := create(p, "--report", name, nil)
		if err != nil {
			return err
		}
		out.discard()
	}
	return nil
}

// begin is told what is about to be run, and begins to tell of events.
func (r *reports) begin(p *process, run report.Run, redact *transcript.Redactor, tests int) error {
	r.run, r.mask = run, &report.Mask{Redact: redact}
	if r.eventsAt == "" {
		return nil
	}
	r.events = &report.Events{W: p.stdout, Mask: r.mask}
	if r.eventsAt != "-" {
		var err error
		if r.file, err = os.OpenFile(r.eventsAt, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666); err != nil {
			return usage("--report: %s: %v", r.eventsAt, cause(err))
		}
		r.events.W = r.file
	}
	r.events.Begin(&r.run, tests)
	return nil
}

// live is who wants to know what happens as it does, nil for nobody.
func (r *reports) live() func(suite.Test) transcript.Recorder {
	if r.events == nil {
		return nil
	}
	return r.events.For
}

// add keeps a result, as much of it as is wanted.
func (r *reports) add(result suite.Result) {
	switch {
	case len(r.outputs) == 0 && !r.verdicts && r.events == nil:
		return
	case len(r.outputs) == 0:
		result.Events, result.Difference = nil, nil
	}
	r.run.Results = append(r.run.Results, r.mask.Result(result))
}

// write writes the reports, says which cannot be written, and returns how many
// those are.
func (r *reports) write(p *process) (failed int) {
	complain := func(name string, err error) {
		failed++
		if f := (*fault)(nil); errors.As(err, &f) {
			err = errors.New(strings.TrimPrefix(f.msg, "--report: "+name+": ")) // of create, which speaks of a flag
		}
		p.complain(fmt.Sprintf("the report %s could not be written: %v", name, cause(err)), "")
	}
	if r.events != nil {
		r.events.End(&r.run)
		err := r.events.Err()
		if r.file != nil {
			err = errors.Join(err, r.file.Close())
		}
		if err != nil && r.eventsAt != "-" { // of standard output it is said elsewhere
			complain(r.eventsAt, err)
		}
	}
	for _, o := range r.outputs {
		if err := o.write(p, &r.run); err != nil && o.name != "-" {
			complain(o.name, err)
		}
	}
	return failed
}

// write writes one report. Its file takes its name when all of it is there.
func (o reportOutput) write(p *process, run *report.Run) error {
	out, err := create(p, "--report", o.name, nil)
	if err != nil {
		return err
	}
	defer out.discard()
	if err := o.Write(out, run); err != nil {
		return err
	}
	return out.keep()
}

// also is two that want to know what happens. Either may be nil.
func also(a, b func(suite.Test) transcript.Recorder) func(suite.Test) transcript.Recorder {
	if a == nil {
		return b
	}
	if b == nil {
		return a
	}
	return func(t suite.Test) transcript.Recorder { return recorders{a(t), b(t)} }
}

// recorders get the same events. They are a suite.Ender for those that are.
type recorders []transcript.Recorder

// Record implements transcript.Recorder.
func (r recorders) Record(e transcript.Event) {
	for _, next := range r {
		next.Record(e)
	}
}

// Ended implements suite.Ender.
func (r recorders) Ended(result *suite.Result) {
	for _, next := range r {
		if e, ok := next.(suite.Ender); ok {
			e.Ended(result)
		}
	}
}
