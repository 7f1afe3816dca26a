package maillog

import (
	"bytes"
	"io"
	"time"
)

const (
	// disorder is how far lines of a log are out of order, as those are that come from several machines.
	disorder = time.Minute
	// maxProbe is how much is read to find a line that has a time.
	maxProbe = 1 << 20
)

// start puts the cursor where the lines begin that may be of the test. It goes back
// from the end of the file by ever longer steps, then halves the last of them: the lines
// are in order, but for some disorder, and the end of a file is where a test's are.
func (s *search) start(c *cursor) error {
	info, err := c.file.Stat()
	if err != nil {
		return err
	}
	p := probe{s: s, file: c.file, changed: info.ModTime(), early: s.since.Add(-disorder)}
	low, high := int64(0), info.Size()
	for step := int64(chunk); step < info.Size(); step *= 2 {
		at, early, err := p.at(info.Size()-step, high)
		if err != nil {
			return err
		}
		if early {
			low = at
			break
		}
		high = info.Size() - step
	}
	for high-low > chunk {
		at, early, err := p.at(low+(high-low)/2, high)
		if err != nil {
			return err
		}
		if early {
			low = at
		} else {
			high = low + (high-low)/2
		}
	}
	if low, err = p.skipYears(low, high); err != nil {
		return err
	}
	c.offset, c.at = low, low
	return nil
}

// probe finds out of which time the lines of a file are.
type probe struct {
	s       *search
	file    File
	changed time.Time
	early   time.Time // lines before it are not of the test
}

// at finds the first line behind from, and before limit, that has a time: where it begins, and
// whether it is early.
func (p probe) at(from, limit int64) (at int64, early bool, err error) {
	err = p.lines(from, min(limit, from+maxProbe), func(begins int64, when time.Time) bool {
		if begins <= from {
			return true // it may begin before
		}
		at, early = begins, when.Before(p.early)
		return false
	})
	return at, early, err
}

// skipYears is low, or a later line up to high before which all lines are years old:
// such as have no year of their own could pass for those of this one.
func (p probe) skipYears(low, high int64) (int64, error) {
	result, old := low, p.s.since.Add(-zones)
	err := p.lines(low, high, func(at int64, when time.Time) bool {
		if when.Before(old) {
			result = at
		}
		return true
	})
	return result, err
}

// lines gives each whole line between two offsets that has a time to next, until it
// says no.
func (p probe) lines(from, to int64, next func(at int64, when time.Time) bool) error {
	c := cursor{file: p.file, offset: from, at: from}
	buffer, on := make([]byte, min(chunk, max(0, to-from))), true
	for on && c.offset < to {
		n, err := p.file.ReadAt(buffer[:min(int64(len(buffer)), to-c.offset)], c.offset)
		if n == 0 {
			if err == io.EOF {
				return nil
			}
			return err
		}
		c.take(buffer[:n], func(at int64, line []byte) {
			if !on {
				return
			}
			if t, _, ok := readStamp(bytes.TrimRight(line, "\r\n")); ok {
				on = next(at, p.s.when(t, p.changed))
			}
		})
	}
	return nil
}
