--- Mail from outside arrives in the mailbox
--- chapter: 8.1 Mail on its way
--- A 250 is a promise. This looks whether it is kept: that the message lies in the mailbox, whole, with its envelope and
--- the line in which the server says what it took, and as what.
---
--- Needs the target `smtp`; the vars `helo`, `sender` and `known`, and where the mail of `known` is delivered: `inbox`, a Maildir,
--- or `mbox`, a file, of this machine (`--allow read=PATH`). Skips without either; mail-arrives-imap.lua looks from elsewhere.
--- The message goes out with `--var send=yes` only, and stays in the mailbox.
local inbox = require "lib/inbox"
local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local sender = var("sender", "james@example.org", "who writes")
local known = var("known", "james@new.example.com", "a mailbox that is hosted here")
local maildir_path = var("inbox", "", "the Maildir in which the mail of the mailbox arrives")
local mbox_path = var("mbox", "", "the mbox file in which it arrives")
local sending = var("send", "no", "yes: send messages to their end")

if maildir_path == "" and mbox_path == "" then skip "where the mail arrives was not said: --var inbox=MAILDIR --allow read=MAILDIR" end
requires{ target = "smtp" }
if sending ~= "yes" then skip "the message is not sent: --var send=yes sends it" end

local id = unique()
connect "smtp"; ehlo(helo)
mail(sender); rcpt(known)
local queued = data(message{ from = sender, to = known, subject = "It arrives " .. id, text = "One line.\n.and one with a dot before it\n" })
quit()

local m = inbox.of_files(maildir_path, mbox_path):expect{ subject = "It arrives " .. id, within = "30s" }
m:expect{ from = sender, header = { From = sender, To = known, ["Message-ID"] = true } }
m:expect{ body = { text = "\n.and one with a dot before it" } }
local hop = m.received[1]
if not hop or (hop.from or ""):lower() ~= helo:lower() then fail("the first Received line does not name who brought it, " .. helo .. ": " .. (hop and hop.raw or "there is none")) end
if queued.queue_id and hop.id ~= queued.queue_id then fail("the reply said " .. queued.queue_id .. ", and the Received line says " .. tostring(hop.id)) end
