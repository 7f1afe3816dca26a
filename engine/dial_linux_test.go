package engine

import (
	"net"
	"strconv"
	"testing"
)

// Where nobody listens, the kernel may lend our end the very port that it dials,
// and TCP connects it to itself. That is no server: a wait for one that starts
// late must go on. Linux lends even ports first, each in its turn.
func TestNearItself(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port &^ 1
	l.Close()
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	for range 40000 {
		nc := dialNear(address)
		if nc == nil {
			continue
		}
		itself := nc.LocalAddr().String() == address
		if nc.Close(); itself {
			t.Fatalf("%s is connected to itself", address)
		}
	}
}
