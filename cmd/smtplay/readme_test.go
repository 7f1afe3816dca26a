package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"smtplay/engine/demo"
)

// TestReadme runs every command of the README, and compares what it prints
// where the README shows that.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme := string(text)
	dir := t.TempDir()
	script := between(t, readme, "```lua\n", "```")
	write := func(name, text string) {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("relay.lua", script)
	_, otherEnd, _ := strings.Cut(readme, "\n## Be the other end\n")
	write("server.lua", between(t, otherEnd, "```lua\n", "```"))
	write("tests/relay.lua", script)
	write("ticket.txt", "Trying 192.0.2.1...\nConnected to maila.example.com.\nEscape character is '^]'.\n220 maila.example.com ESMTP\n"+
		"ehlo client.example.org\n250 maila.example.com\nmail from:<james@example.org>\n250 2.1.0 Ok\n"+
		"rcpt to:<james@example.com>\n554 5.7.1 <james@example.com>: Relay access denied\nYou see, it does not relay.\n")
	write("open.lua", strings.Replace(script, "expect 554", "expect 250", 1))
	if err := os.CopyFS(filepath.Join(dir, "scripts"), os.DirFS("../../scripts")); err != nil {
		t.Fatal(err)
	}
	d, err := demo.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	write("ca.pem", string(d.CAPEM()))
	at := d.Targets()
	// The README's server is the embedded one here.
	here := strings.NewReplacer("--server mail.example.com:2525", "--server "+at["smtp"],
		"--server mail.example.com", "--server "+at["smtp"]+" --target submission="+at["submission"]+" --target submissions="+at["submissions"],
		"local=127.0.0.1", "local="+at["local"])

	for _, block := range blocks(readme, "console") {
		for _, c := range strings.Split("\n"+block, "\n$ ")[1:] {
			line, want, _ := strings.Cut(c, "\n")
			if strings.HasPrefix(line, "cd ") {
				t.Errorf("%s: who types it is in another folder from there on", line)
			}
			if strings.Contains(line, "postconf") || strings.Contains(line, "postfix") {
				t.Fatalf("%s: would be done to this machine's Postfix: that belongs into a guide", line)
			}
			cmd := exec.Command("sh", "-c", here.Replace(line))
			cmd.Dir = dir
			got, err := cmd.CombinedOutput()
			if exit, ok := err.(*exec.ExitError); err != nil && (!ok || exit.ExitCode() != exitFailed || !strings.Contains(want, "FAIL")) {
				t.Errorf("%s: %v\n%s", line, err, got)
			}
			if want = strings.TrimSpace(want); want != "" && want != strings.TrimSpace(plainTimes(string(got))) {
				t.Errorf("%s\nprints\n%s\nthe README says\n%s", line, plainTimes(string(got)), want)
			}
		}
	}
	for i, block := range blocks(readme, "toml") {
		suite := filepath.Join("settings", strconv.Itoa(i))
		write(filepath.Join(suite, ".smtplay.toml"), block)
		write(filepath.Join(suite, "relay.lua"), script)
		cmd := exec.Command("smtplay", "check")
		cmd.Dir = filepath.Join(dir, suite)
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "1 script, no problems") {
			t.Errorf("%s: %v\n%s", block, err, out)
		}
	}
	for _, block := range blocks(readme, "sh") {
		for line := range strings.Lines(block) {
			target, ok := strings.CutPrefix(strings.TrimSpace(line), "make ")
			if !ok {
				t.Errorf("%q is run by no test", line)
			}
			if out, err := exec.Command("make", "-n", "-C", "../..", target).CombinedOutput(); err != nil {
				t.Errorf("make %s: %v\n%s", target, err, out)
			}
		}
	}
}

// plainTimes gives times and ports the values that the README shows.
func plainTimes(s string) string {
	s = regexp.MustCompile(`\d+ ms`).ReplaceAllString(s, "1 ms")
	s = regexp.MustCompile(`in \d+\.\d s`).ReplaceAllString(s, "in 0.0 s")
	return ports.ReplaceAllString(s, "127.0.0.1:2525")
}

func blocks(text, kind string) []string {
	var out []string
	for _, part := range strings.Split(text, "```"+kind+"\n")[1:] {
		block, _, _ := strings.Cut(part, "```")
		out = append(out, block)
	}
	return out
}

func between(t *testing.T, text, begin, end string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, begin)
	inside, _, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("nothing between %q and %q", begin, end)
	}
	return inside
}
