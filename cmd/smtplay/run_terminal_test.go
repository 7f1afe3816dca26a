//go:build unix

package main

import (
	"bytes"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"smtplay/engine/server"
)

// settled is what is left on a screen on which lines were taken back.
func settled(screen string) string {
	var left []string
	for line := range strings.SplitSeq(strings.ReplaceAll(screen, "\r\n", "\n"), "\n") {
		drafts := strings.Split(line, takeBack)
		left = append(left, drafts[len(drafts)-1])
	}
	return strings.Join(left, "\n")
}

// held is a server that answers NOOP when it may.
func held(t *testing.T) (address string, asked, answer chan struct{}) {
	asked, answer = make(chan struct{}, 9), make(chan struct{})
	srv := server.Start(t, server.Polite{Domain: "mail.example.com", On: server.Answers{
		"noop": server.Do(func(s *server.Session) {
			asked <- struct{}{}
			<-answer
			s.Reply("250 ok")
		}),
	}}.Serve)
	t.Cleanup(func() {
		select {
		case <-answer:
		default:
			close(answer)
		}
	})
	return srv.Addr(), asked, answer
}

// How far a run is stands in one line, which no result runs into and which is
// gone at the end.
func TestStatusLine(t *testing.T) {
	t.Parallel()
	address, asked, answer := held(t)
	dir := t.TempDir()
	write(t, dir, map[string]string{"a.lua": "ehlo()", "b.lua": "ehlo(); noop()", "c.lua": "ehlo(); noop()"})
	k := sitIn(t, dir, nil, "run", "--server", address, "--jobs", "2", ".")
	<-asked
	<-asked
	k.sees("1 of 3 tests done; for ", " s now b.lua, and 1 more")
	close(answer)
	k.ends(exitPassed)
	if !strings.Contains(k.screen(), "\x1b[2m1 of 3 tests done") {
		t.Error("the line is not faint")
	}
	got := settled(k.screen())
	for _, mark := range []string{"of 3 tests done", "\r", "\x1b[K"} {
		if strings.Contains(got, mark) {
			t.Errorf("%q is left:\n%q", mark, got)
		}
	}
	if lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n"); len(lines) != 4 || !strings.Contains(lines[3], "3 passed, 0 failed") {
		t.Errorf("left is\n%q", got)
	}
}

// Where nobody wants colours there are none, and where a line cannot be taken
// back there is none; nor where the conversations are shown.
func TestStatusLinePlain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		env    []string
		args   []string
		line   bool
		reason string
	}{
		{[]string{"NO_COLOR=1"}, nil, true, "NO_COLOR"},
		{nil, []string{"--color", "never"}, true, "--color never"},
		{[]string{"TERM=dumb"}, nil, false, "TERM=dumb"},
		{nil, []string{"-v", "--color", "never"}, false, "-v"},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			address, asked, answer := held(t)
			dir := t.TempDir()
			write(t, dir, map[string]string{"b.lua": "ehlo()\nnoop()\neventually{ within = 5, every = 0.5, function() assert(2 > 1) end }"})
			k := sitIn(t, dir, tt.env, append([]string{"run", "--server", address, "b.lua"}, tt.args...)...)
			<-asked
			if tt.line {
				k.sees("0 of 1 test done; for ", " s now b.lua")
			}
			close(answer)
			k.ends(exitPassed)
			if screen := k.screen(); strings.Contains(screen, "test done") != tt.line || strings.Contains(screen, "\x1b[2m") || !tt.line && strings.Contains(screen, "\x1b") {
				t.Errorf("%q", screen)
			}
		})
	}
}

// The line is one line, whatever the names, and the cursor stands at its beginning:
// a terminal that is made narrower then breaks it after the cursor.
func TestStatusFits(t *testing.T) {
	for _, tt := range []struct {
		columns int
		names   []string
		want    string
		why     string
	}{
		{80, nil, "0 of 14 tests done", "nothing runs yet"},
		{80, []string{"a.lua"}, "0 of 14 tests done; for 0 s now a.lua", "all"},
		{80, []string{"a.lua", "b.lua", "c.lua"}, "0 of 14 tests done; for 0 s now a.lua, and 2 more", "and how many more"},
		{60, []string{"a.lua: " + strings.Repeat("x", 99), "b.lua"}, "0 of 14 tests done; for 0 s now a.lua: xxxxxxx…, and 1 more", "a long name gives way"},
		{60, []string{"a.lua: 日本語日本語", "b.lua"}, "0 of 14 tests done; for 0 s now a.lua: 日本語…, and 1 more", "wide letters too"},
		{40, []string{"a.lua: " + strings.Repeat("x", 99)}, "0 of 14 tests done; for 0 s now a.lua: ", "what has no room at all is cut"},
		{1, []string{"a.lua"}, "0", "no room"},
	} {
		var out bytes.Buffer
		s := &status{w: &out, width: func() int { return tt.columns }, hide: func(name string) string { return name }, ink: fmt.Sprint, total: 14}
		for _, name := range tt.names {
			s.running = append(s.running, &begun{name, time.Now()})
		}
		s.draw()
		if got, want := out.String(), takeBack+strings.TrimRight(tt.want, " ")+"\r"; got != want {
			t.Errorf("%q, want %q (%s)", got, want, tt.why)
		}
		out.Reset()
		if s.draw(); out.Len() > 0 {
			t.Errorf("what did not change is written again: %q (%s)", &out, tt.why)
		}
		if s.clear(); out.String() != takeBack {
			t.Errorf("taken away with %q (%s)", &out, tt.why)
		}
		s.draw()
		out.Reset()
		s.width = func() int { return tt.columns - 1 }
		if s.draw(); !strings.HasPrefix(out.String(), takeAllBack) {
			t.Errorf("in a narrower terminal %q: what was broken is left (%s)", &out, tt.why)
		}
		out.Reset()
		s.width = func() int { return tt.columns - 2 }
		if s.clear(); out.String() != takeAllBack {
			t.Errorf("in a narrower terminal taken away with %q (%s)", &out, tt.why)
		}
	}
}

