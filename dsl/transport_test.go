package dsl

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"smtplay/engine"
	"smtplay/engine/lab"
	"smtplay/engine/server"
	"smtplay/engine/suite"
)

// IPv6 and UNIX sockets at a real Postfix.
func TestPostfixFamilies(t *testing.T) {
	t.Parallel()
	p, b := postfix(t, lab.Options{Listeners: []lab.Listener{
		{Name: "six", Family: lab.IPv6}, {Name: "socket", Family: lab.Unix},
	}})
	b.env.Targets.Named["six"], b.env.Targets.Named["socket"] = p.Addr("six"), p.Addr("socket")
	b.env.Helo = ""
	deliver := "; ehlo(); starttls(); ehlo(); mail 'a@example.org'; rcpt 'james@new.example.com'; data 'Subject: hello\\n\\nhello\\n'; quit()"
	for _, row := range []struct{ reason, script, shown string }{
		{"IPv6", "connect 'six'" + deliver, "C: EHLO [IPv6:::1]\n"},
		{"IPv6, as an address", "connect '" + p.Addr("six") + "'" + deliver, "* connect " + p.Addr("six") + "\n"},
		{"IPv6, from an address of ours", "connect('six', { source = '::1' })" + deliver, ""},
		{"from an address of the other family", "connect('six', { source = '127.0.0.1' }) --! error: no connection to [::1]", ""},
		{"a UNIX socket", "connect 'socket'" + deliver, "* connect socket unix:/"},
		{"a UNIX socket, as an address", "connect '" + p.Addr("socket") + "'" + deliver, "C: EHLO localhost\n"},
		{"a UNIX socket that is not there", "connect 'unix:/nowhere/at/all' --! error: no connection to unix:/nowhere/at/all: connect: no such file or directory", ""},
	} {
		t.Run(row.reason, func(t *testing.T) {
			r := b.try(t, row.script)[0]
			checkVerdict(t, r, row.script)
			if !strings.Contains(transcriptOf(r), row.shown) {
				t.Errorf("%q is not in\n%s", row.shown, transcriptOf(r))
			}
		})
	}
}

// LMTP over a UNIX socket: a reply for each recipient.
func TestLMTPSocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lmtp")
	peer := &server.Server{Network: "unix", Address: path, Handler: server.Polite{Domain: "mail.example.com", LMTP: true}.Serve}
	if err := peer.Listen(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { peer.Close() })
	b := newBench(t, nil)
	b.env.Targets.Named = map[string]string{"lmtp": "unix:" + path}
	script := "connect 'lmtp'; lhlo(); mail 'a@example.org'; rcpt 'b@example.com'; rcpt 'c@example.com'; data('hello', { expect = { ['b@example.com'] = 250, ['c@example.com'] = 250 } })"
	checkVerdict(t, b.try(t, script)[0], script)
}

// command writes a program of the shell's for exec: to run.
func command(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "it's a server")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	return `exec:"` + path + `"`
}

