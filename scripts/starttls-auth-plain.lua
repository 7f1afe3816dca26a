--- STARTTLS, then AUTH PLAIN and a message
--- chapter: 5.2 Understanding encryption
--- What `openssl s_client -starttls smtp` does: the conversation begins in clear text, TLS begins within it, and a
--- login that was refused before works now.
---
--- By hand it is `openssl s_client -starttls smtp -crlf -connect maila.example.com:587`. It says EHLO and STARTTLS by itself,
--- and shows the certificate, but hardly what the server answered so far: below there is all of it. It keeps lines that
--- begin with a capital R or Q for itself: type `rcpt to` and `quit`. What follows `AUTH PLAIN` is made as without TLS.
---
--- Needs the targets `submission`, where users must be able to log in, and `smtp`, where a
--- server may let them or not; the vars `helo`, `sender`, `unknown` and `user`; the secret `password`.
--- The message goes out with `--var send=yes` only.
local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local sender = var("sender", "james@example.org", "who writes")
local unknown = var("unknown", "james@example.com", "an address that is not hosted here")
local user = var("user", "james@new.example.com", "who logs in")
local password = secret "password"
local sending = var("send", "no", "yes: send messages to their end")

local function encrypt()
  expect 220
  send("ehlo " .. helo); expect 250
  expect_capability "STARTTLS"
  send "STARTTLS"; expect 220
  handshake() -- verified: a password goes to nobody who might be another
  send("ehlo " .. helo); expect 250
end

local function login_up_to_rcpt()
  expect_capability("AUTH", "PLAIN")
  send("AUTH PLAIN " .. base64.encode("\0" .. user .. "\0" .. password)); expect "235 2.7.0"
  send("mail from:<" .. sender .. ">"); expect 250
  send("rcpt to:<" .. unknown .. ">"); expect "250 2.1.5"
end

test("submission: a recipient elsewhere is accepted", function()
  requires{ target = "submission" }
  connect "submission"
  encrypt()
  login_up_to_rcpt()
  send "rset"; expect 250
  send "quit"; expect 221
end)

test("smtp: a recipient elsewhere is accepted", function()
  requires{ target = "smtp" }
  connect "smtp"
  encrypt()
  if not capabilities().AUTH then skip "nobody logs in on port 25 here, which is for other servers" end
  login_up_to_rcpt()
  send "rset"; expect 250
  send "quit"; expect 221
end)

test("the message is queued", function()
  if sending ~= "yes" then skip "the message is not sent: --var send=yes sends it" end
  requires{ target = "submission" }
  connect "submission"
  encrypt()
  login_up_to_rcpt()
  send "data"; expect 354
  send [[
Hi James

This is a test message, testing sending mail via TLS
from a remote machine using AUTH PLAIN to an unknown address.

James
.]]
  expect 250
  send "quit"; expect 221
end)
