package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"smtplay/engine/lab"
	"smtplay/engine/lab/labtest"
)

// asLab makes the test binary the command itself, for the test that sends it a signal.
const asLab = "SMTPLAY_LAB_TEST_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asLab) != "" {
		os.Exit(run(nil, os.Stdout, os.Stderr))
	}
	labtest.Main(m)
}

func TestUsage(t *testing.T) {
	for _, test := range []struct {
		args   []string
		status int
	}{
		{[]string{"-h"}, 0},
		{[]string{"--help"}, 0},
		{[]string{"--"}, exitUsage},
		{[]string{"true"}, exitUsage},
	} {
		var out, complaint bytes.Buffer
		if status := run(test.args, &out, &complaint); status != test.status {
			t.Errorf("%q: status %d, want %d", test.args, status, test.status)
		}
		if !strings.HasPrefix(out.String()+complaint.String(), "usage: lab") {
			t.Errorf("%q: no usage", test.args)
		}
		if (out.Len() > 0) != (test.status == 0) {
			t.Errorf("%q: help on the wrong stream", test.args)
		}
	}
}

func TestAroundCommand(t *testing.T) {
	_ = labtest.ForTest(t, lab.Options{}) // skips where there is no Postfix
	for _, test := range []struct {
		name, script string
		status       int
		out          string // a regular expression
	}{
		{"environment", `echo "$SMTPLAY_SERVER $SMTPLAY_TARGET_local $SMTPLAY_TLS_NAME $SMTPLAY_SECRET_password $SMTPLAY_VAR_send"`, 0,
			`^127\.0\.0\.1:\d+ 127\.0\.0\.1:\d+ maila\.example\.com yourpassword yes\n$`},
		{"flags", `test "$SMTPLAY_TARGET_smtp" = "$SMTPLAY_SERVER" && echo "$SMTPLAY_FLAGS"`, 0,
			`^--server \S+ --target local=\S+ --target submission=\S+ --target submissions=\S+ --target xclient=\S+ --target mx=127\.0\.0\.1:\d+ --ca \S+ --tls-name maila\.example\.com --var send=yes --var inbox=\S+/james --var mail_log=\S+ --allow read=\S+\n$`},
		{"both ends", `echo "$SMTPLAY_TARGET_mx" && test -d "$SMTPLAY_VAR_inbox/new" && test -f "$SMTPLAY_VAR_mail_log" && $SMTPLAY_FLUSH`, 0, `^127\.0\.0\.1:\d+\n$`},
		{"files", `test -s "$SMTPLAY_LOG" && grep -c BEGIN "$SMTPLAY_CA"`, 0, `^1\n$`},
		{"status", "exit 7", 7, `^$`},
		{"signal", "kill -TERM $$", 128 + 15, `^$`},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out, complaint bytes.Buffer
			if status := run([]string{"--", "sh", "-c", test.script}, &out, &complaint); status != test.status {
				t.Errorf("status %d, want %d: %s", status, test.status, &complaint)
			}
			if !regexp.MustCompile(test.out).MatchString(out.String()) {
				t.Errorf("got output %q, want %s", &out, test.out)
			}
		})
	}
	var out, complaint bytes.Buffer
	if status := run([]string{"--", "/no/such/command"}, &out, &complaint); status != exitFault {
		t.Errorf("no such command: status %d, want %d", status, exitFault)
	}
	if !strings.HasPrefix(complaint.String(), "lab: error: ") {
		t.Errorf("no such command: %q", &complaint)
	}
}

// invocationForm is what can be pasted, and what follows it until a Ctrl-C.
var invocationForm = regexp.MustCompile(`^SMTPLAY_SECRET_password=yourpassword smtplay run --server 127\.0\.0\.1:\d+ \\
  --target local=127\.0\.0\.1:\d+ --target submission=127\.0\.0\.1:\d+ --target submissions=127\.0\.0\.1:\d+ --target xclient=127\.0\.0\.1:\d+ --target mx=127\.0\.0\.1:\d+ \\
  --ca (/\S+)/tls/ca\.pem --tls-name maila\.example\.com --var send=yes \\
  --var inbox=/\S+/james --var mail_log=/\S+ --allow read=/\S+ scripts/
$`)

func TestUntilSignal(t *testing.T) {
	_ = labtest.ForTest(t, lab.Options{}) // skips where there is no Postfix
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), asLab+"=1")
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = cmd.Process.Kill() })
			text := make([]byte, 4096)
			n, err := out.Read(text)
			if err != nil {
				t.Fatal(err)
			}
			form := invocationForm.FindSubmatch(text[:n])
			if form == nil {
				t.Fatalf("got output %q", text[:n])
			}
			if err := cmd.Process.Signal(s); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("after the signal: %v", err)
			}
			if _, err := os.Stat(string(form[1])); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the server's folder is still there: %v", err)
			}
		})
	}
}
