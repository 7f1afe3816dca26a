package mailbox

import (
	"bytes"
	"slices"
	"strings"
)

// Report is the message/delivery-status part of a multipart/report (RFC 3464 2.1).
type Report struct {
	Message    Group   // what is said of the message
	Recipients []Group // what is said of each recipient
}

// Group is fields of a report, in their order.
type Group []Field

// Values is the values of the field of that name, ignoring case.
func (g Group) Values(name string) []string { return valuesOf(g, name) }

// maxGroups bounds how many recipients a report tells of.
const maxGroups = 10_000

// Report is the machine's part of a delivery status notification (RFC 3464, in
// UTF-8 RFC 6533); nil for a message that is none. One that is attached to a message does not count.
func (m *Message) Report() *Report {
	if !m.reported {
		m.reported = true
		m.walk(false, func(kind string, parents []string, content []byte) bool {
			status := kind == "message/delivery-status" || kind == "message/global-delivery-status"
			if !status || len(parents) == 0 || parents[len(parents)-1] != "multipart/report" {
				return true
			}
			m.report = parseReport(content)
			return false
		})
	}
	return m.report
}

// parseReport reads groups of fields with empty lines between them (RFC 3464
// 2.1). The first is the message's, but for one that names a recipient: some servers
// leave the message's out. Lines that are no fields are passed over.
func parseReport(text []byte) *Report {
	r := &Report{}
	for first := true; len(text) > 0 && len(r.Recipients) < maxGroups; {
		var g Group
		g, text = nextGroup(text)
		switch {
		case len(g) == 0:
		case first && len(g.Values("Final-Recipient")) == 0:
			r.Message, first = g, false
		default:
			r.Recipients, first = append(r.Recipients, g), false
		}
	}
	return r
}

// nextGroup reads up to the next empty line.
func nextGroup(text []byte) (g Group, rest []byte) {
	for len(text) > 0 {
		fields, n := parseFields(text, maxFields-len(g))
		g, text = append(g, fields...), text[n:]
		line, after, _ := bytes.Cut(text, []byte("\n"))
		if text = after; len(bytes.TrimSpace(line)) == 0 || len(g) >= maxFields {
			break
		}
	}
	return g, text
}

// ofMessage and ofRecipient are the fields of RFC 3464 2.2 and 2.3.
var (
	ofMessage   = []string{"original-envelope-id", "reporting-mta", "dsn-gateway", "received-from-mta", "arrival-date"}
	ofRecipient = []string{"original-recipient", "final-recipient", "action", "status", "remote-mta", "diagnostic-code", "last-attempt-date", "final-log-id", "will-retry-until"}
)

// values is what the report says under that name to one recipient: of the message, of the
// recipient, or, where the field is somebody's own, of either.
func (r *Report) values(name string, recipient Group) []string {
	name = strings.ToLower(name)
	var values []string
	if !slices.Contains(ofRecipient, name) {
		values = r.Message.Values(name)
	}
	if !slices.Contains(ofMessage, name) {
		values = append(values, recipient.Values(name)...)
	}
	return values
}

// sameIn is how values of the field of that name are compared. A demand may leave out
// the type that stands before the value: "rfc822; a@b", "smtp; 550 no", "dns; host".
func sameIn(name string) same {
	var alike same
	switch name = strings.ToLower(name); {
	case name == "status":
		return hasStatus
	case strings.HasSuffix(name, "-recipient"):
		alike = sameAddress
	case name == "action", strings.HasSuffix(name, "-mta"):
		alike = strings.EqualFold
	default:
		alike = exactly
	}
	return func(want, got string) bool {
		if alike(want, got) {
			return true
		}
		kind, value, typed := strings.Cut(got, ";")
		if !typed {
			return false
		}
		value = strings.TrimSpace(value)
		if alike(want, value) {
			return true
		}
		wantKind, wantValue, typed := strings.Cut(want, ";")
		return typed && strings.EqualFold(strings.TrimSpace(wantKind), strings.TrimSpace(kind)) && alike(strings.TrimSpace(wantValue), value)
	}
}
