package wire_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"smtplay/engine/wire"
)

const none = wire.Deviations(0)

// longest is a line of n bytes with its CRLF.
func longest(head string, n int) string { return head + strings.Repeat("a", n-len(head)-2) + "\r\n" }

// full is a reply of exactly MaxReply bytes.
func full() string {
	line := longest("250-", wire.MaxLine)
	all := strings.Repeat(line, wire.MaxReply/wire.MaxLine-1)
	return all + longest("250 ", wire.MaxReply-len(all))
}

var replies = []struct {
	raw  string
	code int // 0: malformed
	dev  wire.Deviations
	kind wire.Malformation
	line int
	why  string
}{
	{"220 mail ESMTP\r\n", 220, none, 0, 0, "the plainest reply"},
	{"250-a\r\n250-b\r\n250 c\r\n", 250, none, 0, 0, "three lines are one reply"},
	{"250\r\n", 250, none, 0, 0, "RFC 5321 4.2: a code alone is a reply"},
	{"250-a\r\n250\r\n", 250, none, 0, 0, "and may end one of several lines"},
	{"250 \r\n", 250, none, 0, 0, "no text after the blank"},
	{"250-\r\n250 \r\n", 250, none, 0, 0, "no text in any line"},
	{"200 x\r\n", 200, none, 0, 0, "the lowest code"},
	{"599 x\r\n", 599, none, 0, 0, "the highest code"},
	{"250 ok\n", 250, wire.BareLF, 0, 0, "a bare LF is noted, not failed"},
	{"250-a\r\n250 b\n", 250, wire.BareLF, 0, 0, "one line of two"},
	{"250\n", 250, wire.BareLF, 0, 0, "a code alone with a bare LF"},
	{"250 \xe9\r\n", 250, wire.EightBit, 0, 0, "Latin-1 is noted"},
	{"250 \x00\r\n", 250, wire.Control, 0, 0, "NUL is a control character, not an end"},
	{"250 a\tb\r\n", 250, none, 0, 0, "RFC 5321 4.2: textstring may hold a tab"},
	{"250 \x1b[31m\r\n", 250, wire.Control, 0, 0, "an escape sequence"},
	{"250 \x7f\r\n", 250, wire.Control, 0, 0, "DEL is a control character"},
	{"550 5.1.1 no\r\n", 550, none, 0, 0, "an enhanced code of its class"},
	{"550 4.1.1 no\r\n", 550, wire.EnhancedMismatch, 0, 0, "RFC 2034 4: the class is that of the code"},
	{"550-5.1.1 a\r\n550 5.1.2 b\r\n", 550, wire.EnhancedMismatch, 0, 0, "RFC 2034 4: the same on every line"},
	{"550-a\r\n550 5.1.1 b\r\n", 550, none, 0, 0, "on the last line only, as some servers have it"},
	{"354 5.1.1 go\r\n", 354, none, 0, 0, "a 3xx has no enhanced code: that is text"},
	{"250 2.0.0ok\r\n", 250, none, 0, 0, "no blank after it: text"},
	{"250-ok\xff\x01\n250 x\n", 250, wire.BareLF | wire.EightBit | wire.Control, 0, 0, "several at once"},
	{longest("250 ", wire.MaxLine), 250, none, 0, 0, "the longest line"},
	{full(), 250, none, 0, 0, "the longest reply"},

	{"", 0, none, wire.Unfinished, 1, "nothing came"},
	{"2", 0, none, wire.Unfinished, 1, "may become a reply"},
	{"250", 0, none, wire.Unfinished, 1, "a code may go on"},
	{"250 ok", 0, none, wire.Unfinished, 1, "no line end"},
	{"250 ok\r", 0, none, wire.Unfinished, 1, "a CR may be half a line end"},
	{"250-a\r\n", 0, none, wire.Unfinished, 2, "another line was promised"},
	{"\r\n", 0, none, wire.BadCode, 1, "an empty line"},
	{"\n", 0, none, wire.BadCode, 1, "an empty line, bare"},
	{"hello\r\n", 0, none, wire.BadCode, 1, "no code"},
	{"25\r\n", 0, none, wire.BadCode, 1, "two digits"},
	{"25 ok\r\n", 0, none, wire.BadCode, 1, "two digits and text"},
	{"150 x\r\n", 0, none, wire.BadCode, 1, "1xx is FTP's"},
	{"654 x\r\n", 0, none, wire.BadCode, 1, "6xx does not exist"},
	{" 250 x\r\n", 0, none, wire.BadCode, 1, "a blank before it"},
	{"\x00250 x\r\n", 0, none, wire.BadCode, 1, "NUL before it"},
	{"2\xb50 x\r\n", 0, none, wire.BadCode, 1, "an 8-bit digit"},
	{"h", 0, none, wire.BadCode, 1, "told at once, not after a timeout"},
	{"2501 x\r\n", 0, none, wire.BadSeparator, 1, "four digits"},
	{"250ok\r\n", 0, none, wire.BadSeparator, 1, "text right after the code"},
	{"250\tok\r\n", 0, none, wire.BadSeparator, 1, "a tab is no blank"},
	{"250\x00ok\r\n", 0, none, wire.BadSeparator, 1, "NUL is no blank"},
	{"250\r", 0, none, wire.Unfinished, 1, "the LF may come"},
	{"250\rx", 0, none, wire.BareCR, 1, "it did not"},
	{"250 a\rb\r\n", 0, none, wire.BareCR, 1, "a CR within the text"},
	{"250 a\r\r\n", 0, none, wire.BareCR, 1, "CR CR LF"},
	{"250-a\r\n250 b\rc", 0, none, wire.BareCR, 2, "before the line is whole"},
	{"250-a\r\n251 b\r\n", 0, none, wire.MixedCodes, 2, "two codes in one reply"},
	{"250-a\r\n26", 0, none, wire.MixedCodes, 2, "told at the first digit that differs"},
	{"250-a\r\n26\r\n", 0, none, wire.MixedCodes, 2, "the digit comes before the line end that is wrong too"},
	{"250-a\r\nb\r\n", 0, none, wire.BadCode, 2, "a continuation without code"},
	{"250-a\r\n\r\n", 0, none, wire.BadCode, 2, "an empty continuation"},
	{"250 a\r\n250 b\r\n", 0, none, wire.Trailing, 2, "two replies are not one"},
	{"250 a\r\n\x00", 0, none, wire.Trailing, 2, "one byte too many"},
	{longest("250 ", wire.MaxLine+1), 0, none, wire.LineTooLong, 1, "one byte beyond the limit"},
	{"250 " + strings.Repeat("a", wire.MaxLine), 0, none, wire.LineTooLong, 1, "without an end"},
	{"x" + strings.Repeat("a", wire.MaxLine) + "\r\n", 0, none, wire.BadCode, 1, "the code is wrong before the line is too long"},
	{"250 a\rb" + strings.Repeat("a", wire.MaxLine) + "\n", 0, none, wire.BareCR, 1, "and so is a bare CR"},
	{"250" + full()[3:wire.MaxReply-wire.MaxLine] + longest("250-", wire.MaxLine) + "250 \r\n", 0, none, wire.ReplyTooLong, 17, "the line after the last allowed byte"},
	{strings.Repeat("250-\r\n", 1<<18), 0, none, wire.ReplyTooLong, wire.MaxReply/6 + 1, "without an end"},
}

