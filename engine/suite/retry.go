package suite

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"smtplay/engine/transcript"
)

// Attempt is a run of a test that went wrong and was tried again.
type Attempt struct {
	Verdict
	Seconds float64
	Events  []transcript.Event // of the first attempt only
	Dropped int                // older events that were not kept
	Record  string             // its transcript's file, "" where none was asked for
}

// settle runs a test one time, and again while it goes wrong and there are
// attempts left. Only a pass makes good what went wrong before, and it is
// flaky: after a skip, or where the run is stopped, the first failure stands, and
// after an error what an attempt before it said of the server.
func (r *Runner) settle(ctx context.Context, env *Env, s *slot, run int, worker *Worker) *Result {
	r.clean(s, run)
	result := r.once(ctx, env, s, run, 1, worker)
	if s.test.Once || r.Retries <= 0 {
		return result
	}
	return r.retry(ctx, env, s, run, worker, result)
}

// retry is what settle does after the first attempt. It takes a stack of its own
// kind: thousands may wait inside the first, each on one.
func (r *Runner) retry(ctx context.Context, env *Env, s *slot, run int, worker *Worker, result *Result) *Result {
	var gone []Attempt
	for result.Outcome.bad() && len(gone) < r.Retries && ctx.Err() == nil {
		attempt := Attempt{Verdict: result.Verdict, Seconds: result.Seconds, Record: result.Record}
		if err := attempt.setAside(len(gone) + 1); err != nil {
			result.unrecorded(err)
			break
		}
		if len(gone) == 0 {
			attempt.Events, attempt.Dropped = worker.log.Events()
			worker.log = nil
		}
		gone = append(gone, attempt)
		result = r.once(ctx, env, s, run, len(gone)+1, worker)
	}
	if len(gone) == 0 {
		return result
	}
	seconds := result.Seconds
	for _, a := range gone {
		seconds += a.Seconds
	}
	first := gone[0]
	switch {
	case result.Outcome == Passed:
		result.Flaky = true
		if r.NoFlaky {
			result.flaky(first, len(gone)+1)
			worker.log = nil
		}
	case result.Outcome == Skipped, ctx.Err() != nil:
		*result = first.result(s.test)
		worker.log = nil
	case result.Outcome != Failed:
		if i := slices.IndexFunc(gone, func(a Attempt) bool { return a.Outcome == Failed }); i >= 0 {
			*result = gone[i].result(s.test)
			worker.log = nil
		}
	}
	result.Attempts, result.Seconds = gone, seconds
	return result
}

// result is a test that came to what the attempt came to.
func (a *Attempt) result(t Test) Result {
	return Result{Test: t, Verdict: a.Verdict, Events: a.Events, Dropped: a.Dropped, Record: a.Record}
}

// flaky makes a failure of a pass that came late, where none may.
func (r *Result) flaky(first Attempt, attempts int) {
	r.Outcome = Failed
	r.Failure = &Failure{What: fmt.Sprintf("passed at attempt %d only, and no test may be flaky", attempts)}
	if first.Failure != nil {
		r.Failure.Pos, r.Failure.Source, r.Failure.Conn = first.Failure.Pos, first.Failure.Source, first.Failure.Conn
		r.Extra = append([]*Failure{first.Failure}, r.Extra...)
	}
	r.Events, r.Dropped, r.Record = first.Events, first.Dropped, first.Record
}

// setAside gives the transcript of an attempt that went wrong another name: the
// test's own name belongs to the attempt that counts.
func (a *Attempt) setAside(n int) error {
	if a.Record == "" {
		return nil
	}
	to := failedPath(a.Record, n)
	if err := os.Rename(a.Record, to); err != nil {
		return err
	}
	a.Record = to
	return nil
}

// failedPath is where the transcript of failed attempt n lies. No name of a test
// has a ~ in it.
func failedPath(record string, n int) string {
	return fmt.Sprintf("%s~failed%d.smtp", strings.TrimSuffix(record, ".smtp"), n)
}

// clean removes what an earlier run left of its failed attempts: it is not this
// run's.
func (r *Runner) clean(s *slot, run int) {
	if r.Record == "" {
		return
	}
	record := recordPath(filepath.Join(r.Record, s.record), run)
	for n := 1; os.Remove(failedPath(record, n)) == nil; n++ {
	}
}
