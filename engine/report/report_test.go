package report_test

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"smtplay/engine/report"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares output with testdata/NAME.golden.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs:\n--- got\n%s--- want\n%s", path, got, want)
	}
}

type script string

func (s script) Name() string                                                  { return string(s) }
func (s script) Tests(context.Context, *suite.Env) ([]suite.Declared, error)   { return nil, nil }
func (s script) Run(context.Context, *suite.Env, *suite.Run) (v suite.Verdict) { return v }

func named(path, name string) suite.Test {
	if name == "" {
		name = path
	}
	return suite.Test{Script: script(path), Name: name}
}

func at(file string, line int) transcript.Pos { return transcript.Pos{File: file, Line: line} }

// events reads a transcript without its header.
func events(t *testing.T, text string) []transcript.Event {
	t.Helper()
	all, err := transcript.Decode([]byte(transcript.Header + "\n" + text))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var continued = regexp.MustCompile(`(?:^|\n)\d\d\d-[^\n]*\n$`)

// play joins lines of one reply into one event, as the engine records a
// reply of several lines.
func play(t *testing.T, text string) []transcript.Event {
	t.Helper()
	var joined []transcript.Event
	for _, e := range events(t, text) {
		if n := len(joined); n > 0 && e.Kind == transcript.Server && continued.Match(joined[n-1].Data) {
			joined[n-1].Data = append(joined[n-1].Data, e.Data...)
			continue
		}
		joined = append(joined, e)
	}
	return joined
}

const opening = `* connect smtp 127.0.0.1:2525
S: 220 maila.example.com ESMTP Postfix (Debian/GNU)
C: ehlo client.example.org
S: 250-maila.example.com
S: 250-PIPELINING
S: 250-SIZE 30720000
S: 250-VRFY
S: 250-ETRN
S: 250-STARTTLS
S: 250-AUTH PLAIN LOGIN
S: 250-AUTH=PLAIN LOGIN
S: 250-ENHANCEDSTATUSCODES
S: 250-8BITMIME
S: 250 DSN
`

func relayResult(t *testing.T) suite.Result {
	const file = "scripts/relay.lua"
	return suite.Result{
		Test: named(file, ""),
		Verdict: suite.Verdict{Outcome: suite.Failed, Failure: &suite.Failure{
			Pos: at(file, 8), Source: `send "rcpt to:<james@example.com>"; expect 554`,
			What:    "the reply is not the one expected",
			Command: "rcpt to:<james@example.com>", SentAt: at(file, 8),
			Want: "554", Got: "454 4.7.1 <james@example.com>: Relay access denied",
			Hint: "454 4.7.1 is how Postfix refuses to relay by its own default (defer_unauth_destination in smtpd_relay_restrictions); 554 5.7.1 comes with reject_unauth_destination",
			Conn: 1, Target: "smtp 127.0.0.1:2525",
		}},
		Seconds: 0.0384, Runs: 1,
		Events: play(t, opening+`C: mail from:<james@example.org>
S: 250 2.1.0 Ok
C: rcpt to:<james@example.com>
S: 454 4.7.1 <james@example.com>: Relay access denied
C: QUIT
S: 221 2.0.0 Bye
* close client
`),
	}
}

func moduleResult(t *testing.T) suite.Result {
	const file = "scripts/submission.lua"
	text := strings.Repeat("C: noop\nS: 250 2.0.0 Ok\n", 12)
	return suite.Result{
		Test: named(file, "logged in: the world"),
		Verdict: suite.Verdict{Outcome: suite.Failed, Failure: &suite.Failure{
			Pos: at("scripts/lib/who.lua", 11), Source: "\tauth{ user = var \"user\", password = secret \"password\" }",
			Via:  []transcript.Pos{at(file, 14), at(file, 12)},
			What: "the login was refused", Command: "AUTH PLAIN [sasl user=james@new.example.com secret=password]", SentAt: at("scripts/lib/who.lua", 10),
			Want: "235", Got: "535-5.7.8 Error: authentication failed:\r\n535 5.7.8 authentication failure\r\n",
			Because: "james is the one user who may send from outside", Conn: 2, Target: "submission 192.0.2.1:587",
			Hint: "user or password is wrong for this server",
		},
			Seed: 4711, Tokens: []string{"kfzqhwpd", "bbxvrtam"},
			Extra: []*suite.Failure{{Pos: at(file, 20), Source: "after(function() conn:noop() end)", What: "this conversation is over",
				Want: "2xx", Conn: 1, Hint: "nothing can be sent any more"}},
		},
		Seconds: 12.04, Runs: 1,
		Record: "out/scripts/submission/logged in%3a the world.smtp",
		Events: append(play(t, "* connect smtp 192.0.2.1:25\nS: 220 other\n* close client\n"),
			play(t, strings.NewReplacer("C:", "C2:", "S:", "S2:", "*", "*2").Replace(`* connect submission 192.0.2.1:587
`+text+`C: AUTH PLAIN [sasl user=james@new.example.com secret=password]
`+`S: 535-5.7.8 Error: authentication failed:
S: 535 5.7.8 authentication failure
`))...),
	}
}

// A failure as most people will meet it first.
func TestConsoleFailure(t *testing.T) {
	var out bytes.Buffer
	tests := []suite.Test{named("scripts/greeting.lua", ""), named("scripts/relay.lua", ""), named("scripts/submission.lua", "logged in: the world"), named("scripts/tls.lua", "")}
	c := &report.Console{W: &out, Names: report.NameWidth(tests)}
	results := []suite.Result{
		{Test: tests[0], Verdict: suite.Verdict{Outcome: suite.Passed}, Seconds: 0.0121, Runs: 1},
		relayResult(t),
		moduleResult(t),
		{Test: tests[3], Verdict: suite.Verdict{Outcome: suite.Skipped, Reason: "the server does not offer STARTTLS"}, Runs: 1},
	}
	show(t, c, results, 12.34)
	golden(t, "failure", out.Bytes())
}

func show(t *testing.T, c *report.Console, results []suite.Result, elapsed float64) {
	t.Helper()
	var counts suite.Counts
	for _, r := range results {
		counts.Add(r.Outcome)
		if err := c.Result(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Summary(counts, elapsed); err != nil {
		t.Fatal(err)
	}
}

func TestConsoleColour(t *testing.T) {
	var out bytes.Buffer
	show(t, &report.Console{W: &out, Color: true}, []suite.Result{
		{Test: named("a.lua", ""), Verdict: suite.Verdict{Outcome: suite.Passed}, Seconds: 0.0121, Runs: 1},
		relayResult(t),
		{Test: named("b.lua", ""), Verdict: suite.Verdict{Outcome: suite.Skipped, Reason: "not here"}, Runs: 1},
	}, 0.05)
	golden(t, "colour", out.Bytes())
}

func TestConsoleAllWell(t *testing.T) {
	var out bytes.Buffer
	tests := []suite.Test{named("scripts/auth.lua", "PLAIN"), named("scripts/auth.lua", "LOGIN, by hand"), named("scripts/"+strings.Repeat("long", 20)+".lua", "")}
	var results []suite.Result
	for i, test := range tests {
		results = append(results, suite.Result{Test: test, Verdict: suite.Verdict{Outcome: suite.Passed}, Seconds: float64(i) * 0.7, Runs: 1})
	}
	show(t, &report.Console{W: &out, Names: report.NameWidth(tests)}, results, 2.1)
	golden(t, "well", out.Bytes())
}

// A pass that proves little says so, below its line, and its secrets stay hidden.
func TestConsoleWarning(t *testing.T) {
	var out bytes.Buffer
	hidden := &transcript.Redactor{}
	hidden.Add("user", "james@example.com")
	test := named("relay.lua", "")
	warned := suite.Verdict{Outcome: suite.Passed, Warning: "this pass proves nothing about relaying: james@example.com was accepted from \x1b[2Jthe server's own machine"}
	show(t, &report.Console{W: &out, Redact: hidden}, []suite.Result{{Test: test, Verdict: warned, Runs: 1}, {Test: test, Verdict: suite.Verdict{Outcome: suite.Skipped, Reason: "why", Warning: "no"}, Runs: 1}}, 0.1)
	want := "ok    relay.lua  0 ms\n  warning   this pass proves nothing about relaying: [secret:user] was\n            accepted from \\x1b[2Jthe server's own machine\nskip  relay.lua: why\n"
	if !strings.HasPrefix(out.String(), want) {
		t.Errorf("%q\nwant %q", out.String(), want)
	}
}

func TestConsoleRepeats(t *testing.T) {
	var out bytes.Buffer
	bad := relayResult(t)
	bad.Runs, bad.Bad, bad.Seconds = 1000, 3, 4.2
	show(t, &report.Console{W: &out, Names: 20}, []suite.Result{
		{Test: named("scripts/noop.lua", ""), Verdict: suite.Verdict{Outcome: suite.Passed}, Seconds: 1.2, Runs: 1000},
		bad,
	}, 5.4)
	golden(t, "repeats", out.Bytes())
}

// Errors, and what has no conversation, no place or no failure.
func TestConsoleErrors(t *testing.T) {
	var out bytes.Buffer
	const file = "scripts/down.lua"
	show(t, &report.Console{W: &out, Names: 20}, []suite.Result{
		{Test: named(file, ""), Runs: 1, Seconds: 0.001, Verdict: suite.Verdict{Outcome: suite.Errored, Failure: &suite.Failure{
			Pos: at(file, 3), Source: `connect "smtp"`, What: "no connection to 127.0.0.1:2525: connection refused", Target: "smtp 127.0.0.1:2525",
			Hint: "nothing listens there: does the server run, on this port and this interface (Postfix: inet_interfaces, master.cf)"}}},
		{Test: named("scripts/full.lua", ""), Runs: 1, Verdict: suite.Verdict{Outcome: suite.Errored, Failure: &suite.Failure{
			What: "the transcript could not be written: open out/full.smtp: no space left on device"}}},
		{Test: named("scripts/odd.lua", ""), Runs: 1, Verdict: suite.Verdict{Outcome: suite.Errored}},
		{Test: named("scripts/assert.lua", ""), Runs: 1, Verdict: suite.Verdict{Outcome: suite.Failed, Failure: &suite.Failure{
			Pos: at("scripts/assert.lua", 5), Source: `assert(reply().code == 250, "no\nluck")`, What: "no\nluck"}},
			Events: events(t, "* connect smtp mail:25\nS: 220 a\nC2: noop\nS2: 250 b\n")},
		{Test: named("scripts/certificate.lua", ""), Runs: 1, Verdict: suite.Verdict{Outcome: suite.Failed, Failure: &suite.Failure{
			Pos: at("scripts/certificate.lua", 2), Source: "expect_certificate{ name = \"mail.example.com\", min_days_left = 14 }",
			What: "the certificate falls short", Want: "name mail.example.com\nat least 14 days left", Got: "it is for maila.example.com\n3 days left"}}},
	}, 0.02)
	golden(t, "errors", out.Bytes())
}

// hostile is what a server may send to take over a terminal, or to look like
// smtplay's own words.
const hostile = "220 hi\x1b[2J\x1b]0;owned\x07\r\x00\xff\u202e\u009b31mred\n"

// Nothing that comes from a server, or stands in a name, reaches the terminal raw.
func TestConsoleHostile(t *testing.T) {
	var out bytes.Buffer
	file := "scripts/\x1b[31mevil.lua"
	r := suite.Result{
		Test: named(file, "a\rtest\n"),
		Verdict: suite.Verdict{Outcome: suite.Failed, Failure: &suite.Failure{
			Pos: at(file, 1), Source: "expect 220 -- \x1b[0m", Via: []transcript.Pos{at("x\x07.lua", 2)}, What: "what came is no SMTP reply\x1b",
			Command: "the\x1bconnect", Want: "220\x1b", Got: hostile + "last\r\n", Because: "\x1b", Hint: "\x1b[1mtrust me", Conn: 1, Target: "\x1b"},
			Tokens: []string{"\x1btoken"},
			Extra:  []*suite.Failure{{What: "also \x1b"}},
		},
		Runs: 1, Record: "out/\x1b.smtp", Dropped: 3,
		Events: []transcript.Event{
			{Conn: 1, Kind: transcript.Connect, Data: []byte("smtp mail:25")},
			{Conn: 1, Kind: transcript.Server, Data: []byte(hostile + "last\r\n")},
			{Conn: 1, Kind: transcript.Note, Data: []byte("a note\nof two lines\x1b")},
		},
	}
	skipped := suite.Result{Test: named("s.lua", ""), Verdict: suite.Verdict{Outcome: suite.Skipped, Reason: "no \x1b[5mSTARTTLS\nhere"}}
	show(t, &report.Console{W: &out}, []suite.Result{r, skipped}, 1)
	for _, c := range out.String() {
		if c != '\n' && (c < ' ' || c >= 0x7f && c < 0xa0 || c == '\u202e' || c == '\ufffd') {
			t.Fatalf("%q reached the console:\n%q", c, out.String())
		}
	}
	golden(t, "hostile", out.Bytes())
}

// Long replies and lines are cut, and say so.
func TestConsoleLong(t *testing.T) {
	var out bytes.Buffer
	long := strings.Repeat("250-x\n", 300) + "250 " + strings.Repeat("y", 600)
	r := suite.Result{Test: named("long.lua", ""), Runs: 1, Verdict: suite.Verdict{Outcome: suite.Failed, Failure: &suite.Failure{
		Pos: at("long.lua", 1), What: "too long", Got: long, Conn: 1}},
		Events: []transcript.Event{{Conn: 1, Kind: transcript.Server, Data: []byte(strings.ReplaceAll(long, "\n", "\r\n") + "\r\n")}}}
	show(t, &report.Console{W: &out}, []suite.Result{r}, 1)
	if !strings.Contains(out.String(), "… 202 more lines\n") || !strings.Contains(out.String(), "yyy…\n") || strings.Contains(out.String(), strings.Repeat("y", 501)) {
		t.Errorf("not cut:\n%s", out.String())
	}
	if !strings.Contains(out.String(), "… 281 earlier lines, kept with --record DIR\n") {
		t.Errorf("the tail does not say what is left out:\n%s", out.String())
	}
}

// A secret that slipped into a result is masked even so. A hint is smtplay's
// own prose: a password that is one of its words must not blot it out.
func TestConsoleMasks(t *testing.T) {
	var out bytes.Buffer
	redactor := &transcript.Redactor{}
	redactor.Add("password", "yourpassword")
	show(t, &report.Console{W: &out, Redact: redactor}, []suite.Result{
		{Test: named("yourpassword.lua", ""), Runs: 1, Verdict: suite.Verdict{Outcome: suite.Failed, Failure: &suite.Failure{
			Pos: at("yourpassword.lua", 1), Source: "send 'yourpassword'", What: "yourpassword", Command: "eW91cnBhc3N3b3Jk", Want: "yourpassword", Got: "250 yourpassword",
			Because: "yourpassword"}}},
		{Test: named("s.lua", ""), Verdict: suite.Verdict{Outcome: suite.Skipped, Reason: "yourpassword"}},
	}, 1)
	if strings.Contains(out.String(), "yourpassword") || strings.Contains(out.String(), "eW91cnBh") {
		t.Errorf("the secret is shown:\n%s", out.String())
	}
}

// TestAccepted: of a conversation that smtplay accepted what the client said is
// the peer's, as elsewhere what the server says; a failure marks it, and its
// tail begins where it began.
func TestAccepted(t *testing.T) {
	const text = "* connect smtp a:1\nS: 220 a\n*2 accept mx from 127.0.0.1\nS2: 220 mx\nC2: HELO x\nS2: 250 mx\nC: HELO x\nS: 250 a\n*2 close client\n"
	for _, colour := range []bool{false, true} {
		var out bytes.Buffer
		c := &report.Console{W: &out, Color: colour}
		show(t, c, []suite.Result{{Test: named("a.lua", ""), Runs: 1, Events: events(t, text), Verdict: suite.Verdict{Outcome: suite.Failed, Failure: &suite.Failure{
			Pos: at("a.lua", 2), What: "the command is not the one expected", Want: "EHLO", Got: "HELO x", Conn: 2, Target: "mx"}}}}, 0)
		golden(t, map[bool]string{false: "accepted", true: "accepted-colour"}[colour], out.Bytes())
	}
	w := &writes{}
	live := (&report.Live{W: w, Color: true}).For(named("a.lua", ""))
	for _, e := range events(t, text) {
		live.Record(e)
	}
	golden(t, "accepted-live", []byte(strings.Join(w.all, "")))
}

func TestLive(t *testing.T) {
	for name, live := range map[string]*report.Live{
		"live":        {},
		"live-prefix": {Prefix: true},
		"live-colour": {Prefix: true, Color: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := &writes{}
			live.W = w
			a, b := live.For(named("a\x1b.lua", "")), live.For(named("b.lua", "second"))
			for _, e := range play(t, opening+"C: raw\\\nS: 554 5.7.1 \\x1b[31m\n* note hello\n") {
				a.Record(e)
			}
			b.Record(transcript.Event{Conn: 2, Kind: transcript.Client, Data: []byte("noop\r\n")})
			if len(w.all) != 8 {
				t.Errorf("%d writes, want one an event", len(w.all))
			}
			golden(t, name, []byte(strings.Join(w.all, "")))
		})
	}
}

// writes keeps what each Write wrote.
type writes struct{ all []string }

func (w *writes) Write(b []byte) (int, error) {
	w.all = append(w.all, string(b))
	return len(b), nil
}
