package suite_test

import (
	"context"
	"errors"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"smtplay/engine/suite"
)

func TestTestTimeout(t *testing.T) {
	for _, tt := range []struct {
		limit, extend, want time.Duration
		why                 string
	}{
		{0, 0, suite.DefaultTestTimeout, "the default"},
		{time.Minute, 0, time.Minute, "the runner's"},
		{time.Minute, time.Hour, time.Hour + time.Minute, "and what the test adds"},
		{time.Minute, 1<<63 - 1, 1<<63 - 1, "but not so much that it turns over"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := of(func(ctx context.Context, _ string, run *suite.Run) suite.Verdict {
				if tt.extend > 0 {
					time.Sleep(time.Second)
					run.Extend(tt.extend)
				}
				select {
				case <-ctx.Done():
				case <-time.After(1000 * time.Hour):
					return passed()
				}
				cause := context.Cause(ctx)
				if !errors.Is(cause, suite.ErrTestTimeout) {
					t.Errorf("the cause is %v (%s)", cause, tt.why)
				}
				return failed(cause.Error())
			}, "t")
			res := run(t, context.Background(), &suite.Runner{TestTimeout: tt.limit}, s)[0]
			if tt.want > 1000*time.Hour {
				if res.Outcome != suite.Passed {
					t.Errorf("%v: %s (%s)", res.Outcome, res.Failure.What, tt.why)
				}
				return
			}
			if res.Seconds != tt.want.Seconds() || res.Failure.What != "the test took too long: more than "+tt.want.String() {
				t.Errorf("%v s, %q, want %v (%s)", res.Seconds, res.Failure.What, tt.want, tt.why)
			}
		})
	}
}

func TestExtendAsTimeRunsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := of(func(ctx context.Context, _ string, run *suite.Run) suite.Verdict {
			for range 100 { // always in the moment in which it would end
				time.Sleep(time.Minute)
				run.Extend(time.Minute)
				if ctx.Err() != nil {
					return failed("ended")
				}
				time.Sleep(0)
			}
			return passed()
		}, "t")
		for _, r := range run(t, context.Background(), &suite.Runner{TestTimeout: time.Minute + 1}, s) {
			if r.Outcome != suite.Passed {
				t.Errorf("%v", r.Failure.What)
			}
		}
	})
}

func TestPanic(t *testing.T) {
	s := of(func(_ context.Context, test string, run *suite.Run) suite.Verdict {
		run.Log.Redactor.Add("p", "hunter2")
		switch test {
		case "go":
			_ = run.Log.Next[len(test)]
		case "own":
			panic("at hunter2")
		}
		return passed()
	}, "go", "own", "fine")
	res := run(t, context.Background(), &suite.Runner{Jobs: 2}, s)
	if got := told(res); got != "go error 1/1, own error 1/1, fine passed 1/0" {
		t.Error(got)
	}
	for i, want := range []string{`^internal fault at once_test.go:\d+: runtime error: index out of range \[2\] with length 0$`, `^internal fault at once_test.go:\d+: at \[secret:p\]$`} {
		if got := res[i].Failure.What; !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("got %q", got)
		}
	}
}
