package paste

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"smtplay/engine/transcript"
)

// TestForms: single rules, each with the lines that need it.
func TestForms(t *testing.T) {
	for _, tt := range []struct{ reason, text, want string }{
		{"a body line that looks like a reply is text",
			"220 a\ndata\n354 go\n250 people are coming.\n.\n250 ok",
			"S: 220 a|C: data|S: 354 go|C: 250 people are coming.|C: .|S: 250 ok"},
		{"with marks, the mark says so",
			"S: 220 a\nC: DATA\nS: 354 go\nC: 250 people\nC: .\nS: 250 ok",
			"S: 220 a|C: DATA|S: 354 go|C: 250 people|C: .|S: 250 ok"},
		{"and the server may speak in the middle of a message",
			"S: 220 a\nC: DATA\nS: 354 go\nC: text\nS: 421 4.4.2 timeout",
			"S: 220 a|C: DATA|S: 354 go|C: text|S: 421 4.4.2 timeout"},
		{"the greeting comes first, whatever was typed",
			"ehlo me\n220 a\n250 a",
			"* note line 1 was typed before this greeting came|S: 220 a|C: ehlo me|S: 250 a"},
		{"a greeting of several lines too",
			"ehlo me\n220-a\n220 b\n250 a",
			"* note line 1 was typed before this greeting came|S: 220-a|S: 220 b|C: ehlo me|S: 250 a"},
		{"a missing greeting is assumed",
			"ehlo me\n250 a",
			"* note the greeting is missing here: 220 is assumed|S: 220 |C: ehlo me|S: 250 a"},
		{"the 220 of STARTTLS is none",
			"C: EHLO a\nS: 250 a\nC: STARTTLS\nS: 220 go\nC: QUIT\nS: 221 bye",
			"* note the greeting is missing here: 220 is assumed|S: 220 |C: EHLO a|S: 250 a|C: STARTTLS|S: 220 go|* tls|C: QUIT|S: 221 bye"},
		{"a server that turns away in its greeting",
			"Trying 192.0.2.1...\nConnected to mail.example.com.\n554-no\n554 5.7.1 really\nConnection closed by foreign host.",
			"S: 554-no|S: 554 5.7.1 really|* close server"},
		{"commands typed ahead go before their replies",
			"220 a\nehlo me\nmail from:<a@b>\n250-a\n250 b\n250 ok",
			"S: 220 a|C: ehlo me|S: 250-a|S: 250 b|C: mail from:<a@b>|S: 250 ok"},
		{"what has marks stays as it was sent",
			"< 220 a\n> MAIL FROM:<a@b>\n> RCPT TO:<c@d>\n< 250 ok\n< 250 ok",
			"S: 220 a|C: MAIL FROM:<a@b>|C: RCPT TO:<c@d>|S: 250 ok|S: 250 ok"},
		{"a whole message typed ahead",
			"220 a\ndata\nhi\n\nthere\n.\nquit\n354 go\n250 ok\n221 bye",
			"S: 220 a|C: data|S: 354 go|C: hi|C: |C: there|C: .|S: 250 ok|C: quit|S: 221 bye"},
		{"and typed ahead of a refusal it is commands",
			"220 a\ndata\nnoop\n503 no\n250 ok",
			"S: 220 a|C: data|S: 503 no|C: noop|S: 250 ok"},
		{"a mistyped command is one where the reply says so",
			"220 a\nehelo me\n502 what?",
			"S: 220 a|C: ehelo me|S: 502 what?"},
		{"an empty line too",
			"220 a\n\n500 what?",
			"S: 220 a|C: |S: 500 what?"},
		{"else it separates",
			"220 a\n\nehlo me\n\n250 a",
			"S: 220 a|C: ehlo me|S: 250 a"},
		{"a reply that is cut short is mended",
			"220 a\nehlo me\n250-a\n250-STARTTLS\nquit\n221 bye",
			"S: 220 a|C: ehlo me|S: 250-a|S: 250 STARTTLS|* note the last line of this reply 250 is missing|C: quit|S: 221 bye"},
		{"a blank at the end of a line is lost where text is copied",
			"220 a\nauth plain\n334\n*\n501 no",
			"S: 220 a|C: auth plain|S: 334 |C: *|S: 501 no"},
		{"LMTP answers a message once for each recipient",
			"220 a\nlhlo me\n250 a\nrcpt to:<a@b>\n250 ok\nrcpt to:<c@d>\n250 ok\ndata\n354 go\n.\n250 one\n452 two\nquit\n221 bye",
			"S: 220 a|C: lhlo me|S: 250 a|C: rcpt to:<a@b>|S: 250 ok|C: rcpt to:<c@d>|S: 250 ok|C: data|S: 354 go|C: .|S: 250 one|S: 452 two|C: quit|S: 221 bye"},
		{"a chunk is no command",
			"220 a\nBDAT 12 LAST\nquit\n250 x\n250 ok",
			"S: 220 a|C: BDAT 12 LAST|C: quit|C: 250 x|S: 250 ok"},
		{"XCLIENT is greeted again",
			"220 a\nXCLIENT ADDR=192.0.2.1\n220 a\nquit\n221 bye",
			"S: 220 a|C: XCLIENT ADDR=192.0.2.1|S: 220 a|C: quit|S: 221 bye"},
		{"text of a page that is indented is not",
			"    220 a\n    data\n    354 go\n    hi\n      there\n\n    .\n    250 ok",
			"S: 220 a|C: data|S: 354 go|C: hi|C:   there|C: |C: .|S: 250 ok"},
		{"colours and corrections are a terminal's",
			"220 a\n\x1b[1mehx\b \blo me\x1b[0m\r\n250 a",
			"S: 220 a|C: ehlo me|S: 250 a"},
		{"so are blanks a web page's",
			"220 a\nmail\u00a0from:<a@b>\n250 ok",
			"S: 220 a|C: mail from:<a@b>|S: 250 ok"},
		{"the time and the process before a mark say nothing",
			"21:52:06.123456 * Connected to 192.0.2.1 (192.0.2.1) port 25 (#0)\n21:52:06.123456 < 220 a\n21:52:06.123456 > QUIT\n21:52:06.123456 < 221 bye",
			"S: 220 a|C: QUIT|S: 221 bye"},
		{"in Exim's debug output too",
			"15272   SMTP<< 220 a\n15272   SMTP>> EHLO me\n15272   SMTP<< 250-a\n15272          250 DSN\n15272 what\n21:52:06 15272   SMTP>> QUIT\n21:52:06 15272   SMTP<< 221 bye",
			"S: 220 a|C: EHLO me|S: 250-a|S: 250 DSN|C: QUIT|S: 221 bye"},
		{"marks in other programs' words",
			"2026-11-23 21:52:06 SERVER -> CLIENT: 220 a\n2026-11-23 21:52:06 CLIENT -> SERVER: EHLO me\n2026-11-23 21:52:06 SERVER -> CLIENT: 250-a\n                    250 DSN",
			"S: 220 a|C: EHLO me|S: 250-a|S: 250 DSN"},
		{"Postfix's log without the time, or without all that stands before",
			"postfix/smtpd[7]: > a[192.0.2.1]: 220 a\npostfix/smtpd[7]: < a[192.0.2.1]: QUIT\npostfix/smtpd[7]: > a[192.0.2.1]: 221 bye",
			"S: 220 a|C: QUIT|S: 221 bye"},
		{"the same of journalctl -o cat",
			"connect from a[192.0.2.1]\n> a[192.0.2.1]: 220 a\n< a[192.0.2.1]: QUIT\n> a[192.0.2.1]: 221 bye",
			"* note line 1: connect from a[192.0.2.1]|S: 220 a|C: QUIT|S: 221 bye"},
		{"a transcript in a ticket",
			"* connect smtp 192.0.2.1:25\nS: 220 a\nC: AUTH PLAIN [sasl user=james secret=other]\nS: 235 ok\n* tls TLS1.3 X CN=a verified\n* note so it is\n* step Next\nC: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: amFtZXM=\nS: 334 UGFzc3dvcmQ6\nC: [secret:third]\nS: 235 ok\n* close server",
			"S: 220 a|C: AUTH PLAIN [sasl user=james secret=other]|S: 235 ok|* note so it is|* step Next|* tls TLS1.3 X CN=a verified|C: AUTH LOGIN|S: 334 VXNlcm5hbWU6|C: amFtZXM=|S: 334 UGFzc3dvcmQ6|C: [secret:third]|S: 235 ok|* close server"},
		{"s_client, typed ahead of what it shows of its own EHLO",
			"CONNECTED(00000003)\n---\nVerify return code: 0 (ok)\n---\nehlo me\n250 CHUNKING\n250-a\n250 DSN",
			"* note s_client said this by itself, and does not show it: the codes of its replies are assumed|S: 220 |C: EHLO me|S: 250 CHUNKING|C: STARTTLS|S: 220 |* tls verified|C: ehlo me|S: 250-a|S: 250 DSN"},
		{"s_client does not send text that begins with R",
			"CONNECTED(00000003)\n---\n220 a\ndata\n354 go\nhi\nRe: that\nRENEGOTIATING\ndepth=0 CN = a\nverify return:1\nbye\n.\n250 ok",
			"* tls|S: 220 a|C: data|S: 354 go|C: hi|* note line 7: Re: that|C: bye|C: .|S: 250 ok"},
		{"telnet left in the middle of a message",
			"Trying 192.0.2.1...\n220 a\ndata\n354 go\nhi\ntelnet> quit\nConnection closed.",
			"S: 220 a|C: data|S: 354 go|C: hi|* close client"},
		{"text may speak of what is closed and done",
			"220 a\ndata\n354 go\nclosed\nDONE\nConnection closed.\n.\n250 ok",
			"S: 220 a|C: data|S: 354 go|C: closed|C: DONE|C: Connection closed.|C: .|S: 250 ok"},
		{"s_client -starttls of a version that shows nothing of its own EHLO",
			"CONNECTED(00000003)\n---\nehlo me\n250-a\n250 DSN\nquit\n221 bye\nclosed",
			"* note s_client said this by itself, and does not show it: the codes of its replies are assumed|S: 220 |C: EHLO me|S: 250 |C: STARTTLS|S: 220 |* tls|C: ehlo me|S: 250-a|S: 250 DSN|C: quit|S: 221 bye|* close server"},
		{"prose after a list of what to type",
			"Type this:\nehlo me\ndata\nhi\n.\nThen it says:\n220 a\nquit\n221 bye",
			"* note line 1: Type this:|* note line 2: ehlo me|* note line 3: data|* note line 4: hi|* note line 5: .|* note line 6: Then it says:|S: 220 a|C: quit|S: 221 bye"},
		{"prose in it",
			"220 a\ndata\nhi\n.\nand so on\n354 go\n250 ok",
			"S: 220 a|C: data|* note line 5: and so on|S: 354 go|C: hi|C: .|S: 250 ok"},
		{"a server that says what is no reply",
			"S: 220 a\nC: NOOP\nS: Fatal error\nS: 250 ok",
			"S: 220 a|C: NOOP|* note line 3: Fatal error|S: 250 ok"},
		{"part of a chunk",
			"C: EHLO me\nS: 250 me\nC: BDAT 100 LAST\nC: some text\nS: 250 ok",
			"* note the greeting is missing here: 220 is assumed|S: 220 |C: EHLO me|S: 250 me|C: BDAT 100 LAST|C: some text|* note 89 bytes of the message are not shown here: these stand for them|C: " + strings.Repeat("x", 42) + "|C: " + strings.Repeat("x", 43) + "|S: 250 ok"},
		{"a password in what could not be placed",
			"220 a\nplease auth plain AGphbWVzAHB3b3JkMQ==\nquit\n221 bye",
			"S: 220 a|* note line 2: please auth plain …|C: quit|S: 221 bye"},
		{"a reply that stands in prose is no conversation",
			"You will see:\n\n554 5.7.1 no\n\nor:\n\n$ telnet mail.example.com 25\n\nand then\n\n535 5.7.8 no\n\n220 a\nquit\n221 bye",
			"* note line 1: You will see:|* note line 3: 554 5.7.1 no|* note line 5: or:|* note line 9: and then|* note line 11: 535 5.7.8 no|S: 220 a|C: quit|S: 221 bye"},
		{"a report points at a line",
			"    S: 220 a\n    C: noop\n  > S: 554 no\n    C: QUIT\n    S: 221 bye",
			"S: 220 a|C: noop|S: 554 no|C: QUIT|S: 221 bye"},
		{"a reply in a mail is quoted",
			"> 220 a\n> ehlo me\n> 250 a\n> data\n> 354 go\n> 250 people\n> .\n> 250 ok",
			"S: 220 a|C: ehlo me|S: 250 a|C: data|S: 354 go|C: 250 people|C: .|S: 250 ok"},
	} {
		got := strings.Split(strings.TrimSuffix(asTranscript(find(t, tt.text)), "\n"), "\n")[2:]
		if strings.Join(got, "|") != tt.want {
			t.Errorf("%s:\n%s\nwant\n%s", tt.reason, strings.Join(got, "\n"), strings.ReplaceAll(tt.want, "|", "\n"))
		}
	}
}

