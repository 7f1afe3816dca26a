package dsl

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"smtplay/engine/server"
	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// TestWrite: the script of each transcript in testdata/write is what the file
// beside it says, has no problems, passes against a server that behaves as the
// transcript has it, and fails against one that alters the code of any reply.
func TestWrite(t *testing.T) {
	files, err := filepath.Glob("testdata/write/*.smtp")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".smtp"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			events, err := transcript.Decode(text)
			if err != nil {
				t.Fatal(err)
			}
			options := WriteOptions{Title: "What " + filepath.Base(file) + " says", Text: strings.Contains(file, "-text")}
			script := written(t, options, events)
			golden(t, strings.TrimSuffix(file, ".smtp")+".lua", script)
			if strings.Contains(script, "\nskip ") {
				return
			}
			wantOutcome(t, "as observed", suite.Passed, script, events)
			var sides transcript.Sides
			for i, e := range events {
				if sides.Serves(e) {
					continue // the script leaves it out
				}
				if e.Kind == transcript.Server && !reply.Match(e.Data) {
					break // the rest of that conversation is lost
				}
				if e.Kind == transcript.Server && codes.Match(e.Data) {
					altered := bytes.Clone(e.Data)
					altered[2] = '0' + (altered[2]-'0'+3)%10
					spoilt := append(append(append([]transcript.Event{}, events[:i]...), transcript.Event{Conn: e.Conn, Kind: e.Kind, Data: altered}), events[i+1:]...)
					wantOutcome(t, fmt.Sprintf("with event %d altered: %q", i, altered), suite.Failed, script, spoilt)
				}
			}
		})
	}
}

var (
	reply = regexp.MustCompile(`^[2-5][0-9][0-9]([ -]|\r)`)
	codes = regexp.MustCompile(`^[2-5][0-9][0-9][ \r]`) // the last line of a reply: one altered in another line is malformed
)

func written(t testing.TB, o WriteOptions, tests ...[]transcript.Event) string {
	t.Helper()
	var b bytes.Buffer
	w := NewScriptWriter(&b, o)
	for i, events := range tests {
		name := ""
		if len(tests) > 1 {
			name = fmt.Sprintf("conversation %d", i+1)
		}
		if err := w.Write(name, events); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, problems := CompileFS(fstest.MapFS{"t.lua": {Data: b.Bytes()}}, "t.lua", "t.lua"); len(problems) > 0 {
		t.Fatalf("%v\n%s", problems, b.String())
	}
	return b.String()
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is no longer what is written (-update rewrites it):\n%s", file, got)
	}
}

// wantOutcome runs a script against a server that plays the events, and that
// wants to hear from the client exactly what they say.
func wantOutcome(t *testing.T, how string, want suite.Outcome, script string, events []transcript.Event) {
	t.Helper()
	cert := certificate()
	var plays []server.Handler
	var each [][]transcript.Event
	place := map[int]int{} // of the connection that each conversation is
	var sides transcript.Sides
	for _, e := range events {
		if sides.Serves(e) {
			continue
		}
		i, known := place[e.Conn]
		if !known || e.Kind == transcript.Connect {
			i = len(each)
			place[e.Conn], each = i, append(each, nil)
		}
		each[i] = append(each[i], e)
	}
	for _, said := range each {
		plays = append(plays, func(s *server.Session) { play(s, said, cert.ServerConfig()) })
	}
	b := newBench(t, server.Each(plays...))
	addr := b.server.Addr()
	b.env.Targets.Named = map[string]string{"smtp": addr, "submission": addr, "submissions": addr, "lmtp": addr}
	b.env.Options.Security.CA, b.env.Options.Security.Name = cert.Pool, "localhost"
	b.env.Options.Timeout = 5 * time.Second
	b.env.Secrets = map[string]string{"password": "yourpassword", "other": "another one"}
	for name, value := range b.env.Secrets {
		b.env.Redact.Add(name, value)
	}
	results := b.try(t, script)
	for _, r := range results {
		if r.Outcome != want {
			t.Errorf("%s: %v, want %v: %+v\n%s\n%s", how, r.Outcome, want, r.Failure, transcriptOf(r), script)
		}
	}
	if err := b.server.Err(); err != nil && want == suite.Passed {
		t.Errorf("%s: the server: %v\n%s", how, err, script)
	}
}

