--- Which kind of encryption each port has
--- chapter: 5.1 Understanding encryption
--- There are four: unencrypted; SSL only, today TLS from the first byte; TLS only, nothing being taken before
--- STARTTLS; unencrypted initially, then TLS via STARTTLS. Port 25 must be the last, for a public server may not
--- demand TLS (RFC 3207, 4); users have the two between; localhost need not encrypt.
---
--- SSL is what TLS was called before 1999; nobody should speak it any more. TLS hides the whole conversation, but a client
--- that does not know it understands nothing. STARTTLS begins in clear text and switches where both ends can. Either way it
--- is the way to this server that is encrypted: the message lies there readable, and travels on as the next server allows.
---
--- | the server wants | Postfix | by hand |
--- |---|---|---|
--- | clear text | `smtpd_tls_security_level=none` | `telnet HOST smtp` |
--- | clear text or STARTTLS | `smtpd_tls_security_level=may` | `openssl s_client -starttls smtp -crlf -connect HOST:25` |
--- | STARTTLS | `smtpd_tls_security_level=encrypt` | the same with `HOST:587` |
--- | TLS from the first byte | `smtpd_tls_wrappermode=yes` | `openssl s_client -crlf -connect HOST:465` |
---
--- Needs the targets `smtp`, `local`, `submission` and `submissions`; the vars `helo`, `sender` and `known`.
local refusal = require "lib/refusal"
local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local sender = var("sender", "james@example.org", "who writes")
local known = var("known", "james@new.example.com", "a mailbox that is hosted here")

local function takes_mail()
  mail(sender)
  rcpt(known)
  rset()
end

test("smtp: unencrypted initially, then TLS via STARTTLS", function()
  requires{ target = "smtp" }
  connect "smtp"; ehlo(helo)
  takes_mail()
  expect_capability "STARTTLS"
  starttls(); ehlo(helo)
  takes_mail()
  quit()
end)

test("local: unencrypted, with or without STARTTLS", function()
  requires{ target = "local" }
  connect "local"; ehlo(helo)
  takes_mail()
  note(capabilities().STARTTLS and "unencrypted initially, then TLS via STARTTLS" or "unencrypted")
  quit()
end)

test("submission: TLS only, STARTTLS comes first", function()
  requires{ target = "submission" }
  connect "submission"; ehlo(helo)
  expect_no_capability "AUTH"
  expect_refusal{ from = sender, to = known, expect = { refusal.without_login,
    because = "nothing is taken before STARTTLS" } }
  expect_capability "STARTTLS"
  starttls(); ehlo(helo)
  quit()
end)

test("submissions: SSL only, TLS from the first byte", function()
  requires{ target = "submissions" }
  connect "submissions"; ehlo(helo)
  expect_no_capability "STARTTLS"
  quit()
end)
