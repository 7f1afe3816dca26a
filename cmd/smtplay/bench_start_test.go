package main

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// starts is how many processes make one measurement: one alone takes less than
// the clock of CPU time tells apart.
const starts = 20

// BenchmarkVersion is what it costs to start, beside a program in Go that does
// nothing: ms-CPU is to be at most 8.
func BenchmarkVersion(b *testing.B) {
	smtplay, nothing := plainBinary(b), emptyProgram(b)
	often := func(name string, args ...string) func() cost {
		return func() cost {
			var all cost
			for range starts {
				one := measure(b, name, args...)
				all.cpu, all.wall = all.cpu+one.cpu, all.wall+one.wall
			}
			return cost{all.cpu / starts, all.wall / starts}
		}
	}
	pairs(b, often(smtplay, "version"), often(nothing))
}

// emptyProgram is what every program in Go pays for.
func emptyProgram(b *testing.B) string {
	b.Helper()
	dir := b.TempDir()
	source, program := filepath.Join(dir, "main.go"), filepath.Join(dir, "nothing")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o644); err != nil {
		b.Fatal(err)
	}
	if out, err := exec.Command("go", "build", "-o", program, source).CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return program
}

// BenchmarkFirstByte is how long a person waits from the start of the program to
// its first byte on the wire, beside swaks.
func BenchmarkFirstByte(b *testing.B) {
	smtplay, swaks := plainBinary(b), tool(b, "swaks")
	file := script(b, hello+goodbye)
	server := listenForFirst(b)
	first := func(name string, args ...string) func() cost {
		return func() cost {
			var all cost
			for range starts {
				start := time.Now()
				all.cpu += measure(b, name, args...).cpu
				all.wall += (<-server.first).Sub(start)
			}
			return cost{all.cpu / starts, all.wall / starts}
		}
	}
	ours := first(smtplay, "run", "--server", server.addr, file)
	var waited []float64
	pairs(b, func() cost {
		c := ours()
		waited = append(waited, float64(c.wall)/float64(time.Millisecond))
		return c
	}, first(swaks, "--server", server.addr, "--helo", "client.example.org", "--quit-after", "HELO"))
	b.ReportMetric(median(waited), "ms-to-first-byte")
}

// firstBytes is a server that says when the first byte of each client came.
type firstBytes struct {
	addr  string
	first chan time.Time
}

func listenForFirst(b *testing.B) *firstBytes {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	s := &firstBytes{l.Addr().String(), make(chan time.Time, 1)}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.serve(conn)
		}
	}()
	return s
}

// serve answers one client, in as few words as there are.
func (s *firstBytes) serve(conn net.Conn) {
	defer conn.Close()
	conn.Write([]byte("220 mail.example.com ESMTP\r\n"))
	in := bufio.NewReader(conn)
	if _, err := in.Peek(1); err != nil {
		return
	}
	s.first <- time.Now()
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		if strings.HasPrefix(strings.ToUpper(line), "QUIT") {
			conn.Write([]byte("221 bye\r\n"))
			return
		}
		conn.Write([]byte("250 mail.example.com\r\n"))
	}
}