var certificate = sync.OnceValue(func() *server.Certificate {
	cert, err := server.MakeCertificate(server.CertificateOptions{})
	if err != nil {
		panic(err)
	}
	return cert
})

// play is the server's side of one conversation.
func play(s *server.Session, events []transcript.Event, config *tls.Config) {
	for _, e := range events {
		switch e.Kind {
		case transcript.Server:
			s.Raw(string(e.Data))
		case transcript.TLS:
			s.StartTLS(config)
		case transcript.Close:
			if string(e.Data) == "server" {
				s.Close()
			}
		case transcript.Client:
			hear(s, e)
		}
		if s.Err() != nil {
			return
		}
	}
	s.WaitClose()
}

// hear reads what the client said. What a mask stands for is whatever comes.
func hear(s *server.Session, e transcript.Event) {
	if len(e.Spans) > 0 {
		if line, err := s.ReadLine(); err == nil && !strings.HasPrefix(line, string(e.Data[:e.Spans[0].Start])) {
			s.Reply(fmt.Sprintf("500 %q came instead of %q", line, e.Data))
			s.Close()
		}
		return
	}
	const quit = "QUIT\r\n" // what a script that failed says, whatever is due
	got, err := s.ReadBytes(min(len(e.Data), len(quit)))
	if err == nil && (got != quit || string(e.Data) == quit) {
		rest, _ := s.ReadBytes(len(e.Data) - len(got))
		got += rest
	}
	if err == nil && got != string(e.Data) {
		s.Reply(fmt.Sprintf("500 %q came instead of %q", got, e.Data))
		s.Close()
	}
}

// TestWriteSeveral: what several tests share stands at the top, once.
func TestWriteSeveral(t *testing.T) {
	read := func(name string) []transcript.Event {
		text, err := os.ReadFile("testdata/write/" + name)
		if err != nil {
			t.Fatal(err)
		}
		events, err := transcript.Decode(text)
		if err != nil {
			t.Fatal(err)
		}
		return events
	}
	got := written(t, WriteOptions{Title: "Several"}, read("refused.smtp"), read("login.smtp"), read("refused.smtp"))
	golden(t, "testdata/write/several.lua", got)
}

