package wire_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"smtplay/engine/wire"
)

var patterns = []struct {
	pattern, reply string
	match          bool
	why            string
}{
	{"554", "554 no", true, "that code"},
	{"554", "550 no", false, "another code"},
	{"55x", "550 no", true, "any last digit"},
	{"55x", "540 no", false, "the second digit stands"},
	{"5xx", "599 no", true, "any refusal"},
	{"5x4", "554 no", true, "x in the middle"},
	{"5xx", "450 no", false, "another class"},
	{"5.7.1", "554 5.7.1 no", true, "that enhanced status, any code"},
	{"5.7.1", "550-5.7.1 a\r\n550 5.7.1 b", true, "on several lines"},
	{"5.7.1", "554 5.7.11 no", false, "more digits are another status"},
	{"5.7.1", "554 no 5.7.1", false, "in the text it is text"},
	{"5.7.1", "354 5.7.1 go", false, "a 354 has none"},
	{"5.7.x", "554 5.7.123 no", true, "any detail"},
	{"5.x.x", "554 5.1.1 no", true, "any subject"},
	{"5.7.x", "554 5.1.1 no", false, "another subject"},
	{"5.7.x", "554 no", false, "none at all"},
	{"554 5.7.1", "554 5.7.1 no", true, "both"},
	{"554 5.7.1", "550 5.7.1 no", false, "only one of both"},
	{"554 5.7.1 relay access denied", "554 5.7.1 <x@example.com>: Relay access denied", true, "the text ignores case"},
	{"554 5.7.1 relay access denied", "554 5.7.1 no", false, "another text"},
	{"554  5.7.1\trelay", "554 5.7.1 relay", true, "any blanks between"},
	{"250 queued as", "250 2.0.0 Ok: queued as 4F", true, "a text without enhanced status"},
	{"250 2.0.0 2.0.0", "250 2.0.0 Ok", false, "the text has no enhanced status"},
	{"250 (.*)", "250 x", false, "text is no regular expression"},
	{"250 a\nb", "250-xa\r\n250 bx", true, "the lines of a text are joined by \\n"},
	{"250 ä", "250 Ä", true, "case beyond ASCII"},
	{"250 \xe9", "250 \xe8", false, "8-bit bytes that are no UTF-8 are not all the same"},
	{"250 a\xe9", "250 A\xe9", true, "but equal to themselves"},
	{"220 3.7.11", "220 Postfix 3.7.11", true, "a version is text"},
	{"554 192.0.2.1", "554 5.7.1 192.0.2.1 blocked", true, "so is an address"},
}

func TestMatches(t *testing.T) {
	for _, tt := range patterns {
		p, err := wire.ParsePattern(tt.pattern)
		if err != nil {
			t.Errorf("%q: %v (%s)", tt.pattern, err, tt.why)
			continue
		}
		if _, ok := p.Matches(must(t, tt.reply+"\r\n")); ok != tt.match {
			t.Errorf("%q on %q: got %v (%s)", tt.pattern, tt.reply, ok, tt.why)
		}
	}
}

var wrongPatterns = []struct{ pattern, fault, why string }{
	{"", "expects nothing", "empty"},
	{" \t", "expects nothing", "blanks"},
	{"654", "no reply has the code 654", "no such class"},
	{"25", "no reply has the code 25", "two digits"},
	{"2500", "no reply has the code 2500", "four digits"},
	{"1xx", "no code pattern", "no such class"},
	{"xxx", "no code pattern", "the first place is a digit"},
	{"5XX", "no code pattern", "x is small"},
	{"2.0", "a pattern begins with", "two parts"},
	{"6.7.x", "no enhanced status code", "no such class"},
	{"5.7.X", "no enhanced status code", "x is small"},
	{"554 5.7.X", "no enhanced status code", "as text it would match nothing"},
	{"554 5.7.xx", "no enhanced status code", "one x stands for the whole place"},
	{"relay denied", "for text alone", "text without a code"},
	{"250\n", "a pattern begins with", "a line end is no blank"},
	{"354 2.0.0", "carries no enhanced status code", "RFC 2034 has no class 3"},
	{"3xx 5.7.1 x", "carries no enhanced status code", "nor with x"},
	{"250 a\rb", "none holds a CR", "a bare CR is malformed"},
}

