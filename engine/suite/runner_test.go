package suite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// script is a suite.Script whose tests are functions.
type script struct {
	name  string
	tests []suite.Declared
	run   func(ctx context.Context, test string, run *suite.Run) suite.Verdict
	err   error
}

func (s *script) Name() string { return s.name }

func (s *script) Tests(context.Context, *suite.Env) ([]suite.Declared, error) { return s.tests, s.err }

func (s *script) Run(ctx context.Context, _ *suite.Env, run *suite.Run) suite.Verdict {
	return s.run(ctx, s.tests[run.Index].Name, run)
}

// of is a script with the tests named, each of which comes to what run says.
func of(run func(ctx context.Context, test string, run *suite.Run) suite.Verdict, names ...string) *script {
	s := &script{name: "a.lua", run: run}
	for _, n := range names {
		s.tests = append(s.tests, suite.Declared{Name: n})
	}
	return s
}

func passed() suite.Verdict { return suite.Verdict{Outcome: suite.Passed} }

func failed(what string) suite.Verdict {
	return suite.Verdict{Outcome: suite.Failed, Failure: &suite.Failure{What: what}}
}

// byName fails, skips, … where the test's name says so.
func byName(_ context.Context, test string, _ *suite.Run) suite.Verdict {
	switch {
	case strings.HasPrefix(test, "fail"):
		return failed(test)
	case strings.HasPrefix(test, "error"):
		return suite.Verdict{Outcome: suite.Errored, Failure: &suite.Failure{What: test}}
	case strings.HasPrefix(test, "skip"):
		return suite.Verdict{Outcome: suite.Skipped, Reason: test}
	case strings.HasPrefix(test, "silent"):
		return suite.Verdict{}
	}
	return passed()
}

// run plans and runs, and returns the results.
func run(t *testing.T, ctx context.Context, r *suite.Runner, scripts ...suite.Script) []suite.Result {
	t.Helper()
	env := &suite.Env{Redact: &transcript.Redactor{}}
	tests, err := r.Plan(ctx, env, scripts)
	if err != nil {
		t.Fatal(err)
	}
	var results []suite.Result
	r.Run(ctx, env, tests, func(res suite.Result) { results = append(results, res) })
	return results
}

// told is each result as "name outcome runs/bad".
func told(results []suite.Result) string {
	var all []string
	for _, r := range results {
		all = append(all, fmt.Sprintf("%s %v %d/%d", r.Name, r.Outcome, r.Runs, r.Bad))
	}
	return strings.Join(all, ", ")
}

func TestOutcomes(t *testing.T) {
	for _, tt := range []struct {
		r     suite.Runner
		names []string
		want  string
		why   string
	}{
		{suite.Runner{}, []string{"a", "fail", "skip", "error"}, "a passed 1/0, fail failed 1/1, skip skipped 1/0, error error 1/1", "one after the other"},
		{suite.Runner{}, nil, "", "nothing to run"},
		{suite.Runner{}, []string{"silent"}, "silent error 1/1", "no verdict is no pass"},
		{suite.Runner{NoSkip: true}, []string{"skip"}, "skip failed 1/1", "no test may be skipped"},
		{suite.Runner{Repeat: 3}, []string{"a", "fail"}, "a passed 3/0, fail failed 3/3", "repeats"},
		{suite.Runner{FailFast: true}, []string{"a", "fail", "b", "fail2"}, "a passed 1/0, fail failed 1/1", "the first failure ends it"},
		{suite.Runner{FailFast: true}, []string{"skip", "error", "b"}, "skip skipped 1/0, error error 1/1", "so does an error, not a skip"},
		{suite.Runner{FailFast: true}, []string{"silent", "b"}, "silent error 1/1", "and no verdict"},
		{suite.Runner{FailFast: true, NoSkip: true}, []string{"skip", "b"}, "skip failed 1/1", "and a skip that may not be"},
		{suite.Runner{FailFast: true, Repeat: 5}, []string{"fail", "b"}, "fail failed 1/1", "within the repeats"},
		{suite.Runner{Filter: regexp.MustCompile("^a.lua: b")}, []string{"a", "b", "b2"}, "b passed 1/0, b2 passed 1/0", "by the whole name"},
		{suite.Runner{Jobs: 1000}, []string{"a", "b"}, "a passed 1/0, b passed 1/0", "more workers than tests"},
	} {
		if got := told(run(t, context.Background(), &tt.r, of(byName, tt.names...))); got != tt.want {
			t.Errorf("got %s, want %s (%s)", got, tt.want, tt.why)
		}
	}
}

