package dsl

import (
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"smtplay/engine/server"
	"smtplay/engine/suite"
)

// sent is a script that sends a message to somebody.
func sent(message string) string {
	return "ehlo(); mail ''; rcpt 'b@example.com'; data(message{ " + message + " }); quit()"
}

// Messages as the server got them.
func TestMessage(t *testing.T) {
	files := map[string][]byte{"a.pdf": []byte("%PDF"), "lib/b.eml": []byte("Subject: x\n\ny\n")}
	for _, row := range []struct {
		reason, script string
		want           []string
	}{
		{"the least", sent(`to = "b@example.com"`), []string{"From: b@example.com\r\nTo: b@example.com\r\nDate: ", "+0000\r\nMessage-ID: <", "@example.com>\r\nMIME-Version: 1.0\r\n", "7bit\r\n\r\nA test message.\r\n"}},
		{"all there is", sent(`from = "Jürgen <a@example.org>", to = { "b@example.com", "C <c@example.com>" }, subject = "Grüße", text = "Hi\nthere", html = "<p>Hi", id = "one", date = 0, headers = { ["X-B"] = 2, ["X-A"] = "1" }, attach = "a.pdf"`),
			[]string{"From: =?utf-8?q?J=C3=BCrgen?= <a@example.org>\r\nTo: b@example.com, \"C\" <c@example.com>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nDate: Thu, 01 Jan 1970 00:00:00 +0000\r\nMessage-ID: <one@example.org>\r\nX-A: 1\r\nX-B: 2\r\nMIME",
				"multipart/mixed", "multipart/alternative", "Hi\r\nthere\r\n", "<p>Hi\r\n", "Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=a.pdf\r\n\r\nJVBERg==\r\n"}},
		{"a date that is empty is none that was given", sent(`to = "b@example.com", date = ""`), []string{"\r\nDate: "}},
		{"an empty body", sent(`to = "b@example.com", text = ""`), []string{"7bit\r\n\r\n"}},
		{"fields in order, twice", sent(`to = "b@example.com", headers = { { "Received", "two" }, { "Received", "one" }, Comments = "c" }`), []string{"Received: two\r\nReceived: one\r\nComments: c\r\n"}},
		{"a field replaced, one left out", sent(`to = "b@example.com", headers = { Date = "never", ["Message-ID"] = false }`), []string{"To: b@example.com\r\nDate: never\r\nMIME"}},
		{"attachments of all kinds", sent(`to = "b@example.com", attach = { "lib/b.eml", { file = "a.pdf", name = "c.pdf", encoding = "8bit" }, { name = "d", type = "text/x-y", content = "z", encoding = "7bit" } }`),
			[]string{"filename=b.eml", "8bit\r\nContent-Disposition: attachment; filename=c.pdf\r\n\r\n%PDF\r\n", "Content-Type: text/x-y\r\nContent-Transfer-Encoding: 7bit\r\nContent-Disposition: attachment; filename=d\r\n\r\nz\r\n"}},
		{"GTUBE", sent(`to = "b@example.com", body = "gtube"`), []string{"7bit\r\n\r\nXJS*C4"}},
		{"EICAR", sent(`to = "b@example.com", body = "eicar", text = "Hi"`), []string{"\r\n\r\nHi\r\n", "filename=eicar.com\r\n\r\nWDVPIV"}},
		{"in 8bit", sent(`to = "b@example.com", text = "Grüße", encoding = "8bit"`), []string{"8bit\r\n\r\nGrüße\r\n"}},
		{"a dot is a dot", sent(`to = "b@example.com", text = ".\n..\n"`), []string{"\r\n\r\n.\r\n..\r\n"}},
		{"by BDAT", "ehlo(); mail ''; rcpt 'b@example.com'; bdat(message{ to = 'b@example.com', text = '.' }, { split = 100 }); quit()", []string{"\r\n\r\n.\r\n"}},
		{"of a size", "ehlo(); mail ''; rcpt 'b@example.com'; local m = message{ to = 'b@example.com', size = 4000 }; assert(#m == 4000); data(m); quit()", []string{"0123456789"}},
		{"a file as it is", "ehlo(); mail ''; rcpt 'b@example.com'; data(file 'lib/b.eml'); quit()", []string{"Subject: x\r\n\r\ny\r\n"}},
	} {
		t.Run(row.reason, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, polite(nil))
			r := b.tryBeside(t, row.script, files)[0]
			checkVerdict(t, r, row.script)
			got := b.server.Messages()
			if len(got) != 1 {
				t.Fatalf("%d messages", len(got))
			}
			at := 0
			for _, want := range row.want {
				i := strings.Index(got[0].Data[at:], want)
				if i < 0 {
					t.Fatalf("no %q in\n%s", want, got[0].Data[at:])
				}
				at += i + len(want)
			}
			if strings.Contains(row.script, "size = 4000") && len(got[0].Data) != 4000 {
				t.Errorf("%d bytes came", len(got[0].Data))
			}
		})
	}
}

