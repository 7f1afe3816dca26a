--- Lines and addresses that are too long do no harm
--- chapter: 9.4 SMTP smuggling
--- A server takes what RFC 5321, 4.5.3.1 asks of it: command lines of 512 octets, text lines of 1000, paths of 256, local
--- parts of 64. Beyond that it may refuse, but as one line: a server that cuts a line in two sees a command where there is
--- none. The session goes on.
---
--- How to read it: one reply a line, 2xx or 5xx, and NOOP is answered after it. A reply that nothing asked for answers the
--- rest of a line that was cut. Hanging up is noted, and no fault.
---
--- Needs the target `smtp`; the vars `helo`, `sender` and `known`.
--- The messages go out with `--var send=yes` only.
requires{ target = "smtp" }

local outside = require "lib/outside"
local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local sender = var("sender", "james@example.org", "who writes")
local known = var("known", "james@new.example.com", "a mailbox that is hosted here")
local sending = var("send", "no", "yes: send messages to their end")

local hosted = known:match "@(.*)$"

-- Whoever refuses a line may hang up; whoever says so must.
local function hung_up(answer)
  if answer.code == 421 then expect_close()
  elseif answer.code < 500 or not attempt(function() expect_close{ timeout = "1s" } end) then return false end
  note("the server hangs up: " .. answer.text)
  return true
end

test("a command line of 512 octets is taken", function()
  outside(helo)
  send("noop " .. ("noop "):rep(101)); expect 250 -- with its CR LF
  quit()
end)

for _, octets in ipairs{ 1000, 5000, 20000 } do
  test("a command line of " .. octets .. " octets is one command", function()
    outside(helo)
    send("noop " .. ("noop "):rep(octets / 5 - 1))
    if hung_up(expect{ "2xx", "5xx", 421 }) then return end
    noop(); quit()
  end)
end

test("a path of 256 octets is taken", function()
  outside(helo)
  local path = ("a"):rep(64) .. "@" .. ("b"):rep(60) .. "." .. ("c"):rep(60) .. "." .. ("d"):rep(55) .. ".example.com"
  mail(path, { expect = { 250, "550 5.1.8", "450 4.1.8", because = "the limit is 256 octets, with the < and the > (4.5.3.1.3)" } })
  rset(); quit() -- 1.8 says that there is no such domain, and not that it is too long
end)

for _, octets in ipairs{ 65, 300, 900 } do
  test("a local part of " .. octets .. " octets is refused for good, or taken", function()
    outside(helo)
    mail(sender)
    rcpt(("a"):rep(octets) .. "@" .. hosted, { expect = { "5xx", "2xx", because = "it will not be shorter next time" } })
    rcpt(known) -- a server that refuses everything proves nothing
    rset(); quit()
  end)
end

for _, octets in ipairs{ 1000, 4000 } do
  test("a message with a line of " .. octets .. " octets is one message", function()
    if sending ~= "yes" then skip "the message is not sent: --var send=yes sends it" end
    outside(helo)
    mail(sender); rcpt(known)
    send "data"; expect 354
    send("Subject: a long line\n\n" .. ("a"):rep(octets - 2)); send "."
    local taken = { octets > 1000 and "5xx" or 250, 250, because = "a text line may have 1000 octets (4.5.3.1.6)" }
    if hung_up(expect(taken)) then return end
    noop(); quit()
  end)
end
