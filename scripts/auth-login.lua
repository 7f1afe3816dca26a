--- AUTH LOGIN works as AUTH PLAIN does
--- chapter: 5.6 Understanding encryption
--- User and password go in a line each. It was never a standard, and is still all that many a printer knows.
--- Once by the helper, and once line by line, as one types it inside `openssl s_client -starttls smtp`.
---
--- Needs the target `submission`; the vars `helo`, `sender`, `unknown` and `user`; the secret `password`.
--- The message goes out with `--var send=yes` only.
requires{ target = "submission" }

local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local sender = var("sender", "james@example.org", "who writes")
local unknown = var("unknown", "james@example.com", "an address that is not hosted here")
local user = var("user", "james@new.example.com", "who logs in")
local password = secret "password"
local sending = var("send", "no", "yes: send messages to their end")

test("by the helper: a recipient elsewhere is accepted", function()
  connect "submission"; ehlo(helo); starttls(); ehlo(helo)
  auth("LOGIN", user, password, { expect = "235 2.7.0" })
  mail(sender); rcpt(unknown); rset()
  quit()
end)

local function up_to_rcpt()
  connect "submission"
  expect 220
  send("ehlo " .. helo); expect 250
  send "STARTTLS"; expect 220
  handshake()
  send("ehlo " .. helo); expect 250
  expect_capability("AUTH", "LOGIN")
  send "AUTH LOGIN"; expect 334 -- VXNlcm5hbWU6 is "Username:" in base64
  send(base64.encode(user)); expect 334 -- and UGFzc3dvcmQ6 is "Password:"
  send(base64.encode(password)); expect "235 2.7.0"
  send("mail from:<" .. sender .. ">"); expect 250
  send("rcpt to:<" .. unknown .. ">"); expect "250 2.1.5"
end

test("by hand: a recipient elsewhere is accepted", function()
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

This is a test message, testing sending mail via TLS
from a remote machine using AUTH LOGIN to an unknown address.

James
.]]
  expect 250
  send "quit"; expect 221
end)
