--- Orders for delivery reports are read
--- chapter: 7.6 What a server takes, and what it refuses
--- Where EHLO offers DSN, MAIL and RCPT take its parameters (RFC 3461), and values that are none are refused: a filter or
--- firewall that drops what it does not know would drop the order too, and nobody would hear of it.
---
--- Needs the target `smtp`; the vars `helo`, `sender` and `known`. No message is sent.
requires{ target = "smtp" }

local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local sender = var("sender", "james@example.org", "who writes")
local known = var("known", "james@new.example.com", "a mailbox that is hosted here")

local function offered()
  connect "smtp"; ehlo(helo)
  requires{ capability = "DSN" }
end

test("what is asked for is taken", function()
  offered()
  mail(sender, { ret = "HDRS", envid = "smtplay=" .. unique() })
  rcpt(known, { notify = { "SUCCESS", "FAILURE", "DELAY" }, orcpt = known })
  rset(); quit()
end)

test("a report that there is not is refused at MAIL", function()
  offered()
  mail(sender, { params = "RET=NOTHING", expect = { "5xx", because = "RET is FULL or HDRS; what is not refused was not read" } })
  quit()
end)

test("and at RCPT", function()
  offered()
  mail(sender)
  rcpt(known, { params = "NOTIFY=NEVER,SUCCESS", expect = { "5xx", because = "NEVER stands alone; what is not refused was not read" } })
  rset(); quit()
end)
