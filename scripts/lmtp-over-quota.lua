--- Over quota: one is told, the other has the mail
--- chapter: 7.8 What a server takes, and what it refuses
--- LMTP answers the end of a message once for each recipient (RFC 2033, 4.2): a full mailbox costs nobody else the
--- message. A server may refuse the full one as early as RCPT.
---
--- Needs the target `lmtp`; the vars `helo`, `known`, and `full`, a mailbox that is over its quota. Skips where no `full`
--- is named.
--- The message goes out with `--var send=yes` only.
local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local known = var("known", "james@new.example.com", "a mailbox that is hosted here")
local full = var("full", "", "a mailbox that is over its quota")
local sending = var("send", "no", "yes: send messages to their end")

if full == "" then skip "no full mailbox was named: --var full=full@new.example.com" end
if sending ~= "yes" then skip "the message is not sent: --var send=yes sends it" end
requires{ target = "lmtp" }

local over = { "552 5.2.2", "452 4.2.2" }

connect "lmtp"; lhlo(helo)
mail ""
rcpt(known)
local early = rcpt(full, { expect = { 250, over } }).code ~= 250 -- Dovecot: lmtp_rcpt_check_quota=yes
send "data"; expect 354
send("Subject: quota\n\n" .. ("x"):rep(70) .. "\n.")
expect{ 250, because = "this mailbox has room" }
if not early then expect{ over, because = "the mailbox is full, and mail must not get lost in it" } end
quit()
