package maillog

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"smtplay/engine/wire"
)

// Demand says which entry is wanted. All that is set must hold; the zero value demands
// nothing, and is an error.
type Demand struct {
	QueueID string         // as the reply named it
	Status  string         // "sent", "deferred", "bounced", …, case ignored
	DSN     string         // an enhanced status code, or a pattern of it: "4.7.x"
	To      string         // the recipient, or the one that it was before aliases; its domain ignores case
	From    string         // the sender; "<>" is the null sender
	Relay   string         // all of it, or its host, its IP address or either with the port
	Service string         // all of it, or its end: "smtp", "submission/smtpd"
	Text    string         // what Entry.Text contains, case ignored
	Match   *regexp.Regexp // what Entry.Message matches
}

// ErrEmptyDemand says that a demand holds for every line, so that it expects nothing.
var ErrEmptyDemand = errors.New("an empty demand expects nothing of the log: give a queue id, a status, a recipient or a text")

// Statuses are those that a line can have.
func Statuses() []string { return slices.Clone(statuses) }

var statuses = []string{"sent", "deferred", "bounced", "expired", "force-expired", "deliverable", "undeliverable", "SOFTBOUNCE",
	"reject", "reject_warning", "hold", "discard", "filter", "redirect", "warn", "info", "replace", "prepend", "quarantine"}

// Check returns an error for a demand that no entry, or every one, meets.
func (d Demand) Check() error {
	switch {
	case d == Demand{}:
		return ErrEmptyDemand
	case d.DSN != "" && !wire.ValidEnhanced(d.DSN):
		return fmt.Errorf("%q is no enhanced status code: it is written like 4.7.1 or 4.7.x, its class is 2, 4 or 5", d.DSN)
	case d.QueueID != "" && d.QueueID != noQueue && !wire.IsPostfixQueueID(d.QueueID):
		return fmt.Errorf("%q is no queue id of Postfix's: no line can have it", d.QueueID)
	case d.Status != "" && !slices.ContainsFunc(statuses, func(s string) bool { return strings.EqualFold(s, d.Status) }):
		return fmt.Errorf("no line has the status %q: there are %s", d.Status, strings.Join(statuses, ", "))
	}
	return nil
}

// Difference is a part of a demand that an entry does not meet.
type Difference struct{ Field, Want, Got string }

// String is the difference in words.
func (d Difference) String() string {
	if d.Got == "" {
		return fmt.Sprintf("%s: want %q, it has none", d.Field, d.Want)
	}
	return fmt.Sprintf("%s: want %q, got %q", d.Field, d.Want, d.Got)
}

// Differences are what keeps an entry from being what is demanded; none if it is.
func (d Demand) Differences(e *Entry) []Difference {
	var all []Difference
	for _, c := range d.conditions() {
		if got, ok := c.holds(e); !ok {
			all = append(all, Difference{c.field, c.want, got})
		}
	}
	return all
}

// score says how near an entry comes to what is demanded, and whether it
// is that.
func score(conditions []condition, e *Entry) (score int, all bool) {
	all = true
	for _, c := range conditions {
		if _, ok := c.holds(e); ok {
			score += c.weight
		} else {
			all = false
		}
	}
	return score, all
}

// String is the demand in words, as a failure shows it.
func (d Demand) String() string {
	var parts []string
	for _, c := range d.conditions() {
		parts = append(parts, fmt.Sprintf("%s %q", c.field, c.want))
	}
	return strings.Join(parts, ", ")
}

// condition is one part of a demand.
type condition struct {
	field, want string
	weight      int // how much it makes an entry a near one
	holds       func(*Entry) (got string, ok bool)
}

// conditions are those that are set.
func (d Demand) conditions() []condition {
	all := []condition{
		{"queue id", d.QueueID, 16, func(e *Entry) (string, bool) { return e.QueueID, e.QueueID == d.QueueID }},
		{"to", d.To, 8, func(e *Entry) (string, bool) {
			return e.To, sameAddress(e.To, d.To) || e.OrigTo != "" && sameAddress(e.OrigTo, d.To)
		}},
		{"from", d.From, 4, func(e *Entry) (string, bool) { return e.From, sameAddress(e.From, d.From) }},
		{"status", d.Status, 2, func(e *Entry) (string, bool) { return e.Status, strings.EqualFold(e.Status, d.Status) }},
		{"dsn", d.DSN, 1, func(e *Entry) (string, bool) { return e.DSN, wire.MatchEnhanced(d.DSN, e.DSN) }},
		{"relay", d.Relay, 1, func(e *Entry) (string, bool) { return e.Relay, sameRelay(e.Relay, d.Relay) }},
		{"service", d.Service, 1, func(e *Entry) (string, bool) {
			return e.Service, e.Service == d.Service || strings.HasSuffix(e.Service, "/"+d.Service)
		}},
		{"text", d.Text, 1, func(e *Entry) (string, bool) {
			return e.Text, strings.Contains(strings.ToLower(e.Text), strings.ToLower(d.Text))
		}},
	}
	if d.Match != nil {
		all = append(all, condition{"match", d.Match.String(), 1, func(e *Entry) (string, bool) { return e.Message, d.Match.MatchString(e.Message) }})
	}
	return slices.DeleteFunc(all, func(c condition) bool { return c.want == "" && c.field != "match" })
}

// sameAddress compares addresses, whose domains ignore case (RFC 5321 2.4).
func sameAddress(a, b string) bool {
	a, b = bare(a), bare(b)
	i, j := strings.LastIndexByte(a, '@'), strings.LastIndexByte(b, '@')
	if i < 0 || j < 0 {
		return a == b
	}
	return a[:i] == b[:j] && strings.EqualFold(a[i:], b[j:])
}

// sameRelay: relay is "host[address]:port", or a name.
func sameRelay(relay, want string) bool {
	host, rest, ok := strings.Cut(relay, "[")
	if !ok {
		return strings.EqualFold(relay, want)
	}
	address, port, _ := strings.Cut(rest, "]")
	for _, form := range []string{relay, host, address, host + port, address + port, "[" + address + "]", "[" + address + "]" + port} {
		if form != "" && strings.EqualFold(form, want) {
			return true
		}
	}
	return false
}
