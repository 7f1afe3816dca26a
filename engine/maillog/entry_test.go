package maillog

import (
	"strings"
	"testing"
	"time"
)

var cet = time.FixedZone("CET", 3600)

// near is when the tests are.
var near = time.Date(2026, time.November, 29, 12, 27, 0, 0, time.UTC)

const head = "Nov 29 12:26:55 mail "

var parsed = []struct {
	reason string
	line   string
	want   Entry // Line, Message, Time and Host are looked at where they are set
}{
	{"a delivery", head + `postfix/smtp[123]: 4F1A2B3C4D: to=<b@example.com>, relay=mx.example.com[192.0.2.1]:25, delay=0.52, delays=0.1/0/0.2/0.22, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 9F1A2B3C4D)`,
		Entry{Time: time.Date(2026, 11, 29, 12, 26, 55, 0, time.UTC), Host: "mail", Service: "postfix/smtp", PID: 123, QueueID: "4F1A2B3C4D", To: "b@example.com", Relay: "mx.example.com[192.0.2.1]:25", Delay: 520 * time.Millisecond, DSN: "2.0.0", Status: "sent", Text: "250 2.0.0 Ok: queued as 9F1A2B3C4D"}},
	{"a long queue id, a time with a zone", `2026-11-29T13:26:55.123456+01:00 mail postfix/smtp[123]: 4VQ6Hr0z9nzXhPqC: to=<b@example.com>, relay=none, delay=3, delays=1/1/1/0, dsn=4.4.1, status=deferred (connect to mx.example.com[192.0.2.1]:25: Connection refused)`,
		Entry{Time: time.Date(2026, 11, 29, 12, 26, 55, 123456000, time.UTC), Service: "postfix/smtp", PID: 123, QueueID: "4VQ6Hr0z9nzXhPqC", To: "b@example.com", Relay: "none", Delay: 3 * time.Second, DSN: "4.4.1", Status: "deferred", Text: "connect to mx.example.com[192.0.2.1]:25: Connection refused"}},
	{"an alias, another instance", head + `postfix-out/local[9]: 4F1A2B3C4D: to=<b@example.com>, orig_to=<postmaster>, relay=local, delay=0, delays=0/0/0/0, dsn=5.1.1, status=bounced (unknown user: "b")`,
		Entry{Service: "postfix-out/local", PID: 9, QueueID: "4F1A2B3C4D", To: "b@example.com", OrigTo: "postmaster", Relay: "local", DSN: "5.1.1", Status: "bounced", Text: `unknown user: "b"`}},
	{"a new message", head + `postfix/qmgr[9]: 4F1A2B3C4D: from=<a@example.org>, size=314, nrcpt=1 (queue active)`,
		Entry{Service: "postfix/qmgr", PID: 9, QueueID: "4F1A2B3C4D", From: "a@example.org", Delay: -1, Text: `from=<a@example.org>, size=314, nrcpt=1 (queue active)`}},
	{"the null sender", head + `postfix/qmgr[9]: 4F1A2B3C4D: from=<>, size=314, nrcpt=1 (queue active)`,
		Entry{Service: "postfix/qmgr", PID: 9, QueueID: "4F1A2B3C4D", From: "<>", Delay: -1, Text: `from=<>, size=314, nrcpt=1 (queue active)`}},
	{"given up", head + `postfix/qmgr[9]: 4F1A2B3C4D: from=<a@example.org>, status=expired, returned to sender`,
		Entry{Service: "postfix/qmgr", PID: 9, QueueID: "4F1A2B3C4D", From: "a@example.org", Delay: -1, Status: "expired", Text: "returned to sender"}},
	{"removed", head + `postfix/qmgr[9]: 4F1A2B3C4D: removed`,
		Entry{Service: "postfix/qmgr", PID: 9, QueueID: "4F1A2B3C4D", Delay: -1, Text: "removed"}},
	{"a name within a name", head + `postfix/submission/smtpd[9]: 4F1A2B3C4D: client=unknown[192.0.2.7], sasl_method=PLAIN, sasl_username=james`,
		Entry{Service: "postfix/submission/smtpd", PID: 9, QueueID: "4F1A2B3C4D", Delay: -1, Text: `client=unknown[192.0.2.7], sasl_method=PLAIN, sasl_username=james`}},
	{"a client is refused", head + `postfix/smtpd[9]: NOQUEUE: reject: RCPT from unknown[192.0.2.7]: 454 4.7.1 <b@example.com>: Relay access denied; from=<a@example.org> to=<b@example.com> proto=ESMTP helo=<x>`,
		Entry{Service: "postfix/smtpd", PID: 9, QueueID: "NOQUEUE", From: "a@example.org", To: "b@example.com", Delay: -1, DSN: "4.7.1", Status: "reject", Text: "454 4.7.1 <b@example.com>: Relay access denied"}},
	{"a milter refuses", head + `postfix/cleanup[9]: 4F1A2B3C4D: milter-reject: END-OF-MESSAGE from unknown[192.0.2.7]: 5.7.1 Command rejected; from=<a@example.org> to=<b@example.com> proto=ESMTP helo=<x>`,
		Entry{Service: "postfix/cleanup", PID: 9, QueueID: "4F1A2B3C4D", From: "a@example.org", To: "b@example.com", Delay: -1, DSN: "5.7.1", Status: "reject", Text: "5.7.1 Command rejected"}},
	{"no queue id", head + `postfix/smtpd[9]: connect from unknown[192.0.2.7]`, Entry{Service: "postfix/smtpd", PID: 9, Delay: -1, Text: "connect from unknown[192.0.2.7]"}},
	{"no process id", head + `postfix/postlog: starting the Postfix mail system`, Entry{Service: "postfix/postlog", Delay: -1, Text: "starting the Postfix mail system"}},
	{"a recipient that looks like a status", head + `postfix/smtp[1]: 4F1A2B3C4D: to=<"x>, status=sent (y"@example.com>, relay=none, delay=1, dsn=4.4.1, status=deferred (no)`,
		Entry{Service: "postfix/smtp", PID: 1, QueueID: "4F1A2B3C4D", To: `"x>, status=sent (y"@example.com`, Relay: "none", Delay: time.Second, DSN: "4.4.1", Status: "deferred", Text: "no"}},
	{"a text that looks like more", head + `postfix/smtp[1]: 4F1A2B3C4D: to=<b@example.com>, relay=none, delay=1, dsn=4.4.1, status=deferred (host said: dsn=2.0.0, status=sent (250 Ok))`,
		Entry{Service: "postfix/smtp", PID: 1, QueueID: "4F1A2B3C4D", To: "b@example.com", Relay: "none", Delay: time.Second, DSN: "4.4.1", Status: "deferred", Text: "host said: dsn=2.0.0, status=sent (250 Ok)"}},
	{"a bounce", head + `postfix/bounce[1]: 4F1A2B3C4D: sender non-delivery notification: 5F1A2B3C4D`, Entry{Service: "postfix/bounce", PID: 1, QueueID: "4F1A2B3C4D", Delay: -1, Text: "sender non-delivery notification: 5F1A2B3C4D"}},
	{"a delay that is none", head + `postfix/smtp[1]: 4F1A2B3C4D: to=<b@example.com>, delay=-1, status=sent (x)`, Entry{Service: "postfix/smtp", PID: 1, QueueID: "4F1A2B3C4D", To: "b@example.com", Delay: -1, Status: "sent", Text: "x"}},
	{"a line end of Windows", head + "postfix/smtp[1]: 4F1A2B3C4D: removed\r\n", Entry{Service: "postfix/smtp", PID: 1, QueueID: "4F1A2B3C4D", Delay: -1, Text: "removed"}},
	{"a warning", head + `postfix/smtpd[1]: warning: hostname x does not resolve`, Entry{Service: "postfix/smtpd", PID: 1, Delay: -1, Text: "warning: hostname x does not resolve"}},
}

