package dsl

import (
	"regexp"
	"strings"
	"testing"

	"smtplay/engine/server"
	"smtplay/engine/suite"
)

// Each script says at the end of a line how it must end, and that it is this
// line that is blamed: "--! failed: text", "--! error: text" or "--! skipped:
// text". Without that it must pass.
var verdictMark = regexp.MustCompile(`--! (failed|error|skipped): (.*)$`)

func wantOf(t *testing.T, script string) (outcome, text string, line int) {
	t.Helper()
	for i, l := range strings.Split(script, "\n") {
		if m := verdictMark.FindStringSubmatch(l); m != nil {
			return m[1], m[2], i + 1
		}
	}
	return "passed", "", 0
}

func checkVerdict(t *testing.T, r suite.Result, script string) {
	t.Helper()
	outcome, want, line := wantOf(t, script)
	got, at := "", 0
	switch {
	case r.Failure != nil:
		got, at = r.Failure.What+" / "+r.Failure.Hint, r.Failure.Pos.Line
	case r.Outcome == suite.Skipped:
		got, at = r.Reason, r.Pos.Line
	}
	if r.Outcome.String() != outcome || at != line || !strings.Contains(got, want) {
		t.Errorf("%v at line %d: %s\nwant %s at line %d: %s\n%s", r.Outcome, at, got, outcome, line, want, transcriptOf(r))
	}
}

