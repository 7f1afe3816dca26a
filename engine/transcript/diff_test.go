package transcript_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"smtplay/engine/transcript"
)

// login is a conversation as Postfix holds it.
const login = `
* connect smtp 127.0.0.1:2525
S: 220 maila.example.com ESMTP Postfix
C: ehlo client.example.org
S: 250-maila.example.com
S: 250-PIPELINING
S: 250-SIZE 30720000
S: 250-STARTTLS
S: 250-AUTH PLAIN LOGIN
S: 250-AUTH=PLAIN LOGIN
S: 250-ENHANCEDSTATUSCODES
S: 250-8BITMIME
S: 250 DSN
C: AUTH PLAIN [sasl user=james@new.example.com secret=password]
S: 235 2.7.0 Authentication successful
C: mail from:<james@example.org>
S: 250 2.1.0 Ok
C: rcpt to:<james@example.com>
S: 250 2.1.5 Ok
C: data
S: 354 End data with <CR><LF>.<CR><LF>
C: Hi James
C: .
S: 250 2.0.0 Ok: queued as 217083C8C1
C: QUIT
S: 221 2.0.0 Bye
* close client
`

// The tables show what a change of one thing leads to, and nothing else.
func TestDiff(t *testing.T) {
	edit := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(login) }
	for _, tt := range []struct{ name, before, after, want string }{
		{"nothing", login, edit("217083C8C1", "4VQ6Hr0z9nzXhPqC", ":2525", ":2526"), ""},
		{"a code", login, edit("S: 250 2.1.0 Ok", "S: 550 2.1.0 Ok"), `
@@ -16,2 +16,2 @@ mail from:<james@example.org>
 C: mail from:<james@example.org>
-S: 250 2.1.0 Ok
+S: 550 2.1.0 Ok
`},
		{"the reply to a message", login, edit("queued as", "kept as"), `
@@ -22,3 +22,3 @@ .
 C: Hi James
 C: .
-S: 250 2.0.0 Ok: queued as [queue-id]
+S: 250 2.0.0 Ok: kept as 217083C8C1
`},
		{"the greeting", login, edit("S: 220 maila", "S: 220 mailb"), `
@@ -2,2 +2,2 @@ the connect
 * connect smtp 127.0.0.1:[port]
-S: 220 maila.example.com ESMTP Postfix
+S: 220 mailb.example.com ESMTP Postfix
`},
		{"capabilities in another order", login, edit("S: 250-PIPELINING\nS: 250-SIZE 30720000\n", "", "S: 250 DSN", "S: 250-DSN\nS: 250-SIZE 30720000\nS: 250 PIPELINING"), ""},
		{"mechanisms in another order", login, edit("AUTH PLAIN LOGIN", "AUTH LOGIN PLAIN"), ""},
		{"one capability on two lines", login, edit("S: 250-AUTH PLAIN LOGIN", "S: 250-AUTH LOGIN\nS: 250-auth PLAIN"), ""},
		{"the last capability is gone", login, edit("S: 250-8BITMIME\nS: 250 DSN", "S: 250 8BITMIME"), `
@@ -10,4 +10,3 @@ ehlo client.example.org
 S: 250-AUTH=PLAIN LOGIN
 S: 250-ENHANCEDSTATUSCODES
 S: 250-8BITMIME
-S: 250 DSN
`},
		{"a mechanism and a size", login, edit("AUTH PLAIN LOGIN", "AUTH PLAIN", "SIZE 30720000", "SIZE 10240000"), `
@@ -4,9 +4,9 @@ ehlo client.example.org
 C: ehlo client.example.org
 S: 250-maila.example.com
 S: 250-PIPELINING
-S: 250-SIZE 30720000
+S: 250-SIZE 10240000
 S: 250-STARTTLS
-S: 250-AUTH PLAIN LOGIN
+S: 250-AUTH PLAIN
 S: 250-AUTH=PLAIN LOGIN
 S: 250-ENHANCEDSTATUSCODES
 S: 250-8BITMIME
`},
		{"two changes far apart in one reply", login, edit("S: 250 DSN", "S: 250-DSN\nS: 250 CHUNKING", "S: 250-maila", "S: 250-mailb"), `
@@ -4,5 +4,5 @@ ehlo client.example.org
 C: ehlo client.example.org
-S: 250-maila.example.com
+S: 250-mailb.example.com
 S: 250-PIPELINING
 S: 250-SIZE 30720000
 S: 250-STARTTLS
@@ -11,3 +11,4 @@ ehlo client.example.org
 S: 250-ENHANCEDSTATUSCODES
 S: 250-8BITMIME
 S: 250 DSN
+S: 250 CHUNKING
`},
		{"EHLO refused", login, strings.Replace(login, login[strings.Index(login, "S: 250-maila"):strings.Index(login, "C: AUTH")], "S: 502 5.5.1 no\n", 1), `
@@ -4,10 +4,2 @@ ehlo client.example.org
 C: ehlo client.example.org
-S: 250-maila.example.com
-S: 250-PIPELINING
-S: 250-SIZE 30720000
-S: 250-STARTTLS
-S: 250-AUTH PLAIN LOGIN
-S: 250-AUTH=PLAIN LOGIN
-S: 250-ENHANCEDSTATUSCODES
-S: 250-8BITMIME
-S: 250 DSN
+S: 502 5.5.1 no
`},
		{"an exchange more, and one less", login, edit("C: mail from:", "C: NOOP\nS: 250 2.0.0 Ok\nC: mail from:", "C: rcpt to:<james@example.com>\nS: 250 2.1.5 Ok\n", ""), `
@@ -15,0 +16,2 @@ NOOP
+C: NOOP
+S: 250 2.0.0 Ok
@@ -18,2 +19,0 @@ rcpt to:<james@example.com>
-C: rcpt to:<james@example.com>
-S: 250 2.1.5 Ok
`},
		{"a command that changed", login, edit("rcpt to:<james@example.com>", "rcpt to:<anna@example.com>"), `
@@ -18,2 +18,2 @@ rcpt to:<james@example.com>
-C: rcpt to:<james@example.com>
+C: rcpt to:<anna@example.com>
 S: 250 2.1.5 Ok
`},
		{"the end", login, edit("* close client", "* close reset"), `
@@ -25,3 +25,3 @@ QUIT
 C: QUIT
 S: 221 2.0.0 Bye
-* close client
+* close reset
`},
		{"a message that changed", login, edit("Hi James", "Hi Anna\nC: bye"), `
@@ -22,3 +22,4 @@ .
-C: Hi James
+C: Hi Anna
+C: bye
 C: .
 S: 250 2.0.0 Ok: queued as [queue-id]
`},
		{"all of it", login, "* note", "-"},
		{"a refused login, and what followed it", login, login[:strings.Index(login, "S: 235")] + `S: 503 5.5.1 Error: authentication not enabled
C: QUIT
S: 221 2.0.0 Bye
* close client
`, `
@@ -14,2 +14,2 @@ AUTH PLAIN [sasl user=james@new.example.com secret=password]
 C: AUTH PLAIN [sasl user=james@new.example.com secret=password]
-S: 235 2.7.0 Authentication successful
+S: 503 5.5.1 Error: authentication not enabled
@@ -16,2 +15,0 @@ mail from:<james@example.org>
-C: mail from:<james@example.org>
-S: 250 2.1.0 Ok
@@ -18,2 +15,0 @@ rcpt to:<james@example.com>
-C: rcpt to:<james@example.com>
-S: 250 2.1.5 Ok
@@ -20,2 +15,0 @@ data
-C: data
-S: 354 End data with <CR><LF>.<CR><LF>
@@ -22,3 +15,0 @@ .
-C: Hi James
-C: .
-S: 250 2.0.0 Ok: queued as [queue-id]
`},
		{"facts of TLS", "* tls TLS1.2 A CN=x unverified: self-signed certificate, expired on 2009-05-24", "* tls TLS1.3 A CN=x unverified: self-signed certificate", `
@@ -2,4 +2,4 @@
-* tls version TLS1.2
+* tls version TLS1.3
 * tls cipher A
 * tls subject CN=x
-* tls unverified: self-signed certificate, expired on 2009-05-24
+* tls unverified: self-signed certificate
`},
		{"TLS that is gone", "C: STARTTLS\nS: 220 go\n* tls TLS1.3 A CN=x verified", "C: STARTTLS\nS: 454 no", `
@@ -2,3 +2,2 @@ STARTTLS
 C: STARTTLS
-S: 220 go
-* tls TLS1.3 A CN=x verified
+S: 454 no
`},
		{"pipelining", "* connect a:1\nS: 220 a\nC: NOOP\nC: HELP\nC: DATA\nS: 250 a\nS: 250-b\nS: 250 c\nS: 354 d\nC: x\nC: .\nC: QUIT\nS: 250 e\nS: 221 f",
			"* connect a:1\nS: 220 a\nC: NOOP\nC: HELP\nC: DATA\nS: 250 a\nS: 250-b\nS: 250 C\nS: 354 d\nC: x\nC: .\nC: QUIT\nS: 250 E\nS: 221 f", `
@@ -5,3 +5,3 @@ HELP
 C: HELP
 S: 250-b
-S: 250 c
+S: 250 C
@@ -11,3 +11,3 @@ .
 C: x
 C: .
-S: 250 e
+S: 250 E
`},
		{"a chunk that looks like commands", "C: BDAT 12 LAST\nC: NOOP\nC: QUIT\nS: 250 ok\nC: QUIT\nS: 221 a", "C: BDAT 12 LAST\nC: NOOP\nC: QUIT\nS: 250 ok\nC: QUIT\nS: 221 b", `
@@ -6,2 +6,2 @@ QUIT
 C: QUIT
-S: 221 a
+S: 221 b
`},
		{"a reply more", "C: a\nS: 250 a\nC: b\nS: 250 b", "C: a\nS: 250 a\nS: 250 a\nC: b\nS: 250 b", `
@@ -2,2 +2,3 @@ a
 C: a
 S: 250 a
+S: 250 a
`},
		{"the server left, before our QUIT or at it", "C: GET /\nS: 221 bye\n* close server", "C: GET /\nS: 221 bye\nC: QUIT\n* close reset", ""},
		{"the server left, or answered our QUIT", "C: GET /\nS: 221 bye\nC: QUIT\n* close server", "C: GET /\nS: 221 bye\nC: QUIT\nS: 221 bye\n* close client", `
@@ -2,3 +2,2 @@ GET /
 C: GET /
 S: 221 bye
-* close server
@@ -5,0 +4,3 @@ QUIT
+C: QUIT
+S: 221 bye
+* close client
`},
		{"conversations at the same time", "* connect a:1\n*2 connect b:1\nS: 220 a\nS2: 220 b\nC2: x\nS2: 250 x\nC: y\nS: 250 y",
			"* connect a:1\nS: 220 a\n*2 connect b:1\nS2: 220 b\nC: y\nS: 250 y\nC2: x\nS2: 550 x", `
@@ -6,2 +8,2 @@ x
 C2: x
-S2: 250 x
+S2: 550 x
`},
		{"a conversation more", "* connect a:1\nC: x\nS: 250 x\n* close client\n* connect a:1\nC: y\nS: 250 y",
			"* connect a:1\nC: z\nS: 250 z\n* close client\n* connect a:1\nC: x\nS: 250 x\n* close client\n* connect a:1\nC: y\nS: 250 y", `
@@ -0,0 +2,1 @@ the connect
+* connect a:[port]
@@ -0,0 +3,3 @@ z
+C: z
+S: 250 z
+* close client
`},
		{"an accepted conversation, by the name of the listener and the client's address", "* accept mx from 127.0.0.1\nS: 220 a\nC: x\nS: 250 x\n* close client", "* accept mx from 127.0.0.2\nS: 220 a\nC: x\nS: 250 x\n* close client", `
@@ -2,2 +2,2 @@ the connection
-* accept mx from 127.0.0.1
+* accept mx from 127.0.0.2
 S: 220 a
`},
		{"one that was led is none that was accepted", "* connect a:1\nS: 220 a\nC: x\nS: 250 x", "* accept a from ::1\nS: 220 a\nC: x\nS: 250 x", `
@@ -2,2 +0,0 @@ the connect
-* connect a:[port]
-S: 220 a
@@ -4,2 +0,0 @@ x
-C: x
-S: 250 x
@@ -5,0 +2,2 @@ the connection
+* accept a from ::1
+S: 220 a
@@ -5,0 +4,2 @@ x
+C: x
+S: 250 x
`},
		{"the certificate that was shown", "* accept a from ::1\n* tls TLS1.3 X as CN=a\nC: x", "* accept a from ::1\n* tls TLS1.3 X as CN=b\nC: x", `
@@ -2,4 +2,4 @@ the connection
 * accept a from ::1
 * tls version TLS1.3
 * tls cipher X
-* tls subject CN=a
+* tls subject CN=b
`},
		{"who ended it, which is no matter of microseconds here", "* accept a from ::1\nC: x\nS: 250 x\nC: QUIT\n* close server", "* accept a from ::1\nC: x\nS: 250 x\nC: QUIT\n* close reset", `
@@ -5,2 +5,2 @@ QUIT
 C: QUIT
-* close server
+* close reset
`},
	} {
		got := unified(usual.Diff(events(t, tt.before), events(t, tt.after)))
		want := strings.TrimPrefix(tt.want, "\n")
		if want == "-" {
			if n := strings.Count(got, "\n-"); n != strings.Count(login, "\n")-1 {
				t.Errorf("%s: %d lines are missing:\n%s", tt.name, n, got)
			}
		} else if got != want {
			t.Errorf("%s: got\n%swant\n%s", tt.name, got, want)
		}
	}
}

