--- A bad certificate stops delivery
--- chapter: 8.4 Mail on its way
--- Where the certificate of another server must be verified (Postfix, in smtp_tls_policy_maps: `example.net secure
--- match=mx.example.net tafile=/etc/postfix/test-ca.pem`; MTA-STS and DANE ask for the same), a bad one gets no mail: the
--- message waits, and leaves when a good one is shown. The bad ones are by the authority that the server trusts, so that
--- nothing but the one fault is wrong with them.
---
--- Needs the target `submission`; the target `mx`, an address of this machine at which the script listens, and to which the server
--- sends the mail of `foreign_domain`; the vars `helo`, `user`, `mx_name`, the name that the certificate must be for, and
--- `mx_ca` and `mx_ca_key`, PEM files with an authority that the server trusts for that domain (`openssl req -x509 -newkey
--- rsa:2048 -nodes -subj "/CN=test CA" -keyout ca.key -out ca.pem`). Skips without them. Needs the secret `password`, too.
--- `retry_within` is how long the server may take to try again; `flush` a command that makes it try at once (`postqueue -f`, with
--- `--allow exec`); `mail_log` its log (`--allow read=FILE`), which is looked at where it is given.
--- The message goes out with `--var send=yes` only.
local mx = require "lib/mx"
local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local user = var("user", "james@new.example.com", "who logs in")
local domain = var("foreign_domain", "example.net", "a domain whose mail the server sends to the target mx")
local mx_name = var("mx_name", "mx.example.net", "the name in the certificate of the target mx")
local mx_ca = var("mx_ca", "", "the certificate of an authority that the server trusts, a PEM file")
local mx_ca_key = var("mx_ca_key", "", "its key, a PEM file")
local retry_within = var("retry_within", "10m", "how long until the server tries again")
local flush = var("flush", "", "a command that makes the server try again at once")
local mail_log = var("mail_log", "", "the log of the server")
local sending = var("send", "no", "yes: send messages to their end")

requires{ target = "mx" }
requires{ target = "submission" }
if sending ~= "yes" then skip "the message is not sent: --var send=yes sends it" end
if mx_ca == "" then skip "no authority was named that the server trusts: --var mx_ca=FILE --var mx_ca_key=FILE" end

for _, flaw in ipairs{ "expired", "other-name", "self-signed", "unknown-authority" } do
  test(flaw, function()
    local to = unique() .. "@" .. domain
    local bad = listen{ "mx", tls = flaw, name = mx_name, ca = mx_ca, ca_key = mx_ca_key }
    local queued = mx.submit(user, to, { helo = helo, text = message{ from = user, to = to } })
    local got = bad:take{ mail = "451 4.7.5 nobody should write to this certificate", within = "30s" }
    for _, answer in ipairs(got.replies) do
      if answer:find("nobody should write", 1, true) then fail("the certificate is " .. flaw .. ", and the server sends mail all the same: is its domain in smtp_tls_policy_maps?") end
    end
    mx.logged(mail_log, { queue_id = queued.queue_id, to = to, status = "deferred", dsn = "4.7.5" })
    bad:close()

    local good = listen{ "mx", name = mx_name, ca = mx_ca, ca_key = mx_ca_key }
    mx.again(flush)
    mx.take(good, to, { within = retry_within }):expect{ from = user, to = to, tls = true }
    mx.logged(mail_log, { queue_id = queued.queue_id, to = to, status = "sent" })
  end)
end
