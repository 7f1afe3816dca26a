--- No login in clear text
--- chapter: 2.2 Understanding authentication
--- A password in clear text is everybody's who listens: before TLS, AUTH PLAIN is not offered to users, or is refused,
--- which servers do with 503, 504, 523, 530, 534, 535 or 538. It is tried with a made-up user and password, never with
--- the real ones. Where this fails: `postconf -e smtpd_tls_auth_only=yes`.
---
--- To log in is not to encrypt: PLAIN and LOGIN work on any connection, and base64, which they write the password in, is
--- read by everybody. Only TLS around it keeps it secret.
---
--- Whether a password is right is decided behind the server, by SASL: a library, or the service that an IMAP server has for
--- it (Postfix: `smtpd_sasl_type`, `smtpd_sasl_path`). Where both ask the same service, users have one password for all
--- their mail. Clients never see it. Where it cannot be asked, logins fail whatever the password: the mail log says why.
---
--- Needs the target `submission`; the var `helo`.
requires{ target = "submission" }

local offers = require "lib/offers"
local refusal = require "lib/refusal"
local helo = var("helo", "plpb.example.com", "the name we give in EHLO")

connect "submission"; ehlo(helo)

local refusals = { refusal.of_auth_in_clear,
  because = "a login in clear text can be overheard (Postfix: smtpd_tls_auth_only=yes)" }
-- Postfix says 535 to a mechanism that it does not have. Where it offers the
-- mechanism, 535 means that it has tried the password.
if not offers("AUTH", "PLAIN") and not offers("AUTH=", "PLAIN") then table.insert(refusals, 535) end

send("AUTH PLAIN " .. base64.encode("\0nobody\0made-up-" .. unique()))
expect(refusals)
quit()
