package report_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"smtplay/engine/report"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// Every line follows the schema, is one Write, and nothing of a secret is in it.
func TestEvents(t *testing.T) {
	redact := &transcript.Redactor{}
	redact.Add("password", "yourpassword")
	w := &writes{}
	s := &report.Events{W: w, Mask: &report.Mask{Redact: redact}}
	run := sampleRun(t)
	results := run.Results
	run.Results = nil
	s.Begin(run, len(results))
	for _, r := range results {
		watching := s.For(r.Test)
		for _, e := range r.Events {
			watching.Record(e)
		}
		watching.(suite.Ender).Ended(&r)
	}
	run.Results = results
	s.End(run)
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	schema := compiled(t, "#/$defs/stream")
	ended := 0
	for _, line := range w.all {
		if strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "\n") {
			t.Errorf("%q is not one line", line)
		}
		if err := valid(t, schema, []byte(line)); err != nil {
			t.Errorf("%v\n%s", err, line)
		}
		if strings.HasPrefix(line, `{"event":"test ended"`) {
			ended++
		}
	}
	if ended != len(results) || !strings.Contains(w.all[len(w.all)-1], `"counts":{"passed":2,"failed":4,"skipped":1,"errors":2}`) {
		t.Errorf("%d tests ended; the last line is %s", ended, w.all[len(w.all)-1])
	}
}

// Several tests at once do not mix their lines, and each line says whose it is.
func TestEventsTogether(t *testing.T) {
	var out bytes.Buffer
	s := &report.Events{W: &out}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			watching := s.For(named("a.lua", ""))
			for range 50 {
				watching.Record(transcript.Event{Conn: 1, Kind: transcript.Server, Data: []byte("250 a\r\n")})
			}
		})
	}
	group.Wait()
	said := map[int]int{}
	for line := range strings.Lines(out.String()) {
		var e struct {
			Event string
			ID    int
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if e.Event == "said" {
			said[e.ID]++
		}
	}
	for id := 1; id <= 8; id++ {
		if said[id] != 50 {
			t.Errorf("run %d said %d of 50", id, said[id])
		}
	}
}

// The first error is kept, and nothing is written after it.
func TestEventsTellOfErrors(t *testing.T) {
	s := &report.Events{W: &failingWriter{}}
	s.Begin(&report.Run{}, 1)
	s.For(named("a.lua", "")).Record(transcript.Event{Conn: 1, Kind: transcript.Note})
	if err := s.Err(); !errors.Is(err, io.ErrShortWrite) {
		t.Error(err)
	}
}

// What a script, a server or a name gives away is masked in every format, also in
// the forms in which a server may repeat it.
func TestFormatsMask(t *testing.T) {
	const secret = "Zq7-Mk3d%Pw!xV"
	redact := &transcript.Redactor{}
	redact.Add("password", secret)
	for name, form := range map[string]string{"raw": secret, "base64": "WnE3LU1rM2QlUHcheFY=", "hexadecimal": "5a71372d4d6b33642550772178 56"[:26] + "56"} {
		f := &suite.Failure{Pos: at("tests/"+form+".lua", 1), Source: form, What: form, Command: form, Want: form, Got: "250 " + form, Because: form, Target: form, SentAt: at(form, 2),
			Via: []transcript.Pos{at(form, 3)}}
		log := &transcript.Log{Redactor: redact}
		for _, kind := range []transcript.Kind{transcript.Connect, transcript.TLS, transcript.Server, transcript.Client, transcript.Step, transcript.Note} {
			log.Record(transcript.Event{Conn: 1, Kind: kind, Data: []byte("250 " + form + "\r\n")})
		}
		events, _ := log.Events()
		r := suite.Result{Test: oneTest(leaky{script("tests/" + form + ".lua"), form}, form, 0), Runs: 1, Record: "out/" + form, Events: events,
			Verdict: suite.Verdict{Outcome: suite.Failed, Failure: f, Extra: []*suite.Failure{f}, Tokens: []string{form}, Warning: form, Reason: form,
				Difference: &suite.Difference{Before: form, After: form, Changes: []transcript.Change{transcript.KeptChange(1, form, "@@ "+form+"\n-S: "+form+"\n")}}}}
		skipped := r
		skipped.Outcome, skipped.Pos = suite.Skipped, at(form, 4)
		mask := &report.Mask{Redact: redact}
		run := &report.Run{Results: []suite.Result{mask.Result(r), mask.Result(skipped)}}
		for _, format := range report.Formats() {
			if out := string(render(t, format.Name, run)); strings.Contains(out, form) || strings.Contains(out, secret[:6]) || !strings.Contains(out, "secret:password") {
				t.Errorf("%s shows the secret (%s):\n%s", format.Name, name, out)
			}
		}
		var out bytes.Buffer
		if err := report.WriteAnnotations(&out, run); err != nil || strings.Contains(out.String(), form) {
			t.Errorf("annotations show the secret (%s): %v\n%s", name, err, out.String())
		}
		if line, _ := report.Plugin(run); strings.Contains(line, form) {
			t.Errorf("the plugin's line shows the secret (%s): %s", name, line)
		}
		if f.What != form {
			t.Error("masking changed what it was given")
		}
	}
}

// leaky is a script whose own words hold something.
type leaky struct {
	script
	words string
}

func (l leaky) Title() string       { return l.words }
func (l leaky) Description() string { return l.words }
