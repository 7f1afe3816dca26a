package suite_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// coming is a script whose tests come to one verdict after another, as their
// names say: "FP" fails, then passes. After the last they stay as they are.
func coming(names ...string) *script {
	var mu sync.Mutex
	runs := map[string]int{}
	return of(func(_ context.Context, test string, run *suite.Run) suite.Verdict {
		mu.Lock()
		n := runs[test]
		runs[test]++
		mu.Unlock()
		run.Log.Record(transcript.Event{Conn: 1, Kind: transcript.Note, Data: fmt.Appendf(nil, "run %d", n+1)})
		switch what := fmt.Sprintf("run %d", n+1); test[min(n, len(test)-1)] {
		case 'F':
			return failed(what)
		case 'E':
			return suite.Verdict{Outcome: suite.Errored, Failure: &suite.Failure{What: what}}
		case 'S':
			return suite.Verdict{Outcome: suite.Skipped, Reason: what}
		}
		return passed()
	}, names...)
}

func TestRetries(t *testing.T) {
	for _, tt := range []struct {
		r     suite.Runner
		test  string
		once  bool
		want  string
		flaky bool
		gone  int
		what  string // of the failure that is told of
		why   string
	}{
		{suite.Runner{}, "FP", false, "FP failed 1/1", false, 0, "run 1", "nobody asked for more attempts"},
		{suite.Runner{Retries: 1}, "P", false, "P passed 1/0", false, 0, "", "a pass is no matter of attempts"},
		{suite.Runner{Retries: 1}, "FP", false, "FP passed 1/0", true, 1, "", "a pass that came late is flaky"},
		{suite.Runner{Retries: 5}, "EFP", false, "EFP passed 1/0", true, 2, "", "as many as it takes, after an error too"},
		{suite.Runner{Retries: 2}, "FFFP", false, "FFFP failed 1/1", false, 2, "run 3", "but not more than that"},
		{suite.Runner{Retries: 2}, "FS", false, "FS failed 1/1", false, 1, "run 1", "a skip makes nothing good"},
		{suite.Runner{Retries: 1}, "FE", false, "FE failed 1/1", false, 1, "run 1", "that no connection could be made then takes back no failure"},
		{suite.Runner{Retries: 2}, "EFE", false, "EFE failed 1/1", false, 2, "run 2", "whichever attempt it was"},
		{suite.Runner{Retries: 2}, "EEE", false, "EEE error 1/1", false, 2, "run 3", "where none said anything of the server there is no verdict"},
		{suite.Runner{Retries: 2}, "S", false, "S skipped 1/0", false, 0, "", "a skip is not tried again"},
		{suite.Runner{Retries: 2, NoSkip: true}, "FS", false, "FS failed 1/1", false, 2, "skipped, and no test may be: run 3", "where none may skip either"},
		{suite.Runner{Retries: 2, NoFlaky: true}, "FP", false, "FP failed 1/1", true, 1, "passed at attempt 2 only", "no flaky test may pass"},
		{suite.Runner{Retries: 2, NoFlaky: true}, "P", false, "P passed 1/0", false, 0, "", "a sound one does"},
		{suite.Runner{Retries: 2}, "FP", true, "FP failed 1/1", false, 0, "run 1", "what may run once a run is not tried again"},
		{suite.Runner{Retries: 1, Repeat: 3}, "PFP", false, "PFP passed 3/0", true, 1, "", "one flaky run of several is told of"},
		{suite.Runner{Retries: 1, Repeat: 2}, "FPF", false, "FPF failed 2/1", true, 1, "run 4", "a failed one counts more"},
	} {
		s := coming(tt.test)
		s.tests[0].Once = tt.once
		res := run(t, context.Background(), &tt.r, s)
		if got := told(res); got != tt.want || res[0].Flaky != tt.flaky || len(res[0].Attempts) != tt.gone {
			t.Errorf("got %s, flaky %v, %d attempts, want %s, %v, %d (%s)", got, res[0].Flaky, len(res[0].Attempts), tt.want, tt.flaky, tt.gone, tt.why)
		}
		if tt.what != "" && (res[0].Failure == nil || !strings.Contains(res[0].Failure.What, tt.what)) {
			t.Errorf("tells of %v, want %q (%s)", res[0].Failure, tt.what, tt.why)
		}
		if tt.gone > 0 && len(res[0].Attempts[0].Events) == 0 {
			t.Errorf("what the first attempt said is lost (%s)", tt.why)
		}
	}
}

