package scripts_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"smtplay/dsl"
	"smtplay/engine/lab"
	"smtplay/engine/lab/labtest"
	"smtplay/engine/paste"
	"smtplay/engine/suite"
)

// imported is the script that a pasted session becomes.
func imported(t *testing.T, name string) *dsl.Script {
	t.Helper()
	text, err := os.Open("../engine/paste/testdata/" + name + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	var b bytes.Buffer
	w := dsl.NewScriptWriter(&b, dsl.WriteOptions{Title: name})
	for s, err := range paste.Sessions(text) {
		if err == nil {
			err = w.Write("", s.Events)
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	script, problems := dsl.CompileFS(fstest.MapFS{name: {Data: b.Bytes()}}, name, name)
	if len(problems) > 0 {
		t.Fatalf("%s: %v\n%s", name, problems, b.String())
	}
	return script
}

// TestTutorialSessions: each session of the tutorial, imported, passes against a
// Postfix that is set up as the tutorial's was, and fails where it is set up
// otherwise. The tutorial's AUTH LOGIN line speaks of another user than its AUTH
// PLAIN line, so that the user is given.
func TestTutorialSessions(t *testing.T) {
	t.Parallel()
	usual := postfixSite(t, labtest.ForTest(t, lab.Options{}))
	inClear := postfixSite(t, labtest.Private(t, lab.Options{MasterArgs: map[string][]string{"smtp": {"smtpd_tls_auth_only=no"}}}))
	local := usual
	local.targets = map[string]string{"smtp": usual.targets["local"]}
	for _, tt := range []struct {
		name         string
		right, wrong site
		vars         []string // at the right one
		others       []string // at the wrong one
	}{
		{name: "tutorial-localhost", right: local, wrong: usual},
		{name: "tutorial-known-address", right: usual, wrong: usual, others: []string{"recipient=nobody@new.example.com"}},
		{name: "tutorial-unknown-address", right: usual, wrong: local},
		{name: "tutorial-plain", right: inClear, wrong: usual},
		{name: "tutorial-login", right: inClear, wrong: usual, vars: []string{"user=" + lab.User}, others: []string{"user=" + lab.User}},
		{name: "tutorial-starttls", right: usual, wrong: usual, others: []string{"user=nobody@new.example.com"}},
	} {
		script := []*dsl.Script{imported(t, tt.name)}
		for _, r := range tt.right.play(t, script, tt.vars...) {
			if r.Outcome != suite.Passed {
				t.Errorf("%s: %s", tt.name, story(r))
			}
		}
		for _, r := range tt.wrong.play(t, script, tt.others...) {
			if r.Outcome != suite.Failed {
				t.Errorf("%s, where it is not so: %s", tt.name, story(r))
			}
		}
	}
}

// TestImportedFromPostfix: what tools printed of conversations with this very
// server passes against it.
func TestImportedFromPostfix(t *testing.T) {
	t.Parallel()
	usual := postfixSite(t, labtest.ForTest(t, lab.Options{}))
	at := func(name string) site {
		s := usual
		s.targets = map[string]string{"smtp": usual.targets[name], "submissions": usual.targets["submissions"]}
		return s
	}
	for name, site := range map[string]site{
		"telnet": at("smtp"), "nc": at("smtp"), "swaks": at("smtp"), "swaks-refused": at("smtp"), "swaks-pipelined": at("smtp"),
		"swaks-text-hidden": at("smtp"), "swaks-tls": at("submission"), "swaks-password-removed": at("submission"),
		"swaks-login-wrong": at("submission"), "swaks-implicit-tls": at("smtp"), "s-client-starttls": at("submission"),
		"s-client-implicit-tls": at("smtp"), "curl-starttls": at("submission"), "curl-refused": at("smtp"), "exim-v": at("smtp"), "exim-d": at("smtp"),
	} {
		var vars []string
		if name == "swaks-login-wrong" {
			vars = []string{"user=nobody@new.example.com"} // whose password is any but the right one
		}
		for _, r := range site.play(t, []*dsl.Script{imported(t, name)}, vars...) {
			if r.Outcome != suite.Passed {
				t.Errorf("%s: %s", name, story(r))
			}
		}
	}
}

// TestRecordedRunbooks: what was recorded of each runbook, written as a script,
// passes at once against the same server.
func TestRecordedRunbooks(t *testing.T) {
	t.Parallel()
	s, _ := demoSite(t)
	for _, r := range s.run(t, names(t), "send=yes") {
		if r.Outcome != suite.Passed || strings.Contains(conversation(r), "AUTH") && strings.Contains(conversation(r), "\nS: 535") {
			continue // a wrong password has no name of its own
		}
		var b bytes.Buffer
		w := dsl.NewScriptWriter(&b, dsl.WriteOptions{Text: len(r.Events)%2 == 0})
		if err := errors.Join(w.Write("", r.Events), w.Close()); err != nil {
			t.Fatal(err)
		}
		script, problems := dsl.CompileFS(fstest.MapFS{"t.lua": {Data: b.Bytes()}}, "t.lua", r.String())
		if len(problems) > 0 {
			t.Errorf("%v: %v\n%s", r.Test, problems, b.String())
			continue
		}
		for _, again := range s.play(t, []*dsl.Script{script}) {
			if again.Outcome != suite.Passed {
				t.Errorf("%s\n%s", story(again), b.String())
			}
		}
	}
}
