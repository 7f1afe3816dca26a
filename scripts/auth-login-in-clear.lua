--- AUTH LOGIN in clear text, where it is allowed for a test
--- chapter: 4.1 AUTH LOGIN without encryption
--- On port 25, unencrypted, which a server should not allow: where it does not, this skips. To see it once, on a server
--- of your own, `postconf -e smtpd_tls_auth_only=no` and `postfix reload`. Set it back afterwards, with `=yes`.
---
--- LOGIN asks twice, in base64 as well: `334 VXNlcm5hbWU6` is "Username:", `334 UGFzc3dvcmQ6` is "Password:". The answers are
---
--- ```sh
--- printf '%s' james@new.example.com | openssl enc -base64 -A
--- printf '%s' PASSWORD | openssl enc -base64 -A
--- ```
---
--- `amFtZXNAbmV3LmV4YW1wbGUuY29t` and `UEFTU1dPUkQ=`. By hand it is `telnet maila.example.com smtp` from another machine; the
--- replies mean what they mean for PLAIN.
---
--- Needs the target `smtp`; the vars `helo`, `sender`, `unknown` and `user`; the secret `password`, which smtplay
--- sends in clear text over loopback only, or with `--insecure`.
--- The message goes out with `--var send=yes` only.
requires{ target = "smtp" }

local offers = require "lib/offers"
local refusal = require "lib/refusal"
local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local sender = var("sender", "james@example.org", "who writes")
local unknown = var("unknown", "james@example.com", "an address that is not hosted here")
local user = var("user", "james@new.example.com", "who logs in")
local password = secret "password"
local sending = var("send", "no", "yes: send messages to their end")

local function up_to_rcpt()
  connect "smtp"
  expect 220
  send("ehlo " .. helo); expect 250
  if not offers("AUTH", "LOGIN") then skip "AUTH LOGIN is not offered in clear text, as it should be" end
  send "AUTH LOGIN"
  local answer = expect{ 334, refusal.of_auth_in_clear }
  if answer.code ~= 334 then skip "AUTH is refused in clear text, as it should be" end
  send(base64.encode(user)); expect 334
  send(base64.encode(password)); expect "235 2.7.0"
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

This is a test message, testing sending mail via unencrypted SMTP
from a remote machine using AUTH LOGIN to an unknown address.

James
.]]
  expect 250
  send "quit"; expect 221
end)
