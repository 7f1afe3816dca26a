package main

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// markedPassword is found again wherever it stands: no six bytes of it are a word
// that anything else would say, and some of them each encoding writes in its own way.
const markedPassword = `Zq7-Mk3d%Pw!xV+8=uQ4,jH`

// piece is how many bytes of it in a row are a leak, as where half of it is masked.
const piece = 6

// leak names the form in which text holds the secret or a piece of it, "" for none.
// It decodes what it looks at, where the program looks for encoded forms.
func leak(text, secret string) string {
	for _, r := range readingsOf(text) {
		read := strings.ToLower(r.text)
		for at := range len(secret) - piece + 1 {
			// In capitals it is as good as told: keywords are.
			if part := secret[at : at+piece]; strings.Contains(read, strings.ToLower(part)) {
				return fmt.Sprintf("%s (%q)", r.name, part)
			}
		}
	}
	lowered, standard := strings.ToLower(text), standardAlphabet(text)
	for at := range len(secret) - piece + 1 {
		part := secret[at : at+piece]
		if strings.Contains(lowered, hex.EncodeToString([]byte(part))) {
			return fmt.Sprintf("hexadecimal (%q)", part)
		}
		for before := range 3 {
			if form := inside(part, before); strings.Contains(standard, form) {
				return fmt.Sprintf("base64 at an offset of %d (%q)", before, part)
			}
		}
	}
	return ""
}

// inside is the part of base64 that tells of s alone, where so many bytes of
// its group stand before it.
func inside(s string, before int) string {
	encoded := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("\x00", before) + s))
	first := (before*8 + 5) / 6 // the first letter of which all bits are of s
	last := (before + len(s)) * 8 / 6
	return encoded[first:last]
}

func standardAlphabet(s string) string { return strings.NewReplacer("-", "+", "_", "/").Replace(s) }

// readingsOf are the text as it is, with the lines of a reply put together, and
// with each way of escaping undone.
func readingsOf(text string) []reading {
	return []reading{
		{"as it is", text},
		{"over lines", replyPrefix.ReplaceAllString(text, "")},
		{"percent-encoded", unescaped(text, "%")},
		{"quoted-printable", unescaped(text, "=")},
		{"xtext", unescaped(text, "+")},
		{"with \\x", unescaped(text, `\x`)},
		{"with \\u", unescaped(text, `\u00`)},
	}
}

// reading is what a text says to who undoes one way of writing it.
type reading struct{ name, text string }

// replyPrefix is what stands between the pieces of a reply of several lines, in
// a transcript and on the console.
var replyPrefix = regexp.MustCompile(`(?m)\n\s*(?:\S+ )?>?\s*(?:S\d*: )?[2-5]\d\d[- ](?:\d\.\d\.\d )?`)

// unescaped undoes an escape of a mark and two hexadecimal digits.
func unescaped(text, mark string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if n := i + len(mark); strings.HasPrefix(text[i:], mark) && n+2 <= len(text) {
			if v, err := strconv.ParseUint(text[n:n+2], 16, 8); err == nil {
				b.WriteByte(byte(v))
				i = n + 1
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// encodings are the forms in which a server may give a password away.
var encodings = map[string]func(string) []string{
	"raw":                func(s string) []string { return []string{"you said " + s} },
	"base64":             func(s string) []string { return []string{base64.StdEncoding.EncodeToString([]byte(s))} },
	"base64 at offset 1": func(s string) []string { return []string{base64.StdEncoding.EncodeToString([]byte("x" + s + "y"))} },
	"base64 at offset 2": func(s string) []string { return []string{base64.StdEncoding.EncodeToString([]byte("xy" + s))} },
	"base64url": func(s string) []string {
		return []string{base64.RawURLEncoding.EncodeToString([]byte("xyz\xff\xfe" + s))}
	},
	"the PLAIN message": func(s string) []string {
		return []string{base64.StdEncoding.EncodeToString([]byte("\x00james\x00" + s))}
	},
	"hex":                   func(s string) []string { return []string{hex.EncodeToString([]byte(s))} },
	"HEX":                   func(s string) []string { return []string{strings.ToUpper(hex.EncodeToString([]byte(s)))} },
	"percent":               func(s string) []string { return []string{url.QueryEscape(s)} },
	"percent of every byte": func(s string) []string { return []string{everyByte(s, "%")} },
	"quoted-printable":      func(s string) []string { return []string{everyByte(s, "=")} },
	"xtext":                 func(s string) []string { return []string{everyByte(s, "+")} },
	"over two lines":        func(s string) []string { return []string{s[:len(s)/2], s[len(s)/2:]} },
	"base64 over three lines": func(s string) []string {
		text := base64.StdEncoding.EncodeToString([]byte("ab:" + s))
		return []string{text[:9], text[9:21], text[21:]}
	},
}

func everyByte(s, mark string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		fmt.Fprintf(&b, "%s%02X", mark, c)
	}
	return b.String()
}

// The search finds what it is for: without that, nothing found would mean nothing.
func TestLeakIsSeen(t *testing.T) {
	for name, encode := range encodings {
		for _, prefix := range []string{"S: ", "    > S2: ", ""} {
			lines := encode(markedPassword)
			text := "C: x\n"
			for i, line := range lines {
				mark := "-"
				if i == len(lines)-1 {
					mark = " "
				}
				text += prefix + "250" + mark + line + "\n"
			}
			if leak(text, markedPassword) == "" {
				t.Errorf("%s is not seen in\n%s", name, text)
			}
		}
	}
	for _, text := range []string{"", "AUTH PLAIN [sasl user=james secret=password]", "535 5.7.8 Authentication failed", strings.Repeat("Zq7-M k3d%P w!xV+ ", 9)} {
		if form := leak(text, markedPassword); form != "" {
			t.Errorf("%q is taken for a leak: %s", text, form)
		}
	}
}

// wantNoSecret fails where the marked password stands, in any form, in one of
// the texts, in a file below dir that is not one of the inputs, or in its name.
func wantNoSecret(t *testing.T, dir string, inputs []string, texts ...string) {
	t.Helper()
	for i, text := range texts {
		if form := leak(text, markedPassword); form != "" {
			t.Errorf("the password is shown, %s, in text %d:\n%s", form, i+1, text)
		}
	}
	for _, name := range filesBelow(t, dir) {
		if slices.Contains(inputs, name) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if form := leak(string(text), markedPassword); form != "" {
			t.Errorf("the password stands, %s, in the file %s:\n%s", form, name, text)
		}
		if form := leak(name, markedPassword); form != "" {
			t.Errorf("the password stands, %s, in the name of the file %s", form, name)
		}
	}
}

// filesBelow are the files below dir, by their paths from there, in order.
func filesBelow(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			var name string
			name, err = filepath.Rel(dir, path)
			found = append(found, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	slices.Sort(found)
	return found
}
