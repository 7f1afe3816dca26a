package suite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"smtplay/engine/transcript"
)

// Baseline is the transcripts of an earlier run, each of which is compared with
// that of the same test now.
type Baseline struct {
	Dir   string                      // where Runner.Record put them
	Masks func(Test) transcript.Masks // what changes from run to run; nil for the usual masks
}

// Difference is how a transcript differs from the one it was compared with.
type Difference struct {
	Before, After string              // what the two are called
	Changes       []transcript.Change // none: there was nothing to compare with
	Alone         bool                // nothing else was wrong
}

// file is the transcript with which one run of a test is compared: that of the
// same run, or else of the first.
func (b *Baseline) file(record string, run int) string {
	file := recordPath(filepath.Join(b.Dir, record), run)
	if _, err := os.Stat(file); run > 0 && errors.Is(err, fs.ErrNotExist) {
		return b.file(record, 0)
	}
	return file
}

// judge compares what was said in a run of a test with its baseline. A change
// fails the test. What came to no verdict is not compared.
func (b *Baseline) judge(r *Result, file string, tape *transcript.Tape) {
	if r.Outcome.gravity() == Errored.gravity() {
		return
	}
	d := &Difference{Before: file, After: r.Record}
	if d.After == "" {
		d.After = "this run"
	}
	before, err := transcript.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		r.change(d, &Failure{What: "there is no baseline for this test: " + file,
			Hint: "smtplay diff --accept takes the transcripts of a new run as the baseline"})
		return
	}
	now, whole := tape.Events()
	if err == nil && !whole {
		err = fmt.Errorf("the transcript of this run is larger than %d MB", transcript.MaxFile>>20)
	}
	if err != nil {
		r.unjudged("the transcript could not be compared: ", err)
		return
	}
	masks := transcript.UsualMasks
	if b.Masks != nil {
		masks = func() transcript.Masks { return b.Masks(r.Test) }
	}
	d.Changes = transcript.Comparison{Masks: masks()}.Diff(before, now)
	if n := len(d.Changes); n > 0 {
		r.change(d, &Failure{What: changed(n) + " since the baseline was recorded"})
	}
}

// change makes of a test what a change makes of it: it fails, though every
// expectation held.
func (r *Result) change(d *Difference, f *Failure) {
	r.Difference = d
	if r.Outcome == Failed {
		r.Extra = append(r.Extra, f)
		return
	}
	d.Alone = true
	r.Outcome, r.Failure = Failed, f
}

func changed(n int) string {
	if n == 1 {
		return "one thing changed"
	}
	return fmt.Sprintf("%d things changed", n)
}

// Check reads the transcripts that a run of the tests would compare with, and
// those in whose place it would record. Damaged ones are errors, joined: with
// the first nothing can be compared, and the others may be the only trace of
// what they were.
func (r *Runner) Check(tests []Test, env *Env) error {
	var errs []error
	check := func(file string) {
		if _, err := transcript.ReadFile(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	for _, s := range newBoard(r, tests, env.Redact).slots {
		for run := range int(s.repeat) {
			if r.Against != nil {
				if file := r.Against.file(s.record, run); run == 0 || file != r.Against.file(s.record, 0) {
					check(file)
				}
			}
			if r.Record == "" {
				continue
			}
			file := recordPath(filepath.Join(r.Record, s.record), run)
			if info, err := os.Stat(file); err == nil && info.Size() > 0 { // else there is nothing to lose
				check(file)
			}
		}
	}
	return errors.Join(errs...)
}
