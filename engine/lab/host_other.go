//go:build !linux

package lab

import "errors"

func masterPID(string) int { return 0 }

func groupAlive(int) bool { return false }

func terminate(int) error { return errors.ErrUnsupported }

func killGroup(int) error { return errors.ErrUnsupported }