func TestWrongPatterns(t *testing.T) {
	for _, tt := range wrongPatterns {
		if p, err := wire.ParsePattern(tt.pattern); err == nil || !strings.Contains(err.Error(), tt.fault) {
			t.Errorf("%q: got %v, %v, want %q (%s)", tt.pattern, p, err, tt.fault, tt.why)
		}
	}
	for _, code := range []int{-250, 0, 25, 199, 600, 2500} {
		if _, err := wire.CodePattern(code); err == nil {
			t.Errorf("the code %d was taken", code)
		}
	}
	if p, err := wire.CodePattern(250); err != nil || p.Code != "250" {
		t.Errorf("250: %v, %v", p, err)
	}
	for _, s := range []string{"", "5", "5.7", "5.7.1.1", "x.7.1", "5.7.1x", "5.-1.1", "5.7.1234"} {
		if wire.ValidEnhanced(s) {
			t.Errorf("%q was taken for an enhanced status code", s)
		}
	}
}

func ref(s string) *string { return &s }

func code(c string) wire.Pattern { return wire.Pattern{Code: c} }

func TestCheck(t *testing.T) {
	for _, tt := range []struct {
		p     wire.Pattern
		fault string
		why   string
	}{
		{wire.Pattern{}, "expects nothing", "empty"},
		{wire.Pattern{Any: []wire.Pattern{code("250"), {}}}, "expects nothing", "an empty alternative"},
		{wire.Pattern{Any: []wire.Pattern{code("250"), code("251")}}, "", "a list"},
		{wire.Pattern{Code: "25"}, "no reply has the code", "made by hand"},
		{wire.Pattern{Enhanced: "5.7"}, "a pattern begins", "made by hand"},
		{wire.Pattern{Code: "334", Challenge: ref("x")}, "", "only a 334 has one"},
		{wire.Pattern{Code: "3xx", Challenge: ref("x")}, "", "which 3xx may be"},
		{wire.Pattern{Challenge: ref("x")}, "", "any code"},
		{wire.Pattern{Code: "250", Challenge: ref("x")}, "only a 334", "another code"},
		{wire.Pattern{Enhanced: "2.0.0", Challenge: ref("x")}, "only a 334", "a 334 has no enhanced status"},
		{wire.Pattern{Challenge: ref("x"), Any: []wire.Pattern{code("334"), code("235")}}, "only a 334", "the second can never match"},
		{wire.Pattern{Enhanced: "2.0.0", Any: []wire.Pattern{code("250"), code("354")}}, "carries no enhanced", "the second can never match"},
		{wire.Pattern{Enhanced: "5.7.1", Any: []wire.Pattern{{Enhanced: "5.7.2"}}}, "no reply matches", "two statuses"},
		{wire.Pattern{Enhanced: "5.7.1", Any: []wire.Pattern{{Enhanced: "5.x.1"}}}, "", "one that is both"},
		{wire.Pattern{Code: "55x", Any: []wire.Pattern{code("5x4")}}, "", "554 is both"},
		{wire.Pattern{Code: "250", Any: []wire.Pattern{{Any: []wire.Pattern{code("5xx")}}}}, "no reply matches", "nested"},
		{wire.Pattern{Challenge: ref("x"), Any: []wire.Pattern{{Challenge: ref("y")}}}, "no reply matches", "two challenges"},
		{wire.Pattern{Text: "a\r"}, "holds a CR", "a bare CR is malformed"},
		{wire.Pattern{Match: regexp.MustCompile("x")}, "", "any code"},
	} {
		err := tt.p.Check()
		if tt.fault == "" && err != nil || tt.fault != "" && (err == nil || !strings.Contains(err.Error(), tt.fault)) {
			t.Errorf("%v: got %v, want %q (%s)", tt.p, err, tt.fault, tt.why)
		}
	}
	if !errors.Is(wire.Pattern{}.Check(), wire.ErrEmptyPattern) {
		t.Error("not ErrEmptyPattern")
	}
}

