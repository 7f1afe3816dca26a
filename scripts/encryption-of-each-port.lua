--- Which kind of encryption each port has
--- The tutorial knows four: unencrypted; SSL only, today TLS from the first byte; TLS only, nothing being taken before
--- STARTTLS; unencrypted initially, then TLS via STARTTLS. Port 25 must be the last, for a public server may not
--- demand TLS (RFC 3207, 4); users have the two between; localhost need not encrypt.
---
--- Needs the targets `smtp`, `local`, `submission` and `submissions`; the vars `helo`, `sender` and `known`.
local refusal = require "lib/refusal"
local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local sender = var("sender", "james@example.org", "who writes")
local known = var("known", "james@new.example.com", "a mailbox that is hosted here")

local function takes_mail()
  mail(sender)
  rcpt(known)
  rset()
end

test("smtp: unencrypted initially, then TLS via STARTTLS", function()
  requires{ target = "smtp" }
  connect "smtp"; ehlo(helo)
  takes_mail()
  expect_capability "STARTTLS"
  starttls(); ehlo(helo)
  takes_mail()
  quit()
end)

test("local: unencrypted, with or without STARTTLS", function()
  requires{ target = "local" }
  connect "local"; ehlo(helo)
  takes_mail()
  note(capabilities().STARTTLS and "unencrypted initially, then TLS via STARTTLS" or "unencrypted")
  quit()
end)

test("submission: TLS only, STARTTLS comes first", function()
  requires{ target = "submission" }
  connect "submission"; ehlo(helo)
  expect_no_capability "AUTH"
  expect_refusal{ from = sender, to = known, expect = { refusal.without_login,
    because = "nothing is taken before STARTTLS" } }
  expect_capability "STARTTLS"
  starttls(); ehlo(helo)
  quit()
end)

test("submissions: SSL only, TLS from the first byte", function()
  requires{ target = "submissions" }
  connect "submissions"; ehlo(helo)
  expect_no_capability "STARTTLS"
  quit()
end)
