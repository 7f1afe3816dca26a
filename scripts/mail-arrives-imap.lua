--- Mail from outside arrives, and its owner reads it
--- chapter: 8.2 Mail on its way
--- As mail-arrives.lua, seen as the owner of the mailbox sees it: by IMAP, with his password.
---
--- Needs the target `smtp`; the vars `helo`, `sender`, `known` and `imap_server`, HOST or HOST:PORT, where `user` has that
--- mailbox; the secret `password`. Skips without an `imap_server`.
--- The message goes out with `--var send=yes` only, and stays in the mailbox.
local inbox = require "lib/inbox"
local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local sender = var("sender", "james@example.org", "who writes")
local known = var("known", "james@new.example.com", "a mailbox that is hosted here")
local user = var("user", "james@new.example.com", "who logs in")
local imap_server = var("imap_server", "", "the IMAP server of the mailbox")
local sending = var("send", "no", "yes: send messages to their end")

if imap_server == "" then skip "no IMAP server was named: --var imap_server=HOST" end
requires{ target = "smtp" }
if sending ~= "yes" then skip "the message is not sent: --var send=yes sends it" end

local id = unique()
connect "smtp"; ehlo(helo)
mail(sender); rcpt(known)
data(message{ from = sender, to = known, subject = "It is read " .. id })
quit()
inbox.by_imap(imap_server, user):expect{ subject = "It is read " .. id, header = { From = sender, To = known }, within = "30s" }