func TestReplies(t *testing.T) {
	for _, tt := range replies {
		r, err := wire.ParseReply([]byte(tt.raw))
		var bad *wire.MalformedError
		switch {
		case tt.code == 0:
			if !errors.As(err, &bad) || bad.Kind != tt.kind || bad.Line != tt.line {
				t.Errorf("%.40q: got %v, want %v on line %d (%s)", tt.raw, err, tt.kind, tt.line, tt.why)
			}
		case err != nil:
			t.Errorf("%.40q: %v (%s)", tt.raw, err, tt.why)
		case r.Code != tt.code || r.Deviations != tt.dev || string(r.Raw) != tt.raw:
			t.Errorf("%.40q: got %d, %q, want %d, %q (%s)", tt.raw, r.Code, r.Deviations, tt.code, tt.dev, tt.why)
		}
		checkPieces(t, []byte(tt.raw), 1+len(tt.raw)/7)
		if len(tt.raw) < 100 {
			checkPieces(t, []byte(tt.raw), 1)
		}
	}
}

// scan feeds raw in pieces of size bytes.
func scan(raw []byte, size int) string {
	var s wire.Scanner
	for end := 0; ; {
		end = min(end+size, len(raw))
		n, err := s.Scan(raw[:end:end])
		if err != nil {
			return err.Error()
		}
		if n > 0 {
			r := s.Reply(raw[:n])
			return fmt.Sprintf("%d bytes: %d, %v, %q, %q", n, r.Code, r.Deviations, r.Enhanced(), r.Lines())
		}
		if end == len(raw) {
			return "unfinished"
		}
	}
}

