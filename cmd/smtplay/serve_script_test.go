package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"smtplay/engine/lab"
	"smtplay/engine/lab/labtest"
)

// serving is smtplay serve as a process.
type serving struct {
	addr string
	cmd  *exec.Cmd
	out  *bufio.Reader
	errs bytes.Buffer
}

// serve starts it, and waits until it listens.
func (c child) serve(t *testing.T, args ...string) *serving {
	t.Helper()
	s := &serving{cmd: c.command(t, append([]string{"serve"}, args...)...)}
	s.cmd.Stderr = &s.errs
	pipe, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.out = bufio.NewReader(pipe)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := s.out.ReadString('\n')
	if err != nil {
		s.cmd.Wait()
		t.Fatalf("serve %s: %v\n%s", strings.Join(args, " "), err, &s.errs)
	}
	s.addr = strings.TrimSpace(line)
	return s
}

// next is the next line that it tells.
func (s *serving) next(t *testing.T) string {
	t.Helper()
	line, err := s.out.ReadString('\n')
	if err != nil {
		t.Fatalf("serve: %v after %q\n%s", err, line, &s.errs)
	}
	return strings.TrimSuffix(line, "\n")
}

// stop ends it, and returns what it told since.
func (s *serving) stop(t *testing.T) ended {
	t.Helper()
	s.cmd.Process.Signal(syscall.SIGTERM)
	rest, _ := io.ReadAll(s.out)
	s.cmd.Wait()
	return ended{status: s.cmd.ProcessState.ExitCode(), stdout: string(rest), stderr: s.errs.String()}
}

// TestGreylistedPostfix: a Postfix that is put off comes again, and is let in.
func TestGreylistedPostfix(t *testing.T) {
	t.Parallel()
	s := child{}.serve(t, "greylist")
	p := labtest.Private(t, lab.Options{Outbound: []lab.Outbound{{Domain: "example.net", Address: s.addr}}})
	c := labtest.Dial(t, p.Addr("local"), nil)
	c.Expect("220")
	c.Dialogue([][2]string{{"ehlo client.example.org", "250"}, {"mail from:<" + lab.User + ">", "250"}, {"rcpt to:<fred@example.net>", "250"}, {"data", "354"}})
	_, id, _ := strings.Cut(c.Say("From: james@new.example.com\r\nSubject: out\r\n\r\nHi\r\n.", "250"), "queued as ")
	c.Say("quit", "221")
	want := func(line string) {
		t.Helper()
		if got := s.next(t); !regexp.MustCompile(line).MatchString(got) {
			t.Fatalf("got %q, want /%s/\n%s", got, line, p.Log())
		}
	}
	want(`^client 1: 127\.0\.0\.1 \S+, TLS 1\.3; <james@new\.example\.com> to <fred@example\.net> refused: 451 4\.7\.1 `)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for !strings.Contains(p.Log(), "status=deferred") { // until then the message is not in the queue to be flushed
		select {
		case <-ctx.Done():
			t.Fatalf("never deferred:\n%s", p.Log())
		case <-time.After(20 * time.Millisecond):
		}
	}
	if err := p.Flush(ctx, strings.TrimSpace(id)); err != nil {
		t.Fatal(err)
	}
	want(`^client 2: .* to <fred@example\.net>: 250 2\.0\.0 Ok`)
	if e := s.stop(t); e.status != 0 || e.stdout != "2 clients\n" || e.stderr != "" {
		t.Errorf("%+v", e)
	}
}

// TestServesForLong: what a server of a script's holds does not grow with the
// clients that it had, whether a function answers them or plays them, log in or
// are told tokens.
func TestServesForLong(t *testing.T) {
	if testing.Short() {
		t.Skip("5,000 sessions")
	}
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"answers.lua": `listen{ tls = false }:serve{ users = { james = "yourpassword" }, auth_in_clear = true, quit = function() return "221 " .. unique() end }`,
		"byhand.lua": `listen{ tls = false }:serve(function(s)
			s:reply "220 mx"
			repeat local line = s:command(); s:reply(line:find "^DATA" and "354 go" or "250 Ok " .. unique())
				if line:find "^DATA" then s:message(); s:reply "250 Ok" end
			until line == "QUIT"
		end)`})
	program := plainBinary(t)
	for _, script := range []string{"answers.lua", "byhand.lua"} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			s := child{dir: dir, program: program, env: []string{"GOGC=50"}}.serve(t, script)
			var told sync.WaitGroup
			told.Go(func() { io.Copy(io.Discard, s.out) })
			visits(t, s.addr, 1500)
			early := resident(t, s.cmd.Process.Pid)
			visits(t, s.addr, 3500)
			late := resident(t, s.cmd.Process.Pid)
			t.Logf("%.0f MiB after 1,500 sessions, %.0f MiB after 5,000", early, late)
			if late > early+16 || late > 80 {
				t.Errorf("%.0f MiB after 1,500 sessions, %.0f MiB after 5,000", early, late)
			}
			s.cmd.Process.Signal(syscall.SIGTERM)
			told.Wait()
			s.cmd.Wait()
		})
	}
}

// visits has so many sessions with a server, several at once: each logs in with a
// password of its own, which is wrong, and sends 8 KB of mail.
func visits(t *testing.T, addr string, count int) {
	t.Helper()
	var all sync.WaitGroup
	const atOnce = 8
	for k := range atOnce {
		all.Go(func() {
			for i := k; i < count; i += atOnce {
				if err := visit(addr, "AUTH PLAIN "+base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "\x00james\x00password%d", i))); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

func visit(addr, auth string) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	in := bufio.NewReader(c)
	text := "Subject: x\r\n\r\n" + strings.Repeat(strings.Repeat("x", 78)+"\r\n", 100) + "."
	for _, line := range []string{"", "EHLO client.example.org", auth, "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.com>", "DATA", text, "QUIT"} {
		if line != "" {
			if _, err := io.WriteString(c, line+"\r\n"); err != nil {
				return err
			}
		}
		reply := ""
		for len(reply) < 4 || reply[3] != ' ' {
			if reply, err = in.ReadString('\n'); err != nil {
				return fmt.Errorf("after %.20q: %w", line, err)
			}
		}
	}
	return nil
}

// resident is the resident memory of a process, MiB.
func resident(t *testing.T, pid int) float64 {
	t.Helper()
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		t.Skip(err)
	}
	return kilobytes(status, "VmRSS") / 1024
}

// TestServedByHandFails: a failure is told of the client that failed, after what
// came of it.
func TestServedByHandFails(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"byhand.lua": `listen{ tls = false }:serve(function(s) s:reply "220 mx"; s:expect_command "quit"; s:reply "221 bye" end)`})
	s := child{dir: dir}.serve(t, "byhand.lua")
	for i, line := range []string{"noop", "quit", "noop"} {
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "%s\r\n", line)
		io.Copy(io.Discard, conn)
		conn.Close()
		wants := []string{": 127.0.0.1; "}
		if line != "quit" {
			wants = append(wants, `: FAIL byhand.lua:1: expected the command "quit", got "noop"`)
		}
		for _, want := range wants {
			if got := s.next(t); !strings.HasPrefix(got, fmt.Sprintf("client %d%s", i+1, want)) {
				t.Errorf("client %d: %q, want %q", i+1, got, want)
			}
		}
	}
	if e := s.stop(t); e.status != exitFailed {
		t.Errorf("status %d", e.status)
	}
}
