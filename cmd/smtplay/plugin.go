package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/pflag"

	"smtplay/engine/report"
)

// The values of --format.
const (
	formatText   = "text"
	formatJSON   = "json" // of --list
	formatPlugin = "nagios"
)

// pluginFlag makes run a plugin of a monitoring system.
type pluginFlag struct {
	format string
	told   bool // the line was written
}

func (f *pluginFlag) register(fs *pflag.FlagSet) {
	fs.StringVar(&f.format, "format", formatText, "`FORMAT`: text; nagios for the one line and the exit status of a monitoring plugin; of --list, text or json (default text)")
}

// wanted says whether a command line that cannot be read asks for a plugin: to a
// monitoring system, the status of usage is one of a server that does wrong.
func (f *pluginFlag) wanted(args []string) bool {
	at := slices.Index(args, "--format")
	return slices.Contains(args, "--format="+formatPlugin) || at >= 0 && slices.Contains(args[at+1:min(at+2, len(args))], formatPlugin)
}

// check says whether the format is one of a run, or of the list of its tests.
func (f *pluginFlag) check(list bool) error {
	switch {
	case list && f.format != formatText && f.format != formatJSON:
		return usage("--format of --list is text or json, not %q", f.format)
	case !list && f.format == formatJSON:
		return usage("--format json goes with --list: it is the form of the list").try("--report json=FILE writes the results")
	case !list && f.format != formatText && f.format != formatPlugin:
		return usage("--format is text or nagios, not %q", f.format).try("--report writes other formats: --report junit=FILE")
	}
	return nil
}

// tell writes the line of a plugin, and ends with its status.
func (f *pluginFlag) tell(p *process, run *report.Run, unwritten int) error {
	line, status := report.Plugin(run)
	if status == report.PluginOK && unwritten > 0 {
		line, status = report.PluginLine(report.PluginUnknown, "all passed, and "+count(unwritten, "report")+" could not be written"), report.PluginUnknown
	}
	fmt.Fprintln(p.stdout, line)
	f.told = true
	return &fault{status: int(status)}
}

// asPlugin makes of a run that came to no result what a monitoring system
// understands.
func (f *pluginFlag) asPlugin(p *process, err error) error {
	if f.format != formatPlugin || f.told || err == nil {
		return err
	}
	says := "nothing was sent"
	if ft := (*fault)(nil); errors.As(err, &ft) && ft.msg != "" {
		says = ft.msg
	}
	fmt.Fprintln(p.stdout, report.PluginLine(report.PluginUnknown, p.redact.String(says)))
	if ft := (*fault)(nil); errors.As(err, &ft) {
		return &fault{status: int(report.PluginUnknown), msg: ft.msg, hint: ft.hint}
	}
	return &fault{status: int(report.PluginUnknown), msg: err.Error()}
}
