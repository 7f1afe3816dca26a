--- What EHLO offers, before TLS and after
--- chapter: 2.1 Understanding authentication
--- Before TLS: STARTTLS, and for submission no AUTH. After it: no STARTTLS any more (RFC 3207, 4.2), and for users
--- AUTH with PLAIN and LOGIN. The obsolete form `AUTH=`, where it is offered, lists the same mechanisms.
---
--- The answer to EHLO is where a server says what it can do. `250-AUTH PLAIN LOGIN` says that users can log in, and by which
--- mechanisms; `250-STARTTLS` that it can encrypt; a line `250-AUTH=PLAIN LOGIN` repeats the first for programs of the
--- nineties, such as Outlook Express 4, which look for that spelling.
---
--- Needs the targets `smtp`, `submission` and `submissions`; the var `helo`.
local helo = var("helo", "plpb.example.com", "the name we give in EHLO")

-- Postfix writes both lines from one list; a proxy or a patched server may not.
local function same_in_both_forms()
  local offered = capabilities()
  if not offered["AUTH="] then return end
  for _, mechanism in ipairs(offered["AUTH="]) do expect_capability("AUTH", mechanism) end
  for _, mechanism in ipairs(offered.AUTH or {}) do expect_capability("AUTH=", mechanism) end
end

local function logins()
  expect_capability("AUTH", "PLAIN")
  expect_capability("AUTH", "LOGIN")
  same_in_both_forms()
end

test("smtp: STARTTLS, until TLS is on", function()
  requires{ target = "smtp" }
  connect "smtp"; ehlo(helo)
  expect_capability "STARTTLS"
  same_in_both_forms()
  starttls(); ehlo(helo)
  expect_no_capability "STARTTLS"
  same_in_both_forms() -- whether logins belong on port 25 is a matter of taste
  quit()
end)

test("submission: STARTTLS first, then AUTH", function()
  requires{ target = "submission" }
  connect "submission"; ehlo(helo)
  expect_capability "STARTTLS"
  expect_no_capability "AUTH"
  expect_no_capability "AUTH="
  starttls(); ehlo(helo)
  expect_no_capability "STARTTLS"
  logins()
  quit()
end)

test("submissions: AUTH at once", function()
  requires{ target = "submissions" }
  connect "submissions"; ehlo(helo)
  expect_no_capability "STARTTLS"
  logins()
  quit()
end)
