package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"smtplay/dsl"
	"smtplay/engine/transcript"
)

// recorded are the files of a session in which these lines were said: "S" and
// "C" and what they said.
func recorded(t *testing.T, redact *transcript.Redactor, said ...string) *recordFiles {
	t.Helper()
	files, err := reserve(filepath.Join(t.TempDir(), "session"), "", false, redact)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { files.smtp.Close() })
	log := transcript.Log{Redactor: redact, Next: []transcript.Recorder{files}}
	kinds := map[byte]transcript.Kind{'S': transcript.Server, 'C': transcript.Client, '*': transcript.Note}
	for _, s := range said {
		data := s[1:]
		if s[0] != '*' {
			data += "\r\n"
		}
		log.Record(transcript.Event{Conn: 1, Kind: kinds[s[0]], Data: []byte(data)})
	}
	return files
}

func (r *recordFiles) now(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(r.name + ".smtp")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What turns out to be a password is masked where it was written before, and
// what is there otherwise stays.
func TestHideLate(t *testing.T) {
	redact := &transcript.Redactor{}
	redact.Add("other", "elsewhere")
	files := recorded(t, redact, "S220 here", "*the password is yourpassword", "CNOOP "+b64("yourpassword"), "CNOOP elsewhere [x] \\", "S250 ok")
	before := files.now(t)
	if err := files.hide(); err != nil || files.now(t) != before {
		t.Fatalf("nothing is known, %v:\n%s", err, files.now(t))
	}
	redact.AddSeen("password", "yourpassword")
	lines := files.lines
	if err := files.hide(); err != nil {
		t.Fatal(err)
	}
	want := "smtplay transcript 1\nS: 220 here\n* note the password is [secret:password]\nC: NOOP [secret:password]\nC: NOOP [secret:other] [x] \\\\\nS: 250 ok\n"
	if strings.Replace(files.now(t), `\x5bx]`, "[x]", 1) != want || files.lines != lines {
		t.Errorf("%d lines:\n%s", files.lines, files.now(t))
	}
	// It goes on where it was, and is cut where it should be.
	files.Record(transcript.Event{Conn: 1, Kind: transcript.Client, Data: []byte("QUIT\r\n")})
	if !strings.HasSuffix(files.now(t), "S: 250 ok\nC: QUIT\n") {
		t.Errorf("after it:\n%s", files.now(t))
	}
	if err := files.cut(lines); err != nil || !strings.HasSuffix(files.now(t), "S: 250 ok\n") || files.lines != lines {
		t.Errorf("cut to %d, %v:\n%s", files.lines, err, files.now(t))
	}
	files.Record(transcript.Event{Conn: 1, Kind: transcript.Client, Data: []byte("RSET\r\n")})
	if !strings.HasSuffix(files.now(t), "S: 250 ok\nC: RSET\n") {
		t.Errorf("after the cut:\n%s", files.now(t))
	}
	if entries, _ := os.ReadDir(filepath.Dir(files.name)); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

// A script that somebody else put there meanwhile is not overwritten.
func TestScriptTaken(t *testing.T) {
	files := recorded(t, &transcript.Redactor{}, "S220 here")
	if err := os.WriteFile(files.name+".lua", []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := files.script(dsl.WriteOptions{}); !errors.Is(err, errTaken) {
		t.Errorf("%v", err)
	}
	if text, _ := os.ReadFile(files.name + ".lua"); string(text) != "mine" {
		t.Errorf("now it is %q", text)
	}
	files.force = true
	if err := files.script(dsl.WriteOptions{}); err != nil {
		t.Error(err)
	}
	files.force = false
	if err := files.script(dsl.WriteOptions{}); err != nil {
		t.Errorf("our own: %v", err)
	}
}

// A transcript that cannot be written ends the session: it is what the session is for.
func TestDiskFull(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	if err := os.Symlink("/dev/full", filepath.Join(dir, "full.smtp")); err != nil {
		t.Fatal(err)
	}
	p := smtplay(t, dir, "NOOP\nQUIT\n", "record", "--demo", "--force", "-o", "full")
	if p.status != exitNoVerdict || !strings.Contains(p.stderr, "the transcript cannot be written: ") || strings.Contains(p.stdout, "C: QUIT") {
		t.Errorf("status %d\n%s%s", p.status, p.stdout, p.stderr)
	}
}
