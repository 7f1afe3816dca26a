package lab_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"smtplay/engine/lab"
	"smtplay/engine/lab/labtest"
)

func TestMain(m *testing.M) {
	if how := os.Getenv(ownerVariable); how != "" {
		own(how)
	}
	labtest.Main(m)
}

// Two servers at once know nothing of each other: no port is the same, and no user.
func TestSideBySide(t *testing.T) {
	t.Parallel()
	one := labtest.ForTest(t, lab.Options{})
	other := labtest.ForTest(t, lab.Options{
		MainCF:    map[string]string{"smtpd_banner": "$myhostname ESMTP Postfix the other"},
		Users:     map[string]string{"mary@example.net": "secret"},
		Mailboxes: []string{"mary@example.net"},
		Listeners: []lab.Listener{{Name: "tight", Settings: []string{"smtpd_recipient_limit=1"}}},
	})
	seen := map[string]string{}
	for label, server := range map[string]*lab.Postfix{"one": one, "other": other} {
		for _, name := range server.Names() {
			if by, found := seen[server.Addr(name)]; found {
				t.Errorf("%s of %s is also %s", name, label, by)
			}
			seen[server.Addr(name)] = label + " " + name
		}
	}
	c := dial(t, other.Addr("tight"), nil)
	c.Dialogue([][2]string{
		{"ehlo client.example.org", "250"},
		{"mail from:<james@example.org>", "250"},
		{"rcpt to:<james@new.example.com>", "554 5.7.1"},
		{"rcpt to:<mary@example.net>", "250"},
		{"rcpt to:<mary@example.net>", "452 4.5.3"},
		{"noop", "250"},
	})
	c.StartTLS(trusting(t, other))
	c.Say("auth plain "+goodLogin, "535")
	dial(t, one.Addr("smtp"), nil).Say("quit", "221")
}

// Every address is that of a socket on 127.0.0.1, and no other may have it meanwhile.
func TestAddr(t *testing.T) {
	server := labtest.ForTest(t, lab.Options{})
	for _, name := range server.Names() {
		if host, _, err := net.SplitHostPort(server.Addr(name)); err != nil || host != "127.0.0.1" {
			t.Errorf("%s is at %s", name, server.Addr(name))
		}
		if taken, err := net.Listen("tcp", server.Addr(name)); err == nil {
			taken.Close()
			t.Errorf("%s: another listener had the same port", name)
		}
	}
	defer func() {
		if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), "local, smtp, submission, submissions, xclient") {
			t.Errorf("an unknown name: %v, want a panic with the names", r)
		}
	}()
	server.Addr("smpt")
}

func TestStopLeavesNothing(t *testing.T) {
	t.Parallel()
	server := labtest.Private(t, lab.Options{})
	addr := server.Addr("smtp")
	c := dial(t, addr, nil) // so that there is an smtpd at work
	c.Say("ehlo client.example.org", "250")
	if len(processesIn(t, server.Dir())) == 0 {
		t.Fatal("no process of the server is seen while it runs, so seeing none later proves nothing")
	}
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	if left := processesIn(t, server.Dir()); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	if _, err := os.Stat(server.Dir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
	if conn, err := net.Dial("tcp", addr); err == nil {
		conn.Close()
		t.Error("the port still answers")
	}
	if err := server.Stop(); err != nil {
		t.Errorf("stopping it twice: %v", err)
	}
	if err := server.Reconfigure(t.Context(), func(*lab.Options) {}); !errors.Is(err, lab.ErrStopped) {
		t.Errorf("reconfigured after Stop: %v", err)
	}
}

// ownerVariable makes the test binary the owner of a server, for TestOwnerDies.
const ownerVariable = "SMTPLAY_LAB_TEST_OWNER"

// own starts a server, says where, and ends without stopping it.
func own(how string) {
	server, err := lab.Start(context.Background(), lab.Options{})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s %s\n", server.Dir(), server.Addr("smtp"))
	if how == "panic" {
		panic("on purpose")
	}
	select {} // until killed
}

// A server outlives neither a panic of the process that started it nor a SIGKILL.
func TestOwnerDies(t *testing.T) {
	t.Parallel()
	_ = labtest.ForTest(t, lab.Options{}) // skips where there is no Postfix
	for _, how := range []string{"panic", "kill"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			owner := exec.Command(os.Args[0])
			owner.Env = append(os.Environ(), ownerVariable+"="+how)
			out, err := owner.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := owner.Start(); err != nil {
				t.Fatal(err)
			}
			var dir, addr string
			if _, err := fmt.Fscan(bufio.NewReader(out), &dir, &addr); err != nil {
				t.Fatal(err)
			}
			if how == "kill" {
				dial(t, addr, nil)
				if err := owner.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			_ = owner.Wait()
			eventually(t, func() error {
				if left := processesIn(t, dir); len(left) > 0 {
					return fmt.Errorf("left behind: %q", left)
				}
				if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
					return fmt.Errorf("the folder is still there: %v", err)
				}
				return nil
			})
		})
	}
}

