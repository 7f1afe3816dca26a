//go:build !unix

package engine

import "time"

// nowRead is nothing here.
type nowRead struct{}

// readNow reads what has arrived. Without a read that does not wait, a moment
// has to do.
func (s *socket) readNow(b []byte) (int, error) {
	s.Conn.SetReadDeadline(time.Now().Add(time.Millisecond))
	return s.Conn.Read(b)
}

// readPresent leaves every read to one that may wait.
func (s *socket) readPresent([]byte) (int, error) { return 0, nil }
