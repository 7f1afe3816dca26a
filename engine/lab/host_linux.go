package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

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