var languageCases = []struct {
	reason string
	on     server.Answers
	script string
}{
	{"the first verb connects by itself", nil, `expect 220; send "ehlo me"; expect 250`},
	{"a reply literal with places", nil, `expect 2xx; send "nonsense"; expect 5xx`},
	{"a method of the conversation", nil, `local c = connect(); c:expect(220); c:send "noop"; c:expect 250`},
	{"a wrong reply fails there", nil, "expect 220\nsend 'noop'\nexpect 354 --! failed: expected 354, got 250"},
	{"the greeting must be read before a send", nil, "connect()\nsend 'ehlo me' --! failed: greeting has not been read"},
	{"a reply must be read before the next send", nil, "expect 220; send 'noop'\nsend 'noop' --! failed: the reply to noop has not been read, which was sent at t.lua:1"},
	{"a test may not end with a reply unread", nil, "expect 220\nsend 'noop' --! failed: ended too early"},
	{"but with that to QUIT it may", nil, "expect 220\nsend 'quit'"},
	{"an unasked reply fails the next command", server.Answers{"noop": server.Say("250 ok", "250 ok again").Then(server.Continue)},
		"expect 220; send 'ehlo me'; expect 250"},
	{"a line end inside a line", nil, "expect 220\nsend 'noop\\r\\nnoop' --! error: a command is one line"},
	{"reply judges nothing", nil, "local r = reply() --! error: nothing was expected"},
	{"assert judges", nil, "assert(reply().code == 220)"},
	{"assert fails the test", nil, "expect 220\nassert(1 == 2, 'sums') --! failed: sums"},
	{"assert under pcall is Lua's", nil, "expect 220\nlocal ok, e = pcall(assert, false, 'm'); assert(not ok and e == 'm')"},
	{"pcall does not hold a failed expectation", nil, "pcall(function()\nexpect 250 --! failed: expected 250\nend)"},
	{"attempt does", nil, "local ok, f = attempt(function() expect 250 end)\nassert(not ok and f.expected == '250' and f.line == 1)"},
	{"error is an error of the script", nil, "expect 220\nerror 'boom' --! error: boom"},
	{"a nil call names the line", nil, "expect 220\nlocal t = {}\nt.x() --! error: attempt to call"},
	{"fail", nil, "expect 220\nfail 'why' --! failed: why"},
	{"skip", nil, "expect 220\nskip 'why' --! skipped: why"},
	{"requires a target that is not there", nil, "requires{ target = 'local' } --! skipped: no target"},
	{"a target that leads nowhere", nil, "expect 220\nlocal t = 'nowhere'\nconnect(t) --! error: leads nowhere"},
	{"requires a capability", nil, "ehlo()\nrequires{ capability = 'DSN' } --! skipped: does not offer DSN"},
	{"capabilities before EHLO", nil, "expect 220\nexpect_no_capability 'AUTH' --! failed: not known"},
	{"capabilities after EHLO", nil, "ehlo(); expect_capability 'SIZE'; assert(capabilities().SIZE[1] == '30720000')\nexpect_no_capability 'SIZE' --! failed: SIZE is offered"},
	{"helpers greet, and read their reply", nil, "ehlo(); mail 'a@example.org'; rcpt 'b@example.com'; rset(); quit()"},
	{"a helper's refusal", server.Answers{"rcpt": server.Say("554 5.7.1 no")}, "ehlo(); mail ''\nrcpt 'b@example.com' --! failed: expected 2xx, got 554 5.7.1"},
	{"a helper told what to expect", server.Answers{"rcpt": server.Say("554 5.7.1 no")}, "ehlo(); mail ''; rcpt('b@example.com', { expect = 554 }); rcpt{ 'c@example.com', expect = '554 5.7.1' }"},
	{"an option that is none, computed", nil, "ehlo()\nlocal o = { expct = 1 }\nmail('a@b', o) --! error: did you mean \"expect\"?"},
	{"data", nil, "ehlo(); mail ''; rcpt 'b@example.com'; local r = data 'Subject: x\\n\\n.dot'; assert(r.code == 250); quit()"},
	{"data that gets 250 at once", server.Answers{"data": server.Say("250 2.0.0 fine")}, "ehlo(); mail ''; rcpt 'b@example.com'\ndata 'x' --! failed: expected 354, got 250"},
	{"message text by hand", nil, "ehlo(); mail ''; rcpt 'b@example.com'; send 'data'; expect 354; send [[\nSubject: x\n\nHi\n.]]; expect 250"},
	{"text after the dot", nil, "ehlo(); mail ''; rcpt 'b@example.com'; send 'data'; expect 354\nsend 'a\\n.\\nquit' --! error: goes on after the lone dot"},
	{"the dot owes a reply", nil, "ehlo(); mail ''; rcpt 'b@example.com'; send 'data'; expect 354\nsend 'Hi'; send '.' --! failed: ended too early"},
	{"expect_refusal", server.Answers{"rcpt": server.Say("550 5.1.1 no")}, "ehlo(); expect_refusal{ from = '', to = 'x@y', expect = '550 5.1.1' }"},
	{"expect_refusal where all is taken", nil, "ehlo()\nexpect_refusal{ from = '', to = 'x@y' } --! failed: nothing was refused"},
	{"expect_refusal of another kind", server.Answers{"mail": server.Say("450 4.7.1 later")}, "ehlo()\nexpect_refusal{ from = '', to = 'x@y', expect = '5xx' } --! failed: expected 5xx, got 450"},
	{"pipeline", nil, "ehlo(); pipeline{ 'mail from:<>', 'rcpt to:<b@example.com>', 'data' }; expect 250; expect 250; expect 354; send '.'; expect 250"},
	{"a message and what follows it", nil, "ehlo(); mail ''; rcpt 'b@example.com'; send 'data'; expect 354; pipeline{ 'Hi\\n.', 'rset', 'quit' }; expect 250; expect 250; expect 221"},
	{"a message without its end", nil, "ehlo(); mail ''; rcpt 'b@example.com'; send 'data'; expect 354\npipeline{ 'Hi', 'quit' } --! error: ends in the lone dot"},
	{"a message and its reply", nil, "ehlo(); mail ''; rcpt 'b@example.com'; send 'data'; expect 354\npipeline{ 'Hi\\n.', 'rset' }; expect 250 --! failed: the reply to rset has not been read"},
	{"pipeline owes them all", nil, "ehlo()\npipeline{ 'noop', 'noop' }; expect 250 --! failed: ended too early"},
	{"quit closes", nil, "ehlo(); quit()\nnoop() --! failed: closed"},
	{"nothing reconnects by itself", nil, "ehlo(); quit()\nsend 'noop' --! failed: closed"},
	{"expect_close", server.Answers{"noop": server.Say("421 4.3.2 bye").Then(server.Close)}, "ehlo(); send 'noop'; expect 421; expect_close()"},
	{"a helper is no message text", nil, "ehlo(); mail ''; rcpt 'b@example.com'; send 'data'; expect 354; send 'Hi'\nquit() --! error: no command was sent: after a 354 comes message text"},
	{"expect_close on bytes", server.Answers{"noop": server.Say("421 4.3.2 bye").Then(server.Close)}, "ehlo(); send 'noop'\nexpect_close() --! failed: bytes came instead"},
	{"expect_silence", nil, "ehlo(); expect_silence(0.05); noop()"},
	{"expect_silence broken", nil, "ehlo(); send 'noop'\nexpect_silence(1) --! failed: the server spoke"},
	{"a server that closes", server.Answers{"rcpt": {Ending: server.Close}}, "ehlo(); mail ''; send 'rcpt to:<x@y>'\nexpect 250 --! failed: closed the connection"},
	{"a silent server", server.Answers{"rcpt": {Ending: server.Silence}}, "ehlo(); mail ''; send 'rcpt to:<x@y>'\nexpect{ 250, within = '50ms' } --! failed: no reply within 50ms"},
	{"what is dead stays dead", server.Answers{"rcpt": {Ending: server.Silence}}, "ehlo(); mail ''; send 'rcpt to:<x@y>'; attempt(function() expect{ 250, within = '50ms' } end)\nnoop() --! failed: over"},
	{"no reply at all", server.Answers{"noop": server.Send("HTTP/1.1 400 Bad Request\r\n")}, "ehlo(); send 'noop'\nexpect 250 --! failed: no SMTP reply"},
	{"captures by name", server.Answers{"noop": server.Say("250 2.0.0 Ok: queued as 4XYZ")}, `ehlo(); send "noop"; local r = expect{ 250, match = [[queued as (?P<id>\S+)]] }; assert(r.captures.id == "4XYZ" and r.captures[1] == "4XYZ")`},
	{"the queue id of a reply", server.Answers{"noop": server.Say("250 2.0.0 Ok: queued as 4F1A2B3C"), "help": server.Say("451 4.0.0 not queued as 4F1A2B3C")}, `local r = ehlo(); send "noop"; assert(expect(250).queue_id == "4F1A2B3C"); send "help"; assert(expect(451).queue_id == nil); send "rset"; assert(expect(250).queue_id == nil)`},
	{"the fields of a reply", server.Answers{"noop": server.Say("250-2.0.0 a", "250 2.0.0 b")}, `ehlo(); send "noop"; local r = expect "2.0.0"; assert(r.code == 250 and r.enhanced == "2.0.0" and r.text == "a\nb" and r.lines[2] == "b" and r.command == "noop" and r.seconds >= 0 and r.challenge == nil)`},
	{"a field that is none", nil, "local r = expect 220\nlocal x = r.cod --! error: did you mean \"code\"?"},
	{"a verb that is none", nil, "local c = connect()\nc:expct(220) --! error: did you mean \"expect\"?"},
	{"because is shown", nil, "expect{ 250, because = 'x' } --! failed: expected 250"},
	{"after runs last first, and may fail the test", nil, "expect 220\nafter(function() noop() end)\nafter(function() error 'late' end) --! error: late"},
	{"eventually gives up", server.Answers{"noop": server.Say("450 4.2.0 later")}, "eventually{ within = 0.05, every = 0.02, function()\nehlo(); noop() --! failed: expected 2xx, got 450\nend }"},
	{"print and note", nil, "print('a', 1, true); note 'b'; step 'c'; expect 220"},
	{"two conversations", nil, "local a, b = connect(), connect(); a:expect 220; b:expect 220; a:noop(); b:noop(); a:quit(); b:quit()"},
	{"base64", nil, `expect 220; assert(base64.encode("\0a\0b") == "AGEAYg==" and base64.decode "AGEAYg==" == "\0a\0b")`},
	{"unique is letters", nil, `expect 220; assert(unique():match "^%l+$" and unique() ~= unique())`},
	{"an early talker", nil, "raw 'noop\\r\\n'; expect 220; expect 250"},
	{"a pattern and its options are one pattern", nil, "expect(220, { text = 'NOPE' }) --! failed: expected 220 with the text"},
	{"a computed second pattern", nil, "local p = 251\nexpect(220, p) --! error: takes one pattern"},
	{"a keyword with its parameter", nil, "ehlo(); expect_capability 'SIZE 30720000'\nexpect_no_capability 'SIZE 30720000' --! failed: SIZE 30720000 is offered"},
	{"what no server can offer proves nothing", nil, "ehlo()\nexpect_no_capability '250-STARTTLS ' --! error: no EHLO keyword"},
	{"a computed number in the place of a string", nil, "local code = 550\nehlo(code) --! error: ehlo{ …, expect = 550 }"},
	{"an empty keyword proves nothing", nil, "ehlo()\nexpect_no_capability('AUTH', '') --! error: parameter of AUTH is empty"},
	{"requires of nothing", nil, "ehlo()\nrequires{ capability = '' } --! error: no EHLO keyword"},
	{"requires of no target", nil, "local t = ''\nrequires{ target = t } --! error: names no target"},
	{"two lines outside a list", nil, "ehlo(); local a, b = 'noop', 'noop'\nlocal f = pipeline; f(a, b) --! error: one value, not 2"},
	{"a list with a name in it", nil, "ehlo()\npipeline{ 'noop', x = 'rset' } --! error: at [x]"},
	{"a list with a hole in it", nil, "ehlo(); local t = {}; t[1], t[-1] = 'noop', 'rset'\npipeline(t) --! error: at [-1]"},
	{"options by a metatable would not be seen", nil, "local o = setmetatable({}, { __index = { expect = 554 } }); ehlo()\nmail('a@b', o) --! error: plain table"},
	{"a pattern by a metatable neither", nil, "local p = setmetatable({ '2xx' }, { __index = { text = 'no' } })\nexpect(p) --! error: plain table"},
	{"sleep needs to know how long", nil, "expect 220; local t = {}\nsleep(t.tme) --! error: needs a duration"},
	{"an eventually without a conversation leaves the one before", nil, "local c = connect(); ehlo(); eventually(function() assert(true) end); assert(capabilities().SIZE); c:quit()\nnoop() --! failed: closed"},
	{"an eventually leaves its own", nil, "ehlo(); quit(); eventually(function() ehlo() end); noop()"},
	{"what after registers in an after is run too", nil, "expect 220\nafter(function() after(function()\nerror 'late' --! error: late\nend) end)"},
	{"what only an after expects", nil, "after(function() ehlo() end) --! error: nothing was expected"},
	{"a failure in a coroutine", nil, "local co = coroutine.create(function()\nexpect 250 --! failed: expected 250\nend); coroutine.resume(co); expect 220"},
	{"a failure in a wrapped coroutine, under pcall", nil, "pcall(coroutine.wrap(function()\nexpect 250 --! failed: expected 250\nend))"},
	{"a failure in the order function of a sort", nil, "expect 220; pcall(table.sort, { 1, 2, 3 }, function(a, b)\nsend 'noop'; expect 354 --! failed: expected 354\nend)"},
	{"a failure in a replacement", nil, "expect 220; pcall(string.gsub, 'abc', 'b', function()\nsend 'noop'; expect 354 --! failed: expected 354\nend)"},
	{"a failure in a metamethod", nil, "expect 220; pcall(tostring, setmetatable({}, { __tostring = function()\nsend 'noop'; expect 354 --! failed: expected 354\nend }))"},
	{"a failure in the handler of xpcall", nil, "expect 220; xpcall(error, function()\nsend 'noop'; expect 354 --! failed: expected 354\nend)"},
	{"a skip passes an attempt", nil, "expect 220; attempt(function()\nskip 'why' --! skipped: why\nend)"},
	{"an error of the script passes an attempt", nil, "expect 220; attempt(function()\nlocal t = {}; t.x() --! error: attempt to call\nend)"},
	{"a failure that was held may be asserted", nil, "local ok, f = attempt(function() expect 250 end)\nassert(ok, f) --! failed: expected 250, got 220"},
	{"a pattern of several lines", nil, "expect 220; send 'noop'\nexpect{ --! failed: expected 354\n354,\nbecause = 'x',\n}"},
	{"the method of another conversation", nil, "local a = connect(); a:ehlo(); local b = connect(); b:ehlo(); a:send 'noop'; b:noop()\na:expect 354 --! failed: expected 354"},
	{"an earlier conversation left unread", nil, "connect() --! failed: ended too early: the greeting\nlocal b = connect(); b:ehlo()"},
	{"capabilities of what is closed", nil, "ehlo(); quit()\ncapabilities() --! failed: over"},
	{"expect_capability on what is closed", nil, "ehlo(); quit()\nexpect_capability 'SIZE' --! failed: over"},
	{"close on what is closed", nil, "ehlo(); quit()\nclose() --! failed: over"},
	{"data on what is closed", nil, "ehlo(); quit()\ndata('x', { expect = { ['a@b'] = 250 } }) --! failed: over"},
	{"a number as Lua 5.1 writes it", nil, "ehlo(); local r = mail('a@b', { envid = 1e15 }); assert(r.command == 'MAIL FROM:<a@b> ENVID=1e+2B15', r.command)"},
	{"parameters in one order, xtext where it is due", nil, "ehlo(); local r = mail('a@b', { params = 'X=y', auth = '', smtputf8 = true, envid = 'a+b=c d', ret = 'HDRS', body = '8BITMIME', size = 10 }); assert(r.command == 'MAIL FROM:<a@b> SIZE=10 BODY=8BITMIME RET=HDRS ENVID=a+2Bb+3Dc+20d SMTPUTF8 AUTH=<> X=y', r.command)\nr = rcpt('<c@d>', { orcpt = 'é@x', notify = { 'SUCCESS', 'DELAY' } }); assert(r.command == 'RCPT TO:<c@d> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;+C3+A9@x', r.command)"},
	{"an empty list", nil, "ehlo(); mail ''\nrcpt('a@b', { notify = {} }) --! error: notify of rcpt is empty"},
	{"the failure of a tail call", nil, "local function f()\nreturn expect(250) --! failed: expected 250\nend\nreturn f()"},
	{"a code and an enhanced status code apart", nil, "expect{ 220, enhanced = '2.0.0' } --! failed: expected 220 2.0.0, got 220"},
	{"a bad argument", nil, "expect 220\nlocal d = true; sleep(d) --! error: no duration"},
	{"the tail of a module error", nil, "local r = expect 220\nassert(r.text.x == nil); local s = r.text .. nil --! error: concat"},
}

func TestEventuallyHoldsInTheEnd(t *testing.T) {
	later := polite(server.Answers{"noop": server.Say("450 4.2.0 later")})
	script := "eventually{ within = 20, every = 0.01, function() ehlo(); noop() end }; quit()"
	checkVerdict(t, one(t, server.Each(later, later, polite(nil)), script), script)
}

func TestLanguage(t *testing.T) {
	for _, c := range languageCases {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			checkVerdict(t, one(t, polite(c.on), c.script), c.script)
		})
	}
}
