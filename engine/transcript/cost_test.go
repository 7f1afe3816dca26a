package transcript_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"smtplay/engine/transcript"
)

func BenchmarkRecord(b *testing.B) {
	reply := []byte("250-mail.example.com\r\n250-PIPELINING\r\n250-SIZE 30720000\r\n250-STARTTLS\r\n250-AUTH PLAIN LOGIN\r\n250-ENHANCEDSTATUSCODES\r\n250 DSN\r\n")
	message := bytes.Repeat([]byte(strings.Repeat("All work and no play makes Jack-a dull boy = ", 2)[:76]+"\r\n"), 1<<20/78)
	attachment := bytes.Repeat([]byte("SGFsbG8gV2VsdCwgZGFzIGlzdCBlaW4gQW5oYW5nLCBkZXIgbnVyIGxhbmcgc2VpbiBzb2xsLiBK\r\n"), 1<<20/78)
	for _, bb := range []struct {
		name    string
		secrets int
		data    []byte
	}{
		{"line", 0, []byte("250 2.1.5 Ok\r\n")}, {"line", 1, []byte("250 2.1.5 Ok\r\n")}, {"line", 5, []byte("250 2.1.5 Ok\r\n")},
		{"ehlo", 0, reply}, {"ehlo", 1, reply}, {"ehlo", 5, reply},
		{"message", 0, message}, {"message", 5, message}, {"attachment", 5, attachment},
	} {
		b.Run(fmt.Sprintf("%s/secrets=%d", bb.name, bb.secrets), func(b *testing.B) {
			r := &transcript.Redactor{}
			for i := range bb.secrets {
				r.Add("p", fmt.Sprintf("c0rrect-horse-%d", i))
			}
			log := &transcript.Log{Redactor: r}
			b.SetBytes(int64(len(bb.data)))
			b.ReportAllocs()
			for b.Loop() {
				log.Record(transcript.Event{Conn: 1, Kind: transcript.Server, Data: bb.data})
			}
		})
	}
}

func TestLargeInputs(t *testing.T) {
	for _, tt := range []struct{ name, secret, unit string }{
		{"an attachment", "hunter2", "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZn\r\n"},
		{"one endless word", "hunter2", "QUJD"},
		{"a secret all over", "a", "a"},
		{"a secret in every word", "hunter2", b64("hunter2") + " "},
		{"and in one endless word", "hun", b64("hun")},
		{"escapes", "hunter2", "=41%41+41\\x41"},
		{"line ends", "hunter2", "\r\n"},
		{"brackets", "hunter2", "[[sasl user=x"},
		{"folded fields", "hunter2", "\r\n x"},
		{"encoded words", "hun ter", "=?x?q?hun_t?=\r\n "},
		{"beginnings of encoded words", "hunter2", "=?x?q?_"},
	} {
		r := &transcript.Redactor{}
		r.Add("p", tt.secret)
		for i := range 4 {
			r.Add("q", fmt.Sprintf("other-%d", i))
		}
		data := []byte(strings.Repeat(tt.unit, 1<<18/len(tt.unit)))
		start := time.Now()
		e := recorded(r, data)
		_ = transcript.AppendEvent(nil, e)
		if took := time.Since(start); took > 2*time.Second { // some 10 ms here; quadratic, it would be minutes
			t.Errorf("%s: %v for 256 KB", tt.name, took)
		} else {
			t.Logf("%s: %v", tt.name, took)
		}
	}
}
