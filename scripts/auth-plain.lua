--- AUTH PLAIN lets in the right password, and no other
--- chapter: 5.5 Understanding encryption
--- Whoever logs in may send to the world. A wrong password gets 535 5.7.8, and leaves nobody logged in; it is
--- tried once a run, lest the server lock the user out.
---
--- Needs the target `submission`; the vars `helo`, `sender`, `known`, `unknown` and `user`; the secret `password`.
requires{ target = "submission" }

local refusal = require "lib/refusal"
local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local sender = var("sender", "james@example.org", "who writes")
local known = var("known", "james@new.example.com", "a mailbox that is hosted here")
local unknown = var("unknown", "james@example.com", "an address that is not hosted here")
local user = var("user", "james@new.example.com", "who logs in")
local password = secret "password"

test("the right password is accepted", function()
  connect "submission"; ehlo(helo); starttls(); ehlo(helo)
  auth("PLAIN", user, password, { expect = "235 2.7.0" })
  mail(sender)
  rcpt(unknown, { expect = { "250 2.1.5", because = "who has logged in may send to the world" } })
  rset()
  quit()
end)

test{ "a wrong password is refused", once = true, function()
  connect "submission"; ehlo(helo); starttls(); ehlo(helo)
  auth("PLAIN", user, "wrong-" .. unique(), { expect = "535 5.7.8" })
  expect_refusal{ from = sender, to = known, expect = refusal.without_login }
  quit()
end }
