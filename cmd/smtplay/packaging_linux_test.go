package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"smtplay/engine/lab/labtest"
)

// The program of the image, as the image has it: built by the Containerfile's
// line, alone with the certificates on the file system, for its user.
func TestImage(t *testing.T) {
	switch {
	case os.Getuid() == 0:
	case os.Getenv(labtest.Variable) == "require":
		t.Fatal("not root, and " + labtest.Variable + "=require")
	default:
		t.Skip("needs root, to change the root folder and the user")
	}
	text, err := os.ReadFile("Containerfile")
	if err != nil {
		t.Fatal(err)
	}
	build := regexp.MustCompile(`(?m)^RUN (.* go build .*) -o /smtplay (\S+)$`).FindSubmatch(text)
	user := regexp.MustCompile(`(?m)^USER (\d+):(\d+)$`).FindSubmatch(text)
	if build == nil || user == nil {
		t.Fatalf("no build, or no user:\n%s", text)
	}
	uid, _ := strconv.ParseUint(string(user[1]), 10, 32)
	gid, _ := strconv.ParseUint(string(user[2]), 10, 32)
	root := t.TempDir()
	write(t, root, map[string]string{"etc/ssl/certs/ca-certificates.crt": "", "suite/good.lua": "expect 220\n", "suite/bad.lua": "expect 554\n"})
	cmd := exec.CommandContext(t.Context(), "sh", "-c", string(build[1])+" -o "+filepath.Join(root, "smtplay")+" "+string(build[2]))
	cmd.Dir = "../.."
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, c := range []struct {
		args, want string
		status     int
	}{
		{"run --demo", " passed, 0 failed, ", 0},
		{"run --demo good.lua", "1 passed, 0 failed, ", 0},
		{"run --demo bad.lua", "0 passed, 1 failed, ", exitFailed},
		{"run --demo --record out good.lua", "permission denied", exitUsage}, // the folder is not this user's
		{"version", "smtplay ", 0},
		{"help", "usage: smtplay ", 0},
	} {
		cmd := exec.CommandContext(t.Context(), "/smtplay", strings.Fields(c.args)...)
		cmd.Dir, cmd.Env = "/suite", []string{}
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		out, _ := cmd.CombinedOutput()
		if status := cmd.ProcessState.ExitCode(); status != c.status || !strings.Contains(string(out), c.want) {
			t.Errorf("smtplay %s: exit status %d, want %d and %q\n%s", c.args, status, c.status, c.want, out)
		}
	}
}
