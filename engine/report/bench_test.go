package report_test

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"smtplay/engine/report"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// manyResults are n results of scripts with ten tests each, of which one in
// twenty failed. Secrets are looked for in them, as in a run.
func manyResults(n int) []suite.Result {
	var all []suite.Result
	for i := range n {
		s := about{script(fmt.Sprintf("tests/script-%d.lua", i/10))}
		r := suite.Result{Test: oneTest(s, fmt.Sprintf("test %d", i), i%10), Seconds: 0.01, Runs: 1, Verdict: suite.Verdict{Outcome: suite.Passed}}
		if i%20 == 0 {
			r.Outcome, r.Failure = suite.Failed, &suite.Failure{Pos: at(s.Name(), 8), Source: `send "rcpt to:<james@example.com>"; expect 554`, What: "expected 554, got 454 4.7.1",
				Want: "554", Got: "454 4.7.1 <james@example.com>: Relay access denied", Command: "rcpt to:<james@example.com>", Conn: 1, Hint: "see the log"}
		}
		for k := range 24 {
			e := transcript.Event{Conn: 1, Kind: transcript.Server, Time: began, Data: []byte("250 2.1.0 Ok: this is what the server says\r\n")}
			if k%2 == 0 {
				e.Kind, e.Data = transcript.Client, []byte(fmt.Sprintf("RCPT TO:<james.%d@example.com>\r\n", k))
			}
			r.Events = append(r.Events, e)
		}
		all = append(all, r)
	}
	return all
}

// BenchmarkReports writes every report of 10,000 results.
func BenchmarkReports(b *testing.B) {
	redact := &transcript.Redactor{}
	redact.Add("password", "yourpassword")
	results := manyResults(10000)
	var peak atomic.Uint64
	done := make(chan struct{})
	go func() {
		var m runtime.MemStats
		for {
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
				runtime.ReadMemStats(&m)
				peak.Store(max(peak.Load(), m.HeapAlloc))
			}
		}
	}()
	for b.Loop() {
		run := &report.Run{Version: "v1", Started: began}
		mask := &report.Mask{Redact: redact}
		for _, r := range results {
			run.Results = append(run.Results, mask.Result(r))
		}
		for _, f := range report.Formats() {
			if err := f.Write(io.Discard, run); err != nil {
				b.Fatal(err)
			}
		}
	}
	close(done)
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/all")
	b.ReportMetric(float64(peak.Load())/1e6, "MB-peak")
}

// BenchmarkReadResults reads what was written of 10,000 results.
func BenchmarkReadResults(b *testing.B) {
	var text strings.Builder
	if err := report.WriteJSON(&text, &report.Run{Version: "v1", Started: began, Results: manyResults(10000)}); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := report.ReadJSON("results.json", strings.NewReader(text.String())); err != nil {
			b.Fatal(err)
		}
	}
}
