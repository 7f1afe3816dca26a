package mailbox

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

func TestWant(t *testing.T) {
	for _, w := range []struct {
		reason string
		want   Want
		values []string
		holds  bool
		words  string
	}{
		{"equal", Equal("x"), []string{"y", "x"}, true, `"x"`},
		{"equal is no part", Equal("x"), []string{"xy"}, false, `"x"`},
		{"equal minds case", Equal("x"), []string{"X"}, false, `"x"`},
		{"nothing is not the empty text", Equal(""), nil, false, `""`},
		{"contains ignores case", Contains("bcd"), []string{"aBCDe"}, true, `a text with "bcd" in it`},
		{"contains", Contains("x"), []string{"y"}, false, `a text with "x" in it`},
		{"match", Match(regexp.MustCompile(`^\d+$`)), []string{"12"}, true, `a text that matches /^\d+$/`},
		{"match", Match(regexp.MustCompile(`^\d+$`)), []string{"a"}, false, `a text that matches /^\d+$/`},
		{"any of", AnyOf(Equal("x"), Absent()), nil, true, `"x" or none`},
		{"any of", AnyOf(Equal("x"), Equal("y")), []string{"z"}, false, `"x" or "y"`},
		{"present", Present(), []string{""}, true, "any value"},
		{"present", Present(), nil, false, "any value"},
		{"absent", Absent(), nil, true, "none"},
		{"absent", Absent(), []string{""}, false, "none"},
		{"enhanced", Enhanced("5.x.x"), []string{"5.1.1 (no such user)"}, true, "5.x.x"},
		{"enhanced", Enhanced("5.x.x"), []string{"4.1.1"}, false, "5.x.x"},
		{"enhanced is no beginning", Enhanced("5.1.1"), []string{"5.1.10"}, false, "5.1.1"},
		{"the zero Want", Want{}, nil, true, "anything"},
	} {
		if got := w.want.Holds(w.values...); got != w.holds {
			t.Errorf("%s: %v of %q: %v", w.reason, w.want, w.values, got)
		}
		if got := w.want.String(); got != w.words {
			t.Errorf("%s: got %s, want %s", w.reason, got, w.words)
		}
	}
}

func TestDemandCheck(t *testing.T) {
	one := func(w Want) map[string]Want { return map[string]Want{"X": w} }
	for _, c := range []struct {
		reason string
		demand Demand
		want   string // in the error; "" for none
	}{
		{"the zero value passes every message", Demand{}, "nothing is demanded"},
		{"tables that hold nothing", Demand{Header: map[string]Want{}, Report: map[string]Want{}}, "nothing is demanded"},
		{"a field of which nothing is demanded", Demand{Subject: Equal("x"), Header: one(Want{})}, "header X: nothing"},
		{"an empty part is in all texts", Demand{Subject: Contains("")}, "subject: a text that is empty"},
		{"an empty expression", Demand{Body: Match(regexp.MustCompile(""))}, "body: an expression that is empty"},
		{"a list of nothing", Demand{To: AnyOf()}, "to: a list of alternatives has none"},
		{"a list with nothing in it", Demand{To: AnyOf(Want{})}, "to: an alternative demands nothing"},
		{"deep in a list", Demand{To: AnyOf(Equal("x"), AnyOf(Contains("")))}, "to: a text that is empty"},
		{"no name of a field", Demand{Header: map[string]Want{"a b": Present()}}, "is no name of a header field"},
		{"a status that none can be", Demand{Report: map[string]Want{"status": AnyOf(Equal("5.X.X"))}}, "is no enhanced status code"},
		{"an empty body", Demand{Body: Equal("\n")}, "by false"},
		{"a signature of nobody", Demand{DKIM: &DKIM{}}, "the domain that signs"},
		{"a signature without a key", Demand{DKIM: &DKIM{Domain: "example.org"}}, "a way to look it up"},
		{"a key of another kind", Demand{DKIM: &DKIM{Domain: "example.org", Key: "x"}}, "not string"},
		{"the empty sender", Demand{From: Equal("")}, ""},
		{"a token", Demand{Token: "x"}, ""},
	} {
		err := c.demand.Check()
		if got := fmt.Sprint(err); (err == nil) != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: got %v, want %q", c.reason, err, c.want)
		}
	}
}

// TestPlain: what a sender wrote does not steer the terminal that shows a failure.
func TestPlain(t *testing.T) {
	m := &Message{Raw: []byte("Subject: =?utf-8?q?=1B[2Jx=0Ay?=\n\n"), Where: "new/\x1b[1m"}
	if got := m.String(); got != "Subject: \ufffd[2Jx\ufffdy, new/\ufffd[1m" {
		t.Errorf("got %q", got)
	}
}