// TestWriteMuch: a script longer than can be run is written as it comes, and
// has no more variables than Lua has room for.
func TestWriteMuch(t *testing.T) {
	var b bytes.Buffer
	w := NewScriptWriter(&b, WriteOptions{})
	for i := range 300 {
		events := []transcript.Event{
			{Conn: 1, Kind: transcript.Connect, Data: []byte("smtp")},
			{Conn: 1, Kind: transcript.Server, Data: []byte("220 mail\r\n")},
			{Conn: 1, Kind: transcript.Client, Data: fmt.Appendf(nil, "EHLO client%d.example.org\r\n", i)},
			{Conn: 1, Kind: transcript.Server, Data: []byte("250 mail\r\n")},
		}
		if err := w.Write("the same name", events); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if script, problems := CompileFS(fstest.MapFS{"t.lua": {Data: b.Bytes()}}, "t.lua", "t.lua"); len(problems) > 0 || len(script.Needs().Vars) != maxInputs {
		t.Errorf("%v, %d vars", problems, len(script.Needs().Vars))
	}

	b.Reset()
	w = NewScriptWriter(&b, WriteOptions{Title: "Long"})
	long := []transcript.Event{
		{Conn: 1, Kind: transcript.Server, Data: []byte("220 mail\r\n")},
		{Conn: 1, Kind: transcript.Client, Data: []byte("HELO me\r\n")},
		{Conn: 1, Kind: transcript.Server, Data: []byte("250 mail\r\n")},
		{Conn: 1, Kind: transcript.Client, Data: []byte("DATA\r\n")},
		{Conn: 1, Kind: transcript.Server, Data: []byte("354 go on\r\n")},
		{Conn: 1, Kind: transcript.Client, Data: []byte(strings.Repeat("0123456789\r\n", 20000) + ".\r\n")},
		{Conn: 1, Kind: transcript.Server, Data: []byte("250 ok\r\n")},
	}
	for i := range 12 {
		long[1].Data = fmt.Appendf(nil, "HELO client%d\r\n", i/6)
		if err := w.Write(fmt.Sprint(i), long); err != nil {
			t.Fatal(err)
		}
		if w.body.Len() > 2*maxSource {
			t.Fatalf("it keeps %d bytes", w.body.Len())
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`(0123456789\n)+`).ReplaceAllString(b.String(), "")
	if strings.Count(text, "test(") != 12 || strings.Count(text, "local ") != 2 || !strings.HasPrefix(text, "--- Long\n\nlocal helo") {
		t.Errorf("%s", text)
	}
}

// TestWriteNames: one test without a name, or names for all.
func TestWriteNames(t *testing.T) {
	w := NewScriptWriter(io.Discard, WriteOptions{})
	if err := w.Write("", nil); err != nil {
		t.Error(err)
	}
	if err := w.Write("second", nil); err == nil {
		t.Error("a second test after one without a name")
	}
	w = NewScriptWriter(io.Discard, WriteOptions{})
	if w.Write("first", nil) != nil || w.Write("", nil) == nil {
		t.Error("a test without a name after one that has one")
	}
}

// TestWriteFails: the first error of a write is reported by every later call.
func TestWriteFails(t *testing.T) {
	w := NewScriptWriter(failingWriter{}, WriteOptions{Title: "x"})
	if err := w.Write("a", nil); err != nil {
		t.Errorf("it wrote too early: %v", err)
	}
	if w.Close() == nil || w.Write("b", nil) == nil {
		t.Error("the error was lost")
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestMessageText(t *testing.T) {
	for _, tt := range []struct{ wire, want, reason string }{
		{"a\r\n.\r\n", "[[\na\n.]]", "the usual"},
		{".\r\n", `"."`, "an empty message"},
		{"a\r\n\r\n", "[[\na\n\n]]", "without its end, an empty line last"},
		{"\r\n", "[[\n\n]]", "an empty line alone"},
		{"a]]\r\n.\r\n", "[=[\na]]\n.]=]", "brackets inside"},
		{"a[[\r\n.\r\n", "[=[\na[[\n.]=]", "Lua 5.1 refuses brackets that nest"},
		{"b\r\na]\r\n", "[=[\nb\na]]=]", "a bracket last"},
		{"M\xfc\r\n.\r\n", `"M\252\n."`, "a byte that is no UTF-8"},
		{"a\x00\r\n1\r\n.\r\n", `"a\0\n1\n."`, "a NUL"},
		{"a\nb\r\n.\r\n", "", "a bare LF"},
		{"a\rb\r\n.\r\n", "", "a bare CR"},
		{"a\r\nb", "", "no line end"},
	} {
		got, ok := messageText([]byte(tt.wire))
		if got != tt.want || ok != (tt.want != "") {
			t.Errorf("%s: %q is %s, want %s", tt.reason, tt.wire, got, tt.want)
		}
	}
}

func TestLasting(t *testing.T) {
	for text, want := range map[string]string{
		"Ok":                              "Ok",
		"Ok: queued as 217083C8C1":        "Ok: queued as",
		"Ok: queued as ZxYbQzkLmNop":      "Ok: queued as",
		"maila.example.com ESMTP Postfix": "maila.example.com ESMTP Postfix",
		"mail ESMTP Sendmail 8.15/8.15; Mon, 24 May 2009 13:14:07 GMT": "mail ESMTP Sendmail",
		"1243178088":                      "",
		"OK id=1abcde-00001x-AB":          "OK",
		"":                                "",
		"a [secret:password] b":           "a",
		"user1@example.org is known here": "user1@example.org is known here",
		"one\ntwo":                        "one\ntwo",
	} {
		if got := lasting(text, func(word string) bool { return word == "user1@example.org" }); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// FuzzWrite: whatever transcript there is, its script has no problems.
func FuzzWrite(f *testing.F) {
	files, _ := filepath.Glob("testdata/write/*.smtp")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, strings.Contains(file, "-text"))
	}
	f.Fuzz(func(t *testing.T, text []byte, withText bool) {
		events, err := transcript.Decode(text)
		if err != nil || len(text) > 64<<10 {
			t.Skip()
		}
		written(t, WriteOptions{Title: string(text), Text: withText}, events)
		written(t, WriteOptions{Text: withText}, events, events)
	})
}
