package paste

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"smtplay/engine/transcript"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestSamples: what each kind of text becomes, and what is said of the rest. The
// samples were printed by the programs that they are named after.
func TestSamples(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 30 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			sessions, err := all(bytes.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			file := strings.TrimSuffix(file, ".txt")
			golden(t, file+".smtp", asTranscript(sessions))
			golden(t, file+".warnings", warnings(sessions))
			accounted(t, text, sessions)
			for _, password := range []string{"yourpassword", "AGphbWVzQG5ldy5leGFtcGxlLmNvbQB5b3VycGFzc3dvcmQ", "eW91cnBhc3N3b3Jk", "secretpw", "c2VjcmV0cHc"} {
				if strings.Contains(asTranscript(sessions)+warnings(sessions), password) {
					t.Errorf("%s is shown", password)
				}
			}
		})
	}
}

// all are the sessions of a text.
func all(r io.Reader) (sessions []*Session, err error) {
	for s, err := range Sessions(r) {
		if err != nil {
			return sessions, err
		}
		sessions = append(sessions, s)
	}
	return sessions, nil
}

// find are the sessions of a text that has some.
func find(t *testing.T, text string) []*Session {
	t.Helper()
	sessions, err := all(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return sessions
}

// asTranscript is the .smtp file of the sessions.
func asTranscript(sessions []*Session) string {
	b := []byte(transcript.Header + "\n")
	for _, s := range sessions {
		for _, e := range s.Events {
			b = transcript.AppendEvent(b, e)
		}
	}
	return string(b)
}

func warnings(sessions []*Session) string {
	var b strings.Builder
	for _, s := range sessions {
		fmt.Fprintf(&b, "%s\n", s.Name)
		for _, r := range s.Unplaced {
			fmt.Fprintf(&b, "  %v\n", r)
		}
	}
	return b.String()
}

// golden compares with a file. A transcript must be one that can be read.
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
		t.Errorf("%s is no longer what is found (-update rewrites it):\n%s", file, got)
	}
	if strings.HasSuffix(file, ".smtp") {
		if _, err := transcript.Decode(want); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// TestAgain: what was found, written as a .smtp file, is found again.
func TestAgain(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.smtp")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := asTranscript(find(t, string(text))); got != string(text) {
			t.Errorf("%s becomes\n%s", file, got)
		}
	}
}

// TestJoined: several texts in one, of whatever kinds, are all found.
func TestJoined(t *testing.T) {
	for _, between := range []string{"", "\n", "\nAnd this is another one:\n\n"} {
		var text, want strings.Builder
		for _, name := range []string{"telnet", "s-client-starttls", "swaks-tls", "postfix-smtp", "tutorial-plain", "tutorial-unknown-address",
			"curl-starttls", "sender-and-receiver", "exim-v", "s-client-implicit-tls", "server-log-arrows", "nc", "c-and-s", "exim-bh"} {
			if between == "" && strings.HasPrefix(name, "tutorial") {
				continue // without a QUIT nothing but what stands between tells them apart
			}
			one, err := os.ReadFile("testdata/" + name + ".txt")
			if err != nil {
				t.Fatal(err)
			}
			text.Write(one)
			text.WriteString(between)
			found, err := os.ReadFile("testdata/" + name + ".smtp")
			if err != nil {
				t.Fatal(err)
			}
			want.Write(found)
		}
		got := withoutNotes(asTranscript(find(t, text.String())))
		if want := withoutNotes(transcript.Header + "\n" + want.String()); got != want {
			t.Errorf("with %q between them:\n%s\nwant:\n%s", between, got, want)
		}
	}
}

var notes = regexp.MustCompile(`(?m)^(\* note .*|smtplay transcript 1|\* close .*)\n`)

// withoutNotes leaves out what depends on what stands around, and the secrets'
// numbers.
func withoutNotes(smtp string) string {
	return regexp.MustCompile(`secret([:=])password\d+`).ReplaceAllString(notes.ReplaceAllString(smtp, ""), "secret${1}password")
}

// TestProcesses: the lines of a log belong to their processes.
func TestProcesses(t *testing.T) {
	line := func(pid int, text string) string {
		return fmt.Sprintf("Nov 23 21:52:06 maila postfix/smtpd[%d]: %s\n", pid, text)
	}
	text := line(1, "connect from a[192.0.2.1]") + line(2, "connect from b[192.0.2.2]") +
		line(1, "> a[192.0.2.1]: 220 mail") + line(2, "> b[192.0.2.2]: 220 mail") +
		line(2, "< b[192.0.2.2]: EHLO b") + line(1, "< a[192.0.2.1]: EHLO a") + line(1, "> a[192.0.2.1]: 250 mail") +
		line(2, "> b[192.0.2.2]: 250 mail") + line(2, "lost connection after EHLO from b[192.0.2.2]") + line(2, "disconnect from b[192.0.2.2]") +
		line(1, "< a[192.0.2.1]: ") + line(1, "> a[192.0.2.1]: 500 5.5.2 Error: bad syntax") +
		line(2, "connect from c[192.0.2.3]") + line(2, "> c[192.0.2.3]: 421 4.3.2 too many") + line(2, "disconnect from c[192.0.2.3]") +
		line(1, "disconnect from a[192.0.2.1]")
	for _, other := range []string{"b", "a"} { // another host's process of the same number
		text += strings.ReplaceAll(line(9, "> "+other+"[192.0.2.1]: 220 mail")+line(9, "< "+other+"[192.0.2.1]: EHLO "+other), "maila", other)
	}
	for _, other := range []string{"b", "a"} {
		text += strings.ReplaceAll(line(9, "> "+other+"[192.0.2.1]: 250 "+other), "maila", other)
	}
	var got []string
	for _, s := range find(t, text) {
		got = append(got, strings.ReplaceAll(strings.TrimPrefix(asTranscript([]*Session{s}), transcript.Header+"\n* connect smtp\n"), "\n", "|"))
	}
	want := []string{
		"S: 220 mail|C: EHLO b|S: 250 mail|* close client|",
		"S: 421 4.3.2 too many|* close server|",
		"S: 220 mail|C: EHLO a|S: 250 mail|C: |S: 500 5.5.2 Error: bad syntax|* close server|",
		"S: 220 mail|C: EHLO b|S: 250 b|",
		"S: 220 mail|C: EHLO a|S: 250 a|",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
