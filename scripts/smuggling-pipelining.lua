--- Who pipelines without being asked to is served in order, or not at all
--- chapter: 9.5 SMTP smuggling
--- After HELO nothing is offered, so that a client waits for each reply (RFC 2920, 3.1). A server that gets more at once
--- must at least answer one by one. `--var impatient=refused` demands that it turns such clients away
--- (`smtpd_forbid_unauth_pipelining=yes`, or `reject_unauth_pipelining` in `smtpd_data_restrictions`).
---
--- How to read it: 250, 250, 250, 354 says that all was served, in order; then we leave, and no message is made. A 4xx or
--- 5xx anywhere is a refusal.
---
--- Needs the target `smtp`; the vars `helo`, `sender`, `known` and `impatient`.
--- It runs with `--var provoke=yes` only: a server may remember whom it caught at this.
local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local sender = var("sender", "james@example.org", "who writes")
local known = var("known", "james@new.example.com", "a mailbox that is hosted here")
local impatient = var("impatient", "served", "refused: who does not wait for replies must be turned away")
local provoking = var("provoke", "no", "yes: behave as attackers do; a server may ban the client for it")

if provoking ~= "yes" then skip "a server may ban the client for this: --var provoke=yes tries it" end
requires{ target = "smtp" }

connect "smtp"; expect 220
raw("helo " .. helo .. "\r\nmail from:<" .. sender .. ">\r\nrcpt to:<" .. known .. ">\r\ndata\r\n")
for _, served in ipairs{ 250, 250, 250, 354 } do
  local answer = expect{ served, "4xx", "5xx", because = "commands are answered one by one, in their order" }
  if answer.code ~= served then
    note("who pipelines is turned away: " .. answer.text)
    close()
    if impatient == "refused" then
      connect "smtp"; expect 220
      send("helo " .. helo); expect 250
      mail(sender)
      rcpt(known, { expect = { 250, because = "it was for pipelining: who waits is let in" } })
      send "data"; expect 354
      close()
    end
    return
  end
end
if impatient == "refused" then fail "who pipelined was served, and should be turned away (Postfix: smtpd_forbid_unauth_pipelining)" end
close()
