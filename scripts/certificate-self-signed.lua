--- What a self-signed certificate looks like
--- chapter: 5.3 Understanding encryption
--- `openssl s_client` says "verify error:num=18:self-signed certificate" of it, and goes on. Mail programs
--- stop, as smtplay does: anybody could have made it. All else about it can be right, and is judged here.
---
--- Needs the targets `smtp` and `submissions`; the vars `helo` and `certificate_name`. Skips where somebody else
--- signed, and where the certificate is trusted, as with `--ca FILE`.
local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local name = var("certificate_name", "maila.example.com", "the name that the certificate is for")

local unjudged = { name = name, verify = false }

local function judge()
  local shown = certificate()
  if not shown.self_signed then skip "the certificate is not self-signed: certificate.lua judges it" end
  if shown.trusted then skip "the certificate is self-signed, and trusted: it was given as a CA" end
  expect_certificate{ self_signed = true, trusted = false, name = name, min_days_left = 14, min_key_bits = 2048 }
  assert(shown.subject == shown.issuer, "subject and issuer are one")
  note("verification says: " .. shown.verify_error)
  quit()
end

local function goes_no_further(verified)
  step "Who verifies goes no further"
  local went_on = attempt(verified)
  assert(not went_on, "a handshake that verifies stops at a certificate that nobody vouches for")
end

test("smtp", function()
  requires{ target = "smtp" }
  connect "smtp"; ehlo(helo); starttls(unjudged); ehlo(helo)
  judge()
  connect "smtp"; ehlo(helo)
  goes_no_further(function() starttls{ name = name, verify = true } end)
end)

test("submissions", function()
  requires{ target = "submissions" }
  connect("submissions", unjudged); ehlo(helo)
  judge()
  goes_no_further(function() connect("submissions", { name = name, verify = true }) end)
end)
