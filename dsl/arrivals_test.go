package dsl

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"smtplay/engine"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// What is wrong in a script that is written out is found before it runs.
func TestEndsWritten(t *testing.T) {
	for _, row := range []struct{ reason, script, want string }{
		{"an option that take has not", `listen():take{ rcptt = "451 x" }`, `take has no option "rcptt": did you mean "rcpt"?`},
		{"an answer that is no reply", `listen():take{ rcpt = "later" }`, `"later" is no line of a reply`},
		{"an answer of two codes", `listen():take{ ehlo = "250-a\n251 b" }`, `another code`},
		{"an answer that goes on", `listen():take{ ehlo = "250-a" }`, `says that more lines follow`},
		{"an answer that is a number", `listen():take{ rcpt = 451 }`, `451 is no answer`},
		{"an option that an answer has not", `listen():take{ rcpt = { replay = "451 x" } }`, `did you mean "reply"?`},
		{"an ending that there is not", `listen():take{ rcpt = { ending = "rest" } }`, `did you mean "reset"?`},
		{"an address where there is none", `listen():take{ ehlo = { ["a@b.example"] = "550 x" } }`, `only mail, rcpt and message have an address`},
		{"an empty answer", `listen():take{ rcpt = {} }`, `false is silence`},
		{"pieces of half an octet", `listen():take{ rcpt = { reply = "250 x", pieces = 0.5 } }`, `how many octets`},
		{"a demand that there is not", `local got = listen():take(); got:expect{ form = "a" }`, `expect has no option "form": did you mean "from"?`},
		{"a demand of nothing", `local got = listen():take(); got:expect{ header = {} }`, `demands nothing`},
		{"a demand that is a number's table", `local got = listen():take(); got:expect{ from = { txt = "a" } }`, `did you mean "text"?`},
		{"a regular expression that is none", `local got = listen():take(); got:expect{ from = { match = "(" } }`, `no regular expression`},
		{"a status that none can be", `maildir("x"):expect{ report = { Status = {} } }`, ``},
		{"a domain that is none", `maildir("x"):expect{ dkim = "a@b" }`, `is no domain`},
		{"a key that is none", `maildir("x"):expect{ dkim = { "b.example", key = "!" } }`, `no base64`},
		{"a method that there is not", `listen():tak()`, `did you mean "take"?`},
		{"a method of what take returns", `listen():take():expct{}`, `did you mean "expect"?`},
		{"a command that is empty", `listen():accept():expect_command ""`, `is no command`},
		{"a command by a table", `listen():accept():expect_command{ mach = "x" }`, `did you mean "match"?`},
		{"a barrier of one", `barrier{ "x", halves = 1 }`, `2`},
		{"an option of log", `log("x"):expect{ queue = "1" }`, `queue`},
		{"a time that is none", `listen():take{ within = "soon" }`, `is no duration`},
		{"an accept of answers", `listen():accept{ rcpt = "250 x" }`, `accept has no option "rcpt"`},
	} {
		_, problems := CompileFS(beside(row.script), "t.lua", "t.lua")
		if text := fmt.Sprint(problems); len(problems) == 0 || !strings.Contains(text, row.want) {
			t.Errorf("%s: %q lacks %q", row.reason, text, row.want)
		}
	}
}

// The examples of the reference are found right, and the one that needs no other server passes.
func TestEndsReference(t *testing.T) {
	_, chapter, _ := strings.Cut(introduction, "## Both ends of the conversation\n")
	chapter, _, _ = strings.Cut(chapter, "\n## ")
	var examples []string
	for _, part := range strings.Split(chapter, "\n\n") {
		if strings.HasPrefix(part, "    ") {
			examples = append(examples, part)
		}
	}
	if len(examples) != 2 {
		t.Fatalf("%d examples", len(examples))
	}
	if _, problems := CompileFS(beside(examples[0]), "t.lua", "t.lua"); len(problems) > 0 {
		t.Error(problems)
	}
	checkVerdict(t, atBothEnds(t, newBench(t, nil), examples[1]), examples[1])
}

