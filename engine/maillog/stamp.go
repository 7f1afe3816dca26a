package maillog

import (
	"bytes"
	"time"
)

// stamp is the time at the beginning of a line, as it stands there.
type stamp struct {
	wall  time.Time // in UTC and the year 0 where the line has no zone and year
	zoned bool
	unit  time.Duration // how exact it is
}

// syslogForm is that of RFC 3164 4.1.2, in which a day below ten has a blank.
const syslogForm = "Jan _2 15:04:05"

// readStamp reads the time that a line begins with, and gives what follows the
// blank behind it.
func readStamp(line []byte) (s stamp, rest []byte, ok bool) {
	if len(line) > len(syslogForm) && line[len(syslogForm)] == ' ' && line[0] >= 'A' && line[0] <= 'Z' {
		t, err := time.Parse(syslogForm, string(line[:len(syslogForm)]))
		return stamp{wall: t, unit: time.Second}, line[len(syslogForm)+1:], err == nil
	}
	const longest = len("2006-01-02T15:04:05.999999999+07:00")
	word, _, ok := bytes.Cut(line[:min(len(line), longest+1)], []byte(" "))
	if !ok || len(word) < len("2006-01-02T15:04:05Z") || word[0] < '0' || word[0] > '9' {
		return s, nil, false
	}
	t, err := time.Parse(time.RFC3339Nano, string(word))
	s = stamp{wall: t, zoned: true, unit: time.Second}
	if dot := bytes.IndexByte(word, '.'); dot > 0 {
		for _, c := range word[dot+1:] {
			if c < '0' || c > '9' {
				break
			}
			s.unit /= 10
		}
	}
	s.unit = max(s.unit, 1)
	return s, line[len(word)+1:], err == nil
}

// time is when that was. Where the line does not say, it is of the candidates, years
// and both sides of a clock that is put back, the one nearest to near.
func (s stamp) time(near time.Time, zone *time.Location) time.Time {
	if s.zoned {
		return s.wall
	}
	if zone == nil {
		zone = time.Local
	}
	w := s.wall
	var best time.Time
	for year := near.In(zone).Year() - 1; year <= near.In(zone).Year()+1; year++ {
		t := time.Date(year, w.Month(), w.Day(), w.Hour(), w.Minute(), w.Second(), 0, zone)
		if t.Day() != w.Day() && w.Day() == 29 {
			continue // the 29th of February of another year
		}
		for _, each := range [3]time.Time{t, t.Add(-time.Hour), t.Add(time.Hour)} {
			if each.Hour() == w.Hour() && (best.IsZero() || each.Sub(near).Abs() < best.Sub(near).Abs()) {
				best = each
			}
		}
	}
	if best.IsZero() { // no leap year is near
		best = time.Date(near.Year(), w.Month(), w.Day(), w.Hour(), w.Minute(), w.Second(), 0, zone)
	}
	return best
}

// before says whether a time that is exact to unit is before start.
func before(t time.Time, unit time.Duration, start time.Time) bool {
	return t.Before(start.Truncate(unit))
}
