package transcript_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"testing"

	"smtplay/engine/transcript"
)

// kept is a Recorder that keeps all it gets.
type kept []transcript.Event

func (k *kept) Record(e transcript.Event) {
	e.Data, e.Spans = bytes.Clone(e.Data), append([]transcript.Span(nil), e.Spans...)
	*k = append(*k, e)
}

// recorded is what a log makes of data.
func recorded(r *transcript.Redactor, data []byte, spans ...transcript.Span) transcript.Event {
	var k kept
	log := &transcript.Log{Redactor: r, Next: []transcript.Recorder{&k}}
	log.Record(transcript.Event{Conn: 1, Kind: transcript.Server, Data: data, Spans: spans})
	return k[0]
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

var redactions = []struct {
	secrets map[string]string
	text    string
	want    string
	why     string
}{
	{map[string]string{"p": "hunter2"}, "x hunter2 y", "x [secret:p] y", "as it is"},
	{map[string]string{"p": "hunter2"}, "hunter hunter", "hunter hunter", "a part of it is not it"},
	{map[string]string{"p": "hunter2"}, b64("hunter2"), "[secret:p]", "base64"},
	{map[string]string{"p": "hunter2"}, "AUTH " + b64("a:hunter2") + " x", "AUTH [secret:p] x", "base64 at an offset of 2"},
	{map[string]string{"p": "hunter2"}, b64("ab:hunter2:cd"), "[secret:p]", "base64 at an offset of 3, all of the word"},
	{map[string]string{"p": "hunter2"}, b64("x:y:hunter2:cd"), "[secret:p]", "base64 at an offset of 4"},
	{map[string]string{"p": "hunter2"}, base64.RawURLEncoding.EncodeToString([]byte("\xff\xfe:hunter2")), "[secret:p]", "base64url without padding"},
	{map[string]string{"p": "\xfb\xff\xbf"}, "-_-_", "[secret:p]", "base64url of a secret"},
	{map[string]string{"p": "\xfb\xff\xbf"}, "+/+/", "[secret:p]", "and the other alphabet"},
	{map[string]string{"p": "hunter2"}, "user=" + b64("hunter2"), "user=[secret:p]", "an = before base64 is not of it"},
	{map[string]string{"p": "hunter2"}, "AUTH PLAIN " + b64("\x00james@x\x00hunter2"), "AUTH PLAIN [sasl user=james@x secret=p]", "a PLAIN message by what made it"},
	{map[string]string{"p": "hunter2"}, b64("boss\x00a b\x00hunter2"), "[sasl identity=boss user=a%20b secret=p]", "with an identity; blanks escaped"},
	{map[string]string{"p": "hunter2"}, b64("a\x00b\x00hunter2x"), "[secret:p]", "another password that begins alike"},
	{map[string]string{"p": "hunter2", "q": "james"}, b64("\x00james\x00hunter2"), "[sasl user=%5Bsecret:q%5D secret=p]", "a user who is secret is masked in the mask"},
	{map[string]string{"p": "hunter2"}, b64("\x00hunter2\x00hunter2"), "[sasl user=%5Bsecret:p%5D secret=p]", "or whose name is the password"},
	{map[string]string{"p": "hunter2"}, "x68756E746572320a", "x[secret:p]0a", "hexadecimal in either case"},
	{map[string]string{"p": "hunter2"}, "a68756e74657232", "a[secret:p]", "at an odd place"},
	{map[string]string{"p": "p@ss/1"}, "u:p%40ss%2f1@h", "u:[secret:p]@h", "percent-encoded"},
	{map[string]string{"p": "p@ss/1"}, "%70%40%73%73%2F%31", "[secret:p]", "every byte of it"},
	{map[string]string{"p": "p%41"}, "p%2541", "[secret:p]", "a secret that looks encoded"},
	{map[string]string{"p": "p=41%41"}, "p=3D41%41", "[secret:p]", "quoted-printable alone, with what another escape would take"},
	{map[string]string{"p": "hunter2"}, "hun=\r\nter2", "[secret:p]=\r\n[secret:p]", "a soft line break"},
	{map[string]string{"p": "a+b=c"}, "AUTH=a+2Bb+3Dc", "AUTH=[secret:p]", "xtext"},
	{map[string]string{"p": "pä\"\n"}, `"p\u00e4\"\n"`, `"[secret:p]"`, "as JSON or Go writes it"},
	{map[string]string{"p": "pä\\"}, `p\xc3\xa4\\`, `[secret:p]`, "as a .smtp file writes it"},
	{map[string]string{"p": "hunter2"}, `\104\117nter\50`, `[secret:p]`, "as Lua may write it"},
	{map[string]string{"p": "hunter2"}, `\150\165nter2`, `[secret:p]`, "as C may write it"},
	{map[string]string{"p": "a\nb"}, "x a\r\nb y", "x [secret:p] y", "line ends as on the wire"},
	{map[string]string{"p": "hunter2"}, "250-aHVu\r\n250 dGVyMg==\r\n", "250-[secret:p]\r\n250 [secret:p]\r\n", "base64 wrapped over the lines of a reply"},
	{map[string]string{"p": "hunter2"}, "250-2.1.0 aHVu\r\n250 2.1.0 dGVyMg==\r\n", "250-2.1.0 [secret:p]\r\n250 2.1.0 [secret:p]\r\n", "with enhanced status codes"},
	{map[string]string{"p": "hunter2"}, "QUJDREVGR0h1bn\r\n Rlcg==\r\naHVu\r\ndGVyMg==\r\n", "QUJDREVGR0h1bn\r\n Rlcg==\r\n[secret:p]\r\n[secret:p]\r\n", "wrapped as in a message"},
	{map[string]string{"p": "hunter2"}, "250-hun\r\n250 ter2\r\n", "250-[secret:p]\r\n250 [secret:p]\r\n", "as it is, wrapped"},
	{map[string]string{"p": "hunter2"}, "250-aHVudGVyMg==\r\n", "250-[secret:p]\r\n", "the code of a reply is no base64"},
	{map[string]string{"p": "hun ter"}, "Subject: x hun\r\n ter y\r\n", "Subject: x [secret:p]\r\n[secret:p] y\r\n", "a folded field, whose blank is the secret's"},
	{map[string]string{"p": "hun ter=2"}, "Subject: =?utf-8?q?=C3=BChun_ter=3D2?= x\r\n", "Subject: =?utf-8?q?=C3=BC[secret:p]?= x\r\n", "an encoded word"},
	{map[string]string{"p": "hunter2"}, "Subject: =?utf-8?q?=C3=BChun?=\r\n =?utf-8?Q?ter2?= x\r\n", "Subject: =?utf-8?q?=C3=BC[secret:p]?=\r\n =?utf-8?Q?[secret:p]?= x\r\n", "two of them: the blanks between are nothing"},
	{map[string]string{"p": "hun ter"}, "=?utf-8?q?=C3=BC?= hun\r\n\tter =?x?q?", "=?utf-8?q?=C3=BC?= hun\r\n\tter =?x?q?", "a tab is no blank"},
	{map[string]string{"p": "a\nb"}, b64("x a\r\nb y"), "[secret:p]", "line ends as on the wire, in base64"},
	{map[string]string{"p": "aba"}, "xababax", "x[secret:p]x", "places that overlap leave nothing"},
	{map[string]string{"p": "abcd", "q": "cdef"}, "xabcdefx", "x[secret:p]x", "secrets that overlap: the first"},
	{map[string]string{"p": "abc", "q": "bcdefg"}, "xabcdefgx", "x[secret:q]x", "secrets that overlap: the one that covers more"},
	{map[string]string{"p": "pass", "q": "password"}, "password pass", "[secret:q] [secret:p]", "one begins the other"},
	{map[string]string{"p": "a.*+?["}, "xa.*+?[", "x[secret:p]", "no regular expression"},
	{map[string]string{"p": "\xff\xfe"}, "a\xff\xfeb", "a[secret:p]b", "not UTF-8"},
	{map[string]string{"p": "7"}, "a7b", "a[secret:p]b", "one byte"},
	{map[string]string{"p": "k9"}, "k9 " + b64("k9"), "[secret:p] [secret:p]", "two bytes"},
	{map[string]string{"p": "k9z"}, b64("xk9z"), "[secret:p]", "three bytes"},
	{map[string]string{"a b[c]": "hunter2"}, "hunter2", "[secret:a_b_c_]", "a name that has no place in a mask"},
	{map[string]string{"": "hunter2"}, "hunter2", "[secret:_]", "no name"},
	{map[string]string{"p": ""}, "x", "x", "an empty secret is none"},
	{map[string]string{"password": "password"}, "my password", "my [secret:password]", "called by its own value"},
}

func TestRedaction(t *testing.T) {
	for _, tt := range redactions {
		r := &transcript.Redactor{}
		for _, name := range []string{"", "a b[c]", "p", "q", "password"} {
			if value, ok := tt.secrets[name]; ok {
				r.Add(name, value)
			}
		}
		if got := r.String(tt.text); got != tt.want {
			t.Errorf("%q: got %q, want %q (%s)", tt.text, got, tt.want, tt.why)
		}
		if got := recorded(r, []byte(tt.text)); string(got.Data) != tt.want {
			t.Errorf("%q: recorded %q, want %q (%s)", tt.text, got.Data, tt.want, tt.why)
		}
		if got := r.String(r.String(tt.text)); got != tt.want {
			t.Errorf("%q: masked twice: %q (%s)", tt.text, got, tt.why)
		}
		if held := r.HoldsSecret([]byte(tt.text)) != ""; held != (tt.want != tt.text) {
			t.Errorf("%q: HoldsSecret says %v (%s)", tt.text, held, tt.why)
		}
	}
}

func TestMaskedTwice(t *testing.T) {
	r := &transcript.Redactor{}
	r.Add("password", "password")
	r.Add("s", "sasl")
	r.Add("u", "user")
	r.AddToken("unique", "unique")
	for _, tt := range []struct{ text, want, why string }{
		{"[secret:password]", "[secret:password]", "its own mask"},
		{"[sasl user=james secret=password]", "[sasl user=james secret=password]", "a SASL mask"},
		{"[sasl identity=x user=password secret=u]", "[sasl identity=x user=[secret:password] secret=u]", "but not the user in it"},
		{"[sasl colour=password]", "[sasl colour=[secret:password]]", "nor what no mask of ours has"},
		{"[secret:other-password]", "[[secret:other-password]]", "a mask that nobody here writes hides nothing"},
		{"[unique]", "[unique]", "a token's"},
		{"[password] sasl", "[[secret:password]] [secret:s]", "a word in brackets"},
	} {
		want := strings.Replace(tt.want, "[[secret:other-password]]", "[secret:other-[secret:password]]", 1)
		if got := r.String(tt.text); got != want {
			t.Errorf("%q: got %q, want %q (%s)", tt.text, got, want, tt.why)
		}
	}
}

func TestNames(t *testing.T) {
	parent := &transcript.Redactor{}
	parent.Add("declared", "s3cret")
	r := &transcript.Redactor{Parent: parent}
	r.AddSeen("password", "s3cret") // keeps the declared name
	r.AddSeen("password", "seen")
	r.AddToken("Unique ID", "abcdef")
	for _, tt := range []struct{ text, masked, name, held, why string }{
		{"s3cret", "[secret:declared]", "declared", "declared", "the parent's"},
		{"seen", "[secret:password]", "password", "", "hidden, not guarded"},
		{"abcdef", "[unique-id]", "", "", "a token is no secret"},
		{b64("abcdef"), b64("abcdef"), "", "", "and not looked for in encodings"},
		{"other", "other", "", "", "unknown"},
	} {
		if m, n, h := r.String(tt.text), r.NameOf(tt.text), r.HoldsSecret([]byte(tt.text)); m != tt.masked || n != tt.name || h != tt.held {
			t.Errorf("%q: got %q, %q, %q, want %q, %q, %q (%s)", tt.text, m, n, h, tt.masked, tt.name, tt.held, tt.why)
		}
	}
	r.Add("late", "seen")
	r.Add("late", "abcdef")
	if r.HoldsSecret([]byte("seen")) != "password" || r.NameOf("seen") != "password" {
		t.Error("a password that was declared later is not guarded, or lost its name")
	}
	if got := r.String(b64("abcdef")); got != "[secret:unique-id]" { // it is another in every run
		t.Errorf("a token that became a secret: %q", got)
	}
	r.AddToken("7 up", "xyz")
	if got := r.String("xyz"); got != "[token7-up]" {
		t.Errorf("a token's name: %q", got)
	}
	var none *transcript.Redactor
	none.Add("x", "y")
	if none.String("y") != "y" || none.HoldsSecret([]byte("y")) != "" || none.NameOf("y") != "" || none.Spans([]byte("y")) != nil {
		t.Error("nil is not harmless")
	}
}

func TestMarkedSpans(t *testing.T) {
	r := &transcript.Redactor{}
	r.Add("p", "hunter2")
	r.AddToken("unique", "qwerty")
	line := "AUTH PLAIN " + b64("\x00u-qwerty\x00hunter2")
	e := recorded(r, []byte(line+"\r\n"), transcript.Span{Start: 11, End: len(line), Mask: transcript.SASLMask("", "u-qwerty", "p")})
	if want := "AUTH PLAIN [sasl user=u-%5Bunique%5D secret=p]\r\n"; string(e.Data) != want {
		t.Errorf("got %q, want %q", e.Data, want)
	}
	e = recorded(r, []byte("x hunter2y z"), transcript.Span{Start: 7, End: 10, Mask: "secret:q"})
	if want := "x [secret:p] z"; string(e.Data) != want {
		t.Errorf("a marked span that overlaps: got %q, want %q", e.Data, want)
	}
	e = recorded(nil, []byte("x hunter2"), transcript.Span{Start: 2, End: 9, Mask: "secret:q"})
	if want := "x [secret:q]"; string(e.Data) != want {
		t.Errorf("without a redactor: got %q, want %q", e.Data, want)
	}
}

func TestRedactorInParallel(t *testing.T) {
	parent := &transcript.Redactor{}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			r := &transcript.Redactor{Parent: parent}
			for n := range 50 {
				value := fmt.Sprintf("secret-%d-%d", i, n)
				parent.Add("p", value)
				r.Add("p", value+"-own")
				if got := r.String(b64(value)); got != "[secret:p]" {
					t.Errorf("%s: %q", value, got)
				}
			}
		})
	}
	all.Wait()
}

// What turns up in a run is not called by the name of another secret.
func TestNamesOfPasswords(t *testing.T) {
	declared := &transcript.Redactor{}
	declared.Add("password", "yourpassword")
	declared.Add("password", "another") // given twice: it is the caller's name
	r := &transcript.Redactor{Parent: declared}
	r.AddToken("unique", "abcdefgh")
	r.AddToken("unique", "ijklmnop")
	for _, password := range []string{"wrong-abcdefgh", "ijklmnop", "first", "second", "first", "yourpassword"} {
		r.Add("password", password)
	}
	r.AddSeen("pin", "1234")
	for value, want := range map[string]string{
		"yourpassword": "password", "another": "password", "first": "password-2", "second": "password-3", "1234": "pin",
		"wrong-abcdefgh": "unique", "ijklmnop": "unique",
	} {
		if got := r.NameOf(value); got != want {
			t.Errorf("%s is called %q, want %q", value, got, want)
		}
	}
	if got := r.String("abcdefgh ijklmnop wrong-abcdefgh first"); got != "[unique] [secret:unique] [secret:unique] [secret:password-2]" {
		t.Errorf("%s", got)
	}
}
