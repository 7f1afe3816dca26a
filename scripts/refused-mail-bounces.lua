--- Mail that is refused comes back to who wrote it
--- chapter: 8.6 Mail on its way
--- When another server refuses the recipient, who wrote hears of it: a delivery report (RFC 3464) from the null sender, with the
--- reason as it was given and the header of the message. Silence here is how mail gets lost.
---
--- Needs the target `submission`; the target `mx`, an address of this machine at which the script listens, and to which the server
--- sends the mail of `foreign_domain` (Postfix, in transport_maps: `example.net smtp:[127.0.0.1]:2525`); the vars `helo`,
--- `user`; the secret `password`. Where the mail of `user` arrives: `inbox`, a Maildir, or `mbox`, a file (`--allow
--- read=PATH`), or an `imap_server`. Skips without. `mail_log`, the log of the server, is looked at where it is given.
--- The message goes out with `--var send=yes` only; the report stays in the mailbox.
local inbox = require "lib/inbox"
local mx = require "lib/mx"
local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local user = var("user", "james@new.example.com", "who logs in")
local domain = var("foreign_domain", "example.net", "a domain whose mail the server sends to the target mx")
local maildir_path = var("inbox", "", "the Maildir in which the mail of the mailbox arrives")
local mbox_path = var("mbox", "", "the mbox file in which it arrives")
local imap_server = var("imap_server", "", "the IMAP server of the mailbox")
local mail_log = var("mail_log", "", "the log of the server")
local sending = var("send", "no", "yes: send messages to their end")

requires{ target = "mx" }
requires{ target = "submission" }
if sending ~= "yes" then skip "the message is not sent: --var send=yes sends it" end
if maildir_path == "" and mbox_path == "" and imap_server == "" then skip "where the user's mail arrives was not said: --var inbox=MAILDIR --allow read=MAILDIR, or --var imap_server=HOST" end

local to, subject, reason, there = unique() .. "@" .. domain, "Refused " .. unique(), "not here " .. unique(), listen "mx"
local queued = mx.submit(user, to, { helo = helo, text = message{ from = user, to = to, subject = subject } })
mx.take(there, to, { rcpt = "550 5.1.1 " .. reason, within = "30s" }):expect{ from = user, rejected = { [to] = { text = "550 5.1.1" } } }
mx.logged(mail_log, { queue_id = queued.queue_id, to = to, status = "bounced", dsn = "5.1.1" })

local box = inbox.of_files(maildir_path, mbox_path) or inbox.by_imap(imap_server, user)
local bounce = box:expect{ report = { ["Final-Recipient"] = { text = to } }, within = "30s" }
bounce:expect{ from = "", header = { To = { text = user } } }
bounce:expect{ report = { Action = "failed", Status = "5.1.1", ["Diagnostic-Code"] = { text = reason } } }
bounce:expect{ token = subject } -- the header of the message is in it
