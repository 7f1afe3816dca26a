package mailbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"smtplay/engine/wire"
)

// Demand is what a message must be. All that is set must hold; the zero value
// demands nothing, which Check says is an error.
type Demand struct {
	From    Want            // the envelope's sender; "" is <>. Domains ignore case
	To      Want            // an envelope recipient. Domains ignore case
	Subject Want            // as Header["Subject"]
	Token   string          // a text that must be anywhere, in the header or the body, as written or decoded
	Header  map[string]Want // by the field's name, which ignores case: values unfolded, encoded words decoded
	Report  map[string]Want // the fields of a delivery status notification (RFC 3464 2), names ignoring case
	Body    Want            // the text of the body, decoded, with LF line ends and without those at its end
	DKIM    *DKIM           // a signature that must hold; nil for none
}

// Check returns an error for a demand that every message meets, or none can.
func (d Demand) Check() error {
	wants := map[string]Want{"from": d.From, "to": d.To, "subject": d.Subject, "body": d.Body}
	for name, want := range d.Header {
		if !isFieldName(name) {
			return fmt.Errorf("header: %q is no name of a header field", name)
		}
		wants["header "+name] = want
	}
	for name, want := range d.Report {
		if !isFieldName(name) {
			return fmt.Errorf("report: %q is no name of a report's field", name)
		}
		if err := checkReport(name, want); err != nil {
			return err
		}
		wants["report "+name] = want
	}
	some := d.Token != "" || d.DKIM != nil
	for _, name := range slices.Sorted(maps.Keys(wants)) {
		want := wants[name]
		if err := want.Check(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if want.IsZero() && strings.Contains(name, " ") {
			return fmt.Errorf("%s: nothing is demanded of it", name)
		}
		some = some || !want.IsZero()
	}
	if d.Body.kind == equal && strings.Trim(d.Body.text, "\r\n") == "" {
		return errors.New("body: a text that is empty is demanded by false")
	}
	if d.DKIM != nil {
		if err := d.DKIM.check(); err != nil {
			return err
		}
	}
	if !some {
		return errors.New("nothing is demanded, so that every message would do")
	}
	return nil
}

// checkReport finds a status that no report can have.
func checkReport(name string, w Want) error {
	if !strings.EqualFold(name, "Status") {
		return nil
	}
	if w.kind == equal && !wire.ValidEnhanced(w.text) {
		return fmt.Errorf("report %s: %q is no enhanced status code, as in 5.1.1 or 5.x.x", name, w.text)
	}
	for _, alternative := range w.any {
		if err := checkReport(name, alternative); err != nil {
			return err
		}
	}
	return nil
}

// Difference is one thing that is not as demanded.
type Difference struct {
	What string // "header Subject", "envelope recipient", "report Status"
	Want string // what was demanded, in words
	Got  string // what there was, in words
	Err  error  // what kept it from being judged, as when a key could not be looked up; nil where it was judged
}

// String is the difference as a failure shows it.
func (d Difference) String() string {
	return fmt.Sprintf("%s: expected %s, got %s", d.What, d.Want, d.Got)
}

// Judge says whether the message is as demanded, and what is not, in the order of
// Demand's fields. A message that is too large or too deep to be known as a whole is never as
// demanded. ctx bounds the look-ups of keys.
func (d Demand) Judge(ctx context.Context, m *Message) (held bool, why []Difference) {
	differ := func(what, want, got string) {
		why = append(why, Difference{What: what, Want: want, Got: got})
	}
	judge := func(what string, want Want, values []string, same same) {
		if !want.holds(values, same) {
			differ(what, want.String(), quoted(values))
		}
	}
	var from []string
	if address, ok := m.From(); ok {
		from = []string{address}
	}
	if !d.From.holds(from, sameAddress) {
		differ("envelope sender", sender(d.From), bracketed(from))
	}
	if !d.To.IsZero() {
		judge("envelope recipient", d.To, m.To(), sameAddress)
	}
	if !d.Subject.IsZero() {
		judge("header Subject", d.Subject, m.Header("Subject"), exactly)
	}
	if d.Token != "" && !m.holds(d.Token) {
		differ("token", fmt.Sprintf("%q in header or body", d.Token), "none there")
	}
	for _, name := range slices.Sorted(maps.Keys(d.Header)) {
		judge("header "+name, d.Header[name], m.Header(name), exactly)
	}
	why = append(why, d.judgeReport(m)...)
	if !d.Body.IsZero() {
		judge("body", d.Body, m.bodyValues(), sameText)
		if n := len(why) - 1; m.broken != nil && n >= 0 && why[n].What == "body" {
			why[n].Got += fmt.Sprintf(" (its MIME structure could not be read to the end: %s)", plain(m.broken.Error()))
		}
	}
	if d.DKIM != nil {
		if unsigned := d.DKIM.judge(ctx, m); unsigned != nil {
			why = append(why, *unsigned)
		}
	}
	if m.read(); m.fault != "" {
		differ("message", "one that can be judged as a whole", m.fault)
	}
	return len(why) == 0, why
}

// judgeReport judges the report's fields: those of a recipient must all hold for the same one.
// Where they hold for none, the differences are those of the nearest.
func (d Demand) judgeReport(m *Message) (why []Difference) {
	if len(d.Report) == 0 {
		return nil
	}
	report := m.Report()
	if report == nil {
		kind := "a message without Content-Type"
		if values := m.Header("Content-Type"); len(values) > 0 {
			kind = "Content-Type: " + plain(values[0])
		}
		return []Difference{{What: "report", Want: "a delivery status notification (multipart/report with message/delivery-status)", Got: kind}}
	}
	if len(report.Recipients) == 0 {
		return report.differences(d.Report, nil)
	}
	for i, recipient := range report.Recipients {
		differs := report.differences(d.Report, recipient)
		if len(differs) == 0 {
			return nil
		}
		if i == 0 || len(differs) < len(why) {
			why = differs
		}
	}
	return why
}

// differences is what does not hold for one recipient.
func (r *Report) differences(wants map[string]Want, recipient Group) (why []Difference) {
	whose := ""
	if to := recipient.Values("Final-Recipient"); len(to) > 0 {
		whose = fmt.Sprintf(" (of %s)", plain(to[0]))
	}
	for _, name := range slices.Sorted(maps.Keys(wants)) {
		values := r.values(name, recipient)
		if !wants[name].holds(values, sameIn(name)) {
			why = append(why, Difference{What: "report " + name + whose, Want: wants[name].String(), Got: quoted(values)})
		}
	}
	return why
}

// bodyValues is the body as a value: none where it is empty.
func (m *Message) bodyValues() []string {
	if text := strings.TrimRight(m.Body(), "\n"); text != "" {
		return []string{text}
	}
	return nil
}

// sameText compares texts whatever their line ends, and without those at the end.
func sameText(want, got string) bool {
	return strings.TrimRight(strings.ReplaceAll(want, "\r\n", "\n"), "\n") == got
}

// maxShown is how many values an error shows.
const maxShown = 5

// quoted is values as a failure shows them.
func quoted(values []string) string {
	if len(values) == 0 {
		return "none"
	}
	words := make([]string, 0, maxShown+1)
	for i, v := range values {
		if i == maxShown {
			words = append(words, fmt.Sprintf("%d more", len(values)-i))
			break
		}
		words = append(words, fmt.Sprintf("%q", short(v)))
	}
	return strings.Join(words, ", ")
}

// sender is a demand of the sender in words: "" is <>.
func sender(w Want) string {
	if w.kind == equal {
		return "<" + unbracketed(w.text) + ">"
	}
	return w.String()
}

func bracketed(from []string) string {
	if len(from) == 0 {
		return "none: no Return-Path and no envelope tells of it"
	}
	return "<" + plain(from[0]) + ">"
}