// Every message has a token of its own, by which it can be followed, and which
// two runs do not differ in.
func TestMessageToken(t *testing.T) {
	b := newBench(t, polite(nil))
	script := "ehlo(); for i = 1, 2 do mail ''; rcpt 'b@example.com'; data(message{ to = 'b@example.com', text = 'x' }) end; quit()"
	first, second := transcriptOf(b.try(t, script)[0]), transcriptOf(b.try(t, script)[0])
	if n := strings.Count(first, "Message-ID: <[unique]@example.com>"); n != 2 {
		t.Errorf("%d tokens in\n%s", n, first)
	}
	varies := regexp.MustCompile(`Date: .*|queued as .*|127\.0\.0\.1:\d+`)
	if a, b := varies.ReplaceAllString(first, ""), varies.ReplaceAllString(second, ""); a != b {
		t.Errorf("two runs differ:\n%s\n%s", a, b)
	}
	seen := map[string]bool{}
	for _, m := range b.server.Messages() {
		seen[regexp.MustCompile(`Message-ID: .*`).FindString(m.Data)] = true
	}
	if len(seen) != 4 {
		t.Errorf("the same token twice: %v", seen)
	}
}

// What is wrong with a message is the script's fault: found before anything is
// sent where it is written out, else before the message is.
var badMessages = []struct {
	options, want string
	late          bool // it shows when it runs
}{
	{`from = "james"`, "\"james\" is no list of addresses", false},
	{`to = { "a@b", "c d" }`, "\"a@b,c d\" is no list of addresses", false},
	{`to = "a@b", subject = "x\r\nBcc: c@d"`, "it holds a line end", false},
	{`from = "a@b", to = "undisclosed-recipients:;"`, "names nobody", false},
	{`to = "a@b\nBcc: c@d"`, "it holds a line end", false},
	{`to = "a@b", id = "<a b>"`, "is no identifier", false},
	{`to = "a@b", date = "today"`, "is no date as mail has it", false},
	{`to = "a@b", encoding = "9bit"`, `there is no encoding "9bit"`, false},
	{`to = "a@b", body = "gtub"`, `there is no body "gtub"`, false},
	{`to = "a@b", size = 0`, "whole number from 1", false},
	{`to = "a@b", size = 2 ^ 30`, "whole number from 1", true},
	{`to = "a@b", size = 100`, "size 100 is impossible: without any filling the message has ", true},
	{`to = "a@b", headers = "X: y"`, "they are a table", false},
	{`to = "a@b", headers = { ["X-A"] = "y\nBcc: c@d" }`, "X-A: it holds a line end", false},
	{`to = "a@b", headers = { ["X-A: b\r\nX-B"] = "y" }`, "is no name of a header field", false},
	{`to = "a@b", headers = { ["X-A"] = true }`, "a string, or false to leave it out, not true", false},
	{`to = "a@b", headers = { "X-A", "y" }`, "number 1 is no pair", false},
	{`to = "a@b", headers = { ["Content-Type"] = "text/html" }`, "follows from what the message is made of", false},
	{`to = "a@b", attach = "none.pdf"`, `file "none.pdf"`, false},
	{`to = "a@b", attach = "../x"`, "does not lie below the script's folder", false},
	{`to = "a@b", attach = "/etc/passwd"`, "does not lie below the script's folder", false},
	{`to = "a@b", attach = { file = "../x" }`, "does not lie below the script's folder", false},
	{`to = "a@b", attach = { {} }`, "an attachment needs content, or a file", false},
	{`to = "a@b", attach = { name = "x" }`, "needs content, or a file", false},
	{`to = "a@b", attach = { name = "x", contnt = "y" }`, `did you mean "content"?`, false},
	{`to = "a@b", attach = { content = "y", encoding = "zip" }`, `there is no encoding "zip"`, false},
	{`to = "a@b", attach = { content = "y", type = "pdf" }`, "no media type", true},
	{`to = "a@b", attach = {}`, "it is empty", false},
	{`to = "a@b", attach = { content = "\n", encoding = "8bit" }`, "CR or LF alone", true},
	{`subject = "x"`, "it needs from or to", true},
	{`to = "a@b", txt = "x"`, `did you mean "text"?`, false},
	{`to = "a@b", text = "\255"`, "not in UTF-8", true},
}

