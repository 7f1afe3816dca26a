package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// BenchmarkMany is what ten thousand conversations take that are open at once,
// each blocked in an expect.
func BenchmarkMany(b *testing.B) {
	const conversations = 10_000
	smtplay := plainBinary(b)
	file := script(b, `expect 220; send "noop"; expect{ 250, within = "10m" }`)
	for b.Loop() {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		cmd := exec.Command(smtplay, "run", "--server", l.Addr().String(), "--repeat", strconv.Itoa(conversations), "--jobs", strconv.Itoa(conversations), "--timeout", "10m", file)
		var out strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		release := make(chan struct{})
		var blocked, over sync.WaitGroup
		blocked.Add(conversations)
		for range conversations {
			c, err := l.Accept()
			if err != nil {
				b.Fatal(err)
			}
			over.Go(func() {
				defer c.Close()
				r := bufio.NewReaderSize(c, 64)
				fmt.Fprint(c, "220 mail.example.com\r\n")
				if _, err := r.ReadString('\n'); err != nil {
					b.Error(err)
				}
				blocked.Done()
				<-release
				fmt.Fprint(c, "250 2.0.0 Ok\r\n")
				r.ReadString('\n') // QUIT
				fmt.Fprint(c, "221 2.0.0 Bye\r\n")
			})
		}
		blocked.Wait()
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
		if err != nil {
			b.Fatal(err)
		}
		close(release)
		err = cmd.Wait()
		over.Wait()
		l.Close()
		if err != nil || !strings.Contains(out.String(), "1 passed, 0 failed, 0 skipped, 0 errors") {
			b.Fatalf("%v\n%s", err, &out)
		}
		b.ReportMetric(kilobytes(status, "VmRSS")/1024, "MiB-resident")
		b.ReportMetric(float64(cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())/1e6/conversations, "ms-CPU/conversation")
	}
	b.ReportMetric(0, "ns/op")
}

// kilobytes is a field of /proc/PID/status.
func kilobytes(status []byte, name string) float64 {
	for line := range strings.Lines(string(status)) {
		fields := strings.Fields(line)
		if len(fields) > 1 && fields[0] == name+":" {
			n, _ := strconv.ParseFloat(fields[1], 64)
			return n
		}
	}
	return 0
}
