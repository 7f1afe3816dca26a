package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"

	"smtplay/dsl"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

var (
	durations = regexp.MustCompile(`\b\d+(\.\d+)? (ms|s)\b`)
	ports     = regexp.MustCompile(`127\.0\.0\.1:\d+`)
)

func TestVerdict(t *testing.T) {
	for _, tt := range []struct {
		counts suite.Counts
		status int
	}{
		{suite.Counts{Passed: 3, Skipped: 1}, exitPassed},
		{suite.Counts{Passed: 3, Failed: 1}, exitFailed},
		{suite.Counts{Passed: 3, Errored: 1}, exitNoVerdict},
		{suite.Counts{Failed: 1, Errored: 1}, exitFailed}, // 1 before 3
	} {
		err := verdict(tt.counts)
		status := exitPassed
		if f := (*fault)(nil); errors.As(err, &f) {
			status = f.status
		}
		if status != tt.status {
			t.Errorf("%+v: status %d, want %d", tt.counts, status, tt.status)
		}
	}
}

func TestServer(t *testing.T) {
	for _, tt := range []struct {
		server, host, port string
		wrong              bool
	}{
		{server: "mail.example.com", host: "mail.example.com"},
		{server: "mail.example.com:2525", host: "mail.example.com", port: "2525"},
		{server: "192.0.2.1", host: "192.0.2.1"},
		{server: "2001:db8::1", host: "2001:db8::1"}, // bare, as people paste it
		{server: "[2001:db8::1]", host: "2001:db8::1"},
		{server: "[2001:db8::1]:25", host: "2001:db8::1", port: "25"},
		{server: "localhost:0", wrong: true},
		{server: "localhost:65536", wrong: true},
		{server: "localhost:smtp", wrong: true},
		{server: "localhost:", wrong: true},
		{server: ":25", wrong: true},
		{server: "smtp://mail.example.com", wrong: true},
		{server: "james@mail.example.com", wrong: true},
		{server: "mail example", wrong: true},
		{server: "a:b:c", wrong: true},
	} {
		host, port, err := splitServer(tt.server)
		if (err != nil) != tt.wrong || err == nil && (host != tt.host || port != tt.port) {
			t.Errorf("%q: %q, %q, %v", tt.server, host, port, err)
		}
	}
}

func TestDurationFlag(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"30", "30s"}, {"1m30s", "1m30s"}, {"0.5", "500ms"}, {"2h", "2h0m0s"},
		{"0", ""}, {"-1", ""}, {"-1s", ""}, {"", ""}, {"soon", ""}, {"1e300", ""}, {"NaN", ""}, {"Inf", ""},
	} {
		var d durationFlag
		err := d.Set(tt.in)
		if tt.want == "" && err == nil || tt.want != "" && d.String() != tt.want {
			t.Errorf("%q: %v, %v", tt.in, &d, err)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"run", "check", "docs", "version", "insecure"}
	for in, want := range map[string]string{"rnu": "run", "chek": "check", "doc": "docs", "insecur": "insecure", "zzz": "", "": "", "x": ""} {
		if got := nearest(in, known); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// A password is asked for where one is missing, and hidden from then on.
func TestAsk(t *testing.T) {
	var asked []string
	p := &process{inIsTerm: true, stderr: io.Discard, password: func(_ context.Context, prompt string) (string, error) {
		asked = append(asked, prompt)
		return "yourpassword", nil
	}}
	env := &suite.Env{Redact: &transcript.Redactor{}, Secrets: map[string]string{"other": "given"}}
	if err := ask(t.Context(), p, env, []string{"password", "other"}); err != nil {
		t.Fatal(err)
	}
	if len(asked) != 1 || asked[0] != "password: " || env.Secrets["password"] != "yourpassword" {
		t.Errorf("asked %q, secrets %v", asked, env.Secrets)
	}
	if got := env.Redact.String("it is yourpassword"); strings.Contains(got, "yourpassword") {
		t.Errorf("not hidden: %s", got)
	}
	p.inIsTerm = false
	asked = nil
	if err := ask(t.Context(), p, env, []string{"third"}); err != nil || asked != nil {
		t.Errorf("asked %q with nobody there, %v", asked, err)
	}
}

// An interrupt while somebody is asked ends the run as any interrupt does.
func TestAskInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	p := &process{inIsTerm: true, stderr: io.Discard, password: func(ctx context.Context, _ string) (string, error) {
		cancel(suite.ErrInterrupted)
		return "", context.Cause(ctx)
	}}
	var f *fault
	err := ask(ctx, p, &suite.Env{Secrets: map[string]string{}}, []string{"password"})
	if !errors.As(err, &f) || f.status != exitInterrupted {
		t.Errorf("%v", err)
	}
}

// The first error of standard output is kept, told once, and nothing more written.
func TestSink(t *testing.T) {
	told := 0
	w := &failing{after: 1}
	s := &sink{w: w, broken: func() { told++ }}
	for range 3 {
		io.WriteString(s, "x")
	}
	if told != 1 || s.fault() != io.ErrClosedPipe || w.writes != 2 {
		t.Errorf("told %d times, %v, %d writes", told, s.fault(), w.writes)
	}
}

type failing struct{ after, writes int }

func (f *failing) Write(b []byte) (int, error) {
	if f.writes++; f.writes > f.after {
		return 0, io.ErrClosedPipe
	}
	return len(b), nil
}

// The caret stands below the column, whatever is before it.
func TestProblemCaret(t *testing.T) {
	redact := &transcript.Redactor{}
	redact.Add("password", "yourpassword")
	for _, tt := range []struct {
		line   string
		column int
		want   string
	}{
		{`expect 654`, 8, "    3 | expect 654\n      |        ^\n"},
		{"\texpect 654", 9, "    3 |     expect 654\n      |            ^\n"},
		{"\"ä\"; expect 654", 14, "    3 | \"ä\"; expect 654\n      |             ^\n"},
		{"\x1b[2J 654", 6, "    3 | \\x1b[2J 654\n      |         ^\n"},
		{`send "yourpassword" 654`, 21, "    3 | send \"[secret:password]\" 654\n      |                          ^\n"},
		{`expect 654`, 0, "    3 | expect 654\n"},
		{`short`, 99, "    3 | short\n"},
	} {
		var b bytes.Buffer
		showProblem(&b, redact, problemAt(tt.line, tt.column))
		if got := b.String()[strings.Index(b.String(), "\n")+1:]; got != tt.want {
			t.Errorf("%q, column %d:\n%swant\n%s", tt.line, tt.column, got, tt.want)
		}
	}
}

func problemAt(line string, column int) dsl.Problem {
	return dsl.Problem{Pos: transcript.Pos{File: "a.lua", Line: 3}, Column: column, Source: line, Msg: "m"}
}
