--- A server whose certificate is wrong
--- Proves that mail stays here rather than goes to who cannot show who they are. `--write-ca ca.pem` writes the authority
--- that the client trusts, so that `flaw` is all that is wrong; with `--var flaw=good` mail must go through.
---
---     transport_maps = inline:{ { example.com = smtp:[mx.example.net]:2525 } }     # mx.example.net is 127.0.0.1 in /etc/hosts
---     smtp_tls_policy_maps = inline:{ { [mx.example.net]:2525 = secure } }
---     smtp_tls_CAfile = /etc/postfix/ca.pem
local flaw = var("flaw", "expired", "good, expired, not-yet-valid, other-name, self-signed, unknown-authority, weak-key, sha1 or no-intermediate")

listen{ tls = flaw }:serve()
