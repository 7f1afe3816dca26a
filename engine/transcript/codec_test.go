package transcript_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"smtplay/engine/transcript"
)

type event = transcript.Event

var lines = []struct {
	e    event
	line string
	why  string
}{
	{event{Conn: 1, Kind: transcript.Connect, Data: []byte("smtp 127.0.0.1:2525")}, "* connect smtp 127.0.0.1:2525", "a connection"},
	{event{Conn: 2, Kind: transcript.Accept, Data: []byte("mx from 127.0.0.1")}, "*2 accept mx from 127.0.0.1", "a connection that was let in"},
	{event{Conn: 2, Kind: transcript.Close, Data: []byte("client")}, "*2 close client", "the second conversation"},
	{event{Conn: 1, Kind: transcript.Note}, "* note", "no words"},
	{event{Conn: 1, Kind: transcript.Note, Data: []byte(" a\nb")}, `* note  a\x0ab`, "a note is one line"},
	{event{Conn: 1, Kind: transcript.Step, Data: []byte("Grüße")}, "* step Grüße", "UTF-8 stays"},
	{event{Conn: 1, Kind: transcript.Server, Data: []byte("250 ok\r\n")}, "S: 250 ok", "CRLF is the line's end"},
	{event{Conn: 12, Kind: transcript.Client, Data: []byte("quit\r\n")}, "C12: quit", "conversation 12"},
	{event{Conn: 1, Kind: transcript.Server, Data: []byte("\r\n")}, "S: ", "an empty line"},
	{event{Conn: 1, Kind: transcript.Server, Data: []byte("250 ok\n")}, `S: 250 ok\x0a`, "a bare LF"},
	{event{Conn: 1, Kind: transcript.Server, Data: []byte("\n")}, `S: \x0a`, "a bare LF alone"},
	{event{Conn: 1, Kind: transcript.Server, Data: []byte("250 ok")}, `S: 250 ok\`, "no line end"},
	{event{Conn: 1, Kind: transcript.Server, Data: []byte("250 ok\r")}, `S: 250 ok\x0d\`, "half a line end"},
	{event{Conn: 1, Kind: transcript.Server, Data: []byte("a\r\r\n")}, `S: a\x0d`, "a CR too many"},
	{event{Conn: 1, Kind: transcript.Server, Data: []byte("a\\\r\n")}, `S: a\\`, "a backslash at the end"},
	{event{Conn: 1, Kind: transcript.Server, Data: []byte("a\\")}, `S: a\\\`, "and no line end"},
	{event{Conn: 1, Kind: transcript.Server, Data: []byte("a\\x0a\r\n")}, `S: a\\x0a`, "text that looks like an escape"},
	{event{Conn: 1, Kind: transcript.Server, Data: []byte("a\\x0a\n")}, `S: a\\x0a\x0a`, "and a bare LF"},
	{event{Conn: 1, Kind: transcript.Server, Data: []byte("\x00\x1b\x7f\xff\r\n")}, `S: \x00\x1b\x7f\xff`, "what is not printable"},
	{event{Conn: 1, Kind: transcript.Server, Data: []byte("a\tb \u00a0\u202e\r\n")}, `S: a\x09b \xc2\xa0\xe2\x80\xae`, "blanks of other kinds, and what turns text around"},
	{event{Conn: 1, Kind: transcript.Server, Data: []byte("\ufffd\r\n")}, "S: \ufffd", "the replacement character itself"},
	{event{Conn: 1, Kind: transcript.Server, Data: []byte("[127.0.0.1] [A]\r\n")}, "S: [127.0.0.1] [A]", "brackets that are no mask"},
	{event{Conn: 1, Kind: transcript.Server, Data: []byte("[unavailable]\r\n")}, `S: \x5bunavailable]`, "brackets that would read as one"},
	{event{Conn: 1, Kind: transcript.Server, Data: []byte("[secret:x] [sasl a=b] [sasl user=日]\r\n")}, `S: \x5bsecret:x] \x5bsasl a=b] [sasl user=日]`, "only ASCII is a mask"},
	{event{Conn: 1, Kind: transcript.Client, Data: []byte("[secret:[secret:p]\r\n"), Spans: []transcript.Span{{Start: 8, End: 18, Mask: "secret:p"}}}, "C: [secret:[secret:p]", "a mask behind half of one"},
	{event{Conn: 1, Kind: transcript.Client, Data: []byte("AUTH PLAIN [sasl user=a%20b secret=p]\r\n"), Spans: []transcript.Span{{Start: 11, End: 37, Mask: "sasl user=a%20b secret=p"}}}, "C: AUTH PLAIN [sasl user=a%20b secret=p]", "a SASL message"},
	{event{Conn: 1, Kind: transcript.Client, Data: []byte("[sasl]\r\n"), Spans: []transcript.Span{{Start: 0, End: 6, Mask: "sasl"}}}, "C: [sasl]", "of which nothing is known"},
}

func TestLines(t *testing.T) {
	for _, tt := range lines {
		if got := string(transcript.AppendEvent(nil, tt.e)); got != tt.line+"\n" {
			t.Errorf("%q: got %q, want %q (%s)", tt.e.Data, got, tt.line, tt.why)
		}
		events, err := transcript.Decode([]byte(transcript.Header + "\n" + tt.line + "\n"))
		if err != nil || len(events) != 1 {
			t.Errorf("%q: %v, %v (%s)", tt.line, events, err, tt.why)
			continue
		}
		e := events[0]
		if e.Conn != tt.e.Conn || e.Kind != tt.e.Kind || !bytes.Equal(e.Data, tt.e.Data) || len(e.Spans) != len(tt.e.Spans) || len(e.Spans) > 0 && e.Spans[0] != tt.e.Spans[0] {
			t.Errorf("%q: got %+v, want %+v (%s)", tt.line, e, tt.e, tt.why)
		}
	}
}

func TestSeveralLines(t *testing.T) {
	e := event{Conn: 2, Kind: transcript.Server, Data: []byte("250-a [secret:p]\r\n250-b\n250 [q] [secret:p]"), Spans: []transcript.Span{{Start: 6, End: 16, Mask: "secret:p"}, {Start: 32, End: 42, Mask: "secret:p"}}}
	want := "S2: 250-a [secret:p]\nS2: 250-b\\x0a\nS2: 250 \\x5bq] [secret:p]\\\n"
	if got := string(transcript.AppendEvent(nil, e)); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	// A span that does not hold its own mask must not break the file.
	e = event{Conn: 1, Kind: transcript.Client, Data: []byte("[a\n\x00]\r\n"), Spans: []transcript.Span{{Start: 0, End: 5, Mask: "a\n\x00"}}}
	if got := string(transcript.AppendEvent(nil, e)); got != "C: [a\\x0a\nC: \\x00]\n" {
		t.Errorf("got %q", got)
	}
}

var wrongFiles = []struct {
	file, fault string
	line        int
	why         string
}{
	{"", "begins with the line", 1, "an empty file"},
	{"smtplay transcript 1", "begins with the line", 1, "a header without an end"},
	{"smtplay transcript 2\n", "this transcript is of version 2, and this smtplay reads version 1", 1, "another version"},
	{"smtplay transcript x\n", "begins with the line", 1, "no version"},
	{"smtplay transcript 1\r\n", "end in LF, not CRLF", 1, "CRLF line ends"},
	{transcript.Header + "\nS: 250 ok", "cut off here", 2, "the last line is cut"},
	{transcript.Header + "\n\n", "a line begins with", 2, "an empty line"},
	{transcript.Header + "\nS: a\nX: b\n", "a line begins with", 3, "an unknown mark"},
	{transcript.Header + "\nS:\n", "a line begins with", 2, "the blank was trimmed"},
	{transcript.Header + "\nS1: a\n", "a line begins with", 2, "the first conversation has no number"},
	{transcript.Header + "\nS02: a\n", "a line begins with", 2, "a leading zero"},
	{transcript.Header + "\nS99999999999999999999: a\n", "conversation", 2, "no such number"},
	{transcript.Header + "\n* noted\n", "a line begins with", 2, "an unknown word"},
	{transcript.Header + "\n* note \n", "a line begins with", 2, "a blank and no words"},
	{transcript.Header + "\nS: \\\n", "would be written", 2, "a piece of nothing"},
	{transcript.Header + "\nS: a\\x\n", "after a backslash", 2, "half an escape"},
	{transcript.Header + "\nS: \\n\n", "after a backslash", 2, "another escape"},
	{transcript.Header + "\nS: \\x41\n", "would be written", 2, "an escape without need"},
	{transcript.Header + "\nS: \\x0D\n", "would be written", 2, "large digits"},
	{transcript.Header + "\nS: a\\x0d\\x0a\n", "would be written", 2, "CRLF is not escaped"},
	{transcript.Header + "\nS: a\\x0ab\n", "would be written", 2, "two lines in one"},
	{transcript.Header + "\nS: \xff\n", "would be written", 2, "not UTF-8"},
	{transcript.Header + "\nS: a\r\n", "would be written", 2, "a CR as it is"},
	{transcript.Header + "\n* note a\\\n", "after a backslash", 2, "notes have no line ends"},
}

func TestWrongFiles(t *testing.T) {
	for _, tt := range wrongFiles {
		_, err := transcript.Decode([]byte(tt.file))
		var bad *transcript.SyntaxError
		if !errors.As(err, &bad) || bad.Line != tt.line || !strings.Contains(bad.Error(), tt.fault) {
			t.Errorf("%q: got %v, want line %d: %q (%s)", tt.file, err, tt.line, tt.fault, tt.why)
		}
	}
	if events, err := transcript.Decode([]byte(transcript.Header + "\n")); err != nil || len(events) != 0 {
		t.Errorf("a header alone: %v, %v", events, err)
	}
}

// FuzzCodec: a file that is read is written again as it was, and any bytes that
// are written are read again as they were.
func FuzzCodec(f *testing.F) {
	for _, tt := range lines {
		f.Add([]byte(tt.line), uint8(tt.e.Kind), uint8(3))
		f.Add(tt.e.Data, uint8(tt.e.Kind), uint8(0))
	}
	for _, tt := range wrongFiles {
		_, body, _ := strings.Cut(tt.file, "\n")
		f.Add([]byte(body), uint8(transcript.Client), uint8(1))
	}
	f.Fuzz(func(t *testing.T, data []byte, kind, at uint8) {
		for _, end := range []string{"", "\n"} {
			file := transcript.Header + "\n" + string(data) + end
			if events, err := transcript.Decode([]byte(file)); err == nil {
				if again := encode(events); string(again) != file {
					t.Errorf("%q is written as %q", file, again)
				}
			}
		}
		e := event{Conn: 1 + int(at)%3, Kind: transcript.Connect + transcript.Kind(kind)%8, Data: data}
		if i := int(at); i < len(data) { // a mask somewhere, and one that is none
			mask := "[secret:p]"
			e.Data = []byte(string(data[:i]) + mask + string(data[i:]))
			e.Spans = []transcript.Span{{Start: i, End: i + len(mask), Mask: "secret:p"}, {Start: i + len(mask), End: len(e.Data), Mask: string(data[i:])}}
		}
		file := encode([]event{e})
		events, err := transcript.Decode(file)
		if err != nil {
			t.Fatalf("%q is written as %q: %v", e.Data, file, err)
		}
		var got []byte
		for _, d := range events {
			if d.Kind != e.Kind || d.Conn != e.Conn {
				t.Errorf("%+v is read as %+v", e, d)
			}
			got = append(got, d.Data...)
		}
		if !bytes.Equal(got, e.Data) {
			t.Errorf("%q is written as %q and read as %q", e.Data, file, got)
		}
	})
}

func encode(events []event) []byte {
	file := []byte(transcript.Header + "\n")
	for _, e := range events {
		file = transcript.AppendEvent(file, e)
	}
	return file
}
