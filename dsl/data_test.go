package dsl

import (
	"strings"
	"testing"

	"smtplay/engine/server"
	"smtplay/engine/suite"
)

// lmtp is a polite LMTP server.
func lmtp(on server.Answers) server.Handler {
	return server.Polite{Domain: "mail.example.com", LMTP: true, On: on}.Serve
}

// prdr plays PRDR as Exim does: 353, a reply for each recipient, and one for the
// message.
func prdr(replies ...string) server.Handler {
	return polite(server.Answers{".": server.Say(replies...), "bdat": server.Say(replies...)})
}

const (
	twoByLMTP = "lhlo(); mail ''; rcpt 'a@example.com'; rcpt 'b@example.com'\n"
	twoByPRDR = "ehlo(); mail('', { prdr = true }); rcpt 'a@example.com'; rcpt 'b@example.com'\n"
)

var dataCases = []struct {
	reason  string
	handler server.Handler
	script  string
	wire    string // what the transcript holds, lines by \n
}{
	{"dots are doubled", polite(nil), "ehlo(); mail ''; rcpt 'a@example.com'; data '.x\\n..\\n.'; quit()", "C: ..x\nC: ...\nC: ..\nC: .\n"},
	{"and not where it is said", polite(nil), "ehlo(); mail ''; rcpt 'a@example.com'; data('.x\\n..\\nend', { stuff = false }); quit()", "C: .x\nC: ..\nC: end\nC: .\n"},
	{"stuff = true is the rule", polite(nil), "ehlo(); mail ''; rcpt 'a@example.com'; data('.', { stuff = true }); quit()", "C: ..\nC: .\n"},
	{"a lone dot that is not doubled", polite(nil), "ehlo(); mail ''; rcpt 'a@example.com'\ndata('x\\r\\n.\\r\\nquit', { stuff = false }) --! error: a line of the message is a lone dot", ""},
	{"stuff that is no boolean", polite(nil), "ehlo(); mail ''; rcpt 'a@example.com'; local s = 'no'\ndata('x', { stuff = s }) --! error: true or false", ""},

	{"chunks", polite(nil), "ehlo(); mail ''; rcpt 'a@example.com'; local r = bdat 'Subject: x\\r\\n'; assert(r.text:match '12 octets'); r = bdat('\\r\\n.\\0\\nx', true); assert(r.text:match 'queued' and r.command == 'BDAT 6 LAST'); quit()", "C: BDAT 12\nC: Subject: x\nS: 250 2.0.0 12 octets\nC: BDAT 6 LAST\n"},
	{"an empty last chunk", polite(nil), "ehlo(); mail ''; rcpt 'a@example.com'; bdat 'x\\r\\n'; bdat('', true); quit()", "C: BDAT 0 LAST\nS: 250 2.0.0 Ok: queued"},
	{"a message in pieces", polite(nil), "ehlo(); mail ''; rcpt 'a@example.com'; bdat(('x'):rep(8) .. '\\r\\n', { split = 4 }); quit()", "250 2.0.0 4 octets\nC: BDAT 4\n"},
	{"of just that size", polite(nil), "ehlo(); mail ''; rcpt 'a@example.com'; local r = bdat('xxxx', { split = 4 }); assert(r.command == 'BDAT 4 LAST'); quit()", ""},
	{"a piece that is refused", polite(server.Answers{"bdat 2": server.Say("552 5.3.4 too big")}), "ehlo(); mail ''; rcpt 'a@example.com'\nbdat(('x'):rep(12), { split = 4, expect = 552 }) --! failed: expected 2xx, got 552", ""},
	{"the last of them, expected", polite(server.Answers{"bdat 3": server.Say("552 5.3.4 too big")}), "ehlo(); mail ''; rcpt 'a@example.com'; bdat(('x'):rep(12), { split = 4, expect = 552 }); quit()", ""},
	{"no CHUNKING", server.Polite{Capabilities: []string{"SIZE"}}.Serve, "ehlo(); mail ''; rcpt 'a@example.com'\nbdat('x', true) --! failed: CHUNKING is not offered: nothing was sent", ""},
	{"CHUNKING unknown", polite(nil), "helo(); mail ''; rcpt 'a@example.com'\nbdat('x', true) --! failed: capabilities are not known", ""},
	{"raw needs no CHUNKING", server.Polite{Capabilities: []string{"SIZE"}}.Serve, "ehlo(); mail ''; rcpt 'a@example.com'; raw 'BDAT 3 LAST\\r\\nx\\r\\n'; expect 250; quit()", ""},
	{"nobody to send to", polite(nil), "ehlo(); mail ''; bdat('x', { expect = 503 }); quit()", ""},
	{"split and no end", polite(nil), "ehlo(); local l = false\nbdat('x', l, { split = 3 }) --! error: its last chunk ends it", ""},
	{"last that is none", polite(nil), "ehlo(); local l = 'LAST'\nbdat('x', l) --! error: true or false, not a string", ""},
	{"a chunk of no bytes", polite(nil), "ehlo(); local n = 0\nbdat('x', { split = n }) --! error: whole number from 1", ""},
	{"where message text is due", polite(nil), "ehlo(); mail ''; rcpt 'a@example.com'; send 'data'; expect 354\nbdat 'x' --! error: BDAT was not sent: after a 354", ""},
	{"a chunk while a reply is unread", polite(nil), "ehlo(); send 'noop'\nbdat 'x' --! failed: BDAT 1 was not sent: the reply to noop has not been read", ""},

	{"LMTP: each its own", lmtp(server.Answers{". 2": server.Say("552 5.2.2 full")}), twoByLMTP + "data('x', { expect = { ['b@example.com'] = 552 } }); quit()", ""},
	{"LMTP: each its own, in chunks", lmtp(server.Answers{"bdat 3": server.Say("552 5.2.2 full")}), twoByLMTP + "bdat 'x'; bdat('y', true, { expect = { ['a@example.com'] = 250, ['b@example.com'] = '552 5.2.2' } }); quit()", ""},
	{"LMTP: one of two, in chunks", lmtp(server.Answers{"bdat 2": server.Say("552 5.2.2 full")}), twoByLMTP + "bdat('y', true) --! failed: expected 2xx, got 552", ""},
	{"LMTP: each its own, of a chunk that is not the last", lmtp(nil), twoByLMTP + "bdat('y', { expect = { ['b@example.com'] = 552 } }) --! error: only the last chunk gets them", ""},
	{"LMTP: nobody, in chunks", lmtp(nil), "lhlo(); mail ''; bdat('x', true, { expect = 503 }); quit()", ""},
	{"LMTP has no 353", lmtp(server.Answers{". 1": server.Say("353 what")}), "lhlo(); mail('', { prdr = true }); rcpt 'a@example.com'; rcpt 'b@example.com'\ndata 'x' --! failed: expected 2xx, got 353", ""},
	{"LMTP has no reply for the message", lmtp(nil), twoByLMTP + "data('x', { expect = { ['a@example.com'] = 250, ['.'] = 250 } }) --! error: no accepted recipient", ""},

	{"PRDR: all take it", prdr("353 go", "250 a", "250 b", "250 done"), twoByPRDR + "local r = data 'x'; assert(r.text == 'done'); quit()", ""},
	{"PRDR: one does not", prdr("353 go", "250 a", "550 5.7.1 b", "250 done"), twoByPRDR + "data 'x' --! failed: expected 2xx, got 550 5.7.1 b", ""},
	{"PRDR: one may not", prdr("353 go", "250 a", "550 5.7.1 b", "250 done"), twoByPRDR + "data('x', { expect = { ['b@example.com'] = '550 5.7.1' } }); quit()", ""},
	{"PRDR: one must not, and does", prdr("353 go", "250 a", "250 b", "250 done"), twoByPRDR + "data('x', { expect = { ['b@example.com'] = '550 5.7.1' } }) --! failed: expected 550 5.7.1, got 250 b", ""},
	{"PRDR: in the end nobody does", prdr("353 go", "550 a", "550 b", "550 none"), twoByPRDR + "data('x', { expect = { ['a@example.com'] = 550, ['b@example.com'] = 550, ['.'] = 550 } }); quit()", ""},
	{"PRDR: the end is judged", prdr("353 go", "250 a", "250 b", "451 4.3.0 disk"), twoByPRDR + "data 'x' --! failed: got 451 4.3.0 disk", ""},
	{"PRDR: the end alone is expected", prdr("353 go", "250 a", "250 b", "550 none"), twoByPRDR + "data('x', { expect = { ['.'] = 550 } }); quit()", ""},
	{"PRDR: the end alone is expected, and one does not take it", prdr("353 go", "250 a", "550 b", "550 none"), twoByPRDR + "data('x', { expect = { ['.'] = 550 } }) --! failed: expected 2xx, got 550 b", ""},
	{"PRDR: the end alone is expected, and comes alone", prdr("550 none"), twoByPRDR + "data('x', { expect = { ['.'] = 550 } }) --! failed: expected 2xx, got 550 none", ""},
	{"PRDR: a > in a parameter ends no address", prdr("353 go", "250 a", "550 b", "250 done"), "ehlo(); mail('', { prdr = true, params = 'X=a>b' }); rcpt{ 'a@example.com', orcpt = 'x>y' }; rcpt '<\"b>\"@example.com>'; data('x', { expect = { ['a@example.com'] = 250, ['\"b>\"@example.com'] = 550 } }); quit()", ""},
	{"PRDR: the end is missing", prdr("353 go", "250 a", "250 b"), twoByPRDR + "data('x', { timeout = '100ms' }) --! failed: no reply within 100ms", ""},
	{"PRDR: one reply for all", polite(nil), twoByPRDR + "data 'x'; quit()", ""},
	{"PRDR: one reply for all is each one's", polite(nil), twoByPRDR + "data('x', { expect = { ['b@example.com'] = 550 } }) --! failed: expected 550, got 250", ""},
	{"PRDR in chunks", prdr("353 go", "250 a", "550 b", "250 done"), twoByPRDR + "bdat('x', true, { expect = { ['b@example.com'] = 550 } }); quit()", ""},
	{"PRDR by hand", prdr("353 go", "250 a", "550 b", "250 done"), "expect 220; send 'ehlo x'; expect 250; send 'mail from:<> prdr'; expect 250; send 'rcpt to:<a@example.com>'; expect 250; send 'rcpt to:<b@example.com>'; expect 250; send 'data'; expect 354; send 'x\\n.'; expect 353; expect '250 a'; expect '550 b'; expect '250 done'; quit()", ""},
	{"PRDR by hand, one unread", prdr("353 go", "250 a", "550 b", "250 done"), twoByPRDR + "send 'data'; expect 354; send 'x\\n.'; expect 353; expect 250; expect 550\nsend 'quit' --! failed: the reply to . has not been read", ""},
	{"a 353 that nobody asked for", prdr("353 go", "250 done"), "ehlo(); mail ''; rcpt 'a@example.com'\ndata 'x' --! failed: expected 2xx, got 353 go", ""},
	{"PRDR ends with its transaction", prdr("353 go", "250 done"), "ehlo(); mail('', { prdr = true }); rset(); mail ''; rcpt 'a@example.com'\ndata 'x' --! failed: expected 2xx, got 353 go", ""},
}

