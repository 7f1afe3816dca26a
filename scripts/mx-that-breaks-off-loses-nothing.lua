--- A server that breaks off loses no mail
--- chapter: 8.8 Mail on its way
--- Wherever the other server breaks off, and be it when it has the message and has not said so, the message stays in the
--- queue, and nobody hears that it failed; when the other one is sound again it arrives.
---
--- Needs the target `submission`; the target `mx`, an address of this machine at which the script listens, and to which the server
--- sends the mail of `foreign_domain` (Postfix, in transport_maps: `example.net smtp:[127.0.0.1]:2525`); the vars `helo`,
--- `user`; the secret `password`. `retry_within` is how long the server may take to try again; `flush` a command that makes it try
--- at once (`postqueue -f`, with `--allow exec`); `mail_log` its log (`--allow read=FILE`), which is looked at where it is given. A server that says
--- nothing is tried where `patience` says how long it is waited for at most (Postfix: smtp_mail_timeout, smtp_rcpt_timeout: 5m).
--- The message goes out with `--var send=yes` only.
local mx = require "lib/mx"
local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local user = var("user", "james@new.example.com", "who logs in")
local domain = var("foreign_domain", "example.net", "a domain whose mail the server sends to the target mx")
local retry_within = var("retry_within", "10m", "how long until the server tries again")
local flush = var("flush", "", "a command that makes the server try again at once")
local mail_log = var("mail_log", "", "the log of the server")
local patience = var("patience", "", "how long the server waits for a reply, at most")
local sending = var("send", "no", "yes: send messages to their end")

requires{ target = "mx" }
requires{ target = "submission" }
if sending ~= "yes" then skip "the message is not sent: --var send=yes sends it" end

local function broken(phase, ending, timeout)
  local to, there = unique() .. "@" .. domain, listen "mx"
  local queued = mx.submit(user, to, { helo = helo, text = message{ from = user, to = to } })
  mx.take(there, to, { [phase] = { ending = ending }, within = "30s", timeout = timeout })
  mx.logged(mail_log, { queue_id = queued.queue_id, to = to, status = "deferred" })
  mx.again(flush)
  mx.take(there, to, { within = retry_within }):expect{ from = user, to = to }
  mx.logged(mail_log, { queue_id = queued.queue_id, to = to, status = "sent" })
end

test("it hangs up in place of a greeting", function()
  if mail_log == "" then skip "whose message that keeps away the log alone says: --var mail_log=FILE --allow read=FILE" end
  broken("greeting", "drop")
end)

for _, phase in ipairs{ "rcpt", "data", "message" } do
  test("it hangs up in place of an answer to " .. phase, function() broken(phase, "drop") end)
end

test("it resets the connection after the message", function() broken("message", "reset") end)

test("it says nothing", function()
  if patience == "" then skip "how long the server waits was not said: --var patience=5m" end
  broken("data", "silence", patience)
end)
