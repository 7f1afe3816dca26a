--- Each port serves the certificate that lies on disk
--- chapter: 6.3 Certificates
--- After a renewal the file is new, and the server may go on with what it read before (Postfix: `postfix reload`, or
--- a port with a file of its own). The CAs above it that are in the file must be sent too.
---
--- Needs the targets `smtp`, `submission` and `submissions`; the vars `helo`, `certificate_name` and
--- `certificate_file`, a PEM file of this machine. Skips without that.
local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local name = var("certificate_name", "maila.example.com", "the name that the certificate is for")
local file = var("certificate_file", "", "the PEM file that the server should serve")

local unjudged = { name = name, verify = false } -- certificate.lua judges it

local function judge()
  expect_certificate{ file = file }
  quit()
end

local function given()
  if file == "" then skip "no file is given: --var certificate_file=FILE" end
end

test("smtp", function()
  given()
  requires{ target = "smtp" }
  connect "smtp"; ehlo(helo); starttls(unjudged); ehlo(helo)
  judge()
end)

test("submission", function()
  given()
  requires{ target = "submission" }
  connect "submission"; ehlo(helo); starttls(unjudged); ehlo(helo)
  judge()
end)

test("submissions", function()
  given()
  requires{ target = "submissions" }
  connect("submissions", unjudged); ehlo(helo)
  judge()
end)
