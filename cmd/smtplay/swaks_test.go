package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"smtplay/dsl"
	"smtplay/engine/demo"
	"smtplay/engine/lab"
	"smtplay/engine/lab/labtest"
	"smtplay/engine/server"
)

var codeSpan = regexp.MustCompile("`([^`]+)`")

// spans are what stands in backquotes in a column of the page's tables.
func spans(column int) []string {
	var found []string
	for line := range strings.Lines(guide("swaks")) {
		cells := strings.Split(line, "|")
		if strings.HasPrefix(line, "| `") {
			for _, m := range codeSpan.FindAllStringSubmatch(cells[column+1], -1) {
				found = append(found, m[1])
			}
		}
	}
	return found
}

// TestSwaksOptions: the page names every option that swaks's help knows.
func TestSwaksOptions(t *testing.T) {
	if _, err := exec.LookPath("swaks"); err != nil {
		t.Skip(err)
	}
	help, err := exec.Command("swaks", "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, s := range spans(0) {
		named[strings.TrimSuffix(s, "…")] = true
	}
	// Options are described at the beginning of a line, several with commas.
	lines := regexp.MustCompile(`(?m)^ {7,11}(--?\w[\w-]*(?:, --?\w[\w-]*)*)`).FindAllSubmatch(help, -1)
	count := 0
	for _, l := range lines {
		for option := range strings.SplitSeq(string(l[1]), ", ") {
			if count++; !named[option] {
				t.Errorf("swaks has %s, and the page does not name it", option)
			}
		}
	}
	if count < 140 {
		t.Errorf("%d options in swaks's help: it was not read", count)
	}
}

