package daemon

import (
	"io"
	"os/exec"
)

// watch is the watchdog's script, whose argument is the folder. It waits for the end of its
// standard input, that is of the process that started it. The half second without anybody, at the
// end, is for a process that was just being started.
const watch = `
dir=$1
while read -r _; do :; done
exec 2>/dev/null
tries=0
quiet=0
while [ $quiet -lt 10 ] && [ $tries -lt 200 ]; do
	quiet=$((quiet + 1))
	for link in $(find /proc -maxdepth 2 -name cwd \( -lname "$dir" -o -lname "$dir/*" \)); do
		pid=${link#/proc/}
		kill -KILL "${pid%/cwd}"
		quiet=0
	done
	tries=$((tries + 1))
	sleep 0.05
done
rm -rf -- "$dir"
`

// A watchdog ends a server whose owner went without saying so; see the package comment.
type watchdog struct {
	cmd  *exec.Cmd
	hold io.Closer // our end of its standard input
}

// startWatchdog starts one for the server in dir. It must be there before the server is.
func startWatchdog(dir string) (*watchdog, error) {
	// Not in dir, where it would end itself, and without our streams: a reader of our
	// output would wait for its end as well.
	cmd := exec.Command("/bin/sh", "-c", watch, "smtplay-watchdog", dir)
	cmd.Dir = "/"
	cmd.Env = Environment()
	cmd.SysProcAttr = InOwnSession(nil)
	hold, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
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
