package main

import (
	"os"

	"smtplay/engine/report"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// recordSeed is the seed of random numbers where transcripts are to be compared:
// what differs should be the server's doing.
const recordSeed = 1

// compareWith makes the runner compare with the baseline that the flags name.
func (f *runFlags) compareWith(r *suite.Runner) error {
	if f.against == "" {
		if len(f.given) > 0 {
			return usage("--mask goes with --against: without it nothing is compared")
		}
		return nil
	}
	info, err := os.Stat(f.against)
	switch {
	case err != nil:
		return usage("--against %s: %v", f.against, cause(err)).try("run --record %s writes the transcripts to compare with", f.against)
	case !info.IsDir():
		return usage("--against %s: it is no folder", f.against)
	}
	if f.record != "" {
		if to, err := os.Stat(f.record); err == nil && os.SameFile(info, to) {
			return usage("--record would overwrite the transcripts that --against compares with").
				try("record into another folder; smtplay diff --accept %s OTHER takes that as the baseline", f.against)
		}
	}
	r.Against = &suite.Baseline{Dir: f.against}
	return nil
}

// baselines finds the masks that count for each script, and reads the
// transcripts that the run needs, or would overwrite: nothing is sent where one
// of them is damaged.
func (f *runFlags) baselines(p *process, r *suite.Runner, env *suite.Env, tests []suite.Test, paths []string) error {
	if r.Against != nil {
		masks, err := f.masks()
		if err != nil {
			return err
		}
		var roots []string
		for _, path := range paths {
			roots = append(roots, folderOf(path))
		}
		byScript := map[string]transcript.Masks{}
		for _, t := range tests {
			if byScript[t.Script.Name()], err = masks.of(foldersAbove(t.Script.Name(), roots...)); err != nil {
				return err
			}
		}
		r.Against.Masks = func(t suite.Test) transcript.Masks { return byScript[t.Script.Name()] }
	}
	faults := apart(r.Check(tests, env))
	for _, err := range faults {
		p.complain(report.Visible(err.Error()), "")
	}
	msg := usage("%s cannot be read: nothing was sent", count(len(faults), "transcript"))
	switch {
	case len(faults) == 0:
		return nil
	case f.against == "":
		return msg.try("--record does not overwrite what it cannot read: remove it, or record into another folder")
	}
	return msg.try("smtplay diff --accept %s OTHER puts those of another run in their place", f.against)
}
