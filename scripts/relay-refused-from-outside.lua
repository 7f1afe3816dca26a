--- An unknown recipient is refused from outside
--- A server that passes strangers' mail on to strangers, an open relay, is found by spammers, then blacklisted.
---
--- Needs the target `smtp`, reached from outside: a machine in `mynetworks` may relay. Vars: `helo`, `sender`,
--- `known`, `unknown`, an address that is not hosted here, and `relay_refusal`, the reply that refuses it: the
--- tutorial's 554 5.7.1 is for good; Postfix's own default, 454 4.7.1, makes the sender try again for days.
requires{ target = "smtp" }

local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local sender = var("sender", "james@example.org", "who writes")
local known = var("known", "james@new.example.com", "a mailbox that is hosted here")
local unknown = var("unknown", "james@example.com", "an address that is not hosted here")
local relay_refusal = var("relay_refusal", "554 5.7.1", "the reply that refuses to relay")

connect "smtp"
expect 220
send("ehlo " .. helo); expect 250
send("mail from:<" .. sender .. ">"); expect 250
send("rcpt to:<" .. unknown .. ">")
expect{ relay_refusal, because = "nobody relays from outside without a login (Postfix: reject_unauth_destination)" }

-- It was the recipient that was refused, not we or the sender: another is welcome.
send("rcpt to:<" .. known .. ">")
expect{ "250 2.1.5", because = "a server that refuses everything proves nothing about relaying" }
send "rset"; expect 250
send "quit"; expect 221
