--- AUTH PLAIN in clear text, where it is allowed for a test
--- chapter: 3.1 AUTH PLAIN without encryption
--- On port 25, unencrypted, which a server should not allow: where it does not, this skips. To see it once, on a server
--- of your own, `postconf -e smtpd_tls_auth_only=no` and `postfix reload`. Set it back afterwards, with `=yes`.
---
--- PLAIN sends a NUL, the user, a NUL and the password, all in base64:
---
--- ```sh
--- printf '\000james@new.example.com\000PASSWORD' | openssl enc -base64 -A
--- ```
---
--- gives `AGphbWVzQG5ldy5leGFtcGxlLmNvbQBQQVNTV09SRA==`, which follows `AUTH PLAIN`. It hides nothing: `openssl enc
--- -base64 -A -d` gives all back. The transcript has `[sasl …]` in its place.
---
--- By hand it is `telnet maila.example.com smtp` from another machine. 235 2.7.0 means logged in. 535 5.7.8 means that the
--- password is wrong, or that what checks passwords cannot be reached: the mail log tells which. 503, 504 and 538 mean that
--- the server takes no login before TLS. Who is logged in may write to the unknown address that was refused before.
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
  if not offers("AUTH", "PLAIN") then skip "AUTH PLAIN is not offered in clear text, as it should be" end
  -- echo -ne '\0james@new.example.com\0yourpassword' | openssl enc -base64
  send("AUTH PLAIN " .. base64.encode("\0" .. user .. "\0" .. password))
  local answer = expect{ "235 2.7.0", refusal.of_auth_in_clear }
  if answer.code ~= 235 then skip "AUTH is refused in clear text, as it should be" end
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
from a remote machine using AUTH PLAIN to an unknown address.

James
.]]
  expect 250
  send "quit"; expect 221
end)