// Every reply of a conversation altered by itself is that change and no other.
func TestOneReply(t *testing.T) {
	all := events(t, login)
	for i, e := range all {
		if e.Kind != transcript.Server {
			continue
		}
		for _, edit := range []func([]byte) []byte{
			func(b []byte) []byte { b[1] ^= 1; return b },
			func(b []byte) []byte { return append(b[:len(b)-2], " more\r\n"...) },
		} {
			other := slices.Clone(all)
			other[i].Data = edit(slices.Clone(e.Data))
			changes := usual.Diff(all, other)
			if len(changes) != 1 || len(changes[0].Before) > 1 || len(changes[0].After) > 1 {
				// One line of a reply with another code: all the reply is no set any more.
				if n := len(changes); n != 1 || changes[0].Command != "ehlo client.example.org" {
					t.Errorf("%q: %d changes:\n%s", other[i].Data, n, unified(changes))
				}
			}
		}
	}
}

// A replay reaches another server, and says nothing of its own.
func TestReplies(t *testing.T) {
	replies := transcript.Comparison{Masks: transcript.UsualMasks(), Replies: true}
	before := events(t, "* step one\n* connect smtp 127.0.0.1:25\nS: 220 a\n* note verified by hand\nC: x\nS: 250 y")
	after := events(t, "* connect 192.0.2.1:587\nS: 220 a\nC: x\nS: 250 z")
	want := "@@ -6,2 +4,2 @@ x\n C: x\n-S: 250 y\n+S: 250 z\n"
	if got := unified(replies.Diff(before, after)); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// What smtplay accepted counts as what the client did: our own closing is left
// out; and where only what was led counts, all of it, lines keeping their numbers.
func TestRepliesAccepted(t *testing.T) {
	replies := transcript.Comparison{Masks: transcript.UsualMasks(), Replies: true}
	before := events(t, "* accept mx from 127.0.0.1\nS: 220 a\nC: x\nS: 250 y\n* close server\n* connect a:1\nS: 220 b\n* close server")
	after := events(t, "* accept mx from 192.0.2.1\nS: 220 a\nC: x\nS: 250 y\n* close client\n* connect a:1\nS: 220 c\n* close client")
	led := "@@ -7,3 +7,2 @@ the connect\n * connect a:[port]\n-S: 220 b\n-* close server\n+S: 220 c\n"
	want := "@@ -4,2 +4,3 @@ x\n C: x\n S: 250 y\n+* close client\n" + led
	if got := unified(replies.Diff(before, after)); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	replies.Led, want = true, led
	if got := unified(replies.Diff(before, after)); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// A log holds whole replies, a file their lines: they are the same.
func TestWholeReplies(t *testing.T) {
	lines := events(t, login)
	var whole []event
	for _, e := range lines {
		if n := len(whole); n > 0 && e.Kind == transcript.Server && whole[n-1].Kind == transcript.Server {
			whole[n-1].Data = append(whole[n-1].Data, e.Data...)
			continue
		}
		e.Data = slices.Clone(e.Data)
		whole = append(whole, e)
	}
	if changes := usual.Diff(lines, whole); len(changes) > 0 {
		t.Errorf("%s", unified(changes))
	}
	other := slices.Clone(whole)
	other[len(other)-2].Data = []byte("221 2.0.0 Goodbye\r\n")
	want := "@@ -25,3 +25,3 @@ QUIT\n C: QUIT\n-S: 221 2.0.0 Bye\n+S: 221 2.0.0 Goodbye\n * close client\n"
	if got := unified(usual.Diff(lines, other)); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// FuzzDiff: a transcript does not differ from itself; what differs there differs
// back; every change has lines.
func FuzzDiff(f *testing.F) {
	f.Add(login, strings.Replace(login, "250", "251", 3))
	f.Add("C: a\nS: 354 x\nC: b\\\nC: .\nS: 250 y\n", "*2 connect x:1\nS2: 220 \\xff\nC2: EHLO x\nS2: 250-a\nS2: 250 AUTH=x y\n")
	f.Add("* tls a b c unverified: x, y\n", "* tls a b c unverified: x\n* tls a\n")
	f.Add("C: EHLO\nS: 250-\nS: 250-A\nS: 250 A b\n", "C: EHLO\nS: 250-\nS: 250-a b\nS: 250 A=\n")
	f.Fuzz(func(t *testing.T, before, after string) {
		a, errA := transcript.Decode([]byte(transcript.Header + "\n" + before))
		b, errB := transcript.Decode([]byte(transcript.Header + "\n" + after))
		if errA != nil || errB != nil {
			t.Skip()
		}
		for _, c := range []transcript.Comparison{{}, usual, {Replies: true}} {
			if changes := c.Diff(a, a); len(changes) > 0 {
				t.Errorf("%q differs from itself:\n%s", before, unified(changes))
			}
			there, back := c.Diff(a, b), c.Diff(b, a)
			if (len(there) == 0) != (len(back) == 0) {
				t.Errorf("%d changes there, %d back", len(there), len(back))
			}
			for _, change := range append(there, back...) {
				if len(change.Before)+len(change.After) == 0 || len(change.AppendUnified(nil)) == 0 {
					t.Errorf("%q, %q: a change without lines: %+v", before, after, change)
				}
			}
		}
	})
}

// Large transcripts that have little in common are compared too.
func TestLargeDiff(t *testing.T) {
	numbered := func(format string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i, i)
		}
		return b.String()
	}
	for _, tt := range []struct {
		name, before, after string
		changes             int
	}{
		{"other commands", numbered("C: a%d\nS: 250 %d\n", 3e3), numbered("C: b%d\nS: 250 %d\n", 3e3), 6e3},
		{"one command again and again", strings.Repeat("C: a\nS: 250 a\n", 3e3), strings.Repeat("C: a\nS: 250 b\n", 2e3), 3e3},
		{"conversations", numbered("* connect a:1\nC: x%d\nS: 250 %d\nC: y\nS: 250 y\n", 600), numbered("* connect a:1\nC: x%d\nS: 251 %d\nC: y\nS: 250 y\n", 600), 600},
		{"one endless reply", "C: x\n" + numbered("S: 250-%d %d\n", 3e3), "C: x\n" + numbered("S: 250-a%d %d\n", 3e3), 1},
		{"capabilities", "C: EHLO x\nS: 250-x\n" + numbered("S: 250-A%d %d\n", 500) + "S: 250 x\n", "C: EHLO x\nS: 250-x\n" + numbered("S: 250-B%d %d\n", 500) + "S: 250 x\n", 1},
	} {
		if n := len(usual.Diff(events(t, tt.before), events(t, tt.after))); n != tt.changes {
			t.Errorf("%s: %d changes, want %d", tt.name, n, tt.changes)
		}
	}
}

// BenchmarkDiff compares conversations of which each has a queue id and a port
// of its own.
func BenchmarkDiff(b *testing.B) {
	a, other := events(b, login), events(b, strings.NewReplacer("217083C8C1", "317083C8C2", ":2525", ":2526").Replace(login))
	file := bytes.Repeat([]byte(login[1:]), 1)
	file = append([]byte(transcript.Header+"\n"), file...)
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			if _, err := transcript.Decode(file); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("diff", func(b *testing.B) {
		for b.Loop() {
			if n := len(usual.Diff(a, other)); n > 0 {
				b.Fatal(n)
			}
		}
	})
}

// A change that was kept as text says the same as the one that it was made from.
func TestKeptChange(t *testing.T) {
	before := []transcript.Event{{Conn: 1, Kind: transcript.Client, Data: []byte("noop\r\n")}, {Conn: 1, Kind: transcript.Server, Data: []byte("250 a\r\n")}}
	after := []transcript.Event{before[0], {Conn: 1, Kind: transcript.Server, Data: []byte("250-b\r\n250 c\r\n")}}
	for _, c := range (transcript.Comparison{}).Diff(before, after) {
		kept := transcript.KeptChange(c.Conn, c.Command, string(c.AppendUnified(nil)))
		if string(kept.AppendUnified(nil)) != string(c.AppendUnified(nil)) || !slices.Equal(kept.Before, c.Before) || !slices.Equal(kept.After, c.After) || len(c.After) != 2 {
			t.Errorf("%+v, want %+v", kept, c)
		}
	}
}

func TestParseTLSInfo(t *testing.T) {
	for _, info := range []transcript.TLSInfo{
		{Version: "TLS1.3", Cipher: "A", Subject: "CN=x,O=Some Body"},
		{Version: "TLS1.2", Cipher: "B", Subject: "CN=x", Problems: []string{"expired on 2009-05-24", "self-signed certificate"}},
		{Version: "TLS1.2", Cipher: "B", Subject: ""},
	} {
		got, ok := transcript.ParseTLSInfo(info.String())
		if !ok || got.String() != info.String() || got.Subject != info.Subject || !slices.Equal(got.Problems, info.Problems) {
			t.Errorf("%q: %+v, %v", info.String(), got, ok)
		}
	}
	for _, words := range []string{"", "TLS1.3", "TLS1.3 A", "TLS1.3 A CN=x", "a b c unverified:"} {
		if info, ok := transcript.ParseTLSInfo(words); ok {
			t.Errorf("%q: %+v", words, info)
		}
	}
}
