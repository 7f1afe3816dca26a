package maillog

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// Kind is the class of an Error: what a caller decides by.
type Kind uint8

const (
	Unreadable Kind = iota + 1 // it cannot be opened or read
	Folder                     // it is a folder
	Irregular                  // it is a pipe, a device or a socket
	Empty                      // nothing was ever written to it
	Ahead                      // its clock, or its zone, is ahead of this machine's
)

// Error is a log that cannot be judged by.
type Error struct {
	Name string // the log's
	Kind Kind
	By   time.Duration // Ahead: by how much
	Err  error         // the cause; nil where Kind says it all
}

func (e *Error) Error() string {
	switch e.Kind {
	case Folder:
		return fmt.Sprintf("the log %s is a folder: name the file in it", e.Name)
	case Irregular:
		return fmt.Sprintf("the log %s is no file: it is a pipe, a device or a socket", e.Name)
	case Empty:
		return fmt.Sprintf("the log %s is empty, and nothing was written to it", e.Name)
	case Ahead:
		return fmt.Sprintf("the log %s is ahead of this machine's clock by %v: lines from before the test could not be told from those after its start", e.Name, e.By.Round(time.Second))
	}
	return fmt.Sprintf("the log %s cannot be read: %v", e.Name, cause(e.Err))
}

// cause is an error of the file system without the path, which is told already.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Hint is what to try next, "" where nothing is known.
func (e *Error) Hint() string {
	switch {
	case e.Kind == Empty:
		return "postconf maillog_file says whether Postfix writes this file or leaves it to syslog; is it that of this server?"
	case e.Kind == Ahead:
		return "lines without a zone are read in this machine's: name the log's own, or set the clocks right"
	case errors.Is(e.Err, fs.ErrPermission):
		return "logs are read by root and the group adm: run as a member of it"
	case errors.Is(e.Err, fs.ErrNotExist):
		return "postconf maillog_file names Postfix's log; without it, it is where syslog writes the facility mail: /var/log/mail.log, /var/log/maillog"
	}
	return ""
}

// NotFound says that no entry was what is demanded, in the time that there was.
type NotFound struct {
	Name    string // the log's
	Demand  Demand
	Since   time.Time
	Within  time.Duration
	Entries int    // how many came since
	OfQueue int    // those of them with the queue id that is demanded
	Nearest *Entry // the one that has most of what is demanded; nil for none

	// Outside is the latest line of the queue id whose time is before the start, of those at the end of
	// the log that were looked at, and how many there are.
	Outside  *Entry
	Outsides int

	Stale     time.Duration // how far before the start a line was that came while it was awaited; 0 for none
	Grew      bool          // something was written while it was awaited
	Foreign   int           // lines since the start that are none of Postfix's
	Truncated bool          // the log was cut while it was followed, or replaced
	Begins    time.Time     // of the log's first line, where that is after the start; else zero
	Err       error         // why the log could not be opened again, where that was so
}

// Differences are what keeps Nearest from being what is demanded.
func (e *NotFound) Differences() []Difference {
	if e.Nearest == nil {
		return nil
	}
	return e.Demand.Differences(e.Nearest)
}

func (e *NotFound) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the log %s has no entry with %v", e.Name, e.Demand)
	if e.Within > 0 {
		fmt.Fprintf(&b, " after %v", e.Within)
	}
	fmt.Fprintf(&b, ": since %s came %s", e.Since.Format(time.DateTime), entries(e.Entries))
	if e.Demand.QueueID != "" && e.Entries > 0 {
		fmt.Fprintf(&b, ", %d of this queue id", e.OfQueue)
	}
	if e.Nearest != nil {
		var all []string
		for _, d := range e.Differences() {
			all = append(all, d.String())
		}
		fmt.Fprintf(&b, "; the nearest differs in %s", strings.Join(all, ", "))
	}
	return b.String()
}

func entries(n int) string {
	switch n {
	case 0:
		return "no entries"
	case 1:
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}

// Hint is what to try next, "" where nothing is known.
func (e *NotFound) Hint() string {
	switch {
	case e.Err != nil:
		return fmt.Sprintf("the log was rotated, and cannot be opened again: %v", cause(e.Err))
	case e.Outside != nil && e.OfQueue == 0:
		return fmt.Sprintf("%s of this queue id stand in the log, but from before the test began, the latest of %s: the clock or the zone of the log differs, or the id was used before",
			entries(e.Outsides), e.Outside.Time.Format(time.DateTime))
	case e.Stale > 0 && e.Entries == 0:
		return fmt.Sprintf("lines came, but their time is %v before the test began: the clock or the zone of the log differs", e.Stale.Round(time.Second))
	case e.Truncated:
		return "the log was cut meanwhile: lines may be lost between the copy and the cut (copytruncate)"
	case !e.Begins.IsZero() && e.OfQueue == 0:
		return fmt.Sprintf("the log begins at %s, after the test: what came before it was rotated away", e.Begins.Format(time.DateTime))
	case e.Entries == 0 && e.Foreign > 0:
		return fmt.Sprintf("%d other lines came, none of Postfix's: is it the log of mail?", e.Foreign)
	case e.Entries == 0 && !e.Grew:
		return "nothing at all was written since: is it the log of this server, and does Postfix write it (postconf maillog_file)?"
	case e.Demand.QueueID != "" && e.OfQueue == 0:
		return "other messages are in the log, this queue id is not: is it the log of the server that named it?"
	}
	return ""
}
