--- Mail from localhost is relayed
--- chapter: 1.1 Unauthenticated, unencrypted SMTP
--- Programs on the machine itself, such as cron or a web shop, send to the world without a login. This must
--- work from localhost only: `relay-refused-from-outside.lua` is the other half.
---
--- By hand it is `telnet localhost smtp` on the server, then each line that stands after `C:` below. The message ends with
--- a dot on a line of its own, and `quit` leaves telnet.
---
--- A message that is queued has not arrived yet. What becomes of it stands in the mail log, by the name that the last 250
--- gives it. `dsn=4.4.3, status=deferred` with `type=MX: Host not found, try again` there speaks of DNS, as where a network
--- lets no queries out: relaying works, and the server tries again by itself.
---
--- Needs the target `local`, the server as its own machine reaches it; the vars `helo`, `sender` and `unknown`, an
--- address that is *not* hosted here: one that is would be accepted anyway.
--- The message goes out with `--var send=yes` only.
requires{ target = "local" }

local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local sender = var("sender", "james@example.org", "who writes")
local unknown = var("unknown", "james@example.com", "an address that is not hosted here")
local sending = var("send", "no", "yes: send messages to their end")

local function up_to_rcpt()
  connect "local"
  expect 220
  send("ehlo " .. helo); expect 250
  send("mail from:<" .. sender .. ">"); expect 250
  send("rcpt to:<" .. unknown .. ">")
  expect{ "250 2.1.5", because = "localhost may send to the world (Postfix: mynetworks, permit_mynetworks)" }
end

test("a recipient elsewhere is accepted", function()
  up_to_rcpt()
  send "rset"; expect 250
  send "quit"; expect 221
end)

test("the message is queued", function()
  if sending ~= "yes" then skip "the message is not sent: --var send=yes sends it" end
  up_to_rcpt()
  send "data"; expect 354
  send [[
Hi James

This is a test message, testing sending mail via unencrypted SMTP
from the same machine as the SMTP server without logging in.

James
.]]
  expect 250
  send "quit"; expect 221
end)
