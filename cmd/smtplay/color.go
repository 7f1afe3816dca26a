package main

import (
	"slices"

	"github.com/spf13/pflag"
)

// colorFlag says whether results are coloured.
type colorFlag struct{ when string }

func (f *colorFlag) register(fs *pflag.FlagSet) {
	fs.StringVar(&f.when, "color", "auto", "`WHEN`: auto, always or never (default auto: on a terminal, without NO_COLOR)")
}

// on decides for standard output.
func (f *colorFlag) on(p *process) (bool, error) { return f.onto(p, p.outIsTerm) }

// onto decides for what is a terminal or is none. NO_COLOR counts where it is set
// and not empty (no-color.org).
func (f *colorFlag) onto(p *process, isTerm bool) (bool, error) {
	if !slices.Contains([]string{"auto", "always", "never"}, f.when) {
		return false, usage("--color is auto, always or never, not %q", f.when)
	}
	auto := isTerm && p.env["NO_COLOR"] == "" && p.env["TERM"] != "dumb"
	return f.when == "always" || f.when == "auto" && auto, nil
}