// The transcript with a test's own name is of the attempt that counts, those
// that went wrong lie beside it, and what an earlier run left of such is gone.
func TestRecordsOfAttempts(t *testing.T) {
	dir := t.TempDir()
	run(t, context.Background(), &suite.Runner{Record: dir, Retries: 3}, coming("FFFF"))
	if err := os.Rename(filepath.Join(dir, "a", "FFFF~failed2.smtp"), filepath.Join(dir, "a", "FFP~failed3.smtp")); err != nil {
		t.Fatal(err)
	}
	for _, left := range []string{"FFP~failed1.smtp", "FFP~failed2.smtp"} {
		if err := os.WriteFile(filepath.Join(dir, "a", left), []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	res := run(t, context.Background(), &suite.Runner{Record: dir, Retries: 3}, coming("FFP"))
	want := map[string]string{"FFP.smtp": "run 3", "FFP~failed1.smtp": "run 1", "FFP~failed2.smtp": "run 2"}
	found, _ := filepath.Glob(filepath.Join(dir, "a", "FFP*"))
	if len(found) != len(want) {
		t.Errorf("transcripts %q, want %q", found, slices.Sorted(maps.Keys(want)))
	}
	for name, said := range want {
		if text, err := os.ReadFile(filepath.Join(dir, "a", name)); err != nil || !strings.Contains(string(text), said+"\n") {
			t.Errorf("%s: %q, %v, want %q", name, text, err, said)
		}
	}
	if got := filepath.Base(res[0].Attempts[1].Record); got != "FFP~failed2.smtp" {
		t.Errorf("the second attempt lies in %s", got)
	}
}

// Only when no attempt is left does a failure end the run.
func TestFailFastAfterAttempts(t *testing.T) {
	res := run(t, context.Background(), &suite.Runner{FailFast: true, Retries: 1}, coming("FP", "FF", "P"))
	if got := told(res); got != "FP passed 1/0, FF failed 1/1" {
		t.Error(got)
	}
}

// What was stopped in a later attempt is judged by the first.
func TestStoppedBetweenAttempts(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	n := 0
	s := of(func(context.Context, string, *suite.Run) suite.Verdict {
		if n++; n == 2 {
			cancel(suite.ErrInterrupted)
			return suite.Verdict{Outcome: suite.Errored, Failure: &suite.Failure{What: "interrupted"}}
		}
		return failed("a true failure")
	}, "t")
	res := run(t, ctx, &suite.Runner{Retries: 9}, s)
	if len(res) != 1 || res[0].Outcome != suite.Failed || res[0].Failure.What != "a true failure" || n != 2 {
		t.Errorf("after %d runs: %+v", n, res)
	}
}

// Every attempt is compared with the baseline, and a change is tried again too.
func TestAttemptsAgainstBaseline(t *testing.T) {
	dir := t.TempDir()
	base := coming("P")
	run(t, context.Background(), &suite.Runner{Record: dir}, base)
	n := 0
	s := of(func(_ context.Context, _ string, run *suite.Run) suite.Verdict {
		if n++; n == 1 {
			run.Log.Record(transcript.Event{Conn: 1, Kind: transcript.Server, Data: []byte("250 new\r\n")})
		}
		run.Log.Record(transcript.Event{Conn: 1, Kind: transcript.Note, Data: []byte("run 1")})
		return passed()
	}, "P")
	res := run(t, context.Background(), &suite.Runner{Retries: 1, Against: &suite.Baseline{Dir: dir}}, s)
	if res[0].Outcome != suite.Passed || !res[0].Flaky || res[0].Attempts[0].Difference == nil {
		t.Errorf("%v %v %+v", res[0].Outcome, res[0].Failure, res[0].Attempts)
	}
	n = 0
	res = run(t, context.Background(), &suite.Runner{Against: &suite.Baseline{Dir: dir}}, s)
	if res[0].Outcome != suite.Failed {
		t.Errorf("without a retry: %v", res[0].Outcome)
	}
}
