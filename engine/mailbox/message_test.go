package mailbox

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// letter is a message with CRLF line ends.
func letter(lines ...string) *Message {
	return &Message{Raw: []byte(strings.Join(lines, "\r\n") + "\r\n"), Where: "new/1"}
}

var headers = []struct {
	reason string
	raw    string
	name   string
	want   []string
}{
	{"a plain field", "Subject: x\r\n\r\nbody", "subject", []string{"x"}},
	{"line ends of a Maildir", "Subject: x\n\nbody", "Subject", []string{"x"}},
	{"a folded value, RFC 5322 2.2.3", "Subject: a\r\n b\r\n\tc\r\n\r\n", "Subject", []string{"a b\tc"}},
	{"encoded words, RFC 2047", "Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?= =?iso-8859-1?b?/A==?=\n\n", "Subject", []string{"grüßeü"}},
	{"an encoded word in a charset that nobody has", "Subject: =?x-none?q?a?=\n\n", "Subject", []string{"=?x-none?q?a?="}},
	{"top down", "X: 1\nY: 2\nx: 3\n\n", "X", []string{"1", "3"}},
	{"an empty value is there", "X:\n\n", "X", []string{""}},
	{"blanks before the colon, RFC 5322 4.5", "X : 1\n\n", "X", []string{"1"}},
	{"what looks like a field in the body", "X: 1\n\nY: 2\n", "Y", nil},
	{"the header ends at a line that is no field", "X: 1\nno field\nY: 2\n\n", "Y", nil},
	{"a message without a body", "X: 1", "X", []string{"1"}},
	{"a From_ line that an agent kept", "From a@b Sun Nov 29 12:00:00 2026\nX: 1\n\n", "X", []string{"1"}},
	{"no message at all", "", "X", nil},
}

func TestHeader(t *testing.T) {
	for _, h := range headers {
		if got := (&Message{Raw: []byte(h.raw)}).Header(h.name); !slices.Equal(got, h.want) {
			t.Errorf("%s: got %q, want %q", h.reason, got, h.want)
		}
	}
}

func TestEnvelope(t *testing.T) {
	mbox := "y@example.org"
	for _, e := range []struct {
		reason string
		m      *Message
		from   string // "none" for none
		to     string
	}{
		{"Postfix's virtual(8)", letter("Return-Path: <a@example.org>", "X-Original-To: b@example.com", "Delivered-To: c@example.com", "Received: x", "Delivered-To: forged@example.com"), "a@example.org", "b@example.com c@example.com"},
		{"a bounce has the empty sender", letter("Return-Path: <>", "Received: x"), "", ""},
		{"Exim", letter("Return-path: <a@example.org>", "Envelope-to: b@example.com, c@example.com", "Received: x"), "a@example.org", "b@example.com c@example.com"},
		{"nothing tells of it", letter("From: a@example.org", "To: b@example.com"), "none", ""},
		{"the conversation knows better", &Message{Raw: []byte("Return-Path: <x@y>\n\n"), Envelope: &Envelope{From: "a@example.org", To: []string{"b@example.com"}}}, "a@example.org", "b@example.com"},
		{"an mbox's From_ line, where there is nothing else", &Message{Raw: []byte("X: 1\n\n"), fromLine: &mbox}, mbox, ""},
		{"the Return-Path before the From_ line, which has no <>", &Message{Raw: []byte("Return-Path: <z@example.org>\n\n"), fromLine: &mbox}, "z@example.org", ""},
		{"what only the client can have written", letter("Received: x", "Delivered-To: forged@example.com", "X-Original-To: forged@example.com"), "none", ""},
	} {
		from, ok := e.m.From()
		if !ok {
			from = "none"
		}
		if to := strings.Join(e.m.To(), " "); from != e.from || to != e.to {
			t.Errorf("%s: got from %q to %q, want %q and %q", e.reason, from, to, e.from, e.to)
		}
	}
}

