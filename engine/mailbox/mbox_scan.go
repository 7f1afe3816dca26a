package mailbox

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"regexp"
	"strings"
	"sync"
	"time"
)

// An mbox is one message after the other. Each begins with a line "From sender date",
// at the beginning of the file or after an empty line, and ends before the empty line that comes
// before the next. Lines of a message that look so are written with ">" before them.
// RFC 4155 tells of the family; Content-Length, by which one branch measures, is nothing
// to go by: whoever wrote the message may have written it.

// entry is where a message lies in an mbox.
type entry struct {
	start int64 // of the From_ line
	text  int64 // of the header
	end   int64 // of the text, without the empty line that separates
	next  int64 // where the next may begin
	from  fromLine
	sum   sum // of the bytes from start to end
	blank bool
}

type sum [sha256.Size]byte

// fromLine is what a From_ line says.
type fromLine struct {
	sender string      // "" for MAILER-DAEMON, which stands for <>
	dates  []time.Time // in this machine's zone and in UTC, as few lines say which; one where it is said
}

var (
	fromForm = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^From (.*?) *(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +([A-Z][a-z][a-z] +\d{1,2} +\d\d:\d\d(?::\d\d)?)((?: +[A-Z]{1,5})?) +(\d{4})((?: +[+-]\d{4})?)\r?\n?$`)
	})
	layouts = []string{"Jan 2 15:04:05 2006", "Jan 2 15:04 2006"}
)

// longestFrom is how long a From_ line may be.
const longestFrom = 1000

// parseFromLine reads a From_ line, with its line end or without; ok is false where it is none.
func parseFromLine(line []byte) (f fromLine, ok bool) {
	if len(line) > longestFrom || !bytes.HasPrefix(line, []byte("From ")) {
		return f, false
	}
	parts := fromForm().FindStringSubmatch(string(line))
	if parts == nil {
		return f, false
	}
	if f.sender = unbracketed(parts[1]); strings.EqualFold(f.sender, "MAILER-DAEMON") {
		f.sender = ""
	}
	date := strings.Join(strings.Fields(parts[2]+" "+parts[4]), " ")
	zoneName, zone := strings.TrimSpace(parts[3]), strings.TrimSpace(parts[5])
	for _, layout := range layouts {
		if zone != "" {
			if t, err := time.Parse(layout+" -0700", date+" "+zone); err == nil {
				f.dates = []time.Time{t}
			}
			continue
		}
		utc, err := time.Parse(layout, date)
		if err != nil {
			continue
		}
		f.dates = []time.Time{utc}
		if local, err := time.ParseInLocation(layout, date, time.Local); err == nil && zoneName != "UTC" && zoneName != "GMT" && !local.Equal(utc) {
			f.dates = []time.Time{local, utc}
		}
	}
	if len(f.dates) == 0 {
		return fromLine{}, false
	}
	return f, true
}

// latest is the latest time that the line may mean.
func (f fromLine) latest() time.Time {
	last := f.dates[0]
	for _, t := range f.dates[1:] {
		if t.After(last) {
			last = t
		}
	}
	return last
}

// clockStep is what clocks, and roundings to seconds, may differ.
const clockStep = 2 * time.Second

// at is when the message arrived. Where the line may mean two times it is the first
// that is not before the message was received here and not after the file changed last, and else
// the local one, as most agents write.
func (f fromLine) at(received, changed time.Time) time.Time {
	var best time.Time
	for _, t := range f.dates {
		if t.After(changed.Add(clockStep)) || !received.IsZero() && t.Before(received.Truncate(time.Second).Add(-clockStep)) {
			continue
		}
		if best.IsZero() || !received.IsZero() && t.Before(best) {
			best = t
		}
	}
	if best.IsZero() {
		return f.dates[0]
	}
	return best
}

// mboxScanner finds the messages of an mbox, in constant memory.
type mboxScanner struct {
	lines *bufio.Reader
	at    int64
	hash  hash.Hash
	// wanted says whether the sum of a message is needed.
	wanted func(start int64, f fromLine) bool
	// found is told of each message.
	found func(entry) error

	current *entry
}

var errNoMbox = errors.New("it is no mbox: it does not begin with a line \"From sender date\"")

// scan reads from r, whose first byte is at start of the file and begins a message.
func (s *mboxScanner) scan(ctx context.Context, r io.Reader, start int64) error {
	s.lines, s.at, s.hash = bufio.NewReaderSize(r, 64<<10), start, sha256.New()
	blank, whole := true, true // whether the line before was empty, and ended
	var held []byte            // an empty line, which belongs to the message only if no other begins after it
	for count := 0; ; count++ {
		if count%1024 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		line, err := s.lines.ReadSlice('\n')
		if len(line) > 0 {
			f, begins := fromLine{}, false
			if blank && whole && !errors.Is(err, bufio.ErrBufferFull) && line[len(line)-1] == '\n' {
				f, begins = parseFromLine(line)
			}
			switch {
			case begins:
				if e := s.finish(); e != nil {
					return e
				}
				s.hash.Reset()
				s.current = &entry{start: s.at, text: s.at + int64(len(line)), from: f}
				held = held[:0]
				s.sum(line)
			case s.current == nil && s.at == 0 && line[len(line)-1] == '\n' && len(bytes.TrimSpace(line)) > 0:
				return errNoMbox
			case whole && isEmptyLine(line):
				s.sum(held)
				held = append(held[:0], line...)
			default:
				s.sum(held)
				held = held[:0]
				s.sum(line)
			}
			blank = whole && isEmptyLine(line)
			whole = line[len(line)-1] == '\n'
			s.at += int64(len(line))
			if s.current != nil {
				s.current.end, s.current.blank = s.at-int64(len(held)), blank
				s.current.next = s.at
			}
		}
		if err == io.EOF {
			return s.finish()
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

func isEmptyLine(line []byte) bool {
	return string(line) == "\n" || string(line) == "\r\n"
}

func (s *mboxScanner) sum(b []byte) {
	if s.current != nil && s.wanted(s.current.start, s.current.from) {
		s.hash.Write(b)
	}
}

// finish tells of the message that ends here.
func (s *mboxScanner) finish() error {
	if s.current == nil {
		return nil
	}
	e := *s.current
	s.hash.Sum(e.sum[:0])
	s.current = nil
	return s.found(e)
}

// unquoted is a message's text as it was before it was put into an mbox: one ">"
// is taken from lines that begin with any number of them and "From ". (What wrote
// "mboxo" puts none before lines that have one already: such a line loses its own.)
func unquoted(text []byte) []byte {
	if !bytes.Contains(text, []byte(">From ")) {
		return text
	}
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		line := text
		if i := bytes.IndexByte(text, '\n'); i >= 0 {
			line = text[:i+1]
		}
		text = text[len(line):]
		if line[0] == '>' && bytes.HasPrefix(bytes.TrimLeft(line, ">"), []byte("From ")) {
			line = line[1:]
		}
		out = append(out, line...)
	}
	return out
}
