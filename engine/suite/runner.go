package suite

import (
	"context"
	"errors"
	"maps"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"smtplay/engine/transcript"
)

// DefaultTestTimeout bounds a test where the Runner does not say.
const DefaultTestTimeout = 15 * time.Minute

// ErrTestTimeout is the cause with which a test's context ends when it takes
// too long, ErrInterrupted when the whole run is stopped.
var (
	ErrTestTimeout = errors.New("the test took too long")
	ErrInterrupted = errors.New("interrupted")
	errStopped     = errors.New("stopped after the first failure")
)

// Test is one test of a script.
type Test struct {
	Script Script
	Name   string
	Index  int            // in its script
	Once   bool           // neither repeated nor tried again
	Holds  []string       // what it has to itself: see Declared
	Tags   []string       // in order
	Cells  []Cell         // where a matrix declared it: its place in the grid
	At     transcript.Pos // where it is declared: see Declared

	StandsFor StandsFor // why it is there in the place of others

	record string // its transcript below the folder for them, without the extension; "" where Plan did not see it
}

// String is the test as people name it: the script's path, and the test's own
// name where it has one.
func (t Test) String() string {
	if t.Name == t.Script.Name() {
		return t.Name
	}
	return t.Script.Name() + ": " + t.Name
}

// Runner runs tests. The zero value runs each once, one at a time. Live and the
// tests' scripts are called from several goroutines where Jobs allow.
type Runner struct {
	Jobs        int                            // tests at once; 0 is 1
	Repeat      int                            // runs of each test; 0 is 1
	FailFast    bool                           // stop after the first test that fails or ends in an error
	NoSkip      bool                           // a skipped test fails
	Retries     int                            // how often a run that goes wrong is tried again; 0 is never
	NoFlaky     bool                           // a test that passed only when it was tried again fails
	Filter      *regexp.Regexp                 // of the tests' names; nil takes all
	Tags        *TagExpr                       // of the tests' tags; nil takes all
	TestTimeout time.Duration                  // of one run of a test; 0 for the default
	Record      string                         // folder for the transcripts, "" for none
	Against     *Baseline                      // with what the transcripts are compared; nil for nothing
	Live        func(Test) transcript.Recorder // sees every event as it happens, and the end of a run where it is an Ender; nil for none
	Watch       func(Test) (done func())       // told when a run of a test begins, and when it ends; nil for nobody
	Pause       Pause                          // asked before each line that sends; nil for nobody
}

// Ender is a recorder of Runner.Live's that wants to know what its run of the
// test came to. Ended is called once, in the goroutine of the run, after its
// last event; the result is the runner's, and holds no events. It is not called
// for a run that was cut short because another test failed.
type Ender interface {
	transcript.Recorder
	Ended(*Result)
}

// Pause is asked before a line of a script sends. at and source are that line,
// with secrets masked. It returns when the line may be run, or why it may not:
// then the run is over.
type Pause func(ctx context.Context, at transcript.Pos, source string) error

// Plan lists the tests that a run would take, in order; one that stands for others
// is always among them, for they may be meant. Errors of several
// scripts are joined; where there is none, a tag that no test has is an
// *UnknownTagError.
func (r *Runner) Plan(ctx context.Context, env *Env, scripts []Script) ([]Test, error) {
	var tests []Test
	var errs []error
	for _, s := range scripts {
		names, err := s.Tests(ctx, env)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for i, d := range names {
			tests = append(tests, Test{Script: s, Name: d.Name, Index: i, Once: d.Once, Holds: d.Holds, Tags: d.Tags, Cells: d.Cells, At: d.At, StandsFor: d.StandsFor})
		}
	}
	known := map[string]bool{}
	// A transcript has the same name whatever part of the tests is run.
	for i, record := range recordNames(tests, env.Redact) {
		tests[i].record = record
		for _, tag := range tests[i].Tags {
			known[tag] = true
		}
	}
	if tag, unknown := r.Tags.unknown(known); unknown && len(errs) == 0 {
		return nil, &UnknownTagError{Tag: tag, Known: slices.Sorted(maps.Keys(known))}
	}
	tests = slices.DeleteFunc(tests, func(t Test) bool { return t.StandsFor == Itself && !r.Chooses(t) })
	return tests, errors.Join(errs...)
}

// Chooses says whether the runner's filter and tags are those of the test.
func (r *Runner) Chooses(t Test) bool {
	return (r.Filter == nil || r.Filter.MatchString(t.String())) && r.Tags.Match(t.Tags)
}