func checkPieces(t *testing.T, raw []byte, size int) {
	t.Helper()
	whole := scan(raw, max(1, len(raw)))
	if got := scan(raw, size); got != whole {
		t.Errorf("%.60q in pieces of %d: %.200s; in one: %.200s", raw, size, got, whole)
	}
}

// FuzzScanner: bytes mean the same in whatever pieces they come, and what is
// accepted is a reply by itself too.
func FuzzScanner(f *testing.F) {
	for _, tt := range replies {
		if len(tt.raw) < 1000 {
			f.Add([]byte(tt.raw), uint8(3))
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte, size uint8) {
		checkPieces(t, raw, 1)
		checkPieces(t, raw, 1+int(size))
		var s wire.Scanner
		n, err := s.Scan(raw)
		if err != nil || n == 0 {
			return
		}
		reply := s.Reply(raw[:n])
		first, again := &reply, must(t, string(raw[:n]))
		if again.Code != first.Code || again.Deviations != first.Deviations || !bytes.Equal(again.Raw, first.Raw) {
			t.Errorf("%q: %+v, and by itself %+v", raw[:n], first, again)
		}
		if len(again.Lines()) != bytes.Count(raw[:n], []byte("\n")) {
			t.Errorf("%q has the lines %q", raw[:n], again.Lines())
		}
		if strings.Contains(again.Text(), "\r") || strings.HasSuffix(again.String(), "\n") {
			t.Errorf("line ends in %q or %q", again.Text(), again.String())
		}
	})
}

func must(t testing.TB, raw string) *wire.Reply {
	t.Helper()
	r, err := wire.ParseReply([]byte(raw))
	if err != nil {
		t.Fatalf("%q: %v", raw, err)
	}
	return r
}

func TestReplyParts(t *testing.T) {
	for _, tt := range []struct {
		raw, enhanced string
		lines         []string
		why           string
	}{
		{"250 2.1.0 Ok\r\n", "2.1.0", []string{"Ok"}, "taken off the text"},
		{"250-2.1.0 a\r\n250 2.1.0 b\r\n", "2.1.0", []string{"a", "b"}, "off every line"},
		{"550-a\r\n550 5.7.1 b\r\n", "5.7.1", []string{"a", "b"}, "the first that there is"},
		{"550 5.7.1\r\n", "5.7.1", []string{""}, "alone"},
		{"550 5.7.123  a\r\n", "5.7.123", []string{" a"}, "one blank goes with it"},
		{"550 5.7.1234 a\r\n", "", []string{"5.7.1234 a"}, "RFC 3463 2: three digits at most"},
		{"550 5.7.1\ta\r\n", "", []string{"5.7.1\ta"}, "RFC 2034 4: a blank follows"},
		{"550 3.7.1 a\r\n", "", []string{"3.7.1 a"}, "RFC 2034 4: the classes are 2, 4, 5"},
		{"550 5..1 a\r\n", "", []string{"5..1 a"}, "a part without digits"},
		{"550 5.7 a\r\n", "", []string{"5.7 a"}, "two parts"},
		{"334 2.0.0\r\n", "", []string{"2.0.0"}, "a challenge has none"},
		{"250\r\n", "", []string{""}, "no text"},
		{"250-\n250 x\n", "", []string{"", "x"}, "bare LF"},
	} {
		r := must(t, tt.raw)
		if r.Enhanced() != tt.enhanced || !slices.Equal(r.Lines(), tt.lines) {
			t.Errorf("%q: got %q, %q, want %q, %q (%s)", tt.raw, r.Enhanced(), r.Lines(), tt.enhanced, tt.lines, tt.why)
		}
	}
	if got := must(t, "250-a\r\n250 b\n").String(); got != "250-a\n250 b" {
		t.Errorf("String: %q", got)
	}
}

