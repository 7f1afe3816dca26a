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

// on decides. NO_COLOR counts where it is set and not empty (no-color.org).
func (f *colorFlag) on(p *process) (bool, error) {
	if !slices.Contains([]string{"auto", "always", "never"}, f.when) {
		return false, usage("--color is auto, always or never, not %q", f.when)
	}
	auto := p.outIsTerm && p.env["NO_COLOR"] == "" && p.env["TERM"] != "dumb"
	return f.when == "always" || f.when == "auto" && auto, nil
}