var bodies = []struct{ reason, raw, want string }{
	{"plain, RFC 2045 5.2", "X: 1\r\n\r\na\r\nb\r\n", "a\nb\n"},
	{"no body", "X: 1\r\n\r\n", ""},
	{"quoted-printable", "Content-Transfer-Encoding: quoted-printable\n\na=C3=BC=\nb\n", "aüb\n"},
	{"base64", "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\naGFsbG8=\n", "hallo"},
	{"a charset that is not UTF-8", "Content-Type: text/plain; charset=iso-8859-1\n\n\xfc\n", "ü\n"},
	{"a charset that nobody has stays", "Content-Type: text/plain; charset=x-none\n\nabc\n", "abc\n"},
	{"an encoding that nobody has stays", "Content-Transfer-Encoding: x-none\n\nabc\n", "abc\n"},
	{"the texts of a multipart", "Content-Type: multipart/mixed; boundary=b\n\npreamble\n--b\n\none\n--b\nContent-Type: application/pdf\n\nno\n--b\nContent-Type: text/html\n\n<p>two\n--b--\nepilogue\n", "one\n<p>two"},
	{"a multipart that was cut off", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n", "one"},
	{"an attachment is no text", "Content-Type: application/pdf\n\nx\n", ""},
}

func TestBody(t *testing.T) {
	for _, b := range bodies {
		if got := (&Message{Raw: []byte(b.raw)}).Body(); got != b.want {
			t.Errorf("%s: got %q, want %q", b.reason, got, b.want)
		}
	}
}

var traces = []struct {
	reason, value string
	want          Received
}{
	{"Postfix", "from client.example.org (localhost [127.0.0.1])\tby maila.example.com (Postfix) with ESMTPS id 4F2A\tfor <b@example.com>; Sun, 29 Nov 2026 12:00:00 +0100 (CET)",
		Received{From: "client.example.org", By: "maila.example.com", With: "ESMTPS", ID: "4F2A", For: "b@example.com"}},
	{"Exim, with a dot in a comment and a semicolon in another", "from [127.0.0.1] (helo=x; y) by mx.example.net with esmtp (Exim 4.96) (envelope-from <a@example.org>) id 1rABC-0001 for b@example.com; Sun, 29 Nov 2026 12:00:00 +0100",
		Received{From: "[127.0.0.1]", By: "mx.example.net", With: "esmtp", ID: "1rABC-0001", For: "b@example.com"}},
	{"by alone: submitted on the machine", "by mx.example.net (Postfix, from userid 0) id 4F2A; Sun, 29 Nov 2026 12:00:00 +0100",
		Received{By: "mx.example.net", ID: "4F2A"}},
	{"comments in comments, with an escaped parenthesis", `from a (b (c \) d) by e) by f; Sun, 29 Nov 2026 12:00:00 +0100`,
		Received{From: "a", By: "f"}},
	{"a client whose name is a keyword", "from by by mx.example.net; Sun, 29 Nov 2026 12:00:00 +0100", Received{From: "by", By: "mx.example.net"}},
	{"a quoted local part with blanks", `from a by b for <"x y; z"@example.com>; Sun, 29 Nov 2026 12:00:00 +0100`, Received{From: "a", By: "b", For: `"x y; z"@example.com`}},
}

func TestReceived(t *testing.T) {
	date := time.Date(2026, 11, 29, 11, 0, 0, 0, time.UTC)
	for _, r := range traces {
		got := parseReceived(r.value)
		if !got.Date.Equal(date) || got.Raw != r.value {
			t.Errorf("%s: the date is %v", r.reason, got.Date)
		}
		if got.Date, got.Raw = (time.Time{}), ""; got != r.want {
			t.Errorf("%s: got %+v, want %+v", r.reason, got, r.want)
		}
	}
	if got := parseReceived("no clause at all; no date"); got != (Received{Raw: "no clause at all; no date"}) {
		t.Errorf("of what is no trace: %+v", got)
	}
}

func FuzzReceived(f *testing.F) {
	for _, r := range traces {
		f.Add(r.value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		r := parseReceived(value)
		if n := len(r.From) + len(r.By) + len(r.Via) + len(r.With) + len(r.ID) + len(r.For); n > len(value) {
			t.Errorf("%d bytes of %d", n, len(value))
		}
	})
}

// bounce is a delivery status notification about two recipients.
func bounce() *Message {
	return letter(
		"Return-Path: <>", "Received: by mx.example.net; Sun, 29 Nov 2026 12:00:00 +0100",
		`Content-Type: multipart/report; report-type=delivery-status; boundary="b"`, "",
		"--b", "", "I am sorry.",
		"--b", "Content-Type: message/delivery-status", "",
		"Reporting-MTA: dns; mx.example.net", "X-Postfix-Queue-ID: 4F2A", "",
		"Final-Recipient: rfc822; gone@example.com", "Action: failed", "Status: 5.1.1", "Diagnostic-Code: smtp; 550 5.1.1 no such", "    user", "",
		"Final-Recipient: rfc822; late@Example.com", "Action: delayed", "Status: 4.2.2 (full)",
		"--b", "Content-Type: message/rfc822", "",
		"Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?=", "Content-Transfer-Encoding: base64", "", "dG9rZW4tMTIz",
		"--b--")
}

func TestReport(t *testing.T) {
	r := bounce().Report()
	if r == nil || len(r.Recipients) != 2 {
		t.Fatalf("got %+v", r)
	}
	if got := r.Message.Values("x-postfix-queue-id"); !slices.Equal(got, []string{"4F2A"}) {
		t.Errorf("of the message: %q", got)
	}
	if got := r.Recipients[0].Values("Diagnostic-Code"); !slices.Equal(got, []string{"smtp; 550 5.1.1 no such    user"}) {
		t.Errorf("of the recipient: %q", got)
	}
	for reason, m := range map[string]*Message{
		"a report that is attached as a message": letter(`Content-Type: multipart/mixed; boundary="c"`, "", "--c", "Content-Type: message/rfc822", "", string(bounce().Raw), "--c--"),
		"a status that is part of no report":     letter("Content-Type: message/delivery-status", "", "Reporting-MTA: dns; x", "", "Status: 5.1.1"),
		"a plain message":                        letter("Subject: x", "", "Status: 5.1.1"),
	} {
		if got := m.Report(); got != nil {
			t.Errorf("%s: got %+v", reason, got)
		}
	}
}

var statuses = []struct{ reason, text, want string }{
	{"RFC 3464 2.1", "Reporting-MTA: dns; x\n\nFinal-Recipient: a\nStatus: 5.0.0\n\nFinal-Recipient: b\n", "1/2,1"},
	{"CRLF, and more than one line between", "Reporting-MTA: dns; x\r\n\r\n\r\nFinal-Recipient: a\r\n\r\n\r\n", "1/1"},
	{"without the message's group", "Final-Recipient: a\nStatus: 5.0.0\n\nFinal-Recipient: b\n", "0/2,1"},
	{"lines that are no fields", "Reporting-MTA: dns; x\nnothing\nX: 1\n\nFinal-Recipient: a\n", "2/1"},
	{"empty lines before all", "\n\nReporting-MTA: dns; x\n\nFinal-Recipient: a", "1/1"},
	{"nothing", "", "0/"},
}

func TestStatus(t *testing.T) {
	for _, s := range statuses {
		r := parseReport([]byte(s.text))
		var sizes []string
		for _, g := range r.Recipients {
			sizes = append(sizes, fmt.Sprint(len(g)))
		}
		if got := fmt.Sprintf("%d/%s", len(r.Message), strings.Join(sizes, ",")); got != s.want {
			t.Errorf("%s: got %s fields, want %s", s.reason, got, s.want)
		}
	}
}

func FuzzReport(f *testing.F) {
	for _, s := range statuses {
		f.Add([]byte(s.text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r := parseReport(text)
		for _, g := range append([]Group{r.Message}, r.Recipients...) {
			for _, field := range g {
				if !isFieldName(field.Name) || strings.ContainsAny(field.Value, "\n") {
					t.Errorf("the field %q: %q", field.Name, field.Value)
				}
			}
		}
	})
}

// FuzzMessage asks everything of any bytes: no message may stop the test that got it.
func FuzzMessage(f *testing.F) {
	f.Add(bounce().Raw)
	for _, b := range bodies {
		f.Add([]byte(b.raw))
	}
	for _, h := range headers {
		f.Add([]byte(h.raw))
	}
	f.Add([]byte("DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s; h=from; bh=; b=\nDKIM-Signature: x\nFrom: a\n\n"))
	d := Demand{From: Present(), To: Present(), Subject: Present(), Token: "token", Body: Present(),
		Header: map[string]Want{"X": Present()}, Report: map[string]Want{"Status": Equal("5.x.x")},
		DKIM: &DKIM{Domain: "example.org", Key: signer.Public()}}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if held, why := d.Judge(t.Context(), &Message{Raw: raw}); held || len(why) == 0 {
			t.Errorf("it holds: %q", raw)
		}
	})
}
