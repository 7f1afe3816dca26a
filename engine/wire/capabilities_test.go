package wire_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"smtplay/engine/wire"
)

func TestCapabilities(t *testing.T) {
	for _, tt := range []struct {
		lines          []string
		keyword, param string
		offered        bool
		why            string
	}{
		{[]string{"STARTTLS"}, "STARTTLS", "", true, "a keyword"},
		{[]string{"starttls"}, "StartTLS", "", true, "RFC 5321 4.1.1.1: any case"},
		{[]string{"STARTTLS2"}, "STARTTLS", "", false, "another keyword"},
		{[]string{"X-STARTTLS"}, "STARTTLS", "", false, "another keyword"},
		{nil, "MAIL.EXAMPLE.COM", "", false, "the first line is the server's name"},
		{[]string{"SIZE 1000"}, "SIZE", "1000", true, "a parameter"},
		{[]string{"SIZE 1000"}, "SIZE", "100", false, "a part of it is none"},
		{[]string{"AUTH PLAIN LOGIN"}, "AUTH", "login", true, "any case"},
		{[]string{"AUTH PLAIN", "AUTH LOGIN"}, "AUTH", "PLAIN", true, "several lines are one"},
		{[]string{"AUTH PLAIN", "AUTH LOGIN"}, "AUTH", "LOGIN", true, "several lines are one"},
		{[]string{"AUTH=PLAIN LOGIN"}, "AUTH", "", false, "the obsolete form is no AUTH"},
		{[]string{"AUTH=PLAIN LOGIN"}, "AUTH=", "PLAIN", true, "but one of its own"},
		{[]string{"AUTH=PLAIN LOGIN"}, "AUTH=", "LOGIN", true, "with all its parameters"},
		{[]string{"auth=PLAIN", "AUTH LOGIN"}, "AUTH", "PLAIN", false, "the one does not lend to the other"},
		{[]string{"auth=PLAIN", "AUTH LOGIN"}, "AUTH=", "LOGIN", false, "the one does not lend to the other"},
		{[]string{"AUTH= PLAIN"}, "AUTH=", "PLAIN", true, "a blank behind it"},
		{[]string{"AUTH =PLAIN"}, "AUTH", "PLAIN", false, "a blank before it makes another parameter"},
		{[]string{"AUTH\tPLAIN"}, "AUTH", "PLAIN", true, "a tab, as some clients read it"},
		{[]string{"AUTH\u00a0PLAIN"}, "AUTH", "", false, "a no-break space is no blank"},
		{[]string{"AUTH\vPLAIN"}, "AUTH", "", false, "nor is a vertical tab"},
		{[]string{"ſTARTTLS"}, "STARTTLS", "", false, "a letter that Unicode would make an S"},
		{[]string{"AUTH \u212aERBEROS"}, "AUTH", "KERBEROS", false, "a letter that Unicode would make a K"},
		{[]string{"\xff\xff=x"}, "\xff\xff=", "x", true, "bytes that grow in Unicode's upper case"},
		{[]string{"ɐɐɐ=x"}, "ɐɐɐ=", "x", true, "letters that grow in Unicode's upper case"},
		{[]string{"", " "}, "", "", false, "empty lines offer nothing"},
		{[]string{"=x"}, "=", "x", true, "no keyword before the sign"},
	} {
		c := wire.ParseCapabilities(ehlo(t, tt.lines...))
		if got := c.Offers(tt.keyword, tt.param); got != tt.offered {
			t.Errorf("%q offers %q %q: got %v (%s)", tt.lines, tt.keyword, tt.param, got, tt.why)
		}
	}
	c := wire.ParseCapabilities(ehlo(t, "SIZE 1 2", "auth plain", "AUTH PLAIN plain", "size 2 3"))
	if got := c.Keywords(); !slices.Equal(got, []string{"SIZE", "AUTH"}) {
		t.Errorf("keywords %q", got)
	}
	if got, _ := c.Params("size"); !slices.Equal(got, []string{"1", "2", "3"}) {
		t.Errorf("parameters %q", got)
	}
	var zero wire.Capabilities
	if zero.Offers("AUTH", "") || len(zero.Keywords()) > 0 {
		t.Error("the zero value offers something")
	}
}

// A server that offers as much as a reply can hold costs no more than reading it.
func BenchmarkCapabilities(b *testing.B) {
	var line strings.Builder
	line.WriteString("X")
	for i := 0; line.Len() < wire.MaxLine-20; i++ {
		line.WriteString(" " + strconv.Itoa(i))
	}
	lines := slices.Repeat([]string{line.String()}, wire.MaxReply/wire.MaxLine-1)
	r := ehlo(b, lines...)
	b.SetBytes(int64(len(r.Raw)))
	for b.Loop() {
		wire.ParseCapabilities(r)
	}
}

// ehlo is a reply to EHLO that offers lines.
func ehlo(t testing.TB, lines ...string) *wire.Reply {
	t.Helper()
	lines = append([]string{"mail.example.com"}, lines...)
	var b strings.Builder
	for i, line := range lines {
		if i < len(lines)-1 {
			b.WriteString("250-" + line + "\r\n")
		} else {
			b.WriteString("250 " + line + "\r\n")
		}
	}
	return must(t, b.String())
}

// FuzzCapabilities: whatever a server writes, keywords and parameters are words
// that stand in it, and each keyword is offered.
func FuzzCapabilities(f *testing.F) {
	for _, s := range []string{"250-a\r\n250 AUTH PLAIN\r\n", "250-a\r\n250-AUTH=PLAIN LOGIN\r\n250 \xff\xff=x\r\n", "250-a\r\n250 ɐɐɐ=x ſ\r\n", "250 a\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := wire.ParseReply(raw)
		if err != nil {
			return
		}
		c := wire.ParseCapabilities(r)
		for _, keyword := range c.Keywords() {
			if !c.Offers(keyword, "") || strings.ContainsAny(keyword, " \t\r\n") || strings.ToLower(keyword) == keyword && strings.ContainsAny(keyword, "abc") {
				t.Errorf("%q has the keyword %q", raw, keyword)
			}
			params, _ := c.Params(keyword)
			for _, p := range params {
				if p == "" || !strings.Contains(string(raw), p) || !c.Offers(keyword, p) {
					t.Errorf("%q has the parameter %q of %q", raw, p, keyword)
				}
			}
		}
	})
}
