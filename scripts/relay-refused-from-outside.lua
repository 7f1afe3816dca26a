--- An unknown recipient is refused from outside
--- chapter: 1.3 Unauthenticated, unencrypted SMTP
--- A server that passes strangers' mail on to strangers, an open relay, is found by spammers, then blacklisted. They
--- try more than the plain address: senders of the hosted domain, the null sender, and spellings that older servers
--- took apart and sent on.
---
--- By hand it is `telnet plpb.example.com smtp` from another machine, and ends at RCPT: no message can follow. `Relay access
--- denied` is what one wants to read. Users who write to the world from outside have to log in, which comes next.
---
--- Needs the target `smtp`, reached from outside: a machine in `mynetworks` may relay. Vars: `helo`, `sender`,
--- `known`, `unknown`, an address that is not hosted here, and `relay_refusal`, the reply that refuses it:
--- 554 5.7.1 is for good; Postfix's own default, 454 4.7.1, makes the sender try again for days.
requires{ target = "smtp" }

local helo = var("helo", "plpb.example.com", "the name we give in EHLO")
local sender = var("sender", "james@example.org", "who writes")
local known = var("known", "james@new.example.com", "a mailbox that is hosted here")
local unknown = var("unknown", "james@example.com", "an address that is not hosted here")
local relay_refusal = var("relay_refusal", "554 5.7.1", "the reply that refuses to relay")

test("an address elsewhere is refused", function()
  connect "smtp"
  expect 220
  send("ehlo " .. helo); expect 250
  send("mail from:<" .. sender .. ">"); expect 250
  send("rcpt to:<" .. unknown .. ">")
  expect{ relay_refusal, because = "nobody relays from outside without a login (Postfix: reject_unauth_destination)" }

  note "It was the recipient that was refused, not we or the sender: another is welcome."
  send("rcpt to:<" .. known .. ">")
  expect{ "250 2.1.5", because = "a server that refuses everything proves nothing about relaying" }
  send "rset"; expect 250
  send "quit"; expect 221
end)

local user, domain = unknown:match "^(.*)@(.*)$"
local hosted = known:match "@(.*)$"

-- A connection each: servers count errors. Some say 550 or 501 to an odd spelling.
for _, try in ipairs{
  { "from a mailbox of ours", known, unknown },
  { "from nobody", "", unknown },
  { "with a percent sign", sender, user .. "%" .. domain .. "@" .. hosted },
  { "with a bang path", sender, domain .. "!" .. user .. "@" .. hosted },
  { "with quotes", sender, '"' .. unknown .. '"@' .. hosted },
  { "by a source route", sender, "@" .. hosted .. ":" .. unknown },
} do
  test("nor " .. try[1], function()
    connect "smtp"; ehlo(helo)
    expect_refusal{ from = try[2], to = try[3], expect = { relay_refusal, "5xx",
      because = "whoever says he is one of us, or spells it otherwise, relays no more than others" } }
    quit()
  end)
end