// A command's standard input and output are the connection.
func TestExec(t *testing.T) {
	t.Parallel()
	talks := command(t, `echo "220 ready"
while read -r line; do
	case $line in
	QUIT*) echo "221 bye"; exit 0 ;;
	EHLO*) echo "250-hello"; echo "250 AUTH PLAIN" ;;
	AUTH*) echo "235 in" ;;
	STAR*) echo "220 go"; sleep 60 ;;
	HANG*) sleep 60 ;;
	SEEN*) echo "250 $SMTPLAY_SECRET_password$1$MARK" ;;
	SPEAK*) echo "250 ok"; echo "250 again" ;;
	DIE*) echo "it broke" >&2; exit 75 ;;
	LOUD*) yes "much ado" | head -n 100000 >&2; exit 1 ;;
	BYE*) echo "421 bye"; exit 1 ;;
	KILL*) kill -9 $$ ;;
	*) echo "250 ok" ;;
	esac
done
exit 3
`)
	b := newBench(t, nil)
	b.env.Options.Commands = &engine.Commands{Env: append(os.Environ(), "MARK=here")}
	b.env.Options.Timeout = 5 * time.Second
	b.env.Targets.Named = map[string]string{"smtp": talks + ` "a b"'c'\ d`, "none": "exec:/nowhere/at-all -bs", "ends": "exec:true", "fails": command(t, "echo 'cannot open it' >&2; exit 75"),
		"silent": "exec:sleep 600", "closed": command(t, "exec >&-; sleep 600")}
	for _, row := range []struct{ reason, script, shown string }{
		{"a conversation", "ehlo(); mail 'a@b'; rcpt 'c@d'; quit()", "* connect smtp exec:"},
		{"a script may name it, as an address", `connect "` + strings.ReplaceAll(talks, `"`, `\"`) + `"; ehlo()`, ""},
		{"words are split, and a script's inputs are not seen", "ehlo(); send 'SEEN'; expect{ 250, match = '^a bc dhere$' }", ""},
		{"a password is as safe as over loopback", "ehlo(); auth('PLAIN', 'james', 'pa55word')", ""},
		{"silence is silence", "expect 220; expect_silence '50ms'; ehlo()", ""},
		{"an answer too many is seen", "expect 220; send 'SPEAK'; expect 250; attempt(function() expect_silence '5s' end)\nsend 'noop' --! failed: the server had said something that nothing asked for", ""},
		{"it never answers", "ehlo(); send 'HANG'\nexpect{ 250, within = '100ms' } --! failed: no reply within 100ms", ""},
		{"it never greets", "connect 'silent'\nexpect{ 220, within = '100ms' } --! failed: no reply within 100ms", ""},
		{"it ends in the middle", "ehlo(); send 'DIE'\nexpect 250 --! failed: the server closed the connection", "* note the command ended: exit status 75\n* note standard error of the command: it broke\n"},
		{"it is killed", "ehlo(); send 'KILL'\nexpect 250 --! failed: the server closed the connection", "* note the command ended: signal: killed\n"},
		{"it complains without end", "ehlo(); send 'LOUD'\nexpect 250 --! failed: the server closed the connection", "standard error of the command: much ado\n* note standard error of the command: …\n"},
		{"it ends at once, well", "connect 'ends'\nexpect 220 --! failed: the server closed the connection", ""},
		{"it ends at once, badly", "connect 'fails'\nexpect 220 --! failed: the server closed the connection", "standard error of the command: cannot open it\n"},
		{"it closes its output", "connect 'closed'; expect_close(); note 'gone'", ""},
		{"what is sent to one that has ended", "connect 'ends'; expect_close()\nehlo() --! failed: this conversation is", ""},
		{"it fails, which is no close", "connect 'fails'\nexpect_close() --! failed: the command did not close the connection, it failed: exit status 75", "standard error of the command: cannot open it\n"},
		{"likewise in the middle", "ehlo(); send 'DIE'\nexpect_close() --! failed: it failed: exit status 75", ""},
		{"it crashes, which is no close either", "ehlo(); send 'KILL'\nexpect_close() --! failed: it failed: signal: killed", ""},
		{"with what status it ends behind a goodbye is its affair", "ehlo(); send 'BYE'; expect 421; expect_close()", "exit status 1"},
		{"there is no such command", "connect 'none' --! error: the command /nowhere/at-all could not be run: no such file or directory", ""},
		{"nor one in the path", "connect 'exec:no-such-command-anywhere' --! error: could not be run: executable file not found in $PATH", ""},
		{"TLS from the first byte, to one that speaks none", "connect('smtp', { tls = true }) --! failed: in clear", ""},
		{"no PROXY header without an address", "connect('smtp', { proxy = { source = '203.0.113.7:1' } }) --! error: proxy needs a destination", ""},
	} {
		t.Run(row.reason, func(t *testing.T) {
			t.Parallel()
			r := b.try(t, row.script)[0]
			checkVerdict(t, r, row.script)
			if !strings.Contains(transcriptOf(r), row.shown) {
				t.Errorf("%q is not in\n%s", row.shown, transcriptOf(r))
			}
			if len(transcriptOf(r)) > 64<<10 {
				t.Errorf("the transcript has %d bytes", len(transcriptOf(r)))
			}
		})
	}
}

// What is a command is run only where whoever runs the script said so.
func TestExecForbidden(t *testing.T) {
	t.Parallel()
	mark := filepath.Join(t.TempDir(), "mark")
	b := newBench(t, nil)
	script, problems := Compile("t.lua", []byte("local c = connect 'exec:touch "+mark+"'; c:expect 220"))
	if problems.Err() != nil {
		t.Fatal(problems)
	}
	if p := script.Ready(b.env); p.Err() == nil || !strings.Contains(p.Err().Error(), "--allow exec only") {
		t.Errorf("%v", p)
	}
	r := b.try(t, "local how = 'exec:'; connect(how .. 'touch "+mark+"')")[0]
	if r.Outcome != suite.Errored || !strings.Contains(r.Failure.What, "--allow exec only") {
		t.Errorf("%v %v", r.Outcome, r.Failure)
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("it was run")
	}
}

// Postfix's sendmail -bs speaks SMTP on its standard input and output.
func TestPostfixSendmailBS(t *testing.T) {
	t.Parallel()
	p, b := postfix(t, lab.Options{})
	b.env.Options.Commands = &engine.Commands{}
	b.env.Targets.Named["smtp"] = "exec:/usr/sbin/sendmail -C '" + filepath.Join(p.Dir(), "etc") + "' -bs"
	script := "expect 220; ehlo(); mail 'a@example.org'; rcpt 'james@new.example.com'; data 'Subject: hello\\n\\nhello\\n'; quit()"
	checkVerdict(t, b.try(t, script)[0], script)
	script = "expect 220; ehlo(); mail 'a@example.org'; send 'nonsense'; expect 5xx\nrcpt('james@new.example.com', { expect = 554 }) --! failed: expected 554, got 250"
	checkVerdict(t, b.try(t, script)[0], script)
}
