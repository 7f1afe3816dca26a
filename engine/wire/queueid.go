package wire

import (
	"regexp"
	"strings"
	"sync"
)

// The alphabets of Postfix's long queue ids, which have no vowels.
const (
	digit51 = `[0-9BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxy]`
	digit52 = `[0-9BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz]`

	postfixID = `(?:[0-9A-F]{6,21}|` + digit52 + `{10}z` + digit51 + `{1,12})`
)

// QueueIDForm is how one server says under which name it queued a message.
type QueueIDForm struct {
	Server  string         // whose form it is, for people
	Pattern *regexp.Regexp // finds it in one line of a reply; its group is the id
}

var queueIDForms = sync.OnceValue(func() []QueueIDForm {
	return []QueueIDForm{
		{"Postfix, short and long queue ids", regexp.MustCompile(`\bqueued as (` + postfixID + `)(?:$|[^0-9A-Za-z])`)},
		{"Exim", regexp.MustCompile(`\bid=([0-9A-Za-z]{6}-(?:[0-9A-Za-z]{6}-[0-9A-Za-z]{2}|[0-9A-Za-z]{11}-[0-9A-Za-z]{4}))(?:$|[^0-9A-Za-z-])`)},
		{"OpenSMTPD and Sendmail", regexp.MustCompile(`(?:^| )([0-9a-f]{8}|[0-9A-Za-z]{8}[0-9]{5,7}):? Message accepted for delivery$`)},
	}
})

// QueueIDForms are the forms that are known. They must not be changed.
func QueueIDForms() []QueueIDForm { return queueIDForms() }

// QueueID is the name under which a server says that it queued a message, as its
// log and its mail queue know it: Postfix's "Ok: queued as 4F1A2B3C", Exim's
// "OK id=1abcDE-000abc-2F", the "… Message accepted for delivery" of OpenSMTPD and
// Sendmail. text is a reply's, its lines joined by LF; the first line that holds an
// id counts. It is "" where there is none, or one in a form that is not known.
func QueueID(text string) string {
	for line := range strings.SplitSeq(text, "\n") {
		for _, form := range queueIDForms() {
			if found := form.Pattern.FindStringSubmatch(line); found != nil {
				return found[1]
			}
		}
	}
	return ""
}

// QueueID is the name under which the message was queued that this reply accepts;
// "" where it accepts none, or names none.
func (r *Reply) QueueID() string {
	if r.Code/100 != 2 {
		return ""
	}
	return QueueID(r.Text())
}

var wholePostfixID = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^` + postfixID + `$`) })

// IsPostfixQueueID says whether s has the form of one of Postfix's queue ids, short
// or long.
func IsPostfixQueueID(s string) bool { return wholePostfixID().MatchString(s) }