func TestData(t *testing.T) {
	for _, c := range dataCases {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			r := one(t, c.handler, c.script)
			checkVerdict(t, r, c.script)
			if text := transcriptOf(r); !strings.Contains(text, c.wire) {
				t.Errorf("no %q in\n%s", c.wire, text)
			}
			if r.Outcome == suite.Failed && strings.Contains(r.Failure.What, "nothing was sent") && strings.Contains(transcriptOf(r), "BDAT") {
				t.Errorf("it was sent:\n%s", transcriptOf(r))
			}
		})
	}
}

// A script that is written from a transcript announces chunks as long as they
// are, also where what was masked in them was longer or shorter.
func TestWrittenChunks(t *testing.T) {
	b := newBench(t, polite(nil))
	script := "ehlo(); mail 'a@example.org'; rcpt 'b@example.com'; bdat(message{ to = 'b@example.com', text = 'x' }, { split = 100 }); mail 'a@example.org'; rcpt 'b@example.com'; data(message{ to = 'b@example.com' }); quit()"
	r := b.try(t, script)[0]
	checkVerdict(t, r, script)
	if r = b.try(t, written(t, WriteOptions{}, r.Events))[0]; r.Outcome != suite.Passed {
		t.Errorf("%v\n%s", r.Failure, transcriptOf(r))
	}
	if n := len(b.server.Messages()); n != 4 {
		t.Errorf("%d messages, want 4", n)
	}
}
