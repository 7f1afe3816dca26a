--- The relayhost is logged in to
--- chapter: 8.9 Mail on its way
--- A server that sends through another's (Postfix: relayhost, smtp_sasl_password_maps) logs in there, and over TLS only.
---
--- Needs the target `submission`; the target `mx`, an address of this machine at which the script listens, and through which the
--- server sends the mail of `foreign_domain`; the vars `helo`, `user` and `relay_user`, the name with which the server logs
--- in at `mx`. Skips without that. It has the secret `password`, as the user has. A server that verifies certificates must trust the
--- authority `mx_ca`, whose key is in the file `mx_ca_key`: both are files of this machine. The server knows the mx by the name `mx_name`.
--- The message goes out with `--var send=yes` only.
local mx = require "lib/mx"
local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local user = var("user", "james@new.example.com", "who logs in")
local domain = var("foreign_domain", "example.net", "a domain whose mail the server sends to the target mx")
local relay_user = var("relay_user", "", "who the server logs in as at the target mx")
local mx_name = var("mx_name", "mx.example.net", "the name in the certificate of the target mx")
local mx_ca = var("mx_ca", "", "the certificate of an authority that the server trusts, a PEM file")
local mx_ca_key = var("mx_ca_key", "", "its key, a PEM file")
local sending = var("send", "no", "yes: send messages to their end")

requires{ target = "mx" }
requires{ target = "submission" }
if sending ~= "yes" then skip "the message is not sent: --var send=yes sends it" end
if relay_user == "" then skip "no login at the relayhost was named: --var relay_user=NAME" end

local to, there = unique() .. "@" .. domain, listen{ "mx", name = mx_name, ca = mx_ca, ca_key = mx_ca_key }
mx.submit(user, to, { helo = helo, text = message{ from = user, to = to } })
mx.take(there, to, { users = { [relay_user] = secret "password" }, within = "30s" }):expect{ from = user, to = to, user = relay_user, tls = true }
