package wire_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"smtplay/engine/wire"
)

func TestVerb(t *testing.T) {
	for _, tt := range []struct{ line, want, why string }{
		{"mail from:<a@b>", "MAIL", "any case"},
		{"QUIT", "QUIT", "alone"},
		{"QUIT\r\n", "QUIT", "with its line end"},
		{"ehlo\tx", "EHLO", "a tab"},
		{".", ".", "the lone dot"},
		{"", "", "nothing"},
		{" QUIT", "", "a blank first: there is no verb"},
		{"ſtarttls", "ſTARTTLS", "no STARTTLS for a letter that Unicode would make an S"},
		{"x\xffy", "X\xffY", "bytes stay"},
	} {
		if got := wire.Verb(tt.line); got != tt.want {
			t.Errorf("%q: got %q, want %q (%s)", tt.line, got, tt.want, tt.why)
		}
	}
}

var texts = []struct{ text, crlf, message, why string }{
	{"", "", ".\r\n", "no text"},
	{"a", "a\r\n", "a\r\n.\r\n", "the last line end is added"},
	{"a\r\n", "a\r\n", "a\r\n.\r\n", "and not twice"},
	{"a\n", "a\r\n", "a\r\n.\r\n", "LF"},
	{"a\r", "a\r\n", "a\r\n.\r\n", "CR"},
	{"a\n\rb", "a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n.\r\n", "LF CR are two"},
	{"a\r\r\nb", "a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n.\r\n", "CR CRLF are two"},
	{".", ".\r\n", "..\r\n.\r\n", "RFC 5321 4.5.2: a lone dot in the text"},
	{"..", "..\r\n", "...\r\n.\r\n", "one more, not twice as many"},
	{"a\n.b", "a\r\n.b\r\n", "a\r\n..b\r\n.\r\n", "where a line begins with it"},
	{"a\r.b", "a\r\n.b\r\n", "a\r\n..b\r\n.\r\n", "after what was a bare CR too"},
	{"a.b", "a.b\r\n", "a.b\r\n.\r\n", "not within a line"},
	{"\n", "\r\n", "\r\n.\r\n", "an empty line"},
	{"a\x00\xff\n", "a\x00\xff\r\n", "a\x00\xff\r\n.\r\n", "any bytes"},
}

func TestText(t *testing.T) {
	for _, tt := range texts {
		if got := wire.AppendCRLF([]byte("x"), []byte(tt.text)); string(got) != "x"+tt.crlf {
			t.Errorf("AppendCRLF %q: got %q (%s)", tt.text, got, tt.why)
		}
		if got := wire.AppendMessage([]byte("x"), []byte(tt.text)); string(got) != "x"+tt.message {
			t.Errorf("AppendMessage %q: got %q (%s)", tt.text, got, tt.why)
		}
	}
}

// FuzzMessage: a server that reads the message back, as RFC 5321 4.5.2 says,
// has the text that was given, and nothing is left over.
func FuzzMessage(f *testing.F) {
	for _, tt := range texts {
		f.Add([]byte(tt.text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		sent := wire.AppendMessage(nil, text)
		var got []byte
		for line := range bytes.Lines(sent) {
			body, ok := bytes.CutSuffix(line, []byte("\r\n"))
			if !ok || bytes.ContainsAny(body, "\r\n") {
				t.Fatalf("%q was sent as %q", text, sent)
			}
			if string(body) == "." {
				break
			}
			got = append(append(got, bytes.TrimPrefix(body, []byte("."))...), "\r\n"...)
		}
		want := wire.AppendCRLF(nil, text)
		if !bytes.Equal(got, want) || !bytes.HasSuffix(sent, []byte(".\r\n")) || len(sent) < len(want)+3 {
			t.Errorf("%q was sent as %q and read as %q", text, sent, got)
		}
	})
}

func TestXtext(t *testing.T) {
	for _, tt := range []struct{ s, want, why string }{
		{"james@new.example.com", "james@new.example.com", "printable ASCII stays"},
		{"a+b=c", "a+2Bb+3Dc", "RFC 3461 4: + and ="},
		{"a b\t", "a+20b+09", "blanks"},
		{"ä", "+C3+A4", "byte by byte, upper case"},
		{"!~", "!~", "the first and the last"},
		{"\x00\x7f", "+00+7F", "control characters"},
		{"", "", "nothing"},
	} {
		if got := wire.Xtext(tt.s); got != tt.want {
			t.Errorf("%q: got %q, want %q (%s)", tt.s, got, tt.want, tt.why)
		}
	}
}

func TestPath(t *testing.T) {
	for _, tt := range []struct{ s, want, why string }{
		{"a@b", "<a@b>", "an address"},
		{"", "<>", "the null reverse-path"},
		{"<a@b>", "<a@b>", "as written"},
		{"<@x:a@b>", "<@x:a@b>", "a source route, as written"},
		{`"a>"@b`, `<"a>"@b>`, "one sign is not both"},
		{"<", "<<>", "nor here"},
	} {
		if got := wire.Path(tt.s); got != tt.want {
			t.Errorf("%q: got %q, want %q (%s)", tt.s, got, tt.want, tt.why)
		}
	}
	if got := wire.Path(strings.Repeat("a", 3)); got != "<aaa>" {
		t.Error(got)
	}
}

func TestUTF8Xtext(t *testing.T) {
	for _, tt := range []struct{ s, want, why string }{
		{"james@new.example.com", "james@new.example.com", "printable ASCII stays"},
		{"jürgen@example.com", `j\x{FC}rgen@example.com`, "character by character"},
		{"日@example.com", `\x{65E5}@example.com`, "as many digits as it takes"},
		{`a+b=c\d e`, `a\x{2B}b\x{3D}c\x{5C}d\x{20}e`, "RFC 6533 3: +, =, the backslash and blanks"},
		{"\x00\x7f", `\x{00}\x{7F}`, "control characters"},
		{"", "", "nothing"},
	} {
		if got := wire.UTF8Xtext(tt.s); got != tt.want {
			t.Errorf("%q: got %q, want %q (%s)", tt.s, got, tt.want, tt.why)
		}
	}
}

// The time is that of the text's length, whichever line ends it has: nothing ends
// the work once it has begun, the time of a test neither.
func TestLineEndsTakeLinearTime(t *testing.T) {
	for _, end := range []string{"\r", "\n", "\r\n"} {
		text, begun := strings.Repeat(end, 1<<20), time.Now()
		wire.AppendMessage(nil, text)
		if took := time.Since(begun); took > 3*time.Second { // it is some 10 ms
			t.Errorf("a million of %q took %v", end, took)
		}
	}
}
