//go:build !linux

package lab

import (
	"errors"
	"syscall"
)

// supported says that this system has what the package relies on. It has not, and Start
// says so before it comes to anything below.
const supported = false

type port struct{ addr string }

func reservePort() (port, error) { return port{}, errors.ErrUnsupported }

func (p port) close() {}

func ownSession() *syscall.SysProcAttr { return nil }

func masterPID(string) int { return 0 }

func groupAlive(int) bool { return false }

func terminate(int) error { return errors.ErrUnsupported }

func killGroup(int) error { return errors.ErrUnsupported }