func TestChallenge(t *testing.T) {
	for _, tt := range []struct{ raw, want, fault, why string }{
		{"334 VXNlcm5hbWU6\r\n", "Username:", "", "as Postfix asks"},
		{"334 \r\n", "", "", "RFC 4954 4: an empty challenge"},
		{"334\r\n", "", "", "without the blank"},
		{"334 AP8=\r\n", "\x00\xff", "", "any bytes"},
		{"250 VXNlcm5hbWU6\r\n", "", "a 250 is no challenge", "another code"},
		{"334 Username:\r\n", "", "not base64", "clear text"},
		{"334 VXNlcm5hbWU6 \r\n", "", "not base64", "a blank after it"},
		{"334 VXNlcm5hbWU\r\n", "", "not base64", "no padding"},
		{"334 QUJ=\r\n", "", "not base64", "bits behind the end"},
		{"334-VXNl\r\n334 cm5hbWU6\r\n", "", "more than one line", "a challenge is one line, whatever the decoder passes over"},
		{"334 " + strings.Repeat("é", 100) + "\r\n", "", "not base64 (200 characters)", "the error text is short"},
	} {
		got, err := must(t, tt.raw).Challenge()
		if tt.fault == "" && (err != nil || string(got) != tt.want) || tt.fault != "" && (err == nil || !strings.Contains(err.Error(), tt.fault)) {
			t.Errorf("%q: got %q, %v, want %q, %q (%s)", tt.raw, got, err, tt.want, tt.fault, tt.why)
		}
	}
}

func TestFaultsInWords(t *testing.T) {
	for k := wire.BadCode; k <= wire.Trailing; k++ {
		if k.String() == "" {
			t.Errorf("the malformation %d has no words", k)
		}
	}
	if got := (&wire.MalformedError{Kind: wire.BareCR, Line: 1}).Error(); got != "malformed reply: a CR without LF" {
		t.Error(got)
	}
	if got := (&wire.MalformedError{Kind: wire.BareCR, Line: 2}).Error(); got != "malformed reply, line 2: a CR without LF" {
		t.Error(got)
	}
	if got := (wire.BareLF | wire.EightBit).String(); got != "a line ends in a bare LF, 8-bit text" {
		t.Error(got)
	}
}

func BenchmarkScanner(b *testing.B) {
	ehlo := []byte("250-mail.example.com\r\n250-PIPELINING\r\n250-SIZE 30720000\r\n250-STARTTLS\r\n250-AUTH PLAIN LOGIN\r\n250-ENHANCEDSTATUSCODES\r\n250 DSN\r\n")
	for name, raw := range map[string][]byte{"line": []byte("250 2.1.5 Ok\r\n"), "ehlo": ehlo, "longest": []byte(full())} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				var s wire.Scanner
				if n, err := s.Scan(raw); n != len(raw) || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
	b.Run("trickled", func(b *testing.B) { // one byte a read
		raw := []byte(longest("250 ", wire.MaxLine))
		b.SetBytes(int64(len(raw)))
		for b.Loop() {
			var s wire.Scanner
			for i := range raw {
				s.Scan(raw[:i+1])
			}
		}
	})
}
