--- An unknown user in the hosted domain is refused
--- chapter: 1.5 Unauthenticated, unencrypted SMTP
--- With 550 5.1.1, at once and for good. A server that takes such mail and bounces it later sends the bounces to
--- whomever a spammer named as sender; one that refuses it for now only is asked again for days.
---
--- Needs the target `smtp`; the vars `helo`, `sender` and `known`, whose domain is the hosted one.
requires{ target = "smtp" }

local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local sender = var("sender", "james@example.org", "who writes")
local known = var("known", "james@new.example.com", "a mailbox that is hosted here")

local nobody = "nobody-" .. unique() .. known:match "@.*$"

connect "smtp"
expect 220
send("ehlo " .. helo); expect 250
send("mail from:<" .. sender .. ">"); expect 250
send("rcpt to:<" .. nobody .. ">")
expect{ "550 5.1.1", because = "the domain is hosted here, and has no such mailbox: a later bounce hits the innocent" }
send "rset"; expect 250
send "quit"; expect 221
