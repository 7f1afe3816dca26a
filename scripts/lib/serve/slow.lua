--- A server that is slow: a tarpit
--- Proves that one slow domain does not hold up the mail of others, and that the client's time limits hold: each answer
--- comes after `delay`, octet by octet with `pause` between. Postfix waits 5 minutes for most answers
--- (smtp_mail_timeout and its like), and opens at most 20 connections to a domain meanwhile.
---
---     transport_maps = inline:{ { example.com = smtp:[127.0.0.1]:2525 } }
local delay = var("delay", "5s", "how long each answer lets the client wait")
local pause = var("pause", "0s", "how long it waits after each octet of an answer")

local function slowly(text)
  if pause == "0s" then return { reply = text, delay = delay } end
  return { raw = text .. "\r\n", delay = delay, pieces = 1, pause = pause }
end

listen():serve{
  timeout = "1h",
  greeting = slowly "220 mx.example.net ESMTP, with patience",
  mail = slowly "250 2.1.0 Ok",
  rcpt = slowly "250 2.1.5 Ok",
  message = slowly "250 2.0.0 Ok, at last",
}