func TestParse(t *testing.T) {
	for _, row := range parsed {
		got, ok := Parse([]byte(row.line), near, time.UTC)
		if !ok {
			t.Errorf("%s: not read", row.reason)
			continue
		}
		want := row.want
		want.Line, want.Message, want.unit = strings.TrimRight(row.line, "\r\n"), got.Message, got.unit
		if want.Time.IsZero() {
			want.Time = time.Date(2026, 11, 29, 12, 26, 55, 0, time.UTC)
		}
		if want.Host == "" {
			want.Host = "mail"
		}
		if !got.Time.Equal(want.Time) {
			t.Errorf("%s: got time %v, want %v", row.reason, got.Time, want.Time)
		}
		got.Time = want.Time
		if got != want {
			t.Errorf("%s:\n got %+v\nwant %+v", row.reason, got, want)
		}
	}
}

var foreign = []struct{ reason, line string }{
	{"nothing", ""}, {"no time", "postfix/smtp[1]: 4F1A2B3C4D: removed"}, {"no such day", "Nov 31 12:26:55 mail postfix/smtp[1]: x"},
	{"another program", head + "dovecot: imap-login: Login"}, {"another program with an id", head + "opendkim[1]: 4F1A2B3C4D: DKIM-Signature"},
	{"only a time", "Nov 29 12:26:55 "}, {"no message", head + "postfix/smtp[1]"}, {"a process id that is none", head + "postfix/smtp[x]: y"},
	{"a process id that does not end", head + "postfix/smtp[1: y"}, {"a continuation", "    at line 3"}, {"a kernel's", head + "kernel: [12.3] eth0: up"},
	{"a path in a message", head + "sshd[1]: x /y: z"}, {"binary", "\x00\xff\xfe"},
}

