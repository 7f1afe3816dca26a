package maillog

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"smtplay/engine/wire"
)

// MaxLine is how many bytes of a line are looked at; what follows them up to the
// line's end is passed over.
const MaxLine = 64 << 10

// Entry is one line of the log, taken apart. What the line does not say is empty.
type Entry struct {
	Time    time.Time
	Host    string
	Service string // as logged, its instance included: "postfix/smtp", "postfix-out/submission/smtpd"
	PID     int    // 0 where it is not logged
	QueueID string // "NOQUEUE" where a client is refused before there is one
	// To, OrigTo and From are addresses without their angle brackets, but for the null sender,
	// which is "<>". From stands on few lines; on others it is what the lines of this
	// queue id said before, as far as they were read.
	To, OrigTo, From string
	Relay            string        // "mail.example.com[192.0.2.1]:25", "local", "none"
	Delay            time.Duration // since the message came; -1 where the line says none
	DSN              string        // the enhanced status code: "4.7.1"
	// Status is a delivery's: "sent", "deferred", "bounced", …; of a client or message that was refused
	// what was done: "reject", "hold", "discard", …
	Status string
	// Text is, of a delivery, what stands in parentheses behind the status; of a refusal, the
	// reply; of other lines all behind the queue id.
	Text    string
	Message string // all behind "service[pid]: "
	Line    string // the whole line, without its end

	unit time.Duration // how exact Time is
}

// Parse reads a line of Postfix's log. ok is false for every other line: of another
// program, without a time, or broken. A time without year is that nearest to near, in
// zone; nil is the machine's zone.
func Parse(line []byte, near time.Time, zone *time.Location) (e Entry, ok bool) {
	line = bytes.TrimRight(line[:min(len(line), MaxLine)], "\r\n")
	s, rest, ok := readStamp(line)
	if !ok {
		return e, false
	}
	return parse(line, s, rest, s.time(near, zone))
}

// parse reads a line from behind its time.
func parse(line []byte, s stamp, rest []byte, when time.Time) (e Entry, ok bool) {
	line = bytes.TrimRight(line, "\r\n")
	host, said, _ := strings.Cut(string(rest), " ")
	tag, message, ok := strings.Cut(said, ": ")
	if !ok || host == "" {
		return e, false
	}
	e = Entry{Time: when, unit: s.unit, Host: host, Delay: -1, Message: message, Line: string(line)}
	if e.Service, e.PID, ok = service(tag); !ok {
		return e, false
	}
	e.readMessage()
	return e, true
}

// service reads "postfix/smtp[123]". A daemon of Postfix always has its instance's
// name in front (syslog_name).
func service(tag string) (name string, pid int, ok bool) {
	if head, number, bracket := strings.Cut(tag, "["); bracket {
		number, closed := strings.CutSuffix(number, "]")
		n, err := strconv.ParseUint(number, 10, 31)
		if err != nil || !closed {
			return "", 0, false
		}
		tag, pid = head, int(n)
	}
	slash := strings.IndexByte(tag, '/')
	return tag, pid, slash > 0 && slash < len(tag)-1 && !strings.ContainsAny(tag, " \t\"=<>")
}

// noQueue stands for the queue id where there is none.
const noQueue = "NOQUEUE"

func (e *Entry) readMessage() {
	id, rest, ok := strings.Cut(e.Message, ": ")
	if !ok || id != noQueue && !wire.IsPostfixQueueID(id) {
		e.Text = e.Message
		return
	}
	e.QueueID, e.Text = id, rest
	if e.readRefusal() {
		return
	}
	e.readAttributes()
}

// refusal is what access(5) and the milters make smtpd and cleanup log, with the
// name that counts as Status.
var refusal = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:milter-)?(reject|reject_warning|hold|discard|filter|redirect|warn|info|replace|prepend|quarantine): [^;]*?: (.*)$`)
})

var replyStatus = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:[245][0-9][0-9] )?([245]\.[0-9]{1,3}\.[0-9]{1,3})\b`)
})

// readRefusal reads "reject: RCPT from host[ip]: 454 4.7.1 <to>: text; from=<a> to=<b> proto=ESMTP".
func (e *Entry) readRefusal() bool {
	found := refusal().FindStringSubmatch(e.Text)
	if found == nil {
		return false
	}
	e.Status, e.Text = found[1], found[2]
	if text, attributes, ok := strings.Cut(e.Text, "; from=<"); ok {
		e.Text = text
		for name, value := range eachAttribute("from=<" + attributes) {
			e.set(name, value)
		}
	}
	if found := replyStatus().FindStringSubmatch(e.Text); found != nil {
		e.DSN = found[1]
	}
	return true
}

// readAttributes reads "to=<a>, relay=b, dsn=2.0.0, status=sent (text)".
func (e *Entry) readAttributes() {
	text := e.Text
	for name, value := range eachAttribute(text) {
		if name == "status" {
			// A delivery's has its text behind it, what qmgr gives up has none.
			status, rest, _ := strings.Cut(value, " ")
			e.Status = strings.TrimSuffix(status, ",")
			e.Text = parenthesised(rest)
			return
		}
		e.set(name, value)
	}
}

func parenthesised(s string) string {
	if len(s) > 1 && s[0] == '(' && s[len(s)-1] == ')' {
		return s[1 : len(s)-1]
	}
	return s
}

// set keeps an attribute that is known, the first of its name.
func (e *Entry) set(name, value string) {
	var field *string
	switch name {
	case "to":
		field = &e.To
	case "orig_to":
		field = &e.OrigTo
	case "from":
		field = &e.From
	case "relay":
		field = &e.Relay
	case "dsn":
		field = &e.DSN
	}
	switch {
	case field != nil && *field == "":
		*field = bare(value)
	case name == "delay" && e.Delay < 0:
		if seconds, err := strconv.ParseFloat(value, 64); err == nil && seconds >= 0 && seconds < 1e9 {
			e.Delay = time.Duration(seconds * float64(time.Second))
		}
	}
}

// bare is an address without its angle brackets; the null sender keeps them.
func bare(address string) string {
	if len(address) > 2 && address[0] == '<' && address[len(address)-1] == '>' {
		return address[1 : len(address)-1]
	}
	return address
}

// eachAttribute gives the attributes at the beginning of a text, which commas or blanks
// part. The value of status is all that follows.
func eachAttribute(text string) func(yield func(name, value string) bool) {
	return func(yield func(name, value string) bool) {
		for {
			name, rest, ok := strings.Cut(text, "=")
			if !ok || strings.ContainsAny(name, " <>()\"") {
				return
			}
			if name == "status" {
				yield(name, rest)
				return
			}
			n := valueLength(rest)
			if !yield(name, rest[:n]) {
				return
			}
			text = strings.TrimLeft(rest[n:], ", ")
		}
	}
}

// valueLength is where the value at the beginning of s ends. In angle brackets stands
// an address, whose quoted parts may hold anything.
func valueLength(s string) int {
	if !strings.HasPrefix(s, "<") {
		if i := strings.IndexAny(s, ", "); i >= 0 {
			return i
		}
		return len(s)
	}
	quoted := false
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quoted:
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == '>' && !quoted:
			return i + 1
		}
	}
	return len(s)
}
