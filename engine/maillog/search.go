package maillog

import (
	"bytes"
	"context"
	"io"
	"slices"
	"time"
)

const (
	// chunk is how much is read at once.
	chunk = 64 << 10
	// skew is how far the clocks may differ of those who write the log and of the one who dates
	// its file.
	skew = time.Minute
	// zones is how far two zones lie apart at most, with a day to spare; a line without year
	// that is later than this after the file was last written is of an earlier year.
	zones = 50 * time.Hour
)

// search is one Await.
type search struct {
	log     *Log
	demand  []condition
	since   time.Time
	cursors map[*generation]*cursor
	passes  int // that are over

	found    *Entry
	refused  *Entry                   // it would have been found, but is ahead of the clock
	ahead    map[string]time.Duration // by host: lines that are ahead of the clock
	senders  map[string]string
	window   bool // the last time that was read is not before the start
	score    int  // of notFound.Nearest
	notFound NotFound
}

const (
	maxSenders = 4096 // queue ids whose senders are remembered
	maxAhead   = 64   // hosts
)

func (l *Log) search(since time.Time, d Demand) *search {
	return &search{log: l, demand: d.conditions(), since: since,
		cursors: map[*generation]*cursor{}, ahead: map[string]time.Duration{}, senders: map[string]string{},
		notFound: NotFound{Name: l.name, Demand: d, Since: since}}
}

// advance reads what is new in all files. The entry is nil where nothing in it is what is
// demanded. All of it is read even behind the entry that is found: later lines
// show whether its time can be believed.
func (s *search) advance(ctx context.Context) (*Entry, error) {
	files := s.log.generations()
	for _, g := range files {
		c := s.cursors[g]
		if c == nil {
			c = &cursor{file: g.File}
			if err := s.start(c); err != nil {
				return nil, s.log.wrap(err)
			}
			s.cursors[g] = c
		}
		if err := s.read(ctx, c); err != nil {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			return nil, s.log.wrap(err)
		}
	}
	for g := range s.cursors {
		if !slices.Contains(files, g) {
			delete(s.cursors, g)
		}
	}
	s.passes++
	if s.found != nil {
		if by := s.ahead[s.found.Host]; by > 0 {
			return nil, &Error{Name: s.log.name, Kind: Ahead, By: by}
		}
		return s.found, nil
	}
	if s.refused != nil {
		return nil, &Error{Name: s.log.name, Kind: Ahead, By: s.ahead[s.refused.Host]}
	}
	return nil, nil
}

// read gives each whole line up to the end that the file has now to line.
func (s *search) read(ctx context.Context, c *cursor) error {
	info, err := c.file.Stat()
	if err != nil {
		return err
	}
	cut, err := c.replaced(info)
	if err != nil {
		return err
	}
	if cut {
		s.notFound.Truncated = true
		*c = cursor{file: c.file}
	}
	c.size, c.changed = info.Size(), info.ModTime()
	if s.passes > 0 && c.offset < c.size {
		s.notFound.Grew = true
	}
	buffer := make([]byte, min(chunk, c.size-c.offset))
	for c.offset < c.size {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		n, err := c.file.ReadAt(buffer[:min(int64(len(buffer)), c.size-c.offset)], c.offset)
		if n == 0 {
			if err == io.EOF {
				return nil // it was cut since; the next look sees it
			}
			return err
		}
		c.take(buffer[:n], func(at int64, line []byte) { s.line(c, at, line) })
	}
	return nil
}

// line looks at one line, which begins at an offset.
func (s *search) line(c *cursor, at int64, line []byte) {
	t, rest, ok := readStamp(bytes.TrimRight(line, "\r\n"))
	if !ok {
		if s.window && len(bytes.TrimSpace(line)) > 0 {
			s.notFound.Foreign++
		}
		return
	}
	when := s.when(t, c.changed)
	s.window = !before(when, t.unit, s.since)
	if at == 0 && when.After(s.since.Add(time.Second)) {
		s.notFound.Begins = when
	}
	e, ok := parse(line, t, rest, when)
	if !ok {
		if s.window {
			s.notFound.Foreign++
		}
		return
	}
	s.knowSender(&e)
	if !s.window {
		if s.passes > 0 {
			s.notFound.Stale = max(s.notFound.Stale, s.since.Sub(when))
		}
		return
	}
	ahead := time.Duration(0)
	if !c.changed.IsZero() {
		ahead = when.Sub(c.changed)
	}
	s.judge(&e, ahead)
}

// when is the time of a line of a file that was last written at changed.
func (s *search) when(t stamp, changed time.Time) time.Time {
	when := t.time(s.since, s.log.Zone)
	if !t.zoned && !changed.IsZero() && when.After(changed.Add(zones)) {
		when = t.time(when.AddDate(-1, 0, 0), s.log.Zone)
	}
	return when
}

// judge looks at an entry since the start, which is so far ahead of the file's last change.
func (s *search) judge(e *Entry, ahead time.Duration) {
	n := &s.notFound
	n.Entries++
	if e.QueueID != "" && e.QueueID == s.notFound.Demand.QueueID {
		n.OfQueue++
	}
	score, all := score(s.demand, e)
	if score > 0 && score >= s.score {
		s.score, n.Nearest = score, e
	}
	if ahead > skew && len(s.ahead) < maxAhead {
		s.ahead[e.Host] = max(s.ahead[e.Host], ahead)
	}
	switch {
	case !all:
	case ahead > skew && s.refused == nil:
		s.refused = e
	case ahead <= skew && s.found == nil:
		s.found = e
	}
}

// knowSender remembers a sender for the lines of the same message, which do not name
// it. Postfix uses a short queue id again once its message is removed.
func (s *search) knowSender(e *Entry) {
	switch {
	case e.QueueID == "" || e.QueueID == noQueue:
	case e.From != "":
		if len(s.senders) >= maxSenders {
			clear(s.senders)
		}
		if len(e.From) <= 1000 {
			s.senders[e.QueueID] = e.From
		}
	case e.Text == "removed":
		delete(s.senders, e.QueueID)
	default:
		e.From = s.senders[e.QueueID]
	}
}

// tail is how much of the log's end is searched for lines from before the start.
const tail = 4 << 20

// verdict is why there is nothing.
func (s *search) verdict() error {
	files := s.log.generations()
	empty := true
	for _, c := range s.cursors {
		empty = empty && c.size == 0 && !s.notFound.Truncated
	}
	if empty {
		return &Error{Name: s.log.name, Kind: Empty}
	}
	if len(files) > 0 && s.notFound.Demand.QueueID != "" && s.notFound.OfQueue == 0 {
		s.outside(s.cursors[files[len(files)-1]])
	}
	return &s.notFound
}

// outside looks for lines of the queue id from before the start.
func (s *search) outside(c *cursor) {
	if c == nil {
		return
	}
	from := max(0, c.size-tail)
	text := make([]byte, c.size-from)
	n, _ := c.file.ReadAt(text, from) // what cannot be read gives no hint
	for line := range bytes.Lines(text[:n]) {
		if !bytes.Contains(line, []byte(s.notFound.Demand.QueueID)) {
			continue
		}
		t, rest, ok := readStamp(bytes.TrimRight(line, "\r\n"))
		if !ok {
			continue
		}
		e, ok := parse(line, t, rest, s.when(t, c.changed))
		if ok && e.QueueID == s.notFound.Demand.QueueID && before(e.Time, e.unit, s.since) {
			s.notFound.Outside, s.notFound.Outsides = &e, s.notFound.Outsides+1
		}
	}
}
