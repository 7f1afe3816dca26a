--- The certificate of each port is good
--- chapter: 6.1 Certificates
--- A trusted CA, the server's name, two weeks before it ends, a key of today's strength. Each port is looked at, for
--- a renewal reaches them one by one. Where the CA is your own: `--ca FILE`.
---
--- Needs the targets `smtp`, `submission` and `submissions`; the vars `helo` and `certificate_name`.
local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local name = var("certificate_name", "maila.example.com", "the name that the certificate is for")

local unjudged = { name = name, verify = false } -- the handshake goes on; all faults are told at once below

local function judge()
  expect_certificate{ trusted = true, name = name, min_days_left = 14, min_key_bits = 2048 }
  quit()
end

test("smtp", function()
  requires{ target = "smtp" }
  connect "smtp"; ehlo(helo); starttls(unjudged); ehlo(helo)
  judge()
end)

test("submission", function()
  requires{ target = "submission" }
  connect "submission"; ehlo(helo); starttls(unjudged); ehlo(helo)
  judge()
end)

test("submissions", function()
  requires{ target = "submissions" }
  connect("submissions", unjudged); ehlo(helo)
  judge()
end)
