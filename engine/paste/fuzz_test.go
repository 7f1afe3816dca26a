package paste

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"smtplay/engine/transcript"
)

// accounted fails for a line of a text that is nowhere: neither said, nor
// remarked upon, nor known to be a tool's own.
func accounted(t *testing.T, text []byte, sessions []*Session) {
	t.Helper()
	said := map[string]bool{}
	remarked := map[int]bool{}
	masked := 0 // events that say otherwise what the text says
	for _, s := range sessions {
		for _, e := range s.Events {
			said[strings.TrimSpace(string(e.Data))] = true
			if len(e.Spans) > 0 {
				masked++
			}
		}
		for _, r := range s.Unplaced {
			for no := r.Line; no <= r.Last; no++ {
				remarked[no] = true
			}
		}
	}
	debug := bytes.Contains(text, []byte("SMTP<<")) || bytes.Contains(text, []byte("SMTP>>")) || bytes.Contains(text, []byte("Exim version")) ||
		bytes.Contains(text, []byte("delivering ")) || bytes.Contains(text, []byte("SMTP|>")) || bytes.Contains(text, []byte("Connecting to "))
	no := 0
	for raw := range bytes.Lines(bytes.TrimPrefix(text, byteOrderMark)) {
		no++
		b := plain(bytes.Clone(raw))
		line := bytes.TrimSpace(bytes.ReplaceAll(b, []byte("\u00a0"), []byte(" ")))
		_, logged := logRecord(b)
		rest, _ := behindStamp(line)
		switch {
		case len(line) == 0, remarked[no], logged, debug, toolsOwn(line), toolsOwn(bytes.TrimLeft(b, " \t")):
		case isSaid(said, line), isMarked(said, line), rest != nil && (isMarked(said, rest) || toolsOwn(rest)):
		case masked > 0:
			masked--
		default:
			t.Errorf("line %d is lost: %q", no, line)
		}
	}
}

// isMarked looks behind marks; a report puts one before another.
func isMarked(said map[string]bool, line []byte) bool {
	_, once := unmark(line)
	_, twice := unmark(bytes.TrimSpace(once))
	return isSaid(said, bytes.TrimSpace(once)) || isSaid(said, bytes.TrimSpace(twice))
}

// isSaid also takes what is written down otherwise: masked, mended, named.
func isSaid(said map[string]bool, line []byte) bool {
	if said[string(line)] || isStageDirection(line) {
		return true
	}
	if len(line) == 0 {
		return true // an empty command, or behind a mark that quotes
	}
	if _, more, ok := replyForm(line); ok && more && said[strings.TrimSpace(string(line[:3])+" "+string(line[4:]))] {
		return true
	}
	if _, err := base64.StdEncoding.DecodeString(string(line)); err == nil {
		return true // an answer of AUTH
	}
	verb := commandForm(line)
	return verb == "AUTH" || verb == "BDAT" || bytes.HasSuffix(line, []byte(" lines sent"))
}

// toolsOwn says whether a line is known for one of any tool.
func toolsOwn(line []byte) bool {
	for tool := unknownTool; tool <= postfix; tool++ {
		c := &conversation{tool: tool, reached: true, names: &secretNames{}, certificate: true}
		if _, ok := c.toolSays(line); ok {
			return true
		}
	}
	_, hangsUp := hangUps[string(line)]
	return hangsUp || string(line) == "Connection closed."
}

// FuzzSessions: no text is too much, none of its lines is lost, and what is found
// is a transcript that can be read.
func FuzzSessions(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.txt")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("220 a\nehlo me\n250-a\n250 b\nauth login\n334 VXNlcm5hbWU6\namFtZXM=\n334 UGFzc3dvcmQ6\ncHdvcmQx\n235 ok\ndata\n354 go\nhi\n.\n250 ok\nquit\n221 bye\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		sessions, err := all(bytes.NewReader(text))
		for _, s := range sessions {
			if s.Name == "" || s.Line < 1 || len(s.Events) < 2 {
				t.Errorf("a session without anything: %+v", s)
			}
		}
		if len(sessions) > 0 {
			if _, err := transcript.Decode([]byte(asTranscript(sessions))); err != nil {
				t.Errorf("%v\n%s", err, asTranscript(sessions))
			}
		}
		if err == nil && !bytes.HasPrefix(bytes.TrimPrefix(text, byteOrderMark), []byte(transcriptWord)) {
			accounted(t, text, sessions)
		}
	})
}

func BenchmarkSessions(b *testing.B) {
	for _, name := range []string{"telnet", "swaks-tls", "postfix-smtpd", "s-client-starttls", "exim-d"} {
		text, err := os.ReadFile("testdata/" + name + ".txt")
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for s, err := range Sessions(&repeated{text: string(text), left: b.N * len(text)}) {
				if err != nil || s == nil {
					b.Fatal(err)
				}
			}
		})
	}
}