func TestOrder(t *testing.T) {
	var names []string
	for i := range 50 {
		names = append(names, fmt.Sprintf("t%02d", i))
	}
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int64
		s := of(func(_ context.Context, test string, run *suite.Run) suite.Verdict {
			n := now.Add(1)
			defer now.Add(-1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			time.Sleep(time.Duration(50-run.Index) * time.Second) // the later, the sooner done
			return passed()
		}, names...)
		var got []string
		for _, r := range run(t, context.Background(), &suite.Runner{Jobs: 4, Repeat: 2}, s) {
			got = append(got, r.Name)
			if r.Runs != 2 || r.Seconds != 2*float64(50-r.Index) {
				t.Errorf("%s: %d runs, %v s", r.Name, r.Runs, r.Seconds)
			}
		}
		if !slices.Equal(got, names) || most.Load() != 4 {
			t.Errorf("%d at once, in the order %q", most.Load(), got)
		}
	})
}

func TestResultsComeAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := of(func(_ context.Context, test string, run *suite.Run) suite.Verdict {
			time.Sleep(time.Minute)
			return passed()
		}, "a", "b", "c")
		r := &suite.Runner{}
		tests, _ := r.Plan(context.Background(), &suite.Env{}, []suite.Script{s})
		start, n := time.Now(), 0
		r.Run(context.Background(), &suite.Env{}, tests, func(suite.Result) {
			n++
			if took := time.Since(start); took != time.Duration(n)*time.Minute {
				t.Errorf("result %d after %v", n, took)
			}
		})
	})
}

func TestOncePerRun(t *testing.T) {
	s := of(byName, "a", "fail once", "b")
	s.tests[1].Once = true
	got := told(run(t, context.Background(), &suite.Runner{Repeat: 4, Jobs: 2}, s))
	if want := "a passed 4/0, fail once failed 1/1, b passed 4/0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// What a test holds no other has at the same time, nor a repeat of its own; the
// others go on beside it, and waiting is not of its time.
func TestHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		now, clashed := map[string]int{}, false
		s := of(nil, "a", "b", "c", "free")
		s.tests[0].Holds, s.tests[1].Holds, s.tests[2].Holds = []string{"mx", "lmtp", "mx"}, []string{"lmtp", "mx"}, []string{"mx"}
		s.run = func(ctx context.Context, _ string, run *suite.Run) suite.Verdict {
			mu.Lock()
			for _, name := range slices.Compact(slices.Sorted(slices.Values(s.tests[run.Index].Holds))) {
				now[name]++
				clashed = clashed || now[name] > 1
				defer func() { mu.Lock(); now[name]--; mu.Unlock() }()
			}
			mu.Unlock()
			time.Sleep(time.Minute)
			if ctx.Err() != nil {
				return failed("its time was over")
			}
			return passed()
		}
		start := time.Now()
		results := run(t, context.Background(), &suite.Runner{Jobs: 8, Repeat: 2, TestTimeout: 90 * time.Second}, s)
		if want := "a passed 2/0, b passed 2/0, c passed 2/0, free passed 2/0"; told(results) != want || clashed {
			t.Errorf("got %s, want %s; two at once: %v", told(results), want, clashed)
		}
		if took := time.Since(start); took != 6*time.Minute {
			t.Errorf("it took %v, want 6m: the six that hold mx one after the other", took)
		}
	})
}

