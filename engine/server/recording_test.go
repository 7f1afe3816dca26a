package server_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"smtplay/engine/server"
	"smtplay/engine/transcript"
)

// file is a transcript of these lines.
func file(lines ...string) []byte {
	return []byte(transcript.Header + "\n" + strings.Join(lines, "\n") + "\n")
}

// recording plays transcripts, the first of them called a.smtp, and keeps what
// clients left them for.
type recording struct {
	server.Recording
	mu   sync.Mutex
	left []*server.Departure
}

func record(t *testing.T, files ...[]byte) *recording {
	t.Helper()
	r := &recording{}
	for i, f := range files {
		if err := r.Add(string(rune('a'+i))+".smtp", f); err != nil {
			t.Fatal(err)
		}
	}
	r.Left = func(d *server.Departure) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.left = append(r.left, d)
	}
	return r
}

// departures are what clients left for, each as "a.smtp:7 want | got | answer".
func (r *recording) departures() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for _, d := range r.left {
		all = append(all, fmt.Sprintf("%v %s | %s | %s", d.Pos, d.Want, d.Got, d.Answer))
	}
	return all
}

// start serves it; what leaves it is no failure of the test.
func (r *recording) start(t *testing.T) *server.Server {
	t.Helper()
	srv := &server.Server{Handler: r.Serve}
	if err := srv.Listen(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	return srv
}

var (
	relay = file(
		"* connect smtp 127.0.0.1:25",
		"S: 220 mail.example.com ESMTP",
		"C: EHLO me",
		"S: 250-mail.example.com",
		"S: 250 PIPELINING",
		"C: MAIL FROM:<a@b.example>",
		"S: 250 2.1.0 Ok",
		"C: RCPT TO:<c@d.example>",
		"S: 554 5.7.1 Relay access denied",
		"C: RSET",
		"S: 250 2.0.0 Ok",
		"C: QUIT",
		"S: 221 2.0.0 Bye",
		"* close client")
	message = file(
		"* connect smtp 127.0.0.1:25",
		"S: 220 hi",
		"C: DATA",
		"S: 354 go",
		"C: Subject: hello",
		"C: Date: Mon, 2 Nov 2026 21:15:52 +0000",
		"C: Message-ID: <1@b.example>",
		`C: Content-Type: multipart/mixed; boundary="first-boundary"`,
		"C: ",
		"C: --first-boundary",
		"C: sent at Mon, 2 Nov 2026 21:15:52 +0000, [unique]",
		"C: ..dot",
		"C: .",
		"S: 250 2.0.0 Ok: queued as 1",
		"C: QUIT",
		"S: 221 Bye",
		"* close client")
	letter = "Subject: hello\r\nDate: Tue, 3 Nov 2026 21:15:52 +0000\r\nMessage-ID:\r\n <2@b.example>\r\nReceived: by me\r\n" +
		"Content-Type: multipart/mixed; boundary=\"other-boundary\"\r\n\r\n--other-boundary\r\nsent at Tue, 3 Nov 2026 21:15:52 +0000, xyz\r\n..dot\r\n."
	plain = file(
		"* connect submission 127.0.0.1:25",
		"S: 220 hi",
		"C: AUTH PLAIN [sasl user=james@b.example secret=password]",
		"S: 235 2.7.0 in",
		"C: QUIT",
		"S: 221 Bye",
		"* close client")
	byHand = file(
		"* connect submission 127.0.0.1:25",
		"S: 220 hi",
		"C: AUTH LOGIN",
		"S: 334 VXNlcm5hbWU6",
		"C: amFtZXM=",
		"S: 334 UGFzc3dvcmQ6",
		"C: [secret:password]",
		"S: 535 5.7.8 not [secret:password]",
		"C: QUIT",
		"S: 221 Bye",
		"* close client")
)

// saslPlain is a PLAIN message.
func saslPlain(user, password string) string { return b64("\x00" + user + "\x00" + password) }

// turns is talk, in which "\x00" at the end of what is sent stands for no line end.
func (c *client) turns(turns ...string) {
	c.t.Helper()
	for i := 0; i < len(turns); i += 2 {
		send, reply := turns[i], turns[i+1]
		if piece, ok := strings.CutSuffix(send, "\x00"); ok {
			c.send(piece)
			send = ""
		}
		c.talk(send, reply)
	}
}

func TestRecording(t *testing.T) {
	quit := []string{"QUIT", "221 "}
	tests := []struct {
		name    string
		file    []byte
		lenient bool
		turns   []string
		left    []string
	}{
		{"as it was", relay, false, []string{"", "220 mail.example.com ESMTP", "EHLO me", "250-mail.example.com|250 PIPELINING", "MAIL FROM:<a@b.example>", "250 2.1.0 Ok",
			"RCPT TO:<c@d.example>", "554 5.7.1 Relay access denied", "RSET", "250 2.0.0 Ok", "QUIT", "221 2.0.0 Bye"}, nil},
		{"pipelined", relay, false, []string{"", "220 ", "EHLO me\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nRSET\r\nQUIT", "250-", "", "250 2.1.0", "", "554 ", "", "250 2.0.0", "", "221 "}, nil},
		{"without a QUIT", relay, false, []string{"", "220 ", "EHLO me", "250-", "MAIL FROM:<a@b.example>", "250 ", "RCPT TO:<c@d.example>", "554 ", "RSET", "250 "}, nil},
		{"another command", relay, false, []string{"", "220 ", "EHLO me", "250-", "MAIL FROM:<x@b.example>", `554 5.5.0 a.smtp:7 has MAIL FROM:<a@b.example>`,
			"RCPT TO:<c@d.example>", "503 5.5.1 The recording was left at a.smtp:7", "QUIT", "221 "},
			[]string{"a.smtp:7 MAIL FROM:<a@b.example> | MAIL FROM:<x@b.example> | 554 5.5.0 a.smtp:7 has MAIL FROM:<a@b.example>"}},
		{"another case", relay, false, []string{"", "220 ", "ehlo me", "554 "}, []string{"a.smtp:4 EHLO me | ehlo me | 554 5.5.0 a.smtp:4 has EHLO me"}},
		{"another line end", relay, false, []string{"", "220 ", "EHLO me\r\nMAIL FROM:<a@b.example>\nRSET", "250-", "", "554 ", "", "503 "},
			[]string{`a.smtp:7 MAIL FROM:<a@b.example> | MAIL FROM:<a@b.example>\x0a | 554 5.5.0 a.smtp:7 has MAIL FROM:<a@b.example>`}},
		{"a command too many", relay, false, []string{"", "220 ", "EHLO me", "250-", "NOOP", "554 "}, []string{"a.smtp:7 MAIL FROM:<a@b.example> | NOOP | 554 5.5.0 a.smtp:7 has MAIL FROM:<a@b.example>"}},
		{"an early QUIT", relay, false, []string{"", "220 ", "EHLO me", "250-", "quit", "221 2.0.0 a.smtp:7 was still to come"},
			[]string{"a.smtp:7 MAIL FROM:<a@b.example> | quit | 221 2.0.0 a.smtp:7 was still to come"}},
		{"an early end", relay, false, []string{"", "220 ", "EHLO me", "250-"}, []string{"a.smtp:7 MAIL FROM:<a@b.example> | the end of the connection | "}},
		{"not a word", relay, false, []string{"", "220 "}, []string{"a.smtp:4 EHLO me | the end of the connection | "}},
		{"half a word", relay, false, []string{"", "220 ", "EHLO me\r\nMAI\x00", "250-"}, []string{`a.smtp:7 MAIL FROM:<a@b.example> | MAI\, then the end of the connection | `}},
		{"TLS in clear", relay, false, []string{"", "220 ", "\x16\x03\x01\x00", ""}, []string{"a.smtp:4 EHLO me | the beginning of a TLS handshake | "}},
		{"a word behind the end", file("* connect smtp x:1", "S: 220 hi", "* close client"), false, []string{"", "220 ", "NOOP", "554 5.5.0 a.smtp:4 has the end of the connection"},
			[]string{"a.smtp:4 the end of the connection | NOOP | 554 5.5.0 a.smtp:4 has the end of the connection"}},
		{"half a word behind the end", file("* connect smtp x:1", "S: 220 hi", "* close client"), false, []string{"", "220 ", "abc\x00", ""}, []string{`a.smtp:4 the end of the connection | abc\, then the end of the connection | `}},
		{"a QUIT that is not the end", file("* connect smtp x:1", "S: 220 hi", "C: QUIT", "S: 500 no", "C: NOOP", "S: 250 ok", "* close client"), false, []string{"", "220 ", "RSET", "554 "}, []string{"a.smtp:4 QUIT | RSET | 554 5.5.0 a.smtp:4 has QUIT"}},
		{"no end was recorded", file("* connect smtp x:1", "S: 220 hi"), false, []string{"", "220 ", "NOOP", "554 5.5.0 a.smtp:3 "}, []string{"a.smtp:3 the end of the connection | NOOP | 554 5.5.0 a.smtp:3 has the end of the connection"}},

		{"lenient", relay, true, []string{"", "220 ", "ehlo you", "250-", "mail from:<> SIZE=3", "250 ", "rcpt TO:<>", "554 ", "rset", "250 ", "quit", "221 "}, nil},
		{"lenient, another verb", relay, true, []string{"", "220 ", "HELO you", "554 "}, []string{"a.smtp:4 EHLO me | HELO you | 554 5.5.0 a.smtp:4 has EHLO me"}},

		{"a message", message, false, append([]string{"", "220 ", "DATA", "354 ", letter, "250 2.0.0 Ok: queued as 1"}, quit...), nil},
		{"another subject", message, false, append([]string{"", "220 ", "DATA", "354 ", strings.Replace(letter, "hello", "hullo", 1), "554 5.5.0 a.smtp:6 has Subject: hello", "NOOP", "503 "}, quit...),
			[]string{"a.smtp:6 Subject: hello | Subject: hullo | 554 5.5.0 a.smtp:6 has Subject: hello"}},
		{"another text", message, false, []string{"", "220 ", "DATA", "354 ", strings.Replace(letter, "..dot", "..dots", 1), "554 "}, []string{"a.smtp:13 ..dot | ..dots | 554 5.5.0 a.smtp:13 has ..dot"}},
		{"a line more", message, false, []string{"", "220 ", "DATA", "354 ", strings.Replace(letter, "\r\n.", "\r\nmore\r\n.", 1), "554 "}, []string{"a.smtp:13 ..dot | more | 554 5.5.0 a.smtp:13 has ..dot"}},
		{"a line less", message, false, []string{"", "220 ", "DATA", "354 ", strings.Replace(letter, "..dot\r\n", "", 1), "554 "}, []string{"a.smtp:13 ..dot | . | 554 5.5.0 a.smtp:13 has ..dot"}},
		{"half a message", message, false, []string{"", "220 ", "DATA", "354 ", "Subject: hello\r\nDate: now\x00", ""}, []string{`a.smtp:9 Content-Type: multipart/mixed; boundary="first-boundary" | the end of the connection | `}},
		{"lenient with a message", message, true, append([]string{"", "220 ", "data", "354 ", "x\r\n.", "250 "}, quit...), nil},
		{"lenient, half a message", message, true, []string{"", "220 ", "data", "354 ", "x", ""}, []string{`a.smtp:6 Subject: hello | the end of the connection | `}},

		{"AUTH PLAIN", plain, false, append([]string{"", "220 ", "AUTH PLAIN " + saslPlain("james@b.example", "any"), "235 "}, quit...), nil},
		{"another user", plain, false, []string{"", "220 ", "AUTH PLAIN " + saslPlain("mallory", "hunter2-XyZ"), "554 "},
			[]string{"a.smtp:4 AUTH PLAIN [sasl user=james@b.example secret=password] | AUTH PLAIN [sasl user=mallory secret=password] | 554 5.5.0 a.smtp:4 has AUTH PLAIN [sasl user=james@b.example secret=password]"}},
		{"for somebody else", file("* connect smtp x:1", "S: 220 hi", "C: AUTH PLAIN [sasl identity=a user=b secret=c]", "S: 235 in", "* close server"), false, []string{"", "220 ", "AUTH PLAIN " + saslPlain("b", "any"), "554 "},
			[]string{"a.smtp:4 AUTH PLAIN [sasl identity=a user=b secret=c] | AUTH PLAIN [sasl user=b secret=password] | 554 5.5.0 a.smtp:4 has AUTH PLAIN [sasl identity=a user=b secret=c]"}},
		{"no base64", plain, false, []string{"", "220 ", "AUTH PLAIN ~hunter2", "554 "},
			[]string{"a.smtp:4 AUTH PLAIN [sasl user=james@b.example secret=password] | AUTH PLAIN [sasl] | 554 5.5.0 a.smtp:4 has AUTH PLAIN [sasl user=james@b.example secret=password]"}},
		{"AUTH LOGIN, the password said back", byHand, false, append([]string{"", "220 ", "AUTH LOGIN", "334 VXNlcm5hbWU6", "amFtZXM=", "334 UGFzc3dvcmQ6", b64("any"), "535 5.7.8 not " + b64("any")}, quit...), nil},
		{"AUTH LOGIN, another user", byHand, false, []string{"", "220 ", "AUTH LOGIN", "334 ", "bWFsbG9yeQ==", "554 "}, []string{"a.smtp:6 amFtZXM= | bWFsbG9yeQ== | 554 5.5.0 a.smtp:6 has amFtZXM="}},
		{"a password typed ahead", byHand, false, []string{"", "220 ", "AUTH LOGIN\r\nbWFsbG9yeQ==\r\nczNjcmV0LVB3", "334 ", "", "554 ", "", "503 "}, []string{"a.smtp:6 amFtZXM= | bWFsbG9yeQ== | 554 5.5.0 a.smtp:6 has amFtZXM="}},
		{"AUTH LOGIN, given up", byHand, false, []string{"", "220 ", "AUTH LOGIN", "334 ", "amFtZXM=", "334 ", "*", "554 "}, []string{"a.smtp:8 [secret:password] | * | 554 5.5.0 a.smtp:8 has [secret:password]"}},
		{"AUTH LOGIN, given up leniently", byHand, true, []string{"", "220 ", "AUTH LOGIN", "334 ", "YW55", "334 ", "*", "554 "}, []string{"a.smtp:8 [secret:password] | * | 554 5.5.0 a.smtp:8 has [secret:password]"}},
		{"AUTH LOGIN, no base64", byHand, false, []string{"", "220 ", "AUTH LOGIN", "334 ", "amFtZXM=", "334 ", "hunter2~", "554 "}, []string{"a.smtp:8 [secret:password] | [sasl] | 554 5.5.0 a.smtp:8 has [secret:password]"}},
		{"a mechanism of which nothing is known", file("* connect smtp x:1", "S: 220 hi", "C: AUTH X [sasl]", "S: 334 Zm9v", "C: [sasl secret=password]", "S: 501 what", "* close server"), false,
			[]string{"", "220 ", "AUTH X Zm9v", "334 Zm9v", "~", "501 what"}, nil},
		{"and no base64", file("* connect smtp x:1", "S: 220 hi", "C: AUTH X [sasl]", "S: 334 Zm9v", "* close server"), false,
			[]string{"", "220 ", "AUTH X ~", "554 "}, []string{"a.smtp:4 AUTH X [sasl] | AUTH X [sasl], which is not what the mask stands for | 554 5.5.0 a.smtp:4 has AUTH X [sasl]"}},
		{"and given up", file("* connect smtp x:1", "S: 220 hi", "C: AUTH X [sasl]", "S: 334 Zm9v", "C: [sasl secret=password]", "S: 501 what", "* close server"), false,
			[]string{"", "220 ", "AUTH X Zm9v", "334 Zm9v", "*", "554 "}, []string{"a.smtp:6 [sasl secret=password] | * | 554 5.5.0 a.smtp:6 has [sasl secret=password]"}},
		{"lenient AUTH in two lines", plain, true, append([]string{"", "220 ", "AUTH plain", "334 ", saslPlain("james@b.example", "any"), "235 "}, quit...), nil},
		{"strict AUTH in two lines", plain, false, []string{"", "220 ", "AUTH PLAIN", "554 "}, []string{"a.smtp:4 AUTH PLAIN [sasl user=james@b.example secret=password] | AUTH PLAIN | 554 5.5.0 a.smtp:4 has AUTH PLAIN [sasl user=james@b.example secret=password]"}},

		{"what stood in a mask is said back", file("* connect smtp x:1", "S: 220 hi", "C: VRFY a-[unique]@b [unique]", "S: 252 [unique] a-[unique]@b [queue-id]", "* close server"), false,
			[]string{"", "220 ", "VRFY a-kxq@b zzz", "252 kxq a-zzz@b [queue-id]"}, nil},
		{"nothing in a mask", file("* connect smtp x:1", "S: 220 hi", "C: VRFY a-[unique]@b", "S: 252 ok", "* close server"), false,
			[]string{"", "220 ", "VRFY a-@b", "554 "}, []string{"a.smtp:4 VRFY a-[unique]@b | VRFY a-@b | 554 5.5.0 a.smtp:4 has VRFY a-[unique]@b"}},

		{"unasked, malformed and unfinished", file("* connect smtp x:1", `S: 220 hi\x0a`, "C: NOOP", "S: 250 one", "S: 250 two", "C: NOOP", "S: 2500 what", `S: 25\`, "* close server"), false,
			[]string{"", "220 hi\n", "NOOP", "250 one", "", "250 two", "NOOP", "2500 what"}, nil},
		{"pipelined when it was recorded", file("* connect smtp x:1", "S: 220 hi", "C: MAIL FROM:<>", "C: RCPT TO:<a@b>", "C: DATA", "S: 250 a", "S: 550-b", "S: 550 b", "S: 354 c", "C: .", "S: 250 d", "* close server"), false,
			[]string{"", "220 hi", "MAIL FROM:<>", "250 a", "RCPT TO:<a@b>", "550-b|550 b", "DATA", "354 c", ".", "250 d"}, nil},
		{"typed ahead when it was recorded", file("* connect smtp x:1", "C: EHLO me", "S: 220 hi", "S: 250 you", "* close server"), false, []string{"", "220 hi", "EHLO me", "250 you"}, nil},
		{"blindly when it was recorded", file("* connect smtp x:1", "S: 220 hi", "C: DATA", "C: text", "C: .", "S: 354 go", "S: 250 ok", "* close server"), false, []string{"", "220 hi", "DATA", "354 go", "text\r\n.", "250 ok"}, nil},
		{"LMTP", file("* connect lmtp unix:/a b", "S: 220 hi", "C: DATA", "S: 354 go", "C: .", "S: 250 one", "S: 452 two", "* close server"), false, []string{"", "220 hi", "DATA", "354 go", ".", "250 one", "", "452 two"}, nil},
		{"a chunk without a line end", file("* connect smtp x:1", "S: 220 hi", "C: BDAT 5 LAST", `C: ab\x0a`, `C: c\`, `C: d\`, "S: 250 ok", "C: QUIT", "S: 221 bye", "* close client"), false, append([]string{"", "220 hi"}, "BDAT 5 LAST\r\nab\ncdQUIT", "250 ok", "", "221 bye"), nil},
		{"a chunk with a mask", file("* connect smtp x:1", "S: 220 hi", "C: BDAT 7", "C: a[unique]", `C: b\`, "S: 250 ok", "* close client"), false, []string{"", "220 hi", "BDAT 7\r\nakxy\r\nb\x00", "", "", "250 ok"}, nil},
		{"another chunk", file("* connect smtp x:1", "S: 220 hi", "C: BDAT 3", `C: abc\`, "S: 250 ok", "* close client"), false, []string{"", "220 hi", "BDAT 3\r\nabd", "554 "}, []string{`a.smtp:5 abc\ | abd\ | 554 5.5.0 a.smtp:5 has abc\`}},
		{"half a chunk, as it was", file("* connect smtp x:1", "S: 220 hi", "C: BDAT 30", `C: abc\`, "* close client"), false, []string{"", "220 hi", "BDAT 30\r\nabc\x00", ""}, nil},
		{"half a message, as it was", file("* connect smtp x:1", "S: 220 hi", "C: DATA", "S: 354 go", "C: abc", `C: d\`, "* close client"), false, []string{"", "220 hi", "DATA", "354 ", "abc\r\nd\x00", ""}, nil},
		{"a piece of a line", file("* connect smtp x:1", "S: 220 hi", `C: ab\`, `C: c\`, "S: 500 what", "C: d", "S: 250 ok", "* close server"), false, []string{"", "220 hi", "abcd", "500 what", "", "250 ok"}, nil},
		{"another piece", file("* connect smtp x:1", "S: 220 hi", `C: abcdef\`, "S: 500 what", "* close server"), false, []string{"", "220 hi", "abQ\x00", "554 "}, []string{`a.smtp:4 abcdef\ | abQ\ | 554 5.5.0 a.smtp:4 has abcdef\`}},
		{"a 421 at once", file("* connect smtp x:1", "S: 421 busy", "* close client"), false, []string{"", "421 busy"}, nil},
		{"the 221 is the end", relay, true, []string{"", "220 ", "EHLO", "250-", "MAIL", "250 ", "RCPT", "554 ", "RSET", "250 ", "QUIT", "221 2.0.0 Bye"}, nil},
		{"notes and steps", file("* step one", "* note two", "* connect smtp x:1", "* note three", "S: 220 hi", "* note in this reply: 8-bit text", "* step four", "C: NOOP", "S: 250 ok", "* close server", "* note five"), false, []string{"", "220 hi", "NOOP", "250 ok"}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := record(t, test.file)
			r.Lenient = test.lenient
			srv := r.start(t)
			c := dial(t, srv)
			c.turns(test.turns...)
			c.conn.Close()
			err := srv.Wait(t.Context(), 1)
			if got := r.departures(); !slices.Equal(got, test.left) {
				t.Errorf("left:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(test.left, "\n"))
			}
			if (err != nil) != (len(test.left) > 0) || err != nil && !errors.Is(err, server.ErrMismatch) {
				t.Errorf("the session ended with %v", err)
			}
		})
	}
}
