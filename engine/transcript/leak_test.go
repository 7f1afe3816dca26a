package transcript_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"mime/quotedprintable"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"smtplay/engine/transcript"
	"smtplay/engine/wire"
)

// encodings are the forms in which a secret may come.
var encodings = []func(s []byte) string{
	func(s []byte) string { return string(s) },
	base64.StdEncoding.EncodeToString,
	base64.RawURLEncoding.EncodeToString,
	func(s []byte) string { return b64("x" + string(s) + "yz") },
	func(s []byte) string { return base64.URLEncoding.EncodeToString([]byte("xy" + string(s) + "\xff")) },
	func(s []byte) string { return b64("\x00user\x00" + string(s)) },
	hex.EncodeToString,
	func(s []byte) string { return strings.ToUpper(hex.EncodeToString(s)) },
	func(s []byte) string { return url.PathEscape(string(s)) },
	func(s []byte) string {
		var b strings.Builder
		w := quotedprintable.NewWriter(&b)
		w.Binary = true
		_, _ = w.Write(s)
		w.Close()
		return b.String()
	},
	func(s []byte) string { return fmt.Sprintf("%q", s) },
	func(s []byte) string { return wire.Xtext(string(s)) },
	func(s []byte) string {
		text := b64(string(s))
		return text[:len(text)/2] + "\r\n250 " + text[len(text)/2:]
	},
}

// leaks says in which form text holds the secret, "" for none. It looks for it
// in another way than the redactor: it decodes everything.
// Behind a mask the rest of an escape that the mask took the head of means
// nothing: it is not looked at.
func leaks(text, secret string, behindMask bool) string {
	if strings.Contains(text, secret) {
		return "as it is"
	}
	if strings.Contains(strings.ToLower(text), hex.EncodeToString([]byte(secret))) {
		return "hexadecimal"
	}
	isWord := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("+/-_", c)
	}
	words := strings.FieldsFunc(text, func(c rune) bool { return !isWord(c) })
	for _, w := range words {
		w = strings.NewReplacer("-", "+", "_", "/").Replace(w)
		for shift := range min(4, len(w)) {
			part := w[shift:]
			if len(part)%4 == 1 {
				part = part[:len(part)-1]
			}
			if d, err := base64.RawStdEncoding.DecodeString(part); err == nil && strings.Contains(string(d), secret) {
				return "base64"
			}
		}
	}
	if behindMask {
		text = text[len(restOfEscape.FindString(text)):]
	}
	for mark, name := range map[byte]string{'%': "percent", '=': "quoted-printable", '+': "xtext"} {
		if strings.Contains(undo(text, mark), secret) {
			return name
		}
	}
	if s, err := strconv.Unquote(`"` + text + `"`); err == nil && utf8.ValidString(text) && strings.Contains(s, secret) {
		return "quoted"
	}
	return ""
}

var restOfEscape = regexp.MustCompile(`^[xuU]?[0-9A-Fa-f]{0,8}`)

func undo(text string, mark byte) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == mark && i+2 < len(text) {
			if v, err := strconv.ParseUint(text[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(v))
				i += 2
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// visible is what of an event is no mask.
func visible(e transcript.Event) []string {
	var parts []string
	at := 0
	for _, s := range e.Spans {
		parts = append(parts, string(e.Data[at:s.Start]))
		at = s.End
	}
	return append(parts, string(e.Data[at:]))
}

// FuzzRedact: whatever stands around it and however it is encoded, a secret is
// found in no form in what is recorded, nor in what String makes of a text.
func FuzzRedact(f *testing.F) {
	for i, tt := range redactions {
		for _, value := range tt.secrets {
			for form := range encodings {
				if (i+form)%4 == 0 {
					f.Add([]byte(value), []byte("other"), []byte(tt.text), []byte("250 ok"), uint8(form))
				}
			}
		}
	}
	f.Add([]byte("password"), []byte("word"), []byte("x"), []byte("y\r\n"), uint8(3))
	f.Fuzz(func(t *testing.T, secret, other, before, after []byte, form uint8) {
		if len(secret) == 0 || len(secret) > 200 {
			return
		}
		r := &transcript.Redactor{}
		r.Add("one", string(secret))
		r.Add("two", string(other))
		// What surrounds the secret is told apart from it by a blank: half an
		// escape before it would make it another text.
		text := around(before, encodings[int(form)%len(encodings)](secret), after)
		e := recorded(r, []byte(text))
		for i, part := range visible(e) {
			for _, s := range []string{string(secret), string(other)} {
				if how := leaks(part, s, i > 0); s != "" && how != "" {
					t.Fatalf("%q in %q is recorded as %q, which holds it: %s", s, text, e.Data, how)
				}
			}
		}
		line := transcript.AppendEvent(nil, e)
		decoded, err := transcript.Decode(append([]byte(transcript.Header+"\n"), line...))
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		var again []byte
		for _, d := range decoded {
			again = append(again, d.Data...)
		}
		if !bytes.Equal(again, e.Data) {
			t.Fatalf("%q is read as %q", e.Data, again)
		}
	})
}

func around(before []byte, secret string, after []byte) string {
	return string(before) + " " + secret + " " + string(after)
}

// Of a long token, part of it is hidden too: what a server repeats may be cut,
// within a line or into several.
func TestPartOfToken(t *testing.T) {
	var token string
	for i := range 20 {
		token += fmt.Sprintf("%x.Zq%d-", i*7919, i*i+31)
	}
	r := &transcript.Redactor{}
	r.Add("token", token)
	r.Add("phrase", "the words of mail.example.com")
	message := b64("user=james\x01auth=Bearer " + token + "\x01\x01")
	for _, row := range []struct{ said, want string }{
		{"535 no " + token[:100], "535 no [secret:token]"},
		{"535 no " + token[50:90] + " <", "535 no [secret:token] <"},
		{"535 no " + message[:200], "535 no [secret:token]"},
		{"535 no " + message[101:190], "535 no [secret:token]"},
		{"535-" + message[:120] + "\r\n535 " + message[130:], "535-[secret:token]\r\n535 [secret:token]"},
		{"535 no " + token, "535 no [secret:token]"},
		{"535 " + url.PathEscape(token[:50]+" "), "535 [secret:token]%20"},
		{"250 mail.example.com", "250 mail.example.com"},
		{"535 no " + token[:8], "535 no " + token[:8]},
	} {
		if got := r.String(row.said); got != row.want {
			t.Errorf("%q: %q, want %q", row.said, got, row.want)
		}
	}
	same := strings.Repeat("a", 100)
	r.Add("same", same)
	if got := r.String(same[1:]); got != same[1:] {
		t.Errorf("%q", got)
	}
}
