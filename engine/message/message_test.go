package message_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/mail"
	"os"
	"slices"
	"strings"
	"testing"

	gomessage "github.com/emersion/go-message"

	"smtplay/engine/message"
)

const date = "Mon, 02 Jan 2006 15:04:05 +0000"

// whole is a message with all that must be given.
func whole(edit func(*message.Message)) *message.Message {
	m := &message.Message{From: "james@example.org", To: []string{"jane@example.com"}, Subject: "hello", Date: date, ID: "token", Text: "Hi"}
	if edit != nil {
		edit(m)
	}
	return m
}

func bytesOf(t *testing.T, m *message.Message) string {
	t.Helper()
	b, err := m.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPlain(t *testing.T) {
	want := strings.ReplaceAll(`From: james@example.org
To: jane@example.com
Subject: hello
Date: Mon, 02 Jan 2006 15:04:05 +0000
Message-ID: <token@example.org>
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii
Content-Transfer-Encoding: 7bit

Hi
`, "\n", "\r\n")
	if got := bytesOf(t, whole(nil)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestAll(t *testing.T) {
	m := whole(func(m *message.Message) {
		m.HTML = "<p>Grüße"
		m.Attach = []message.Part{{Name: "Übersicht.pdf", Content: []byte("%PDF\x00\n")}, {Name: "raw", Content: []byte("a\nb\x00"), Encoding: message.Binary}}
	})
	want := strings.ReplaceAll(`MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="=_smtplay-2"

--=_smtplay-2
Content-Type: multipart/alternative; boundary="=_smtplay-1"

--=_smtplay-1
Content-Type: text/plain; charset=us-ascii
Content-Transfer-Encoding: 7bit

Hi

--=_smtplay-1
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<p>Gr=C3=BC=C3=9Fe

--=_smtplay-1--

--=_smtplay-2
Content-Type: application/pdf
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename*=utf-8''%C3%9Cbersicht.pdf

JVBERgAK
--=_smtplay-2
Content-Type: application/octet-stream
Content-Transfer-Encoding: binary
Content-Disposition: attachment; filename=raw

`, "\n", "\r\n") + "a\nb\x00\r\n--=_smtplay-2--\r\n"
	if got := bytesOf(t, m); !strings.HasSuffix(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestFields(t *testing.T) {
	for _, row := range []struct {
		reason string
		edit   func(*message.Message)
		has    []string
		not    string
	}{
		{"a subject outside ASCII", func(m *message.Message) { m.Subject = "Grüße" }, []string{"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"}, ""},
		{"a word that is encoded already", func(m *message.Message) { m.Subject = "=?iso-8859-1?q?Gr=FC=DFe?=" }, []string{"Subject: =?iso-8859-1?q?Gr=FC=DFe?=\r\n"}, ""},
		{"a name outside ASCII", func(m *message.Message) { m.From = "Jürgen <j@example.org>" }, []string{"From: =?utf-8?q?J=C3=BCrgen?= <j@example.org>\r\n", "<token@example.org>"}, ""},
		{"an address outside ASCII", func(m *message.Message) { m.From = "jürgen@bücher.example" }, []string{"From: jürgen@bücher.example\r\n", "<token@localhost>"}, ""},
		{"several recipients", func(m *message.Message) { m.To = []string{"a@example.com, b@example.com", "C <c@example.com>"} }, []string{"To: a@example.com, b@example.com, \"C\" <c@example.com>\r\n"}, ""},
		{"without a sender the first recipient writes", func(m *message.Message) { m.From, m.To = "", []string{"a@example.com", "b@example.com"} }, []string{"From: a@example.com\r\n", "<token@example.com>"}, ""},
		{"a whole Message-ID", func(m *message.Message) { m.ID = "<a.b@c>" }, []string{"Message-ID: <a.b@c>\r\n"}, ""},
		{"no Message-ID", func(m *message.Message) { m.Without = []string{"message-id"} }, nil, "essage-"},
		{"a field of one's own, in one's own spelling", func(m *message.Message) { m.Fields = []message.Field{{"X-MY-field", "1"}, {"X-MY-field", ""}} }, []string{"X-MY-field: 1\r\nX-MY-field: \r\nMIME"}, "X-My"},
		{"a date that is none", func(m *message.Message) { m.Fields = []message.Field{{"DATE", "yesterday"}} }, []string{"DATE: yesterday\r\n"}, "Date:"},
		{"two senders' fields", func(m *message.Message) { m.Fields = []message.Field{{"From", "a@b"}, {"From", "c@d"}} }, []string{"From: a@b\r\nFrom: c@d\r\n"}, "james"},
		{"long ones are folded", func(m *message.Message) { m.Subject = strings.Repeat("word  word ", 20) }, []string{" word  word\r\n word"}, strings.Repeat("word  word ", 8)},
		{"GTUBE on a line of its own", func(m *message.Message) { m.Sample = message.GTUBE }, []string{"\r\n\r\nHi\r\nXJS*C4", "*C.34X\r\n"}, ""},
		{"long lines of text are encoded", func(m *message.Message) { m.Text = strings.Repeat("x", 999) }, []string{"quoted-printable", strings.Repeat("x", 75) + "=\r\n"}, strings.Repeat("x", 80)},
		{"8bit where it is asked for", func(m *message.Message) { m.Text, m.Body = "Grüße", message.EightBit }, []string{"charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGrüße\r\n"}, ""},
		{"base64 ends with a line end", func(m *message.Message) { m.Body = message.Base64 }, []string{"\r\n\r\nSGkNCg==\r\n"}, ""},
		{"the boundary stands in no part", func(m *message.Message) { m.Text, m.HTML = "--=_smtplay-1", "--=_smtplay-2" }, []string{`boundary="=_smtplay-3"`}, ""},
		{"a message hangs on as it is", func(m *message.Message) {
			m.Attach = []message.Part{{Type: "message/rfc822", Content: []byte("Subject: x\r\n\r\ny")}}
		}, []string{"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\nContent-Disposition: attachment\r\n\r\nSubject: x\r\n\r\ny\r\n--"}, ""},
	} {
		t.Run(row.reason, func(t *testing.T) {
			got := bytesOf(t, whole(row.edit))
			for _, has := range row.has {
				if !strings.Contains(got, has) {
					t.Errorf("no %q in\n%s", has, got)
				}
			}
			if row.not != "" && strings.Contains(got, row.not) {
				t.Errorf("%q in\n%s", row.not, got)
			}
			wellFormed(t, got)
		})
	}
}

func TestWrong(t *testing.T) {
	for _, row := range []struct {
		reason string
		edit   func(*message.Message)
		want   string
	}{
		{"nobody", func(m *message.Message) { m.From, m.To = "", nil }, "needs from or to"},
		{"a line end in the subject", func(m *message.Message) { m.Subject = "a\r\nBcc: x@y" }, "Subject: it holds a line end"},
		{"a bare LF in an address", func(m *message.Message) { m.From = "a@b\nBcc: x@y" }, "From: it holds a line end"},
		{"a CR in a recipient", func(m *message.Message) { m.To = []string{"a@b\r"} }, "To: it holds a line end"},
		{"in a field", func(m *message.Message) { m.Fields = []message.Field{{"X-A", "a\nb"}} }, "X-A: it holds a line end"},
		{"in the name of a field", func(m *message.Message) { m.Fields = []message.Field{{"X-A: b\r\nX-B", "a"}} }, "no name of a header field"},
		{"in an identifier", func(m *message.Message) { m.ID = "a\r\nX: y" }, "no identifier"},
		{"in a date", func(m *message.Message) { m.Date = date + "\r\nX: y" }, "Date: it holds a line end"},
		{"in a file's name", func(m *message.Message) { m.Attach = []message.Part{{Name: "a\r\nX: y"}} }, "its name holds a line end"},
		{"in a type", func(m *message.Message) { m.Attach = []message.Part{{Type: "text/plain\r\nX: y"}} }, "no media type"},
		{"a NUL", func(m *message.Message) { m.Subject = "a\x00" }, "NUL"},
		{"bytes that are no UTF-8", func(m *message.Message) { m.Subject = "\xff" }, "not in UTF-8"},
		{"text that is no UTF-8", func(m *message.Message) { m.Text = "\xff" }, "the text: it is not in UTF-8"},
		{"no address", func(m *message.Message) { m.From = "james" }, "no list of addresses"},
		{"no date", func(m *message.Message) { m.Date = "yesterday" }, "no date as mail has it"},
		{"a field of the MIME structure", func(m *message.Message) { m.Fields = []message.Field{{"content-type", "x"}} }, "follows from what the message is made of"},
		{"7bit outside ASCII", func(m *message.Message) { m.Text, m.Body = "ü", message.SevenBit }, "not all ASCII"},
		{"8bit with long lines", func(m *message.Message) { m.Text, m.Body = strings.Repeat("x", 999), message.EightBit }, "a line has 999 bytes"},
		{"a binary part in 8bit", func(m *message.Message) {
			m.Attach = []message.Part{{Content: []byte("a\n"), Encoding: message.EightBit}}
		}, "CR or LF alone"},
		{"a word beyond every line", func(m *message.Message) { m.Subject = strings.Repeat("x", 998) }, "a word of it has more than 998 bytes"},
		{"a message with multipart hanging on", func(m *message.Message) { m.Attach = []message.Part{{Type: "multipart/mixed"}} }, "made of parts"},
		{"addresses without end", func(m *message.Message) { m.From = strings.Repeat("(", 1<<20) }, "at most 65536 bytes"},
		{"a date without end", func(m *message.Message) { m.Date = date + strings.Repeat("(", 1<<20) }, "is no date"},
		{"a name without end", func(m *message.Message) { m.Attach = []message.Part{{Name: strings.Repeat("ü", 1<<20)}} }, "at most 998 bytes"},
		{"a header without end", func(m *message.Message) {
			m.Fields = slices.Repeat([]message.Field{{"X", strings.Repeat("x ", 1<<20)}}, 40)
		}, "the header is larger"},
		{"a field's name without end", func(m *message.Message) { m.Fields = []message.Field{{strings.Repeat("x", 1<<20), "y"}} }, "a word of it has more"},
		{"every boundary", func(m *message.Message) {
			for n := range 30 {
				m.Text += fmt.Sprintf("--=_smtplay-%d\n", n)
			}
			m.HTML = "x"
		}, "every boundary"},
		{"a size below what there is", func(m *message.Message) { m.Size = 10 }, "size 10 is impossible: without any filling the message has "},
		{"a size of a byte more", func(m *message.Message) { m.Size = int64(len(bytesOf(t, whole(nil)))) + 1 }, "at least 2"},
		{"a size beyond all bounds", func(m *message.Message) { m.Size = 1 << 40 }, "the largest has 67108864"},
		{"a negative size", func(m *message.Message) { m.Size = -1 }, "cannot be made"},
		{"a size in base64", func(m *message.Message) { m.Size, m.Body = 1000, message.Base64 }, "four bytes at a time"},
	} {
		t.Run(row.reason, func(t *testing.T) {
			b, err := whole(row.edit).Bytes()
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("%v, want %q\n%s", err, row.want, b)
			}
		})
	}
}

// A message has the size that was asked for, to the byte, whatever it is made of.
func TestSize(t *testing.T) {
	for reason, edit := range map[string]func(*message.Message){
		"text":             func(m *message.Message) {},
		"no text":          func(m *message.Message) { m.Text = "" },
		"quoted-printable": func(m *message.Message) { m.Text = "Grüße" },
		"8bit":             func(m *message.Message) { m.Text, m.Body = "Grüße", message.EightBit },
		"HTML":             func(m *message.Message) { m.HTML = "<p>x" },
		"a part":           func(m *message.Message) { m.Attach = []message.Part{{Name: "x", Content: []byte("y")}} },
		"binary":           func(m *message.Message) { m.Body = message.Binary },
	} {
		base := int64(1200)
		for size := base; size < base+400; size++ {
			got := bytesOf(t, whole(func(m *message.Message) { edit(m); m.Size = size }))
			if int64(len(got)) != size {
				t.Fatalf("%s: %d bytes, want %d", reason, len(got), size)
			}
			wellFormed(t, got)
		}
	}
	const large = 10240000
	if got := bytesOf(t, whole(func(m *message.Message) { m.Size = large })); len(got) != large {
		t.Errorf("%d bytes, want %d", len(got), large)
	}
}

// wellFormed checks the lines of a message without binary parts.
func wellFormed(t *testing.T, m string) {
	t.Helper()
	if !strings.HasSuffix(m, "\r\n") {
		t.Errorf("no line end at the end of %q", m)
	}
	for line := range strings.SplitSeq(m, "\r\n") {
		if len(line) > 998 || strings.ContainsAny(line, "\r\n\x00") {
			t.Errorf("a bad line: %q", line)
		}
	}
}

// A line with an encoded word has 76 bytes at most (RFC 2047 2), the first of a
// field included, and the words say what they were made of.
func TestEncodedLines(t *testing.T) {
	for n := range 200 {
		text := strings.Repeat("x", n) + " Grüße = ?_ 😀\t" + strings.Repeat("ü", n)
		got := bytesOf(t, whole(func(m *message.Message) {
			m.Subject, m.Fields = text, []message.Field{{"X-Some-Longer-Name", text}}
		}))
		e, err := gomessage.Read(strings.NewReader(got))
		if err != nil {
			t.Fatal(err)
		}
		for _, field := range []string{"Subject", "X-Some-Longer-Name"} {
			if said, err := e.Header.Text(field); err != nil || said != text {
				t.Fatalf("%s: %q, %v, want %q", field, said, err, text)
			}
		}
		for line := range strings.SplitSeq(got, "\r\n") {
			if len(line) > 76 && strings.Contains(line, "=?") {
				t.Fatalf("%d bytes: %s", len(line), line)
			}
		}
	}
}

// The samples are what the world knows under their names, and stand in no
// program that was made of this.
func TestSamples(t *testing.T) {
	eicar := attached(t, bytesOf(t, whole(func(m *message.Message) { m.Sample = message.EICAR })))
	if sum := sha256.Sum256(eicar); len(eicar) != 68 || hex.EncodeToString(sum[:]) != "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f" {
		t.Errorf("%d bytes, sum %x", len(eicar), sum)
	}
	text := bytesOf(t, whole(func(m *message.Message) { m.Sample, m.Text = message.GTUBE, "" }))
	_, gtube, _ := strings.Cut(text, "\r\n\r\n")
	if len(gtube) != 68+2 {
		t.Errorf("%d bytes of GTUBE", len(gtube))
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(code, eicar) || bytes.Contains(code, []byte(strings.TrimSpace(gtube))) {
		t.Error("a scanner would take this program for what it only speaks of")
	}
}

// attached is the last part of a message, decoded.
func attached(t *testing.T, m string) (content []byte) {
	t.Helper()
	e, err := gomessage.Read(strings.NewReader(m))
	if err != nil {
		t.Fatal(err)
	}
	parts := e.MultipartReader()
	for {
		part, err := parts.NextPart()
		if err != nil {
			return content
		}
		if content, err = io.ReadAll(part.Body); err != nil {
			t.Fatal(err)
		}
	}
}

// FuzzMessage: a message made of any strings is refused, or says to a reader what
// it was made of, and nothing more.
func FuzzMessage(f *testing.F) {
	f.Add("james@example.org", "hello", "X-A", "1", "Hi\n", "<p>", "a.pdf", []byte("x"), int64(0))
	f.Add("Jürgen <j@example.org>", "Grüße aus Köln, recht lang, damit es mehrere Wörter werden müssen", "Received", "from a by b", ".\r\n..\n", "", "ü.txt", []byte{0, 10, 13}, int64(2000))
	f.Add("a@b\r\nBcc: c@d", "x\r\n\r\ny", "X-A: b\r\nX", "\n", "--=_smtplay-1--", "--=_smtplay-1", "a\r\nb", []byte("--=_smtplay-1--\r\n"), int64(701))
	f.Add(`"a b"@example.org`, "  two  blanks  ", "Subject", " =?utf-8?q?x?= ", "\x00", "\r", `a"b\.txt`, []byte{}, int64(-1))
	f.Fuzz(func(t *testing.T, from, subject, name, value, text, html, file string, content []byte, size int64) {
		m := &message.Message{From: from, To: []string{"jane@example.com"}, Subject: subject, Date: date, ID: "token", Text: text, HTML: html,
			Fields: []message.Field{{name, value}}, Attach: []message.Part{{Name: file, Content: content}}, Size: size % 10000}
		b, err := m.Bytes()
		if err != nil {
			return
		}
		if m.Size != 0 && int64(len(b)) != m.Size {
			t.Fatalf("%d bytes, want %d", len(b), m.Size)
		}
		wellFormed(t, string(b))
		read, err := mail.ReadMessage(bytes.NewReader(b))
		if err != nil {
			t.Fatalf("%v\n%q", err, b)
		}
		if n := len(read.Header); n > 8 {
			t.Errorf("%d fields: %v", n, read.Header)
		}
		e, err := gomessage.Read(bytes.NewReader(b))
		if err != nil {
			t.Fatalf("%v\n%q", err, b)
		}
		blank := func(s string) string {
			return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\t' }), " ")
		}
		for field, want := range map[string]string{"Subject": subject, name: value} {
			if strings.EqualFold(name, "Subject") && field != name || strings.Contains(want, "=?") {
				continue
			}
			if got, err := e.Header.Text(field); err != nil || blank(got) != blank(want) {
				t.Errorf("%s: %q, %v, want %q\n%q", field, got, err, want, b)
			}
		}
		if !strings.EqualFold(name, "From") {
			want, err := mail.ParseAddressList(from)
			if from == "" {
				want, err = mail.ParseAddressList("jane@example.com")
			}
			got, gotErr := read.Header.AddressList("From")
			if err != nil || gotErr != nil || len(got) != len(want) {
				t.Fatalf("from %q: %v, %v\n%q", from, err, gotErr, b)
			}
			for i := range got {
				if *got[i] != *want[i] && !strings.Contains(from, "=?") {
					t.Errorf("from %q: %v, want %v", from, got[i], want[i])
				}
			}
		}
		if got := attached(t, string(b)); !bytes.Equal(got, content) {
			t.Errorf("attached %q, want %q\n%q", got, content, b)
		}
		if !strings.Contains(strings.ReplaceAll(string(b), "=\r\n", ""), "token@") && !strings.EqualFold(name, "Message-ID") {
			t.Errorf("no token in %q", b)
		}
	})
}

// Filling is text, also beside HTML that stood alone.
func TestSizeOfHTML(t *testing.T) {
	for _, size := range []int64{600, 10000} {
		got := bytesOf(t, whole(func(m *message.Message) { m.Text, m.HTML, m.Size = "", "<p>Hi", size }))
		if int64(len(got)) != size || !strings.Contains(got, "multipart/alternative") {
			t.Errorf("%d: %d bytes\n%.700s", size, len(got), got)
		}
	}
}
