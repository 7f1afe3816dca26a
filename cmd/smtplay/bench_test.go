package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// What a message costs as a whole process, beside Postfix's own smtp-source
// doing the same against the same smtp-sink. The two run in turn, and the
// medians of the ratios are reported: these machines are shared and noisy.

// body is 1 KB of message text.
var body = "Subject: x\n\n" + strings.Repeat(strings.Repeat("x", 62)+"\n", 16)

// hello and transaction are what smtp-source says, every reply matched.
const hello = `expect 220
send "ehlo client.example.org"; expect 250
`

var transaction = `send "mail from:<a@example.org>"; expect 250
send "rcpt to:<b@example.com>"; expect 250
send "data"; expect 354
send [[
` + body + `.]]; expect 250
`

// envelope is a group of commands (RFC 2920); its replies follow.
const (
	envelope = `"mail from:<a@example.org>", "rcpt to:<b@example.com>", "data" }; `
	answers  = "expect 250; expect 250; expect 354\n"
)

// pipelined sends a message and what comes next in one group each.
var (
	text      = "pipeline{ [[\n" + body + ".]], "
	pipelined = "pipeline{ " + envelope + answers + text + `"quit" }; expect 250; expect 221` + "\n"
	groups    = "pipeline{ " + envelope + answers +
		"for _ = 2, %d do " + text + envelope + "expect 250; " + answers + "end\n" +
		text + `"quit" }; expect 250; expect 221` + "\n"
)

const goodbye = `send "quit"; expect 221
`

// cost is what a process took.
type cost struct {
	cpu, wall time.Duration
}

func measure(b *testing.B, name string, args ...string) cost {
	b.Helper()
	cmd := exec.Command(name, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	start := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatalf("%s %v: %v\n%s", name, args, err, &out)
	}
	return cost{cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), time.Since(start)}
}

// tool is a program of Postfix's, or another that a comparison needs.
func tool(b *testing.B, name string) string {
	b.Helper()
	for _, path := range []string{name, "/usr/sbin/" + name} {
		if found, err := exec.LookPath(path); err == nil {
			return found
		}
	}
	b.Skip(name + " is not installed")
	return ""
}

// smtpSink starts smtp-sink on a free port.
func smtpSink(b *testing.B) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	args := []string{"-m", "12000", addr, "4096"}
	if os.Geteuid() == 0 {
		args = append([]string{"-u", "postfix"}, args...)
	}
	cmd := exec.Command(tool(b, "smtp-sink"), args...)
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	awaitSink(b, addr)
	return addr
}

// awaitSink waits until smtp-sink answers.
func awaitSink(b *testing.B, addr string) {
	b.Helper()
	for range 200 {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	b.Fatal("smtp-sink does not answer")
}

func script(b *testing.B, text string) string {
	b.Helper()
	file := filepath.Join(b.TempDir(), "message.lua")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		b.Fatal(err)
	}
	return file
}

// pairs runs ours and theirs in turn and reports the medians of the ratios.
func pairs(b *testing.B, ours, theirs func() cost) {
	b.Helper()
	var cpu, rate, own []float64
	ours() // warm
	for b.Loop() {
		o, t := ours(), theirs()
		cpu = append(cpu, float64(o.cpu)/float64(t.cpu))
		rate = append(rate, float64(t.wall)/float64(o.wall))
		own = append(own, float64(o.cpu)/float64(time.Millisecond))
	}
	b.ReportMetric(median(cpu), "cpu-ratio")
	b.ReportMetric(median(rate), "rate-ratio")
	b.ReportMetric(median(own), "ms-CPU")
	b.ReportMetric(0, "ns/op")
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

// BenchmarkMessage is what a message costs beside smtp-source. The start of the
// program is part of it: it is one hundredth of what the shortest run takes.
func BenchmarkMessage(b *testing.B) {
	const perConnection = 200
	smtplay, source, addr := plainBinary(b), tool(b, "smtp-source"), smtpSink(b)
	one := script(b, hello+transaction+goodbye)
	many := script(b, hello+fmt.Sprintf("for _ = 1, %d do\n", perConnection)+transaction+"end\n"+goodbye)
	quick, groups := script(b, hello+pipelined), script(b, hello+fmt.Sprintf(groups, perConnection))
	compare := func(name, file string, sessions, conversation int, more ...string) {
		messages := 20_000
		if sessions == 1 {
			messages = 4000 // each waits for the other end, several times
		}
		b.Run(fmt.Sprintf("%s/sessions-%d", name, sessions), func(b *testing.B) {
			pairs(b, func() cost {
				return measure(b, smtplay, "run", "--server", addr, "--repeat", strconv.Itoa(messages/conversation), "--jobs", strconv.Itoa(sessions), file)
			}, func() cost {
				args := append(slices.Clone(more), "-s", strconv.Itoa(sessions), "-m", strconv.Itoa(messages), "-l", "1024", "-f", "a@example.org", "-t", "b@example.com", addr)
				return measure(b, source, args...)
			})
		})
	}
	for _, sessions := range []int{1, 20, 200} {
		compare("connection-each", one, sessions, 1)
	}
	for _, sessions := range []int{1, 20} {
		compare("connections-kept", many, sessions, perConnection, "-d")
	}
	for _, sessions := range []int{1, 20} {
		compare("pipelined/connection-each", quick, sessions, 1)
		compare("pipelined/connections-kept", groups, sessions, perConnection, "-d")
	}
}

// BenchmarkOneShot is one message as one process, beside swaks.
func BenchmarkOneShot(b *testing.B) {
	smtplay, swaks, addr := plainBinary(b), tool(b, "swaks"), smtpSink(b)
	file := script(b, hello+transaction+goodbye)
	pairs(b,
		func() cost { return measure(b, smtplay, "run", "--server", addr, file) },
		func() cost {
			return measure(b, swaks, "--server", addr, "--from", "a@example.org", "--to", "b@example.com", "--helo", "client.example.org", "--body", body)
		})
}
