--- SIZE means what it says
--- chapter: 7.4 What a server takes, and what it refuses
--- The limit that EHLO declares is the one that holds. Who announces more is refused at MAIL, before the message is
--- sent for nothing (RFC 1870, 6.1); who announces just as much is not; and a message that is larger is refused in the
--- end, whatever was announced.
---
--- Needs the target `smtp`; the vars `helo`, `sender`, `known` and `large`. Nothing large is sent: `--var large=yes`
--- sends a message that is too large by a twentieth, for a sound server to refuse. By less, some take it: Exim counts a
--- line end as one byte.
requires{ target = "smtp" }

local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local sender = var("sender", "james@example.org", "who writes")
local known = var("known", "james@new.example.com", "a mailbox that is hosted here")
local large = var("large", "no", "yes: send a message that is too large")

local function declared()
  connect "smtp"; ehlo(helo)
  requires{ capability = "SIZE" }
  local limit = tonumber(capabilities().SIZE[1] or 0)
  if limit == 0 then skip "the server declares no limit (RFC 1870, 4: SIZE 0 is none)" end
  return limit
end

test("more than that is refused at MAIL", function()
  local limit = declared()
  mail(sender, { size = limit + 1, expect = { 552, because = "a message of that size would be sent for nothing" } })
  quit()
end)

test("just as much is not", function()
  local limit = declared()
  mail(sender, { size = limit })
  rset(); quit()
end)

test("a message that is larger is refused", function()
  local limit = declared()
  if large ~= "yes" then skip "nothing large is sent: --var large=yes sends a message that is too large" end
  if limit > 60000000 then skip "the limit is above what is made here, 60 MB" end
  mail(sender); rcpt(known)
  data(message{ from = sender, to = known, size = limit + math.ceil(limit / 20) + 1000 },
    { expect = { 552, because = "a limit that does not hold lets anybody fill the disk" }, timeout = "10m" })
  quit()
end)
