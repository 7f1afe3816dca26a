package dsl

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"smtplay/engine/server"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// polite is the server that most tests talk to; On replaces single replies.
func polite(on server.Answers) server.Handler {
	return server.Polite{Domain: "mail.example.com", On: on}.Serve
}

// bench is what a script is tried on.
type bench struct {
	env    *suite.Env
	server *server.Server
}

func newBench(t testing.TB, handler server.Handler) *bench {
	t.Helper()
	b := &bench{env: &suite.Env{Redact: &transcript.Redactor{}, Vars: map[string]string{}, Secrets: map[string]string{}, Helo: "client.example.org", Seed: 1}}
	if handler != nil {
		b.server = server.Start(t, handler)
		b.env.Targets.Named = map[string]string{"smtp": b.server.Addr()}
	}
	return b
}

// try runs a script's tests and returns their verdicts.
func (b *bench) try(t testing.TB, text string) []suite.Result {
	t.Helper()
	return b.tryBeside(t, text, nil)
}

// tryBeside does so for a script beside which files lie.
func (b *bench) tryBeside(t testing.TB, text string, files map[string][]byte) []suite.Result {
	t.Helper()
	folder := fstest.MapFS{"t.lua": {Data: []byte(text)}}
	for name, content := range files {
		folder[name] = &fstest.MapFile{Data: content}
	}
	script, problems := CompileFS(folder, "t.lua", "t.lua")
	if script == nil {
		t.Fatalf("does not compile: %v", problems)
	}
	if p := script.Ready(b.env); p.Err() != nil {
		t.Fatalf("is not ready: %v", p)
	}
	var results []suite.Result
	runner := &suite.Runner{TestTimeout: 20 * time.Second}
	tests, err := runner.Plan(context.Background(), b.env, []suite.Script{script})
	if err != nil {
		t.Fatalf("plan: %v", err)
	}
	runner.Run(context.Background(), b.env, tests, func(r suite.Result) { results = append(results, r) })
	return results
}

func transcriptOf(r suite.Result) string {
	var b []byte
	for _, e := range r.Events {
		b = transcript.AppendEvent(b, e)
	}
	return string(b)
}

// one runs a script that is one test.
func one(t *testing.T, handler server.Handler, script string) suite.Result {
	t.Helper()
	results := newBench(t, handler).try(t, script)
	if len(results) != 1 {
		t.Fatalf("%d tests, want 1", len(results))
	}
	return results[0]
}

func TestTutorialLine(t *testing.T) {
	r := one(t, polite(server.Answers{"rcpt": server.Say("554 5.7.1 <x@example.com>: Relay access denied")}), `
expect 220
send "ehlo me"; expect 250
send "mail from:<a@example.org>"; expect 250
send "rcpt to:<x@example.com>"; expect 250
`)
	t.Logf("%+v\n%+v\n%s", r.Verdict, r.Failure, transcriptOf(r))
	if r.Outcome != suite.Failed || r.Failure.Pos.Line != 5 || !strings.Contains(r.Failure.What, "554 5.7.1") {
		t.Error("wrong verdict")
	}
}

func BenchmarkConversation(b *testing.B) {
	bench := newBench(b, polite(nil))
	script, problems := Compile(b.TempDir()+"/t.lua", []byte(`
expect 220
send "ehlo me"; expect 250
send "mail from:<a@example.org>"; expect 250
send "rcpt to:<x@example.com>"; expect 250
send "data"; expect 354
send [[
Hi
.]]; expect 250
send "quit"; expect 221
`))
	if script == nil {
		b.Fatal(problems)
	}
	b.ReportAllocs()
	runner := &suite.Runner{Repeat: b.N}
	tests, _ := runner.Plan(context.Background(), bench.env, []suite.Script{script})
	b.ResetTimer()
	runner.Run(context.Background(), bench.env, tests, func(r suite.Result) {
		if r.Outcome != suite.Passed {
			b.Fatalf("%v", r.Failure)
		}
	})
}