func TestFitting(t *testing.T) {
	for _, tt := range []struct {
		line    string
		columns int
		want    string
	}{{"abc", 3, "abc"}, {"abcd", 3, "abc"}, {"ab cd", 3, "ab"}, {"日本", 3, "日"}, {"é日", 3, "é日"}, {"abc", 0, "a"}, {"", 5, ""}} {
		if got := fitting(tt.line, tt.columns); got != tt.want {
			t.Errorf("%q in %d columns is %q, want %q", tt.line, tt.columns, got, tt.want)
		}
	}
}

// taught is a server that keeps what it is sent, and a script in steps.
func taught(t *testing.T) (address, dir string, got *atomic.Int32) {
	got = &atomic.Int32{}
	count := server.Do(func(s *server.Session) {
		got.Add(1)
		s.Reply("250 ok")
	})
	srv := server.Start(t, server.Polite{Domain: "mail.example.com", On: server.Answers{"noop": count, "vrfy": count, "rset": count}}.Serve)
	dir = t.TempDir()
	write(t, dir, map[string]string{"t.lua": `ehlo()
noop()
	send "VRFY hunter22"; expect 250 -- tail
rset()
`, "u.lua": "ehlo()", "pw.txt": "hunter22"})
	return srv.Addr(), dir, got
}

// Nothing is sent before it was looked at.
func TestStep(t *testing.T) {
	t.Parallel()
	address, dir, got := taught(t)
	k := sitIn(t, dir, nil, "run", "--server", address, "--step", "--jobs", "8", "--color", "never", "--secret", "password=@pw.txt", "t.lua", "u.lua")
	const asks = "Enter goes on, c to the end, q quits: "
	k.sees("t.lua:1 | ehlo()", asks)
	k.types("what?" + enter)
	k.sees(asks)
	k.types(enter)
	k.sees("C: EHLO", "t.lua:2 | noop()", asks)
	if n := got.Load(); n != 0 {
		t.Errorf("%d commands were sent before anybody said so", n)
	}
	k.types(enter)
	k.sees("C: NOOP", "S: 250 ok", `t.lua:3 | send "VRFY [secret:password]"; expect 250 -- tail`, asks)
	if n := got.Load(); n != 1 {
		t.Errorf("%d commands were sent, want 1", n)
	}
	k.types("c" + enter)
	k.sees("C: VRFY [secret:password]", "C: RSET", "ok    t.lua", "C: EHLO", "ok    u.lua", "2 passed, 0 failed")
	k.ends(exitPassed)
	if strings.Contains(k.screen(), "hunter22") {
		t.Error("the secret is shown")
	}
}

func TestStepQuit(t *testing.T) {
	t.Parallel()
	for _, typed := range []string{"q" + enter, "\x04", "\x03"} { // and Ctrl-D, Ctrl-C
		address, dir, got := taught(t)
		k := sitIn(t, dir, nil, "run", "--server", address, "--step", "--color", "never", "t.lua", "u.lua")
		k.sees("t.lua:1 | ")
		k.types(enter)
		k.sees("t.lua:2 | ", "q quits: ")
		k.types(typed)
		k.sees("t.lua:2: interrupted", "0 passed, 0 failed, 0 skipped, 1 errors", "smtplay: error: interrupted: 1 test not run")
		k.ends(exitInterrupted)
		if got.Load() != 0 {
			t.Errorf("after %q more was sent", typed)
		}
	}
}

// Where nobody can be asked nothing runs.
func TestStepRefused(t *testing.T) {
	t.Parallel()
	address, dir, _ := taught(t)
	e := child{dir: dir}.run(t, "run", "--server", address, "--step", "t.lua")
	if e.status != exitUsage || !strings.Contains(e.stderr, "--step asks before each line, and standard input is no terminal") || e.stdout != "" {
		t.Errorf("%+v", e)
	}
}
