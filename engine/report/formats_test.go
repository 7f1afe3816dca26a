package report_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"smtplay/engine/lab/labtest"
	"smtplay/engine/report"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// about is a script that says what it is about.
type about struct{ script }

func (a about) Title() string { return "Relaying is refused from outside" }

func (a about) Description() string {
	return "An open relay is found by *spammers*, then blacklisted:\n\n- `mynetworks` may relay\n- nobody else may\n\n" +
		"<script>alert(1)</script> ![a picture](http://192.0.2.1/x.png) [a link](javascript:alert(1))"
}

var began = time.Date(2026, time.November, 29, 12, 0, 0, 0, time.UTC)

// timed gives events times, 7 ms apart.
func timed(all []transcript.Event) []transcript.Event {
	for i := range all {
		all[i].Time = began.Add(time.Duration(i) * 7 * time.Millisecond)
	}
	return all
}

func oneTest(s suite.Script, name string, index int) suite.Test {
	return suite.Test{Script: s, Name: name, Index: index}
}

// sampleRun has one of everything.
func sampleRun(t *testing.T) *report.Run {
	relay, other, hostileScript := about{"tests/relay.lua"}, script("tests/submission.lua"), script("tests/<b>\x1b[31mevil.lua")
	passed := suite.Result{Test: oneTest(relay, "a mailbox of ours is accepted", 0), Seconds: 0.021, Runs: 1, Verdict: suite.Verdict{Outcome: suite.Passed},
		Record: "out/tests/relay/a mailbox.smtp",
		Events: timed(play(t, "* connect smtp 192.0.2.25:25\nS: 220 maila.example.com ESMTP Postfix\n* step before STARTTLS\nC: EHLO client.example.org\nS: 250-maila.example.com\nS: 250 STARTTLS\n"+
			"* note the certificate is of our own making: *trust* it\nC: STARTTLS\nS: 220 2.0.0 Ready to start TLS\n* tls TLS1.3 TLS_AES_128_GCM_SHA256 CN=maila.example.com unverified: self-signed certificate\n"+
			"* step inside\nC: AUTH PLAIN [sasl user=james@new.example.com secret=password]\nS: 235 2.7.0 Authentication successful\nC: raw\\\n* close client\n"))}
	failed := relayResult(t)
	failed.Test, failed.Events = oneTest(relay, "an address elsewhere is refused", 1), timed(failed.Events)
	failed.Failure.Because = "nobody relays from outside without a login"
	failed.Failure.Via = []transcript.Pos{at("tests/relay.lua", 30)}
	module := moduleResult(t)
	module.Script, module.Name, module.Events = other, "logged in: the world", timed(module.Events)
	repeated := suite.Result{Test: oneTest(other, "noop # often", 3), Seconds: 4.2, Runs: 1000, Verdict: suite.Verdict{Outcome: suite.Passed, Warning: "this pass proves nothing: it is this machine | <i>"}}
	repeated.Cells = []suite.Cell{{Axis: "server", Value: "smtp"}}
	errored := suite.Result{Test: named("tests/down.lua", ""), Runs: 1, Seconds: 0.001, Verdict: suite.Verdict{Outcome: suite.Errored, Failure: &suite.Failure{
		Pos: at("tests/down.lua", 3), Source: `connect "smtp"`, What: "no connection to 127.0.0.1:2525: connection refused", Target: "smtp 127.0.0.1:2525",
		Hint: "nothing listens there: does the server run?"}}}
	skipped := suite.Result{Test: named("tests/tls.lua", ""), Runs: 1, Verdict: suite.Verdict{Outcome: suite.Skipped, Reason: "the server does not offer STARTTLS", Pos: at("tests/tls.lua", 4)}}
	odd := suite.Result{Test: named("tests/odd.lua", ""), Runs: 1}
	different := changed(t)
	different.Record = "after/scripts/login/login.smtp"
	evil := suite.Result{Test: oneTest(hostileScript, "a\rtest\n--> ]]></failure> ``` %", 0), Runs: 1, Seconds: 0.5, Dropped: 3,
		Verdict: suite.Verdict{Outcome: suite.Failed, Failure: &suite.Failure{Pos: at("tests/<b>\x1b[31mevil.lua", 1), Source: "expect 220 -- </pre><script>alert(1)</script>",
			What: "what came is no SMTP reply\x1b<img src=x onerror=alert(1)>", Want: "220 \"x\"", Got: evilText, Conn: 1, Hint: "::error::no"}},
		Events: timed([]transcript.Event{
			{Conn: 1, Kind: transcript.Connect, Data: []byte("smtp <b>mail:25")},
			{Conn: 1, Kind: transcript.TLS, Data: []byte("TLS1.3 X CN=<script>alert(1)</script> unverified: <b>")},
			{Conn: 1, Kind: transcript.Server, Data: []byte(evilText)},
			{Conn: 1, Kind: transcript.Step, Data: []byte("</h5><script>alert(1)</script>")},
			{Conn: 1, Kind: transcript.Note, Data: []byte("# a note\nof two lines </li><script>\x1b\n1. x")},
		})}
	return &report.Run{Version: "v1.2.3", Server: "mail.example.com", Targets: []report.Target{{Name: "submission", Address: "192.0.2.1:587"}}, Seed: 4711,
		Started: began, Seconds: 12.34, Results: []suite.Result{passed, failed, module, repeated, errored, skipped, odd, different, evil}}
}

