--- Mail leaves encrypted where the other server can
--- chapter: 8.3 Mail on its way
--- STARTTLS is offered by nearly every server today, and mail that does not take it is read by whoever is on the way
--- (Postfix: smtp_tls_security_level is "may" or more; its own default is none).
---
--- Needs the target `submission`; the target `mx`, an address of this machine at which the script listens, and to which the server
--- sends the mail of `foreign_domain` (Postfix, in transport_maps: `example.net smtp:[127.0.0.1]:2525`); the vars `helo`,
--- `user`; the secret `password`.
--- The message goes out with `--var send=yes` only.
local mx = require "lib/mx"
local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local user = var("user", "james@new.example.com", "who logs in")
local domain = var("foreign_domain", "example.net", "a domain whose mail the server sends to the target mx")
local sending = var("send", "no", "yes: send messages to their end")

requires{ target = "mx" }
requires{ target = "submission" }
if sending ~= "yes" then skip "the message is not sent: --var send=yes sends it" end

local to, there = unique() .. "@" .. domain, listen "mx"
mx.submit(user, to, { helo = helo, text = message{ from = user, to = to } })
mx.take(there, to, { within = "30s" }):expect{ from = user, to = to, tls = true }
