--- Who talks before the greeting is served in order, or not at all
--- chapter: 9.6 SMTP smuggling
--- Spam programs do not wait for the greeting (RFC 5321, 3.1). A server that waits a little before it speaks knows them
--- by that; one that does not must at least answer one by one. `--var impatient=refused` demands that it turns them away,
--- as postscreen does (`postscreen_greet_action=enforce` or `drop`).
---
--- How to read it: 220, 250, 250, 250, 221 says that all was served, in order. A 4xx or 5xx anywhere is a refusal.
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

connect "smtp"
raw("ehlo " .. helo .. "\r\nmail from:<" .. sender .. ">\r\nrcpt to:<" .. known .. ">\r\nquit\r\n")
for _, served in ipairs{ 220, 250, 250, 250, 221 } do
  local answer = expect{ served, "4xx", "5xx", because = "commands are answered one by one, in their order" }
  if answer.code ~= served then
    note("the early talker is turned away: " .. answer.text)
    close()
    if impatient == "refused" then
      connect "smtp"; ehlo(helo); mail(sender)
      rcpt(known, { expect = { 250, because = "it was for talking early: who waits is let in" } })
      rset(); quit()
    end
    return
  end
end
expect_close()
if impatient == "refused" then fail "the early talker was served, and should be turned away (Postfix: postscreen_greet_action)" end