func TestGravestRun(t *testing.T) {
	for _, tt := range []struct{ runs, want, what, why string }{
		{"pass pass", "passed 2/0", "", "all passed"},
		{"pass fail1 pass fail2", "failed 4/2", "fail1", "the first that failed"},
		{"error1 fail2 error3", "failed 3/3", "fail2", "a failure says more than an error"},
		{"error1 pass error2", "error 3/2", "error1", "an error more than a pass"},
		{"skip pass", "skipped 2/0", "", "what was skipped once was not passed"},
		{"pass skip", "skipped 2/0", "", "in any order"},
		{"skip error1", "error 2/1", "error1", "an error more than a skip"},
		{"silent pass", "error 2/1", "internal fault: the test came to no verdict", "no verdict is an error"},
	} {
		runs := strings.Fields(tt.runs)
		n := 0
		s := of(func(ctx context.Context, _ string, run *suite.Run) suite.Verdict {
			n++
			run.Log.Record(transcript.Event{Conn: 1, Kind: transcript.Note, Data: []byte(runs[n-1])})
			return byName(ctx, runs[n-1], run)
		}, "t")
		res := run(t, context.Background(), &suite.Runner{Repeat: len(runs)}, s)
		what := ""
		if res[0].Failure != nil {
			what = res[0].Failure.What
		}
		if got := told(res); got != "t "+tt.want || what != tt.what {
			t.Errorf("%s: got %s, %q, want %s, %q (%s)", tt.runs, got, what, tt.want, tt.what, tt.why)
		}
		if note := string(res[0].Events[0].Data); tt.what != "" && !strings.Contains(tt.what, "fault") && note != tt.what {
			t.Errorf("%s: the conversation told of is that of %s (%s)", tt.runs, note, tt.why)
		}
	}
}

func TestFailFastDiscards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := of(func(ctx context.Context, test string, _ *suite.Run) suite.Verdict {
			switch test {
			case "quick":
				time.Sleep(time.Second)
				return passed()
			case "fails":
				time.Sleep(2 * time.Second)
				return failed("it")
			}
			<-ctx.Done() // and what it says then is not its own doing
			return failed("stopped")
		}, "quick", "slow", "fails", "late")
		start := time.Now()
		got := told(run(t, context.Background(), &suite.Runner{Jobs: 3, FailFast: true}, s))
		if want := "quick passed 1/0, fails failed 1/1"; got != want || time.Since(start) != 2*time.Second {
			t.Errorf("got %s after %v, want %s", got, time.Since(start), want)
		}
	})
}

func TestInterrupt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(context.Background())
		time.AfterFunc(90*time.Second, func() { cancel(suite.ErrInterrupted) })
		s := of(func(ctx context.Context, _ string, _ *suite.Run) suite.Verdict {
			select {
			case <-time.After(time.Minute):
				return passed()
			case <-ctx.Done():
				return suite.Verdict{Outcome: suite.Errored, Failure: &suite.Failure{What: context.Cause(ctx).Error()}}
			}
		}, "a", "b", "c")
		res := run(t, ctx, &suite.Runner{}, s)
		if got := told(res); got != "a passed 1/0, b error 1/1" || res[1].Failure.What != "interrupted" {
			t.Errorf("got %s", got)
		}
		if got := told(run(t, ctx, &suite.Runner{Jobs: 2}, s)); got != "" {
			t.Errorf("a run that is over from the start: %s", got)
		}
	})
}

func TestWorkersAndLive(t *testing.T) {
	var mu sync.Mutex
	live := map[string]int{}
	kept := map[*suite.Worker]int{}
	s := of(func(_ context.Context, test string, run *suite.Run) suite.Verdict {
		n, _ := run.Worker.Kept.(int)
		run.Worker.Kept = n + 1 // nobody else's: no lock
		mu.Lock()
		kept[run.Worker] = n + 1
		mu.Unlock()
		run.Log.Redactor.AddSeen("p", "hunter2")
		run.Log.Record(transcript.Event{Conn: 1, Kind: transcript.Note, Data: []byte("hunter2")})
		return passed()
	}, "a", "b", "c", "d")
	r := &suite.Runner{Jobs: 3, Repeat: 10, Live: func(t suite.Test) transcript.Recorder {
		return recorder(func(e transcript.Event) {
			mu.Lock()
			defer mu.Unlock()
			live[t.String()+" "+string(e.Data)]++
		})
	}}
	run(t, context.Background(), r, s)
	total := 0
	for _, n := range kept {
		total += n
	}
	if total != 40 || len(kept) > 3 || live["a.lua: c [secret:p]"] != 10 || len(live) != 4 {
		t.Errorf("%d runs by %d workers, seen %v", total, len(kept), live)
	}
}

