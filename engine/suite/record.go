package suite

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"smtplay/engine/transcript"
)

// recordNames are where the transcripts of tests lie below the folder for them,
// SCRIPT/TEST. No two are the same, nor on a file system that ignores case: a
// name that is taken gets a number.
func recordNames(tests []Test, hide *transcript.Redactor) []string {
	names := make([]string, 0, len(tests))
	taken := map[string]bool{}
	for _, t := range tests {
		first := recordName(t, hide)
		name, key := first, fold(first)
		for n := 2; taken[key]; n++ {
			name = fmt.Sprintf("%s+%d", first, n)
			key = fold(name)
		}
		taken[key] = true
		names = append(names, name)
	}
	return names
}

func fold(s string) string { return strings.ToLower(strings.ToUpper(s)) }

func recordName(t Test, hide *transcript.Redactor) string {
	script := strings.TrimSuffix(filepath.ToSlash(t.Script.Name()), ".lua")
	var parts []string
	for p := range strings.SplitSeq(script, "/") {
		if p != "" && p != "." {
			parts = append(parts, fileName(hide.String(p)))
		}
	}
	name := t.Name
	if name == t.Script.Name() { // the one test of a file is named by its path
		name = strings.TrimSuffix(filepath.Base(filepath.FromSlash(name)), ".lua")
	}
	return filepath.Join(append(parts, fileName(hide.String(name)))...)
}

// recordPath is the file of one run: TEST.smtp, and TEST~N.smtp for run N from
// the second on.
func recordPath(name string, run int) string {
	if run > 0 {
		name = fmt.Sprintf("%s~%d", name, run+1)
	}
	return name + ".smtp"
}

// Bounds on file names: most file systems take 255 bytes.
const (
	longestName = 150
	keptOfName  = 130 // of a longer one
)

// fileName makes a name that every file system takes, and that no two names
// share but for their case. What it escapes becomes % and two digits.
func fileName(name string) string {
	var b strings.Builder
	for i, r := range name {
		n := max(1, utf8.RuneLen(r))
		if r == utf8.RuneError && !strings.HasPrefix(name[i:], string(r)) {
			n = 1 // a byte that is no UTF-8
		}
		first, last := i == 0, i+n == len(name)
		switch {
		case !unicode.IsPrint(r), r == utf8.RuneError, strings.ContainsRune(`/\:*?"<>|%~`, r),
			r == '.' && (first || last), r == ' ' && last, // hidden; lost on Windows
			first && reserved(name):
			for _, c := range []byte(name[i : i+n]) {
				fmt.Fprintf(&b, "%%%02x", c)
			}
		default:
			b.WriteRune(r)
		}
	}
	s := b.String()
	switch {
	case s == "":
		return "%"
	case len(s) <= longestName:
		return s
	}
	kept := keptOfName
	for !utf8.RuneStart(s[kept]) {
		kept--
	}
	return fmt.Sprintf("%s~%x", s[:kept], sha256.Sum256([]byte(name)))[:longestName]
}

// reserved: Windows takes the name for a device, whatever follows a dot.
func reserved(name string) bool {
	base, _, _ := strings.Cut(strings.ToUpper(name), ".")
	switch base {
	case "CON", "PRN", "AUX", "NUL":
		return true
	}
	return len(base) == 4 && (strings.HasPrefix(base, "COM") || strings.HasPrefix(base, "LPT")) && base[3] >= '0' && base[3] <= '9'
}

// recordFile is the open transcript of a running test.
type recordFile struct {
	*transcript.Writer
	f    *os.File
	path string
}

func openRecord(path string) (*recordFile, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	w := transcript.NewWriter(f)
	w.Begin() // a test in which nothing was said leaves a transcript too
	return &recordFile{Writer: w, f: f, path: path}, nil
}

func (r *recordFile) close() error {
	err := r.f.Close()
	if first := r.Err(); first != nil {
		return first
	}
	return err
}
