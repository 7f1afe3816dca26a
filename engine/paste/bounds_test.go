package paste

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"smtplay/engine/transcript"
)

// TestErrors: what cannot be read is said, with its line.
func TestErrors(t *testing.T) {
	header := transcript.Header + "\n"
	for _, tt := range []struct{ reason, text, want string }{
		{"nothing", "", "there is nothing to read"},
		{"prose", "Dear James,\n\nit does not work.\n", `line 1: no SMTP conversation was found in lines 1 to 3; the first that is said: "Dear James,"`},
		{"what to type", "\nehlo me\nmail from:<a@b>\n", `line 2: no SMTP conversation was found in lines 1 to 3; the first that is said: "ehlo me"`},
		{"a log that tells nothing", "Nov 23 21:52:06 maila postfix/smtpd[7]: connect from a[192.0.2.1]\n", "no SMTP conversation was found in line 1"},
		{"binary", "220 a\nehlo \x00\n", "line 2: this is binary, not text: it holds a NUL byte"},
		{"compressed", "\x1f\x8b\x08", "line 1: this is compressed"},
		{"UTF-16", "\xff\xfe2\x002\x000\x00", "line 1: this is UTF-16, not plain text"},
		{"a newer transcript", "smtplay transcript 2\nS: 220 a\n", `line 1: the transcript is of version "2", and this smtplay reads version 1`},
		{"one with other line ends", "smtplay transcript 1\r\nS: 220 a\r\n", "line 1: the transcript is damaged: its lines end in CRLF"},
		{"one without anything", header, "line 1: the transcript is cut off: there is no conversation in it"},
		{"one cut off", header + "* connect smtp\nS: 220 a\nC: EH", `line 4: the transcript is cut off: its last line has no end: "C: EH"`},
		{"one damaged", header + "* connect smtp\nS: 220 a\n* connect smtp\nS: 220 a\nX: what\n", `line 6: the transcript is damaged: a line begins with "C: ", "S: " or "* " and a word: "X: what\n"`},
		{"two joined, the second damaged", header + "S: 220 a\n" + header + "S: 220 \\z\n", `line 4: the transcript is damaged: after a backslash comes a backslash or xNN: "\\z"`},
	} {
		_, err := all(strings.NewReader(tt.text))
		var e *Error
		if !errors.As(err, &e) || err.Error() != tt.want {
			t.Errorf("%s: %v, want %s", tt.reason, err, tt.want)
		}
	}
	broken := errors.New("broken")
	if _, err := all(io.MultiReader(strings.NewReader("220 a\nehlo me\n250 a\n"), failing{broken})); !errors.Is(err, broken) {
		t.Errorf("a read that fails: %v", err)
	}
	sessions, err := all(io.MultiReader(strings.NewReader(header+"* connect smtp\nS: 220 a\n* connect smtp\nS: 2"), failing{io.EOF}))
	if err == nil || len(sessions) != 1 {
		t.Errorf("what came before the damage: %d sessions, %v", len(sessions), err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestStops: nobody has to want all of it.
func TestStops(t *testing.T) {
	text := strings.Repeat("220 a\nehlo me\n250 a\nquit\n221 bye\n", 5)
	for _, text := range []string{text, transcript.Header + "\n" + strings.Repeat("* connect smtp\nS: 220 a\n", 5)} {
		n := 0
		for range Sessions(strings.NewReader(text)) {
			if n++; n == 2 {
				break
			}
		}
		if n != 2 {
			t.Errorf("%d sessions", n)
		}
	}
}

// repeated is a text without end, of some bytes.
type repeated struct {
	text string
	left int
	at   int
}

func (r *repeated) Read(b []byte) (int, error) {
	if r.left <= 0 {
		return 0, io.EOF
	}
	n := 0
	for n < len(b) && n < r.left {
		m := copy(b[n:min(len(b), r.left)], r.text[r.at:])
		r.at = (r.at + m) % len(r.text)
		n += m
	}
	r.left -= n
	return n, nil
}

// TestMemory: a text costs no more than its longest conversation may, however
// long it is and whatever is in it.
func TestMemory(t *testing.T) {
	log := "Nov 23 21:52:06 maila postfix/smtpd[%d]: < a[192.0.2.1]: EHLO a\n"
	var processes strings.Builder
	for pid := range 20000 {
		fmt.Fprintf(&processes, log, pid)
		fmt.Fprintf(&processes, strings.Replace(log, "< a[192.0.2.1]: EHLO a", "> a[192.0.2.1]: 250 "+strings.Repeat("a", 500), 1), pid)
	}
	for _, tt := range []struct{ reason, head, text string }{
		{"sessions", "", "220 a\nehlo me\n250 a\nauth plain AGphbWVzAHB3b3JkMQ==\n235 ok\ndata\n354 go\nhi\n.\n250 ok\nquit\n221 bye\n"},
		{"a message without end", "220 a\ndata\n354 go\n", "some text\n"},
		{"a message without end, before its 354", "220 a\ndata\n", "some text\n"},
		{"a reply without end", "220 a\nehlo me\n", "250-more\n"},
		{"commands without end", "220 a\n", "noop\n"},
		{"replies without commands", "220 a\n", "250 ok\n"},
		{"prose", "", "It does not work.\n"},
		{"prose in a session", "220 a\nehlo me\n250 a\n", "It does not work.\n220-\n"},
		{"a line without end", "220 a\nehlo me\n250 a\n", "long "},
		{"many processes", "", processes.String()},
		{"other passwords each time", "220 a\n", "auth plain " + strings.Repeat("A", 1000) + "\n"},
		{"greetings", "", "220 a\n"},
		{"a transcript", transcript.Header + "\n", "* connect smtp\nS: 220 a\nC: QUIT\n"},
	} {
		runtime.GC()
		var before, during runtime.MemStats
		runtime.ReadMemStats(&before)
		most := uint64(0)
		read := &repeated{text: tt.text, left: 3 << 20}
		seen := 0
		for range Sessions(io.MultiReader(strings.NewReader(tt.head), &watching{read, func() {
			runtime.GC()
			runtime.ReadMemStats(&during)
			most = max(most, during.HeapAlloc)
		}})) {
			seen++
		}
		if most > before.HeapAlloc+32<<20 {
			t.Errorf("%s: %d MiB for %d sessions", tt.reason, (most-before.HeapAlloc)>>20, seen)
		}
	}
}

// watching calls look now and then.
type watching struct {
	io.Reader
	look func()
}

func (w *watching) Read(b []byte) (int, error) {
	n, err := w.Reader.Read(b)
	if r := w.Reader.(*repeated); r.left>>20 != (r.left+n)>>20 {
		w.look()
	}
	return n, err
}
