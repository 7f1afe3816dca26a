package daemon_test

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

	"smtplay/engine/lab/daemon"
)

func TestMain(m *testing.M) {
	if how := os.Getenv(ownerVariable); how != "" {
		own(how)
	}
	m.Run()
}

func start(t testing.TB, script string, ports ...string) (*daemon.Daemon, error) {
	t.Helper()
	if !daemon.Supported {
		t.Skip("not on this system")
	}
	d, err := daemon.New("test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Stop(); err != nil {
			t.Error(err)
		}
	})
	if err := d.Listen(ports...); err != nil {
		t.Fatal(err)
	}
	return d, d.Run(t.Context(), exec.Command("/bin/sh", "-c", script))
}

// ownerVariable makes the test binary the owner of a server, for TestOwnerDies.
const ownerVariable = "SMTPLAY_DAEMON_TEST_OWNER"

// family is a server with a child in a session of its own, deeper in the folder.
const family = "mkdir below; (cd below; setsid sleep 1000 & sleep 1000) & sleep 1000"

// own starts a server, says where, and ends without stopping it.
func own(how string) {
	d, err := daemon.New("test")
	if err == nil {
		err = d.Run(context.Background(), exec.Command("/bin/sh", "-c", family))
	}
	if err != nil {
		panic(err)
	}
	_ = daemon.WaitUntil(context.Background(), func() bool { return len(d.Processes()) >= 3 })
	fmt.Println(d.Dir())
	if how == "panic" {
		panic("on purpose")
	}
	select {} // until killed
}

// A server outlives neither a panic of the process that started it nor a SIGKILL.
func TestOwnerDies(t *testing.T) {
	t.Parallel()
	if !daemon.Supported {
		t.Skip("not on this system")
	}
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
			var dir string
			if _, err := fmt.Fscan(bufio.NewReader(out), &dir); err != nil {
				t.Fatal(err)
			}
			if how == "kill" {
				if err := owner.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			_ = owner.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if err := daemon.WaitUntil(ctx, func() bool {
				_, err := os.Stat(dir)
				return errors.Is(err, fs.ErrNotExist)
			}); err != nil {
				t.Errorf("the folder is still there: %v", err)
			}
			links, _ := filepath.Glob("/proc/[0-9]*/cwd")
			for _, link := range links {
				if cwd, err := os.Readlink(link); err == nil && strings.HasPrefix(cwd, dir) {
					t.Errorf("left behind: %s in %s", link, cwd)
				}
			}
		})
	}
}

func TestStop(t *testing.T) {
	t.Parallel()
	d, err := start(t, family)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := daemon.WaitUntil(ctx, func() bool { return len(d.Processes()) >= 3 }); err != nil {
		t.Fatalf("processes %v, want 3 at least", d.Processes())
	}
	if err := d.Stop(); err != nil {
		t.Fatal(err)
	}
	if left := d.Processes(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := os.Stat(d.Dir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
}

func TestRunSaysWhy(t *testing.T) {
	t.Parallel()
	_, err := start(t, "echo the reason >&2; exit 1", "smtp")
	var failed *daemon.StartError
	if !errors.As(err, &failed) || failed.Log != "the reason" {
		t.Errorf("got error %v, want a StartError with what was printed", err)
	}
}

func TestRunGivesUp(t *testing.T) {
	t.Parallel()
	d, err := daemon.New("test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Stop() })
	if err := d.Listen("smtp"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := d.Run(ctx, exec.Command("/bin/sleep", "1000")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got error %v, want that of the context", err)
	}
}

// A port that is reserved is given to nobody who asks for any.
func TestReservePort(t *testing.T) {
	t.Parallel()
	p, err := daemon.ReservePort()
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("not on this system")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if conn, err := net.Dial("tcp", p.Addr); err == nil {
		conn.Close()
		t.Error("it answers before anybody listens")
	}
	for range 200 {
		other, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		if other.Addr().String() == p.Addr {
			t.Fatal("it was given away")
		}
	}
}

// A folder whose name the watchdog would take for a pattern is refused, and does not stay.
func TestNewRefuses(t *testing.T) {
	if !daemon.Supported {
		t.Skip("not on this system")
	}
	parent := filepath.Join(t.TempDir(), "a*")
	if err := os.Mkdir(parent, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", parent)
	if _, err := daemon.New("test"); err == nil || !strings.Contains(err.Error(), "a*") {
		t.Errorf("got error %v, want one with the path", err)
	}
	if left, _ := os.ReadDir(parent); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
