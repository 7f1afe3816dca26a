package lab

import (
	"fmt"
	"io"
	"os/exec"

	"smtplay/engine/lab/daemon"
)

// watch is the watchdog's script: DIR, then "remove" if DIR is to go as well. It waits for
// the end of its standard input, that is of the process that started it. What it kills must stand
// in DIR's queue folder, since a pid file may be older than a process of that number.
// The half second without a master, at the end, is for one that was just being started.
const watch = `
queue=$1/queue
running() {
	pid=$(tr -d ' ' <"$queue/pid/master.pid") && [ "$(readlink "/proc/$pid/cwd")" = "$queue" ]
}
while read -r _; do :; done
exec 2>/dev/null
tries=0
quiet=0
while [ $quiet -lt 10 ]; do
	if running; then
		case $tries in
		0) kill -TERM "$pid" ;;
		100) kill -KILL "-$pid" ;;
		200) break ;;
		esac
		tries=$((tries + 1))
		quiet=0
	else
		quiet=$((quiet + 1))
	fi
	sleep 0.05
done
[ "$2" != remove ] || rm -rf -- "$1"
`

// A watchdog ends a server whose owner went without saying so; see the package comment.
type watchdog struct {
	cmd  *exec.Cmd
	hold io.Closer // our end of its standard input
}

// startWatchdog starts one for the server in dir. It must be there before the server is.
func startWatchdog(dir string, remove bool) (*watchdog, error) {
	args := []string{"-c", watch, "smtplay-lab-watchdog", dir}
	if remove {
		args = append(args, "remove")
	} else {
		args = append(args, "keep")
	}
	// Not in dir, which it may have to remove, and without our streams: a reader of our
	// output would wait for its end as well.
	cmd := exec.Command("/bin/sh", args...)
	cmd.Dir = "/"
	cmd.Env = environment()
	cmd.SysProcAttr = daemon.InOwnSession(nil)
	hold, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("lab: watchdog: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("lab: watchdog: %w", err)
	}
	return &watchdog{cmd: cmd, hold: hold}, nil
}

// dismiss ends the watchdog without letting it do its work.
func (w *watchdog) dismiss() {
	// Killed before its input ends, or it would begin to work.
	_ = w.cmd.Process.Kill()
	_ = w.cmd.Wait()
	_ = w.hold.Close()
}
