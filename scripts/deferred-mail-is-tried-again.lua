--- Mail that is put off is tried again
--- chapter: 8.5 Mail on its way
--- A 4xx from another server is no refusal: the message stays in the queue and is tried again, until it is taken. The other
--- server is this script. It also looks at what arrives: that it is the same message, and how the server says it came in.
---
--- Needs the target `submission`; the target `mx`, an address of this machine at which the script listens, and to which the server
--- sends the mail of `foreign_domain` (Postfix, in transport_maps: `example.net smtp:[127.0.0.1]:2525`); the vars `helo`,
--- `user`; the secret `password`. `retry_within` is how long the server may take; `flush` a command that makes it try at once
--- (`postqueue -f`, with `--allow exec`); `mail_log` its log (`--allow read=FILE`), which is looked at where it is given.
--- The message goes out with `--var send=yes` only.
local mx = require "lib/mx"
local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local user = var("user", "james@new.example.com", "who logs in")
local domain = var("foreign_domain", "example.net", "a domain whose mail the server sends to the target mx")
local retry_within = var("retry_within", "10m", "how long until the server tries again")
local flush = var("flush", "", "a command that makes the server try again at once")
local mail_log = var("mail_log", "", "the log of the server")
local sending = var("send", "no", "yes: send messages to their end")

requires{ target = "mx" }
requires{ target = "submission" }
if sending ~= "yes" then skip "the message is not sent: --var send=yes sends it" end

local function put_off(answers, dsn)
  local to, subject, there = unique() .. "@" .. domain, "Come back " .. unique(), listen "mx"
  local queued = mx.submit(user, to, { helo = helo, text = message{ from = user, to = to, subject = subject } })

  answers.within = "30s"
  local first = mx.take(there, to, answers)
  mx.logged(mail_log, { queue_id = queued.queue_id, to = to, status = "deferred", dsn = dsn })
  mx.again(flush)

  local second = mx.take(there, to, { within = retry_within })
  second:expect{ from = user, to = to, subject = subject, header = { From = user, To = to } }
  mx.logged(mail_log, { queue_id = queued.queue_id, to = to, status = "sent" })

  local hop = second.message.received[1]
  if not hop or hop.with ~= "ESMTPSA" then fail("it came in encrypted and with a login, which the first Received line does not say (RFC 3848: ESMTPSA): " .. (hop and hop.raw or "there is none")) end
  if queued.queue_id and hop.id ~= queued.queue_id then fail("the reply said " .. queued.queue_id .. ", and the Received line says " .. tostring(hop.id)) end
  return first, second, to
end

test("at RCPT", function()
  local first, _, to = put_off({ rcpt = "451 4.7.1 come back" }, "4.7.1")
  first:expect{ from = user, rejected = { [to] = { text = "451 4.7.1" } } }
end)

test("after the message", function()
  local first, second = put_off({ message = "452 4.3.1 no room just now" }, "4.3.1")
  local one, other = first:header("Message-ID")[1], second:header("Message-ID")[1]
  if not one or one ~= other then fail("two sessions, and not the same message: " .. tostring(one) .. " and " .. tostring(other)) end
end)