func TestMatchesMore(t *testing.T) {
	id := regexp.MustCompile(`queued as (?P<id>\S+)`)
	for _, tt := range []struct {
		p      wire.Pattern
		reply  string
		match  bool
		groups string
		why    string
	}{
		{wire.Pattern{}, "250 x", true, "", "the zero value holds for every reply"},
		{wire.Pattern{Match: id}, "250 2.0.0 Ok: queued as 4F", true, "queued as 4F|4F", "captures"},
		{wire.Pattern{Match: id}, "250 2.0.0 Ok", false, "", "no match"},
		{wire.Pattern{Match: regexp.MustCompile(`^2\.0\.0`)}, "250 2.0.0 Ok", false, "", "the text has no enhanced status"},
		{wire.Pattern{Match: regexp.MustCompile(`(?m)^b$`)}, "250-a\r\n250 b", true, "b", "neither code nor CR in the lines"},
		{wire.Pattern{Any: []wire.Pattern{code("251"), {Match: id}}}, "250 queued as 4F", true, "queued as 4F|4F", "captures of an alternative"},
		{wire.Pattern{Match: regexp.MustCompile("4F"), Any: []wire.Pattern{{Match: id}}}, "250 queued as 4F", true, "4F", "its own come first"},
		{wire.Pattern{Text: "as", Any: []wire.Pattern{code("251")}}, "250 queued as 4F", false, "", "text holds, no alternative does"},
		{wire.Pattern{Code: "334", Challenge: ref("Username:")}, "334 VXNlcm5hbWU6", true, "", "decoded"},
		{wire.Pattern{Code: "334", Challenge: ref("username:")}, "334 VXNlcm5hbWU6", false, "", "byte for byte"},
		{wire.Pattern{Code: "334", Challenge: ref("Username:")}, "334 Username:", false, "", "not base64"},
		{wire.Pattern{Code: "334", Challenge: ref("")}, "334 ", true, "", "the empty challenge"},
		{wire.Pattern{Challenge: ref("")}, "250 ", false, "", "is a 334's"},
	} {
		c, ok := tt.p.Matches(must(t, tt.reply+"\r\n"))
		if ok != tt.match || strings.Join(c.Groups, "|") != tt.groups || len(c.Names) != len(c.Groups) {
			t.Errorf("%v on %q: got %v, %q (%s)", tt.p, tt.reply, ok, c.Groups, tt.why)
		}
	}
}

func TestPatternInWords(t *testing.T) {
	for _, tt := range []struct {
		p    wire.Pattern
		want string
	}{
		{wire.Pattern{Code: "554", Enhanced: "5.7.1"}, "554 5.7.1"},
		{wire.Pattern{Any: []wire.Pattern{code("250"), code("251")}}, "250 or 251"},
		{wire.Pattern{Any: []wire.Pattern{code("250"), code("251")}, Enhanced: "2.1.5", Text: "ok"}, `250 or 251, 2.1.5, with the text "ok"`},
		{wire.Pattern{Code: "334", Challenge: ref("Username:")}, `334 with the challenge "Username:"`},
		{wire.Pattern{Match: regexp.MustCompile("a+")}, `with a text that matches /a+/`},
	} {
		if got := tt.p.String(); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
}

// FuzzPattern: a pattern that was accepted can be shown and read again, and
// some reply, made from it, matches.
func FuzzPattern(f *testing.F) {
	for _, tt := range patterns {
		f.Add(tt.pattern)
	}
	for _, tt := range wrongPatterns {
		f.Add(tt.pattern)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := wire.ParsePattern(s)
		if err != nil {
			return
		}
		head := wire.Pattern{Code: p.Code, Enhanced: p.Enhanced}
		again, err := wire.ParsePattern(head.String())
		if err != nil || again.Code != p.Code || again.Enhanced != p.Enhanced || again.Text != "" {
			t.Errorf("%q is shown as %q, which is %+v, %v", s, head, again, err)
		}
		if whole, err := wire.ParsePattern(strings.TrimRight(head.String()+" "+p.Text, " ")); err != nil || whole.Text != p.Text {
			t.Errorf("%q: %+v, %v", s, whole, err)
		}
		if r, err := wire.ParseReply([]byte(fits(p))); err == nil {
			if _, ok := p.Matches(r); !ok {
				t.Errorf("%q does not match %q", s, r.Raw)
			}
		} else if len(p.Text) < wire.MaxLine/2 {
			t.Errorf("%q: %v", fits(p), err)
		}
	})
}

// fits writes a reply that p matches.
func fits(p wire.Pattern) string {
	code := strings.ReplaceAll(p.Code, "x", "0")
	if code == "" {
		code = p.Enhanced[:1] + "50"
	}
	enhanced := strings.ReplaceAll(p.Enhanced, "x", "0")
	var b strings.Builder
	lines := strings.Split(p.Text, "\n")
	for i, line := range lines {
		sep := "-"
		if i == len(lines)-1 {
			sep = " "
		}
		b.WriteString(code + sep)
		if enhanced != "" {
			b.WriteString(enhanced + " ")
		} else if code[0] != '3' && strings.Contains(line, ".") {
			b.WriteString(code[:1] + ".0.0 ") // else what begins the text might be taken for one
		}
		b.WriteString(line + "\r\n")
	}
	return b.String()
}
