package report_test

import (
	"bytes"
	"testing"

	"smtplay/engine/report"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// No kind of event is lost on the way: results are read again whatever was said.
func TestJSONKeepsEveryKind(t *testing.T) {
	var run report.Run
	r := suite.Result{Test: named("a.lua", ""), Runs: 1, Verdict: suite.Verdict{Outcome: suite.Passed}}
	for k := transcript.Kind(1); k.String() != ""; k++ {
		text := "smtp 192.0.2.1:25"
		if k == transcript.Server || k == transcript.Client {
			text = "250 Ok\r\n"
		}
		r.Events = append(r.Events, transcript.Event{Conn: 1, Kind: k, Data: []byte(text)})
	}
	run.Results = []suite.Result{r}
	text := render(t, "json", &run)
	if err := valid(t, compiled(t, ""), text); err != nil {
		t.Error(err)
	}
	again, err := report.ReadJSON("results.json", bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range again.Results[0].Events {
		if want := r.Events[i]; e.Kind != want.Kind || string(e.Data) != string(want.Data) {
			t.Errorf("%v %q is read as %v %q", want.Kind, want.Data, e.Kind, e.Data)
		}
	}
}
