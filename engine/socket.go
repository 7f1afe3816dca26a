package engine

import (
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// socket is the connection below TLS. It can be read without waiting, which
// is how bytes that nobody asked for are seen, and it keeps the first bytes
// that come while a handshake runs.
type socket struct {
	net.Conn
	at          instant         // nil where there is none, or others use the connection too, as a handshake does
	sys         syscall.RawConn // nil where there is no descriptor
	interrupted atomic.Bool
	prompt      bool // what was asked for last was there when it was looked for
	impatient   bool // Read returns what is there, or a timeout at once
	yields      bool // Read has time to let others go first
	capturing   bool
	busy        bool // in a wait of which somebody was told, who may use the connection meanwhile

	waiting func() (done func())
	alone   func() bool
	readBy  time.Time // when reads end that block; zero is never
	writeBy time.Time // when writes end that block; zero is not known
	ended   time.Time // when the last read or write ended of which waiting was told

	now     nowRead
	capture []byte     // what a handshake read, up to captureMax
	mu      sync.Mutex // held by Interrupt and Resume
	watch   int        // how many contexts were watched before this one
}

// instant is a connection that can be read and written without waiting, whatever
// its deadlines, and without the runtime's leave, which costs as much again as the
// kernel's part. Nobody else may use or close it at the same time.
type instant interface {
	readInstantly(b []byte) (int, error)  // os.ErrDeadlineExceeded where nothing is there
	writeInstantly(b []byte) (int, error) // as much as finds room
	looked() int                          // how often the last Read did, before it ended: not at all where its time was over
}

const captureMax = 4096

// timeToYield is how long a read must have for others to go first: more than the
// turns of hundreds of scripts take that do nothing but compute.
const timeToYield = 10 * time.Second

func newSocket(nc net.Conn) *socket {
	s := &socket{Conn: nc}
	if sc, ok := nc.(syscall.Conn); ok {
		if sys, err := sc.SyscallConn(); err == nil {
			s.sys = sys
		}
	}
	s.at, _ = nc.(instant)
	s.prompt = true
	return s
}

func (s *socket) Read(b []byte) (n int, err error) {
	switch {
	case !s.impatient && !s.told():
		// What was asked for is seldom there yet. Whoever lets the other conversations that can go on have their turn
		// first often finds it, and is spared the read of nothing, the wait and the waking up. Their turns may be long:
		// a read whose time ended meanwhile would fail, whatever had come.
		if s.yields {
			runtime.Gosched()
			var done bool
			if n, done, err = s.readPrompt(b); done {
				break
			}
		}
		n, err = s.Conn.Read(b)
		s.prompt = s.at != nil && s.at.looked() == 1
	case !s.impatient:
		n, err = s.readWaiting(b)
	case s.sys != nil:
		n, err = s.readNow(b)
	default: // a pipe in memory: a moment is all it takes
		s.setRead(time.Now().Add(time.Millisecond))
		n, err = s.Conn.Read(b)
	}
	if s.capturing && n > 0 {
		room := min(n, captureMax-len(s.capture))
		s.capture = append(s.capture, b[:room]...)
	}
	return n, err
}

// readPrompt reads what is there already, where that is likely. An error is told
// once by the kernel, so it is not left to another read.
func (s *socket) readPrompt(b []byte) (n int, done bool, err error) {
	if s.at == nil || !s.prompt || s.interrupted.Load() {
		return 0, false, nil
	}
	n, err = s.at.readInstantly(b)
	if s.prompt = err != os.ErrDeadlineExceeded; !s.prompt {
		return 0, false, nil
	}
	return n, true, err
}

// readWaiting tells of a read, where nothing is there yet.
func (s *socket) readWaiting(b []byte) (n int, err error) {
	if n, err := s.readPresent(b); n > 0 || err != nil {
		s.ended = time.Time{}
		return n, err
	}
	defer s.wait()()
	return s.Conn.Read(b)
}

// Write tells of every write: that the kernel takes it at once is not known.
func (s *socket) Write(b []byte) (int, error) {
	if s.told() {
		defer s.wait()()
	} else if s.at != nil && !s.interrupted.Load() {
		n, err := s.at.writeInstantly(b)
		if n == len(b) || err != nil {
			return n, err
		}
		more, err := s.Conn.Write(b[n:]) // what is left may wait
		return n + more, err
	}
	return s.Conn.Write(b)
}

// told says whether there is anybody to be told of a wait.
func (s *socket) told() bool {
	return s.waiting != nil && (s.alone == nil || !s.alone())
}

// wait begins a wait. Whoever is told of its end may let others go first, and
// what took its time was over then.
func (s *socket) wait() (over func()) {
	s.busy = true
	done := s.waiting()
	return func() {
		s.ended = time.Now()
		done()
		s.busy = false
	}
}

// since is when the last read or write ended, which may be long ago; now is for
// those of which nobody was told.
func (s *socket) since(now time.Time) time.Time {
	if s.ended.IsZero() {
		return now
	}
	return s.ended
}

// Interrupt ends every read and write, now and later, unless that watch is over.
func (s *socket) Interrupt(watch int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if watch == s.watch {
		s.interrupted.Store(true)
		s.Conn.SetDeadline(past)
	}
}

// Resume begins the watch of a later context than the one that ended.
func (s *socket) Resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watch++
	s.interrupted.Store(false)
	s.readBy, s.writeBy = past, time.Time{}
}

// past is a deadline that is over.
var past = time.Unix(1, 0)

// readUntil gives reads until t, zero for ever. To set a deadline costs as much
// as all else that is done for a reply, so one that is set already and comes
// first stays: who reads begins anew when it ends a read before t.
func (s *socket) readUntil(t, now time.Time) {
	if s.readBy.IsZero() && t.IsZero() || s.readBy.After(now) && (t.IsZero() || !s.readBy.After(t)) {
		return
	}
	s.setRead(t)
}

// endsBy says that reads end at a time that is set already, t at the latest. That
// time may be over.
func (s *socket) endsBy(t time.Time) bool {
	return !s.readBy.IsZero() && !s.readBy.After(t)
}

// unseen says that after a read that ended at its time something may lie there that
// came before t: nobody looked, or it ended earlier. What comes after t is late.
func (s *socket) unseen(t time.Time) bool {
	return s.at != nil && s.at.looked() == 0 || s.readBy.Before(t)
}

// setRead sets the time at which reads end, unless interrupted already. The
// order matters: Interrupt sets its flag before the deadline, we look after.
func (s *socket) setRead(t time.Time) {
	s.readBy = t
	s.Conn.SetReadDeadline(t)
	if s.interrupted.Load() {
		s.Conn.SetReadDeadline(past)
	}
}

// writeWithin gives a write that time, from now on, and up to a tenth more: a
// deadline costs as much as all else that is done for a command, and one that
// is set already will often do.
func (s *socket) writeWithin(d time.Duration, now time.Time) {
	if left := s.writeBy.Sub(now); left < d || left > d+d/10 {
		s.writeUntil(now.Add(d + d/10))
	}
}

func (s *socket) writeUntil(t time.Time) {
	s.writeBy = t
	s.Conn.SetWriteDeadline(t)
	if s.interrupted.Load() {
		s.Conn.SetWriteDeadline(past)
	}
}
