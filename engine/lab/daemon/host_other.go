//go:build !linux

package daemon

import (
	"errors"
	"syscall"
)

// Supported says that this system has what the package relies on. It has not, and what
// starts servers says so before it comes to anything below.
const Supported = false

// A Port is a TCP port of 127.0.0.1.
type Port struct{ Addr string }

// ReservePort fails.
func ReservePort() (Port, error) { return Port{}, errors.ErrUnsupported }

// ReservePort6 fails.
func ReservePort6() (Port, error) { return Port{}, errors.ErrUnsupported }

// Socket is a UNIX socket as a port.
func Socket(path string) Port { return Port{Addr: "unix:" + path} }

// Close does nothing.
func (p Port) Close() {}

// InOwnSession does nothing.
func InOwnSession(with *syscall.SysProcAttr) *syscall.SysProcAttr { return with }

// In does nothing.
func In(string, int, int) *syscall.SysProcAttr { return nil }

func processesIn(string) []int { return nil }

func kill(int) {}