// What is right is found right, and what it needs is told.
func TestEndsNeeds(t *testing.T) {
	for _, row := range []struct {
		reason, script string
		server         bool
		targets        string
	}{
		{"a listener alone", `local mx = listen(); mx:take():expect{ from = "a@b.example" }`, false, ""},
		{"at an address", `listen "127.0.0.1:0"`, false, ""},
		{"at an address without a port", `listen "::1"`, false, ""},
		{"by a name", `listen "mx"`, false, "mx"},
		{"a mailbox alone", `maildir("x"):expect{ subject = "y" }`, false, ""},
		{"a client of the listener", `local mx = listen(); connect(mx.address); expect 220`, false, ""},
		{"and one of the default target", `local mx = listen(); expect 220; mx:take()`, true, ""},
		{"every form of answer and demand", `local mx = listen{ "127.0.0.1:0", tls = "expired", names = { "a" }, name = "mx.example.org" }
			local got = mx:take{ greeting = "220 x", ehlo = { reply = { "250-a", "250 b" }, delay = "1s", pieces = 1, pause = 0.1 }, rcpt = { ["a@b"] = "550 x", ["c@d"] = false },
				mail = { "450 x", false, { raw = "x", ending = "drop" }, function() end }, data = function(a, v) return "451 x" end, within = "1m", timeout = 3, capabilities = "X", users = { a = "b" } }
			got:expect{ from = "a@b", to = { "a@b", "c@d" }, subject = { text = "x" }, header = { Subject = { match = "x" }, ["X-Y"] = false, Z = true }, report = { Status = "5.x.x" }, body = true,
				dkim = "example.com", tls = "1.3", helo = "x", user = false, rejected = { ["a@b"] = { text = "451" } }, handshake = false, ended = "quit" }
			local s = mx:accept(); s:expect_command{ "helo", "ehlo", within = "1s" }; s:expect_command{ match = "x" }; s:expect_command("ehlo", { within = 1 }); s:reply{ "250-a", "250 b" }; s:starttls{ refused = "x" }`, false, ""},
	} {
		script, problems := CompileFS(beside(row.script), "t.lua", "t.lua")
		if script == nil || len(problems) > 0 {
			t.Errorf("%s: %v", row.reason, problems)
			continue
		}
		var names []string
		for _, use := range script.Needs().Targets {
			names = append(names, use.Name)
		}
		if n := script.Needs(); n.Default != row.server || strings.Join(names, " ") != row.targets {
			t.Errorf("%s: default %v, targets %v", row.reason, n.Default, names)
		}
	}
}

