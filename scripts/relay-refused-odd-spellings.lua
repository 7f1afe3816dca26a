--- No spelling of an address elsewhere is relayed
--- chapter: 1.4 Unauthenticated, unencrypted SMTP
--- What servers of old took apart and sent on: addresses without a domain, in quotes, with two @, with the server's own
--- address as domain, with routes in routes. `relay-refused-from-outside.lua` has the plain ones.
---
--- Needs the target `smtp`, reached from outside or with XCLIENT; the vars `helo`, `sender`, `known`, `unknown` and
--- `relay_refusal`. Nothing is sent to its end, and each spelling has a connection of its own: servers count errors.
requires{ target = "smtp" }

local outside = require "lib/outside"
local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local sender = var("sender", "james@example.org", "who writes")
local known = var("known", "james@new.example.com", "a mailbox that is hosted here")
local unknown = var("unknown", "james@example.com", "an address that is not hosted here")
local relay_refusal = var("relay_refusal", "554 5.7.1", "the reply that refuses to relay")

local user, domain = unknown:match "^(.*)@(.*)$"
local hosted = known:match "@(.*)$"

for _, try in ipairs{
  { "in quotes, without a domain", '"' .. unknown .. '"' },
  { "with a percent sign, without a domain", user .. "%" .. domain },
  { "with a bang, without a domain", domain .. "!" .. user },
  { "with a percent sign, in quotes", '"' .. user .. "%" .. domain .. '"@' .. hosted },
  { "with two percent signs", user .. "%" .. domain .. "%" .. hosted .. "@" .. hosted },
  { "with two @", unknown .. "@" .. hosted },
  { "with two @, ours first", user .. "@" .. hosted .. "@" .. domain },
  { "with the server's address as domain", unknown .. "@[127.0.0.1]" },
  { "with a percent sign, and the server's address", user .. "%" .. domain .. "@[127.0.0.1]" },
  { "with a bang and a percent sign", domain .. "!" .. user .. "%" .. hosted .. "@" .. hosted },
  { "by a route of two hops", "@" .. hosted .. ",@" .. domain .. ":" .. unknown },
  { "by a route to a percent sign", "@" .. hosted .. ":" .. user .. "%" .. domain .. "@" .. hosted },
  { "with a dot at the end", unknown .. "." },
} do
  test(try[1], function()
    outside(helo)
    mail(sender)
    send("rcpt to:<" .. try[2] .. ">")
    expect{ relay_refusal, "5xx", because = "whoever spells it otherwise relays no more than others" }
    rcpt(known) -- it was that recipient that was refused
    rset(); quit()
  end)
end