func TestStartSaysWhy(t *testing.T) {
	t.Parallel()
	_ = labtest.ForTest(t, lab.Options{}) // skips where there is no Postfix
	_, err := lab.Start(t.Context(), lab.Options{MainCF: map[string]string{"mail_owner": "no-such-user"}})
	var failed *lab.StartError
	if !errors.As(err, &failed) || !strings.Contains(failed.Log, "no-such-user") {
		t.Errorf("got error %v, want a StartError with Postfix's reason", err)
	}
}

func TestOptionsThatCannotBe(t *testing.T) {
	t.Parallel()
	_ = labtest.ForTest(t, lab.Options{}) // skips where there is no Postfix
	closed := filepath.Join(t.TempDir(), "below")
	for _, test := range []struct {
		o    lab.Options
		want string
	}{
		{lab.Options{MainCF: map[string]string{"a b": "c"}}, `"a b" is no name of a setting`},
		{lab.Options{MainCF: map[string]string{"a": "b\nc = d"}}, "line break"},
		{lab.Options{MasterArgs: map[string][]string{"smpt": {"a=b"}}}, `no listener "smpt"`},
		{lab.Options{MasterArgs: map[string][]string{"smtp": {"a"}}}, `"a" is not name=value`},
		{lab.Options{Listeners: []lab.Listener{{Name: "a b"}}}, "no name for a listener"},
		{lab.Options{Users: map[string]string{"james": "x"}}, `"james" is no plain address`},
		{lab.Options{Mailboxes: []string{"../x@y"}}, "no plain address"},
		{lab.Options{Dir: closed}, "cannot enter"},
	} {
		server, err := lab.Start(t.Context(), test.o)
		if err == nil {
			t.Errorf("started, want an error with %q: %v", test.want, server.Stop())
		} else if !strings.Contains(err.Error(), test.want) {
			t.Errorf("got error %v, want %q", err, test.want)
		}
	}
}

func TestGivenDirStays(t *testing.T) {
	t.Parallel()
	_ = labtest.ForTest(t, lab.Options{}) // skips where there is no Postfix
	parent, err := os.MkdirTemp("", "smtplay-lab-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(parent) })
	// t.TempDir is 0700 all the way down, which shuts out Postfix's users.
	if err := os.Chmod(parent, 0o755); err != nil {
		t.Fatal(err)
	}
	o := lab.Options{Dir: filepath.Join(parent, "server")}
	for range 2 { // the second in what the first has left
		server := labtest.Private(t, o)
		dial(t, server.Addr("smtp"), nil).Say("quit", "221")
		if _, err := lab.Start(t.Context(), o); err == nil || !strings.Contains(err.Error(), "already") {
			t.Errorf("a second one in the same folder: %v", err)
		}
		if err := server.Stop(); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(server.Log(), "daemon started") {
			t.Error("the log is gone")
		}
	}
}

// processesIn are the processes that stand in a folder or below, as all of a Postfix do.
func processesIn(t testing.TB, dir string) []string {
	t.Helper()
	cwds, err := filepath.Glob("/proc/[0-9]*/cwd")
	if err != nil || len(cwds) == 0 {
		t.Fatalf("cannot see processes: %v", err)
	}
	var found []string
	for _, link := range cwds {
		cwd, err := os.Readlink(link)
		if err == nil && strings.HasPrefix(cwd, dir+"/") {
			name, _ := os.ReadFile(filepath.Join(filepath.Dir(link), "cmdline"))
			found = append(found, strings.ReplaceAll(string(name), "\x00", " "))
		}
	}
	return found
}

// eventually tries again until there is no error, for half a minute.
func eventually(t testing.TB, try func() error) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-deadline:
			t.Fatal(err)
		case <-again.C:
		}
	}
}