func TestBadMessages(t *testing.T) {
	for _, row := range badMessages {
		t.Run(row.options, func(t *testing.T) {
			t.Parallel()
			_, problems := CompileFS(folderOf(map[string]string{"t.lua": "ehlo()\nlocal m = message{ " + row.options + " }"}), "t.lua", "t.lua")
			if found := len(problems) == 1 && problems[0].Pos.Line == 2 && strings.Contains(problems[0].Msg, row.want); found == row.late || len(problems) > 1 {
				t.Errorf("before it runs: %v, want %q", problems, row.want)
			}
			script := "ehlo(); mail ''; rcpt 'b@example.com'; local o = { " + row.options + " }\ndata(message(o)) --! error: " + row.want
			r := one(t, polite(nil), script)
			if checkVerdict(t, r, script); strings.Contains(transcriptOf(r), "DATA") {
				t.Errorf("DATA was sent:\n%s", transcriptOf(r))
			}
		})
	}
}

// The messages of a postmaster's scripts, as they stand there.
func TestMondayMessages(t *testing.T) {
	limited := server.Polite{Capabilities: []string{"SIZE 20000"}, On: server.Answers{"mail 1": server.Say("552 5.3.4 too big"), ".": server.Say("552 5.3.4 too big")}}
	size := `local user = "james@new.example.com"
ehlo()
local limit = tonumber(capabilities().SIZE[1])
mail(user, { size = limit + 1, expect = "552 5.3.4" }); mail(user, { size = limit }); rset()
mail(user); rcpt(user)
data(message{ to = user, size = limit + 1000 }, { expect = "552 5.3.4", timeout = "10m" })
quit()`
	r := one(t, limited.Serve, size)
	checkVerdict(t, r, size)
	over := lmtp(server.Answers{". 2": server.Say("552 5.2.2 full")})
	quota := `local fine, full = "james@new.example.com", "full@new.example.com"
lhlo(); mail ""; rcpt(fine); rcpt(full)
data(message{ to = fine, size = 4000 }, { expect = { [fine] = "250 2.0.0", [full] = { "552 5.2.2", "452 4.2.2" } } })
quit()`
	if r = one(t, over, quota); r.Outcome != suite.Passed {
		t.Error(r.Failure)
	}
	dsn := `local user, id = "james@new.example.com", unique()
ehlo(); mail(user, { ret = "HDRS", envid = id }); rcpt(user, { notify = "SUCCESS", orcpt = "rfc822;" .. user })
data(message{ from = user, to = user, subject = id }); quit()`
	if r = one(t, polite(nil), dsn); r.Outcome != suite.Passed || !strings.Contains(transcriptOf(r), "Subject: [unique]\n") {
		t.Error(r.Failure, transcriptOf(r))
	}
}

func folderOf(files map[string]string) fstest.MapFS {
	folder := fstest.MapFS{}
	for name, text := range files {
		folder[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return folder
}