func TestParseForeign(t *testing.T) {
	for _, row := range foreign {
		if e, ok := Parse([]byte(row.line), near, time.UTC); ok {
			t.Errorf("%s: read as %+v", row.reason, e)
		}
	}
}

func TestStamp(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip(err)
	}
	for _, row := range []struct {
		reason, line string
		near         time.Time
		zone         *time.Location
		want         string // RFC 3339, in UTC
	}{
		{"this year", "Nov 29 12:26:55", near, time.UTC, "2026-11-29T12:26:55Z"},
		{"a day of one digit", "Nov  9 12:26:55", near, time.UTC, "2026-11-09T12:26:55Z"},
		{"in a zone", "Nov 29 13:26:55", near, cet, "2026-11-29T12:26:55Z"},
		{"the year before", "Dec 31 23:59:59", time.Date(2027, 1, 1, 0, 0, 1, 0, time.UTC), time.UTC, "2026-12-31T23:59:59Z"},
		{"the year after", "Jan  1 00:00:01", time.Date(2026, 12, 31, 23, 59, 59, 0, time.UTC), time.UTC, "2027-01-01T00:00:01Z"},
		{"a leap day", "Feb 29 12:00:00", time.Date(2028, 3, 1, 0, 0, 0, 0, time.UTC), time.UTC, "2028-02-29T12:00:00Z"},
		{"a clock that is put back, before", "Oct 25 02:30:00", time.Date(2026, 10, 25, 0, 31, 0, 0, time.UTC), berlin, "2026-10-25T00:30:00Z"},
		{"a clock that is put back, after", "Oct 25 02:30:00", time.Date(2026, 10, 25, 1, 31, 0, 0, time.UTC), berlin, "2026-10-25T01:30:00Z"},
		{"with a zone of its own", "2026-11-29T13:26:55+01:00", near, cet, "2026-11-29T12:26:55Z"},
		{"in UTC", "2026-11-29T12:26:55Z", near, cet, "2026-11-29T12:26:55Z"},
		{"to the nanosecond", "2026-11-29T13:26:55.123456789+01:00", near, nil, "2026-11-29T12:26:55.123456789Z"},
	} {
		s, rest, ok := readStamp([]byte(row.line + " x"))
		if !ok || string(rest) != "x" {
			t.Errorf("%s: not read", row.reason)
			continue
		}
		if got := s.time(row.near, row.zone).UTC().Format(time.RFC3339Nano); got != row.want {
			t.Errorf("%s: got %s, want %s", row.reason, got, row.want)
		}
	}
}

