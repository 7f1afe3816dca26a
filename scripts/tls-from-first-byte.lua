--- TLS from the first byte, then AUTH PLAIN and a message
--- chapter: 5.4 Understanding encryption
--- What `openssl s_client -connect maila.example.com:465` does: TLS comes before the greeting, so that nothing is
--- ever said in clear text. Mail programs should send so today (RFC 8314, 3.3).
---
--- Whoever connects to this port with telnet sees nothing at all, for the server waits for TLS. After the handshake the
--- conversation is that of any other port, with no STARTTLS in it.
---
--- Needs the target `submissions`; the vars `helo`, `sender`, `unknown` and `user`; the secret `password`.
--- The message goes out with `--var send=yes` only.
requires{ target = "submissions" }

local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local sender = var("sender", "james@example.org", "who writes")
local unknown = var("unknown", "james@example.com", "an address that is not hosted here")
local user = var("user", "james@new.example.com", "who logs in")
local password = secret "password"
local sending = var("send", "no", "yes: send messages to their end")

local function up_to_rcpt()
  connect "submissions"
  expect 220
  send("ehlo " .. helo); expect 250
  expect_capability("AUTH", "PLAIN")
  send("AUTH PLAIN " .. base64.encode("\0" .. user .. "\0" .. password)); expect "235 2.7.0"
  send("mail from:<" .. sender .. ">"); expect 250
  send("rcpt to:<" .. unknown .. ">"); expect "250 2.1.5"
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

This is a test message, testing sending mail via TLS
from a remote machine using AUTH PLAIN to an unknown address.

James
.]]
  expect 250
  send "quit"; expect 221
end)
