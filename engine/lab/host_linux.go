package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// supported says that this system has what the package relies on.
const supported = true

// A port is a TCP port of 127.0.0.1 that is this server's until close.
type port struct {
	addr string
	fd   int
}

// reservePort has the kernel choose a free port and keeps it by a socket that is bound and never
// listens. Two Postfixes on one port would both start, as they set SO_REUSEPORT, and share its
// connections at random; while this socket is there the kernel gives the port to nobody who
// asks for any free one. Postfix can still bind it: same user, same option.
func reservePort() (port, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return port{}, fmt.Errorf("lab: a free port: %w", err)
	}
	p := port{fd: fd}
	for _, option := range []int{unix.SO_REUSEADDR, unix.SO_REUSEPORT} {
		if err == nil {
			err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, 1)
		}
	}
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	}
	var bound unix.Sockaddr
	if err == nil {
		bound, err = unix.Getsockname(fd)
	}
	if err != nil {
		p.close()
		return port{}, fmt.Errorf("lab: a free port: %w", err)
	}
	p.addr = fmt.Sprintf("127.0.0.1:%d", bound.(*unix.SockaddrInet4).Port)
	return p, nil
}

// close gives the port back.
func (p port) close() { _ = unix.Close(p.fd) }

// ownSession is how a process is started that a Ctrl-C on our terminal must not reach.
func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// masterPID is the process of the master that runs on this queue folder, 0 if there is none. The pid
// file alone proves nothing, as a number is used again; that the process stands in this
// very folder does. A zombie, which nobody may come to reap, stands nowhere.
func masterPID(queue string) int {
	text, err := os.ReadFile(filepath.Join(queue, "pid", "master.pid"))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 1 {
		return 0
	}
	if cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid)); err != nil || cwd != queue {
		return 0
	}
	return pid
}

// groupAlive reports whether a process of this process group still runs, zombies aside.
func groupAlive(group int) bool {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it ended meanwhile
		}
		// "PID (name) state ppid pgrp …", and the name may hold blanks and brackets.
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if len(fields) > 2 && fields[2] == strconv.Itoa(group) && fields[0] != "Z" && fields[0] != "X" {
			return true
		}
	}
	return false
}

// terminate asks a master to end; it passes that on to its processes.
func terminate(pid int) error { return unix.Kill(pid, unix.SIGTERM) }

// killGroup ends a master and all its processes at once.
func killGroup(pid int) error { return unix.Kill(-pid, unix.SIGKILL) }
