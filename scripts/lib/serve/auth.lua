--- A smarthost: it takes mail of one user, who logs in over TLS
--- Proves that mail leaves by a login, and none without. The password is the secret `password`
--- (`--secret password=@pw.txt`); `--write-ca ca.pem` writes what the client trusts. In Postfix's main.cf:
---
---     relayhost = [127.0.0.1]:2525
---     smtp_sasl_auth_enable = yes
---     smtp_sasl_password_maps = inline:{ { [127.0.0.1]:2525 = james:yourpassword } }
---     smtp_sasl_security_options = noanonymous
---     smtp_tls_security_level = encrypt
local user = var("user", "james", "who may log in")
local password = secret "password"

listen():serve{
  users = { [user] = password },
  mail = function(_, visit)
    if not visit.user then return "530 5.7.0 Log in first" end
  end,
}
