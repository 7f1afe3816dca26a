--- What unanswered.smtp says

local helo = var("helo", "me", "the name we give in EHLO")

connect "smtp" -- 192.0.2.1:25
expect 220
send("EHLO " .. helo); expect 250
send "NOOP"; expect 250
-- send "VRFY root": no reply to it was seen