// TestWhere: which server a conversation was with, as far as the text says it.
func TestWhere(t *testing.T) {
	for text, want := range map[string]string{
		"220 a\nquit\n221 bye":                                                           "smtp",
		"220 a\nlhlo me\n250 a":                                                          "lmtp",
		"$ telnet mail.example.com\n220 a":                                               "smtp mail.example.com",
		"$ telnet mail.example.com smtp\n220 a":                                          "smtp mail.example.com:25",
		"user@host:~$ telnet mail.example.com 587\nTrying 192.0.2.1...\n220 a":           "submission mail.example.com:587",
		"telnet mail.example.com 25\n220 a":                                              "smtp mail.example.com:25",
		"telnet is old\n220 a":                                                           "smtp",
		"# nc -C mail.example.com 2525\n220 a":                                           "smtp mail.example.com:2525",
		"$ openssl s_client -quiet -connect mail.example.com:465\ndepth=0 CN = a\n220 a": "submissions mail.example.com:465",
		"$ openssl s_client -starttls smtp -connect [2001:db8::1]:587\nCONNECTED(00000003)\n250 DSN":           "submission [2001:db8::1]:587",
		"[root@host ~]# swaks --server mail.example.com -p 24 --to a@b\n<- 220 a":                              "lmtp mail.example.com:24",
		"$ swaks -s mail.example.com:587\n<- 220 a":                                                            "submission mail.example.com:587",
		"$ curl -v smtp://mail.example.com\n* Connected to mail.example.com (192.0.2.1) port 25 (#0)\n< 220 a": "smtp 192.0.2.1:25",
		"Connection to mail.example.com (192.0.2.1) 25 port [tcp/smtp] succeeded!\n220 a":                      "smtp mail.example.com:25",
		"Ncat: Connected to 192.0.2.1:25.\n220 a":                                                              "smtp 192.0.2.1:25",
		"Connecting to mail.example.com [192.0.2.1]:25 ...  connected\n  SMTP<< 220 a":                         "smtp 192.0.2.1:25",
		"=== Trying [2001:db8::1]:25...\n<-  220 a":                                                            "smtp [2001:db8::1]:25",
	} {
		s := find(t, text)[0]
		if got := string(s.Events[0].Data); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		if len(s.Unplaced) > 0 && text != "telnet is old\n220 a" {
			t.Errorf("%q: %v", text, s.Unplaced)
		}
	}
}

