--- Mail from localhost is relayed
--- Programs on the machine itself, such as cron or a web shop, send to the world without a login. This must
--- work from localhost only: `relay-refused-from-outside.lua` is the other half.
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
