--- All ports show the same certificate
--- chapter: 6.2 Certificates
--- 25, 587 and 465 are set up each by itself, and a renewal reaches them one by one: a port whose file is another, or
--- that was not reloaded, goes on with the old certificate until somebody's mail program complains.
---
--- Needs two of the targets `smtp`, `submission` and `submissions`; the vars `helo` and `certificate_name`.
local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local name = var("certificate_name", "maila.example.com", "the name that the certificate is for")

local unjudged = { name = name, verify = false } -- certificate.lua judges it

local function smtp()
  connect "smtp"; ehlo(helo); starttls(unjudged); ehlo(helo)
  local shown = certificate()
  quit()
  return shown
end

local function submission()
  connect "submission"; ehlo(helo); starttls(unjudged); ehlo(helo)
  local shown = certificate()
  quit()
  return shown
end

local function submissions()
  connect("submissions", unjudged); ehlo(helo)
  local shown = certificate()
  quit()
  return shown
end

local function told(port, shown, other, there)
  local function one(c) return ("%s, serial %s, until %s"):format(c.subject, c.serial, os.date("!%Y-%m-%d %H:%M UTC", c.not_after)) end
  return ("%s shows another certificate than %s: %s; there: %s"):format(port, other, one(shown), one(there))
end

test("submission shows what smtp shows", function()
  requires{ target = "smtp" }
  requires{ target = "submission" }
  local there, here = smtp(), submission()
  assert(here.sha256 == there.sha256, told("submission", here, "smtp", there))
end)

test("submissions shows what smtp shows", function()
  requires{ target = "smtp" }
  requires{ target = "submissions" }
  local there, here = smtp(), submissions()
  assert(here.sha256 == there.sha256, told("submissions", here, "smtp", there))
end)

test("submissions shows what submission shows", function()
  requires{ target = "submission" }
  requires{ target = "submissions" }
  local there, here = submission(), submissions()
  assert(here.sha256 == there.sha256, told("submissions", here, "submission", there))
end)
