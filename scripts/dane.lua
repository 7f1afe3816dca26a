--- The certificate is the one that DNS announces
--- chapter: 6.5 Certificates
--- Who publishes TLSA records (DANE, RFC 7672) gets no mail from servers that look at them once certificate and
--- records part: put the next record there before a renewal. The resolver must validate; what it does not call
--- authentic proves nothing. Mail servers ask for port 25 alone.
---
--- Needs the target `smtp`; the vars `helo`, `certificate_name`, the name of the MX, and `resolver`, as
--- `127.0.0.1:53`. Skips without that: nobody is asked who was not named.
local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local name = var("certificate_name", "maila.example.com", "the name that the certificate is for")
local resolver = var("resolver", "", "the address of a validating DNS resolver")

if resolver == "" then skip "no resolver is given: --var resolver=127.0.0.1:53" end
requires{ target = "smtp" }
connect "smtp"; ehlo(helo)
starttls{ name = name, verify = false } -- with a record of usage 3 neither names nor dates count
ehlo(helo)
expect_certificate{ tlsa = { resolver = resolver, name = name, port = 25 } }
quit()
