package wire_test

import (
	"regexp"
	"strings"
	"testing"

	"smtplay/engine/wire"
)

// bracketed is a text with its spans in brackets.
func bracketed(s string, spans []wire.Span) string {
	var b strings.Builder
	at := 0
	for _, span := range spans {
		b.WriteString(s[at:span.From] + "[" + s[span.From:span.To] + "]")
		at = span.To
	}
	return b.String() + s[at:]
}

func TestDifferences(t *testing.T) {
	challenge := "Username:"
	pattern := func(s string) wire.Pattern {
		p, err := wire.ParsePattern(s)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for _, tt := range []struct {
		pattern    wire.Pattern
		reply      string
		want, came string
		why        string
	}{
		{pattern("554"), "454 4.7.1 no", "[554]", "[454] 4.7.1 no", "another code"},
		{pattern("554 5.7.1"), "550 5.7.1 no", "[554] 5.7.1", "[550] 5.7.1 no", "the code alone"},
		{pattern("554 5.7.1"), "554 5.7.0 no", "554 [5.7.1]", "554 [5.7.0] no", "the enhanced status alone"},
		{pattern("554 5.7.1"), "554 no", "554 [5.7.1]", "554 no", "an enhanced status that is not there"},
		{pattern("554 5.7.1 relay"), "554 5.7.1 no", `554 5.7.1 [with the text "relay"]`, "554 5.7.1 [no]", "the text alone"},
		{pattern("250 x"), "250-2.0.0 a\r\n250 2.0.0 b", `250 [with the text "x"]`, "250-2.0.0 [a]\n250 2.0.0 [b]", "the text of every line"},
		{pattern("550"), "250-2.0.0 a\r\n250 2.0.0 b", "[550]", "[250]-2.0.0 a\n250 2.0.0 b", "the code once"},
		{pattern("250 2.1.0"), "250-a\r\n250 2.0.0 b", "250 [2.1.0]", "250-a\n250 [2.0.0] b", "an enhanced status on the last line only"},
		{pattern("250"), "250 ok", "250", "250 ok", "what matches"},
		{wire.Pattern{Any: []wire.Pattern{{Code: "250"}, {Code: "550", Enhanced: "5.1.1"}}}, "550 5.7.1 no", "[250] or 550 [5.1.1]", "550 [5.7.1] no", "what keeps it from the nearest"},
		{wire.Pattern{Any: []wire.Pattern{{Code: "250"}, {Code: "251"}}, Text: "x"}, "251 y", `[250] or 251, [with the text "x"]`, "251 [y]", "what is said of all"},
		{wire.Pattern{Code: "250", Match: regexp.MustCompile("^q")}, "250 ok", "250 [with a text that matches /^q/]", "250 [ok]", "a regular expression"},
		{wire.Pattern{Code: "334", Challenge: &challenge}, "334 eA==", `334 [with the challenge "Username:"]`, "334 [eA==]", "a challenge"},
		{pattern("220 x"), "220", `220 [with the text "x"]`, "220", "a reply without a text"},
	} {
		r, err := wire.ParseReply([]byte(tt.reply + "\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		want, came := tt.pattern.Differences(r)
		if got := bracketed(tt.pattern.String(), want); got != tt.want {
			t.Errorf("%s: expected %s, want %s", tt.why, got, tt.want)
		}
		if got := bracketed(r.String(), came); got != tt.came {
			t.Errorf("%s: got %q, want %q", tt.why, got, tt.came)
		}
	}
}