// evilText is what breaks out of HTML, XML, Markdown, TAP, and workflow commands,
// where it can.
const evilText = "220 </pre></li></ol><script>alert(1)</script>\x1b[2J\x00\ufffe\xff\u202e ]]> <!-- \n```\n::set-env name=X::y\nnot ok 1\n---\nBail out!\n"

func render(t *testing.T, name string, run *report.Run) []byte {
	t.Helper()
	f, ok := report.FormatNamed(name)
	if !ok {
		t.Fatalf("there is no format %q", name)
	}
	var out bytes.Buffer
	if err := f.Write(&out, run); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Each format has a golden file; that of HTML is without its style.
func TestFormats(t *testing.T) {
	for _, f := range report.Formats() {
		t.Run(f.Name, func(t *testing.T) {
			out := render(t, f.Name, sampleRun(t))
			out = regexp.MustCompile(`(?s)<style>.*?</style>|sha256-[^']+`).ReplaceAll(out, nil)
			golden(t, "format-"+f.Name, out)
		})
	}
}

// No byte of a control character, and none that is no UTF-8, gets through raw.
func TestFormatsHostile(t *testing.T) {
	for _, f := range report.Formats() {
		out := string(render(t, f.Name, sampleRun(t)))
		for _, c := range out {
			if c != '\n' && (c < ' ' || c >= 0x7f && c < 0xa0 || c == '\u202e' || c == '\ufffe') {
				t.Errorf("%s: %q is written", f.Name, c)
				break
			}
		}
		if strings.ToValidUTF8(out, "") != out {
			t.Errorf("%s is no UTF-8", f.Name)
		}
	}
	page := string(render(t, "html", sampleRun(t)))
	for _, never := range []string{"<script", "<img", "onerror=alert(1)>", "javascript:", "</pre></li></ol>&lt;", "http://192.0.2.1"} {
		if strings.Contains(page, never) {
			t.Errorf("the page holds %q", never)
		}
	}
}

// compiled is the published schema, or a part of it.
func compiled(t *testing.T, part string) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(report.Schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("results.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("results.json" + part)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func valid(t *testing.T, s *jsonschema.Schema, text []byte) error {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return s.Validate(v)
}

func TestJSONFollowsItsSchema(t *testing.T) {
	s := compiled(t, "")
	out := render(t, "json", sampleRun(t))
	if err := valid(t, s, out); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if err := valid(t, s, render(t, "json", &report.Run{Version: "x", Started: began})); err != nil {
		t.Errorf("without results: %v", err)
	}
	for _, tt := range []struct{ old, new, why string }{
		{`"outcome":"passed"`, `"outcome":"good"`, "no such outcome"},
		{`"schema": 1`, `"schema": 2`, "another schema"},
		{`"kind":"connect"`, `"kind":"dial"`, "no such kind"},
		{`"runs":1,`, `"runs":"1",`, "a number is no text"},
		{`"what":`, `"waht":`, "a failure without a sentence"},
		{`"skipped":{"file"`, `"also":[{"what":"x"}],"skipped":{"file"`, "a skip that went wrong"},
	} {
		if err := valid(t, s, bytes.ReplaceAll(out, []byte(tt.old), []byte(tt.new))); err == nil {
			t.Errorf("%s is accepted by the schema", tt.why)
		}
	}
}

// The schema speaks of every field that is written.
func TestSchemaNamesEveryField(t *testing.T) {
	var doc struct {
		Defs map[string]json.RawMessage `json:"$defs"`
	}
	if err := json.Unmarshal([]byte(report.Schema), &doc); err != nil {
		t.Fatal(err)
	}
	strict := strings.ReplaceAll(report.Schema, `"type": "object",`, `"type": "object", "additionalProperties": false,`)
	d, err := jsonschema.UnmarshalJSON(strings.NewReader(strict))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("strict.json", d); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("strict.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := valid(t, s, render(t, "json", sampleRun(t))); err != nil {
		t.Error(err)
	}
}

// JSON comes to terminals too, as events do with --report events=-: what a server
// sends to move a cursor or to turn text around is there, and not raw.
func TestJSONForTerminals(t *testing.T) {
	const said = "550 a\u009b2Jb\u202ec\u2028d\x7fe\ufeff\U000e0041 ü 漢"
	failed := suite.Result{Test: oneTest(script("x.lua"), "a\u009bb", 0), Runs: 1, Verdict: suite.Verdict{Outcome: suite.Failed, Failure: &suite.Failure{What: said, Got: said}}}
	run := &report.Run{Server: "\u202e", Results: []suite.Result{failed}}
	written := render(t, "json", run)
	var stream bytes.Buffer
	events := &report.Events{W: &stream}
	events.Begin(run, 1)
	events.For(failed.Test).(suite.Ender).Ended(&failed)
	for name, out := range map[string]string{"json": string(written), "events": stream.String()} {
		if strings.ContainsAny(out, "\u009b\u202e\u2028\x7f\ufeff\U000e0041") || !strings.Contains(out, `550 a\u009b2Jb\u202ec\u2028d\u007fe\ufeff\udb40\udc41 ü 漢"`) {
			t.Errorf("%s: %q", name, out)
		}
	}
	again, err := report.ReadJSON("results.json", bytes.NewReader(written))
	if err != nil || again.Results[0].Failure.Got != said || again.Results[0].Name != failed.Name || again.Server != run.Server {
		t.Errorf("%v: %+v", err, again)
	}
}

// What was written is read again, and every format says the same of it.
func TestJSONRoundTrip(t *testing.T) {
	run := sampleRun(t)
	written := render(t, "json", run)
	again, err := report.ReadJSON("results.json", bytes.NewReader(written))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Formats() {
		before, after := render(t, f.Name, run), render(t, f.Name, again)
		// Bytes that are no UTF-8 come back as they are shown.
		if plain := strings.ReplaceAll(string(after), `\\xff`, `\xff`); plain != strings.ReplaceAll(string(before), `\\xff`, `\xff`) {
			t.Errorf("%s differs: %s", f.Name, apart(string(after), string(before)))
		}
	}
	for i := range run.Results {
		a, b := run.Results[i].Events, again.Results[i].Events
		for k := range a {
			if a[k].Conn != b[k].Conn || a[k].Kind != b[k].Kind || !bytes.Equal(a[k].Data, b[k].Data) || !a[k].Time.Equal(b[k].Time) || len(a[k].Spans) > 0 && !reflect.DeepEqual(a[k].Spans, b[k].Spans) {
				t.Errorf("result %d, event %d: %+v, want %+v", i, k, b[k], a[k])
			}
		}
	}
}

// apart is the first line that differs.
func apart(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range a {
		if i >= len(b) || a[i] != b[i] {
			return a[i] + "\nwant\n" + b[min(i, len(b)-1)]
		}
	}
	return "it ends early"
}

func TestReadJSONRefuses(t *testing.T) {
	good := string(render(t, "json", sampleRun(t)))
	for _, tt := range []struct{ text, want, why string }{
		{"", "r.json: it is empty", "an empty file"},
		{good[:len(good)-300], "it is cut off on line 14", "the end is missing"},
		{good[:60], "it is cut off on line 4", "cut early"},
		{`{"a":1}`, "these are no results of smtplay", "JSON of somebody else's"},
		{`[1]`, "these are no results of smtplay", "no object"},
		{"TAP version 14\n", "these are no results of smtplay: line 1 is no JSON", "no JSON"},
		{`{"event":"run started","format":"smtplay events"}` + "\n{}", "these are events, not results", "the other file"},
		{strings.Replace(good, `"schema": 1`, `"schema": 2`, 1), "these results are of schema 2, and this smtplay reads schema 1", "a newer one"},
		{strings.Replace(good, `"schema": 1`, `"schema": 0`, 1), "there is no schema 0", "none"},
		{strings.Replace(good, `"outcome":"failed"`, `"outcome":"fine"`, 1), `result 2, of "tests/relay.lua": there is no outcome "fine"`, "an outcome"},
		{strings.Replace(good, `"outcome":"skipped"`, `"outcome":"passed"`, 1), "it was changed or is damaged: it speaks of 2 passed", "the counts contradict"},
		{strings.Replace(good, `"outcome":"failed"`, `"outcome":"passed"`, 1), "it passed, and has a failure", "a verdict that was changed"},
		{strings.Replace(good, `"skipped":{`, `"failure":{"what":"x"},"skipped":{`, 1), "it was skipped, and has a failure", "a skip that went wrong"},
		{strings.Replace(good, `"outcome":"passed"`, `"outcome":"passed","also":[{"what":"x"}]`, 1), "it passed, and has a failure", "a pass whose end went wrong"},
		{strings.Replace(good, `"outcome":"passed"`, `"outcome":"passed","difference":{"before":"a","after":"b"}`, 1), "it passed, and has a failure", "a pass that differs from its baseline"},
		{strings.Replace(good, `"seconds":12.34`, `"seconds":1,"not_run":4611686018427387904`, 1), "there are not so many tests", "two of these would add up to less than none"},
		{strings.Replace(good, `"kind":"server"`, `"kind":"both"`, 1), `event 2: there is no kind "both"`, "a kind"},
		{strings.Replace(good, `"conversation":1,"kind"`, `"conversation":0,"kind"`, 1), "there is no conversation 0", "a number"},
		{strings.Replace(good, `"lines":["220 maila`, `"lines":["220 \\q maila`, 1), "it is no piece of a transcript", "an escape"},
		{strings.Replace(good, `"lines":["220 maila`, `"lines":["220 a\nC: x maila`, 1), "a line of it is no line", "two lines in one"},
		{strings.Replace(good, `"runs":1,`, `"runs":-1,`, 1), "its numbers cannot be", "a number that cannot be"},
		{strings.Replace(good, `"runs":1,`, `"runs":"x",`, 1), "line 6: results.runs cannot be a string", "another type"},
		{strings.Replace(good, `"seconds":12.34`, `"seconds":-1`, 1), "lasted no time that can be", "a time"},
	} {
		_, err := report.ReadJSON("r.json", strings.NewReader(tt.text))
		var bad *report.ReadError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.why, err, tt.want)
		}
	}
}

