package suite

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"smtplay/engine/transcript"
)

// once runs a test one time. The result lies with the worker: thousands may wait in here, each on a stack of its own.
func (r *Runner) once(ctx context.Context, env *Env, s *slot, run, attempt int, worker *Worker) *Result {
	if r.Watch != nil {
		defer r.Watch(s.test)()
	}
	log := worker.transcript()
	log.Redactor = &transcript.Redactor{Parent: env.Redact}
	worker.last = Result{}
	result := &worker.last
	result.Test = s.test
	if r.Live != nil {
		live := r.Live(s.test)
		log.Next = append(log.Next, live)
		if attempt > 1 { // the transcript itself does not say so: it is compared
			live.Record(transcript.Event{Conn: 1, Kind: transcript.Note, Time: time.Now(), Data: fmt.Appendf(nil, "attempt %d", attempt)})
		}
		if live, ok := live.(Ender); ok {
			defer func() {
				if context.Cause(ctx) != errStopped { // else what the run came to is not its own doing
					live.Ended(result)
				}
			}()
		}
	}
	var file *recordFile
	if r.Record != "" {
		var err error
		if file, err = openRecord(recordPath(filepath.Join(r.Record, s.record), run)); err != nil {
			result.unrecorded(err)
			return result
		}
		log.Next = append(log.Next, file)
		result.Record = file.path
	}
	var tape *transcript.Tape
	if r.Against != nil {
		tape = &transcript.Tape{}
		log.Next = append(log.Next, tape)
	}
	bounded, stop := worker.time.begin(ctx, r.TestTimeout)
	start := time.Now()
	result.play(bounded, env, s.test.Script, &Run{Index: s.test.Index, Name: s.test.Name, Log: log, Extend: worker.time.extend, Stop: stop, Worker: worker, Pause: r.Pause})
	result.Seconds = time.Since(start).Seconds()
	worker.time.end()
	result.noteSkip(log)
	if r.NoSkip && result.Outcome == Skipped {
		result.Outcome = Failed
		result.Failure = &Failure{Pos: result.Pos, What: "skipped, and no test may be: " + result.Reason}
	}
	if file != nil {
		if err := file.close(); err != nil {
			result.unrecorded(err)
		}
	}
	if tape != nil && context.Cause(ctx) == nil {
		r.Against.judge(result, r.Against.file(s.record, run), tape)
	}
	return result
}

// noteSkip says in the transcript of a skipped test, which ends early, why it
// does, and that nothing was judged.
func (v *Verdict) noteSkip(log *transcript.Log) {
	if v.Outcome == Skipped {
		log.Record(transcript.Event{Conn: 1, Kind: transcript.Note, Time: time.Now(), Data: []byte("skipped: " + v.Reason)})
	}
}

// transcript is an empty log, the last one where nobody kept what was in it.
func (w *Worker) transcript() *transcript.Log {
	if w.log == nil {
		w.log = &transcript.Log{}
	} else {
		w.log.Reset()
	}
	return w.log
}

// unrecorded: a test whose transcript was asked for and cannot be written did
// not pass.
func (v *Verdict) unrecorded(err error) { v.unjudged("the transcript could not be written: ", err) }

// unjudged: what was asked for of a test could not be done. What else it came to
// stands.
func (v *Verdict) unjudged(what string, err error) {
	f := &Failure{What: what + err.Error()}
	if v.Outcome.gravity() <= Skipped.gravity() || v.Failure == nil {
		v.Outcome, v.Failure = Errored, f
		return
	}
	v.Extra = append(v.Extra, f)
}

// play runs the test of a script. That it panics, or says nothing, is a fault
// inside smtplay: no verdict for this test, and no harm to the others.
func (v *Verdict) play(ctx context.Context, env *Env, script Script, run *Run) {
	defer func() {
		if fault := recover(); fault != nil {
			what := fmt.Sprintf("internal fault%s: %v", faultPlace(), fault)
			*v = Verdict{Outcome: Errored, Failure: &Failure{What: run.Log.Redactor.String(what)}}
		} else if v.Outcome == 0 {
			*v = Verdict{Outcome: Errored, Failure: &Failure{What: "internal fault: the test came to no verdict"}}
		}
	}()
	*v = script.Run(ctx, env, run)
}

// faultPlace is where the panic that is being recovered from began.
func faultPlace() string {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	panicking := false
	for f, more := frames.Next(); ; f, more = frames.Next() {
		switch {
		case f.Function == "runtime.gopanic":
			panicking = true
		case panicking && !strings.HasPrefix(f.Function, "runtime."):
			return fmt.Sprintf(" at %s:%d", filepath.Base(f.File), f.Line)
		}
		if !more {
			return ""
		}
	}
}

// clock bounds one run of a test at a time. What ends it can be put off. The
// zero value is ready.
type clock struct {
	mu     sync.Mutex
	start  time.Time
	limit  time.Duration
	cancel context.CancelCauseFunc // nil while nothing runs
	timer  *time.Timer             // kept from run to run
}

func (c *clock) begin(ctx context.Context, limit time.Duration) (context.Context, context.CancelCauseFunc) {
	if limit <= 0 {
		limit = DefaultTestTimeout
	}
	ctx, cancel := context.WithCancelCause(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.start, c.limit, c.cancel = time.Now(), limit, cancel
	if c.timer == nil {
		c.timer = time.AfterFunc(limit, c.ring)
	} else {
		c.timer.Reset(limit)
	}
	return ctx, cancel
}

// ring ends the run, unless it was put off just as its time ran out, or another
// one goes on by now.
func (c *clock) ring() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cancel != nil && time.Since(c.start) >= c.limit {
		c.cancel(fmt.Errorf("%w: more than %v", ErrTestTimeout, c.limit))
	}
}

// end is the end of the run.
func (c *clock) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timer.Stop()
	c.cancel(nil)
	c.cancel = nil
}

// extend gives the test more time.
func (c *clock) extend(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d > math.MaxInt64-c.limit {
		d = math.MaxInt64 - c.limit
	}
	c.limit += d
	c.timer.Reset(time.Until(c.start.Add(c.limit)))
}