// TestChunks: a chunk that is not shown has the size that its command says.
func TestChunks(t *testing.T) {
	for _, size := range []int{1, 2, 3, 77, 78, 79, 80, 155, 157, 1000, maxChunk, maxChunk + 1, 1 << 30} {
		text := fmt.Sprintf("  SMTP<< 220 a\n  SMTP+> BDAT %d LAST\n  SMTP<< 250 ok\n", size)
		want, got := min(size, maxChunk), 0
		said := ""
		for _, e := range find(t, text)[0].Events {
			if e.Kind == transcript.Client {
				if said == "" {
					said = string(e.Data)
				} else {
					got += len(e.Data)
				}
			}
		}
		if got != want || said != fmt.Sprintf("BDAT %d LAST\r\n", want) {
			t.Errorf("%d bytes after %q, want %d", got, said, want)
		}
	}
}

// TestPasswords: what AUTH carries is masked, and the user kept.
func TestPasswords(t *testing.T) {
	for _, tt := range []struct{ reason, text, want string }{
		{"PLAIN with its initial response", "AUTH PLAIN AGphbWVzAHB3b3JkMQ==", "C: AUTH PLAIN [sasl user=james secret=password]"},
		{"and an authorisation identity", "auth plain Ym9zcwBqYW1lcwBwd29yZDE=", "C: auth plain [sasl identity=boss user=james secret=password]"},
		{"PLAIN without one", "AUTH PLAIN\n334\nAGphbWVzAHB3b3JkMQ==", "C: [sasl user=james secret=password]"},
		{"LOGIN", "AUTH LOGIN\n334 VXNlcm5hbWU6\namFtZXM=\n334 UGFzc3dvcmQ6\ncHdvcmQx", "C: amFtZXM=|C: [secret:password]"},
		{"LOGIN with its initial response", "AUTH LOGIN amFtZXM=\n334 UGFzc3dvcmQ6\ncHdvcmQx", "C: AUTH LOGIN amFtZXM=|C: [secret:password]"},
		{"LOGIN typed ahead", "AUTH LOGIN\namFtZXM=\ncHdvcmQx\n334 VXNlcm5hbWU6\n334 UGFzc3dvcmQ6", "C: amFtZXM=|C: [secret:password]"},
		{"CRAM-MD5", "AUTH CRAM-MD5\n334 PDFAYT4=\namFtZXMgMDEyMzQ1Njc4OWFiY2RlZg==", "C: [sasl user=james secret=password]"},
		{"SCRAM", "AUTH SCRAM-SHA-256 biwsbj1qYW1lcyxyPWFiYw==", "C: AUTH SCRAM-SHA-256 [sasl user=james secret=password]"},
		{"SCRAM to its end", "AUTH SCRAM-SHA-256 biwsbj1qYW1lcyxyPWFiYw==\n334 cj1hYmMscz1RVUZCLGk9NDA5Ng==\nYz1iaXdzLHI9YWJjLHA9UVVGQg==\n334 dj1RVUZCUVVGQg==", "S: 334 cj1hYmMscz1RVUZCLGk9NDA5Ng==|C: [sasl secret=password]|S: 334 [secret:proof]"},
		{"EXTERNAL", "AUTH EXTERNAL YQ==", "C: AUTH EXTERNAL YQ=="},
		{"a token that is repeated", "AUTH XOAUTH2 dXNlcj1qYW1lcwFhdXRoPUJlYXJlciBwd29yZDEBAQ==\n535 no pword1", "C: AUTH XOAUTH2 [sasl user=james secret=password]|S: 535 no [secret:password]"},
		{"a token", "AUTH XOAUTH2 dXNlcj1qYW1lcwFhdXRoPUJlYXJlciB0b2tlbgEB", "C: AUTH XOAUTH2 [sasl user=james secret=password]"},
		{"a password in the wrong place", "AUTH PLAIN is pword1", "C: AUTH PLAIN [sasl secret=password]"},
		{"a password that was taken out", "AUTH PLAIN ********", "C: AUTH PLAIN [sasl secret=password]"},
		{"and the line with it", "AUTH LOGIN\n334 VXNlcm5hbWU6\namFtZXM=\n334 UGFzc3dvcmQ6", "C: amFtZXM=|C: [secret:password]"},
		{"an exchange that was broken off", "AUTH PLAIN\n334\n*", "C: *"},
		{"where the server repeats it", "AUTH PLAIN AGphbWVzAHB3b3JkMQ==\n535 no pword1, cHdvcmQx", "C: AUTH PLAIN [sasl user=james secret=password]|S: 535 no [secret:password], [secret:password]"},
	} {
		text := "220 a\nehlo me\n250 a\n" + tt.text + "\n235 done\nquit\n221 bye\n"
		got := asTranscript(find(t, text))
		for _, want := range strings.Split(tt.want, "|") {
			if !strings.Contains(got, "\n"+want+"\n") {
				t.Errorf("%s: no %q in\n%s", tt.reason, want, got)
			}
		}
		if strings.Contains(got, "pword1") || strings.Contains(got, "cHdvcmQx") {
			t.Errorf("%s: the password is shown:\n%s", tt.reason, got)
		}
	}

	// Different passwords have different names, in the prose between too.
	text := "the password is pword1\n220 a\nAUTH PLAIN AGphbWVzAHB3b3JkMQ==\n235 ok\nquit\n221 bye\nnow with pword2:\n220 a\nAUTH PLAIN AGphbWVzAHB3b3JkMg==\n235 ok\nthat was pword2, not pword1"
	sessions := find(t, text)
	got := asTranscript(sessions) + warnings(sessions)
	for _, want := range []string{"secret=password]", "secret=password2]", "with [secret:password2]:", "that was [secret:password2]"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if regexp.MustCompile(`pword[12]`).MatchString(got) {
		t.Errorf("a password is shown:\n%s", got)
	}
}