// Both ends in files of several tests.
func TestEndsTogether(t *testing.T) {
	for _, c := range []struct{ reason, script, want string }{
		{"nothing of a test survives", `
test("a", function() mx = listen(); mx:serve(); start("h", function() connect(mx.address); ehlo() end) end)
test("b", function() assert(mx == nil); local mx = listen(); start("h", function() connect(mx.address); ehlo(); quit() end); barrier_met = mx:take() end)
test("c", function() barrier{ "x", within = "10ms" } end)
test("d", function() start("other", function() barrier "x" end); barrier "x"; assert(true) end)`, "a passed, b passed, c failed, d passed"},
		{"listen outside a test", "local mx = listen()\ntest('a', function() mx:take() end)", "not listed: listen belongs into a test"},
		{"start outside a test", "start('h', function() end)\ntest('a', function() expect 220 end)", "not listed: start belongs into a test"},
		{"barrier outside a test", "barrier 'h'\ntest('a', function() expect 220 end)", "not listed: barrier belongs into a test"},
		{"exec outside a test", "exec 'true'\ntest('a', function() expect 220 end)", "not listed: exec belongs into a test"},
		{"a test in a half", "test('a', function() wait(start('h', function() test('b', function() end) end)) end)", "a error"},
		{"a half without a name", "test('a', function() start('', function() end) end)", "a error"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			b := newBench(t, polite(nil))
			script, problems := CompileFS(fstest.MapFS{"t.lua": {Data: []byte(c.script)}}, "t.lua", "t.lua")
			if script == nil {
				t.Fatal(problems)
			}
			runner := &suite.Runner{Repeat: 3, Jobs: 2}
			tests, err := runner.Plan(t.Context(), b.env, []suite.Script{script})
			got := fmt.Sprintf("not listed: %v", err)
			if err == nil {
				var each []string
				runner.Run(t.Context(), b.env, tests, func(r suite.Result) {
					each = append(each, r.Name+" "+r.Outcome.String())
				})
				got = strings.Join(each, ", ")
			}
			if strings.HasPrefix(c.want, "not listed: ") {
				got = strings.ReplaceAll(got, "t.lua:1:1: ", "")
				if strings.HasPrefix(got, c.want) {
					return
				}
			}
			if got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// A test that is stopped, or takes too long, has that verdict though only its halves
// were still at work.
func TestEndsCutShort(t *testing.T) {
	script, problems := CompileFS(beside("assert(true)\nstart('h', function()\nsleep '1h'\nend)"), "t.lua", "t.lua")
	if script == nil {
		t.Fatal(problems)
	}
	for _, row := range []struct {
		cause error
		want  suite.Outcome
	}{{suite.ErrTestTimeout, suite.Failed}, {suite.ErrInterrupted, suite.Errored}} {
		ctx, stop := context.WithCancelCause(t.Context())
		time.AfterFunc(300*time.Millisecond, func() { stop(row.cause) })
		v := script.Run(ctx, newBench(t, nil).env, &suite.Run{Log: &transcript.Log{Redactor: &transcript.Redactor{}}, Stop: stop})
		if v.Outcome != row.want || v.Failure.Pos.Line != 3 || !strings.Contains(v.Failure.What, row.cause.Error()+` (in the half "h")`) {
			t.Errorf("%v: %v %v", row.cause, v.Outcome, v.Failure)
		}
	}
}

// Two runs of a script leave the same transcript of each conversation, whatever the
// ports were.
func TestEndsTranscriptIsTheSame(t *testing.T) {
	const script = `local mx = listen(); mx:serve()
local c = start("client", function() connect(mx.address); ehlo(); mail "a@b.example"; rcpt "c@d.example"; data "Subject: x\n\ny"; quit() end)
wait(c); mx:expect{ subject = "x" }`
	var before string
	for range 2 {
		b := newBench(t, nil)
		r := b.try(t, script)[0]
		var kept []string
		for line := range strings.Lines(transcriptOf(r)) {
			if !strings.HasPrefix(line, "* connect ") { // which names the port, as that of any server
				kept = append(kept, line)
			}
		}
		second := regexp.MustCompile(`^.\S*2[: ]`)
		slices.SortStableFunc(kept, func(a, b string) int { // one conversation after the other
			return strings.Compare(fmt.Sprint(second.MatchString(a)), fmt.Sprint(second.MatchString(b)))
		})
		now := strings.Join(kept, "")
		if r.Outcome != suite.Passed || before != "" && now != before || !strings.Contains(now, "* note arrived in what was served: Subject: x") || !strings.Contains(now, "*2 accept from 127.0.0.1\n") {
			t.Errorf("%v %v\n%s\nbefore:\n%s", r.Outcome, r.Failure, now, before)
		}
		before = now
	}
}

// What a test began is gone when it has ended, whatever the script forgot.
func TestEndsLeaveNothing(t *testing.T) {
	const script = `local mx = listen(); mx:serve(function(s) s:reply "220 x"; s:command(); sleep "1h" end)
local by = listen(); local c = connect(by.address); local s = by:accept(); s:reply "220 x"; c:expect 220
for i = 1, 5 do connect(mx.address); expect 220; raw "noop\r\n" end
start("h", function() connect(mx.address); expect 220 end)`
	b := newBench(t, nil)
	b.try(t, script)
	files, before := openFiles(), runtime.NumGoroutine()
	for range 10 {
		if r := b.try(t, script)[0]; r.Outcome != suite.Passed {
			t.Fatalf("%v %v\n%s", r.Outcome, r.Failure, transcriptOf(r))
		}
	}
	for range 200 {
		if runtime.NumGoroutine() <= before && openFiles() <= files {
			return
		}
		runtime.Gosched()
		<-time.After(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines and %d files, before %d and %d", runtime.NumGoroutine(), openFiles(), before, files)
}

func openFiles() int {
	entries, _ := os.ReadDir("/proc/self/fd")
	return len(entries)
}

// Secrets stand nowhere, whichever end says them.
func TestEndsSecrets(t *testing.T) {
	const secretText = "correcthorsebattery"
	for _, script := range []string{
		`local mx = listen(); local c = start("c", function() connect(mx.address); ehlo(); auth("PLAIN", "james", secret "password"); quit() end)
mx:take{ users = { james = secret "password" }, auth_in_clear = true }:expect{ user = "nobody" }`,
		`local mx = listen(); local c = start("c", function() connect(mx.address); expect 220; raw("AUTH PLAIN " .. base64.encode("\0james\0correcthorsebattery") .. "\r\n"); reply() end)
local s = mx:accept(); s:reply "220 x"; s:expect_command "ehlo"`,
		`local mx = listen(); local c = start("c", function() connect(mx.address); reply() end)
local s = mx:accept(); s:reply("220 " .. secret "password"); s:command()`,
		`exec("echo " .. secret "password", { status = 1 })`,
		`exec("false " .. secret "password")`,
		`exec("/nonexistent/" .. secret "password")`,
		`imap{ "127.0.0.1:1", user = "james", password = "correcthorsebattery" }`,
		`local mx = listen(); mx:take{ users = { james = { "correcthorsebattery" } } }`,
		`start(secret "password", function() fail "x" end); sleep(5)`,
		`barrier{ secret "password", within = "1ms" }`,
	} {
		b := newBench(t, nil)
		b.env.Options.Commands = &engine.Commands{}
		b.env.Secrets["password"] = secretText
		b.env.Redact.Add("password", secretText)
		r := atBothEnds(t, b, "--impatient\n"+script)
		all := transcriptOf(r)
		if r.Outcome == suite.Passed || r.Failure == nil {
			t.Errorf("%s: %v", script, r.Outcome)
			continue
		}
		f := r.Failure
		all += f.What + f.Want + f.Got + f.Source + f.Target + f.Command + f.Hint
		for _, form := range []string{secretText, "AGphbWVzAGNvcnJlY3Rob3JzZWJhdHRlcnk", "Y29ycmVjdGhvcnNlYmF0dGVye"} {
			if strings.Contains(all, form) {
				t.Errorf("%s: %q is shown in\n%s", script, form, all)
			}
		}
	}
}

// arrivals is a folder with a Maildir, an mbox and a log, and a script beside it.
func arrivals(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, part := range []string{"in/new", "in/cur", "in/tmp", "own", "half/new"} {
		if err := os.MkdirAll(filepath.Join(dir, part), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("letter", "Return-Path: <a@b.example>\nSubject: x\nReceived: from one by two with SMTP id 7 for <c@d.example>; Mon, 1 Jan 2024 00:00:00 +0000\n\nHi\n")
	write("mbox", "")
	write("mail.log", "2024-01-01T00:00:00.000000+00:00 mx postfix/master[7]: daemon started\n")
	return dir
}

// Where messages arrive: what is demanded, what may be read and removed, and what
// is blamed.
func TestArrivals(t *testing.T) {
	const began = `local dir = var "dir"; exec("cp " .. dir .. "/letter " .. dir .. "/in/new/1")
exec("sh -c 'echo \"$(date +%Y-%m-%dT%H:%M:%S.%6N%:z) mx postfix/smtp[7]: 4F1A2B3C: to=<c@d.example>, relay=none, delay=0.1, delays=0/0/0/0.1, dsn=4.7.1, status=deferred (come back)\" >> " .. dir .. "/mail.log'")
`
	for _, c := range []struct {
		reason, script string
		allow          func(dir string) suite.Permissions
	}{
		{"a Maildir that may be read", `local m = maildir(var "dir" .. "/in"):expect{ subject = "x", from = "a@b.example" }
assert(m.subject == "x" and m.from == "a@b.example" and m.body == "Hi\n" or m.body == "Hi", m.body)
assert(m:header("Received")[1] and m.received[1].by == "two" and m.report == nil and m.size > 10 and m.where and m.raw)
m:expect{ subject = "x" }
m:expect{ subject = "y" } --! failed: the message is not as demanded; header Subject: expected "y", got "x"`, reading},
		{"one that may not", `maildir(var "dir" .. "/in") --! error: is read with --allow read=`, nil},
		{"an mbox that may not", `mbox(var "dir" .. "/mbox") --! error: is read with --allow read=`, nil},
		{"a log that may not", `log(var "dir" .. "/mail.log") --! error: is read with --allow read=`, nil},
		{"a link out of what may be read", `maildir(var "dir" .. "/own/link") --! error: leads to`, func(dir string) suite.Permissions {
			_ = os.Symlink(filepath.Join(dir, "in"), filepath.Join(dir, "own/link"))
			return suite.Permissions{Read: []string{filepath.Join(dir, "own")}}
		}},
		{"removing", `maildir(var "dir" .. "/in"):expect{ subject = "x" }:remove()
maildir(var "dir" .. "/in"):expect{ subject = "x", within = "20ms" } --! failed: no message came`, func(dir string) suite.Permissions {
			return suite.Permissions{Read: []string{dir}, Remove: []string{dir}}
		}},
		{"removing what may not be", `local m = maildir(var "dir" .. "/in"):expect{ subject = "x" }
m:remove() --! error: is removed with --allow remove=`, reading},
		{"no Maildir", `maildir(var "dir" .. "/half") --! error: it has no folder cur`, reading},
		{"no folder", `maildir(var "dir" .. "/none") --! error: is no folder that can be read`, reading},
		{"no log", `log(var "dir" .. "/none.log") --! error: none.log`, reading},
		{"a log that is a folder", `log(var "dir" .. "/in") --! error: log:`, reading},
		{"a message that does not come", `maildir(var "dir" .. "/in"):expect{ subject = "y", within = "20ms" } --! failed: the nearest (Subject: x`, reading},
		{"an mbox without messages", `mbox(var "dir" .. "/mbox"):expect{ subject = "y", within = "20ms" } --! failed: no message came since the test began`, reading},
		{"nothing demanded", `maildir(var "dir" .. "/in"):expect{} --! error: nothing is demanded`, reading},
		{"an empty token", `local t = ""
maildir(var "dir" .. "/in"):expect{ token = t, subject = "x" } --! error: token of mailbox:expect is empty`, reading},
		{"a demand that is no value of Lua's", `local box = maildir(var "dir" .. "/in")
box:expect{ subject = "x", from = box } --! error: demands nothing`, reading},
		{"fields that are no value of Lua's", `local box = maildir(var "dir" .. "/in")
box:expect{ subject = "x", header = box } --! error: it is a table of fields`, reading},
		{"a log", `local e = log(var "dir" .. "/mail.log"):expect{ queue_id = "4F1A2B3C", status = "deferred", dsn = "4.7.x" }
assert(e.to == "c@d.example" and e.text and e.delay == 0.1)`, reading},
		{"a line that does not come", `log(var "dir" .. "/mail.log"):expect{ queue_id = "4F1A2B3C", status = "sent", within = "30ms" } --! failed: deferred`, reading},
		{"an empty demand of a log", `local id = ""
log(var "dir" .. "/mail.log"):expect{ queue_id = id, status = "sent" } --! error: queue_id of log:expect is empty`, reading},
		{"a server of IMAP that is not there", `imap{ "127.0.0.1:1", user = "u", password = "pass.word", tls = false } --! error: imap 127.0.0.1:1`, nil},
		{"a server of IMAP that is none", "local mx = listen()\nstart('mx', function() mx:take{ greeting = '220 x' } end)\nimap{ mx.address, user = 'u', password = 'pass.word', timeout = '1s' } --! error: imap 127.0.0.1", nil},
		{"imap without a password", `imap{ "127.0.0.1:1", user = "u" } --! error: needs a password`, nil},
		{"two halves at a Maildir", `local box = maildir(var "dir" .. "/in")
local h = start("h", function() return box:expect{ subject = "x" } end)
box:expect{ subject = "x" }; wait(h):expect{ from = "a@b.example" }`, reading},
		{"a command", `assert(exec "printf 'a b'" == "a b")`, nil},
		{"a command that fails", `exec "sh -c 'echo oh; exit 3'" --! failed: exec: exit status 3, not 0: oh`, nil},
		{"a command that should", `exec("false", { status = 1 }); assert(true)`, nil},
		{"a command that is too slow", `exec("sleep 10", { within = "30ms" }) --! failed: exec: the command did not end in 30ms`, nil},
		{"a command that there is not", `exec "/nonexistent" --! error: /nonexistent could not be run`, nil},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			dir := arrivals(t)
			b := newBench(t, nil)
			b.env.Vars["dir"], b.env.Options.Commands = dir, &engine.Commands{}
			if c.allow != nil {
				b.env.Allow = c.allow(dir)
			}
			checkVerdict(t, atBothEnds(t, b, began+c.script), began+c.script)
		})
	}
}

func reading(dir string) suite.Permissions { return suite.Permissions{Read: []string{dir}} }

// Where nothing came at all there is nothing to compare, so it is said where to look.
func TestNothingArrived(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ script, hint, reason string }{
		{`mbox(var "dir" .. "/mbox"):expect{ subject = "y", within = "20ms" }`, "mailq", "nothing came"},
		{`local box = maildir(var "dir" .. "/in"); exec("cp " .. var "dir" .. "/letter " .. var "dir" .. "/in/new/1"); box:expect{ subject = "y", within = "20ms" }`, "", "the nearest is shown, and what differs"},
	} {
		dir := arrivals(t)
		b := newBench(t, nil)
		b.env.Vars["dir"], b.env.Allow, b.env.Options.Commands = dir, reading(dir), &engine.Commands{}
		r := atBothEnds(t, b, tt.script)
		if r.Failure == nil || (r.Failure.Hint == "") != (tt.hint == "") || !strings.Contains(r.Failure.Hint, tt.hint) {
			t.Errorf("%v %+v, want the hint %q (%s)", r.Outcome, r.Failure, tt.hint, tt.reason)
		}
	}
}
