//go:build unix

package engine

import (
	"os/exec"
	"syscall"
)

const pipesHaveDeadlines = true

// ownGroup puts a command into a process group of its own, so that what it
// starts can be ended with it.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