func TestJudge(t *testing.T) {
	plain := func() *Message {
		return letter("Return-Path: <a@Example.ORG>", "Delivered-To: b@example.com", "Received: x",
			"Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?=", "X: 1", "X: 2", "Content-Transfer-Encoding: base64", "", "dG9rZW4tMTIzCgpieWUKCg==")
	}
	listened := func() *Message {
		return &Message{Raw: []byte("Subject: x\r\n\r\n"), Envelope: &Envelope{From: "", To: []string{"b@example.com", "c@example.com"}}}
	}
	report := func(pairs ...string) Demand {
		d := Demand{Report: map[string]Want{}}
		for i := 0; i < len(pairs); i += 2 {
			d.Report[pairs[i]] = Equal(pairs[i+1])
		}
		return d
	}
	for _, c := range []struct {
		reason  string
		message func() *Message
		demand  Demand
		want    string // the differences; "" where it holds
	}{
		{"domains ignore case", plain, Demand{From: Equal("<a@example.org>"), To: Equal("b@EXAMPLE.com")}, ""},
		{"local parts do not", plain, Demand{From: Equal("A@example.org")}, "envelope sender: expected <A@example.org>, got <a@Example.ORG>"},
		{"the empty sender is not none", listened, Demand{From: Equal("")}, ""},
		{"none is not the empty sender", bounce, Demand{From: Absent()}, "envelope sender: expected none, got <>"},
		{"no sender to be known", func() *Message { return letter("X: 1") }, Demand{From: Equal("")}, "envelope sender: expected <>, got none: no Return-Path and no envelope tells of it"},
		{"one of several recipients", listened, Demand{To: Equal("c@example.com")}, ""},
		{"another recipient", listened, Demand{To: Equal("d@example.com")}, `envelope recipient: expected "d@example.com", got "b@example.com", "c@example.com"`},
		{"a decoded subject", plain, Demand{Subject: Equal("grüße")}, ""},
		{"a field that comes twice", plain, Demand{Header: map[string]Want{"x": Equal("2")}}, ""},
		{"each difference, in an order that stays", plain, Demand{Subject: Equal("y"), Header: map[string]Want{"X": Equal("3"), "A": Present(), "Subject": Absent()}},
			`header Subject: expected "y", got "grüße"; header A: expected any value, got none; header Subject: expected none, got "grüße"; header X: expected "3", got "1", "2"`},
		{"a token that is encoded", plain, Demand{Token: "token-123"}, ""},
		{"a token in the header, decoded", plain, Demand{Token: "grüße"}, ""},
		{"a token in the message that a bounce returns", bounce, Demand{Token: "token-123"}, ""},
		{"a token in that message's header", bounce, Demand{Token: "grüße"}, ""},
		{"no such token", plain, Demand{Token: "token-124"}, `token: expected "token-124" in header or body, got none there`},
		{"the body, whatever its end", plain, Demand{Body: Equal("token-123\r\n\r\nbye")}, ""},
		{"no body", listened, Demand{Body: Absent()}, ""},
		{"some body", plain, Demand{Body: Absent()}, `body: expected none, got "token-123\n\nbye"`},

		{"the recipient of a report", bounce, report("final-recipient", "gone@example.com", "ACTION", "Failed", "Status", "5.x.x"), ""},
		{"with its type, and another's case in the domain", bounce, report("Final-Recipient", "RFC822;late@example.com", "Status", "4.2.2"), ""},
		{"a status is not text", bounce, report("Status", "5.1.10"), `report Status (of rfc822; gone@example.com): expected "5.1.10", got "5.1.1"`},
		{"all of one recipient: no mixture holds", bounce, report("Final-Recipient", "late@example.com", "Status", "5.1.1"), `report Final-Recipient (of rfc822; gone@example.com): expected "late@example.com", got "rfc822; gone@example.com"`},
		{"a field of the message with one of a recipient", bounce, report("Reporting-MTA", "MX.example.net", "X-Postfix-Queue-ID", "4F2A", "Status", "4.x.x"), ""},
		{"a message's field where only a recipient's may be", bounce, Demand{Report: map[string]Want{"Arrival-Date": Present()}}, "report Arrival-Date (of rfc822; gone@example.com): expected any value, got none"},
		{"a diagnostic without its type", bounce, report("Diagnostic-Code", "550 5.1.1 no such    user"), ""},
		{"a message that is no report, though nothing would be in it", plain, Demand{Report: map[string]Want{"Status": Absent()}}, "report: expected a delivery status notification (multipart/report with message/delivery-status), got a message without Content-Type"},

		{"a message of which not all was read", func() *Message { m := plain(); m.Size = MaxSize + 1; return m }, Demand{Subject: Present()},
			"message: expected one that can be judged as a whole, got 67108865 bytes, of which only the first 185 were read"},
		{"a header without end", func() *Message { return &Message{Raw: []byte(strings.Repeat("X: 1\n", maxFields+1))} }, Demand{Header: map[string]Want{"Y": Absent()}},
			"message: expected one that can be judged as a whole, got a header of more than 4194304 bytes or 9999 fields"},
		{"parts without end", func() *Message {
			return letter("Content-Type: multipart/mixed; boundary=b", "", strings.Repeat("--b\r\n\r\nx\r\n", maxParts+1))
		}, Demand{Body: Contains("x")}, "message: expected one that can be judged as a whole, got a MIME structure of too many parts or too deep"},
	} {
		if err := c.demand.Check(); err != nil {
			t.Errorf("%s: %v", c.reason, err)
		}
		held, why := c.demand.Judge(t.Context(), c.message())
		var words []string
		for _, d := range why {
			words = append(words, d.String())
		}
		if got := strings.Join(words, "; "); got != c.want || held != (c.want == "") {
			t.Errorf("%s:\n got %s\nwant %s", c.reason, got, c.want)
		}
	}
}
