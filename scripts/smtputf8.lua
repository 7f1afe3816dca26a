--- Mail from addresses outside ASCII is accepted
--- chapter: 7.5 What a server takes, and what it refuses
--- Where EHLO offers SMTPUTF8 (RFC 6531), a sender such as jürgen@example.org may write to a mailbox that is hosted here.
--- 8BITMIME is offered beside it, as its section 3.1 demands.
---
--- Needs the target `smtp`; the vars `helo`, `utf8_sender` and `known`. No message is sent.
requires{ target = "smtp" }

local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local sender = var("utf8_sender", "jürgen@example.org", "who writes, with an address outside ASCII")
local known = var("known", "james@new.example.com", "a mailbox that is hosted here")

connect "smtp"; ehlo(helo)
requires{ capability = "SMTPUTF8" }
expect_capability "8BITMIME"
mail(sender, { smtputf8 = true })
rcpt(known, { expect = { "2xx", because = "who may have such an address may write with it" } })
rset(); quit()
