package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"smtplay/dsl"
	"smtplay/engine/demo"
	"smtplay/engine/lab"
	"smtplay/engine/lab/labtest"
	"smtplay/engine/server"
)

var codeSpan = regexp.MustCompile("`([^`]+)`")

// cells are the cells of a page's tables whose first column is code, a row each.
func cells(page string) [][]string {
	var rows [][]string
	for line := range strings.Lines(guide(page)) {
		if strings.HasPrefix(line, "| `") {
			row := strings.Split(strings.ReplaceAll(line, `\|`, "\x00"), "|")[1:]
			for i := range row {
				row[i] = strings.ReplaceAll(row[i], "\x00", "|")
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// spans are what stands in backquotes in a column of the page's tables.
func spans(page string, column int) []string {
	var found []string
	for _, row := range cells(page) {
		for _, m := range codeSpan.FindAllStringSubmatch(row[column], -1) {
			found = append(found, m[1])
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
	for _, s := range spans("swaks", 0) {
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

// TestFeatureFlags: the flags in the table of features are there.
func TestFeatureFlags(t *testing.T) {
	for _, m := range codeSpan.FindAllStringSubmatch(dsl.FeatureTable(), -1) {
		if strings.HasPrefix(m[1], "--") {
			wantFlags(t, m[1])
		}
	}
}
