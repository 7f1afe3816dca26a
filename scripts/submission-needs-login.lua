--- The submission service takes nobody without a login
--- chapter: 5.7 Understanding encryption
--- Not even for a mailbox that is hosted here: such mail belongs on port 25, where it is filtered. Some servers
--- refuse at MAIL, others at RCPT; both will do.
---
--- Needs the targets `submission` and `submissions`; the vars `helo`, `sender` and `known`.
local refusal = require "lib/refusal"
local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local sender = var("sender", "james@example.org", "who writes")
local known = var("known", "james@new.example.com", "a mailbox that is hosted here")

local function refused()
  expect_refusal{ from = sender, to = known, expect = { refusal.without_login,
    because = "this service is for users alone (Postfix: permit_sasl_authenticated, reject)" } }
  quit()
end

test("submission, in clear text", function()
  requires{ target = "submission" }
  connect "submission"; ehlo(helo)
  refused()
end)

test("submission, over TLS", function()
  requires{ target = "submission" }
  connect "submission"; ehlo(helo); starttls(); ehlo(helo)
  refused()
end)

test("submissions", function()
  requires{ target = "submissions" }
  connect "submissions"; ehlo(helo)
  refused()
end)