func FuzzReadJSON(f *testing.F) {
	f.Add([]byte(`{"format":"smtplay results","schema":1,"run":{"version":"x","seconds":1,"counts":{"passed":1}},"results":[{"script":"a","index":0,"cells":[{"axis":"a","value":"b"},{"axis":"c","value":"d"}],"outcome":"passed","seconds":1,"runs":1,"events":[{"conversation":1,"kind":"server","lines":["220 [secret:x]","a\\"]}]}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		run, err := report.ReadJSON("f", bytes.NewReader(b))
		if err != nil {
			return
		}
		var out bytes.Buffer
		for _, format := range report.Formats() {
			if err := format.Write(&out, run); err != nil {
				t.Fatalf("%s: %v", format.Name, err)
			}
			if format.Name == "json" {
				if _, err := report.ReadJSON("again", bytes.NewReader(out.Bytes())); err != nil {
					t.Fatalf("what is written cannot be read: %v\n%s", err, out.Bytes())
				}
			}
			out.Reset()
		}
	})
}

// What is not run is told of as what it is: without a failure, or an
// interruption, nobody knows why the others were not.
func TestStopped(t *testing.T) {
	for _, tt := range []struct {
		run  report.Run
		want string
	}{
		{report.Run{NotRun: 1, Interrupted: true}, "Bail out! interrupted: 1 test not run"},
		{report.Run{NotRun: 1, Results: []suite.Result{{Test: named("a.lua", ""), Verdict: suite.Verdict{Outcome: suite.Failed}}}}, "Bail out! stopped after the first failure: 1 test not run"},
		{report.Run{NotRun: 1, Results: []suite.Result{{Test: named("a.lua", ""), Verdict: suite.Verdict{Outcome: suite.Passed}}}}, "Bail out! stopped before its end: 1 test not run"},
	} {
		if out := string(render(t, "tap", &tt.run)); !strings.Contains(out, tt.want+"\n") {
			t.Errorf("%q is not in\n%s", tt.want, out)
		}
	}
}

// A run that was stopped looks like none that is whole, in any format.
func TestFormatsStopped(t *testing.T) {
	run := &report.Run{Version: "x", Started: began, Interrupted: true, NotRun: 2, Results: []suite.Result{{Test: named("a.lua", ""), Runs: 1, Verdict: suite.Verdict{Outcome: suite.Passed}}}}
	for name, want := range map[string]string{"json": `"not_run":2`, "html": "interrupted: 2 tests not run", "markdown": "# Not all tests were run", "junit": `errors="1"`,
		"tap": "1..3\n", "prometheus": `smtplay_run_tests{outcome="not_run"} 2`} {
		if out := render(t, name, run); !strings.Contains(string(out), want) {
			t.Errorf("%s lacks %q:\n%s", name, want, out)
		}
	}
	if !strings.HasSuffix(string(render(t, "tap", run)), "\nBail out! interrupted: 2 tests not run\n") {
		t.Error("TAP does not bail out")
	}
	run.NotRun = 0
	if out := string(render(t, "junit", run)); !strings.Contains(out, `errors="1"`) || !strings.Contains(out, `message="interrupted: 0 tests not run"`) {
		t.Errorf("a run that was interrupted among its repeats looks whole:\n%s", out)
	}
}

// JUnit's XML is as Jenkins and GitLab take it.
func TestJUnitFollowsItsSchema(t *testing.T) {
	xmllint := labtest.Program(t, "xmllint")
	for name, run := range map[string]*report.Run{"sample": sampleRun(t), "empty": {}, "stopped": {NotRun: 3, Results: sampleRun(t).Results[:1]}} {
		out := render(t, "junit", run)
		cmd := exec.Command(xmllint, "--noout", "--nonet", "--schema", filepath.Join("testdata", "junit.xsd"), "-")
		cmd.Stdin = bytes.NewReader(out)
		if said, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s\n%s", name, err, said, out)
		}
	}
}

// A reader that takes cases of one name for the same, as GitLab does, sees each
// of them: what failed is not hidden by what passed, in another file of results
// or in a script whose name becomes the same.
func TestJUnitNamesAreUnique(t *testing.T) {
	result := func(file, name string, o suite.Outcome) suite.Result {
		return suite.Result{Test: oneTest(script(file), name, 0), Runs: 1, Verdict: suite.Verdict{Outcome: o}}
	}
	run := &report.Run{Results: []suite.Result{result("a/b.lua", "x", suite.Passed), result("a/b.lua", "x (2)", suite.Passed), result("a/b.lua", "x", suite.Failed), result("a.b.lua", "x", suite.Failed)}}
	out := string(render(t, "junit", run))
	for _, name := range []string{"x", "x (2)", "x (3)", "x (4)"} {
		if want := `<testcase name="` + name + `" classname="a.b"`; strings.Count(out, want) != 1 {
			t.Errorf("%s is not there once:\n%s", want, out)
		}
	}
}

// The counts of every suite are those of its cases, and nothing is lost.
func TestJUnitCounts(t *testing.T) {
	type count struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Skipped  int `xml:"skipped,attr"`
	}
	var doc struct {
		count
		Suites []struct {
			count
			Name  string `xml:"name,attr"`
			Cases []struct {
				Name    string    `xml:"name,attr"`
				Failure *struct{} `xml:"failure"`
				Error   *struct{} `xml:"error"`
				Skipped *struct{} `xml:"skipped"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	run := sampleRun(t)
	if err := xml.Unmarshal(render(t, "junit", run), &doc); err != nil {
		t.Fatal(err)
	}
	var all count
	for _, s := range doc.Suites {
		got := count{Tests: len(s.Cases)}
		for _, c := range s.Cases {
			if c.Failure != nil {
				got.Failures++
			}
			if c.Error != nil {
				got.Errors++
			}
			if c.Skipped != nil {
				got.Skipped++
			}
		}
		if got != s.count {
			t.Errorf("%s says %+v and has %+v", s.Name, s.count, got)
		}
		all.Tests, all.Failures, all.Errors, all.Skipped = all.Tests+got.Tests, all.Failures+got.Failures, all.Errors+got.Errors, all.Skipped+got.Skipped
	}
	n := run.Counts()
	if want := (count{len(run.Results), n.Failed, n.Errored, n.Skipped}); all != want || doc.Tests != want.Tests || doc.Failures != want.Failures || doc.Errors != want.Errors {
		t.Errorf("%+v, want %+v; all together %+v", all, want, doc.count)
	}
}

// prove comes to the verdict that the run came to.
func TestTAPForProve(t *testing.T) {
	prove := labtest.Program(t, "prove")
	good := &report.Run{Version: "x", Started: began, Results: []suite.Result{sampleRun(t).Results[0], sampleRun(t).Results[3], sampleRun(t).Results[5]}}
	stopped := *good
	stopped.NotRun = 1
	for _, tt := range []struct {
		run  *report.Run
		pass bool
		want string
		why  string
	}{
		{good, true, "Result: PASS", "two passed, one was skipped"},
		{sampleRun(t), false, "Failed 6/9 subtests", "six failed"},
		{&stopped, false, "Further testing stopped", "one was not run"},
	} {
		file := filepath.Join(t.TempDir(), "run.tap")
		if err := os.WriteFile(file, render(t, "tap13", tt.run), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(prove, "-v", "--source", "File", "--ext", ".tap", file).CombinedOutput()
		if (err == nil) != tt.pass || !strings.Contains(string(out), tt.want) || tt.run != &stopped && strings.Contains(string(out), "Parse errors") {
			t.Errorf("%s: %v\n%s", tt.why, err, out)
		}
	}
}

// The two versions differ in their first line only.
func TestTAPVersions(t *testing.T) {
	new, old := render(t, "tap", sampleRun(t)), render(t, "tap13", sampleRun(t))
	if want := strings.Replace(string(old), "TAP version 13\n", "TAP version 14\n", 1); want != string(new) {
		t.Errorf("%s\nand\n%s", new, old)
	}
}

// Every line of the metrics is one that a parser takes, and no series comes twice.
func TestPrometheusLines(t *testing.T) {
	run := sampleRun(t)
	run.Results = append(run.Results, run.Results[:2]...)
	form := regexp.MustCompile(`^(?:# (?:HELP|TYPE) smtplay_[a-z_]+ .+|(smtplay_[a-z_]+(?:\{(?:[a-z]+="(?:[^"\\\n]|\\[\\"n])*",?)+\})?) [0-9.]+)$`)
	seen := map[string]bool{}
	for line := range strings.Lines(string(render(t, "prometheus", run))) {
		m := form.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil || m[1] != "" && seen[m[1]] {
			t.Errorf("%q", line)
			continue
		}
		seen[m[1]] = true
	}
	if !seen[`smtplay_test_passed{script="tests/relay.lua",test="an address elsewhere is refused (2)"}`] || len(seen) < 20 {
		t.Errorf("a series is missing: %v", seen)
	}
}

func TestPlugin(t *testing.T) {
	all := sampleRun(t).Results
	for _, tt := range []struct {
		run    report.Run
		line   string
		status report.PluginStatus
		why    string
	}{
		{report.Run{Seconds: 1.25, Results: []suite.Result{all[0], all[5]}}, "SMTPLAY OK - 1 passed, 1 skipped in 1.2 s | passed=1;;;0 failed=0;;0;0 skipped=1;;;0 errors=0;;;0 time=1.250000s;;;0", 0, "all is well"},
		{report.Run{Results: all[:2]}, "SMTPLAY CRITICAL - 1 of 2 failed: scripts/relay.lua:8: the reply is not the one expected | passed=1;", 2, "a test failed"},
		{report.Run{Results: all[8:]}, "SMTPLAY CRITICAL - 1 of 1 failed: tests/<b>\\x1b[31mevil.lua:1: what came is no SMTP reply\\x1b<img src=x onerror=alert(1)> | ", 2, "nothing gets through"},
		{report.Run{Results: []suite.Result{all[0], all[4]}}, "SMTPLAY UNKNOWN - 1 of 2 without a verdict: tests/down.lua:3: no connection", 3, "no verdict"},
		{report.Run{Results: all[5:6]}, "SMTPLAY UNKNOWN - nothing was judged: 1 test skipped | ", 3, "a skip proves nothing"},
		{report.Run{Results: all[:1], Interrupted: true, NotRun: 1}, "SMTPLAY UNKNOWN - interrupted: 1 test not run | ", 3, "not all was run"},
		{report.Run{Results: all[:2], NotRun: 1}, "SMTPLAY CRITICAL - 1 of 3 failed: ", 2, "a failure counts all the same"},
		{report.Run{Results: all[4:5], NotRun: 1}, "SMTPLAY UNKNOWN - 1 of 2 without a verdict: tests/down.lua:3: no connection", 3, "with --fail-fast it is the error that counts"},
		{report.Run{}, "SMTPLAY UNKNOWN - nothing was judged: there was no test", 3, "nothing at all"},
	} {
		line, status := report.Plugin(&tt.run)
		if !strings.HasPrefix(line, tt.line) || status != tt.status || strings.Count(line, "|") != 1 || strings.Contains(line, "\n") {
			t.Errorf("%q, %d, want %q, %d (%s)", line, status, tt.line, tt.status, tt.why)
		}
	}
	if got := report.PluginLine(report.PluginUnknown, "a|b\nc"); got != "SMTPLAY UNKNOWN - a/b c" {
		t.Errorf("%q", got)
	}
}

// Each annotation is one line, and says nothing but what it is meant to.
func TestAnnotations(t *testing.T) {
	var out bytes.Buffer
	if err := report.WriteAnnotations(&out, sampleRun(t)); err != nil {
		t.Fatal(err)
	}
	golden(t, "annotations", out.Bytes())
	form := regexp.MustCompile(`^::(error|warning) file=[^,:\r\n]+(,line=[0-9]+)?,title=[^,:\r\n]+::[^\r\n]+\n$`)
	for line := range strings.Lines(out.String()) {
		if !form.MatchString(line) {
			t.Errorf("%q", line)
		}
	}
}

// Merging keeps every result, in order, and names what comes twice.
func TestMerge(t *testing.T) {
	b, a := script("b.lua"), script("a.lua")
	one := &report.Run{Version: "v1", Server: "x", Seed: 1, Started: began.Add(time.Hour), Seconds: 1, NotRun: 1, Targets: []report.Target{{Name: "t", Address: "1"}},
		Results: []suite.Result{{Test: oneTest(b, "z", 0)}, {Test: oneTest(b, "y", 1)}}}
	two := &report.Run{Version: "v1", Server: "x", Seed: 2, Started: began, Seconds: 2, Interrupted: true, Targets: []report.Target{{Name: "t", Address: "1"}},
		Results: []suite.Result{{Test: oneTest(a, "a.lua", 0)}, {Test: oneTest(b, "y", 1)}}}
	run, twice := report.Merge(one, two, two)
	var names []string
	for _, r := range run.Results {
		names = append(names, r.Test.String())
	}
	if got := strings.Join(names, " "); got != "a.lua a.lua b.lua: z b.lua: y b.lua: y b.lua: y" {
		t.Error(got)
	}
	if run.Version != "v1" || run.Server != "x" || run.Seed != 0 || !run.Started.Equal(began) || run.Seconds != 5 || run.NotRun != 1 || !run.Interrupted || len(run.Targets) != 1 {
		t.Errorf("%+v", run)
	}
	if !reflect.DeepEqual(twice, []report.Twice{{Test: "a.lua", Files: []int{1, 2}}, {Test: "b.lua: y", Files: []int{0, 1, 2}}}) {
		t.Errorf("%+v", twice)
	}
	if run, twice := report.Merge(one); run.Seed != 1 || len(twice) != 0 || run.Results[0].Name != "z" {
		t.Errorf("one alone: %+v, %v", run, twice)
	}
}

// Parts of a run that was shared out, and those of which there are no results.
func TestMissing(t *testing.T) {
	for _, tt := range []struct{ parts, missing, why string }{
		{"", "", "it was not shared out"},
		{"1/1", "", "one part is all"},
		{"2/3 1/3 3/3", "", "in any order"},
		{"1/2 1/2 2/2", "", "a part that was run again"},
		{"2/3", "1/3 3/3", "those around it"},
		{"1/4 4/4", "2/4 3/4", "those between"},
		{"1/2 2/2 2/3", "1/3 3/3", "two runs, one of them whole"},
		{"1/2 1/3", "2/2 2/3 3/3", "two runs, neither whole"},
	} {
		var runs []*report.Run
		for _, s := range strings.Fields(tt.parts) {
			shard, err := suite.ParseShard(s)
			if err != nil {
				t.Fatal(err)
			}
			runs = append(runs, &report.Run{Shards: []suite.Shard{shard}})
		}
		merged, _ := report.Merge(runs...)
		var missing []string
		for _, s := range merged.Missing() {
			missing = append(missing, s.String())
		}
		if got := strings.Join(missing, " "); got != tt.missing {
			t.Errorf("%q: %q (%s)", tt.parts, got, tt.why)
		}
	}
	huge := &report.Run{Shards: []suite.Shard{{Index: 1, Of: 100_000}, {Index: 1, Of: 99_999}}}
	if n := len(huge.Missing()); n != 1000 {
		t.Errorf("%d are missing, of a number that is bounded", n)
	}
}

// failingWriter fails after so many bytes.
type failingWriter struct{ left int }

func (f *failingWriter) Write(b []byte) (int, error) {
	if f.left -= len(b); f.left < 0 {
		return 0, io.ErrShortWrite
	}
	return len(b), nil
}

// A format says that it could not be written, wherever that happens.
func TestFormatsTellOfErrors(t *testing.T) {
	for _, f := range report.Formats() {
		size := len(render(t, f.Name, sampleRun(t)))
		for _, n := range []int{0, size / 2, size - 1} {
			if err := f.Write(&failingWriter{n}, sampleRun(t)); !errors.Is(err, io.ErrShortWrite) {
				t.Errorf("%s, after %d of %d bytes: %v", f.Name, n, size, err)
			}
		}
	}
}

// A page that a browser could not show leaves out what passed, and says so.
func TestHTMLOfMany(t *testing.T) {
	few, many := render(t, "html", &report.Run{Results: manyResults(1000)}), render(t, "html", &report.Run{Results: manyResults(1001)})
	const passes, says = "james.2@example.com", "The conversations of tests that passed are left out"
	if strings.Count(string(few), passes) != 1000 || strings.Contains(string(few), says) {
		t.Error("of a thousand results something is left out")
	}
	// One test in twenty failed.
	if strings.Count(string(many), passes) != 51 || !strings.Contains(string(many), says) || len(many) > len(few)/4 {
		t.Errorf("of more, %d conversations are shown in %d bytes", strings.Count(string(many), passes), len(many))
	}
}
