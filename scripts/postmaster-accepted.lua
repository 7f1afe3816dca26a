--- Postmaster can be written to
--- chapter: 7.2 What a server takes, and what it refuses
--- Whoever has trouble with a server writes to its postmaster: without a domain, in each domain that is hosted, in any
--- case of letters, and even from nobody (RFC 5321, 4.5.1).
---
--- Needs the target `smtp`; the vars `helo`, `sender` and `known`, whose domain is the hosted one.
requires{ target = "smtp" }

local outside = require "lib/outside"
local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local sender = var("sender", "james@example.org", "who writes")
local known = var("known", "james@new.example.com", "a mailbox that is hosted here")

for _, try in ipairs{
  { "without a domain", "postmaster" },
  { "in other letters", "PostMaster" },
  { "in the hosted domain", "postmaster" .. known:match "@.*$" },
} do
  test(try[1], function()
    outside(helo)
    mail(sender)
    rcpt("<" .. try[2] .. ">", { expect = { 250, because = "every server has a postmaster (RFC 5321, 4.5.1)" } })
    rset()
    mail ""
    rcpt("<" .. try[2] .. ">", { expect = { 250, because = "a bounce for the postmaster is none to refuse" } })
    rset(); quit()
  end)
end
