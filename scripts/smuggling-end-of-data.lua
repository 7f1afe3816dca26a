--- One message stays one message
--- chapter: 9.1 SMTP smuggling
--- SMTP smuggling: if a server sees the end of a message where the one before it saw none, what follows is a message of
--- the attacker's, which nobody has checked. CR LF . CR LF ends a message, and nothing else does (RFC 5321, 4.1.1.4).
--- Each test sends a message that holds another spelling of the end, commands behind it, and the true end.
---
--- How to read it: one reply is right, 250 or 5xx, and not a byte after it. More replies answer the smuggled commands.
--- With Postfix, `smtpd_forbid_bare_newline=normalize` makes all of it one message, `reject` refuses what has a bare LF,
--- and `no`, the default up to 3.8, falls for LF.LF, LF.CRLF, CRLF.LF and CRCRLF.CRCRLF. It spares the clients of
--- `smtpd_forbid_bare_newline_exclusions`, by default `$mynetworks`: from there this fails whatever is set.
---
--- Needs the target `smtp`, reached from outside or with XCLIENT; the vars `helo`, `sender` and `known`.
--- The messages go out with `--var send=yes` only, one a test; an unsound server cuts them in two.
requires{ target = "smtp" }

local outside = require "lib/outside"
local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local sender = var("sender", "james@example.org", "who writes")
local known = var("known", "james@new.example.com", "a mailbox that is hosted here")
local sending = var("send", "no", "yes: send messages to their end")

for _, try in ipairs{
  { "LF.LF", "\n.\n" }, { "LF.CRLF", "\n.\r\n" }, { "LF.CR", "\n.\r" },
  { "CR.CR", "\r.\r" }, { "CR.CRLF", "\r.\r\n" }, { "CR.LF", "\r.\n" },
  { "CRLF.LF", "\r\n.\n" }, { "CRLF.CR", "\r\n.\r" }, { "CR CR LF.CR CR LF", "\r\r\n.\r\r\n" },
} do
  test(try[1] .. " ends no message", function()
    if sending ~= "yes" then skip "the message is not sent: --var send=yes sends it" end
    outside(helo)
    mail(sender); rcpt(known)
    send "data"; expect 354
    raw("Subject: smuggling, " .. try[1] .. "\r\n\r\none" .. try[2] ..
      "mail from:<>\r\nrcpt to:<" .. known .. ">\r\nrset\r\nthe end\r\n.\r\n")
    local answer = expect{ 250, "5xx", because = "it is one message, taken or refused as one" }
    if answer.code ~= 250 and attempt(function() expect_close{ timeout = "1s" } end) then return end -- as it may
    expect_silence "0.2s" -- whatever comes here answers a smuggled command
    noop(); quit()
  end)
end
