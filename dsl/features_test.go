package dsl

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// marks are found in the source of a test that talks to that software.
var marks = map[software]string{
	ownPeer: `server\.|polite\(`, demoServer: `demo`, goSMTP: `go-smtp`, realPostfix: `ostfix`, realExim: `exim\.`,
	realOpenSMTPD: `opensmtpd\.`, realChasquid: `chasquid\.`, realDovecot: `dovecot\.`, openSSH: `sshd\.`, ownSSH: `jumptest\.Start`,
}

// packages are the folders of those whose tests see features.
var packages = map[string]string{"dsl": ".", "engine": "../engine", "scripts": "../scripts", "demo": "../engine/demo", "cmd": "../cmd/smtplay"}

// sourceOf is the file of a package that holds a test.
func sourceOf(t *testing.T, test string) string {
	t.Helper()
	pkg, name, _ := strings.Cut(test, ".")
	files, err := filepath.Glob(filepath.Join(packages[pkg], "*_test.go"))
	if packages[pkg] == "" || err != nil {
		t.Fatalf("%s: no such package: %v", test, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc "+name+"(t *testing.T) {") {
			return string(text)
		}
	}
	return ""
}

// beside is a folder with a script, and the files that the table's lines name.
func beside(script string) fstest.MapFS {
	return fstest.MapFS{"t.lua": {Data: []byte(script)}, "a.pdf": {Data: []byte("%PDF")}, "letter.eml": {Data: []byte("Subject: x\n\ny\n")}}
}

// faultsOf says what of a feature is not so: a line that does not compile, a
// verb, a runbook or a test that there is not, a test that talks to another
// server or of something else.
func faultsOf(t *testing.T, f feature) (faults []string) {
	t.Helper()
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if f.word == "" || len(f.seen) == 0 {
		fault("it was seen by nobody")
	}
	if !strings.HasPrefix(f.line, "--") { // flags are looked at where they are
		if _, problems := CompileFS(beside(f.line), "t.lua", "t.lua"); len(problems) > 0 {
			fault("%s: %v", f.line, problems)
		}
		if verb := regexp.MustCompile(`^[a-z_0-9.]+`).FindString(f.line); verb != "for" && verbNamed[verb] == nil {
			fault("no verb is called %q", verb)
		}
	}
	runbook := ""
	if f.runbook != "" {
		text, err := os.ReadFile(filepath.Join("../scripts", f.runbook))
		if err != nil {
			fault("%v", err)
		}
		runbook = string(text)
	}
	for _, s := range f.seen {
		source := sourceOf(t, s.test)
		holds := source
		if strings.HasPrefix(s.test, "scripts.") {
			holds += runbook // which those tests run
		}
		switch {
		case source == "":
			fault("there is no test %s", s.test)
		case !regexp.MustCompile(marks[s.server]).MatchString(source):
			fault("%s says nothing of %v", s.test, s.server)
		case !strings.Contains(strings.ToLower(holds), strings.ToLower(f.word)):
			fault("%s and the runbook %q do not hold %q", s.test, f.runbook, f.word)
		}
	}
	return faults
}

// Whatever the table claims is so.
func TestFeatures(t *testing.T) {
	seen := map[string]bool{}
	for _, g := range featureGroups {
		for _, f := range g.features {
			if seen[f.name] {
				t.Errorf("%s: twice", f.name)
			}
			seen[f.name] = true
			for _, fault := range faultsOf(t, f) {
				t.Errorf("%s: %s", f.name, fault)
			}
		}
	}
	if _, err := Docs("Features"); err != nil || !strings.Contains(Reference(), FeatureTable()) {
		t.Errorf("the table is not in the reference: %v", err)
	}
}

// A claim that is not so is found out.
func TestFeaturesFalse(t *testing.T) {
	sound := feature{"x", `auth("PLAIN", "james", secret "password")`, "AUTH PLAIN", []sighting{{realPostfix, "scripts.TestPostfix"}}, "auth-plain.lua"}
	if faults := faultsOf(t, sound); faults != nil {
		t.Fatal(faults)
	}
	for _, row := range []struct {
		reason string
		change func(*feature)
		want   string
	}{
		{"no test", func(f *feature) { f.seen = nil }, "seen by nobody"},
		{"a test that there is not", func(f *feature) { f.seen[0].test = "scripts.TestPostfixes" }, "there is no test scripts.TestPostfixes"},
		{"a test in another package", func(f *feature) { f.seen[0].test = "engine.TestPostfix" }, "there is no test engine.TestPostfix"},
		{"another server", func(f *feature) { f.seen[0].server = realDovecot; f.seen[0].test = "engine.TestAuth" }, "engine.TestAuth says nothing of Dovecot"},
		{"another subject", func(f *feature) { f.word = "KERBEROS" }, `do not hold "KERBEROS"`},
		{"a subject of the runbook, in a test that does not run it", func(f *feature) { f.word, f.seen[0] = "nobody logged in", sighting{ownPeer, "engine.TestAuth"} }, `do not hold "nobody logged in"`},
		{"a runbook that there is not", func(f *feature) { f.runbook = "auth-kerberos.lua" }, "auth-kerberos.lua"},
		{"a verb that there is not", func(f *feature) { f.line = "logon()" }, `no verb is called "logon"`},
		{"an option that there is not", func(f *feature) { f.line = `mail("a@b", { sise = 1 })` }, "sise"},
		{"a mechanism that there is not", func(f *feature) { f.line = `auth("KERBEROS", "james", secret "password")` }, "KERBEROS"},
	} {
		f := sound
		f.seen = slices.Clone(sound.seen)
		row.change(&f)
		if faults := strings.Join(faultsOf(t, f), "\n"); !strings.Contains(faults, row.want) {
			t.Errorf("%s: %q lacks %q", row.reason, faults, row.want)
		}
	}
}