type recorder func(transcript.Event)

func (r recorder) Record(e transcript.Event) { r(e) }

func TestPlanErrors(t *testing.T) {
	good, one, two := of(byName, "a"), of(byName), of(byName)
	one.err, two.err = errors.New("one"), os.ErrNotExist
	tests, err := (&suite.Runner{}).Plan(context.Background(), &suite.Env{}, []suite.Script{one, good, two})
	if len(tests) != 1 || !errors.Is(err, one.err) || !errors.Is(err, two.err) {
		t.Errorf("%v, %v", tests, err)
	}
}

// A worker uses its log again; what is told of a run is still that run's.
func TestKeptTranscripts(t *testing.T) {
	var runs atomic.Int32
	s := of(func(_ context.Context, test string, run *suite.Run) suite.Verdict {
		n := runs.Add(1)
		run.Log.Redactor.Add("own", fmt.Sprintf("secret-%d", n))
		run.Log.Record(transcript.Event{Conn: 1, Kind: transcript.Note, Data: fmt.Appendf(nil, "%s %d secret-%d secret-%d", test, n, n, n-1)})
		if n == 3 {
			return failed("third")
		}
		return passed()
	}, "a", "b")
	var got []string
	for _, r := range run(t, t.Context(), &suite.Runner{Repeat: 5}, s) {
		for _, e := range r.Events {
			got = append(got, string(e.Data))
		}
	}
	want := []string{"a 3 [secret:own] secret-2", "b 6 [secret:own] secret-5"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q: neither the events nor the secrets of another run", got, want)
	}
}

// watcher is a recorder that is told what its run came to.
type watcher struct {
	transcript.Recorder
	ended func(*suite.Result)
}

func (w watcher) Ended(r *suite.Result) { w.ended(r) }

// Each run of a test tells its own recorder how it ended, once, a run that could
// not begin as well.
func TestEnded(t *testing.T) {
	var mu sync.Mutex
	var told []string
	live := func(test suite.Test) transcript.Recorder {
		return watcher{&transcript.Log{}, func(r *suite.Result) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, test.Name+" "+r.Outcome.String())
		}}
	}
	for _, tt := range []struct {
		runner suite.Runner
		want   string
		why    string
	}{
		{suite.Runner{Repeat: 2}, "error error,error error,fail failed,fail failed,pass passed,pass passed,skip skipped,skip skipped", "each run"},
		{suite.Runner{NoSkip: true}, "error error,fail failed,pass passed,skip failed", "what it came to in the end"},
		{suite.Runner{Record: "/dev/null/nowhere"}, "error error,fail error,pass error,skip error", "no transcript, no run"},
	} {
		told = nil
		tt.runner.Live, tt.runner.Jobs = live, 3
		run(t, t.Context(), &tt.runner, of(byName, "pass", "fail", "skip", "error"))
		slices.Sort(told)
		if got := strings.Join(told, ","); got != tt.want {
			t.Errorf("%s, want %s (%s)", got, tt.want, tt.why)
		}
	}
}

// A run that was cut short because another failed came to nothing of its own.
func TestEndedCutShort(t *testing.T) {
	begun := make(chan struct{})
	s := of(func(ctx context.Context, test string, run *suite.Run) suite.Verdict {
		if test == "fail" {
			<-begun
			return failed("it")
		}
		close(begun)
		<-ctx.Done()
		return suite.Verdict{Outcome: suite.Errored, Failure: &suite.Failure{What: "stopped"}}
	}, "slow", "fail")
	var mu sync.Mutex
	var told []string
	r := &suite.Runner{Jobs: 2, FailFast: true, Live: func(test suite.Test) transcript.Recorder {
		return watcher{&transcript.Log{}, func(*suite.Result) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, test.Name)
		}}
	}}
	run(t, t.Context(), r, s)
	if !slices.Equal(told, []string{"fail"}) {
		t.Errorf("told of %q", told)
	}
}
