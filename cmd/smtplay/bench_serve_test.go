package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// What a message costs that smtplay takes, as a server whose every recipient a
// function of Lua's answers, beside Postfix's smtp-sink: each on the same one core,
// and smtp-source wherever it likes.

// oneCore starts a program on the first core that this process may use, and returns
// what reads its standard output.
func oneCore(b *testing.B, name string, args ...string) (*exec.Cmd, *bufio.Scanner) {
	b.Helper()
	cmd := exec.Command(tool(b, "taskset"), append([]string{"-c", firstCore(b), name}, args...)...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	})
	return cmd, bufio.NewScanner(pipe)
}

// serveOnOneCore is smtplay serve there, and its address.
func serveOnOneCore(b *testing.B, smtplay, script string) (*exec.Cmd, string) {
	b.Helper()
	cmd, told := oneCore(b, smtplay, "serve", script)
	if !told.Scan() {
		b.Fatal("smtplay serve says nothing")
	}
	addr := told.Text()
	go func() {
		for told.Scan() { // it waits for whoever does not read
		}
	}()
	return cmd, addr
}

func firstCore(b *testing.B) string {
	b.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip(err)
	}
	_, list, _ := strings.Cut(string(text), "Cpus_allowed_list:")
	return strings.TrimSpace(strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == '-' || r == '\n' })[0])
}

// busy is how much CPU a process has taken.
func busy(b *testing.B, cmd *exec.Cmd) time.Duration {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", cmd.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')'):]))
	user, _ := strconv.Atoi(fields[12])
	system, _ := strconv.Atoi(fields[13])
	return time.Duration(user+system) * 10 * time.Millisecond // clock ticks, 100 a second
}

// BenchmarkServe reports the medians of the ratios of rates and of CPU: 1 is as
// many messages a second as smtp-sink takes, 2 twice its CPU.
func BenchmarkServe(b *testing.B) {
	smtplay, source := plainBinary(b), tool(b, "smtp-source")
	file := script(b, `listen():serve{ rcpt = function(address) if address == "nobody@example.com" then return "550 5.1.1 Nobody" end end }`)
	ours, at := serveOnOneCore(b, smtplay, file)
	theirs, sink := sinkOnOneCore(b)
	for _, way := range []struct {
		name     string
		messages int
		args     []string
	}{
		{"connection-each/sessions-1", 2000, []string{"-s", "1"}},
		{"connection-each/sessions-20", 4000, []string{"-s", "20"}},
		{"connections-kept/sessions-20", 8000, []string{"-s", "20", "-d"}},
	} {
		b.Run(way.name, func(b *testing.B) {
			send := func(to string, cmd *exec.Cmd) cost {
				args := append(way.args, "-m", strconv.Itoa(way.messages), "-l", "1024", "-f", "a@example.org", "-t", "b@example.com", to)
				before := busy(b, cmd)
				c := measure(b, source, args...)
				c.cpu = busy(b, cmd) - before
				return c
			}
			send(at, ours) // warm
			var rate, cpu, persec []float64
			for b.Loop() {
				o, t := send(at, ours), send(sink, theirs)
				rate = append(rate, float64(t.wall)/float64(o.wall))
				cpu = append(cpu, float64(o.cpu)/float64(max(t.cpu, 10*time.Millisecond)))
				persec = append(persec, float64(way.messages)/o.wall.Seconds())
			}
			b.ReportMetric(median(rate), "rate-ratio")
			b.ReportMetric(median(cpu), "cpu-ratio")
			b.ReportMetric(median(persec), "messages/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// sinkOnOneCore is smtp-sink there, on a free port.
func sinkOnOneCore(b *testing.B) (*exec.Cmd, string) {
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
	cmd, _ := oneCore(b, tool(b, "smtp-sink"), args...)
	awaitSink(b, addr)
	return cmd, addr
}

// BenchmarkServeMany is what a thousand clients take that are there at once, each
// played by hand in a function that waits for its next command.
func BenchmarkServeMany(b *testing.B) {
	const clients = 1000
	smtplay := plainBinary(b)
	file := script(b, `listen():serve(function(s)
		s:reply "220 mx.example.net"
		s:expect_command "ehlo"; s:reply "250 mx.example.net"
		s:expect_command{ "quit", within = "10m" }; s:reply "221 2.0.0 Bye"
	end)`)
	for b.Loop() {
		cmd, at := serveOnOneCore(b, smtplay, file)
		said := func(c net.Conn, line, want string) {
			c.SetDeadline(time.Now().Add(30 * time.Second))
			reply := make([]byte, 64)
			if n, err := fmt.Fprint(c, line); err != nil && n > 0 {
				b.Error(err)
			}
			if n, err := c.Read(reply); err != nil || !strings.HasPrefix(string(reply[:n]), want) {
				b.Errorf("%q got %q, %v", line, reply[:n], err)
			}
		}
		var all sync.WaitGroup
		conns := make([]net.Conn, clients)
		for i := range conns {
			c, err := net.Dial("tcp", at)
			if err != nil {
				b.Fatal(err)
			}
			conns[i] = c
		}
		for _, c := range conns {
			said(c, "", "220")
			said(c, "EHLO me\r\n", "250")
		}
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
		if err != nil {
			b.Fatal(err)
		}
		for _, c := range conns {
			all.Go(func() {
				said(c, "QUIT\r\n", "221")
				c.Close()
			})
		}
		all.Wait()
		b.ReportMetric(kilobytes(status, "VmRSS")/1024, "MiB-resident")
		b.ReportMetric(float64(busy(b, cmd))/1e6/clients, "ms-CPU/client")
		cmd.Process.Signal(syscall.SIGTERM)
	}
	b.ReportMetric(0, "ns/op")
}
