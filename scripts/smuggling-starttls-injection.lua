--- What was sent beside STARTTLS is forgotten
--- chapter: 9.7 SMTP smuggling
--- Whoever can put clear text between a client's STARTTLS and its handshake must not have put it into the encrypted
--- session: a server forgets what it was told before (RFC 3207, 4.2). Refusing to go on will do as well.
---
--- How to read it: right is a 220, a handshake, and silence. A reply within TLS that nobody asked for answers the command
--- that was injected in clear; a MAIL that is refused as nested says that the injected one has lived on.
---
--- Needs the targets `smtp` and `submission`; the vars `helo` and `sender`.
local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local sender = var("sender", "james@example.org", "who writes")

local function inject(command)
  requires{ capability = "STARTTLS" } -- where there is none, a refusal of it says nothing
  raw("STARTTLS\r\n" .. command .. "\r\n")
  if expect{ 220, "5xx" }.code ~= 220 then
    note "STARTTLS with something behind it is refused"
    close()
    return false
  end
  handshake{ verify = false } -- no secret goes over it
  return true
end

test("smtp: a command", function()
  requires{ target = "smtp" }
  connect "smtp"; ehlo(helo)
  if not inject "NOOP" then return end
  expect_silence "0.2s"
  noop(); quit()
end)

test("smtp: a transaction", function()
  requires{ target = "smtp" }
  connect "smtp"; ehlo(helo)
  if not inject("MAIL FROM:<" .. sender .. ">") then return end
  expect_silence "0.2s"
  ehlo(helo); mail(sender); rset(); quit()
end)

test("submission: a command", function()
  requires{ target = "submission" }
  connect "submission"; ehlo(helo)
  if not inject "NOOP" then return end
  expect_silence "0.2s"
  noop(); quit()
end)
