package dsl

import (
	"context"
	"strings"
	"testing"
	"time"

	"smtplay/engine/suite"
	"smtplay/engine/transcript"
)

// Both ends of a conversation, in one script: what is played, demanded and blamed. The
// servers are those of server.Polite and server.Session.
// The marks are those of languageCases. A script that says --impatient gives up
// after a tenth of a second what it waits for without a limit of its own.
var endsCases = []struct{ reason, script string }{
	// take
	{"take answers with a string", `
local mx = listen()
local c = start("client", function() connect(mx.address); ehlo(); mail "a@example.org"; rcpt("b@example.com", { expect = "451 4.7.1" }); quit() end)
local got = mx:take{ rcpt = "451 4.7.1 come back" }
got:expect{ from = "a@example.org", rejected = { ["b@example.com"] = "451 4.7.1 come back" }, ended = "quit" }
assert(got.rejected["b@example.com"] == "451 4.7.1 come back" and #got.to == 0 and got.message == nil and got.transactions == 1)`},
	{"take answers with several lines", `
local mx = listen()
start("client", function() connect(mx.address); local r = ehlo(); assert(#r.lines == 2 and capabilities().DSN); quit() end)
mx:take{ ehlo = "250-mx.example.net\n250 DSN" }`},
	{"take answers each time by itself", `
local mx = listen()
start("client", function() connect(mx.address); ehlo(); mail ""; rcpt("a@b.example", { expect = 450 }); rcpt("a@b.example", { expect = 451 }); rcpt "a@b.example"; quit() end)
mx:take{ rcpt = { "450 one", "451 two" } }`},
	{"take answers by address, whatever its case", `
local mx = listen()
start("client", function() connect(mx.address); ehlo(); mail ""; rcpt "a@b.example"; rcpt("C@B.example", { expect = 550 }); quit() end)
mx:take{ rcpt = { ["c@b.example"] = "550 5.1.1 no" } }`},
	{"take answers as a function says", `
local mx = listen()
start("client", function() connect(mx.address); ehlo "me"; mail "x@y.example"; rcpt "a@b.example"; rcpt("c@b.example", { expect = 550 }); quit() end)
local got = mx:take{ rcpt = function(address, visit)
	visit:expect{ helo = "me", from = "x@y.example" }
	assert(visit.helo == "me" and visit.from == "x@y.example" and visit.ended == nil and visit.transactions == 0)
	if address == "c@b.example" then return "550 no" end
end }
assert(got.to[1] == "a@b.example" and got.rejected["c@b.example"] == "550 no")`},
	{"a function may answer for each time, by address and with false", `
local mx = listen()
start("client", function() connect(mx.address); ehlo(); mail ""; rcpt("a@b.example", { expect = 450 }); rcpt "a@b.example"; raw "noop\r\n"; expect_silence "50ms"; close() end)
mx:take{ rcpt = function() return { { ["a@b.example"] = "450 x" } } end, noop = function() return false end }`},
	{"the visit of a function is one value, and tells of the end afterwards", `
local mx, seen = listen(), {}
start("client", function() connect(mx.address); ehlo(); mail ""; mail("", { expect = 503 }); quit() end)
mx:take{ mail = function(_, visit) seen[visit] = (seen[visit] or 0) + 1 end }
local n = 0; for visit, times in pairs(seen) do n = n + 1; assert(times == 2 and visit.ended == "quit" and visit.transactions == 1) end
assert(n == 1)`},
	{"from of a visit without a transaction", `
local mx = listen()
start("client", function() connect(mx.address); expect 220; quit() end)
mx:take{ greeting = function(_, visit) assert(visit.from == nil and visit.to == nil and visit.message == nil) end }`},
	{"a function of take that fails", `
local mx = listen()
start("client", function() connect(mx.address); ehlo(); mail ""; quit() end)
mx:take{ mail = function(address)
	assert(address == "x", "the sender") --! failed: the sender
end }`},
	{"a function of take that has an error in it", `
local mx = listen()
start("client", function() connect(mx.address); ehlo(); mail ""; quit() end)
mx:take{ mail = function(address)
	return nothing.x --! error: attempt to index
end }
nothing = nil`},
	{"a function of take that expects", `
local mx = listen()
start("client", function() connect(mx.address); ehlo(); mail ""; quit() end)
mx:take{ mail = function(_, visit)
	visit:expect{ tls = true } --! failed: TLS: expected any version, got none
end }`},
	{"a function of take that returns no answer", `
local mx = listen()
start("client", function() connect(mx.address); ehlo(); mail ""; quit() end)
mx:take{
	mail = function() return "hello" end, --! error: what the function for mail returned: "hello" is no line of a reply
}`},
	{"a function that returns an object", `
local mx = listen()
start("client", function() connect(mx.address); ehlo(); quit() end)
mx:take{ ehlo = function(_, visit) return visit end } --! error: what the function for ehlo returned`},
	{"a function that returns a function", `
local mx = listen()
start("client", function() connect(mx.address); ehlo(); quit() end)
mx:take{ ehlo = function() return print end } --! error: returned a function`},
	{"a function of take that is an upstream", `
local up, mx = listen(), listen()
local upstream = start("upstream", function() return up:take() end)
start("client", function() connect(mx.address); ehlo(); mail "a@b.example"; rcpt "c@d.example"; data "Subject: x\n\ny"; quit() end)
mx:take{ message = function(_, visit)
	connect(up.address); ehlo(); mail(visit.from); rcpt(visit.to[1]); data(visit.message.raw); quit()
end }
wait(upstream):expect{ from = "a@b.example", to = "c@d.example", subject = "x" }`},
	{"silence, and a delay", `
local mx = listen()
start("client", function() connect(mx.address); expect 220; raw "noop\r\n"; expect_silence "50ms"; raw "rset\r\n"; expect_silence "50ms"; close() end)
local got = mx:take{ noop = false }; got:expect{ ended = "client" }`},
	{"a delay, raw bytes and pieces", `
local mx = listen()
start("client", function() connect(mx.address); expect 220; send "noop"; assert(expect(250).seconds >= 0.05); send "rset"; expect(250); send "vrfy x"; expect 252; quit() end)
mx:take{ noop = { reply = "250 ok", delay = "50ms" }, rset = { raw = "250 raw\r\n" }, vrfy = { reply = { "252-one", "252 two" }, pieces = 3, pause = "1ms" } }`},
	{"endings", `
local mx = listen()
for _, ending in ipairs{ "close", "drop", "reset", "half-close" } do
	start(ending, function() connect(mx.address); expect 220; send "noop"; if ending ~= "reset" then expect 421 end; expect_close() end)
	mx:take{ noop = { reply = ending ~= "reset" and "421 bye" or nil, ending = ending } }
end`},
	{"hanging lasts as long as the session may", `
local mx = listen()
start("client", function() connect(mx.address); expect 220; send "noop"; expect_close() end)
local got = mx:take{ noop = { ending = "hang" }, timeout = "100ms" }
got:expect{ ended = "server" }`},
	{"a client that does not end", `
local mx = listen()
start("client", function() connect(mx.address); expect 220; sleep "300ms"; close() end)
mx:take{ timeout = "50ms" } --! failed: the client did not end its session in 50ms`},
	{"nobody connects", `
local mx = listen()
mx:take{ within = "20ms" } --! failed: nobody connected to 127.0.0.1:`},
	{"nobody connects, for as long as is usual", `--impatient
local mx = listen()
mx:accept() --! failed: nobody connected to 127.0.0.1:`},
	{"several transactions", `
local mx = listen()
start("client", function() connect(mx.address); ehlo()
	for _, s in ipairs{ "one", "two" } do mail "a@b.example"; rcpt "c@d.example"; data("Subject: " .. s .. "\n\n" .. s) end; quit() end)
local got = mx:take()
assert(#got.messages == 2 and got.transactions == 2)
got.messages[2]:expect{ subject = "two" }
got:expect{ subject = "one" } --! error: 2 transactions: say which`},
	{"a client that goes away", `
local mx = listen()
start("client", function() connect(mx.address); ehlo(); mail "a@b.example"; close() end)
local got = mx:take()
got:expect{ ended = "client", from = "a@b.example" }
got:expect{ ended = "quit" } --! failed: end of the session: expected "quit", got "client"`},
	{"a client that refuses the certificate", `
local mx = listen{ tls = "self-signed" }
start("client", function() connect(mx.address); ehlo(); attempt(function() starttls() end) end)
local got = mx:take()
assert(got.handshake and got.ended == "handshake")
got:expect{ handshake = true, ended = "handshake" }
got:expect{ tls = true } --! failed: TLS: expected any version, got none: `},
	{"the failure of an address that no take answers", `
local mx = listen()
local no = { ["a@b.example"] = "550 no" }
mx:take{ ehlo = no } --! error: only mail, rcpt and message have an address`},
	{"an answer that is a value of ours", `
local mx = listen()
mx:take{ rcpt = mx } --! error: is no answer`},
	{"capabilities are said as they are, and STARTTLS once", `
local mx = listen()
start("client", function() connect(mx.address); ehlo(); expect_capability "X-MINE"; starttls(); ehlo(); expect_capability "X-MINE"; expect_no_capability "STARTTLS"; quit() end)
local got = mx:take{ capabilities = { "X-MINE", "STARTTLS" } }; got:expect{ tls = true }; got:expect{ tls = "1.3" }
got:expect{ tls = "1.2" } --! failed: TLS: expected 1.2, got "1.3"`},
	{"users and mechanisms", `
local mx = listen()
start("client", function() connect(mx.address); ehlo(); starttls(); ehlo(); auth("PLAIN", "james", "correct horse"); mail ""; quit() end)
local got = mx:take{ users = { james = "correct horse" } }
got:expect{ user = "james" }
got:expect{ user = "jim" } --! failed: user: expected "jim", got "james"`},
	{"the script errs while a session is open", `
local mx = listen()
start("client", function() connect(mx.address); expect 220; send "noop"; expect 250 end)
local s = mx:accept(); s:reply "220 x"; s:expect_command "noop"
error "boom" --! error: boom`},
	// by hand
	{"a session by hand", `
local mx = listen()
start("client", function() local c = connect(mx.address); expect 220; c:ehlo(); starttls(); ehlo(); mail "a@b.example"; rcpt "c@d.example"; data "Subject: x\n\n.y"; send "bdat 3"; raw "abc"; expect 250; quit() end)
local s = mx:accept()
s:reply "220 mx.example.net ESMTP"; assert(s:expect_command "ehlo" == "ehlo client.example.org" or true)
s:reply{ "250-mx.example.net", "250 STARTTLS" }; s:expect_command "STARTTLS"; s:reply "220 go"; s:starttls()
assert(s.tls.version == "1.3" and s.peer == "127.0.0.1")
s:expect_command{ "helo", "ehlo" }; s:reply "250 mx"
s:expect_command{ match = [[^MAIL FROM:<.*>]] }; s:reply "250 ok"
s:expect_command "rcpt to:<c@d.example>"; s:reply "250 ok"
s:expect_command "data"; s:reply "354 go"; s:message():expect{ subject = "x", body = ".y" }; s:reply "250 ok"
assert(s:command() == "bdat 3" and s:read(3) == "abc"); s:raw "250 ok\r\n"
s:expect_command "quit"; s:reply "221 bye"; s:expect_close()
s:reply "250 x" --! failed: reply: the client ended the connection`},
	{"the wrong command", `
local mx = listen()
start("client", function() connect(mx.address); expect 220; send "ehlo x"; expect 250 end)
local s = mx:accept(); s:reply "220 x"
s:expect_command "helo" --! failed: expected the command "helo", got "ehlo x"`},
	{"a word is not the beginning of another", `
local mx = listen()
start("client", function() connect(mx.address); expect 220; send "noops"; expect 250 end)
local s = mx:accept(); s:reply "220 x"
s:expect_command "noop" --! failed: expected the command "noop", got "noops"`},
	{"a client that is gone", `
local mx = listen()
start("client", function() connect(mx.address); expect 220; close() end)
local s = mx:accept(); s:reply "220 x"
s:command() --! failed: command: the client ended the connection`},
	{"a client that says nothing", `
local mx = listen()
start("client", function() connect(mx.address); expect 220; sleep(5) end)
local s = mx:accept{ timeout = "30ms" }; s:reply "220 x"
s:command() --! failed: the client sent nothing more in 30ms`},
	{"a client that goes on", `
local mx = listen()
start("client", function() connect(mx.address); expect 220; send "noop"; sleep(5) end)
local s = mx:accept(); s:reply "220 x"
s:expect_close() --! failed: expected the client to close, got "noop"`},
	{"a client that refuses the certificate, by hand", `
local mx = listen{ tls = "expired" }
local client = start("client", function() connect(mx.address); expect 220; send "starttls"; expect 220; local ok, f = attempt(handshake); assert(not ok); return f.message end)
local s = mx:accept(); s:reply "220 x"; s:expect_command "starttls"; s:reply "220 go"; s:starttls{ refused = "certificate" }
local message = wait(client)
assert(message:match "expired" and not message:match "not valid", message)`},
	{"a client that takes what it should refuse", `
local mx = listen()
start("client", function() connect(mx.address); expect 220; send "starttls"; expect 220; handshake(); sleep(5) end)
local s = mx:accept(); s:reply "220 x"; s:expect_command "starttls"; s:reply "220 go"
s:starttls{ refused = true } --! failed: the client took the certificate`},
	{"a message that serve took, of a session that goes on", `
local mx = listen(); mx:serve()
connect(mx.address); ehlo(); mail "a@example.org"; rcpt "b@example.com"; data "Subject: one\n\nx"
mx:expect{ subject = "one", within = "5s" }
mail "a@example.org"; rcpt("b@example.com"); quit()
mx:expect{ subject = "two", within = "50ms" } --! failed: 1 came`},
	{"a message that serve refused, of a session that goes on", `
local mx = listen(); mx:serve{ message = "550 no" }
connect(mx.address); ehlo(); mail "a@example.org"; rcpt "b@example.com"; data("Subject: one\n\nx", { expect = 550 })
mx:expect{ subject = "one", within = "50ms" } --! failed: no message came`},
	{"a message that serve took by LMTP, for some", `
local mx = listen{ lmtp = true }; mx:serve{ message = { ["c@example.com"] = "550 no" } }
connect(mx.address); expect(220); send "LHLO me"; expect(250); mail "a@example.org"; rcpt "b@example.com"; rcpt "c@example.com"
send "DATA"; expect(354); raw "Subject: one\r\n\r\nx\r\n.\r\n"; expect(250); expect(550); quit()
mx:expect{ subject = "one", to = "b@example.com" }
mx:expect{ subject = "one", to = "c@example.com", within = "50ms" } --! failed: envelope recipient: expected "c@example.com", got "b@example.com"`},
	{"a function that returns itself in a list, and by address", `
local mx, f = listen()
f = function() return { { ["b@example.com"] = f } } end --! error: the function for rcpt returned a function
start("client", function() connect(mx.address); ehlo(); mail "a@example.org"; rcpt "b@example.com" end)
mx:take{ rcpt = f }`},
	{"a function of serve that fails for the QUIT at the end", `
local mx = listen()
mx:serve{ quit = function(_, visit) visit:expect{ helo = "another" } end } --! failed: client name: expected "another"
connect(mx.address); ehlo "me"`},
	{"a function of serve that fails for the QUIT at the end, once it waited", `
local mx = listen()
mx:serve{ quit = function() sleep "20ms"; fail "no QUIT" end } --! failed: no QUIT (in the half "session 2 of serve")
connect(mx.address); ehlo "me"`},
	{"a function of serve that refuses the QUIT at the end", `
local mx = listen()
mx:serve{ quit = function() return "500 no" end }
connect(mx.address); ehlo "me"`},
	{"listeners without end", `
for _ = 1, 256 do listen{ tls = false } end
listen{ tls = false } --! error: this test has 256 listeners already`},
	{"a session that is cut off within a handshake", `
local mx = listen()
start("client", function() connect(mx.address); ehlo(); send "starttls"; expect 220; sleep(5) end)
mx:take{ timeout = "50ms" }:expect{ handshake = true, ended = "handshake" } --! failed: the client did not end its session in 50ms`},
	{"a client that hangs refuses nothing", `
local mx = listen()
start("client", function() connect(mx.address); expect 220; send "starttls"; expect 220; sleep(5) end)
local s = mx:accept(); s:reply "220 x"; s:expect_command "starttls"; s:reply "220 go"
s:starttls{ refused = true, within = "50ms" } --! failed: the client sent nothing more in 50ms`},
	{"a client that goes on in clear refuses nothing", `
local mx = listen()
start("client", function() connect(mx.address); expect 220; send "starttls"; expect 220; raw "noop\r\n"; sleep(5) end)
local s = mx:accept(); s:reply "220 x"; s:expect_command "starttls"; s:reply "220 go"
s:starttls{ refused = true } --! failed: does not look like a TLS handshake`},
	{"a client that only goes away has refused it", `
local mx = listen()
start("client", function() connect(mx.address); expect 220; send "starttls"; expect 220; close() end)
local s = mx:accept(); s:reply "220 x"; s:expect_command "starttls"; s:reply "220 go"
s:starttls{ refused = true }`},
	{"a session that is closed", `
local mx = listen()
start("client", function() connect(mx.address); expect 220; expect_close() end)
local s = mx:accept(); s:reply "220 x"; s:close()
s:command() --! failed: command: this session is over`},
	{"a reply that is none", `
local mx = listen()
start("client", function() connect(mx.address); expect 220 end)
local s, words = mx:accept(), { "250 x", delay = 2 }
s:reply(words) --! error: has no delay`},
	{"a session that the script forgets", `
local mx = listen()
local c = connect(mx.address); local s = mx:accept(); s:reply "220 x"; c:expect 220`},
	{"two halves at one session", `
local mx = listen()
local c = connect(mx.address)
local s = mx:accept(); s:reply "220 x"; c:expect 220
start("reader", function() s:command() end)
start("writer", function()
	s:reply "250 x" --! error: the half "reader" uses this session just now
end)`},
	{"two halves at one conversation", `
local mx = listen()
local c = connect(mx.address)
local s = mx:accept()
start("one", function() c:expect 220 end)
start("two", function()
	c:reply() --! error: the half "one" uses this conversation just now
end)`},
	// serve
	{"serve takes many at once", `
local mx, n = listen(), 0
mx:serve{ message = function() n = n + 1 end }
local function client(i) connect(mx.address); ehlo(); mail "a@b.example"; rcpt "c@d.example"; data("Subject: s" .. i .. "\n\n"); quit() end
local all = {}
for i = 1, 20 do all[i] = start("client " .. i, function() client(i) end) end
for i = 1, 20 do wait(all[i]) end
assert(n == 20)
mx:expect{ subject = "s7", from = "a@b.example", to = "c@d.example" }
mx:expect{ subject = "s21", within = "30ms" } --! failed: what was served: no message since the test began fits: 20 came`},
	{"halves that are not awaited are served to their end", `
local mx = listen()
mx:serve()
start("client", function() sleep "50ms"; connect(mx.address); ehlo(); quit() end)`},
	{"the closing QUIT is answered by serve", `
local mx = listen()
mx:serve()
connect(mx.address); ehlo()`},
	{"serve by hand", `
local mx = listen()
mx:serve(function(s) s:reply "220 x"; s:expect_command "quit"; s:reply "221 x"; s:expect_close() end)
for i = 1, 3 do connect(mx.address); expect 220; quit() end`},
	{"a session of serve that goes on when the test ends", `
local mx = listen()
mx:serve(function(s) s:reply "220 x"; s:expect_command "noop" end)
local c = connect(mx.address); expect 220`},
	{"a function of serve that fails", `
local mx = listen()
mx:serve(function(s) s:reply "220 x"
	s:expect_command "noop" --! failed: expected the command "noop", got "rset" (in the half "session 2 of serve")
end)
connect(mx.address); expect 220; send "rset"; expect 250`},
	{"a function of serve that fails, over TLS", `
local mx = listen{ implicit = true }
mx:serve(function(s) s:starttls(); s:reply "220 x"
	s:expect_command "noop" --! failed: expected the command "noop", got "rset"
end)
connect{ mx.address, tls = true }; expect 220; send "rset"; expect 250`},
	{"an answer of serve that fails", `
local mx = listen()
mx:serve{ mail = function(_, visit)
	visit:expect{ helo = "x" } --! failed: client name: expected "x", got "client.example.org"
end }
connect(mx.address); ehlo(); mail ""`},
	{"an answer of serve that is none", `
local mx = listen()
mx:serve{
	mail = function() return 250 end, --! error: what the function for mail returned: 250 is no answer
}
connect(mx.address); ehlo(); mail ""`},
	{"serve and take", `
local mx = listen()
mx:serve()
mx:take() --! error: serve takes all that connect`},
	{"serve twice", `
local mx = listen()
mx:serve()
mx:serve() --! error: serves already, since t.lua:3`},
	{"expect of a listener that does not serve", `
local mx = listen()
mx:expect{ subject = "x" } --! error: it does not serve`},
	{"nothing demanded of what was served", `
local mx = listen(); mx:serve()
mx:expect{ within = 1 } --! error: nothing is demanded`},
	// halves
	{"a half returns values", `
local a, b = wait(start("h", function() return 1, "x" end)); assert(a == 1 and b == "x")`},
	{"a half that fails while the test waits", `
local h = start("client", function()
	assert(false, "boom") --! failed: boom (in the half "client")
end)
wait(h)`},
	{"a half that fails while the test waits for the network", `
local mx = listen()
start("client", function()
	fail "boom" --! failed: boom (in the half "client")
end)
mx:take()`},
	{"a half that fails when the test has ended", `
assert(true)
start("client", function() sleep "20ms"
	fail "boom" --! failed: boom (in the half "client")
end)`},
	{"the test fails while a half waits", `
local mx = listen()
start("server", function() mx:take() end)
connect(mx.address)
expect 250 --! failed: expected 250, got 220`},
	{"both fail, and the first is blamed", `
local mx = listen()
start("server", function() local s = mx:accept(); s:reply "220 x"
	s:expect_command "ehlo" --! failed: expected the command "ehlo", got "helo x"
end)
connect(mx.address); expect 220; send "helo x"; expect 250`},
	{"both fail, the test first", `
local mx = listen()
start("server", function() local s = mx:accept(); s:reply "220 x"; s:expect_command "ehlo" end)
connect(mx.address)
expect 250 --! failed: expected 250, got 220`},
	{"a half that skips", `
start("h", function()
	skip "why" --! skipped: why
end)
sleep(5)`},
	{"an error in a half", `
start("h", function()
	error "boom" --! error: boom (in the half "h")
end)
sleep(5)`},
	{"a pcall in a half", `
wait(start("h", function() local ok, e = pcall(error, "x"); assert(not ok and e == "x")
	pcall(fail, "y") --! failed: y
end))`},
	{"an attempt in a half", `
local ok, f = wait(start("h", function() return attempt(function() fail "y" end) end))
assert(not ok and f.message == "y")`},
	{"an attempt does not hold the failure of a half", `
local h = start("h", function()
	fail "y" --! failed: y (in the half "h")
end)
attempt(function() wait(h) end)`},
	{"eventually in a half", `
local mx, n = listen(), 0
mx:serve{ noop = function() n = n + 1; if n < 3 then return "450 later" end end }
wait(start("h", function() eventually{ every = 0.01, function() connect(mx.address); ehlo(); noop(); quit() end } end))
assert(n == 3)`},
	{"after in a half", `
wait(start("h", function() after(function()
	fail "late" --! failed: late
end) end)); assert(true)`},
	{"start in an after function", `
assert(true)
after(function()
	start("h", function() end) --! error: start has no place in an after function
end)`},
	{"wait in an after function", `
local h = start("h", function() return 7 end); assert(true)
after(function() assert(wait(h) == 7) end)`},
	{"a half that does not end", `--impatient
assert(true)
start("h", function()
	sleep "1h" --! failed: the half "h" has not ended in
end)`},
	{"a half that never waits", `--impatient
assert(true)
start("h", function() while true do sleep "1ms" --! failed: the half "h" has not ended in
end end)`},
	{"waiting for a half that does not end", `
local h = start("h", function() sleep "1h" end)
wait(h, { within = "30ms" }) --! failed: the half "h" has not ended in 30ms: it stands at t.lua:2`},
	{"halves that wait for each other", `
local a, b
a = start("a", function() sleep "1ms"; wait(b) end)
b = start("b", function() sleep "20ms"
	wait(a) --! error: the half "a" waits for the half "b" already, at t.lua:3: neither would ever end
end)`},
	{"a half that waits for itself", `
local a
a = start("a", function()
	wait(a) --! error: the half "a" waits for itself
end)`},
	{"wait for what is no half", `
local x = 1
wait(x) --! error: wait needs a half`},
	{"a name twice", `
assert(true); start("a", function() end)
start("a", function() end) --! error: used twice`},
	{"a barrier", `
local order = ""
local h = start("h", function() order = order .. "a"; barrier "b"; order = order .. "c" end)
sleep "10ms"; barrier "b"; wait(h); assert(order == "ac")`},
	{"a barrier to which too few come", `
local h = start("h", function() end)
barrier{ "b", within = "30ms" } --! failed: the barrier "b": 1 of 2 halves came in 30ms`},
	{"a barrier that was tried again", `
local h = start("h", function() sleep "50ms"; barrier "b" end)
attempt(function() barrier{ "b", within = "5ms" } end)
barrier "b"; assert(true)`},
	{"a barrier for others", `
start("h", function() barrier{ "b", halves = 3 } end); sleep "5ms"
barrier "b" --! error: is for 3 halves`},
	{"a coroutine of another half", `
local co = coroutine.wrap(function() coroutine.yield(1); sleep "1ms"; coroutine.yield(2) end)
assert(co() == 1); assert(wait(start("h", function() return co() end)) == 2)`},
	{"a half in which alone something is expected", `
local mx = listen()
local h = start("h", function() local s = mx:accept(); s:reply "220 x"; s:expect_command "noop" end)
connect(mx.address); raw "noop\r\n"; wait(h); local r = reply(); close()`},
	{"nothing is expected", `local mx = listen() --! error: nothing was expected
wait(start("h", function() sleep "1ms" end))`},
	{"a listener that is closed", `
local mx = listen(); mx:close()
mx:take() --! error: this listener is closed`},
	// listen
	{"other addresses", `listen "0.0.0.0:0" --! error: --allow listen`},
	{"an address without a port", `assert(listen("127.0.0.1").port ~= "0")`},
	{"a certificate that is none", `local flaw = "expird"; listen{ tls = flaw } --! error: no certificate is called "expird"`},
	{"TLS from the first byte without TLS", `listen{ implicit = true, tls = false } --! error: tls = false is none`},
	{"a field that is none", `local mx = listen(); local x = mx.prot --! error: did you mean "port"?`},
}

// atBothEnds runs a script that is one test.
func atBothEnds(t *testing.T, b *bench, text string) suite.Result {
	t.Helper()
	script, problems := CompileFS(beside(text), "t.lua", "t.lua")
	if script == nil {
		t.Fatalf("does not compile: %v", problems)
	}
	r := suite.Result{}
	log := &transcript.Log{Redactor: &transcript.Redactor{Parent: b.env.Redact}}
	ctx, stop := context.WithCancelCause(t.Context())
	defer stop(nil)
	patience := time.Duration(0)
	if strings.HasPrefix(text, "--impatient\n") {
		patience = 100 * time.Millisecond
	}
	newMachine().play(&session{script: script, env: b.env, run: &suite.Run{Log: log, Stop: stop}, log: log, ctx: ctx,
		closing: closing, patience: patience}, &r.Verdict)
	r.Events, _ = log.Events()
	return r
}

func TestBothEnds(t *testing.T) {
	for _, c := range endsCases {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			checkVerdict(t, atBothEnds(t, newBench(t, nil), c.script), c.script)
		})
	}
}