// A start within a second counts from the beginning of the second where the log has no
// parts of it.
func TestStampUnit(t *testing.T) {
	start := near.Add(700 * time.Millisecond)
	for line, want := range map[string]bool{
		"Nov 29 12:27:00 x": true, "Nov 29 12:26:59 x": false, "2026-11-29T12:27:00Z x": true,
		"2026-11-29T12:27:00.7Z x": true, "2026-11-29T12:27:00.699999Z x": false, "2026-11-29T12:27:00.6Z x": false,
	} {
		s, _, ok := readStamp([]byte(line))
		if got := !before(s.time(start, time.UTC), s.unit, start); !ok || got != want {
			t.Errorf("%s: got %v, want %v", line, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, row := range parsed {
		f.Add([]byte(row.line))
	}
	for _, row := range foreign {
		f.Add([]byte(row.line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		e, ok := Parse(line, near, time.UTC)
		if !ok {
			return
		}
		if e.Service == "" || e.Host == "" || e.Time.IsZero() || len(e.Line) > MaxLine || !strings.HasSuffix(e.Line, e.Message) || e.Delay < -1 {
			t.Errorf("%q is read as %+v", line, e)
		}
		for _, part := range []string{e.To, e.OrigTo, e.From, e.Relay, e.DSN, e.Status, e.Text} {
			if !strings.Contains(e.Message, part) {
				t.Errorf("%q has no %q", line, part)
			}
		}
	})
}

func TestDemandCheck(t *testing.T) {
	for _, row := range []struct {
		reason string
		demand Demand
		want   string // part of the error
	}{
		{"nothing", Demand{}, "expects nothing"},
		{"a queue id that is none", Demand{QueueID: "1abcDE-000abc-2F"}, "no queue id of Postfix's"},
		{"a status that is none", Demand{Status: "delivered"}, `no line has the status "delivered": there are sent,`},
		{"a status code that is none", Demand{DSN: "4.7.X"}, "no enhanced status code"},
		{"no queue", Demand{QueueID: "NOQUEUE"}, ""},
		{"all", Demand{QueueID: "4F1A2B3C4D", Status: "Sent", DSN: "2.x.x", To: "b@example.com"}, ""},
	} {
		err := row.demand.Check()
		if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
			t.Errorf("%s: got %v, want %q", row.reason, err, row.want)
		}
	}
}

func TestDifferences(t *testing.T) {
	e, ok := Parse([]byte(parsed[2].line), near, time.UTC)
	if !ok {
		t.Fatal("not read")
	}
	e.Relay = "mx.example.com[192.0.2.1]:25"
	for _, row := range []struct {
		reason string
		demand Demand
		want   string // the differences
	}{
		{"all of it", Demand{QueueID: "4F1A2B3C4D", Status: "BOUNCED", DSN: "5.1.x", To: "b@EXAMPLE.com", Service: "local", Text: "UNKNOWN"}, ""},
		{"the recipient before aliases", Demand{To: "postmaster"}, ""},
		{"an address in brackets", Demand{To: "<b@example.com>"}, ""},
		{"another case of the local part", Demand{To: "B@example.com"}, `to: want "B@example.com", got "b@example.com"`},
		{"the whole service", Demand{Service: "postfix-out/local"}, ""},
		{"a part of a service", Demand{Service: "cal"}, `service: want "cal", got "postfix-out/local"`},
		{"the relay", Demand{Relay: "mx.example.com[192.0.2.1]:25"}, ""},
		{"its host", Demand{Relay: "MX.example.com"}, ""},
		{"its address and port", Demand{Relay: "192.0.2.1:25"}, ""},
		{"another port", Demand{Relay: "192.0.2.1:2525"}, `relay: want "192.0.2.1:2525", got "mx.example.com[192.0.2.1]:25"`},
		{"no sender", Demand{From: "a@example.org"}, `from: want "a@example.org", it has none`},
		{"two", Demand{Status: "sent", DSN: "2.0.0"}, `status: want "sent", got "bounced", dsn: want "2.0.0", got "5.1.1"`},
	} {
		var all []string
		for _, d := range row.demand.Differences(&e) {
			all = append(all, d.String())
		}
		if got := strings.Join(all, ", "); got != row.want {
			t.Errorf("%s: got %s, want %s", row.reason, got, row.want)
		}
	}
}