// Run runs the tests and yields their results in the order of the tests, each
// as soon as it and all before it are there. When ctx ends, running tests are
// stopped and the rest is left out.
func (r *Runner) Run(ctx context.Context, env *Env, tests []Test, yield func(Result)) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	board := newBoard(r, tests, env.Redact)
	var workers sync.WaitGroup
	for range min(max(1, r.Jobs), board.runs()) {
		workers.Go(func() {
			worker := &Worker{}
			for ctx.Err() == nil {
				slot, run, ok := board.next()
				if !ok {
					return
				}
				free := board.hold(slot.test.Holds)
				if ctx.Err() != nil {
					free()
					return
				}
				result := r.settle(ctx, env, slot, run, worker)
				free()
				if context.Cause(ctx) == errStopped {
					return // what this run came to is not its own doing
				}
				if bad := slot.add(result, worker); bad && r.FailFast {
					stop(errStopped)
				}
			}
		})
	}
	go func() {
		workers.Wait()
		board.close()
	}()
	for _, slot := range board.slots {
		if <-slot.finished; slot.result.Runs > 0 {
			yield(slot.result)
		}
	}
}

// board shares out the runs and gathers what they came to.
type board struct {
	slots []*slot
	at    atomic.Int64             // the slot from which runs are taken now
	held  map[string]chan struct{} // full while a run has it
}

type slot struct {
	test     Test
	record   string // its transcript below the folder for them, without the extension
	repeat   int64  // how often it is to be run
	taken    atomic.Int64
	mu       sync.Mutex
	result   Result
	finished chan struct{}
	once     sync.Once
}

func newBoard(r *Runner, tests []Test, hide *transcript.Redactor) *board {
	b := &board{held: map[string]chan struct{}{}}
	var records []string
	if slices.ContainsFunc(tests, func(t Test) bool { return t.record == "" }) {
		records = recordNames(tests, hide)
	}
	for i, t := range tests {
		record := t.record
		if records != nil {
			record = records[i]
		}
		repeat := int64(max(1, r.Repeat))
		if t.Once {
			repeat = 1
		}
		for _, name := range t.Holds {
			b.held[name] = make(chan struct{}, 1)
		}
		b.slots = append(b.slots, &slot{test: t, record: record, repeat: repeat, result: Result{Test: t}, finished: make(chan struct{})})
	}
	return b
}

// hold waits until a run has to itself what it holds, which is always taken in
// one order. The time of the run begins after that.
func (b *board) hold(names []string) (free func()) {
	if len(names) == 0 {
		return func() {}
	}
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	for _, name := range names {
		b.held[name] <- struct{}{}
	}
	return func() {
		for _, name := range names {
			<-b.held[name]
		}
	}
}

// runs is how many runs there are to share out.
func (b *board) runs() int {
	var n int64
	for _, s := range b.slots {
		n += s.repeat
	}
	return int(n)
}

// next takes the next run; ok is false when all are taken.
func (b *board) next() (s *slot, run int, ok bool) {
	for i := b.at.Load(); i < int64(len(b.slots)); i = b.at.Load() {
		s := b.slots[i]
		if n := s.taken.Add(1); n <= s.repeat {
			return s, int(n - 1), true
		}
		b.at.CompareAndSwap(i, i+1)
	}
	return nil, 0, false
}

// add adds one run of a worker's to a test's result and says whether it was a
// bad one. Only the run that is told of keeps its transcript.
func (s *slot) add(run *Result, worker *Worker) (bad bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	bad = run.Outcome.bad()
	run.Flaky = run.Flaky || s.result.Flaky
	if len(s.result.Attempts) > 0 {
		run.Attempts = s.result.Attempts
	}
	run.Runs, run.Bad, run.Seconds = s.result.Runs+1, s.result.Bad, s.result.Seconds+run.Seconds
	if s.result.Runs > 0 && run.Outcome.gravity() <= s.result.Outcome.gravity() {
		run.Verdict, run.Events, run.Dropped, run.Record = s.result.Verdict, s.result.Events, s.result.Dropped, s.result.Record
	} else if worker.log != nil {
		run.Events, run.Dropped = worker.log.Events()
		worker.log = nil
	}
	if bad {
		run.Bad++
	}
	s.result = *run
	if int64(run.Runs) == s.repeat {
		s.finish()
	}
	return bad
}

func (s *slot) finish() { s.once.Do(func() { close(s.finished) }) }

// close finishes what was not run to its end.
func (b *board) close() {
	for _, s := range b.slots {
		s.finish()
	}
}
