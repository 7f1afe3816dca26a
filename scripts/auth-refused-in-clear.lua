--- No login in clear text
--- A password in clear text is everybody's who listens: before TLS, AUTH PLAIN is not offered or is refused, which
--- servers do with 503, 504, 523, 530, 534, 535 or 538. It is tried with a made-up user and password, never with
--- the real ones. If this fails after a test without TLS: `postconf -e smtpd_tls_auth_only=yes`.
---
--- Needs the targets `smtp` and `submission`; the var `helo`.
local offers = require "lib/offers"
local refusal = require "lib/refusal"
local helo = var("helo", "plpb.example.com", "the name we give in EHLO")

local function refused()
  local refusals = { refusal.of_auth_in_clear,
    because = "a login in clear text can be overheard (Postfix: smtpd_tls_auth_only=yes)" }
  -- Postfix says 535 to a mechanism that it does not have. Where it offers the
  -- mechanism, 535 means that it has tried the password.
  if not offers("AUTH", "PLAIN") and not offers("AUTH=", "PLAIN") then table.insert(refusals, 535) end

  send("AUTH PLAIN " .. base64.encode("\0nobody\0made-up-" .. unique()))
  expect(refusals)
  quit()
end

test("smtp", function()
  requires{ target = "smtp" }
  connect "smtp"; ehlo(helo)
  refused()
end)

test("submission", function()
  requires{ target = "submission" }
  connect "submission"; ehlo(helo)
  refused()
end)