// swaksFolder holds what the page's lines take for granted.
func swaksFolder(t *testing.T, ca string) string {
	t.Helper()
	client, err := server.MakeCertificate(server.CertificateOptions{Client: true})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"ca.pem": ca, "client.pem": string(client.CertPEM), "client.key": string(client.KeyPEM),
		"pw.txt": lab.Password + "\n", "letter.eml": "Subject: test\n\nHi\n", "a.pdf": "%PDF"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range regexp.MustCompile("(?s)`(\\w+\\.lua)`:\n\n```lua\n(.*?)```").FindAllStringSubmatch(guide("swaks"), -1) {
		if err := os.WriteFile(filepath.Join(dir, m[1]), []byte(m[2]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestSwaksCommands runs the page's commands, swaks's and ours, against the
// demo, and those with XCLIENT against a Postfix.
func TestSwaksCommands(t *testing.T) {
	d, err := demo.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	at := d.Targets()
	dir := swaksFolder(t, string(d.CAPEM()))
	refused := map[string]int{"nobody@": 24, "--xclient": 24} // swaks's status where no recipient is accepted
	ran := 0
	for _, block := range blocks(guide("swaks"), "console") {
		line := strings.TrimSpace(strings.TrimPrefix(block, "$ "))
		t.Run(line, func(t *testing.T) {
			smtp, submission := at["smtp"], at["submission"]
			if strings.Contains(line, "xclient") || strings.Contains(line, "stranger.lua") {
				smtp = labtest.ForTest(t, lab.Options{}).Addr("xclient")
			}
			want := 0
			if strings.HasPrefix(line, "swaks ") {
				if _, err := exec.LookPath("swaks"); err != nil {
					t.Skip(err)
				}
				for part, status := range refused {
					if strings.Contains(line, part) {
						want = status
					}
				}
				line = strings.NewReplacer("mail.example.com:587", submission, "mail.example.com", smtp).Replace(line)
			} else {
				line = strings.ReplaceAll(line, "mail.example.com", smtp+" --ca ca.pem --tls-name maila.example.com --target submission="+submission)
			}
			if out, exit := inFolder(t, dir, line); exit != want {
				t.Errorf("%s: exit status %d, want %d\n%s", line, exit, want, out)
			}
		})
		ran++
	}
	if ran != 10 {
		t.Errorf("%d commands, want 10", ran)
	}
}

// elsewhere are parts of lines that neither the demo nor Postfix can answer:
// those are compiled and no more.
var elsewhere = []string{"FOO=", "unix:", "mail.example.com", "lmtp", "PROXY", "X-LOGIN", "prdr", "exec:", "mx =", "proxy =", "DIGEST-MD5"}

// TestSwaksLines runs each line of the page's tables against the demo, those
// with XCLIENT against a Postfix, or compiles it, and looks for its flags.
func TestSwaksLines(t *testing.T) {
	d, err := demo.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	dir := swaksFolder(t, string(d.CAPEM()))
	count := map[string]int{}
	for _, line := range spans(1) {
		switch {
		case strings.HasPrefix(line, "-"), strings.HasPrefix(line, "smtplay "):
			wantFlags(t, line)
			continue
		case strings.HasPrefix(line, "SMTPLAY_"):
			continue
		}
		if slices.ContainsFunc(elsewhere, func(part string) bool { return strings.Contains(line, part) }) {
			if _, problems := dsl.Compile(filepath.Join(dir, "t.lua"), []byte(line)); len(problems) > 0 {
				t.Errorf("%s: %v", line, problems)
			}
			continue
		}
		where := "demo"
		if strings.Contains(strings.ToLower(line), "xclient") {
			where = "postfix"
		}
		count[where]++
		name := filepath.Join(dir, where+strconv.Itoa(count[where])+".lua")
		if err := os.WriteFile(name, []byte("--- "+line+"\n"+within(line)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, line := range spans(2) {
		if strings.HasPrefix(line, "--") {
			wantFlags(t, line)
		}
	}
	if count["demo"] < 30 || count["postfix"] < 4 {
		t.Errorf("too few lines are run: %v", count)
	}
	at := d.Targets()
	play := func(t *testing.T, where, flags string) {
		out, exit := inFolder(t, dir, "smtplay run --server "+flags+" --tls-name maila.example.com --secret password=@pw.txt "+where+"*.lua")
		if want := strconv.Itoa(count[where]) + " passed, 0 failed, 0 skipped, 0 errors"; exit != 0 || !strings.Contains(out, want) {
			t.Errorf("want %s, exit status %d:\n%s", want, exit, out)
		}
	}
	t.Run("demo", func(t *testing.T) {
		play(t, "demo", at["smtp"]+" --target submission="+at["submission"]+" --target submissions="+at["submissions"]+" --ca ca.pem")
	})
	t.Run("Postfix", func(t *testing.T) {
		p := labtest.ForTest(t, lab.Options{})
		play(t, "postfix", p.Addr("xclient")+" --ca "+p.CAFile())
	})
}

// within is the line in a conversation in which it makes sense.
func within(line string) string {
	verb := regexp.MustCompile(`^\w+`).FindString(line)
	switch {
	case verb == "connect":
		return line + "; ehlo()"
	case verb == "helo", verb == "ehlo":
		return line
	case verb == "rcpt":
		return `ehlo(); mail ""; ` + line
	case verb == "data":
		return `ehlo(); mail ""; rcpt "james@new.example.com"; ` + line
	case strings.Contains(strings.ToLower(line), "auth"):
		return "ehlo(); starttls(); ehlo(); " + line
	}
	return "ehlo(); " + line
}

// wantFlags fails unless the command, run where none is named, has the flags of
// the line.
func wantFlags(t *testing.T, line string) {
	t.Helper()
	root := newRoot(&process{})
	verb, flags := "run", line
	if rest, ok := strings.CutPrefix(line, "smtplay "); ok {
		verb, flags, _ = strings.Cut(rest, " ")
	}
	cmd, _, err := root.Find([]string{verb})
	if err != nil || cmd == root && verb != "help" {
		t.Errorf("%s: no command %q: %v", line, verb, err)
		return
	}
	for _, m := range regexp.MustCompile(`(?:^| )--([a-z-]+)`).FindAllStringSubmatch(flags, -1) {
		if cmd.Flags().Lookup(m[1]) == nil {
			t.Errorf("%s: %s has no flag --%s", line, verb, m[1])
		}
	}
}

// TestFeatureFlags: the flags in the table of features are there.
func TestFeatureFlags(t *testing.T) {
	for _, m := range codeSpan.FindAllStringSubmatch(dsl.FeatureTable(), -1) {
		if strings.HasPrefix(m[1], "--") {
			wantFlags(t, m[1])
		}
	}
}
