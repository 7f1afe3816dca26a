--- A NUL ends neither an address nor a message
--- chapter: 9.3 SMTP smuggling
--- Programs in C take a zero octet for the end of a text. Where one part of a server reads on and another stops, the
--- recipient that was judged is not the one who gets the mail. In a message a NUL has no place (RFC 5322, 4): it is taken,
--- taken out or refused.
---
--- How to read it: an address with a NUL is refused for good, and the session goes on. Whoever accepts one has taken a
--- part of it for the whole.
---
--- Needs the target `smtp`; the vars `helo`, `sender`, `known` and `unknown`.
--- The message goes out with `--var send=yes` only.
requires{ target = "smtp" }

local outside = require "lib/outside"
local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local sender = var("sender", "james@example.org", "who writes")
local known = var("known", "james@new.example.com", "a mailbox that is hosted here")
local unknown = var("unknown", "james@example.com", "an address that is not hosted here")
local sending = var("send", "no", "yes: send messages to their end")

test("in a command", function()
  outside(helo)
  send "noop \0"; expect{ 250, "5xx" }
  noop(); quit()
end)

for _, try in ipairs{
  { "behind a mailbox of ours", known .. "\0.example.com" },
  { "between an address elsewhere and our domain", unknown .. "\0@" .. known:match "@(.*)$" },
} do
  test("in a recipient, " .. try[1], function()
    outside(helo)
    mail(sender)
    send("rcpt to:<" .. try[2] .. ">"); expect{ "5xx", because = "no address has a NUL in it" }
    rcpt(known) -- a server that refuses everything proves nothing
    rset(); quit()
  end)
end

test("in a message", function()
  if sending ~= "yes" then skip "the message is not sent: --var send=yes sends it" end
  outside(helo)
  mail(sender); rcpt(known)
  send "data"; expect 354
  send "Subject: zero\n\na\0b\n\0.\n."; expect{ 250, "5xx" }
  noop(); quit()
end)
