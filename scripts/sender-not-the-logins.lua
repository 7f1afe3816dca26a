--- Nobody writes in another's name
--- chapter: 7.3 What a server takes, and what it refuses
--- Who has logged in writes as himself; a stranger does not write as one of us. Postfix: `smtpd_sender_login_maps` says
--- whose an address is, `reject_sender_login_mismatch` in `smtpd_sender_restrictions` holds them to it, with 553 5.7.1.
---
--- Needs the targets `submission` and `smtp`; the vars `helo`, `sender`, `known` and `other_sender`, an address here that is
--- not the user's; `user`, who may write as himself; the secret `password`. Skips where no `other_sender` is named, for many a
--- server lets its users write as anybody.
local refusal = require "lib/refusal"
local outside = require "lib/outside"
local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local sender = var("sender", "james@example.org", "who writes")
local known = var("known", "james@new.example.com", "a mailbox that is hosted here")
local other = var("other_sender", "", "an address here that is not the user's")
local user = var("user", "james@new.example.com", "who logs in")
local password = secret "password"

local function named()
  if other == "" then skip "no address was named that is not the user's: --var other_sender=boss@new.example.com" end
end

local function login()
  connect "submission"; ehlo(helo); starttls(); ehlo(helo)
  auth{ user = user, password = password }
end

test("a user is not another", function()
  named()
  requires{ target = "submission" }
  login()
  expect_refusal{ from = other, to = known, expect = { refusal.of_sender,
    because = "the address is not the user's (Postfix: reject_sender_login_mismatch)" } }
  quit()
end)

test("a user is himself", function()
  named()
  requires{ target = "submission" }
  login()
  mail(user); rcpt(known); rset(); quit()
end)

test("a stranger is none of us", function()
  named()
  requires{ target = "smtp" }
  outside(helo)
  local refused = expect_refusal{ from = other, to = known, expect = { refusal.of_sender,
    because = "who writes as one of us must log in (Postfix: reject_sender_login_mismatch)" } }
  if refused.code ~= 530 then -- else nobody gets in here without a login
    mail(sender)
    rcpt(known) -- it was that sender that was refused
    rset()
  end
  quit()
end)
