package main

import (
	"cmp"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"smtplay/engine"
	"smtplay/engine/lab"
	"smtplay/engine/lab/labtest"
	"smtplay/engine/transcript"
)

// editChapter is the chapter of the README that edits a Postfix.
const editChapter = "## After a Postfix edit\n"

// chapterOf cuts a chapter out of a text.
func chapterOf(t *testing.T, text, heading string) (chapter, rest string) {
	t.Helper()
	before, after, ok := strings.Cut(text, heading)
	if !ok {
		t.Fatalf("no chapter %q", heading)
	}
	chapter, after, _ = strings.Cut(after, "\n## ")
	return chapter, before + "## " + after
}

// TestReadmeEdit runs the chapter on the edit of a Postfix: its commands as they
// stand, on a server of its own.
func TestReadmeEdit(t *testing.T) {
	p := labtest.Private(t, lab.Options{MainCF: map[string]string{"smtpd_tls_auth_only": "no"}})
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	chapter, _ := chapterOf(t, string(text), editChapter)
	dir := editFolder(t, p, blocks(chapter, "lua"))
	// The README's Postfix listens where everybody's does.
	here := strings.NewReplacer("--server localhost", "--server "+p.Addr("smtp"))
	status := map[string]int{"--record after": exitFailed, "--against": exitFailed, "replay": exitFailed, "diff before after": exitFailed}
	ran := 0
	for _, block := range blocks(chapter, "console") {
		for _, c := range strings.Split("\n"+block, "\n$ ")[1:] {
			line, shown, _ := strings.Cut(c, "\n")
			got, exit := inFolder(t, dir, here.Replace(line))
			got = strings.ReplaceAll(plainTimes(got), "127.0.0.1:2525", "localhost:25")
			want := 0
			for part, s := range status {
				if strings.Contains(line, part) {
					want = s
				}
			}
			if exit != want {
				t.Fatalf("%s: exit status %d, want %d\n%s", line, exit, want, got)
			}
			if shown = strings.TrimSpace(shown); shown != "" && shown != strings.TrimSpace(got) {
				t.Errorf("%s\nprints\n%s\nthe README says\n%s", line, got, shown)
			}
			switch {
			case strings.Contains(line, "postfix reload"):
				awaitReload(t, p)
			case strings.Contains(line, "--against"), strings.Contains(line, "replay"), strings.Contains(line, "diff before after"):
				judgeEdit(t, line, got)
			}
			ran++
		}
	}
	if ran != 8 {
		t.Errorf("%d commands, want 8", ran)
	}
	if got, exit := inFolder(t, dir, "smtplay diff before after"); exit != 0 {
		t.Errorf("accepted, and still different:\n%s", got)
	}
}

// editFolder holds what the chapter takes for granted: its scripts, the CA, the
// password, and programs that mean the lab's Postfix.
func editFolder(t *testing.T, p *lab.Postfix, scripts []string) string {
	t.Helper()
	dir := t.TempDir()
	ca, err := os.ReadFile(p.CAFile())
	if err != nil {
		t.Fatal(err)
	}
	etc := filepath.Join(p.Dir(), "etc")
	files := map[string]string{
		"tests/login.lua": scripts[0], "tests/starttls.lua": scripts[1], "ca.pem": string(ca), "pw.txt": lab.Password + "\n",
		// A main.cf younger than two seconds makes every Postfix program wait.
		"bin/postconf": "#!/bin/sh\n/usr/sbin/postconf -c " + etc + " \"$@\" && touch -d '1 minute ago' " + etc + "/main.cf\n",
		"bin/postfix":  "#!/bin/sh\nexec /usr/sbin/postfix -c " + etc + " \"$@\"\n",
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// inFolder runs a command line in a folder whose bin counts first.
func inFolder(t *testing.T, dir, line string) (out string, exit int) {
	t.Helper()
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"))
	text, err := cmd.CombinedOutput()
	if _, ok := err.(*exec.ExitError); err != nil && !ok {
		t.Fatalf("%s: %v", line, err)
	}
	return string(text), cmd.ProcessState.ExitCode()
}

// awaitReload waits until nobody answers any more who has read the old main.cf.
func awaitReload(t *testing.T, p *lab.Postfix) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		c, err := engine.Connect(ctx, p.Addr("smtp"), engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.ReadReply(ctx, 0)
		if err == nil {
			err = c.Send(ctx, transcript.Pos{}, "EHLO client.example.org")
		}
		if err == nil {
			_, err = c.ReadReply(ctx, 0)
		}
		caps, unknown := c.Capabilities()
		c.Close()
		if err := cmp.Or(err, unknown); err != nil {
			t.Fatal(err)
		}
		if _, offered := caps.Params("AUTH"); !offered {
			return
		}
	}
}

// judgeEdit looks at the changes that were shown: no other lines than those of
// the edit.
func judgeEdit(t *testing.T, line, shown string) {
	t.Helper()
	allowed := regexp.MustCompile(`^(-S: 250-AUTH[ =]PLAIN LOGIN|` + // no longer offered
		`-S: 235 2\.7\.0 Authentication successful|\+S: 503 5\.5\.1 Error: authentication not enabled|` + // refused
		`-C: (mail|rcpt) .*|-S: 250 2\.1\.[05] Ok|\+S: 554 5\.7\.1 <james@example\.com>: Relay access denied)$`) // what followed
	needed := map[string]bool{"-S: 250-AUTH PLAIN LOGIN": true, "-S: 250-AUTH=PLAIN LOGIN": true, "+S: 503 5.5.1 Error: authentication not enabled": true}
	for l := range strings.Lines(shown) {
		l = strings.TrimSpace(l)
		delete(needed, l)
		if regexp.MustCompile(`^[-+](S|C|\*)`).MatchString(l) && !allowed.MatchString(l) {
			t.Errorf("%s shows %q, which the edit has not changed:\n%s", line, l, shown)
		}
	}
	if len(needed) > 0 {
		t.Errorf("%s does not show %v:\n%s", line, needed, shown)
	}
}
