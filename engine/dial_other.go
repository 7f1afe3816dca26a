//go:build !linux

package engine

import "net"

// dialNear leaves every connection to net.
func dialNear(string) net.Conn { return nil }
