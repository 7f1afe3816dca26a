package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"smtplay/engine/lab"
	"smtplay/engine/lab/labtest"
	"smtplay/engine/transcript"
)

// BenchmarkSuite runs all runbooks against the private Postfix, and then, with
// swaks, one conversation after another that goes as far as each of theirs did.
// The ratio is of wall time.
func BenchmarkSuite(b *testing.B) {
	swaks, smtplay, postfix := tool(b, "swaks"), plainBinary(b), labtest.ForTest(b, lab.Options{})
	records := b.TempDir()
	at := func(name string) string { return name + "=" + postfix.Addr(name) }
	suite := func(more ...string) time.Duration {
		args := append([]string{"run", "--server", postfix.Addr("smtp"), "--target", at("local"), "--target", at("submission"), "--target", at("submissions"),
			"--ca", postfix.CAFile(), "--tls-name", lab.Hostname, "--var", "send=yes"}, more...)
		cmd := exec.Command(smtplay, append(args, "../../scripts")...)
		cmd.Env = append(os.Environ(), "SMTPLAY_SECRET_password=yourpassword")
		start := time.Now()
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		return time.Since(start)
	}
	suite("--record", records)
	calls := swaksCalls(b, records)
	var rate []float64
	for b.Loop() {
		ours := suite()
		start := time.Now()
		for _, call := range calls {
			// Refusals are part of the suite, and swaks takes them for failures.
			_ = exec.Command(swaks, append(call, "--tls-ca-path", postfix.CAFile())...).Run()
		}
		rate = append(rate, float64(time.Since(start))/float64(ours))
	}
	b.ReportMetric(median(rate), "rate-ratio")
	b.ReportMetric(float64(len(calls)), "conversations")
	b.ReportMetric(0, "ns/op")
}

// swaksCalls are the arguments with which swaks has the conversations of the
// transcripts below a folder, up to the last of their stages.
func swaksCalls(b *testing.B, folder string) [][]string {
	b.Helper()
	var calls [][]string
	err := filepath.WalkDir(folder, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		events, err := transcript.Decode(text)
		for _, conversation := range conversations(events) {
			calls = append(calls, swaksCall(conversation))
		}
		return err
	})
	if err != nil || len(calls) == 0 {
		b.Fatalf("no transcripts below %s: %v", folder, err)
	}
	return calls
}

// conversations takes a transcript apart.
func conversations(events []transcript.Event) (all [][]transcript.Event) {
	open := map[int]int{}
	for _, e := range events {
		if e.Kind == transcript.Connect {
			open[e.Conn] = len(all)
			all = append(all, nil)
		}
		if i, ok := open[e.Conn]; ok {
			all[i] = append(all[i], e)
		}
	}
	return all
}

func swaksCall(events []transcript.Event) []string {
	fields := strings.Fields(string(events[0].Data))
	args := []string{"--server", fields[len(fields)-1], "--from", "a@example.org", "--to", "james@new.example.com", "--helo", "client.example.org"}
	last, spoken := "CONNECT", false
	for _, e := range events {
		line := bytes.ToUpper(e.Data)
		switch {
		case e.Kind == transcript.TLS && spoken:
			args = append(args, "--tls")
		case e.Kind == transcript.TLS:
			args = append(args, "--tls-on-connect")
		case e.Kind != transcript.Client:
		case bytes.HasPrefix(line, []byte("EHLO")):
			last = "EHLO"
		case bytes.HasPrefix(line, []byte("AUTH")):
			last = "AUTH"
			args = append(args, "--auth", "PLAIN", "--auth-user", "james@new.example.com", "--auth-password", "yourpassword")
		case bytes.HasPrefix(line, []byte("RCPT")):
			last = "RCPT"
		case bytes.HasPrefix(line, []byte("DATA")):
			last = ""
		}
		spoken = spoken || e.Kind == transcript.Client
	}
	if last != "" {
		args = append(args, "--quit-after", last)
	}
	return args
}
