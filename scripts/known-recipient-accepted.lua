--- A known recipient is accepted from outside
--- chapter: 1.2 Unauthenticated, unencrypted SMTP
--- Anybody may write to a mailbox that is hosted here, without a login: otherwise no mail would ever come in.
---
--- By hand it is `telnet plpb.example.com smtp` from another machine. This is half of what to look at from there: what is
--- hosted here comes in, and `relay-refused-from-outside.lua` sees that nothing else passes through.
---
--- Needs the target `smtp`, the server as the outside sees it; the vars `helo`, `sender` and `known`, a mailbox
--- that is hosted here.
--- The message goes out with `--var send=yes` only.
requires{ target = "smtp" }

local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local sender = var("sender", "james@example.org", "who writes")
local known = var("known", "james@new.example.com", "a mailbox that is hosted here")
local sending = var("send", "no", "yes: send messages to their end")

local function up_to_rcpt()
  connect "smtp"
  expect 220
  send("ehlo " .. helo); expect 250
  send("mail from:<" .. sender .. ">"); expect 250
  send("rcpt to:<" .. known .. ">")
  expect{ "250 2.1.5", because = "the world must be able to write to a mailbox that is hosted here" }
end

test("a mailbox of ours is accepted", function()
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
from a remote machine to a known address on the SMTP server
without logging in.

James
.]]
  expect 250
  send "quit"; expect 221
end)
