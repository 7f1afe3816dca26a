--- Mail from nobody is accepted for our mailboxes
--- chapter: 7.1 What a server takes, and what it refuses
--- Bounces and receipts come from `<>`, lest they be answered by another (RFC 5321, 4.5.5). A server that refuses them
--- leaves its users without word of what became of their mail, and others will not believe that its addresses exist.
---
--- Needs the target `smtp`; the vars `helo` and `known`.
requires{ target = "smtp" }

local outside = require "lib/outside"
local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local known = var("known", "james@new.example.com", "a mailbox that is hosted here")

outside(helo)
mail ""
rcpt(known, { expect = { 250, because = "bounces must find home" } })
rset(); quit()
