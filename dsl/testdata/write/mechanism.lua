--- What mechanism.smtp says

local helo = var("helo", "me", "the name we give in EHLO")

connect "smtp"
expect 220
send("EHLO " .. helo); expect 250
send "AUTH X-OWN"; expect 334
skip "the password of this X-OWN was not taken down, and smtplay does not have the mechanism"
